//! A group's public state: leaves, settings, and what they ask for (sections 4.1, 4.3, 3.2).

use std::collections::{BTreeMap, BTreeSet};

use mls_rs::Extension;
use mls_rs::extension::ExtensionType;
use mls_rs::group::{LeafNode, LeafNodeSource, Node};
use mls_rs::mls_rs_codec::MlsEncode as _;
use mls_rs::time::MlsTime;
use pli_proto::pb::{self, Role};
use prost::Message as _;

use super::bytes::sha256;
use super::certificate::{Named, not_before};
use super::mls::{Follower, LAST_RESORT, SETTINGS, certificates, named};
use super::provider::SUITE;
use super::{Result, access_key, ensure};

/// The extension `required_capabilities`: extensions, proposals, credentials.
pub(super) fn required() -> Extension {
    Extension::new(ExtensionType::REQUIRED_CAPABILITIES, b"\x02\xf0\xa1\x00\x02\x00\x02".to_vec())
}

/// A leaf.
#[derive(Clone)]
pub(super) struct Leaf {
    pub(super) index: u32,
    pub(super) node: LeafNode,
    pub(super) named: Named,
}

impl Leaf {
    /// Whether it stood in a key package for all time.
    pub(super) fn fresh(&self) -> bool {
        let LeafNodeSource::KeyPackage(lifetime) = &self.node.leaf_node_source else { return false };
        lifetime.not_before == MlsTime::from(0) && lifetime.not_after == MlsTime::from(u64::MAX)
    }
}

/// A group's public state.
#[derive(Clone)]
pub(super) struct State {
    pub(super) root: [u8; 32],
    pub(super) follower: Follower,
    /// The GroupInfo beside the commit that led here.
    pub(super) group_info: Vec<u8>,
    pub(super) leaves: Vec<Leaf>,
    pub(super) settings: pb::Group,
}

impl State {
    /// The follower's, if its form is as it should be.
    pub(super) fn new(root: [u8; 32], follower: Follower, group_info: Vec<u8>) -> Result<Self> {
        let mut leaves = Vec::new();
        for (index, node) in (0..).zip(follower.exported_tree().nodes().iter().step_by(2)) {
            let Some(Node::Leaf(node)) = node else { continue };
            let capabilities = &node.capabilities;
            let numbers: [Vec<u16>; 4] = [
                capabilities.protocol_versions.iter().map(|it| it.raw_value()).collect(),
                capabilities.extensions.iter().map(|it| it.raw_value()).collect(),
                capabilities.proposals.iter().map(|it| it.raw_value()).collect(),
                capabilities.credentials.iter().map(|it| it.raw_value()).collect(),
            ];
            // Those of these rules, and of any that follow without a gap.
            let newest =
                numbers[1].len().checked_sub(1).filter(|newest| (1..=15).contains(newest)).ok_or("other rules")?;
            let rules = (0..newest as u16).map(|rules| SETTINGS.raw_value() + rules);
            let extensions: Vec<u16> = std::iter::once(LAST_RESORT.raw_value()).chain(rules).collect();
            ensure(numbers == [vec![1], extensions, vec![], vec![2]], "other capabilities")?;
            ensure(capabilities.cipher_suites == [SUITE] && node.extensions.is_empty(), "another form of leaf")?;
            leaves.push(Leaf { index, node: node.clone(), named: named(&root, &node.signing_identity)? });
        }
        let devices: BTreeSet<_> = leaves.iter().map(|leaf| leaf.named.device).collect();
        let keys: BTreeSet<_> = leaves.iter().map(|leaf| leaf.named.key).collect();
        ensure(devices.len() == leaves.len() && keys.len() == leaves.len(), "a device or a key twice")?;
        ensure(leaves.len() <= 1_000, "too many leaves")?;
        let [first, settings] = &follower.group_context().extensions[..] else {
            return Err("other extensions".into());
        };
        ensure(*first == required(), "other requirements")?;
        ensure(settings.extension_type == SETTINGS, "no settings")?;
        let settings = decode(&settings.extension_data)?;
        if !settings.pair.is_empty() {
            let all = leaves.iter().all(|leaf| settings.pair.iter().any(|one| *one == leaf.named.person));
            ensure(all, "somebody else in a pair")?;
        }
        ensure(settled(&settings, &leaves)? == settings, "roles that are not settled")?;
        Ok(Self { root, follower, group_info, leaves, settings })
    }

    /// What names this state in associated data.
    pub(super) fn hash(&self) -> Result<[u8; 32]> {
        Ok(sha256(&self.follower.group_context().mls_encode_to_vec()?))
    }

    /// The leaf at an index.
    pub(super) fn leaf(&self, index: u32) -> Result<&Leaf> {
        Ok(self.leaves.iter().find(|leaf| leaf.index == index).ok_or("no such leaf")?)
    }

    /// The encryption keys of the whole tree.
    pub(super) fn keys(&self) -> Vec<Vec<u8>> {
        let tree = self.follower.exported_tree();
        let key = |node: &Node| match node {
            Node::Leaf(leaf) => leaf.public_key.to_vec(),
            Node::Parent(parent) => parent.public_key.to_vec(),
        };
        tree.nodes().iter().flatten().map(key).collect()
    }

    /// The role of a person.
    pub(super) fn role(&self, person: &[u8]) -> Role {
        role_among(&self.settings, self.leaves.iter().map(|leaf| &leaf.named), person)
    }

    /// Nobody is owner of it.
    pub(super) fn is_closed(&self) -> bool {
        self.settings.pair.is_empty() && !has_owner(&self.settings)
    }

    /// The rows that it asks for.
    pub(super) fn rows(&self) -> Result<Rows> {
        rows(&self.settings, self.leaves.iter().map(|leaf| &leaf.named))
    }
}

/// Rows that a state asks for: access keys and ranks.
pub(super) type Rows = BTreeMap<Vec<u8>, u32>;

/// The rows that settings ask for where these have leaves (section 3.2).
pub(super) fn rows<'a>(settings: &pb::Group, leaves: impl IntoIterator<Item = &'a Named>) -> Result<Rows> {
    let log_key = settings.log_key.as_slice().try_into()?;
    let leaves: Vec<&Named> = leaves.into_iter().collect();
    let row = |named: &Named| {
        let role = role_among(settings, leaves.iter().copied(), &named.person);
        let is_heir = settings.heirs.iter().any(|heir| *heir == named.person);
        Ok((access_key(&named.key, log_key)?.0.to_vec(), if is_heir { 3.max(role as u32) } else { role as u32 }))
    };
    leaves.iter().map(|named| row(named)).collect()
}

/// The role of a person where these have leaves (section 4.3).
fn role_among<'a>(settings: &pb::Group, leaves: impl IntoIterator<Item = &'a Named>, person: &[u8]) -> Role {
    let is_guest = leaves.into_iter().any(|leaf| leaf.person == person && leaf.is_guest);
    match (settings.pair.is_empty(), is_guest) {
        (false, _) => Role::Owner,
        (true, true) => Role::Guest,
        (true, false) => role_of(settings, person),
    }
}

/// What makes of the rows that were asked those that are; a rank of 0 cuts (section 4.2, rule 8).
pub(super) fn changed(was: &Rows, is: &Rows) -> Rows {
    let gone = was.keys().filter(|key| !is.contains_key(*key)).map(|key| (key, &0));
    let other = is.iter().filter(|(key, rank)| was.get(*key) != Some(*rank));
    gone.chain(other).map(|(key, rank)| (key.clone(), *rank)).collect()
}

/// The role that the settings list.
pub(super) fn role_of(settings: &pb::Group, person: &[u8]) -> Role {
    settings.roles.iter().find(|one| one.person == person).map_or(Role::Member, pb::RoleOf::role)
}

/// Somebody is owner by these settings.
pub(super) fn has_owner(settings: &pb::Group) -> bool {
    settings.roles.iter().any(|one| one.role() == Role::Owner)
}

/// What the settings come to where these leaves are (section 4.3, "Succession").
pub(super) fn settled(settings: &pb::Group, leaves: &[Leaf]) -> Result<pb::Group> {
    let mut settings = settings.clone();
    if !settings.pair.is_empty() {
        return Ok(settings);
    }
    let may_have = |person: &[u8]| {
        let mut own = leaves.iter().filter(|leaf| leaf.named.person == person).peekable();
        own.peek().is_some() && own.all(|leaf| !leaf.named.is_guest)
    };
    settings.roles.retain(|one| may_have(&one.person));
    settings.heirs.retain(|heir| may_have(heir));
    if has_owner(&settings) {
        return Ok(settings);
    }
    let mut next = Vec::new();
    for leaf in leaves.iter().filter(|leaf| may_have(&leaf.named.person)) {
        let begins = not_before(certificates(&leaf.node.signing_identity)?.first().ok_or("no certificate")?)?;
        let person = leaf.named.person.to_vec();
        let heir = settings.heirs.iter().position(|heir| *heir == person).unwrap_or(usize::MAX);
        let begins = if heir == usize::MAX { begins } else { 0 };
        next.push((heir, role_of(&settings, &person) != Role::Admin && heir == usize::MAX, begins, person));
    }
    if let Some((.., next)) = next.into_iter().min() {
        settings.roles.retain(|one| one.person != next);
        settings.heirs.retain(|heir| *heir != next);
        settings.roles.push(pb::RoleOf { person: next, role: Role::Owner.into() });
        settings.roles.sort_by(|a, b| a.person.cmp(&b.person));
    }
    Ok(settings)
}

/// The group's name: option 1.
pub(super) fn name(settings: &pb::Group) -> &str {
    let option = settings.options.iter().find(|one| one.key == 1 && one.value.len() <= 200);
    option.and_then(|one| std::str::from_utf8(&one.value).ok()).unwrap_or_default()
}

/// Calls the group so.
pub(super) fn set_name(settings: &mut pb::Group, name: &str) {
    settings.options.retain(|one| one.key != 1);
    settings.options.insert(0, pb::GroupOption { key: 1, value: name.into() });
}

/// Settings in canonical form (section 4.3).
fn decode(bytes: &[u8]) -> Result<pb::Group> {
    let settings = pb::Group::decode(bytes)?;
    ensure(settings.encode_to_vec() == bytes && bytes.len() <= 8 << 10, "settings in another form")?;
    ensure(settings.log_key.len() == 32 && settings.root.len() == 32, "keys of other lengths")?;
    let persons = settings.pair.iter().chain(&settings.heirs).chain(settings.roles.iter().map(|one| &one.person));
    ensure(persons.into_iter().all(|person| person.len() == 16), "a person that is none")?;
    let value = |one: &pb::GroupOption| one.key > 0 && (1..=1_024).contains(&one.value.len());
    let options = settings.options.len() <= 64 && settings.options.iter().all(value);
    ensure(options && settings.options.is_sorted_by(|a, b| a.key < b.key), "options in another form")?;
    let looks: Vec<_> = settings.options.iter().filter(|one| one.key < 100).map(|one| one.value.len()).collect();
    ensure(looks.len() <= 16 && looks.iter().sum::<usize>() <= 4_096, "too many looks")?;
    let least = [settings.may_add, settings.may_remove, settings.may_look];
    if !settings.pair.is_empty() {
        let looks = settings.options.iter().any(|one| one.key < 100);
        ensure(settings.pair.len() <= 2 && settings.pair.is_sorted_by(|a, b| a < b), "no pair")?;
        ensure(
            settings.roles.is_empty() && settings.heirs.is_empty() && !looks && least == [0; 3],
            "more than a pair",
        )?;
        return Ok(settings);
    }
    ensure(settings.generation == 0, "a group with a generation")?;
    let listed = |one: &pb::RoleOf| matches!(one.role(), Role::Admin | Role::Owner);
    let roles = settings.roles.len() <= 100 && settings.roles.iter().all(listed);
    ensure(roles && settings.roles.is_sorted_by(|a, b| a.person < b.person), "roles in another form")?;
    let heirs: BTreeSet<_> = settings.heirs.iter().collect();
    ensure(heirs.len() == settings.heirs.len() && heirs.len() <= 8, "heirs in another form")?;
    let [add, remove, look] = least;
    ensure(
        (2..=4).contains(&add) && (3..=4).contains(&remove) && (2..=4).contains(&look),
        "a least role that is none",
    )?;
    Ok(settings)
}

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
            ensure(
                numbers == [vec![1], vec![LAST_RESORT.raw_value(), SETTINGS.raw_value()], vec![], vec![2]],
                "other capabilities",
            )?;
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
            let two = leaves.iter().all(|leaf| settings.pair.iter().any(|one| *one == leaf.named.person));
            ensure(two && settings == new_pair(&settings), "no pair")?;
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

    /// Whether a person has a leaf.
    pub(super) fn present(&self, person: &[u8]) -> bool {
        self.leaves.iter().any(|leaf| leaf.named.person == person)
    }

    /// The role of a person.
    pub(super) fn role(&self, person: &[u8]) -> Role {
        role_of(&self.settings, person)
    }

    /// Nobody is owner of it.
    pub(super) fn is_closed(&self) -> bool {
        !has_owner(&self.settings)
    }

    /// The rows that the tree asks for: access keys and ranks.
    pub(super) fn rows(&self) -> Result<BTreeMap<Vec<u8>, u32>> {
        let log_key = self.settings.log_key.as_slice().try_into()?;
        let row = |leaf: &Leaf| {
            let rank = match role_of(&self.settings, &leaf.named.person) {
                Role::Owner => 2,
                Role::Admin => 1,
                _ => 0,
            };
            Ok((access_key(&leaf.named.key, log_key)?.0.to_vec(), rank))
        };
        self.leaves.iter().map(row).collect()
    }
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
    settings.roles.retain(|one| leaves.iter().any(|leaf| leaf.named.person == one.person[..]));
    if has_owner(&settings) {
        return Ok(settings);
    }
    let mut heirs = Vec::new();
    for leaf in leaves {
        let begins = not_before(certificates(&leaf.node.signing_identity)?.first().ok_or("no certificate")?)?;
        let person = leaf.named.person;
        let place = match role_of(&settings, &person) {
            Role::Admin => 0,
            Role::Guest => continue,
            _ => 1,
        };
        heirs.push((place, begins, person));
    }
    if let Some((_, _, heir)) = heirs.into_iter().min() {
        settings.roles.retain(|one| one.person != heir);
        settings.roles.push(pb::RoleOf { person: heir.to_vec(), role: Role::Owner.into() });
        settings.roles.sort_by(|a, b| a.person.cmp(&b.person));
    }
    Ok(settings)
}

/// Settings in canonical form (section 4.3).
fn decode(bytes: &[u8]) -> Result<pb::Group> {
    let settings = pb::Group::decode(bytes)?;
    ensure(settings.encode_to_vec() == bytes && bytes.len() <= 64 << 10, "settings in another form")?;
    ensure(settings.log_key.len() == 32 && settings.root.len() == 32, "keys of other lengths")?;
    ensure(
        settings.pair.is_empty() || (settings.pair.len() == 2 && settings.pair.is_sorted_by(|a, b| a < b)),
        "no pair",
    )?;
    ensure(settings.roles.is_sorted_by(|a, b| a.person < b.person), "roles out of order")?;
    let listed = |one: &pb::RoleOf| matches!(one.role(), Role::Guest | Role::Admin | Role::Owner);
    ensure(settings.roles.iter().all(|one| listed(one) && one.person.len() == 16), "a role that is not listed")?;
    let least = [settings.may_add(), settings.may_post(), settings.may_rename()];
    ensure(!least.contains(&Role::Unspecified), "a least role that is none")?;
    ensure(settings.name.len() <= 200 && settings.topic.len() <= 800, "too long a name or topic")?;
    Ok(settings)
}

/// The settings that a pair has, but for rules and lifetime.
fn new_pair(settings: &pb::Group) -> pb::Group {
    let owner = |person: &Vec<u8>| pb::RoleOf { person: person.clone(), role: Role::Owner.into() };
    pb::Group {
        rules: settings.rules,
        log_key: settings.log_key.clone(),
        root: settings.root.clone(),
        pair: settings.pair.clone(),
        roles: settings.pair.iter().map(owner).collect(),
        may_add: Role::Admin.into(),
        may_post: Role::Guest.into(),
        may_rename: Role::Admin.into(),
        lifetime_s: settings.lifetime_s,
        ..Default::default()
    }
}

//! Which commits count (docs/protocol.md, section 4).
//!
//! [`judge`] takes the public state before a commit, as a follower without secrets holds it, and the entry. It asks no
//! secret, no clock, no revocation list by itself, and no server, so every honest client decides alike. A commit that
//! does not count is skipped by all; one that counts moves the follower on, and then the member's own group.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use openmls::prelude::{
    KeyPackage, LeafNode, LeafNodeIndex, OpenMlsCrypto, ProcessedMessageContent, Proposal, ProposalOrRefType,
    PublicGroup, Sender, StagedCommit,
};
use openmls::storage::PublicStorageProvider;
use openmls::treesync::LeafNodeSource;
use pli_proto::id::{LogId, PersonId};
use pli_proto::signed::Hash;
use pli_proto::{limits, pb};

use crate::crypto;

use super::path::{self, Shape};
use super::roster::{self, KeyDigest, Leaf, Roster, key_digest};
use super::rules::{self, Change};
use super::settings::{Role, Settings};
use super::{associated, can_follow, group_info, lifetime, protocol_message, rows};

/// Why a commit does not count: the number is that of the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Not a commit that a follower accepts.
    #[error("rule 1: not a valid MLS commit")]
    Mls,
    /// Made for another entry, on another state, or with other evidence.
    #[error("rule 1: its associated data")]
    Place,
    /// Neither of a member nor a return.
    #[error("rule 2: its sender")]
    Sender,
    /// Proposals by reference, of other kinds, or too many; or a path where none belongs.
    #[error("rule 3: its proposals")]
    Proposals,
    /// An external commit that is not a member's return.
    #[error("rule 4: an external commit that is no return")]
    External,
    /// Leaves, context or GroupInfo of another form.
    #[error("rule 5: form")]
    Form,
    /// A path with other than one ciphertext for each node that it is to be encrypted to.
    #[error("rule 6: the path's ciphertexts")]
    Path,
    /// An HPKE key that is malformed, or stands in the tree twice.
    #[error("rule 6: an HPKE key")]
    Keys,
    /// A certificate of another root, another key or another device.
    #[error("rule 7: a certificate")]
    Certificate,
    /// Rows other than those by which the states before and after differ.
    #[error("rule 8: its rows")]
    Rows,
    /// Roles, settings and evidence do not allow it.
    #[error("rule 9: not allowed")]
    NotAllowed,
    /// Founding settings changed.
    #[error("rule 10: founding settings")]
    Founding,
    /// Somebody has a role who has no leaf, or nobody is owner who could be.
    #[error("rule 10: roles that are not settled")]
    Unsettled,
}

/// Who is in a group, and what they may do: what its public state says, without the tree that says it.
pub struct Public {
    /// Its leaves, verified.
    pub roster: Roster,
    /// Its settings.
    pub settings: Settings,
    /// What names the state: see [`associated::state`].
    pub state: Hash,
    /// Revocation list and ends of issuers were looked through up to these numbers, and no leaf has to go.
    pub unrevoked: Option<(u64, u64)>,
}

impl Public {
    /// What the public state of a group says, of which these are the leaves and the settings.
    pub fn new(group: &PublicGroup, roster: Roster, settings: Settings) -> Self {
        Self { roster, settings, state: associated::state(group.group_context()), unrevoked: None }
    }

    /// The role of a person in it.
    pub fn role(&self, person: PersonId) -> Role {
        self.settings.role(&self.roster, person)
    }

    /// Whether a person may say something.
    pub fn may_post(&self, person: PersonId) -> bool {
        !self.settings.is_closed() && self.role(person) >= self.settings.options.may_post()
    }
}

/// A commit that counts, and what it does.
pub struct Counted {
    /// What the public state says after it.
    pub after: Public,
    /// Whose commit it is.
    pub by: Leaf,
    /// A member who lost their secrets came back by it.
    pub is_return: bool,
    /// The leaves that went; not of a return.
    pub removed: Vec<Leaf>,
    /// The leaves that came; not of a return.
    pub added: Vec<Leaf>,
}

/// Decides on a commit, and applies it to `group` if it counts; `before` is what that says before it. After an error
/// `group` is in no defined state: load it again. What the follower stores goes into `storage`, which must not be the
/// member's own. A library that panics has not accepted: as the same bytes do it everywhere, all clients decide alike.
///
/// # Errors
/// The rule for which the commit does not count.
pub fn judge(
    crypto: &impl OpenMlsCrypto,
    storage: &impl PublicStorageProvider,
    group: &mut PublicGroup,
    before: &Public,
    log: LogId,
    entry: &pb::Entry,
    commit: &pb::Commit,
) -> Result<Counted, Fault> {
    let verdict = AssertUnwindSafe(|| counted(crypto, storage, group, before, log, entry, commit));
    catch_unwind(verdict).unwrap_or(Err(Fault::Mls))
}

fn counted(
    crypto: &impl OpenMlsCrypto,
    storage: &impl PublicStorageProvider,
    group: &mut PublicGroup,
    before: &Public,
    log: LogId,
    entry: &pb::Entry,
    commit: &pb::Commit,
) -> Result<Counted, Fault> {
    let Public { roster, settings, .. } = before;
    let shape = Shape::of(&commit.commit).ok_or(Fault::Mls)?;
    let message = protocol_message(&commit.commit).ok_or(Fault::Mls)?;
    let processed = group.process_message(crypto, message).map_err(|_| Fault::Mls)?;
    if processed.aad() != associated::of_commit(&before.state, log, entry, &commit.evidence) {
        return Err(Fault::Place);
    }
    let sender = processed.sender().clone();
    let ProcessedMessageContent::StagedCommitMessage(staged) = processed.into_content() else {
        return Err(Fault::Mls);
    };

    let proposals = proposals(&staged, sender == Sender::NewMemberCommit)?;
    let removed = removed(&staged, roster)?;
    let path_leaf = staged.update_path_leaf_node().cloned();
    let (by, is_return) = match sender {
        Sender::Member(index) => (roster.get(index.u32()).cloned().ok_or(Fault::Mls)?, false),
        Sender::NewMemberCommit => (returning(path_leaf.as_ref(), &removed, settings)?, true),
        _ => return Err(Fault::Sender),
    };
    if proposals.adds_alone == path_leaf.is_some() {
        return Err(Fault::Proposals);
    }
    let keys_before = digests(group)?;
    let mut new_keys = form_of_leaves(path_leaf.as_ref(), &proposals.packages)?;

    group.merge_commit(storage, *staged).map_err(|_| Fault::Mls)?;

    let changed = |index: u32| roster.get(index).is_none() || removed.iter().any(|leaf| leaf.index == index);
    let committer = by.index;
    let after =
        roster_after(group, roster, settings, |index| changed(index) || path_leaf.is_some() && index == committer)?;
    let by = after.by_key(by.key()).cloned().unwrap_or(by);
    let added: Vec<Leaf> = after.leaves().filter(|leaf| changed(leaf.index)).cloned().collect();
    identities_stay(roster, &removed, &after, is_return)?;
    let newcomers = added.iter().map(|leaf| leaf.index).filter(|index| *index != by.index).collect();
    if !path::check(&shape, group, by.index, &newcomers) {
        return Err(Fault::Path);
    }

    let settings_after = Settings::of(group.group_context()).map_err(|_| Fault::Form)?;
    if after.len() > limits::GROUP_DEVICES {
        return Err(Fault::Form);
    }
    check_pair(&settings_after, &after)?;
    check_settled(&settings_after, &after)?;
    let external_pub = group_info::check(&commit.group_info, group, &by).ok_or(Fault::Form)?;
    new_keys.push(external_pub.to_vec());
    check_keys(crypto, group, &keys_before, new_keys)?;
    if !rows::check(entry, (roster, settings), (&after, &settings_after), is_return) {
        return Err(Fault::Rows);
    }
    let (removed, added) = if is_return { (Vec::new(), Vec::new()) } else { (removed, added) };
    rules::check(&Change {
        log,
        by: by.person(),
        settings: (settings, &settings_after),
        rosters: (roster, &after),
        removed: &removed,
        added: &added,
        evidence: &rules::evidence(&commit.evidence),
    })?;
    let after = Public::new(group, after, settings_after);
    Ok(Counted { after, by, is_return, removed, added })
}

struct Proposals {
    packages: Vec<KeyPackage>,
    adds_alone: bool,
}

/// Rule 3, and the proposals' part of rule 4.
fn proposals(staged: &StagedCommit, external: bool) -> Result<Proposals, Fault> {
    let (mut packages, mut others, mut inits, mut removes) = (Vec::new(), 0, 0, 0);
    for queued in staged.queued_proposals() {
        if queued.proposal_or_ref_type() != ProposalOrRefType::Proposal {
            return Err(Fault::Proposals);
        }
        match queued.proposal() {
            Proposal::Add(add) if !external => packages.push(add.key_package().clone()),
            Proposal::Remove(_) => removes += 1,
            Proposal::GroupContextExtensions(_) if !external => others += 1,
            Proposal::ExternalInit(_) if external => inits += 1,
            _ => return Err(if external { Fault::External } else { Fault::Proposals }),
        }
    }
    if external && (inits, removes) != (1, 1) {
        return Err(Fault::External);
    }
    if packages.len() > limits::ADDS_PER_COMMIT {
        return Err(Fault::Proposals);
    }
    let adds_alone = !packages.is_empty() && others + removes + inits == 0;
    Ok(Proposals { packages, adds_alone })
}

fn removed(staged: &StagedCommit, roster: &Roster) -> Result<Vec<Leaf>, Fault> {
    let leaf = |index: LeafNodeIndex| roster.get(index.u32()).cloned().ok_or(Fault::Mls);
    staged.remove_proposals().map(|remove| leaf(remove.remove_proposal().removed())).collect()
}

/// Rule 4: the leaf in an external commit's path has the removed one's credential. Gives the removed one.
fn returning(path: Option<&LeafNode>, removed: &[Leaf], settings: &Settings) -> Result<Leaf, Fault> {
    let (Some(path), [old]) = (path, removed) else { return Err(Fault::External) };
    let certificate = roster::verify_credential(path.credential(), &settings.root).ok_or(Fault::Certificate)?;
    if certificate == old.certificate { Ok(old.clone()) } else { Err(Fault::External) }
}

/// Judges the public state of a group that is entered: one that no commits under these rules could have led to would
/// stop its members later.
///
/// # Errors
/// The rule that it breaks.
pub fn check_public(crypto: &impl OpenMlsCrypto, group: &PublicGroup, public: &Public) -> Result<(), Fault> {
    if public.roster.len() > limits::GROUP_DEVICES {
        return Err(Fault::Form);
    }
    if !group.treesync().full_leaves().all(|(_, leaf)| is_well_formed(leaf)) {
        return Err(Fault::Form);
    }
    check_pair(&public.settings, &public.roster)?;
    check_settled(&public.settings, &public.roster)?;
    check_keys(crypto, group, &BTreeSet::new(), Vec::new())
}

/// Judges a key package before it is proposed: a bad one would spoil the commit that adds it.
///
/// # Errors
/// The rule that it breaks.
pub fn check_package(crypto: &impl OpenMlsCrypto, package: &KeyPackage) -> Result<(), Fault> {
    let mut keys = form_of_leaves(None, std::slice::from_ref(package))?;
    keys.extend(roster::leaf_encryption_key(package.leaf_node()));
    let all = keys.iter().all(|key| crypto::well_formed(crypto, package.ciphersuite(), key));
    if all && keys.len() == 2 && keys[0] != keys[1] { Ok(()) } else { Err(Fault::Keys) }
}

/// Rule 10: a pair holds the devices of its persons alone.
fn check_pair(settings: &Settings, roster: &Roster) -> Result<(), Fault> {
    let Some(pair) = &settings.pair else { return Ok(()) };
    if roster.leaves().all(|leaf| pair.contains(&leaf.person())) { Ok(()) } else { Err(Fault::Founding) }
}

/// Rule 10: what must be true of roles is.
fn check_settled(settings: &Settings, roster: &Roster) -> Result<(), Fault> {
    let mut settled = settings.clone();
    settled.settle(roster);
    if settled == *settings { Ok(()) } else { Err(Fault::Unsettled) }
}

/// Rule 5 for one leaf.
fn is_well_formed(leaf: &LeafNode) -> bool {
    let for_ever = match leaf.leaf_node_source() {
        LeafNodeSource::KeyPackage(named) => *named == lifetime(),
        _ => true,
    };
    can_follow(leaf.capabilities()) && leaf.extensions().iter().count() == 0 && for_ever
}

/// Rule 5 for the leaves that a commit brings; gives the HPKE keys that don't enter the tree.
fn form_of_leaves(path: Option<&LeafNode>, packages: &[KeyPackage]) -> Result<Vec<Vec<u8>>, Fault> {
    if !path.is_none_or(is_well_formed) {
        return Err(Fault::Form);
    }
    let mut keys = Vec::new();
    for package in packages {
        let extensions_known = package.extensions().iter().count() == usize::from(package.last_resort());
        if !is_well_formed(package.leaf_node()) || !extensions_known {
            return Err(Fault::Form);
        }
        keys.push(package.hpke_init_key().as_slice().to_vec());
    }
    Ok(keys)
}

/// Rule 7: verifies the leaves that are new, and takes the others over.
fn roster_after(
    group: &PublicGroup,
    before: &Roster,
    settings: &Settings,
    is_new: impl Fn(u32) -> bool,
) -> Result<Roster, Fault> {
    let mut after = Roster::default();
    for member in group.members() {
        let index = member.index.u32();
        let leaf = match before.get(index) {
            Some(leaf) if !is_new(index) => leaf.clone(),
            _ => {
                let certificate =
                    roster::verify_credential(&member.credential, &settings.root).ok_or(Fault::Certificate)?;
                if certificate.key.as_slice() != member.signature_key {
                    return Err(Fault::Certificate);
                }
                Leaf { index, certificate, encryption_key: key_digest(&member.encryption_key) }
            }
        };
        after.insert(leaf);
    }
    if after.has_no_twins() { Ok(after) } else { Err(Fault::Certificate) }
}

/// Rule 7: the credential of a leaf that stays does not change: a device has one certificate for ever.
fn identities_stay(before: &Roster, removed: &[Leaf], after: &Roster, is_return: bool) -> Result<(), Fault> {
    let gone = |index: u32| removed.iter().any(|leaf| leaf.index == index);
    let stays = |old: &Leaf| after.get(old.index).is_some_and(|new| new.certificate == old.certificate);
    let stay = before.leaves().filter(|leaf| !gone(leaf.index)).all(stays);
    if stay && (!is_return || after.len() == before.len()) { Ok(()) } else { Err(Fault::Certificate) }
}

fn digests(group: &PublicGroup) -> Result<BTreeSet<KeyDigest>, Fault> {
    roster::tree_keys(group).map(|key| Ok(key_digest(&key.ok_or(Fault::Mls)?))).collect()
}

/// Rule 6: every HPKE key that came is well formed and unlike every other.
fn check_keys(
    crypto: &impl OpenMlsCrypto,
    after: &PublicGroup,
    before: &BTreeSet<KeyDigest>,
    outside_tree: Vec<Vec<u8>>,
) -> Result<(), Fault> {
    let mut seen = BTreeSet::new();
    for key in roster::tree_keys(after).chain(outside_tree.into_iter().map(Some)) {
        let key = key.ok_or(Fault::Keys)?;
        let digest = key_digest(&key);
        let is_new = !before.contains(&digest);
        if !seen.insert(digest) || is_new && !crypto::well_formed(crypto, after.ciphersuite(), &key) {
            return Err(Fault::Keys);
        }
    }
    Ok(())
}

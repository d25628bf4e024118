//! What roles, settings and evidence allow (docs/protocol.md, section 4, rules 9 and 10).

use pli_proto::certificate;
use pli_proto::id::{LogId, PersonId};
use pli_proto::pb::evidence::Evidence as Kind;
use pli_proto::{issuers, pb, signed};
use prost::Message as _;

use crate::crypto;

use super::roster::{Leaf, Roster, key_digest};
use super::settings::{Role, Settings};
use super::verdict::Fault;

/// A commit in terms of persons, before and after.
pub struct Change<'a> {
    /// The log.
    pub log: LogId,
    /// Who commits.
    pub by: PersonId,
    /// The settings before and after.
    pub settings: (&'a Settings, &'a Settings),
    /// The leaves before and after.
    pub rosters: (&'a Roster, &'a Roster),
    /// The leaves that go.
    pub removed: &'a [Leaf],
    /// The leaves that come.
    pub added: &'a [Leaf],
    /// What allows more than roles do.
    pub evidence: &'a [pb::Evidence],
}

impl Change<'_> {
    /// The role of a person before it.
    fn role_before(&self, person: PersonId) -> Role {
        self.settings.0.role(self.rosters.0, person)
    }
}

/// Whether all of it is allowed.
///
/// # Errors
/// The rule that it breaks.
pub fn check(change: &Change<'_>) -> Result<(), Fault> {
    founding(change)?;
    let role = change.role_before(change.by);
    let added = change.added.iter().all(|leaf| may_add(change, role, leaf));
    let removed = change.removed.iter().all(|leaf| may_remove(change, role, leaf));
    if added && removed && may_set(change, role) { Ok(()) } else { Err(Fault::NotAllowed) }
}

/// Rule 10: what a group was founded with stays.
fn founding(change: &Change<'_>) -> Result<(), Fault> {
    let (before, after) = change.settings;
    let kept = before.log_key == after.log_key && before.root == after.root;
    let pair = before.pair == after.pair && before.generation == after.generation;
    if kept && pair { Ok(()) } else { Err(Fault::Founding) }
}

fn may_add(change: &Change<'_>, role: Role, leaf: &Leaf) -> bool {
    let settings = change.settings.0;
    if let Some(pair) = &settings.pair {
        return pair.contains(&leaf.person());
    }
    // A person's further device enters by the person's own device, whatever their role.
    !settings.is_closed() && (leaf.person() == change.by || role >= settings.may_add)
}

fn may_remove(change: &Change<'_>, role: Role, leaf: &Leaf) -> bool {
    let settings = change.settings.0;
    if change.evidence.iter().any(|evidence| proves(evidence, change, leaf)) || leaf.person() == change.by {
        return true;
    }
    settings.pair.is_none() && role >= settings.may_remove && role >= change.role_before(leaf.person())
}

/// The pieces of evidence in a commit. What is none is as if it were not there.
pub fn evidence(pieces: &[Vec<u8>]) -> Vec<pb::Evidence> {
    pieces.iter().filter_map(|piece| pb::Evidence::decode(piece.as_slice()).ok()).collect()
}

/// Whether evidence allows to remove this leaf: a line of a revocation list that names its certificate, a leaver's word,
/// which covers all leaves of the person, or the end of its issuer, if its certificate is not among those that stay.
pub fn proves(evidence: &pb::Evidence, change: &Change<'_>, leaf: &Leaf) -> bool {
    match &evidence.evidence {
        Some(Kind::Revoked(line)) => names(line, leaf) && is_genuine(line, &change.settings.0.root),
        Some(Kind::Left(word)) => {
            let leaver = change.rosters.0.by_key(&word.leaf_key);
            leaver.is_some_and(|leaver| leaver.person() == leaf.person() && is_word_of(word, change.log, leaver))
        }
        Some(Kind::NotKept(shown)) => {
            let Leaf { certificate, .. } = leaf;
            issuers::has_ended(shown, &change.settings.0.root, &certificate.fingerprint, &certificate.issuer)
        }
        None => false,
    }
}

/// Whether a revocation line names this leaf.
pub fn names(line: &pb::RevocationLine, leaf: &Leaf) -> bool {
    line.certificate == leaf.certificate.fingerprint && line.leaf_key == leaf.key()
}

/// Whether the organisation's issuer signed this line.
pub fn is_genuine(line: &pb::RevocationLine, root: &[u8; 32]) -> bool {
    certificate::verify_issuer(root, &line.issuer)
        .is_ok_and(|key| crypto::verify(&key, &signed::revocation(line), &line.signature))
}

/// Whether this is the word of the leaver at `leaf`, as that leaf stands now: a word from before an update or a return
/// is void.
pub fn is_word_of(word: &pb::LeaveWord, log: LogId, leaf: &Leaf) -> bool {
    word.leaf_key == leaf.key()
        && key_digest(&word.encryption_key) == leaf.encryption_key
        && crypto::verify(leaf.key(), &signed::leave(log, &word.encryption_key), &word.signature)
}

/// What differs from what the settings of before come to by themselves is what the committer set.
fn may_set(change: &Change<'_>, role: Role) -> bool {
    let (before, after) = change.settings;
    let mut settled = before.clone();
    settled.settle(change.rosters.1);
    let same_least =
        (settled.may_add, settled.may_remove, settled.may_look) == (after.may_add, after.may_remove, after.may_look);
    let may_set_role = |person: &PersonId| {
        let (from, to) = (settled.listed(*person), after.listed(*person));
        from == to || role >= Role::Admin && from <= role && to <= role
    };
    (same_least || role >= Role::Admin)
        && (settled.heirs == after.heirs || role == Role::Owner)
        && settled.roles.keys().chain(after.roles.keys()).all(may_set_role)
        && settled.options.differing(&after.options).all(|option| role >= before.may_set(option))
}

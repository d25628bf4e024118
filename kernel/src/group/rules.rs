//! What roles, settings and evidence allow (docs/protocol.md, section 4, rules 9 and 10).

use std::collections::{BTreeMap, BTreeSet};

use pli_proto::certificate;
use pli_proto::id::{LogId, PersonId};
use pli_proto::issuers::Ended;
use pli_proto::pb::evidence::Evidence as Kind;
use pli_proto::{pb, signed};
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

/// Whether all of it is allowed.
///
/// # Errors
/// The rule that it breaks.
pub fn check(change: &Change<'_>) -> Result<(), Fault> {
    founding(change)?;
    // Of all at once: each alone is looked for among all leaves.
    let roles = change.settings.0.roles(change.rosters.0);
    let role_of = |person: PersonId| roles.get(&person).copied().unwrap_or_default();
    let role = role_of(change.by);
    let added = change.added.iter().all(|leaf| may_add(change, role, leaf));
    let may_remove = |leaf: &&Leaf| may_remove(change, role, leaf.person(), role_of(leaf.person()));
    let mut by_evidence = change.removed.iter().filter(|leaf| !may_remove(leaf)).peekable();
    let removed = by_evidence.peek().is_none() || {
        let covered = covered(change);
        by_evidence.all(|leaf| covered.contains(&leaf.index))
    };
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

/// Whether a leaf of a person who has the role `theirs` may be removed without evidence.
fn may_remove(change: &Change<'_>, role: Role, person: PersonId, theirs: Role) -> bool {
    let settings = change.settings.0;
    person == change.by || settings.pair.is_none() && role >= settings.may_remove && role >= theirs
}

/// The pieces of evidence in a commit. What is none is as if it were not there.
pub fn evidence(pieces: &[Vec<u8>]) -> Vec<pb::Evidence> {
    pieces.iter().filter_map(|piece| pb::Evidence::decode(piece.as_slice()).ok()).collect()
}

/// The places of the leaves that go by evidence: a line of a revocation list that names the certificate; a leaver's word, which
/// covers all leaves of the person; or the end of its issuer, if the certificate is not among those that stay. Each piece is
/// verified once, and only if it could cover a leaf: else a committer could make others verify all pieces for all leaves.
fn covered(change: &Change<'_>) -> BTreeSet<u32> {
    let root = &change.settings.0.root;
    let present: BTreeMap<&[u8], &Leaf> = change.rosters.0.leaves().map(|leaf| (&leaf.key()[..], leaf)).collect();
    let going = |covers: &dyn Fn(&Leaf) -> bool| {
        change.removed.iter().filter(|leaf| covers(leaf)).map(|leaf| leaf.index).collect::<BTreeSet<u32>>()
    };
    let mut covered = BTreeSet::new();
    for evidence in change.evidence {
        match &evidence.evidence {
            Some(Kind::Revoked(line)) => {
                let named = going(&|leaf| names(line, leaf));
                if !named.is_subset(&covered) && is_genuine(line, root) {
                    covered.extend(named);
                }
            }
            Some(Kind::Left(word)) => {
                let Some(leaver) = present.get(word.leaf_key.as_slice()) else { continue };
                let theirs = going(&|leaf| leaf.person() == leaver.person());
                if !theirs.is_subset(&covered) && is_word_of(word, change.log, leaver) {
                    covered.extend(theirs);
                }
            }
            Some(Kind::NotKept(shown)) => {
                let Some(ended) = Ended::of(shown, root) else { continue };
                covered.extend(going(&|leaf| ended.proves(&leaf.certificate.fingerprint, &leaf.certificate.issuer)));
            }
            None => {}
        }
    }
    covered
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

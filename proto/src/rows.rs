//! Rows: who may fetch and append, and with what rank. What an entry asks of them is parsed alike by server and client;
//! what of that is done is the server's part (docs/protocol.md, section 3). A client keeps no book: it compares the digest
//! of all rows with what the group's state asks for.
//!
//! 1. Ranks are the roles' numbers. A commit adds rows of at most its signer's rank: what asks for more gets that.
//! 2. From admin on it changes and cuts rows of at most its own rank.
//! 3. Any commit cuts the row of a revoked device, by showing whose it is; a message its signer's own.
//! 4. What is not allowed is skipped. Where no owner's row is left, the oldest of the highest rank from member on is one.

use std::collections::BTreeMap;

use ed25519_dalek::VerifyingKey;
use sha2::{Digest as _, Sha256};

use crate::limits::{ROW_CHANGES, STANDING_ROWS};
use crate::pb;
use crate::row::AccessKey;
use crate::signed::Hash;

/// The ranks of roles.
pub mod rank {
    /// Of a row that is cut.
    pub const NONE: u32 = 0;
    /// Of a guest's device.
    pub const GUEST: u32 = 1;
    /// Of a member's device.
    pub const MEMBER: u32 = 2;
    /// Of an admin's device.
    pub const ADMIN: u32 = 3;
    /// Of an owner's device.
    pub const OWNER: u32 = 4;
}

/// Rows with their ranks, as a state of the group asks for them.
pub type Ranks = BTreeMap<AccessKey, u32>;

/// A row that stands in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// See [`rank`].
    pub rank: u32,
    /// The number of the entry that added it; 0 for the founder's.
    pub since: u64,
}

/// The rows that stand in a log.
pub type Rows = BTreeMap<AccessKey, Standing>;

/// One change that happens: the row and its new rank, [`rank::NONE`] if it is cut.
pub type Effect = (AccessKey, u32);

/// A row as an entry asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Which.
    pub key: AccessKey,
    /// What it is to have; [`rank::NONE`]: it is to be cut.
    pub rank: u32,
    /// Whose row it is, said to be a revoked device's.
    pub shown: Option<Shown>,
}

/// Whose row is to be cut: a leaf key, and the factor that blinds it for this log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    leaf_key: [u8; 32],
    factor: [u8; 64],
}

/// What an entry asks of rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Ascending by key, each once.
    pub rows: Vec<Asked>,
    /// The rows that are to be, and no others.
    pub whole: bool,
}

impl Changes {
    /// What an entry asks of rows; none if it is malformed, or a message asks for more than that its signer's row goes
    /// (whose that is, the server alone sees). What is shown to cut makes nothing malformed: it is no part of the digest,
    /// so that a server could part readers by it.
    pub fn of(entry: &pb::Entry) -> Option<Self> {
        if entry.rows.len() > ROW_CHANGES || !entry.rows.is_sorted_by(|a, b| a.key < b.key) {
            return None;
        }
        let rows: Vec<Asked> = entry.rows.iter().map(asked).collect::<Option<_>>()?;
        let cuts_one = rows.len() <= 1 && rows.iter().all(|row| row.rank == rank::NONE);
        let is_commit = entry.kind() == pb::EntryKind::Commit;
        (is_commit || cuts_one && !entry.whole).then_some(Self { rows, whole: entry.whole })
    }
}

fn asked(row: &pb::Row) -> Option<Asked> {
    let key = AccessKey::try_from(row.key.as_slice()).ok()?;
    // Keys of small order verify anything, so to say: no row may have one.
    let is_formed = row.rank == rank::NONE || row.rank <= rank::OWNER && is_strong(&key);
    is_formed.then_some(Asked { key, rank: row.rank, shown: Shown::of(row) })
}

impl Shown {
    fn of(row: &pb::Row) -> Option<Self> {
        let leaf_key = row.leaf_key.as_slice().try_into().ok()?;
        Some(Self { leaf_key, factor: row.factor.as_slice().try_into().ok()? })
    }

    fn is_of(&self, key: &AccessKey) -> bool {
        AccessKey::blinded(&self.factor, &self.leaf_key) == Some(*key)
    }
}

/// Whether a row may have this key.
pub fn is_strong(key: &AccessKey) -> bool {
    VerifyingKey::from_bytes(&key.0).is_ok_and(|key| !key.is_weak())
}

/// The rows that stand after an entry that the row `by` signed. What `by` may not do is skipped, and what is added beyond
/// [`STANDING_ROWS`]: what a false commit added keeps nobody from cutting it. `is_bad` says whether a leaf key is that of a
/// revoked device. `number` is the entry's.
pub fn after(
    rows: &Rows,
    by: AccessKey,
    entry: (pb::EntryKind, &Changes),
    number: u64,
    is_bad: impl Fn(&[u8; 32]) -> bool,
) -> Rows {
    let (kind, changes) = entry;
    let mut after = rows.clone();
    let Some(own) = rows.get(&by).map(|row| row.rank) else { return after };
    let is_commit = kind == pb::EntryKind::Commit;
    let governs = |now: u32| is_commit && own >= rank::ADMIN && now <= own;
    if changes.whole {
        let listed = |key: &AccessKey| changes.rows.binary_search_by_key(key, |row| row.key).is_ok();
        after.retain(|key, row| listed(key) || !governs(row.rank));
    }
    for asked in &changes.rows {
        match (rows.get(&asked.key), asked.rank) {
            (Some(row), rank::NONE) => {
                let its_own = !is_commit && asked.key == by;
                let is_bads =
                    || asked.shown.as_ref().is_some_and(|shown| is_bad(&shown.leaf_key) && shown.is_of(&asked.key));
                if governs(row.rank) || its_own || is_commit && is_bads() {
                    after.remove(&asked.key);
                }
            }
            (Some(row), rank) if governs(row.rank) && rank <= own => {
                after.insert(asked.key, Standing { rank, ..*row });
            }
            _ => {}
        }
    }
    let adds = changes.rows.iter().filter(|asked| asked.rank > rank::NONE && !rows.contains_key(&asked.key));
    let room = STANDING_ROWS.saturating_sub(after.len());
    for asked in adds.take(if is_commit { room } else { 0 }) {
        after.insert(asked.key, Standing { rank: asked.rank.min(own), since: number });
    }
    promote(&mut after);
    after
}

/// What makes of some rows others: each once, those that are cut first.
pub fn effects(before: &Rows, after: &Rows) -> Vec<Effect> {
    let gone = before.keys().filter(|key| !after.contains_key(*key)).map(|key| (*key, rank::NONE));
    let set = after.iter().filter(|(key, row)| before.get(*key) != Some(*row)).map(|(key, row)| (*key, row.rank));
    gone.chain(set).collect()
}

/// A log has an owner's row, so that somebody can state its rows: the oldest of the highest rank, but never a guest's.
fn promote(rows: &mut Rows) {
    let highest = rows.values().map(|row| row.rank).max().unwrap_or_default();
    if !(rank::MEMBER..rank::OWNER).contains(&highest) {
        return;
    }
    // Of several that came with one entry, the one with the lowest key.
    let oldest = rows.values_mut().filter(|row| row.rank == highest).min_by_key(|row| row.since);
    if let Some(row) = oldest {
        row.rank = rank::OWNER;
    }
}

/// The digest of the rows that stand, by which a client knows whether they are what its state asks for.
pub fn digest<'a>(rows: impl IntoIterator<Item = (&'a AccessKey, u32)>) -> Hash {
    let mut hash = Sha256::new();
    for (key, rank) in rows {
        hash.update(key.0);
        hash.update(rank.to_be_bytes());
    }
    hash.finalize().into()
}

/// What asks that `key` has a rank; [`rank::NONE`]: that it is cut.
pub fn set(key: AccessKey, rank: u32) -> pb::Row {
    pb::Row { key: key.0.to_vec(), rank, ..pb::Row::default() }
}

/// What asks that the row of a revoked device is cut, whatever its rank; none for a leaf key that is no point.
pub fn cut_bad(log_key: &[u8], leaf_key: &[u8; 32]) -> Option<pb::Row> {
    let factor = crate::row::factor(log_key, leaf_key);
    let key = AccessKey::blinded(&factor, leaf_key)?;
    Some(pb::Row { leaf_key: leaf_key.to_vec(), factor: factor.to_vec(), ..set(key, rank::NONE) })
}

#[cfg(test)]
mod tests {
    use super::rank::{ADMIN, GUEST, MEMBER, NONE, OWNER};
    use super::*;
    use crate::row::AccessSigner;

    const LOG_KEY: &[u8] = b"log key";

    /// A row's key: of the n-th device, which are in order.
    fn key(n: u8) -> AccessKey {
        let mut keys: Vec<AccessKey> = (0..12).map(|seed| AccessSigner::new(LOG_KEY, &[seed; 32]).key()).collect();
        keys.sort();
        keys[usize::from(n)]
    }
    fn rows(ranks: &[u32]) -> Rows {
        ranks.iter().zip(0..).map(|(rank, n)| (key(n), Standing { rank: *rank, since: u64::from(n) })).collect()
    }
    fn entry(kind: pb::EntryKind, rows: &[pb::Row], whole: bool) -> pb::Entry {
        pb::Entry { kind: kind.into(), rows: rows.to_vec(), whole, ..pb::Entry::default() }
    }
    fn done(rows: &Rows, by: u8, entry: &pb::Entry) -> Vec<Effect> {
        let changes = Changes::of(entry).expect("well formed");
        effects(rows, &after(rows, key(by), (entry.kind(), &changes), 100, |_| false))
    }
    fn commit(rows: &Rows, by: u8, asked: &[pb::Row]) -> Vec<Effect> {
        done(rows, by, &entry(pb::EntryKind::Commit, asked, false))
    }

    #[test]
    fn a_row_is_added_with_the_signers_rank_at_most() {
        let rows = rows(&[OWNER, ADMIN, MEMBER, GUEST]);
        for (by, least) in [(0, OWNER), (1, ADMIN), (2, MEMBER), (3, GUEST)] {
            for asked in GUEST..=OWNER {
                assert_eq!(commit(&rows, by, &[set(key(9), asked)]), [(key(9), asked.min(least))]);
            }
        }
        assert_eq!(commit(&rows, 9, &[set(key(8), GUEST)]), [], "no row of the log");
    }

    #[test]
    fn ranks_are_changed_and_rows_cut_from_admin_on_up_to_ones_own() {
        let ranks = [OWNER, ADMIN, MEMBER, GUEST, OWNER, ADMIN, MEMBER];
        let rows = rows(&ranks);
        for (by, own) in ranks.iter().enumerate() {
            for (of, now) in ranks.iter().enumerate() {
                for to in NONE..=OWNER {
                    let allowed = *own >= ADMIN && now <= own && to <= *own && to != *now;
                    let expected = if allowed { vec![(key(of as u8), to)] } else { vec![] };
                    assert_eq!(
                        commit(&rows, by as u8, &[set(key(of as u8), to)]),
                        expected,
                        "{own} sets {now} to {to}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_is_allowed_of_an_entry_is_done() {
        let rows = rows(&[OWNER, ADMIN, MEMBER]);
        let asked = [set(key(0), NONE), set(key(2), NONE), set(key(5), OWNER)];
        assert_eq!(commit(&rows, 1, &asked), [(key(2), NONE), (key(5), ADMIN)]);
    }

    #[test]
    fn a_whole_list_cuts_the_others_as_far_as_the_rank_allows() {
        let rows = rows(&[OWNER, ADMIN, MEMBER, GUEST]);
        let whole = |asked: &[pb::Row]| entry(pb::EntryKind::Commit, asked, true);
        assert_eq!(done(&rows, 0, &whole(&[set(key(0), OWNER), set(key(3), GUEST)])), [(key(1), NONE), (key(2), NONE)]);
        assert_eq!(done(&rows, 1, &whole(&[set(key(1), ADMIN)])), [(key(2), NONE), (key(3), NONE)]);
        assert_eq!(done(&rows, 2, &whole(&[set(key(2), MEMBER)])), []);
    }

    #[test]
    fn a_message_cuts_its_signers_row_alone() {
        let rows = rows(&[OWNER, MEMBER]);
        let message = |asked: &[pb::Row]| entry(pb::EntryKind::Message, asked, false);
        assert_eq!(done(&rows, 1, &message(&[set(key(1), NONE)])), [(key(1), NONE)]);
        assert_eq!(done(&rows, 0, &message(&[set(key(1), NONE)])), []);
        for asked in [vec![set(key(1), GUEST)], vec![set(key(0), NONE), set(key(1), NONE)]] {
            assert_eq!(Changes::of(&message(&asked)), None);
        }
        assert_eq!(Changes::of(&entry(pb::EntryKind::Message, &[], true)), None);
    }

    #[test]
    fn without_an_owner_the_oldest_of_the_highest_rank_is_one_and_never_a_guest() {
        let rows = |ranks: &[u32]| rows(ranks);
        let gone = |rows: &Rows| done(rows, 0, &entry(pb::EntryKind::Message, &[set(key(0), NONE)], false));
        assert_eq!(gone(&rows(&[OWNER, MEMBER, ADMIN, ADMIN])), [(key(0), NONE), (key(2), OWNER)]);
        assert_eq!(gone(&rows(&[OWNER, GUEST, MEMBER, MEMBER])), [(key(0), NONE), (key(2), OWNER)]);
        assert_eq!(gone(&rows(&[OWNER, GUEST])), [(key(0), NONE)]);
        let mut rows = rows(&[OWNER, ADMIN, ADMIN]);
        rows.get_mut(&key(2)).unwrap().since = 0;
        assert_eq!(gone(&rows), [(key(0), NONE), (key(2), OWNER)]);
        rows.get_mut(&key(1)).unwrap().since = 0;
        assert_eq!(gone(&rows), [(key(0), NONE), (key(1), OWNER)]);
        // Whoever cuts the owner's row, and sets another, gains nothing by it.
        let asked = [set(key(1), NONE), set(key(2), OWNER)];
        assert_eq!(commit(&rows, 2, &asked), [(key(1), NONE)]);
    }

    #[test]
    fn any_row_cuts_that_of_a_bad_device_and_no_other_that_way() {
        let leaf = |seed| ed25519_dalek::SigningKey::from_bytes(&[seed; 32]).verifying_key().to_bytes();
        let bad = AccessSigner::new(LOG_KEY, &[50; 32]).key();
        let mut rows = rows(&[OWNER, GUEST]);
        rows.insert(bad, Standing { rank: OWNER, since: 7 });
        let shown = cut_bad(LOG_KEY, &leaf(50)).unwrap();
        let entry = entry(pb::EntryKind::Commit, std::slice::from_ref(&shown), false);
        let changes = Changes::of(&entry).unwrap();
        let by = |is_bad: bool| {
            let after = after(&rows, key(1), (entry.kind(), &changes), 9, |l| is_bad && *l == leaf(50));
            effects(&rows, &after)
        };
        assert_eq!(by(true), [(bad, NONE)]);
        assert_eq!(by(false), []);
        // Another's leaf key, or one that this log key does not blind, is not the row's.
        for forged in [cut_bad(LOG_KEY, &leaf(51)), cut_bad(b"another", &leaf(50))] {
            let forged = pb::Row { key: bad.0.to_vec(), ..forged.unwrap() };
            let changes = Changes::of(&pb::Entry { rows: vec![forged], ..entry.clone() }).unwrap();
            assert_eq!(after(&rows, key(1), (entry.kind(), &changes), 9, |_| true), rows);
        }
    }

    #[test]
    fn what_is_shown_to_cut_makes_nothing_malformed() {
        let shown = cut_bad(LOG_KEY, &AccessSigner::new(b"leaf", &[50; 32]).key().0).unwrap();
        let short = pb::Row { factor: vec![1; 63], ..shown.clone() };
        for row in [&shown, &short, &pb::Row { rank: GUEST, ..shown.clone() }] {
            assert!(Changes::of(&entry(pb::EntryKind::Commit, std::slice::from_ref(row), false)).is_some());
        }
        let message = entry(pb::EntryKind::Message, &[shown], false);
        assert!(Changes::of(&message).is_some());
    }

    #[test]
    fn what_is_too_much_is_not_added_and_keeps_nothing_from_being_cut() {
        let owner = key(0);
        let made_up = |n: u16| AccessSigner::new(&n.to_be_bytes(), &[7; 32]).key();
        let mut full: Rows =
            (1..STANDING_ROWS as u16).map(|n| (made_up(n), Standing { rank: OWNER, since: 1 })).collect();
        full.insert(owner, Standing { rank: OWNER, since: 0 });
        let (one, two, gone) = (made_up(10_001), made_up(10_002), made_up(1));
        let asked = |mut rows: Vec<pb::Row>| {
            rows.sort_by(|a, b| a.key.cmp(&b.key));
            let entry = entry(pb::EntryKind::Commit, &rows, false);
            let changes = Changes::of(&entry).unwrap();
            effects(&full, &after(&full, owner, (entry.kind(), &changes), 9, |_| false))
        };
        assert_eq!(asked(vec![set(one, MEMBER)]), []);
        let done = asked(vec![set(one, MEMBER), set(two, MEMBER), set(gone, NONE)]);
        assert_eq!(done, [(gone, NONE), (one.min(two), MEMBER)]);
    }

    #[test]
    fn what_is_malformed_is_no_list_of_rows() {
        let commit = |rows: &[pb::Row]| Changes::of(&entry(pb::EntryKind::Commit, rows, false));
        let (one, two) = (set(key(1), GUEST), set(key(2), NONE));
        assert!(commit(&[one.clone(), two.clone()]).is_some());
        assert_eq!(commit(&[two, one.clone()]), None, "out of order");
        assert_eq!(commit(&[one.clone(), one.clone()]), None, "twice");
        assert_eq!(commit(&[pb::Row { rank: OWNER + 1, ..one.clone() }]), None);
        assert_eq!(commit(&[pb::Row { key: vec![1; 31], ..one.clone() }]), None);
        assert_eq!(commit(&[set(AccessKey([0; 32]), GUEST)]), None, "of small order");
        assert!(commit(&[set(AccessKey([0; 32]), NONE)]).is_some(), "which may be cut");
        assert_eq!(commit(&vec![one; ROW_CHANGES + 1]), None);
    }
}

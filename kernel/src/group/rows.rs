//! The rows that a state of a group asks for, and what a commit has to ask of them (rule 8): the difference of two states,
//! or the whole of the later one. So nobody has to know which rows stand.

use std::collections::BTreeMap;

use pli_proto::pb;
use pli_proto::row::AccessKey;
use pli_proto::rows::{self, Changes, Ranks, rank};
use pli_proto::signed::Hash;

use super::roster::Roster;
use super::seal::LogKey;
use super::settings::Settings;

/// Leaves and settings of a state.
type State<'a> = (&'a Roster, &'a Settings);

/// The rows that a state asks for: one for each leaf, with its person's rank.
pub fn asked(roster: &Roster, settings: &Settings) -> Ranks {
    blinded(ranks((roster, settings)), &settings.log_key)
}

/// The digest of the rows that a state asks for, as the server tells that of those that stand.
pub fn digest(roster: &Roster, settings: &Settings) -> Hash {
    rows::digest(asked(roster, settings).iter().map(|(key, rank)| (key, *rank)))
}

/// What a commit from one state to another asks of rows: those that are to have another rank, or, with
/// [`rank::NONE`], to be cut.
pub fn changes(before: State<'_>, after: State<'_>) -> Ranks {
    let (old, mut new) = (ranks(before), ranks(after));
    for (leaf_key, rank) in old {
        match new.get(leaf_key) {
            Some(now) if *now == rank => {
                new.remove(leaf_key);
            }
            Some(_) => {}
            None => {
                new.insert(leaf_key, rank::NONE);
            }
        }
    }
    // Multiplied with the log's factor are those that differ alone: a large group has many that do not.
    blinded(new, &after.1.log_key)
}

/// Rule 8: whether an entry asks of rows what its commit has to ask.
pub(super) fn check(entry: &pb::Entry, before: State<'_>, after: State<'_>, is_return: bool) -> bool {
    let Some(Changes { rows, whole }) = Changes::of(entry) else { return false };
    if is_return {
        return rows.is_empty() && !whole;
    }
    let listed: Ranks = rows.iter().map(|row| (row.key, row.rank)).collect();
    let due = if whole { asked(after.0, after.1) } else { changes(before, after) };
    // Besides, cuts of keys that nobody has. Who has one stands in a whole list.
    let further: Vec<_> = listed.iter().filter(|(key, _)| !due.contains_key(*key)).collect();
    let kept = if whole || further.is_empty() { Ranks::new() } else { asked(after.0, after.1) };
    due.iter().all(|(key, rank)| listed.get(key) == Some(rank))
        && further.iter().all(|(key, rank)| **rank == rank::NONE && !kept.contains_key(*key))
}

/// The rank that a state asks for, for each leaf key.
fn ranks((roster, settings): State<'_>) -> BTreeMap<&[u8; 32], u32> {
    let mut ranks: BTreeMap<_, _> =
        settings.roles(roster).into_iter().map(|(person, role)| (person, role.rank())).collect();
    for heir in &settings.heirs {
        // The server prefers them where it has to choose the next owner.
        ranks.entry(*heir).and_modify(|rank| *rank = rank::ADMIN.max(*rank));
    }
    roster.leaves().map(|leaf| (leaf.key(), ranks[&leaf.person()])).collect()
}

fn blinded(ranks: BTreeMap<&[u8; 32], u32>, log_key: &LogKey) -> Ranks {
    // No leaf has a key that can't be blinded: its certificate would not be good.
    ranks.into_iter().filter_map(|(key, rank)| Some((AccessKey::of(log_key.as_bytes(), key)?, rank))).collect()
}

#[cfg(test)]
mod tests {
    use pli_proto::certificate::DeviceCertificate;
    use pli_proto::id::{DeviceId, PersonId};
    use pli_proto::rows::rank::{ADMIN, GUEST, MEMBER, NONE, OWNER};

    use super::super::roster::{KeyDigest, Leaf};
    use super::super::settings::Role;
    use super::*;
    use crate::crypto::DeviceKey;

    const GUEST_PERSON: u8 = 5;

    fn leaf(n: u8) -> Leaf {
        let certificate = DeviceCertificate {
            person: PersonId([n; 16]),
            device: DeviceId([n; 16]),
            is_guest: n == GUEST_PERSON,
            key: DeviceKey::from_seed(&[n; 32]).public(),
            not_before_s: 0,
            not_after_s: i64::MAX,
            fingerprint: [n; 32],
            issuer: [0; 32],
        };
        Leaf { index: n.into(), certificate, encryption_key: KeyDigest::default() }
    }

    /// A state with these persons, and their roles.
    fn state(people: &[(u8, Role)]) -> (Roster, Settings) {
        let (mut roster, owner) = (Roster::default(), PersonId([1; 16]));
        let mut settings = Settings::group(LogKey::from([9; 32]), [0; 32], owner, "");
        settings.roles.clear();
        for (n, role) in people {
            roster.insert(leaf(*n));
            if *role >= Role::Admin {
                settings.roles.insert(PersonId([*n; 16]), *role);
            }
        }
        (roster, settings)
    }

    fn key(n: u8) -> AccessKey {
        leaf(n).row_key(&LogKey::from([9; 32])).unwrap()
    }

    fn entry(rows: &Ranks, whole: bool) -> pb::Entry {
        let rows = rows.iter().map(|(key, rank)| rows::set(*key, *rank)).collect();
        pb::Entry { kind: pb::EntryKind::Commit.into(), rows, whole, ..pb::Entry::default() }
    }

    #[test]
    fn rows_are_those_by_which_the_states_differ_and_no_others() {
        let before =
            state(&[(1, Role::Owner), (2, Role::Admin), (3, Role::Member), (4, Role::Member), (5, Role::Guest)]);
        let after =
            state(&[(1, Role::Owner), (2, Role::Member), (3, Role::Admin), (5, Role::Guest), (6, Role::Member)]);
        let (before, after) = ((&before.0, &before.1), (&after.0, &after.1));
        let due = Ranks::from([(key(2), MEMBER), (key(3), ADMIN), (key(4), NONE), (key(6), MEMBER)]);
        let all = Ranks::from([(key(1), OWNER), (key(2), MEMBER), (key(3), ADMIN), (key(5), GUEST), (key(6), MEMBER)]);
        assert_eq!(changes(before, after), due);
        assert_eq!(asked(after.0, after.1), all);
        assert!(changes(after, after).is_empty());
        let counts = |rows: &Ranks, whole: bool| check(&entry(rows, whole), before, after, false);
        assert!(counts(&due, false) && counts(&all, true));
        assert!(!counts(&due, true) && !counts(&all, false));
        for (whole, right) in [(false, &due), (true, &all)] {
            for listed in right.keys() {
                let mut other = right.clone();
                other.remove(listed);
                assert!(!counts(&other, whole), "one is missing");
                for rank in (NONE..=OWNER).filter(|rank| *rank != right[listed]) {
                    other.insert(*listed, rank);
                    assert!(!counts(&other, whole), "one has another rank");
                }
            }
            for (n, rank) in [(1, OWNER), (1, NONE), (5, GUEST), (5, MEMBER), (7, MEMBER), (7, GUEST)] {
                let mut more = right.clone();
                if more.insert(key(n), rank) != Some(rank) {
                    assert!(!counts(&more, whole), "{n} is one too many");
                }
            }
            let mut cut = right.clone();
            cut.extend([(key(7), NONE), (key(8), NONE)]);
            assert!(counts(&cut, whole), "what nobody has may be cut besides");
        }
        let unsorted = pb::Entry { rows: entry(&due, false).rows.into_iter().rev().collect(), ..entry(&due, false) };
        assert!(!check(&unsorted, before, after, false));
    }

    #[test]
    fn an_heirs_row_is_an_admins_at_the_least() {
        let (roster, mut settings) = state(&[(1, Role::Owner), (2, Role::Member), (3, Role::Admin)]);
        settings.heirs = [2, 3, 1, 9].map(|n| PersonId([n; 16])).to_vec();
        let expected = Ranks::from([(key(1), OWNER), (key(2), ADMIN), (key(3), ADMIN)]);
        assert_eq!(asked(&roster, &settings), expected);
    }

    #[test]
    fn a_return_asks_for_no_rows() {
        let same = state(&[(1, Role::Owner), (2, Role::Member)]);
        let same = (&same.0, &same.1);
        let returns = |rows: &Ranks, whole| check(&entry(rows, whole), same, same, true);
        assert!(returns(&Ranks::new(), false));
        assert!(!returns(&Ranks::from([(key(7), NONE)]), false));
        assert!(!returns(&asked(same.0, same.1), true));
        // In a pair both have an owner's.
        let pair = Settings::pair(LogKey::from([9; 32]), [0; 32], &[PersonId([1; 16]), PersonId([2; 16])], 1);
        assert_eq!(asked(same.0, &pair), Ranks::from([(key(1), OWNER), (key(2), OWNER)]));
    }
}

//! What row changes do to a log's rows. The server decides by this what to accept; each client keeps the same book, so
//! that it knows what is left to mend.
//!
//! 1. A row changes rows of no higher rank than its own, to no higher rank than its own.
//! 2. Rank 0 changes only itself, but may add rows of rank 0.
//! 3. Where no row has rank 2, rank 1 acts as 2; where none has rank 1 either, all do.
//! 4. Any row revokes the row of a revoked device.
//! 5. A message may change nothing but revoke its own row.

use std::collections::BTreeMap;

use crate::limits::ROW_CHANGES;
use crate::pb::{self, Reason, row_change::Change};
use crate::row::AccessKey;

/// The ranks of roles.
pub mod rank {
    /// Of everyone else.
    pub const OTHER: u32 = 0;
    /// Of an admin's device.
    pub const ADMIN: u32 = 1;
    /// Of an owner's device.
    pub const OWNER: u32 = 2;
}

/// The rows of a log that are not revoked, with their ranks.
pub type Rows = BTreeMap<AccessKey, u32>;

/// One change that happens: the row and its new rank, or `None` if it is revoked.
pub type Effect = (AccessKey, Option<u32>);

/// What `changes`, signed by the row `by`, do to `rows`: the effects in order, without those that change nothing.
/// `is_revoked` says whether a leaf key stands on the revocation list.
///
/// # Errors
/// The reason for which the whole entry is refused.
pub fn effects(
    rows: &Rows,
    by: AccessKey,
    kind: pb::EntryKind,
    changes: &[pb::RowChange],
    is_revoked: impl Fn(&[u8; 32]) -> bool,
) -> Result<Vec<Effect>, Reason> {
    if changes.len() > ROW_CHANGES {
        return Err(Reason::Invalid);
    }
    let own = acting_rank(rows, by).ok_or(Reason::NoAccess)?;
    let mut after = rows.clone();
    let mut effects = Vec::new();
    for change in changes {
        let key = AccessKey::try_from(change.key.as_slice()).map_err(|_| Reason::Invalid)?;
        let now = after.get(&key).copied();
        let new = match change.change.as_ref().ok_or(Reason::Invalid)? {
            Change::Rank(rank) if *rank <= rank::OWNER => Some(*rank),
            Change::Rank(_) => return Err(Reason::Invalid),
            Change::Revoke(_) => None,
        };
        if new == now {
            continue;
        }
        let allowed = match (kind, &change.change) {
            (_, Some(Change::Revoke(_))) if key == by => true,
            (pb::EntryKind::Commit, Some(Change::Revoke(revoke))) if names_revoked(&key, revoke, &is_revoked) => true,
            (pb::EntryKind::Commit, _) => {
                let highest = now.max(new).unwrap_or_default();
                let alone = own == rank::OTHER && key != by && now.is_some();
                highest <= own && !alone
            }
            _ => false,
        };
        if !allowed {
            return Err(Reason::Rank);
        }
        match new {
            Some(rank) => after.insert(key, rank),
            None => after.remove(&key),
        };
        effects.push((key, new));
    }
    Ok(effects)
}

/// The rank that a row acts with; `None` if it is no row.
pub fn acting_rank(rows: &Rows, key: AccessKey) -> Option<u32> {
    let own = *rows.get(&key)?;
    let highest = rows.values().copied().max().unwrap_or_default();
    Some(if own == highest { rank::OWNER } else { own })
}

fn names_revoked(key: &AccessKey, revoke: &pb::RevokeRow, is_revoked: impl Fn(&[u8; 32]) -> bool) -> bool {
    let (Ok(leaf), Ok(factor)) = (revoke.leaf_key.as_slice().try_into(), revoke.factor.as_slice().try_into()) else {
        return false;
    };
    AccessKey::blinded(&factor, &leaf) == Some(*key) && is_revoked(&leaf)
}

/// Applies effects, as the log does when it takes their entry.
pub fn apply(rows: &mut Rows, effects: &[Effect]) {
    for (key, rank) in effects {
        match rank {
            Some(rank) => rows.insert(*key, *rank),
            None => rows.remove(key),
        };
    }
}

/// The change that gives `key` a rank.
pub fn set(key: AccessKey, rank: u32) -> pb::RowChange {
    pb::RowChange { key: key.0.to_vec(), change: Some(Change::Rank(rank)) }
}

/// The change that revokes `key`.
pub fn revoke(key: AccessKey) -> pb::RowChange {
    pb::RowChange { key: key.0.to_vec(), change: Some(Change::Revoke(pb::RevokeRow::default())) }
}

/// The change that revokes the row of a revoked device, whatever its rank.
pub fn revoke_revoked(log_key: &[u8], leaf_key: &[u8; 32]) -> Option<pb::RowChange> {
    let factor = crate::row::factor(log_key, leaf_key);
    let key = AccessKey::blinded(&factor, leaf_key)?;
    let revoke = pb::RevokeRow { leaf_key: leaf_key.to_vec(), factor: factor.to_vec() };
    Some(pb::RowChange { key: key.0.to_vec(), change: Some(Change::Revoke(revoke)) })
}

#[cfg(test)]
mod tests {
    use super::rank::{ADMIN, OTHER, OWNER};
    use super::*;
    use crate::row::AccessSigner;

    const COMMIT: pb::EntryKind = pb::EntryKind::Commit;
    const MESSAGE: pb::EntryKind = pb::EntryKind::Message;

    fn key(n: u8) -> AccessKey {
        AccessKey([n; 32])
    }
    fn rows(ranks: &[u32]) -> Rows {
        ranks.iter().zip(0..).map(|(rank, n)| (key(n), *rank)).collect()
    }
    fn try_one(rows: &Rows, by: u8, change: pb::RowChange) -> Result<Vec<Effect>, Reason> {
        effects(rows, key(by), COMMIT, &[change], |_| false)
    }

    #[test]
    fn a_row_changes_none_of_a_higher_rank_than_its_own() {
        let rows = rows(&[OWNER, ADMIN, OTHER, OTHER]);
        assert_eq!(try_one(&rows, 1, revoke(key(0))), Err(Reason::Rank));
        assert_eq!(try_one(&rows, 1, set(key(0), ADMIN)), Err(Reason::Rank));
        assert_eq!(try_one(&rows, 1, set(key(2), OWNER)), Err(Reason::Rank));
        assert_eq!(try_one(&rows, 1, revoke(key(2))), Ok(vec![(key(2), None)]));
        assert_eq!(try_one(&rows, 0, revoke(key(1))), Ok(vec![(key(1), None)]));
    }

    #[test]
    fn rank_0_changes_only_itself_and_adds_rank_0() {
        let rows = rows(&[OWNER, OTHER, OTHER]);
        assert_eq!(try_one(&rows, 1, revoke(key(2))), Err(Reason::Rank));
        assert_eq!(try_one(&rows, 1, set(key(1), ADMIN)), Err(Reason::Rank));
        assert_eq!(try_one(&rows, 1, set(key(9), ADMIN)), Err(Reason::Rank));
        assert_eq!(try_one(&rows, 1, set(key(9), OTHER)), Ok(vec![(key(9), Some(OTHER))]));
        assert_eq!(try_one(&rows, 1, revoke(key(1))), Ok(vec![(key(1), None)]));
    }

    #[test]
    fn without_owners_admins_act_as_owners_and_without_admins_everyone_does() {
        assert!(try_one(&rows(&[ADMIN, ADMIN]), 0, set(key(1), OWNER)).is_ok());
        assert!(try_one(&rows(&[ADMIN, OTHER]), 1, set(key(1), ADMIN)).is_err());
        assert!(try_one(&rows(&[OTHER, OTHER]), 1, set(key(0), ADMIN)).is_ok());
    }

    #[test]
    fn a_message_revokes_nothing_but_its_own_row() {
        let rows = rows(&[OWNER, OTHER]);
        assert_eq!(effects(&rows, key(0), MESSAGE, &[revoke(key(1))], |_| false), Err(Reason::Rank));
        assert_eq!(effects(&rows, key(0), MESSAGE, &[set(key(5), OTHER)], |_| false), Err(Reason::Rank));
        assert_eq!(effects(&rows, key(1), MESSAGE, &[revoke(key(1))], |_| false), Ok(vec![(key(1), None)]));
    }

    #[test]
    fn any_row_revokes_a_revoked_device_and_none_other_that_way() {
        let boss = AccessSigner::new(b"log key", &[5; 32]);
        let leaf = ed25519_dalek::SigningKey::from_bytes(&[5; 32]).verifying_key().to_bytes();
        let mut rows = rows(&[OTHER]);
        rows.insert(boss.key(), OWNER);
        let change = revoke_revoked(b"log key", &leaf).unwrap();
        let change = std::slice::from_ref(&change);
        assert_eq!(effects(&rows, key(0), COMMIT, change, |_| false), Err(Reason::Rank));
        assert_eq!(effects(&rows, key(0), COMMIT, change, |l| *l == leaf), Ok(vec![(boss.key(), None)]));
        assert_eq!(effects(&rows, key(0), MESSAGE, change, |l| *l == leaf), Err(Reason::Rank));
        let other = revoke_revoked(b"another log key", &leaf).unwrap();
        let forged = pb::RowChange { key: boss.key().0.to_vec(), ..other };
        assert_eq!(effects(&rows, key(0), COMMIT, &[forged], |l| *l == leaf), Err(Reason::Rank));
    }

    #[test]
    fn changes_are_idempotent_and_strangers_have_none() {
        let rows = rows(&[OWNER]);
        assert_eq!(try_one(&rows, 0, set(key(0), OWNER)), Ok(vec![]));
        assert_eq!(try_one(&rows, 0, revoke(key(7))), Ok(vec![]));
        assert_eq!(try_one(&rows, 7, set(key(7), OTHER)), Err(Reason::NoAccess));
        assert_eq!(try_one(&rows, 0, set(key(7), 3)), Err(Reason::Invalid));
    }
}

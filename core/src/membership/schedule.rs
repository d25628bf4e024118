//! When a device commits on its own account. Delays are random and grow with the group, so that members do not race.
//!
//! Times to wait for are kept as this device's clock says them, and the clock may be wrong: one that is further ahead than
//! any that is set has come.

use std::time::Duration;

use crate::store::Tx;
use crate::store::logs::Log;
use pli_kernel::group::settings::Role;

const MINUTE_MS: u64 = 60 * 1000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
pub(crate) const DAY_MS: u64 = 24 * HOUR_MS;
/// Owners and admins have done it by then, where one of them is online.
const FIRST_REMOVAL_MS: u64 = 8_000;
/// And others so long afterwards.
const REMOVAL_MS: u64 = 32_000;
/// What a person says waits no longer for another's commit.
const SAID_WAITS_MS: u64 = 5_000;

/// The next empty update: at a random time within max(30, n/10) days.
pub(crate) fn next_update(tx: &Tx<'_>, members: usize) -> u64 {
    random_within(tx, update_ms(members))
}

/// Whether it is due, or what is to be mended; else when.
pub(crate) fn update_is_due(record: &Log, now_ms: u64, members: usize) -> Result<(), u64> {
    let update = has_come(record.update_ms, now_ms, update_ms(members).max(DAY_MS));
    let others = [record.mend_ms, record.rows_ms].into_iter().filter(|at_ms| *at_ms > 0);
    others.map(|at_ms| has_come(at_ms, now_ms, DAY_MS)).fold(update, |first, other| match (first, other) {
        (Err(first_ms), Err(other_ms)) => Err(first_ms.min(other_ms)),
        _ => Ok(()),
    })
}

/// When to state all rows because others stand: soon, but not again and again, for the server may lie.
pub(crate) fn state_rows(tx: &Tx<'_>, record: &Log, members: usize) -> u64 {
    let next_ms = has_come(record.rows_after_ms, tx.now_ms(), HOUR_MS).err().unwrap_or_default();
    soon(tx, members).max(next_ms)
}

/// All rows are stated, by this device or one whose word about rows is worth as much: again after a minute at the earliest,
/// then after twice as long each time, up to an hour.
pub(crate) fn rows_stated(record: &mut Log, now_ms: u64) {
    let was_lately = now_ms.saturating_sub(record.rows_after_ms) < HOUR_MS;
    let pause_ms = if was_lately { (record.rows_pause_ms * 2).min(HOUR_MS) } else { MINUTE_MS };
    (record.rows_ms, record.rows_pause_ms, record.rows_after_ms) = (0, pause_ms, now_ms + pause_ms);
}

/// Whether a log's budget of commits may allow one; else when.
pub(crate) fn may_commit(record: &Log, now_ms: u64) -> Result<(), u64> {
    has_come(record.commit_ms, now_ms, DAY_MS)
}

/// Whether a member who has lost the secrets may come back; else when.
pub(crate) fn may_return(record: &Log, now_ms: u64) -> Result<(), u64> {
    has_come(record.return_ms, now_ms, DAY_MS).and(may_commit(record, now_ms))
}

/// Whether a time has come, of those that are at most so far ahead when they are set; else the time.
pub(crate) fn has_come(at_ms: u64, now_ms: u64, most_ms: u64) -> Result<(), u64> {
    if at_ms <= now_ms || at_ms - now_ms > most_ms { Ok(()) } else { Err(at_ms) }
}

fn update_ms(members: usize) -> u64 {
    (members as u64 * DAY_MS / 10).max(30 * DAY_MS)
}

/// The first one after joining: within max(1, n/100) days.
pub(crate) fn first_update(tx: &Tx<'_>, members: usize) -> u64 {
    random_within(tx, (members as u64 * DAY_MS / 100).max(DAY_MS))
}

/// Soon, for what others wait for: within a tenth of a second for each member.
pub(crate) fn soon(tx: &Tx<'_>, members: usize) -> u64 {
    random_within(tx, members as u64 * Duration::from_millis(100).as_millis() as u64)
}

/// When to remove from a group those who must go: owners and admins first, for every member would encrypt to the whole
/// group, and one commit is enough.
pub(crate) fn removal(tx: &Tx<'_>, leaves: usize, role: Role) -> u64 {
    let (from_ms, within_ms) = removal_window(leaves as u64, role);
    random_within(tx, within_ms) + from_ms + 1
}

/// After how long the time for it begins, and how long it is.
fn removal_window(leaves: u64, role: Role) -> (u64, u64) {
    let first_ms = (leaves * 1_000 / 50).min(FIRST_REMOVAL_MS);
    if role >= Role::Admin { (0, first_ms) } else { (first_ms, (leaves * 1_000 / 20).min(REMOVAL_MS)) }
}

/// Whether this device's turn to remove them has come, or what was said has waited for others' long enough; else when.
pub(crate) fn may_remove(turn_ms: u64, said_ms: Option<u64>, now_ms: u64) -> Result<(), u64> {
    let turn = has_come(turn_ms, now_ms, FIRST_REMOVAL_MS + REMOVAL_MS);
    match (turn, said_ms) {
        (Err(turn_ms), Some(said_ms)) => {
            has_come(said_ms + SAID_WAITS_MS, now_ms, SAID_WAITS_MS).map_err(|said_ms| said_ms.min(turn_ms))
        }
        (turn, _) => turn,
    }
}

fn random_within(tx: &Tx<'_>, ms: u64) -> u64 {
    tx.now_ms() + pli_env::random_below(&*tx.context.env, ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pli_kernel::group::seal::LogKey;
    use pli_proto::id::{ConversationId, LogId};

    #[test]
    fn those_who_must_go_are_removed_by_rank_and_soon() {
        assert_eq!(removal_window(1_000, Role::Owner), (0, 8_000));
        assert_eq!(removal_window(1_000, Role::Member), (8_000, 32_000));
        assert_eq!(removal_window(100, Role::Admin), (0, 2_000));
        assert_eq!(removal_window(100, Role::Guest), (2_000, 5_000));
        assert_eq!(removal_window(2, Role::Member), (40, 100));
        let now_ms = 20_000 * DAY_MS;
        assert_eq!(may_remove(now_ms, None, now_ms), Ok(()));
        assert_eq!(may_remove(now_ms + 9_000, None, now_ms), Err(now_ms + 9_000));
        // What is said does not wait for so long, and does not hurry a turn that comes before.
        assert_eq!(may_remove(now_ms + 9_000, Some(now_ms), now_ms), Err(now_ms + 5_000));
        assert_eq!(may_remove(now_ms + 9_000, Some(now_ms - 5_000), now_ms), Ok(()));
        assert_eq!(may_remove(now_ms + 1_000, Some(now_ms), now_ms), Err(now_ms + 1_000));
        // By a clock that was wrong.
        assert_eq!(may_remove(now_ms + DAY_MS, None, now_ms), Ok(()));
        assert_eq!(may_remove(now_ms + 9_000, Some(now_ms + DAY_MS), now_ms), Ok(()));
    }

    fn log() -> Log {
        Log::new(LogId([1; 16]), ConversationId([1; 16]), LogKey::from([1; 32]))
    }

    #[test]
    fn rows_are_stated_less_often_each_time_until_there_was_peace_for_an_hour() {
        let (mut log, mut now_ms) = (log(), 20_000 * DAY_MS);
        for minutes in [1, 2, 4, 8, 16, 32, 60, 60] {
            log.rows_ms = now_ms;
            rows_stated(&mut log, now_ms);
            assert_eq!((log.rows_ms, log.rows_after_ms), (0, now_ms + minutes * MINUTE_MS));
            now_ms = log.rows_after_ms;
        }
        rows_stated(&mut log, now_ms + HOUR_MS);
        assert_eq!(log.rows_pause_ms, MINUTE_MS);
    }

    #[test]
    fn times_that_no_right_clock_has_set_have_come() {
        let (log, now_ms) = (log(), 20_000 * DAY_MS);
        let years = now_ms + 3_000 * DAY_MS;
        assert_eq!(may_commit(&Log { commit_ms: years, ..log.clone() }, now_ms), Ok(()));
        assert_eq!(may_commit(&Log { commit_ms: now_ms + 7, ..log.clone() }, now_ms), Err(now_ms + 7));
        assert_eq!(may_return(&Log { return_ms: years, ..log.clone() }, now_ms), Ok(()));
        assert_eq!(may_return(&Log { return_ms: 1, commit_ms: now_ms + 7, ..log.clone() }, now_ms), Err(now_ms + 7));
        let update = |update_ms, mend_ms| {
            let by_rows = update_is_due(&Log { update_ms, rows_ms: mend_ms, ..log.clone() }, now_ms, 10);
            let by_key = update_is_due(&Log { update_ms, mend_ms, ..log.clone() }, now_ms, 10);
            assert_eq!(by_rows, by_key);
            by_key
        };
        let month = now_ms + 30 * DAY_MS;
        assert_eq!(update(years, 0), Ok(()));
        assert_eq!(update(month, 0), Err(month));
        assert_eq!(update(month, now_ms + 7), Err(now_ms + 7));
        assert_eq!(update(month, years), Ok(()));
        assert_eq!(update(now_ms, now_ms + 7), Ok(()));
        // In large groups updates are rarer.
        let rare = now_ms + 99 * DAY_MS;
        assert_eq!(update_is_due(&Log { update_ms: rare, ..log }, now_ms, 1_000), Err(rare));
    }
}

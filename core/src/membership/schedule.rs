//! When a device commits on its own account. Delays are random and grow with the group, so that members do not race.
//!
//! Times to wait for are kept as this device's clock says them, and the clock may be wrong: one that is further ahead than
//! any that is set has come.

use std::time::Duration;

use crate::store::Tx;
use crate::store::logs::Log;

pub(crate) const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// The next empty update: at a random time within max(30, n/10) days.
pub(crate) fn next_update(tx: &Tx<'_>, members: usize) -> u64 {
    random_within(tx, update_ms(members))
}

/// Whether it is due, or what is to be mended; else when.
pub(crate) fn update_is_due(record: &Log, now_ms: u64, members: usize) -> Result<(), u64> {
    let update = has_come(record.update_ms, now_ms, update_ms(members).max(DAY_MS));
    match (record.mend_ms, update) {
        (0, update) => update,
        (mend_ms, Err(update_ms)) => has_come(mend_ms, now_ms, DAY_MS).map_err(|mend_ms| mend_ms.min(update_ms)),
        (_, Ok(())) => Ok(()),
    }
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

fn random_within(tx: &Tx<'_>, ms: u64) -> u64 {
    tx.now_ms() + pli_env::random_below(&*tx.context.env, ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pli_kernel::group::seal::LogKey;
    use pli_proto::id::{ConversationId, LogId};

    #[test]
    fn times_that_no_right_clock_has_set_have_come() {
        let key = LogKey::try_from([1; 32].as_slice()).unwrap();
        let log = Log::new(LogId([1; 16]), ConversationId([1; 16]), key);
        let now_ms = 20_000 * DAY_MS;
        let years = now_ms + 3_000 * DAY_MS;
        assert_eq!(may_commit(&Log { commit_ms: years, ..log.clone() }, now_ms), Ok(()));
        assert_eq!(may_commit(&Log { commit_ms: now_ms + 7, ..log.clone() }, now_ms), Err(now_ms + 7));
        assert_eq!(may_return(&Log { return_ms: years, ..log.clone() }, now_ms), Ok(()));
        assert_eq!(may_return(&Log { return_ms: 1, commit_ms: now_ms + 7, ..log.clone() }, now_ms), Err(now_ms + 7));
        let update = |update_ms, mend_ms| update_is_due(&Log { update_ms, mend_ms, ..log.clone() }, now_ms, 10);
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

//! When a device commits on its own account. Delays are random and grow with the group, so that members do not race.

use std::time::Duration;

use crate::store::Tx;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// The next empty update: at a random time within max(30, n/10) days.
pub(crate) fn next_update(tx: &Tx<'_>, members: usize) -> u64 {
    random_within(tx, (members as u64 * DAY_MS / 10).max(30 * DAY_MS))
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

//! Messages that the organisation keeps no longer.

use pli_env::sql::{Numbers as _, integer};
use pli_proto::id::LogId;
use pli_proto::pb;
use rusqlite::{Connection, OptionalExtension, Result as Sql, Row, params};

use super::pieces::ENTRIES;
use crate::config::DAY_MS;
use crate::engine::EngineError;

/// Messages pruned in one transaction.
const PRUNED_AT_ONCE: u64 = 500;

/// Each log remembers how far it was pruned, and when the first entry beyond was received: so a run looks at nothing but
/// what it prunes.
pub(super) fn prune(c: &Connection, before_ms: u64) -> Result<u64, EngineError> {
    let before = integer(before_ms);
    let due = "SELECT log, pruned FROM logs WHERE unpruned_ms < ?1 ORDER BY unpruned_ms LIMIT 1";
    let mut pruned = 0;
    while pruned < PRUNED_AT_ONCE {
        let next = c.prepare_cached(due)?.query_row([before], |r| Ok((LogId(r.get(0)?), r.number(1)?))).optional()?;
        let Some((log, from)) = next else { break };
        let (to, next_ms) = prune_log(c, log, from, before_ms, PRUNED_AT_ONCE - pruned)?;
        pruned += to - from;
        // Of a log of which nothing is left the last time goes, too, but for its day.
        let set = "UPDATE logs SET pruned = ?2, unpruned_ms = ?3,
            last_ms = iif(?3 IS NULL, last_ms / ?4 * ?4, last_ms) WHERE log = ?1";
        c.prepare_cached(set)?.execute(params![log.0, integer(to), next_ms.map(integer), integer(DAY_MS)])?;
    }
    Ok(pruned)
}

/// Prunes one log after a number. Gives how far, and when the next entry was received, if there is one.
fn prune_log(c: &Connection, log: LogId, from: u64, before_ms: u64, most: u64) -> Sql<(u64, Option<u64>)> {
    let next = "SELECT kind, received_ms, length(sealed) < sealed_bytes FROM entries WHERE log = ?1 AND number = ?2";
    let read = |r: &Row<'_>| Ok((r.get::<_, i32>(0)?, r.number(1)?, r.get::<_, Option<bool>>(2)?));
    let mut to = from;
    loop {
        let found = c.prepare_cached(next)?.query_row(params![log.0, integer(to + 1)], read).optional()?;
        let Some((kind, received_ms, in_pieces)) = found else { return Ok((to, None)) };
        // The clock may have gone back meanwhile: stop at the first that is to stay.
        if received_ms >= before_ms || to == from + most {
            return Ok((to, Some(received_ms)));
        }
        to += 1;
        if kind != pb::EntryKind::Message as i32 {
            continue;
        }
        // Id and digest stay, so that an old append repeated is not a new one.
        let drop = "UPDATE entries SET sealed = NULL, changes = NULL,
            received_ms = received_ms / ?3 * ?3 WHERE log = ?1 AND number = ?2";
        c.prepare_cached(drop)?.execute(params![log.0, integer(to), integer(DAY_MS)])?;
        if in_pieces == Some(true) {
            ENTRIES.drop(c, &log.0, to - 1, to)?;
        }
    }
}

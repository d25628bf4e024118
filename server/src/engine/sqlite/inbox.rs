//! Inboxes. An item's number counts its inbox alone, and no item has a time. How many items and bytes wait stands in a
//! row of its own, so that nobody makes the writer look at what waits.

use pli_env::sql::{Numbers as _, integer};
use pli_proto::id::DeviceId;
use pli_proto::limits::{INBOX_BYTES, INBOX_ITEMS, PAGE_BYTES, PAGE_ENTRIES};
use pli_proto::pb::{self, Reason};
use rusqlite::{Connection, OptionalExtension, Result as Sql, params};

use super::pieces::{self, INBOX};
use crate::config::DAY_MS;
use crate::engine::{EngineError, InboxBatch, Refused};

/// Ids remembered per inbox: enough for any repetition, and a bound on what strangers can make the server keep.
const REMEMBERED: u64 = 4 * INBOX_ITEMS;
/// Forgotten together once there are more, so that it is seldom done.
const FORGOTTEN: u64 = INBOX_ITEMS;
/// A full inbox empties when its device comes online.
const FULL_RETRY_MS: u64 = 60 * 60 * 1000;

/// A device that enrolled, and was not revoked, has an inbox.
pub(super) fn make(c: &Connection, device: DeviceId) -> Sql<()> {
    c.prepare_cached("INSERT INTO inboxes VALUES (?1, 0, 0, 0, 0)")?.execute([&device.0]).map(|_| ())
}

pub(super) fn end(c: &Connection, device: DeviceId) -> Sql<()> {
    for table in ["inboxes", "inbox", "inbox_pieces", "delivered"] {
        c.prepare_cached(&format!("DELETE FROM {table} WHERE device = ?1"))?.execute([&device.0])?;
    }
    Ok(())
}

struct State {
    last: u64,
    items: u64,
    bytes: u64,
    remembered: u64,
}

fn state(c: &Connection, device: DeviceId) -> Sql<Option<State>> {
    let query = "SELECT last, items, bytes, remembered FROM inboxes WHERE device = ?1";
    let read = |r: &rusqlite::Row<'_>| {
        Ok(State { last: r.number(0)?, items: r.number(1)?, bytes: r.number(2)?, remembered: r.number(3)? })
    };
    c.prepare_cached(query)?.query_row([&device.0], read).optional()
}

fn set_state(c: &Connection, device: DeviceId, state: &State) -> Sql<()> {
    let State { last, items, bytes, remembered } = *state;
    let set = "UPDATE inboxes SET last = ?2, items = ?3, bytes = ?4, remembered = ?5 WHERE device = ?1";
    let values = params![device.0, integer(last), integer(items), integer(bytes), integer(remembered)];
    c.prepare_cached(set)?.execute(values).map(|_| ())
}

pub(super) fn deliver(
    c: &Connection,
    device: DeviceId,
    id: &[u8; 16],
    sealed: &[u8],
    now_ms: u64,
) -> Result<(), EngineError> {
    let state = state(c, device)?;
    let mut state = state.ok_or_else(|| EngineError::refused(Reason::NotEnrolled, "no such device"))?;
    if c.prepare_cached("SELECT 1 FROM delivered WHERE device = ?1 AND id = ?2")?.exists(params![device.0, id])? {
        return Ok(());
    }
    state.last += 1;
    state.items += 1;
    state.bytes += sealed.len() as u64;
    if state.items > INBOX_ITEMS || state.bytes > INBOX_BYTES {
        return Err(EngineError::Refused(Refused {
            reason: Reason::Limit,
            message: "the inbox is full",
            last_commit: None,
            retry_after_ms: FULL_RETRY_MS,
        }));
    }
    let item = "INSERT INTO inbox VALUES (?1, ?2, ?3)";
    c.prepare_cached(item)?.execute(params![device.0, integer(state.last), integer(sealed.len() as u64)])?;
    INBOX.put(c, &device.0, state.last, sealed)?;
    let day = integer(now_ms / DAY_MS);
    c.prepare_cached("INSERT INTO delivered VALUES (?1, ?2, ?3)")?.execute(params![device.0, id, day])?;
    state.remembered += 1;
    if state.remembered > REMEMBERED {
        state.remembered = forget(c, device, id)?;
    }
    set_state(c, device, &state)?;
    Ok(())
}

/// Forgets the oldest ids, but for one, if there are too many: some were swept meanwhile. How many are left.
fn forget(c: &Connection, device: DeviceId, but: &[u8; 16]) -> Sql<u64> {
    let count = "SELECT count(*) FROM delivered WHERE device = ?1";
    let there = c.prepare_cached(count)?.query_row([&device.0], |r| r.number(0))?;
    if there <= REMEMBERED {
        return Ok(there);
    }
    let forget = "DELETE FROM delivered WHERE device = ?1 AND id IN
        (SELECT id FROM delivered WHERE device = ?1 AND id <> ?2 ORDER BY day, id LIMIT ?3)";
    let forgotten = c.prepare_cached(forget)?.execute(params![device.0, but, integer(FORGOTTEN)])?;
    Ok(there - forgotten as u64)
}

/// Reads no more than `most` bytes of items; says too how many a page would have.
pub(super) fn batch(c: &Connection, device: DeviceId, after: u64, most: usize) -> Result<InboxBatch, EngineError> {
    let query = "SELECT number, bytes FROM inbox WHERE device = ?1 AND number > ?2 ORDER BY number";
    let mut statement = c.prepare_cached(query)?;
    let mut found = statement.query(params![device.0, integer(after)])?;
    let mut batch = InboxBatch { caught_up: true, ..InboxBatch::default() };
    let mut count = 0;
    while let Some(row) = found.next()? {
        let (number, bytes) = (row.number(0)?, pieces::size(row, "bytes")?);
        if count > 0 && (batch.bytes + bytes > PAGE_BYTES || count == PAGE_ENTRIES) {
            batch.caught_up = false;
            break;
        }
        (batch.bytes, count) = (batch.bytes + bytes, count + 1);
        if batch.bytes <= most {
            batch.items.push(pb::InboxItem { number, sealed: INBOX.get(c, &device.0, number, bytes)? });
        }
    }
    batch.caught_up &= batch.items.len() == count;
    Ok(batch)
}

pub(super) fn acknowledge(c: &Connection, device: DeviceId, up_to: u64) -> Result<(), EngineError> {
    let Some(mut state) = state(c, device)? else { return Ok(()) };
    let these = "SELECT count(*), coalesce(sum(bytes), 0) FROM inbox WHERE device = ?1 AND number <= ?2";
    let (items, bytes) =
        c.prepare_cached(these)?.query_row(params![device.0, integer(up_to)], |r| Ok((r.number(0)?, r.number(1)?)))?;
    if items == 0 {
        return Ok(());
    }
    let drop = "DELETE FROM inbox WHERE device = ?1 AND number <= ?2";
    c.prepare_cached(drop)?.execute(params![device.0, integer(up_to)])?;
    INBOX.drop(c, &device.0, 0, up_to)?;
    state.items = state.items.saturating_sub(items);
    state.bytes = state.bytes.saturating_sub(bytes);
    set_state(c, device, &state)?;
    Ok(())
}

//! Inboxes. An item's number counts its inbox alone, and no item has a time.

use pli_env::sql::{Numbers as _, integer};
use pli_proto::id::DeviceId;
use pli_proto::limits::{INBOX_ITEMS, PAGE_BYTES, PAGE_ENTRIES};
use pli_proto::pb::{self, Reason};
use rusqlite::{Connection, OptionalExtension, params};

use crate::config::DAY_MS;
use crate::engine::{EngineError, InboxBatch, Refused};

/// Ids remembered per inbox: enough for any repetition, and a bound on what strangers can make the server keep.
const REMEMBERED: i64 = 4 * INBOX_ITEMS as i64;
/// A full inbox empties when its device comes online.
const FULL_RETRY_MS: u64 = 60 * 60 * 1000;

pub(super) fn deliver(
    c: &Connection,
    device: DeviceId,
    id: &[u8; 16],
    sealed: &[u8],
    now_ms: u64,
) -> Result<(), EngineError> {
    let query = "SELECT inbox_last FROM devices WHERE id = ?1 AND revoked = 0";
    let last = c.prepare_cached(query)?.query_row([&device.0], |r| r.number(0)).optional()?;
    let last = last.ok_or_else(|| EngineError::refused(Reason::NotEnrolled, "no such device"))?;
    if c.prepare_cached("SELECT 1 FROM delivered WHERE device = ?1 AND id = ?2")?.exists(params![device.0, id])? {
        return Ok(());
    }
    let count = "SELECT count(*) FROM inbox WHERE device = ?1";
    let waiting = c.prepare_cached(count)?.query_row([&device.0], |r| r.number(0))?;
    if waiting >= INBOX_ITEMS {
        return Err(EngineError::Refused(Refused {
            reason: Reason::Limit,
            message: "the inbox is full",
            last_commit: None,
            retry_after_ms: FULL_RETRY_MS,
        }));
    }
    let number = integer(last + 1);
    c.prepare_cached("UPDATE devices SET inbox_last = ?2 WHERE id = ?1")?.execute(params![device.0, number])?;
    c.prepare_cached("INSERT INTO inbox VALUES (?1, ?2, ?3)")?.execute(params![device.0, number, sealed])?;
    let day = integer(now_ms / DAY_MS);
    c.prepare_cached("INSERT INTO delivered VALUES (?1, ?2, ?3)")?.execute(params![device.0, id, day])?;
    let forget = "DELETE FROM delivered WHERE device = ?1 AND id IN (SELECT id FROM delivered WHERE device = ?1
        AND id <> ?2 ORDER BY day, id LIMIT max(0, (SELECT count(*) FROM delivered WHERE device = ?1) - ?3))";
    c.prepare_cached(forget)?.execute(params![device.0, id, REMEMBERED])?;
    Ok(())
}

pub(super) fn batch(c: &Connection, device: DeviceId, after: u64) -> Result<InboxBatch, EngineError> {
    let query = "SELECT number, sealed FROM inbox WHERE device = ?1 AND number > ?2 ORDER BY number";
    let mut statement = c.prepare_cached(query)?;
    let mut found = statement.query(params![device.0, integer(after)])?;
    let (mut items, mut bytes) = (Vec::new(), 0);
    while let Some(row) = found.next()? {
        let item = pb::InboxItem { number: row.number(0)?, sealed: row.get(1)? };
        bytes += item.sealed.len();
        if !items.is_empty() && (bytes > PAGE_BYTES || items.len() == PAGE_ENTRIES) {
            return Ok(InboxBatch { items, caught_up: false });
        }
        items.push(item);
    }
    Ok(InboxBatch { items, caught_up: true })
}

pub(super) fn acknowledge(c: &Connection, device: DeviceId, up_to: u64) -> Result<(), EngineError> {
    let drop = "DELETE FROM inbox WHERE device = ?1 AND number <= ?2";
    c.prepare_cached(drop)?.execute(params![device.0, integer(up_to)])?;
    Ok(())
}

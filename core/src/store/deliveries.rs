//! Deliveries: items for others' inboxes, which follow when an entry is in the log.

use pli_env::sql::{Numbers as _, integer};
use pli_proto::id::DeviceId;
use pli_proto::pb;
use rusqlite::{Connection, Row};

use crate::error::Error;

use super::outbox::{DUE, LONGEST_WAIT_MS};

/// Items that are delivered before others are looked for.
const PAGE: usize = 64;
/// The first wait for room in an inbox; it doubles each time, to a day.
const RETRY_MS: u64 = 1_000;
/// So many tries take 60 days at least, for that long the keys are kept that open a welcome (docs/protocol.md, 6.2).
/// Counted, not dated: no clock that is wrong for a moment makes a welcome go.
const TRIES: u32 = 77;

/// Leaves an item for a device, until the server has it.
pub(crate) fn put(db: &Connection, id: [u8; 16], device: DeviceId, sealed: &[u8]) -> Result<(), Error> {
    let sql = "INSERT INTO deliveries(id, device, sealed) VALUES(?, ?, ?)";
    db.prepare_cached(sql)?.execute((id, device.0, sealed))?;
    Ok(())
}

/// Some of what can be delivered now: what waits for longest comes first.
pub(crate) fn due(db: &Connection, now_ms: u64) -> Result<Vec<pb::DeliverRequest>, Error> {
    let sql = format!("SELECT id, device, sealed FROM deliveries WHERE {DUE} ORDER BY after_ms, id LIMIT {PAGE}");
    let mut query = db.prepare_cached(&sql)?;
    let delivery = |row: &Row<'_>| Ok(pb::DeliverRequest { id: row.get(0)?, device: row.get(1)?, sealed: row.get(2)? });
    let deliveries = query.query_map([integer(now_ms)], delivery)?.collect::<Result<_, _>>()?;
    Ok(deliveries)
}

/// Whether something can be delivered now.
pub(crate) fn is_due(db: &Connection, now_ms: u64) -> Result<bool, Error> {
    Ok(db.prepare_cached(&format!("SELECT 1 FROM deliveries WHERE {DUE}"))?.exists([integer(now_ms)])?)
}

/// When the next one can be, of those that can't now.
pub(crate) fn next_ms(db: &Connection, now_ms: u64) -> Result<Option<u64>, Error> {
    let sql = format!("SELECT min(after_ms) FROM deliveries WHERE NOT {DUE}");
    Ok(db.prepare_cached(&sql)?.query_row([integer(now_ms)], |row| row.optional_number(0))?)
}

/// There was no room for it: it is tried later, not before the server asks for it, and given up after so many tries.
pub(crate) fn postpone(db: &Connection, id: &[u8], now_ms: u64, asked_ms: u64) -> Result<(), Error> {
    let sql = "UPDATE deliveries SET tries = tries + 1 WHERE id = ? RETURNING tries";
    let tries: u32 = db.prepare_cached(sql)?.query_row([id], |row| row.get(0))?;
    if tries >= TRIES {
        tracing::warn!("a welcome is given up: its device takes nothing");
        return remove(db, id);
    }
    let wait_ms = (RETRY_MS << (tries - 1).min(20)).max(asked_ms).min(LONGEST_WAIT_MS);
    db.prepare_cached("UPDATE deliveries SET after_ms = ? WHERE id = ?")?.execute((integer(now_ms + wait_ms), id))?;
    Ok(())
}

/// The server has it, or will never take it.
pub(crate) fn remove(db: &Connection, id: &[u8]) -> Result<(), Error> {
    db.prepare_cached("DELETE FROM deliveries WHERE id = ?")?.execute([id])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: u64 = 24 * 60 * 60 * 1000;

    fn store(count: u8) -> Connection {
        let db = crate::store::open::tests::in_memory();
        (0..count).for_each(|n| put(&db, [n; 16], DeviceId([n; 16]), b"welcome").unwrap());
        db
    }

    #[test]
    fn devices_that_take_nothing_keep_no_others_waiting() {
        let (db, now_ms) = (store(200), 10 * DAY_MS);
        let mut tried = 0;
        while is_due(&db, now_ms).unwrap() {
            for delivery in due(&db, now_ms).unwrap() {
                postpone(&db, &delivery.id, now_ms, 0).unwrap();
                tried += 1;
            }
        }
        assert_eq!(tried, 200, "each is tried once, page by page");
        assert_eq!(next_ms(&db, now_ms).unwrap(), Some(now_ms + RETRY_MS));
        put(&db, [250; 16], DeviceId([1; 16]), b"new").unwrap();
        assert_eq!(due(&db, now_ms).unwrap()[0].sealed, b"new");
        assert_eq!(due(&db, now_ms + RETRY_MS).unwrap().len(), PAGE);
    }

    #[test]
    fn they_end_after_the_keys_life_by_however_wrong_a_clock() {
        let (db, mut now_ms) = (store(1), 10 * DAY_MS);
        let (from_ms, id) = (now_ms, [0; 16]);
        // A clock that was ahead for a moment: it is due again, and no more.
        postpone(&db, &id, now_ms + 4_000 * DAY_MS, 0).unwrap();
        assert!(is_due(&db, now_ms).unwrap());
        while is_due(&db, now_ms).unwrap() {
            postpone(&db, &id, now_ms, 0).unwrap();
            now_ms = next_ms(&db, now_ms).unwrap().unwrap_or(now_ms);
        }
        assert!((60..70).contains(&((now_ms - from_ms) / DAY_MS)), "{}", (now_ms - from_ms) / DAY_MS);
        assert!(next_ms(&db, now_ms).unwrap().is_none(), "it is gone");
    }
}

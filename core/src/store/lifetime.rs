//! The end of messages: each has the one that its group's settings gave it at its place in the log, or none.
//!
//! What is over is hidden by the view `shown`, in every query. It is destroyed here, some at a time, so that what is being
//! said does not wait.

use std::collections::BTreeSet;

use pli_env::sql::{Numbers as _, integer};
use pli_proto::id::{ConversationId, ItemId};
use rusqlite::Connection;

use super::{meta, unsettled};
use crate::error::Error;

/// Items destroyed in one transaction.
pub(crate) const AT_ONCE: usize = 32;

/// Without the server's word something is destroyed if it was over by this device's clock at two looks so far apart: a clock
/// that was wrong for a while does not say so twice. One that is set forward twice, by days, does.
const APART_MS: u64 = 72 * 60 * 60 * 1000;

/// The first end after a time.
pub(crate) fn next_end(db: &Connection, after_ms: u64) -> Result<Option<u64>, Error> {
    let sql = "SELECT min(expires_ms) FROM items WHERE expires_ms > 0 AND expires_ms > ?";
    Ok(db.prepare_cached(sql)?.query_row([integer(after_ms)], |row| row.optional_number(0))?)
}

/// The conversations of items that ended after a time and up to another.
pub(crate) fn ended(db: &Connection, after_ms: u64, until_ms: u64) -> Result<Vec<ConversationId>, Error> {
    let sql = "SELECT DISTINCT conversation FROM items WHERE expires_ms > 0 AND expires_ms > ? AND expires_ms <= ?";
    let mut query = db.prepare_cached(sql)?;
    let ended = query.query_map((integer(after_ms), integer(until_ms)), |row| Ok(ConversationId(row.get(0)?)))?;
    Ok(ended.collect::<Result<_, _>>()?)
}

/// What was destroyed.
pub(crate) struct Gone {
    /// How many items: [`AT_ONCE`] if there may be more.
    pub(crate) count: usize,
    /// Where the items were.
    pub(crate) conversations: BTreeSet<ConversationId>,
}

/// Destroys items that were over at a time: [`AT_ONCE`] at most.
pub(crate) fn destroy(db: &Connection, until_ms: u64) -> Result<Gone, Error> {
    let sql = "SELECT pos, conversation, entry FROM items WHERE expires_ms > 0 AND expires_ms <= ?
               ORDER BY expires_ms LIMIT ?";
    let mut query = db.prepare_cached(sql)?;
    let over = query.query_map((integer(until_ms), AT_ONCE as i64), |row| {
        Ok((row.get::<_, i64>(0)?, ConversationId(row.get(1)?), ItemId(row.get(2)?)))
    })?;
    let over = over.collect::<Result<Vec<_>, _>>()?;
    for (pos, conversation, entry) in &over {
        db.prepare_cached("DELETE FROM reactions WHERE conversation = ? AND entry = ?")?
            .execute((conversation.0, entry.0))?;
        unsettled::forget(db, *conversation, *entry)?;
        db.prepare_cached("DELETE FROM items WHERE pos = ?")?.execute([pos])?;
    }
    let conversations = over.iter().map(|(_, conversation, _)| *conversation).collect();
    Ok(Gone { count: over.len(), conversations })
}

/// Up to when what is over may be destroyed: the server's time if it was heard, else that of a look long enough ago.
/// [`looked`] notes this one.
pub(crate) fn certain_ms(db: &Connection, server_ms: Option<u64>, now_ms: u64) -> Result<Option<u64>, Error> {
    if server_ms.is_some() {
        return Ok(server_ms);
    }
    let before_ms = meta::number(db, meta::LOOKED_MS)?;
    Ok((before_ms > 0 && now_ms >= before_ms.saturating_add(APART_MS)).then_some(before_ms))
}

/// Notes that this device's clock was looked at, for [`certain_ms`]: once, until it is long ago or was wrong.
pub(crate) fn looked(db: &Connection, server_ms: Option<u64>, now_ms: u64) -> Result<(), Error> {
    let before_ms = meta::number(db, meta::LOOKED_MS)?;
    let stands = before_ms > 0 && (before_ms..before_ms.saturating_add(APART_MS)).contains(&now_ms);
    match server_ms {
        Some(_) if before_ms > 0 => meta::remove(db, meta::LOOKED_MS),
        None if !stands => meta::set_number(db, meta::LOOKED_MS, now_ms),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::open::tests::in_memory;

    const HOUR_MS: u64 = 60 * 60 * 1000;
    const NOW_MS: u64 = 1_800_000_000_000;

    /// One look of a device that hears no server: up to when it would destroy.
    fn look(db: &Connection, now_ms: u64) -> Option<u64> {
        let certain_ms = certain_ms(db, None, now_ms).unwrap();
        looked(db, None, now_ms).unwrap();
        certain_ms
    }

    #[test]
    fn a_device_alone_destroys_what_its_clock_said_twice() {
        let db = in_memory();
        assert_eq!(look(&db, NOW_MS), None);
        assert_eq!(look(&db, NOW_MS + 71 * HOUR_MS), None, "not long enough");
        assert_eq!(look(&db, NOW_MS + 73 * HOUR_MS), Some(NOW_MS), "and not what has ended since");
        assert_eq!(look(&db, NOW_MS + 74 * HOUR_MS), None);
    }

    #[test]
    fn a_clock_that_was_wrong_for_a_while_destroys_nothing() {
        let db = in_memory();
        let year_ms = 365 * 24 * HOUR_MS;
        assert_eq!(look(&db, NOW_MS + year_ms), None, "ahead at the first look");
        assert_eq!(look(&db, NOW_MS), None);
        assert_eq!(look(&db, NOW_MS + year_ms), Some(NOW_MS), "ahead at the second: what was over before");
        assert_eq!(look(&db, NOW_MS + HOUR_MS), None);
        assert_eq!(look(&db, NOW_MS + 80 * HOUR_MS), Some(NOW_MS + HOUR_MS));
    }

    #[test]
    fn the_servers_word_comes_first() {
        let db = in_memory();
        assert_eq!(look(&db, NOW_MS), None);
        let server_ms = Some(NOW_MS - HOUR_MS);
        assert_eq!(certain_ms(&db, server_ms, NOW_MS + 100 * HOUR_MS).unwrap(), server_ms);
        looked(&db, server_ms, NOW_MS + 100 * HOUR_MS).unwrap();
        assert_eq!(look(&db, NOW_MS + 100 * HOUR_MS), None, "the look before it does not count");
    }
}

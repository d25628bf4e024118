//! Snapshots. What is asked of them is asked of their numbers and sizes; the values lie in pieces.

use pli_env::sql::{Numbers as _, integer};
use pli_proto::id::LogId;
use pli_proto::pb::{self, Reason};
use pli_proto::row::AccessKey;
use rusqlite::{Connection, OptionalExtension, Result as Sql, params};

use super::logs::{known, stands};
use super::pieces::{self, SNAPSHOTS};
use crate::engine::{EngineError, Snapshot};

/// Snapshots of one log besides the founding one.
const KEPT: i64 = 8;

pub(super) fn put(c: &Connection, log: LogId, key: AccessKey, number: u64, sealed: &[u8]) -> Result<(), EngineError> {
    let (_, row) = known(c, log, key)?;
    stands(&row)?;
    let at = integer(number);
    let query = "SELECT 1 FROM entries WHERE log = ?1 AND number = ?2 AND kind = ?3";
    let commit = pb::EntryKind::Commit as i32;
    if number != 0 && !c.prepare_cached(query)?.exists(params![log.0, at, commit])? {
        return Err(EngineError::refused(Reason::Invalid, "there is no commit at this number"));
    }
    if c.prepare_cached("SELECT 1 FROM snapshots WHERE log = ?1 AND number = ?2")?.exists(params![log.0, at])? {
        return Ok(());
    }
    // Where there are as many as may be, the oldest makes room; or this one does, which is older.
    let oldest = "SELECT number FROM snapshots WHERE log = ?1 AND number > 0 ORDER BY number DESC LIMIT 1 OFFSET ?2";
    let oldest = c.prepare_cached(oldest)?.query_row(params![log.0, KEPT - 1], |r| r.number(0)).optional()?;
    if let Some(oldest) = oldest {
        if number < oldest {
            return Ok(());
        }
        let drop = "DELETE FROM snapshots WHERE log = ?1 AND number > 0 AND number <= ?2";
        c.prepare_cached(drop)?.execute(params![log.0, integer(oldest)])?;
        SNAPSHOTS.drop(c, &log.0, 0, oldest)?;
    }
    keep(c, log, number, sealed)?;
    Ok(())
}

pub(super) fn keep(c: &Connection, log: LogId, number: u64, sealed: &[u8]) -> Sql<()> {
    let insert = "INSERT INTO snapshots VALUES (?1, ?2, ?3)";
    c.prepare_cached(insert)?.execute(params![log.0, integer(number), integer(sealed.len() as u64)])?;
    SNAPSHOTS.put(c, &log.0, number, sealed)
}

pub(super) fn newest(
    c: &Connection,
    log: LogId,
    key: AccessKey,
    at_most: u64,
    most: usize,
) -> Result<Snapshot, EngineError> {
    let (_, row) = known(c, log, key)?;
    let at_most = row.cut_at.map_or(at_most, |at| at.min(at_most));
    let query = "SELECT number, bytes FROM snapshots WHERE log = ?1 AND number <= ?2 ORDER BY number DESC LIMIT 1";
    let found = c
        .prepare_cached(query)?
        .query_row(params![log.0, integer(at_most)], |r| Ok((r.number(0)?, pieces::size(r, "bytes")?)))
        .optional()?;
    let (number, bytes) = found.ok_or_else(|| EngineError::refused(Reason::Gone, "no snapshot so old"))?;
    let sealed = if bytes <= most { Some(SNAPSHOTS.get(c, &log.0, number, bytes)?) } else { None };
    Ok(Snapshot { number, bytes, sealed })
}

//! Rows: docs/protocol.md, "Rows". A row stands, or was cut by an entry.

use std::cell::Cell;

use pli_env::sql::{Numbers as _, integer};
use pli_proto::id::LogId;
use pli_proto::pb;
use pli_proto::row::AccessKey;
use pli_proto::rows::{self, Changes, Rows, Standing, rank};
use pli_proto::signed::Hash;
use prost::Message;
use rusqlite::{Connection, OptionalExtension, Result as Sql, params};

use super::budget::{Budget, Masked};
use crate::engine::{Append, EngineError};

pub(super) struct RowState {
    pub(super) rank: u32,
    /// The entry that cut it.
    pub(super) cut_at: Option<u64>,
    /// Whose budget it spends.
    pub(super) pool: Masked,
}

pub(super) fn state(c: &Connection, log: LogId, key: AccessKey) -> Sql<Option<RowState>> {
    let query = "SELECT rank, cut_at, pool FROM rows WHERE log = ?1 AND key = ?2";
    c.prepare_cached(query)?
        .query_row(params![log.0, key.0], |r| {
            Ok(RowState { rank: r.get(0)?, cut_at: r.optional_number(1)?, pool: r.get(2)? })
        })
        .optional()
}

/// Keeps a log's first row. Gives the digest of what stands.
pub(super) fn first(c: &Connection, budget: &Budget, log: LogId, key: AccessKey) -> Sql<Hash> {
    let first = "INSERT INTO rows VALUES (?1, ?2, ?3, 0, NULL, ?4)";
    c.prepare_cached(first)?.execute(params![log.0, key.0, rank::OWNER, budget.mask(log, key, key)])?;
    Ok(rows::digest([(&key, rank::OWNER)]))
}

/// Does to the rows what an entry asks, as far as the signing row's rank allows. Gives the digest of what stands then, if
/// that changed.
pub(super) fn change(
    c: &Connection,
    budget: &Budget,
    append: &Append,
    row: &RowState,
    number: u64,
) -> Result<Option<Hash>, EngineError> {
    let Append { log, by, entry, changes, .. } = append;
    if *changes == Changes::default() {
        return Ok(None);
    }
    let before = standing(c, *log)?;
    let after = after(c, &before, *by, (entry.kind(), changes), number)?;
    let effects = rows::effects(&before, &after);
    // What guests and members bring in spends their budget, or one of them could multiply it at will.
    let shares = row.rank < rank::ADMIN;
    let pool = |key| if shares { budget.unmask(*log, *by, &row.pool) } else { key };
    for (key, rank) in &effects {
        match *rank {
            rank::NONE => cut(c, *log, *key, number)?,
            rank => set(c, *log, *key, (rank, number), &budget.mask(*log, *key, pool(*key)))?,
        }
    }
    if !shares {
        adopt(c, budget, *log, changes)?;
    }
    Ok((!effects.is_empty()).then(|| rows::digest(after.iter().map(|(key, row)| (key, row.rank)))))
}

fn after(
    c: &Connection,
    before: &Rows,
    by: AccessKey,
    entry: (pb::EntryKind, &Changes),
    number: u64,
) -> Result<Rows, EngineError> {
    let failed = Cell::new(None);
    let is_bad = |leaf: &[u8; 32]| {
        is_revoked(c, leaf).unwrap_or_else(|error| {
            failed.set(Some(error));
            false
        })
    };
    let after = rows::after(before, by, entry, number, is_bad);
    failed.take().map_or(Ok(after), |error| Err(error.into()))
}

/// Adds a row, anew if it was cut, or sets the rank of one that stands, which keeps age and pool.
fn set(c: &Connection, log: LogId, key: AccessKey, (rank, number): (u32, u64), pool: &Masked) -> Sql<()> {
    let set = "INSERT INTO rows VALUES (?1, ?2, ?3, ?4, NULL, ?5) ON CONFLICT (log, key) DO UPDATE SET
        rank = excluded.rank, since = iif(cut_at IS NULL, since, excluded.since),
        pool = iif(cut_at IS NULL, pool, excluded.pool), cut_at = NULL";
    c.prepare_cached(set)?.execute(params![log.0, key.0, rank, integer(number), pool]).map(|_| ())
}

fn cut(c: &Connection, log: LogId, key: AccessKey, number: u64) -> Sql<()> {
    let cut = "UPDATE rows SET cut_at = ?3 WHERE log = ?1 AND key = ?2";
    c.prepare_cached(cut)?.execute(params![log.0, key.0, integer(number)]).map(|_| ())
}

/// A row that an admin or owner names has a budget of its own.
fn adopt(c: &Connection, budget: &Budget, log: LogId, changes: &Changes) -> Sql<()> {
    let adopt = "UPDATE rows SET pool = ?3 WHERE log = ?1 AND key = ?2 AND cut_at IS NULL";
    let mut adopt = c.prepare_cached(adopt)?;
    for asked in changes.rows.iter().filter(|asked| asked.rank != rank::NONE) {
        adopt.execute(params![log.0, asked.key.0, budget.mask(log, asked.key, asked.key)])?;
    }
    Ok(())
}

fn standing(c: &Connection, log: LogId) -> Sql<Rows> {
    let query = "SELECT key, rank, since FROM rows WHERE log = ?1 AND cut_at IS NULL";
    c.prepare_cached(query)?
        .query_map([&log.0], |r| Ok((AccessKey(r.get(0)?), Standing { rank: r.get(1)?, since: r.number(2)? })))?
        .collect()
}

/// Whether a device with this key is out. An issuer's end adds none: it keeps each device that is not revoked.
fn is_revoked(c: &Connection, leaf: &[u8; 32]) -> Sql<bool> {
    c.prepare_cached("SELECT 1 FROM revocations WHERE leaf_key = ?1")?.exists([leaf])
}

/// What an entry asks of rows, without the leaf keys that were shown to cut: those name devices.
pub(super) fn kept(entry: &pb::Entry) -> Vec<u8> {
    let row = |row: &pb::Row| pb::Row { key: row.key.clone(), rank: row.rank, ..pb::Row::default() };
    let rows = entry.rows.iter().map(row).collect();
    pb::Entry { rows, whole: entry.whole, ..pb::Entry::default() }.encode_to_vec()
}

//! Logs: docs/protocol.md, "The log".

use pli_env::sql::{Numbers as _, integer};
use std::borrow::Cow;

use pli_proto::id::LogId;
use pli_proto::limits::{PAGE_BYTES, PAGE_ENTRIES};
use pli_proto::pb::{self, Reason};
use pli_proto::row::AccessKey;
use pli_proto::rows::rank;
use pli_proto::signed::{self, Hash};
use prost::Message;
use rusqlite::{Connection, OptionalExtension, Result as Sql, Row, params};
use sha2::{Digest, Sha256};

use super::budget::Budget;
use super::pieces::{self, ENTRIES};
use super::rows::{self, RowState};
use super::snapshots;
use crate::config::DAY_MS;
use crate::engine::{Append, Appended, EngineError, Page, Refused, Told};

/// What is sealed stands in its entry's row up to so many bytes: a message of a hundred words does. More lies in pieces.
const SEALED_IN_ROW: usize = 1_400;
/// The same of an entry's changes of rows: a row with both fits in its page, beside others.
const CHANGES_IN_ROW: usize = 320;
/// What an entry of a page weighs besides what is sealed and its changes.
const ENTRY_BYTES: usize = 192;
/// Admins' and owners' rows may commit so many times as often: they do the members' errands.
const HIGHER_RANKS: u64 = 10;

pub(super) struct Head {
    last: u64,
    pruned: u64,
    hash: Hash,
    last_commit: u64,
    last_commit_hash: Hash,
    /// When the last entry was received.
    last_ms: u64,
    /// Of all rows that stand.
    rows_digest: Hash,
}

/// The same answer for a log that does not exist and for a stranger to one that does.
fn stranger() -> EngineError {
    EngineError::refused(Reason::NoAccess, "no such row")
}

fn head(c: &Connection, log: LogId) -> Sql<Option<Head>> {
    let query =
        "SELECT last, hash, last_commit, last_commit_hash, pruned, last_ms, rows_digest FROM logs WHERE log = ?1";
    let read = |r: &Row<'_>| {
        let (last_commit, last_commit_hash) = (r.number(2)?, r.get(3)?);
        let (last, pruned, last_ms) = (r.number(0)?, r.number(4)?, r.number(5)?);
        Ok(Head { last, hash: r.get(1)?, last_commit, last_commit_hash, pruned, last_ms, rows_digest: r.get(6)? })
    };
    c.prepare_cached(query)?.query_row([&log.0], read).optional()
}

/// The log and the row in it, whether it stands or was cut.
pub(super) fn known(c: &Connection, log: LogId, key: AccessKey) -> Result<(Head, RowState), EngineError> {
    match (head(c, log)?, rows::state(c, log, key)?) {
        (Some(head), Some(row)) => Ok((head, row)),
        _ => Err(stranger()),
    }
}

/// Refuses a row that was cut.
pub(super) fn stands(row: &RowState) -> Result<(), EngineError> {
    match row.cut_at {
        None => Ok(()),
        Some(_) => Err(EngineError::refused(Reason::NoAccess, "the row was cut")),
    }
}

pub(super) fn create(
    c: &Connection,
    budget: &Budget,
    log: LogId,
    row: AccessKey,
    snapshot: &[u8],
) -> Result<(), EngineError> {
    // Tells a repetition from another's request, and does not name the founder.
    let founding: Hash = Sha256::digest(signed::join(&[&log.0, &row.0, &Sha256::digest(snapshot)])).into();
    let query = "SELECT founding FROM logs WHERE log = ?1";
    let there: Option<Hash> = c.prepare_cached(query)?.query_row([&log.0], |r| r.get(0)).optional()?;
    if let Some(there) = there {
        let same = there == founding;
        return if same { Ok(()) } else { Err(EngineError::refused(Reason::IdTaken, "the log id is taken")) };
    }
    c.prepare_cached("INSERT INTO logs VALUES (?1, ?2, 0, ?3, 0, ?3, 0, NULL, 0, ?4)")?.execute(params![
        log.0,
        founding,
        signed::hash_start(log),
        rows::first(c, budget, log, row)?
    ])?;
    snapshots::keep(c, log, 0, snapshot)?;
    Ok(())
}

/// Appends; says too from which pool's budget a commit was taken.
pub(super) fn append(
    c: &Connection,
    budget: &Budget,
    append: &Append,
) -> Result<(Appended, Option<AccessKey>), EngineError> {
    let Append { log, by, entry, digest, .. } = append;
    let log = *log;
    let (head, row) = known(c, log, *by)?;
    // Before parent and access: whoever lost the answer, even by leaving with this very entry, gets it again.
    if let Some(appended) = find(c, log, digest)? {
        return Ok((appended, None));
    }
    stands(&row)?;
    if entry.parent != head.last_commit || entry.parent_hash != head.last_commit_hash {
        return Err(EngineError::Refused(Refused {
            reason: Reason::Stale,
            message: "the parent is not the log's last commit",
            last_commit: Some((head.last_commit, head.last_commit_hash)),
            retry_after_ms: 0,
        }));
    }
    let is_commit = entry.kind() == pb::EntryKind::Commit;
    // Who goes by a message may be brought back by a commit, and go again.
    let spends = is_commit || !entry.rows.is_empty();
    let spent = if spends { Some(spend(budget, append, &row)?) } else { None };
    let appended = keep(c, budget, append, &row, &head);
    if let (Err(_), Some(pool)) = (&appended, spent) {
        budget.give_back(log, pool);
    }
    Ok((appended?, spent))
}

/// Keeps an entry at the log's end, with what it does to rows.
fn keep(
    c: &Connection,
    budget: &Budget,
    append: &Append,
    row: &RowState,
    head: &Head,
) -> Result<Appended, EngineError> {
    let Append { log, entry, digest, now_ms, .. } = append;
    let is_commit = entry.kind() == pb::EntryKind::Commit;
    let number = head.last + 1;
    let rows_digest = rows::change(c, budget, append, row, number)?.unwrap_or(head.rows_digest);
    // A clock that was set back does not bring an entry before the last one.
    let received_ms = (*now_ms).max(head.last_ms);
    let hash = signed::hash_next(&head.hash, number, received_ms, digest);
    let appended = Appended { number, hash, received_ms };
    insert(c, append, &appended)?;
    // Where all before was pruned, this is what is next in turn.
    let is_next = head.pruned == head.last;
    let next = "UPDATE logs SET last = ?2, hash = ?3, last_commit = iif(?4, ?2, last_commit), last_ms = ?6,
        last_commit_hash = iif(?4, ?3, last_commit_hash), unpruned_ms = iif(?5, ?6, unpruned_ms), rows_digest = ?7
        WHERE log = ?1";
    let values = params![log.0, integer(number), hash, is_commit, is_next, integer(received_ms), rows_digest];
    c.prepare_cached(next)?.execute(values)?;
    Ok(appended)
}

fn insert(c: &Connection, append: &Append, appended: &Appended) -> Sql<()> {
    let Append { log, entry, digest, .. } = append;
    let Appended { number, hash, received_ms } = appended;
    let (sealed, changes) = (&entry.sealed, rows::kept(entry));
    let in_row = sealed.len() <= SEALED_IN_ROW && changes.len() <= CHANGES_IN_ROW;
    let insert = "INSERT INTO entries VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    c.prepare_cached(insert)?.execute(params![
        log.0,
        integer(*number),
        digest,
        hash,
        entry.kind,
        integer(entry.parent),
        entry.parent_hash,
        integer(*received_ms),
        integer(sealed.len() as u64),
        integer(changes.len() as u64),
        if in_row { changes.as_slice() } else { &[] },
        if in_row { sealed.as_slice() } else { &[] },
    ])?;
    if in_row {
        return Ok(());
    }
    let both = if changes.is_empty() { Cow::from(sealed) } else { Cow::from([sealed.as_slice(), &changes].concat()) };
    ENTRIES.put(c, &log.0, *number, &both)
}

fn find(c: &Connection, log: LogId, digest: &Hash) -> Sql<Option<Appended>> {
    let query = "SELECT number, hash, received_ms FROM entries WHERE log = ?1 AND digest = ?2";
    c.prepare_cached(query)?
        .query_row(params![log.0, digest], |r| {
            Ok(Appended { number: r.number(0)?, hash: r.get(1)?, received_ms: r.number(2)? })
        })
        .optional()
}

/// Takes one commit from the day's budget of the row, or of the row that brought it in. Gives whose it was.
fn spend(budget: &Budget, append: &Append, row: &RowState) -> Result<AccessKey, EngineError> {
    let Append { log, by, now_ms, commits_per_day, .. } = append;
    let (pool, most) = match row.rank {
        ..rank::ADMIN => (budget.unmask(*log, *by, &row.pool), *commits_per_day),
        _ => (*by, commits_per_day.saturating_mul(HIGHER_RANKS)),
    };
    let today = now_ms / DAY_MS;
    if budget.spend(*log, pool, today, most) {
        return Ok(pool);
    }
    Err(EngineError::Refused(Refused {
        reason: Reason::Limit,
        message: "the day's commits of this row are spent",
        last_commit: None,
        retry_after_ms: (today + 1) * DAY_MS - now_ms,
    }))
}

/// Reads no more than `most` bytes of entries; says too how many a page would have.
pub(super) fn read(
    c: &Connection,
    log: LogId,
    key: AccessKey,
    after: u64,
    hash: Option<Hash>,
    most: usize,
) -> Result<Page, EngineError> {
    let (head, reader) = known(c, log, key)?;
    if hash.is_some() && hash != hash_at(c, log, after)? {
        return Err(EngineError::refused(Reason::Diverged, "the log has something else there, or ends before"));
    }
    let visible = reader.cut_at.map_or(head.last, |at| at.min(head.last));
    let query = "SELECT kind, parent, parent_hash, changes, sealed, number, hash, received_ms, sealed_bytes,
        changes_bytes FROM entries WHERE log = ?1 AND number > ?2 AND number <= ?3 AND sealed IS NOT NULL ORDER BY number";
    let mut statement = c.prepare_cached(query)?;
    let mut found = statement.query(params![log.0, integer(after), integer(visible)])?;
    let (mut page, mut count, mut all) = (Page::default(), 0, true);
    while let Some(row) = found.next()? {
        let bytes = pieces::size(row, "sealed_bytes")? + pieces::size(row, "changes_bytes")? + ENTRY_BYTES;
        if count > 0 && (page.bytes + bytes > PAGE_BYTES || count == PAGE_ENTRIES) {
            all = false;
            break;
        }
        (page.bytes, count) = (page.bytes + bytes, count + 1);
        if page.bytes <= most {
            page.entries.push(entry(c, log, row)?);
        }
    }
    all &= page.entries.len() == count;
    let is_cut = reader.cut_at.is_some();
    let told = (all && !is_cut).then_some(Told { rank: reader.rank, rows: head.rows_digest });
    Ok(Page { told, ended: all && is_cut, ..page })
}

/// The running hash at a number; pruned entries keep theirs.
fn hash_at(c: &Connection, log: LogId, number: u64) -> Sql<Option<Hash>> {
    if number == 0 {
        return Ok(Some(signed::hash_start(log)));
    }
    let query = "SELECT hash FROM entries WHERE log = ?1 AND number = ?2";
    c.prepare_cached(query)?.query_row(params![log.0, integer(number)], |r| r.get(0)).optional()
}

fn entry(c: &Connection, log: LogId, r: &Row<'_>) -> Result<pb::Entry, EngineError> {
    let (mut sealed, mut changes) = (r.get::<_, Vec<u8>>(4)?, r.get::<_, Vec<u8>>(3)?);
    let (number, sealed_bytes) = (r.number(5)?, pieces::size(r, "sealed_bytes")?);
    if sealed.len() < sealed_bytes {
        sealed = ENTRIES.get(c, &log.0, number, sealed_bytes + pieces::size(r, "changes_bytes")?)?;
        changes = sealed.split_off(sealed_bytes);
    }
    let changes = pb::Entry::decode(changes.as_slice()).map_err(|error| EngineError::Failed(error.to_string()))?;
    Ok(pb::Entry {
        kind: r.get(0)?,
        parent: r.number(1)?,
        parent_hash: r.get(2)?,
        rows: changes.rows,
        whole: changes.whole,
        sealed,
        number,
        received_ms: r.number(7)?,
        hash: r.get(6)?,
    })
}

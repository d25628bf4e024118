//! The database's tables, and how it is opened.
//!
//! Every table is `WITHOUT ROWID` and keyed by random ids or hashes, or by a number that readers see anyway: SQLite's
//! own row numbers would tell in what order things came. No table holds a log or a row (`log`, `key`) together with a
//! device or a person. With `secure_delete`, what was deleted is overwritten.
//!
//! Such tables have a price: to find one row SQLite compares keys with others on the way, and for each of those that does
//! not fit in its page it reads the whole row. So what may be large lies in pieces (`pieces`) in tables of their own, of
//! which the writer only adds and drops rows; what the writer asks, it asks of narrow tables and indices
//! (`stories/writer.rs`).

use pli_env::sql::integer;
use std::path::Path;
use std::time::Duration;

use pli_env::Env;
use rusqlite::{Connection, ErrorCode};

use crate::config::DAY_MS;
use crate::engine::EngineError;

/// "Pli1": tells our files from others'.
const APPLICATION: i64 = 0x506c_6931;
const VERSION: i64 = 7;
/// An administrator's command beside the server commits within milliseconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const STATEMENTS: usize = 96;
/// Of each connection.
const CACHE_KIB: usize = 32 << 10;
/// The commonest entry, of about a kilobyte, fits in a page of this size beside others; of 4,096 each took a page more.
const PAGE_BYTES: usize = 8_192;
/// What a burst made of the write-ahead log is given back.
const WAL_BYTES: usize = 64 << 20;
/// Repetitions of a delivery, and of publishing a key package, are recognised for that long.
const REPEAT_DAYS: u64 = 30;
/// Rows of each table swept in one transaction.
const SWEPT_AT_ONCE: i64 = 1_000;

const TABLES: &str = "
CREATE TABLE people(
    id BLOB PRIMARY KEY, name TEXT NOT NULL, department TEXT NOT NULL, guest_until_ms INTEGER NOT NULL,
    departed INTEGER NOT NULL, version INTEGER NOT NULL UNIQUE) STRICT, WITHOUT ROWID;
CREATE INDEX guests ON people(guest_until_ms) WHERE guest_until_ms > 0 AND departed = 0;
CREATE TABLE devices(
    id BLOB PRIMARY KEY, person BLOB NOT NULL, mls_key BLOB NOT NULL UNIQUE, tls_key BLOB NOT NULL UNIQUE,
    mls_certificate BLOB NOT NULL, fingerprint BLOB NOT NULL, enrolled_ms INTEGER NOT NULL, revoked INTEGER NOT NULL,
    inbox_key BLOB, inbox_key_signature BLOB, seen_ms INTEGER NOT NULL, tls_before BLOB,
    renewed_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX devices_listed ON devices(person, id, mls_key, enrolled_ms, revoked);
CREATE INDEX certificates ON devices(fingerprint) WHERE revoked = 0;
CREATE TABLE invitations(
    hash BLOB PRIMARY KEY, name TEXT, department TEXT, guest_until_ms INTEGER, person BLOB,
    expires_ms INTEGER NOT NULL, device BLOB, mls_key BLOB, tls_key BLOB) STRICT, WITHOUT ROWID;
CREATE INDEX invitations_by_person ON invitations(person) WHERE device IS NULL;
CREATE INDEX invitations_by_end ON invitations(expires_ms);
CREATE TABLE revocations(
    number INTEGER PRIMARY KEY, certificate BLOB NOT NULL, leaf_key BLOB NOT NULL, issuer BLOB NOT NULL,
    signature BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX revocations_by_leaf ON revocations(leaf_key);
CREATE TABLE revocation_list(
    one INTEGER PRIMARY KEY CHECK (one = 1), number INTEGER NOT NULL, signed_ms INTEGER NOT NULL, hash BLOB NOT NULL,
    issuer BLOB NOT NULL, signature BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE issuer_ends(
    number INTEGER PRIMARY KEY, issuer BLOB NOT NULL UNIQUE, end BLOB NOT NULL, kept BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE key_packages(
    device BLOB NOT NULL, hash BLOB NOT NULL, package BLOB NOT NULL, last_resort INTEGER NOT NULL,
    PRIMARY KEY (device, hash)) STRICT, WITHOUT ROWID;
CREATE INDEX key_packages_by_kind ON key_packages(device, last_resort, hash);
CREATE TABLE spent_packages(hash BLOB PRIMARY KEY, day INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX spent_by_day ON spent_packages(day);
CREATE TABLE inboxes(
    device BLOB PRIMARY KEY, last INTEGER NOT NULL, items INTEGER NOT NULL, bytes INTEGER NOT NULL,
    remembered INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE inbox(
    device BLOB NOT NULL, number INTEGER NOT NULL, bytes INTEGER NOT NULL,
    PRIMARY KEY (device, number)) STRICT, WITHOUT ROWID;
CREATE TABLE inbox_pieces(
    device BLOB NOT NULL, number INTEGER NOT NULL, piece INTEGER NOT NULL, bytes BLOB NOT NULL,
    PRIMARY KEY (device, number, piece)) STRICT, WITHOUT ROWID;
CREATE TABLE delivered(
    device BLOB NOT NULL, id BLOB NOT NULL, day INTEGER NOT NULL, PRIMARY KEY (device, id)) STRICT, WITHOUT ROWID;
CREATE INDEX delivered_by_day ON delivered(day);

CREATE TABLE logs(
    log BLOB PRIMARY KEY, founding BLOB NOT NULL, last INTEGER NOT NULL, hash BLOB NOT NULL,
    last_commit INTEGER NOT NULL, last_commit_hash BLOB NOT NULL, pruned INTEGER NOT NULL,
    unpruned_ms INTEGER, last_ms INTEGER NOT NULL, rows_digest BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX logs_unpruned ON logs(unpruned_ms) WHERE unpruned_ms IS NOT NULL;
CREATE TABLE rows(
    log BLOB NOT NULL, key BLOB NOT NULL, rank INTEGER NOT NULL, since INTEGER NOT NULL, cut_at INTEGER,
    pool BLOB NOT NULL, PRIMARY KEY (log, key)) STRICT, WITHOUT ROWID;
CREATE INDEX rows_standing ON rows(log, key, rank, since) WHERE cut_at IS NULL;
CREATE TABLE entries(
    log BLOB NOT NULL, number INTEGER NOT NULL, digest BLOB NOT NULL, hash BLOB NOT NULL, kind INTEGER NOT NULL,
    parent INTEGER NOT NULL, parent_hash BLOB NOT NULL, received_ms INTEGER NOT NULL,
    sealed_bytes INTEGER NOT NULL, changes_bytes INTEGER NOT NULL, changes BLOB, sealed BLOB,
    PRIMARY KEY (log, number), UNIQUE (log, digest)) STRICT, WITHOUT ROWID;
CREATE TABLE entry_pieces(
    log BLOB NOT NULL, number INTEGER NOT NULL, piece INTEGER NOT NULL, bytes BLOB NOT NULL,
    PRIMARY KEY (log, number, piece)) STRICT, WITHOUT ROWID;
CREATE TABLE snapshots(
    log BLOB NOT NULL, number INTEGER NOT NULL, bytes INTEGER NOT NULL,
    PRIMARY KEY (log, number)) STRICT, WITHOUT ROWID;
CREATE TABLE snapshot_pieces(
    log BLOB NOT NULL, number INTEGER NOT NULL, piece INTEGER NOT NULL, bytes BLOB NOT NULL,
    PRIMARY KEY (log, number, piece)) STRICT, WITHOUT ROWID;
";

/// Why a database can't be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Written by a newer program.
    #[error("the database is of version {found}, and this program knows {VERSION} at most: use the newer program")]
    Newer {
        /// Its version.
        found: i64,
    },
    /// Written by a program from before the first release.
    #[error("the database is of version {found}, from before the first release: found the authority anew")]
    Older {
        /// Its version.
        found: i64,
    },
    /// An SQLite database, but of another program.
    #[error("the database is not one of Pli's")]
    Foreign,
    /// Not an SQLite database any more.
    #[error("the database is damaged: {0}; restore a backup")]
    Damaged(String),
    /// Anything else: permissions, a full disk.
    #[error("the database can't be opened: {0}")]
    Failed(rusqlite::Error),
}

impl OpenError {
    pub(super) fn from_sqlite(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Self::Damaged(error.to_string()),
            _ => Self::Failed(error),
        }
    }
}

/// Opens a connection, and makes the tables if there are none.
pub(super) fn open(env: &dyn Env, path: &Path) -> Result<Connection, OpenError> {
    let connection = env.open_database(path).map_err(OpenError::from_sqlite)?;
    let version = prepare(&connection).map_err(OpenError::from_sqlite)?;
    match version {
        (APPLICATION, VERSION) => Ok(connection),
        (APPLICATION, found) if found > VERSION => Err(OpenError::Newer { found }),
        (APPLICATION, found) => Err(OpenError::Older { found }),
        _ => Err(OpenError::Foreign),
    }
}

fn prepare(connection: &Connection) -> rusqlite::Result<(i64, i64)> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Of a database without tables alone.
    connection.execute_batch(&format!("PRAGMA page_size = {PAGE_BYTES}"))?;
    // Before the first table: `secure_delete` overwrites what is deleted with zeros, in indices too.
    connection.execute_batch("PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY")?;
    connection.execute_batch(&format!("PRAGMA cache_size = -{CACHE_KIB}; PRAGMA journal_size_limit = {WAL_BYTES}"))?;
    let found = marks(connection)?;
    if found != (APPLICATION, VERSION) {
        let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        if found != (0, 0) || tables != 0 {
            return Ok(found);
        }
    }
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    connection.execute_batch("PRAGMA synchronous = FULL")?;
    if found == (0, 0) {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        // Another process may have been faster.
        let made = if marks(connection)? == (0, 0) {
            let marks = format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION};");
            connection.execute_batch(TABLES).and_then(|()| connection.execute_batch(&marks))
        } else {
            Ok(())
        };
        connection.execute_batch(if made.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
        made?;
    }
    marks(connection)
}

fn marks(connection: &Connection) -> rusqlite::Result<(i64, i64)> {
    let mark = |name| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0));
    Ok((mark("application_id")?, mark("user_version")?))
}

/// Drops some of what is kept for some days only; how many rows.
pub(super) fn sweep(connection: &Connection, now_ms: u64) -> Result<u64, EngineError> {
    let old = integer((now_ms / DAY_MS).saturating_sub(REPEAT_DAYS));
    let ended = integer(now_ms.saturating_sub(REPEAT_DAYS * DAY_MS));
    let mut swept = 0;
    for (drop, before) in [
        (
            "DELETE FROM delivered WHERE (device, id) IN
                (SELECT device, id FROM delivered WHERE day < ?1 LIMIT ?2)",
            old,
        ),
        ("DELETE FROM spent_packages WHERE hash IN (SELECT hash FROM spent_packages WHERE day < ?1 LIMIT ?2)", old),
        ("DELETE FROM invitations WHERE hash IN (SELECT hash FROM invitations WHERE expires_ms < ?1 LIMIT ?2)", ended),
    ] {
        swept += connection.prepare_cached(drop)?.execute([before, SWEPT_AT_ONCE])? as u64;
    }
    Ok(swept)
}

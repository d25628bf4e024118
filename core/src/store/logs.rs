//! Logs: how far each was read, and the rows that its entries made.

use pli_proto::id::{ConversationId, LogId};
use pli_proto::row::AccessKey;
use pli_proto::rows::{Effect, Rows};
use pli_proto::signed::Hash;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::error::Error;
use crate::group::seal::LogKey;

/// Running hashes that are kept, to compare with what others have seen.
const HASHES: u64 = 2_000;

/// What a device has to do with a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i64)]
pub enum LogState {
    /// Made here; the server does not have it yet.
    Founding = 0,
    /// A member.
    Active = 2,
    /// A member who lost the group's secrets, and follows until the return is in the log.
    Broken = 3,
    /// Removed by a commit that counts.
    Removed = 4,
    /// The server refuses access, though no commit that counts removed this device.
    AccessLost = 5,
    /// Left by the own person's word.
    Left = 6,
    /// The group follows rules that this version does not know.
    Stopped = 7,
}

impl LogState {
    fn from_number(number: i64) -> rusqlite::Result<Self> {
        [Self::Founding, Self::Active, Self::Broken, Self::Removed, Self::AccessLost, Self::Left, Self::Stopped]
            .into_iter()
            .find(|state| *state as i64 == number)
            .ok_or(rusqlite::Error::IntegralValueOutOfRange(0, number))
    }

    /// Whether the server is asked for its entries.
    pub fn is_followed(self) -> bool {
        matches!(self, Self::Active | Self::Broken | Self::AccessLost)
    }
}

/// One log, as this device has read it.
#[derive(Clone)]
pub struct Log {
    /// Which.
    pub log: LogId,
    /// What it is a part of.
    pub conversation: ConversationId,
    /// What this device has to do with it.
    pub state: LogState,
    /// Its key.
    pub key: LogKey,
    /// The last entry that was received.
    pub number: u64,
    /// The running hash there.
    pub hash: Hash,
    /// The last commit, whether it counts or not: the parent of what is sent next.
    pub commit_number: u64,
    /// The running hash there.
    pub commit_hash: Hash,
    /// The GroupInfo beside the last commit that counts.
    pub group_info: Vec<u8>,
    /// The newest snapshot known to be at the server.
    pub snapshot_number: u64,
    /// Bytes of the commits since.
    pub commit_bytes: u64,
    /// When the next empty update is due.
    pub update_ms: u64,
    /// When to try to come back.
    pub return_ms: u64,
    /// No commits of our own before then.
    pub commit_ms: u64,
}

impl Log {
    /// A log of which nothing was read.
    pub(crate) fn new(log: LogId, conversation: ConversationId, key: LogKey) -> Self {
        let start = pli_proto::signed::hash_start(log);
        Self {
            log,
            conversation,
            state: LogState::Founding,
            key,
            number: 0,
            hash: start,
            commit_number: 0,
            commit_hash: start,
            group_info: Vec::new(),
            snapshot_number: 0,
            commit_bytes: 0,
            update_ms: 0,
            return_ms: 0,
            commit_ms: 0,
        }
    }
}

const COLUMNS: &str = "log, conversation, state, log_key, number, hash, commit_number, commit_hash, group_info, \
    snapshot_number, commit_bytes, update_ms, return_ms, commit_ms";

fn read(row: &Row<'_>) -> rusqlite::Result<Log> {
    let key: [u8; 32] = row.get(3)?;
    Ok(Log {
        log: LogId(row.get(0)?),
        conversation: ConversationId(row.get(1)?),
        state: LogState::from_number(row.get(2)?)?,
        key: LogKey::try_from(key.as_slice()).expect("32 bytes"),
        number: row.get(4)?,
        hash: row.get(5)?,
        commit_number: row.get(6)?,
        commit_hash: row.get(7)?,
        group_info: row.get(8)?,
        snapshot_number: row.get(9)?,
        commit_bytes: row.get(10)?,
        update_ms: row.get(11)?,
        return_ms: row.get(12)?,
        commit_ms: row.get(13)?,
    })
}

/// A log.
pub(crate) fn find(db: &Connection, log: LogId) -> Result<Option<Log>, Error> {
    let mut query = db.prepare_cached(&format!("SELECT {COLUMNS} FROM logs WHERE log = ?"))?;
    Ok(query.query_row([log.0], read).optional()?)
}

/// A log that must be there.
pub(crate) fn get(db: &Connection, log: LogId) -> Result<Log, Error> {
    find(db, log)?.ok_or(Error::NotFound(crate::error::What::Conversation))
}

/// All logs, in the order of their ids.
pub(crate) fn all(db: &Connection) -> Result<Vec<Log>, Error> {
    let mut query = db.prepare_cached(&format!("SELECT {COLUMNS} FROM logs ORDER BY log"))?;
    let logs = query.query_map([], read)?.collect::<Result<_, _>>()?;
    Ok(logs)
}

/// The logs of a conversation, the one that is written to first: the lowest id that this device is a member of.
pub(crate) fn of(db: &Connection, conversation: ConversationId) -> Result<Vec<Log>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM logs WHERE conversation = ? ORDER BY state NOT IN (0, 2, 3, 5), log");
    let mut query = db.prepare_cached(&sql)?;
    let logs = query.query_map([conversation.0], read)?.collect::<Result<_, _>>()?;
    Ok(logs)
}

/// Inserts a log or writes all of it.
pub(crate) fn put(db: &Connection, log: &Log) -> Result<(), Error> {
    let sql = format!(
        "INSERT INTO logs({COLUMNS}) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(log) DO UPDATE SET \
         conversation = ?2, state = ?3, log_key = ?4, number = ?5, hash = ?6, commit_number = ?7, commit_hash = ?8, \
         group_info = ?9, snapshot_number = ?10, commit_bytes = ?11, update_ms = ?12, return_ms = ?13, commit_ms = ?14"
    );
    db.prepare_cached(&sql)?.execute(params![
        log.log.0,
        log.conversation.0,
        log.state as i64,
        log.key.as_bytes(),
        log.number,
        log.hash,
        log.commit_number,
        log.commit_hash,
        log.group_info,
        log.snapshot_number,
        log.commit_bytes,
        log.update_ms,
        log.return_ms,
        log.commit_ms,
    ])?;
    Ok(())
}

/// Notes the running hash at an entry.
pub(crate) fn put_hash(db: &Connection, log: LogId, number: u64, hash: &Hash) -> Result<(), Error> {
    db.prepare_cached("INSERT OR REPLACE INTO hashes(log, number, hash) VALUES(?, ?, ?)")?
        .execute((log.0, number, hash))?;
    if number.is_multiple_of(64) && number > HASHES {
        db.execute("DELETE FROM hashes WHERE log = ? AND number < ?", (log.0, number - HASHES))?;
    }
    Ok(())
}

/// The running hash at an entry, if it is still kept.
pub(crate) fn hash_at(db: &Connection, log: LogId, number: u64) -> Result<Option<Hash>, Error> {
    let mut query = db.prepare_cached("SELECT hash FROM hashes WHERE log = ? AND number = ?")?;
    Ok(query.query_row((log.0, number), |row| row.get(0)).optional()?)
}

/// The server's rows of a log.
pub(crate) fn rows(db: &Connection, log: LogId) -> Result<Rows, Error> {
    let mut query = db.prepare_cached("SELECT key, rank FROM rows WHERE log = ?")?;
    let rows = query.query_map([log.0], |row| Ok((AccessKey(row.get(0)?), row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Applies what an entry did to them.
pub(crate) fn apply_rows(db: &Connection, log: LogId, effects: &[Effect]) -> Result<(), Error> {
    for (key, rank) in effects {
        match rank {
            Some(rank) => db
                .prepare_cached("INSERT OR REPLACE INTO rows(log, key, rank) VALUES(?, ?, ?)")?
                .execute((log.0, key.0, rank))?,
            None => db.prepare_cached("DELETE FROM rows WHERE log = ? AND key = ?")?.execute((log.0, key.0))?,
        };
    }
    Ok(())
}

/// Forgets all rows of a log.
pub(crate) fn clear_rows(db: &Connection, log: LogId) -> Result<(), Error> {
    db.execute("DELETE FROM rows WHERE log = ?", [log.0])?;
    Ok(())
}

/// Invitations to one log that are kept at once: whoever knows the log key can send some.
const INVITATIONS: i64 = 8;

/// Keeps an invitation, unless too many to the same log wait already.
pub(crate) fn put_invitation(db: &Connection, log: LogId, entry: &[u8], invitation: &[u8]) -> Result<bool, Error> {
    let waiting: i64 = db.query_row("SELECT count(*) FROM invitations WHERE log = ?", [log.0], |row| row.get(0))?;
    let sql = "INSERT OR IGNORE INTO invitations(log, entry, invitation) VALUES(?, ?, ?)";
    Ok(waiting < INVITATIONS && db.execute(sql, (log.0, entry, invitation))? > 0)
}

/// The invitations that wait, with their logs.
pub(crate) fn invitations(db: &Connection) -> Result<Vec<(LogId, Vec<u8>)>, Error> {
    let mut query = db.prepare_cached("SELECT log, invitation FROM invitations ORDER BY log, entry")?;
    let all = query.query_map([], |row| Ok((LogId(row.get(0)?), row.get(1)?)))?.collect::<Result<_, _>>()?;
    Ok(all)
}

/// Drops an invitation: it was followed, or led nowhere.
pub(crate) fn remove_invitation(db: &Connection, log: LogId, entry: &[u8]) -> Result<(), Error> {
    db.execute("DELETE FROM invitations WHERE log = ? AND entry = ?", (log.0, entry))?;
    Ok(())
}

/// Keeps a leaver's word until the leaf is gone.
pub(crate) fn put_leaver(db: &Connection, log: LogId, leaf_key: &[u8], word: &[u8]) -> Result<(), Error> {
    let sql = "INSERT OR REPLACE INTO leavers(log, leaf_key, word) VALUES(?, ?, ?)";
    db.execute(sql, (log.0, leaf_key, word))?;
    Ok(())
}

/// The words of leavers.
pub(crate) fn leavers(db: &Connection, log: LogId) -> Result<Vec<Vec<u8>>, Error> {
    let mut query = db.prepare_cached("SELECT word FROM leavers WHERE log = ? ORDER BY leaf_key")?;
    let words = query.query_map([log.0], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(words)
}

/// Forgets a leaver's word.
pub(crate) fn remove_leaver(db: &Connection, log: LogId, leaf_key: &[u8]) -> Result<(), Error> {
    db.execute("DELETE FROM leavers WHERE log = ? AND leaf_key = ?", (log.0, leaf_key))?;
    Ok(())
}

//! Logs: how far each was read, and what is due in it.

use std::cmp::Reverse;

use pli_env::sql::{Numbers as _, integer};
use pli_proto::id::{ConversationId, LogId};
use pli_proto::signed::Hash;
use pli_proto::{limits, pb};
use prost::Message as _;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use sha2::{Digest as _, Sha256};

use crate::error::Error;
use pli_kernel::group::seal::LogKey;

/// Running hashes that are kept, to compare with what others have seen.
const HASHES: u64 = 2_000;

/// What a joiner reads at most, where commits come at all: bytes of commits, and entries.
const SNAPSHOT_BYTES: u64 = 64 * 1024;
const SNAPSHOT_ENTRIES: u64 = 2_000;

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
    /// Commits that this device has not read are no longer at the server: it must be added anew.
    Behind = 8,
    /// The server was put back to an older copy: it does not have what this device has read. Asked for now and then, should
    /// it be put right.
    Diverged = 9,
}

impl LogState {
    fn from_number(number: i64) -> rusqlite::Result<Self> {
        use LogState::*;
        [Founding, Active, Broken, Removed, AccessLost, Left, Behind, Diverged]
            .into_iter()
            .find(|state| *state as i64 == number)
            .ok_or(rusqlite::Error::IntegralValueOutOfRange(0, number))
    }

    /// Whether this device reads on, as a member.
    pub fn is_followed(self) -> bool {
        matches!(self, Self::Active | Self::Broken | Self::AccessLost)
    }

    /// Whether this device is in it, or about to make it.
    pub(crate) fn is_written(self) -> bool {
        self.is_followed() || self == Self::Founding
    }

    /// The same, and nobody took its access away.
    pub(crate) fn is_open(self) -> bool {
        self.is_written() && self != Self::AccessLost
    }

    /// Whether the server is asked for its entries.
    pub(crate) fn is_asked_for(self) -> bool {
        self.is_followed() || self == Self::Diverged
    }
}

/// One log, as this device has read it.
#[derive(Clone)]
pub struct Log {
    /// Which.
    pub log: LogId,
    /// What it is a part of.
    pub conversation: ConversationId,
    /// Of a pair's logs the one with the highest is written; see [`Self::precedence`].
    pub generation: u32,
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
    /// The newest snapshot known to be at the server.
    pub snapshot_number: u64,
    /// Bytes of the commits since.
    pub commit_bytes: u64,
    /// When the next empty update is due.
    pub update_ms: u64,
    /// When to commit so that others get right what an earlier commit left wrong; 0 if nothing is.
    pub mend_ms: u64,
    /// When to try to come back.
    pub return_ms: u64,
    /// No commits of our own before then.
    pub commit_ms: u64,
    /// When to state all rows, for others stand than the state asks for; 0 if they don't.
    pub rows_ms: u64,
    /// Not before then, for this device did so lately,
    pub rows_after_ms: u64,
    /// so long before that.
    pub rows_pause_ms: u64,
    /// The digest of other rows for which it did, or will.
    pub rows_told: Option<Hash>,
    /// The last digest that was compared, and the state with whose rows it was, in one hash.
    pub rows_compared: Option<Hash>,
}

/// See [`Log::precedence`].
pub(crate) type Precedence = [u8; 20];

impl Log {
    /// Whether a snapshot at the last commit is worth its bytes: much came since the last one. Every member finds the
    /// same; the committer stores it.
    pub(crate) fn snapshot_is_due(&self) -> bool {
        self.commit_number > self.snapshot_number
            && (self.commit_bytes > SNAPSHOT_BYTES || self.commit_number - self.snapshot_number > SNAPSHOT_ENTRIES)
    }

    /// Of several logs of a conversation the one with the greatest is written, and what is done in it to a message outdoes what
    /// is done in the others: the highest generation's, of one generation the one with the lowest id.
    pub(crate) fn precedence(&self) -> Precedence {
        precedence(self.generation, self.log)
    }

    /// A log of which nothing was read.
    pub(crate) fn new(log: LogId, conversation: ConversationId, key: LogKey) -> Self {
        let start = pli_proto::signed::hash_start(log);
        Self {
            log,
            conversation,
            generation: 0,
            state: LogState::Founding,
            key,
            number: 0,
            hash: start,
            commit_number: 0,
            commit_hash: start,
            snapshot_number: 0,
            commit_bytes: 0,
            update_ms: 0,
            mend_ms: 0,
            return_ms: 0,
            commit_ms: 0,
            rows_ms: 0,
            rows_after_ms: 0,
            rows_pause_ms: 0,
            rows_told: None,
            rows_compared: None,
        }
    }
}

/// See [`Log::precedence`].
pub(crate) fn precedence(generation: u32, log: LogId) -> Precedence {
    let mut precedence = [0; 20];
    precedence[..4].copy_from_slice(&generation.to_be_bytes());
    precedence[4..].copy_from_slice(&log.0.map(|byte| !byte));
    precedence
}

const COLUMNS: &str = "log, conversation, state, log_key, number, hash, commit_number, commit_hash, \
    snapshot_number, commit_bytes, update_ms, return_ms, commit_ms, mend_ms, rows_ms, rows_after_ms, \
    rows_pause_ms, rows_told, rows_compared, generation";

fn read(row: &Row<'_>) -> rusqlite::Result<Log> {
    let key: [u8; 32] = row.get(3)?;
    Ok(Log {
        log: LogId(row.get(0)?),
        conversation: ConversationId(row.get(1)?),
        state: LogState::from_number(row.get(2)?)?,
        key: LogKey::try_from(key.as_slice()).expect("32 bytes"),
        number: row.number(4)?,
        hash: row.get(5)?,
        commit_number: row.number(6)?,
        commit_hash: row.get(7)?,
        snapshot_number: row.number(8)?,
        commit_bytes: row.number(9)?,
        update_ms: row.number(10)?,
        return_ms: row.number(11)?,
        commit_ms: row.number(12)?,
        mend_ms: row.number(13)?,
        rows_ms: row.number(14)?,
        rows_after_ms: row.number(15)?,
        rows_pause_ms: row.number(16)?,
        rows_told: row.get(17)?,
        rows_compared: row.get(18)?,
        generation: row.get(19)?,
    })
}

/// A log.
pub(crate) fn find(db: &Connection, log: LogId) -> Result<Option<Log>, Error> {
    let mut query = db.prepare_cached(&format!("SELECT {COLUMNS} FROM logs WHERE log = ?"))?;
    Ok(query.query_row([log.0], read).optional()?)
}

/// A log that must be there.
pub(crate) fn get(db: &Connection, log: LogId) -> Result<Log, Error> {
    find(db, log)?.ok_or(Error::NotFound { what: crate::error::What::Conversation })
}

/// All logs, in the order of their ids.
pub(crate) fn all(db: &Connection) -> Result<Vec<Log>, Error> {
    let mut query = db.prepare_cached(&format!("SELECT {COLUMNS} FROM logs ORDER BY log"))?;
    let logs = query.query_map([], read)?.collect::<Result<_, _>>()?;
    Ok(logs)
}

/// The logs of a conversation, first the one that is written: of those that this device is in, and has access to, the one that
/// precedes the others.
pub(crate) fn of(db: &Connection, conversation: ConversationId) -> Result<Vec<Log>, Error> {
    let mut query = db.prepare_cached(&format!("SELECT {COLUMNS} FROM logs WHERE conversation = ?"))?;
    let mut logs = query.query_map([conversation.0], read)?.collect::<Result<Vec<Log>, _>>()?;
    logs.sort_by_key(|log| Reverse((log.state.is_open(), log.state.is_written(), log.precedence())));
    Ok(logs)
}

/// Inserts a log or writes all of it.
pub(crate) fn put(db: &Connection, log: &Log) -> Result<(), Error> {
    let sql = format!(
        "INSERT INTO logs({COLUMNS}) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT(log) DO UPDATE SET \
         conversation = ?2, state = ?3, log_key = ?4, number = ?5, hash = ?6, commit_number = ?7, commit_hash = ?8, \
         snapshot_number = ?9, commit_bytes = ?10, update_ms = ?11, return_ms = ?12, commit_ms = ?13, \
         mend_ms = ?14, rows_ms = ?15, rows_after_ms = ?16, rows_pause_ms = ?17, rows_told = ?18, \
         rows_compared = ?19, generation = ?20"
    );
    db.prepare_cached(&sql)?.execute(params![
        log.log.0,
        log.conversation.0,
        log.state as i64,
        log.key.as_bytes(),
        integer(log.number),
        log.hash,
        integer(log.commit_number),
        log.commit_hash,
        integer(log.snapshot_number),
        integer(log.commit_bytes),
        integer(log.update_ms),
        integer(log.return_ms),
        integer(log.commit_ms),
        integer(log.mend_ms),
        integer(log.rows_ms),
        integer(log.rows_after_ms),
        integer(log.rows_pause_ms),
        log.rows_told,
        log.rows_compared,
        log.generation,
    ])?;
    Ok(())
}

/// The GroupInfo beside the last commit that counts.
pub(crate) fn group_info(db: &Connection, log: LogId) -> Result<Vec<u8>, Error> {
    let mut query = db.prepare_cached("SELECT group_info FROM group_infos WHERE log = ?")?;
    query.query_row([log.0], |row| row.get(0)).optional()?.ok_or(Error::Damaged)
}

/// Keeps it.
pub(crate) fn put_group_info(db: &Connection, log: LogId, group_info: &[u8]) -> Result<(), Error> {
    let sql = "INSERT OR REPLACE INTO group_infos(log, group_info) VALUES(?, ?)";
    db.prepare_cached(sql)?.execute((log.0, group_info))?;
    Ok(())
}

/// Notes the running hash at an entry.
pub(crate) fn put_hash(db: &Connection, log: LogId, number: u64, hash: &Hash) -> Result<(), Error> {
    db.prepare_cached("INSERT OR REPLACE INTO hashes(log, number, hash) VALUES(?, ?, ?)")?.execute((
        log.0,
        integer(number),
        hash,
    ))?;
    if number.is_multiple_of(64) && number > HASHES {
        db.execute("DELETE FROM hashes WHERE log = ? AND number < ?", (log.0, integer(number - HASHES)))?;
    }
    Ok(())
}

/// Forgets the running hashes of a log that is entered anew: they may be of another history.
pub(crate) fn forget_hashes(db: &Connection, log: LogId) -> Result<(), Error> {
    db.execute("DELETE FROM hashes WHERE log = ?", [log.0])?;
    Ok(())
}

/// The running hash at an entry, if it is still kept.
pub(crate) fn hash_at(db: &Connection, log: LogId, number: u64) -> Result<Option<Hash>, Error> {
    let mut query = db.prepare_cached("SELECT hash FROM hashes WHERE log = ? AND number = ?")?;
    Ok(query.query_row((log.0, integer(number)), |row| row.get(0)).optional()?)
}

/// Invitations to one log that are kept at once: as many as an inbox holds, for whoever knows the log key can send as many
/// false ones beside a true one.
const INVITATIONS: i64 = limits::INBOX_ITEMS as i64;

/// Keeps an invitation. Where too many to the same log wait, those go that name the last entries: what is not in the log
/// yet names one far ahead, or is soon found false.
pub(crate) fn put_invitation(db: &Connection, log: LogId, invitation: &pb::Invitation) -> Result<(), Error> {
    let invited = invitation.encode_to_vec();
    db.execute(
        "INSERT OR IGNORE INTO invitations(log, digest, number, invitation) VALUES(?, ?, ?, ?)",
        (log.0, invitation_digest(&invited), integer(invitation.number), &invited),
    )?;
    db.execute(
        "DELETE FROM invitations WHERE log = ?1 AND digest NOT IN
            (SELECT digest FROM invitations WHERE log = ?1 ORDER BY number, digest LIMIT ?2)",
        (log.0, INVITATIONS),
    )?;
    Ok(())
}

/// The invitations that wait, with their logs.
pub(crate) fn invitations(db: &Connection) -> Result<Vec<(LogId, Vec<u8>)>, Error> {
    let mut query = db.prepare_cached("SELECT log, invitation FROM invitations ORDER BY log, number, digest")?;
    let all = query.query_map([], |row| Ok((LogId(row.get(0)?), row.get(1)?)))?.collect::<Result<_, _>>()?;
    Ok(all)
}

/// Drops an invitation: it was followed, or led nowhere.
pub(crate) fn remove_invitation(db: &Connection, log: LogId, invited: &[u8]) -> Result<(), Error> {
    db.execute("DELETE FROM invitations WHERE log = ? AND digest = ?", (log.0, invitation_digest(invited)))?;
    Ok(())
}

/// An invitation is known by all of it: a false one may name a true entry.
fn invitation_digest(invited: &[u8]) -> Hash {
    Sha256::digest(invited).into()
}

/// Keeps a leaver's word until the leaf is gone.
pub(crate) fn put_leaver(db: &Connection, log: LogId, word: &pb::LeaveWord) -> Result<(), Error> {
    let sql = "INSERT OR REPLACE INTO leavers(log, leaf_key, word) VALUES(?, ?, ?)";
    db.prepare_cached(sql)?.execute((log.0, &word.leaf_key, word.encode_to_vec()))?;
    Ok(())
}

/// The words of those who left, and whose leaves were still there.
pub(crate) fn leavers(db: &Connection, log: LogId) -> Result<Vec<pb::LeaveWord>, Error> {
    let mut query = db.prepare_cached("SELECT word FROM leavers WHERE log = ? ORDER BY leaf_key")?;
    let words = query.query_map([log.0], |row| row.get::<_, Vec<u8>>(0))?.collect::<Result<Vec<_>, _>>()?;
    words.iter().map(|word| pb::LeaveWord::decode(word.as_slice()).map_err(|_| Error::Damaged)).collect()
}

/// Forgets a leaver's word.
pub(crate) fn remove_leaver(db: &Connection, log: LogId, leaf_key: &[u8]) -> Result<(), Error> {
    db.execute("DELETE FROM leavers WHERE log = ? AND leaf_key = ?", (log.0, leaf_key))?;
    Ok(())
}

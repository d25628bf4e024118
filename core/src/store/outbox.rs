//! The outbox: intents, which a person asked for, and attempts, which are entries sealed for them.

use pli_env::sql::{Numbers as _, integer};
use std::collections::BTreeSet;

use pli_proto::id::{ConversationId, ItemId, LogId, PersonId};
use pli_proto::pb;
use pli_proto::signed::Hash;
use prost::Message;
use rusqlite::types::{Type, ValueRef};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::model::{Refusal, Setting};
use pli_kernel::group::settings::Role;

use super::logs::LogState;
use super::unsettled;

/// Something a person asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Intent {
    /// Say something: a [`pb::Said`], whose id is the intent's.
    Say(Vec<u8>),
    /// Add persons, with all their devices.
    Add(Vec<PersonId>),
    /// Add a further device of one's own, with the MLS key that was compared.
    Approve([u8; 16], [u8; 32]),
    /// Remove persons.
    Remove(Vec<PersonId>),
    /// Give a person a role.
    SetRole(PersonId, Role),
    /// Change settings.
    Set(Setting),
    /// Leave.
    Leave,
}

/// An intent in the outbox.
#[derive(Clone, Debug)]
pub(crate) struct Queued {
    pub(crate) conversation: ConversationId,
    pub(crate) entry: ItemId,
    pub(crate) intent: Intent,
    pub(crate) created_ms: u64,
    pub(crate) tries: u32,
    pub(crate) refused: Option<Refusal>,
}

/// Nothing in the outbox waits for longer before it is tried again.
pub(crate) const LONGEST_WAIT_MS: u64 = 24 * 60 * 60 * 1000;
/// Whether the time of a row has come, by now, which is the query's first parameter. A time that is further ahead than any
/// that is set was set by a clock that was wrong.
pub(crate) const DUE: &str = "(after_ms <= ?1 OR after_ms > ?1 + 86400000)";
/// The attempts of the conversation that is the query's second parameter.
const OF: &str = "log IN (SELECT log FROM logs WHERE conversation = ?2)";
pub(super) const INTENT: &str = "conversation, entry, body, created_ms, tries, refused";

/// What postcard wrote: variants and fields are only ever appended.
fn encoded(value: &impl Serialize) -> Result<Vec<u8>, Error> {
    postcard::to_allocvec(value).map_err(|_| Error::internal("postcard"))
}

fn decoded<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    postcard::from_bytes(row.get_ref(column)?.as_blob()?)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, error.into()))
}

pub(super) fn read_intent(row: &Row<'_>) -> rusqlite::Result<Queued> {
    Ok(Queued {
        conversation: ConversationId(row.get(0)?),
        entry: ItemId(row.get(1)?),
        intent: decoded(row, 2)?,
        created_ms: row.number(3)?,
        tries: row.get(4)?,
        refused: if row.get_ref(5)? == ValueRef::Null { None } else { Some(decoded(row, 5)?) },
    })
}

/// Adds an intent at the end.
pub(crate) fn push(
    db: &Connection,
    conversation: ConversationId,
    entry: ItemId,
    intent: Intent,
    created_ms: u64,
) -> Result<Queued, Error> {
    let about = unsettled::about(&intent)?.map(|about| about.0);
    let sql = "INSERT INTO intents(conversation, entry, body, created_ms, about) VALUES(?, ?, ?, ?, ?)";
    db.prepare_cached(sql)?.execute((conversation.0, entry.0, encoded(&intent)?, integer(created_ms), about))?;
    Ok(Queued { conversation, entry, intent, created_ms, tries: 0, refused: None })
}

/// The intents of a conversation, oldest first.
pub(crate) fn of(db: &Connection, conversation: ConversationId) -> Result<Vec<Queued>, Error> {
    let sql = format!("SELECT {INTENT} FROM intents WHERE conversation = ? ORDER BY id");
    let mut query = db.prepare_cached(&sql)?;
    let intents = query.query_map([conversation.0], read_intent)?.collect::<Result<_, _>>()?;
    Ok(intents)
}

/// What the intents of a log are: those that go to it, and, where it is the one of its conversation that is written now,
/// those that go to none in particular. The query's third and fourth parameters.
const GOES: &str = "(log = ?3 OR log IS NULL AND ?4)";

/// The first intent for a log that was not given up, does not wait, and for which nothing is sealed.
pub(crate) fn next(db: &Connection, to: To, now_ms: u64) -> Result<Option<Queued>, Error> {
    let sql = format!(
        "SELECT {INTENT} FROM intents WHERE conversation = ?2 AND refused IS NULL AND {DUE} AND {GOES}
         AND entry NOT IN (SELECT entry FROM attempts WHERE {OF}) ORDER BY id LIMIT 1"
    );
    let mut query = db.prepare_cached(&sql)?;
    Ok(query.query_row(to.at(now_ms), read_intent).optional()?)
}

/// Where intents go: a log of a conversation.
#[derive(Clone, Copy)]
pub(crate) struct To {
    pub(crate) conversation: ConversationId,
    pub(crate) log: LogId,
    /// Of the conversation's logs, this one is written now.
    pub(crate) is_written: bool,
}

impl To {
    fn at(self, now_ms: u64) -> (i64, [u8; 16], [u8; 16], bool) {
        (integer(now_ms), self.conversation.0, self.log.0, self.is_written)
    }
}

/// Lets an intent go to a log of its conversation, in which what it is about stands.
pub(crate) fn send_to(db: &Connection, id: ConversationId, entry: ItemId, log: LogId) -> Result<(), Error> {
    let sql = "UPDATE intents SET log = ? WHERE conversation = ? AND entry = ?";
    db.execute(sql, (log.0, id.0, entry.0))?;
    Ok(())
}

/// What was to go to a log, which has ended for this device, goes to the one that is written.
pub(crate) fn send_elsewhere(db: &Connection, log: LogId) -> Result<(), Error> {
    db.execute("UPDATE intents SET log = NULL WHERE log = ?", [log.0])?;
    Ok(())
}

/// Whether an intent of just now has nothing before it or beside it: no other of its conversation is due, and nothing is
/// sealed for the log.
pub(crate) fn is_alone(db: &Connection, log: LogId, queued: &Queued) -> Result<bool, Error> {
    let sql = format!(
        "SELECT 1 FROM intents WHERE conversation = ?2 AND entry <> ?3 AND refused IS NULL AND {DUE}
        UNION ALL SELECT 1 FROM attempts WHERE log = ?4"
    );
    let parameters = (integer(queued.created_ms), queued.conversation.0, queued.entry.0, log.0);
    Ok(!db.prepare_cached(&sql)?.exists(parameters)?)
}

/// When the next intent for a log that waits is due.
pub(crate) fn next_ms(db: &Connection, to: To, now_ms: u64) -> Result<Option<u64>, Error> {
    let sql = format!(
        "SELECT min(after_ms) FROM intents WHERE conversation = ?2 AND refused IS NULL AND NOT {DUE} AND {GOES}
         AND entry NOT IN (SELECT entry FROM attempts WHERE {OF})"
    );
    Ok(db.prepare_cached(&sql)?.query_row(to.at(now_ms), |row| row.optional_number(0))?)
}

/// Lets an intent wait; those behind it go first.
pub(crate) fn postpone(db: &Connection, id: ConversationId, entry: ItemId, until_ms: u64) -> Result<(), Error> {
    let sql = "UPDATE intents SET after_ms = ?, tries = tries + 1 WHERE conversation = ? AND entry = ?";
    db.execute(sql, (integer(until_ms), id.0, entry.0))?;
    Ok(())
}

/// All that waits in a conversation is due now, in its order.
pub(crate) fn wait_no_more(db: &Connection, id: ConversationId) -> Result<(), Error> {
    db.execute("UPDATE intents SET after_ms = 0 WHERE conversation = ?", [id.0])?;
    Ok(())
}

/// What waits for devices of these persons is due now, as if it had not been tried: the directory has news of them.
pub(crate) fn try_anew(db: &Connection, persons: &BTreeSet<PersonId>) -> Result<(), Error> {
    let sql = format!(
        "SELECT {INTENT}, (SELECT peer FROM conversations WHERE conversations.id = conversation) FROM intents
         WHERE after_ms > 0 AND refused IS NULL"
    );
    let mut query = db.prepare_cached(&sql)?;
    let waiting = query.query_map([], |row| Ok((read_intent(row)?, row.get::<_, Option<[u8; 16]>>(6)?)))?;
    for (queued, peer) in waiting.collect::<Result<Vec<_>, _>>()? {
        let is_for_one = match &queued.intent {
            Intent::Add(wanted) => wanted.iter().any(|person| persons.contains(person)),
            _ => peer.is_some_and(|peer| persons.contains(&PersonId(peer))),
        };
        if is_for_one {
            let sql = "UPDATE intents SET after_ms = 0, tries = 0 WHERE conversation = ? AND entry = ?";
            db.execute(sql, (queued.conversation.0, queued.entry.0))?;
        }
    }
    Ok(())
}

/// The intent with this id.
pub(crate) fn find(db: &Connection, id: ConversationId, entry: ItemId) -> Result<Option<Queued>, Error> {
    let sql = format!("SELECT {INTENT} FROM intents WHERE conversation = ? AND entry = ?");
    let mut query = db.prepare_cached(&sql)?;
    Ok(query.query_row((id.0, entry.0), read_intent).optional()?)
}

/// How many intents are not in their logs yet.
pub(crate) fn waiting(db: &Connection) -> Result<u64, Error> {
    Ok(db.query_row("SELECT count(*) FROM intents WHERE refused IS NULL", [], |row| row.number(0))?)
}

/// Whether an intent can go now: it waits for nobody's device, and for no access to the log that it goes to.
pub(crate) fn can_go(db: &Connection, now_ms: u64) -> Result<bool, Error> {
    let (founding, broken) = (LogState::Founding as i64, LogState::Broken as i64);
    let (active, lost) = (LogState::Active as i64, LogState::AccessLost as i64);
    // As in `logs::of`.
    let sql = format!(
        "SELECT 1 FROM intents WHERE refused IS NULL AND {DUE} AND (SELECT state FROM logs
         WHERE logs.conversation = intents.conversation AND state IN ({founding}, {active}, {broken}, {lost})
         AND (intents.log IS NULL OR logs.log = intents.log)
         ORDER BY state = {lost}, generation DESC, log LIMIT 1) <> {lost}"
    );
    Ok(db.prepare_cached(&sql)?.exists([integer(now_ms)])?)
}

/// An intent is done, or taken back.
pub(crate) fn remove(db: &Connection, id: ConversationId, entry: ItemId) -> Result<(), Error> {
    db.prepare_cached("DELETE FROM intents WHERE conversation = ? AND entry = ?")?.execute((id.0, entry.0))?;
    Ok(())
}

/// Gives an intent up.
pub(crate) fn refuse(db: &Connection, id: ConversationId, entry: ItemId, why: Refusal) -> Result<(), Error> {
    let sql = "UPDATE intents SET refused = ? WHERE conversation = ? AND entry = ?";
    db.execute(sql, (encoded(&why)?, id.0, entry.0))?;
    Ok(())
}

/// Takes up again what was given up, as if it had been asked for just now: what waits for somebody waits anew.
pub(crate) fn take_up(db: &Connection, id: ConversationId, entry: ItemId, now_ms: u64) -> Result<(), Error> {
    let sql = "UPDATE intents SET refused = NULL, after_ms = 0, tries = 0, created_ms = ?
               WHERE conversation = ? AND entry = ? AND refused IS NOT NULL";
    db.execute(sql, (integer(now_ms), id.0, entry.0))?;
    Ok(())
}

/// Gives up every intent of a conversation that this device is out of.
pub(crate) fn refuse_all(db: &Connection, id: ConversationId) -> Result<(), Error> {
    let why = encoded(&Refusal::NotAMember)?;
    db.execute("UPDATE intents SET refused = ? WHERE conversation = ? AND refused IS NULL", (why, id.0))?;
    Ok(())
}

/// A welcome to deliver when its commit is in the log.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Welcome {
    pub(crate) device: [u8; 16],
    pub(crate) inbox_key: Vec<u8>,
    pub(crate) welcome: Vec<u8>,
}

/// An entry, sealed.
pub(crate) struct Sealed {
    pub(crate) entry: pb::Entry,
    /// The SHA-256 of its MLS message. The log shows it by that: whoever knows the log key could seal the message anew.
    pub(crate) made: Hash,
}

/// A sealed entry that is sent until the log shows it, or shows that it can't come.
pub(crate) struct Attempt {
    /// The id of the intent for which it was made, or one of its own.
    pub(crate) id: ItemId,
    pub(crate) entry: pb::Entry,
}

/// Keeps a sealed entry.
pub(crate) fn put_attempt(
    db: &Connection,
    log: LogId,
    id: ItemId,
    sealed: &Sealed,
    welcomes: &[Welcome],
) -> Result<(), Error> {
    let is_commit = sealed.entry.kind() == pb::EntryKind::Commit;
    let sql = "INSERT INTO attempts(log, entry, made, bytes, is_commit, deliveries) VALUES(?, ?, ?, ?, ?, ?)";
    let bytes = sealed.entry.encode_to_vec();
    db.prepare_cached(sql)?.execute(params![log.0, id.0, sealed.made, bytes, is_commit, encoded(&welcomes)?])?;
    Ok(())
}

/// Whether an entry is sealed for an intent: it may be at the server.
pub(crate) fn is_sealed(db: &Connection, id: ConversationId, entry: ItemId) -> Result<bool, Error> {
    let sql = format!("SELECT 1 FROM attempts WHERE {OF} AND entry = ?1");
    Ok(db.prepare_cached(&sql)?.exists((entry.0, id.0))?)
}

/// The log for which an entry is sealed for an intent.
pub(crate) fn log_of_attempt(db: &Connection, id: ConversationId, entry: ItemId) -> Result<Option<LogId>, Error> {
    let sql = format!("SELECT log FROM attempts WHERE {OF} AND entry = ?1");
    Ok(db.prepare_cached(&sql)?.query_row((entry.0, id.0), |row| Ok(LogId(row.get(0)?))).optional()?)
}

/// The first attempt of a log that the server has not acknowledged.
pub(crate) fn next_attempt(db: &Connection, log: LogId) -> Result<Option<Attempt>, Error> {
    let sql = "SELECT entry, bytes FROM attempts WHERE log = ? AND NOT acked ORDER BY id LIMIT 1";
    let read = |row: &Row<'_>| Ok((ItemId(row.get(0)?), row.get::<_, Vec<u8>>(1)?));
    let Some((id, bytes)) = db.prepare_cached(sql)?.query_row([log.0], read).optional()? else { return Ok(None) };
    let entry = pb::Entry::decode(bytes.as_slice()).map_err(|_| Error::Damaged)?;
    Ok(Some(Attempt { id, entry }))
}

/// Messages that are sealed ahead of the server's answers.
const AHEAD: u64 = 64;

/// The attempts of a log.
pub(crate) struct Attempts {
    count: u64,
    /// One is a commit.
    pub(crate) has_commit: bool,
}

impl Attempts {
    /// Whether nothing more is sealed before some of them came back.
    pub(crate) fn are_enough(&self) -> bool {
        self.has_commit || self.count >= AHEAD
    }
}

/// What there is of attempts of a log.
pub(crate) fn attempts(db: &Connection, log: LogId) -> Result<Attempts, Error> {
    let sql = "SELECT count(*), coalesce(max(is_commit), 0) FROM attempts WHERE log = ?";
    let read = |row: &Row<'_>| Ok(Attempts { count: row.number(0)?, has_commit: row.get(1)? });
    Ok(db.prepare_cached(sql)?.query_row([log.0], read)?)
}

/// Whether an attempt is a commit.
pub(crate) fn is_commit(db: &Connection, log: LogId, entry: ItemId) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM attempts WHERE log = ? AND entry = ? AND is_commit";
    Ok(db.prepare_cached(sql)?.exists((log.0, entry.0))?)
}

/// The server has it, and says that this is the running hash there. False if the log has shown it already.
pub(crate) fn acknowledge(db: &Connection, log: LogId, entry: ItemId, answer: Option<Hash>) -> Result<bool, Error> {
    let sql = "UPDATE attempts SET acked = 1, answer = ? WHERE log = ? AND entry = ?";
    Ok(db.prepare_cached(sql)?.execute((answer, log.0, entry.0))? > 0)
}

/// Whether the server has acknowledged it.
pub(crate) fn is_acknowledged(db: &Connection, id: ConversationId, entry: ItemId) -> Result<bool, Error> {
    let sql = format!("SELECT 1 FROM attempts WHERE {OF} AND entry = ?1 AND acked");
    Ok(db.prepare_cached(&sql)?.exists((entry.0, id.0))?)
}

/// An attempt that the log shows.
pub(crate) struct Shown {
    /// The id of the intent for which it was made, or one of its own.
    pub(crate) id: ItemId,
    /// The running hash that the server's answer named, if there was one.
    pub(crate) answer: Option<Hash>,
    /// They may go now.
    pub(crate) welcomes: Vec<Welcome>,
}

/// Takes the attempt with this MLS message out; `None` if there is none.
pub(crate) fn take_attempt(db: &Connection, log: LogId, made: &Hash) -> Result<Option<Shown>, Error> {
    let sql = "DELETE FROM attempts WHERE log = ? AND made = ? RETURNING entry, answer, deliveries";
    let read = |row: &Row<'_>| Ok(Shown { id: ItemId(row.get(0)?), answer: row.get(1)?, welcomes: decoded(row, 2)? });
    Ok(db.prepare_cached(sql)?.query_row((log.0, made), read).optional()?)
}

/// Drops all attempts of a log: another commit took their place, or this device is out.
pub(crate) fn drop_attempts(db: &Connection, log: LogId) -> Result<(), Error> {
    db.prepare_cached("DELETE FROM attempts WHERE log = ?")?.execute([log.0])?;
    Ok(())
}

/// Drops the attempts of a log that the server has not acknowledged: they will not be sent.
pub(crate) fn drop_unacknowledged(db: &Connection, log: LogId) -> Result<(), Error> {
    db.prepare_cached("DELETE FROM attempts WHERE log = ? AND NOT acked")?.execute([log.0])?;
    Ok(())
}

/// Keeps attempts only to recognise them in the log: in a copied store none of them may be sent.
pub(crate) fn void_attempts(db: &Connection) -> Result<(), Error> {
    db.execute("UPDATE attempts SET acked = 1", [])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::items;

    #[test]
    fn a_clock_that_was_ahead_keeps_nothing_waiting() {
        let db = crate::store::open::tests::in_memory();
        let (pair, entry, now_ms) = (ConversationId([1; 16]), ItemId([2; 16]), 1_000_000_000_000);
        items::put_conversation(&db, pair, Some(PersonId([3; 16])), now_ms).unwrap();
        push(&db, pair, entry, Intent::Leave, now_ms).unwrap();
        let to = To { conversation: pair, log: LogId([4; 16]), is_written: true };
        for (after_ms, is_due) in
            [(0, true), (1, true), (500, false), (LONGEST_WAIT_MS, false), (LONGEST_WAIT_MS + 1, true)]
        {
            let at_ms = if after_ms > 1 { now_ms + after_ms } else { after_ms };
            postpone(&db, pair, entry, at_ms).unwrap();
            assert_eq!(next(&db, to, now_ms).unwrap().is_some(), is_due, "{after_ms}");
            let next_ms = next_ms(&db, to, now_ms).unwrap();
            assert_eq!(next_ms, (!is_due).then_some(at_ms), "{after_ms}");
        }
    }
}

//! Founding logs: a group's, and a pair's when it is first needed.

use pli_kernel::group::seal::LogKey;
use pli_kernel::group::settings::Settings;
use pli_proto::id::{ConversationId, ItemId, LogId, PersonId};
use pli_proto::limits;

use crate::error::{Error, What};
use crate::membership::join;
use crate::membership::schedule::first_update;
use crate::store::logs::{self, Log, LogState};
use crate::store::outbox::{self, Intent};
use crate::store::{Notice, Tx, items, people, summary};

/// Logs of a pair to which access was lost, and no more is founded in their place.
const MOST_LOST: usize = 3;

/// Founds a log of this device alone, to be created at the server.
pub(crate) fn found(
    tx: &mut Tx<'_>,
    log: LogId,
    conversation: ConversationId,
    key: LogKey,
    settings: &Settings,
) -> Result<(), Error> {
    let (generation, update_ms) = (settings.generation, first_update(tx, 2));
    let record = Log { state: LogState::Founding, generation, update_ms, ..Log::new(log, conversation, key) };
    logs::put(tx.db, &record)?;
    join::found(tx, &record, settings)?;
    let loaded = tx.take_group(log)?;
    summary::put(tx, log, &loaded.public)?;
    tx.keep_group(log, loaded);
    tx.notice(Notice::Group(conversation));
    tx.notice(Notice::Outbox(log));
    Ok(())
}

/// The log that a conversation's next intent goes to; a pair's is made when first needed.
pub(crate) fn ensure_log(tx: &mut Tx<'_>, id: ConversationId) -> Result<Log, Error> {
    let records = logs::of(tx.db, id)?;
    let conversation = items::conversation(tx.db, id)?.ok_or(Error::NotFound { what: What::Conversation })?;
    // Whoever took a pair's access away, by its other person's lost phone, does not end it: it goes on in another log; but
    // not for ever where it is the server that refuses.
    let lost = records.iter().filter(|record| record.state == LogState::AccessLost).count();
    let waits = conversation.peer.is_none() || lost >= MOST_LOST;
    let serves = |record: &&Log| record.state.is_open() || waits && record.state.is_written();
    if let Some(record) = records.first().filter(serves) {
        return Ok(record.clone());
    }
    let Some(peer) = conversation.peer else { return Err(Error::NotAllowed) };
    let me = tx.context.me.person;
    let key = LogKey::from(pli_env::random(&*tx.context.env));
    let log = LogId(pli_env::random(&*tx.context.env));
    // After one that this device can't follow any more: the other person then writes to the new one.
    let generation = records.iter().map(|old| old.generation + 1).max().unwrap_or(1).min(limits::GENERATIONS);
    let settings = Settings::pair(key.clone(), tx.context.me.root, &[me, peer], generation);
    found(tx, log, id, key, &settings)?;
    let own = has_other_devices(tx, me)?.then_some(me);
    add_intents(tx, id, &[peer], own)?;
    logs::get(tx.db, log)
}

/// One of a conversation's logs ended just now: what waits goes on in those that are written; a pair's is made if there is
/// none.
pub(crate) fn go_on(tx: &mut Tx<'_>, id: ConversationId) -> Result<(), Error> {
    let is_pair = items::conversation(tx.db, id)?.is_some_and(|conversation| conversation.peer.is_some());
    if is_pair && outbox::of(tx.db, id)?.iter().any(|queued| queued.refused.is_none()) {
        ensure_log(tx, id)?;
    }
    notice_outboxes(tx, id)
}

/// Says to all logs of a conversation that are written that the outbox changed: one of them may be the log of what is to go.
pub(crate) fn notice_outboxes(tx: &mut Tx<'_>, id: ConversationId) -> Result<(), Error> {
    for record in logs::of(tx.db, id)?.into_iter().filter(|record| record.state.is_written()) {
        tx.notice(Notice::Outbox(record.log));
    }
    Ok(())
}

/// Queues the adding of people, and of the own person's further devices.
pub(crate) fn add_intents(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    others: &[PersonId],
    me: Option<PersonId>,
) -> Result<(), Error> {
    let people: Vec<PersonId> = others.iter().copied().chain(me).collect();
    if !people.is_empty() {
        let entry = ItemId(pli_env::random(&*tx.context.env));
        outbox::push(tx.db, conversation, entry, Intent::Add(people), tx.now_ms())?;
    }
    Ok(())
}

/// Whether a person has devices beside this one.
pub(crate) fn has_other_devices(tx: &Tx<'_>, me: PersonId) -> Result<bool, Error> {
    Ok(people::devices(tx.db, me)?.iter().any(|device| device.id != tx.context.me.device && !device.revoked))
}

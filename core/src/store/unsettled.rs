//! What this device asked to be done to messages, and is not in the log: edits, deletions and reactions that wait in the
//! outbox, or were given up there. It is shown at the message that it is about.

use pli_proto::id::{ConversationId, ItemId};
use pli_proto::pb;
use pli_proto::pb::said::Body;
use prost::Message as _;
use rusqlite::Connection;

use crate::error::Error;
use crate::model::{Deed, DeedKind, DeliveryState};

use super::outbox::{self, INTENT, Intent, Queued, read_intent};

/// The message that an intent is about, if it edits, deletes or reacts.
pub(crate) fn about(intent: &Intent) -> Result<Option<ItemId>, Error> {
    Ok(match body(intent)? {
        Some(
            Body::Edit(pb::Edit { target, .. })
            | Body::Delete(pb::Delete { target })
            | Body::React(pb::React { target, .. }),
        ) => ItemId::try_from(target.as_slice()).ok(),
        _ => None,
    })
}

/// Whether an intent is a message, to which something can be done.
pub(crate) fn is_message(intent: &Intent) -> Result<bool, Error> {
    Ok(matches!(body(intent)?, Some(Body::Text(_))))
}

/// What an intent says.
fn body(intent: &Intent) -> Result<Option<Body>, Error> {
    let Intent::Say(said) = intent else { return Ok(None) };
    Ok(pb::Said::decode(said.as_slice()).map_err(|_| Error::Damaged)?.body)
}

/// The intents that are about a message, oldest first.
pub(crate) fn intents(db: &Connection, id: ConversationId, message: ItemId) -> Result<Vec<Queued>, Error> {
    let sql = format!("SELECT {INTENT} FROM intents WHERE conversation = ? AND about = ? ORDER BY id");
    let mut query = db.prepare_cached(&sql)?;
    let intents = query.query_map((id.0, message.0), read_intent)?.collect::<Result<_, _>>()?;
    Ok(intents)
}

/// What is shown of them at the message.
pub(super) fn of(db: &Connection, id: ConversationId, message: ItemId) -> Result<Vec<Deed>, Error> {
    let mut deeds = Vec::new();
    for queued in intents(db, id, message)? {
        let kind = match body(&queued.intent)? {
            Some(Body::Edit(edit)) => DeedKind::Edit { text: edit.body },
            Some(Body::Delete(_)) => DeedKind::Delete,
            Some(Body::React(react)) => DeedKind::React { emoji: Some(react.emoji).filter(|emoji| !emoji.is_empty()) },
            _ => continue,
        };
        deeds.push(Deed { id: queued.entry, kind, delivery: delivery(db, &queued)? });
    }
    Ok(deeds)
}

/// How far an intent came.
pub(super) fn delivery(db: &Connection, queued: &Queued) -> Result<DeliveryState, Error> {
    Ok(match queued.refused {
        Some(why) => DeliveryState::Refused(why),
        None if outbox::is_acknowledged(db, queued.conversation, queued.entry)? => DeliveryState::Sent,
        None => DeliveryState::Waiting,
    })
}

/// Drops what was given up of the kind that is asked for anew; a deletion makes an end of all of it.
pub(crate) fn forget_refused(db: &Connection, id: ConversationId, message: ItemId, anew: &Body) -> Result<(), Error> {
    for queued in intents(db, id, message)?.into_iter().filter(|queued| queued.refused.is_some()) {
        let is_same =
            body(&queued.intent)?.is_some_and(|old| std::mem::discriminant(&old) == std::mem::discriminant(anew));
        if is_same || matches!(anew, Body::Delete(_)) {
            outbox::remove(db, id, queued.entry)?;
        }
    }
    Ok(())
}

/// Drops all that is not sealed: the message was taken back.
pub(crate) fn forget(db: &Connection, id: ConversationId, message: ItemId) -> Result<(), Error> {
    for queued in intents(db, id, message)? {
        if !outbox::is_sealed(db, id, queued.entry)? {
            outbox::remove(db, id, queued.entry)?;
        }
    }
    Ok(())
}

//! What this device asked to be done to messages, and is not in the log: edits, deletions and reactions that wait in the
//! outbox, or were given up there. It is shown at the message that it is about.

use pli_proto::id::{ConversationId, ItemId};
use pli_proto::pb;
use pli_proto::pb::content::Body;
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

/// The same about another message.
pub(super) fn turned_to(intent: &Intent, other: ItemId) -> Result<Intent, Error> {
    let mut body = body(intent)?;
    if let Some(
        Body::Edit(pb::Edit { target, .. })
        | Body::Delete(pb::Delete { target })
        | Body::React(pb::React { target, .. }),
    ) = &mut body
    {
        *target = other.to_vec();
    }
    Ok(Intent::Say(pb::Content { body, ..pb::Content::default() }.encode_to_vec()))
}

/// What an intent says.
fn body(intent: &Intent) -> Result<Option<Body>, Error> {
    let Intent::Say(content) = intent else { return Ok(None) };
    Ok(pb::Content::decode(content.as_slice()).map_err(|_| Error::Damaged)?.body)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_to_a_message_follows_it_under_another_id() {
        let db = crate::store::open::tests::in_memory();
        let (id, text, other) = (ConversationId([1; 16]), ItemId([2; 16]), ItemId([3; 16]));
        let say = |entry: u8, body| {
            let content = pb::Content { body: Some(body), ..pb::Content::default() };
            outbox::push(&db, id, ItemId([entry; 16]), Intent::Say(content.encode_to_vec()), 1).unwrap();
        };
        say(2, Body::Text(pb::Text { body: "said".into(), ..pb::Text::default() }));
        say(4, Body::Delete(pb::Delete { target: text.to_vec() }));
        outbox::rename(&db, id, text, other).unwrap();
        let deeds = intents(&db, id, other).unwrap();
        assert_eq!(deeds.len(), 1);
        assert_eq!(about(&deeds[0].intent).unwrap(), Some(other));
        assert!(intents(&db, id, text).unwrap().is_empty());
    }
}

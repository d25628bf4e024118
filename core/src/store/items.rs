//! Timelines: what was said and changed in a conversation, in the order of its log, and the conversations themselves.

use std::collections::BTreeMap;

use pli_proto::id::{ConversationId, EntryId, LogId, PersonId};
use pli_proto::pb;
use prost::Message as _;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::error::Error;
use crate::model::{Change, Content, DeliveryState, Message, TimelineItem, What};

use super::outbox::{self, Intent, Queued};
use super::people;

/// What an item's body is.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(i64)]
pub(crate) enum Kind {
    /// A [`pb::Text`].
    Text = 1,
    /// A [`What`], JSON.
    Change = 2,
    /// A [`pb::Content`] that this version does not understand.
    Unknown = 3,
    /// Nothing: it could not be opened.
    Unreadable = 4,
}

/// An item to keep.
pub(crate) struct NewItem {
    pub(crate) conversation: ConversationId,
    pub(crate) entry: EntryId,
    pub(crate) log: LogId,
    pub(crate) number: u64,
    pub(crate) by: PersonId,
    pub(crate) mine: bool,
    pub(crate) sent_ms: u64,
    pub(crate) received_ms: u64,
    pub(crate) kind: Kind,
    pub(crate) body: Vec<u8>,
}

/// Adds an item at the end; one that is there already stays.
pub(crate) fn put(db: &Connection, item: &NewItem) -> Result<(), Error> {
    db.prepare_cached(
        "INSERT OR IGNORE INTO items(conversation, entry, log, number, by, mine, sent_ms, received_ms, kind, body)
         VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        item.conversation.0,
        item.entry.0,
        item.log.0,
        item.number,
        item.by.0,
        item.mine,
        item.sent_ms,
        item.received_ms,
        item.kind as i64,
        item.body
    ])?;
    db.prepare_cached("UPDATE conversations SET active_ms = max(active_ms, ?) WHERE id = ?")?
        .execute((item.received_ms, item.conversation.0))?;
    Ok(())
}

/// Replaces a text, if `by` wrote it.
pub(crate) fn edit(
    db: &Connection,
    (conversation, target): (ConversationId, &[u8]),
    by: PersonId,
    text: &pb::Text,
    at_ms: u64,
) -> Result<(), Error> {
    let sql = "SELECT body FROM items WHERE conversation = ? AND entry = ? AND by = ? AND kind = ?
               AND deleted_by IS NULL";
    let old = db
        .prepare_cached(sql)?
        .query_row((conversation.0, target, by.0, Kind::Text as i64), |row| row.get::<_, Vec<u8>>(0));
    let Some(old) = old.optional()? else { return Ok(()) };
    let reply_to = pb::Text::decode(old.as_slice()).map(|old| old.reply_to).unwrap_or_default();
    let body = pb::Text { reply_to, ..text.clone() }.encode_to_vec();
    let sql = "UPDATE items SET body = ?, edited_ms = ? WHERE conversation = ? AND entry = ?";
    db.execute(sql, (body, at_ms, conversation.0, target))?;
    Ok(())
}

/// Deletes what a message said, if `by` wrote it or `may_delete`; that it was deleted stays visible.
pub(crate) fn delete(
    db: &Connection,
    (conversation, target): (ConversationId, &[u8]),
    by: PersonId,
    may_delete: bool,
) -> Result<(), Error> {
    let sql = "UPDATE items SET body = x'', deleted_by = ?2
               WHERE conversation = ?5 AND entry = ?1 AND (by = ?2 OR ?3) AND kind <> ?4";
    let deleted = db.execute(sql, (target, by.0, may_delete, Kind::Change as i64, conversation.0))?;
    if deleted > 0 {
        db.execute("DELETE FROM reactions WHERE conversation = ? AND entry = ?", (conversation.0, target))?;
    }
    Ok(())
}

/// Sets a person's reaction to a message; an empty one takes it back.
pub(crate) fn react(
    db: &Connection,
    (conversation, target): (ConversationId, &[u8]),
    by: PersonId,
    emoji: &str,
) -> Result<(), Error> {
    let exists = "SELECT 1 FROM items WHERE conversation = ? AND entry = ? AND kind <> 2 AND deleted_by IS NULL";
    if emoji.is_empty() {
        let sql = "DELETE FROM reactions WHERE conversation = ? AND entry = ? AND person = ?";
        db.execute(sql, (conversation.0, target, by.0))?;
    } else if db.prepare_cached(exists)?.exists((conversation.0, target))? {
        let sql = "INSERT OR REPLACE INTO reactions(conversation, entry, person, emoji) VALUES(?, ?, ?, ?)";
        db.execute(sql, (conversation.0, target, by.0, emoji))?;
    }
    Ok(())
}

/// Deletes what was said before a time; gives when the oldest of what is left was received.
pub(crate) fn expire(db: &Connection, id: ConversationId, before_ms: u64) -> Result<(usize, Option<u64>), Error> {
    let gone = db.execute(
        "DELETE FROM items WHERE conversation = ? AND kind <> ? AND received_ms < ?",
        (id.0, Kind::Change as i64, before_ms),
    )?;
    if gone > 0 {
        let sql = "DELETE FROM reactions WHERE conversation = ?1
                   AND entry NOT IN (SELECT entry FROM items WHERE conversation = ?1)";
        db.execute(sql, [id.0])?;
    }
    let sql = "SELECT min(received_ms) FROM items WHERE conversation = ? AND kind <> ?";
    let oldest = db.prepare_cached(sql)?.query_row((id.0, Kind::Change as i64), |row| row.get(0))?;
    Ok((gone, oldest))
}

/// Who wrote a message.
pub(crate) fn author(db: &Connection, id: ConversationId, entry: EntryId) -> Result<Option<PersonId>, Error> {
    let mut query = db.prepare_cached("SELECT by FROM items WHERE conversation = ? AND entry = ?")?;
    Ok(query.query_row((id.0, entry.0), |row| Ok(PersonId(row.get(0)?))).optional()?)
}

const COLUMNS: &str =
    "pos, conversation, entry, number, by, mine, sent_ms, received_ms, kind, body, edited_ms, deleted_by";

struct Stored {
    pos: i64,
    conversation: ConversationId,
    entry: EntryId,
    number: u64,
    by: PersonId,
    mine: bool,
    sent_ms: u64,
    received_ms: u64,
    kind: i64,
    body: Vec<u8>,
    edited_ms: u64,
    deleted_by: Option<[u8; 16]>,
}

fn read(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored {
        pos: row.get(0)?,
        conversation: ConversationId(row.get(1)?),
        entry: EntryId(row.get(2)?),
        number: row.get(3)?,
        by: PersonId(row.get(4)?),
        mine: row.get(5)?,
        sent_ms: row.get(6)?,
        received_ms: row.get(7)?,
        kind: row.get(8)?,
        body: row.get(9)?,
        edited_ms: row.get(10)?,
        deleted_by: row.get(11)?,
    })
}

/// Items of a conversation at or before `newest` (a position; `i64::MAX` for the end), at most `count`, oldest first,
/// with their positions.
pub(crate) fn window(
    db: &Connection,
    conversation: ConversationId,
    newest: i64,
    count: usize,
) -> Result<Vec<(i64, TimelineItem)>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM items WHERE conversation = ? AND pos <= ? ORDER BY pos DESC LIMIT ?");
    let mut query = db.prepare_cached(&sql)?;
    let stored = query.query_map((conversation.0, newest, count as i64), read)?.collect::<Result<Vec<_>, _>>()?;
    stored.into_iter().rev().map(|item| Ok((item.pos, show(db, item)?))).collect()
}

/// The items of all conversations after a position, oldest first.
pub(crate) fn after(db: &Connection, pos: i64, count: usize) -> Result<Vec<(i64, TimelineItem)>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM items WHERE pos > ? ORDER BY pos LIMIT ?");
    let mut query = db.prepare_cached(&sql)?;
    let stored = query.query_map((pos, count as i64), read)?.collect::<Result<Vec<_>, _>>()?;
    stored.into_iter().map(|item| Ok((item.pos, show(db, item)?))).collect()
}

/// The position of an item.
pub(crate) fn position(db: &Connection, id: ConversationId, entry: EntryId) -> Result<Option<i64>, Error> {
    let mut query = db.prepare_cached("SELECT pos FROM items WHERE conversation = ? AND entry = ?")?;
    Ok(query.query_row((id.0, entry.0), |row| row.get(0)).optional()?)
}

/// The last message of a conversation.
pub(crate) fn last(db: &Connection, conversation: ConversationId) -> Result<Option<Message>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM items WHERE conversation = ? AND kind <> 2 ORDER BY pos DESC LIMIT 1");
    let stored = db.prepare_cached(&sql)?.query_row([conversation.0], read).optional()?;
    match stored.map(|item| show(db, item)).transpose()? {
        Some(TimelineItem::Said(message)) => Ok(Some(message)),
        _ => Ok(None),
    }
}

fn show(db: &Connection, item: Stored) -> Result<TimelineItem, Error> {
    let by = people::get(db, item.by)?;
    if item.kind == Kind::Change as i64 {
        let what: What = serde_json::from_slice(&item.body).map_err(|_| Error::Damaged)?;
        let change = Change { id: item.entry, by, at_ms: item.received_ms, what, delivery: None };
        return Ok(TimelineItem::Changed(change));
    }
    let text = (item.kind == Kind::Text as i64).then(|| pb::Text::decode(item.body.as_slice()).unwrap_or_default());
    let reply_to = text.as_ref().and_then(|text| EntryId::try_from(text.reply_to.as_slice()).ok());
    let content = match (item.deleted_by, text) {
        (Some(by), _) => Content::Deleted { by: PersonId(by) },
        (None, Some(text)) => text_content(text),
        (None, None) if item.kind == Kind::Unknown as i64 => Content::Unknown,
        (None, None) => Content::Unreadable,
    };
    Ok(TimelineItem::Said(Message {
        id: item.entry,
        conversation: item.conversation,
        number: item.number,
        sender: by,
        mine: item.mine,
        content,
        sent_ms: item.sent_ms,
        edited_ms: (item.edited_ms > 0).then_some(item.edited_ms),
        reply_to,
        reactions: reactions(db, item.conversation, item.entry)?,
        delivery: item.mine.then_some(DeliveryState::Sent),
    }))
}

fn text_content(text: pb::Text) -> Content {
    let mentions = text.mentions.iter().filter_map(|id| PersonId::try_from(id.as_slice()).ok()).collect();
    Content::Text { body: text.body, mentions }
}

fn reactions(
    db: &Connection,
    conversation: ConversationId,
    entry: EntryId,
) -> Result<Vec<(String, Vec<PersonId>)>, Error> {
    let sql = "SELECT emoji, person FROM reactions WHERE conversation = ? AND entry = ? ORDER BY person";
    let mut query = db.prepare_cached(sql)?;
    let mut by_emoji: BTreeMap<String, Vec<PersonId>> = BTreeMap::new();
    for row in query.query_map((conversation.0, entry.0), |row| Ok((row.get(0)?, PersonId(row.get(1)?))))? {
        let (emoji, person): (String, _) = row?;
        by_emoji.entry(emoji).or_default().push(person);
    }
    Ok(by_emoji.into_iter().collect())
}

/// What waits in the outbox of a conversation, as it will look.
pub(crate) fn waiting(db: &Connection, conversation: ConversationId, me: PersonId) -> Result<Vec<TimelineItem>, Error> {
    let mut items = Vec::new();
    for queued in outbox::of(db, conversation)? {
        if let Some(item) = show_queued(db, queued, me)? {
            items.push(item);
        }
    }
    Ok(items)
}

fn show_queued(db: &Connection, queued: Queued, me: PersonId) -> Result<Option<TimelineItem>, Error> {
    let delivery = Some(match queued.refused {
        Some(why) => DeliveryState::Refused(why),
        None if outbox::is_acknowledged(db, queued.conversation, queued.entry)? => DeliveryState::Sent,
        None => DeliveryState::Waiting,
    });
    let by = people::get(db, me)?;
    let ids = |people: &[PersonId]| people.iter().map(|person| person.0).collect();
    let what = match &queued.intent {
        Intent::Say(content) => {
            let content = pb::Content::decode(content.as_slice()).map_err(|_| Error::Damaged)?;
            let Some(pb::content::Body::Text(text)) = content.body else { return Ok(None) };
            let reply_to = EntryId::try_from(text.reply_to.as_slice()).ok();
            return Ok(Some(TimelineItem::Said(Message {
                id: queued.entry,
                conversation: queued.conversation,
                number: 0,
                sender: by,
                mine: true,
                content: text_content(text),
                sent_ms: queued.created_ms,
                edited_ms: None,
                reply_to,
                reactions: Vec::new(),
                delivery,
            })));
        }
        Intent::Add(people) => What::Added(ids(people)),
        Intent::Approve(..) => What::DeviceAdded(me.0),
        Intent::Remove(people) => What::Removed(ids(people)),
        Intent::SetRole(person, role) => What::RoleSet(*person, *role),
        Intent::Set(super::outbox::Setting::Name(name)) => What::Renamed(name.clone()),
        Intent::Set(super::outbox::Setting::Topic(topic)) => What::TopicSet(topic.clone()),
        Intent::Set(_) => What::SettingsChanged,
        Intent::Leave => What::Left,
    };
    Ok(Some(TimelineItem::Changed(Change { id: queued.entry, by, at_ms: queued.created_ms, what, delivery })))
}

/// A conversation's own row.
pub(crate) struct Conversation {
    pub(crate) id: ConversationId,
    pub(crate) peer: Option<PersonId>,
    pub(crate) name: String,
    pub(crate) muted_until_ms: u64,
    pub(crate) draft: String,
    pub(crate) read_pos: i64,
    pub(crate) active_ms: u64,
}

const CONVERSATION: &str = "id, peer, name, muted_until_ms, draft, read_pos, active_ms";

fn read_conversation(row: &Row<'_>) -> rusqlite::Result<Conversation> {
    Ok(Conversation {
        id: ConversationId(row.get(0)?),
        peer: row.get::<_, Option<[u8; 16]>>(1)?.map(PersonId),
        name: row.get(2)?,
        muted_until_ms: row.get(3)?,
        draft: row.get(4)?,
        read_pos: row.get(5)?,
        active_ms: row.get(6)?,
    })
}

/// Makes a conversation, if it is not there.
pub(crate) fn put_conversation(
    db: &Connection,
    id: ConversationId,
    peer: Option<PersonId>,
    now_ms: u64,
) -> Result<(), Error> {
    let sql = "INSERT OR IGNORE INTO conversations(id, peer, active_ms) VALUES(?, ?, ?)";
    db.execute(sql, (id.0, peer.map(|peer| peer.0), now_ms))?;
    Ok(())
}

/// A conversation.
pub(crate) fn conversation(db: &Connection, id: ConversationId) -> Result<Option<Conversation>, Error> {
    let mut query = db.prepare_cached(&format!("SELECT {CONVERSATION} FROM conversations WHERE id = ?"))?;
    Ok(query.query_row([id.0], read_conversation).optional()?)
}

/// All conversations, the last active first.
pub(crate) fn conversations(db: &Connection) -> Result<Vec<Conversation>, Error> {
    let sql = format!("SELECT {CONVERSATION} FROM conversations ORDER BY active_ms DESC, id");
    let mut query = db.prepare_cached(&sql)?;
    let all = query.query_map([], read_conversation)?.collect::<Result<_, _>>()?;
    Ok(all)
}

/// Keeps the name that a group's settings give it, so that lists need no group state.
pub(crate) fn set_name(db: &Connection, id: ConversationId, name: &str) -> Result<(), Error> {
    db.execute("UPDATE conversations SET name = ? WHERE id = ?", (name, id.0))?;
    Ok(())
}

/// Keeps a draft.
pub(crate) fn set_draft(db: &Connection, id: ConversationId, draft: &str) -> Result<(), Error> {
    db.execute("UPDATE conversations SET draft = ? WHERE id = ?", (draft, id.0))?;
    Ok(())
}

/// Mutes until a time.
pub(crate) fn set_muted(db: &Connection, id: ConversationId, until_ms: u64) -> Result<(), Error> {
    db.execute("UPDATE conversations SET muted_until_ms = ? WHERE id = ?", (until_ms, id.0))?;
    Ok(())
}

/// Items up to a position were seen.
pub(crate) fn mark_read(db: &Connection, id: ConversationId, pos: i64) -> Result<bool, Error> {
    let sql = "UPDATE conversations SET read_pos = ?1 WHERE id = ?2 AND read_pos < ?1";
    Ok(db.execute(sql, (pos, id.0))? > 0)
}

/// Messages of others after the last one seen.
pub(crate) fn unread(db: &Connection, conversation: &Conversation) -> Result<u64, Error> {
    let sql = "SELECT count(*) FROM items WHERE conversation = ? AND pos > ? AND NOT mine AND kind <> 2
               AND deleted_by IS NULL";
    let mut query = db.prepare_cached(sql)?;
    Ok(query.query_row((conversation.id.0, conversation.read_pos), |row| row.get(0))?)
}

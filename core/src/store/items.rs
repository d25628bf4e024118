//! Timelines: what was said and changed in a conversation, in the order of its log, and the conversations themselves.

use pli_env::sql::{Numbers as _, integer};
use std::collections::BTreeMap;

use pli_proto::id::{ConversationId, ItemId, LogId, PersonId};
use pli_proto::pb;
use prost::Message as _;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::error::Error;
use crate::model::{
    Change, Content, DeliveryState, Message, Person, Quote, Reaction, Setting, TimelineItem, What, some_time, time,
};
use crate::text::{beginning, is_emoji_only};

use super::outbox::{self, Intent, Queued};
use super::people::People;
use super::unsettled;

/// What an item's body is.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(i64)]
pub(crate) enum Kind {
    /// A [`pb::Text`].
    Text = 1,
    /// A [`What`], JSON.
    Change = 2,
    /// A [`pb::Said`] that this version does not understand.
    Unknown = 3,
    /// Nothing: it could not be opened.
    Unreadable = 4,
    /// As [`Kind::Unknown`], and not to be shown by who does not understand it.
    Hidden = 5,
}

/// Who sent what nobody could open.
pub(crate) const NOBODY: PersonId = PersonId([0; 16]);

/// An item to keep.
pub(crate) struct NewItem {
    pub(crate) conversation: ConversationId,
    pub(crate) entry: ItemId,
    pub(crate) log: LogId,
    pub(crate) number: u64,
    pub(crate) by: PersonId,
    pub(crate) mine: bool,
    pub(crate) sent_ms: u64,
    pub(crate) received_ms: u64,
    pub(crate) kind: Kind,
    pub(crate) body: Vec<u8>,
    /// When it is over; 0: never.
    pub(crate) expires_ms: u64,
}

/// Adds an item at the end; one that is there already stays, unless it was something unreadable under this id, which anybody
/// could name.
pub(crate) fn put(db: &Connection, item: &NewItem) -> Result<(), Error> {
    if !insert(db, item)? && makes_way(db, item)? {
        insert(db, item)?;
    }
    if item.kind != Kind::Hidden {
        let sql = "UPDATE conversations SET active_ms = max(active_ms, ?) WHERE id = ?";
        db.prepare_cached(sql)?.execute((integer(item.received_ms), item.conversation.0))?;
    }
    Ok(())
}

/// False if there is one under its id.
fn insert(db: &Connection, item: &NewItem) -> Result<bool, Error> {
    let inserted = db
        .prepare_cached(
            "INSERT OR IGNORE INTO items(conversation, entry, log, number, by, mine, sent_ms, received_ms, kind, body,
            expires_ms)
         VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            item.conversation.0,
            item.entry.0,
            item.log.0,
            integer(item.number),
            item.by.0,
            item.mine,
            integer(item.sent_ms),
            integer(item.received_ms),
            item.kind as i64,
            item.body,
            integer(item.expires_ms)
        ])?;
    Ok(inserted > 0)
}

/// Takes something unreadable away that stands under the id of an item whose author is known: unless that is a message, and
/// its author deleted it, by id. Nobody deletes a change, or hides one that they are about to make.
fn makes_way(db: &Connection, item: &NewItem) -> Result<bool, Error> {
    let sql = "DELETE FROM items WHERE conversation = ?1 AND entry = ?2 AND by = ?3 AND by <> ?4
               AND (?5 OR deleted_by IS NULL OR deleted_by <> ?4)";
    let values = (item.conversation.0, item.entry.0, NOBODY.0, item.by.0, item.kind == Kind::Change);
    if db.prepare_cached(sql)?.execute(values)? == 0 {
        return Ok(false);
    }
    let sql = "DELETE FROM reactions WHERE conversation = ? AND entry = ?";
    db.prepare_cached(sql)?.execute((item.conversation.0, item.entry.0))?;
    Ok(true)
}

/// Whether something is there under an id, and who said it is known.
pub(crate) fn is_known(db: &Connection, id: ConversationId, entry: ItemId) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM items WHERE conversation = ? AND entry = ? AND by <> ?";
    Ok(db.prepare_cached(sql)?.exists((id.0, entry.0, NOBODY.0))?)
}

/// The log in which a message stands.
pub(crate) fn log_of(db: &Connection, id: ConversationId, entry: ItemId) -> Result<Option<LogId>, Error> {
    let mut query = db.prepare_cached("SELECT log FROM items WHERE conversation = ? AND entry = ?")?;
    Ok(query.query_row((id.0, entry.0), |row| Ok(LogId(row.get(0)?))).optional()?)
}

/// Who wrote a message.
pub(crate) fn author(db: &Connection, id: ConversationId, entry: ItemId) -> Result<Option<PersonId>, Error> {
    let mut query = db.prepare_cached("SELECT by FROM shown WHERE conversation = ? AND entry = ?")?;
    Ok(query.query_row((id.0, entry.0), |row| Ok(PersonId(row.get(0)?))).optional()?)
}

const COLUMNS: &str =
    "pos, conversation, entry, number, by, mine, sent_ms, received_ms, kind, body, edited_ms, deleted_by,
    EXISTS (SELECT 1 FROM reactions r WHERE r.conversation = shown.conversation AND r.entry = shown.entry),
    EXISTS (SELECT 1 FROM intents i WHERE i.conversation = shown.conversation AND i.about = shown.entry)";

struct Stored {
    pos: i64,
    conversation: ConversationId,
    entry: ItemId,
    number: u64,
    by: PersonId,
    mine: bool,
    sent_ms: u64,
    received_ms: u64,
    kind: i64,
    body: Vec<u8>,
    edited_ms: u64,
    deleted_by: Option<[u8; 16]>,
    has_reactions: bool,
    has_unsettled: bool,
}

fn read(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored {
        pos: row.get(0)?,
        conversation: ConversationId(row.get(1)?),
        entry: ItemId(row.get(2)?),
        number: row.number(3)?,
        by: PersonId(row.get(4)?),
        mine: row.get(5)?,
        sent_ms: row.number(6)?,
        received_ms: row.number(7)?,
        kind: row.get(8)?,
        body: row.get(9)?,
        edited_ms: row.number(10)?,
        deleted_by: row.get(11)?,
        has_reactions: row.get(12)?,
        has_unsettled: row.get(13)?,
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
    let sql = format!("SELECT {COLUMNS} FROM shown WHERE conversation = ? AND pos <= ? ORDER BY pos DESC LIMIT ?");
    let mut query = db.prepare_cached(&sql)?;
    let stored = query.query_map((conversation.0, newest, count as i64), read)?.collect::<Result<Vec<_>, _>>()?;
    let mut people = People::new(db);
    stored.into_iter().rev().map(|item| Ok((item.pos, show(&mut people, item)?))).collect()
}

/// Items of a conversation after a position and at or before `newest`, at most `count`, oldest first, with their
/// positions.
pub(crate) fn between(
    db: &Connection,
    conversation: ConversationId,
    after: i64,
    newest: i64,
    count: usize,
) -> Result<Vec<(i64, TimelineItem)>, Error> {
    let sql =
        format!("SELECT {COLUMNS} FROM shown WHERE conversation = ? AND pos > ? AND pos <= ? ORDER BY pos LIMIT ?");
    let mut query = db.prepare_cached(&sql)?;
    let stored = query.query_map((conversation.0, after, newest, count as i64), read)?;
    let mut people = People::new(db);
    stored.map(|item| item.map_err(Error::from).and_then(|item| Ok((item.pos, show(&mut people, item)?)))).collect()
}

/// The position of the item that is so many items before the last one at or before `newest`.
pub(crate) fn position_back(
    db: &Connection,
    id: ConversationId,
    newest: i64,
    back: usize,
) -> Result<Option<i64>, Error> {
    let sql = "SELECT pos FROM shown WHERE conversation = ? AND pos <= ? ORDER BY pos DESC LIMIT 1 OFFSET ?";
    let mut query = db.prepare_cached(sql)?;
    Ok(query.query_row((id.0, newest, back as i64), |row| row.get(0)).optional()?)
}

/// The items of all conversations after a position, oldest first.
pub(crate) fn after(db: &Connection, pos: i64, count: usize) -> Result<Vec<(i64, TimelineItem)>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM shown WHERE pos > ? ORDER BY pos LIMIT ?");
    let mut query = db.prepare_cached(&sql)?;
    let stored = query.query_map((pos, count as i64), read)?.collect::<Result<Vec<_>, _>>()?;
    let mut people = People::new(db);
    stored.into_iter().map(|item| Ok((item.pos, show(&mut people, item)?))).collect()
}

/// The messages of others, in all conversations, after a position, with their positions.
pub(crate) fn of_others_after(
    db: &Connection,
    pos: i64,
    me: PersonId,
    count: usize,
) -> Result<Vec<(i64, Message)>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM shown WHERE pos > ? AND kind <> 2 AND by <> ? ORDER BY pos LIMIT ?");
    said(db, &sql, (pos, me.0, count as i64))
}

/// The messages of a conversation after a position, and of greater numbers than one.
pub(crate) fn said_after(
    db: &Connection,
    id: ConversationId,
    (pos, number): (i64, u64),
    count: usize,
) -> Result<Vec<Message>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM shown WHERE conversation = ? AND pos > ? AND number > ? AND kind <> 2
         ORDER BY pos LIMIT ?"
    );
    let found = said(db, &sql, (id.0, pos, integer(number), count as i64))?;
    Ok(found.into_iter().map(|(_, message)| message).collect())
}

/// The messages of a conversation whose id begins with these hexadecimal digits.
pub(crate) fn with_id(db: &Connection, id: ConversationId, digits: &str, count: usize) -> Result<Vec<Message>, Error> {
    let filled = |digit| format!("{digits}{}", String::from(digit).repeat(32_usize.saturating_sub(digits.len())));
    let (Ok(first), Ok(last)) = (filled('0').parse::<ItemId>(), filled('f').parse::<ItemId>()) else {
        return Ok(Vec::new());
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM shown WHERE conversation = ? AND entry BETWEEN ? AND ? AND kind <> 2
         ORDER BY entry LIMIT ?"
    );
    let found = said(db, &sql, (id.0, first.0, last.0, count as i64))?;
    Ok(found.into_iter().map(|(_, message)| message).collect())
}

/// The messages among the items of a query.
fn said(db: &Connection, sql: &str, params: impl rusqlite::Params) -> Result<Vec<(i64, Message)>, Error> {
    let mut query = db.prepare_cached(sql)?;
    let stored = query.query_map(params, read)?.collect::<Result<Vec<_>, _>>()?;
    let mut people = People::new(db);
    let mut messages = Vec::with_capacity(stored.len());
    for item in stored {
        let pos = item.pos;
        if let TimelineItem::Said(message) = show(&mut people, item)? {
            messages.push((pos, message));
        }
    }
    Ok(messages)
}

/// The position of the last item of all.
pub(crate) fn newest(db: &Connection) -> Result<i64, Error> {
    Ok(db.query_row("SELECT coalesce(max(pos), 0) FROM items", [], |row| row.get(0))?)
}

/// The position of an item.
pub(crate) fn position(db: &Connection, id: ConversationId, entry: ItemId) -> Result<Option<i64>, Error> {
    let mut query = db.prepare_cached("SELECT pos FROM shown WHERE conversation = ? AND entry = ?")?;
    Ok(query.query_row((id.0, entry.0), |row| row.get(0)).optional()?)
}

/// The positions of the items after one, at most `count`, oldest first.
pub(crate) fn positions_after(db: &Connection, id: ConversationId, pos: i64, count: usize) -> Result<Vec<i64>, Error> {
    let sql = "SELECT pos FROM shown WHERE conversation = ? AND pos > ? ORDER BY pos LIMIT ?";
    let mut query = db.prepare_cached(sql)?;
    let positions = query.query_map((id.0, pos, count as i64), |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(positions)
}

/// The last message of a conversation.
pub(crate) fn last(people: &mut People<'_>, conversation: ConversationId) -> Result<Option<Message>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM shown WHERE conversation = ? AND kind <> 2 ORDER BY pos DESC LIMIT 1");
    let stored = people.db.prepare_cached(&sql)?.query_row([conversation.0], read).optional()?;
    match stored.map(|item| show(people, item)).transpose()? {
        Some(TimelineItem::Said(message)) => Ok(Some(message)),
        _ => Ok(None),
    }
}

fn show(people: &mut People<'_>, item: Stored) -> Result<TimelineItem, Error> {
    let by = people.get(item.by)?;
    if item.kind == Kind::Change as i64 {
        match serde_json::from_slice(&item.body) {
            Ok(what) => {
                return Ok(TimelineItem::Changed(change(people, item.entry, by, item.received_ms, what, None)?));
            }
            // It costs itself alone: it is shown as unreadable.
            Err(error) => tracing::error!(%error, "a change that does not parse"),
        }
    }
    let text = (item.kind == Kind::Text as i64).then(|| pb::Text::decode(item.body.as_slice()).unwrap_or_default());
    let reply_to = text.as_ref().map(|text| quote(people, item.conversation, text)).transpose()?.flatten();
    let emoji_only = text.as_ref().is_some_and(|text| item.deleted_by.is_none() && is_emoji_only(&text.body));
    let content = match (item.deleted_by, text) {
        (Some(by), _) => Content::Deleted { by: PersonId(by) },
        (None, Some(text)) => text_content(text),
        (None, None) if item.kind == Kind::Unknown as i64 => Content::Unknown,
        (None, None) => Content::Unreadable,
    };
    let db = people.db;
    Ok(TimelineItem::Said(Message {
        id: item.entry,
        conversation: item.conversation,
        number: item.number,
        sender: by,
        mine: item.mine,
        content,
        sent_at: time(item.sent_ms),
        edited_at: some_time(item.edited_ms),
        emoji_only,
        reply_to,
        reactions: if item.has_reactions { reactions(db, item.conversation, item.entry)? } else { Vec::new() },
        delivery: item.mine.then_some(DeliveryState::Sent),
        unsettled: if item.has_unsettled { unsettled::of(db, item.conversation, item.entry)? } else { Vec::new() },
    }))
}

fn change(
    people: &mut People<'_>,
    id: ItemId,
    by: Person,
    at_ms: u64,
    what: What,
    delivery: Option<DeliveryState>,
) -> Result<Change, Error> {
    let people = what.people().iter().map(|person| people.get(*person)).collect::<Result<_, _>>()?;
    Ok(Change { id, by, at: time(at_ms), what, people, delivery })
}

/// The message that a text answers: what it says now, wherever it is.
fn quote(people: &mut People<'_>, conversation: ConversationId, text: &pb::Text) -> Result<Option<Quote>, Error> {
    let Ok(entry) = ItemId::try_from(text.reply_to.as_slice()) else { return Ok(None) };
    let sql = "SELECT by, CASE WHEN kind = 1 AND deleted_by IS NULL THEN body END FROM shown
               WHERE conversation = ? AND entry = ?";
    let mut query = people.db.prepare_cached(sql)?;
    let said = |row: &Row<'_>| Ok((PersonId(row.get(0)?), row.get::<_, Option<Vec<u8>>>(1)?));
    let Some((by, body)) = query.query_row((conversation.0, entry.0), said).optional()? else {
        return Ok(Some(Quote { entry, sender: None, text: String::new() }));
    };
    let text = body.and_then(|body| pb::Text::decode(body.as_slice()).ok()).unwrap_or_default();
    Ok(Some(Quote { entry, sender: Some(people.get(by)?), text: beginning(&text.body) }))
}

fn text_content(text: pb::Text) -> Content {
    let mentions = text.mentions.iter().filter_map(|id| PersonId::try_from(id.as_slice()).ok()).collect();
    Content::Text { body: text.body, mentions }
}

fn reactions(db: &Connection, conversation: ConversationId, entry: ItemId) -> Result<Vec<Reaction>, Error> {
    let sql =
        "SELECT emoji, person FROM reactions WHERE conversation = ? AND entry = ? AND emoji <> '' ORDER BY person";
    let mut query = db.prepare_cached(sql)?;
    let mut by_emoji: BTreeMap<String, Vec<PersonId>> = BTreeMap::new();
    for row in query.query_map((conversation.0, entry.0), |row| Ok((row.get(0)?, PersonId(row.get(1)?))))? {
        let (emoji, person): (String, _) = row?;
        by_emoji.entry(emoji).or_default().push(person);
    }
    Ok(by_emoji.into_iter().map(|(emoji, people)| Reaction { emoji, people }).collect())
}

/// What waits in the outbox of a conversation, as it will look.
pub(crate) fn waiting(db: &Connection, conversation: ConversationId, me: PersonId) -> Result<Vec<TimelineItem>, Error> {
    let (mut items, mut people) = (Vec::new(), People::new(db));
    for queued in outbox::of(db, conversation)? {
        if let Some(item) = show_queued(&mut people, queued, me)? {
            items.push(item);
        }
    }
    Ok(items)
}

fn show_queued(people: &mut People<'_>, queued: Queued, me: PersonId) -> Result<Option<TimelineItem>, Error> {
    let delivery = Some(unsettled::delivery(people.db, &queued)?);
    let by = people.get(me)?;
    let what = match &queued.intent {
        Intent::Say(said) => {
            let said = pb::Said::decode(said.as_slice()).map_err(|_| Error::Damaged)?;
            let Some(pb::said::Body::Text(text)) = said.body else { return Ok(None) };
            let reply_to = quote(people, queued.conversation, &text)?;
            return Ok(Some(TimelineItem::Said(Message {
                id: queued.entry,
                conversation: queued.conversation,
                number: 0,
                sender: by,
                mine: true,
                sent_at: time(said.sent_ms),
                edited_at: None,
                emoji_only: is_emoji_only(&text.body),
                reply_to,
                content: text_content(text),
                reactions: Vec::new(),
                delivery,
                unsettled: unsettled::of(people.db, queued.conversation, queued.entry)?,
            })));
        }
        Intent::Add(people) => What::Added(people.clone()),
        Intent::Approve(..) => What::DeviceAdded(me),
        Intent::Remove(people) => What::Removed(people.clone()),
        Intent::SetRole(person, role) => What::RoleSet(*person, *role),
        Intent::Set(Setting::Name(name)) => What::Renamed(name.clone()),
        Intent::Set(Setting::Topic(topic)) => What::TopicSet(topic.clone()),
        Intent::Set(_) => What::SettingsChanged,
        Intent::Leave => What::Left,
    };
    Ok(Some(TimelineItem::Changed(change(people, queued.entry, by, queued.created_ms, what, delivery)?)))
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
        muted_until_ms: row.number(3)?,
        draft: row.get(4)?,
        read_pos: row.get(5)?,
        active_ms: row.number(6)?,
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
    db.execute(sql, (id.0, peer.map(|peer| peer.0), integer(now_ms)))?;
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
    db.execute("UPDATE conversations SET muted_until_ms = ? WHERE id = ?", (integer(until_ms), id.0))?;
    Ok(())
}

/// Items up to a position were seen.
pub(crate) fn mark_read(db: &Connection, id: ConversationId, pos: i64) -> Result<bool, Error> {
    let sql = "UPDATE conversations SET read_pos = ?1 WHERE id = ?2 AND read_pos < ?1";
    Ok(db.execute(sql, (pos, id.0))? > 0)
}

/// Messages of others in a conversation after a position.
const UNREAD: &str = "conversation = ? AND pos > ? AND NOT mine AND kind <> 2 AND deleted_by IS NULL";

/// The first message of others after the last one seen.
pub(crate) fn first_unread(db: &Connection, conversation: &Conversation) -> Result<Option<ItemId>, Error> {
    let sql = format!("SELECT entry FROM shown WHERE {UNREAD} ORDER BY pos LIMIT 1");
    let entry = |row: &Row<'_>| Ok(ItemId(row.get(0)?));
    Ok(db.prepare_cached(&sql)?.query_row((conversation.id.0, conversation.read_pos), entry).optional()?)
}

/// Messages of others after the last one seen.
pub(crate) fn unread(db: &Connection, conversation: &Conversation) -> Result<usize, Error> {
    let mut query = db.prepare_cached(&format!("SELECT count(*) FROM shown WHERE {UNREAD}"))?;
    Ok(query.query_row((conversation.id.0, conversation.read_pos), |row| row.number(0))? as usize)
}

//! How values look: as lines for people, and as JSON objects with the field names of docs/cli.md.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use pli_core::model::{
    Change, Content, ConversationInfo, ConversationKind, DeliveryState, DeviceInfo, Member, Membership, Message, Person,
    PersonId, Refusal, Role, TimelineItem, What,
};
use serde_json::{Value, json};
use time::{OffsetDateTime, UtcOffset};

use crate::words::{Word, say as words};

static OFFSET: OnceLock<UtcOffset> = OnceLock::new();

/// Learns the time zone; to be called before there are threads.
pub(crate) fn learn_time_zone() {
    let _ = OFFSET.set(UtcOffset::current_local_offset().unwrap_or(UtcOffset::UTC));
}

/// A moment by the local clock.
pub(crate) fn local(ms: u64) -> OffsetDateTime {
    let at = OffsetDateTime::from_unix_timestamp((ms / 1000) as i64).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    at.to_offset(OFFSET.get().copied().unwrap_or(UtcOffset::UTC))
}

/// Hours and minutes.
pub(crate) fn clock(ms: u64) -> String {
    let at = local(ms);
    format!("{:02}:{:02}", at.hour(), at.minute())
}

/// A day, such as 2027-03-31.
pub(crate) fn day(ms: u64) -> String {
    let at = local(ms);
    format!("{:04}-{:02}-{:02}", at.year(), u8::from(at.month()), at.day())
}

/// Text of others, made safe for a terminal: no control characters but line ends, no overrides of direction.
pub(crate) fn safe(text: &str) -> String {
    let harmful = |c: char| c.is_control() && c != '\n' || ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c);
    text.chars().map(|c| if harmful(c) { '\u{fffd}' } else { c }).collect()
}

/// The first digits of an id.
pub(crate) fn short(id: impl ToString) -> String {
    id.to_string().chars().take(8).collect()
}

pub(crate) fn role(role: Role) -> (&'static str, Word) {
    match role {
        Role::Owner => ("owner", words::OWNER),
        Role::Admin => ("admin", words::ADMIN),
        Role::Guest => ("guest", words::GUEST),
        _ => ("member", words::MEMBER),
    }
}

pub(crate) fn membership(membership: Membership) -> (&'static str, Word) {
    match membership {
        Membership::New => ("new", words::NEW),
        Membership::Member => ("member", words::MEMBER),
        Membership::Returning => ("returning", words::RETURNING),
        Membership::AccessLost => ("access_lost", words::ACCESS_LOST),
        Membership::Removed => ("removed", words::REMOVED),
        Membership::Left => ("left", words::LEFT),
        Membership::UpdateRequired => ("update_required", words::UPDATE_REQUIRED),
    }
}

fn delivery(delivery: Option<DeliveryState>) -> Option<&'static str> {
    Some(match delivery? {
        DeliveryState::Waiting => "waiting",
        DeliveryState::Sent => "sent",
        DeliveryState::Refused(_) => "refused",
    })
}

fn refusal(delivery: Option<DeliveryState>) -> Option<&'static str> {
    let Some(DeliveryState::Refused(why)) = delivery else { return None };
    Some(match why {
        Refusal::NotAllowed => "not_allowed",
        Refusal::NoDevice => "no_device",
        Refusal::NotAMember => "not_a_member",
        Refusal::TooMany => "too_many",
        Refusal::Server => "server",
    })
}

pub(crate) fn person_json(person: &Person) -> Value {
    json!({
        "id": person.id.to_string(), "name": person.name, "department": person.department,
        "guest_until_ms": person.guest_until_ms, "departed": person.departed,
    })
}

pub(crate) fn person_line(person: &Person) -> String {
    let mut line = format!("{}  {}", short(person.id), safe(&person.name));
    if let Some(department) = &person.department {
        line.push_str(&format!("  ({})", safe(department)));
    }
    if let Some(until_ms) = person.guest_until_ms {
        line.push_str(&format!("  {}", words::GUEST_UNTIL.with(&[&day(until_ms)])));
    }
    if person.departed {
        line.push_str(&format!("  {}", words::GONE));
    }
    line
}

pub(crate) fn conversation_json(info: &ConversationInfo) -> Value {
    json!({
        "id": info.id.to_string(),
        "kind": if info.kind == ConversationKind::Pair { "pair" } else { "group" },
        "name": info.name, "topic": info.topic, "unread": info.unread, "muted_until_ms": info.muted_until_ms,
        "role": role(info.my_role).0, "members": info.member_count, "membership": membership(info.membership).0,
        "lifetime_s": info.lifetime_s, "active_ms": info.active_ms, "draft": info.draft,
        "last": info.last.as_ref().map(message_json),
    })
}

pub(crate) fn conversation_line(info: &ConversationInfo) -> String {
    let kind = if info.kind == ConversationKind::Pair { words::PAIR } else { words::GROUP };
    let mut line = format!("{}  {}  {kind}", short(info.id), safe(&info.name));
    if info.kind == ConversationKind::Group {
        line.push_str(&format!(" ({})", info.member_count));
    }
    if !matches!(info.membership, Membership::Member) {
        line.push_str(&format!("  {}", membership(info.membership).1));
    }
    if info.unread > 0 {
        line.push_str(&format!("  {}", words::UNREAD.with(&[&info.unread])));
    }
    line
}

pub(crate) fn member_json(member: &Member) -> Value {
    let mut value = person_json(&member.person);
    value["role"] = role(member.role).0.into();
    value["devices"] = member.device_count.into();
    value
}

pub(crate) fn member_line(member: &Member) -> String {
    let devices = words::DEVICES.with(&[&member.device_count]);
    format!("{}  {}  {devices}", person_line(&member.person), role(member.role).1)
}

pub(crate) fn device_json(device: &DeviceInfo) -> Value {
    json!({
        "id": device.id.to_string(), "person": device.person.to_string(), "enrolled_ms": device.enrolled_ms,
        "revoked": device.revoked, "this": device.this, "number": device.number, "missing_from": device.missing_from,
    })
}

pub(crate) fn device_line(device: &DeviceInfo) -> String {
    let mut line = format!("{}  {}", short(device.id), day(device.enrolled_ms));
    if device.this {
        line.push_str(&format!("  {}", words::THIS));
    } else if device.revoked {
        line.push_str(&format!("  {}", words::IS_REVOKED));
    } else if device.missing_from > 0 {
        line.push_str(&format!("  {}", words::MISSING_FROM.with(&[&device.missing_from, &grouped(&device.number)])));
    }
    line
}

/// Digits in groups of five.
pub(crate) fn grouped(number: &str) -> String {
    let digits: Vec<char> = number.chars().collect();
    digits.chunks(5).map(|chunk| chunk.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

/// A message as JSON.
pub(crate) fn message_json(message: &Message) -> Value {
    let (kind, text) = match &message.content {
        Content::Text { body, .. } => ("text", Some(body)),
        Content::Deleted { .. } => ("deleted", None),
        Content::Unknown => ("unknown", None),
        Content::Unreadable => ("unreadable", None),
    };
    let mentions: Vec<String> = match &message.content {
        Content::Text { mentions, .. } => mentions.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    };
    let reactions: Vec<Value> = message
        .reactions
        .iter()
        .map(|(emoji, people)| json!({ "emoji": emoji, "people": people.iter().map(ToString::to_string).collect::<Vec<_>>() }))
        .collect();
    json!({
        "kind": kind, "id": message.id.to_string(), "conversation": message.conversation.to_string(),
        "number": message.number, "sender_id": message.sender.id.to_string(), "sender": message.sender.name,
        "mine": message.mine, "text": text, "mentions": mentions, "sent_ms": message.sent_ms,
        "edited_ms": message.edited_ms, "reply_to": message.reply_to.map(|id| id.to_string()), "reactions": reactions,
        "delivery": delivery(message.delivery), "refusal": refusal(message.delivery),
    })
}

/// Names of people, for changes, which hold ids alone.
pub(crate) type Names = BTreeMap<PersonId, String>;

pub(crate) fn name_of(names: &Names, id: PersonId) -> String {
    names.get(&id).cloned().unwrap_or_else(|| short(id))
}

/// An item of a timeline as JSON.
pub(crate) fn item_json(item: &TimelineItem) -> Value {
    match item {
        TimelineItem::Said(message) => message_json(message),
        TimelineItem::Changed(change) => change_json(change),
    }
}

fn change_json(change: &Change) -> Value {
    let ids = |people: &[[u8; 16]]| people.iter().map(|id| PersonId(*id).to_string()).collect::<Vec<_>>();
    let (what, people, value) = match &change.what {
        What::Founded => ("founded", Vec::new(), None),
        What::Joined => ("joined", Vec::new(), None),
        What::Added(people) => ("added", ids(people), None),
        What::Removed(people) => ("removed", ids(people), None),
        What::DeviceAdded(person) => ("device_added", ids(&[*person]), None),
        What::DeviceRemoved(person) => ("device_removed", ids(&[*person]), None),
        What::Left => ("left", Vec::new(), None),
        What::RoleSet(person, to) => {
            ("role_set", ids(&[*person]), Some(role(Role::try_from(*to).unwrap_or(Role::Member)).0.to_owned()))
        }
        What::Renamed(name) => ("renamed", Vec::new(), Some(name.clone())),
        What::TopicSet(topic) => ("topic_set", Vec::new(), Some(topic.clone())),
        What::SettingsChanged => ("settings_changed", Vec::new(), None),
        What::Returned => ("returned", Vec::new(), None),
        What::LostSecrets => ("lost_secrets", Vec::new(), None),
        What::Gap => ("gap", Vec::new(), None),
        What::Fork => ("fork", Vec::new(), None),
    };
    json!({
        "kind": "change", "id": change.id.to_string(), "change": what, "by_id": change.by.id.to_string(),
        "by": change.by.name, "at_ms": change.at_ms, "people": people, "value": value,
        "delivery": delivery(change.delivery), "refusal": refusal(change.delivery),
    })
}

/// A change in words.
pub(crate) fn change_words(change: &Change, names: &Names) -> String {
    let by = safe(&change.by.name);
    let name = |id: &[u8; 16]| safe(&name_of(names, PersonId(*id)));
    let list = |people: &[[u8; 16]]| people.iter().map(name).collect::<Vec<_>>().join(", ");
    match &change.what {
        What::Founded => words::WHAT_FOUNDED.with(&[&by]),
        What::Joined => words::WHAT_JOINED.text().into(),
        What::Added(people) => words::WHAT_ADDED.with(&[&by, &list(people)]),
        What::Removed(people) => words::WHAT_REMOVED.with(&[&by, &list(people)]),
        What::DeviceAdded(person) => words::WHAT_DEVICE_ADDED.with(&[&name(person)]),
        What::DeviceRemoved(person) => words::WHAT_DEVICE_REMOVED.with(&[&name(person)]),
        What::Left => words::WHAT_LEFT.with(&[&by]),
        What::RoleSet(person, to) => {
            let to = role(Role::try_from(*to).unwrap_or(Role::Member)).1;
            words::WHAT_ROLE.with(&[&by, &name(person), &to])
        }
        What::Renamed(name) => words::WHAT_RENAMED.with(&[&by, &safe(name)]),
        What::TopicSet(topic) => words::WHAT_TOPIC.with(&[&by, &safe(topic)]),
        What::SettingsChanged => words::WHAT_SETTINGS.with(&[&by]),
        What::Returned => words::WHAT_RETURNED.with(&[&by]),
        What::LostSecrets => words::WHAT_LOST.with(&[&by]),
        What::Gap => words::WHAT_GAP.text().into(),
        What::Fork => words::WHAT_FORK.with(&[&by]),
    }
}

/// What a message says, in words.
pub(crate) fn content_words(message: &Message, names: &Names) -> String {
    match &message.content {
        Content::Text { body, .. } => safe(body),
        Content::Deleted { by } if *by == message.sender.id => words::DELETED.text().into(),
        Content::Deleted { by } => words::DELETED_BY.with(&[&safe(&name_of(names, *by))]),
        Content::Unknown => words::UNKNOWN.text().into(),
        Content::Unreadable => words::UNREADABLE.text().into(),
    }
}

/// An item of a timeline as lines.
pub(crate) fn item_lines(item: &TimelineItem, names: &Names) -> String {
    let message = match item {
        TimelineItem::Said(message) => message,
        TimelineItem::Changed(change) => {
            let state = mark(change.delivery);
            return format!("{}  — {}{state}", clock(change.at_ms), change_words(change, names));
        }
    };
    let mut head = format!("{}  {}  [{}]", clock(message.sent_ms), safe(&message.sender.name), short(message.id));
    if let Some(reply_to) = message.reply_to {
        head.push_str(&format!("  {}", words::REPLY.with(&[&short(reply_to)])));
    }
    if message.edited_ms.is_some() {
        head.push_str(&format!("  ({})", words::EDITED));
    }
    head.push_str(&mark(message.delivery));
    let body = content_words(message, names).replace('\n', "\n       ");
    let mut lines = format!("{head}\n       {body}");
    if !message.reactions.is_empty() {
        let all = message.reactions.iter().map(|(emoji, people)| format!("{} {}", safe(emoji), people.len()));
        lines.push_str(&format!("\n       {}", all.collect::<Vec<_>>().join("  ")));
    }
    lines
}

fn mark(delivery: Option<DeliveryState>) -> String {
    match delivery {
        Some(DeliveryState::Waiting) => format!("  ({})", words::WAITING),
        Some(DeliveryState::Refused(_)) => format!("  ({})", words::REFUSED),
        _ => String::new(),
    }
}

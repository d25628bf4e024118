//! Values as JSON objects. Field names are stable; docs/cli.md lists them.

use pli_core::model::{
    Change, Content, ConversationInfo, ConversationKind, Deed, DeedKind, DeliveryState, DeviceInfo, Member, Message,
    Person, PersonId, Refusal, TimelineItem, What, ms,
};
use serde_json::{Value, json};

use super::{membership, role};

/// A value on one line, for readers who end lines where Unicode does, and for terminals: what ends or steers a line there is
/// escaped. JSON itself asks for that below U+0020 alone.
pub(crate) fn json_line(value: &Value) -> String {
    let mut line = String::new();
    for c in value.to_string().chars() {
        match c {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => line.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => line.push(c),
        }
    }
    line
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
        "guest_until_ms": person.guest_until.map(ms), "departed": person.departed,
    })
}

pub(crate) fn conversation_json(info: &ConversationInfo) -> Value {
    json!({
        "id": info.id.to_string(),
        "kind": if info.kind == ConversationKind::Pair { "pair" } else { "group" },
        "name": info.name, "topic": info.topic, "unread": info.unread, "muted_until_ms": info.muted_until.map_or(0, ms),
        "role": role(info.my_role).0, "members": info.member_count, "membership": membership(info.membership).0,
        "lifetime_s": info.lifetime.map_or(0, |lifetime| lifetime.as_secs()), "active_ms": ms(info.active_at), "draft": info.draft,
        "last": info.last.as_ref().map(message_json),
    })
}

pub(crate) fn member_json(member: &Member) -> Value {
    let mut value = person_json(&member.person);
    value["role"] = role(member.role).0.into();
    value["devices"] = member.device_count.into();
    value
}

pub(crate) fn device_json(device: &DeviceInfo) -> Value {
    json!({
        "id": device.id.to_string(), "person": device.person.to_string(), "enrolled_ms": ms(device.enrolled_at),
        "revoked": device.revoked, "this": device.this, "number": device.number, "missing_from": device.missing_from,
    })
}

/// A message as JSON.
fn message_json(message: &Message) -> Value {
    let (kind, text) = match &message.content {
        Content::Text { body, .. } => ("text", Some(body)),
        Content::Deleted { .. } => ("deleted", None),
        Content::Unknown => ("unknown", None),
        Content::Unreadable => ("unreadable", None),
    };
    let mentions: Vec<String> = match &message.content {
        Content::Text { mentions, .. } => ids(mentions),
        _ => Vec::new(),
    };
    let reactions: Vec<Value> = message
        .reactions
        .iter()
        .map(|reaction| json!({ "emoji": reaction.emoji, "people": ids(&reaction.people) }))
        .collect();
    let unsettled: Vec<Value> = message.unsettled.iter().map(deed_json).collect();
    json!({
        "kind": kind, "id": message.id.to_string(), "conversation": message.conversation.to_string(),
        "number": message.number, "sender_id": message.sender.id.to_string(), "sender": message.sender.name,
        "mine": message.mine, "text": text, "mentions": mentions, "sent_ms": ms(message.sent_at),
        "edited_ms": message.edited_at.map(ms), "reply_to": message.reply_to.as_ref().map(|quote| quote.entry.to_string()), "reactions": reactions,
        "delivery": delivery(message.delivery), "refusal": refusal(message.delivery), "unsettled": unsettled,
    })
}

fn deed_json(deed: &Deed) -> Value {
    let (kind, text, emoji) = match &deed.kind {
        DeedKind::Edit { text } => ("edit", Some(text), None),
        DeedKind::Delete => ("delete", None, None),
        DeedKind::React { emoji } => ("react", None, emoji.as_ref()),
    };
    json!({
        "id": deed.id.to_string(), "kind": kind, "text": text, "emoji": emoji,
        "delivery": delivery(Some(deed.delivery)), "refusal": refusal(Some(deed.delivery)),
    })
}

/// An item of a timeline as JSON.
pub(crate) fn item_json(item: &TimelineItem) -> Value {
    match item {
        TimelineItem::Said(message) => message_json(message),
        TimelineItem::Changed(change) => change_json(change),
    }
}

fn ids(people: &[PersonId]) -> Vec<String> {
    people.iter().map(ToString::to_string).collect()
}

fn change_json(change: &Change) -> Value {
    let (what, people, value) = match &change.what {
        What::Founded => ("founded", Vec::new(), None),
        What::Joined => ("joined", Vec::new(), None),
        What::Added(people) => ("added", ids(people), None),
        What::Removed(people) => ("removed", ids(people), None),
        What::DeviceAdded(person) => ("device_added", ids(&[*person]), None),
        What::DeviceRemoved(person) => ("device_removed", ids(&[*person]), None),
        What::Left => ("left", Vec::new(), None),
        What::RoleSet(person, to) => ("role_set", ids(&[*person]), Some(role(*to).0.to_owned())),
        What::Renamed(name) => ("renamed", Vec::new(), Some(name.clone())),
        What::TopicSet(topic) => ("topic_set", Vec::new(), Some(topic.clone())),
        What::SettingsChanged => ("settings_changed", Vec::new(), None),
        What::Returned => ("returned", Vec::new(), None),
        What::LostSecrets => ("lost_secrets", Vec::new(), None),
        What::Gap => ("gap", Vec::new(), None),
        What::Fork => ("fork", Vec::new(), None),
        What::PutBack => ("put_back", Vec::new(), None),
    };
    json!({
        "kind": "change", "id": change.id.to_string(), "change": what, "by_id": change.by.id.to_string(),
        "by": change.by.name, "at_ms": ms(change.at), "people": people, "value": value,
        "delivery": delivery(change.delivery), "refusal": refusal(change.delivery),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_for_every_reader() {
        let value = json!({ "text": "a\nb\u{85}c\u{2028}d\u{2029}e\u{9b}f\u{7f}é" });
        let line = json_line(&value);
        assert_eq!(line, r#"{"text":"a\nb\u0085c\u2028d\u2029e\u009bf\u007fé"}"#);
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), value);
    }
}

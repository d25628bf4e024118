//! How values look: as lines for people here, as JSON objects in [`json`].

mod json;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use pli_core::Client;
use pli_core::model::{
    Change, Content, ConversationInfo, ConversationKind, Deed, DeedKind, DeliveryState, DeviceInfo, Member, Membership,
    Message, Person, PersonId, Role, TimelineItem, Warning, What, ms,
};
use time::{OffsetDateTime, UtcOffset};

use crate::words::{Word, say as words};

pub(crate) use json::{conversation_json, device_json, item_json, json_line, member_json, person_json};

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

/// Now, in milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_millis() as u64)
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

/// Text of others on one line, made safe for a terminal: no control characters, so that no name looks like a line of
/// somebody else, and no overrides of direction.
pub(crate) fn safe(text: &str) -> String {
    text.chars().map(|c| if is_harmful(c) { '\u{fffd}' } else { c }).collect()
}

/// The same of what may have several lines.
pub(crate) fn safe_lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\t', "    ");
    text.chars().map(|c| if is_harmful(c) && c != '\n' { '\u{fffd}' } else { c }).collect()
}

fn is_harmful(c: char) -> bool {
    let turns = ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c);
    c.is_control() || turns || matches!(c, '\u{2028}' | '\u{2029}')
}

/// What the person should know of.
pub(crate) fn warning(warning: Warning) -> String {
    match warning {
        Warning::ClockWrong { days, ahead } => crate::failure::words_of_clock(days, ahead),
        Warning::RevocationsOld { .. } => words::REVOCATIONS_OLD.text().into(),
    }
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
        Role::Member => ("member", words::MEMBER),
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
        Membership::Behind => ("behind", words::BEHIND),
        Membership::Diverged => ("diverged", words::DIVERGED),
    }
}

pub(crate) fn person_line(person: &Person) -> String {
    let mut line = format!("{}  {}", short(person.id), safe(&person.name));
    if let Some(department) = &person.department {
        line.push_str(&format!("  ({})", safe(department)));
    }
    if let Some(until) = person.guest_until {
        line.push_str(&format!("  {}", words::GUEST_UNTIL.with(&[&day(ms(until))])));
    }
    if person.departed {
        line.push_str(&format!("  {}", words::GONE));
    }
    line
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
    if info.muted_until.is_some_and(|until| ms(until) > now_ms()) {
        line.push_str(&format!("  {}", words::MUTED));
    }
    if info.unread > 0 {
        line.push_str(&format!("  {}", words::UNREAD.with(&[&info.unread])));
    }
    line
}

pub(crate) fn member_line(member: &Member) -> String {
    let devices = words::DEVICES.with(&[&member.device_count]);
    format!("{}  {}  {devices}", person_line(&member.person), role(member.role).1)
}

pub(crate) fn device_line(device: &DeviceInfo) -> String {
    let mut line = format!("{}  {}", short(device.id), day(ms(device.enrolled_at)));
    if device.this {
        line.push_str(&format!("  {}", words::THIS));
    } else if device.revoked {
        line.push_str(&format!("  {}", words::IS_REVOKED));
    } else if device.missing_from > 0 {
        line.push_str(&format!("  {}", words::MISSING_FROM.with(&[&device.missing_from, &grouped(&device.number)])));
    } else {
        line.push_str(&format!("  {}", words::NUMBER.with(&[&grouped(&device.number)])));
    }
    line
}

/// Digits in groups of five.
pub(crate) fn grouped(number: &str) -> String {
    let digits: Vec<char> = number.chars().collect();
    digits.chunks(5).map(|chunk| chunk.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

/// Names of people, for changes, which hold ids alone.
pub(crate) type Names = BTreeMap<PersonId, String>;

/// Learns the names of those whom items speak of by their ids, also of the departed, whom no list has.
pub(crate) async fn learn<'a>(names: &mut Names, client: &Client, items: impl Iterator<Item = &'a TimelineItem>) {
    for id in items.flat_map(spoken_of) {
        if !names.contains_key(&id)
            && let Ok(person) = client.person(id).await
        {
            names.insert(id, person.name);
        }
    }
}

fn spoken_of(item: &TimelineItem) -> Vec<PersonId> {
    match item {
        TimelineItem::Said(Message { content: Content::Deleted { by }, .. }) => vec![*by],
        TimelineItem::Said(_) => Vec::new(),
        TimelineItem::Changed(change) => match &change.what {
            What::Added(people) | What::Removed(people) => people.clone(),
            What::DeviceAdded(person) | What::DeviceRemoved(person) | What::RoleSet(person, _) => vec![*person],
            _ => Vec::new(),
        },
    }
}

pub(crate) fn name_of(names: &Names, id: PersonId) -> String {
    names.get(&id).cloned().unwrap_or_else(|| short(id))
}

/// A change in words.
pub(crate) fn change_words(change: &Change, names: &Names) -> String {
    let by = safe(&change.by.name);
    let name = |id: &PersonId| safe(&name_of(names, *id));
    let list = |people: &[PersonId]| people.iter().map(name).collect::<Vec<_>>().join(", ");
    match &change.what {
        What::Founded => words::WHAT_FOUNDED.with(&[&by]),
        What::Joined => words::WHAT_JOINED.text().into(),
        What::Added(people) => words::WHAT_ADDED.with(&[&by, &list(people)]),
        What::Removed(people) => words::WHAT_REMOVED.with(&[&by, &list(people)]),
        What::DeviceAdded(person) => words::WHAT_DEVICE_ADDED.with(&[&name(person)]),
        What::DeviceRemoved(person) => words::WHAT_DEVICE_REMOVED.with(&[&name(person)]),
        What::Left => words::WHAT_LEFT.with(&[&by]),
        What::RoleSet(person, to) => words::WHAT_ROLE.with(&[&by, &name(person), &role(*to).1]),
        What::Renamed(name) => words::WHAT_RENAMED.with(&[&by, &safe(name)]),
        What::TopicSet(topic) => words::WHAT_TOPIC.with(&[&by, &safe(topic)]),
        What::SettingsChanged => words::WHAT_SETTINGS.with(&[&by]),
        What::Returned => words::WHAT_RETURNED.with(&[&by]),
        What::LostSecrets => words::WHAT_LOST.with(&[&by]),
        What::Gap => words::WHAT_GAP.text().into(),
        What::Fork => words::WHAT_FORK.with(&[&by]),
        What::PutBack => words::WHAT_PUT_BACK.text().into(),
    }
}

/// What a message says, in words.
pub(crate) fn content_words(message: &Message, names: &Names) -> String {
    match &message.content {
        Content::Text { body, .. } => safe_lines(body),
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
            return format!("{}  — {}{state}", clock(ms(change.at)), change_words(change, names));
        }
    };
    let mut head = format!("{}  {}  [{}]", clock(ms(message.sent_at)), safe(&message.sender.name), short(message.id));
    if let Some(quote) = &message.reply_to {
        head.push_str(&format!("  {}", words::REPLY.with(&[&short(quote.entry)])));
    }
    if message.edited_at.is_some() {
        head.push_str(&format!("  ({})", words::EDITED));
    }
    head.push_str(&mark(message.delivery));
    let body = content_words(message, names).replace('\n', "\n       ");
    let mut lines = format!("{head}\n       {body}");
    if !message.reactions.is_empty() {
        let all =
            message.reactions.iter().map(|reaction| format!("{} {}", safe(&reaction.emoji), reaction.people.len()));
        lines.push_str(&format!("\n       {}", all.collect::<Vec<_>>().join("  ")));
    }
    for deed in &message.unsettled {
        let words = deed_words(deed).replace('\n', "\n       ");
        lines.push_str(&format!("\n       {words}{}  [{}]", mark(Some(deed.delivery)), short(deed.id)));
    }
    lines
}

/// What this device did to a message and is not done, in words.
pub(crate) fn deed_words(deed: &Deed) -> String {
    let is_refused = matches!(deed.delivery, DeliveryState::Refused(_));
    match (&deed.kind, is_refused) {
        (DeedKind::Edit { text }, false) => words::EDITING.with(&[&safe_lines(text)]),
        (DeedKind::Edit { text }, true) => words::NOT_EDITED.with(&[&safe_lines(text)]),
        (DeedKind::Delete, false) => words::DELETING.text().into(),
        (DeedKind::Delete, true) => words::NOT_DELETED.text().into(),
        (DeedKind::React { emoji }, false) => words::REACTING.with(&[&safe(emoji.as_deref().unwrap_or("–"))]),
        (DeedKind::React { emoji }, true) => words::NOT_REACTED.with(&[&safe(emoji.as_deref().unwrap_or("–"))]),
    }
}

fn mark(delivery: Option<DeliveryState>) -> String {
    match delivery {
        Some(DeliveryState::Waiting) => format!("  ({})", words::WAITING),
        Some(DeliveryState::Refused(_)) => format!("  ({})", words::REFUSED),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobodys_name_looks_like_a_line_of_another() {
        assert_eq!(
            safe("Crue\n23:08  Anne\u{2028}\u{1b}[2J\u{202e}"),
            "Crue\u{fffd}23:08  Anne\u{fffd}\u{fffd}[2J\u{fffd}"
        );
        assert_eq!(safe_lines("a\r\n\tb\u{1b}"), "a\n    b\u{fffd}");
    }
}

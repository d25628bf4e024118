//! Finding what a person named: by its whole id, by the beginning of one (four digits at least), by name, or by the
//! beginning of words of a name. Case, accents, and what keyboards lack do not matter.
//!
//! Whoever is in a conversation may give it any name, also another's, or one that looks like an id. So a whole id is that
//! id, whatever is called like it; what may mean several is an error that lists them; and only a person's whole name,
//! which the administration gives, comes before what else a text may mean.

use pli_core::Client;
use pli_core::model::{ConversationId, ConversationKind, ItemId, Message, Person, PersonId, TimelineItem};
use pli_core::text::fold;

use crate::failure::Failure;
use crate::show;
use crate::words::{Word, errors, say};

/// Digits of an id that may stand for it.
const PREFIX_DIGITS: usize = 4;
/// Digits of a whole id.
const ID_DIGITS: usize = 32;
/// Candidates that an error lists.
const LISTED: usize = 10;

/// What is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Person,
    Pair,
    Group,
    Device,
    Message,
}

impl Kind {
    /// In the person's language.
    pub(crate) fn word(self) -> Word {
        match self {
            Self::Person => say::PERSON,
            Self::Pair => say::PAIR,
            Self::Group => say::GROUP,
            Self::Device => say::DEVICE,
            Self::Message => say::MESSAGE,
        }
    }

    /// Whether the administration gives such names.
    fn is_named_by_administration(self) -> bool {
        matches!(self, Self::Person | Self::Pair)
    }
}

/// Something that can be named.
#[derive(Clone, Debug)]
pub(crate) struct Candidate<T> {
    /// What it is.
    pub(crate) value: T,
    pub(crate) kind: Kind,
    /// In hexadecimal.
    pub(crate) id: String,
    /// As people read it; empty if it has none.
    pub(crate) name: String,
}

/// The one that `text` names.
///
/// # Errors
/// `unknown`, or the list of those that it may mean.
pub(crate) fn find<T: Clone>(candidates: &[Candidate<T>], text: &str, unknown: &Word) -> Result<T, Failure> {
    search(candidates, text)?.ok_or_else(|| Failure::refused(unknown.with(&[&show::safe(text)])))
}

/// As [`find`]; nothing if it names none.
fn search<T: Clone>(candidates: &[Candidate<T>], text: &str) -> Result<Option<T>, Failure> {
    let wanted = fold(text.trim());
    if wanted.len() == ID_DIGITS && is_hexadecimal(&wanted) {
        return Ok(candidates.iter().find(|one| one.id == wanted).map(|one| one.value.clone()));
    }
    let is_named = |one: &Candidate<T>| !wanted.is_empty() && fold(&one.name) == wanted;
    let has_id = wanted.len() >= PREFIX_DIGITS && is_hexadecimal(&wanted);
    let is_of_id = |one: &Candidate<T>| has_id && one.id.starts_with(&wanted);
    let is_meant = |one: &&Candidate<T>| is_named(one) || is_of_id(one) || begins(&fold(&one.name), &wanted);
    let meant: Vec<_> = candidates.iter().filter(is_meant).collect();
    let people: Vec<_> = meant.iter().filter(|one| is_named(one) && one.kind.is_named_by_administration()).collect();
    match (meant.as_slice(), people.as_slice()) {
        ([], _) => Ok(None),
        ([one], _) => Ok(Some(one.value.clone())),
        // Unless the name is the beginning of another's id.
        (several, [one]) if !several.iter().any(|other| is_of_id(other) && other.id != one.id) => {
            Ok(Some(one.value.clone()))
        }
        _ => Err(ambiguous(text, &meant)),
    }
}

fn is_hexadecimal(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether each word of `wanted` begins a word of `name`: after a space, an apostrophe, a hyphen.
fn begins(name: &str, wanted: &str) -> bool {
    let begins_word = |at: usize| !name[..at].ends_with(char::is_alphanumeric);
    let mut words = wanted.split_whitespace().peekable();
    words.peek().is_some() && words.all(|word| name.match_indices(word).any(|(at, _)| begins_word(at)))
}

fn ambiguous<T>(text: &str, several: &[&Candidate<T>]) -> Failure {
    let mut message = errors::AMBIGUOUS.with(&[&show::safe(text)]);
    for one in several.iter().take(LISTED) {
        message.push_str(&format!("\n  {}  {}  {}", one.id, one.kind.word(), show::safe(&one.name)));
    }
    if several.len() > LISTED {
        message.push_str("\n  …");
    }
    Failure::refused(message)
}

fn people(people: impl IntoIterator<Item = Person>) -> Vec<Candidate<Person>> {
    let candidate = |person: Person| Candidate {
        kind: Kind::Person,
        id: person.id.to_string(),
        name: person.name.clone(),
        value: person,
    };
    people.into_iter().map(candidate).collect()
}

/// The person named.
pub(crate) async fn person(client: &Client, text: &str) -> Result<Person, Failure> {
    find(&people(client.people("").await?), text, &errors::UNKNOWN_PERSON)
}

/// A member, who may have left the organisation's directory meanwhile. A person who is known, and no member, is another
/// error than one who is not known.
pub(crate) async fn member(client: &Client, at: ConversationId, text: &str) -> Result<PersonId, Failure> {
    let members = client.conversation(at).member_list().await?;
    match search(&people(members.into_iter().map(|member| member.person)), text)? {
        Some(member) => Ok(member.id),
        None => Ok(person(client, text).await?.id),
    }
}

/// The conversation named. A person with whom there is none yet is named, too, so that no group takes their place.
pub(crate) async fn conversation(client: &Client, text: &str) -> Result<ConversationId, Failure> {
    let list = client.conversation_list().await?;
    let paired: Vec<PersonId> = list.iter().filter_map(|info| info.peer).collect();
    let mut candidates: Vec<Candidate<Result<ConversationId, String>>> = list
        .into_iter()
        .map(|info| Candidate {
            value: Ok(info.id),
            kind: if info.kind == ConversationKind::Pair { Kind::Pair } else { Kind::Group },
            id: info.id.to_string(),
            name: info.name,
        })
        .collect();
    let me = client.me().await?.id;
    let wanted = fold(text.trim());
    let is_apart = |person: &Person| person.id != me && !paired.contains(&person.id) && fold(&person.name) == wanted;
    candidates.extend(client.people("").await?.into_iter().filter(is_apart).map(|person| Candidate {
        kind: Kind::Person,
        id: person.id.to_string(),
        value: Err(person.name.clone()),
        name: person.name,
    }));
    find(&candidates, text, &errors::UNKNOWN_CONVERSATION)?
        .map_err(|name| Failure::refused(errors::NO_PAIR.with(&[&show::safe(&name)])))
}

/// Items of a conversation that are looked at for what is not settled there: what was refused stands at a message that
/// the person has seen lately.
const LOOKED_THROUGH: usize = 1_000;

/// The message named, by its id or the beginning of that.
pub(crate) async fn message(client: &Client, at: ConversationId, text: &str) -> Result<Message, Failure> {
    let messages: Vec<_> = said(client, at, text).await?.into_iter().map(|said| candidate(said.id, said)).collect();
    find(&messages, text.trim(), &errors::UNKNOWN_MESSAGE)
}

/// The message named so, or what was asked to be done to one and is not done.
pub(crate) async fn entry(client: &Client, at: ConversationId, text: &str) -> Result<ItemId, Failure> {
    let messages = said(client, at, text).await?.into_iter().map(|message| message.id);
    let items = client.conversation(at).items(None, LOOKED_THROUGH).await?;
    let deeds = items.into_iter().flat_map(|item| match item {
        TimelineItem::Said(message) => message.unsettled,
        TimelineItem::Changed(_) => Vec::new(),
    });
    let entries: Vec<_> = messages.chain(deeds.map(|deed| deed.id)).map(|id| candidate(id, id)).collect();
    find(&entries, text.trim(), &errors::UNKNOWN_MESSAGE)
}

/// The messages whose id begins so.
async fn said(client: &Client, at: ConversationId, text: &str) -> Result<Vec<Message>, Failure> {
    let digits = text.trim();
    if !is_hexadecimal(digits) || digits.len() < PREFIX_DIGITS {
        return Ok(Vec::new());
    }
    Ok(client.conversation(at).with_id(digits).await?)
}

fn candidate<T>(id: ItemId, value: T) -> Candidate<T> {
    Candidate { kind: Kind::Message, id: id.to_string(), name: String::new(), value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Code;

    fn one(value: u8, kind: Kind, id: &str, name: &str) -> Candidate<u8> {
        Candidate { value, kind, id: format!("{id:0<32}"), name: name.into() }
    }

    fn people() -> Vec<Candidate<u8>> {
        vec![
            one(1, Kind::Person, "abcd1", "Anne Lefèvre"),
            one(2, Kind::Person, "abcd2", "Bảo Nguyễn"),
            one(3, Kind::Person, "beef", "Anne Dupont"),
            one(4, Kind::Person, "0123", "anne lefevre"),
            one(5, Kind::Person, "fade", "Face"),
            one(6, Kind::Person, "5678", "Lecœur d’Hérouville-Straße"),
            one(7, Kind::Person, "5679", "Faceb"),
            one(8, Kind::Person, "face1", "Zoë"),
        ]
    }

    fn found(text: &str) -> Result<u8, Failure> {
        find(&people(), text, &errors::UNKNOWN_PERSON)
    }

    #[track_caller]
    fn may_mean(candidates: &[Candidate<u8>], text: &str, several: usize) {
        let failure = find(candidates, text, &errors::UNKNOWN_CONVERSATION).unwrap_err();
        assert_eq!(failure.message.lines().count(), several + 1, "{text}: {}", failure.message);
    }

    #[test]
    fn names_are_found_without_case_and_accents() {
        assert_eq!(found("bao nguyen"), Ok(2));
        assert_eq!(found("BA\u{309}O NGUYỄN"), Ok(2), "combining marks too");
        assert_eq!(found("dupont"), Ok(3));
        assert_eq!(found("an dup"), Ok(3));
    }

    #[test]
    fn names_are_found_as_keyboards_write_them() {
        for text in ["lecoeur", "d'herouville", "herouville", "strasse", "lecoeur d'herouville-strasse"] {
            assert_eq!(found(text), Ok(6), "{text}");
        }
        assert_eq!(found("erouville").unwrap_err().code, Code::Refused, "which is no beginning");
    }

    #[test]
    fn ids_are_found_by_four_digits() {
        assert_eq!(found("beef"), Ok(3));
        assert_eq!(found("abcd2"), Ok(2));
        assert_eq!(found(&format!("{:0<32}", "abcd1")), Ok(1));
        assert_eq!(found("bee").unwrap_err().code, Code::Refused);
        may_mean(&people(), "face", 3);
    }

    #[test]
    fn what_may_mean_several_lists_them() {
        for text in ["Anne Lefèvre", "abcd", "anne"] {
            let failure = found(text).unwrap_err();
            assert!(failure.message.lines().count() >= 3, "{text}: {}", failure.message);
        }
        let failure = found("Anne Lefevre").unwrap_err();
        assert!(failure.message.contains("abcd1") && failure.message.contains("person  Anne Lefèvre"), "{failure:?}");
    }

    #[test]
    fn nobody_takes_the_place_of_another_conversation() {
        let whole = format!("{:0<32}", "abcd1");
        let pair = one(1, Kind::Pair, "abcd1", "Bảo Nguyễn");
        let with = |name: &str| vec![pair.clone(), one(2, Kind::Group, "ffff", name)];
        assert_eq!(find(&with(&whole), &whole, &errors::UNKNOWN_CONVERSATION), Ok(1));
        assert_eq!(find(&with("bao nguyen"), "Bảo Nguyễn", &errors::UNKNOWN_CONVERSATION), Ok(1));
        for name in ["bao", "abcd", "abcd1000"] {
            may_mean(&with(name), name, 2);
        }
        // Nor where the other is not on this device.
        assert!(find(&with(&"7".repeat(32)), &"7".repeat(32), &errors::UNKNOWN_CONVERSATION).is_err());
        may_mean(&[one(1, Kind::Group, "1", "Crue"), one(2, Kind::Group, "2", "Crue nord")], "Crue", 2);
        let listed = find(&with("bao\n  0  pair  Bảo"), "bao", &errors::UNKNOWN_CONVERSATION).unwrap_err();
        assert_eq!(listed.message.lines().count(), 3, "no name makes a line: {listed:?}");
    }

    #[test]
    fn nothing_finds_nothing() {
        for text in ["", " ", "nobody", "\u{301}"] {
            assert_eq!(found(text).unwrap_err().code, Code::Refused);
        }
    }
}

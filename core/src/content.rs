//! What a message says, checked once when it comes out of its seal.
//!
//! Whoever is in a group writes what they like into their own messages, so [`Said::parse`] turns the bytes into values on
//! which all that follows may rely: numbers that the database and every language can hold, ids of their length, texts and
//! lists within the bounds that [`check_text`] sets for senders too. What is wrong in a message spoils that message alone:
//! it is shown as unreadable, or as if it had not been said.

use pli_proto::id::{ItemId, PersonId};
use pli_proto::pb::said::Body as Sealed;
use pli_proto::text::is_text;
use pli_proto::{limits, pb};
use prost::Message as _;

use crate::error::What;
use crate::model::LAST_MS;
use crate::text;

/// Which kinds of content this version understands. Raised with each kind that comes: what was kept as unknown is then read
/// anew, see `store/reread.rs`.
pub(crate) const VERSION: u64 = 1;

/// What is in a message: what its sender knew, and what is said.
#[derive(Debug, PartialEq)]
pub(crate) struct Content {
    /// The last entry that the sender had received when they sent this.
    pub(crate) seen: u64,
    /// The running hash there.
    pub(crate) seen_hash: Vec<u8>,
    /// The number of the revocation list that the sender knew.
    pub(crate) revocations: u64,
    /// What is said, in the bytes that name the message: [`Said::parse`] reads them.
    pub(crate) said: Vec<u8>,
}

/// What is said.
#[derive(Debug, PartialEq)]
pub(crate) struct Said {
    /// When it was written, by the sender's clock, in milliseconds since 1970.
    pub(crate) sent_ms: u64,
    /// It, by its kind.
    pub(crate) body: Body,
}

/// What is said, by its kind.
#[derive(Debug, PartialEq)]
pub(crate) enum Body {
    /// A text.
    Text(pb::Text),
    /// Something done to a message.
    Relation(Relation),
    /// The word of somebody who leaves.
    Leave(pb::LeaveWord),
    /// Of a kind that this version does not know: its bytes are kept for a version that does.
    Unknown {
        /// Nothing is to be shown of it.
        is_hidden: bool,
    },
    /// Of a known kind, and not as that kind has to be; or beyond every bound.
    Malformed,
}

/// Something done to a message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Relation {
    /// The message to which it is done.
    pub(crate) target: ItemId,
    /// What is done.
    pub(crate) deed: Deed,
}

/// What is done to a message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Deed {
    /// Its writer replaces its text and whom that mentions.
    Edit {
        /// The new text.
        body: String,
        /// The persons that the new text mentions.
        mentions: Vec<PersonId>,
    },
    /// Its writer, or an admin, deletes what it says.
    Delete,
    /// A person reacts with an emoji; an empty one takes the reaction back.
    React(String),
}

impl Content {
    /// The content in the bytes of an MLS message; `None` if they are none, or too many.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > limits::CONTENT_BYTES {
            return None;
        }
        let pb::Content { seen, seen_hash, revocations, said } = pb::Content::decode(bytes).ok()?;
        Some(Self { seen, seen_hash, revocations, said })
    }
}

impl Said {
    /// The bytes in which something is said, with a salt of their own.
    pub(crate) fn seal(salt: [u8; 16], sent_ms: u64, body: Sealed) -> Vec<u8> {
        pb::Said { salt: salt.to_vec(), sent_ms, body: Some(body), ..pb::Said::default() }.encode_to_vec()
    }

    /// What is said in these bytes.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let Ok(said) = pb::Said::decode(bytes) else { return Self { sent_ms: 0, body: Body::Malformed } };
        let is_hidden = said.if_unknown() == pb::IfUnknown::Hide;
        let body = match said.body {
            Some(body) => Body::of(body),
            None if bytes.len() <= limits::UNKNOWN_BYTES => Body::Unknown { is_hidden },
            None => Body::Malformed,
        };
        Self { sent_ms: said.sent_ms.min(LAST_MS), body }
    }
}

impl Body {
    fn of(body: Sealed) -> Self {
        let relation = |target: &[u8], deed: Deed| match ItemId::try_from(target) {
            Ok(target) => Self::Relation(Relation { target, deed }),
            Err(_) => Self::Malformed,
        };
        match body {
            Sealed::Text(text) if check_text(&text.body, &text.mentions).is_ok() => {
                // What is no id is no answer to anything.
                let reply_to = if text.reply_to.len() == 16 { text.reply_to } else { Vec::new() };
                Self::Text(pb::Text { reply_to, ..text })
            }
            Sealed::Edit(pb::Edit { target, body, mentions }) if check_text(&body, &mentions).is_ok() => {
                let mentions = mentions.iter().filter_map(|id| PersonId::try_from(id.as_slice()).ok()).collect();
                relation(&target, Deed::Edit { body, mentions })
            }
            Sealed::Delete(delete) => relation(&delete.target, Deed::Delete),
            Sealed::React(pb::React { target, emoji }) => match text::emoji(&emoji) {
                Some(emoji) => relation(&target, Deed::React(emoji)),
                None if emoji.is_empty() => relation(&target, Deed::React(emoji)),
                None => Self::Malformed,
            },
            Sealed::Leave(word) => Self::Leave(word),
            Sealed::Text(_) | Sealed::Edit(_) => Self::Malformed,
        }
    }
}

/// Whether a text may be said, with those mentions; else what of it is beyond which bound.
pub(crate) fn check_text(body: &str, mentions: &[impl AsRef<[u8]>]) -> Result<(), (What, usize)> {
    if !is_text(body) {
        return Err((What::Text, limits::TEXT_BYTES));
    }
    if mentions.len() > limits::MENTIONS || mentions.iter().any(|id| id.as_ref().len() != 16) {
        return Err((What::People, limits::MENTIONS));
    }
    Ok(())
}

impl Relation {
    /// The form in which it is sealed.
    pub(crate) fn body(&self) -> Sealed {
        let target = self.target.to_vec();
        match &self.deed {
            Deed::Edit { body, mentions } => {
                let mentions = mentions.iter().map(|person| person.to_vec()).collect();
                Sealed::Edit(pb::Edit { target, body: body.clone(), mentions })
            }
            Deed::Delete => Sealed::Delete(pb::Delete { target }),
            Deed::React(emoji) => Sealed::React(pb::React { target, emoji: emoji.clone() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: [u8; 16] = [7; 16];

    fn parsed(body: Sealed) -> Body {
        Said::parse(&Said::seal([1; 16], 5, body)).body
    }

    #[test]
    fn numbers_beyond_every_calendar_are_bounded() {
        let said = Said::seal([1; 16], u64::MAX, Sealed::Delete(pb::Delete::default()));
        assert_eq!(Said::parse(&said).sent_ms, LAST_MS);
    }

    #[test]
    fn what_is_beyond_its_bounds_is_malformed() {
        let text = |body: &str, mentions| pb::Text { body: body.into(), mentions, reply_to: vec![1; 3] };
        let Body::Text(fine) = parsed(Sealed::Text(text("fine", vec![vec![1; 16]]))) else { panic!("a text") };
        assert!(fine.reply_to.is_empty(), "what is no id answers nothing");
        for wrong in [
            text(&"x".repeat(limits::TEXT_BYTES + 1), vec![]),
            text("x", vec![vec![1; 16]; limits::MENTIONS + 1]),
            text("x", vec![vec![1; 17]]),
        ] {
            assert_eq!(parsed(Sealed::Text(wrong)), Body::Malformed);
        }
        let edit = |target: &[u8], body: &str| {
            parsed(Sealed::Edit(pb::Edit { target: target.to_vec(), body: body.into(), ..pb::Edit::default() }))
        };
        assert!(matches!(edit(&TARGET, "fine"), Body::Relation(_)));
        assert_eq!(edit(&TARGET[1..], "of nothing"), Body::Malformed);
        assert_eq!(edit(&TARGET, &"x".repeat(limits::TEXT_BYTES + 1)), Body::Malformed);
        let react = |emoji: &str| parsed(Sealed::React(pb::React { target: TARGET.to_vec(), emoji: emoji.into() }));
        assert!(
            matches!(react("👍\u{fe0f}"), Body::Relation(Relation { deed: Deed::React(emoji), .. }) if emoji == "👍")
        );
        assert!(matches!(react(""), Body::Relation(_)), "taken back");
        assert_eq!(react("très bien"), Body::Malformed);
    }

    /// What a later version says: a body under a number that this one does not know, and a field that it does not.
    #[test]
    fn what_is_unknown_is_known_to_be() {
        let mut later = pb::Said { sent_ms: 5, ..pb::Said::default() }.encode_to_vec();
        prost::encoding::bytes::encode(900, &b"a poll".to_vec(), &mut later);
        assert_eq!(Said::parse(&later), Said { sent_ms: 5, body: Body::Unknown { is_hidden: false } });
        let hidden = pb::Said { if_unknown: pb::IfUnknown::Hide.into(), ..pb::Said::default() };
        assert_eq!(Said::parse(&hidden.encode_to_vec()).body, Body::Unknown { is_hidden: true });
        prost::encoding::bytes::encode(900, &vec![0; limits::UNKNOWN_BYTES], &mut later);
        assert_eq!(Said::parse(&later).body, Body::Malformed);
        let content = pb::Content { said: vec![0; limits::CONTENT_BYTES], ..pb::Content::default() };
        assert_eq!(Content::parse(&content.encode_to_vec()), None);
    }

    #[test]
    fn a_relation_comes_back_from_its_sealed_form() {
        let mentions = vec![PersonId([1; 16])];
        for deed in [Deed::Edit { body: "à 9 h".into(), mentions }, Deed::Delete, Deed::React("🌊".into())] {
            let relation = Relation { target: ItemId(TARGET), deed };
            assert_eq!(parsed(relation.body()), Body::Relation(relation));
        }
    }
}

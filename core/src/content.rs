//! What a message says, checked once when it comes out of its seal.
//!
//! Whoever is in a group writes what they like into their own messages, so [`Content::parse`] turns the bytes into values on
//! which all that follows may rely: numbers that the database and every language can hold, ids of their length, texts and
//! lists within the bounds that [`Said::check`] sets for senders too. What is wrong in a message spoils that message alone:
//! it is shown as unreadable, or as if it had not been said.

use pli_proto::id::{ItemId, PersonId};
use pli_proto::pb::content::Body;
use pli_proto::text::is_text;
use pli_proto::{limits, pb};
use prost::Message as _;

use crate::error::What;
use crate::model::LAST_MS;
use crate::text;

/// Which kinds of content this version understands. Raised with each kind that comes: what was kept as unknown is then read
/// anew, see `store/reread.rs`.
pub(crate) const VERSION: u64 = 1;

/// A message's content.
#[derive(Debug, PartialEq)]
pub(crate) struct Content {
    /// The last entry that the sender had received when they wrote this.
    pub(crate) seen: u64,
    /// The running hash there.
    pub(crate) seen_hash: Vec<u8>,
    /// The number of the revocation list that the sender knew.
    pub(crate) revocations: u64,
    /// When it was written, by the sender's clock, in milliseconds since 1970.
    pub(crate) sent_ms: u64,
    /// What is said.
    pub(crate) said: Said,
}

/// What is said, by its kind.
#[derive(Debug, PartialEq)]
pub(crate) enum Said {
    /// A text.
    Text(pb::Text),
    /// Something done to a message.
    Relation(Relation),
    /// The word of somebody who leaves.
    Leave(pb::LeaveWord),
    /// Of a kind that this version does not know: the content as it was decrypted, for a version that does.
    Unknown(Vec<u8>),
    /// Of a known kind, and not as that kind has to be.
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
        let content = pb::Content::decode(bytes).ok()?;
        let said = match content.body {
            Some(body) => Said::of(body),
            None if bytes.len() <= limits::UNKNOWN_BYTES => Said::Unknown(bytes.to_vec()),
            None => Said::Malformed,
        };
        Some(Self {
            seen: content.seen,
            seen_hash: content.seen_hash,
            revocations: content.revocations,
            sent_ms: content.sent_ms.min(LAST_MS),
            said,
        })
    }
}

impl Said {
    fn of(body: Body) -> Self {
        let relation = |target: &[u8], deed: Deed| match ItemId::try_from(target) {
            Ok(target) => Self::Relation(Relation { target, deed }),
            Err(_) => Self::Malformed,
        };
        match body {
            Body::Text(text) if check_text(&text.body, &text.mentions).is_ok() => {
                // What is no id is no answer to anything.
                let reply_to = if text.reply_to.len() == 16 { text.reply_to } else { Vec::new() };
                Self::Text(pb::Text { reply_to, ..text })
            }
            Body::Edit(pb::Edit { target, body, mentions }) if check_text(&body, &mentions).is_ok() => {
                let mentions = mentions.iter().filter_map(|id| PersonId::try_from(id.as_slice()).ok()).collect();
                relation(&target, Deed::Edit { body, mentions })
            }
            Body::Delete(delete) => relation(&delete.target, Deed::Delete),
            Body::React(pb::React { target, emoji }) => match text::emoji(&emoji) {
                Some(emoji) => relation(&target, Deed::React(emoji)),
                None if emoji.is_empty() => relation(&target, Deed::React(emoji)),
                None => Self::Malformed,
            },
            Body::Leave(word) => Self::Leave(word),
            Body::Text(_) | Body::Edit(_) => Self::Malformed,
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
    pub(crate) fn body(&self) -> Body {
        let target = self.target.to_vec();
        match &self.deed {
            Deed::Edit { body, mentions } => {
                let mentions = mentions.iter().map(|person| person.to_vec()).collect();
                Body::Edit(pb::Edit { target, body: body.clone(), mentions })
            }
            Deed::Delete => Body::Delete(pb::Delete { target }),
            Deed::React(emoji) => Body::React(pb::React { target, emoji: emoji.clone() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: [u8; 16] = [7; 16];

    fn parsed(body: Option<Body>) -> Said {
        let content = pb::Content { body, ..pb::Content::default() };
        Content::parse(&content.encode_to_vec()).expect("a content").said
    }

    #[test]
    fn numbers_beyond_every_calendar_are_bounded() {
        let content = pb::Content { sent_ms: u64::MAX, ..pb::Content::default() };
        assert_eq!(Content::parse(&content.encode_to_vec()).expect("a content").sent_ms, LAST_MS);
    }

    #[test]
    fn what_is_beyond_its_bounds_is_malformed() {
        let text = |body: &str, mentions| pb::Text { body: body.into(), mentions, reply_to: vec![1; 3] };
        let Said::Text(fine) = parsed(Some(Body::Text(text("fine", vec![vec![1; 16]])))) else { panic!("a text") };
        assert!(fine.reply_to.is_empty(), "what is no id answers nothing");
        for wrong in [
            text(&"x".repeat(limits::TEXT_BYTES + 1), vec![]),
            text("x", vec![vec![1; 16]; limits::MENTIONS + 1]),
            text("x", vec![vec![1; 17]]),
        ] {
            assert_eq!(parsed(Some(Body::Text(wrong))), Said::Malformed);
        }
        let edit = |target: &[u8], body: &str| {
            parsed(Some(Body::Edit(pb::Edit { target: target.to_vec(), body: body.into(), ..pb::Edit::default() })))
        };
        assert!(matches!(edit(&TARGET, "fine"), Said::Relation(_)));
        assert_eq!(edit(&TARGET[1..], "of nothing"), Said::Malformed);
        assert_eq!(edit(&TARGET, &"x".repeat(limits::TEXT_BYTES + 1)), Said::Malformed);
        let react = |emoji: &str| parsed(Some(Body::React(pb::React { target: TARGET.to_vec(), emoji: emoji.into() })));
        assert!(
            matches!(react("👍\u{fe0f}"), Said::Relation(Relation { deed: Deed::React(emoji), .. }) if emoji == "👍")
        );
        assert!(matches!(react(""), Said::Relation(_)), "taken back");
        assert_eq!(react("très bien"), Said::Malformed);
    }

    /// What a later version says: a body under a number that this one does not know, and a field that it does not.
    #[test]
    fn what_is_unknown_keeps_every_byte() {
        let mut later = pb::Content { sent_ms: 5, ..pb::Content::default() }.encode_to_vec();
        prost::encoding::bytes::encode(900, &b"a poll".to_vec(), &mut later);
        assert_eq!(Content::parse(&later).expect("a content").said, Said::Unknown(later.clone()));
        prost::encoding::bytes::encode(900, &vec![0; limits::UNKNOWN_BYTES], &mut later);
        assert_eq!(Content::parse(&later).expect("a content").said, Said::Malformed);
        prost::encoding::bytes::encode(900, &vec![0; limits::CONTENT_BYTES], &mut later);
        assert_eq!(Content::parse(&later), None);
    }

    #[test]
    fn a_relation_comes_back_from_its_sealed_form() {
        let mentions = vec![PersonId([1; 16])];
        for deed in [Deed::Edit { body: "à 9 h".into(), mentions }, Deed::Delete, Deed::React("🌊".into())] {
            let relation = Relation { target: ItemId(TARGET), deed };
            assert_eq!(parsed(Some(relation.body())), Said::Relation(relation));
        }
    }
}

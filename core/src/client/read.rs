//! Looking at what was said, page by page, and by ids.

use pli_proto::id::ItemId;

use crate::error::{Error, What};
use crate::model::{Message, TimelineItem};
use crate::store::items;

use super::Conversation;

/// Messages of one beginning of an id: more than two say no more than that it is too short.
const ALIKE: usize = 16;

/// Where reading on begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// After this number of a log. A pair may have two logs, with numbers of their own.
    Number(u64),
    /// After this message.
    Entry(ItemId),
}

impl Conversation {
    /// Items of the timeline before `before` (its end, if `None`), oldest first; at the end also what waits in the outbox.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub async fn items(&self, before: Option<ItemId>, count: usize) -> Result<Vec<TimelineItem>, Error> {
        let store = self.client.store()?;
        let (id, me) = (self.id, store.context().me.person);
        store
            .read(move |db| {
                let newest = match before {
                    Some(before) => {
                        items::position(db, id, before)?.ok_or(Error::NotFound { what: What::Message })? - 1
                    }
                    None => i64::MAX,
                };
                let mut all: Vec<_> = items::window(db, id, newest, count)?.into_iter().map(|(_, item)| item).collect();
                if before.is_none() {
                    all.extend(items::waiting(db, id, me)?);
                }
                Ok(all)
            })
            .await
    }

    /// The messages after a place, at most `count`, oldest first.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the message is not there, or no longer; [`Error::Closed`].
    pub async fn said_since(&self, since: Since, count: usize) -> Result<Vec<Message>, Error> {
        let id = self.id;
        let read = move |db: &rusqlite::Connection| {
            let (pos, number) = match since {
                Since::Number(number) => (0, number),
                Since::Entry(entry) => {
                    (items::position(db, id, entry)?.ok_or(Error::NotFound { what: What::Message })?, 0)
                }
            };
            items::said_after(db, id, (pos, number), count)
        };
        self.client.store()?.read(read).await
    }

    /// The messages whose id begins with these hexadecimal digits, also those that wait; some, where there are many.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub async fn with_id(&self, digits: &str) -> Result<Vec<Message>, Error> {
        let (id, me, digits) = (self.id, self.client.0.own.person, digits.to_ascii_lowercase());
        let read = move |db: &rusqlite::Connection| {
            let mut found = items::with_id(db, id, &digits, ALIKE)?;
            found.extend(items::waiting(db, id, me)?.into_iter().filter_map(|item| match item {
                TimelineItem::Said(message) if message.id.to_string().starts_with(&digits) => Some(message),
                _ => None,
            }));
            Ok(found)
        };
        self.client.store()?.read(read).await
    }
}

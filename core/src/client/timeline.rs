//! A window on what was said and changed in a conversation.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use eyeball_im::VectorDiff;
use futures_util::Stream;
use pli_proto::id::ConversationId;

use crate::error::Error;
use crate::model::TimelineItem;
use crate::store::{Notice, items};

use super::Client;
use super::observe::observe;

/// Items that a window has at first, and at most.
const WINDOW: (usize, usize) = (50, 1_000);

/// A window that ends at the newest item and grows backwards.
#[derive(Clone)]
pub struct Timeline {
    client: Client,
    conversation: ConversationId,
    size: Arc<AtomicUsize>,
}

impl Timeline {
    pub(super) fn new(client: Client, conversation: ConversationId) -> Self {
        Self { client, conversation, size: Arc::new(AtomicUsize::new(WINDOW.0)) }
    }

    /// The items in the window, oldest first, with what waits in the outbox at the end; then every change.
    pub fn items(&self) -> impl Stream<Item = Vec<VectorDiff<TimelineItem>>> + Send + use<> {
        let (id, size) = (self.conversation, self.size.clone());
        let me = self.client.store().map(|store| store.context().me.person).ok();
        observe(
            &self.client,
            move |notice| matches!(notice, Notice::People) || *notice == Notice::Conversation(id),
            move |db| {
                let window = items::window(db, id, i64::MAX, size.load(Ordering::Relaxed))?;
                let mut all: Vec<_> = window.into_iter().map(|(_, item)| item).collect();
                if let Some(me) = me {
                    all.extend(items::waiting(db, id, me)?);
                }
                Ok(all)
            },
            TimelineItem::id,
        )
    }

    /// Widens the window by `count` older items; false if there are none, or the window is as wide as it gets.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub async fn load_older(&self, count: usize) -> Result<bool, Error> {
        let (id, size) = (self.conversation, self.size.load(Ordering::Relaxed));
        let there = self.client.store()?.read(move |db| Ok(items::window(db, id, i64::MAX, size + 1)?.len())).await?;
        if there <= size || size >= WINDOW.1 {
            return Ok(false);
        }
        self.size.store((size + count).min(WINDOW.1), Ordering::Relaxed);
        let _ = self.client.0.notices.send(Notice::Conversation(id));
        Ok(true)
    }
}

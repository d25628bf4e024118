//! One bounded sync, and what it notifies of.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::Stream;
use pli_env::Env;
use pli_proto::limits;
use rusqlite::Connection;

use crate::error::{Advice, Error};
use crate::model::{ClientState, Content, ConversationId, ItemId, Message, Person, PersonId, TimelineItem};
use crate::store::key::KeyStore;
use crate::store::{Store, deliveries, items, meta, outbox};
use crate::text::beginning;

use super::Client;
use super::observe::changed;

/// Messages that are looked at together.
const MOST: usize = limits::PAGE_ENTRIES * 4;

/// What one bounded sync brought.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct SyncResult {
    /// Messages of others that came, oldest first; the first 1,024 of them. The others stand in their conversations.
    pub received: Vec<Message>,
    /// What the person wants to be told of and was not: not in muted conversations, nor what was read already.
    pub notifications: Vec<MessageNotice>,
    /// How much still waits in the outbox, be it for others.
    pub waiting: usize,
    /// Nothing was left at the server, nor in the outbox of what could be sent: what waits for somebody's device, or for
    /// room in an inbox, waits on.
    pub complete: bool,
}

/// A message that the app may tell of, in its own words.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct MessageNotice {
    /// Where.
    pub conversation: ConversationId,
    /// Which message.
    pub message: ItemId,
    /// Who.
    pub sender: Person,
    /// The beginning of the text; empty if it is not a text.
    pub preview: String,
    /// By the sender's clock.
    pub sent_at: SystemTime,
    /// It names the own person.
    pub mention: bool,
}

impl Client {
    /// One bounded [`Self::sync`] of a device that is not open, after a wake-up or by a timer; then it is closed again.
    ///
    /// # Errors
    /// As [`Self::open`] and [`Self::sync`].
    pub async fn wake_up(
        env: Arc<dyn Env>,
        folder: &Path,
        keys: Arc<dyn KeyStore>,
        within: Duration,
    ) -> Result<SyncResult, Error> {
        let client = Self::open(env, folder, keys).await?;
        let result = client.sync(within).await;
        client.close().await;
        result
    }

    /// Waits until everything at the server was fetched, and everything in the outbox was sent that waits for nobody else,
    /// but no longer than `within`.
    ///
    /// # Errors
    /// [`Error::Closed`], [`Error::Revoked`], or what else stopped the client for good.
    pub async fn sync(&self, within: Duration) -> Result<SyncResult, Error> {
        let store = self.store()?;
        let from = store.read(items::newest).await?;
        let complete = match tokio::time::timeout(within, self.settled(&store)).await {
            Ok(end) => end.map(|()| true)?,
            Err(_) => false,
        };
        let me = self.0.own.person;
        let (received, waiting) = store
            .read(move |db| {
                let items = items::after(db, from, MOST)?.into_iter();
                let received = items.filter_map(|(_, item)| match item {
                    TimelineItem::Said(message) if message.sender.id != me => Some(message),
                    _ => None,
                });
                Ok((received.collect(), outbox::waiting(db)? as usize))
            })
            .await?;
        let mut notifications = Vec::new();
        let mut noticed = 0;
        while let Some((last, page)) = self.notice_page(&store, noticed).await? {
            notifications.extend(page);
            noticed = last;
        }
        if noticed > 0 {
            set_noticed(&store, noticed).await?;
        }
        Ok(SyncResult { received, notifications, waiting, complete })
    }

    /// Every message that the person wants to be told of, once: not in muted conversations, nor what was read already.
    /// Begins with what came since the last such stream of this store, or the last [`Self::sync`]. Asking for the next one
    /// says that the last was shown: a crash repeats some, and loses none.
    pub fn notices(&self) -> impl Stream<Item = MessageNotice> + Send + use<> {
        let mut changes = self.0.notices.subscribe();
        let mut closed = self.0.closed.subscribe();
        let client = self.clone();
        async_stream::stream! {
            let mut noticed = 0;
            loop {
                let page = match client.store() {
                    Ok(store) => client.notice_page(&store, noticed).await.ok().flatten(),
                    Err(_) => None,
                };
                let Some((last, page)) = page else {
                    if !changed(&mut changes, &mut closed).await {
                        return;
                    }
                    continue;
                };
                for notice in page {
                    yield notice;
                }
                noticed = last;
                // Where it can't be written, this stream still goes on; the next one repeats.
                if let Ok(store) = client.store() {
                    let _ = set_noticed(&store, noticed).await;
                }
            }
        }
    }

    /// What to tell of the messages after a position, or after those told of if these are more, and the last of them;
    /// `None` if there are none.
    async fn notice_page(&self, store: &Store, after: i64) -> Result<Option<(i64, Vec<MessageNotice>)>, Error> {
        let (me, now_ms) = (self.0.own.person, store.context().env.now_ms());
        let page = move |db: &Connection| {
            let items = items::after(db, after.max(meta::number(db, meta::NOTICED)? as i64), MOST)?;
            let Some((last, _)) = items.last() else { return Ok(None) };
            let last = *last;
            let mut conversations = BTreeMap::new();
            let mut notices = Vec::new();
            for (pos, item) in items {
                let TimelineItem::Said(message) = item else { continue };
                if message.sender.id == me {
                    continue;
                }
                let (muted_until_ms, read_pos) = match conversations.get(&message.conversation) {
                    Some(known) => *known,
                    None => {
                        let row = items::conversation(db, message.conversation)?;
                        let row = row.map_or((0, 0), |row| (row.muted_until_ms, row.read_pos));
                        *conversations.entry(message.conversation).or_insert(row)
                    }
                };
                if muted_until_ms <= now_ms && pos > read_pos {
                    notices.extend(notification(&message, me));
                }
            }
            Ok(Some((last, notices)))
        };
        store.read(page).await
    }

    /// Whether nothing is there that could be sent now.
    async fn is_idle(&self, store: &Store) -> Result<bool, Error> {
        let now_ms = store.context().env.now_ms();
        store.read(move |db| Ok(!outbox::can_go(db, now_ms)? && !deliveries::is_due(db, now_ms)?)).await
    }

    /// Waits until online with nothing to send.
    async fn settled(&self, store: &Store) -> Result<(), Error> {
        let (mut state, mut publishing) = (self.state(), self.0.publishing.subscribe());
        let mut notices = self.0.notices.subscribe();
        loop {
            let (now, publishes) = (*state.borrow_and_update(), *publishing.borrow_and_update());
            match now {
                ClientState::Online if !publishes && self.is_idle(store).await? => return Ok(()),
                ClientState::Stopped(Advice::ReEnrol) => return Err(Error::Revoked),
                ClientState::Stopped(Advice::Update) => return Err(Error::UpdateRequired),
                ClientState::Stopped(_) => return Err(Error::internal("stopped")),
                ClientState::Suspended => return Err(Error::Closed),
                _ => {}
            }
            tokio::select! { biased;
                changed = state.changed() => changed.map_err(|_| Error::Closed)?,
                changed = publishing.changed() => changed.map_err(|_| Error::Closed)?,
                _ = notices.recv() => {}
            }
        }
    }
}

/// Keeps that everything up to a position was told of.
async fn set_noticed(store: &Store, pos: i64) -> Result<(), Error> {
    store
        .write(move |tx| {
            let noticed = meta::number(tx.db, meta::NOTICED)?.max(pos as u64);
            meta::set_number(tx.db, meta::NOTICED, noticed)
        })
        .await
}

/// What to tell of a message; nothing of one that was deleted, or can't be read.
fn notification(message: &Message, me: PersonId) -> Option<MessageNotice> {
    let (preview, mention) = match &message.content {
        Content::Text { body, mentions } => (beginning(body), mentions.contains(&me)),
        Content::Unknown => (String::new(), false),
        Content::Deleted { .. } | Content::Unreadable => return None,
    };
    Some(MessageNotice {
        conversation: message.conversation,
        message: message.id,
        sender: message.sender.clone(),
        preview,
        sent_at: message.sent_at,
        mention,
    })
}

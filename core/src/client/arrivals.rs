//! Messages in the order in which they came to this device, whatever their conversations.

use std::sync::atomic::Ordering;

use futures_util::Stream;

use crate::error::Error;
use crate::model::{Message, TimelineItem};
use crate::store::{items, meta};

use super::Client;
use super::observe::changed;

/// Messages that are read together: each may have 64 KiB.
const PAGE: usize = 64;

impl Client {
    /// Every message of every conversation, in order, from where the last such stream of this store stopped: for bots.
    /// Asking for the next one says that the last was handled, so that a crash repeats one message and loses none.
    pub fn messages(&self) -> impl Stream<Item = Message> + Send + use<> {
        let mut notices = self.0.notices.subscribe();
        let mut closed = self.0.closed.subscribe();
        let client = self.clone();
        async_stream::stream! {
            loop {
                let page = match client.store() {
                    Ok(store) => store.read(|db| items::after(db, meta::number(db, meta::BOOKMARK)? as i64, PAGE)).await,
                    Err(error) => Err(error),
                };
                let page = page.unwrap_or_default();
                if page.is_empty() && !changed(&mut notices, &mut closed).await {
                    return;
                }
                for (pos, item) in page {
                    if let TimelineItem::Said(message) = item {
                        yield message;
                    }
                    let Ok(store) = client.store() else { break };
                    if store.write(move |tx| meta::set_number(tx.db, meta::BOOKMARK, pos as u64)).await.is_err() {
                        break;
                    }
                }
            }
        }
    }

    /// Every message of every conversation that comes from now on, in order, also what the own person says elsewhere.
    pub fn arriving(&self) -> impl Stream<Item = Message> + Send + use<> {
        let mut notices = self.0.notices.subscribe();
        let mut closed = self.0.closed.subscribe();
        let client = self.clone();
        async_stream::stream! {
            let mut from = None;
            loop {
                let page = match client.store() {
                    Ok(store) => store.read(move |db| match from {
                        Some(pos) => items::after(db, pos, PAGE).map(|page| (pos, page)),
                        None => items::newest(db).map(|newest| (newest, Vec::new())),
                    }).await,
                    Err(error) => Err(error),
                };
                let Ok((pos, page)) = page else {
                    if !changed(&mut notices, &mut closed).await {
                        return;
                    }
                    continue;
                };
                from = Some(page.last().map_or(pos, |(last, _)| *last));
                if page.is_empty() && !changed(&mut notices, &mut closed).await {
                    return;
                }
                for (_, item) in page {
                    if let TimelineItem::Said(message) = item {
                        yield message;
                    }
                }
            }
        }
    }

    /// The next messages of others that no such page of this store had yet, oldest first; none, if there are no more.
    /// Asking for the next page says that the last was handled: a crash repeats some, and loses none.
    ///
    /// # Errors
    /// [`Error::Closed`]; [`Error::StorageFull`].
    pub async fn arrived(&self) -> Result<Vec<Message>, Error> {
        let store = self.store()?;
        let handled = self.0.arrived.swap(0, Ordering::SeqCst);
        if handled > 0 {
            store.write(move |tx| meta::set_number(tx.db, meta::ARRIVED, handled)).await?;
        }
        let me = self.0.own.person;
        let page =
            store.read(move |db| items::of_others_after(db, meta::number(db, meta::ARRIVED)? as i64, me, PAGE)).await?;
        if let Some((last, _)) = page.last() {
            self.0.arrived.store(*last as u64, Ordering::SeqCst);
        }
        Ok(page.into_iter().map(|(_, message)| message).collect())
    }
}

//! What appears on the officials' screens, and when: each device's timelines are followed as an app would.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use futures_util::StreamExt as _;
use futures_util::stream::{BoxStream, SelectAll};
use imbl::Vector;
use pli_core::model::{Content, ConversationId, ConversationInfo, ItemId, TimelineItem};
use pli_core::{Client, VectorDiff};
use tokio::sync::Notify;

use super::verdict::Seat;

/// All screens.
#[derive(Default)]
pub(crate) struct Sightings {
    seen: Mutex<Seen>,
    news: Notify,
}

#[derive(Default)]
struct Seen {
    first: HashMap<(Seat, ItemId), Instant>,
    repeated: BTreeSet<(Seat, ItemId)>,
}

impl Sightings {
    /// When a device first showed a message.
    pub(crate) fn first(&self, seat: Seat, id: ItemId) -> Option<Instant> {
        self.lock().first.get(&(seat, id)).copied()
    }

    /// Messages that a device showed twice at one moment.
    pub(crate) fn repeated(&self) -> BTreeSet<(Seat, ItemId)> {
        self.lock().repeated.clone()
    }

    /// Waits until a device shows a message.
    pub(crate) async fn wait(&self, seat: Seat, id: ItemId) {
        loop {
            let news = self.news.notified();
            if self.first(seat, id).is_some() {
                return;
            }
            news.await;
        }
    }

    fn see(&self, seat: Seat, items: &Vector<TimelineItem>) {
        let now = Instant::now();
        let mut once = BTreeSet::new();
        let mut seen = self.lock();
        for item in items {
            let TimelineItem::Said(message) = item else { continue };
            // Deleted before it was first shown, it was delivered all the same.
            if matches!(message.content, Content::Text { .. } | Content::Deleted { .. }) {
                seen.first.entry((seat, message.id)).or_insert(now);
            }
            if !once.insert(message.id) {
                seen.repeated.insert((seat, message.id));
            }
        }
        drop(seen);
        self.news.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Follows the timelines of a device, until dropped or the client is closed.
pub(crate) async fn follow(client: Client, seat: Seat, sightings: &Sightings) {
    type Steps = (ConversationId, Vec<VectorDiff<TimelineItem>>);
    let mut conversations = Box::pin(client.conversations());
    let mut list = Vector::<ConversationInfo>::new();
    let mut shown: HashMap<ConversationId, Vector<TimelineItem>> = HashMap::new();
    let mut timelines: SelectAll<BoxStream<'static, Steps>> = SelectAll::new();
    loop {
        tokio::select! {
            steps = conversations.next() => {
                let Some(steps) = steps else { return };
                steps.into_iter().for_each(|step| step.apply(&mut list));
                for info in &list {
                    if !shown.contains_key(&info.id) {
                        let id = info.id;
                        shown.insert(id, Vector::new());
                        let items = client.conversation(id).timeline(None).items();
                        timelines.push(items.map(move |steps| (id, steps)).boxed());
                    }
                }
            }
            Some((id, steps)) = timelines.next() => {
                let items = shown.entry(id).or_default();
                steps.into_iter().for_each(|step| step.apply(items));
                sightings.see(seat, items);
            }
        }
    }
}

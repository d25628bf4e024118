//! A window on what was said and changed in a conversation.

use std::sync::{Arc, Mutex};

use eyeball_im::VectorDiff;
use futures_util::Stream;
use pli_proto::id::{ConversationId, ItemId, PersonId};
use rusqlite::Connection;
use tokio::sync::watch;

use crate::error::Error;
use crate::model::TimelineItem;
use crate::store::{Notice, items};

use super::Client;
use super::diff::{STEPS, diff};
use super::observe::Changes;

/// Items that a window has at first.
const FIRST: usize = 50;
/// Items that a window has at most.
const MOST: usize = 1_000;

/// A window that grows in both directions. At the end of the conversation it follows what comes.
#[derive(Clone)]
pub struct Timeline {
    client: Client,
    conversation: ConversationId,
    window: Arc<Mutex<Window>>,
    /// The window was widened or moved.
    moved: Arc<watch::Sender<()>>,
}

struct Window {
    end: End,
    size: usize,
}

/// The newest item of a window.
enum End {
    /// Whatever is the newest.
    Newest,
    /// The item at this position.
    At(i64),
    /// So that this entry is in the middle; found at the first look.
    Around(ItemId),
}

impl Timeline {
    pub(super) fn new(client: Client, conversation: ConversationId, around: Option<ItemId>) -> Self {
        let end = around.map_or(End::Newest, End::Around);
        Self {
            client,
            conversation,
            window: Arc::new(Mutex::new(Window { end, size: FIRST })),
            moved: Arc::new(watch::Sender::new(())),
        }
    }

    /// The items in the window, oldest first; at the conversation's end with what waits in the outbox. Then every
    /// change.
    pub fn items(&self) -> impl Stream<Item = Vec<VectorDiff<TimelineItem>>> + Send + use<> {
        let id = self.conversation;
        let relevant = move |notice: &Notice| *notice == Notice::People || *notice == Notice::Items(id);
        let mut changes = Changes::new(&self.client, relevant);
        let mut moved = self.moved.subscribe();
        let this = self.clone();
        Box::pin(async_stream::stream! {
            let mut shown = Vec::new();
            let mut place = None;
            let mut first = true;
            loop {
                let steps = match this.look(place).await {
                    Ok(Look::All(now, at)) => {
                        let steps = diff(&shown, &now, TimelineItem::id);
                        (shown, place) = (now, Some(at));
                        steps
                    }
                    Ok(Look::More(more, at)) => {
                        place = Some(at);
                        more.add_to(&mut shown)
                    }
                    Err(_) => Vec::new(),
                };
                if !steps.is_empty() || first && place.is_some() {
                    first = false;
                    yield steps;
                }
                tokio::select! { biased;
                    changed = changes.next() => {
                        if changed.is_none() {
                            return;
                        }
                        place = None;
                    }
                    // Whoever scrolls is shown what is there without the wait of a frame.
                    _ = moved.changed() => {}
                }
            }
        })
    }

    /// Widens the window by `count` older items; false if there are none, or the window is as wide as it gets.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub async fn load_older(&self, count: usize) -> Result<bool, Error> {
        self.widen(move |window, db, id| {
            let newest = window.newest(db, id)?;
            let wanted = window.size.saturating_add(count).min(MOST);
            let more = wanted > window.size && items::position_back(db, id, newest, window.size)?.is_some();
            window.size = if more { wanted } else { window.size };
            Ok(more)
        })
        .await
    }

    /// Moves the window's end by `count` newer items; one that is as wide as it gets loses its oldest. False if the end
    /// of the conversation is reached: from then on the window follows what comes.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub async fn load_newer(&self, count: usize) -> Result<bool, Error> {
        self.widen(move |window, db, id| {
            let newest = window.newest(db, id)?;
            if window.follows() {
                return Ok(false);
            }
            let positions = items::positions_after(db, id, newest, count.min(MOST))?;
            window.size = (window.size + positions.len()).min(MOST);
            window.end = match positions.last() {
                Some(last) if positions.len() >= count => End::At(*last),
                _ => End::Newest,
            };
            Ok(matches!(window.end, End::At(_)))
        })
        .await
    }

    /// Everything up to an item was seen.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn mark_read(&self, up_to: ItemId) -> Result<(), Error> {
        self.client.conversation(self.conversation).mark_read(up_to).await
    }

    async fn widen(
        &self,
        change: impl FnOnce(&mut Window, &Connection, ConversationId) -> Result<bool, Error> + Send + 'static,
    ) -> Result<bool, Error> {
        let (id, window) = (self.conversation, self.window.clone());
        let more = self
            .client
            .store()?
            .read(move |db| change(&mut window.lock().expect("no panic while held"), db, id))
            .await?;
        self.moved.send_replace(());
        Ok(more)
    }

    /// What is in the window: all of it, or what was added where `place` is what is shown of it.
    async fn look(&self, place: Option<Place>) -> Result<Look, Error> {
        let (id, me, window) = (self.conversation, self.client.0.own.person, self.window.clone());
        let look = move |db: &Connection| {
            let mut window = window.lock().expect("no panic while held");
            match place.filter(|place| place.count > 0) {
                Some(place) => window.more(db, id, me, place),
                None => window.all(db, id, me),
            }
        };
        self.client.store()?.read(look).await
    }
}

/// What of the log is shown. What waits in the outbox is not counted.
#[derive(Clone, Copy)]
struct Place {
    oldest: i64,
    newest: i64,
    count: usize,
    follows: bool,
}

/// What a look at a window finds.
enum Look {
    All(Vec<TimelineItem>, Place),
    More(More, Place),
}

/// What became of a list whose window was widened or moved, and nothing else.
struct More {
    dropped: usize,
    older: Vec<TimelineItem>,
    newer: Vec<TimelineItem>,
}

impl More {
    fn add_to(self, shown: &mut Vec<TimelineItem>) -> Vec<VectorDiff<TimelineItem>> {
        let Self { dropped, older, newer } = self;
        let is_much = dropped + older.len() > STEPS;
        let mut steps: Vec<_> = (0..dropped).map(|_| VectorDiff::PopFront).collect();
        steps.extend(older.iter().rev().map(|item| VectorDiff::PushFront { value: item.clone() }));
        if !newer.is_empty() {
            steps.push(VectorDiff::Append { values: newer.iter().cloned().collect() });
        }
        shown.splice(..dropped.min(shown.len()), older);
        shown.extend(newer);
        if is_much { vec![VectorDiff::Reset { values: shown.iter().cloned().collect() }] } else { steps }
    }
}

impl Window {
    fn follows(&self) -> bool {
        matches!(self.end, End::Newest)
    }

    fn all(&mut self, db: &Connection, id: ConversationId, me: PersonId) -> Result<Look, Error> {
        let newest = self.newest(db, id)?;
        let items = items::window(db, id, newest, self.size)?;
        let at = |item: Option<&(i64, TimelineItem)>| item.map_or(0, |(pos, _)| *pos);
        let place =
            Place { oldest: at(items.first()), newest: at(items.last()), count: items.len(), follows: self.follows() };
        let mut all: Vec<_> = items.into_iter().map(|(_, item)| item).collect();
        if self.follows() {
            all.extend(items::waiting(db, id, me)?);
        }
        Ok(Look::All(all, place))
    }

    /// Reads only what is not shown. What else changed has a notice of its own, after which all is read.
    fn more(&mut self, db: &Connection, id: ConversationId, me: PersonId, mut place: Place) -> Result<Look, Error> {
        let end = self.newest(db, id)?;
        let mut more = More { dropped: 0, older: Vec::new(), newer: Vec::new() };
        if !place.follows {
            let newer = items::between(db, id, place.newest, end, self.size)?;
            if newer.len() >= self.size {
                return self.all(db, id, me);
            }
            place.newest = newer.last().map_or(place.newest, |(pos, _)| *pos);
            place.count += newer.len();
            more.newer.extend(newer.into_iter().map(|(_, item)| item));
            if self.follows() {
                more.newer.extend(items::waiting(db, id, me)?);
            }
        }
        if let Some(missing) = self.size.checked_sub(place.count) {
            let older = items::window(db, id, place.oldest - 1, missing)?;
            place.oldest = older.first().map_or(place.oldest, |(pos, _)| *pos);
            place.count += older.len();
            more.older.extend(older.into_iter().map(|(_, item)| item));
        } else {
            more.dropped = place.count - self.size;
            place.oldest = items::position_back(db, id, place.newest, self.size - 1)?.unwrap_or(place.oldest);
            place.count = self.size;
        }
        place.follows = self.follows();
        Ok(Look::More(more, place))
    }

    /// The position of its newest item.
    fn newest(&mut self, db: &Connection, id: ConversationId) -> Result<i64, Error> {
        if let End::Around(entry) = self.end {
            let newer = match items::position(db, id, entry)? {
                Some(at) => items::positions_after(db, id, at, FIRST / 2)?,
                // In the outbox, or gone.
                None => Vec::new(),
            };
            self.end = match newer.last() {
                Some(last) if newer.len() >= FIRST / 2 => End::At(*last),
                _ => End::Newest,
            };
        }
        Ok(if let End::At(pos) = self.end { pos } else { i64::MAX })
    }
}

//! What is due by the clock, with or without a network: messages whose time is over go, from screens and then from the store.

use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until};

use crate::error::Error;
use crate::store::{Notice, Store, lifetime};

/// The clock is looked at that often, should it have been set.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// After a look that failed, as on a full disk, or when what was destroyed could not be overwritten.
const AGAIN: Duration = Duration::from_secs(60);
/// What was deleted, edited or destroyed is out of the store's files so soon after.
const ERASED_WITHIN: Duration = Duration::from_secs(10);

/// Runs until dropped, or until the store is closed.
pub(crate) async fn run(store: Store) {
    let mut notices = store.notices();
    let clock = store.context().clock.clone();
    let mut timers = Timers::new(&store);
    while !timers.closed {
        let (look_at, erase_at) = (timers.next().await, timers.erase_at);
        tokio::select! {
            () = sleep_until(look_at) => timers.look().await,
            () = clock.news.notified() => timers.look().await,
            () = sleep_until(erase_at.unwrap_or(look_at)), if erase_at.is_some() => timers.erase().await,
            // There may be a message that ends before the others.
            notice = notices.recv() => match notice {
                Err(RecvError::Closed) => return,
                Ok(Notice::Replaced) | Err(RecvError::Lagged(_)) => {
                    timers.erase_at.get_or_insert_with(|| Instant::now() + ERASED_WITHIN);
                }
                Ok(_) => {}
            },
        }
    }
}

struct Timers<'a> {
    store: &'a Store,
    /// Ends up to then were told.
    told_ms: u64,
    /// No look before then: the last one failed.
    not_before: Instant,
    /// A look then, whatever is due.
    look_at: Instant,
    /// When the log of writes is emptied next; nothing if nothing was deleted since.
    erase_at: Option<Instant>,
    closed: bool,
}

impl<'a> Timers<'a> {
    fn new(store: &'a Store) -> Self {
        let now = Instant::now();
        // What ended before was shown to nobody.
        let told_ms = store.context().clock.now_ms();
        // What an earlier run deleted may be in the log of writes still.
        Self { store, told_ms, not_before: now, look_at: now, erase_at: Some(now + ERASED_WITHIN), closed: false }
    }

    /// When to look next.
    async fn next(&mut self) -> Instant {
        let (clock, told_ms) = (&self.store.context().clock, self.told_ms);
        let over_ms = clock.server_ms().unwrap_or(0);
        let find = move |db: &rusqlite::Connection| Ok((lifetime::next_end(db, 0)?, lifetime::next_end(db, told_ms)?));
        let due = match self.store.sync_read(find).await {
            // It was over when it came.
            Ok((Some(first_ms), _)) if first_ms <= over_ms => Some(Instant::now()),
            Ok((_, next_ms)) => next_ms.map(|next_ms| {
                Instant::now() + Duration::from_millis(next_ms.saturating_sub(clock.now_ms())).min(LONGEST)
            }),
            Err(error) => {
                self.failed(&error);
                None
            }
        };
        due.map_or(self.look_at, |due| due.min(self.look_at)).max(self.not_before)
    }

    /// Tells of what has ended, and destroys what is over for certain.
    async fn look(&mut self) {
        self.look_at = Instant::now() + LONGEST;
        if let Err(error) = self.try_look().await {
            self.failed(&error);
        }
    }

    async fn try_look(&mut self) -> Result<(), Error> {
        let clock = &self.store.context().clock;
        let (now_ms, server_ms) = (clock.now_ms(), clock.server_ms());
        if self.store.sync_read(|db| lifetime::next_end(db, 0)).await?.is_none() {
            self.told_ms = now_ms;
            return Ok(());
        }
        // A clock that was set back shows again what it hid.
        let (from_ms, until_ms) = (self.told_ms.min(now_ms), self.told_ms.max(now_ms));
        let tell = self.store.write(move |tx| {
            for conversation in lifetime::ended(tx.db, from_ms, until_ms)? {
                tx.notice(Notice::Items(conversation));
            }
            Ok(())
        });
        tell.await?;
        self.told_ms = now_ms;
        let certain_ms = self.store.sync_read(move |db| lifetime::certain_ms(db, server_ms, now_ms)).await?;
        while let Some(certain_ms) = certain_ms {
            let destroy = self.store.write(move |tx| {
                let gone = lifetime::destroy(tx.db, certain_ms)?;
                if gone.count > 0 {
                    tx.notice(Notice::Replaced);
                }
                // Shown still, where the clock was set back.
                gone.conversations.into_iter().for_each(|conversation| tx.notice(Notice::Items(conversation)));
                Ok(gone.count)
            });
            if destroy.await? < lifetime::AT_ONCE {
                break;
            }
        }
        self.store.write(move |tx| lifetime::looked(tx.db, server_ms, now_ms)).await
    }

    async fn erase(&mut self) {
        self.erase_at = if self.store.erase().await { None } else { Some(Instant::now() + AGAIN) };
    }

    /// Nothing is lost by what failed: a later look finds it again.
    fn failed(&mut self, error: &Error) {
        tracing::warn!(%error, "what is over stays a while");
        self.closed |= *error == Error::Closed;
        self.not_before = Instant::now() + AGAIN;
    }
}

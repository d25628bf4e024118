//! What time it is: by this device's clock, which may be wrong or set wrong, and by the server's, once it was heard.
//!
//! What is over by the best guess is no longer shown. Destroyed is only what is over by the server's word, for what a wrong
//! clock destroyed would be lost for good.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use pli_env::Env;
use tokio::sync::Notify;
use tokio::time::Instant;

/// A device may sleep for so long before what the server said counts as not heard.
const STALE_MS: u64 = 24 * 60 * 60 * 1000;

/// The clock of one client, as long as the process lives.
pub(crate) struct Clock {
    env: Arc<dyn Env>,
    /// The server's clock less this device's, in milliseconds, as far as it is known.
    behind_ms: AtomicI64,
    /// What the server said, and when.
    heard: Mutex<Option<(u64, Instant)>>,
    /// More is known of what time it is.
    pub(crate) news: Notify,
}

impl Clock {
    /// A clock that knows this device's alone.
    pub(crate) fn new(env: Arc<dyn Env>) -> Arc<Self> {
        Arc::new(Self { env, behind_ms: AtomicI64::new(0), heard: Mutex::new(None), news: Notify::new() })
    }

    /// The world whose clock this corrects.
    pub(crate) fn env(&self) -> &dyn Env {
        &*self.env
    }

    /// Now, in milliseconds since 1970, as well as it is known: this device's clock, as it is or put right by as much as it
    /// was wrong when the server was heard. It may have been set since, so the first of both counts that is not before what
    /// the server's clock must show by now.
    pub(crate) fn now_ms(&self) -> u64 {
        let here_ms = self.env.now_ms();
        let right_ms = here_ms.saturating_add_signed(self.behind_ms.load(Ordering::SeqCst));
        let Some(least_ms) = self.least_ms() else { return right_ms };
        let (first_ms, second_ms) = (here_ms.min(right_ms), here_ms.max(right_ms));
        [first_ms, second_ms].into_iter().find(|now_ms| *now_ms >= least_ms).unwrap_or(least_ms)
    }

    /// What the server said, and what was counted since. A device that slept has not counted all.
    fn least_ms(&self) -> Option<u64> {
        let heard = *self.heard.lock().expect("no panic while held");
        heard.map(|(server_ms, at)| server_ms.saturating_add(at.elapsed().as_millis() as u64))
    }

    /// Notes how far this device's clock is ahead of the server's, in milliseconds.
    pub(crate) fn correct(&self, ahead_ms: i64) {
        self.behind_ms.store(ahead_ms.saturating_neg(), Ordering::SeqCst);
        self.news.notify_one();
    }

    /// The server said what time it is; gives how far this device's clock is ahead, in milliseconds.
    pub(crate) fn hear(&self, server_ms: u64) -> i64 {
        let ahead_ms = (self.env.now_ms() as i64).saturating_sub_unsigned(server_ms);
        *self.heard.lock().expect("no panic while held") = Some((server_ms, Instant::now()));
        self.correct(ahead_ms);
        ahead_ms
    }

    /// What the server's clock shows for certain; nothing if this process has not heard it, or so long ago by this device's
    /// clock that it says nothing any more.
    pub(crate) fn server_ms(&self) -> Option<u64> {
        self.least_ms().filter(|least_ms| self.now_ms().saturating_sub(*least_ms) < STALE_MS)
    }
}

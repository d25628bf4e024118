//! What time it is: by this device's clock, which may be wrong or set wrong, and by the server's, once it was heard.
//!
//! What is over by the best guess is no longer shown. Destroyed is only what is over by the server's word, for what a wrong
//! clock destroyed would be lost for good.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use pli_env::Env;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The clock of one client, as long as the process lives.
pub(crate) struct Clock {
    env: Arc<dyn Env>,
    /// The server's clock less this device's, in milliseconds, as far as it is known.
    behind_ms: AtomicI64,
    /// What the server said, and when.
    heard: Mutex<Option<(u64, Instant)>>,
    /// The server said what time it is.
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

    /// Now, in milliseconds since 1970: this device's clock, put right by as much as it was known to be wrong.
    pub(crate) fn now_ms(&self) -> u64 {
        self.env.now_ms().saturating_add_signed(self.behind_ms.load(Ordering::SeqCst))
    }

    /// Notes how far this device's clock is ahead of the server's, in milliseconds.
    pub(crate) fn correct(&self, ahead_ms: i64) {
        self.behind_ms.store(ahead_ms.saturating_neg(), Ordering::SeqCst);
    }

    /// The server said what time it is; gives how far this device's clock is ahead, in milliseconds.
    pub(crate) fn hear(&self, server_ms: u64) -> i64 {
        let ahead_ms = (self.env.now_ms() as i64).saturating_sub_unsigned(server_ms);
        self.correct(ahead_ms);
        *self.heard.lock().expect("no panic while held") = Some((server_ms, Instant::now()));
        self.news.notify_one();
        ahead_ms
    }

    /// What the server said, and the time that has passed since; nothing if this process has not heard it. To be asked on
    /// a task: its timers move with what passes.
    pub(crate) fn server_ms(&self) -> Option<u64> {
        let heard = *self.heard.lock().expect("no panic while held");
        heard.map(|(server_ms, at)| server_ms.saturating_add(at.elapsed().as_millis() as u64))
    }
}

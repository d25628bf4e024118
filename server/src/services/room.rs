//! Room for what the server holds of pages and answers on their way to clients, in KiB: whoever asks for more than
//! [`SMALL_BYTES`] waits until there is room for it, before it is read. So no number of readers that do not read makes the
//! server hold more.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Shared;
use crate::engine::{EngineError, InboxBatch, Page, SMALL_BYTES, Snapshot};

/// All the room there is.
pub(crate) struct Room {
    free: Arc<Semaphore>,
    kib: u32,
}

/// A part of it, free again once dropped.
pub(crate) struct Share(OwnedSemaphorePermit);

fn kib(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX)
}

impl Room {
    /// Room for so many bytes.
    pub(crate) fn new(bytes: usize) -> Self {
        let kib = kib(bytes);
        Self { free: Arc::new(Semaphore::new(kib as usize)), kib }
    }

    /// Waits for room. Who asks for more than there is gets all of it.
    pub(crate) async fn ask(&self, bytes: usize) -> Share {
        let permit = self.free.clone().acquire_many_owned(kib(bytes).min(self.kib)).await;
        Share(permit.expect("it is never closed"))
    }

    /// Room, if there is as much now: who waits is served first.
    pub(crate) fn try_ask(&self, bytes: usize) -> Option<Share> {
        self.free.clone().try_acquire_many_owned(kib(bytes).min(self.kib)).ok().map(Share)
    }

    /// Bytes that somebody has room for.
    pub(crate) fn taken(&self) -> usize {
        (self.kib as usize).saturating_sub(self.free.available_permits()) << 10
    }
}

impl Share {
    /// For how many bytes it is.
    fn bytes(&self) -> usize {
        self.0.num_permits() << 10
    }

    /// Puts two together.
    pub(crate) fn merge(&mut self, other: Self) {
        self.0.merge(other.0);
    }

    /// Gives back what is more than so many bytes take.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        drop(self.0.split(self.0.num_permits().saturating_sub(kib(bytes) as usize)));
    }
}

/// What an engine reads up to a bound.
pub(crate) trait Weighed {
    /// What all would weigh.
    fn bytes(&self) -> usize;
    /// Whether what fitted is of use.
    fn is_something(&self) -> bool;
}

impl Weighed for Page {
    fn bytes(&self) -> usize {
        self.bytes
    }
    fn is_something(&self) -> bool {
        !self.entries.is_empty()
    }
}

impl Weighed for InboxBatch {
    fn bytes(&self) -> usize {
        self.bytes
    }
    fn is_something(&self) -> bool {
        !self.items.is_empty()
    }
}

impl Weighed for Snapshot {
    fn bytes(&self) -> usize {
        self.bytes
    }
    fn is_something(&self) -> bool {
        self.sealed.is_some()
    }
}

impl Shared {
    /// Reads what is small at once, and what is large once there is room for it. Where there is none now, a part that is
    /// small will do.
    pub(crate) async fn weighed<T: Weighed, F: Future<Output = Result<T, EngineError>> + Send>(
        &self,
        read: impl Fn(usize) -> F + Send,
    ) -> Result<(T, Option<Share>), EngineError> {
        let mut share: Option<Share> = None;
        loop {
            let most = share.as_ref().map_or(SMALL_BYTES, Share::bytes);
            let found = read(most).await?;
            if found.bytes() <= most || share.is_some() && found.is_something() {
                return Ok((found, share));
            }
            // It has grown meanwhile: what was asked for goes back first.
            drop(share.take());
            share = self.room.try_ask(found.bytes());
            if share.is_none() && found.is_something() {
                return Ok((found, None));
            }
            if share.is_none() {
                share = Some(self.room.ask(found.bytes()).await);
            }
        }
    }
}

//! A window on what was said and changed in a conversation.

use std::sync::Arc;

use pli_core::model::ItemId;
use pli_core::{Error, Timeline};

use crate::client::Shared;
use crate::stream::ItemStream;

/// A window on a timeline. The face of each language wraps it.
#[derive(uniffi::Object)]
pub struct RawTimeline {
    shared: Arc<Shared>,
    timeline: Timeline,
}

impl RawTimeline {
    pub(crate) fn new(shared: Arc<Shared>, timeline: Timeline) -> Self {
        Self { shared, timeline }
    }
}

#[uniffi::export]
impl RawTimeline {
    /// The items in the window, and every change.
    pub fn items(&self) -> Arc<ItemStream> {
        ItemStream::of(self.shared.clone(), self.timeline.items())
    }

    /// Widens the window by older items; false if there are none.
    pub async fn load_older(&self, count: i32) -> Result<bool, Error> {
        let timeline = self.timeline.clone();
        self.shared.wait(None, async move { timeline.load_older(count.max(0) as usize).await }).await
    }

    /// Moves the window's end by newer items; false at the end.
    pub async fn load_newer(&self, count: i32) -> Result<bool, Error> {
        let timeline = self.timeline.clone();
        self.shared.wait(None, async move { timeline.load_newer(count.max(0) as usize).await }).await
    }

    /// Everything up to an item was seen.
    pub async fn mark_read(&self, up_to: ItemId) -> Result<(), Error> {
        let timeline = self.timeline.clone();
        self.shared.wait(None, async move { timeline.mark_read(up_to).await }).await
    }
}

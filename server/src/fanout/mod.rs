//! Hints that something is new. They carry no data: a reader asks the engine. A lost hint costs latency, never data,
//! since streams also look by themselves now and then.

pub mod conformance;
pub mod local;

use std::pin::Pin;
use std::sync::Arc;

use pli_proto::id::{DeviceId, LogId};

pub use local::Local;

/// What may be new.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// A log has further entries.
    Log(LogId),
    /// A device's inbox has further items.
    Inbox(DeviceId),
    /// The directory or the revocation list changed.
    Directory,
}

/// Carries hints from whoever writes to whoever waits.
pub trait Fanout: Send + Sync + 'static {
    /// Tells all who watch `topic`. It never waits.
    fn publish(&self, topic: Topic);

    /// A new listener, which watches nothing yet.
    fn listen(&self) -> Arc<dyn Listener>;
}

/// One who waits. Topics that were told several times before they were asked for come once: what a listener holds is
/// bounded by what it watches.
pub trait Listener: Send + Sync + 'static {
    /// Watches one more topic. What is published after this returns is told.
    fn watch(&self, topic: Topic);

    /// Watches it no longer.
    fn forget(&self, topic: Topic);

    /// Waits for a topic that was told. Dropping the future loses nothing.
    fn next(&self) -> Pin<Box<dyn Future<Output = Topic> + Send + '_>>;
}

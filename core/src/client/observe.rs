//! Queries as streams of differences: what is on disk first, then every change.

use std::collections::BTreeSet;
use std::future::ready;
use std::hash::Hash;
use std::time::Duration;

use eyeball_im::VectorDiff;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use imbl::Vector;
use pli_proto::id::ConversationId;
use rusqlite::Connection;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{broadcast, watch};
use tokio::time::Instant;

use crate::error::Error;
use crate::store::Notice;

use super::Client;
use super::diff::diff;

/// Changes within one frame of a screen come as one batch.
const FRAME: Duration = Duration::from_millis(16);

/// Waits until something changed; false once the client is closed.
pub(super) async fn changed(notices: &mut broadcast::Receiver<Notice>, closed: &mut watch::Receiver<bool>) -> bool {
    tokio::select! { biased;
        _ = closed.wait_for(|closed| *closed) => false,
        notice = notices.recv() => notice != Err(RecvError::Closed),
    }
}

/// What changed within a frame.
#[derive(Default)]
pub(super) struct Changed {
    /// More than some conversations, or it is not known what.
    pub(super) all: bool,
    /// Else these.
    pub(super) conversations: BTreeSet<ConversationId>,
}

/// Waits for changes that matter to one list.
pub(super) struct Changes<F> {
    notices: broadcast::Receiver<Notice>,
    closed: watch::Receiver<bool>,
    relevant: F,
    changed: Changed,
    /// When the frame ends in which something changed.
    due: Option<Instant>,
}

impl<F: Fn(&Notice) -> bool> Changes<F> {
    pub(super) fn new(client: &Client, relevant: F) -> Self {
        let (notices, closed) = (client.0.notices.subscribe(), client.0.closed.subscribe());
        Self { notices, closed, relevant, changed: Changed::default(), due: None }
    }

    /// Waits for the end of a frame in which something changed: the next query covers it all. `None` once the client is
    /// closed. Nothing is lost if the caller stops waiting.
    pub(super) async fn next(&mut self) -> Option<Changed> {
        let due = loop {
            if let Some(due) = self.due {
                break due;
            }
            let notice = tokio::select! { biased;
                _ = self.closed.wait_for(|closed| *closed) => return None,
                notice = self.notices.recv() => notice,
            };
            let is_relevant = match notice {
                Ok(notice) => self.note(notice),
                Err(RecvError::Lagged(_)) => self.missed(),
                Err(RecvError::Closed) => return None,
            };
            self.due = is_relevant.then(|| Instant::now() + FRAME);
        };
        tokio::time::sleep_until(due).await;
        loop {
            match self.notices.try_recv() {
                Ok(notice) => self.note(notice),
                Err(TryRecvError::Lagged(_)) => self.missed(),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            };
        }
        self.due = None;
        Some(std::mem::take(&mut self.changed))
    }

    /// Whether a notice matters.
    fn note(&mut self, notice: Notice) -> bool {
        match notice {
            // Also told when the client resumes: another process may have written meanwhile.
            Notice::Logs => self.missed(),
            notice if !(self.relevant)(&notice) => false,
            notice => match notice.conversation() {
                Some(id) => {
                    self.changed.conversations.insert(id);
                    true
                }
                None => self.missed(),
            },
        }
    }

    fn missed(&mut self) -> bool {
        self.changed.all = true;
        true
    }
}

/// The differences of what `query` gives, each time that a notice is `relevant`. Ends when the client is closed; while
/// it is suspended, waits. Nothing is kept for a reader that is slow: it gets the difference to what is then.
pub(super) fn observe<T, K>(
    client: &Client,
    relevant: impl Fn(&Notice) -> bool + Send + 'static,
    query: impl Fn(&Connection) -> Result<Vec<T>, Error> + Clone + Send + 'static,
    key: impl Fn(&T) -> K + Send + 'static,
) -> BoxStream<'static, Vec<VectorDiff<T>>>
where
    T: Clone + PartialEq + Send + Sync + 'static,
    K: Copy + Eq + Hash + 'static,
{
    observe_parts(client, relevant, move |db, _| query(db), |_, now| now, key)
}

/// As [`observe`], where `query` may read only what changed, and `merge` puts that into what was shown. At first, and
/// where a query failed, everything changed.
pub(super) fn observe_parts<T, P, K>(
    client: &Client,
    relevant: impl Fn(&Notice) -> bool + Send + 'static,
    query: impl Fn(&Connection, Changed) -> Result<P, Error> + Clone + Send + 'static,
    merge: impl Fn(&[T], P) -> Vec<T> + Send + 'static,
    key: impl Fn(&T) -> K + Send + 'static,
) -> BoxStream<'static, Vec<VectorDiff<T>>>
where
    T: Clone + PartialEq + Send + Sync + 'static,
    P: Send + 'static,
    K: Copy + Eq + Hash + 'static,
{
    let mut changes = Changes::new(client, relevant);
    let client = client.clone();
    Box::pin(async_stream::stream! {
        let mut shown: Vec<T> = Vec::new();
        let mut first = true;
        let mut changed = Changed { all: true, ..Changed::default() };
        loop {
            let query = query.clone();
            let found = match client.store() {
                Ok(store) => store.read(move |db| query(db, changed)).await,
                Err(error) => Err(error),
            };
            let failed = found.is_err();
            if let Ok(found) = found {
                let now = merge(&shown, found);
                let steps = diff(&shown, &now, &key);
                shown = now;
                if first || !steps.is_empty() {
                    first = false;
                    yield steps;
                }
            }
            let Some(more) = changes.next().await else { return };
            changed = Changed { all: more.all || failed, ..more };
        }
    })
}

/// The one value that `query` gives, now and after every change of it; nothing while there is none.
pub(super) fn observe_one<T>(
    client: &Client,
    relevant: impl Fn(&Notice) -> bool + Send + 'static,
    query: impl Fn(&Connection) -> Result<Option<T>, Error> + Clone + Send + 'static,
) -> BoxStream<'static, T>
where
    T: Clone + PartialEq + Send + Sync + 'static,
{
    let mut shown = Vector::new();
    let steps = observe(client, relevant, move |db| Ok(query(db)?.into_iter().collect()), |_| ());
    let values = steps.filter_map(move |steps| {
        steps.into_iter().for_each(|step| step.apply(&mut shown));
        ready(shown.last().cloned())
    });
    values.boxed()
}

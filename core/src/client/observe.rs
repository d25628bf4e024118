//! Queries as streams of differences: what is on disk first, then every change.

use std::time::Duration;

use eyeball_im::VectorDiff;
use futures_util::stream::BoxStream;
use rusqlite::Connection;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use crate::error::Error;
use crate::store::Notice;

use super::Client;
use super::diff::diff;

/// Changes within one frame of a screen come as one batch.
const FRAME: Duration = Duration::from_millis(16);

/// The differences of what `query` gives, each time that a notice is `relevant`. Ends when the client is closed; while
/// it is suspended, waits.
pub(super) fn observe<T, K>(
    client: &Client,
    relevant: impl Fn(&Notice) -> bool + Send + 'static,
    query: impl Fn(&Connection) -> Result<Vec<T>, Error> + Clone + Send + 'static,
    key: impl Fn(&T) -> K + Send + 'static,
) -> BoxStream<'static, Vec<VectorDiff<T>>>
where
    T: Clone + PartialEq + Send + Sync + 'static,
    K: PartialEq + 'static,
{
    let mut notices = client.0.notices.subscribe();
    let mut closed = client.0.closed.subscribe();
    let client = client.clone();
    Box::pin(async_stream::stream! {
        let mut shown: Vec<T> = Vec::new();
        let mut first = true;
        loop {
            let query = query.clone();
            let now = match client.store() {
                Ok(store) => store.read(move |db| query(db)).await,
                Err(error) => Err(error),
            };
            if let Ok(now) = now {
                let steps = diff(&shown, &now, &key);
                shown = now;
                if first || !steps.is_empty() {
                    first = false;
                    yield steps;
                }
            }
            loop {
                let notice = tokio::select! { biased;
                    _ = closed.wait_for(|closed| *closed) => return,
                    notice = notices.recv() => notice,
                };
                match notice {
                    Ok(notice) if relevant(&notice) => break,
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => break,
                    Err(RecvError::Closed) => return,
                }
            }
            tokio::time::sleep(FRAME).await;
            // What came within the frame is covered by the next query.
            while !matches!(notices.try_recv(), Err(TryRecvError::Empty | TryRecvError::Closed)) {}
        }
    })
}

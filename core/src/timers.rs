//! What is due by the clock, with or without a network: messages whose time is over go, from screens and then from the store.

use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::time::sleep;

use crate::error::Error;
use crate::store::{Notice, Store, lifetime};

/// The clock is looked at that often, should it have been set.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// What was deleted, edited or destroyed is out of the store's files so soon after.
const ERASED_WITHIN: Duration = Duration::from_secs(10);

/// Runs until dropped, or until the store is closed.
pub(crate) async fn run(store: Store) {
    let mut notices = store.notices();
    let clock = store.context().clock.clone();
    // What ended before was shown to nobody.
    let mut told_ms = clock.now_ms();
    let mut is_due = true;
    let mut erase_at = None;
    loop {
        if std::mem::take(&mut is_due) {
            match look(&store, told_ms).await {
                Ok(until_ms) => told_ms = until_ms,
                Err(Error::Closed) => return,
                // Nothing of it is lost: the next look finds it again.
                Err(error) => tracing::warn!(%error, "what is over stays a while"),
            }
        }
        let Ok(next_ms) = store.sync_read(move |db| lifetime::next_end(db, told_ms)).await else { return };
        let wait = next_ms.map_or(LONGEST, |next_ms| Duration::from_millis(next_ms.saturating_sub(clock.now_ms())));
        let erase = async move {
            match erase_at {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = sleep(wait.min(LONGEST)) => is_due = true,
            () = clock.news.notified() => is_due = true,
            () = erase => {
                erase_at = None;
                store.erase().await;
            }
            // There may be a message that ends before the others.
            notice = notices.recv() => match notice {
                Err(RecvError::Closed) => return,
                Ok(Notice::Replaced) | Err(RecvError::Lagged(_)) if erase_at.is_none() => {
                    erase_at = Some(tokio::time::Instant::now() + ERASED_WITHIN);
                }
                Ok(_) | Err(RecvError::Lagged(_)) => {}
            },
        }
    }
}

/// Tells of what has ended since a time, and destroys what is over for certain. Gives up to when it told.
async fn look(store: &Store, told_ms: u64) -> Result<u64, Error> {
    let clock = &store.context().clock;
    let (now_ms, server_ms) = (clock.now_ms(), clock.server_ms());
    if store.sync_read(|db| lifetime::next_end(db, 0)).await?.is_none() {
        return Ok(now_ms);
    }
    // A clock that was set back shows again what it hid.
    let (from_ms, until_ms) = (told_ms.min(now_ms), told_ms.max(now_ms));
    let certain_ms = store.sync_read(move |db| lifetime::certain_ms(db, server_ms, now_ms)).await?;
    store
        .write(move |tx| {
            for conversation in lifetime::ended(tx.db, from_ms, until_ms)? {
                tx.notice(Notice::Items(conversation));
            }
            Ok(())
        })
        .await?;
    while let Some(certain_ms) = certain_ms {
        let destroy = store.write(move |tx| {
            let gone = lifetime::destroy(tx.db, certain_ms)?;
            if gone > 0 {
                tx.notice(Notice::Replaced);
            }
            Ok(gone)
        });
        if destroy.await? < lifetime::AT_ONCE {
            break;
        }
    }
    store.write(move |tx| lifetime::looked(tx.db, server_ms, now_ms)).await?;
    Ok(now_ms)
}

//! What the server does by itself: noticing changes made by another process, ending guests, signing the list, pruning.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::fanout::Topic;
use crate::services::Shared;
use crate::tls::Shown;

/// A guest's end, and the day's signature, may be that late.
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
/// The server's certificate lasts three times as long.
const CERTIFICATE_RENEWAL: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Another process may have changed directory, revocation list or issuer: looks each second or so.
pub(crate) async fn watch(shared: Arc<Shared>, shown: Arc<Shown>, server_name: String) {
    // The end of an issuer that is still to be followed here.
    let mut followed = shared.door.versions().issuers;
    loop {
        tokio::time::sleep(shared.limits.poll).await;
        if let Err(error) = shared.refresh().await {
            tracing::warn!(%error, "cannot look for changes");
        }
        let newest = shared.door.versions().issuers;
        if followed < newest {
            match issuer(&shared, &shown, &server_name).await {
                Ok(()) => followed = newest,
                // The new one may not be there yet.
                Err(error) => tracing::warn!(%error, "the issuer has ended, and there is no other yet"),
            }
        }
    }
}

/// Takes the new issuer, and whatever of this process hangs on it.
async fn issuer(shared: &Shared, shown: &Shown, server_name: &str) -> Result<(), crate::error::ServerError> {
    shared.authority.look_at_issuers().await?;
    shared.door.change(&shared.authority.door_secret()?);
    shown.renew(&shared.authority, server_name).await?;
    // Streams that came in by the old one's certificates look, and end.
    shared.fanout.publish(Topic::Directory);
    tracing::info!("another issuer signs from now on");
    Ok(())
}

/// Ends guests and signs the list each minute; sweeps and prunes each hour.
pub(crate) async fn keep(shared: Arc<Shared>, shown: Arc<Shown>, server_name: String) {
    let start = Instant::now();
    let (mut swept, mut certified) = (None, start);
    loop {
        if let Err(error) = people(&shared).await {
            tracing::warn!(%error, "cannot keep the people");
        }
        if swept.is_none_or(|at: Instant| at.elapsed() >= HOUR) {
            if let Err(error) = storage(&shared).await {
                tracing::warn!(%error, "cannot tidy the storage");
            }
            swept = Some(Instant::now());
        }
        if certified.elapsed() >= CERTIFICATE_RENEWAL {
            match shown.renew(&shared.authority, &server_name).await {
                Ok(()) => certified = Instant::now(),
                Err(error) => tracing::warn!(%error, "cannot renew the server's certificate"),
            }
        }
        tokio::time::sleep(MINUTE.min(shared.limits.poll * 60)).await;
    }
}

async fn people(shared: &Shared) -> Result<(), crate::authority::AuthorityError> {
    shared.authority.sign_list().await?;
    if shared.authority.end_guests().await? {
        shared.refresh().await?;
    }
    Ok(())
}

async fn storage(shared: &Shared) -> Result<(), crate::engine::EngineError> {
    let now_ms = shared.env.now_ms();
    // In small transactions, so that appends go on between them.
    while shared.engine.sweep(now_ms).await? > 0 {}
    let Some(keep) = shared.limits.keep_messages else { return Ok(()) };
    let keep_ms = u64::try_from(keep.as_millis()).unwrap_or(u64::MAX);
    while shared.engine.prune_messages(now_ms.saturating_sub(keep_ms)).await? > 0 {}
    Ok(())
}

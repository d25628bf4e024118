//! The known connection: door key, directory, revocations, inbox, key packages.

use std::sync::atomic::Ordering;
use std::time::Duration;

use openmls::prelude::KeyPackage;
use openmls_traits::OpenMlsProvider as _;
use pli_proto::id::LogId;
use pli_proto::signed::{self, Label};
use pli_proto::{limits, pb};
use prost::Message as _;
use tls_codec::Serialize as _;
use tokio::time::{Instant, sleep, sleep_until};

use crate::crypto;
use crate::error::Error;
use crate::group::seal::LogKey;
use crate::group::{SUITE, capabilities, lifetime};
use crate::identity::{TlsIdentity, trust};
use crate::model::ClientState;
use crate::store::logs::{self, LogState};
use crate::store::{Notice, Tx, meta, people};
use crate::transport::Known;

use super::{Backoff, Engine, enrol, is_passing};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// TLS certificates last 30 days.
const RENEW_BEFORE_MS: u64 = 10 * DAY_MS;
/// The last resort is used again and again; a new one limits what its private key opens.
const LAST_RESORT_MS: u64 = 30 * DAY_MS;
/// The revocation list is signed anew each day; a server that shows an old one is noticed by the next.
const REVOCATIONS_EVERY: Duration = Duration::from_secs(6 * 60 * 60);

/// Runs until this device can't go on.
pub(super) async fn run(engine: &Engine) -> Error {
    let mut backoff = Backoff::new(Duration::from_secs(60));
    loop {
        let Err(mut error) = session(engine, &mut backoff).await;
        // A certificate that has ended, or a clock that is wrong, looks like this too; the MLS key tells the truth.
        if error == Error::Revoked || backoff.tries % 4 == 3 {
            match renew(engine).await {
                Ok(_) => error = Error::unavailable(),
                Err(Error::Revoked) => error = Error::Revoked,
                Err(_) if error == Error::Revoked => error = Error::unavailable(),
                Err(_) => {}
            }
        }
        if !is_passing(&error) {
            return error;
        }
        let delay = backoff.delay(&**engine.env(), &error);
        tracing::debug!(%error, ?delay, "the known connection ended");
        let retry_at_ms = engine.env().now_ms() + delay.as_millis() as u64;
        engine.tell(&engine.known_ready, false);
        engine.state.send_replace(ClientState::Offline { retry_at_ms });
        tokio::select! { biased;
            () = engine.hurry.notified() => {}
            () = sleep(delay) => {}
        }
    }
}

async fn session(engine: &Engine, backoff: &mut Backoff) -> Result<std::convert::Infallible, Error> {
    let identity = tls_identity(engine).await?;
    let known = Known::new(engine.env(), &engine.address, Some(&identity))?;
    let mut door_until_ms = fetch_door(engine, &known).await?;
    backoff.reset();
    directory(engine, &known).await?;
    revocations(engine, &known).await?;
    publish(engine, &known).await?;
    let after = engine.store.read(|db| meta::number(db, meta::INBOX_NUMBER)).await?;
    let request = pb::FollowRequest { after };
    let mut inbox = known.inbox().follow(request).await.map_err(|status| Error::of_status(&status))?.into_inner();
    let mut first = true;
    let mut refresh_at = Instant::now() + REVOCATIONS_EVERY;
    loop {
        let now_ms = engine.env().now_ms();
        let door_in = Duration::from_millis(door_until_ms.saturating_sub(now_ms).clamp(1_000, DAY_MS));
        tokio::select! { biased;
            page = inbox.message() => {
                let page = page.map_err(|status| Error::of_status(&status))?.ok_or(Error::unavailable())?;
                receive(engine, &known, page).await?;
                if std::mem::take(&mut first) {
                    engine.tell(&engine.known_ready, true);
                }
            }
            () = engine.wanted.notified() => {
                door_until_ms = fetch_door(engine, &known).await?;
                revocations(engine, &known).await?;
            }
            () = sleep(door_in) => door_until_ms = fetch_door(engine, &known).await?,
            () = sleep_until(refresh_at) => {
                refresh_at = Instant::now() + REVOCATIONS_EVERY;
                revocations(engine, &known).await?;
                if tls_identity(engine).await?.until_ms != identity.until_ms {
                    return Err(Error::unavailable()); // A new certificate: connect again, with it.
                }
            }
        }
    }
}

/// The device's TLS identity, renewed if it ends soon or has ended.
async fn tls_identity(engine: &Engine) -> Result<TlsIdentity, Error> {
    let identity: Option<TlsIdentity> = engine.store.read(|db| meta::json(db, meta::TLS)).await?;
    let now_ms = engine.env().now_ms();
    match identity {
        Some(identity) if identity.until_ms > now_ms + RENEW_BEFORE_MS => Ok(identity),
        _ => renew(engine).await,
    }
}

async fn renew(engine: &Engine) -> Result<TlsIdentity, Error> {
    let identity = enrol::renew(engine.env(), &engine.address, &engine.context().me).await?;
    let kept = identity.clone();
    engine.store.write(move |tx| meta::set_json(tx.db, meta::TLS, &kept)).await?;
    Ok(identity)
}

/// Fetches the door key; gives when to fetch the next, by this device's clock.
async fn fetch_door(engine: &Engine, known: &Known) -> Result<u64, Error> {
    let answer = known.enrolment().door(pb::DoorRequest {}).await.map_err(|status| Error::of_status(&status))?;
    let answer = answer.into_inner();
    engine.door.set(&answer.key);
    engine.opened.notify_waiters();
    engine.set_clock(answer.server_time_ms);
    Ok(engine.env().now_ms() + answer.until_ms.saturating_sub(answer.server_time_ms))
}

async fn directory(engine: &Engine, known: &Known) -> Result<(), Error> {
    loop {
        let since = engine.store.read(|db| meta::number(db, meta::DIRECTORY_VERSION)).await?;
        let answer = known.directory().people(pb::PeopleRequest { since }).await;
        let answer = answer.map_err(|status| Error::of_status(&status))?.into_inner();
        let (more, version) = (answer.more, answer.version);
        if version == since && answer.people.is_empty() {
            return Ok(());
        }
        engine
            .store
            .write(move |tx| {
                for person in answer.people.iter().take(limits::PEOPLE_PAGE * 2) {
                    people::put(tx.db, person)?;
                }
                meta::set(tx.db, meta::ORGANISATION, answer.organisation.as_bytes())?;
                meta::set_number(tx.db, meta::DIRECTORY_VERSION, version)?;
                tx.notice(Notice::People);
                // Somebody who could not be added may have a device now.
                notice_all_logs(tx)
            })
            .await?;
        if !more {
            return Ok(());
        }
    }
}

async fn revocations(engine: &Engine, known: &Known) -> Result<(), Error> {
    loop {
        let since = engine.store.read(people::revocations).await?;
        let answer = known.directory().revocations(pb::RevocationsRequest { since }).await;
        let list = answer.map_err(|status| Error::of_status(&status))?.into_inner();
        let number = list.number;
        let known_now = engine.store.write(move |tx| keep_revocations(tx, since, &list)).await?;
        if known_now >= number {
            return Ok(());
        }
    }
}

/// Keeps a list that continues what is known. One that does not is the server's fault, and changes nothing.
fn keep_revocations(tx: &mut Tx<'_>, since: u64, list: &pb::RevocationList) -> Result<u64, Error> {
    let hash = meta::get::<[u8; 32]>(tx.db, meta::REVOCATIONS_HASH)?.unwrap_or_default();
    let last_signed_ms = meta::number(tx.db, meta::REVOCATIONS_SIGNED_MS)?;
    if people::revocations(tx.db)? != since || list.number < since || list.signed_ms < last_signed_ms {
        return Ok(list.number);
    }
    let Ok(hash) = trust::check(list, &tx.context.me.root, since, hash) else {
        tracing::warn!("the server's revocation list is not genuine");
        return Ok(list.number);
    };
    for line in &list.lines {
        people::put_revocation(tx.db, line)?;
    }
    meta::set(tx.db, meta::REVOCATIONS_HASH, &hash)?;
    meta::set_number(tx.db, meta::REVOCATIONS_SIGNED_MS, list.signed_ms)?;
    if !list.lines.is_empty() {
        notice_all_logs(tx)?;
    }
    people::revocations(tx.db)
}

fn notice_all_logs(tx: &mut Tx<'_>) -> Result<(), Error> {
    for record in logs::all(tx.db)? {
        if matches!(record.state, LogState::Active | LogState::Founding) {
            tx.notice(Notice::Outbox(record.log));
        }
    }
    Ok(())
}

/// Keeps the stock of key packages at the server full.
async fn publish(engine: &Engine, known: &Known) -> Result<(), Error> {
    let mut request = engine.store.write(inbox_key_request).await?;
    loop {
        let answer = known.key_packages().publish(request).await.map_err(|status| Error::of_status(&status))?;
        let answer = answer.into_inner();
        let missing = limits::KEY_PACKAGES.saturating_sub(answer.stock);
        let now_ms = engine.env().now_ms();
        let last = engine.store.read(|db| meta::number(db, meta::LAST_RESORT_MS)).await?;
        let last_resort = !answer.has_last_resort || now_ms > last + LAST_RESORT_MS;
        if missing == 0 && !last_resort {
            return Ok(());
        }
        request = engine.store.write(move |tx| make_packages(tx, missing.min(25), last_resort)).await?;
    }
}

/// A request that offers the inbox key, and asks how many packages are in stock.
fn inbox_key_request(tx: &mut Tx<'_>) -> Result<pb::PublishRequest, Error> {
    let stored: Option<(Vec<u8>, Vec<u8>)> = meta::json(tx.db, meta::INBOX_KEY)?;
    if stored.is_some() && meta::number(tx.db, meta::LAST_RESORT_MS)? > 0 {
        return Ok(pb::PublishRequest::default());
    }
    let public = match stored {
        Some((_, public)) => public,
        None => {
            let (private, public) = crypto::generate_kem_pair(&tx.context.crypto);
            meta::set_json(tx.db, meta::INBOX_KEY, &(&*private, &public))?;
            public
        }
    };
    let me = &tx.context.me;
    let signed = signed::content(Label::InboxKey, &[&me.device.0, &public]);
    Ok(pb::PublishRequest {
        inbox_key: public,
        inbox_key_signature: me.key.sign_raw(&signed).to_vec(),
        replace: true,
        ..pb::PublishRequest::default()
    })
}

fn make_packages(tx: &mut Tx<'_>, count: u32, last_resort: bool) -> Result<pb::PublishRequest, Error> {
    let mut request = pb::PublishRequest::default();
    for _ in 0..count {
        request.packages.push(make_package(tx, false)?);
    }
    if last_resort {
        request.last_resort = make_package(tx, true)?;
        meta::set_number(tx.db, meta::LAST_RESORT_MS, tx.now_ms())?;
    }
    Ok(request)
}

fn make_package(tx: &Tx<'_>, last_resort: bool) -> Result<Vec<u8>, Error> {
    let provider = tx.provider();
    let me = &tx.context.me;
    let mut builder = KeyPackage::builder().leaf_node_capabilities(capabilities()).key_package_lifetime(lifetime());
    if last_resort {
        builder = builder.mark_as_last_resort();
    }
    let bundle = builder
        .build(SUITE, &provider, &me.key, me.credential())
        .map_err(|error| crate::group::join::internal("key package", &error))?;
    let message = openmls::prelude::MlsMessageOut::from(bundle.into_key_package());
    let _ = provider.crypto();
    message.tls_serialize_detached().map_err(|_| Error::Internal("size"))
}

async fn receive(engine: &Engine, known: &Known, page: pb::InboxPage) -> Result<(), Error> {
    if let Some(last) = page.items.iter().map(|item| item.number).max() {
        if engine.store.write(move |tx| keep_invitations(tx, &page.items, last)).await? {
            engine.to_join.store(true, Ordering::SeqCst);
            engine.tell(&engine.logs_ready, false);
        }
        let request = pb::AcknowledgeRequest { up_to: last };
        known.inbox().acknowledge(request).await.map_err(|status| Error::of_status(&status))?;
        publish(engine, known).await?;
    }
    let (version, number) = (page.directory_version, page.revocations);
    let known_now = engine.store.read(|db| Ok((meta::number(db, meta::DIRECTORY_VERSION)?, people::revocations(db)?)));
    let known_now = known_now.await?;
    if known_now.0 < version {
        directory(engine, known).await?;
    }
    if known_now.1 < number {
        fetch_door(engine, known).await?;
        revocations(engine, known).await?;
    }
    Ok(())
}

/// Keeps what the inbox brought: logs to join. What does not open is from nobody who knows this device.
/// Says whether there is any.
fn keep_invitations(tx: &mut Tx<'_>, items: &[pb::InboxItem], last: u64) -> Result<bool, Error> {
    let mut any = false;
    let (private, _): (Vec<u8>, Vec<u8>) = meta::json(tx.db, meta::INBOX_KEY)?.ok_or(Error::Damaged)?;
    let private = zeroize::Zeroizing::new(private);
    let device = tx.context.me.device;
    for item in items {
        let opened = crypto::open_with(&tx.context.crypto, &private, b"Pli 1.0 inbox", &device.0, &item.sealed).ok();
        let invitation = opened.as_ref().and_then(|bytes| pb::Invitation::decode(bytes.as_slice()).ok());
        let Some(invitation) = invitation else { continue };
        let (Ok(log), Ok(key)) =
            (LogId::try_from(invitation.log.as_slice()), LogKey::try_from(invitation.log_key.as_slice()))
        else {
            continue;
        };
        // A log has one key for ever. Whatever else the invitation says is judged when it is followed.
        if logs::find(tx.db, log)?.is_none_or(|record| record.key == key)
            && logs::put_invitation(tx.db, log, &invitation.entry, &invitation.encode_to_vec())?
        {
            tx.notice(Notice::Logs);
            any = true;
        }
    }
    meta::set_number(tx.db, meta::INBOX_NUMBER, last)?;
    Ok(any)
}

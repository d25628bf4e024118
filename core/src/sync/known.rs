//! The known connection: door key, directory, revocations, inbox.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

use pli_env::{Env, random_below};
use pli_proto::id::{DeviceId, LogId, PersonId};
use pli_proto::signed::Label;
use pli_proto::{limits, pb};
use prost::Message as _;
use tokio::time::{Instant, sleep, sleep_until};

use crate::error::Error;
use crate::identity::TlsIdentity;
use crate::model::ClientState;
use crate::store::logs::{self, Log, LogState};
use crate::store::{Notice, Tx, issuers, meta, outbox, people};
use crate::transport::{Known, clock_ahead_ms};
use pli_kernel::group::seal::LogKey;
use pli_kernel::identity::trust;

use super::{Backoff, Engine, enrol, is_passing, revocations, stock};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// TLS certificates last 30 days.
const RENEW_BEFORE_MS: u64 = 10 * DAY_MS;
/// The revocation list is signed anew each day; a server that shows an old one is noticed by the next.
const REVOCATIONS_EVERY_MS: u64 = 6 * 60 * 60 * 1000;

/// Runs until this device can't go on.
pub(super) async fn run(engine: &Engine) -> Error {
    let (mut backoff, mut tries) = (Backoff::new(Duration::from_secs(60)), stock::Tries::new());
    loop {
        let Err(mut error) = session(engine, &mut backoff, &mut tries).await;
        // The server is the right one, and what it shows is not good by this device's clock: the person has to know.
        if engine.address.doubt.take()
            && let Ok(ahead_ms) = clock_ahead_ms(engine.env(), &engine.address).await
        {
            engine.context().clock.correct(ahead_ms);
            engine.warn_of_clock(ahead_ms);
        }
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
        let retry_at = crate::model::time(engine.env().now_ms()) + delay;
        engine.tell(&engine.known_ready, false);
        engine.state.send_replace(ClientState::Offline { retry_at });
        tokio::select! { biased;
            () = engine.asked.hurry.notified() => {}
            () = sleep(delay) => {}
        }
    }
}

async fn session(
    engine: &Engine,
    backoff: &mut Backoff,
    tries: &mut stock::Tries,
) -> Result<std::convert::Infallible, Error> {
    let identity = tls_identity(engine).await?;
    let known = Known::new(engine.env(), &engine.address, Some(&identity))?;
    let mut door_at_ms = fetch_door(engine, &known).await?;
    // Before the directory and the list: it says whom not to believe.
    issuers(engine, &known).await?;
    directory(engine, &known).await?;
    revocations::fetch(engine, &known).await?;
    seen(engine, &known).await?;
    let mut inbox =
        known.inbox().follow(pb::FollowRequest {}).await.map_err(|status| Error::of_status(&status))?.into_inner();
    // Beside what comes in, which does not wait for it.
    let mut stock = pin!(stock::keep(engine, &known, tries));
    let mut first = true;
    let mut refresh_at = next_refresh(engine);
    loop {
        let now_ms = engine.env().now_ms();
        let door_in = Duration::from_millis(door_at_ms.saturating_sub(now_ms).clamp(1_000, DAY_MS));
        tokio::select! { biased;
            page = inbox.message() => {
                let page = page.map_err(|status| Error::of_status(&status))?.ok_or(Error::unavailable())?;
                receive(engine, &known, page).await?;
                if std::mem::take(&mut first) {
                    backoff.reset();
                    engine.tell(&engine.known_ready, true);
                }
            }
            error = &mut stock => return Err(error),
            () = engine.wanted.notified() => {
                door_at_ms = fetch_door(engine, &known).await?;
                revocations::fetch(engine, &known).await?;
            }
            () = engine.asked.look.notified() => seen(engine, &known).await?,
            () = sleep(door_in) => door_at_ms = fetch_door(engine, &known).await?,
            () = sleep_until(refresh_at) => {
                refresh_at = next_refresh(engine);
                issuers(engine, &known).await?;
                revocations::fetch(engine, &known).await?;
                seen(engine, &known).await?;
                if tls_identity(engine).await?.until_ms != identity.until_ms {
                    return Err(Error::unavailable()); // A new certificate: connect again, with it.
                }
            }
        }
    }
}

/// After a restart of the server all sessions are of one age.
fn next_refresh(engine: &Engine) -> Instant {
    Instant::now()
        + Duration::from_millis(REVOCATIONS_EVERY_MS / 2 + random_below(&**engine.env(), REVOCATIONS_EVERY_MS / 2))
}

/// The device's TLS identity, renewed if it ends soon or has ended.
async fn tls_identity(engine: &Engine) -> Result<TlsIdentity, Error> {
    let identity: Option<TlsIdentity> = engine.store.sync_read(|db| meta::json(db, meta::TLS)).await?;
    let now_ms = engine.env().now_ms();
    match identity {
        Some(identity) if identity.until_ms > now_ms + RENEW_BEFORE_MS && !is_of_ended(engine, &identity) => {
            Ok(identity)
        }
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
    engine.set_clock(answer.server_time_ms);
    let now_ms = engine.env().now_ms();
    Ok(now_ms + moment(&**engine.env(), &answer).saturating_sub(answer.server_time_ms))
}

/// When to fetch the next door key, by the server's clock: at some moment while this one still serves and there is another,
/// so that devices do not come all at once. Some of that time is left for tries that fail.
fn moment(env: &dyn Env, answer: &pb::DoorResponse) -> u64 {
    let both_ms = answer.until_ms.saturating_sub(answer.next_ms);
    answer.next_ms.saturating_add(random_below(env, both_ms / 4 * 3))
}

async fn directory(engine: &Engine, known: &Known) -> Result<(), Error> {
    loop {
        let since = engine.store.sync_read(|db| meta::number(db, meta::DIRECTORY_VERSION)).await?;
        let answer = known.directory().people(pb::PeopleRequest { since }).await;
        let answer = answer.map_err(|status| Error::of_status(&status))?.into_inner();
        let (more, version) = (answer.more, answer.version);
        if version < since {
            engine.note_put_back();
            engine.store.write(|tx| meta::set_number(tx.db, meta::DIRECTORY_VERSION, 0)).await?;
            continue;
        }
        if version == since && answer.people.is_empty() {
            return Ok(());
        }
        engine
            .store
            .write(move |tx| {
                let mut changed = BTreeSet::new();
                for person in answer.people.iter().take(limits::PEOPLE_PAGE * 2) {
                    people::put(tx.db, person)?;
                    changed.extend(PersonId::try_from(person.id.as_slice()));
                }
                meta::set(tx.db, meta::ORGANISATION, answer.organisation.as_bytes())?;
                meta::set_number(tx.db, meta::DIRECTORY_VERSION, version)?;
                tx.notice(Notice::People);
                // Somebody who could not be added may have a device now; its key packages may come a little later.
                outbox::try_anew(tx.db, &changed)?;
                notice_all_logs(tx)
            })
            .await?;
        if !more {
            return Ok(());
        }
    }
}

/// Fetches the ends of issuers. If this device's own ended, a new certificate is fetched, and the session begins anew.
async fn issuers(engine: &Engine, known: &Known) -> Result<(), Error> {
    loop {
        let since = engine.store.sync_read(issuers::newest).await?;
        let answer = known.directory().issuers(pb::IssuersRequest { since }).await;
        let answer = answer.map_err(|status| Error::of_status(&status))?.into_inner();
        let Some(end) = answer.end else { return Ok(()) };
        let root = engine.address.root;
        let Some(issuer) = trust::check_end(&end, &answer.kept, &root, since).map(|(issuer, _)| issuer) else {
            tracing::warn!("the server's end of an issuer is not genuine");
            return Ok(());
        };
        let keep = move |tx: &mut Tx<'_>| {
            let kept = pli_proto::issuers::split(&answer.kept).ok_or(Error::internal("kept"))?;
            issuers::put(tx.db, &issuer, &end, kept)?;
            // There may be leaves to remove.
            notice_all_logs(tx)
        };
        engine.store.write(keep).await?;
        engine.address.ended.insert(issuer);
        let own: Option<TlsIdentity> = engine.store.sync_read(|db| meta::json(db, meta::TLS)).await?;
        if own.is_some_and(|own| is_of_ended(engine, &own)) {
            renew(engine).await?;
            return Err(Error::unavailable());
        }
    }
}

/// Fetches when the own person's devices were last at the server.
async fn seen(engine: &Engine, known: &Known) -> Result<(), Error> {
    let answer = known.directory().seen(pb::SeenRequest {}).await.map_err(|status| Error::of_status(&status))?;
    let devices = answer.into_inner().devices.into_iter().take(limits::PEOPLE_PAGE);
    let day = |seen: pb::SeenDevice| Some((DeviceId::try_from(seen.id.as_slice()).ok()?, seen.day_ms));
    let days: Vec<(DeviceId, u64)> = devices.filter_map(day).filter(|(_, day_ms)| *day_ms > 0).collect();
    if engine.store.sync_read(|db| meta::json::<Vec<(DeviceId, u64)>>(db, meta::SEEN)).await?.as_ref() == Some(&days) {
        return Ok(());
    }
    let keep = move |tx: &mut Tx<'_>| {
        tx.notice(Notice::People);
        meta::set_json(tx.db, meta::SEEN, &days)
    };
    engine.store.write(keep).await
}

fn is_of_ended(engine: &Engine, identity: &TlsIdentity) -> bool {
    identity.chain.iter().any(|certificate| engine.address.ended.contains(certificate))
}

pub(super) fn notice_all_logs(tx: &mut Tx<'_>) -> Result<(), Error> {
    for record in logs::all(tx.db)? {
        if matches!(record.state, LogState::Active | LogState::Founding) {
            tx.notice(Notice::Outbox(record.log));
        }
    }
    Ok(())
}

async fn receive(engine: &Engine, known: &Known, page: pb::InboxPage) -> Result<(), Error> {
    if let Some(last) = page.items.iter().map(|item| item.number).max() {
        // Not online before what it brings is followed; see `Engine::inbox`.
        engine.inbox.fetch_add(1, Ordering::SeqCst);
        engine.tell(&engine.logs_ready, false);
        let kept = engine.store.write(move |tx| keep_invitations(tx, &page.items)).await;
        engine.inbox.fetch_add(1, Ordering::SeqCst);
        engine.invited.notify_one();
        kept?;
        let body = pb::AcknowledgeBody { up_to: last };
        let request = engine.context().me.request(Label::Acknowledge, engine.context().clock.now_ms(), &body);
        // With a clock that is wrong the session ends, and the next sets it.
        known.inbox().acknowledge(request).await.map_err(|status| Error::of_status(&status))?;
        engine.restock.notify_one();
    }
    let (version, number, ends) = (page.directory_version, page.revocations, page.issuers);
    let known_now = engine.store.sync_read(|db| Ok((meta::number(db, meta::DIRECTORY_VERSION)?, people::known(db)?)));
    let (known_version, (known_number, known_ends)) = known_now.await?;
    if known_ends < ends {
        issuers(engine, known).await?;
    }
    if known_version < version {
        directory(engine, known).await?;
        seen(engine, known).await?;
    }
    if known_number < number {
        fetch_door(engine, known).await?;
        revocations::fetch(engine, known).await?;
    }
    Ok(())
}

/// Keeps what the inbox brought: logs to join. What does not open is from nobody who knows this device.
fn keep_invitations(tx: &mut Tx<'_>, items: &[pb::InboxItem]) -> Result<(), Error> {
    for item in items {
        let opened = stock::open(tx, &item.sealed)?;
        let delivered = opened.and_then(|bytes| pb::Delivered::decode(bytes.as_slice()).ok()?.what);
        let Some(pb::delivered::What::Invitation(invitation)) = delivered else { continue };
        let (Ok(log), Ok(key)) =
            (LogId::try_from(invitation.log.as_slice()), LogKey::try_from(invitation.log_key.as_slice()))
        else {
            continue;
        };
        // A log has one key for ever, and what was read past as a member is nothing to join. Whatever else the invitation
        // says is judged when it is followed.
        let is_new =
            |record: Log| record.key == key && !(record.state.is_followed() && invitation.number <= record.number);
        if logs::find(tx.db, log)?.is_none_or(is_new) {
            logs::put_invitation(tx.db, log, &invitation)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_door_key_is_fetched_at_any_moment_while_the_last_still_serves() {
        let env =
            pli_env::real::Real::new(tokio::runtime::Builder::new_current_thread().build().unwrap().handle().clone());
        let answer = pb::DoorResponse { next_ms: 1_000_000, until_ms: 1_100_000, ..pb::DoorResponse::default() };
        let mut tenths = [0; 10];
        for _ in 0..2_000 {
            tenths[(moment(&env, &answer) as usize - 1_000_000) / 10_000] += 1;
        }
        assert!(tenths[..7].iter().all(|count| (150..400).contains(count)), "{tenths:?}");
        assert_eq!(tenths[8..], [0, 0], "there has to be time for another try");
        // A server that says nonsense is asked again, but not without end.
        moment(&env, &pb::DoorResponse { next_ms: u64::MAX, until_ms: 1, ..answer });
    }
}

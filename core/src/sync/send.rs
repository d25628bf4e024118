//! Sending: what the outbox holds, first in first out for each log, all logs at once.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use pli_proto::id::{ItemId, LogId};
use pli_proto::pb;
use pli_proto::refusal::{Reason, Refusal};
use pli_proto::signed::Method;
use tokio::sync::broadcast;
use tokio::time::{Instant, sleep_until};
use tonic::Status;

use crate::conversations::founding::go_on;
use crate::error::Error;
use crate::store::logs::{self, Log, LogState};
use crate::store::outbox::Attempt;
use crate::store::{Notice, Tx, deliveries, meta, outbox};
use crate::transport::Sealed;

use super::add;
use super::prepare::{self, Step};
use super::receive;
use super::{Backoff, Engine, is_of_one_log, is_passing};
use crate::membership::schedule::{DAY_MS, has_come};

/// The longest that a timer waits before the store is asked again.
const LONGEST: Duration = Duration::from_secs(60 * 60);
/// For so long after the server was put back to an older copy last resorts are taken: by then most devices have been
/// online and have replaced those for use once, which may have been used.
const PUT_BACK_MS: u64 = 7 * DAY_MS;

/// What is being sent, or waits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Lane {
    /// The entries of one log.
    Log(LogId),
    /// Welcomes into inboxes.
    Deliveries,
}

struct Waiting {
    backoff: Backoff,
    at: Option<Instant>,
    running: bool,
    /// Something changed while it ran.
    again: bool,
}

/// Runs until this device can't go on.
pub(super) async fn run(engine: &Engine) -> Error {
    engine.door().await;
    match lanes(engine).await {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

async fn lanes(engine: &Engine) -> Result<std::convert::Infallible, Error> {
    let mut notices = engine.store.notices();
    let sealed = engine.sealed()?;
    let mut lanes: BTreeMap<Lane, Waiting> = BTreeMap::new();
    let mut running = FuturesUnordered::new();
    let all = async || -> Result<Vec<Lane>, Error> {
        let records = engine.store.sync_read(logs::all).await?;
        let logs = records.into_iter().map(|record| Lane::Log(record.log));
        Ok(logs.chain([Lane::Deliveries]).collect())
    };
    for lane in all().await? {
        wake(&mut lanes, lane);
    }
    loop {
        let now = Instant::now();
        for (lane, waiting) in &mut lanes {
            if !waiting.running && waiting.at.is_some_and(|at| at <= now) {
                (waiting.running, waiting.at) = (true, None);
                running.push(drive(engine, &sealed, *lane));
            }
        }
        let next = lanes.values().filter(|waiting| !waiting.running).filter_map(|waiting| waiting.at).min();
        let next = next.unwrap_or_else(|| now + LONGEST);
        tokio::select! { biased;
            Some((lane, end)) = running.next() => settle(engine, &mut lanes, lane, end)?,
            notice = notices.recv() => match notice {
                Ok(Notice::Outbox(log)) => wake(&mut lanes, Lane::Log(log)),
                Ok(Notice::Deliveries) => wake(&mut lanes, Lane::Deliveries),
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(_)) => {
                    for lane in all().await? {
                        wake(&mut lanes, lane);
                    }
                }
                Err(broadcast::error::RecvError::Closed) => return Err(Error::Closed),
            },
            // What backs off need not wait any longer either.
            () = engine.asked.hurry.notified() => for waiting in lanes.values_mut() {
                waiting.backoff.reset();
                waiting.again |= waiting.running;
                waiting.at = Some(Instant::now());
            },
            () = sleep_until(next) => {}
        }
    }
}

fn wake(lanes: &mut BTreeMap<Lane, Waiting>, lane: Lane) {
    let waiting = lanes.entry(lane).or_insert_with(|| Waiting {
        backoff: Backoff::new(Duration::from_secs(60)),
        at: None,
        running: false,
        again: false,
    });
    waiting.again |= waiting.running;
    // A lane that backs off keeps waiting: what is new comes behind what failed.
    if waiting.backoff.tries == 0 || waiting.at.is_none() {
        waiting.at = Some(Instant::now());
    }
}

/// How a lane came to rest.
enum End {
    Idle,
    Until(u64),
    Failed(Error),
}

fn settle(engine: &Engine, lanes: &mut BTreeMap<Lane, Waiting>, lane: Lane, end: End) -> Result<(), Error> {
    let Some(waiting) = lanes.get_mut(&lane) else { return Ok(()) };
    let again = std::mem::take(&mut waiting.again);
    waiting.running = false;
    let now = Instant::now();
    waiting.at = match end {
        End::Failed(error) if !is_passing(&error) && !is_of_one_log(&error) => return Err(error),
        End::Failed(error) => {
            tracing::debug!(%error, "sending failed");
            Some(now + waiting.backoff.delay(&**engine.env(), &error))
        }
        End::Idle | End::Until(_) if again => {
            waiting.backoff.reset();
            Some(now)
        }
        End::Idle => {
            waiting.backoff.reset();
            None
        }
        End::Until(at_ms) => {
            waiting.backoff.reset();
            Some(now + Duration::from_millis(at_ms.saturating_sub(engine.env().now_ms()) + 1).min(LONGEST))
        }
    };
    Ok(())
}

async fn drive(engine: &Engine, sealed: &Sealed, lane: Lane) -> (Lane, End) {
    let end = match lane {
        Lane::Log(log) => drive_log(engine, sealed, log).await,
        Lane::Deliveries => deliver(engine, sealed).await,
    };
    (lane, end.unwrap_or_else(End::Failed))
}

async fn drive_log(engine: &Engine, sealed: &Sealed, log: LogId) -> Result<End, Error> {
    loop {
        let step = engine.store.write(move |tx| prepare::next(tx, log)).await?;
        match step {
            Step::Idle => return Ok(End::Idle),
            Step::Wait(at_ms) => return Ok(End::Until(at_ms)),
            Step::Create(snapshot) => create(engine, sealed, log, snapshot).await?,
            Step::Append(attempt) => append(engine, sealed, log, *attempt).await?,
            Step::Snapshot(number, snapshot) => put_snapshot(engine, sealed, log, number, snapshot).await?,
            Step::Take(entry, devices) => {
                let devices = devices.iter().map(|device| device.to_vec()).collect();
                let put_back_ms = engine.store.sync_read(|db| meta::number(db, meta::PUT_BACK_MS)).await?;
                let last_resort = has_come(put_back_ms + PUT_BACK_MS, engine.env().now_ms(), 2 * PUT_BACK_MS).is_err();
                let answer = sealed.key_packages().take(pb::TakeRequest { devices, last_resort }).await;
                let taken = answer.map_err(|status| failed(engine, &status))?.into_inner().packages;
                engine.store.write(move |tx| add::add(tx, log, entry, &taken)).await?;
            }
        }
    }
}

fn failed(engine: &Engine, status: &Status) -> Error {
    engine.heed(status);
    Error::of_status(status)
}

async fn record(engine: &Engine, log: LogId) -> Result<Log, Error> {
    engine.store.sync_read(move |db| logs::get(db, log)).await
}

async fn create(engine: &Engine, sealed: &Sealed, log: LogId, snapshot: Vec<u8>) -> Result<(), Error> {
    let record = record(engine, log).await?;
    let request = engine.request(&record, Method::Create, &pb::CreateBody { snapshot });
    let answer = sealed.log().create(request).await;
    // Sealed anew at each try: taken by one's own earlier try is as good.
    match answer {
        Ok(_) => {}
        Err(status) if reason(&status) == Reason::IdTaken => {}
        Err(status) => return Err(failed(engine, &status)),
    }
    engine
        .store
        .write(move |tx| {
            if let Some(record) = logs::find(tx.db, log)?.filter(|record| record.state == LogState::Founding) {
                logs::put(tx.db, &Log { state: LogState::Active, ..record.clone() })?;
                tx.notice(Notice::Logs);
                tx.notice(Notice::Group(record.conversation));
            }
            Ok(())
        })
        .await
}

async fn append(engine: &Engine, sealed: &Sealed, log: LogId, attempt: Attempt) -> Result<(), Error> {
    let record = record(engine, log).await?;
    let Attempt { id, entry } = attempt;
    let request = engine.request(&record, Method::Append, &entry);
    match sealed.log().append(request).await {
        Ok(answer) => {
            let answer = answer.into_inner();
            let hash = answer.hash.as_slice().try_into().ok();
            let conversation = record.conversation;
            engine
                .store
                .write(move |tx| {
                    if !outbox::acknowledge(tx.db, log, id, hash)? {
                        receive::compare_late(tx, log, id, &answer)?;
                    }
                    tx.notice(Notice::Items(conversation));
                    Ok(())
                })
                .await
        }
        Err(status) => {
            let refusal = Refusal::of(&status).unwrap_or_default();
            let error = failed(engine, &status);
            engine.store.write(move |tx| refused(tx, log, id, &refusal)).await?.ok_or(error)
        }
    }
}

/// The server would not take an entry. `None`: try the same again later.
fn refused(tx: &mut Tx<'_>, log: LogId, id: ItemId, refusal: &Refusal) -> Result<Option<()>, Error> {
    let Some(record) = logs::find(tx.db, log)? else { return Ok(Some(())) };
    // Out while this was under way: there is nothing to undo.
    if !matches!(record.state, LogState::Active | LogState::Broken) {
        return Ok(Some(()));
    }
    match refusal.reason() {
        // The stream brings what came between; unless it did already, nothing is sent before.
        Reason::Stale => {
            if refusal.last_commit > record.commit_number {
                tx.set_caught_up(log, false);
                return Ok(Some(()));
            }
            // Sealed on an older commit, and the page that dropped it came just now; or the server contradicts itself.
            Ok(outbox::next_attempt(tx.db, log)?.is_none_or(|next| next.id != id).then_some(()))
        }
        Reason::NoAccess => {
            undo(tx, &record)?;
            // Who has no secrets keeps to the follower's state, and asks on.
            let state = if record.state == LogState::Broken { LogState::Broken } else { LogState::AccessLost };
            logs::put(tx.db, &Log { state, ..record.clone() })?;
            outbox::send_elsewhere(tx.db, log)?;
            go_on(tx, record.conversation)?;
            tx.set_caught_up(log, false);
            tx.notice(Notice::Group(record.conversation));
            Ok(Some(()))
        }
        // The day's budget of commits is spent; messages go on.
        Reason::Limit if outbox::is_commit(tx.db, log, id)? => {
            undo(tx, &record)?;
            let commit_ms = tx.now_ms() + refusal.retry_after_ms.clamp(1_000, DAY_MS);
            logs::put(tx.db, &Log { commit_ms, ..record })?;
            Ok(Some(()))
        }
        Reason::Invalid => {
            let is_commit = outbox::is_commit(tx.db, log, id)?;
            undo(tx, &record)?;
            outbox::refuse(tx.db, record.conversation, id, crate::model::Refusal::Server)?;
            tx.notice(Notice::Items(record.conversation));
            if is_commit {
                // What a member does unasked is tried again, but not at once.
                logs::put(tx.db, &Log { commit_ms: tx.now_ms() + LONGEST.as_millis() as u64, ..record })?;
            }
            Ok(Some(()))
        }
        _ => Ok(None),
    }
}

/// What was sealed will not be sent: a commit of it is no longer pending.
pub(super) fn undo(tx: &mut Tx<'_>, record: &Log) -> Result<(), Error> {
    outbox::drop_unacknowledged(tx.db, record.log)?;
    // What the server has acknowledged is in the log, and comes.
    if outbox::attempts(tx.db, record.log)?.has_commit {
        return Ok(());
    }
    let mut loaded = tx.take_group(record.log)?;
    if let Some(group) = loaded.group.as_mut().filter(|group| group.pending_commit().is_some()) {
        group.clear_pending_commit(&tx.provider().storage)?;
    }
    tx.keep_group(record.log, loaded);
    Ok(())
}

async fn put_snapshot(
    engine: &Engine,
    sealed: &Sealed,
    log: LogId,
    number: u64,
    snapshot: Vec<u8>,
) -> Result<(), Error> {
    let record = record(engine, log).await?;
    let body = pb::SnapshotBody { number, sealed: snapshot };
    let request = engine.request(&record, Method::PutSnapshot, &body);
    sealed.log().put_snapshot(request).await.map_err(|status| failed(engine, &status))?;
    engine
        .store
        .write(move |tx| {
            if let Some(record) = logs::find(tx.db, log)? {
                logs::put(tx.db, &Log { snapshot_number: number, commit_bytes: 0, ..record })?;
            }
            Ok(())
        })
        .await
}

async fn deliver(engine: &Engine, sealed: &Sealed) -> Result<End, Error> {
    loop {
        let now_ms = engine.env().now_ms();
        let (due, next_ms) = engine
            .store
            .sync_read(move |db| Ok((deliveries::due(db, now_ms)?, deliveries::next_ms(db, now_ms)?)))
            .await?;
        if due.is_empty() {
            return Ok(next_ms.map_or(End::Idle, End::Until));
        }
        for delivery in due {
            let id = delivery.id.clone();
            let full_ms = match sealed.inbox().deliver(delivery).await {
                Ok(_) => None,
                // The device is gone, or the item malformed to the server: it will never be taken.
                Err(status) if matches!(reason(&status), Reason::NotEnrolled | Reason::Revoked | Reason::Invalid) => {
                    tracing::warn!(%status, "a welcome can't be delivered");
                    None
                }
                // One full inbox does not keep the others waiting.
                Err(status) if reason(&status) == Reason::Limit => Refusal::of(&status).map(|full| full.retry_after_ms),
                Err(status) => return Err(failed(engine, &status)),
            };
            let keep = move |tx: &mut Tx<'_>| {
                // Whoever waits until nothing can be delivered asks again.
                tx.notice(Notice::Deliveries);
                match full_ms {
                    Some(full_ms) => deliveries::postpone(tx.db, &id, tx.now_ms(), full_ms),
                    None => deliveries::remove(tx.db, &id),
                }
            };
            engine.store.write(keep).await?;
        }
    }
}

fn reason(status: &Status) -> Reason {
    Refusal::of(status).map_or(Reason::Unspecified, |refusal| refusal.reason())
}

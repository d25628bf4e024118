//! Joining logs, and following them: one stream for all, resumed from the store after each failure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::time::Duration;

use pli_proto::id::LogId;
use pli_proto::pb;
use pli_proto::refusal::{Reason, Refusal};
use pli_proto::signed::Method;
use prost::Message as _;
use tokio::sync::{broadcast, mpsc};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_stream::wrappers::UnboundedReceiverStream;

use crate::conversations::founding::go_on;
use crate::error::{Error, What};
use crate::membership::join::{CannotJoin, Material};
use crate::store::logs::{self, Log, LogState};
use crate::store::{Notice, Tx, outbox};
use crate::transport::Sealed;
use pli_kernel::group::seal::LogKey;

use super::{Backoff, Engine, diverge, is_of_one_log, is_passing, receive};

/// A log that refuses access is asked again after this, then after twice as long each time, up to [`SELDOM`].
const SOON: Duration = Duration::from_secs(2);
/// A phone that lost a group for good must not spend its battery on it.
const SELDOM: Duration = Duration::from_secs(15 * 60);

/// What a joiner reads between a snapshot and its welcome; whoever invites it may have written as much as they liked.
const JOIN_BYTES: usize = 256 << 20;

/// Runs until this device can't go on.
pub(super) async fn run(engine: &Engine) -> Error {
    let mut backoff = Backoff::new(Duration::from_secs(30));
    loop {
        engine.door().await;
        let Err(error) = session(engine, &mut backoff).await;
        let forget = |tx: &mut Tx<'_>| {
            tx.none_caught_up();
            Ok(())
        };
        // Also on a full disk, where any transaction fails that shares its commit with one that writes.
        while let Err(error) = engine.store.write(forget).await {
            if !is_passing(&error) {
                return error;
            }
            sleep(backoff.delay(&**engine.env(), &error)).await;
        }
        engine.behind.store(0, Ordering::SeqCst);
        engine.tell(&engine.logs_ready, false);
        if !is_passing(&error) {
            return error;
        }
        let delay = backoff.delay(&**engine.env(), &error);
        tracing::debug!(%error, ?delay, "the stream of logs ended");
        tokio::select! { biased;
            () = engine.asked.hurry.notified() => {}
            () = sleep(delay) => {}
        }
    }
}

/// What is followed on a stream, and how far each log is.
struct Stream<'a> {
    engine: &'a Engine,
    sealed: Sealed,
    requests: mpsc::UnboundedSender<pb::LogRequest>,
    behind: BTreeSet<LogId>,
    followed: BTreeSet<LogId>,
    /// When to ask again, and how often that was.
    refused: BTreeMap<LogId, (Instant, u32)>,
    hinted: Option<Instant>,
    /// The inbox whose invitations were followed.
    joined: Option<u64>,
}

async fn session(engine: &Engine, backoff: &mut Backoff) -> Result<std::convert::Infallible, Error> {
    let (mut notices, mut door) = (engine.store.notices(), engine.door.watch());
    let sealed = engine.sealed()?;
    // As many as there are logs; the server reads them as fast as it can.
    let (requests, incoming) = mpsc::unbounded_channel();
    let mut stream = Stream {
        engine,
        sealed: sealed.clone(),
        requests,
        behind: BTreeSet::new(),
        followed: BTreeSet::new(),
        refused: BTreeMap::new(),
        hinted: None,
        joined: None,
    };
    stream.ask().await?;
    let answer = sealed.log().subscribe(UnboundedReceiverStream::new(incoming)).await;
    let mut pages = answer.map_err(|status| stream.failed(&status))?.into_inner();
    stream.join().await?;
    stream.tell();
    loop {
        let next = stream.refused.values().map(|(at, _)| *at).filter(|at| *at > Instant::now()).min();
        let ask_again = next.unwrap_or_else(|| Instant::now() + SELDOM);
        tokio::select! { biased;
            Ok(()) = door.changed() => {
                // By the one that it came in by, the stream would end soon.
                let door = door.borrow_and_update().clone().unwrap_or_default();
                let _ = stream.requests.send(pb::LogRequest { door, ..pb::LogRequest::default() });
            }
            page = pages.message() => {
                let page = page.map_err(|status| stream.failed(&status))?.ok_or(Error::unavailable())?;
                backoff.reset();
                stream.page(page).await?;
            }
            notice = notices.recv() => {
                if matches!(notice, Ok(Notice::Logs) | Err(broadcast::error::RecvError::Lagged(_))) {
                    stream.again().await?;
                }
            }
            () = engine.invited.notified() => stream.again().await?,
            () = sleep_until(ask_again) => stream.again().await?,
        }
    }
}

impl Stream<'_> {
    fn failed(&self, status: &tonic::Status) -> Error {
        self.engine.heed(status);
        Error::of_status(status)
    }

    async fn again(&mut self) -> Result<(), Error> {
        self.join().await?;
        self.ask().await?;
        self.tell();
        Ok(())
    }

    /// Asks for the logs that are followed and were not asked for.
    async fn ask(&mut self) -> Result<(), Error> {
        let all = self.engine.store.sync_read(logs::all).await?;
        let followed: BTreeSet<LogId> = all.iter().filter(|log| log.state.is_asked_for()).map(|log| log.log).collect();
        self.followed.retain(|log| followed.contains(log));
        self.behind.retain(|log| followed.contains(log));
        for record in all.iter().filter(|record| followed.contains(&record.log)) {
            let waits = self.refused.get(&record.log).is_some_and(|(at, _)| *at > Instant::now());
            if !waits && self.followed.insert(record.log) {
                self.behind.insert(record.log);
                let body = pb::ReadBody { after: record.number, hash: record.hash.to_vec() };
                let request = self.engine.request(record, Method::Subscribe, &body);
                self.requests.send(request).map_err(|_| Error::unavailable())?;
            }
        }
        Ok(())
    }

    async fn page(&mut self, page: pb::LogPage) -> Result<(), Error> {
        let Ok(log) = LogId::try_from(page.log.as_slice()) else { return Ok(()) };
        if !page.refusal.is_empty() {
            let refusal = Refusal::decode(page.refusal.as_slice()).unwrap_or_default();
            return self.refused(log, &refusal).await;
        }
        self.refused.remove(&log);
        let received = self.engine.store.write(move |tx| receive::receive(tx, log, &page)).await;
        let received = match received {
            Err(error) if is_of_one_log(&error) => {
                tracing::error!(%error, "a page can't be received");
                return self.refused(log, &Refusal::default()).await;
            }
            received => received?,
        };
        // A hint, and any member may give it: not more often than now and then.
        if received.newer_revocations && self.hinted.is_none_or(|at| at.elapsed() > SELDOM / 15) {
            self.hinted = Some(Instant::now());
            self.engine.wanted.notify_one();
        }
        if received.caught_up {
            self.behind.remove(&log);
        }
        self.tell();
        Ok(())
    }

    /// The server refuses one log; the others go on.
    async fn refused(&mut self, log: LogId, refusal: &Refusal) -> Result<(), Error> {
        tracing::info!(reason = ?refusal.reason(), "a log is refused");
        if refusal.reason() == Reason::Clock {
            self.engine.set_clock(refusal.server_time_ms);
        }
        self.followed.remove(&log);
        self.behind.remove(&log);
        let (lost, diverged) = (refusal.reason() == Reason::NoAccess, refusal.reason() == Reason::Diverged);
        if diverged {
            self.engine.note_put_back();
        }
        let tries = self.refused.get(&log).map_or(0, |(_, tries)| *tries);
        let wait = Duration::from_millis(refusal.retry_after_ms).max(SOON * (1 << tries.min(10))).min(SELDOM);
        self.refused.insert(log, (Instant::now() + wait, tries + 1));
        self.engine
            .store
            .write(move |tx| {
                tx.set_caught_up(log, false);
                if diverged {
                    return diverge::lose(tx, log);
                }
                if let Some(record) = logs::find(tx.db, log)?.filter(|record| lost && record.state == LogState::Active)
                {
                    logs::put(tx.db, &Log { state: LogState::AccessLost, ..record.clone() })?;
                    outbox::send_elsewhere(tx.db, log)?;
                    go_on(tx, record.conversation)?;
                    tx.notice(Notice::Group(record.conversation));
                }
                Ok(())
            })
            .await?;
        self.tell();
        Ok(())
    }

    /// Online is: nothing that the server had is missing.
    fn tell(&self) {
        let joined = self.joined == Some(self.engine.inbox.load(Ordering::SeqCst));
        let ready = self.behind.is_empty() && joined;
        self.engine.behind.store(self.behind.len(), Ordering::SeqCst);
        self.engine.tell(&self.engine.logs_ready, ready);
    }

    /// Follows the invitations that wait.
    async fn join(&mut self) -> Result<(), Error> {
        let inbox = self.engine.inbox.load(Ordering::SeqCst);
        for (log, invited) in self.engine.store.sync_read(logs::invitations).await? {
            let Ok(invitation) = pb::Invitation::decode(invited.as_slice()) else { continue };
            let record = self.engine.store.sync_read(move |db| logs::find(db, log)).await?;
            let is_member = |record: &Log| record.state.is_written();
            match record {
                // Read past it, and a member still: there is nothing to join. Not read so far: what follows will tell.
                Some(record) if is_member(&record) && record.number < invitation.number => continue,
                Some(record) if is_member(&record) => {}
                _ => match self.join_one(log, &invitation).await {
                    Ok(()) | Err(Error::NotAllowed | Error::NotFound { .. }) => {}
                    Err(error) if is_of_one_log(&error) => tracing::error!(%error, "a log can't be joined"),
                    Err(error) => return Err(error),
                },
            }
            self.engine.store.write(move |tx| logs::remove_invitation(tx.db, log, &invited)).await?;
        }
        // What is being kept meanwhile may be missing: then there is another call.
        self.joined = inbox.is_multiple_of(2).then_some(inbox);
        Ok(())
    }

    async fn join_one(&mut self, log: LogId, invitation: &pb::Invitation) -> Result<(), Error> {
        let Ok(key) = LogKey::try_from(invitation.log_key.as_slice()) else { return Ok(()) };
        let record = Log::new(log, crate::conversations::group_id(log), key);
        let mut at_most = invitation.number;
        loop {
            let Some((number, snapshot)) = self.snapshot(&record, at_most).await? else {
                tracing::warn!("an invitation leads to a log without a usable snapshot");
                return Ok(());
            };
            let entries = self.entries(&record, number, invitation.number).await?;
            let material = Material { invitation: invitation.clone(), snapshot_number: number, snapshot, entries };
            let record = record.clone();
            match self
                .engine
                .store
                .write(move |tx| crate::conversations::entering::enter(tx, &record, &material))
                .await?
            {
                Ok(()) => {
                    // Asked for at once, from where it was entered: what was refused, and what was still followed from before.
                    self.refused.remove(&log);
                    self.followed.remove(&log);
                    return Ok(());
                }
                // Another member's false snapshot: an older one will do.
                Err(CannotJoin::Snapshot) if number > 0 => at_most = number - 1,
                Err(CannotJoin::Store(error)) => return Err(error),
                Err(cannot) => {
                    tracing::warn!(?cannot, "an invitation leads nowhere");
                    return Ok(());
                }
            }
        }
    }

    async fn snapshot(&self, record: &Log, at_most: u64) -> Result<Option<(u64, Vec<u8>)>, Error> {
        let request = self.engine.request(record, Method::GetSnapshot, &pb::GetSnapshotBody { at_most });
        match self.sealed.log().get_snapshot(request).await {
            Ok(answer) => {
                let answer = answer.into_inner();
                Ok((answer.number <= at_most).then_some((answer.number, answer.sealed)))
            }
            Err(status) => match self.failed(&status) {
                Error::NotFound { .. } => Ok(None),
                error => Err(error),
            },
        }
    }

    /// The entries after `from`, up to `to`.
    async fn entries(&self, record: &Log, from: u64, to: u64) -> Result<Vec<pb::Entry>, Error> {
        let mut entries: Vec<pb::Entry> = Vec::new();
        loop {
            let after = entries.last().map_or(from, |entry| entry.number);
            if after >= to {
                return Ok(entries);
            }
            let request = self.engine.request(record, Method::Read, &pb::ReadBody { after, hash: Vec::new() });
            let page = self.sealed.log().read(request).await.map_err(|status| self.failed(&status))?.into_inner();
            let wanted = page.entries.into_iter().filter(|entry| entry.number > after && entry.number <= to);
            let before = entries.len();
            entries.extend(wanted);
            let bytes: usize = entries.iter().map(|entry| entry.sealed.len()).sum();
            if bytes > JOIN_BYTES {
                return Err(Error::NotFound { what: What::Conversation });
            }
            if entries.len() == before {
                return Ok(entries);
            }
        }
    }
}

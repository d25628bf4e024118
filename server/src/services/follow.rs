//! The task behind one stream of logs: it serves many logs in turn, a page at a time, and holds one page at most, for which
//! there is room, so that a slow reader delays itself alone.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use pli_proto::id::LogId;
use pli_proto::limits::STREAM_LOGS;
use pli_proto::pb;
use pli_proto::refusal::{Reason, Refusal};
use pli_proto::row::AccessKey;
use pli_proto::signed::{Hash, Method};
use prost::Message;
use tokio::time::Instant;
use tonic::{Status, Streaming};

use super::Shared;
use super::gate::Sealed;
use super::log::log_page;
use super::paced::Outgoing;
use crate::admission::upload::TOO_LONG;
use crate::engine::EngineError;
use crate::fanout::{Listener, Topic};

pub(crate) struct Follower {
    shared: Arc<Shared>,
    sealed: Sealed,
    requests: Option<Streaming<pb::LogRequest>>,
    pages: Arc<Outgoing<pb::LogPage>>,
    listener: Arc<dyn Listener>,
    logs: BTreeMap<LogId, Place>,
    /// Logs that may have something new.
    due: BTreeSet<LogId>,
    /// The log served last: the next in order is served next, so that a busy one leaves room for the others.
    last: Option<LogId>,
}

/// Where the stream stands in one log.
struct Place {
    row: AccessKey,
    after: u64,
    /// What the reader knows to be there; asked about once.
    hash: Option<Hash>,
    /// A page said that there was nothing more, and nothing was sent since.
    said_caught_up: bool,
}

enum Event {
    Request(Option<Result<pb::LogRequest, Status>>),
    News(Topic),
    Reread,
    /// A log is due, or the door key may have ended.
    Look,
}

impl Follower {
    pub(crate) fn new(
        shared: Arc<Shared>,
        sealed: Sealed,
        requests: Streaming<pb::LogRequest>,
        pages: Outgoing<pb::LogPage>,
    ) -> Self {
        let listener = shared.fanout.listen();
        listener.watch(Topic::Directory);
        Self {
            shared,
            sealed,
            requests: Some(requests),
            pages: Arc::new(pages),
            listener,
            logs: BTreeMap::new(),
            due: BTreeSet::new(),
            last: None,
        }
    }

    pub(crate) async fn run(mut self) {
        let (mut ending, pages) = (self.shared.ending.clone(), self.pages.clone());
        let shared = self.shared.clone();
        let end = tokio::select! { biased;
            () = shared.stops(&mut ending) => shared.stopping(),
            () = pages.closed() => return,
            Err(end) = self.serve() => end,
        };
        pages.end(end).await;
    }

    /// Serves until the stream has to end, and says why.
    async fn serve(&mut self) -> Result<Infallible, Status> {
        let mut reread = Instant::now() + self.shared.limits.reread;
        loop {
            let left = self.check_door()?;
            match self.event(reread, left).await {
                Event::Request(Some(Ok(request))) if !request.door.is_empty() => self.show(&request.door),
                Event::Request(Some(Ok(request))) => {
                    if let Err((log, refusal)) = self.start(&request) {
                        self.end_log(log, &refusal).await;
                    }
                }
                Event::Request(Some(Err(status))) if status.message() == TOO_LONG => {
                    return Err(self.shared.refuse(Reason::Invalid, TOO_LONG));
                }
                // The client says no more; it goes on listening.
                Event::Request(_) => self.requests = None,
                Event::News(Topic::Log(log)) => {
                    self.due.insert(log);
                }
                Event::News(_) | Event::Look => {}
                Event::Reread => {
                    self.due.extend(self.logs.keys());
                    reread = Instant::now() + self.shared.limits.reread;
                }
            }
            if let Some(log) = self.next_due() {
                self.advance(log).await?;
            }
        }
    }

    async fn event(&mut self, reread: Instant, left: Duration) -> Event {
        let is_due = !self.due.is_empty();
        let requests = &mut self.requests;
        let request = async {
            match requests {
                Some(requests) => requests.message().await.transpose(),
                None => std::future::pending().await,
            }
        };
        tokio::select! { biased;
            request = request => Event::Request(request),
            topic = self.listener.next() => Event::News(topic),
            () = std::future::ready(()), if is_due => Event::Look,
            () = tokio::time::sleep_until(reread) => Event::Reread,
            () = tokio::time::sleep(left) => Event::Look,
        }
    }

    /// Starts a log, or starts it again from elsewhere.
    fn start(&mut self, request: &pb::LogRequest) -> Result<(), (Vec<u8>, Refusal)> {
        // What is no log id is named by its beginning: the answer must not be as long as the question may be.
        let named = request.log.iter().copied().take(16).collect::<Vec<u8>>();
        let refused = |refusal| (named.clone(), refusal);
        let limit = |ms| refused(self.shared.refusal(Reason::Limit, ms));
        self.shared.rates.address.take(self.sealed.address, 1).map_err(limit)?;
        let verified = self.shared.verified::<pb::ReadBody>(Method::Subscribe, request);
        let of_status = |status| refused(Refusal::of(&status).unwrap_or_default());
        let (log, row, body) = verified.map_err(of_status)?;
        let hash = self.shared.known_hash(&body).map_err(of_status)?;
        if self.logs.len() >= STREAM_LOGS && !self.logs.contains_key(&log) {
            return Err(limit(0));
        }
        // Watched before it is first read, or an append in between would go unnoticed.
        self.listener.watch(Topic::Log(log));
        self.logs.insert(log, Place { row, after: body.after, hash, said_caught_up: false });
        self.due.insert(log);
        Ok(())
    }

    fn next_due(&mut self) -> Option<LogId> {
        let from = self.last.map_or(Bound::Unbounded, Bound::Excluded);
        let next = self.due.range((from, Bound::Unbounded)).next().or_else(|| self.due.first()).copied();
        if let Some(log) = next {
            self.due.remove(&log);
            self.last = Some(log);
        }
        next
    }

    /// A stream goes on for as long as the door key that was shown last.
    fn show(&mut self, door: &[u8]) {
        let shared = &self.shared;
        if shared.rates.address.take(self.sealed.address, 1).is_ok()
            && let Some(key) = shared.door.opened_by(door)
        {
            self.sealed.door = key;
        }
    }

    /// For how long the stream may go on.
    fn check_door(&self) -> Result<Duration, Status> {
        let left = self.shared.door.left(self.sealed.door);
        left.ok_or_else(|| self.shared.refuse(Reason::Door, "the door key is no longer today's"))
    }

    /// Sends the next page of a log, if there is anything to say.
    async fn advance(&mut self, log: LogId) -> Result<(), Status> {
        let Some(place) = self.logs.get_mut(&log) else { return Ok(()) };
        let (row, after, hash) = (place.row, place.after, place.hash.take());
        let engine = &self.shared.engine;
        let read = self.shared.weighed(|most| engine.read(log, row, after, hash, most)).await;
        // It may have waited for room for long.
        self.check_door()?;
        let (page, share) = match read {
            Ok(read) => read,
            Err(error @ EngineError::Refused(_)) => {
                let (refusal, _) = self.shared.engine_refusal(error);
                self.forget(log);
                self.end_log(log.to_vec(), &refusal).await;
                return Ok(());
            }
            Err(error) => return Err(self.shared.engine_error(error)),
        };
        let Some(place) = self.logs.get_mut(&log) else { return Ok(()) };
        if let Some(last) = page.entries.last() {
            place.after = last.number;
        }
        let (ended, is_caught_up) = (page.ended, page.caught_up());
        if !is_caught_up && !ended {
            self.due.insert(log);
        }
        if !page.entries.is_empty() || is_caught_up && !place.said_caught_up {
            place.said_caught_up = is_caught_up;
            self.pages.send(log_page(log, after, page), share).await;
        }
        if ended {
            self.forget(log);
            let refusal = self.shared.refusal(Reason::NoAccess, 0);
            self.end_log(log.to_vec(), &refusal).await;
        }
        Ok(())
    }

    fn forget(&mut self, log: LogId) {
        self.listener.forget(Topic::Log(log));
        self.logs.remove(&log);
        self.due.remove(&log);
    }

    /// Tells that one log's part of the stream is over.
    async fn end_log(&self, log: Vec<u8>, refusal: &Refusal) {
        let page = pb::LogPage { log, refusal: refusal.encode_to_vec(), ..pb::LogPage::default() };
        self.pages.send(page, None).await;
    }
}

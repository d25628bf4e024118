//! Logs. Each request is signed by a row; who stands behind it the server does not learn.

use std::sync::Arc;

use pli_proto::id::LogId;
use pli_proto::limits::ENTRY_BYTES;
use pli_proto::pb;
use pli_proto::pb::log_server::Log;
use pli_proto::refusal::Reason;
use pli_proto::row::AccessKey;
use pli_proto::rows::{self, Changes};
use pli_proto::signed::{self, Hash, Method};
use prost::Message;
use tonic::{Request, Response, Status, Streaming};

use super::follow::Follower;
use super::gate::Sealed;
use super::paced::{Held, Outgoing};
use super::{Pages, Shared};
use crate::engine::{Append, Page};
use crate::fanout::Topic;

/// What a row that an entry asks for weighs: in the entry, and among those that are kept of the log.
const ROW_BYTES: usize = 128;

pub(crate) struct LogService(pub(crate) Arc<Shared>);

#[tonic::async_trait]
impl Log for LogService {
    async fn create(&self, request: Request<pb::LogRequest>) -> Result<Response<pb::CreateResponse>, Status> {
        let shared = &self.0;
        let Sealed { address, .. } = shared.extension(&request)?;
        let (log, row, body) = shared.verified::<pb::CreateBody>(Method::Create, &request.into_inner())?;
        shared.rate(shared.rates.create.take(address, 1))?;
        shared.check_sealed_size(&body.snapshot)?;
        shared.rate(shared.rates.keep(address, (log, row), body.snapshot.len()))?;
        if !rows::is_strong(&row) {
            return Err(shared.refuse(Reason::Invalid, "the row's key is malformed"));
        }
        let created = shared.engine.create_log(log, row, body.snapshot).await;
        created.map_err(|error| shared.engine_error(error))?;
        Ok(Response::new(pb::CreateResponse {}))
    }

    async fn append(&self, request: Request<pb::LogRequest>) -> Result<Response<pb::AppendResponse>, Status> {
        let shared = &self.0;
        let Sealed { address, .. } = shared.extension(&request)?;
        let (log, row, entry) = shared.verified::<pb::Entry>(Method::Append, &request.into_inner())?;
        shared.rate(shared.rates.row.take((log, row), 1))?;
        let changes = shared.check_entry(row, &entry)?;
        let bytes = entry.sealed.len() + entry.rows.len() * ROW_BYTES;
        shared.rate(shared.rates.keep(address, (log, row), bytes))?;
        let append = Append {
            log,
            by: row,
            digest: signed::entry_digest(log, &entry),
            entry,
            changes,
            now_ms: shared.env.now_ms(),
            commits_per_day: shared.limits.commits_per_day,
        };
        let appended = shared.engine.append(append).await.map_err(|error| shared.engine_error(error))?;
        shared.fanout.publish(Topic::Log(log));
        Ok(Response::new(pb::AppendResponse {
            number: appended.number,
            hash: appended.hash.to_vec(),
            received_ms: appended.received_ms,
        }))
    }

    async fn read(&self, request: Request<pb::LogRequest>) -> Result<Response<pb::LogPage>, Status> {
        let shared = &self.0;
        let held = shared.extension::<Held, _>(&request)?;
        let (log, row, body) = shared.verified::<pb::ReadBody>(Method::Read, &request.into_inner())?;
        let hash = shared.known_hash(&body)?;
        let read = shared.weighed(|most| shared.engine.read(log, row, body.after, hash, most)).await;
        let (page, share) = read.map_err(|error| shared.engine_error(error))?;
        held.keep(share);
        if page.ended && page.entries.is_empty() {
            return Err(shared.refuse(Reason::NoAccess, "the row was cut"));
        }
        Ok(Response::new(log_page(log, body.after, page)))
    }

    type SubscribeStream = Pages<pb::LogPage>;

    async fn subscribe(
        &self,
        request: Request<Streaming<pb::LogRequest>>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        let shared = &self.0;
        let sealed = shared.extension(&request)?;
        let (pages, respond) = Outgoing::new(shared.extension::<Held, _>(&request)?, shared.limits.patience);
        let follower = Follower::new(shared.clone(), sealed, request.into_inner(), pages);
        Ok(respond(shared.env.spawn(Box::pin(follower.run()))))
    }

    async fn put_snapshot(
        &self,
        request: Request<pb::LogRequest>,
    ) -> Result<Response<pb::PutSnapshotResponse>, Status> {
        let shared = &self.0;
        let Sealed { address, .. } = shared.extension(&request)?;
        let (log, row, body) = shared.verified::<pb::SnapshotBody>(Method::PutSnapshot, &request.into_inner())?;
        shared.rate(shared.rates.row.take((log, row), 1))?;
        shared.check_sealed_size(&body.sealed)?;
        shared.rate(shared.rates.keep(address, (log, row), body.sealed.len()))?;
        let put = shared.engine.put_snapshot(log, row, body.number, body.sealed).await;
        put.map_err(|error| shared.engine_error(error))?;
        Ok(Response::new(pb::PutSnapshotResponse {}))
    }

    async fn get_snapshot(&self, request: Request<pb::LogRequest>) -> Result<Response<pb::SnapshotBody>, Status> {
        let shared = &self.0;
        let held = shared.extension::<Held, _>(&request)?;
        let (log, row, body) = shared.verified::<pb::GetSnapshotBody>(Method::GetSnapshot, &request.into_inner())?;
        let found = shared.weighed(|most| shared.engine.snapshot(log, row, body.at_most, most)).await;
        let (found, share) = found.map_err(|error| shared.engine_error(error))?;
        held.keep(share);
        Ok(Response::new(pb::SnapshotBody { number: found.number, sealed: found.sealed.unwrap_or_default() }))
    }
}

impl Shared {
    /// Log, row and body of a request whose time and signature are right.
    pub(crate) fn verified<B: Message + Default>(
        &self,
        method: Method,
        request: &pb::LogRequest,
    ) -> Result<(LogId, AccessKey, B), Status> {
        let log = LogId::try_from(request.log.as_slice());
        let row = AccessKey::try_from(request.row_key.as_slice());
        let (Ok(log), Ok(row)) = (log, row) else {
            return Err(self.refuse(Reason::Invalid, "a log or row is missing or malformed"));
        };
        self.check_clock(request.time_ms)?;
        let content = signed::request(&self.authority.root_key(), method, request);
        if !row.verifies(&content, &request.signature) {
            return Err(self.refuse(Reason::Signature, "the signature is not the row's"));
        }
        let body = B::decode(request.request.as_slice());
        let body = body.map_err(|_| self.refuse(Reason::Invalid, "the request is malformed"))?;
        Ok((log, row, body))
    }

    /// The running hash that a reader knows, if it says one.
    pub(crate) fn known_hash(&self, body: &pb::ReadBody) -> Result<Option<Hash>, Status> {
        if body.hash.is_empty() {
            return Ok(None);
        }
        let hash = body.hash.as_slice().try_into();
        hash.map(Some).map_err(|_| self.refuse(Reason::Invalid, "the hash is malformed"))
    }

    /// What a well-formed entry asks of rows.
    fn check_entry(&self, by: AccessKey, entry: &pb::Entry) -> Result<Changes, Status> {
        let is_formed = entry.kind() != pb::EntryKind::Unspecified && entry.parent_hash.len() == 32;
        // Of rows a message asks at most that its signer's own goes.
        let is_its = |changes: &Changes| {
            entry.kind() == pb::EntryKind::Commit || changes.rows.iter().all(|asked| asked.key == by)
        };
        self.check_sealed_size(&entry.sealed)?;
        let changes = Changes::of(entry).filter(|changes| is_formed && is_its(changes));
        changes.ok_or_else(|| self.refuse(Reason::Invalid, "the entry is malformed"))
    }

    fn check_sealed_size(&self, sealed: &[u8]) -> Result<(), Status> {
        if (1..=ENTRY_BYTES).contains(&sealed.len()) {
            return Ok(());
        }
        Err(self.refuse(Reason::Invalid, "what is sealed is missing or too long"))
    }
}

/// A page as readers get it; it follows `after`.
pub(crate) fn log_page(log: LogId, after: u64, page: Page) -> pb::LogPage {
    let told = page.told;
    pb::LogPage {
        log: log.to_vec(),
        entries: page.entries,
        caught_up: told.is_some(),
        refusal: Vec::new(),
        after,
        rank: told.map_or(0, |told| told.rank),
        rows: told.map_or_else(Vec::new, |told| told.rows.to_vec()),
    }
}

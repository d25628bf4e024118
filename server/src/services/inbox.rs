//! Inboxes: anyone delivers on the sealed connection; the device follows its own on the known one.

use std::pin::pin;
use std::sync::Arc;

use pli_proto::certificate::DeviceCertificate;
use pli_proto::id::DeviceId;
use pli_proto::limits::INBOX_ITEM_BYTES;
use pli_proto::pb;
use pli_proto::pb::inbox_server::Inbox;
use pli_proto::refusal::Reason;
use pli_proto::signed::Label;
use tokio::time::Instant;
use tonic::{Request, Response, Status};

use super::gate::Known;
use super::paced::{Held, Outgoing};
use super::{IS_TOLD, Pages, Shared};
use crate::config::HOUR_MS;
use crate::engine::Versions;
use crate::fanout::{Listener, Topic};

pub(crate) struct InboxService(pub(crate) Arc<Shared>);

#[tonic::async_trait]
impl Inbox for InboxService {
    async fn deliver(&self, request: Request<pb::DeliverRequest>) -> Result<Response<pb::DeliverResponse>, Status> {
        let shared = &self.0;
        let pb::DeliverRequest { device, id, sealed } = request.into_inner();
        let (Ok(device), Ok(id)) = (DeviceId::try_from(device.as_slice()), id.try_into()) else {
            return Err(shared.refuse(Reason::Invalid, "a device or id is missing or malformed"));
        };
        if sealed.is_empty() || sealed.len() > INBOX_ITEM_BYTES {
            return Err(shared.refuse(Reason::Invalid, "the item is empty or too long"));
        }
        let delivered = shared.engine.deliver(device, id, sealed, shared.env.now_ms()).await;
        delivered.map_err(|error| shared.engine_error(error))?;
        shared.fanout.publish(Topic::Inbox(device));
        Ok(Response::new(pb::DeliverResponse {}))
    }

    type FollowStream = Pages<pb::InboxPage>;

    async fn follow(&self, request: Request<pb::FollowRequest>) -> Result<Response<Self::FollowStream>, Status> {
        let shared = &self.0;
        let Known { device, certificate, .. } = shared.extension(&request)?;
        let listener = shared.fanout.listen();
        listener.watch(Topic::Inbox(device));
        listener.watch(Topic::Directory);
        let (pages, respond) = Outgoing::new(shared.extension::<Held, _>(&request)?, shared.limits.patience);
        let (pages, shared) = (Arc::new(pages), shared.clone());
        let checked_ms = shared.env.now_ms();
        let shown = (certificate, checked_ms);
        let follower =
            Follower { shared: shared.clone(), device, shown, after: 0, told: None, tells: None, listener, pages };
        Ok(respond(shared.env.spawn(Box::pin(follower.run()))))
    }

    async fn acknowledge(
        &self,
        request: Request<pb::DeviceRequest>,
    ) -> Result<Response<pb::AcknowledgeResponse>, Status> {
        let (Known { device, .. }, body) = self.0.signed::<pb::AcknowledgeBody>(Label::Acknowledge, &request)?;
        let done = self.0.engine.acknowledge(device, body.up_to).await;
        done.map_err(|error| self.0.engine_error(error))?;
        Ok(Response::new(pb::AcknowledgeResponse {}))
    }
}

/// The task behind one stream.
struct Follower {
    shared: Arc<Shared>,
    device: DeviceId,
    /// The device's TLS certificate, and when it was looked at last.
    shown: (Arc<DeviceCertificate>, u64),
    /// The last item that was sent.
    after: u64,
    /// What was last said to be newest; `None` before the first page.
    told: Option<Versions>,
    /// When to tell what is newer.
    tells: Option<Instant>,
    listener: Arc<dyn Listener>,
    pages: Arc<Outgoing<pb::InboxPage>>,
}

impl Follower {
    async fn run(mut self) {
        let (shared, pages, listener) = (self.shared.clone(), self.pages.clone(), self.listener.clone());
        let mut ending = shared.ending.clone();
        let mut stops = pin!(shared.stops(&mut ending));
        loop {
            let step = async {
                let caught_up = self.send_news().await?;
                if caught_up {
                    let reread = Instant::now() + self.shared.limits.reread;
                    let next = self.tells.map_or(reread, |tells| tells.min(reread));
                    let _ = tokio::time::timeout_at(next, listener.next()).await;
                }
                Ok(())
            };
            let stop = tokio::select! { biased;
                () = &mut stops => Some(shared.stopping()),
                () = pages.closed() => return,
                step = step => step.err(),
            };
            if let Some(status) = stop {
                return pages.end(status).await;
            }
        }
    }

    /// What is to be said to be newest. Whatever is new is told to each at a moment of its own: all come for it.
    fn newest_said(&mut self) -> Versions {
        let newest = self.shared.door.versions();
        let Some(told) = self.told.filter(|told| *told != newest) else {
            self.tells = None;
            return newest;
        };
        let shared = &self.shared;
        let tells =
            *self.tells.get_or_insert_with(|| Instant::now() + shared.moment(IS_TOLD, shared.limits.door_grace / 2));
        if tells <= Instant::now() { newest } else { told }
    }

    /// Sends a page if there is something to say; whether that is all for now.
    async fn send_news(&mut self) -> Result<bool, Status> {
        let shared = self.shared.clone();
        let versions = self.newest_said();
        let (certificate, checked_ms) = &mut self.shown;
        // A stream may outlive the certificate that it came in by.
        let is_due = shared.env.now_ms().saturating_sub(*checked_ms) >= HOUR_MS;
        let news = self.told.is_none_or(|told| told.revocations != versions.revocations);
        if news || is_due || shared.authority.has_ended(&certificate.issuer) {
            shared.standing(certificate).await?;
            *checked_ms = shared.env.now_ms();
        }
        let (device, after) = (self.device, self.after);
        let batch = shared.weighed(|most| shared.engine.inbox(device, after, most)).await;
        let (batch, share) = batch.map_err(|error| shared.engine_error(error))?;
        if batch.items.is_empty() && self.told == Some(versions) {
            return Ok(true);
        }
        if let Some(last) = batch.items.last() {
            self.after = last.number;
        }
        self.told = Some(versions);
        let page = pb::InboxPage {
            items: batch.items,
            caught_up: batch.caught_up,
            directory_version: versions.directory,
            revocations: versions.revocations,
            issuers: versions.issuers,
        };
        self.pages.send(page, share).await;
        Ok(batch.caught_up)
    }
}

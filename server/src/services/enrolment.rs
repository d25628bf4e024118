//! Coming in: the version handshake, enrolment, renewal, the door key.

use std::sync::Arc;

use pli_proto::id::DeviceId;
use pli_proto::pb::enrolment_server::Enrolment;
use pli_proto::refusal::Reason;
use pli_proto::signed::{self, Label};
use pli_proto::{OLDEST_PROTOCOL, PROTOCOL, limits, pb, row};
use tonic::{Request, Response, Status};

use super::Shared;
use super::gate::Known;
use crate::authority::invitations::Keys;
use crate::config::DAY_MS;

/// Tokens have 16 bytes; no need to hash what is much longer.
const TOKEN_BYTES: usize = 64;

pub(crate) struct EnrolmentService(pub(crate) Arc<Shared>);

#[tonic::async_trait]
impl Enrolment for EnrolmentService {
    async fn hello(&self, _: Request<pb::HelloRequest>) -> Result<Response<pb::HelloResponse>, Status> {
        Ok(Response::new(pb::HelloResponse {
            oldest_protocol: OLDEST_PROTOCOL,
            newest_protocol: PROTOCOL,
            server_time_ms: self.0.env.now_ms(),
            issuer: self.0.authority.issuer().certificate(),
            root: self.0.authority.root().to_vec(),
        }))
    }

    async fn enrol(&self, request: Request<pb::EnrolRequest>) -> Result<Response<pb::EnrolResponse>, Status> {
        let shared = &self.0;
        let pb::EnrolRequest { token, mls_key, tls_key, mls_signature, tls_signature } = request.into_inner();
        let (Ok(mls_key), Ok(tls_key), true) =
            (mls_key.try_into(), tls_key.try_into(), !token.is_empty() && token.len() <= TOKEN_BYTES)
        else {
            return Err(shared.refuse(Reason::Invalid, "a token or key is missing or too long"));
        };
        let keys = Keys { token, mls_key, tls_key, mls_signature, tls_signature };
        let enrolled = shared.authority.enrol(keys).await.map_err(|error| shared.authority_error(error))?;
        shared.refresh().await.map_err(|error| shared.engine_error(error))?;
        Ok(Response::new(pb::EnrolResponse {
            person: enrolled.person.to_vec(),
            device: enrolled.device.to_vec(),
            mls_certificate: enrolled.mls_certificate,
            tls_certificate: enrolled.tls_certificate,
            issuer: enrolled.issuer,
            root: shared.authority.root().to_vec(),
        }))
    }

    async fn renew(&self, request: Request<pb::RenewRequest>) -> Result<Response<pb::RenewResponse>, Status> {
        let shared = &self.0;
        let pb::RenewRequest { device, tls_key, time_ms, signature } = request.into_inner();
        let (Ok(id), Ok(key)) = (DeviceId::try_from(device.as_slice()), <[u8; 32]>::try_from(tls_key)) else {
            return Err(shared.refuse(Reason::Invalid, "a device or key is missing or malformed"));
        };
        shared.check_clock(time_ms)?;
        let found = shared.engine.device(id).await.map_err(|error| shared.engine_error(error))?;
        let found = found.ok_or_else(|| shared.refuse(Reason::NotEnrolled, "no such device"))?;
        let content = signed::content(Label::Renew, &[&id.0, &key, &time_ms.to_be_bytes()]);
        if !row::verify(&found.mls_key, &content, &signature) {
            return Err(shared.refuse(Reason::Signature, "the signature is not the device's"));
        }
        if found.revoked {
            return Err(shared.refuse(Reason::Revoked, "the device was revoked"));
        }
        let renewed = shared.authority.renew(&found, key).await;
        let (tls_certificate, issuer) = renewed.map_err(|error| shared.authority_error(error))?;
        Ok(Response::new(pb::RenewResponse { tls_certificate, issuer }))
    }

    async fn door(&self, request: Request<pb::DoorRequest>) -> Result<Response<pb::DoorResponse>, Status> {
        let Known { device, .. } = self.0.extension(&request)?;
        let today_ms = self.0.env.now_ms() / DAY_MS * DAY_MS;
        let found = self.0.engine.device(device).await.map_err(|error| self.0.engine_error(error))?;
        if found.is_some_and(|found| found.seen_ms < today_ms) {
            self.0.engine.seen(device, today_ms).await.map_err(|error| self.0.engine_error(error))?;
        }
        // Nobody is given a key that a revocation by another process has ended.
        self.0.refresh().await.map_err(|error| self.0.engine_error(error))?;
        let (key, next_ms, until_ms) = self.0.door.today();
        Ok(Response::new(pb::DoorResponse { key, next_ms, until_ms, server_time_ms: self.0.env.now_ms() }))
    }
}

impl Shared {
    /// Refuses what was signed too far from now: a recorded request is of use no longer.
    pub(crate) fn check_clock(&self, time_ms: u64) -> Result<(), Status> {
        let apart_ms = u128::from(self.env.now_ms().abs_diff(time_ms));
        if apart_ms <= limits::CLOCK_SKEW.as_millis() {
            return Ok(());
        }
        Err(self.refuse(Reason::Clock, "the request's time is too far from the server's"))
    }
}

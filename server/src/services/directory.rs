//! Who is who, and who is no longer.

use std::sync::Arc;

use pli_proto::id::DeviceId;
use pli_proto::issuers;
use pli_proto::limits::PEOPLE_PAGE;
use pli_proto::pb;
use pli_proto::pb::directory_server::Directory;
use pli_proto::refusal::Reason;
use pli_proto::signed::Label;
use tonic::{Request, Response, Status};

use super::Shared;
use super::gate::Known;
use crate::engine::Device;

pub(crate) struct DirectoryService(pub(crate) Arc<Shared>);

#[tonic::async_trait]
impl Directory for DirectoryService {
    async fn people(&self, request: Request<pb::PeopleRequest>) -> Result<Response<pb::PeopleResponse>, Status> {
        let page = self.0.engine.people(request.into_inner().since, PEOPLE_PAGE).await;
        let page = page.map_err(|error| self.0.engine_error(error))?;
        Ok(Response::new(pb::PeopleResponse {
            version: page.version,
            more: page.more,
            people: page.people,
            organisation: self.0.authority.organisation().name.clone(),
        }))
    }

    async fn revocations(
        &self,
        request: Request<pb::RevocationsRequest>,
    ) -> Result<Response<pb::RevocationList>, Status> {
        let list = self.0.engine.revocations(request.into_inner().since).await;
        Ok(Response::new(list.map_err(|error| self.0.engine_error(error))?))
    }

    async fn issuers(&self, request: Request<pb::IssuersRequest>) -> Result<Response<pb::IssuersResponse>, Status> {
        let found = self.0.engine.issuer_end(request.into_inner().since).await;
        let found = found.map_err(|error| self.0.engine_error(error))?;
        Ok(Response::new(match found {
            Some((end, kept)) => pb::IssuersResponse { end: Some(end), kept: issuers::join(kept) },
            None => pb::IssuersResponse::default(),
        }))
    }

    async fn seen(&self, request: Request<pb::SeenRequest>) -> Result<Response<pb::SeenResponse>, Status> {
        let shared = &self.0;
        let Known { device: caller, .. } = shared.extension(&request)?;
        let own = shared.engine.device(caller).await.map_err(|error| shared.engine_error(error))?;
        let own = own.ok_or_else(|| shared.refuse(Reason::NotEnrolled, "no such device"))?;
        let devices = shared.engine.devices_of(own.person).await.map_err(|error| shared.engine_error(error))?;
        let devices = devices.unwrap_or_default().into_iter();
        let seen = |device: Device| pb::SeenDevice { id: device.id.to_vec(), day_ms: device.seen_ms };
        Ok(Response::new(pb::SeenResponse { devices: devices.map(seen).collect() }))
    }

    async fn revoke(&self, request: Request<pb::DeviceRequest>) -> Result<Response<pb::RevokeResponse>, Status> {
        let shared = &self.0;
        let (Known { device: caller, .. }, body) = shared.signed::<pb::RevokeBody>(Label::Revoke, &request)?;
        let Ok(device) = DeviceId::try_from(body.device.as_slice()) else {
            return Err(shared.refuse(Reason::Invalid, "a device is missing or malformed"));
        };
        let found = async |id| shared.engine.device(id).await.map_err(|error| shared.engine_error(error));
        let (own, other) = (found(caller).await?, found(device).await?);
        if other.is_none() || own.map(|own| own.person) != other.map(|other| other.person) {
            return Err(shared.refuse(Reason::NotYours, "the device is not one of the caller's person"));
        }
        shared.authority.revoke(device).await.map_err(|error| shared.authority_error(error))?;
        shared.refresh().await.map_err(|error| shared.engine_error(error))?;
        Ok(Response::new(pb::RevokeResponse {}))
    }
}

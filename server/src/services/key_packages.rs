//! Key packages: published by their device on the known connection, taken by anyone on the sealed one.

use std::sync::Arc;

use pli_proto::id::DeviceId;
use pli_proto::limits::{KEY_PACKAGE_BYTES, KEY_PACKAGES, TAKE_DEVICES};
use pli_proto::pb::key_packages_server::KeyPackages;
use pli_proto::refusal::Reason;
use pli_proto::signed::{self, Label};
use pli_proto::{pb, row};
use prost::Message;
use tonic::{Request, Response, Status};

use super::Shared;
use super::gate::{Known, Sealed};
use crate::engine::Publication;

/// An HPKE key; one of X-Wing has 1,216 bytes.
const INBOX_KEY_BYTES: usize = 2_048;

pub(crate) struct KeyPackagesService(pub(crate) Arc<Shared>);

#[tonic::async_trait]
impl KeyPackages for KeyPackagesService {
    async fn publish(&self, request: Request<pb::DeviceRequest>) -> Result<Response<pb::PublishResponse>, Status> {
        let shared = &self.0;
        let (Known { device, mls_key, .. }, body) = shared.signed::<pb::PublishBody>(Label::Publish, &request)?;
        let pb::PublishBody { packages, last_resort, inbox_key, inbox_key_signature, replace } = body;
        let fits = |package: &Vec<u8>| !package.is_empty() && package.len() <= KEY_PACKAGE_BYTES;
        let last_resort = Some(last_resort).filter(|package| !package.is_empty());
        if packages.len() > KEY_PACKAGES as usize || !packages.iter().chain(&last_resort).all(fits) {
            return Err(shared.refuse(Reason::Invalid, "too many key packages, or one is empty or too long"));
        }
        let inbox_key = match inbox_key {
            key if key.is_empty() => None,
            key if key.len() <= INBOX_KEY_BYTES => Some((key, inbox_key_signature)),
            _ => return Err(shared.refuse(Reason::Invalid, "the inbox key is too long")),
        };
        if let Some((key, signature)) = &inbox_key {
            let content = signed::content(Label::InboxKey, &[&device.0, key]);
            if !row::verify(&mls_key, &content, signature) {
                return Err(shared.refuse(Reason::Signature, "the inbox key is not signed by the device"));
            }
        }
        let publication = Publication { device, packages, last_resort, inbox_key, replace };
        let stock = shared.engine.publish(publication).await.map_err(|error| shared.engine_error(error))?;
        Ok(Response::new(pb::PublishResponse { stock: stock.single_use, has_last_resort: stock.last_resort }))
    }

    async fn take(&self, request: Request<pb::TakeRequest>) -> Result<Response<pb::TakeResponse>, Status> {
        let shared = &self.0;
        let Sealed { address, .. } = shared.extension(&request)?;
        let pb::TakeRequest { devices: asked, last_resort } = request.into_inner();
        if asked.len() > TAKE_DEVICES {
            return Err(shared.refuse(Reason::Invalid, "too many devices at once"));
        }
        let mut devices: Vec<DeviceId> = Vec::with_capacity(asked.len());
        for device in &asked {
            let device = DeviceId::try_from(device.as_slice());
            let device = device.map_err(|_| shared.refuse(Reason::Invalid, "a device's id is malformed"))?;
            if !devices.contains(&device) {
                devices.push(device);
            }
        }
        // Each takes something away from others.
        shared.rate(shared.rates.take.take(address, devices.len() as u32))?;
        let packages = shared.engine.take(devices, last_resort, shared.env.now_ms()).await;
        Ok(Response::new(pb::TakeResponse { packages: packages.map_err(|error| shared.engine_error(error))? }))
    }
}

impl Shared {
    /// The device that calls, and the body that its MLS key signed: whoever has its TLS key alone does nothing in its name.
    pub(crate) fn signed<B: Message + Default>(
        &self,
        label: Label,
        request: &Request<pb::DeviceRequest>,
    ) -> Result<(Known, B), Status> {
        let known: Known = self.extension(request)?;
        let request = request.get_ref();
        self.check_clock(request.time_ms)?;
        let content = signed::device_request(&self.authority.root_key(), label, known.device, request);
        if !row::verify(&known.mls_key, &content, &request.signature) {
            return Err(self.refuse(Reason::Signature, "the request is not signed by the device's MLS key"));
        }
        let body = B::decode(request.request.as_slice());
        Ok((known, body.map_err(|_| self.refuse(Reason::Invalid, "the request is malformed"))?))
    }

    /// What the gate found out about the caller.
    pub(crate) fn extension<T: Clone + Send + Sync + 'static, R>(&self, request: &Request<R>) -> Result<T, Status> {
        // Absent only if a method were classed wrongly in the gate: refuse rather than serve.
        request.extensions().get::<T>().cloned().ok_or_else(|| self.refuse(Reason::NotEnrolled, "not admitted"))
    }
}

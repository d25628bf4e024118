//! What every call passes before its body is read: protocol version, who calls, door key, rates, a place, a time limit.
//!
//! The known connection presents a device's TLS certificate; the sealed one must present none, so that no client links
//! its device to its logs by accident.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pli_env::Peer;
use pli_proto::certificate::{self, DeviceCertificate, Usage};
use pli_proto::id::DeviceId;
use pli_proto::limits::MESSAGE_BYTES;
use pli_proto::refusal::Reason;
use pli_proto::signed::Hash;
use pli_proto::{DOOR_HEADER, OLDEST_PROTOCOL, PROTOCOL, PROTOCOL_HEADER};
use prost::Message;
use tonic::body::Body;
use tonic::codegen::http::{HeaderMap, Request, Response};
use tonic::{Code, Status};
use tower::{Layer, Service};

use super::Shared;
use super::paced::{Held, Paced};
use super::rates::Address;
use crate::connection::Cut;

/// Asking again helps as soon as others have been answered.
const BUSY_RETRY_MS: u64 = 1_000;

/// Who is at a connection's other end. Verified once, when it is accepted.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    address: Option<IpAddr>,
    identity: Identity,
    /// Of the connection.
    cut: Cut,
}

#[derive(Clone, Debug)]
enum Identity {
    /// Presented no certificate.
    Nobody,
    Device(Arc<DeviceCertificate>),
    /// Presented something that is no device's chain.
    Unknown,
}

impl Caller {
    pub(crate) fn new(root: &[u8; 32], peer: &Peer, cut: Cut) -> Self {
        let chain: Vec<&[u8]> = peer.chain.iter().map(AsRef::as_ref).collect();
        let identity = match certificate::verify_device(root, &chain, Usage::Tls) {
            _ if chain.is_empty() => Identity::Nobody,
            Ok(device) => Identity::Device(Arc::new(device)),
            Err(_) => Identity::Unknown,
        };
        Self { address: peer.address.map(|address| address.ip()), identity, cut }
    }

    pub(crate) fn address(&self) -> Address {
        self.address.into()
    }
}

/// The device that calls, on the known connection: an extension of the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    pub(crate) device: DeviceId,
    pub(crate) mls_key: [u8; 32],
    /// The issuer of the TLS certificate, SHA-256 of its own.
    pub(crate) issuer: Hash,
}

/// Whence an anonymous call comes, on the sealed connection: an extension of the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sealed(pub(crate) Address);

/// How a method is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    /// Health and reflection.
    Infrastructure,
    /// With or without a certificate.
    Open,
    Known,
    Sealed,
    /// There is no such method.
    Absent,
}

fn access(path: &str) -> Access {
    let Some(method) = path.strip_prefix("/pli.v1.") else { return Access::Infrastructure };
    match method {
        "Enrolment/Hello" | "Enrolment/Enrol" | "Enrolment/Renew" => Access::Open,
        "Enrolment/Door"
        | "Directory/People"
        | "Directory/Revocations"
        | "Directory/Issuers"
        | "Directory/Seen"
        | "Directory/Revoke" => Access::Known,
        "KeyPackages/Publish" | "Inbox/Follow" | "Inbox/Acknowledge" => Access::Known,
        "KeyPackages/Take" | "Inbox/Deliver" => Access::Sealed,
        "Log/Create" | "Log/Append" | "Log/Read" | "Log/Subscribe" => Access::Sealed,
        "Log/PutSnapshot" | "Log/GetSnapshot" => Access::Sealed,
        _ => Access::Absent,
    }
}

/// What an answer may weigh that does not come by itself in pages of known size.
fn weight(path: &str) -> usize {
    match path.strip_prefix("/pli.v1.") {
        Some("Directory/People") => 256 << 10,
        Some("Directory/Revocations" | "KeyPackages/Take") => 5 << 20,
        Some("Directory/Issuers") => MESSAGE_BYTES,
        _ => 0,
    }
}

impl Shared {
    /// Lets a request in, with what its service needs to know of the caller, or says why not. Gives how to cut its
    /// connection.
    async fn admit(&self, request: &mut Request<Body>) -> Result<Cut, Status> {
        let access = access(request.uri().path());
        if access == Access::Absent {
            return Err(self.explained(Status::unimplemented("there is no such method")));
        }
        let caller = request.extensions().get::<Caller>().cloned();
        let caller = caller.ok_or_else(|| Status::internal("a connection without a caller"))?;
        let address = caller.address();
        self.rate(self.rates.address.take(address, 1))?;
        if access != Access::Infrastructure {
            self.check_protocol(request.headers())?;
        }
        match access {
            Access::Known => {
                let known = self.known(&caller).await?;
                request.extensions_mut().insert(known);
            }
            Access::Sealed => {
                self.check_sealed(&caller, request.headers())?;
                request.extensions_mut().insert(Sealed(address));
            }
            Access::Infrastructure | Access::Open | Access::Absent => {}
        }
        Ok(caller.cut)
    }

    fn check_protocol(&self, headers: &HeaderMap) -> Result<(), Status> {
        let header = headers.get(PROTOCOL_HEADER).and_then(|value| value.to_str().ok());
        match header.and_then(|value| value.parse::<u32>().ok()) {
            Some(OLDEST_PROTOCOL..=PROTOCOL) => Ok(()),
            _ => Err(self.refuse(Reason::UpdateRequired, "the server does not speak this version of the protocol")),
        }
    }

    async fn known(&self, caller: &Caller) -> Result<Known, Status> {
        let not_enrolled = |message| self.refuse(Reason::NotEnrolled, message);
        let Identity::Device(certificate) = &caller.identity else {
            return Err(not_enrolled("a device's certificate is needed"));
        };
        let now_s = i64::try_from(self.env.now_ms() / 1000).unwrap_or(i64::MAX);
        if certificate.not_after_s < now_s {
            return Err(not_enrolled("the device's certificate has ended: renew it"));
        }
        if self.authority.has_ended(&certificate.issuer) {
            return Err(not_enrolled("the issuer of the device's certificate has ended: renew it"));
        }
        let device = self.authority.active(certificate.device).await.map_err(|error| self.authority_error(error))?;
        self.rate(self.rates.device.take(device.id, 1))?;
        Ok(Known { device: device.id, mls_key: device.mls_key, issuer: certificate.issuer })
    }

    fn check_sealed(&self, caller: &Caller, headers: &HeaderMap) -> Result<(), Status> {
        if !matches!(caller.identity, Identity::Nobody) {
            return Err(self.refuse(Reason::Invalid, "this is not asked on a connection with a certificate"));
        }
        match headers.get(DOOR_HEADER) {
            Some(key) if self.door.opens_to(key.as_bytes()) => Ok(()),
            _ => Err(self.refuse(Reason::Door, "the door key is not today's")),
        }
    }

    /// Gives a refusal to an answer of tonic's own that has none: what was sent is too long, or not of its type.
    fn explain(&self, response: Response<Body>) -> Response<Body> {
        match Status::from_header_map(response.headers()) {
            Some(status) if status.code() != Code::Ok && status.details().is_empty() => {
                self.explained(status).into_http()
            }
            _ => response,
        }
    }

    fn explained(&self, status: Status) -> Status {
        let details = self.refusal(Reason::Invalid, 0).encode_to_vec();
        Status::with_details(status.code(), status.message(), details.into())
    }

    /// Turns an empty bucket into a refusal.
    pub(crate) fn rate(&self, taken: Result<(), u64>) -> Result<(), Status> {
        taken.map_err(|retry_after_ms| self.refuse_until(Reason::Limit, "too many requests", retry_after_ms))
    }
}

/// Wraps all services in the gate.
#[derive(Clone)]
pub(crate) struct GateLayer(pub(crate) Arc<Shared>);

impl<S> Layer<S> for GateLayer {
    type Service = Gate<S>;
    fn layer(&self, inner: S) -> Gate<S> {
        Gate { shared: self.0.clone(), inner }
    }
}

#[derive(Clone)]
pub(crate) struct Gate<S> {
    shared: Arc<Shared>,
    inner: S,
}

impl<S> Service<Request<Body>> for Gate<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let fresh = self.inner.clone();
        // The one that is ready is the one that was polled.
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        let shared = self.shared.clone();
        Box::pin(async move {
            let cut = match shared.admit(&mut request).await {
                Ok(cut) => cut,
                Err(status) => return Ok(status.into_http()),
            };
            // Held until the response begins: for a unary call, until it is answered.
            let Ok(_place) = shared.requests.clone().try_acquire_owned() else {
                let busy = shared.refuse_until(Reason::Limit, "the server is busy", BUSY_RETRY_MS);
                return Ok(busy.into_http());
            };
            let ours = access(request.uri().path()) != Access::Infrastructure;
            let (held, pages) = Held::new(cut);
            request.extensions_mut().insert(held.clone());
            let answer = async {
                match weight(request.uri().path()) {
                    0 => {}
                    bytes => held.keep(Some(shared.room.ask(bytes).await)),
                }
                inner.call(request).await
            };
            match tokio::time::timeout(shared.limits.request_timeout, answer).await {
                Ok(response) => response.map(|response| {
                    let response = if ours { shared.explain(response) } else { response };
                    let paced = |body| Paced::new(body, (held, pages), shared.env.clone(), shared.limits.patience);
                    response.map(|body| Body::new(paced(body)))
                }),
                Err(_) => {
                    let late = shared.refuse_until(Reason::Unavailable, "the request took too long", BUSY_RETRY_MS);
                    Ok(late.into_http())
                }
            }
        })
    }
}

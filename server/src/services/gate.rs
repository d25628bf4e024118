//! What every call passes before its service sees it: protocol version, who calls, door key, rates, places, a time limit.
//!
//! The known connection presents a device's TLS certificate; the sealed one must present none, so that no client links
//! its device to its logs by accident.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use data_encoding::HEXLOWER_PERMISSIVE;
use http_body_util::{BodyExt, Full as Whole, Limited};
use pli_env::Address;
use pli_proto::certificate::DeviceCertificate;
use pli_proto::id::DeviceId;
use pli_proto::limits::{INBOX_ITEM_BYTES, KEY_PACKAGE_BYTES, KEY_PACKAGES, MESSAGE_BYTES};
use pli_proto::refusal::Reason;
use pli_proto::{DOOR_HEADER, OLDEST_PROTOCOL, PROTOCOL, PROTOCOL_HEADER};
use prost::Message;
use tokio::time::{Instant, timeout_at};
use tonic::body::Body;
use tonic::codegen::http::{HeaderMap, Request, Response};
use tonic::{Code, Status};
use tower::{Layer, Service};

use super::Shared;
use super::paced::{Held, Paced};
use crate::admission::Who;
use crate::admission::connection::{Caller, Cut, Identity};
use crate::admission::pool::{Full, Place};
use crate::admission::upload::{self, Growing, Pace, Unreceived};
use crate::config::DAY_MS;
use crate::door::Key;
use crate::engine::Device;

/// The TLS key before the newest serves that long, from the beginning of the day of its renewal: a day at least, for
/// the answer may be lost, and a session may go on. Whoever took it can use it no longer.
const BEFORE_MS: u64 = 2 * DAY_MS;
/// Asking again helps as soon as others have been answered.
const BUSY_RETRY_MS: u64 = 1_000;
/// Connections and streams that are taken for dead ones are so soon.
const DEAD_RETRY_MS: u64 = 30_000;

/// All headers of a request.
pub(crate) const HEADER_BYTES: u32 = 4 << 10;
/// What anybody may send: a token, two keys and two signatures are the most.
const OPEN_BYTES: usize = 4 << 10;
/// A few ids and keys.
const SMALL_BYTES: usize = 64 << 10;
const PUBLISH_BYTES: usize = (KEY_PACKAGES as usize + 1) * KEY_PACKAGE_BYTES + SMALL_BYTES;
const DELIVER_BYTES: usize = INBOX_ITEM_BYTES + SMALL_BYTES;
/// All that one call of reflection may ask: a hundred bytes are answered with tens of thousands.
const REFLECTION_BYTES: usize = 1 << 10;
/// For the same reason it counts as so many requests.
const REFLECTION_COST: u32 = 20;

/// The device that calls, on the known connection: an extension of the request.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) device: DeviceId,
    pub(crate) mls_key: [u8; 32],
    /// For TLS.
    pub(crate) certificate: Arc<DeviceCertificate>,
}

/// Whence an anonymous call comes, on the sealed connection: an extension of the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sealed {
    pub(crate) address: Address,
    /// By which door key.
    pub(crate) door: Key,
}

/// Who may call a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    /// Health.
    Anyone,
    Reflection,
    /// With or without a certificate.
    Open,
    Known,
    Sealed,
}

/// How a method is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// One request of so many bytes, one answer.
    Unary(usize),
    /// One request of so many bytes, a stream of answers.
    Answers(usize),
    /// A stream of requests, a stream of answers.
    Streams,
}

/// Who may call the method and how; none if it is not served.
fn method(path: &str) -> Option<(Access, Shape)> {
    Some(match path {
        "/grpc.health.v1.Health/Check" => (Access::Anyone, Shape::Unary(OPEN_BYTES)),
        "/grpc.health.v1.Health/Watch" => (Access::Anyone, Shape::Answers(OPEN_BYTES)),
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo" => (Access::Reflection, Shape::Streams),
        "/pli.v1.Enrolment/Hello" | "/pli.v1.Enrolment/Enrol" | "/pli.v1.Enrolment/Renew" => {
            (Access::Open, Shape::Unary(OPEN_BYTES))
        }
        "/pli.v1.Enrolment/Door"
        | "/pli.v1.Directory/People"
        | "/pli.v1.Directory/Revocations"
        | "/pli.v1.Directory/Issuers"
        | "/pli.v1.Directory/Seen"
        | "/pli.v1.Directory/Revoke"
        | "/pli.v1.Inbox/Acknowledge" => (Access::Known, Shape::Unary(SMALL_BYTES)),
        "/pli.v1.KeyPackages/Publish" => (Access::Known, Shape::Unary(PUBLISH_BYTES)),
        "/pli.v1.Inbox/Follow" => (Access::Known, Shape::Answers(SMALL_BYTES)),
        "/pli.v1.KeyPackages/Take" => (Access::Sealed, Shape::Unary(SMALL_BYTES)),
        "/pli.v1.Inbox/Deliver" => (Access::Sealed, Shape::Unary(DELIVER_BYTES)),
        "/pli.v1.Log/Create" | "/pli.v1.Log/Append" | "/pli.v1.Log/PutSnapshot" => {
            (Access::Sealed, Shape::Unary(MESSAGE_BYTES))
        }
        "/pli.v1.Log/Read" | "/pli.v1.Log/GetSnapshot" => (Access::Sealed, Shape::Unary(SMALL_BYTES)),
        "/pli.v1.Log/Subscribe" => (Access::Sealed, Shape::Streams),
        _ => return None,
    })
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
    /// Has a request answered, or says why not.
    async fn pass<S>(&self, mut request: Request<Body>, mut inner: S) -> Result<Response<Body>, Status>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    {
        let Some((access, shape)) = method(request.uri().path()) else {
            return Err(self.explained(Status::unimplemented("there is no such method")));
        };
        let (who, cut) = self.admit(access, &mut request).await?;
        let until = Instant::now() + self.limits.request_timeout;
        let pools = self.admission.of(who);
        let mut room = Growing::new(who, &pools.bytes, &pools.long).map_err(|_| self.busy())?;
        room.grow(HEADER_BYTES as usize).map_err(|_| self.busy())?;
        let weight = weight(request.uri().path());
        let mut request = match shape {
            Shape::Unary(most) | Shape::Answers(most) => self.received(request, most, until, &mut room).await?,
            Shape::Streams if access == Access::Reflection => {
                request.map(|body| Body::new(Limited::new(body, REFLECTION_BYTES)))
            }
            Shape::Streams => request.map(|body| upload::short_messages(body, OPEN_BYTES)),
        };
        let place = match shape {
            Shape::Unary(_) => pools.requests.take(who, 1).map_err(|_| self.busy()),
            _ => pools.streams.take(who, 1).map_err(|full| self.too_many("too many streams", full)),
        }?;
        let (held, pages) = Held::new(cut);
        request.extensions_mut().insert(held.clone());
        let answer = async {
            if weight > 0 {
                held.keep(Some(self.room.ask(weight).await));
            }
            inner.call(request).await
        };
        let Ok(answered) = timeout_at(until, answer).await else { return Err(self.late()) };
        let Ok(response) = answered;
        let paced = |body| Paced::new(body, (held, pages), self.env.clone(), self.limits.patience);
        let response = self.explain(response).map(|body| Body::new(paced(body)));
        Ok(match shape {
            Shape::Unary(_) => response,
            Shape::Answers(_) | Shape::Streams => response.map(|body| hold(place, body)),
        })
    }

    /// Lets a request in, with what its service needs to know of the caller, or says why not. Gives how to cut its
    /// connection.
    async fn admit(&self, access: Access, request: &mut Request<Body>) -> Result<(Who, Cut), Status> {
        let caller = request.extensions().get::<Caller>().cloned();
        let caller = caller.ok_or_else(|| Status::internal("a connection without a caller"))?;
        let address = caller.address;
        self.rate(self.rates.address.take(address, 1))?;
        if !matches!(access, Access::Anyone | Access::Reflection) {
            self.check_protocol(request.headers())?;
        }
        let who = match access {
            Access::Known => {
                let known = self.known(&caller).await?;
                let who = Who::Known(known.device);
                request.extensions_mut().insert(known);
                who
            }
            Access::Sealed => {
                let door = self.check_sealed(&caller, request.headers())?;
                request.extensions_mut().insert(Sealed { address, door });
                Who::Sealed(address)
            }
            // A device is not kept waiting by strangers.
            Access::Open if matches!(caller.identity, Identity::Device(_)) => {
                self.known(&caller).await.map_or(Who::Stranger(address), |known| Who::Known(known.device))
            }
            Access::Open | Access::Anyone | Access::Reflection => Who::Stranger(address),
        };
        if let Who::Stranger(_) = who {
            let cost = if access == Access::Reflection { REFLECTION_COST } else { 1 };
            self.rate(self.rates.stranger.take(address, cost))?;
        } else {
            let taken = caller.is(who, &self.admission.of(who).connections);
            taken.map_err(|full| self.too_many("too many connections", full))?;
        }
        Ok((who, caller.cut))
    }

    /// The request with its whole body.
    async fn received(
        &self,
        request: Request<Body>,
        most: usize,
        until: Instant,
        room: &mut Growing,
    ) -> Result<Request<Body>, Status> {
        let (parts, body) = request.into_parts();
        let received = upload::receive(body, most, Pace::new(&self.limits, until), room).await;
        let received = received.map_err(|why| match why {
            Unreceived::TooLong => self.refuse(Reason::Invalid, upload::TOO_LONG),
            Unreceived::TooSlow => self.late(),
            Unreceived::Full => self.busy(),
            Unreceived::Broken => Status::cancelled("the request was given up"),
        })?;
        Ok(Request::from_parts(parts, Body::new(Whole::from(received))))
    }

    fn busy(&self) -> Status {
        self.refuse_until(Reason::Limit, "the server is busy", BUSY_RETRY_MS)
    }

    fn late(&self) -> Status {
        self.refuse_until(Reason::Unavailable, "the request took too long", BUSY_RETRY_MS)
    }

    fn too_many(&self, message: &str, full: Full) -> Status {
        let retry_ms = if full == Full::Each { DEAD_RETRY_MS } else { BUSY_RETRY_MS };
        self.refuse_until(Reason::Limit, message, retry_ms)
    }

    fn check_protocol(&self, headers: &HeaderMap) -> Result<(), Status> {
        let header = headers.get(PROTOCOL_HEADER).and_then(|value| value.to_str().ok());
        match header.and_then(|value| value.parse::<u32>().ok()) {
            Some(OLDEST_PROTOCOL..=PROTOCOL) => Ok(()),
            _ => Err(self.refuse(Reason::UpdateRequired, "the server does not speak this version of the protocol")),
        }
    }

    async fn known(&self, caller: &Caller) -> Result<Known, Status> {
        let Identity::Device(certificate) = &caller.identity else {
            return Err(self.refuse(Reason::NotEnrolled, "a device's certificate is needed"));
        };
        let device = self.standing(certificate).await?;
        self.rate(self.rates.device.take(device.id, 1))?;
        Ok(Known { device: device.id, mls_key: device.mls_key, certificate: certificate.clone() })
    }

    /// The device of this TLS certificate, if that still serves.
    pub(crate) async fn standing(&self, certificate: &DeviceCertificate) -> Result<Device, Status> {
        let not_enrolled = |message| self.refuse(Reason::NotEnrolled, message);
        let now_ms = self.env.now_ms();
        if certificate.not_after_s < i64::try_from(now_ms / 1000).unwrap_or(i64::MAX) {
            return Err(not_enrolled("the device's certificate has ended: renew it"));
        }
        if self.authority.has_ended(&certificate.issuer) {
            return Err(not_enrolled("the issuer of the device's certificate has ended: renew it"));
        }
        let device = self.authority.active(certificate.device).await.map_err(|error| self.authority_error(error))?;
        let was_renewed = device.tls_before == Some(certificate.key) && now_ms < device.renewed_ms + BEFORE_MS;
        if device.tls_key != certificate.key && !was_renewed {
            return Err(not_enrolled("the device has a newer certificate: renew it"));
        }
        Ok(device)
    }

    fn check_sealed(&self, caller: &Caller, headers: &HeaderMap) -> Result<Key, Status> {
        if !matches!(caller.identity, Identity::Nobody) {
            return Err(self.refuse(Reason::Invalid, "this is not asked on a connection with a certificate"));
        }
        let shown = headers.get(DOOR_HEADER).and_then(|key| HEXLOWER_PERMISSIVE.decode(key.as_bytes()).ok());
        let key = shown.and_then(|key| self.door.opened_by(&key));
        key.ok_or_else(|| self.refuse(Reason::Door, "the door key is not today's"))
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

/// A stream's body that holds its place until it ends or nobody wants it.
fn hold(place: Place, body: Body) -> Body {
    Body::new(body.map_frame(move |frame| {
        let _until_dropped = &place;
        frame
    }))
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
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let fresh = self.inner.clone();
        // The one that is ready is the one that was polled.
        let inner = std::mem::replace(&mut self.inner, fresh);
        let shared = self.shared.clone();
        Box::pin(async move { Ok(shared.pass(request, inner).await.unwrap_or_else(Status::into_http)) })
    }
}

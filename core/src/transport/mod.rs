//! The two connections to the server (docs/protocol.md, section 1). They share no TLS session and no connection.
//!
//! - [`tls`]: TLS 1.3 with hybrid key exchange, trusting the organisation's root alone.
//! - *known*: presents the device's certificate. Directory, key packages of one's own, inbox, door key.
//! - *sealed*: presents none, but the door key. Logs, others' key packages and inboxes.

pub mod tls;

use std::sync::Arc;
use std::time::Duration;

use data_encoding::HEXLOWER;
use hyper_util::rt::TokioIo;
use pli_env::{Dial, Env};
use pli_proto::pb::directory_client::DirectoryClient;
use pli_proto::pb::enrolment_client::EnrolmentClient;
use pli_proto::pb::inbox_client::InboxClient;
use pli_proto::pb::key_packages_client::KeyPackagesClient;
use pli_proto::pb::log_client::LogClient;
use pli_proto::{DOOR_HEADER, PROTOCOL, PROTOCOL_HEADER, limits, pb};
use rustls::pki_types::CertificateDer;
use tokio::sync::watch;
use tonic::metadata::MetadataValue;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use crate::error::{Error, InvitationProblem};
use crate::identity::TlsIdentity;
use crate::identity::ended::Ended;

use tls::{Dates, Doubt};

/// The name in every server's certificate. Whom to trust is decided by the root; names may change with addresses.
pub const SERVER_NAME: &str = "pli.internal";

/// Until the headers of an answer come.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A peer that vanished without a word is noticed after this and [`CALL_TIMEOUT`].
const KEEPALIVE: Duration = Duration::from_secs(20);

/// Where the server is, and by which root it is known.
#[derive(Clone, Debug)]
pub struct Address {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The root's public key.
    pub root: [u8; 32],
    /// Issuers that no server's certificate may be of any more.
    pub ended: Ended,
    /// The server's certificate is good, but not by this device's clock.
    pub doubt: Doubt,
}

/// A channel whose requests bear the protocol version and perhaps the door key.
pub type Service = InterceptedService<Channel, Headers>;

/// The headers of each request.
#[derive(Clone, Default)]
pub struct Headers {
    door: Option<Door>,
}

/// The door key of the day, shared by all calls of the sealed connection. Clones are the same.
#[derive(Clone, Default)]
pub struct Door(Arc<watch::Sender<Option<Vec<u8>>>>);

impl Door {
    /// A key came, which may be the one before.
    pub fn set(&self, key: &[u8]) {
        self.0.send_if_modified(|now| {
            let is_new = now.as_deref() != Some(key);
            *now = Some(key.to_vec());
            is_new
        });
    }
    /// The key, and each that comes after.
    pub fn watch(&self) -> watch::Receiver<Option<Vec<u8>>> {
        self.0.subscribe()
    }
}

impl Interceptor for Headers {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert(PROTOCOL_HEADER, MetadataValue::from(PROTOCOL));
        if let Some(door) = &self.door {
            let key = door.0.borrow().as_ref().and_then(|key| MetadataValue::try_from(HEXLOWER.encode(key)).ok());
            request.metadata_mut().insert(DOOR_HEADER, key.ok_or(Status::unavailable("no door key yet"))?);
        }
        Ok(request)
    }
}

/// The known connection.
#[derive(Clone)]
pub struct Known(Service);

impl Known {
    /// Connects when first used.
    ///
    /// # Errors
    /// If the identity's key is none.
    pub fn new(env: &Arc<dyn Env>, address: &Address, identity: Option<&TlsIdentity>) -> Result<Self, Error> {
        Ok(Self(Service::new(channel(env, address, identity, Dates::Heeded)?, Headers::default())))
    }
    /// The service of that name; likewise below.
    pub fn enrolment(&self) -> EnrolmentClient<Service> {
        EnrolmentClient::new(self.0.clone())
    }
    /// See above.
    pub fn directory(&self) -> DirectoryClient<Service> {
        DirectoryClient::new(self.0.clone()).max_decoding_message_size(limits::MESSAGE_BYTES)
    }
    /// See above.
    pub fn key_packages(&self) -> KeyPackagesClient<Service> {
        KeyPackagesClient::new(self.0.clone())
    }
    /// See above.
    pub fn inbox(&self) -> InboxClient<Service> {
        InboxClient::new(self.0.clone()).max_decoding_message_size(limits::MESSAGE_BYTES)
    }
}

/// The sealed connection.
#[derive(Clone)]
pub struct Sealed(Service);

impl Sealed {
    /// Connects when first used.
    ///
    /// # Errors
    /// [`Error::Internal`], if TLS can't be set up.
    pub fn new(env: &Arc<dyn Env>, address: &Address, door: &Door) -> Result<Self, Error> {
        let headers = Headers { door: Some(door.clone()) };
        Ok(Self(Service::new(channel(env, address, None, Dates::Heeded)?, headers)))
    }
    /// The service of that name; likewise below.
    pub fn log(&self) -> LogClient<Service> {
        LogClient::new(self.0.clone())
            .max_decoding_message_size(limits::MESSAGE_BYTES)
            .max_encoding_message_size(limits::MESSAGE_BYTES)
    }
    /// See above.
    pub fn key_packages(&self) -> KeyPackagesClient<Service> {
        KeyPackagesClient::new(self.0.clone()).max_decoding_message_size(limits::MESSAGE_BYTES)
    }
    /// See above.
    pub fn inbox(&self) -> InboxClient<Service> {
        InboxClient::new(self.0.clone())
    }
}

/// A channel that connects when first used and again after each failure.
fn channel(
    env: &Arc<dyn Env>,
    address: &Address,
    identity: Option<&TlsIdentity>,
    dates: Dates,
) -> Result<Channel, Error> {
    let dial = Dial {
        host: address.host.clone(),
        port: address.port,
        server_name: SERVER_NAME.into(),
        tls: tls::config(env, address, identity, dates)?,
        chain: identity.map_or_else(Vec::new, |identity| {
            identity.chain.iter().map(|der| CertificateDer::from(der.clone())).collect()
        }),
    };
    let env = env.clone();
    let connector = tower::service_fn(move |_| {
        let stream = env.dial(dial.clone());
        async { stream.await.map(TokioIo::new) }
    });
    Ok(Endpoint::from_static("http://pli.internal")
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(CALL_TIMEOUT)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_while_idle(true)
        .connect_with_connector_lazy(connector))
}

/// How far this device's clock is from the server's, in milliseconds; negative if it is behind. Asked without regard to the
/// dates of the server's certificate, and for no other end than to tell the person.
pub(crate) async fn clock_ahead_ms(env: &Arc<dyn Env>, address: &Address) -> Result<i64, Error> {
    let service = Service::new(channel(env, address, None, Dates::Unheeded)?, Headers::default());
    let hello = EnrolmentClient::new(service).hello(pb::HelloRequest {}).await;
    let server_ms = hello.map_err(|status| Error::of_status(&status))?.into_inner().server_time_ms;
    Ok((env.now_ms() as i64).saturating_sub_unsigned(server_ms))
}

/// What a call that failed means, where a server with another root is worth telling apart.
pub(crate) fn joining_error(status: &Status) -> Error {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(status);
    while let Some(error) = cause {
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let tls = error.downcast_ref::<rustls::Error>().or_else(|| inner?.downcast_ref());
        if matches!(tls, Some(rustls::Error::InvalidCertificate(_))) {
            return Error::InvitationRefused { why: InvitationProblem::WrongServer };
        }
        cause = error.source();
    }
    Error::of_status(status)
}

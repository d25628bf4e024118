//! Starting and stopping.

use std::fs::{File, TryLockError};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use pli_env::{Env, Incoming, Listen, Task, Turn};
use pli_proto::limits::MESSAGE_BYTES;
use pli_proto::pb;
use pli_proto::pb::{
    directory_server::DirectoryServer, enrolment_server::EnrolmentServer, inbox_server::InboxServer,
    key_packages_server::KeyPackagesServer, log_server::LogServer,
};
use tokio::sync::watch;
use tonic::codegen::http::{self, HeaderValue, header};
use tonic_health::ServingStatus;
use tower::util::MapResponseLayer;

use crate::admission::Admission;
use crate::admission::connection::{Connection, Connections};
use crate::admission::turns::Turns;
use crate::authority::{Authority, AuthorityError, files};
use crate::chores;
use crate::config::Config;
use crate::door::Door;
use crate::error::ServerError;
use crate::fanout::{Fanout, Local};
use crate::services::directory::DirectoryService;
use crate::services::enrolment::EnrolmentService;
use crate::services::gate::{GateLayer, HEADER_BYTES};
use crate::services::inbox::InboxService;
use crate::services::key_packages::KeyPackagesService;
use crate::services::log::LogService;
use crate::services::rates::Rates;
use crate::services::room::Room;
use crate::services::{IS_TOLD, Shared, ended};
use crate::tls::{self, Shown};

/// A peer that vanished is noticed after both together; phones are not woken more often than they wake by themselves.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(60);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// Calls at once on one connection.
const CONNECTION_STREAMS: u32 = 128;
/// A request arrives in few round trips, and what is not counted yet is little.
const STREAM_WINDOW_BYTES: u32 = 256 << 10;
const CONNECTION_WINDOW_BYTES: u32 = 512 << 10;

/// Starts servers.
#[derive(Debug)]
pub struct Server;

impl Server {
    /// Serves the authority in `config.data`.
    ///
    /// # Errors
    /// [`ServerError`], if the folder, its database or the address can't be used.
    pub async fn start(env: Arc<dyn Env>, config: Config) -> Result<Running, ServerError> {
        let lock = lock(&config.data)?;
        let authority = Authority::open(&config.data, env.clone())?;
        let started = start(env, config, authority.clone(), lock).await;
        if started.is_err() {
            authority.close().await;
        }
        started
    }
}

/// Two servers would each hold their own counts of what is bounded, and tell their own streams alone what is new. The
/// lock goes with the process, however that ends.
fn lock(folder: &Path) -> Result<File, ServerError> {
    if !folder.join(files::ROOT).exists() {
        return Err(AuthorityError::Missing(folder.into()).into());
    }
    let path = folder.join(files::LOCK);
    let locked = File::create(&path).map(|file| file.try_lock().map(|()| file));
    match locked {
        Ok(Ok(file)) => Ok(file),
        Ok(Err(TryLockError::WouldBlock)) => Err(ServerError::InUse(folder.into())),
        Ok(Err(TryLockError::Error(source))) | Err(source) => Err(AuthorityError::File { path, source }.into()),
    }
}

async fn start(env: Arc<dyn Env>, config: Config, authority: Authority, lock: File) -> Result<Running, ServerError> {
    let Config { listen, server_name, reflection, limits, .. } = config;
    let versions = authority.engine().versions().await?;
    authority.look_at_issuers().await?;
    let shown = Shown::new(&authority, &server_name).await?;
    let tls = Arc::new(tls::config(&authority, shown.clone())?);
    let door = Door::new(env.clone(), &authority.door_secret()?, &limits, versions);
    let (end, ending) = watch::channel(false);
    let shared = Arc::new(Shared {
        engine: authority.engine().clone(),
        fanout: Arc::new(Local::default()) as Arc<dyn Fanout>,
        rates: Rates::new(&limits),
        admission: Admission::new(&limits),
        room: Room::new(limits.held_bytes),
        env: env.clone(),
        authority,
        door,
        limits,
        complained: AtomicU64::new(0),
        ending,
    });
    let turns = Turns::new(shared.limits.handshake_rate, shared.limits.address_handshake_rate);
    let on = Listen {
        address: listen,
        tls,
        handshakes: shared.limits.handshakes,
        handshake_timeout: shared.limits.handshake_timeout,
        turn: turn_of(turns.clone()),
    };
    let listening = env.listen(on).await;
    let (address, incoming) = listening.map_err(|source| ServerError::Listen { address: listen, source })?;
    let (stopped, has_stopped) = watch::channel(None);
    let (alive, server) = watch::channel(());
    let connections = Connections::new(shared.authority.root_key(), &shared.limits, server);
    let serving = {
        let shared = shared.clone();
        env.spawn(Box::pin(async move {
            let result = tokio::select! {
                never = turns.give() => match never {},
                result = serve(shared.clone(), incoming, connections, reflection) => result,
            };
            // The listener ending by itself is no orderly end.
            let orderly = *shared.ending.borrow();
            let result = result.and(if orderly { Ok(()) } else { Err(ServerError::Ended) });
            stopped.send_replace(Some(result.err().map(Arc::new)));
        }))
    };
    let chores = [
        env.spawn(Box::pin(chores::watch(shared.clone(), shown.clone(), server_name.clone()))),
        env.spawn(Box::pin(chores::keep(shared.clone(), shown, server_name))),
    ];
    tracing::info!(%address, "serving");
    Ok(Running { address, shared, end, has_stopped, serving, chores, alive, _lock: lock })
}

fn turn_of(turns: Arc<Turns>) -> Turn {
    Arc::new(move |address| {
        let turns = turns.clone();
        Box::pin(async move { turns.turn(address).await })
    })
}

async fn serve(
    shared: Arc<Shared>,
    incoming: Incoming,
    connections: Connections,
    reflection: bool,
) -> Result<(), ServerError> {
    // hyper would stamp the operating system's clock: nobody needs it, and it would differ from run to run.
    let date = |mut response: http::Response<tonic::body::Body>| {
        response.headers_mut().insert(header::DATE, HeaderValue::from_static("-"));
        response
    };
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<LogServer<LogService>>().await;
    let reflection = reflection.then(|| {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(pb::DESCRIPTORS)
            .build_v1()
            .expect("the descriptors are compiled in")
    });
    let router = tonic::transport::Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .http2_max_header_list_size(HEADER_BYTES)
        .max_concurrent_streams(CONNECTION_STREAMS)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .layer(MapResponseLayer::new(date))
        .layer(GateLayer(shared.clone()))
        .add_service(health_service)
        .add_optional_service(reflection)
        // How long requests may be, the gate decides; but what comes on a stream it does not see.
        .add_service(EnrolmentServer::new(EnrolmentService(shared.clone())).max_encoding_message_size(MESSAGE_BYTES))
        .add_service(DirectoryServer::new(DirectoryService(shared.clone())).max_encoding_message_size(MESSAGE_BYTES))
        .add_service(
            KeyPackagesServer::new(KeyPackagesService(shared.clone())).max_encoding_message_size(MESSAGE_BYTES),
        )
        .add_service(InboxServer::new(InboxService(shared.clone())).max_encoding_message_size(MESSAGE_BYTES))
        .add_service(
            LogServer::new(LogService(shared.clone()))
                .max_decoding_message_size(MESSAGE_BYTES)
                .max_encoding_message_size(MESSAGE_BYTES),
        );
    let mut ending = shared.ending.clone();
    let stop = async move {
        ended(&mut ending).await;
        // Who asks is sent elsewhere, while streams end one by one; then nobody is let in.
        health.set_not_serving::<LogServer<LogService>>().await;
        health.set_service_status("", ServingStatus::NotServing).await;
        tokio::time::sleep(shared.crowd(IS_TOLD, shared.limits.grace / 2)).await;
    };
    Ok(router.serve_with_incoming_shutdown(admitted(incoming, connections), stop).await?)
}

fn admitted(incoming: Incoming, connections: Connections) -> impl Stream<Item = std::io::Result<Connection>> + Send {
    incoming.filter_map(move |stream| {
        let admitted = match stream {
            Ok(stream) => connections.admit(stream).map(Ok),
            Err(error) => Some(Err(error)),
        };
        std::future::ready(admitted)
    })
}

/// A server that runs. Dropping it stops it at once, as a crash would; [`Running::shutdown`] is the orderly way.
#[must_use]
pub struct Running {
    address: SocketAddr,
    shared: Arc<Shared>,
    end: watch::Sender<bool>,
    has_stopped: watch::Receiver<Option<Option<Arc<ServerError>>>>,
    serving: Task,
    chores: [Task; 2],
    /// Dropped, it cuts all connections.
    alive: watch::Sender<()>,
    /// On the data folder, as long as this runs.
    _lock: File,
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its authority, for invitations and revocations from within the process. They take effect as fast as from
    /// another one.
    pub fn authority(&self) -> &Authority {
        &self.shared.authority
    }

    /// How many bytes of [`crate::Limits::held_bytes`] are held now.
    pub fn held_bytes(&self) -> usize {
        self.shared.room.taken()
    }

    /// Completes if the server stops by itself, and says why.
    pub async fn stopped(&self) -> Arc<ServerError> {
        let mut has_stopped = self.has_stopped.clone();
        // An error means that its task was dropped, as in a crash.
        let why = has_stopped.wait_for(Option::is_some).await.ok().and_then(|why| why.clone().flatten());
        why.unwrap_or_else(|| Arc::new(ServerError::Ended))
    }

    /// Accepts nothing more, ends streams, finishes what is under way, and closes the database.
    pub async fn shutdown(self) {
        let Self { shared, end, mut has_stopped, serving, chores, alive, _lock, .. } = self;
        drop(chores);
        end.send_replace(true);
        // A client that does not read what it asked for must not keep the server.
        let _ = tokio::time::timeout(shared.limits.grace, has_stopped.wait_for(Option::is_some)).await;
        drop((serving, alive));
        shared.authority.close().await;
        tracing::info!("stopped");
    }
}

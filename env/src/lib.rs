//! The seams between Pli and the world. Core and server take time, randomness, the database, the network and their
//! threads from one [`Env`], so that the whole system also runs under one seed in virtual time (see `tests/`).
//!
//! - [`Env`]: what an embedder or a simulation provides.
//! - [`real`]: the operating system's clock, randomness, sockets with TLS, and threads.
//! - [`db`]: the loops that own SQLite connections; one writer with group commit, and readers.
//! - [`address`], [`crowd`]: whom to count as one, and a room that a flood can't keep others out of.
//!
//! Timers are not here: they are `tokio::time`, which follows a paused clock by itself.

pub mod address;
pub mod crowd;
pub mod db;
pub mod real;
pub mod sql;
mod sqlcipher;

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rusqlite::Connection;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::time_provider::TimeProvider;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub use address::Address;
pub use crowd::Bound;

/// A boxed future that a runtime may move between threads.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
/// A boxed stream of accepted connections.
pub type Incoming = Pin<Box<dyn futures_util::Stream<Item = io::Result<Stream>> + Send>>;

/// What core and server need of the world.
pub trait Env: Send + Sync + 'static {
    /// Wall clock, in milliseconds since 1970. It may jump, and it may be wrong: never decide what counts by it.
    fn now_ms(&self) -> u64;

    /// Fills `bytes` with cryptographically secure randomness.
    fn fill(&self, bytes: &mut [u8]);

    /// Opens the database file at `path`, creating it if absent. The caller sets key and pragmas.
    ///
    /// # Errors
    /// SQLite's, if the file can't be opened.
    fn open_database(&self, path: &Path) -> rusqlite::Result<Connection>;

    /// Runs a loop that owns a database connection: on a thread of its own, or as a task of a simulated host.
    fn run_database(&self, name: &str, work: BoxFuture<()>);

    /// Runs a task until it ends or its handle is dropped.
    fn spawn(&self, task: BoxFuture<()>) -> Task;

    /// Awaited between the steps of a transaction: ready at once in production; disk latency, a full disk or a crash
    /// in a simulation.
    fn step(&self, at: &'static str) -> BoxFuture<()>;

    /// Connects to a server.
    fn dial(&self, to: Dial) -> BoxFuture<io::Result<Stream>>;

    /// Listens, and gives the address that was bound and the connections, their TLS handshake done.
    fn listen(&self, on: Listen) -> BoxFuture<io::Result<(SocketAddr, Incoming)>>;
}

/// Waits until it is the turn of a handshake from this address.
pub type Turn = Arc<dyn Fn(Address) -> BoxFuture<()> + Send + Sync>;

/// Where to listen, and what a handshake may take.
#[derive(Clone)]
pub struct Listen {
    /// Address and port; port 0 lets the system choose.
    pub address: SocketAddr,
    /// TLS configuration.
    pub tls: Arc<rustls::ServerConfig>,
    /// Handshakes under way at once, and of one address; [`crowd::Crowd`] says who goes beyond.
    pub handshakes: Bound,
    /// A handshake ends after that long.
    pub handshake_timeout: Duration,
    /// Asked once a client's hello is there, before anything is computed for it.
    pub turn: Turn,
}

/// Where to connect, and as whom.
#[derive(Clone, Debug)]
pub struct Dial {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The name that the server's certificate must bear.
    pub server_name: String,
    /// TLS configuration; it also presents `chain`, where there is one.
    pub tls: Arc<rustls::ClientConfig>,
    /// The certificates that this connection presents: none on the sealed one. A transport without TLS, as in the
    /// simulation, hands them over as they are.
    pub chain: Vec<CertificateDer<'static>>,
}

/// An [`Env`]'s clock, by which TLS judges the dates in certificates.
pub struct TlsClock(pub Arc<dyn Env>);

impl fmt::Debug for TlsClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsClock")
    }
}

impl TimeProvider for TlsClock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_millis(self.0.now_ms())))
    }
}

/// A running task; dropping it stops the task at its next await.
#[must_use]
pub struct Task(Option<tokio::task::AbortHandle>);

impl Task {
    /// Stops the task behind `handle` when dropped.
    pub fn new(handle: tokio::task::AbortHandle) -> Self {
        Self(Some(handle))
    }

    /// Lets the task run on without its handle.
    pub fn detach(mut self) {
        self.0 = None;
    }

    /// Whether the task has ended.
    pub fn is_finished(&self) -> bool {
        self.0.as_ref().is_none_or(|handle| handle.is_finished())
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(handle) = self.0.take() {
            handle.abort();
        }
    }
}

/// Random bytes in an array.
pub fn random<const N: usize>(env: &dyn Env) -> [u8; N] {
    let mut bytes = [0; N];
    env.fill(&mut bytes);
    bytes
}

/// Fills bytes at random.
pub type Draw = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// What fills bytes at random, for those who know no [`Env`].
pub fn draw(env: Arc<dyn Env>) -> Draw {
    Arc::new(move |bytes| env.fill(bytes))
}

/// A number in `0..below`, near enough to uniform for delays.
pub fn random_below(env: &dyn Env, below: u64) -> u64 {
    u64::from_le_bytes(random(env)) % below.max(1)
}

/// What is known of the other end of a [`Stream`].
#[derive(Clone, Debug, Default)]
pub struct Peer {
    /// Its network address, where there is one.
    pub address: Option<SocketAddr>,
    /// The certificates that it presented and TLS verified, its own first; none on the sealed connection.
    pub chain: Arc<[CertificateDer<'static>]>,
}

/// What a byte stream can do.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A connection, and who is at its other end.
pub struct Stream {
    /// The other end.
    pub peer: Peer,
    io: Box<dyn Io>,
}

impl Peer {
    /// Its address, as a key to count by.
    pub fn counted(&self) -> Address {
        self.address.map(|address| address.ip()).into()
    }
}

impl Stream {
    /// A stream over `io`.
    pub fn new(io: impl Io + 'static, peer: Peer) -> Self {
        Self { peer, io: Box::new(io) }
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

//! The operating system as an [`Env`]: its clock and randomness, sockets with TLS 1.3, threads.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rusqlite::Connection;
use rustls::ServerConfig;
use rustls::pki_types::ServerName;
use rustls::server::Acceptor;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_rustls::{LazyConfigAcceptor, TlsConnector};

use crate::crowd::Crowd;
use crate::{BoxFuture, Dial, Env, Incoming, Listen, Peer, Stream, Task, Turn};

/// Time to connect and shake hands, for who dials.
const DIAL_TIMEOUT: Duration = Duration::from_secs(10);
/// Accepted connections that wait for the server to take them.
const ACCEPTED: usize = 64;

/// The operating system. Clones share one tokio runtime.
#[derive(Clone, Debug)]
pub struct Real {
    runtime: Handle,
}

impl Real {
    /// Uses `runtime` for tasks and sockets.
    pub fn new(runtime: Handle) -> Self {
        Self { runtime }
    }

    /// Uses the runtime that the caller runs on.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn current() -> Arc<Self> {
        Arc::new(Self::new(Handle::current()))
    }
}

impl Env for Real {
    fn now_ms(&self) -> u64 {
        SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_millis() as u64)
    }

    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system gives randomness");
    }

    fn open_database(&self, path: &Path) -> rusqlite::Result<Connection> {
        Connection::open(path)
    }

    fn run_database(&self, name: &str, work: BoxFuture<()>) {
        let runtime = self.runtime.clone();
        std::thread::Builder::new()
            .name(name.into())
            .spawn(move || runtime.block_on(work))
            .expect("the operating system gives a thread");
    }

    fn spawn(&self, task: BoxFuture<()>) -> Task {
        Task::new(self.runtime.spawn(task).abort_handle())
    }

    fn step(&self, _: &'static str) -> BoxFuture<()> {
        Box::pin(std::future::ready(()))
    }

    fn dial(&self, to: Dial) -> BoxFuture<io::Result<Stream>> {
        Box::pin(async move {
            let name = ServerName::try_from(to.server_name).map_err(io::Error::other)?;
            let connect = async {
                let tcp = TcpStream::connect((to.host.as_str(), to.port)).await?;
                tcp.set_nodelay(true)?;
                let address = tcp.peer_addr().ok();
                let tls = TlsConnector::from(to.tls).connect(name, tcp).await?;
                let chain = tls.get_ref().1.peer_certificates().unwrap_or_default().into();
                Ok(Stream::new(tls, Peer { address, chain }))
            };
            tokio::time::timeout(DIAL_TIMEOUT, connect).await?
        })
    }

    fn listen(&self, on: Listen) -> BoxFuture<io::Result<(SocketAddr, Incoming)>> {
        let runtime = self.runtime.clone();
        Box::pin(async move {
            let listener = TcpListener::bind(on.address).await?;
            let bound = listener.local_addr()?;
            let (accepted, mut incoming) = mpsc::channel(ACCEPTED);
            let accepting = runtime.spawn(accept(listener, on, accepted));
            let accepting = Task::new(accepting.abort_handle());
            let stream = futures_util::stream::poll_fn(move |cx| {
                let _until_dropped = &accepting;
                incoming.poll_recv(cx)
            });
            Ok((bound, Box::pin(stream) as Incoming))
        })
    }
}

async fn accept(listener: TcpListener, on: Listen, accepted: mpsc::Sender<io::Result<Stream>>) {
    let handshakes = Crowd::new(on.handshakes);
    loop {
        let (tcp, address) = match listener.accept().await {
            Ok(connection) => connection,
            Err(error) => {
                // Out of file descriptors, most likely: others must end first.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        // Counted before a byte of it is read: who says nothing must not keep others waiting.
        let Some(mut place) = handshakes.enter(Some(address.ip()).into()) else { continue };
        let (tls, turn, accepted) = (on.tls.clone(), on.turn.clone(), accepted.clone());
        tokio::spawn(async move {
            let shaken = tokio::time::timeout(on.handshake_timeout, shake((tls, turn), tcp, address, accepted));
            tokio::select! {
                shaken = shaken => match shaken {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
                    Err(_) => tracing::debug!("TLS handshake took too long"),
                },
                () = place.shown_out() => tracing::debug!("too many TLS handshakes"),
            }
        });
    }
}

async fn shake(
    (tls, turn): (Arc<ServerConfig>, Turn),
    tcp: TcpStream,
    address: SocketAddr,
    accepted: mpsc::Sender<io::Result<Stream>>,
) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let hello = LazyConfigAcceptor::new(Acceptor::default(), tcp).await?;
    // Who says nothing takes no turn; and whoever does takes no time before.
    turn(Some(address.ip()).into()).await;
    let tls = hello.into_stream(tls).await?;
    let chain = tls.get_ref().1.peer_certificates().unwrap_or_default().into();
    let stream = Stream::new(tls, Peer { address: Some(address), chain });
    // An error means that nobody listens any more.
    let _ = accepted.send(Ok(stream)).await;
    Ok(())
}

//! Accepted connections: strangers' until a request has shown more, and bound to who is at their other end.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use pli_env::crowd::{Crowd, Guest};
use pli_env::{Address, BoxFuture, Peer, Stream};
use pli_proto::certificate::{self, DeviceCertificate, Usage};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{Notify, watch};
use tonic::transport::server::Connected;

use super::Who;
use super::pool::{Full, Place, Pool};
use crate::config::Limits;

/// Admits connections.
pub(crate) struct Connections {
    root: [u8; 32],
    strangers: Arc<Crowd>,
    proof_timeout: Duration,
    /// Its sender is the server's handle: once that is dropped, every connection is cut.
    server: watch::Receiver<()>,
}

impl Connections {
    pub(crate) fn new(root: [u8; 32], limits: &Limits, server: watch::Receiver<()>) -> Self {
        let strangers = Crowd::new(limits.strangers.connections);
        Self { root, strangers, proof_timeout: limits.proof_timeout, server }
    }

    /// The connection, or `None` if there are too many like it: it is closed then.
    pub(crate) fn admit(&self, stream: Stream) -> Option<Connection> {
        let stranger = self.strangers.enter(stream.peer.counted())?;
        let (cut, mut is_cut) = Cut::new();
        let caller = Caller::new(&self.root, &stream.peer, cut);
        let mut server = self.server.clone();
        let expelled = expelled(stranger, caller.standing.clone(), self.proof_timeout);
        let cut = async move {
            // An error is no cut: whoever could say so is gone.
            let asked = async {
                if is_cut.wait_for(|cut| *cut).await.is_err() {
                    std::future::pending().await
                }
            };
            tokio::select! { biased;
                () = async { while server.changed().await.is_ok() {} } => {}
                () = asked => {}
                () = expelled => {}
            }
        };
        Some(Connection { stream, caller, cut: Some(Box::pin(cut)) })
    }
}

/// Completes if the connection has to end because it has shown nothing: in time, or before others came.
async fn expelled(mut stranger: Guest, standing: Arc<Standing>, timeout: Duration) {
    tokio::select! { biased;
        () = standing.has_shown.notified() => {}
        () = stranger.shown_out() => return,
        () = tokio::time::sleep(timeout) => return,
    }
    drop(stranger);
    std::future::pending().await
}

/// Cuts one connection, whatever is under way on it.
#[derive(Clone, Debug)]
pub(crate) struct Cut(watch::Sender<bool>);

impl Cut {
    fn new() -> (Self, watch::Receiver<bool>) {
        let (cut, is_cut) = watch::channel(false);
        (Self(cut), is_cut)
    }

    pub(crate) fn now(&self) {
        self.0.send_replace(true);
    }
}

/// Who is at a connection's other end. Verified once, when it is accepted.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) address: Address,
    pub(crate) identity: Identity,
    pub(crate) cut: Cut,
    standing: Arc<Standing>,
}

#[derive(Clone)]
pub(crate) enum Identity {
    /// Presented no certificate.
    Nobody,
    Device(Arc<DeviceCertificate>),
    /// Presented something that is no device's chain.
    Unknown,
}

/// What a connection's requests have shown.
#[derive(Default)]
struct Standing {
    /// Its place among those that have shown a door key or a device.
    place: OnceLock<Place>,
    has_shown: Notify,
}

impl Caller {
    fn new(root: &[u8; 32], peer: &Peer, cut: Cut) -> Self {
        let chain: Vec<&[u8]> = peer.chain.iter().map(AsRef::as_ref).collect();
        let identity = match certificate::verify_device(root, &chain, Usage::Tls) {
            _ if chain.is_empty() => Identity::Nobody,
            Ok(device) => Identity::Device(Arc::new(device)),
            Err(_) => Identity::Unknown,
        };
        Self { address: peer.counted(), identity, cut, standing: Arc::default() }
    }

    /// Takes a place for the connection among those of `who`, if it has none yet.
    pub(crate) fn is(&self, who: Who, connections: &Arc<Pool>) -> Result<(), Full> {
        if self.standing.place.get().is_none() {
            // Another request of this connection may be faster: then this place is given back.
            let _ = self.standing.place.set(connections.take(who, 1)?);
            self.standing.has_shown.notify_one();
        }
        Ok(())
    }
}

/// An admitted connection.
pub(crate) struct Connection {
    stream: Stream,
    caller: Caller,
    /// Ready once the connection has to end. Its task is tonic's, so it ends by this.
    cut: Option<BoxFuture<()>>,
}

impl Connection {
    /// The stream, while the connection may go on.
    fn stream(&mut self, cx: &mut Context<'_>) -> io::Result<Pin<&mut Stream>> {
        if self.cut.as_mut().is_none_or(|cut| cut.as_mut().poll(cx).is_ready()) {
            self.cut = None;
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(Pin::new(&mut self.stream))
    }
}

impl Connected for Connection {
    type ConnectInfo = Caller;
    fn connect_info(&self) -> Caller {
        self.caller.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.stream(cx)?.poll_read(cx, buf)
    }
}

/// A peer that does not read is no more patient: what is written asks too.
impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.stream(cx)?.poll_write(cx, buf)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream(cx)?.poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream(cx)?.poll_shutdown(cx)
    }
}

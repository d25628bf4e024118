//! Accepted connections: counted, and bound to who is at their other end.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use pli_env::{BoxFuture, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tonic::transport::server::Connected;

use crate::config::Limits;
use crate::services::gate::Caller;
use crate::services::rates::Address;

/// Admits connections up to the limits.
pub(crate) struct Connections {
    root: [u8; 32],
    places: Arc<Semaphore>,
    per_address: usize,
    addresses: Arc<Mutex<BTreeMap<Address, usize>>>,
    /// Its sender is the server's handle: once that is dropped, every connection is cut.
    server: watch::Receiver<()>,
}

impl Connections {
    pub(crate) fn new(root: [u8; 32], limits: &Limits, server: watch::Receiver<()>) -> Self {
        let places = Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS)));
        Self { root, places, per_address: limits.connections_per_address, addresses: Arc::default(), server }
    }

    /// The connection, or `None` if there are too many: it is closed then.
    pub(crate) fn admit(&self, stream: Stream) -> Option<Connection> {
        let place = self.places.clone().try_acquire_owned().ok()?;
        let (cut, mut is_cut) = Cut::new();
        let caller = Caller::new(&self.root, &stream.peer, cut);
        let counted = Counted::new(&self.addresses, caller.address(), self.per_address)?;
        let mut server = self.server.clone();
        let cut: BoxFuture<()> = Box::pin(async move {
            let server = async { while server.changed().await.is_ok() {} };
            // An error is no cut: whoever could say so is gone.
            let cut = async {
                if is_cut.wait_for(|cut| *cut).await.is_err() {
                    std::future::pending().await
                }
            };
            tokio::select! { () = server => {}, () = cut => {} }
        });
        Some(Connection { stream, caller, cut, _held: (place, counted) })
    }
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

/// One of an address's connections.
struct Counted(Arc<Mutex<BTreeMap<Address, usize>>>, Address);

impl Counted {
    fn new(addresses: &Arc<Mutex<BTreeMap<Address, usize>>>, address: Address, most: usize) -> Option<Self> {
        let mut counts = addresses.lock().expect("no panic while held");
        let count = counts.entry(address).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Self(addresses.clone(), address))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self.0.lock().expect("no panic while held");
        if let Some(count) = counts.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.1);
            }
        }
    }
}

/// An admitted connection.
pub(crate) struct Connection {
    stream: Stream,
    caller: Caller,
    /// Ready once the server is no more, or has cut this one. The tasks of connections are tonic's, so they end by this.
    cut: BoxFuture<()>,
    _held: (OwnedSemaphorePermit, Counted),
}

impl Connected for Connection {
    type ConnectInfo = Caller;
    fn connect_info(&self) -> Caller {
        self.caller.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.cut.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

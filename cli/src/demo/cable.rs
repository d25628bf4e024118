//! A network cable that can be pulled: an official in a tunnel keeps writing, and nothing goes out or comes in.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pli_env::{BoxFuture, Dial, Env, Incoming, Listen, Stream, Task};
use rusqlite::Connection;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;

/// The operating system, with a cable in between.
pub(crate) struct Cable {
    inner: Arc<dyn Env>,
    plugged: watch::Sender<bool>,
}

impl Cable {
    pub(crate) fn new(inner: Arc<dyn Env>) -> Arc<Self> {
        Arc::new(Self { inner, plugged: watch::channel(true).0 })
    }

    /// Pulls the cable, which cuts every connection; or plugs it in.
    pub(crate) fn plug(&self, plugged: bool) {
        self.plugged.send_replace(plugged);
    }
}

impl Env for Cable {
    fn now_ms(&self) -> u64 {
        self.inner.now_ms()
    }
    fn fill(&self, bytes: &mut [u8]) {
        self.inner.fill(bytes);
    }
    fn open_database(&self, path: &Path) -> rusqlite::Result<Connection> {
        self.inner.open_database(path)
    }
    fn run_database(&self, name: &str, work: BoxFuture<()>) {
        self.inner.run_database(name, work);
    }
    fn spawn(&self, task: BoxFuture<()>) -> Task {
        self.inner.spawn(task)
    }
    fn step(&self, at: &'static str) -> BoxFuture<()> {
        self.inner.step(at)
    }
    fn dial(&self, to: Dial) -> BoxFuture<io::Result<Stream>> {
        let mut plugged = self.plugged.subscribe();
        let dialled = self.inner.dial(to);
        Box::pin(async move {
            let pulled = async move {
                // An error means that the cable itself is gone.
                let _ = plugged.wait_for(|plugged| !plugged).await;
            };
            let mut pulled: BoxFuture<()> = Box::pin(pulled);
            let stream = tokio::select! { biased;
                () = &mut pulled => return Err(io::ErrorKind::NetworkUnreachable.into()),
                stream = dialled => stream?,
            };
            let peer = stream.peer.clone();
            Ok(Stream::new(Cut { stream, pulled }, peer))
        })
    }
    fn listen(&self, on: Listen) -> BoxFuture<io::Result<(SocketAddr, Incoming)>> {
        self.inner.listen(on)
    }
}

/// A connection that ends when the cable is pulled.
struct Cut {
    stream: Stream,
    pulled: BoxFuture<()>,
}

impl Cut {
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.pulled.as_mut().poll(cx) {
            Poll::Ready(()) => {
                self.pulled = Box::pin(std::future::ready(()));
                Err(io::ErrorKind::ConnectionReset.into())
            }
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for Cut {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Cut {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

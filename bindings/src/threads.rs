//! Pli's own threads. They are there while a client is open, and are shared by all of a process.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};

use pli_core::Error;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Enough for TLS and streams; databases have threads of their own.
const WORKERS: usize = 2;

static SHARED: Mutex<Weak<Threads>> = Mutex::new(Weak::new());

/// Running threads; they end when the last holder lets go.
pub(crate) struct Threads(Option<Runtime>);

impl Threads {
    /// Those of this process, started if there are none.
    pub(crate) fn get() -> Result<Arc<Self>, Error> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = shared.upgrade() {
            return Ok(running);
        }
        let runtime = Builder::new_multi_thread().worker_threads(WORKERS).thread_name("pli").enable_all().build();
        let runtime = runtime.map_err(|_| Error::internal("threads"))?;
        let threads = Arc::new(Self(Some(runtime)));
        *shared = Arc::downgrade(&threads);
        Ok(threads)
    }

    pub(crate) fn handle(&self) -> &Handle {
        self.0.as_ref().expect("there until dropped").handle()
    }

    /// Runs `work` here, and waits for it where this is called. Stops it when the caller stops waiting, or `cancel`
    /// fires; it is then undone or done, never half.
    ///
    /// # Errors
    /// Its own; [`Error::Closed`] if it was cancelled; [`Error::Internal`] if it panicked.
    pub(crate) async fn wait<T: Send + 'static>(
        self: Arc<Self>,
        cancel: Option<Arc<Cancel>>,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let task = self.handle().spawn(async move {
            match cancel {
                None => work.await,
                Some(cancel) => tokio::select! { biased;
                    () = cancel.fired() => Err(Error::Closed),
                    result = work => result,
                },
            }
        });
        // An aborted task is let go of in the background: its threads must outlast this call.
        match Stopping(task).await {
            Ok(result) => result,
            Err(error) if error.is_panic() => Err(Error::internal(PANIC)),
            Err(_) => Err(Error::Closed),
        }
    }

    /// Runs `work` here while the calling thread waits: for what must be done when the call returns.
    pub(crate) fn block<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let (answer, result) = std::sync::mpsc::sync_channel(1);
        self.handle().spawn(async move { answer.send(work.await) });
        // Without an answer it panicked.
        result.recv().unwrap_or(Err(Error::internal(PANIC)))
    }
}

/// What [`Error::Internal`] says of a caught panic.
pub(crate) const PANIC: &str = "panic";

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // The last to let go may be one of these threads, which can't wait for itself.
            runtime.shutdown_background();
        }
    }
}

/// Stops a task when it is dropped.
struct Stopping<T>(JoinHandle<T>);

impl<T> Future for Stopping<T> {
    type Output = Result<T, tokio::task::JoinError>;

    fn poll(mut self: std::pin::Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        std::pin::Pin::new(&mut self.0).poll(context)
    }
}

impl<T> Drop for Stopping<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Stops waiting calls, for languages whose cancelled tasks go on waiting.
#[derive(uniffi::Object)]
pub struct Cancel(watch::Sender<bool>);

#[uniffi::export]
impl Cancel {
    /// One that has not fired.
    #[uniffi::constructor]
    pub fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Ends the calls that it was given to.
    pub fn fire(&self) {
        self.0.send_replace(true);
    }
}

impl Default for Cancel {
    fn default() -> Self {
        Self::new()
    }
}

impl Cancel {
    pub(crate) async fn fired(&self) {
        let _ = self.0.subscribe().wait_for(|fired| *fired).await;
    }
}

//! The operating system, a little worse than this machine's.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use pli_env::real::Real;
use pli_env::{BoxFuture, Dial, Env, Incoming, Listen, Stream, Task};
use rusqlite::Connection;

/// How long a processor does something else.
const PAUSE: Duration = Duration::from_millis(200);

/// As it is, but for what is set.
#[derive(Debug)]
pub struct Altered {
    real: Arc<Real>,
    /// The clock is behind by so much.
    pub clock_behind_ms: AtomicU64,
    /// What runs the tasks.
    pub processor: Arc<Processor>,
}

/// What runs the tasks.
#[derive(Debug, Default)]
pub struct Processor {
    /// It pauses each time between taking a task up and running it.
    pub pauses: AtomicBool,
    /// Tasks that were taken up and wait for its pause to end.
    pub taken_up: AtomicUsize,
    /// Tasks that are not gone.
    pub tasks: AtomicUsize,
}

impl Altered {
    /// Of the running tokio runtime; nothing is set.
    pub fn current() -> Arc<Self> {
        Arc::new(Self { real: Real::current(), clock_behind_ms: AtomicU64::new(0), processor: Arc::default() })
    }
}

impl Processor {
    fn pause(&self) {
        if self.pauses.load(Ordering::SeqCst) {
            self.taken_up.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(PAUSE);
            self.taken_up.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// A task that is not gone.
struct Counted(Arc<Processor>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.tasks.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Env for Altered {
    fn now_ms(&self) -> u64 {
        self.real.now_ms() - self.clock_behind_ms.load(Ordering::SeqCst)
    }
    fn fill(&self, bytes: &mut [u8]) {
        self.real.fill(bytes);
    }
    fn open_database(&self, path: &Path) -> rusqlite::Result<Connection> {
        self.real.open_database(path)
    }
    fn run_database(&self, name: &str, work: BoxFuture<()>) {
        self.real.run_database(name, work);
    }
    fn spawn(&self, mut task: BoxFuture<()>) -> Task {
        self.processor.tasks.fetch_add(1, Ordering::SeqCst);
        let counted = Counted(self.processor.clone());
        self.real.spawn(Box::pin(async move {
            // Outlives the task that it counts.
            let counted = counted;
            poll_fn(|context| {
                counted.0.pause();
                task.as_mut().poll(context)
            })
            .await;
        }))
    }
    fn step(&self, at: &'static str) -> BoxFuture<()> {
        self.real.step(at)
    }
    fn dial(&self, to: Dial) -> BoxFuture<std::io::Result<Stream>> {
        self.real.dial(to)
    }
    fn listen(&self, on: Listen) -> BoxFuture<std::io::Result<(SocketAddr, Incoming)>> {
        self.real.listen(on)
    }
}

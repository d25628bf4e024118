//! The operating system, a little worse than this machine's.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use pli_env::real::Real;
use pli_env::{BoxFuture, Dial, Env, Incoming, Listen, Stream, Task};
use rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;

/// How long a processor does something else.
const PAUSE: Duration = Duration::from_millis(200);

/// As it is, but for what is set.
#[derive(Debug)]
pub struct Altered {
    real: Arc<Real>,
    /// The clock is ahead by so much, or behind.
    pub clock_ms: AtomicI64,
    /// The clock stands at this time; it goes while this is zero.
    pub stopped_ms: AtomicU64,
    /// What databases are asked.
    pub statements: Arc<Statements>,
    /// Whether a query for screens takes as long as this is so.
    pub screens_are_slow: watch::Sender<bool>,
    /// What runs the tasks.
    pub processor: Arc<Processor>,
    /// What known connections go over.
    pub line: Arc<Line>,
}

/// What known connections go over: those on which a device shows who it is.
#[derive(Debug, Default)]
pub struct Line {
    /// Each connection dies when it has carried so many bytes, to and fro; none does while this is zero.
    pub dies_after: AtomicU64,
    /// Connections that died so.
    pub died: AtomicUsize,
}

/// What databases are asked, by the thread that asks; noted from the first [`Self::take`] on.
#[derive(Debug, Default)]
pub struct Statements(Mutex<Option<Vec<(String, String)>>>);

impl Statements {
    fn note(&self, sql: &str) {
        if let Some(noted) = &mut *self.0.lock().unwrap() {
            noted.push((std::thread::current().name().unwrap_or_default().to_owned(), sql.to_owned()));
        }
    }

    /// How many of a thread's statements since the last call have each of these words.
    pub fn take<const N: usize>(&self, thread: &str, words: [&str; N]) -> [usize; N] {
        let noted = self.0.lock().unwrap().replace(Vec::new()).unwrap_or_default();
        words.map(|words| noted.iter().filter(|(by, sql)| by == thread && sql.contains(words)).count())
    }
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
        Arc::new(Self {
            real: Real::current(),
            clock_ms: AtomicI64::new(0),
            stopped_ms: AtomicU64::new(0),
            statements: Arc::default(),
            screens_are_slow: watch::Sender::new(false),
            processor: Arc::default(),
            line: Arc::default(),
        })
    }

    /// Stops the clock where it is.
    pub fn stop_clock(&self) {
        self.stopped_ms.store(self.now_ms(), Ordering::SeqCst);
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

/// A connection that the line carries.
struct OnLine {
    stream: Stream,
    line: Arc<Line>,
    carried: u64,
}

impl OnLine {
    /// Carries so many bytes more, or dies.
    fn carry(&mut self, bytes: usize) -> io::Result<()> {
        let (before, dies_after) = (self.carried, self.line.dies_after.load(Ordering::SeqCst));
        self.carried += bytes as u64;
        if dies_after == 0 || self.carried <= dies_after {
            return Ok(());
        }
        if before <= dies_after {
            self.line.died.fetch_add(1, Ordering::SeqCst);
        }
        Err(io::ErrorKind::ConnectionReset.into())
    }
}

impl AsyncRead for OnLine {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        let bytes = buf.filled().len() - before;
        if bytes > 0 { Poll::Ready(self.carry(bytes)) } else { read }
    }
}

impl AsyncWrite for OnLine {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(cx, buf) {
            Poll::Ready(Ok(bytes)) => Poll::Ready(self.carry(bytes).map(|()| bytes)),
            other => other,
        }
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl Env for Altered {
    fn now_ms(&self) -> u64 {
        match self.stopped_ms.load(Ordering::SeqCst) {
            0 => self.real.now_ms().saturating_add_signed(self.clock_ms.load(Ordering::SeqCst)),
            stopped_ms => stopped_ms,
        }
    }
    fn fill(&self, bytes: &mut [u8]) {
        self.real.fill(bytes);
    }
    fn open_database(&self, path: &Path) -> rusqlite::Result<Connection> {
        let mut connection = self.real.open_database(path)?;
        let statements = self.statements.clone();
        let note = move |event: TraceEvent<'_>| {
            if let TraceEvent::Profile(statement, _) = event {
                statements.note(&statement.sql());
            }
        };
        connection.trace_v2(TraceEventCodes::SQLITE_TRACE_PROFILE, Some(note))?;
        Ok(connection)
    }
    fn run_database(&self, name: &str, mut work: BoxFuture<()>) {
        if name != "pli-reader" {
            return self.real.run_database(name, work);
        }
        let mut slow = self.screens_are_slow.subscribe();
        let held = async move {
            loop {
                let _ = slow.wait_for(|slow| !slow).await;
                tokio::select! { biased;
                    Ok(_) = slow.wait_for(|slow| *slow) => {}
                    () = &mut work => return,
                }
            }
        };
        self.real.run_database(name, Box::pin(held));
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
    fn dial(&self, to: Dial) -> BoxFuture<io::Result<Stream>> {
        let line = (!to.chain.is_empty()).then(|| self.line.clone());
        let dialled = self.real.dial(to);
        Box::pin(async move {
            let stream = dialled.await?;
            let peer = stream.peer.clone();
            Ok(match line {
                Some(line) => Stream::new(OnLine { stream, line, carried: 0 }, peer),
                None => stream,
            })
        })
    }
    fn listen(&self, on: Listen) -> BoxFuture<std::io::Result<(SocketAddr, Incoming)>> {
        self.real.listen(on)
    }
}

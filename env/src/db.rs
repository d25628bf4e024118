//! The loops that own SQLite connections.
//!
//! A [`Writer`] runs jobs in order. Jobs that wait together share one transaction and so one fsync (group commit), each
//! within a savepoint of its own; each is answered only after the commit. A [`Reader`] runs queries on a
//! connection of its own, which under WAL waits for no writer.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, ffi};
use tokio::sync::{mpsc, oneshot};

use crate::Env;

/// Jobs in one transaction. It bounds how long the first of them waits for its answer.
const JOBS_PER_COMMIT: usize = 256;
/// Jobs that may wait; beyond, callers wait to enqueue.
const QUEUE: usize = 1024;

/// Why a job has no answer. Nothing of it was written.
#[derive(Debug)]
pub enum Failure {
    /// SQLite's error at the beginning or at the commit: a full disk, a damaged file.
    Database(rusqlite::Error),
    /// The job panicked, with this message.
    Panic(String),
    /// The loop has ended.
    Closed,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Database(error) => write!(f, "database: {error}"),
            Self::Panic(message) => write!(f, "a database job panicked: {message}"),
            Self::Closed => f.write_str("the database is closed"),
        }
    }
}
impl std::error::Error for Failure {}

/// Whether a write failed because there is no room. SQLite says so of a full disk; a quota, or a bound on files, is an I/O
/// error of whatever it was doing to make a file longer.
pub fn is_full(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqliteFailure(code, _) => matches!(
            code.extended_code,
            ffi::SQLITE_FULL | ffi::SQLITE_IOERR_WRITE | ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_SHMSIZE
        ),
        _ => false,
    }
}

/// State that lives beside the connection, on its loop.
pub trait Cache: Send + 'static {
    /// A job's writes were undone: drop everything that may have come from them.
    fn rolled_back(&mut self);
}
impl Cache for () {
    fn rolled_back(&mut self) {}
}

/// Runs the job; true keeps its writes.
type Work<C> = Box<dyn FnOnce(&Connection, &mut C) -> bool + Send>;
/// Told how it ended.
type Answer = Box<dyn FnOnce(Result<(), Failure>) + Send>;

enum Job<C> {
    Run(Work<C>, Answer),
    /// Move what was written into the database, and empty the log of writes.
    Checkpoint(oneshot::Sender<bool>),
    /// Finish what came before, checkpoint, close.
    Close(oneshot::Sender<()>),
}

/// Handle to the loop that writes.
pub struct Writer<C>(mpsc::Sender<Job<C>>);

impl<C> Clone for Writer<C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<C: Cache> Writer<C> {
    /// Gives `connection` to a loop of its own.
    pub fn start(env: &Arc<dyn Env>, name: &str, connection: Connection, cache: C) -> Self {
        let (sender, jobs) = mpsc::channel(QUEUE);
        env.run_database(name, Box::pin(write(env.clone(), connection, cache, jobs)));
        Self(sender)
    }

    /// Runs `job` in a transaction and gives its result once that is durable. An `Err` of the job undoes its writes.
    /// If the caller stops waiting, the job still runs, whole.
    ///
    /// # Errors
    /// [`Failure`], when nothing was written.
    pub async fn run<R, E>(
        &self,
        job: impl FnOnce(&Connection, &mut C) -> Result<R, E> + Send + 'static,
    ) -> Result<Result<R, E>, Failure>
    where
        R: Send + 'static,
        E: Send + 'static,
    {
        self.run_then(|connection, cache| job(connection, cache).map(|result| (result, ())), drop).await
    }

    /// As [`Self::run`], for a job that gives something more: `then` gets it on the loop once the job is durable and
    /// answered, though the caller stopped waiting.
    ///
    /// # Errors
    /// [`Failure`], when nothing was written.
    pub async fn run_then<R, T, E>(
        &self,
        job: impl FnOnce(&Connection, &mut C) -> Result<(R, T), E> + Send + 'static,
        then: impl FnOnce(T) + Send + 'static,
    ) -> Result<Result<R, E>, Failure>
    where
        R: Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
    {
        let (sender, result) = oneshot::channel();
        let slot = Arc::new(std::sync::Mutex::new(None));
        let filled = slot.clone();
        let work: Work<C> = Box::new(move |connection, cache| {
            let result = job(connection, cache);
            let keep = result.is_ok();
            *filled.lock().expect("no panic while held") = Some(result);
            keep
        });
        let answer: Answer = Box::new(move |end| {
            let (result, more) = match (end, slot.lock().expect("no panic while held").take()) {
                // Its own error says more than what the transaction then came to.
                (_, Some(Err(error))) => (Ok(Err(error)), None),
                (Err(failure), _) => (Err(failure), None),
                (Ok(()), None) => (Err(Failure::Closed), None),
                (Ok(()), Some(Ok((result, more)))) => (Ok(Ok(result)), Some(more)),
            };
            // The caller waits; whoever else is told has time.
            let _ = sender.send(result);
            if let Some(more) = more {
                then(more);
            }
        });
        self.0.send(Job::Run(work, answer)).await.map_err(|_| Failure::Closed)?;
        result.await.map_err(|_| Failure::Closed)?
    }

    /// Writes into the database what its log of writes holds, and empties that: what was deleted is gone from both. False if
    /// a reader is in the midst of a query; nobody waits for it.
    pub async fn checkpoint(&self) -> bool {
        let (done, ended) = oneshot::channel();
        self.0.send(Job::Checkpoint(done)).await.is_ok() && ended.await.unwrap_or(false)
    }

    /// Ends the loop after the jobs that came before; when this returns, the connection is closed.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.0.send(Job::Close(done)).await.is_ok() {
            let _ = closed.await;
        }
    }
}

/// `BEGIN` is a statement, not a `Transaction` guard: the future stays `Send`, and dropping it at an await drops the
/// connection with its transaction open, as a crash would.
async fn write<C: Cache>(env: Arc<dyn Env>, connection: Connection, mut cache: C, mut jobs: mpsc::Receiver<Job<C>>) {
    let (mut closing, mut emptied) = (None, Vec::new());
    while closing.is_none() {
        let Some(first) = jobs.recv().await else { break };
        let mut batch = vec![first];
        while batch.len() < JOBS_PER_COMMIT {
            let Ok(job) = jobs.try_recv() else { break };
            batch.push(job);
        }
        let mut answers: Vec<(Answer, Result<(), Failure>)> = Vec::new();
        let mut end = run(&connection, "BEGIN IMMEDIATE");
        let alone = batch.len() == 1;
        for job in batch {
            match job {
                Job::Close(done) => closing = Some(done),
                Job::Checkpoint(done) => emptied.push(done),
                Job::Run(work, answer) if end.is_ok() && closing.is_none() => {
                    match one(&connection, &mut cache, work, alone) {
                        Ok(result) => answers.push((answer, result)),
                        Err(error) => {
                            end = Err(error);
                            answers.push((answer, Ok(())));
                        }
                    }
                }
                Job::Run(_, answer) => {
                    answers.push((answer, closing.as_ref().map_or(Ok(()), |_| Err(Failure::Closed))))
                }
            }
        }
        if end.is_ok() {
            env.step("commit").await;
            end = run(&connection, "COMMIT");
        }
        if end.is_err() {
            if !connection.is_autocommit() {
                let _ = connection.execute_batch("ROLLBACK");
            }
            cache.rolled_back();
        }
        env.step("answer").await;
        for (answer, result) in answers {
            answer(match &end {
                Ok(()) => result,
                Err(error) => Err(Failure::Database(copy(error))),
            });
        }
        if !emptied.is_empty() {
            let is_empty = checkpoint_at_once(&connection).unwrap_or(false);
            for done in emptied.drain(..) {
                let _ = done.send(is_empty);
            }
        }
    }
    drop(cache);
    let _ = connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
    drop(connection);
    if let Some(done) = closing {
        let _ = done.send(());
    }
}

/// Empties the log of writes, if no reader is in the way.
fn checkpoint_at_once(connection: &Connection) -> rusqlite::Result<bool> {
    let patience: i64 = connection.query_row("PRAGMA busy_timeout", [], |row| row.get(0))?;
    connection.busy_timeout(Duration::ZERO)?;
    let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    connection.busy_timeout(Duration::from_millis(patience.unsigned_abs()))?;
    Ok(busy? == 0)
}

/// A statement that each transaction has: parsed once.
fn run(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

/// One job: within its savepoint, unless it is alone in the transaction. The outer error is the transaction's.
fn one<C: Cache>(
    connection: &Connection,
    cache: &mut C,
    work: Work<C>,
    alone: bool,
) -> rusqlite::Result<Result<(), Failure>> {
    if !alone {
        run(connection, "SAVEPOINT job")?;
    }
    let (keep, result) = match catch_unwind(AssertUnwindSafe(|| work(connection, cache))) {
        Ok(keep) => (keep, Ok(())),
        Err(panic) => (false, Err(Failure::Panic(message(&*panic)))),
    };
    if !keep {
        cache.rolled_back();
        let undo = if alone { "ROLLBACK; BEGIN IMMEDIATE" } else { "ROLLBACK TO job; RELEASE job" };
        connection.execute_batch(undo).map_err(|error| match connection.is_autocommit() {
            // Where there is no room SQLite has taken back the whole transaction by itself.
            true => rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_FULL), None),
            false => error,
        })?;
    } else if !alone {
        run(connection, "RELEASE job")?;
    }
    Ok(result)
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// `rusqlite::Error` is not `Clone`, and every job of a failed transaction is told why.
fn copy(error: &rusqlite::Error) -> rusqlite::Error {
    match error {
        rusqlite::Error::SqliteFailure(code, text) => rusqlite::Error::SqliteFailure(*code, text.clone()),
        other => rusqlite::Error::ToSqlConversionFailure(other.to_string().into()),
    }
}

enum Query {
    Run(Box<dyn FnOnce(&Connection) + Send>),
    Close(oneshot::Sender<()>),
}

/// Handle to a loop that reads.
#[derive(Clone)]
pub struct Reader(mpsc::Sender<Query>);

impl Reader {
    /// Gives `connection` to a loop of its own, which may not write.
    ///
    /// # Errors
    /// SQLite's, if it can't be made read-only.
    pub fn start(env: &Arc<dyn Env>, name: &str, connection: Connection) -> rusqlite::Result<Self> {
        connection.execute_batch("PRAGMA query_only = ON")?;
        let (sender, mut queries) = mpsc::channel::<Query>(QUEUE);
        env.run_database(
            name,
            Box::pin(async move {
                while let Some(query) = queries.recv().await {
                    match query {
                        Query::Run(query) => query(&connection),
                        Query::Close(done) => {
                            drop(connection);
                            let _ = done.send(());
                            return;
                        }
                    }
                }
            }),
        );
        Ok(Self(sender))
    }

    /// Runs `query` on what was last committed.
    ///
    /// # Errors
    /// [`Failure::Panic`] or [`Failure::Closed`].
    pub async fn run<R: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> R + Send + 'static,
    ) -> Result<R, Failure> {
        let (sender, result) = oneshot::channel();
        let query = Box::new(move |connection: &Connection| {
            let result = catch_unwind(AssertUnwindSafe(|| query(connection)));
            let _ = sender.send(result.map_err(|panic| Failure::Panic(message(&*panic))));
        });
        self.0.send(Query::Run(query)).await.map_err(|_| Failure::Closed)?;
        result.await.map_err(|_| Failure::Closed)?
    }

    /// Ends the loop after the queries that came before; when this returns, the connection is closed.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.0.send(Query::Close(done)).await.is_ok() {
            let _ = closed.await;
        }
    }
}

//! The engine over SQLite: WAL, `synchronous=FULL`, one writer that commits everything that waits as one group commit.

mod budget;
mod inbox;
mod issuers;
mod key_packages;
mod logs;
mod people;
mod pieces;
mod prune;
mod rows;
mod schema;
mod snapshots;

use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use pli_env::Env;
use pli_env::db::{Failure, Reader, Writer};
use pli_proto::id::{DeviceId, LogId, PersonId};
use pli_proto::pb;
use pli_proto::row::AccessKey;
use pli_proto::signed::Hash;
use rusqlite::Connection;

use budget::Budget;
pub use schema::OpenError;

use super::{
    Answer, Append, Appended, Device, Engine, EngineError, Enrolment, InboxBatch, Invitation, Page, People,
    Publication, Revocation, SMALL_BYTES, Snapshot, Stock, Versions,
};
use crate::config::HOUR_MS;

/// Connections that read, of each [`Kind`]. Under WAL they wait for no writer; and what takes long waits for its like.
const READERS: [usize; 3] = [2, 1, 1];

/// What a query reads.
#[derive(Clone, Copy)]
enum Kind {
    /// A few rows.
    Small,
    /// Much of the directory, or of the list.
    Directory,
    /// A value, or a page, that may have megabytes.
    Large,
}

impl Kind {
    fn of(most: usize) -> Self {
        if most <= SMALL_BYTES { Self::Small } else { Self::Large }
    }
}

/// More than a directory changes in an hour.
const VERSIONS_PER_HOUR: u64 = 1 << 20;

/// The engine over one SQLite file, which several processes may have open.
pub struct Sqlite {
    writer: Writer<()>,
    /// The directory's versions begin here: beyond those that readers may have from after the copy that this database
    /// was put back from.
    versions_from: u64,
    budget: Arc<Budget>,
    /// By kind; empty once closed.
    readers: Mutex<Vec<Vec<Reader>>>,
    turn: AtomicUsize,
}

impl Sqlite {
    /// Opens the database at `path`, making it if absent. `secret` hides whose budget each row spends; it must not be
    /// kept in the database.
    ///
    /// # Errors
    /// [`OpenError`] if it can't be opened, or is not of this program's kind.
    pub fn open(env: &Arc<dyn Env>, path: &Path, secret: &[u8; 32]) -> Result<Self, OpenError> {
        let connection = schema::open(&**env, path)?;
        let reader = || {
            let connection = schema::open(&**env, path)?;
            Reader::start(env, "pli-read", connection).map_err(OpenError::from_sqlite)
        };
        let of_kind = |count| (0..count).map(|_| reader()).collect::<Result<Vec<_>, _>>();
        let readers = READERS.into_iter().map(of_kind).collect::<Result<Vec<_>, _>>()?;
        let writer = Writer::start(env, "pli-write", connection, ());
        let budget = Arc::new(Budget::new(env.clone(), secret));
        Ok(Self {
            writer,
            versions_from: env.now_ms() / HOUR_MS * VERSIONS_PER_HOUR,
            budget,
            readers: Mutex::new(readers),
            turn: AtomicUsize::new(0),
        })
    }

    /// Runs `job` in a transaction; answers after the fsync.
    fn write<'a, T: Send + 'static>(
        &'a self,
        job: impl FnOnce(&Connection) -> Result<T, EngineError> + Send + 'static,
    ) -> Answer<'a, T> {
        Box::pin(async move { self.writer.run(move |connection, ()| job(connection)).await? })
    }

    /// Runs `query` on one state of the database.
    fn query<'a, T: Send + 'static>(
        &'a self,
        kind: Kind,
        query: impl FnOnce(&Connection) -> Result<T, EngineError> + Send + 'static,
    ) -> Answer<'a, T> {
        Box::pin(async move {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed);
            let reader = {
                let readers = self.readers.lock().expect("no panic while held");
                let readers = readers.get(kind as usize).ok_or(EngineError::Closed)?;
                readers[turn % readers.len()].clone()
            };
            let run = move |connection: &Connection| {
                let transaction = connection.unchecked_transaction()?;
                let result = query(&transaction);
                transaction.finish()?;
                result
            };
            reader.run(run).await?
        })
    }
}

impl Engine for Sqlite {
    fn create_log(&self, log: LogId, row: AccessKey, snapshot: Vec<u8>) -> Answer<'_, ()> {
        let budget = self.budget.clone();
        self.write(move |c| logs::create(c, &budget, log, row, &snapshot))
    }
    fn append(&self, append: Append) -> Answer<'_, Appended> {
        let budget = self.budget.clone();
        Box::pin(async move {
            let spent = Arc::new(Mutex::new(None));
            let noted = spent.clone();
            let run = move |c: &Connection, (): &mut ()| {
                let (appended, pool) = logs::append(c, &budget, &append)?;
                *noted.lock().expect("no panic while held") = pool.map(|pool| (append.log, pool));
                Ok(appended)
            };
            let ran = self.writer.run(run).await;
            if ran.is_err()
                && let Some((log, pool)) = spent.lock().expect("no panic while held").take()
            {
                // Counted, and then not kept: the disk was full.
                self.budget.give_back(log, pool);
            }
            ran?
        })
    }
    fn read(&self, log: LogId, row: AccessKey, after: u64, hash: Option<Hash>, most: usize) -> Answer<'_, Page> {
        self.query(Kind::of(most), move |c| logs::read(c, log, row, after, hash, most))
    }
    fn put_snapshot(&self, log: LogId, row: AccessKey, number: u64, sealed: Vec<u8>) -> Answer<'_, ()> {
        self.write(move |c| snapshots::put(c, log, row, number, &sealed))
    }
    fn snapshot(&self, log: LogId, row: AccessKey, at_most: u64, most: usize) -> Answer<'_, Snapshot> {
        self.query(Kind::of(most), move |c| snapshots::newest(c, log, row, at_most, most))
    }
    fn prune_messages(&self, before_ms: u64) -> Answer<'_, u64> {
        self.write(move |c| prune::prune(c, before_ms))
    }

    fn invite(&self, invitations: Vec<Invitation>) -> Answer<'_, ()> {
        self.write(move |c| people::invite(c, &invitations))
    }
    fn invitation(&self, hash: Hash) -> Answer<'_, Option<Invitation>> {
        self.query(Kind::Small, move |c| people::invitation(c, &hash))
    }
    fn enrol(&self, enrolment: Enrolment) -> Answer<'_, ()> {
        let from = self.versions_from;
        self.write(move |c| people::enrol(c, from, &enrolment))
    }
    fn renew(&self, device: DeviceId, tls_key: [u8; 32], day_ms: u64) -> Answer<'_, ()> {
        self.write(move |c| people::renew(c, device, &tls_key, day_ms))
    }
    fn seen(&self, device: DeviceId, day_ms: u64) -> Answer<'_, ()> {
        self.write(move |c| people::seen(c, device, day_ms))
    }
    fn device(&self, device: DeviceId) -> Answer<'_, Option<Device>> {
        self.query(Kind::Small, move |c| people::device(c, device))
    }
    fn devices_of(&self, person: PersonId) -> Answer<'_, Option<Vec<Device>>> {
        self.query(Kind::Small, move |c| people::devices_of(c, person))
    }
    fn people(&self, since: u64, limit: usize) -> Answer<'_, People> {
        self.query(Kind::Directory, move |c| people::people(c, since, limit))
    }
    fn rename(&self, person: PersonId, name: String) -> Answer<'_, ()> {
        let from = self.versions_from;
        self.write(move |c| people::rename(c, from, person, &name))
    }
    fn revocations(&self, since: u64) -> Answer<'_, pb::RevocationList> {
        self.query(Kind::Directory, move |c| people::revocations(c, since))
    }
    fn revoke(&self, revocation: Revocation) -> Answer<'_, bool> {
        let from = self.versions_from;
        self.write(move |c| people::revoke(c, from, &revocation))
    }
    fn end_issuer(&self, end: pb::IssuerEnd, kept: Vec<Hash>) -> Answer<'_, bool> {
        self.write(move |c| issuers::end(c, &end, &kept))
    }
    fn issuer_end(&self, since: u64) -> Answer<'_, Option<(pb::IssuerEnd, Vec<Hash>)>> {
        self.query(Kind::Directory, move |c| issuers::after(c, since))
    }
    fn certificates(&self) -> Answer<'_, Vec<Hash>> {
        self.query(Kind::Directory, issuers::certificates)
    }
    fn ended_guests(&self, now_ms: u64) -> Answer<'_, Vec<PersonId>> {
        self.query(Kind::Directory, move |c| people::ended_guests(c, now_ms))
    }
    fn versions(&self) -> Answer<'_, Versions> {
        self.query(Kind::Small, people::versions)
    }

    fn publish(&self, publication: Publication) -> Answer<'_, Stock> {
        self.write(move |c| key_packages::publish(c, &publication))
    }
    fn take(&self, devices: Vec<DeviceId>, last_resort: bool, now_ms: u64) -> Answer<'_, Vec<pb::DevicePackage>> {
        self.write(move |c| key_packages::take(c, &devices, last_resort, now_ms))
    }
    fn deliver(&self, device: DeviceId, id: [u8; 16], sealed: Vec<u8>, now_ms: u64) -> Answer<'_, ()> {
        self.write(move |c| inbox::deliver(c, device, &id, &sealed, now_ms))
    }
    fn inbox(&self, device: DeviceId, after: u64, most: usize) -> Answer<'_, InboxBatch> {
        self.query(Kind::of(most), move |c| inbox::batch(c, device, after, most))
    }
    fn acknowledge(&self, device: DeviceId, up_to: u64) -> Answer<'_, ()> {
        self.write(move |c| inbox::acknowledge(c, device, up_to))
    }

    fn sweep(&self, now_ms: u64) -> Answer<'_, u64> {
        self.write(move |c| schema::sweep(c, now_ms))
    }
    fn close(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            // The last connection that closes removes the log of writes: whoever copies the files then must not meet it.
            let readers = std::mem::take(&mut *self.readers.lock().expect("no panic while held"));
            for reader in readers.into_iter().flatten() {
                reader.close().await;
            }
            self.writer.close().await;
        })
    }
}

impl From<rusqlite::Error> for EngineError {
    fn from(error: rusqlite::Error) -> Self {
        if pli_env::db::is_full(&error) { Self::Full } else { Self::Failed(error.to_string()) }
    }
}

impl From<Failure> for EngineError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Database(error) => error.into(),
            Failure::Panic(message) => Self::Failed(format!("a job panicked: {message}")),
            Failure::Closed => Self::Closed,
        }
    }
}

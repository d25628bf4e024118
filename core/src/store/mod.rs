//! The device's encrypted store: one SQLCipher database, one writer, readers beside it.
//!
//! - [`key`]: the store's key and where an embedder keeps it.
//! - [`open`]: opening, locking, migrating, noticing copies.
//! - [`mls`], [`form`], [`groups`]: openmls' state.
//! - [`meta`], [`people`], [`issuers`], [`logs`], [`outbox`], [`unsettled`], [`deliveries`], [`items`], [`relations`],
//!   [`summary`]: the tables, each with its reads and writes. `lifetime`: when what was said goes.
//!   `reread`: what an earlier version did not understand.
//!
//! Writes are jobs: a closure on a [`Tx`], within one transaction. Group state, decrypted messages, cursor and outbox
//! change in it together or not at all.

pub mod deliveries;
pub mod form;
pub mod groups;
pub mod issuers;
pub mod items;
pub mod key;
pub(crate) mod lifetime;
pub mod logs;
pub mod meta;
pub mod mls;
pub mod open;
pub mod outbox;
pub mod people;
pub mod relations;
pub(crate) mod reread;
pub mod summary;
pub mod unsettled;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use lru::LruCache;
use openmls::group::MlsGroup;
use pli_env::Env;
use pli_env::db::{Cache, Reader, Writer};
use pli_proto::id::{ConversationId, LogId};
use rusqlite::Connection;
use tokio::sync::broadcast;

use crate::clock::Clock;
use crate::error::Error;
use crate::identity::Me;
use mls::{Deferred, MlsStore};
use pli_kernel::crypto::{Crypto, Provider};
use pli_kernel::group::verdict::Public;

/// Loaded groups that are kept, at most.
const GROUPS: NonZeroUsize = NonZeroUsize::new(32).expect("not zero");
/// And the leaves that these may have together: an app that a push wakes has little memory (docs/performance.md).
const LEAVES: usize = 2_000;
/// Change notices that a slow observer may leave waiting; beyond, it reads everything anew.
pub(crate) const NOTICES: usize = 256;

/// What a transaction changed, told after its commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Notice {
    /// What was said and changed in a conversation, or waits in its outbox.
    Items(ConversationId),
    /// A conversation's members and settings, or where this device stands in it.
    Group(ConversationId),
    /// What the own person alone sees of a conversation: its draft, how far it was read, whether it is muted.
    Own(ConversationId),
    /// The directory, when devices were seen, or who was verified or revoked.
    People,
    /// Something may be sent on a log.
    Outbox(LogId),
    /// Something is to be left in others' inboxes.
    Deliveries,
    /// The set of logs to follow.
    Logs,
    /// What was said was deleted, edited or destroyed: its bytes are to go from the files.
    Replaced,
}

impl Notice {
    /// The conversation of which something changed.
    pub(crate) fn conversation(&self) -> Option<ConversationId> {
        match self {
            Self::Items(id) | Self::Group(id) | Self::Own(id) => Some(*id),
            Self::People | Self::Outbox(_) | Self::Deliveries | Self::Logs | Self::Replaced => None,
        }
    }
}

/// What jobs work with beside the connection.
pub struct Context {
    /// The world.
    pub env: Arc<dyn Env>,
    /// What time it is, here and at the server.
    pub(crate) clock: Arc<Clock>,
    /// Cryptography.
    pub crypto: Crypto,
    /// This device.
    pub me: Me,
}

/// A group in memory.
pub struct Loaded {
    /// The member's own state; absent while the device has lost the group's secrets.
    pub group: Option<MlsGroup>,
    /// What the public state says.
    pub public: Public,
}

/// What lives on the writer's loop.
pub struct State {
    groups: LruCache<LogId, Loaded>,
    deferred: Deferred,
    caught_up: BTreeSet<LogId>,
    removals: BTreeMap<LogId, u64>,
}

impl Cache for State {
    fn rolled_back(&mut self) {
        self.groups.clear();
        self.deferred.forget();
    }
}

/// An open transaction.
pub struct Tx<'a> {
    /// The database.
    pub db: &'a Connection,
    /// Device and world.
    pub context: &'a Context,
    state: &'a mut State,
    notices: BTreeSet<Notice>,
}

impl<'a> Tx<'a> {
    /// Tells observers after the commit.
    pub fn notice(&mut self, notice: Notice) {
        self.notices.insert(notice);
    }

    /// Now, in milliseconds since 1970.
    pub fn now_ms(&self) -> u64 {
        self.context.env.now_ms()
    }

    /// openmls' provider over the member's state.
    pub fn provider(&self) -> Provider<'_, MlsStore<'_>> {
        Provider { crypto: &self.context.crypto, storage: MlsStore::new(self.db, mls::MEMBER, &self.state.deferred) }
    }

    /// Storage for what need not be stored.
    pub(crate) fn no_store(&self) -> MlsStore<'_> {
        MlsStore::new(self.db, mls::NOWHERE, &self.state.deferred)
    }

    /// Storage for public state of groups whose secrets are lost.
    pub fn follower_store(&self) -> MlsStore<'_> {
        MlsStore::new(self.db, mls::FOLLOWER, &self.state.deferred)
    }

    /// While set, message secrets are not written after each message; [`Self::settle`] writes them.
    pub fn defer(&mut self) {
        self.state.deferred.defer(true);
    }

    /// Ends deferral and writes what is owed.
    ///
    /// # Errors
    /// If it can't be written; the transaction must then fail, or a message key would serve twice.
    pub fn settle(&mut self) -> Result<(), Error> {
        self.state.deferred.defer(false);
        for (_, group_id) in self.state.deferred.owed() {
            let log = LogId::try_from(group_id.as_slice()).map_err(|_| Error::internal("group id"))?;
            let mut loaded = self.take_group(log)?;
            if let Some(group) = &mut loaded.group {
                // The one call that writes message secrets without changing them; there are no past epochs.
                group
                    .delete_past_epoch_secrets(&self.provider(), openmls::group::PastEpochDeletion::delete_all())
                    .map_err(|_| Error::internal("message secrets"))?;
            }
            self.keep_group(log, loaded);
        }
        if self.state.deferred.owes() { Err(Error::internal("message secrets owed")) } else { Ok(()) }
    }

    /// Takes a group out of memory or loads it; give it back with [`Self::keep_group`], unless it was spoiled.
    ///
    /// # Errors
    /// [`Error::Damaged`] if it can't be read.
    pub fn take_group(&mut self, log: LogId) -> Result<Loaded, Error> {
        if let Some(loaded) = self.state.groups.pop(&log) {
            return Ok(loaded);
        }
        groups::load(self, log)
    }

    /// Runs a part of the job; if it fails or panics, nothing that it wrote is kept, and the job may go on.
    ///
    /// # Errors
    /// The part's own.
    pub(crate) fn attempt<R>(&mut self, part: impl FnOnce(&mut Self) -> Result<R, Error>) -> Result<R, Error> {
        let run = |tx: &Self, sql: &str| tx.db.prepare_cached(sql).and_then(|mut sql| sql.execute([])).map(drop);
        run(self, "SAVEPOINT part")?;
        let result = catch_unwind(AssertUnwindSafe(|| part(self))).unwrap_or(Err(Error::internal("a panic")));
        if result.is_err() {
            run(self, "ROLLBACK TO part")?;
        }
        run(self, "RELEASE part")?;
        result
    }

    /// Drops all groups from memory, to be loaded again.
    pub(crate) fn forget_groups(&mut self) {
        self.state.groups.clear();
    }

    /// A group that is in memory.
    pub(crate) fn loaded(&mut self, log: LogId) -> Option<&Loaded> {
        self.state.groups.get(&log)
    }

    /// Keeps a group in memory, in place of those that were not used for longest.
    pub fn keep_group(&mut self, log: LogId, loaded: Loaded) {
        let groups = &mut self.state.groups;
        groups.push(log, loaded);
        let leaves =
            |groups: &LruCache<_, Loaded>| groups.iter().map(|(_, group)| group.public.roster.len()).sum::<usize>();
        while groups.len() > 1 && leaves(groups) > LEAVES {
            groups.pop_lru();
        }
    }

    /// Whether the server said, since this process opened or resumed, that a log has nothing more.
    pub fn is_caught_up(&self, log: LogId) -> bool {
        self.state.caught_up.contains(&log)
    }

    /// Sets what [`Self::is_caught_up`] says.
    pub fn set_caught_up(&mut self, log: LogId, caught_up: bool) {
        if caught_up {
            self.state.caught_up.insert(log);
        } else {
            self.state.caught_up.remove(&log);
        }
    }

    /// When this device removes from a log's group those who must go: drawn when it is first asked. Not in the store, for a
    /// restart may draw anew.
    pub(crate) fn removal_ms(&mut self, log: LogId, draw: impl FnOnce(&Self) -> u64) -> u64 {
        if let Some(at_ms) = self.state.removals.get(&log) {
            return *at_ms;
        }
        let at_ms = draw(self);
        self.state.removals.insert(log, at_ms);
        at_ms
    }

    /// Nobody has to go from a log's group, or no longer.
    pub(crate) fn no_removal(&mut self, log: LogId) {
        self.state.removals.remove(&log);
    }

    /// Forgets which logs were caught up: the connection was lost.
    pub fn none_caught_up(&mut self) {
        self.state.caught_up.clear();
    }
}

/// The open store.
#[derive(Clone)]
pub struct Store {
    context: Arc<Context>,
    writer: Writer<State>,
    screens: Reader,
    sync: Reader,
    notices: broadcast::Sender<Notice>,
}

impl Store {
    /// Starts the loops over opened connections.
    pub(crate) fn start(
        context: Arc<Context>,
        writer: Connection,
        [screens, sync]: [Connection; 2],
        notices: broadcast::Sender<Notice>,
    ) -> Result<Self, Error> {
        let state = State {
            groups: LruCache::new(GROUPS),
            deferred: Deferred::default(),
            caught_up: BTreeSet::new(),
            removals: BTreeMap::new(),
        };
        Ok(Self {
            writer: Writer::start(&context.env, "pli-writer", writer, state),
            screens: Reader::start(&context.env, "pli-reader", screens)?,
            sync: Reader::start(&context.env, "pli-sync-reader", sync)?,
            notices,
            context,
        })
    }

    /// The device and its world.
    pub fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// Runs a job in one transaction; its result comes when that is on disk. If the caller stops waiting, the job still
    /// runs whole.
    ///
    /// # Errors
    /// The job's own, or the database's; then nothing was written.
    pub async fn write<R: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Tx<'_>) -> Result<R, Error> + Send + 'static,
    ) -> Result<R, Error> {
        let context = self.context.clone();
        let job = move |db: &Connection, state: &mut State| {
            let mut tx = Tx { db, context: &context, state, notices: BTreeSet::new() };
            let result = job(&mut tx)?;
            if tx.state.deferred.is_deferring() || tx.state.deferred.owes() {
                return Err(Error::internal("message secrets owed"));
            }
            Ok((result, tx.notices))
        };
        // Told by the loop: a caller that stopped waiting takes nothing back.
        let notices = self.notices.clone();
        let tell = move |told: BTreeSet<Notice>| {
            for notice in told {
                let _ = notices.send(notice);
            }
        };
        self.writer.run_then(job, tell).await?
    }

    /// Runs a query for the app, on what was last committed: all that it reads is of one moment.
    ///
    /// # Errors
    /// The query's own, or [`Error::Closed`].
    pub async fn read<R: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<R, Error> + Send + 'static,
    ) -> Result<R, Error> {
        read(&self.screens, query).await
    }

    /// As [`Self::read`], for what goes to and from the server: it waits for no screen's query, however long that takes.
    pub(crate) async fn sync_read<R: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<R, Error> + Send + 'static,
    ) -> Result<R, Error> {
        read(&self.sync, query).await
    }

    /// Notices of committed changes from now on.
    pub fn notices(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }

    /// Overwrites what was deleted in the store's files: the log of writes still has it. False if a query that runs keeps it.
    pub(crate) async fn erase(&self) -> bool {
        self.writer.checkpoint().await
    }

    /// Ends the writer after what was asked before; the database is then closed and checkpointed.
    pub async fn close(&self) {
        self.screens.close().await;
        self.sync.close().await;
        self.writer.close().await;
    }
}

async fn read<R: Send + 'static>(
    reader: &Reader,
    query: impl FnOnce(&Connection) -> Result<R, Error> + Send + 'static,
) -> Result<R, Error> {
    let query = |db: &Connection| {
        let _moment = db.unchecked_transaction()?;
        query(db)
    };
    reader.run(query).await?
}

//! The face of the core: a [`Client`], its [`Conversation`]s and their [`Timeline`]s.
//!
//! An action is on disk when its call returns; what becomes of it shows in the timeline. Streams give what is on disk,
//! then every change, and end when the client is closed.
//!
//! - [`conversation`]: what one does in a conversation. [`deeds`]: what one does to its messages.
//! - [`timeline`]: a window on what was said; [`read`]: looking at it page by page, and by ids.
//! - [`arrivals`]: messages of all conversations, in the order in which they came.
//! - [`list`]: the conversation list and members.
//! - [`devices`]: the own person's devices; people, safety numbers.
//! - [`sync`](mod@sync): one bounded sync, and what it notifies of.
//! - [`observe`], [`diff`]: queries as streams of differences.

mod arrivals;
mod conversation;
mod deeds;
mod devices;
mod diff;
mod list;
mod observe;
mod read;
mod sync;
mod timeline;

use std::fs::File;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt as _;
use pli_env::{Env, Task};
use pli_proto::limits;
use pli_proto::text::is_name;
use tokio::sync::{broadcast, oneshot, watch};

use crate::clock::Clock;
use crate::content;
use crate::error::{Advice, Error, What};
use crate::identity::Me;
use crate::identity::ended::Ended;
use crate::identity::link::Invitation;
use crate::model::{ClientState, ConversationId, DeviceId, Person, PersonId, Warning};
use crate::store::key::{KeyStore, StoreSecret};
use crate::store::open::{self, Opened};
use crate::store::{Context, NOTICES, Notice, Store, meta, people, reread};
use crate::sync::{Asked, Told, enrol, run};
use crate::timers;
use crate::transport::Address;
use crate::transport::tls::Doubt;
use pli_kernel::crypto::Crypto;

pub use conversation::Conversation;
pub use read::Since;
pub use sync::{MessageNotice, SyncResult};
pub use timeline::Timeline;

/// A device of the organisation's, open. Clones are the same client.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    env: Arc<dyn Env>,
    clock: Arc<Clock>,
    folder: PathBuf,
    keys: Arc<dyn KeyStore>,
    own: Own,
    /// Absent while suspended, and after close.
    open: Mutex<Option<Open>>,
    /// Suspending, resuming and closing, one after the other, in the order of calls.
    lifecycle: tokio::sync::Mutex<()>,
    secret: Mutex<StoreSecret>,
    state: Arc<watch::Sender<ClientState>>,
    warnings: Arc<watch::Sender<Vec<Warning>>>,
    /// Key packages are being brought to the server.
    publishing: Arc<watch::Sender<bool>>,
    notices: broadcast::Sender<Notice>,
    asked: Asked,
    closed: watch::Sender<bool>,
    /// The last item that `arrived` gave; 0 if what it gave was handled.
    arrived: AtomicU64,
}

/// Who this device is.
#[derive(Clone, Copy)]
struct Own {
    person: PersonId,
    device: DeviceId,
    /// The MLS key.
    key: [u8; 32],
}

struct Open {
    store: Store,
    address: Address,
    lock: File,
    sync: Task,
    /// The task that syncs, and all that it holds, are no more.
    gone: oneshot::Receiver<()>,
}

impl Client {
    /// Enrols a device with an invitation, in a folder that has none yet. If it fails half-way it may be repeated: the
    /// same invitation gives the same device.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the link is none; [`Error::InvitationRefused`]; [`Error::AlreadyEnrolled`];
    /// [`Error::Unavailable`]; [`Error::KeyUnavailable`]; [`Error::StorageFull`].
    pub async fn join(env: Arc<dyn Env>, folder: &Path, keys: Arc<dyn KeyStore>, link: &str) -> Result<Self, Error> {
        let invitation: Invitation = link.parse()?;
        let clock = Clock::new(env.clone());
        let opened = match open::open(&clock, folder, &*keys) {
            // Perhaps a join that was interrupted: the token is spent for the seeds that it left here.
            Ok(opened) if meta::get::<Vec<u8>>(&opened.writer, meta::IDENTITY)?.is_none() => opened,
            Ok(_) => return Err(Error::AlreadyEnrolled),
            Err(Error::NotEnrolled) => open::create(&clock, folder, &*keys)?,
            // Whatever is there is not ours to delete.
            Err(error) => return Err(error),
        };
        let seeds = enrolling_seeds(&*env, &opened.writer, &invitation)?;
        let (identity, tls) = enrol::enrol(&env, &invitation, &seeds).await?;
        opened.writer.execute_batch("BEGIN IMMEDIATE")?;
        meta::set_json(&opened.writer, meta::IDENTITY, &identity)?;
        meta::set_json(&opened.writer, meta::TLS, &tls)?;
        meta::remove(&opened.writer, meta::ENROLLING)?;
        opened.writer.execute_batch("COMMIT")?;
        Self::start(env, clock, folder, keys, opened)
    }

    /// Opens the device in a folder. Never creates one.
    ///
    /// # Errors
    /// [`Error::NotEnrolled`]; [`Error::StoreInUse`]; [`Error::KeyUnavailable`]; [`Error::UpdateRequired`];
    /// [`Error::Damaged`].
    pub async fn open(env: Arc<dyn Env>, folder: &Path, keys: Arc<dyn KeyStore>) -> Result<Self, Error> {
        let clock = Clock::new(env.clone());
        let opened = open::open(&clock, folder, &*keys)?;
        Self::start(env, clock, folder, keys, opened)
    }

    /// Erases the device in a folder, for ever: its key, then its store. For one that is out, before [`Self::join`] with a
    /// new invitation. The server is told nothing: see [`Self::revoke`].
    ///
    /// # Errors
    /// [`Error::StoreInUse`] while it is open; [`Error::KeyUnavailable`] if its key can't be erased.
    pub async fn forget(folder: &Path, keys: Arc<dyn KeyStore>) -> Result<(), Error> {
        open::forget(folder, &*keys)
    }

    fn start(
        env: Arc<dyn Env>,
        clock: Arc<Clock>,
        folder: &Path,
        keys: Arc<dyn KeyStore>,
        opened: Opened,
    ) -> Result<Self, Error> {
        let me = Me::new(&meta::identity(&opened.writer)?);
        let inner = Inner {
            env,
            clock,
            folder: folder.to_owned(),
            keys,
            own: Own { person: me.person, device: me.device, key: me.key.public() },
            open: Mutex::new(None),
            lifecycle: tokio::sync::Mutex::new(()),
            secret: Mutex::new(opened.secret.clone()),
            state: Arc::new(watch::channel(ClientState::Connecting).0),
            warnings: Arc::new(watch::channel(Vec::new()).0),
            publishing: Arc::new(watch::channel(true).0),
            notices: broadcast::channel(NOTICES).0,
            asked: Asked::default(),
            closed: watch::channel(false).0,
            arrived: AtomicU64::new(0),
        };
        let client = Self(Arc::new(inner));
        client.begin(opened)?;
        Ok(client)
    }

    fn begin(&self, opened: Opened) -> Result<(), Error> {
        let inner = &self.0;
        let identity = meta::identity(&opened.writer)?;
        crate::membership::join::forsake_copies(&*inner.env, &opened.writer)?;
        reread::unknown(&opened.writer)?;
        let context = Arc::new(Context {
            env: inner.env.clone(),
            clock: inner.clock.clone(),
            crypto: Crypto::new(pli_env::draw(inner.env.clone())),
            me: Me::new(&identity),
        });
        let address = Address {
            host: identity.host.clone(),
            port: identity.port,
            root: identity.root,
            ended: Ended::default(),
            doubt: Doubt::default(),
        };
        let store = Store::start(context, opened.writer, opened.readers, inner.notices.clone())?;
        let (warnings, publishing) = (inner.warnings.clone(), inner.publishing.clone());
        let told = Told { state: inner.state.clone(), warnings, publishing };
        let running = run(store.clone(), address.clone(), inner.asked.clone(), told);
        // What is over goes, whether anything can be synced or not.
        let running = futures_util::future::join(running, timers::run(store.clone()));
        let state = inner.state.clone();
        // Before the task runs: whoever is told that it resumed must not take it for asleep.
        state.send_replace(ClientState::Connecting);
        inner.publishing.send_replace(true);
        let (held, gone) = oneshot::channel();
        let sync = inner.env.spawn(Box::pin(async move {
            let _held: oneshot::Sender<()> = held;
            if AssertUnwindSafe(running).catch_unwind().await.is_err() {
                state.send_replace(ClientState::Stopped(Advice::Reopen));
            }
        }));
        *inner.secret.lock().expect("no panic while held") = opened.secret;
        *inner.open.lock().expect("no panic while held") = Some(Open { store, address, lock: opened.lock, sync, gone });
        let _ = inner.notices.send(Notice::Logs);
        Ok(())
    }

    pub(crate) fn store(&self) -> Result<Store, Error> {
        let open = self.0.open.lock().expect("no panic while held");
        open.as_ref().map(|open| open.store.clone()).ok_or(Error::Closed)
    }

    /// Where the server is.
    fn address(&self) -> Result<Address, Error> {
        let open = self.0.open.lock().expect("no panic while held");
        open.as_ref().map(|open| open.address.clone()).ok_or(Error::Closed)
    }

    /// Stops all work, and releases every socket and file lock: the process may be frozen. Calls fail with
    /// [`Error::Closed`] until [`Self::resume`].
    pub async fn suspend(&self) {
        let _in_order = self.0.lifecycle.lock().await;
        self.release().await;
    }

    async fn release(&self) {
        let open = self.0.open.lock().expect("no panic while held").take();
        if let Some(open) = open {
            drop(open.sync);
            // Another thread may be in the midst of it: its sockets, and what it says of a store that was closed under it.
            let _ = open.gone.await;
            open.store.close().await;
            drop(open.lock);
        }
        self.0.state.send_replace(ClientState::Suspended);
    }

    /// Undoes [`Self::suspend`].
    ///
    /// # Errors
    /// As [`Self::open`], if another process took the store meanwhile.
    pub async fn resume(&self) -> Result<(), Error> {
        let _in_order = self.0.lifecycle.lock().await;
        if self.store().is_ok() {
            return Ok(());
        }
        if *self.0.closed.borrow() {
            return Err(Error::Closed);
        }
        let secret = self.0.secret.lock().expect("no panic while held").clone();
        self.begin(open::reopen(&self.0.clock, &self.0.folder, &*self.0.keys, secret)?)
    }

    /// Ends the client: streams end, calls fail with [`Error::Closed`].
    pub async fn close(&self) {
        self.0.closed.send_replace(true);
        self.suspend().await;
    }

    /// Waits until the client is closed.
    pub async fn closed(&self) {
        let _ = self.0.closed.subscribe().wait_for(|closed| *closed).await;
    }

    /// A defect of Pli's was seen, in whatever calls this: the client says that it must be opened again.
    pub fn is_defect(&self) {
        self.0.state.send_replace(ClientState::Stopped(Advice::Reopen));
    }

    /// Do not wait any longer with trying to connect: the device's network changed.
    pub fn network_changed(&self) {
        self.0.asked.hurry.notify_waiters();
    }

    /// What the client is doing.
    pub fn state(&self) -> watch::Receiver<ClientState> {
        self.0.state.subscribe()
    }

    /// What the person should know of; mostly nothing. It is looked at whenever the server was heard.
    pub fn warnings(&self) -> watch::Receiver<Vec<Warning>> {
        self.0.warnings.subscribe()
    }

    /// The own person.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub async fn me(&self) -> Result<Person, Error> {
        let me = self.0.own.person;
        self.store()?.read(move |db| people::get(db, me)).await
    }

    /// The people of the organisation whose name or department contains each word of `query`; all for an empty one.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub async fn people(&self, query: &str) -> Result<Vec<Person>, Error> {
        let query = query.to_owned();
        self.store()?.read(move |db| people::search(db, &query)).await
    }

    /// Somebody whom the directory knows.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Closed`].
    pub async fn person(&self, id: PersonId) -> Result<Person, Error> {
        self.store()?.read(move |db| people::find(db, id)?.ok_or(Error::NotFound { what: What::Person })).await
    }

    /// The organisation's name.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub async fn organisation(&self) -> Result<String, Error> {
        self.store()?
            .read(|db| meta::get::<Vec<u8>>(db, meta::ORGANISATION))
            .await
            .map(|name| String::from_utf8(name.unwrap_or_default()).unwrap_or_default())
    }

    /// Bytes that the store takes on this device.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub async fn storage_used(&self) -> Result<u64, Error> {
        let folder = self.0.folder.clone();
        self.store()?.read(move |_| Ok(open::size(&folder))).await
    }

    /// A handle on a conversation: no I/O, nothing to close.
    pub fn conversation(&self, id: ConversationId) -> Conversation {
        Conversation::new(self.clone(), id)
    }
}

/// The seeds with which this folder is being enrolled: kept before they are used.
fn enrolling_seeds(env: &dyn Env, db: &rusqlite::Connection, invitation: &Invitation) -> Result<enrol::Seeds, Error> {
    let kept: Option<([u8; 16], [u8; 32], [u8; 32])> = meta::json(db, meta::ENROLLING)?;
    if let Some((_, mls, tls)) = kept.filter(|kept| kept.0 == invitation.token) {
        return Ok(enrol::Seeds { mls, tls });
    }
    let seeds = enrol::Seeds { mls: pli_env::random(env), tls: pli_env::random(env) };
    meta::set_json(db, meta::ENROLLING, &(invitation.token, seeds.mls, seeds.tls))?;
    Ok(seeds)
}

/// Checks a text that a person wrote, by the bounds that its readers keep.
pub(crate) fn check_text(text: &str, mentions: &[PersonId]) -> Result<(), Error> {
    let mentions: Vec<[u8; 16]> = mentions.iter().map(|person| person.0).collect();
    content::check_text(text, &mentions).map_err(|(what, limit)| Error::Invalid { what, limit })
}

/// Checks a name that a person gave: one line.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    if !is_name(name) {
        return Err(Error::Invalid { what: What::Name, limit: limits::NAME_BYTES });
    }
    Ok(())
}

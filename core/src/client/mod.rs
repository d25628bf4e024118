//! The face of the core: a [`Client`], its [`Conversation`]s and their [`Timeline`]s.
//!
//! An action is on disk when its call returns; what becomes of it shows in the timeline. Streams give what is on disk,
//! then every change, and end when the client is closed.
//!
//! - [`conversation`]: what one does in a conversation.
//! - [`timeline`]: a window on what was said.
//! - [`list`]: the conversation list and members.
//! - [`devices`]: the own person's devices, safety numbers.
//! - [`observe`], [`diff`]: queries as streams of differences.

mod conversation;
mod devices;
mod diff;
mod list;
mod observe;
mod timeline;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::Stream;
use pli_env::{Env, Task};
use pli_proto::limits;
use tokio::sync::{Notify, broadcast, watch};

use crate::crypto::Crypto;
use crate::error::{Advice, Error, What};
use crate::identity::link::Invitation;
use crate::identity::{Identity, Me};
use crate::model::{ClientState, ConversationId, Message, Person, TimelineItem};
use crate::store::key::KeyStore;
use crate::store::open::{self, Opened};
use crate::store::{Context, NOTICES, Notice, Store, items, meta, outbox, people};
use crate::sync::{self, enrol};
use crate::transport::Address;

pub use conversation::Conversation;
pub(crate) use list::{enter, group_id};
pub use timeline::Timeline;

/// A device of the organisation's, open. Clones are the same client.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    env: Arc<dyn Env>,
    folder: PathBuf,
    keys: Arc<dyn KeyStore>,
    /// Absent while suspended, and after close.
    open: Mutex<Option<Open>>,
    state: Arc<watch::Sender<ClientState>>,
    notices: broadcast::Sender<Notice>,
    hurry: Arc<Notify>,
    closed: watch::Sender<bool>,
}

struct Open {
    store: Store,
    _lock: File,
    _sync: Task,
}

/// What one bounded [`Client::sync`] brought.
#[derive(Clone, Debug, PartialEq)]
pub struct SyncResult {
    /// Messages of others that came, oldest first.
    pub received: Vec<Message>,
    /// What still waits in the outbox.
    pub waiting: u64,
    /// Nothing was left at the server, and the outbox is empty.
    pub complete: bool,
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
        let opened = match open::open(&*env, folder, &*keys) {
            // Perhaps a join that was interrupted: the token is spent for the seeds that it left here.
            Ok(opened) if meta::get::<Vec<u8>>(&opened.writer, meta::IDENTITY)?.is_none() => opened,
            Ok(_) => return Err(Error::AlreadyEnrolled),
            Err(Error::NotEnrolled) => open::create(&*env, folder, &*keys)?,
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
        Self::start(env, folder, keys, opened)
    }

    /// Opens the device in a folder. Never creates one.
    ///
    /// # Errors
    /// [`Error::NotEnrolled`]; [`Error::StoreInUse`]; [`Error::KeyUnavailable`]; [`Error::UpdateRequired`];
    /// [`Error::Damaged`].
    pub async fn open(env: Arc<dyn Env>, folder: &Path, keys: Arc<dyn KeyStore>) -> Result<Self, Error> {
        let opened = open::open(&*env, folder, &*keys)?;
        Self::start(env, folder, keys, opened)
    }

    fn start(env: Arc<dyn Env>, folder: &Path, keys: Arc<dyn KeyStore>, opened: Opened) -> Result<Self, Error> {
        let inner = Inner {
            env,
            folder: folder.to_owned(),
            keys,
            open: Mutex::new(None),
            state: Arc::new(watch::channel(ClientState::Connecting).0),
            notices: broadcast::channel(NOTICES).0,
            hurry: Arc::new(Notify::new()),
            closed: watch::channel(false).0,
        };
        let client = Self(Arc::new(inner));
        client.begin(opened)?;
        Ok(client)
    }

    fn begin(&self, opened: Opened) -> Result<(), Error> {
        let inner = &self.0;
        let identity = Identity::load(&opened.writer)?;
        crate::group::join::forsake_copies(&*inner.env, &opened.writer)?;
        let context = Arc::new(Context {
            env: inner.env.clone(),
            crypto: Crypto::new(inner.env.clone()),
            me: Me::new(&identity),
        });
        let address = Address { host: identity.host.clone(), port: identity.port, root: identity.root };
        let store = Store::start(context, opened.writer, opened.reader, inner.notices.clone())?;
        let running = sync::run(store.clone(), address, inner.hurry.clone(), inner.state.clone());
        let sync = inner.env.spawn(Box::pin(running));
        *inner.open.lock().expect("no panic while held") = Some(Open { store, _lock: opened.lock, _sync: sync });
        let _ = inner.notices.send(Notice::Logs);
        Ok(())
    }

    pub(crate) fn store(&self) -> Result<Store, Error> {
        let open = self.0.open.lock().expect("no panic while held");
        open.as_ref().map(|open| open.store.clone()).ok_or(Error::Closed)
    }

    /// Stops all work, and releases every socket and file lock: the process may be frozen. Calls fail with
    /// [`Error::Closed`] until [`Self::resume`].
    pub async fn suspend(&self) {
        let open = self.0.open.lock().expect("no panic while held").take();
        if let Some(open) = open {
            drop(open._sync);
            open.store.close().await;
            drop(open._lock);
        }
        self.0.state.send_replace(ClientState::Suspended);
    }

    /// Undoes [`Self::suspend`].
    ///
    /// # Errors
    /// As [`Self::open`], if another process took the store meanwhile.
    pub async fn resume(&self) -> Result<(), Error> {
        if self.store().is_ok() {
            return Ok(());
        }
        if *self.0.closed.borrow() {
            return Err(Error::Closed);
        }
        self.begin(open::open(&*self.0.env, &self.0.folder, &*self.0.keys)?)
    }

    /// Ends the client: streams end, calls fail with [`Error::Closed`].
    pub async fn close(&self) {
        self.0.closed.send_replace(true);
        self.suspend().await;
    }

    /// Do not wait any longer with trying to connect: the device's network changed.
    pub fn network_changed(&self) {
        self.0.hurry.notify_waiters();
    }

    /// What the client is doing.
    pub fn state(&self) -> watch::Receiver<ClientState> {
        self.0.state.subscribe()
    }

    /// The own person.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub async fn me(&self) -> Result<Person, Error> {
        let store = self.store()?;
        let me = store.context().me.person;
        store.read(move |db| people::get(db, me)).await
    }

    /// The people of the organisation whose name or department contains each word of `query`; all for an empty one.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub async fn people(&self, query: &str) -> Result<Vec<Person>, Error> {
        let query = query.to_owned();
        self.store()?.read(move |db| people::search(db, &query)).await
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

    /// A handle on a conversation: no I/O, nothing to close.
    pub fn conversation(&self, id: ConversationId) -> Conversation {
        Conversation::new(self.clone(), id)
    }

    /// One bounded [`Self::sync`] of a device that is not open, after a wake-up or by a timer; then it is closed again.
    ///
    /// # Errors
    /// As [`Self::open`] and [`Self::sync`].
    pub async fn wake_up(
        env: Arc<dyn Env>,
        folder: &Path,
        keys: Arc<dyn KeyStore>,
        within: Duration,
    ) -> Result<SyncResult, Error> {
        let client = Self::open(env, folder, keys).await?;
        let result = client.sync(within).await;
        client.close().await;
        result
    }

    /// Every message of every conversation, in order, from where the last such stream of this store stopped: for bots.
    /// Asking for the next one says that the last was handled, so that a crash repeats one message and loses none.
    pub fn messages(&self) -> impl Stream<Item = Message> + Send + use<> {
        let mut notices = self.0.notices.subscribe();
        let mut closed = self.0.closed.subscribe();
        let client = self.clone();
        async_stream::stream! {
            loop {
                let page = match client.store() {
                    Ok(store) => store.read(|db| items::after(db, meta::number(db, meta::BOOKMARK)? as i64, 64)).await,
                    Err(error) => Err(error),
                };
                let page = page.unwrap_or_default();
                if page.is_empty() {
                    tokio::select! { biased;
                        _ = closed.wait_for(|closed| *closed) => return,
                        notice = notices.recv() => if notice == Err(broadcast::error::RecvError::Closed) { return },
                    }
                }
                for (pos, item) in page {
                    if let TimelineItem::Said(message) = item {
                        yield message;
                    }
                    let Ok(store) = client.store() else { break };
                    if store.write(move |tx| meta::set_number(tx.db, meta::BOOKMARK, pos as u64)).await.is_err() {
                        break;
                    }
                }
            }
        }
    }

    /// Waits until everything at the server was fetched and everything in the outbox was sent, but no longer than
    /// `within`.
    ///
    /// # Errors
    /// [`Error::Closed`], [`Error::Revoked`], or what else stopped the client for good.
    pub async fn sync(&self, within: Duration) -> Result<SyncResult, Error> {
        let store = self.store()?;
        let newest =
            |db: &rusqlite::Connection| Ok(db.query_row("SELECT coalesce(max(pos), 0) FROM items", [], |r| r.get(0))?);
        let from: i64 = store.read(newest).await?;
        let complete = match tokio::time::timeout(within, self.settled(&store)).await {
            Ok(end) => end.map(|()| true)?,
            Err(_) => false,
        };
        let me = store.context().me.person;
        let (received, waiting) = store
            .read(move |db| {
                let items = items::after(db, from, limits::PAGE_ENTRIES * 4)?;
                let said = items.into_iter().filter_map(|(_, item)| match item {
                    TimelineItem::Said(message) if message.sender.id != me => Some(message),
                    _ => None,
                });
                Ok((said.collect(), outbox::waiting(db)?))
            })
            .await?;
        Ok(SyncResult { received, waiting, complete: complete && waiting == 0 })
    }

    /// Whether nothing waits to be sent.
    async fn is_empty(&self, store: &Store) -> Result<bool, Error> {
        store.read(|db| Ok(outbox::waiting(db)? == 0 && outbox::deliveries(db)?.is_empty())).await
    }

    /// Waits until online with an empty outbox.
    async fn settled(&self, store: &Store) -> Result<(), Error> {
        let mut state = self.state();
        let mut notices = self.0.notices.subscribe();
        loop {
            let now = *state.borrow_and_update();
            match now {
                ClientState::Online if self.is_empty(store).await? => return Ok(()),
                ClientState::Stopped(Advice::ReEnrol) => return Err(Error::Revoked),
                ClientState::Stopped(Advice::Update) => return Err(Error::UpdateRequired),
                ClientState::Stopped(_) => return Err(Error::Internal("stopped")),
                ClientState::Suspended => return Err(Error::Closed),
                _ => {}
            }
            tokio::select! { biased;
                changed = state.changed() => changed.map_err(|_| Error::Closed)?,
                _ = notices.recv() => {}
            }
        }
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

/// Checks a text that a person wrote.
pub(crate) fn check_text(text: &str) -> Result<(), Error> {
    if text.trim().is_empty() || text.len() > limits::TEXT_BYTES {
        return Err(Error::Invalid { what: What::Text, limit: limits::TEXT_BYTES });
    }
    Ok(())
}

/// Checks a name that a person gave.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    if name.trim().is_empty() || name.len() > limits::NAME_BYTES {
        return Err(Error::Invalid { what: What::Name, limit: limits::NAME_BYTES });
    }
    Ok(())
}

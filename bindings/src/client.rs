//! A device, open.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use pli_core::ffi::{Foreign, KeyStore};
use pli_core::model::{ConversationId, ConversationInfo, DeviceId, DeviceInfo, Person, PersonId, Verification};
use pli_core::{Client, Error, SyncResult};
use pli_env::real::Real;

use crate::conversation::RawConversation;
use crate::diagnostics;
use crate::stream::{
    ConversationStream, DeviceStream, MessageStream, NoticeStream, PeopleStream, PersonStream, Pull, StateStream,
    WarningStream, states, warnings,
};
use crate::threads::{Cancel, PANIC, Threads};

/// The clients of this process that are open, by their folders: a wake-up uses them.
static OPEN: Mutex<BTreeMap<PathBuf, Weak<Shared>>> = Mutex::new(BTreeMap::new());

/// What a client's handles share.
pub(crate) struct Shared {
    pub(crate) client: Client,
    /// Absent after close.
    threads: Mutex<Option<Arc<Threads>>>,
}

impl Shared {
    fn threads(&self) -> Result<Arc<Threads>, Error> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(Error::Closed)
    }

    /// Runs `work` on Pli's threads, and waits.
    pub(crate) async fn wait<T: Send + 'static>(
        &self,
        cancel: Option<Arc<Cancel>>,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let result = self.threads()?.wait(cancel, work).await;
        self.heed(result)
    }

    fn block<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let result = self.threads()?.block(work);
        self.heed(result)
    }

    /// After a panic nothing is sure of this client but what is on disk.
    fn heed<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        if result.as_ref().is_err_and(|error| *error == Error::internal(PANIC)) {
            tracing::error!("a call panicked");
            self.client.is_defect();
        }
        result
    }
}

/// A device, open. The face of each language wraps it.
#[derive(uniffi::Object)]
pub struct RawClient(Arc<Shared>);

#[uniffi::export]
impl RawClient {
    /// Opens the device in a folder. Never makes one.
    #[uniffi::constructor(default(cancel = None))]
    pub async fn open(
        folder: String,
        keys: Arc<dyn KeyStore>,
        cancel: Option<Arc<Cancel>>,
    ) -> Result<Arc<Self>, Error> {
        begin(folder, keys, cancel, async |env, folder, keys| Client::open(env, &folder, keys).await).await
    }

    /// Makes a device in a folder that has none, by an invitation.
    #[uniffi::constructor(default(cancel = None))]
    pub async fn join(
        folder: String,
        keys: Arc<dyn KeyStore>,
        link: String,
        cancel: Option<Arc<Cancel>>,
    ) -> Result<Arc<Self>, Error> {
        begin(folder, keys, cancel, async move |env, folder, keys| Client::join(env, &folder, keys, &link).await).await
    }

    /// Stops all work; no lock and no socket is held when this returns.
    pub fn suspend(&self) -> Result<(), Error> {
        let client = self.0.client.clone();
        self.0.block(async move {
            client.suspend().await;
            tracing::info!("suspended");
            Ok(())
        })
    }

    /// Undoes `suspend`.
    pub fn resume(&self) -> Result<(), Error> {
        let client = self.0.client.clone();
        self.0.block(async move {
            client.resume().await.inspect_err(tell)?;
            tracing::info!("resumed");
            Ok(())
        })
    }

    /// Ends the client: streams end, calls fail. Threads and files are released when this returns.
    pub fn end(&self) {
        let threads = self.0.threads.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(threads) = threads {
            let client = self.0.client.clone();
            let _ = threads.block(async move {
                client.close().await;
                Ok(())
            });
        }
    }

    /// Try to connect now: the network changed.
    pub fn network_changed(&self) {
        self.0.client.network_changed();
    }

    /// What the client is doing, now and after every change.
    pub fn states(&self) -> Arc<StateStream> {
        Arc::new(StateStream(Pull::new(self.0.clone(), states(&self.0.client))))
    }

    /// The conversation list, the last active first.
    pub fn conversations(&self) -> Arc<ConversationStream> {
        ConversationStream::of(self.0.clone(), self.0.client.conversations())
    }

    /// Every message, in order, from where the last such stream stopped.
    pub fn messages(&self) -> Arc<MessageStream> {
        Arc::new(MessageStream(Pull::new(self.0.clone(), self.0.client.messages())))
    }

    /// Messages that the person wants to be told of.
    pub fn notices(&self) -> Arc<NoticeStream> {
        Arc::new(NoticeStream(Pull::new(self.0.clone(), self.0.client.notices())))
    }

    /// What the person should know of, now and after every change.
    pub fn warnings(&self) -> Arc<WarningStream> {
        Arc::new(WarningStream(Pull::new(self.0.clone(), warnings(&self.0.client))))
    }

    /// The own person's devices, oldest first.
    pub fn devices(&self) -> Arc<DeviceStream> {
        DeviceStream::of(self.0.clone(), self.0.client.devices())
    }

    /// People whose name or department contains each word of `query`.
    pub fn directory(&self, query: String) -> Arc<PeopleStream> {
        PeopleStream::of(self.0.clone(), self.0.client.directory(&query))
    }

    /// What a screen shows of a person.
    pub fn person_infos(&self, id: PersonId) -> Arc<PersonStream> {
        Arc::new(PersonStream(Pull::new(self.0.clone(), self.0.client.person_info(id))))
    }

    /// The conversation list as it is now.
    pub async fn conversation_list(&self) -> Result<Vec<ConversationInfo>, Error> {
        self.call(None, async |client| client.conversation_list().await).await
    }

    /// A handle on a conversation.
    pub fn conversation(&self, id: ConversationId) -> Arc<RawConversation> {
        Arc::new(RawConversation::new(self.0.clone(), self.0.client.conversation(id)))
    }

    /// The own person.
    pub async fn me(&self) -> Result<Person, Error> {
        self.call(None, async |client| client.me().await).await
    }

    /// Somebody whom the directory knows.
    pub async fn person(&self, id: PersonId) -> Result<Person, Error> {
        self.call(None, async move |client| client.person(id).await).await
    }

    /// The organisation's name.
    pub async fn organisation(&self) -> Result<String, Error> {
        self.call(None, async |client| client.organisation().await).await
    }

    /// People whose name or department contains each word of `query`.
    #[uniffi::method(default(cancel = None))]
    pub async fn people(&self, query: String, cancel: Option<Arc<Cancel>>) -> Result<Vec<Person>, Error> {
        self.call(cancel, async move |client| client.people(&query).await).await
    }

    /// Makes a group, of which the own person is the owner.
    pub async fn create_group(&self, name: String, people: Vec<PersonId>) -> Result<ConversationId, Error> {
        self.call(None, async move |client| client.create_group(&name, &people).await).await
    }

    /// The conversation with one other person.
    pub async fn pair(&self, person: PersonId) -> Result<ConversationId, Error> {
        self.call(None, async move |client| client.pair(person).await).await
    }

    /// The own person's devices as they are now.
    pub async fn device_list(&self) -> Result<Vec<DeviceInfo>, Error> {
        self.call(None, async |client| client.device_list().await).await
    }

    /// Lets a further device of the own person into every conversation of this one.
    pub async fn approve(&self, device: DeviceId, number: String) -> Result<(), Error> {
        self.call(None, async move |client| client.approve(device, &number).await.map(drop)).await
    }

    /// Revokes a device of the own person.
    #[uniffi::method(default(cancel = None))]
    pub async fn revoke(&self, device: DeviceId, cancel: Option<Arc<Cancel>>) -> Result<(), Error> {
        self.call(cancel, async move |client| client.revoke(device).await).await
    }

    /// The number to compare with a person.
    pub async fn safety_number(&self, person: PersonId) -> Result<String, Error> {
        self.call(None, async move |client| client.safety_number(person).await).await
    }

    /// Notes that the number was compared.
    pub async fn verify(&self, person: PersonId) -> Result<(), Error> {
        self.call(None, async move |client| client.verify(person).await).await
    }

    /// Whether the number was compared with this person, and is still that.
    pub async fn verification(&self, person: PersonId) -> Result<Verification, Error> {
        self.call(None, async move |client| client.verification(person).await).await
    }

    /// Bytes that the store takes on this device.
    pub async fn storage_used(&self) -> Result<u64, Error> {
        self.call(None, async |client| client.storage_used().await).await
    }

    /// Waits until everything was fetched and sent, but no longer than `within`.
    #[uniffi::method(default(cancel = None))]
    pub async fn sync(&self, within: Duration, cancel: Option<Arc<Cancel>>) -> Result<SyncResult, Error> {
        self.call(cancel, async move |client| client.sync(within).await).await
    }
}

/// For tests of what a defect of Pli's does.
#[cfg(feature = "faults")]
#[uniffi::export]
impl RawClient {
    /// Panics on one of Pli's threads.
    pub async fn fail(&self) -> Result<(), Error> {
        self.call(None, async |_| panic!("a panic that a test asked for")).await
    }
}

/// One bounded sync of a device, after a wake-up or by a timer: of the client that is open in this process, or of one
/// that is opened for it.
#[uniffi::export(default(cancel = None))]
pub async fn wake_up(
    folder: String,
    keys: Arc<dyn KeyStore>,
    within: Duration,
    cancel: Option<Arc<Cancel>>,
) -> Result<SyncResult, Error> {
    let open = opened().get(&place(Path::new(&folder))).and_then(Weak::upgrade);
    let open = open.filter(|shared| shared.threads().is_ok());
    if let Some(open) = open {
        let client = open.client.clone();
        return open.wait(cancel, async move { client.sync(within).await }).await;
    }
    let client = RawClient::open(folder, keys, cancel.clone()).await?;
    let result = client.sync(within, cancel).await;
    let threads = client.0.threads.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(threads) = threads {
        let client = client.0.client.clone();
        // Waited for: whoever is told the result may open the device at once.
        let closing = async move {
            client.close().await;
            Ok(())
        };
        threads.wait(None, closing).await?;
    }
    result
}

/// Erases the device in a folder, for ever: its key, then its store.
#[uniffi::export]
pub async fn forget(folder: String, keys: Arc<dyn KeyStore>) -> Result<(), Error> {
    let threads = Threads::get()?;
    threads.wait(None, async move { Client::forget(Path::new(&folder), Arc::new(Foreign(keys))).await }).await
}

impl RawClient {
    async fn call<T, F>(
        &self,
        cancel: Option<Arc<Cancel>>,
        work: impl FnOnce(Client) -> F + Send + 'static,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let client = self.0.client.clone();
        self.0.wait(cancel, async move { work(client).await }).await
    }

    /// Closes in the background.
    fn shut(&self) {
        let threads = self.0.threads.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(threads) = threads {
            let client = self.0.client.clone();
            let running = threads.clone();
            threads.handle().spawn(async move {
                client.close().await;
                drop(running);
            });
        }
    }
}

impl Drop for RawClient {
    /// A client that nobody holds any more is closed; its conversations and timelines do not keep it.
    fn drop(&mut self) {
        self.shut();
    }
}

async fn begin<F>(
    folder: String,
    keys: Arc<dyn KeyStore>,
    cancel: Option<Arc<Cancel>>,
    open: impl FnOnce(Arc<Real>, PathBuf, Arc<Foreign>) -> F + Send + 'static,
) -> Result<Arc<RawClient>, Error>
where
    F: Future<Output = Result<Client, Error>> + Send + 'static,
{
    diagnostics::begin();
    let threads = Threads::get()?;
    let (folder, held) = (PathBuf::from(folder), threads.clone());
    threads
        .wait(cancel, async move {
            let env = Arc::new(Real::new(held.handle().clone()));
            let client = open(env, folder.clone(), Arc::new(Foreign(keys))).await.inspect_err(tell)?;
            tracing::info!("opened");
            let shared = Arc::new(Shared { client, threads: Mutex::new(Some(held)) });
            let mut clients = opened();
            clients.retain(|_, client| client.strong_count() > 0);
            clients.insert(place(&folder), Arc::downgrade(&shared));
            Ok(Arc::new(RawClient(shared)))
        })
        .await
}

fn tell(error: &Error) {
    tracing::warn!(%error, "does not open");
}

fn opened() -> std::sync::MutexGuard<'static, BTreeMap<PathBuf, Weak<Shared>>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A folder, by one name.
fn place(folder: &Path) -> PathBuf {
    folder.canonicalize().unwrap_or_else(|_| folder.to_owned())
}

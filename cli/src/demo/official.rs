//! One device of an official: a task of its own, with its own client, store and connection.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::Shared;
use pli_core::model::{
    ClientState, Content, ConversationId, DeliveryState, EntryId, PersonId, Refusal, Role, TimelineItem,
};
use pli_core::{Client, Conversation, Error, FileKeyStore};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::cable::Cable;
use super::ledger::{Ledger, Record};
use super::sight::{self, Sightings};
use super::verdict::{Seat, Shown, Told};

/// Nothing takes that long, on a busy machine too.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(10);
/// Orders that wait for an official.
const ORDERS: usize = 64;
/// More items than any demo makes in one conversation.
const ALL: usize = 1_000_000;

/// The id that an earlier text got, once it was sent.
pub(crate) type Cell = Shared<oneshot::Receiver<EntryId>>;

/// Where something is done.
#[derive(Clone, Copy, Debug)]
pub(crate) enum At {
    Group(ConversationId),
    Pair(PersonId),
}

/// What is done, with everything resolved.
pub(crate) enum Deed {
    /// The record has all but what is known when it is sent.
    Say { text: String, reply: Option<Cell>, mentions: Vec<PersonId>, after: Option<Cell>, draft: Draft },
    Edit { target: Cell, text: String, may_know: BTreeSet<Seat> },
    Delete { target: Cell },
    React { target: Cell, emoji: String },
    Add(Vec<PersonId>),
    Remove(Vec<PersonId>),
    Promote(Vec<PersonId>),
    Rename(String),
    Leave,
}

/// What the ledger will know of a text.
pub(crate) struct Draft {
    pub(crate) place: String,
    pub(crate) entitled: BTreeSet<Seat>,
    pub(crate) id: oneshot::Sender<EntryId>,
}

/// What an official is told.
pub(crate) enum Order {
    /// Do something in a conversation; the answer comes when it is accepted, and for changes when it is in the log.
    Act { at: At, deed: Deed, done: Option<oneshot::Sender<()>> },
    /// Make a group.
    Create { name: String, people: Vec<PersonId>, done: oneshot::Sender<ConversationId> },
    /// Answer when what was said before is accepted, and if `wait`, in its log.
    Settle { wait: bool, done: oneshot::Sender<()> },
    /// The app dies: nothing is closed, nobody told.
    Kill { done: oneshot::Sender<()> },
    /// The app starts again.
    Restart { done: oneshot::Sender<()> },
    /// Look for the server now, and answer when online.
    Online { done: oneshot::Sender<()> },
    /// Tell how many devices of whom are in a conversation; none if this one is not in it.
    Members { at: ConversationId, answer: oneshot::Sender<BTreeMap<PersonId, usize>> },
    /// Show everything.
    Show { answer: oneshot::Sender<Shown> },
    /// Lend the client.
    Borrow { answer: oneshot::Sender<Option<Client>> },
    /// Give the client away: the official is played by a person from now on.
    Retire { answer: oneshot::Sender<Option<Client>> },
}

/// A device of an official, as the stage sees it.
pub(crate) struct Official {
    pub(crate) seat: Seat,
    pub(crate) name: String,
    pub(crate) person: PersonId,
    pub(crate) folder: PathBuf,
    pub(crate) cable: Arc<Cable>,
    pub(crate) orders: mpsc::Sender<Order>,
}

/// What all officials share.
#[derive(Clone, Default)]
pub(crate) struct World {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) sightings: Arc<Sightings>,
    /// Who is connected to a server that runs.
    connected: Arc<Mutex<BTreeSet<Seat>>>,
}

impl World {
    /// Deliveries to and from these devices are timed from now on.
    pub(crate) fn connect(&self, seats: impl IntoIterator<Item = Seat>) {
        self.lock().extend(seats);
    }

    /// A fault begins: no delivery to or from these devices counts as timed.
    pub(crate) fn disconnect(&self, seats: impl IntoIterator<Item = Seat>) {
        let seats: BTreeSet<Seat> = seats.into_iter().collect();
        self.lock().retain(|seat| !seats.contains(seat));
        self.ledger.disturb(&seats, &self.sightings);
    }

    /// To whom a delivery is timed, if this device sends now.
    fn timed_from(&self, sender: Seat) -> BTreeSet<Seat> {
        let connected = self.lock();
        if connected.contains(&sender) { connected.clone() } else { BTreeSet::new() }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<Seat>> {
        self.connected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Official {
    /// Enrols a device, and starts its task once it is online.
    pub(crate) async fn enrol(
        seat: Seat,
        name: String,
        folder: PathBuf,
        cable: Arc<Cable>,
        link: String,
        world: World,
    ) -> Result<Self, Error> {
        let keys = Arc::new(FileKeyStore::beside(&folder));
        let client = Client::join(cable.clone(), &folder, keys, &link).await?;
        online(&client).await?;
        let person = client.me().await?.id;
        let (orders, queue) = mpsc::channel(ORDERS);
        let mut device = Device {
            seat,
            name: name.clone(),
            folder: folder.clone(),
            cable: cable.clone(),
            client: None,
            watching: None,
            world,
            pending: Vec::new(),
        };
        device.run_with(client);
        tokio::spawn(device.live(queue));
        Ok(Self { seat, name, person, folder, cable, orders })
    }

    /// Gives an order and waits for the answer; `None` if the task is gone.
    pub(crate) async fn ask<R>(&self, order: impl FnOnce(oneshot::Sender<R>) -> Order) -> Option<R> {
        let (answer, answered) = oneshot::channel();
        self.orders.send(order(answer)).await.ok()?;
        answered.await.ok()
    }
}

/// Tries again while something that was just made, or a role just given, has not come to this device yet.
macro_rules! patiently {
    ($action:expr) => {{
        let until = Instant::now() + PATIENCE;
        loop {
            match $action.await {
                Err(Error::NotFound(_) | Error::NotAllowed) if Instant::now() < until => {
                    tokio::time::sleep(POLL).await;
                }
                result => break result,
            }
        }
    }};
}

struct Device {
    seat: Seat,
    name: String,
    folder: PathBuf,
    cable: Arc<Cable>,
    client: Option<Client>,
    watching: Option<JoinHandle<()>>,
    world: World,
    /// What was said and is perhaps not in its log yet.
    pending: Vec<(ConversationId, EntryId)>,
}

impl Device {
    fn run_with(&mut self, client: Client) {
        let (watched, seat, world) = (client.clone(), self.seat, self.world.clone());
        self.watching = Some(tokio::spawn(async move { sight::follow(watched, seat, &world.sightings).await }));
        self.client = Some(client);
    }

    async fn live(mut self, mut orders: mpsc::Receiver<Order>) {
        while let Some(order) = orders.recv().await {
            if let Err(error) = self.obey(order).await {
                self.world.ledger.failed(format!("{}: {error}", self.name));
            }
        }
    }

    async fn obey(&mut self, order: Order) -> Result<(), Error> {
        match order {
            Order::Act { at, deed, done } => {
                self.act(at, deed).await?;
                done.map(|done| done.send(()));
            }
            Order::Create { name, people, done } => {
                let client = self.client()?;
                let id = patiently!(client.create_group(&name, &people))?;
                // Everybody is in before anybody speaks: who comes later would not see it.
                let handle = client.conversation(id);
                let until = Instant::now() + PATIENCE;
                while handle.member_list().await?.len() <= people.len() && Instant::now() < until {
                    retry_adding(&handle).await?;
                    tokio::time::sleep(POLL).await;
                }
                let _ = done.send(id);
            }
            Order::Settle { wait, done } => {
                if wait {
                    self.settle().await?;
                }
                let _ = done.send(());
            }
            Order::Kill { done } => {
                self.stop_watching().await;
                self.client = None;
                let _ = done.send(());
            }
            Order::Restart { done } => {
                let client = self.open().await?;
                self.run_with(client);
                let _ = done.send(());
            }
            Order::Online { done } => {
                let client = self.client()?;
                client.network_changed();
                online(&client).await?;
                let _ = done.send(());
            }
            Order::Members { at, answer } => {
                let members = self.client()?.conversation(at).member_list().await?;
                let _ = answer.send(members.into_iter().map(|m| (m.person.id, m.device_count)).collect());
            }
            Order::Show { answer } => {
                let _ = answer.send(self.show().await?);
            }
            Order::Borrow { answer } => {
                let _ = answer.send(self.client.clone());
            }
            Order::Retire { answer } => {
                self.stop_watching().await;
                let _ = answer.send(self.client.take());
            }
        }
        Ok(())
    }

    fn client(&self) -> Result<Client, Error> {
        self.client.clone().ok_or(Error::Closed)
    }

    async fn stop_watching(&mut self) {
        if let Some(watching) = self.watching.take() {
            watching.abort();
            let _ = watching.await;
        }
    }

    async fn open(&self) -> Result<Client, Error> {
        let keys = Arc::new(FileKeyStore::beside(&self.folder));
        let open = async {
            loop {
                match Client::open(self.cable.clone(), &self.folder, keys.clone()).await {
                    // The killed one's threads have not ended yet.
                    Err(Error::StoreInUse) => tokio::time::sleep(POLL).await,
                    opened => return opened,
                }
            }
        };
        timeout(PATIENCE, open).await.unwrap_or(Err(Error::StoreInUse))
    }

    async fn act(&mut self, at: At, deed: Deed) -> Result<(), Error> {
        let client = self.client()?;
        let id = match at {
            At::Group(id) => id,
            At::Pair(person) => patiently!(client.pair(person))?,
        };
        let handle = client.conversation(id);
        let entries = match deed {
            Deed::Say { text, reply, mentions, after, draft } => {
                if let Some(after) = after {
                    self.see(after).await;
                }
                let reply = match reply {
                    Some(reply) => self.see(reply).await,
                    None => None,
                };
                let timed = self.world.timed_from(self.seat);
                let at = Instant::now();
                let entry = patiently!(handle.send(&text, reply, &mentions))?;
                let bodies = vec![(text, draft.entitled.clone())];
                let told = Told { id: entry, conversation: id, sender: self.seat, bodies, entitled: draft.entitled };
                self.world.ledger.sent(Record { told, place: draft.place, at, timed, settled: false });
                let _ = draft.id.send(entry);
                self.pending.push((id, entry));
                return Ok(());
            }
            Deed::Edit { target, text, may_know } => {
                let target = self.see(target).await.ok_or(Error::Closed)?;
                let entry = patiently!(handle.edit(target, &text))?;
                self.world.ledger.edited(target, &text, may_know);
                self.pending.push((id, entry));
                return Ok(());
            }
            Deed::Delete { target } => {
                let target = self.see(target).await.ok_or(Error::Closed)?;
                self.world.ledger.edited(target, "", BTreeSet::new());
                return patiently!(handle.delete(target));
            }
            Deed::React { target, emoji } => {
                let target = self.see(target).await.ok_or(Error::Closed)?;
                return patiently!(handle.react(target, Some(&emoji)));
            }
            Deed::Add(people) => vec![patiently!(handle.add(&people))?],
            Deed::Remove(people) => vec![patiently!(handle.remove(&people))?],
            Deed::Rename(name) => vec![patiently!(handle.rename(&name))?],
            Deed::Leave => vec![patiently!(handle.leave())?],
            Deed::Promote(people) => {
                let mut entries = Vec::new();
                for person in people {
                    entries.push(patiently!(handle.set_role(person, Role::Admin))?);
                }
                entries
            }
        };
        for entry in entries {
            self.wait_for(id, entry).await?;
        }
        Ok(())
    }

    /// Waits until this device shows an earlier text.
    async fn see(&self, text: Cell) -> Option<EntryId> {
        let id = timeout(PATIENCE, text).await.ok()?.ok()?;
        let _ = timeout(PATIENCE, self.world.sightings.wait(self.seat, id)).await;
        Some(id)
    }

    async fn settle(&mut self) -> Result<(), Error> {
        for (conversation, entry) in std::mem::take(&mut self.pending) {
            self.wait_for(conversation, entry).await?;
            self.world.ledger.settled(entry);
        }
        Ok(())
    }

    async fn wait_for(&self, conversation: ConversationId, entry: EntryId) -> Result<(), Error> {
        let handle = self.client()?.conversation(conversation);
        let until = Instant::now() + PATIENCE;
        let settled = loop {
            match timeout(PATIENCE, handle.settled(entry)).await {
                Ok(Ok(DeliveryState::Refused(Refusal::NoDevice))) if Instant::now() < until => {
                    tokio::time::sleep(POLL).await;
                    handle.retry(entry).await?;
                }
                settled => break settled,
            }
        };
        match settled {
            Ok(Ok(DeliveryState::Sent)) => Ok(()),
            Ok(Ok(DeliveryState::Refused(why))) => {
                self.world.ledger.failed(format!("{}: refused: {why:?}", self.name));
                Ok(())
            }
            Ok(Err(error)) => Err(error),
            Ok(Ok(DeliveryState::Waiting)) | Err(_) => Err(Error::Unavailable { retry_after: None }),
        }
    }

    async fn show(&self) -> Result<Shown, Error> {
        let client = self.client()?;
        let mut shown = Shown { seat: self.seat, ..Shown::default() };
        for info in client.conversation_list().await? {
            let items = client.conversation(info.id).items(None, ALL).await?;
            let messages = items.into_iter().filter_map(|item| match item {
                TimelineItem::Said(message) => Some((
                    message.id,
                    match message.content {
                        Content::Text { body, .. } => Some(body),
                        _ => None,
                    },
                )),
                TimelineItem::Changed(_) => None,
            });
            shown.conversations.insert(info.id, messages.collect());
        }
        Ok(shown)
    }
}

async fn online(client: &Client) -> Result<(), Error> {
    let mut state = client.state();
    let online = timeout(PATIENCE, state.wait_for(|state| *state == ClientState::Online)).await;
    online.map_err(|_| Error::Unavailable { retry_after: None })?.map_err(|_| Error::Closed).map(drop)
}

/// A person whom the own copy of the directory knows without a device may have one by now.
async fn retry_adding(handle: &Conversation) -> Result<(), Error> {
    for item in handle.items(None, 10).await? {
        if let TimelineItem::Changed(change) = item
            && change.delivery == Some(DeliveryState::Refused(Refusal::NoDevice))
        {
            handle.retry(change.id).await?;
        }
    }
    Ok(())
}

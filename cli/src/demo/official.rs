//! One device of an official: a task of its own, with its own client, store and connection.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::Shared;
use pli_core::model::{ConversationId, ItemId, PersonId};
use pli_core::{Client, Error, FileKeyStore};
use tokio::sync::{mpsc, oneshot};

use super::cable::Cable;
use super::device::{Device, online};
use super::ledger::Ledger;
use super::sight::Sightings;
use super::verdict::{Seat, Shown};

/// Nothing takes that long, on a busy machine too.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Orders that wait for an official.
const ORDERS: usize = 64;

/// The id that an earlier text got, once it was sent.
pub(crate) type Cell = Shared<oneshot::Receiver<ItemId>>;

/// Where something is done.
#[derive(Clone, Copy, Debug)]
pub(crate) enum At {
    Group(ConversationId),
    Pair(PersonId),
}

/// What is done, with everything resolved.
pub(crate) enum Deed {
    /// The record has all but what is known when it is sent.
    Say {
        text: String,
        reply: Option<Cell>,
        mentions: Vec<PersonId>,
        after: Option<Cell>,
        draft: Draft,
    },
    Edit {
        target: Cell,
        text: String,
        may_know: BTreeSet<Seat>,
    },
    Delete {
        target: Cell,
    },
    React {
        target: Cell,
        emoji: String,
    },
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
    pub(crate) id: oneshot::Sender<ItemId>,
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
    pub(super) fn timed_from(&self, sender: Seat) -> BTreeSet<Seat> {
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
        let device = Device::new(seat, name.clone(), folder.clone(), cable.clone(), client, world);
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

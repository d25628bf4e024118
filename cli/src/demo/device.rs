//! What an official's task does with its client.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pli_core::model::{ClientState, Content, ConversationId, DeliveryState, ItemId, Refusal, Role, TimelineItem};
use pli_core::{Client, Conversation, Error, FileKeyStore};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::cable::Cable;
use super::ledger::Record;
use super::official::{At, Cell, Deed, Order, PATIENCE, World};
use super::sight;
use super::verdict::{Seat, Shown, Told};

const POLL: Duration = Duration::from_millis(10);
/// More items than any demo makes in one conversation.
const ALL: usize = 1_000_000;

/// Tries again while something that was just made, or a role just given, has not come to this device yet.
macro_rules! patiently {
    ($action:expr) => {{
        let until = Instant::now() + PATIENCE;
        loop {
            match $action.await {
                Err(Error::NotFound { .. } | Error::NotAllowed) if Instant::now() < until => {
                    tokio::time::sleep(POLL).await;
                }
                result => break result,
            }
        }
    }};
}

/// A device: the client while it runs, and what follows its screen.
pub(super) struct Device {
    seat: Seat,
    name: String,
    folder: PathBuf,
    cable: Arc<Cable>,
    client: Option<Client>,
    watching: Option<JoinHandle<()>>,
    world: World,
    /// What was said and is perhaps not in its log yet.
    pending: Vec<(ConversationId, ItemId)>,
}

impl Device {
    pub(super) fn new(
        seat: Seat,
        name: String,
        folder: PathBuf,
        cable: Arc<Cable>,
        client: Client,
        world: World,
    ) -> Self {
        let (watching, pending) = (None, Vec::new());
        let mut device = Self { seat, name, folder, cable, client: None, watching, world, pending };
        device.run_with(client);
        device
    }

    fn run_with(&mut self, client: Client) {
        let (watched, seat, world) = (client.clone(), self.seat, self.world.clone());
        self.watching = Some(tokio::spawn(async move { sight::follow(watched, seat, &world.sightings).await }));
        self.client = Some(client);
    }

    /// Obeys, until nobody can give orders any more.
    pub(super) async fn live(mut self, mut orders: mpsc::Receiver<Order>) {
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
                let entry = patiently!(handle.edit(target, &text, &[]))?;
                self.world.ledger.edited(target, &text, may_know);
                self.pending.push((id, entry));
                return Ok(());
            }
            Deed::Delete { target } => {
                let target = self.see(target).await.ok_or(Error::Closed)?;
                self.world.ledger.edited(target, "", BTreeSet::new());
                return patiently!(handle.delete(target)).map(drop);
            }
            Deed::React { target, emoji } => {
                let target = self.see(target).await.ok_or(Error::Closed)?;
                return patiently!(handle.react(target, Some(&emoji))).map(drop);
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
    async fn see(&self, text: Cell) -> Option<ItemId> {
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

    async fn wait_for(&self, conversation: ConversationId, entry: ItemId) -> Result<(), Error> {
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

/// Waits until a client is online.
pub(super) async fn online(client: &Client) -> Result<(), Error> {
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

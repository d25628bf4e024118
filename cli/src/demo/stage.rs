//! The stage: the server, the officials, and where they talk. It performs the script's lines one after the other;
//! officials carry their part out beside one another.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use pli_core::model::{ConversationId, PersonId};
use pli_env::Env;
use pli_env::real::Real;
use pli_server::{Authority, Config, Invite, Organisation, Running, Server};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::failure::{Code, Failure};
use crate::words::{demo as words, errors};

use super::cable::Cable;
use super::cast::Member;
use super::official::{At, Cell, Deed, Draft, Official, Order, PATIENCE, World};
use super::progress::Progress;
use super::script;
use super::verdict::{Facts, Seat};

/// Devices that enrol at once.
const ENROLLING: usize = 4;

/// A place where people talk.
pub(crate) struct Place {
    /// The group's name, or nothing for a pair.
    pub(crate) name: String,
    pub(crate) at: At,
    pub(crate) members: BTreeSet<Seat>,
    last: Option<Cell>,
}

/// Everything.
pub(crate) struct Stage {
    env: Arc<dyn Env>,
    folder: PathBuf,
    pub(crate) address: SocketAddr,
    server: Option<Running>,
    pub(crate) officials: Vec<Official>,
    departments: BTreeMap<String, String>,
    /// The device that each person uses now.
    pub(crate) current: BTreeMap<String, Seat>,
    pub(crate) places: BTreeMap<String, Place>,
    labels: HashMap<String, Cell>,
    pub(crate) world: World,
    offline: BTreeSet<Seat>,
    away: BTreeSet<Seat>,
    lost: BTreeSet<Seat>,
    pub(crate) progress: Progress,
}

impl Stage {
    /// Founds an organisation, starts its server, and enrols everybody.
    pub(crate) async fn set(folder: &Path, cast: &[Member], progress: Progress) -> Result<Self, Failure> {
        let env: Arc<dyn Env> = Real::current();
        let data = folder.join("server");
        let organisation = Organisation { name: "Métropole du Val".into(), domain: "metropole.example".into() };
        Authority::create(&data, env.clone(), organisation).await?.close().await;
        let server = Server::start(env.clone(), Config::new(&data, SocketAddr::from(([127, 0, 0, 1], 0)))).await?;
        let address = server.address();
        progress.say(&words::START.with(&[&address, &cast.len(), &folder.display()]));
        let mut stage = Self {
            env,
            folder: folder.to_owned(),
            address,
            server: Some(server),
            officials: Vec::new(),
            departments: cast.iter().map(|member| (member.name.clone(), member.department.clone())).collect(),
            current: BTreeMap::new(),
            places: BTreeMap::new(),
            labels: HashMap::new(),
            world: World::default(),
            offline: BTreeSet::new(),
            away: BTreeSet::new(),
            lost: BTreeSet::new(),
            progress,
        };
        stage.enrol(cast).await?;
        Ok(stage)
    }

    async fn enrol(&mut self, cast: &[Member]) -> Result<(), Failure> {
        let (mut enrolling, mut waiting) = (JoinSet::new(), cast.iter().enumerate());
        loop {
            while enrolling.len() < ENROLLING {
                let Some((seat, member)) = waiting.next() else { break };
                let mut invite = Invite::person(&member.name);
                invite.department.clone_from(&member.department);
                enrolling.spawn(self.enrolment(seat, &member.name, invite).await?);
            }
            let Some(joined) = enrolling.join_next().await else { break };
            self.officials.push(joined.map_err(broken)?.map_err(Failure::from)?);
            self.progress.tick(&words::ENROLLED.with(&[&self.officials.len(), &cast.len()]));
        }
        self.officials.sort_by_key(|official| official.seat);
        self.current = self.officials.iter().map(|official| (official.name.clone(), official.seat)).collect();
        self.world.connect(self.officials.iter().map(|official| official.seat));
        Ok(())
    }

    /// The enrolling of a device, to be run.
    async fn enrolment(
        &self,
        seat: Seat,
        name: &str,
        invite: Invite,
    ) -> Result<impl Future<Output = Result<Official, pli_core::Error>> + Send + 'static, Failure> {
        let authority = self.server.as_ref().ok_or_else(server_is_down)?.authority();
        let link = authority.invite(&self.address.to_string(), invite).await?.into_iter().next().unwrap_or_default();
        let folder = self.folder.join(format!("{seat:02}-{}", slug(name)));
        let (cable, world) = (Cable::new(self.env.clone()), self.world.clone());
        Ok(Official::enrol(seat, name.to_owned(), folder, cable, link, world))
    }

    /// Where the server keeps its data.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("server")
    }

    /// Performs a line; whether it could be: its people must be of the cast and at their phones.
    pub(crate) async fn perform(&mut self, line: &script::Line) -> Result<bool, Failure> {
        match line {
            script::Line::Official { .. } => Ok(true),
            script::Line::Event(event) => self.happen(event).await,
            script::Line::Act { who, place, deed } => {
                let Some(seat) = self.current.get(who).copied().filter(|seat| !self.away.contains(seat)) else {
                    return Ok(false);
                };
                if let script::Deed::Create { with } = deed {
                    return self.create(seat, place, with).await.map(|()| true);
                }
                let Some(key) = self.place(seat, who, place) else { return Ok(false) };
                match deed {
                    script::Deed::Say { text, label, reply, mentions } => {
                        self.say(seat, &key, text, label.as_deref(), reply.as_deref(), mentions, true).await
                    }
                    deed => self.change(seat, &key, deed).await,
                }
            }
        }
    }

    /// The key of a place of which `seat` is a member.
    fn place(&mut self, seat: Seat, who: &str, place: &str) -> Option<String> {
        let Some(peer) = place.strip_prefix('@') else {
            return self.places.get(place).filter(|known| known.members.contains(&seat)).map(|_| place.to_owned());
        };
        let other = *self.current.get(peer)?;
        let mut names = [who, peer];
        names.sort_unstable();
        let key = format!("@{}", names.join("+"));
        let members = BTreeSet::from([seat, other]);
        let at = At::Pair(self.person(other));
        let known = self.places.entry(key.clone()).or_insert(Place { name: String::new(), at, members, last: None });
        // To each, the pair is with the other.
        known.at = at;
        known.members.contains(&seat).then_some(key)
    }

    fn person(&self, seat: Seat) -> PersonId {
        self.officials[seat].person
    }

    async fn order(&self, seat: Seat, order: Order) -> Result<(), Failure> {
        self.officials[seat].orders.send(order).await.map_err(broken)
    }

    async fn create(&mut self, seat: Seat, name: &str, with: &[String]) -> Result<(), Failure> {
        let mut members = self.seats(with);
        members.insert(seat);
        let people = members.iter().filter(|one| **one != seat).map(|one| self.person(*one)).collect();
        let order = |done| Order::Create { name: name.to_owned(), people, done };
        let id = self.officials[seat].ask(order).await.ok_or_else(|| self.stuck())?;
        let by = &self.officials[seat].name;
        self.progress.say(&words::CREATED.with(&[by, &name, &members.len()]));
        self.places.insert(name.to_owned(), Place { name: name.into(), at: At::Group(id), members, last: None });
        Ok(())
    }

    /// The devices of these people: names, `#department`, or `*` for all.
    fn seats(&self, names: &[String]) -> BTreeSet<Seat> {
        let is_meant = |name: &String| {
            names.iter().any(|wanted| match wanted.strip_prefix('#') {
                Some(department) => self.departments.get(name).is_some_and(|own| own == department),
                None => wanted == "*" || wanted == name,
            })
        };
        self.current.iter().filter(|(name, _)| is_meant(name)).map(|(_, seat)| *seat).collect()
    }

    /// Lets somebody say something. With `in_turn`, they first see what was said there before.
    #[allow(clippy::too_many_arguments)]
    pub(crate) async fn say(
        &mut self,
        seat: Seat,
        key: &str,
        text: &str,
        label: Option<&str>,
        reply: Option<&str>,
        mentions: &[String],
        in_turn: bool,
    ) -> Result<bool, Failure> {
        let is_cut = self.offline.contains(&seat) || self.server.is_none();
        let mentions = self.seats(mentions).into_iter().map(|seat| self.person(seat)).collect();
        let reply = reply.and_then(|label| self.labels.get(label).cloned());
        let (id, cell) = oneshot::channel();
        let cell = cell.shared();
        let Some(place) = self.places.get_mut(key) else { return Ok(false) };
        let after = place.last.replace(cell.clone()).filter(|_| in_turn && !is_cut);
        let draft = Draft { place: key.to_owned(), entitled: place.members.clone(), id };
        let at = place.at;
        if let Some(label) = label {
            self.labels.insert(label.to_owned(), cell);
        }
        let deed = Deed::Say { text: text.to_owned(), reply, mentions, after, draft };
        self.order(seat, Order::Act { at, deed, done: None }).await.map(|()| true)
    }

    async fn change(&mut self, seat: Seat, key: &str, deed: &script::Deed) -> Result<bool, Failure> {
        let Some(place) = self.places.get(key) else { return Ok(false) };
        let (at, name, members) = (place.at, place.name.clone(), place.members.clone());
        let target = |label: &String| self.labels.get(label).cloned();
        let people = |seats: &BTreeSet<Seat>| seats.iter().map(|seat| self.person(*seat)).collect::<Vec<_>>();
        let by = self.officials[seat].name.clone();
        let list = |seats: &BTreeSet<Seat>| {
            seats.iter().map(|seat| self.officials[*seat].name.as_str()).collect::<Vec<_>>().join(", ")
        };
        let (none, mut added, mut removed) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let deed = match deed {
            script::Deed::Say { .. } | script::Deed::Create { .. } => return Ok(false),
            script::Deed::Edit { label, text } => {
                let Some(target) = target(label) else { return Ok(false) };
                Deed::Edit { target, text: text.clone(), may_know: members.clone() }
            }
            script::Deed::Delete { label } => {
                let Some(target) = target(label) else { return Ok(false) };
                Deed::Delete { target }
            }
            script::Deed::React { label, emoji } => {
                let Some(target) = target(label) else { return Ok(false) };
                Deed::React { target, emoji: emoji.clone() }
            }
            script::Deed::Rename(name) => Deed::Rename(name.clone()),
            script::Deed::Promote(names) => Deed::Promote(people(&self.seats(names))),
            script::Deed::Add(names) => {
                added = self.seats(names).difference(&members).copied().collect();
                self.progress.say(&words::ADDED.with(&[&by, &list(&added), &name]));
                Deed::Add(people(&added))
            }
            script::Deed::Remove(names) => {
                removed = self.seats(names).intersection(&members).copied().collect();
                self.progress.say(&words::REMOVED.with(&[&by, &list(&removed), &name]));
                Deed::Remove(people(&removed))
            }
            script::Deed::Leave => {
                removed = BTreeSet::from([seat]);
                self.progress.say(&words::LEFT.with(&[&by, &name]));
                Deed::Leave
            }
        };
        if added == none && removed == none {
            if matches!(&deed, Deed::Add(_) | Deed::Remove(_)) {
                return Ok(false);
            }
            return self.order(seat, Order::Act { at, deed, done: None }).await.map(|()| true);
        }
        // What was said before is in the log before members change, so that it is clear who is entitled to what.
        self.settle().await?;
        self.officials[seat].ask(|done| Order::Act { at, deed, done: Some(done) }).await.ok_or_else(|| self.stuck())?;
        if let (true, At::Group(id)) = (removed.contains(&seat), at) {
            // A leaver's word is carried out by somebody who stays.
            self.wait_until_gone(id, seat, &members).await?;
        }
        self.world.ledger.members_changed(key, &added, &removed);
        if let Some(place) = self.places.get_mut(key) {
            place.members = members.union(&added).filter(|seat| !removed.contains(seat)).copied().collect();
            place.last = None;
        }
        Ok(true)
    }

    /// Waits until what was said is accepted, and in its log where the speaker is connected.
    pub(crate) async fn settle(&self) -> Result<(), Failure> {
        for official in self.officials.iter().filter(|official| !self.away.contains(&official.seat)) {
            let wait = !self.offline.contains(&official.seat) && !self.lost.contains(&official.seat) && self.server.is_some();
            official.ask(|done| Order::Settle { wait, done }).await.ok_or_else(|| self.stuck())?;
        }
        Ok(())
    }

    async fn happen(&mut self, event: &script::Event) -> Result<bool, Failure> {
        use script::Event;
        let name = match event {
            Event::Offline(who) | Event::Online(who) | Event::Kill(who) => who,
            Event::Restart(who) | Event::LosePhone(who) | Event::NewPhone(who) => who,
            Event::KillServer => {
                self.progress.say(words::SERVER_KILLED.text());
                self.world.disconnect(self.officials.iter().map(|official| official.seat));
                self.server = None;
                return Ok(true);
            }
            Event::StartServer => return self.start_server().await.map(|()| true),
            Event::Settle => return self.settle().await.map(|()| true),
        };
        let Some(seat) = self.current.get(name).copied() else { return Ok(false) };
        match event {
            Event::Offline(_) => {
                self.progress.say(&words::OFFLINE.with(&[name]));
                self.world.disconnect([seat]);
                self.offline.insert(seat);
                self.officials[seat].cable.plug(false);
            }
            Event::Online(_) if self.offline.remove(&seat) => {
                self.progress.say(&words::ONLINE.with(&[name]));
                self.officials[seat].cable.plug(true);
                self.reconnect(&[seat]).await?;
            }
            Event::Kill(_) => {
                self.progress.say(&words::KILLED.with(&[name]));
                self.world.disconnect([seat]);
                self.away.insert(seat);
                self.officials[seat].ask(|done| Order::Kill { done }).await.ok_or_else(|| self.stuck())?;
            }
            Event::Restart(_) if self.away.remove(&seat) => {
                self.progress.say(&words::RESTARTED.with(&[name]));
                self.officials[seat].ask(|done| Order::Restart { done }).await.ok_or_else(|| self.stuck())?;
                self.reconnect(&[seat]).await?;
            }
            Event::LosePhone(_) => self.lose_phone(name, seat).await?,
            Event::NewPhone(_) if self.lost.contains(&seat) => self.new_phone(name, seat).await?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    async fn start_server(&mut self) -> Result<(), Failure> {
        if self.server.is_some() {
            return Ok(());
        }
        self.progress.say(words::SERVER_STARTED.text());
        let config = Config::new(self.data(), self.address);
        let until = Instant::now() + PATIENCE;
        self.server = loop {
            match Server::start(self.env.clone(), config.clone()).await {
                Ok(server) => break Some(server),
                // The port may still be held by connections that are ending.
                Err(_) if Instant::now() < until => tokio::time::sleep(Duration::from_millis(20)).await,
                Err(error) => return Err(error.into()),
            }
        };
        let connected: Vec<Seat> = self.officials.iter().map(|official| official.seat).collect();
        let connected: Vec<Seat> = connected.into_iter().filter(|seat| self.is_connected(*seat)).collect();
        self.reconnect(&connected).await
    }

    fn is_connected(&self, seat: Seat) -> bool {
        !self.offline.contains(&seat) && !self.away.contains(&seat) && !self.lost.contains(&seat)
    }

    /// Waits until these devices are online again. Only then does it count how long a delivery to them takes.
    async fn reconnect(&self, seats: &[Seat]) -> Result<(), Failure> {
        if self.server.is_none() {
            return Ok(());
        }
        for seat in seats {
            self.officials[*seat].ask(|done| Order::Online { done }).await.ok_or_else(|| self.stuck())?;
        }
        self.world.connect(seats.iter().copied());
        Ok(())
    }

    async fn lose_phone(&mut self, name: &str, seat: Seat) -> Result<(), Failure> {
        self.settle().await?;
        self.progress.say(&words::REVOKED.with(&[&name]));
        self.world.disconnect([seat]);
        self.lost.insert(seat);
        let authority = self.server.as_ref().ok_or_else(server_is_down)?.authority().clone();
        let devices = authority.devices(self.person(seat)).await?;
        for device in devices.iter().filter(|device| !device.revoked) {
            authority.revoke(device.id).await?;
        }
        // Until the groups have removed it, a text may or may not be readable there; from then on, none is.
        let said: BTreeMap<String, ConversationId> = self.world.ledger.conversations().into_iter().collect();
        let places: Vec<String> = self.places.keys().cloned().collect();
        for key in places {
            let Some(place) = self.places.get(&key).filter(|place| place.members.contains(&seat)) else { continue };
            let id = match place.at {
                At::Group(id) => Some(id),
                At::Pair(_) => said.get(&key).copied(),
            };
            let members = place.members.clone();
            if let Some(id) = id {
                self.wait_until_gone(id, seat, &members).await?;
            }
            if let Some(place) = self.places.get_mut(&key) {
                place.members.remove(&seat);
                place.last = None;
            }
        }
        self.world.ledger.excuse(seat);
        Ok(())
    }

    /// Waits until all connected members see that somebody is no longer there.
    async fn wait_until_gone(&self, at: ConversationId, gone: Seat, members: &BTreeSet<Seat>) -> Result<(), Failure> {
        let person = self.person(gone);
        let until = Instant::now() + PATIENCE;
        for witness in members.iter().filter(|seat| **seat != gone && self.is_connected(**seat)) {
            loop {
                let seen = self.officials[*witness].ask(|answer| Order::Members { at, answer }).await;
                let seen = seen.ok_or_else(|| self.stuck())?;
                if !seen.contains_key(&person) {
                    break;
                }
                if Instant::now() > until {
                    return Err(Failure::new(Code::Failed, errors::DEMO_FAILED.with(&[&"a removal does not take place"])));
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        Ok(())
    }

    async fn new_phone(&mut self, name: &str, old: Seat) -> Result<(), Failure> {
        let seat = self.officials.len();
        let person = self.person(old);
        let enrolment = self.enrolment(seat, name, Invite::device_of(person)).await?;
        self.officials.push(enrolment.await?);
        self.current.insert(name.to_owned(), seat);
        self.world.connect([seat]);
        self.progress.say(&words::REPLACED.with(&[&name]));
        Ok(())
    }

    /// Everybody comes back, and everything is carried out.
    pub(crate) async fn end(&mut self) -> Result<(), Failure> {
        self.progress.say(words::SETTLING.text());
        self.start_server().await?;
        let names: Vec<String> = self.current.keys().cloned().collect();
        for name in names {
            self.happen(&script::Event::Online(name.clone())).await?;
            self.happen(&script::Event::Restart(name)).await?;
        }
        self.settle().await
    }

    /// What was said, and what everybody shows now.
    pub(crate) async fn facts(&self) -> Result<Facts, Failure> {
        let mut facts = Facts {
            told: self.world.ledger.records().into_iter().map(|record| record.told).collect(),
            repeated: self.world.sightings.repeated(),
            ..Facts::default()
        };
        for official in &self.officials {
            facts.shown.push(official.ask(|answer| Order::Show { answer }).await.ok_or_else(|| self.stuck())?);
        }
        for (key, conversation) in self.world.ledger.conversations() {
            if let Some(place) = self.places.get(&key) {
                facts.present.insert(conversation, place.members.clone());
            }
        }
        Ok(facts)
    }

    /// Ends the server, in good order.
    pub(crate) async fn close(&mut self) {
        if let Some(server) = self.server.take() {
            server.shutdown().await;
        }
    }

    fn stuck(&self) -> Failure {
        let failures = self.world.ledger.failures().join("; ");
        Failure::new(Code::Failed, errors::DEMO_FAILED.with(&[&failures]))
    }
}

fn broken(error: impl std::fmt::Display) -> Failure {
    Failure::new(Code::Failed, errors::DEMO_FAILED.with(&[&error]))
}

fn server_is_down() -> Failure {
    broken("the server is down")
}

/// A name fit for a folder.
fn slug(name: &str) -> String {
    let plain = crate::names::fold(name);
    let kept = plain.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' });
    kept.collect::<String>().trim_matches('-').chars().take(30).collect()
}

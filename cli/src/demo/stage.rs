//! The stage: the server, the officials, and where they talk. It performs the script's lines one after the other;
//! officials carry their part out beside one another.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pli_core::model::PersonId;
use pli_core::text::fold;
use pli_env::Env;
use pli_env::real::Real;
use pli_server::{Authority, Config, Invite, Organisation, Running, Server};
use tokio::task::JoinSet;

use crate::failure::{Code, Failure};
use crate::words::{demo as words, errors};

use super::cable::Cable;
use super::cast::Member;
use super::official::{At, Cell, Official, Order, World};
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
    pub(super) last: Option<Cell>,
}

/// Everything.
pub(crate) struct Stage {
    pub(super) env: Arc<dyn Env>,
    folder: PathBuf,
    pub(crate) address: SocketAddr,
    pub(super) server: Option<Running>,
    pub(crate) officials: Vec<Official>,
    pub(super) departments: BTreeMap<String, String>,
    /// The device that each person uses now.
    pub(crate) current: BTreeMap<String, Seat>,
    pub(crate) places: BTreeMap<String, Place>,
    pub(super) labels: HashMap<String, Cell>,
    pub(crate) world: World,
    pub(super) offline: BTreeSet<Seat>,
    pub(super) away: BTreeSet<Seat>,
    pub(super) lost: BTreeSet<Seat>,
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
    pub(super) async fn enrolment(
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

    pub(super) fn person(&self, seat: Seat) -> PersonId {
        self.officials[seat].person
    }

    pub(super) async fn order(&self, seat: Seat, order: Order) -> Result<(), Failure> {
        self.officials[seat].orders.send(order).await.map_err(broken)
    }

    /// Waits until what was said is accepted, and in its log where the speaker is connected.
    pub(crate) async fn settle(&self) -> Result<(), Failure> {
        for official in self.officials.iter().filter(|official| !self.away.contains(&official.seat)) {
            let wait =
                !self.offline.contains(&official.seat) && !self.lost.contains(&official.seat) && self.server.is_some();
            official.ask(|done| Order::Settle { wait, done }).await.ok_or_else(|| self.stuck())?;
        }
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

    /// What a device could not do, if so: there is no verdict on what was not performed.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.world.ledger.failures().is_empty() { Ok(()) } else { Err(self.stuck()) }
    }

    pub(super) fn stuck(&self) -> Failure {
        let failures = self.world.ledger.failures().join("; ");
        Failure::new(Code::Failed, errors::DEMO_FAILED.with(&[&failures]))
    }
}

fn broken(error: impl std::fmt::Display) -> Failure {
    Failure::new(Code::Failed, errors::DEMO_FAILED.with(&[&error]))
}

pub(super) fn server_is_down() -> Failure {
    broken("the server is down")
}

/// A name fit for a folder.
fn slug(name: &str) -> String {
    let plain = fold(name);
    let kept = plain.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' });
    kept.collect::<String>().trim_matches('-').chars().take(30).collect()
}

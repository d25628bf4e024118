//! What happens to the stage: tunnels, killed apps, lost phones, a killed server.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use pli_core::model::ConversationId;
use pli_server::{Config, Invite, Server};

use crate::failure::{Code, Failure};
use crate::words::{demo as words, errors};

use super::official::{At, Order, PATIENCE};
use super::script::Event;
use super::stage::{Stage, server_is_down};
use super::verdict::Seat;

impl Stage {
    /// Lets something happen; whether it could.
    pub(super) async fn happen(&mut self, event: &Event) -> Result<bool, Failure> {
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

    pub(super) async fn start_server(&mut self) -> Result<(), Failure> {
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
    pub(super) async fn wait_until_gone(
        &self,
        at: ConversationId,
        gone: Seat,
        members: &BTreeSet<Seat>,
    ) -> Result<(), Failure> {
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
                    return Err(Failure::new(
                        Code::Failed,
                        errors::DEMO_FAILED.with(&[&"a removal does not take place"]),
                    ));
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
}

//! What people do on the stage.

use std::collections::BTreeSet;

use futures_util::FutureExt as _;
use tokio::sync::oneshot;

use crate::failure::Failure;
use crate::words::demo as words;

use super::official::{At, Deed, Draft, Order};
use super::script;
use super::stage::{Place, Stage};
use super::verdict::Seat;

impl Stage {
    /// Lets somebody make a group.
    pub(super) async fn create(&mut self, seat: Seat, name: &str, with: &[String]) -> Result<(), Failure> {
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

    /// Lets somebody change something: a message, or who is there. Then all that was said before is in its log first.
    pub(super) async fn change(&mut self, seat: Seat, key: &str, deed: &script::Deed) -> Result<bool, Failure> {
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
}

//! What was said: each text whose sending a client accepted, and who is entitled to it.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pli_core::model::{ConversationId, ItemId};

use super::sight::Sightings;
use super::verdict::{Seat, Told};

/// One text.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) told: Told,
    /// The place's name in the script.
    pub(crate) place: String,
    /// When it was handed to the client.
    pub(crate) at: Instant,
    /// Whose delivery time counts: who was connected, if the sender and the server were.
    pub(crate) timed: BTreeSet<Seat>,
    /// It is in the log: who is added later is not entitled to it.
    pub(crate) settled: bool,
}

/// All texts, and what did not go as the script wants.
#[derive(Default)]
pub(crate) struct Ledger(Mutex<Book>);

#[derive(Default)]
struct Book {
    records: Vec<Record>,
    failures: Vec<String>,
}

impl Ledger {
    pub(crate) fn sent(&self, record: Record) {
        self.lock().records.push(record);
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        self.lock().records.clone()
    }

    pub(crate) fn failed(&self, why: String) {
        self.lock().failures.push(why);
    }

    pub(crate) fn failures(&self) -> Vec<String> {
        self.lock().failures.clone()
    }

    /// A text has another version; an empty one means that it was deleted.
    pub(crate) fn edited(&self, id: ItemId, body: &str, may_know: BTreeSet<Seat>) {
        if let Some(record) = self.lock().records.iter_mut().find(|record| record.told.id == id) {
            record.told.bodies.push((body.to_owned(), may_know));
        }
    }

    pub(crate) fn settled(&self, id: ItemId) {
        if let Some(record) = self.lock().records.iter_mut().find(|record| record.told.id == id) {
            record.settled = true;
        }
    }

    /// What waits in somebody's outbox comes after a change of members: who was added may see it, who was removed may
    /// not.
    pub(crate) fn members_changed(&self, place: &str, added: &BTreeSet<Seat>, removed: &BTreeSet<Seat>) {
        let mut book = self.lock();
        for record in book.records.iter_mut().filter(|record| record.place == place && !record.settled) {
            record.told.entitled.retain(|seat| !removed.contains(seat));
            for (_, may_know) in &mut record.told.bodies {
                may_know.retain(|seat| !removed.contains(seat));
                may_know.extend(added);
            }
        }
    }

    /// A device is being revoked: what is said until all have removed it, it may or may not see.
    pub(crate) fn excuse(&self, seat: Seat) {
        for record in self.lock().records.iter_mut().filter(|record| !record.settled) {
            record.told.entitled.remove(&seat);
        }
    }

    /// Where each text was said.
    pub(crate) fn conversations(&self) -> Vec<(String, ConversationId)> {
        self.lock().records.iter().map(|record| (record.place.clone(), record.told.conversation)).collect()
    }

    /// How long each text took from one screen to each other one.
    pub(crate) fn latencies(&self, sightings: &Sightings) -> Vec<Duration> {
        let book = self.lock();
        let times = book.records.iter().flat_map(|record| {
            let others = record.timed.iter().filter(|seat| **seat != record.told.sender);
            let entitled = others.filter(|seat| record.told.entitled.contains(seat));
            entitled
                .filter_map(|seat| Some(sightings.first(*seat, record.told.id)?.saturating_duration_since(record.at)))
        });
        let mut times: Vec<Duration> = times.collect();
        times.sort_unstable();
        times
    }

    /// No delivery that is still under way to these devices counts as timed: a fault begins.
    pub(crate) fn disturb(&self, seats: &BTreeSet<Seat>, sightings: &Sightings) {
        for record in &mut self.lock().records {
            let (id, sender) = (record.told.id, record.told.sender);
            let is_cut = |seat: &Seat| seats.contains(seat) || seats.contains(&sender);
            record.timed.retain(|seat| !is_cut(seat) || sightings.first(*seat, id).is_some());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The time that so many of a hundred did not exceed.
pub(crate) fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(index).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles() {
        let times: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(percentile(&times, 50), Duration::from_millis(100));
        assert_eq!(percentile(&times, 99), Duration::from_millis(198));
        assert_eq!(percentile(&times[..1], 99), Duration::from_millis(1));
        assert_eq!(percentile(&[], 50), Duration::ZERO);
    }

    #[test]
    fn what_waits_is_closed_to_who_is_removed_and_open_to_who_is_added() {
        let ledger = Ledger::default();
        let seats = BTreeSet::from([0, 1, 2]);
        for (n, settled) in [(1, true), (2, false)] {
            let id = ItemId([n; 16]);
            let bodies = vec![("text".to_owned(), seats.clone())];
            let told = Told { id, conversation: ConversationId([0; 16]), sender: 0, bodies, entitled: seats.clone() };
            ledger.sent(Record { told, place: "A".into(), at: Instant::now(), timed: BTreeSet::new(), settled });
        }
        ledger.members_changed("A", &BTreeSet::from([3]), &BTreeSet::from([2]));
        ledger.members_changed("B", &BTreeSet::new(), &BTreeSet::from([1]));
        let [first, second] = &ledger.records()[..] else { panic!() };
        assert_eq!((&first.told.entitled, &first.told.bodies[0].1), (&seats, &seats));
        assert_eq!(second.told.entitled, BTreeSet::from([0, 1]));
        assert_eq!(second.told.bodies[0].1, BTreeSet::from([0, 1, 3]));
    }
}

//! Who may read what, from the server's rows, which are in the clear, and not from what clients believe.

use std::collections::BTreeMap;

use pli_proto::row::AccessKey;

use super::excuse;
use super::view::{Case, Id, Item, MESSAGE, Store};

/// Where a device had access to a log: after the first number, up to the second.
pub(crate) type Spans = Vec<(u64, u64)>;

/// Which device may read what.
pub(crate) struct Truth {
    spans: BTreeMap<(Id, usize), Spans>,
    /// Those that it read, or should have.
    read: BTreeMap<(Id, usize), Spans>,
    /// The rank of the row that stands at the end.
    ranks: BTreeMap<(Id, usize), u32>,
}

impl Truth {
    pub(crate) fn new(case: &Case) -> Self {
        let mut keys: BTreeMap<Id, &[u8]> = BTreeMap::new();
        for log in case.stores.iter().flat_map(|store| &store.logs) {
            keys.insert(log.log, &log.key);
        }
        let (mut spans, mut ranks) = (BTreeMap::new(), BTreeMap::new());
        for (log, log_key) in keys {
            for store in &case.stores {
                if let Some(key) = AccessKey::of(log_key, &store.key) {
                    let rank = case.server.rows.get(&log).and_then(|rows| rows.get(&key));
                    ranks.extend(rank.map(|rank| ((log, store.host), *rank)));
                    spans.insert((log, store.host), of_row(case, log, key.0));
                }
            }
        }
        // Who left or was removed is out at once, though the row may go later.
        for (witness, item) in case.stores.iter().flat_map(|store| store.items.iter().map(move |item| (store, item))) {
            // A commit by which somebody begins to leave puts out only the further device that shows it so.
            let of_one = item.change() == "Left"
                && case.server.entry(item.log, item.number).is_some_and(|entry| entry.kind != MESSAGE);
            let gone = |store: &&Store| went(item, &store.person) && (!of_one || store.host == witness.host);
            for store in case.stores.iter().filter(gone) {
                let Some(spans) = spans.get_mut(&(item.log, store.host)) else { continue };
                let Some(place) = spans.iter().position(|(from, to)| *from < item.number && item.number < *to) else {
                    continue;
                };
                let to = std::mem::replace(&mut spans[place].1, item.number);
                // Added again before its row went.
                let joined = store.items.iter().filter(|other| other.log == item.log && other.change() == "Joined");
                let again =
                    joined.map(|joined| joined.number).filter(|number| item.number < *number && *number < to).min();
                if let Some(again) = again {
                    spans.insert(place + 1, (again, to));
                }
            }
        }
        let mut truth = Self { spans, ranks, read: BTreeMap::new() };
        for store in &case.stores {
            let logs: Vec<Id> =
                truth.spans.keys().filter(|(_, host)| *host == store.host).map(|(log, _)| *log).collect();
            for log in logs {
                let read = excuse::spans(case, &truth, store, log);
                truth.read.insert((log, store.host), read);
            }
        }
        truth
    }

    /// The spans that a device read, or should have: [`excuse::spans`].
    pub(crate) fn read(&self, log: Id, host: usize) -> &[(u64, u64)] {
        self.read.get(&(log, host)).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn spans(&self, log: Id, host: usize) -> &[(u64, u64)] {
        self.spans.get(&(log, host)).map_or(&[], Vec::as_slice)
    }

    /// The span in which this device could read this entry.
    pub(crate) fn span(&self, log: Id, host: usize, number: u64) -> Option<(u64, u64)> {
        self.spans(log, host).iter().copied().find(|(from, to)| *from < number && number < *to)
    }

    /// The rank of its row, if that stands at the end, whatever else.
    pub(crate) fn rank(&self, log: Id, host: usize) -> Option<u32> {
        self.ranks.get(&(log, host)).copied()
    }

    pub(crate) fn is_in(&self, log: Id, host: usize) -> bool {
        self.spans(log, host).iter().any(|(_, to)| *to == u64::MAX)
    }
}

/// Whether an item says that a person left, or was removed.
fn went(item: &Item, person: &Id) -> bool {
    match item.change().as_str() {
        "Left" => item.by == *person,
        "Removed" => {
            let removed: BTreeMap<String, Vec<Id>> = serde_json::from_str(&item.text).unwrap_or_default();
            removed.get("Removed").is_some_and(|persons| persons.contains(person))
        }
        _ => false,
    }
}

/// Where a row should have stood: as it was asked for, by others than insiders.
fn of_row(case: &Case, log: Id, key: [u8; 32]) -> Spans {
    let mut spans = Spans::new();
    // The founder's row came with the log.
    let mut since = (case.server.founders.get(&log) == Some(&key)).then_some(0);
    for entry in case.server.entries.get(&log).into_iter().flatten() {
        for (_, sets) in entry.changes.iter().filter(|change| change.0 == key) {
            match (sets, since) {
                (true, None) => since = Some(entry.number),
                (false, Some(_)) if case.lies.contains(&entry.digest) => {}
                (false, Some(from)) => {
                    spans.push((from, entry.number));
                    since = None;
                }
                _ => {}
            }
        }
    }
    if let Some(from) = since {
        spans.push((from, u64::MAX));
    }
    spans
}

//! A case in words, for whoever replays a seed.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::HEXLOWER;
use pli_proto::row::AccessKey;

use super::view::{COMMIT, Case, Id};

/// Every log, entry by entry: rows that came and went by host, and what the stores show of it.
pub(crate) fn tell(case: &Case) {
    let short = |id: &[u8]| HEXLOWER.encode(&id[..4]);
    for (log, entries) in &case.server.entries {
        let Some(key) = case.stores.iter().flat_map(|store| &store.logs).find(|known| known.log == *log) else {
            continue;
        };
        let mut hosts: BTreeMap<[u8; 32], usize> = BTreeMap::new();
        for store in &case.stores {
            if let Some(row) = AccessKey::of(&key.key, &store.key) {
                hosts.insert(row.0, store.host);
            }
        }
        let founder = case.server.founders.get(log).and_then(|row| hosts.get(row));
        println!("log {} of {}, founded by {founder:?}", short(log), short(&key.conversation));
        for store in &case.stores {
            for known in store.logs.iter().filter(|known| known.log == *log) {
                println!("   {} is in state {} at {}", store.host, known.state, known.number);
            }
        }
        for entry in entries {
            let kind = if entry.kind == COMMIT { "commit" } else { "message" };
            let rows: Vec<String> = entry
                .changes
                .iter()
                .map(|(row, sets)| {
                    format!("{}{}", if *sets { "+" } else { "-" }, hosts.get(row).map_or("?".into(), usize::to_string))
                })
                .collect();
            println!("   {} {kind} {} at {} rows {rows:?}", entry.number, short(&entry.digest), entry.received_ms);
            show(case, log, entry.number);
        }
    }
    for store in &case.stores {
        for queued in &store.intents {
            let (conversation, entry) = (short(&queued.conversation), short(&queued.entry));
            println!("{} waits in {conversation}: {entry} {:?}", store.host, queued.intent);
        }
    }
}

fn show(case: &Case, log: &Id, number: u64) {
    let mut by_what: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for store in &case.stores {
        for item in store.items.iter().filter(|item| item.log == *log && item.number == number) {
            let by = case.stores.iter().filter(|store| store.person == item.by).map(|store| store.host).min();
            let what = match item.change() {
                change if change.is_empty() => {
                    format!("{:?} by {by:?} deleted {} reactions {}", item.text, item.deleted, item.reactions.len())
                }
                change => format!("{change} by {by:?}"),
            };
            by_what.entry(format!("kind {} {what}", item.kind)).or_default().push(store.host);
        }
    }
    for (what, hosts) in by_what {
        println!("        {hosts:?}: {what}");
    }
}

impl Case {
    /// Devices that came back after losing a group's secrets.
    pub(crate) fn rejoins(&self) -> u64 {
        let returned = self.stores.iter().flat_map(|store| &store.items).filter(|item| item.change() == "Returned");
        returned.map(|item| (item.log, item.number)).collect::<BTreeSet<_>>().len() as u64
    }

    /// What a rerun of the seed must find again.
    pub(crate) fn digest(&self) -> String {
        let mut text = String::new();
        for (log, entries) in &self.server.entries {
            let kinds: String = entries.iter().map(|entry| if entry.kind == COMMIT { 'c' } else { 'm' }).collect();
            text += &format!("{}:{kinds} ", &HEXLOWER.encode(log)[..8]);
        }
        for store in &self.stores {
            text += &format!("h{}:{}/{} ", store.host, store.items.len(), store.intents.len());
        }
        text
    }
}

impl Case {
    /// Takes one text out of a store, behind its client's back.
    pub(crate) fn doctor(&mut self) {
        for store in &mut self.stores {
            if let Some(place) = store.items.iter().rposition(|item| item.kind == 1 && !item.deleted && !store.revoked)
            {
                store.items.remove(place);
                return;
            }
        }
    }
}

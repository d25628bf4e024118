//! The promises of DESIGN section 2, looked for in a [`Case`].
//!
//! Who may read what is taken from the server's rows, which are in the clear, and not from what clients believe.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::HEXLOWER;
use pli_proto::row::AccessKey;

use super::book::{Act, Said};
use super::view::{Case, Id, Item, Log, MESSAGE, Store};

/// Values of `pli_core::store::logs::LogState`.
const ACTIVE: i64 = 2;
const STATES: [&str; 8] = ["Founding", "Joining", "Active", "Broken", "Removed", "AccessLost", "Left", "Stopped"];
/// Changes that a device notes for itself alone.
const LOCAL: [&str; 5] = ["Founded", "Joined", "LostSecrets", "Gap", "Fork"];
const UNREADABLE: i64 = 4;

type Found = Vec<(usize, String)>;

/// Every promise that is broken, with the host that shows it.
pub(crate) fn check(case: &Case) -> Found {
    let truth = Truth::new(case);
    let mut found = Vec::new();
    blind(case, &mut found);
    out(case, &truth, &mut found);
    kept(case, &truth, &mut found);
    alike(case, &truth, &mut found);
    carried_out(case, &truth, &mut found);
    found
}

fn short(id: &[u8]) -> String {
    HEXLOWER.encode(id.get(..4).unwrap_or(id))
}

fn contains(bytes: &[u8], text: &str) -> bool {
    !text.is_empty() && memmem(bytes, text.as_bytes())
}

fn memmem(bytes: &[u8], text: &[u8]) -> bool {
    let Some(first) = text.first() else { return false };
    let mut from = 0;
    while let Some(at) = bytes.get(from..).and_then(|rest| rest.iter().position(|byte| byte == first)) {
        if bytes[from + at..].starts_with(text) {
            return true;
        }
        from += at + 1;
    }
    false
}

/// Where a device had access to a log: after the first number, up to the second.
pub(crate) type Spans = Vec<(u64, u64)>;

/// Which device may read what.
pub(crate) struct Truth {
    spans: BTreeMap<(Id, usize), Spans>,
}

impl Truth {
    pub(crate) fn new(case: &Case) -> Self {
        let mut keys: BTreeMap<Id, &[u8]> = BTreeMap::new();
        for log in case.stores.iter().flat_map(|store| &store.logs) {
            keys.insert(log.log, &log.key);
        }
        let mut spans = BTreeMap::new();
        for (log, log_key) in keys {
            for store in &case.stores {
                if let Some(key) = AccessKey::of(log_key, &store.key) {
                    spans.insert((log, store.host), of_row(case, log, key.0));
                }
            }
        }
        // A leaver's word ends the leaver's other devices too, though their rows go later.
        for item in case.stores.iter().flat_map(|store| &store.items).filter(|item| item.change() == "Left") {
            for store in case.stores.iter().filter(|store| store.person == item.by) {
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
        Self { spans }
    }

    fn spans(&self, log: Id, host: usize) -> &[(u64, u64)] {
        self.spans.get(&(log, host)).map_or(&[], Vec::as_slice)
    }

    /// The span in which this device could read this entry.
    fn span(&self, log: Id, host: usize, number: u64) -> Option<(u64, u64)> {
        self.spans(log, host).iter().copied().find(|(from, to)| *from < number && number < *to)
    }

    fn is_in(&self, log: Id, host: usize) -> bool {
        self.spans(log, host).iter().any(|(_, to)| *to == u64::MAX)
    }
}

fn of_row(case: &Case, log: Id, key: [u8; 32]) -> Spans {
    let mut spans = Spans::new();
    let changes = case.server.entries.get(&log).into_iter().flatten();
    let changes: Vec<_> = changes.flat_map(|entry| entry.changes.iter().map(|change| (entry.number, change))).collect();
    let of_key: Vec<(u64, bool)> =
        changes.into_iter().filter(|(_, change)| change.0 == key).map(|(n, c)| (n, c.1)).collect();
    // The founder's row came with the log.
    let mut since = (case.server.founders.get(&log) == Some(&key)).then_some(0);
    for (number, sets) in of_key {
        match (sets, since) {
            (true, None) => since = Some(number),
            (false, Some(from)) => {
                spans.push((from, number));
                since = None;
            }
            _ => {}
        }
    }
    if let Some(from) = since {
        spans.push((from, u64::MAX));
    }
    spans
}

fn bodies(case: &Case) -> impl Iterator<Item = (&Said, &String)> {
    case.said.iter().filter_map(|said| match &said.act {
        Act::Text(text) | Act::Edit(_, text) => Some((said, text)),
        _ => None,
    })
}

/// The part of a text that is its own.
fn mark(text: &str) -> &str {
    text.rsplit_once('~').map_or(text, |(mark, _)| mark)
}

/// 1. The server is blind; and so is a thief of a device's files.
fn blind(case: &Case, found: &mut Found) {
    for text in bodies(case).map(|(_, text)| text).chain(&case.names) {
        for (name, _) in case.server.files.iter().filter(|(_, bytes)| contains(bytes, mark(text))) {
            found.push((0, format!("the server's {name} holds {text:?}")));
        }
        for store in case.stores.iter().filter(|store| contains(&store.raw, mark(text))) {
            found.push((store.host, format!("the encrypted store holds {text:?} in the clear")));
        }
    }
}

/// 2. Removed means out: no store holds what was said when its device had no access.
fn out(case: &Case, truth: &Truth, found: &mut Found) {
    for (said, text) in bodies(case) {
        let Some((log, number)) = said.entry.and_then(|entry| case.server.number_of(entry)) else { continue };
        for store in case.stores.iter().filter(|store| store.host != said.host) {
            if truth.span(log, store.host, number).is_none() && contains(&store.dump, mark(text)) {
                found.push((
                    store.host,
                    format!(
                        "it holds {text:?}, entry {number} of {}, of which it read {:?}",
                        short(&log),
                        truth.spans(log, store.host)
                    ),
                ));
            }
        }
    }
}

/// 3. Nothing acknowledged is lost, nothing is shown twice.
fn kept(case: &Case, truth: &Truth, found: &mut Found) {
    let by_entry: BTreeMap<usize, BTreeMap<Id, &Item>> =
        case.stores.iter().map(|s| (s.host, s.items.iter().map(|item| (item.entry, item)).collect())).collect();
    for (said, text) in bodies(case) {
        let is_text = matches!(said.act, Act::Text(_));
        for store in &case.stores {
            let times = store.items.iter().filter(|item| item.kind == 1 && item.text == *text).count();
            if times > 1 {
                found.push((store.host, format!("it shows {text:?} {times} times")));
            }
        }
        let (Some(entry), Some(_)) = (said.entry, said.accepted_ms) else { continue };
        let Some(author) = case.stores.iter().find(|store| store.host == said.host) else { continue };
        let Some((log, number)) = case.server.number_of(entry) else {
            let waits = author.intents.iter().any(|intent| intent.entry == entry.0);
            let withdrawn = case.said.iter().any(|other| other.host == said.host && other.act == Act::Delete(entry));
            if !waits && !withdrawn && !said.undone {
                found.push((said.host, format!("{text:?} was accepted, and is neither in the log nor in the outbox")));
            }
            continue;
        };
        for store in case.stores.iter().filter(|store| is_text && !store.revoked) {
            let Some(span) = truth.span(log, store.host, number) else { continue };
            // Who joined this log after the copy was made has forgotten it.
            let known = store.logs.iter().any(|known| known.log == log);
            if store.copied && !known {
                continue;
            }
            match by_entry[&store.host].get(&entry.0) {
                Some(item) if item.kind == UNREADABLE && store.copied => {}
                Some(item) if item.kind == 1 => {}
                Some(_) => {
                    found.push((store.host, format!("it can't read {text:?}, entry {number} of {}", short(&log))))
                }
                None if store.copied && span.1 != u64::MAX => {}
                None if case.fleeting.contains(&log) || case.fleeting.contains(&said.conversation.0) => {}
                None => found.push((
                    store.host,
                    format!(
                        "it does not show {text:?}, entry {number} of {}, read from {} to {}",
                        short(&log),
                        span.0,
                        span.1
                    ),
                )),
            }
        }
    }
}

/// An entry, and the stretches of its log that somebody read.
type Place = (Id, Vec<(u64, u64)>);

/// 4. All honest members converge.
fn alike(case: &Case, truth: &Truth, found: &mut Found) {
    let mut summaries: BTreeMap<Id, (usize, &str)> = BTreeMap::new();
    let mut shown: BTreeMap<Place, (usize, &Item)> = BTreeMap::new();
    for store in case.stores.iter().filter(|store| !store.revoked) {
        for log in store.logs.iter().filter(|log| log.state == ACTIVE) {
            let (first, summary) = summaries.entry(log.log).or_insert((store.host, &log.summary));
            if *summary != log.summary {
                let what = format!(
                    "its members or settings of {} differ from {first}'s: {} / {summary}",
                    short(&log.log),
                    log.summary
                );
                found.push((store.host, what));
            }
        }
        let mut last: BTreeMap<Id, u64> = BTreeMap::new();
        for item in &store.items {
            let change = item.change();
            if LOCAL.contains(&change.as_str()) {
                continue;
            }
            let before = last.insert(item.log, item.number).unwrap_or(0);
            if before > item.number {
                found.push((
                    store.host,
                    format!("entry {} of {} is shown after {before}", item.number, short(&item.log)),
                ));
            }
            if item.kind == UNREADABLE {
                if !store.copied {
                    found.push((store.host, format!("entry {} of {} is unreadable", item.number, short(&item.log))));
                }
                continue;
            }
            // What was done to it later is seen by those who had access to the same of what follows.
            let later: Vec<_> =
                truth.spans(item.log, store.host).iter().copied().filter(|span| span.1 > item.number).collect();
            let later = later.into_iter().map(|span| (span.0.max(item.number), span.1)).collect();
            let key = (item.entry, later);
            let (first, other) = shown.entry(key).or_insert((store.host, item));
            if *other != item && !(store.copied || case.stores.iter().any(|s| s.host == *first && s.copied)) {
                found.push((
                    store.host,
                    format!(
                        "entry {} of {} differs from {first}'s: {item:?} / {other:?}",
                        item.number,
                        short(&item.log)
                    ),
                ));
            }
        }
    }
}

/// 5. What was asked for is carried out, and everybody is where they belong.
fn carried_out(case: &Case, truth: &Truth, found: &mut Found) {
    let without_device = |person: &Id| !case.server.devices.values().any(|(of, revoked)| of == person && !revoked);
    for store in case.stores.iter().filter(|store| !store.revoked) {
        let lines: BTreeSet<&str> =
            store.logs.iter().filter(|log| log.state == ACTIVE).map(|log| log.summary.as_str()).collect();
        for intent in store.intents.iter().filter(|intent| intent.refused.is_none()) {
            let adds_nobody = case.server.devices.values().any(|(person, _)| without_device(person))
                && intent.body.contains("\"Add\"");
            if !adds_nobody {
                let states: Vec<&str> =
                    store.logs.iter().filter(|log| log.conversation == intent.conversation).map(state).collect();
                let body: String = intent.body.chars().take(40).collect();
                found.push((store.host, format!("an intent waits for ever, in a log that is {states:?}: {body}")));
            }
        }
        let _ = lines;
        for log in &store.logs {
            place(case, truth, store, log, found);
        }
        for (log, _) in case.server.logs.iter().filter(|(log, _)| truth.is_in(**log, store.host)) {
            if !store.copied && !store.logs.iter().any(|known| known.log == *log) {
                found.push((store.host, format!("it is a member of {}, and does not know", short(log))));
            }
        }
        for item in &store.items {
            let change = item.change();
            if matches!(change.as_str(), "Fork" | "Gap") || change == "LostSecrets" && !store.copied {
                found.push((
                    store.host,
                    format!("it shows {change} at {} of {} without cause", item.number, short(&item.log)),
                ));
            }
        }
    }
}

fn state(log: &Log) -> &'static str {
    STATES.get(log.state as usize).copied().unwrap_or("?")
}

fn place(case: &Case, truth: &Truth, store: &Store, log: &Log, found: &mut Found) {
    let name = short(&log.log);
    let Some(head) = case.server.logs.get(&log.log) else {
        found.push((store.host, format!("the server does not know {name}, which is {}", state(log))));
        return;
    };
    let is_in = truth.is_in(log.log, store.host);
    match (is_in, log.state) {
        (true, ACTIVE) if log.number != head.last || log.hash != head.hash => {
            found.push((store.host, format!("it read {name} up to {} of {}", log.number, head.last)));
        }
        (true, ACTIVE) => {}
        (true, _) => found.push((store.host, format!("it has access to {name}, and believes to be {}", state(log)))),
        // Removed, or left.
        (false, 4 | 6) => {}
        (false, _) => {
            found.push((store.host, format!("it has no access to {name}, and believes to be {}", state(log))))
        }
    }
    if case
        .server
        .entries
        .get(&log.log)
        .is_some_and(|entries| entries.iter().enumerate().any(|(n, e)| e.number != n as u64 + 1))
    {
        found.push((0, format!("the numbers of {name} are not contiguous")));
    }
    let _ = MESSAGE;
}

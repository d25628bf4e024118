//! The promises of DESIGN section 2, looked for in a [`Case`].
//!
//! Who may read what is [`super::truth`]'s; what is let pass, [`super::excuse`]'s.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::HEXLOWER;
use pli_core::model::ItemId;
use pli_core::store::outbox::Intent;

use super::book::{Act, Said};
use super::excuse;
use super::truth::Truth;
use super::view::{CHANGE, Case, Id, Item, Log, Store, UNREADABLE};

/// Values of `pli_core::store::logs::LogState`.
const ACTIVE: i64 = 2;
const STATES: [&str; 10] =
    ["Founding", "Joining", "Active", "Broken", "Removed", "AccessLost", "Left", "Stopped", "Behind", "Diverged"];
/// Changes that a device notes for itself alone.
const LOCAL: [&str; 6] = ["Founded", "Joined", "LostSecrets", "Gap", "Fork", "PutBack"];

type Found = Vec<(usize, String)>;

/// Every promise that is broken, with the host that shows it.
pub(crate) fn check(case: &Case) -> Found {
    let truth = Truth::new(case);
    let mut found = Vec::new();
    blind(case, &mut found);
    sealed_once(case, &mut found);
    out(case, &truth, &mut found);
    kept(case, &truth, &mut found);
    alike(case, &truth, &mut found);
    carried_out(case, &truth, &mut found);
    found
}

fn short(id: &[u8]) -> String {
    HEXLOWER.encode(id.get(..4).unwrap_or(id))
}

/// The marks of the texts in some bytes: of each text the part that is its own, `~host~number~`.
fn marks(bytes: &[u8]) -> BTreeSet<&[u8]> {
    let is_mark = |mark: &&[u8]| {
        let shape = |(byte, shape): (&u8, &u8)| if *shape == b'0' { byte.is_ascii_digit() } else { byte == shape };
        mark.iter().zip(b"~0~00000~").all(shape)
    };
    bytes.windows(9).filter(is_mark).collect()
}

fn bodies(case: &Case) -> impl Iterator<Item = (&Said, &String)> {
    case.said.iter().filter_map(|said| match &said.act {
        Act::Text(text) | Act::Edit(_, text) => Some((said, text)),
        _ => None,
    })
}

/// 1. The server is blind; and so is a thief of a device's files.
fn blind(case: &Case, found: &mut Found) {
    let of_server = case.server.files.iter().map(|(name, bytes)| (0, format!("the server's {name}"), bytes));
    let of_devices = case.stores.iter().map(|store| (store.host, "the encrypted store".into(), &store.raw));
    for (host, what, bytes) in of_server.chain(of_devices) {
        let seen = marks(bytes);
        for text in bodies(case).map(|(_, text)| text).chain(&case.names).filter(|text| holds(&seen, text)) {
            found.push((host, format!("{what} holds {text:?} in the clear")));
        }
    }
}

/// 1. Nothing is sealed twice under the same random bytes: whoever has both could take the seal off.
fn sealed_once(case: &Case, found: &mut Found) {
    for (log, entries) in &case.server.entries {
        let mut seen = BTreeSet::new();
        for entry in entries {
            if entry.salt.is_some_and(|salt| !seen.insert(salt)) {
                let what = format!("entry {} of {} is sealed as one before it was", entry.number, short(log));
                found.push((0, what));
            }
        }
    }
}

fn holds(seen: &BTreeSet<&[u8]>, text: &str) -> bool {
    marks(text.as_bytes()).iter().any(|mark| seen.contains(mark))
}

/// 2. Removed means out: no store holds what was said when its device had no access.
fn out(case: &Case, truth: &Truth, found: &mut Found) {
    for store in &case.stores {
        let seen = marks(&store.dump);
        for (said, text) in bodies(case).filter(|(said, text)| said.host != store.host && holds(&seen, text)) {
            let mut places = said.entry.into_iter().flat_map(|entry| case.server.places_of(entry)).peekable();
            let Some((log, number)) = places.peek().copied() else { continue };
            if !places.any(|(log, number)| truth.span(log, store.host, number).is_some()) {
                let spans = truth.spans(log, store.host);
                let what = format!("it holds {text:?}, entry {number} of {}, of which it read {spans:?}", short(&log));
                found.push((store.host, what));
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
        let Some(author) = case.stores.iter().find(|store| store.host == said.host) else {
            found.push((said.host, "its store is gone".into()));
            continue;
        };
        let Some((log, number)) = case.server.number_of(entry) else {
            let waits = author.intents.iter().any(|intent| intent.entry == entry.0);
            let mut deeds = case.said.iter().filter(|other| other.host == said.host && !other.undone);
            // What is taken back takes with it what was to be done to it.
            let target = if let Act::Edit(target, _) = said.act { target } else { entry };
            let withdrawn = deeds.any(|other| [entry, target].map(Act::Delete).contains(&other.act));
            if !waits && !withdrawn && !said.undone {
                found.push((said.host, format!("{text:?} was accepted, and is neither in the log nor in the outbox")));
            }
            continue;
        };
        // Nobody owes a revoked device anything.
        for store in case.stores.iter().filter(|store| is_text && !store.revoked) {
            let mut spans = truth.read(log, store.host).iter();
            let Some(span) = spans.find(|(from, to)| *from < number && number < *to) else { continue };
            match by_entry[&store.host].get(&entry.0) {
                Some(item) if item.kind == UNREADABLE && excuse::had_no_secrets(case, truth, store, log, number) => {}
                Some(item) if item.kind == 1 => {
                    if let Some(wrong) = worded_otherwise(case, truth, store, item, text) {
                        found.push((store.host, wrong));
                    }
                }
                Some(_) => {
                    found.push((store.host, format!("it can't read {text:?}, entry {number} of {}", short(&log))))
                }
                // Its time may be over.
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

/// A text that is not as it was said, or as it was last edited.
fn worded_otherwise(case: &Case, truth: &Truth, store: &Store, item: &Item, text: &str) -> Option<String> {
    let edit = |said: &'_ Said| match &said.act {
        Act::Edit(target, text) if target.0 == item.entry => Some((case.server.number_of(said.entry?)?, text.clone())),
        _ => None,
    };
    let mut edits: Vec<((Id, u64), String)> = case.said.iter().filter_map(edit).collect();
    // Of a pair's two logs the lower counts for more, and in it the later.
    edits.sort_by_key(|((log, number), _)| (std::cmp::Reverse(*log), *number));
    let read = |((log, number), _): &&((Id, u64), String)| {
        truth.read(*log, store.host).iter().any(|(from, to)| from < number && number < to)
    };
    let last = edits.iter().rfind(read).map_or(text, |(_, text)| text);
    // An edit whose call did not return may have been sent.
    let mut edits = case.said.iter().filter(|said| said.entry.is_none());
    let untold = edits.any(|said| said.act == Act::Edit(ItemId(item.entry), item.text.clone()));
    let excused = item.deleted || untold || excuse::may_have_missed_a_change(store, item);
    (item.text != last && !excused)
        .then(|| format!("it shows {:?} for {text:?}, which was last edited to {last:?}", item.text))
}

/// An item's entry and id, and the stretches of its conversation's logs that somebody read.
type Place = ((Id, u64), Id, Vec<(Id, u64, u64)>);

/// 4. All honest members converge.
fn alike(case: &Case, truth: &Truth, found: &mut Found) {
    let mut summaries: BTreeMap<Id, (usize, &str)> = BTreeMap::new();
    let mut shown: BTreeMap<Place, (usize, Item)> = BTreeMap::new();
    let logs = case.stores.iter().flat_map(|store| &store.logs);
    let conversations: BTreeMap<Id, Id> = logs.map(|log| (log.log, log.conversation)).collect();
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
        let mut changes: BTreeMap<(Id, u64), u128> = BTreeMap::new();
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
                let excused = excuse::had_no_secrets(case, truth, store, item.log, item.number)
                    || excuse::is_lie(case, item.log, item.number);
                if !excused {
                    found.push((store.host, format!("entry {} of {} is unreadable", item.number, short(&item.log))));
                }
                continue;
            }
            if excuse::may_have_missed_a_change(store, item) {
                continue;
            }
            // What was done to it later, in whichever log of its conversation, is seen by those who read the same of them.
            let conversation = conversations.get(&item.log);
            let logs = conversations.iter().filter(|(_, other)| Some(*other) == conversation).map(|(log, _)| *log);
            let later = logs.flat_map(|log| {
                let from = if log == item.log { item.number } else { 0 };
                let spans = truth.read(log, store.host).iter().filter(move |span| span.1 > from);
                spans.map(move |span| (log, span.0.max(from), span.1))
            });
            let (entry, mut item) = ((item.log, item.number), item.clone());
            if item.kind == CHANGE {
                // Who asked for a change has another id for it than the others: it is known by its place.
                let place = changes.entry(entry).or_default();
                *place += 1;
                item.entry = place.to_be_bytes();
            }
            let key = (entry, item.entry, later.collect());
            let (first, other) = shown.entry(key).or_insert_with(|| (store.host, item.clone()));
            if *other != item {
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
    for store in case.stores.iter().filter(|store| !store.revoked) {
        for queued in store.intents.iter().filter(|queued| !queued.refused) {
            // Whoever is meant may get a device yet.
            if !adds_somebody_without_device(case, &queued.intent) {
                let states: Vec<&str> =
                    store.logs.iter().filter(|log| log.conversation == queued.conversation).map(state).collect();
                let body: String = format!("{:?}", queued.intent).chars().take(40).collect();
                found.push((store.host, format!("an intent waits for ever, in a log that is {states:?}: {body}")));
            }
        }
        for log in &store.logs {
            place(case, truth, store, log, found);
        }
        for (log, _) in case.server.logs.iter().filter(|(log, _)| truth.is_in(**log, store.host)) {
            let knows = store.logs.iter().any(|known| known.log == *log);
            if !knows && !excuse::is_stranded_now(case, truth, store, *log) {
                found.push((store.host, format!("it is a member of {}, and does not know", short(log))));
            }
        }
        for item in &store.items {
            let change = item.change();
            let lost = change == "LostSecrets"
                && !excuse::is_copy_at(case, store, item.log, item.number)
                && !excuse::is_lie(case, item.log, item.number);
            if lost || matches!(change.as_str(), "Fork" | "Gap" | "PutBack") {
                found.push((
                    store.host,
                    format!("it shows {change} at {} of {} without cause", item.number, short(&item.log)),
                ));
            }
        }
    }
}

fn adds_somebody_without_device(case: &Case, intent: &Intent) -> bool {
    let Intent::Add(people) = intent else { return false };
    let has_device = |person: &Id| case.server.devices.values().any(|(of, revoked)| of == person && !revoked);
    people.iter().any(|person| !has_device(&person.0))
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
        (true, 4 | 6) if excuse::is_stranded_now(case, truth, store, log.log) => {}
        (true, _) => found.push((store.host, format!("it has access to {name}, and believes to be {}", state(log)))),
        // Removed, or left.
        (false, 4 | 6) => {}
        (false, _) => {
            found.push((store.host, format!("it has no access to {name}, and believes to be {}", state(log))))
        }
    }
    let stays = truth.rank(log.log, store.host).filter(|_| !is_in);
    if stays.is_some_and(|rank| !excuse::nobody_cuts(case, truth, log.log, rank)) {
        found.push((store.host, format!("its row in {name} stays, though it is {}", state(log))));
    }
    let entries = case.server.entries.get(&log.log).map_or(&[][..], Vec::as_slice);
    if !entries.iter().map(|entry| entry.number).eq(1..=head.last) {
        found.push((0, format!("the numbers of {name} are not contiguous")));
    }
}

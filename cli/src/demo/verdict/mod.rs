//! The verdict: what was said against what was seen. Pure, so that tests can show that it turns red.

use std::collections::{BTreeMap, BTreeSet};

use pli_core::model::{ConversationId, ItemId};

/// A device of an official, by its number.
pub(crate) type Seat = usize;

/// Problems that are told in words; the numbers count all.
const TOLD: usize = 12;

/// A text whose sending a client accepted.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) id: ItemId,
    pub(crate) conversation: ConversationId,
    pub(crate) sender: Seat,
    /// What it said at first and after each edit, and who may know that.
    pub(crate) bodies: Vec<(String, BTreeSet<Seat>)>,
    /// Who must have it in the end, the sender too.
    pub(crate) entitled: BTreeSet<Seat>,
}

/// What one device shows in the end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    pub(crate) seat: Seat,
    /// The messages of each conversation, in order; without a body if it was deleted or could not be read.
    pub(crate) conversations: BTreeMap<ConversationId, Vec<(ItemId, Option<String>)>>,
}

/// What the verdict is reached from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) told: Vec<Told>,
    pub(crate) shown: Vec<Shown>,
    /// Who is in each conversation in the end.
    pub(crate) present: BTreeMap<ConversationId, BTreeSet<Seat>>,
    /// Texts that a screen showed twice at some moment.
    pub(crate) repeated: BTreeSet<(Seat, ItemId)>,
    /// What was found in plain where it should not be.
    pub(crate) found: Vec<String>,
}

/// How it went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) sent: usize,
    pub(crate) delivered: usize,
    pub(crate) lost: usize,
    pub(crate) duplicated: usize,
    pub(crate) diverged: usize,
    pub(crate) leaked: usize,
    /// In words, the first few.
    pub(crate) problems: Vec<String>,
}

impl Verdict {
    pub(crate) fn is_green(&self) -> bool {
        self.lost + self.duplicated + self.diverged + self.leaked == 0
    }

    fn problem(&mut self, words: impl FnOnce() -> String) {
        if self.problems.len() < TOLD {
            self.problems.push(words());
        }
    }
}

/// Reaches the verdict.
pub(crate) fn judge(facts: &Facts) -> Verdict {
    let mut verdict = Verdict { sent: facts.told.len(), ..Verdict::default() };
    deliveries(facts, &mut verdict);
    duplicates(facts, &mut verdict);
    divergences(facts, &mut verdict);
    leaks(facts, &mut verdict);
    verdict
}

fn deliveries(facts: &Facts, verdict: &mut Verdict) {
    for told in &facts.told {
        for seat in &told.entitled {
            let shown = facts.shown.iter().find(|shown| shown.seat == *seat);
            let is_shown = shown.is_some_and(|shown| shows(shown, told));
            if !is_shown {
                verdict.lost += 1;
                verdict.problem(|| format!("lost: device {seat} does not show {:?}", first_words(told)));
            } else if *seat != told.sender {
                verdict.delivered += 1;
            }
        }
    }
}

/// Whether a device shows a text where it was said, in one of its versions, or as deleted where that was asked.
fn shows(shown: &Shown, told: &Told) -> bool {
    let messages = shown.conversations.get(&told.conversation);
    messages.into_iter().flatten().any(|(id, body)| {
        let is_version = |body: &String| told.bodies.iter().any(|(version, _)| version == body);
        let is_deleted = told.bodies.last().is_some_and(|(last, _)| last.is_empty());
        *id == told.id && body.as_ref().map_or(is_deleted, is_version)
    })
}

fn duplicates(facts: &Facts, verdict: &mut Verdict) {
    for shown in &facts.shown {
        let all: Vec<_> = shown.conversations.values().flatten().collect();
        for told in &facts.told {
            let is_it = |(id, body): &&&(ItemId, Option<String>)| {
                let same = |body: &String| told.bodies.iter().any(|(version, _)| version == body);
                *id == told.id || body.as_ref().is_some_and(same)
            };
            let times = all.iter().filter(is_it).count();
            if times > 1 || facts.repeated.contains(&(shown.seat, told.id)) {
                verdict.duplicated += 1;
                verdict.problem(|| format!("twice: device {} shows {:?}", shown.seat, first_words(told)));
            }
        }
    }
}

/// What a device shows in one conversation of what was said.
type View<'a> = Vec<(ItemId, Option<&'a str>)>;

fn divergences(facts: &Facts, verdict: &mut Verdict) {
    let known: BTreeSet<ItemId> = facts.told.iter().map(|told| told.id).collect();
    let conversations: BTreeSet<ConversationId> = facts.told.iter().map(|told| told.conversation).collect();
    for conversation in conversations {
        let mut views: Vec<(Seat, View<'_>)> = Vec::new();
        for shown in &facts.shown {
            let Some(all) = shown.conversations.get(&conversation) else { continue };
            let said = all.iter().filter(|(id, _)| known.contains(id));
            views.push((shown.seat, said.map(|(id, body)| (*id, body.as_deref())).collect()));
        }
        let present = facts.present.get(&conversation);
        let is_present = |seat: &Seat| present.is_some_and(|present| present.contains(seat));
        let pairs =
            views.iter().enumerate().flat_map(|(index, one)| views.iter().skip(index + 1).map(move |b| (one, b)));
        let mut apart = pairs.filter_map(|((one, a), (other, b))| {
            let difference = difference(a, b, is_present(one) && is_present(other))?;
            Some(format!("diverged: devices {one} and {other} in {conversation}: {difference}"))
        });
        if let Some(words) = apart.next() {
            verdict.diverged += 1;
            verdict.problem(|| words);
        }
    }
}

/// Where two views first have what both have in another order; or say something else of it, if both must be up to date.
fn difference(a: &View<'_>, b: &View<'_>, are_present: bool) -> Option<String> {
    let (a, b) = (common(a, b), common(b, a));
    let apart = a.iter().zip(&b).find(|(x, y)| x.0 != y.0 || are_present && x.1 != y.1);
    match apart {
        Some((x, y)) => Some(format!("{:?} and {:?}", x.1, y.1)),
        None if a.len() != b.len() => Some("one more than once".into()),
        None => None,
    }
}

/// What `view` has of what `other` has too.
fn common<'a>(view: &View<'a>, other: &View<'_>) -> View<'a> {
    let ids: BTreeSet<ItemId> = other.iter().map(|(id, _)| *id).collect();
    view.iter().filter(|(id, _)| ids.contains(id)).copied().collect()
}

fn leaks(facts: &Facts, verdict: &mut Verdict) {
    let mut may_know: BTreeMap<&str, &BTreeSet<Seat>> = BTreeMap::new();
    for (body, who) in facts.told.iter().flat_map(|told| &told.bodies) {
        may_know.insert(body, who);
    }
    for shown in &facts.shown {
        for body in shown.conversations.values().flatten().filter_map(|(_, body)| body.as_deref()) {
            if may_know.get(body).is_some_and(|who| !who.contains(&shown.seat)) {
                verdict.leaked += 1;
                verdict.problem(|| format!("leaked: device {} shows {body:?}", shown.seat));
            }
        }
    }
    for place in &facts.found {
        verdict.leaked += 1;
        verdict.problem(|| format!("leaked: {place}"));
    }
}

fn first_words(told: &Told) -> String {
    told.bodies.first().map(|(body, _)| body.chars().take(40).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests;

//! The verdict: what was said against what was seen. Pure, so that tests can show that it turns red.

use std::collections::{BTreeMap, BTreeSet};

use pli_core::model::{ConversationId, EntryId};

/// A device of an official, by its number.
pub(crate) type Seat = usize;

/// Problems that are told in words; the numbers count all.
const TOLD: usize = 12;

/// A text whose sending a client accepted.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) id: EntryId,
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
    pub(crate) conversations: BTreeMap<ConversationId, Vec<(EntryId, Option<String>)>>,
}

/// What the verdict is reached from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) told: Vec<Told>,
    pub(crate) shown: Vec<Shown>,
    /// Who is in each conversation in the end.
    pub(crate) present: BTreeMap<ConversationId, BTreeSet<Seat>>,
    /// Texts that a screen showed twice at some moment.
    pub(crate) repeated: BTreeSet<(Seat, EntryId)>,
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
            let is_it = |(id, body): &&&(EntryId, Option<String>)| {
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
type View<'a> = Vec<(EntryId, Option<&'a str>)>;

fn divergences(facts: &Facts, verdict: &mut Verdict) {
    let known: BTreeSet<EntryId> = facts.told.iter().map(|told| told.id).collect();
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
        let pairs = views.iter().enumerate().flat_map(|(index, one)| views.iter().skip(index + 1).map(move |b| (one, b)));
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
    let ids: BTreeSet<EntryId> = other.iter().map(|(id, _)| *id).collect();
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
mod tests {
    use super::*;

    const PLACE: ConversationId = ConversationId([9; 16]);

    fn told(n: u8, sender: Seat, entitled: &[Seat]) -> Told {
        let entitled: BTreeSet<Seat> = entitled.iter().copied().collect();
        let bodies = vec![(format!("text {n}"), entitled.clone())];
        Told { id: EntryId([n; 16]), conversation: PLACE, sender, bodies, entitled }
    }

    fn shown(seat: Seat, texts: &[u8]) -> Shown {
        let messages = texts.iter().map(|n| (EntryId([*n; 16]), Some(format!("text {n}")))).collect();
        Shown { seat, conversations: BTreeMap::from([(PLACE, messages)]) }
    }

    /// Three talk; the third is removed before the third text.
    fn well() -> Facts {
        Facts {
            told: vec![told(1, 0, &[0, 1, 2]), told(2, 1, &[0, 1, 2]), told(3, 0, &[0, 1])],
            shown: vec![shown(0, &[1, 2, 3]), shown(1, &[1, 2, 3]), shown(2, &[1, 2])],
            present: BTreeMap::from([(PLACE, BTreeSet::from([0, 1]))]),
            ..Facts::default()
        }
    }

    fn counts(facts: &Facts) -> [usize; 4] {
        let verdict = judge(facts);
        let counts = [verdict.lost, verdict.duplicated, verdict.diverged, verdict.leaked];
        assert_eq!(verdict.is_green(), counts == [0; 4]);
        assert_eq!(verdict.problems.is_empty(), verdict.is_green(), "a red verdict says why");
        counts
    }

    #[test]
    fn all_is_well() {
        let verdict = judge(&well());
        assert!(verdict.is_green());
        assert_eq!((verdict.sent, verdict.delivered), (3, 5));
    }

    #[test]
    fn a_text_that_is_missing_is_lost() {
        let mut facts = well();
        facts.shown[1] = shown(1, &[1, 3]);
        assert_eq!(counts(&facts), [1, 0, 0, 0]);
        facts.shown.remove(1);
        assert_eq!(counts(&facts), [3, 0, 0, 0], "a device that shows nothing lost all");
    }

    #[test]
    fn a_text_that_can_t_be_read_is_lost() {
        let mut facts = well();
        facts.shown[1].conversations.get_mut(&PLACE).unwrap()[1].1 = None;
        assert_eq!(counts(&facts)[0], 1);
        facts.shown[1].conversations.get_mut(&PLACE).unwrap()[1].1 = Some("garbled".into());
        assert_eq!(counts(&facts)[0], 1);
    }

    #[test]
    fn a_senders_own_text_must_be_there() {
        let mut facts = well();
        facts.shown[0] = shown(0, &[1, 2]);
        assert_eq!(counts(&facts), [1, 0, 0, 0]);
    }

    #[test]
    fn a_text_that_is_shown_twice_is_a_duplicate() {
        let mut facts = well();
        facts.shown[0] = shown(0, &[1, 2, 3, 3]);
        assert_eq!(counts(&facts)[1], 1);
        let mut facts = well();
        let again = (EntryId([77; 16]), Some("text 2".to_owned()));
        facts.shown[0].conversations.get_mut(&PLACE).unwrap().push(again);
        assert_eq!(counts(&facts)[1], 1, "under another id too");
        let mut facts = well();
        facts.repeated.insert((1, EntryId([2; 16])));
        assert_eq!(counts(&facts), [0, 1, 0, 0], "if only for a moment");
    }

    #[test]
    fn another_order_is_a_divergence() {
        let mut facts = well();
        facts.shown[1] = shown(1, &[2, 1, 3]);
        assert_eq!(counts(&facts), [0, 0, 1, 0]);
    }

    #[test]
    fn another_version_is_a_divergence_among_those_who_are_there() {
        let mut facts = well();
        facts.told[1].bodies.push(("text 2, edited".into(), BTreeSet::from([0, 1])));
        let edited = Some("text 2, edited".to_owned());
        facts.shown[0].conversations.get_mut(&PLACE).unwrap()[1].1.clone_from(&edited);
        assert_eq!(counts(&facts), [0, 0, 1, 0]);
        facts.shown[1].conversations.get_mut(&PLACE).unwrap()[1].1 = edited;
        assert_eq!(counts(&facts), [0; 4], "who was removed has the old one");
    }

    #[test]
    fn a_text_that_another_sees_is_a_leak() {
        let mut facts = well();
        facts.shown[2] = shown(2, &[1, 2, 3]);
        assert_eq!(counts(&facts), [0, 0, 0, 1]);
        let mut facts = well();
        facts.shown.push(shown(3, &[1]));
        assert_eq!(counts(&facts)[3], 1, "a stranger");
        let mut facts = well();
        facts.found.push("text 1 in pli.db".into());
        assert_eq!(counts(&facts), [0, 0, 0, 1]);
    }

    #[test]
    fn an_edit_is_secret_from_who_was_removed() {
        let mut facts = well();
        facts.told[1].bodies.push(("text 2, edited".into(), BTreeSet::from([0, 1])));
        for shown in &mut facts.shown {
            shown.conversations.get_mut(&PLACE).unwrap()[1].1 = Some("text 2, edited".into());
        }
        assert_eq!(counts(&facts), [0, 0, 0, 1]);
    }

    #[test]
    fn what_was_deleted_counts_as_delivered_only_if_that_was_asked() {
        let mut facts = well();
        for shown in &mut facts.shown {
            shown.conversations.get_mut(&PLACE).unwrap()[0].1 = None;
        }
        assert_eq!(counts(&facts)[0], 3);
        facts.told[0].bodies.push((String::new(), BTreeSet::new()));
        assert_eq!(counts(&facts), [0; 4]);
    }
}

//! Doctored observations: each kind of harm turns the verdict red.

use super::*;

const PLACE: ConversationId = ConversationId([9; 16]);

fn told(n: u8, sender: Seat, entitled: &[Seat]) -> Told {
    let entitled: BTreeSet<Seat> = entitled.iter().copied().collect();
    let bodies = vec![(format!("text {n}"), entitled.clone())];
    Told { id: ItemId([n; 16]), conversation: PLACE, sender, bodies, entitled }
}

fn shown(seat: Seat, texts: &[u8]) -> Shown {
    let messages = texts.iter().map(|n| (ItemId([*n; 16]), Some(format!("text {n}")))).collect();
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
    let again = (ItemId([77; 16]), Some("text 2".to_owned()));
    facts.shown[0].conversations.get_mut(&PLACE).unwrap().push(again);
    assert_eq!(counts(&facts)[1], 1, "under another id too");
    let mut facts = well();
    facts.repeated.insert((1, ItemId([2; 16])));
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

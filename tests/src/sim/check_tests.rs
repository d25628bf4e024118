//! The checks bite: a sound case passes, and each broken promise is told.

use pli_core::model::{ConversationId, ItemId, PersonId};
use pli_core::store::outbox::Intent;
use pli_proto::row::AccessKey;
use pli_proto::rows::rank;

use super::book::{Act, Book, Copied, Said};
use super::check::check;
use super::view::{COMMIT, Case, Entry, Head, Id, Item, Log, MESSAGE, Queued, Store};

const LOG: Id = [7; 16];
const KEY: [u8; 32] = [9; 32];
const TEXT: &str = "text~1~00001~ l’eau monte";

/// Two devices in one log: the first founded it, added the second, and said something, which both show.
fn sound() -> Case {
    let devices = [1, 2].map(|host| pli_kernel::crypto::DeviceKey::from_seed(&[host; 32]).public());
    let rows = devices.map(|key| AccessKey::of(&KEY, &key).unwrap().0);
    let entry = |number: u64, kind, changes| Entry {
        number,
        digest: [number as u8; 32],
        salt: Some([number as u8; 32]),
        message: (kind == MESSAGE).then_some([number as u8; 16]),
        kind,
        received_ms: 0,
        changes,
    };
    let mut case = Case::default();
    case.server.founders.insert(LOG, rows[0]);
    case.server.rows.insert(LOG, [(AccessKey(rows[0]), rank::OWNER), (AccessKey(rows[1]), rank::MEMBER)].into());
    case.server.entries.insert(LOG, vec![entry(1, COMMIT, vec![(rows[1], true)]), entry(2, MESSAGE, Vec::new())]);
    case.server.logs.insert(LOG, Head { last: 2, hash: vec![2] });
    for (host, key) in devices.into_iter().enumerate() {
        case.server.devices.insert(key, ([host as u8; 16], false));
        let log = Log { log: LOG, state: 2, key: KEY.to_vec(), number: 2, hash: vec![2], ..Log::default() };
        let item = Item { log: LOG, number: 2, entry: [2; 16], kind: 1, text: TEXT.into(), ..Item::default() };
        let (dump, person) = (TEXT.as_bytes().to_vec(), [host as u8; 16]);
        let (logs, items) = (vec![log], vec![item]);
        case.stores.push(Store { host: host + 1, person, key, logs, items, dump, ..Store::default() });
    }
    case.said.push(Said {
        host: 1,
        conversation: ConversationId(LOG),
        act: Act::Text(TEXT.into()),
        asked_ms: 1,
        entry: Some(ItemId([2; 16])),
        accepted_ms: Some(1),
        undone: false,
    });
    case
}

/// What is told when `break_it` was done to a sound case.
fn told(break_it: impl FnOnce(&mut Case)) -> String {
    let mut case = sound();
    break_it(&mut case);
    check(&case).into_iter().map(|(host, what)| format!("{host}: {what}\n")).collect()
}

fn tells(words: &str, break_it: impl FnOnce(&mut Case)) {
    let told = told(break_it);
    assert!(told.contains(words), "{words:?} is not in {told:?}");
}

#[test]
fn a_sound_case_passes() {
    assert_eq!(told(|_| {}), "");
}

#[test]
fn a_lost_text_is_told() {
    tells("2: it does not show", |case| case.stores[1].items.clear());
    tells("2: it does not show", Case::doctor_last);
    tells("neither in the log nor in the outbox", |case| {
        case.server.entries.get_mut(&LOG).unwrap().pop();
    });
}

#[test]
fn a_text_shown_twice_is_told() {
    tells("2: it shows", |case| {
        let again = Item { entry: [3; 16], ..case.stores[1].items[0].clone() };
        case.stores[1].items.push(again);
    });
}

#[test]
fn an_unreadable_text_is_told() {
    tells("2: it can't read", |case| case.stores[1].items[0].kind = 4);
}

#[test]
fn a_text_that_is_not_as_it_was_said_is_told() {
    let other = |case: &mut Case| case.stores.iter_mut().for_each(|store| store.items[0].text = "text~1~00009~".into());
    tells("1: it shows", other);
    // Unless it was edited.
    let edited = |case: &mut Case| {
        other(case);
        let entry = Some(ItemId([3; 16]));
        let act = Act::Edit(ItemId([2; 16]), "text~1~00009~".into());
        case.said.push(Said { act, entry, ..case.said[0].clone() });
        let entries = case.server.entries.get_mut(&LOG).unwrap();
        entries.push(Entry { number: 3, message: Some([3; 16]), salt: Some([3; 32]), ..entries[1].clone() });
        let head = Head { last: 3, ..case.server.logs[&LOG].clone() };
        case.server.logs.insert(LOG, head);
        case.stores.iter_mut().for_each(|store| store.logs[0].number = 3);
    };
    assert_eq!(told(edited), "");
    tells("2: it shows", |case| {
        edited(case);
        case.stores[1].items[0].text = TEXT.into();
    });
}

#[test]
fn a_text_that_was_taken_back_is_not_missed() {
    let taken_back = |undone| {
        move |case: &mut Case| {
            case.server.entries.get_mut(&LOG).unwrap().pop();
            case.server.logs.insert(LOG, Head { last: 1, hash: vec![2] });
            for store in &mut case.stores {
                store.items.clear();
                store.logs[0].number = 1;
            }
            let act = Act::Delete(ItemId([2; 16]));
            case.said.push(Said { act, entry: None, undone, ..case.said[0].clone() });
        }
    };
    assert_eq!(told(taken_back(false)), "");
    // With all that was to be done to it.
    let edited = |undone| {
        move |case: &mut Case| {
            let (act, entry) = (Act::Edit(ItemId([2; 16]), "text~1~00009~".into()), Some(ItemId([3; 16])));
            case.said.push(Said { act, entry, ..case.said[0].clone() });
            taken_back(undone)(case);
        }
    };
    assert_eq!(told(edited(false)), "");
    tells("\"text~1~00009~\" was accepted", edited(true));
    tells("neither in the log nor in the outbox", taken_back(true));
    tells("its store is gone", |case| drop(case.stores.remove(0)));
}

#[test]
fn what_differs_is_told() {
    tells("differs from 1's", |case| case.stores[1].items[0].text = "other".into());
    // Each device has an id of its own for a change.
    let renamed = |names: [&'static str; 2]| {
        move |case: &mut Case| {
            for (store, name) in case.stores.iter_mut().zip(names) {
                let (entry, text) = ([40 + store.host as u8; 16], format!("{{\"Name\":\"{name}\"}}"));
                store.items.push(Item { kind: 2, entry, text, ..store.items[0].clone() });
            }
        }
    };
    assert_eq!(told(renamed(["a", "a"])), "");
    tells("differs from 1's", renamed(["a", "b"]));
    tells("members or settings", |case| case.stores[1].logs[0].summary = "other".into());
    tells("is shown after", |case| {
        let later = Item { number: 3, entry: [4; 16], kind: 3, ..case.stores[1].items[0].clone() };
        case.stores[1].items.insert(0, later);
    });
}

#[test]
fn random_bytes_that_come_again_are_told() {
    tells("entry 2 of 07070707 is sealed as one before it was", |case| {
        case.server.entries.get_mut(&LOG).unwrap().iter_mut().for_each(|entry| entry.salt = Some([1; 32]));
    });
    assert_eq!(
        told(|case| case.server.entries.get_mut(&LOG).unwrap().iter_mut().for_each(|entry| entry.salt = None)),
        ""
    );
}

#[test]
fn a_text_after_the_removal_is_told() {
    let remove = |case: &mut Case| {
        let row = AccessKey::of(&KEY, &case.stores[1].key).unwrap().0;
        let entries = case.server.entries.get_mut(&LOG).unwrap();
        entries[0].changes.push((row, false));
        case.server.rows.get_mut(&LOG).unwrap().remove(&AccessKey(row));
        case.stores[1].logs[0].state = 4;
    };
    tells("2: it holds", remove);
    let clean = told(|case| {
        remove(case);
        case.stores[1].items.clear();
        case.stores[1].dump.clear();
    });
    assert_eq!(clean, "");
}

#[test]
fn a_server_that_sees_is_told() {
    tells("0: the server's pli.db holds", |case| {
        case.server.files.push(("pli.db".into(), format!("…{TEXT}…").into_bytes()));
    });
    tells("1: the encrypted store holds", |case| case.stores[0].raw = TEXT.as_bytes().to_vec());
}

#[test]
fn who_is_not_where_they_belong_is_told() {
    tells("believes to be Removed", |case| case.stores[1].logs[0].state = 4);
    tells("it read 07070707 up to 1 of 2", |case| case.stores[1].logs[0].number = 1);
    tells("does not know", |case| case.stores[1].logs.clear());
    tells("without cause", |case| {
        let gap = Item { kind: 2, text: "\"Gap\"".into(), entry: [5; 16], ..case.stores[0].items[0].clone() };
        case.stores[0].items.push(gap);
    });
}

#[test]
fn what_the_server_holds_is_told() {
    tells("are not contiguous", |case| {
        case.server.entries.get_mut(&LOG).unwrap()[1].number = 3;
    });
    tells("the server does not know", |case| drop(case.server.logs.remove(&LOG)));
    // The first device says that the second was removed: the row should have gone with it.
    let stays = |case: &mut Case| {
        let text = format!("{{\"Removed\":[{:?}]}}", case.stores[1].person);
        for store in &mut case.stores {
            let entry = [8; 16];
            store.items.push(Item { number: 2, kind: 2, text: text.clone(), entry, ..store.items[0].clone() });
        }
        case.stores[1].logs[0].state = 4;
    };
    tells("2: its row in 07070707 stays", stays);
    tells("2: it has no access to 07070707, and believes to be AccessLost", |case| {
        stays(case);
        case.stores[1].logs[0].state = 5;
    });
    // Unless nobody is left who could mend it.
    let excused = |break_it: &dyn Fn(&mut Case)| {
        let told = told(|case| {
            stays(case);
            break_it(case);
        });
        assert!(!told.contains("stays"), "{told}");
    };
    excused(&|case| case.stores[0].revoked = true);
    excused(&|case| {
        let rows = case.server.rows.get_mut(&LOG).unwrap();
        rows.values_mut().for_each(|rank| *rank = rank::MEMBER);
        rows.insert(AccessKey([5; 32]), rank::OWNER);
    });
    // An admin's, while an admin is there.
    tells("2: its row in 07070707 stays", |case| {
        stays(case);
        case.server.rows.get_mut(&LOG).unwrap().values_mut().for_each(|rank| *rank = rank::ADMIN);
    });
}

#[test]
fn an_intent_that_waits_for_ever_is_told() {
    let queued = |intent, refused| Queued { conversation: LOG, entry: [6; 16], intent, refused };
    tells("waits for ever", |case| case.stores[0].intents.push(queued(Intent::Leave, false)));
    assert_eq!(told(|case| case.stores[0].intents.push(queued(Intent::Leave, true))), "");
    // Who has no device can't be added yet.
    let adds = |person: Id| {
        move |case: &mut Case| case.stores[0].intents.push(queued(Intent::Add(vec![PersonId(person)]), false))
    };
    assert_eq!(told(adds([99; 16])), "");
    tells("waits for ever", adds([1; 16]));
}

#[test]
fn what_an_insider_or_a_copy_may_do_excuses_no_more() {
    let unreadable = |case: &mut Case| {
        let item = Item { number: 2, kind: 4, entry: [2; 16], ..case.stores[1].items[0].clone() };
        case.stores[1].items[0] = item;
    };
    let lost = |case: &mut Case, change: &str, number| {
        let (by, text) = (case.stores[1].person, format!("{change:?}"));
        let item =
            Item { number, kind: 2, text, by, entry: [30 + number as u8; 16], ..case.stores[0].items[0].clone() };
        let place = if number > 2 { case.stores[1].items.len() } else { 0 };
        case.stores[1].items.insert(place, item);
    };
    // An insider's commit took the secrets, and they came back.
    let excused = |case: &mut Case| {
        case.lies.insert([1; 32]);
        unreadable(case);
        lost(case, "LostSecrets", 1);
        lost(case, "Returned", 3);
    };
    assert_eq!(told(excused), "");
    tells("2: it can't read", |case| {
        excused(case);
        case.stores[1].items.pop();
    });
    tells("shows LostSecrets", |case| {
        excused(case);
        case.lies.clear();
    });
    tells("2: it can't read", |case| {
        unreadable(case);
        case.lies.insert([2; 32]);
    });

    // A copy of before its device was added, whose later life used the invitation.
    let copied = |made_ms, back_ms| {
        move |case: &mut Case| {
            case.stores[1].copies.push(Copied { made_ms, back_ms, replaced_ms: 600_001 });
            (case.stores[1].items, case.stores[1].logs) = Default::default();
        }
    };
    assert_eq!(told(copied(0, 1)), "");
    let late = |case: &mut Case| {
        case.server.entries.get_mut(&LOG).unwrap()[0].received_ms = 600_001;
        copied(0, 1)(case);
    };
    tells("does not know", late);
    tells("does not show", late);
    // A copy that entered has no excuse.
    tells("does not show", |case| {
        case.stores[1].copies.push(Copied { made_ms: 0, back_ms: 1, replaced_ms: 600_001 });
        case.stores[1].items.remove(0);
        lost(case, "Joined", 1);
    });
    tells("believes to be AccessLost", |case| {
        copied(0, 1)(case);
        case.stores[1].logs = case.stores[0].logs.clone();
        case.stores[1].logs[0].state = 5;
    });
    tells("differs from 1's", |case| {
        case.stores[1].copies.push(Copied { made_ms: 0, back_ms: 1, replaced_ms: 600_001 });
        lost(case, "Joined", 1);
        case.stores[1].items.last_mut().unwrap().text = "other".into();
    });
}

#[test]
fn what_a_copy_takes_back_is_what_came_after_it_was_made() {
    let mut book = Book::default();
    let says = |book: &mut Book, asked_ms, accepted_ms: Option<u64>| {
        let place = book.says(1, ConversationId(LOG), Act::Text(TEXT.into()), asked_ms);
        if let Some(accepted_ms) = accepted_ms {
            book.accepted(place, None, accepted_ms);
        }
    };
    // Of the second and the last the call did not return.
    for (asked_ms, accepted_ms) in [(5, Some(6)), (7, None), (9, Some(11)), (12, Some(13)), (14, None)] {
        says(&mut book, asked_ms, accepted_ms);
    }
    book.copied_back(1, 10, 20);
    assert_eq!(book.said.iter().map(|said| said.undone).collect::<Vec<_>>(), [false, false, true, true, true]);
}

impl Case {
    fn doctor_last(&mut self) {
        self.stores.reverse();
        self.doctor();
        self.stores.reverse();
    }
}

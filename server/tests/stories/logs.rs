//! Appending, reading, snapshots.

use pli_env::Env;
use pli_proto::refusal::Reason;
use pli_proto::row::AccessKey;
use pli_proto::rows::{self, rank};
use pli_proto::signed::{self, Method};
use pli_proto::{limits, pb};

use crate::common::*;

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_numbered_and_chained_from_the_logs_id() {
    let office = Office::open().await;
    let mut group = Group::found(&office, &office.hire("Anne").await).await;
    let (mut hash, mut sent) = (signed::hash_start(group.log.id), Vec::new());
    for number in 1..=5 {
        let entry = match number {
            2 => group.pen.commit(vec![]),
            _ => group.pen.message(format!("message {number}").as_bytes()),
        };
        let owner = group.owner_row();
        let taken = group.append(&owner, &entry).await.unwrap();
        hash = signed::hash_next(&hash, number, taken.received_ms, &signed::entry_digest(group.log.id, &entry));
        assert_eq!((taken.number, taken.hash.as_slice()), (number, hash.as_slice()));
        assert!(taken.received_ms.abs_diff(office.world.now_ms()) < 10_000);
        if number == 2 {
            group.pen.on(&taken);
        }
        sent.push(pb::Entry { number, hash: taken.hash, received_ms: taken.received_ms, ..entry });
    }
    let owner = group.owner_row();
    let page = group.read(&owner, 0).await.unwrap();
    assert!(page.caught_up && page.entries == sent);
    let rest = group.read(&owner, 3).await.unwrap();
    assert_eq!(numbers(&rest), [4, 5]);
    assert!(group.read(&owner, u64::MAX).await.unwrap().entries.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_made_once() {
    let office = Office::open().await;
    let (anne, bob) = (office.hire("Anne").await, office.hire("Bob").await);
    let (log, mut sealed) = (Log::new(&office), office.sealed(&anne).await);
    sealed.create(&log, &anne.row(&log)).await.unwrap();
    sealed.create(&log, &anne.row(&log)).await.unwrap();
    assert_eq!(reason(sealed.create(&log, &bob.row(&log)).await), Reason::IdTaken);
    assert_eq!(reason(sealed.create_with(&log, &anne.row(&log), b"another").await), Reason::IdTaken);
    assert_eq!(reason(sealed.create_with(&Log::new(&office), &anne.row(&log), b"").await), Reason::Invalid);
    assert_eq!(sealed.snapshot(&log, &anne.row(&log), 0).await.unwrap().sealed, b"founding snapshot");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_parent_is_refused_with_what_is_the_last_commit() {
    let office = Office::open().await;
    let mut group = Group::found(&office, &office.hire("Anne").await).await;
    let before = group.pen.clone();
    let taken = group.commit(vec![]).await;
    group.say(b"not a parent").await;
    let owner = group.owner_row();
    for entry in [before.commit(vec![]), before.message(b"late")] {
        let refused = refusal(group.append(&owner, &entry).await);
        assert_eq!(refused.reason(), Reason::Stale);
        assert_eq!((refused.last_commit, refused.last_commit_hash), (taken.number, taken.hash.clone()));
    }
    let forked = Pen { parent: taken.number, parent_hash: vec![1; 32] };
    assert_eq!(reason(group.append(&owner, &forked.message(b"fork")).await), Reason::Stale);
    let message = Pen { parent: 2, ..group.pen.clone() };
    assert_eq!(reason(group.append(&owner, &message.message(b"on a message")).await), Reason::Stale);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_commits_on_one_parent_one_is_taken() {
    let office = Office::open().await;
    let mut group = Group::found(&office, &office.hire("Anne").await).await;
    let bob = group.add(rank::ADMIN).await;
    let (one, other) = (group.pen.commit(vec![]), group.pen.commit(vec![]));
    let (log, owner) = (group.log.clone(), group.owner_row());
    let (mut a, mut b) = (group.sealed.clone(), group.sealed.clone());
    let (a, b) = tokio::join!(a.append(&log, &owner, &one), b.append(&log, &bob, &other));
    let (taken, refused) = if a.is_ok() { (a, b) } else { (b, a) };
    let (taken, refused) = (taken.unwrap(), refusal(refused));
    assert_eq!(refused.reason(), Reason::Stale);
    assert_eq!((refused.last_commit, refused.last_commit_hash), (taken.number, taken.hash));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_entry_again_gets_the_first_answer_whatever_happened_since() {
    let office = Office::open().await;
    let mut group = Group::found(&office, &office.hire("Anne").await).await;
    let bob = group.add(rank::MEMBER).await;
    let said = group.pen.message(b"hello");
    let left = group.pen.entry(pb::EntryKind::Message, b"goodbye", vec![cut(&bob)]);
    let first = group.append(&bob, &said).await.unwrap();
    let last = group.append(&bob, &left).await.unwrap();
    group.commit(vec![]).await;
    // The parent is stale, and the row is gone.
    assert_eq!(group.append(&bob, &said).await.unwrap(), first);
    assert_eq!(group.append(&bob, &left).await.unwrap(), last);
    // The same bytes by another row are the same entry: nobody is its author.
    let owner = group.owner_row();
    assert_eq!(group.append(&owner, &said).await.unwrap(), first);
    assert_eq!(numbers(&group.read(&owner, 0).await.unwrap()), [1, 2, 3, 4]);
    // Other bytes, or the same on another parent, are another entry.
    assert_eq!(reason(group.append(&owner, &pb::Entry { sealed: fill(16), ..said }).await), Reason::Stale);
    assert_eq!(group.say(b"hello").await.number, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_cannot_tell_an_absent_log_from_one_that_is_there() {
    let office = Office::open().await;
    let mut group = Group::found(&office, &office.hire("Anne").await).await;
    let said = group.pen.message(b"hello");
    let owner = group.owner_row();
    group.append(&owner, &said).await.unwrap();
    let stranger = group.stranger();
    let absent = Log::new(&office);
    let mut answers = Vec::new();
    for log in [group.log.clone(), absent] {
        let sealed = &mut group.sealed;
        let pen = Pen::new(&log);
        let mut answer = vec![
            sealed.append(&log, &stranger, &said).await.map(drop),
            sealed.append(&log, &stranger, &pen.commit(vec![])).await.map(drop),
            sealed.append(&log, &stranger, &pb::Entry { sealed: b"x".to_vec(), ..said.clone() }).await.map(drop),
            sealed.read(&log, &stranger, 0).await.map(drop),
            sealed.put_snapshot(&log, &stranger, 0, b"x").await,
            sealed.put_snapshot(&log, &stranger, 9, b"x").await,
            sealed.snapshot(&log, &stranger, 9).await.map(drop),
        ];
        let (requests, mut stream) = sealed.subscribe().await.unwrap();
        requests.send(sealed.subscribe_request(&log, &stranger, 0)).await.unwrap();
        let page = soon(stream.message()).await.unwrap().unwrap();
        let refusal = <pb::Refusal as prost::Message>::decode(page.refusal.as_slice()).unwrap();
        answer.push(Err(refusal.into_status("no such row")));
        let told: Vec<_> = answer
            .into_iter()
            .map(|result| {
                let status = result.unwrap_err();
                (status.code(), status.message().to_owned(), refusal_of(&status))
            })
            .collect();
        answers.push(told);
    }
    assert_eq!(answers[0], answers[1]);
    assert!(answers[0].iter().all(|(_, _, reason)| *reason == Reason::NoAccess));
}

fn refusal_of(status: &tonic::Status) -> Reason {
    pb::Refusal::of(status).unwrap().reason()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_signed_by_its_row_for_its_method_log_server_and_time() {
    let office = Office::open().await;
    let group = Group::found(&office, &office.hire("Anne").await).await;
    let owner = group.owner_row();
    let entry = group.pen.message(b"hello");
    let sealed = &group.sealed;
    let good = sealed.sign(group.log.id, &owner, Method::Append, &entry);
    let other_server = SealedClient { root: [3; 32], ..sealed.clone() };
    let forged = [
        pb::LogRequest { signature: vec![0; 64], ..good.clone() },
        pb::LogRequest { signature: vec![], ..good.clone() },
        pb::LogRequest { log: vec![4; 16], ..good.clone() },
        pb::LogRequest { row_key: group.stranger().key().0.to_vec(), ..good.clone() },
        pb::LogRequest { time_ms: good.time_ms + 1, ..good.clone() },
        pb::LogRequest { request: vec![], ..good.clone() },
        sealed.sign(group.log.id, &owner, Method::Read, &entry),
        other_server.sign(group.log.id, &owner, Method::Append, &entry),
        // The identity: under lax rules it verifies anything.
        pb::LogRequest { row_key: [&[1][..], &[0; 31]].concat(), signature: small(), ..good.clone() },
    ];
    let mut client = sealed.log.clone();
    for request in forged {
        assert_eq!(reason(client.append(request).await), Reason::Signature);
    }
    for apart in [-301_000, 330_000_i64] {
        let mut late = good.clone();
        late.time_ms = late.time_ms.checked_add_signed(apart).unwrap();
        late.signature = owner.sign(&signed::request(&office.root, Method::Append, &late)).to_vec();
        assert_eq!(reason(client.append(late).await), Reason::Clock);
    }
    assert_eq!(reason(client.append(pb::LogRequest { log: vec![1], ..good.clone() }).await), Reason::Invalid);
    assert!(client.append(good).await.is_ok());
}

fn small() -> Vec<u8> {
    [&[1][..], &[0; 63]].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_entries_are_refused() {
    let office = Office::open().await;
    let mut group = Group::found(&office, &office.hire("Anne").await).await;
    let owner = group.owner_row();
    let good = group.pen.commit(vec![]);
    let message = group.pen.message(b"x");
    let weak = AccessKey([&[1][..], &[0; 31]].concat().try_into().unwrap());
    let member = group.stranger();
    let two = sorted(vec![cut(&owner), cut(&member)]);
    let numbered = |n: u32| AccessKey([n.to_be_bytes().as_slice(), &[0; 28]].concat().try_into().unwrap());
    let many = (0..=limits::ROW_CHANGES as u32).map(|n| rows::set(numbered(n), rank::NONE)).collect();
    let malformed = [
        pb::Entry { kind: 0, ..good.clone() },
        pb::Entry { kind: 7, ..good.clone() },
        pb::Entry { parent_hash: vec![], ..good.clone() },
        pb::Entry { sealed: vec![], ..good.clone() },
        pb::Entry { sealed: vec![0; limits::ENTRY_BYTES + 1], ..good.clone() },
        pb::Entry { rows: vec![pb::Row::default()], ..good.clone() },
        pb::Entry { rows: vec![rows::set(weak, rank::GUEST)], ..good.clone() },
        pb::Entry { rows: vec![rows::set(owner.key(), rank::OWNER + 1)], ..good.clone() },
        pb::Entry { rows: vec![rows::set(owner.key(), rank::OWNER); 2], ..good.clone() },
        pb::Entry { rows: two.iter().rev().cloned().collect(), ..good.clone() },
        pb::Entry { rows: many, ..good.clone() },
        // Of rows a message asks at most that its signer's own goes.
        pb::Entry { rows: two.clone(), ..message.clone() },
        pb::Entry { rows: vec![cut(&member)], ..message.clone() },
        pb::Entry { rows: vec![rows::set(owner.key(), rank::OWNER)], ..message.clone() },
        pb::Entry { whole: true, ..message },
    ];
    for entry in malformed {
        assert_eq!(reason(group.append(&owner, &entry).await), Reason::Invalid);
    }
    let request = group.sealed.sign(
        group.log.id,
        &owner,
        Method::Append,
        &pb::RevocationLine { number: 7, ..Default::default() },
    );
    assert_eq!(reason(group.sealed.log.append(request).await), Reason::Invalid);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_entry_goes_through_and_comes_alone() {
    let office = Office::open().await;
    let mut group = Group::found(&office, &office.hire("Anne").await).await;
    let large = vec![0x5a; limits::ENTRY_BYTES];
    group.say(&large).await;
    group.say(b"small").await;
    let owner = group.owner_row();
    let page = group.read(&owner, 0).await.unwrap();
    assert!(page.entries.len() == 1 && !page.caught_up && page.entries[0].sealed == large);
    assert_eq!(numbers(&group.read(&owner, 1).await.unwrap()), [2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_bounded_by_count_and_bytes() {
    let office = Office::open().await;
    let mut group = Group::found(&office, &office.hire("Anne").await).await;
    let (owner, log) = (group.owner_row(), group.log.clone());
    let mut sending = Vec::new();
    for n in 0..300_u32 {
        let (mut sealed, row, log) = (group.sealed.clone(), group.owner_row(), log.clone());
        let entry = group.pen.message(&n.to_be_bytes());
        sending.push(tokio::spawn(async move { sealed.append(&log, &row, &entry).await.unwrap() }));
    }
    for sent in sending {
        sent.await.unwrap();
    }
    let first = group.read(&owner, 0).await.unwrap();
    assert!(first.entries.len() == limits::PAGE_ENTRIES && !first.caught_up);
    let rest = group.read(&owner, 256).await.unwrap();
    assert!(rest.entries.len() == 44 && rest.caught_up);
    for _ in 0..3 {
        group.say(&fill(400 << 10)).await;
    }
    let page = group.read(&owner, 300).await.unwrap();
    assert_eq!((numbers(&page), page.caught_up), (vec![301, 302], false));
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_stand_at_commits_the_first_stays_and_eight_are_kept() {
    let office = Office::open().await;
    let mut group = Group::found(&office, &office.hire("Anne").await).await;
    let (log, owner) = (group.log.clone(), group.owner_row());
    group.commit(vec![]).await;
    group.say(b"no commit").await;
    let mut sealed = group.sealed.clone();
    sealed.put_snapshot(&log, &owner, 1, b"at 1").await.unwrap();
    sealed.put_snapshot(&log, &owner, 1, b"at 1 again").await.unwrap();
    assert_eq!(reason(sealed.put_snapshot(&log, &owner, 2, b"x").await), Reason::Invalid);
    assert_eq!(reason(sealed.put_snapshot(&log, &owner, 9, b"x").await), Reason::Invalid);
    assert_eq!(reason(sealed.put_snapshot(&log, &owner, u64::MAX, b"x").await), Reason::Invalid);
    let newest = sealed.snapshot(&log, &owner, u64::MAX).await.unwrap();
    assert_eq!((newest.number, newest.sealed.as_slice()), (1, b"at 1".as_slice()));
    assert_eq!(sealed.snapshot(&log, &owner, 0).await.unwrap().sealed, b"founding snapshot");
    for _ in 0..8 {
        let number = group.commit(vec![]).await.number;
        sealed.put_snapshot(&log, &owner, number, b"later").await.unwrap();
    }
    assert_eq!(sealed.snapshot(&log, &owner, 2).await.unwrap().number, 0, "the one at 1 made room");
    assert_eq!(sealed.snapshot(&log, &owner, 3).await.unwrap().number, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_messages_go_when_the_organisation_says_so_and_commits_stay() {
    let mut office =
        Office::with(|limits| limits.keep_messages = Some(std::time::Duration::from_secs(7 * 86_400))).await;
    let anne = office.hire("Anne").await;
    let mut group = Group::found(&office, &anne).await;
    let old = group.pen.message(b"old");
    let owner = group.owner_row();
    let first = group.append(&owner, &old).await.unwrap();
    group.commit(vec![]).await;
    group.say(b"old too").await;
    office.world.pass(8 * DAY_MS);
    office.shut().await;
    office.start().await;
    group.sealed = office.sealed(&anne).await;
    group.say(b"new").await;
    let sealed = group.sealed.clone();
    until(async || numbers(&sealed.clone().read(&group.log, &owner, 0).await.unwrap()) == [2, 4]).await;
    // What was said once stays said: the first answer is given for ever.
    let again = group.append(&owner, &old).await.unwrap();
    assert_eq!((again.number, again.hash), (first.number, first.hash));
}

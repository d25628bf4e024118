//! People, devices, invitations, revocations, key packages and inboxes.

use pli_proto::id::{DeviceId, PersonId};
use pli_proto::limits::{INBOX_BYTES, INBOX_ITEM_BYTES, INBOX_ITEMS, KEY_PACKAGES};
use pli_proto::pb::{self, Reason};

use super::reason;
use crate::config::DAY_MS;
use crate::engine::{Engine, EngineError, Enrolment, Invitation, Invitee, Publication, Revocation, Versions};

const NOW_MS: u64 = 20_000 * DAY_MS + 5_000;

pub(super) fn newcomer(n: u8) -> Invitation {
    let invitee = Invitee::New { name: format!("Person {n}"), department: "Roads".into(), guest_until_ms: 0 };
    Invitation { hash: [n; 32], invitee, expires_ms: NOW_MS + DAY_MS, used: None }
}

pub(super) fn enrolment(n: u8) -> Enrolment {
    Enrolment {
        invitation: [n; 32],
        person: PersonId([n; 16]),
        device: DeviceId([n + 100; 16]),
        mls_key: [n; 32],
        tls_key: [n + 100; 32],
        mls_certificate: vec![n; 300],
        issuer: [1; 32],
        now_ms: NOW_MS,
    }
}

async fn hire(engine: &dyn Engine, n: u8) -> DeviceId {
    engine.invite(vec![newcomer(n)]).await.expect("an invitation");
    engine.enrol(enrolment(n)).await.expect("an enrolment");
    DeviceId([n + 100; 16])
}

pub(super) fn revocation(number: u64, leaves: &[u8], departed: Option<PersonId>) -> Revocation {
    let line = |(leaf, number): (&u8, u64)| pb::RevocationLine {
        number,
        certificate: vec![1; 32],
        leaf_key: vec![*leaf; 32],
        issuer: vec![1],
        signature: vec![2; 64],
    };
    let lines: Vec<_> = leaves.iter().zip(number..).map(line).collect();
    let list = pb::RevocationList {
        number: number - 1 + lines.len() as u64,
        signed_ms: NOW_MS,
        hash: vec![3; 32],
        issuer: vec![1],
        signature: vec![4; 64],
        lines: Vec::new(),
    };
    Revocation { lines, list, departed }
}

pub(super) async fn an_invitation_is_used_once(engine: &dyn Engine) {
    assert_eq!(engine.invitation([1; 32]).await.expect("an answer"), None);
    engine.invite(vec![newcomer(1), newcomer(2)]).await.expect("invitations");
    assert_eq!(engine.invitation([1; 32]).await.expect("an answer"), Some(newcomer(1)));
    engine.enrol(enrolment(1)).await.expect("an enrolment");
    let used = engine.invitation([1; 32]).await.expect("an answer").expect("still there");
    let by = used.used.expect("used");
    assert_eq!((by.device, by.mls_key, by.tls_key), (DeviceId([101; 16]), [1; 32], [101; 32]));
    assert_eq!(used.invitee, Invitee::Known(PersonId([1; 16])), "the name is in the directory alone");
    let again = Enrolment { invitation: [1; 32], ..enrolment(3) };
    assert_eq!(reason(engine.enrol(again).await), Reason::InvitationUsed);
    assert_eq!(reason(engine.enrol(enrolment(9)).await), Reason::InvitationUnknown);
    while engine.sweep(NOW_MS + 100 * DAY_MS).await.expect("a sweep") > 0 {}
    assert_eq!(engine.invitation([2; 32]).await.expect("an answer"), None, "long ended");
}

pub(super) async fn keys_belong_to_one_device(engine: &dyn Engine) {
    let device = hire(engine, 1).await;
    hire(engine, 2).await;
    engine.invite(vec![newcomer(3)]).await.expect("an invitation");
    for key in [[1; 32], [101; 32]] {
        let mls = Enrolment { mls_key: key, ..enrolment(3) };
        assert_eq!(reason(engine.enrol(mls).await), Reason::Invalid);
        let tls = Enrolment { tls_key: key, ..enrolment(3) };
        assert_eq!(reason(engine.enrol(tls).await), Reason::Invalid);
    }
    engine.renew(device, [101; 32], 1).await.expect("its own key again");
    engine.renew(device, [50; 32], 2).await.expect("a fresh key");
    engine.renew(device, [50; 32], 3).await.expect("the same, after a lost answer");
    let renewed = engine.device(device).await.expect("an answer").expect("the device");
    assert_eq!((renewed.tls_key, renewed.tls_before, renewed.renewed_ms), ([50; 32], Some([101; 32]), 2));
    for key in [[2; 32], [102; 32], [1; 32]] {
        assert_eq!(reason(engine.renew(device, key, 4).await), Reason::Invalid);
    }
    engine.enrol(enrolment(3)).await.expect("an enrolment");
}

pub(super) async fn a_device_was_last_here_on_its_latest_day(engine: &dyn Engine) {
    let device = hire(engine, 1).await;
    let seen = async || engine.device(device).await.expect("an answer").expect("a device").seen_ms;
    let enrolled = NOW_MS - NOW_MS % DAY_MS;
    assert_eq!(seen().await, enrolled);
    for (day_ms, then) in [(enrolled + DAY_MS, enrolled + DAY_MS), (enrolled, enrolled + DAY_MS)] {
        engine.seen(device, day_ms).await.expect("noted");
        assert_eq!(seen().await, then);
    }
}

pub(super) async fn the_directory_tells_what_changed(engine: &dyn Engine) {
    assert_eq!(engine.versions().await.expect("an answer"), Versions::default());
    for n in 1..=5 {
        hire(engine, n).await;
    }
    let first = engine.people(0, 3).await.expect("people");
    assert!(first.more && first.people.len() == 3);
    let rest = engine.people(first.version, 3).await.expect("people");
    assert!(!rest.more && rest.people.len() == 2);
    assert_eq!(rest.version, engine.versions().await.expect("an answer").directory);
    assert!(engine.people(rest.version, 3).await.expect("people").people.is_empty());
    engine.rename(PersonId([1; 16]), "Other".into()).await.expect("a rename");
    let news = engine.people(rest.version, 3).await.expect("people");
    assert_eq!((news.people.len(), news.people[0].name.as_str()), (1, "Other"));
    let listed =
        pb::Device { id: vec![101; 16], mls_key: vec![1; 32], enrolled_ms: NOW_MS - NOW_MS % DAY_MS, revoked: false };
    assert_eq!(news.people[0].devices, [listed]);
    let unknown = engine.rename(PersonId([77; 16]), "Nobody".into()).await;
    assert_eq!(reason(unknown), Reason::NotEnrolled);
}

pub(super) async fn the_revocation_list_goes_forward(engine: &dyn Engine) {
    let device = hire(engine, 1).await;
    hire(engine, 2).await;
    let start = engine.revocations(0).await.expect("a list");
    assert_eq!((start.number, start.hash), (0, vec![0; 32]));
    assert!(engine.revoke(revocation(1, &[1], None)).await.expect("an answer"));
    assert!(engine.device(device).await.expect("an answer").expect("a device").revoked);
    // From a state that is gone.
    assert!(!engine.revoke(revocation(1, &[2], None)).await.expect("an answer"));
    assert!(!engine.revoke(revocation(3, &[2], None)).await.expect("an answer"));
    let mut earlier = revocation(2, &[], None);
    earlier.list.signed_ms -= 1;
    assert!(!engine.revoke(earlier).await.expect("an answer"));
    assert!(engine.revoke(revocation(2, &[2], None)).await.expect("an answer"));
    let list = engine.revocations(1).await.expect("a list");
    assert_eq!((list.number, list.lines.len(), list.lines[0].number), (2, 1, 2));
    assert_eq!(engine.versions().await.expect("an answer").revocations, 2);
    assert_eq!(reason(engine.renew(device, [50; 32], 5).await), Reason::Revoked);
}

pub(super) async fn departing_ends_devices_and_invitations(engine: &dyn Engine) {
    hire(engine, 1).await;
    let person = PersonId([1; 16]);
    let further = |n: u8| Invitation { invitee: Invitee::Known(person), ..newcomer(n) };
    engine.invite(vec![further(5), further(6)]).await.expect("invitations");
    engine.enrol(Enrolment { person, ..enrolment(5) }).await.expect("a further device");
    assert_eq!(engine.devices_of(person).await.expect("an answer").expect("a person").len(), 2);
    assert_eq!(engine.devices_of(PersonId([9; 16])).await.expect("an answer"), None);
    // One of the two devices was overlooked.
    assert!(!engine.revoke(revocation(1, &[1], Some(person))).await.expect("an answer"));
    assert!(engine.revoke(revocation(1, &[1, 5], Some(person))).await.expect("an answer"));
    let people = engine.people(0, 9).await.expect("people").people;
    assert!(people[0].departed && people[0].devices.iter().all(|device| device.revoked));
    let late = Enrolment { person, ..enrolment(6) };
    assert_eq!(reason(engine.enrol(late).await), Reason::InvitationUnknown);
    let guest = Invitee::New { name: "G".into(), department: String::new(), guest_until_ms: NOW_MS };
    engine.invite(vec![Invitation { invitee: guest, ..newcomer(7) }]).await.expect("an invitation");
    engine.enrol(enrolment(7)).await.expect("an enrolment");
    assert!(engine.ended_guests(NOW_MS - 1).await.expect("an answer").is_empty());
    assert_eq!(engine.ended_guests(NOW_MS).await.expect("an answer"), [PersonId([7; 16])]);
    let mut end = revocation(3, &[7], Some(PersonId([7; 16])));
    end.list.signed_ms += 1;
    assert!(engine.revoke(end).await.expect("an answer"));
    assert!(engine.ended_guests(NOW_MS).await.expect("an answer").is_empty());
}

pub(super) async fn what_an_ended_issuer_signed_is_not_taken(engine: &dyn Engine) {
    hire(engine, 1).await;
    hire(engine, 2).await;
    assert!(engine.revoke(revocation(1, &[1], None)).await.expect("an answer"));
    let kept = engine.certificates().await.expect("an answer");
    assert_eq!(kept, [pli_proto::certificate::fingerprint(&[2; 300])], "those that are not revoked");
    let end = pb::IssuerEnd {
        number: 1,
        issuer: pli_proto::certificate::fingerprint(&[1]).to_vec(),
        revocations: 1,
        revocations_hash: vec![3; 32],
        ..pb::IssuerEnd::default()
    };
    let others = [
        (pb::IssuerEnd { number: 2, ..end.clone() }, kept.clone()),
        (pb::IssuerEnd { revocations: 0, ..end.clone() }, kept.clone()),
        (pb::IssuerEnd { revocations_hash: vec![4; 32], ..end.clone() }, kept.clone()),
        (end.clone(), Vec::new()),
    ];
    for (end, kept) in others {
        assert!(!engine.end_issuer(end, kept).await.expect("an answer"));
    }
    assert_eq!(engine.issuer_end(0).await.expect("an answer"), None);
    assert!(engine.end_issuer(end.clone(), kept.clone()).await.expect("an answer"));
    assert!(!engine.end_issuer(end.clone(), kept.clone()).await.expect("an answer"), "it has");
    assert_eq!(engine.issuer_end(0).await.expect("an answer"), Some((end.clone(), kept)));
    assert_eq!(engine.issuer_end(1).await.expect("an answer"), None);
    assert_eq!(engine.versions().await.expect("an answer").issuers, 1);
    assert_eq!(reason(engine.revoke(revocation(2, &[2], None)).await), Reason::Unavailable);
    engine.invite(vec![newcomer(3)]).await.expect("an invitation");
    let late = Enrolment { issuer: end.issuer.try_into().expect("32 bytes"), ..enrolment(3) };
    assert_eq!(reason(engine.enrol(late).await), Reason::Unavailable);
    engine.enrol(enrolment(3)).await.expect("by another issuer");
}

fn publication(device: DeviceId, packages: &[&[u8]]) -> Publication {
    Publication {
        device,
        packages: packages.iter().map(|package| package.to_vec()).collect(),
        last_resort: None,
        inbox_key: Some((vec![1], vec![2])),
        replace: false,
    }
}

pub(super) async fn key_packages_are_used_once(engine: &dyn Engine) {
    let (device, other) = (hire(engine, 1).await, hire(engine, 2).await);
    let last = Publication { last_resort: Some(b"last".to_vec()), ..publication(device, &[b"a", b"b"]) };
    let stock = engine.publish(last.clone()).await.expect("a stock");
    assert!(stock.single_use == 2 && stock.last_resort);
    assert_eq!(engine.publish(last).await.expect("the same").single_use, 2);
    let take_rather = async |last_resort| {
        let taken = engine.take(vec![other, device], last_resort, NOW_MS).await.expect("packages");
        taken.into_iter().map(|package| package.package).collect::<Vec<_>>()
    };
    let take = async || take_rather(false).await;
    assert_eq!(take_rather(true).await, [b"last"]);
    let mut taken = [take().await, take().await].concat();
    taken.sort();
    assert_eq!(taken, [b"a", b"b"]);
    assert_eq!([take().await, take().await].concat(), [b"last", b"last"]);
    assert_eq!(engine.publish(publication(device, &[b"a", b"c"])).await.expect("a stock").single_use, 1);
    let many: Vec<Vec<u8>> = (0..100).map(|n| vec![n]).collect();
    let many = Publication { packages: many, replace: true, ..publication(device, &[]) };
    let stock = engine.publish(many).await.expect("a stock");
    assert!(stock.single_use == KEY_PACKAGES && !stock.last_resort);
    assert_eq!(take_rather(true).await.len(), 1);
    assert!(engine.revoke(revocation(1, &[1], None)).await.expect("an answer"));
    assert!(take().await.is_empty());
    assert_eq!(reason(engine.publish(publication(device, &[b"z"])).await), Reason::Revoked);
}

pub(super) async fn inboxes_keep_ids_and_bounds(engine: &dyn Engine) {
    let (device, other) = (hire(engine, 1).await, hire(engine, 2).await);
    let deliver = |to, id: u64| {
        let id = [id.to_be_bytes(), [0; 8]].concat().try_into().expect("16 bytes");
        engine.deliver(to, id, id.to_vec(), NOW_MS)
    };
    for _ in 0..2 {
        deliver(device, 1).await.expect("a delivery");
    }
    deliver(other, 1).await.expect("another's");
    let batch = engine.inbox(device, 0, usize::MAX).await.expect("items");
    assert!(batch.caught_up && batch.items.len() == 1 && batch.items[0].number == 1);
    engine.acknowledge(device, 1).await.expect("an acknowledgement");
    deliver(device, 1).await.expect("a repetition");
    assert!(engine.inbox(device, 0, usize::MAX).await.expect("items").items.is_empty());
    for id in 2..2 + INBOX_ITEMS {
        deliver(device, id).await.expect("a delivery");
    }
    assert_eq!(reason(deliver(device, 9_999).await), Reason::Limit);
    deliver(device, 7).await.expect("a repetition");
    let first = engine.inbox(device, 0, usize::MAX).await.expect("items");
    assert!(!first.caught_up && first.items[0].number == 2);
    assert_eq!(reason(deliver(DeviceId([9; 16]), 1).await), Reason::NotEnrolled);
    // After a month an id is forgotten.
    engine.acknowledge(device, u64::MAX).await.expect("an acknowledgement");
    while engine.sweep(NOW_MS + 32 * DAY_MS).await.expect("a sweep") > 0 {}
    deliver(device, 1).await.expect("a delivery");
    assert_eq!(engine.inbox(device, 0, usize::MAX).await.expect("items").items[0].number, INBOX_ITEMS + 2);
}

pub(super) async fn inboxes_are_bounded_in_bytes_too(engine: &dyn Engine) {
    let device = hire(engine, 1).await;
    let deliver = |id: u64, bytes: usize| {
        let id = [id.to_be_bytes(), [0; 8]].concat().try_into().expect("16 bytes");
        engine.deliver(device, id, vec![7; bytes], NOW_MS)
    };
    let most = INBOX_BYTES / INBOX_ITEM_BYTES as u64;
    for id in 0..most {
        deliver(id, INBOX_ITEM_BYTES).await.expect("a delivery");
    }
    assert_eq!(reason(deliver(most, 1).await), Reason::Limit);
    // No more is read than there is room for; and all of it in turn.
    let (mut after, mut bytes) = (0, 0);
    while bytes < INBOX_BYTES {
        let small = engine.inbox(device, after, 16 << 10).await.expect("items");
        assert!(small.items.is_empty() && !small.caught_up && small.bytes > 16 << 10);
        let batch = engine.inbox(device, after, small.bytes).await.expect("items");
        assert!(batch.items.iter().all(|item| item.sealed == [7; INBOX_ITEM_BYTES]));
        after = batch.items.last().expect("an item").number;
        bytes += batch.items.len() as u64 * INBOX_ITEM_BYTES as u64;
        assert_eq!(batch.caught_up, bytes == INBOX_BYTES);
    }
    engine.acknowledge(device, 1).await.expect("an acknowledgement");
    deliver(most, INBOX_ITEM_BYTES).await.expect("one for another");
    assert_eq!(reason(deliver(most + 1, 1).await), Reason::Limit);
    engine.acknowledge(device, u64::MAX).await.expect("an acknowledgement");
    engine.acknowledge(device, u64::MAX).await.expect("again");
    for id in most + 1..=2 * most {
        deliver(id, INBOX_ITEM_BYTES).await.expect("as many as before");
    }
    assert_eq!(reason(deliver(9_999, 1).await), Reason::Limit);
}

pub(super) async fn a_closed_engine_says_so(engine: &dyn Engine) {
    hire(engine, 1).await;
    engine.close().await;
    assert!(matches!(engine.versions().await, Err(EngineError::Closed)));
    assert!(matches!(engine.sweep(NOW_MS).await, Err(EngineError::Closed)));
    engine.close().await;
}

//! Who is who, and who is no longer.

use pli_proto::certificate;
use pli_proto::pb;
use pli_proto::refusal::Reason;
use pli_proto::{row, signed};
use pli_server::{Authority, AuthorityError, Invite};

use crate::common::*;

async fn people(office: &Office, by: &Device, since: u64) -> pb::PeopleResponse {
    let request = pb::PeopleRequest { since };
    office.directory(by).await.people(request).await.unwrap().into_inner()
}

async fn revocations(office: &Office, by: &Device, since: u64) -> pb::RevocationList {
    let request = pb::RevocationsRequest { since };
    office.directory(by).await.revocations(request).await.unwrap().into_inner()
}

/// As a client checks a list that it reads whole.
fn check(office: &Office, list: &pb::RevocationList) {
    let mut hash = [0; 32];
    for (line, number) in list.lines.iter().zip(1..) {
        assert_eq!(line.number, number);
        let issuer = certificate::verify_issuer(&office.root, &line.issuer).unwrap();
        assert!(row::verify(&issuer, &signed::revocation(line), &line.signature));
        hash = signed::revocation_hash(&hash, line);
    }
    assert_eq!((list.number, list.hash.as_slice()), (list.lines.len() as u64, hash.as_slice()));
    let issuer = certificate::verify_issuer(&office.root, &list.issuer).unwrap();
    assert!(row::verify(&issuer, &signed::revocation_list(list), &list.signature));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_directory_tells_what_changed_since_a_version() {
    let office = Office::open().await;
    let (anne, bob) = (office.hire("Anne").await, office.hire("Bob").await);
    let all = people(&office, &anne, 0).await;
    assert_eq!(all.organisation, "Mairie de Pli");
    let names: Vec<&str> = all.people.iter().map(|person| person.name.as_str()).collect();
    assert_eq!(names, ["Anne", "Bob"]);
    let listed = &all.people[1].devices[0];
    assert_eq!((&listed.id, &listed.mls_key), (&bob.id.to_vec(), &bob.mls.verifying_key().to_bytes().to_vec()));
    assert_eq!(listed.enrolled_ms % DAY_MS, 0, "no time finer than a day");
    assert!(people(&office, &anne, all.version).await.people.is_empty());
    office.authority().rename(anne.person, "Anna").await.unwrap();
    let news = people(&office, &anne, all.version).await;
    assert!(news.version > all.version && !news.more);
    assert_eq!(news.people.iter().map(|person| person.name.as_str()).collect::<Vec<_>>(), ["Anna"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_directory_comes_in_pages() {
    let office = Office::open().await;
    let anne = office.hire("Anne").await;
    let invite = Invite { count: 520, ..Invite::person("Clerk") };
    let links = office.authority().invite("localhost:1", invite).await.unwrap();
    let mut client = office.enrolment(None).await;
    for link in &links {
        client.enrol(Device::new(&office).enrol_request(&token(link))).await.unwrap();
    }
    let first = people(&office, &anne, 0).await;
    assert!(first.more && first.people.len() == 500);
    let rest = people(&office, &anne, first.version).await;
    assert!(!rest.more && rest.people.len() == 21);
    assert_eq!(rest.people[20].name, "Clerk 520");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_revocation_list_is_numbered_signed_and_never_goes_back() {
    let office = Office::open().await;
    let (anne, bob, carl) = (office.hire("Anne").await, office.hire("Bob").await, office.hire("Carl").await);
    let empty = revocations(&office, &anne, 0).await;
    assert_eq!(empty.number, 0);
    check(&office, &empty);
    office.authority().revoke(bob.id).await.unwrap();
    office.authority().revoke(bob.id).await.unwrap();
    office.authority().depart(carl.person).await.unwrap();
    let list = revocations(&office, &anne, 0).await;
    assert_eq!(list.number, 2);
    check(&office, &list);
    assert_eq!(list.lines[0].certificate, certificate::fingerprint(&bob.mls_certificate));
    assert_eq!(list.lines[1].leaf_key, carl.mls.verifying_key().to_bytes());
    assert_eq!(revocations(&office, &anne, 1).await.lines, list.lines[1..]);
    let all = people(&office, &anne, 0).await.people;
    let of = |device: &Device| all.iter().find(|person| person.id == device.person.to_vec()).unwrap();
    assert!(of(&bob).devices[0].revoked && !of(&bob).departed);
    assert!(of(&carl).devices[0].revoked && of(&carl).departed);
    let refused = office.directory(&bob).await.people(pb::PeopleRequest::default()).await;
    assert_eq!(reason(refused), Reason::Revoked);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_signed_anew_each_day() {
    let office = Office::with(|limits| limits.poll = std::time::Duration::from_millis(1)).await;
    let anne = office.hire("Anne").await;
    let first = revocations(&office, &anne, 0).await;
    office.world.pass_midnight(0);
    until(async || revocations(&office, &anne, 0).await.signed_ms > first.signed_ms).await;
    check(&office, &revocations(&office, &anne, 0).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_does_not_go_back_when_the_clock_does() {
    let office = Office::open().await;
    // Before the hour passes: a certificate of the next day would not be valid yet when the clock is back.
    let (anne, bob, carl) = (office.hire("Anne").await, office.hire("Bob").await, office.hire("Carl").await);
    office.world.pass(3_600_000);
    office.authority().revoke(bob.id).await.unwrap();
    let before = revocations(&office, &anne, 0).await;
    office.world.go_back(3_600_000);
    office.authority().revoke(carl.id).await.unwrap();
    let after = revocations(&office, &anne, 0).await;
    assert!(after.number == 2 && after.signed_ms >= before.signed_ms);
    check(&office, &after);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guests_time_ends_by_itself_as_a_revocation() {
    let office = Office::with(|limits| limits.poll = std::time::Duration::from_millis(1)).await;
    let anne = office.hire("Anne").await;
    let until_ms = anne_now(&office) + DAY_MS;
    let token = office.invite(Invite { guest_until_ms: until_ms, ..Invite::person("Guest") }).await;
    let mut guest = Device::new(&office);
    guest.enrol(&office, &token).await.unwrap();
    let listed = people(&office, &anne, 0).await.people;
    assert_eq!(listed.iter().find(|person| person.name == "Guest").unwrap().guest_until_ms, until_ms);
    assert!(!office.door(&guest).await.is_empty());
    office.world.pass(DAY_MS);
    until(async || revocations(&office, &anne, 0).await.number == 1).await;
    assert_eq!(reason(office.enrolment(Some(&guest)).await.door(pb::DoorRequest {}).await), Reason::Revoked);
}

fn anne_now(office: &Office) -> u64 {
    pli_env::Env::now_ms(&*office.world)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_beside_the_server_invites_and_revokes() {
    let office = Office::open().await;
    let (anne, bob) = (office.hire("Anne").await, office.hire("Bob").await);
    let mut follows =
        pb::inbox_client::InboxClient::with_interceptor(office.channel(Some(&anne)).await.unwrap(), Headers::default());
    let mut hints = follows.follow(pb::FollowRequest {}).await.unwrap().into_inner();
    let before = soon(hints.message()).await.unwrap().unwrap();
    // As another process would: connections and keys of its own.
    let beside = Authority::open(office.folder.path(), office.world.clone()).unwrap();
    let links = beside.invite("localhost:1", Invite::person("Carl")).await.unwrap();
    let mut carl = Device::new(&office);
    carl.enrol(&office, &token(&links[0])).await.unwrap();
    let door = office.door(&bob).await;
    beside.revoke(bob.id).await.unwrap();
    // On the known connection at once, on the sealed one as soon as the server looked.
    assert_eq!(reason(office.enrolment(Some(&bob)).await.door(pb::DoorRequest {}).await), Reason::Revoked);
    let mut sealed = office.sealed_with(door).await;
    until(async || sealed.key_packages.clone().take(pb::TakeRequest::default()).await.is_err()).await;
    assert_eq!(reason(sealed.key_packages.take(pb::TakeRequest::default()).await), Reason::Door);
    loop {
        let page = soon(hints.message()).await.unwrap().unwrap();
        assert!(page.directory_version > before.directory_version);
        if page.revocations == 1 {
            break;
        }
    }
    beside.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_that_revoke_at_once_make_one_list() {
    let office = Office::open().await;
    let anne = office.hire("Anne").await;
    let mut leavers = Vec::new();
    for name in ["Bob", "Carl", "Dora", "Emil", "Fay", "Gus"] {
        leavers.push(office.hire(name).await);
    }
    let beside = Authority::open(office.folder.path(), office.world.clone()).unwrap();
    let (here, there) = leavers.split_at(3);
    let revoke = async |authority: &Authority, devices: &[Device]| {
        for device in devices {
            authority.revoke(device.id).await.unwrap();
        }
    };
    tokio::join!(revoke(office.authority(), here), revoke(&beside, there));
    let list = revocations(&office, &anne, 0).await;
    assert_eq!(list.number, 6);
    check(&office, &list);
    beside.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_of_an_administrator_are_named() {
    let office = Office::open().await;
    let authority = office.authority();
    let nobody = pli_proto::id::PersonId([1; 16]);
    assert!(matches!(authority.rename(nobody, "X").await, Err(AuthorityError::UnknownPerson)));
    assert!(matches!(authority.depart(nobody).await, Err(AuthorityError::UnknownPerson)));
    let unknown = authority.revoke(pli_proto::id::DeviceId([1; 16])).await;
    assert!(matches!(unknown, Err(AuthorityError::UnknownDevice)));
    let unknown = authority.invite("localhost:1", Invite::device_of(nobody)).await;
    assert!(matches!(unknown, Err(AuthorityError::UnknownPerson)));
    for name in ["", " ", "two\nlines", "é".repeat(101).as_str()] {
        let invalid = authority.invite("localhost:1", Invite::person(name)).await;
        assert!(matches!(invalid, Err(AuthorityError::Invalid(_))), "{name:?}");
    }
}

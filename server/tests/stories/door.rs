//! The door key, and what it keeps apart.

use pli_proto::pb;
use pli_proto::refusal::Reason;

use crate::common::*;

const HOUR_MS: u64 = DAY_MS / 24;

async fn take(sealed: &mut SealedClient) -> Result<tonic::Response<pb::TakeResponse>, tonic::Status> {
    sealed.key_packages.take(pb::TakeRequest::default()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_door_key_nothing_anonymous_is_served() {
    let office = Office::open().await;
    let anne = office.hire("Anne").await;
    assert_eq!(reason(take(&mut office.sealed_with(vec![0; 32]).await).await), Reason::Door);
    assert_eq!(reason(take(&mut office.sealed_with(vec![]).await).await), Reason::Door);
    assert!(take(&mut office.sealed(&anne).await).await.is_ok());
    let mut stranger = office.sealed_with(vec![1; 32]).await;
    assert_eq!(reason(stranger.inbox.deliver(pb::DeliverRequest::default()).await), Reason::Door);
    assert_eq!(reason(stranger.log.create(pb::LogRequest::default()).await), Reason::Door);
    assert_eq!(reason(stranger.subscribe().await), Reason::Door);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_says_who_it_is_gets_nothing_anonymous() {
    let office = Office::open().await;
    let anne = office.hire("Anne").await;
    let (known, door) = (office.channel(Some(&anne)).await.unwrap(), office.door(&anne).await);
    let mut linked = SealedClient::over(known, door, &office);
    assert_eq!(reason(take(&mut linked).await), Reason::Invalid);
    let log = Log::new(&office);
    assert_eq!(reason(linked.create(&log, &anne.row(&log)).await), Reason::Invalid);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_changes_with_the_day_and_yesterdays_serves_an_hour_more() {
    let office = Office::open().await;
    let anne = office.hire("Anne").await;
    office.world.pass_midnight(60_000);
    let answer = office.enrolment(Some(&anne)).await.door(pb::DoorRequest {}).await.unwrap().into_inner();
    assert_eq!((answer.next_ms % DAY_MS, answer.until_ms - answer.next_ms), (0, HOUR_MS));
    assert!(answer.next_ms > answer.server_time_ms && answer.next_ms - answer.server_time_ms < DAY_MS);
    let mut sealed = office.sealed_with(answer.key.clone()).await;
    assert!(take(&mut sealed).await.is_ok());
    office.world.pass_midnight(60_000);
    assert!(take(&mut sealed).await.is_ok());
    assert_ne!(office.door(&anne).await, answer.key);
    office.world.pass(HOUR_MS - 120_000);
    assert!(take(&mut sealed).await.is_ok());
    office.world.pass(60_000);
    assert_eq!(reason(take(&mut sealed).await), Reason::Door);
    assert!(take(&mut office.sealed(&anne).await).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_ends_every_key_at_once() {
    let office = Office::open().await;
    let (anne, thief) = (office.hire("Anne").await, office.hire("Thief").await);
    let mut sealed = office.sealed(&thief).await;
    let (_requests, mut stream) = sealed.subscribe().await.unwrap();
    assert!(take(&mut sealed).await.is_ok());
    office.authority().revoke(thief.id).await.unwrap();
    // The stream that came in by the old key ends with it.
    assert_eq!(reason(soon(stream.message()).await), Reason::Door);
    assert_eq!(reason(take(&mut sealed).await), Reason::Door);
    assert_eq!(reason(office.enrolment(Some(&thief)).await.door(pb::DoorRequest {}).await), Reason::Revoked);
    assert!(take(&mut office.sealed(&anne).await).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_the_key() {
    let mut office = Office::open().await;
    let anne = office.hire("Anne").await;
    let before = office.door(&anne).await;
    office.shut().await;
    office.start().await;
    assert_eq!(office.door(&anne).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_on_by_the_key_that_was_shown_last() {
    let office = Office::with(|limits| limits.reread = std::time::Duration::from_millis(20)).await;
    let anne = office.hire("Anne").await;
    let mut group = Group::found(&office, &anne).await;
    let (renewing, mut renewed) = group.sealed.subscribe().await.unwrap();
    let (idle, mut forgotten) = group.sealed.subscribe().await.unwrap();
    for (requests, stream) in [(&renewing, &mut renewed), (&idle, &mut forgotten)] {
        requests.send(group.sealed.subscribe_request(&group.log, &group.owner_row(), 0)).await.unwrap();
        assert!(soon(stream.message()).await.unwrap().unwrap().caught_up);
    }
    office.world.pass_midnight(60_000);
    // What is no key changes nothing.
    for door in [office.door(&anne).await, vec![7; 48]] {
        renewing.send(pb::LogRequest { door, ..pb::LogRequest::default() }).await.unwrap();
    }
    group.say(b"after").await;
    for stream in [&mut renewed, &mut forgotten] {
        assert_eq!(numbers(&soon(stream.message()).await.unwrap().unwrap()), [1]);
    }
    office.world.pass(HOUR_MS);
    assert_eq!(reason(soon(forgotten.message()).await), Reason::Door);
    group.sealed = office.sealed(&anne).await;
    group.say(b"later").await;
    assert_eq!(numbers(&soon(renewed.message()).await.unwrap().unwrap()), [2]);
}

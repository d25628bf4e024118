//! Coming in.

use ed25519_dalek::SigningKey;
use pli_env::Env;
use pli_proto::certificate::{self, Usage};
use pli_proto::pb;
use pli_proto::pb::enrolment_client::EnrolmentClient;
use pli_proto::refusal::Reason;
use pli_server::Invite;

use crate::common::*;

#[tokio::test(flavor = "multi_thread")]
async fn hello_tells_versions_clock_and_certificates_to_anyone() {
    let office = Office::open().await;
    let hello = office.enrolment(None).await.hello(pb::HelloRequest {}).await.unwrap().into_inner();
    assert_eq!((hello.oldest_protocol, hello.newest_protocol), (1, 1));
    assert!(hello.server_time_ms.abs_diff(office.world.now_ms()) < 10_000);
    assert_eq!(certificate::root_key(&hello.root), Ok(office.root));
    assert!(certificate::verify_issuer(&office.root, &hello.issuer).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_makes_a_device_with_two_certificates_that_chain_to_the_root() {
    let office = Office::open().await;
    let token = office.invite(Invite::person("Anne")).await;
    let mut anne = Device::new(&office);
    let answer = anne.enrol(&office, &token).await.unwrap();
    let chain: [&[u8]; 2] = [&answer.mls_certificate, &answer.issuer];
    let mls = certificate::verify_device(&office.root, &chain, Usage::Mls).unwrap();
    assert_eq!((mls.person, mls.device, mls.key), (anne.person, anne.id, anne.mls.verifying_key().to_bytes()));
    assert_eq!(mls.not_before_s % 86_400, 0, "no time finer than a day");
    assert_eq!(mls.not_after_s, 253_402_300_799, "9999-12-31T23:59:59Z");
    assert!(certificate::verify_device(&office.root, &chain, Usage::Tls).is_err());
    let chain: [&[u8]; 2] = [&answer.tls_certificate, &answer.issuer];
    let tls = certificate::verify_device(&office.root, &chain, Usage::Tls).unwrap();
    assert_eq!((tls.person, tls.device, tls.key), (anne.person, anne.id, anne.tls.verifying_key().to_bytes()));
    let days_left = (tls.not_after_s - (office.world.now_ms() / 1000) as i64) / 86_400;
    assert_eq!(days_left, 30);
    assert!(certificate::verify_device(&office.root, &chain, Usage::Mls).is_err());
    assert!(certificate::verify_device(&[9; 32], &chain, Usage::Tls).is_err());
    assert!(!office.door(&anne).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_keys_get_the_same_device_again_and_others_get_nothing() {
    let office = Office::open().await;
    let token = office.invite(Invite::person("Anne")).await;
    let mut anne = Device::new(&office);
    let first = anne.enrol(&office, &token).await.unwrap();
    // The answer was lost, and meanwhile the invitation ended.
    office.world.pass(30 * DAY_MS);
    let again = anne.enrol(&office, &token).await.unwrap();
    assert_eq!((&first.person, &first.device), (&again.person, &again.device));
    assert_eq!(first.mls_certificate, again.mls_certificate);
    let mut thief = Device::new(&office);
    assert_eq!(reason(thief.enrol(&office, &token).await), Reason::InvitationUsed);
    thief.mls = anne.mls.clone();
    assert_eq!(reason(thief.enrol(&office, &token).await), Reason::InvitationUsed);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_race_for_one_invitation_are_not_both_let_in() {
    let office = Office::open().await;
    let token = office.invite(Invite::person("Anne")).await;
    let (mut one, mut other) = (Device::new(&office), Device::new(&office));
    let mut twin = one.clone();
    let (a, b, c) = tokio::join!(one.enrol(&office, &token), other.enrol(&office, &token), twin.enrol(&office, &token));
    let devices: Vec<Vec<u8>> = [&a, &c].iter().filter_map(|r| r.as_ref().ok()).map(|r| r.device.clone()).collect();
    match b {
        Ok(_) => assert!(devices.is_empty()),
        Err(_) => assert!(devices.len() == 2 && devices[0] == devices[1]),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_and_ended_invitations_are_refused() {
    let office = Office::open().await;
    let token = office.invite(Invite::person("Anne")).await;
    let mut anne = Device::new(&office);
    assert_eq!(reason(anne.enrol(&office, &[5; 16]).await), Reason::InvitationUnknown);
    assert_eq!(reason(anne.enrol(&office, &[]).await), Reason::Invalid);
    office.world.pass(8 * DAY_MS);
    assert_eq!(reason(anne.enrol(&office, &token).await), Reason::InvitationExpired);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_must_be_sound_different_new_and_in_the_devices_hands() {
    let office = Office::open().await;
    let anne = office.hire("Anne").await;
    let token = office.invite(Invite::person("Bob")).await;
    let mut client = office.enrolment(None).await;
    let bob = Device::new(&office);
    let good = bob.enrol_request(&token);
    let unproven = pb::EnrolRequest { tls_signature: good.mls_signature.clone(), ..good.clone() };
    assert_eq!(reason(client.enrol(unproven).await), Reason::Signature);
    let other_token = office.invite(Invite::person("Carl")).await;
    let other_token = pb::EnrolRequest { token: other_token, ..good.clone() };
    assert_eq!(reason(client.enrol(other_token).await), Reason::Signature);
    let one_key = Device { tls: bob.mls.clone(), ..bob.clone() };
    assert_eq!(reason(client.enrol(one_key.enrol_request(&token)).await), Reason::Invalid);
    let mut small_order = good.clone();
    small_order.mls_key = [&[1][..], &[0; 31]].concat();
    assert_eq!(reason(client.enrol(small_order).await), Reason::Invalid);
    for taken in [&anne.mls, &anne.tls] {
        let copied = Device { mls: taken.clone(), ..bob.clone() };
        assert_eq!(reason(client.enrol(copied.enrol_request(&token)).await), Reason::Invalid);
        let copied = Device { tls: taken.clone(), ..bob.clone() };
        assert_eq!(reason(client.enrol(copied.enrol_request(&token)).await), Reason::Invalid);
    }
    assert!(client.enrol(good).await.is_ok(), "none of it used the invitation up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_further_device_belongs_to_the_same_person() {
    let office = Office::open().await;
    let anne = office.hire("Anne").await;
    let token = office.invite(Invite::device_of(anne.person)).await;
    let mut tablet = Device::new(&office);
    tablet.enrol(&office, &token).await.unwrap();
    assert_eq!(tablet.person, anne.person);
    assert_ne!(tablet.id, anne.id);
    let open = office.invite(Invite::device_of(anne.person)).await;
    office.authority().depart(anne.person).await.unwrap();
    assert_eq!(reason(Device::new(&office).enrol(&office, &open).await), Reason::InvitationUnknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_no_or_another_version_is_told_to_update() {
    let office = Office::open().await;
    let mut bare = EnrolmentClient::new(office.anonymous().await);
    assert_eq!(reason(bare.hello(pb::HelloRequest {}).await), Reason::UpdateRequired);
    for version in ["0", "2", "one"] {
        let mut request = tonic::Request::new(pb::HelloRequest {});
        request.metadata_mut().insert("pli-protocol", version.parse().unwrap());
        assert_eq!(reason(bare.hello(request).await), Reason::UpdateRequired);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_certificate_nothing_known_is_served() {
    let office = Office::open().await;
    assert_eq!(reason(office.enrolment(None).await.door(pb::DoorRequest {}).await), Reason::NotEnrolled);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_renews_after_its_tls_certificate_ended() {
    let office = Office::open().await;
    let mut anne = office.hire("Anne").await;
    let mut held = office.enrolment(Some(&anne)).await;
    held.hello(pb::HelloRequest {}).await.unwrap();
    office.world.pass(40 * DAY_MS);
    assert_eq!(reason(held.door(pb::DoorRequest {}).await), Reason::NotEnrolled, "a connection held open so long");
    // The handshake fails, at once or at the first call.
    let ended = match office.channel(Some(&anne)).await {
        Ok(channel) => EnrolmentClient::with_interceptor(channel, Headers::default()).door(pb::DoorRequest {}).await,
        Err(error) => Err(tonic::Status::from_error(error.into())),
    };
    assert!(ended.is_err());
    let fresh = SigningKey::from_bytes(&pli_env::random(&*office.world));
    let request = anne.renew_request(&fresh, office.world.now_ms());
    let answer = office.enrolment(None).await.renew(request).await.unwrap().into_inner();
    anne.tls = fresh;
    anne.chain = vec![answer.tls_certificate.into(), answer.issuer.into()];
    assert!(!office.door(&anne).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_renews_for_another() {
    let office = Office::open().await;
    let (anne, bob) = (office.hire("Anne").await, office.hire("Bob").await);
    let mut client = office.enrolment(None).await;
    let fresh = SigningKey::from_bytes(&pli_env::random(&*office.world));
    let now = office.world.now_ms();
    let forged = pb::RenewRequest { device: anne.id.to_vec(), ..bob.renew_request(&fresh, now) };
    assert_eq!(reason(client.renew(forged).await), Reason::Signature);
    assert_eq!(reason(client.renew(anne.renew_request(&fresh, now - 301_000)).await), Reason::Clock);
    assert_eq!(reason(client.renew(anne.renew_request(&fresh, now + 330_000)).await), Reason::Clock);
    assert_eq!(reason(client.renew(anne.renew_request(&bob.tls, now)).await), Reason::Invalid);
    assert_eq!(reason(client.renew(anne.renew_request(&anne.mls, now)).await), Reason::Invalid);
    let ghost = Device::new(&office);
    assert_eq!(reason(client.renew(ghost.renew_request(&fresh, now)).await), Reason::NotEnrolled);
    office.authority().revoke(anne.id).await.unwrap();
    assert_eq!(reason(client.renew(anne.renew_request(&fresh, now)).await), Reason::Revoked);
}

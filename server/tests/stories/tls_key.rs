//! What a thief of a device's TLS key can't do with it.

use ed25519_dalek::SigningKey;
use pli_env::Env;
use pli_proto::pb;
use pli_proto::pb::{inbox_client::InboxClient, key_packages_client::KeyPackagesClient};
use pli_proto::refusal::Reason;
use pli_proto::signed::Label;
use pli_server::Invite;
use tonic::Status;

use crate::common::*;

/// The methods that need the MLS key.
async fn ask(office: &Office, tls: &Device, label: Label, request: pb::DeviceRequest) -> Result<(), Status> {
    let channel = office.channel(Some(tls)).await.unwrap();
    match label {
        Label::Publish => {
            let mut client = KeyPackagesClient::with_interceptor(channel, Headers::default());
            client.publish(request).await.map(drop)
        }
        Label::Acknowledge => {
            let mut client = InboxClient::with_interceptor(channel, Headers::default());
            client.acknowledge(request).await.map(drop)
        }
        _ => office.directory(tls).await.revoke(request).await.map(drop),
    }
}

/// What a device would ask by each of them.
fn requests(office: &Office, by: &Device, other: &Device) -> [(Label, pb::DeviceRequest); 3] {
    let publish = pb::PublishBody { replace: true, ..by.publication(&[b"garbage"]) };
    let (acknowledge, revoke) = (pb::AcknowledgeBody { up_to: 9 }, pb::RevokeBody { device: other.id.to_vec() });
    [
        (Label::Publish, by.signs(office, Label::Publish, &publish)),
        (Label::Acknowledge, by.signs(office, Label::Acknowledge, &acknowledge)),
        (Label::Revoke, by.signs(office, Label::Revoke, &revoke)),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tls_key_alone_replaces_no_key_packages_deletes_no_welcomes_and_revokes_nobody() {
    let office = Office::open().await;
    let (anne, bob) = (office.hire("Anne").await, office.hire("Bob").await);
    let invite = Invite { device_of: Some(anne.person), ..Invite::person("Anne") };
    let mut second = Device::new(&office);
    second.enrol(&office, &office.invite(invite).await).await.unwrap();
    let publication = anne.signs(&office, Label::Publish, &anne.publication(&[b"genuine"]));
    ask(&office, &anne, Label::Publish, publication).await.unwrap();
    let mut sealed = office.sealed(&bob).await;
    let welcome = pb::DeliverRequest { device: anne.id.to_vec(), id: vec![1; 16], sealed: b"welcome".to_vec() };
    sealed.inbox.deliver(welcome).await.unwrap();

    let thief = Device { mls: SigningKey::from_bytes(&[9; 32]), ..anne.clone() };
    let genuine = requests(&office, &anne, &second);
    for (n, (label, forged)) in requests(&office, &thief, &second).into_iter().enumerate() {
        assert_eq!(reason(ask(&office, &thief, label, forged.clone()).await), Reason::Signature, "{label:?}");
        let unsigned = pb::DeviceRequest { signature: vec![], ..forged.clone() };
        assert_eq!(reason(ask(&office, &thief, label, unsigned).await), Reason::Signature, "{label:?}");
        // What the device did sign serves for nothing else, for nobody else, at no other time.
        let mine = &genuine[n].1;
        let other = &genuine[(n + 1) % 3].1;
        let changed = pb::DeviceRequest { request: other.request.clone(), ..mine.clone() };
        for replayed in [changed, other.clone()] {
            assert_eq!(reason(ask(&office, &thief, label, replayed).await), Reason::Signature, "{label:?}");
        }
        assert_eq!(reason(ask(&office, &bob, label, mine.clone()).await), Reason::Signature, "{label:?}");
        let later = pb::DeviceRequest { time_ms: mine.time_ms + 1, ..mine.clone() };
        assert_eq!(reason(ask(&office, &thief, label, later).await), Reason::Signature, "{label:?}");
        let old = pb::DeviceRequest { time_ms: mine.time_ms - 301_000, ..mine.clone() };
        assert_eq!(reason(ask(&office, &thief, label, old).await), Reason::Clock, "{label:?}");
    }

    let take = pb::TakeRequest { devices: vec![anne.id.to_vec()], last_resort: false };
    let taken = sealed.key_packages.take(take).await.unwrap().into_inner().packages;
    assert_eq!(taken[0].package, b"genuine");
    let mut inbox = InboxClient::with_interceptor(office.channel(Some(&anne)).await.unwrap(), Headers::default());
    let page = soon(inbox.follow(pb::FollowRequest {}).await.unwrap().into_inner().message()).await;
    assert_eq!(page.unwrap().unwrap().items.len(), 1);
    office.door(&second).await;

    for (label, request) in genuine {
        ask(&office, &anne, label, request).await.unwrap();
    }
    assert_eq!(reason(office.enrolment(Some(&second)).await.door(pb::DoorRequest {}).await), Reason::Revoked);
}

/// The device with another TLS key.
async fn renewed(office: &Office, device: &Device) -> Device {
    let tls = SigningKey::from_bytes(&pli_env::random(&*office.world));
    let request = device.renew_request(&tls, office.world.now_ms());
    let answer = office.enrolment(None).await.renew(request).await.unwrap().into_inner();
    Device { tls, chain: vec![answer.tls_certificate.into(), answer.issuer.into()], ..device.clone() }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_tls_key_serves_and_for_a_day_the_one_before() {
    let office = Office::with(|limits| limits.reread = std::time::Duration::from_millis(20)).await;
    let first = office.hire("Anne").await;
    let door = async |device: &Device| {
        office.enrolment(Some(device)).await.door(pb::DoorRequest {}).await.map_err(|status| reason::<()>(Err(status)))
    };
    let mut inbox = InboxClient::with_interceptor(office.channel(Some(&first)).await.unwrap(), Headers::default());
    let mut stream = inbox.follow(pb::FollowRequest {}).await.unwrap().into_inner();
    stream.message().await.unwrap();
    let second = renewed(&office, &first).await;
    assert!(door(&first).await.is_ok() && door(&second).await.is_ok(), "the answer may be lost");
    office.world.pass(2 * DAY_MS);
    assert_eq!(door(&first).await.unwrap_err(), Reason::NotEnrolled);
    assert!(door(&second).await.is_ok());
    // What came in by it goes on no longer either.
    let ended = async {
        loop {
            if let Err(status) = stream.message().await {
                return status;
            }
        }
    };
    assert_eq!(reason::<()>(Err(soon(ended).await)), Reason::NotEnrolled);
    let third = renewed(&office, &second).await;
    let fourth = renewed(&office, &third).await;
    assert_eq!(door(&second).await.unwrap_err(), Reason::NotEnrolled, "one before the newest, and no more");
    assert!(door(&third).await.is_ok() && door(&fourth).await.is_ok());
}

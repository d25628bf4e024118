//! Inboxes.

use pli_proto::limits;
use pli_proto::pb;
use pli_proto::pb::inbox_client::InboxClient;
use pli_proto::refusal::Reason;
use pli_proto::signed::Label;

use crate::common::*;

async fn own(office: &Office, device: &Device) -> InboxClient<Versioned> {
    InboxClient::with_interceptor(office.channel(Some(device)).await.unwrap(), Headers::default())
}

fn item(to: &Device, id: u64, sealed: &[u8]) -> pb::DeliverRequest {
    let id = [id.to_be_bytes(), [0; 8]].concat();
    pb::DeliverRequest { device: to.id.to_vec(), id, sealed: sealed.to_vec() }
}

async fn follow(inbox: &mut InboxClient<Versioned>) -> tonic::Streaming<pb::InboxPage> {
    inbox.follow(pb::FollowRequest {}).await.unwrap().into_inner()
}

fn up_to(office: &Office, device: &Device, up_to: u64) -> pb::DeviceRequest {
    device.signs(office, Label::Acknowledge, &pb::AcknowledgeBody { up_to })
}

async fn next(stream: &mut tonic::Streaming<pb::InboxPage>) -> pb::InboxPage {
    soon(stream.message()).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn items_wait_come_live_and_go_when_acknowledged() {
    let office = Office::open().await;
    let (anne, bob) = (office.hire("Anne").await, office.hire("Bob").await);
    let mut sealed = office.sealed(&bob).await;
    sealed.inbox.deliver(item(&anne, 1, b"one")).await.unwrap();
    let mut inbox = own(&office, &anne).await;
    let mut stream = follow(&mut inbox).await;
    let page = next(&mut stream).await;
    assert_eq!(page.items, [pb::InboxItem { number: 1, sealed: b"one".to_vec() }]);
    assert!(page.caught_up && page.directory_version > 0);
    sealed.inbox.deliver(item(&anne, 2, b"two")).await.unwrap();
    assert_eq!(next(&mut stream).await.items, [pb::InboxItem { number: 2, sealed: b"two".to_vec() }]);
    inbox.acknowledge(up_to(&office, &anne, 1)).await.unwrap();
    assert_eq!(next(&mut follow(&mut inbox).await).await.items.len(), 1);
    inbox.acknowledge(up_to(&office, &anne, 2)).await.unwrap();
    sealed.inbox.deliver(item(&anne, 3, b"three")).await.unwrap();
    let page = next(&mut follow(&mut inbox).await).await;
    assert_eq!(page.items[0].number, 3, "numbers go on after all was acknowledged");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_id_again_is_the_same_item_even_after_it_was_acknowledged() {
    let office = Office::open().await;
    let (anne, bob) = (office.hire("Anne").await, office.hire("Bob").await);
    let mut sealed = office.sealed(&bob).await;
    for _ in 0..2 {
        sealed.inbox.deliver(item(&anne, 1, b"one")).await.unwrap();
    }
    let mut inbox = own(&office, &anne).await;
    assert_eq!(next(&mut follow(&mut inbox).await).await.items.len(), 1);
    inbox.acknowledge(up_to(&office, &anne, 1)).await.unwrap();
    sealed.inbox.deliver(item(&anne, 1, b"one")).await.unwrap();
    assert!(next(&mut follow(&mut inbox).await).await.items.is_empty());
    sealed.inbox.deliver(item(&bob, 1, b"one")).await.unwrap();
    assert_eq!(next(&mut follow(&mut own(&office, &bob).await).await).await.items.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_hints_at_changes_of_directory_and_revocation_list() {
    let office = Office::open().await;
    let (anne, bob) = (office.hire("Anne").await, office.hire("Bob").await);
    let mut inbox = own(&office, &anne).await;
    let mut stream = follow(&mut inbox).await;
    let first = next(&mut stream).await;
    assert!(first.items.is_empty() && first.caught_up && first.revocations == 0);
    office.hire("Carl").await;
    let second = next(&mut stream).await;
    assert!(second.directory_version > first.directory_version);
    office.authority().revoke(bob.id).await.unwrap();
    let third = next(&mut stream).await;
    assert_eq!(third.revocations, 1);
    office.authority().revoke(anne.id).await.unwrap();
    let end = soon(async {
        loop {
            if let Err(status) = stream.message().await {
                break Err::<(), _>(status);
            }
        }
    });
    assert_eq!(reason(end.await), Reason::Revoked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_inbox_and_a_bad_item_are_refused() {
    let office = Office::open().await;
    let (anne, bob) = (office.hire("Anne").await, office.hire("Bob").await);
    let mut sealed = office.sealed(&bob).await;
    let ghost = Device::new(&office);
    assert_eq!(reason(sealed.inbox.deliver(item(&ghost, 1, b"x")).await), Reason::NotEnrolled);
    assert_eq!(reason(sealed.inbox.deliver(item(&anne, 1, b"")).await), Reason::Invalid);
    let long = vec![0; limits::INBOX_ITEM_BYTES + 1];
    assert_eq!(reason(sealed.inbox.deliver(item(&anne, 1, &long)).await), Reason::Invalid);
    let mut deliveries = Vec::new();
    for id in 0..limits::INBOX_ITEMS {
        let (mut sealed, item) = (sealed.clone(), item(&anne, id, &[1; 2000]));
        deliveries.push(tokio::spawn(async move { sealed.inbox.deliver(item).await.map(|_| ()) }));
    }
    for delivery in deliveries {
        delivery.await.unwrap().unwrap();
    }
    let full = refusal(sealed.inbox.deliver(item(&anne, limits::INBOX_ITEMS, b"x")).await);
    assert!(full.reason() == Reason::Limit && full.retry_after_ms > 0);
    assert!(sealed.inbox.deliver(item(&anne, 0, b"x")).await.is_ok(), "a repetition still succeeds");
    // All of it arrives, in pages.
    let mut inbox = own(&office, &anne).await;
    let (mut stream, mut count, mut pages) = (follow(&mut inbox).await, 0, 0);
    loop {
        let page = next(&mut stream).await;
        count += page.items.len() as u64;
        pages += 1;
        assert_eq!(page.items.last().unwrap().number, count);
        if page.caught_up {
            break;
        }
    }
    assert!(count == limits::INBOX_ITEMS && pages >= 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_has_few_streams_at_once() {
    let office = Office::open().await;
    let anne = office.hire("Anne").await;
    let mut inbox = own(&office, &anne).await;
    let mut streams = Vec::new();
    for _ in 0..office.limits.known.streams.each {
        let mut stream = follow(&mut inbox).await;
        next(&mut stream).await;
        streams.push(stream);
    }
    let refused = inbox.follow(pb::FollowRequest {}).await;
    assert_eq!(reason(refused), Reason::Limit);
    streams.pop();
    until(async || inbox.clone().follow(pb::FollowRequest {}).await.is_ok()).await;
}

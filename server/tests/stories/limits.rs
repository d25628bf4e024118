//! Bounds.

use pli_proto::refusal::Reason;
use pli_proto::{limits, pb};
use pli_server::{Bound, Rate};

use crate::common::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_row_an_address_and_a_device_have_their_rates() {
    let office = Office::with(|limits| {
        limits.row_rate = Rate::new(0, 3);
        limits.device_rate = Rate::new(0, 4);
        limits.create_rate = Rate::new(0, 2);
    })
    .await;
    let anne = office.hire("Anne").await;
    let mut group = Group::found(&office, &anne).await;
    for _ in 0..3 {
        group.say(&fill(16)).await;
    }
    let (entry, owner) = (group.pen.message(b"x"), group.owner_row());
    let refused = refusal(group.append(&owner, &entry).await);
    assert!(refused.reason() == Reason::Limit && refused.retry_after_ms > 0);
    let mut known = office.enrolment(Some(&anne)).await;
    let mut last = Ok(());
    for _ in 0..4 {
        last = known.door(pb::DoorRequest {}).await.map(drop);
    }
    assert_eq!(reason(last), Reason::Limit);
    let log = Log::new(&office);
    group.sealed.create(&log, &anne.row(&log)).await.unwrap();
    let log = Log::new(&office);
    assert_eq!(reason(group.sealed.create(&log, &anne.row(&log)).await), Reason::Limit);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_fills_the_disk_in_an_evening() {
    let office = Office::with(|limits| limits.row_kib_rate = Rate::new(0, 64)).await;
    let anne = office.hire("Anne").await;
    let mut group = Group::found(&office, &anne).await;
    let mut kept = 0;
    let refused = loop {
        let (entry, owner) = (group.pen.message(&fill(20 << 10)), group.owner_row());
        match group.append(&owner, &entry).await {
            Ok(_) => kept += 1,
            refused => break refusal(refused),
        }
        assert!(kept < 10, "it never ends");
    };
    assert!(refused.reason() == Reason::Limit && kept >= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_floods_is_told_to_wait() {
    let office = Office::with(|limits| limits.address_rate = Rate::new(0, 10)).await;
    let mut client = office.enrolment(None).await;
    let mut answers = Vec::new();
    for _ in 0..12 {
        answers.push(client.hello(pb::HelloRequest {}).await.map(drop));
    }
    assert!(answers[..10].iter().all(Result::is_ok));
    assert_eq!(reason(answers.pop().unwrap()), Reason::Limit);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_connections_and_streams_are_refused() {
    let office = Office::with(|limits| {
        limits.known.connections = Bound::new(3, 2);
        limits.sealed.streams = Bound::new(1, 1);
    })
    .await;
    let (anne, bob) = (office.hire("Anne").await, office.hire("Bob").await);
    let mut sealed = office.sealed(&anne).await;
    let held = sealed.subscribe().await.unwrap();
    assert_eq!(reason(sealed.subscribe().await), Reason::Limit);
    drop(held);
    until(async || sealed.clone().subscribe().await.is_ok()).await;
    // A device has two, and both devices three.
    let mut open = Vec::new();
    for device in [&anne, &anne, &bob] {
        let mut client = office.enrolment(Some(device)).await;
        until(async || client.clone().door(pb::DoorRequest {}).await.is_ok()).await;
        client.door(pb::DoorRequest {}).await.unwrap();
        open.push(client);
    }
    for device in [&anne, &bob] {
        let refused = office.enrolment(Some(device)).await.door(pb::DoorRequest {}).await;
        assert_eq!(reason(refused), Reason::Limit);
    }
    for client in &mut open {
        client.door(pb::DoorRequest {}).await.unwrap();
    }
    open.pop();
    until(async || office.enrolment(Some(&bob)).await.door(pb::DoorRequest {}).await.is_ok()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_beyond_the_bound_is_refused_before_it_is_read() {
    let office = Office::open().await;
    let anne = office.hire("Anne").await;
    let mut sealed = office.sealed(&anne).await;
    sealed.log = sealed.log.max_encoding_message_size(usize::MAX);
    let request = pb::LogRequest { request: vec![0; limits::MESSAGE_BYTES], ..pb::LogRequest::default() };
    assert_eq!(reason(sealed.log.append(request).await), Reason::Invalid);
    let mut client = office.enrolment(None).await;
    let request = pb::EnrolRequest { token: vec![0; 1 << 20], ..pb::EnrolRequest::default() };
    assert_eq!(reason(client.enrol(request).await), Reason::Invalid);
    assert!(client.hello(pb::HelloRequest {}).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_never_ends_is_ended() {
    let office = Office::with(|limits| limits.request_timeout = std::time::Duration::from_millis(200)).await;
    let anne = office.hire("Anne").await;
    let door = office.door(&anne).await;
    let channel = office.anonymous().await;
    // A unary call whose message does not come.
    let mut grpc = tonic::client::Grpc::new(channel);
    grpc.ready().await.unwrap();
    let mut request = tonic::Request::new(futures_util::stream::pending::<pb::LogRequest>());
    request.metadata_mut().insert("pli-protocol", "1".parse().unwrap());
    let door = data_encoding::HEXLOWER.encode(&door);
    request.metadata_mut().insert("pli-door", door.parse().unwrap());
    let path = "/pli.v1.Log/Append".parse().unwrap();
    let codec = tonic_prost::ProstCodec::<pb::LogRequest, pb::AppendResponse>::default();
    let answer = soon(grpc.client_streaming(request, path, codec)).await;
    assert_eq!(reason(answer), Reason::Unavailable);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_method_is_not_served() {
    let office = Office::open().await;
    let mut grpc = tonic::client::Grpc::new(office.anonymous().await);
    grpc.ready().await.unwrap();
    let codec = tonic_prost::ProstCodec::<pb::HelloRequest, pb::HelloResponse>::default();
    let path = "/pli.v1.Enrolment/Nonsense".parse().unwrap();
    let status = grpc.unary(tonic::Request::new(pb::HelloRequest {}), path, codec).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unimplemented);
    assert_eq!(reason(Err::<(), _>(status)), Reason::Invalid);
}

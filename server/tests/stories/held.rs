//! What the server holds for readers that do not read.

use std::time::Duration;

use pli_proto::limits::ENTRY_BYTES;
use pli_proto::pb;
use tokio::sync::mpsc::Sender;
use tonic::Streaming;

use crate::common::*;

/// Streams on connections of their own, which ask for the log from its start and read nothing.
async fn idle_streams(
    office: &Office,
    device: &Device,
    group: &Group,
    connections: usize,
    on_each: usize,
) -> Vec<(Sender<pb::LogRequest>, Streaming<pb::LogPage>)> {
    let mut streams = Vec::new();
    for _ in 0..connections {
        let mut stingy = office.stingy(device).await;
        for _ in 0..on_each {
            let (requests, stream) = stingy.subscribe().await.unwrap();
            requests.send(stingy.subscribe_request(&group.log, &group.owner_row(), 0)).await.unwrap();
            streams.push((requests, stream));
        }
    }
    streams
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_that_do_not_read_share_a_bound_and_hold_up_nobody() {
    let office = Office::with(|limits| limits.held_bytes = 20 << 20).await;
    let (eve, anne) = (office.hire("Eve").await, office.hire("Anne").await);
    let mut large = Group::found(&office, &eve).await;
    large.say(&vec![1; ENTRY_BYTES]).await;
    let streams = idle_streams(&office, &eve, &large, 4, 16).await;
    // Two pages fit; the others wait, with nothing read.
    let held = || office.running().held_bytes();
    until(async || held() >= 2 * ENTRY_BYTES).await;
    let mut group = Group::found(&office, &anne).await;
    let (requests, mut stream) = group.sealed.subscribe().await.unwrap();
    requests.send(group.sealed.subscribe_request(&group.log, &group.owner_row(), 0)).await.unwrap();
    assert!(soon(stream.message()).await.unwrap().unwrap().caught_up);
    for number in 1..=20 {
        assert_eq!(soon(group.say(&fill(16))).await.number, number);
        let page = soon(stream.message()).await.unwrap().unwrap();
        assert_eq!(numbers(&page), [number]);
        let owner = group.owner_row();
        assert_eq!(numbers(&soon(group.read(&owner, number - 1)).await.unwrap()), [number]);
        let held = held();
        assert!(
            (2 * ENTRY_BYTES..=20 << 20).contains(&held),
            "{held}: neither more, nor given back before it is taken"
        );
    }
    // A backlog of what is small comes too, though in smaller pages than otherwise.
    let (requests, mut stream) = group.sealed.subscribe().await.unwrap();
    for _ in 0..10 {
        group.say(&fill(4_000)).await;
    }
    requests.send(group.sealed.subscribe_request(&group.log, &group.owner_row(), 20)).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 10 {
        seen.extend(numbers(&soon(stream.message()).await.unwrap().unwrap()));
    }
    assert_eq!(seen, (21..=30).collect::<Vec<u64>>());
    drop(streams);
    // Whoever reads gets the large one as soon as there is room, and room is all there is in the end.
    let owner = large.owner_row();
    assert_eq!(soon(large.read(&owner, 0)).await.unwrap().entries[0].sealed.len(), ENTRY_BYTES);
    until(async || held() == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_nothing_of_a_page_is_cut_off() {
    let office = Office::with(|limits| {
        limits.held_bytes = 10 << 20;
        limits.patience = Duration::from_millis(300);
    })
    .await;
    let eve = office.hire("Eve").await;
    let mut large = Group::found(&office, &eve).await;
    large.say(&vec![1; ENTRY_BYTES]).await;
    let mut streams = idle_streams(&office, &eve, &large, 3, 2).await;
    // One page after another, each for a moment: then all are off, and nothing is held.
    for (_, stream) in &mut streams {
        assert!(
            soon(async {
                while stream.message().await?.is_some() {}
                Ok::<_, tonic::Status>(())
            })
            .await
            .is_err()
        );
    }
    until(async || office.running().held_bytes() == 0).await;
    // A unary answer that is not taken ends no later.
    let mut stingy = office.stingy(&eve).await;
    let owner = large.owner_row();
    assert!(soon(stingy.read(&large.log, &owner, 0)).await.is_err());
    until(async || office.running().held_bytes() == 0).await;
    until(async || office.sealed(&eve).await.read(&large.log, &owner, 0).await.is_ok()).await;
}

/// Appends that were begun, of so many bytes each, and whose end never comes.
async fn unfinished(office: &Office, device: &Device, bytes: usize) -> tokio::task::JoinHandle<tonic::Status> {
    let (channel, door) = (office.anonymous().await, office.door(device).await);
    tokio::spawn(async move {
        let mut grpc = tonic::client::Grpc::new(channel);
        grpc.ready().await.unwrap();
        let body = vec![7; bytes];
        let first = pb::LogRequest { request: body, ..pb::LogRequest::default() };
        // As a stream of requests it is announced as one, and goes on after it.
        let requests = futures_util::StreamExt::chain(tokio_stream::once(first), tokio_stream::pending());
        let mut request = tonic::Request::new(requests);
        let headers = Headers { door: Some(door) };
        *request.metadata_mut() =
            tonic::service::Interceptor::call(&mut headers.clone(), tonic::Request::new(())).unwrap().into_parts().0;
        let codec = tonic_prost::ProstCodec::<pb::LogRequest, pb::AppendResponse>::default();
        let sent = grpc.client_streaming(request, "/pli.v1.Log/Append".parse().unwrap(), codec).await;
        sent.map(|_: tonic::Response<pb::AppendResponse>| ()).unwrap_err()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn long_uploads_leave_room_for_short_ones_and_for_pages() {
    let office = Office::with(|limits| limits.sealed.bytes = pli_server::Bound::new(8 << 20, 8 << 20)).await;
    let (eve, anne) = (office.hire("Eve").await, office.hire("Anne").await);
    let mut group = Group::found(&office, &anne).await;
    group.say(&vec![1; 1 << 20]).await;
    let mut uploads = Vec::new();
    for _ in 0..12 {
        uploads.push(unfinished(&office, &eve, 1 << 20).await);
    }
    // Those that find no room are refused, the others are there.
    until(async || uploads.iter().filter(|upload| upload.is_finished()).count() >= 6).await;
    for number in 2..=20 {
        assert_eq!(soon(group.say(&fill(16))).await.number, number);
    }
    let owner = group.owner_row();
    assert_eq!(numbers(&soon(group.read(&owner, 0)).await.unwrap())[0], 1);
    drop(uploads);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_request_on_a_stream_ends_it() {
    let office = Office::open().await;
    let anne = office.hire("Anne").await;
    let mut group = Group::found(&office, &anne).await;
    let (requests, mut stream) = group.sealed.subscribe().await.unwrap();
    let good = group.sealed.subscribe_request(&group.log, &group.owner_row(), 0);
    requests.send(good.clone()).await.unwrap();
    assert!(soon(stream.message()).await.unwrap().unwrap().caught_up);
    requests.send(pb::LogRequest { request: vec![7; 4 << 10], ..good }).await.unwrap();
    assert_eq!(reason(soon(stream.message()).await), pli_proto::refusal::Reason::Invalid);
}

//! What a stranger, who has neither a door key nor a device, can take from others: nothing but other strangers' places.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use pli_proto::pb;
use pli_proto::pb::enrolment_client::EnrolmentClient;
use pli_proto::pb::inbox_client::InboxClient;
use pli_proto::refusal::Reason;
use pli_server::{Bound, Limits, Rate};
use rustls::pki_types::ServerName;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::common::*;

/// An attacker who goes on is that patient between two tries.
const BREATH: Duration = Duration::from_millis(20);

/// Where to call, and from which address of this machine.
#[derive(Clone)]
struct Caller {
    server: SocketAddr,
    host: u8,
    tls: Arc<rustls::ClientConfig>,
}

impl Caller {
    fn new(office: &Office, host: u8) -> Self {
        Self { server: office.address(), host, tls: Arc::new(client_tls(office, None)) }
    }

    async fn tcp(&self) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from(([127, 0, 0, self.host], 0)))?;
        socket.connect(self.server).await
    }

    async fn tls(&self) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from("pli.internal").unwrap();
        TlsConnector::from(self.tls.clone()).connect(name, self.tcp().await?).await
    }

    /// A channel, and how often it has dialled.
    async fn channel(&self) -> (Channel, Arc<AtomicUsize>) {
        let (caller, dialled) = (self.clone(), Arc::new(AtomicUsize::new(0)));
        let count = dialled.clone();
        let connect = tower::service_fn(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            let caller = caller.clone();
            async move { caller.tls().await.map(TokioIo::new) }
        });
        let endpoint = Endpoint::from_static("http://pli.internal");
        (endpoint.connect_with_connector(connect).await.unwrap(), dialled)
    }
}

/// An enrolment that was begun, and whose message never comes.
async fn unfinished(channel: Channel) -> Result<(), Status> {
    let mut grpc = tonic::client::Grpc::new(channel);
    grpc.ready().await.map_err(|error| Status::from_error(error.into()))?;
    let mut request = Request::new(futures_util::stream::pending::<pb::EnrolRequest>());
    request.metadata_mut().insert("pli-protocol", "1".parse().unwrap());
    let codec = tonic_prost::ProstCodec::<pb::EnrolRequest, pb::EnrolResponse>::default();
    grpc.client_streaming(request, "/pli.v1.Enrolment/Enrol".parse().unwrap(), codec).await.map(drop)
}

/// Enrolments that never end, 125 a connection, begun again as soon as they are ended.
async fn unfinished_enrolments(office: &Office, hosts: &[u8]) -> JoinSet<()> {
    let mut attack = JoinSet::new();
    for host in hosts {
        let (channel, _) = Caller::new(office, *host).channel().await;
        for _ in 0..125 {
            let channel = channel.clone();
            attack.spawn(async move {
                loop {
                    let _ = unfinished(channel.clone()).await;
                    tokio::time::sleep(BREATH).await;
                }
            });
        }
        // What is asked after them is answered after they came.
        let mut health = HealthClient::new(channel);
        let _ = soon(health.check(HealthCheckRequest { service: "pli.v1.Log".into() })).await;
    }
    attack
}

/// Connections that say nothing, so many from each host, opened again as soon as they are closed; and how many were
/// opened so far.
fn silent<S, F>(
    office: &Office,
    attack: &mut JoinSet<()>,
    hosts: &[u8],
    each: usize,
    connect: impl Fn(Caller) -> F + Copy + Send + 'static,
) -> Arc<AtomicUsize>
where
    S: AsyncReadExt + Unpin + Send,
    F: Future<Output = io::Result<S>> + Send,
{
    let opened = Arc::new(AtomicUsize::new(0));
    for host in hosts {
        for _ in 0..each {
            let (caller, opened) = (Caller::new(office, *host), opened.clone());
            attack.spawn(async move {
                loop {
                    if let Ok(mut open) = connect(caller.clone()).await {
                        opened.fetch_add(1, Ordering::SeqCst);
                        let _ = open.read_to_end(&mut Vec::new()).await;
                    }
                    tokio::time::sleep(BREATH).await;
                }
            });
        }
    }
    opened
}

async fn silent_tcp(caller: Caller) -> io::Result<TcpStream> {
    caller.tcp().await
}

async fn silent_tls(caller: Caller) -> io::Result<TlsStream<TcpStream>> {
    caller.tls().await
}

async fn hello(channel: Channel) -> Result<pb::HelloResponse, Status> {
    let mut client = EnrolmentClient::with_interceptor(channel, Headers::default());
    soon(client.hello(pb::HelloRequest {})).await.map(tonic::Response::into_inner)
}

async fn watch(health: &mut HealthClient<Channel>) -> Result<tonic::Streaming<HealthCheckResponse>, Status> {
    let asked = HealthCheckRequest { service: "pli.v1.Log".into() };
    soon(health.watch(asked)).await.map(tonic::Response::into_inner)
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_that_never_end_take_nobodys_place() {
    let office = Office::open().await;
    let anne = office.hire("Anne").await;
    let _attack = unfinished_enrolments(&office, &[1; 5]).await;
    let (device, newcomer) = (office.channel(Some(&anne)).await.unwrap(), office.anonymous().await);
    let mut sealed = office.sealed(&anne).await;
    let log = Log::new(&office);
    sealed.create(&log, &anne.row(&log)).await.unwrap();
    for _ in 0..20 {
        hello(device.clone()).await.unwrap();
        hello(newcomer.clone()).await.unwrap();
        sealed.read(&log, &anne.row(&log), 0).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_upload_has_less_time_than_a_long_one() {
    // The whole request may take half a minute.
    let office = Office::with(|limits| limits.upload_grace = Duration::from_millis(100)).await;
    assert_eq!(reason(soon(unfinished(office.anonymous().await)).await), Reason::Unavailable);
}

/// Why a stranger, a device and a caller with a door key are refused, if they are.
async fn refused(office: &Office, device: &Device, door: &[u8]) -> [Option<Reason>; 3] {
    let stranger = hello(office.anonymous().await).await.map(drop);
    let known = hello(office.channel(Some(device)).await.unwrap()).await.map(drop);
    let mut sealed = office.sealed_with(door.to_vec()).await;
    let asked = pb::TakeRequest { devices: vec![device.id.to_vec()], last_resort: false };
    let take = sealed.key_packages.take(asked).await.map(drop);
    [stranger, known, take].map(|answer| answer.is_err().then(|| reason(answer)))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_class_of_callers_has_places_of_its_own() {
    let mut office = Office::open().await;
    let anne = office.hire("Anne").await;
    let (door, usual) = (office.door(&anne).await, office.limits.clone());
    let none = Bound::new(0, 0);
    for class in 0..3 {
        let mut expected = [None; 3];
        expected[class] = Some(Reason::Limit);
        for kind in ["requests", "bytes"] {
            office.shut().await;
            office.limits = usual.clone();
            let Limits { strangers, known, sealed, .. } = &mut office.limits;
            let mut classes = [strangers, known, sealed];
            let places = &mut classes[class];
            *(if kind == "bytes" { &mut places.bytes } else { &mut places.requests }) = none;
            office.start().await;
            assert_eq!(refused(&office, &anne, &door).await, expected, "no {kind} for class {class}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_takes_no_place_of_requests() {
    let mut office = Office::open().await;
    let anne = office.hire("Anne").await;
    let door = office.door(&anne).await;
    office.shut().await;
    office.limits.known.requests = Bound::new(0, 0);
    office.limits.sealed.requests = Bound::new(0, 0);
    office.start().await;
    assert_eq!(refused(&office, &anne, &door).await, [None, Some(Reason::Limit), Some(Reason::Limit)]);
    office.sealed_with(door).await.subscribe().await.unwrap();
    let channel = office.channel(Some(&anne)).await.unwrap();
    let mut inbox = InboxClient::with_interceptor(channel, Headers::default());
    let mut stream = inbox.follow(pb::FollowRequest {}).await.unwrap().into_inner();
    assert!(soon(stream.message()).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_shows_neither_door_key_nor_device_is_closed() {
    let mut office = Office::open().await;
    let (anne, bob) = (office.hire("Anne").await, office.hire("Bob").await);
    office.shut().await;
    office.limits.proof_timeout = Duration::from_millis(500);
    office.start().await;
    // It shows a device, as soon as it is fast enough.
    let channel = office.channel(Some(&anne)).await.unwrap();
    let mut inbox = InboxClient::with_interceptor(channel, Headers::default());
    let mut stream = soon(async {
        loop {
            if let Ok(stream) = inbox.follow(pb::FollowRequest {}).await {
                break stream.into_inner();
            }
        }
    })
    .await;
    soon(stream.message()).await.unwrap();
    // This one says nothing, and this one only what anybody can.
    let mut open = Caller::new(&office, 1).tls().await.unwrap();
    let (channel, dialled) = Caller::new(&office, 1).channel().await;
    let _ = soon(open.read_to_end(&mut Vec::new())).await;
    until(async || hello(channel.clone()).await.is_ok() && dialled.load(Ordering::SeqCst) > 1).await;
    // The first is where it was.
    office.authority().revoke(bob.id).await.unwrap();
    assert!(soon(stream.message()).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_connections_push_out_their_own() {
    let mut office = Office::open().await;
    let anne = office.hire("Anne").await;
    office.shut().await;
    office.limits.proof_timeout = Duration::from_secs(3600);
    office.limits.strangers.connections = Bound::new(32, 32);
    office.start().await;
    let (channel, dialled) = Caller::new(&office, 1).channel().await;
    hello(channel.clone()).await.unwrap();
    let mut attack = JoinSet::new();
    let opened = silent(&office, &mut attack, &[2, 3], 24, silent_tls);
    // Whoever was pushed out comes again: all that they could take is taken.
    until(async || opened.load(Ordering::SeqCst) > 96).await;
    hello(channel).await.unwrap();
    assert_eq!(dialled.load(Ordering::SeqCst), 1, "it was pushed out");
    for _ in 0..20 {
        hello(office.channel(Some(&anne)).await.unwrap()).await.unwrap();
        hello(office.anonymous().await).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_connections_keep_nobody_from_shaking_hands() {
    let mut office = Office::open().await;
    let anne = office.hire("Anne").await;
    office.shut().await;
    office.limits.handshakes = Bound::new(16, 16);
    office.start().await;
    let mut attack = JoinSet::new();
    let opened = silent(&office, &mut attack, &[2, 3], 24, silent_tcp);
    until(async || opened.load(Ordering::SeqCst) > 96).await;
    for _ in 0..10 {
        hello(office.channel(Some(&anne)).await.unwrap()).await.unwrap();
        hello(office.anonymous().await).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_watches_the_servers_health_is_counted() {
    let office = Office::with(|limits| limits.strangers.streams = Bound::new(3, 2)).await;
    let mut from_here = HealthClient::new(Caller::new(&office, 1).channel().await.0);
    let mut watches = vec![watch(&mut from_here).await.unwrap(), watch(&mut from_here).await.unwrap()];
    assert_eq!(reason(watch(&mut from_here).await.map(drop)), Reason::Limit);
    let mut from_there = HealthClient::new(Caller::new(&office, 2).channel().await.0);
    watches.push(watch(&mut from_there).await.unwrap());
    assert_eq!(reason(watch(&mut from_there).await.map(drop)), Reason::Limit);
    watches.remove(0);
    until(async || watch(&mut from_there.clone()).await.is_ok()).await;
}

async fn list_services(office: &Office, times: usize) -> Result<usize, Status> {
    let list = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut reflection = ServerReflectionClient::new(office.anonymous().await);
    let asked = tokio_stream::iter(vec![list; times]);
    let mut answers = soon(reflection.server_reflection_info(asked)).await?.into_inner();
    let mut count = 0;
    while let Some(answer) = soon(answers.message()).await? {
        let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else { break };
        assert!(list.service.iter().any(|service| service.name == "pli.v1.Log"));
        count += 1;
    }
    Ok(count)
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_answers_where_it_is_wanted_and_not_much() {
    let mut office = Office::open().await;
    assert_eq!(list_services(&office, 1).await.unwrap_err().code(), Code::Unimplemented);
    office.shut().await;
    office.reflection = true;
    office.limits.stranger_rate = Rate::new(0, 50);
    office.start().await;
    assert_eq!(list_services(&office, 1).await.unwrap(), 1);
    assert!(list_services(&office, 1_000).await.unwrap_or(0) < 200, "one call asks a kilobyte at most");
    assert_eq!(reason(list_services(&office, 1).await), Reason::Limit);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_made_up_invitation_costs_the_server_no_signature() {
    let office = Office::open().await;
    let mut client = office.enrolment(None).await;
    let mut made_up = Device::new(&office).enrol_request(&[5; 16]);
    made_up.mls_signature = vec![0; 64];
    assert_eq!(reason(client.enrol(made_up).await), Reason::InvitationUnknown);
}

/// All of it together, from five addresses, each more than the server has places for.
#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_with_five_addresses_stops_nobody() {
    let office = Office::with(|limits| {
        limits.handshakes = Bound::new(64, 64);
        limits.strangers.connections = Bound::new(64, 64);
    })
    .await;
    let anne = office.hire("Anne").await;
    let hosts = [2, 3, 4, 5, 6];
    let mut attack = unfinished_enrolments(&office, &hosts).await;
    let tcp = silent(&office, &mut attack, &hosts, 25, silent_tcp);
    let tls = silent(&office, &mut attack, &hosts, 25, silent_tls);
    until(async || tcp.load(Ordering::SeqCst) >= 125 && tls.load(Ordering::SeqCst) >= 125).await;
    let mut sealed = office.sealed(&anne).await;
    let log = Log::new(&office);
    sealed.create(&log, &anne.row(&log)).await.unwrap();
    for _ in 0..20 {
        hello(office.channel(Some(&anne)).await.unwrap()).await.unwrap();
        hello(office.anonymous().await).await.unwrap();
        sealed.read(&log, &anne.row(&log), 0).await.unwrap();
    }
    office.hire("Bob").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hammers_handshakes_waits_for_its_own_alone() {
    let mut office = Office::open().await;
    let anne = office.hire("Anne").await;
    office.shut().await;
    office.limits.handshake_rate = Rate::new(100, 20);
    office.limits.address_handshake_rate = Rate::new(60, 10);
    // Waiting is no work: nobody is turned out for it.
    office.limits.handshake_timeout = Duration::from_secs(60);
    office.start().await;
    let (shaken, began) = (Arc::new(AtomicUsize::new(0)), tokio::time::Instant::now());
    let mut attack = JoinSet::new();
    for host in [2, 3, 4, 5].repeat(16) {
        let (caller, shaken) = (Caller::new(&office, host), shaken.clone());
        attack.spawn(async move {
            loop {
                let Ok(mut open) = caller.tls().await else { continue };
                // It is done once the server has spoken under its keys.
                shaken.fetch_add(usize::from(open.read_u8().await.is_ok()), Ordering::SeqCst);
            }
        });
    }
    until(async || shaken.load(Ordering::SeqCst) > 40).await;
    for _ in 0..10 {
        hello(office.channel(Some(&anne)).await.unwrap()).await.unwrap();
        hello(office.anonymous().await).await.unwrap();
    }
    let (count, most) = (shaken.load(Ordering::SeqCst), 20.0 + began.elapsed().as_secs_f64() * 100.0);
    assert!(count as f64 <= most, "{count} handshakes, of {most} at most");
}

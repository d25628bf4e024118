//! What two people notice of an attack: how long a message takes from one to the other through a server that strangers
//! and an insider attack, all of them at once, beside the same without. The server is a process of its own, with its usual
//! bounds; the attackers are in this one, and take their part of the processors.
//!
//! The strangers call from addresses of their own, the insider from that of the two: a colleague.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hyper_util::rt::TokioIo;
use pli_core::identity::ended::Ended;
use pli_core::model::{Content, ConversationId, TimelineItem};
use pli_core::transport::tls::{Dates, Doubt, config};
use pli_core::transport::{Address, SERVER_NAME};
use pli_core::{Client, FileKeyStore};
use pli_env::Env;
use pli_env::real::Real;
use pli_proto::limits::{ENTRY_BYTES, INBOX_ITEM_BYTES};
use pli_proto::pb;
use pli_proto::signed::Method;
use pli_server::{Authority, Config, Invite, Organisation, Server};
use pli_tests::insider::Insider;
use rustls::pki_types::ServerName;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{interval, sleep};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint};

use crate::Result;
use crate::alone::{Alone, resident};
use crate::measure::us_since;
use crate::report::{Line, Unit};
use crate::world::{online, until};

/// What people call at once.
const SOON_US: f64 = 250_000.0;
/// The strangers' addresses.
const HOSTS: [u8; 5] = [2, 3, 4, 5, 6];
/// Until an attack has taken what it can.
const BEGUN: Duration = Duration::from_secs(3);
/// A stranger whose connection ended opens the next that soon.
const BREATH: Duration = Duration::from_millis(20);

pub(crate) async fn run(quick: bool) -> Result<Vec<Line>> {
    let messages = if quick { 100 } else { 500 };
    let folder = tempfile::tempdir()?;
    let env: Arc<dyn Env> = Real::current();
    let data = folder.path().join("server");
    let organisation = Organisation { name: "Mairie".into(), domain: "mairie.example".into() };
    let authority = Authority::create(&data, env.clone(), organisation).await?;
    let server = Attacked::start(&data)?;
    let enrol = async |name: &str| -> Result<Client> {
        let links = authority.invite(&server.address.to_string(), Invite::person(name)).await?;
        let folder = folder.path().join(name);
        let keys = Arc::new(FileKeyStore::beside(&folder));
        let client = Client::join(env.clone(), &folder, keys, links.first().ok_or("no invitation")?).await?;
        online(&client).await?;
        Ok(client)
    };
    let (anna, bernard, eve) = (enrol("Anna").await?, enrol("Bernard").await?, enrol("Eve").await?);
    let person = until(async || Ok(anna.people("Bernard").await?.into_iter().next())).await?;
    let group = anna.create_group("Digue", &[person.id]).await?;
    until(async || {
        let members = bernard.conversation(group).member_list().await.unwrap_or_default();
        Ok((members.len() == 2).then_some(()))
    })
    .await?;
    let own = eve.create_group("Mine", &[]).await?;
    let said = eve.conversation(own).send("There is nobody.", None, &[]).await?;
    eve.conversation(own).settled(said).await?;
    eve.close().await;
    let insider = Insider::of(env.clone(), &folder.path().join("Eve"), own).await;
    let prepared = Prepared::new(insider).await?;

    exchange(&anna, &bernard, group, messages / 10).await?;
    let quiet = exchange(&anna, &bernard, group, messages).await?;
    let quiet_bytes = server.resident();
    let stranger = Stranger::new(&env, &server, authority.root_key())?;
    let (blows, mut attack) = (Blows::default(), JoinSet::new());
    stranger.attack(&blows, &mut attack).await?;
    prepared.attack(&blows, &mut attack);
    sleep(BEGUN).await;
    let attacked = exchange(&anna, &bernard, group, messages).await?;
    let attacked_bytes = server.resident();
    attack.shutdown().await;
    blows.told()?;
    for client in [anna, bernard] {
        client.close().await;
    }
    authority.close().await;
    let line = |name: &str, value, against, other| Line {
        name: name.into(),
        value,
        unit: Unit::Us,
        against,
        other,
        target: (other == SOON_US).then_some(1.0),
    };
    Ok(vec![
        line("p50 under attack", share(&attacked, 50), "p50 without", share(&quiet, 50)),
        line("p99 under attack", share(&attacked, 99), "p99 without", share(&quiet, 99)),
        line("p99 under attack", share(&attacked, 99), "250 ms", SOON_US),
        Line {
            name: "the server's memory".into(),
            value: attacked_bytes as f64,
            unit: Unit::Bytes,
            against: "without",
            other: quiet_bytes as f64,
            target: None,
        },
    ])
}

/// So many hundredths are below.
fn share(sorted: &[f64], hundredths: usize) -> f64 {
    sorted.get(sorted.len() * hundredths / 100).or(sorted.last()).copied().unwrap_or_default()
}

/// How long messages take from the call that sends to the screen of the other, by turns; ascending.
async fn exchange(anna: &Client, bernard: &Client, group: ConversationId, messages: usize) -> Result<Vec<f64>> {
    let mut times = Vec::with_capacity(messages);
    for number in 0..messages {
        let (from, to) = if number % 2 == 0 { (anna, bernard) } else { (bernard, anna) };
        let began = Instant::now();
        let text = format!("message {number} {}", pli_env::random_below(&*Real::current(), u64::MAX));
        from.conversation(group).send(&text, None, &[]).await?;
        loop {
            let newest = to.conversation(group).items(None, 1).await?;
            let is_it = |item: &TimelineItem| matches!(item, TimelineItem::Said(message) if matches!(&message.content, Content::Text { body, .. } if *body == text));
            if newest.first().is_some_and(is_it) {
                break;
            }
            sleep(Duration::from_millis(1)).await;
        }
        times.push(us_since(began));
        // As people write.
        sleep(Duration::from_millis(10)).await;
    }
    times.sort_by(f64::total_cmp);
    Ok(times)
}

/// How often each thing was done.
#[derive(Clone, Default)]
struct Blows(Arc<Mutex<BTreeMap<&'static str, u64>>>);

impl Blows {
    fn count(&self, what: &'static str) {
        *self.0.lock().expect("no panic while held").entry(what).or_default() += 1;
    }

    /// Says so; fails if something of it never took place.
    fn told(&self) -> Result<()> {
        let blows = self.0.lock().expect("no panic while held");
        eprintln!("the attack: {blows:?}");
        if blows.len() == 7 { Ok(()) } else { Err("a part of the attack never took place".into()) }
    }
}

/// The server, in a process of its own.
struct Attacked {
    process: Child,
    address: SocketAddr,
}

impl Attacked {
    fn start(data: &Path) -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?);
        process.args(["--alone", &Alone::Serve.name()?]).arg(data).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = process.spawn()?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        Ok(Self { process, address: line.trim().parse()? })
    }

    fn resident(&self) -> u64 {
        resident(&self.process.id().to_string())
    }
}

impl Drop for Attacked {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The process: serves until it is ended.
pub(crate) async fn serve(data: &Path) -> Result<std::convert::Infallible> {
    let running = Server::start(Real::current(), Config::new(data, ([127, 0, 0, 1], 0).into())).await?;
    println!("{}", running.address());
    Err(running.stopped().await.to_string().into())
}

/// An insider whose inbox and log are full.
struct Prepared {
    insider: Insider,
    /// A snapshot stands there.
    number: u64,
}

impl Prepared {
    async fn new(mut insider: Insider) -> Result<Self> {
        let mut inbox = insider.sealed().inbox();
        while inbox.deliver(delivery(&insider, INBOX_ITEM_BYTES)).await.is_ok() {}
        let mut number = 0;
        for _ in 0..8 {
            let entry = pb::Entry {
                kind: pb::EntryKind::Commit.into(),
                parent: insider.parent.0,
                parent_hash: insider.parent.1.clone(),
                sealed: vec![1; 32],
                ..pb::Entry::default()
            };
            number = insider.append(&entry).await.map_err(|reason| format!("{reason:?}"))?;
            let body = pb::SnapshotBody { number, sealed: vec![2; ENTRY_BYTES] };
            insider.sealed().log().put_snapshot(insider.request(Method::PutSnapshot, &body)).await?;
        }
        Ok(Self { insider, number })
    }

    /// Refused deliveries, snapshots that are there, and packages of devices that are not.
    fn attack(&self, blows: &Blows, attack: &mut JoinSet<()>) {
        let insider = &self.insider;
        let (mut inbox, item, count) = (insider.sealed().inbox(), delivery(insider, 1), blows.clone());
        attack.spawn(async move {
            let mut tick = interval(Duration::from_millis(10));
            loop {
                tick.tick().await;
                let _ = inbox.deliver(item.clone()).await;
                count.count("refused deliveries");
            }
        });
        let put = insider.request(Method::PutSnapshot, &pb::SnapshotBody { number: self.number, sealed: vec![3] });
        let (mut log, count) = (insider.sealed().log(), blows.clone());
        attack.spawn(async move {
            let mut tick = interval(Duration::from_millis(20));
            loop {
                tick.tick().await;
                let _ = log.put_snapshot(put.clone()).await;
                count.count("snapshots");
            }
        });
        let (mut packages, count) = (insider.sealed().key_packages(), blows.clone());
        attack.spawn(async move {
            loop {
                let devices = (0..250_u8).map(|n| vec![n; 16]).collect();
                let _ = packages.take(pb::TakeRequest { devices, last_resort: false }).await;
                count.count("packages");
                sleep(BREATH).await;
            }
        });
    }
}

fn delivery(insider: &Insider, bytes: usize) -> pb::DeliverRequest {
    pb::DeliverRequest { device: insider.me.device.to_vec(), id: insider.id().0.to_vec(), sealed: vec![7; bytes] }
}

/// One without an account.
#[derive(Clone)]
struct Stranger {
    server: SocketAddr,
    tls: Arc<rustls::ClientConfig>,
}

impl Stranger {
    fn new(env: &Arc<dyn Env>, server: &Attacked, root: [u8; 32]) -> Result<Self> {
        let (ended, doubt) = (Ended::default(), Doubt::default());
        let address = Address { host: "127.0.0.1".into(), port: server.address.port(), root, ended, doubt };
        Ok(Self { server: server.address, tls: config(env, &address, None, Dates::Heeded)? })
    }

    async fn tcp(&self, host: u8) -> std::io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from(([127, 0, 0, host], 0)))?;
        socket.connect(self.server).await
    }

    async fn tls(&self, host: u8) -> std::io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(SERVER_NAME).map_err(std::io::Error::other)?;
        TlsConnector::from(self.tls.clone()).connect(name, self.tcp(host).await?).await
    }

    async fn channel(&self, host: u8) -> Result<Channel> {
        let stranger = self.clone();
        let connect = tower::service_fn(move |_| {
            let stranger = stranger.clone();
            async move { stranger.tls(host).await.map(TokioIo::new) }
        });
        Ok(Endpoint::from_static("http://pli.internal").connect_with_connector(connect).await?)
    }

    /// From each address: 125 enrolments that never end, 200 connections that say nothing and 60 that do not even shake
    /// hands, and four that shake hands without pause.
    async fn attack(&self, blows: &Blows, attack: &mut JoinSet<()>) -> Result<()> {
        for host in HOSTS {
            let channel = self.channel(host).await?;
            for _ in 0..125 {
                let (channel, count) = (channel.clone(), blows.clone());
                attack.spawn(async move {
                    loop {
                        count.count("enrolments");
                        let _ = unfinished(channel.clone()).await;
                        sleep(BREATH).await;
                    }
                });
            }
            for number in 0..260 {
                let (stranger, count) = (self.clone(), blows.clone());
                attack.spawn(async move {
                    loop {
                        if number < 200 {
                            if let Ok(mut silent) = stranger.tls(host).await {
                                count.count("silent after TLS");
                                let _ = silent.read_to_end(&mut Vec::new()).await;
                            }
                        } else if let Ok(mut silent) = stranger.tcp(host).await {
                            count.count("silent before TLS");
                            let _ = silent.read_to_end(&mut Vec::new()).await;
                        }
                        sleep(BREATH).await;
                    }
                });
            }
            for _ in 0..4 {
                let (stranger, count) = (self.clone(), blows.clone());
                attack.spawn(async move {
                    loop {
                        let _ = stranger.tls(host).await;
                        count.count("handshakes");
                    }
                });
            }
        }
        Ok(())
    }
}

/// An enrolment that was begun, and whose message never comes.
async fn unfinished(channel: Channel) -> Result<()> {
    let mut grpc = tonic::client::Grpc::new(channel);
    grpc.ready().await?;
    let mut request = tonic::Request::new(futures_util::stream::pending::<pb::EnrolRequest>());
    request.metadata_mut().insert("pli-protocol", "1".parse()?);
    let codec = tonic_prost::ProstCodec::<pb::EnrolRequest, pb::EnrolResponse>::default();
    grpc.client_streaming(request, "/pli.v1.Enrolment/Enrol".parse()?, codec).await?;
    Ok(())
}

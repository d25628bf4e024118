//! The server in a world of its own: one thread, no sockets, no TLS, a clock that jumps over idle time, counted
//! randomness. What it answers there hangs on the seed alone.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ed25519_dalek::{Signer, SigningKey};
use hyper_util::rt::TokioIo;
use pli_env::{BoxFuture, Dial, Env, Incoming, Listen, Peer, Stream, Task};
use pli_proto::id::{DeviceId, LogId};
use pli_proto::pb;
use pli_proto::pb::{enrolment_client::EnrolmentClient, inbox_client::InboxClient, log_client::LogClient};
use pli_proto::refusal::Reason;
use pli_proto::row::AccessSigner;
use pli_proto::signed::{self, Label, Method};
use pli_server::{Authority, Config, Invite, Organisation, Running, Server};
use prost::Message;
use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tonic::transport::{Channel, Endpoint};

use crate::common::{DAY_MS, Headers, Pen, Versioned, reason, token};

const START_MS: u64 = 20_000 * DAY_MS + 3_600_000;

pub struct Virtual {
    seed: u64,
    drawn: AtomicU64,
    start: Instant,
    listener: Mutex<Option<mpsc::Sender<Stream>>>,
}

impl Env for Virtual {
    fn now_ms(&self) -> u64 {
        START_MS + self.start.elapsed().as_millis() as u64
    }
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let n = self.drawn.fetch_add(1, Ordering::SeqCst);
            let block = Sha256::digest([self.seed.to_be_bytes(), n.to_be_bytes()].concat());
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }
    fn open_database(&self, path: &Path) -> rusqlite::Result<rusqlite::Connection> {
        rusqlite::Connection::open(path)
    }
    fn run_database(&self, _: &str, work: BoxFuture<()>) {
        tokio::spawn(work);
    }
    fn spawn(&self, task: BoxFuture<()>) -> Task {
        Task::new(tokio::spawn(task).abort_handle())
    }
    fn step(&self, _: &'static str) -> BoxFuture<()> {
        // A disk takes its time.
        Box::pin(tokio::time::sleep(Duration::from_millis(2)))
    }
    fn dial(&self, to: Dial) -> BoxFuture<std::io::Result<Stream>> {
        let (near, far) = tokio::io::duplex(1 << 16);
        let listener = self.listener.lock().unwrap().clone();
        Box::pin(async move {
            let far = Stream::new(far, Peer { address: None, chain: to.chain.into() });
            let listener = listener.ok_or(std::io::ErrorKind::ConnectionRefused)?;
            listener.send(far).await.map_err(|_| std::io::ErrorKind::ConnectionRefused)?;
            Ok(Stream::new(near, Peer::default()))
        })
    }
    fn listen(&self, on: Listen) -> BoxFuture<std::io::Result<(SocketAddr, Incoming)>> {
        let (sender, mut receiver) = mpsc::channel(8);
        *self.listener.lock().unwrap() = Some(sender);
        let incoming = futures_util::stream::poll_fn(move |cx| receiver.poll_recv(cx).map(|s| s.map(Ok)));
        Box::pin(async move { Ok((on.address, Box::pin(incoming) as Incoming)) })
    }
}

impl Virtual {
    async fn channel(self: &Arc<Self>, chain: &[CertificateDer<'static>]) -> Channel {
        let (world, chain) = (self.clone(), chain.to_vec());
        let tls = rustls::ClientConfig::builder_with_provider(rustls::crypto::aws_lc_rs::default_provider().into())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let tls = Arc::new(tls);
        let connect = tower::service_fn(move |_| {
            let (host, server_name, chain) = ("server".into(), "pli.internal".into(), chain.clone());
            let dialling = world.dial(Dial { host, port: 1, server_name, tls: tls.clone(), chain });
            async { dialling.await.map(TokioIo::new) }
        });
        Endpoint::from_static("http://server").connect_with_connector(connect).await.unwrap()
    }

    async fn known(self: &Arc<Self>, chain: &[CertificateDer<'static>]) -> EnrolmentClient<Versioned> {
        EnrolmentClient::with_interceptor(self.channel(chain).await, Headers::default())
    }
}

/// A server in such a world.
pub struct Scene {
    _folder: tempfile::TempDir,
    world: Arc<Virtual>,
    pub running: Running,
}

/// An enrolled device.
pub struct Phone {
    pub enrolled: pb::EnrolResponse,
    mls: SigningKey,
    pub world: Arc<Virtual>,
}

impl Scene {
    pub async fn open(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (drawn, start) = (AtomicU64::new(0), Instant::now());
        let world = Arc::new(Virtual { seed, drawn, start, listener: Mutex::new(None) });
        let organisation = Organisation { name: "Mairie".into(), domain: "pli.example".into() };
        Authority::create(folder.path(), world.clone(), organisation).await.unwrap().close().await;
        let config = Config::new(folder.path(), "127.0.0.1:1".parse().unwrap());
        let running = Server::start(world.clone(), config).await.unwrap();
        Self { _folder: folder, world, running }
    }

    pub async fn anonymous(&self) -> Channel {
        self.world.channel(&[]).await
    }

    pub async fn hire(&self, name: &str) -> Phone {
        let links = self.running.authority().invite("server:1", Invite::person(name)).await.unwrap();
        let token = token(&links[0]);
        let key = || SigningKey::from_bytes(&pli_env::random(&*self.world));
        let (mls, tls) = (key(), key());
        let (mls_key, tls_key) = (mls.verifying_key().to_bytes(), tls.verifying_key().to_bytes());
        let content = signed::content(Label::Enrol, &[&token, &mls_key, &tls_key]);
        let enrol = pb::EnrolRequest {
            token,
            mls_key: mls_key.to_vec(),
            tls_key: tls_key.to_vec(),
            mls_signature: mls.sign(&content).to_bytes().to_vec(),
            tls_signature: tls.sign(&content).to_bytes().to_vec(),
        };
        let enrolled = self.world.known(&[]).await.enrol(enrol).await.unwrap().into_inner();
        Phone { enrolled, mls, world: self.world.clone() }
    }
}

impl Phone {
    pub fn id(&self) -> DeviceId {
        DeviceId::try_from(self.enrolled.device.as_slice()).unwrap()
    }

    fn chain(&self) -> [CertificateDer<'static>; 2] {
        [self.enrolled.tls_certificate.clone().into(), self.enrolled.issuer.clone().into()]
    }

    pub async fn known(&self) -> Channel {
        self.world.channel(&self.chain()).await
    }

    pub async fn door(&self) -> pb::DoorResponse {
        self.world.known(&self.chain()).await.door(pb::DoorRequest {}).await.unwrap().into_inner()
    }

    pub async fn sealed(&self) -> LogClient<Versioned> {
        let headers = Headers { door: Some(self.door().await.key) };
        LogClient::with_interceptor(self.world.channel(&[]).await, headers)
    }

    pub async fn inbox(&self) -> tonic::Streaming<pb::InboxPage> {
        let mut inbox = InboxClient::with_interceptor(self.known().await, Headers::default());
        inbox.follow(pb::FollowRequest {}).await.unwrap().into_inner()
    }
}

/// A day in the life of a device; everything that it was told.
async fn day(seed: u64) -> Vec<u8> {
    let scene = Scene::open(seed).await;
    let mut told = Vec::new();
    let anne = scene.hire("Anne").await;
    told.extend(anne.enrolled.encode_to_vec());
    let door = anne.door().await;
    told.extend(door.encode_to_vec());

    let (world, running) = (&scene.world, &scene.running);
    let headers = Headers { door: Some(door.key) };
    let mut log = LogClient::with_interceptor(world.channel(&[]).await, headers);
    let (id, log_key) = (LogId(pli_env::random(&**world)), pli_env::random::<32>(&**world));
    let row = AccessSigner::new(&log_key, anne.mls.as_bytes());
    let sign = |method, body: Vec<u8>| {
        let (row_key, time_ms) = (row.key().0.to_vec(), world.now_ms());
        let mut request = pb::LogRequest { log: id.to_vec(), row_key, time_ms, request: body, ..Default::default() };
        request.signature = row.sign(&signed::request(&running.authority().root_key(), method, &request)).to_vec();
        request
    };
    log.create(sign(Method::Create, pb::CreateBody { snapshot: vec![1] }.encode_to_vec())).await.unwrap();
    let subscribe = tokio_stream::iter([sign(Method::Subscribe, pb::ReadBody::default().encode_to_vec())]);
    let mut stream = log.subscribe(subscribe).await.unwrap().into_inner();
    let pen = Pen { parent: 0, parent_hash: signed::hash_start(id).to_vec() };
    let mut follow = anne.inbox().await;
    for n in 0..10_u8 {
        let entry = pen.message(&[n]);
        told.extend(
            log.append(sign(Method::Append, entry.encode_to_vec())).await.unwrap().into_inner().encode_to_vec(),
        );
        told.extend(stream.message().await.unwrap().unwrap().encode_to_vec());
        tokio::time::sleep(Duration::from_secs(3600)).await;
    }
    told.extend(follow.message().await.unwrap().unwrap().encode_to_vec());
    running.authority().revoke(anne.id()).await.unwrap();
    assert_eq!(reason(end(&mut stream).await), Reason::Door);
    assert_eq!(reason(end(&mut follow).await), Reason::Revoked);
    told.extend(world.now_ms().to_be_bytes());
    scene.running.shutdown().await;
    told
}

async fn end<T>(stream: &mut tonic::Streaming<T>) -> Result<(), tonic::Status> {
    loop {
        stream.message().await?;
    }
}

/// On one thread, in a time that jumps.
pub fn run<T>(story: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(story)
}

#[test]
fn the_same_seed_is_told_the_same_and_a_day_takes_no_time() {
    let run = |seed| run(day(seed));
    let began = std::time::Instant::now();
    let (first, again, other) = (run(1), run(1), run(2));
    assert!(first == again, "one seed, two answers");
    assert!(first != other);
    assert!(began.elapsed() < Duration::from_secs(60));
}

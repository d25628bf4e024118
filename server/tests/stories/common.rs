//! A server in a temporary folder, and a raw client of it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use ed25519_dalek::{Signer, SigningKey};
use futures_util::StreamExt;
use hyper_util::rt::TokioIo;
use pli_env::real::Real;
use pli_env::{BoxFuture, Dial, Env, Incoming, Listen, Stream, Task};
use pli_proto::id::{DeviceId, LogId, PersonId};
use pli_proto::pb;
use pli_proto::pb::{
    directory_client::DirectoryClient, enrolment_client::EnrolmentClient, inbox_client::InboxClient,
    key_packages_client::KeyPackagesClient, log_client::LogClient,
};
use pli_proto::refusal::{Reason, Refusal};
use pli_proto::row::AccessSigner;
use pli_proto::rows;
use pli_proto::signed::{self, Label, Method};
use pli_proto::{DOOR_HEADER, PROTOCOL_HEADER, limits};
use pli_server::{Authority, Config, Invite, Limits, Organisation, Running, Server};
use prost::Message;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, TrustAnchor, UnixTime};
use rustls::time_provider::TimeProvider;
use tempfile::TempDir;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

pub const DAY_MS: u64 = 86_400_000;
/// Nothing on loopback takes that long, unless it never comes.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The operating system, with a clock that tests move.
#[derive(Debug)]
pub struct World {
    real: Arc<Real>,
    ahead_ms: AtomicU64,
    /// Pages that fit on the disk, for databases opened from now on; zero for no bound.
    pub disk_pages: AtomicU64,
    /// Ends listeners.
    pub network_down: Arc<tokio::sync::Notify>,
}

impl World {
    pub fn new() -> Arc<Self> {
        let (ahead_ms, disk_pages) = (AtomicU64::new(0), AtomicU64::new(0));
        Arc::new(Self { real: Real::current(), ahead_ms, disk_pages, network_down: Arc::default() })
    }

    pub fn pass(&self, ms: u64) {
        self.ahead_ms.fetch_add(ms, Ordering::SeqCst);
    }

    /// The operator sets the clock back.
    pub fn go_back(&self, ms: u64) {
        self.ahead_ms.fetch_sub(ms, Ordering::SeqCst);
    }

    /// Moves to so long after the next midnight.
    pub fn pass_midnight(&self, after_ms: u64) {
        let now = self.now_ms();
        self.pass((now / DAY_MS + 1) * DAY_MS - now + after_ms);
    }
}

impl Env for World {
    fn now_ms(&self) -> u64 {
        self.real.now_ms() + self.ahead_ms.load(Ordering::SeqCst)
    }
    fn fill(&self, bytes: &mut [u8]) {
        self.real.fill(bytes);
    }
    fn open_database(&self, path: &std::path::Path) -> rusqlite::Result<rusqlite::Connection> {
        let connection = self.real.open_database(path)?;
        match self.disk_pages.load(Ordering::SeqCst) {
            0 => {}
            pages => connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?,
        }
        Ok(connection)
    }
    fn run_database(&self, name: &str, work: BoxFuture<()>) {
        self.real.run_database(name, work);
    }
    fn spawn(&self, task: BoxFuture<()>) -> Task {
        self.real.spawn(task)
    }
    fn step(&self, at: &'static str) -> BoxFuture<()> {
        self.real.step(at)
    }
    fn dial(&self, to: Dial) -> BoxFuture<std::io::Result<Stream>> {
        self.real.dial(to)
    }
    fn listen(&self, on: Listen) -> BoxFuture<std::io::Result<(SocketAddr, Incoming)>> {
        let (listening, down) = (self.real.listen(on), self.network_down.clone());
        Box::pin(async move {
            let (address, incoming) = listening.await?;
            Ok((address, Box::pin(incoming.take_until(async move { down.notified().await })) as Incoming))
        })
    }
}

#[derive(Debug)]
struct Clock(Arc<World>);

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_millis(self.0.now_ms())))
    }
}

/// An organisation's server.
pub struct Office {
    pub folder: TempDir,
    pub world: Arc<World>,
    pub limits: Limits,
    pub reflection: bool,
    running: Option<Running>,
    /// Where the server is, if it runs in another process.
    pub elsewhere: Option<SocketAddr>,
    pub root: [u8; 32],
}

impl Office {
    pub async fn open() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Limits)) -> Self {
        let (folder, world) = (tempfile::tempdir().unwrap(), World::new());
        let organisation = Organisation { name: "Mairie de Pli".into(), domain: "pli.example".into() };
        let authority = Authority::create(folder.path(), world.clone(), organisation).await.unwrap();
        let root = authority.root_key();
        authority.close().await;
        // Nobody waits for what takes seconds elsewhere.
        let door_grace = Duration::ZERO;
        let mut limits = Limits { poll: Duration::from_millis(20), door_grace, ..Limits::default() };
        change(&mut limits);
        let mut office = Self { folder, world, limits, reflection: false, running: None, elsewhere: None, root };
        office.start().await;
        office
    }

    pub fn config(&self) -> Config {
        let mut config = Config::new(self.folder.path(), "127.0.0.1:0".parse().unwrap());
        config.limits = self.limits.clone();
        config.reflection = self.reflection;
        config
    }

    pub async fn start(&mut self) {
        self.running = Some(Server::start(self.world.clone(), self.config()).await.unwrap());
    }

    pub async fn shut(&mut self) {
        self.running.take().unwrap().shutdown().await;
    }

    /// Shuts, and waits until the last reading connection is closed too: it folds the write-ahead log away.
    pub async fn shut_for_good(&mut self) {
        self.shut().await;
        let beside = self.folder.path().join("pli.db-shm");
        until(async || !beside.exists()).await;
    }

    /// Stops at once, as a crash does.
    pub fn crash(&mut self) {
        drop(self.running.take());
    }

    pub fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    pub fn authority(&self) -> &Authority {
        self.running().authority()
    }

    pub fn address(&self) -> SocketAddr {
        self.elsewhere.unwrap_or_else(|| self.running().address())
    }

    pub fn database(&self) -> PathBuf {
        self.folder.path().join("pli.db")
    }

    pub async fn invite(&self, invite: Invite) -> Vec<u8> {
        let links = self.authority().invite("localhost:1", invite).await.unwrap();
        token(&links[0])
    }

    /// A new person with a device.
    pub async fn hire(&self, name: &str) -> Device {
        let token = self.invite(Invite::person(name)).await;
        let mut device = Device::new(self);
        device.enrol(self, &token).await.unwrap();
        device
    }

    /// A channel that presents `identity`, if any.
    pub async fn channel(&self, identity: Option<&Device>) -> Result<Channel, tonic::transport::Error> {
        self.channel_of(Endpoint::from_static("http://pli.internal"), identity).await
    }

    /// The same, of a client as `endpoint` makes it.
    async fn channel_of(
        &self,
        endpoint: Endpoint,
        identity: Option<&Device>,
    ) -> Result<Channel, tonic::transport::Error> {
        let chain = identity.map(|device| device.chain.clone()).unwrap_or_default();
        let tls = Arc::new(client_tls(self, identity));
        let address = self.address();
        let world = self.world.clone();
        let connect = move |_| {
            let (tls, chain) = (tls.clone(), chain.clone());
            let (host, server_name) = (address.ip().to_string(), "pli.internal".into());
            let dialling = world.dial(Dial { host, port: address.port(), server_name, tls, chain });
            async { dialling.await.map(TokioIo::new) }
        };
        endpoint.connect_with_connector(tower::service_fn(connect)).await
    }

    pub async fn anonymous(&self) -> Channel {
        self.channel(None).await.unwrap()
    }

    /// The sealed connection of one who takes nothing: of each answer, the server may send a byte.
    pub async fn stingy(&self, device: &Device) -> SealedClient {
        let endpoint = Endpoint::from_static("http://pli.internal").initial_stream_window_size(1);
        SealedClient::over(self.channel_of(endpoint, None).await.unwrap(), self.door(device).await, self)
    }

    pub async fn enrolment(&self, device: Option<&Device>) -> EnrolmentClient<Versioned> {
        EnrolmentClient::with_interceptor(self.channel(device).await.unwrap(), Headers::default())
    }

    pub async fn directory(&self, device: &Device) -> DirectoryClient<Versioned> {
        DirectoryClient::with_interceptor(self.channel(Some(device)).await.unwrap(), Headers::default())
    }

    /// The sealed connection, with a door key that `device` fetched.
    pub async fn sealed(&self, device: &Device) -> SealedClient {
        let door = self.door(device).await;
        self.sealed_with(door).await
    }

    pub async fn door(&self, device: &Device) -> Vec<u8> {
        self.enrolment(Some(device)).await.door(pb::DoorRequest {}).await.unwrap().into_inner().key
    }

    pub async fn sealed_with(&self, door: Vec<u8>) -> SealedClient {
        SealedClient::over(self.anonymous().await, door, self)
    }
}

pub fn token(link: &str) -> Vec<u8> {
    let (_, secret) = link.split_once("/join#").unwrap();
    BASE64URL_NOPAD.decode(secret.as_bytes()).unwrap()[..16].to_vec()
}

/// Trusts nothing but a root's key, as a client that knows it from an invitation.
pub fn client_tls(office: &Office, identity: Option<&Device>) -> rustls::ClientConfig {
    let roots = rustls::RootCertStore { roots: vec![anchor(&office.root)] };
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_details(provider, Arc::new(Clock(office.world.clone())))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(device) => {
            let key = PrivatePkcs8KeyDer::from(pkcs8(&device.tls));
            builder.with_client_auth_cert(device.chain.clone(), key.into()).unwrap()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}

/// A trust anchor made of a root's key alone: its name is always the same.
pub fn anchor(root: &[u8; 32]) -> TrustAnchor<'static> {
    let mut subject = vec![0x31, 0x11, 0x30, 0x0f, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x08];
    subject.extend_from_slice(b"Pli root");
    let mut key = vec![0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    key.extend_from_slice(root);
    TrustAnchor { subject: subject.into(), subject_public_key_info: key.into(), name_constraints: None }
}

pub fn pkcs8(key: &SigningKey) -> Vec<u8> {
    let mut der = vec![0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
    der.extend_from_slice(key.as_bytes());
    der
}

/// Sets the headers of a client.
#[derive(Clone, Default)]
pub struct Headers {
    pub door: Option<Vec<u8>>,
}

impl tonic::service::Interceptor for Headers {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert(PROTOCOL_HEADER, "1".parse().unwrap());
        if let Some(door) = &self.door {
            request.metadata_mut().insert(DOOR_HEADER, HEXLOWER.encode(door).parse().unwrap());
        }
        Ok(request)
    }
}

pub type Versioned = InterceptedService<Channel, Headers>;

/// A phone.
#[derive(Clone)]
pub struct Device {
    pub mls: SigningKey,
    pub tls: SigningKey,
    pub person: PersonId,
    pub id: DeviceId,
    pub mls_certificate: Vec<u8>,
    /// The TLS certificate and the issuer's.
    pub chain: Vec<CertificateDer<'static>>,
}

impl Device {
    pub fn new(office: &Office) -> Self {
        let key = || SigningKey::from_bytes(&pli_env::random(&*office.world));
        let (person, id) = (PersonId([0; 16]), DeviceId([0; 16]));
        Self { mls: key(), tls: key(), person, id, mls_certificate: Vec::new(), chain: Vec::new() }
    }

    pub fn enrol_request(&self, token: &[u8]) -> pb::EnrolRequest {
        let (mls_key, tls_key) = (self.mls.verifying_key().to_bytes(), self.tls.verifying_key().to_bytes());
        let content = signed::content(Label::Enrol, &[token, &mls_key, &tls_key]);
        pb::EnrolRequest {
            token: token.to_vec(),
            mls_key: mls_key.to_vec(),
            tls_key: tls_key.to_vec(),
            mls_signature: self.mls.sign(&content).to_bytes().to_vec(),
            tls_signature: self.tls.sign(&content).to_bytes().to_vec(),
        }
    }

    pub async fn enrol(&mut self, office: &Office, token: &[u8]) -> Result<pb::EnrolResponse, Status> {
        let answer = office.enrolment(None).await.enrol(self.enrol_request(token)).await?.into_inner();
        self.person = PersonId::try_from(answer.person.as_slice()).unwrap();
        self.id = DeviceId::try_from(answer.device.as_slice()).unwrap();
        self.mls_certificate = answer.mls_certificate.clone();
        self.chain = vec![answer.tls_certificate.clone().into(), answer.issuer.clone().into()];
        Ok(answer)
    }

    pub fn renew_request(&self, tls_key: &SigningKey, time_ms: u64) -> pb::RenewRequest {
        let tls_key = tls_key.verifying_key().to_bytes();
        let content = signed::content(Label::Renew, &[&self.id.0, &tls_key, &time_ms.to_be_bytes()]);
        let signature = self.mls.sign(&content).to_bytes().to_vec();
        pb::RenewRequest { device: self.id.to_vec(), tls_key: tls_key.to_vec(), time_ms, signature }
    }

    /// A request by this device's MLS key.
    pub fn signs(&self, office: &Office, label: Label, body: &impl Message) -> pb::DeviceRequest {
        let (time_ms, request) = (office.world.now_ms(), body.encode_to_vec());
        let mut request = pb::DeviceRequest { time_ms, request, signature: Vec::new() };
        let content = signed::device_request(&office.root, label, self.id, &request);
        request.signature = self.mls.sign(&content).to_bytes().to_vec();
        request
    }

    pub fn publication(&self, packages: &[&[u8]]) -> pb::PublishBody {
        let inbox_key = vec![7; 1216];
        let content = signed::content(Label::InboxKey, &[&self.id.0, &inbox_key]);
        pb::PublishBody {
            packages: packages.iter().map(|package| package.to_vec()).collect(),
            last_resort: Vec::new(),
            inbox_key_signature: self.mls.sign(&content).to_bytes().to_vec(),
            inbox_key,
            replace: false,
        }
    }

    /// This device's row in a log.
    pub fn row(&self, log: &Log) -> AccessSigner {
        AccessSigner::new(&log.key, self.mls.as_bytes())
    }
}

/// A log as its members know it.
#[derive(Clone)]
pub struct Log {
    pub id: LogId,
    pub key: [u8; 32],
}

impl Log {
    pub fn new(office: &Office) -> Self {
        Self { id: LogId(pli_env::random(&*office.world)), key: pli_env::random(&*office.world) }
    }
}

/// Clients on one sealed connection.
#[derive(Clone)]
pub struct SealedClient {
    pub log: LogClient<Versioned>,
    pub key_packages: KeyPackagesClient<Versioned>,
    pub inbox: InboxClient<Versioned>,
    pub root: [u8; 32],
    pub world: Arc<World>,
}

impl SealedClient {
    pub fn over(channel: Channel, door: Vec<u8>, office: &Office) -> Self {
        let headers = Headers { door: Some(door) };
        Self {
            log: LogClient::with_interceptor(channel.clone(), headers.clone())
                .max_decoding_message_size(limits::MESSAGE_BYTES)
                .max_encoding_message_size(limits::MESSAGE_BYTES),
            key_packages: KeyPackagesClient::with_interceptor(channel.clone(), headers.clone()),
            inbox: InboxClient::with_interceptor(channel, headers),
            root: office.root,
            world: office.world.clone(),
        }
    }

    pub fn sign(&self, log: LogId, row: &AccessSigner, method: Method, body: &impl Message) -> pb::LogRequest {
        let mut request = pb::LogRequest {
            log: log.to_vec(),
            row_key: row.key().0.to_vec(),
            time_ms: self.world.now_ms(),
            request: body.encode_to_vec(),
            ..pb::LogRequest::default()
        };
        request.signature = row.sign(&signed::request(&self.root, method, &request)).to_vec();
        request
    }

    pub async fn create(&mut self, log: &Log, row: &AccessSigner) -> Result<(), Status> {
        self.create_with(log, row, b"founding snapshot").await
    }

    pub async fn create_with(&mut self, log: &Log, row: &AccessSigner, snapshot: &[u8]) -> Result<(), Status> {
        let body = pb::CreateBody { snapshot: snapshot.to_vec() };
        let request = self.sign(log.id, row, Method::Create, &body);
        self.log.create(request).await.map(|_| ())
    }

    pub async fn append(
        &mut self,
        log: &Log,
        row: &AccessSigner,
        entry: &pb::Entry,
    ) -> Result<pb::AppendResponse, Status> {
        let request = self.sign(log.id, row, Method::Append, entry);
        self.log.append(request).await.map(tonic::Response::into_inner)
    }

    pub async fn read(&mut self, log: &Log, row: &AccessSigner, after: u64) -> Result<pb::LogPage, Status> {
        let request = self.sign(log.id, row, Method::Read, &pb::ReadBody { after, hash: Vec::new() });
        self.log.read(request).await.map(tonic::Response::into_inner)
    }

    pub async fn put_snapshot(
        &mut self,
        log: &Log,
        row: &AccessSigner,
        number: u64,
        sealed: &[u8],
    ) -> Result<(), Status> {
        let body = pb::SnapshotBody { number, sealed: sealed.to_vec() };
        let request = self.sign(log.id, row, Method::PutSnapshot, &body);
        self.log.put_snapshot(request).await.map(|_| ())
    }

    pub async fn snapshot(&mut self, log: &Log, row: &AccessSigner, at_most: u64) -> Result<pb::SnapshotBody, Status> {
        let request = self.sign(log.id, row, Method::GetSnapshot, &pb::GetSnapshotBody { at_most });
        self.log.get_snapshot(request).await.map(tonic::Response::into_inner)
    }

    pub fn subscribe_request(&self, log: &Log, row: &AccessSigner, after: u64) -> pb::LogRequest {
        self.sign(log.id, row, Method::Subscribe, &pb::ReadBody { after, hash: Vec::new() })
    }

    /// A stream, and the sender of its requests.
    pub async fn subscribe(
        &mut self,
    ) -> Result<(tokio::sync::mpsc::Sender<pb::LogRequest>, tonic::Streaming<pb::LogPage>), Status> {
        let (requests, receiver) = tokio::sync::mpsc::channel(64);
        let stream = self.log.subscribe(tokio_stream::wrappers::ReceiverStream::new(receiver)).await?;
        Ok((requests, stream.into_inner()))
    }
}

/// Where a writer stands in a log: makes entries upon the last commit that it knows.
#[derive(Clone)]
pub struct Pen {
    pub parent: u64,
    pub parent_hash: Vec<u8>,
}

impl Pen {
    pub fn new(log: &Log) -> Self {
        Self { parent: 0, parent_hash: signed::hash_start(log.id).to_vec() }
    }

    pub fn entry(&self, kind: pb::EntryKind, sealed: &[u8], rows: Vec<pb::Row>) -> pb::Entry {
        pb::Entry {
            kind: kind.into(),
            parent: self.parent,
            parent_hash: self.parent_hash.clone(),
            rows,
            sealed: sealed.to_vec(),
            ..pb::Entry::default()
        }
    }

    pub fn commit(&self, rows: Vec<pb::Row>) -> pb::Entry {
        self.entry(pb::EntryKind::Commit, &fill(16), rows)
    }

    pub fn message(&self, sealed: &[u8]) -> pb::Entry {
        self.entry(pb::EntryKind::Message, sealed, Vec::new())
    }

    /// Moves on to a commit that the server took.
    pub fn on(&mut self, taken: &pb::AppendResponse) {
        self.parent = taken.number;
        self.parent_hash = taken.hash.clone();
    }
}

/// A log with its founder and others, all on one sealed connection.
pub struct Group {
    pub log: Log,
    pub sealed: SealedClient,
    owner: (Device, AccessSigner),
    pub pen: Pen,
}

impl Group {
    pub async fn found(office: &Office, owner: &Device) -> Self {
        let (log, mut sealed) = (Log::new(office), office.sealed(owner).await);
        let row = owner.row(&log);
        sealed.create(&log, &row).await.unwrap();
        let pen = Pen::new(&log);
        Self { log, sealed, owner: (owner.clone(), row), pen }
    }

    /// The founder's row.
    pub fn owner_row(&self) -> AccessSigner {
        self.owner.0.row(&self.log)
    }

    /// The owner commits row changes.
    pub async fn commit(&mut self, changes: Vec<pb::Row>) -> pb::AppendResponse {
        let entry = self.pen.commit(changes);
        let taken = self.sealed.append(&self.log, &self.owner.1, &entry).await.unwrap();
        self.pen.on(&taken);
        taken
    }

    /// The owner adds a row of some rank; anyone's key will do.
    pub async fn add(&mut self, rank: u32) -> AccessSigner {
        let row = self.stranger();
        self.commit(vec![rows::set(row.key(), rank)]).await;
        row
    }

    /// A key that is no row.
    pub fn stranger(&self) -> AccessSigner {
        AccessSigner::new(&self.log.key, &pli_env::random(&*self.sealed.world))
    }

    /// What a row is told of all rows, at the log's end.
    pub async fn told(&mut self, row: &AccessSigner) -> (u32, Vec<u8>) {
        let page = self.read(row, u64::MAX).await.unwrap();
        assert!(page.caught_up);
        (page.rank, page.rows)
    }

    pub async fn say(&mut self, text: &[u8]) -> pb::AppendResponse {
        let entry = self.pen.message(text);
        self.sealed.append(&self.log, &self.owner.1, &entry).await.unwrap()
    }

    pub async fn append(&mut self, row: &AccessSigner, entry: &pb::Entry) -> Result<pb::AppendResponse, Status> {
        self.sealed.append(&self.log, row, entry).await
    }

    pub async fn read(&mut self, row: &AccessSigner, after: u64) -> Result<pb::LogPage, Status> {
        self.sealed.read(&self.log, row, after).await
    }
}

/// The digest that is told where these rows stand.
pub fn stand(rows: &[(&AccessSigner, u32)]) -> Vec<u8> {
    let ranks: rows::Ranks = rows.iter().map(|(row, rank)| (row.key(), *rank)).collect();
    rows::digest(ranks.iter().map(|(key, rank)| (key, *rank))).to_vec()
}

/// Rows in the order in which an entry has them.
pub fn sorted(mut rows: Vec<pb::Row>) -> Vec<pb::Row> {
    rows.sort_by(|one, other| one.key.cmp(&other.key));
    rows
}

/// What asks that a row is cut.
pub fn cut(row: &AccessSigner) -> pb::Row {
    rows::set(row.key(), rows::rank::NONE)
}

/// So many bytes, others each time: the same again would be the same entry.
pub fn fill(bytes: usize) -> Vec<u8> {
    let mut filled = vec![1; bytes];
    filled[..16].copy_from_slice(&pli_env::random::<16>(&*Real::current()));
    filled
}

pub fn numbers(page: &pb::LogPage) -> Vec<u64> {
    page.entries.iter().map(|entry| entry.number).collect()
}

/// What a refusal says; every one carries the server's time.
pub fn refusal<T: std::fmt::Debug>(result: Result<T, Status>) -> Refusal {
    let status = result.expect_err("a refusal was expected");
    let refusal = Refusal::of(&status).unwrap_or_else(|| panic!("no refusal: {status:?}"));
    assert!(refusal.server_time_ms > 0);
    refusal
}

pub fn reason<T: std::fmt::Debug>(result: Result<T, Status>) -> Reason {
    refusal(result).reason()
}

/// Waits for what must come.
pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it should have come by now")
}

/// Asks again until the answer is the one wanted.
pub async fn until<F: Future<Output = bool>>(mut asks: impl FnMut() -> F) {
    soon(async {
        while !asks().await {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

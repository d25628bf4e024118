//! The suites of the seams, and starting on what can't be started on.

use std::collections::BTreeSet;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use pli_env::Env;
use pli_env::real::Real;
use pli_server::authority::files;
use pli_server::engine::{Engine, OpenError, Sqlite};
use pli_server::fanout::{Fanout, Local, Topic};
use pli_server::{Authority, AuthorityError, Organisation, Server, ServerError};

use crate::common::*;

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_is_an_engine() {
    let folder = tempfile::tempdir().unwrap();
    let next = std::sync::atomic::AtomicU64::new(0);
    let make = async || {
        let n = next.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let env: Arc<dyn Env> = Real::current();
        Arc::new(Sqlite::open(&env, &folder.path().join(n.to_string()), &[n as u8; 32]).unwrap()) as Arc<dyn Engine>
    };
    pli_server::engine::conformance::conformance(make).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn local_is_a_fanout() {
    pli_server::fanout::conformance::conformance(async || Arc::new(Local::default()) as Arc<dyn Fanout>).await;
}

#[tokio::test]
async fn a_local_fanout_holds_no_more_than_what_living_listeners_watch() {
    let fanout = Local::default();
    let (one, other) = (fanout.listen(), fanout.listen());
    let log = |n| Topic::Log(pli_proto::id::LogId([n; 16]));
    (0..100).for_each(|n| one.watch(log(n)));
    (50..150).for_each(|n| other.watch(log(n)));
    assert_eq!(fanout.watched(), 150);
    (0..10).for_each(|n| one.forget(log(n)));
    drop(other);
    assert_eq!(fanout.watched(), 90);
    drop(one);
    assert_eq!(fanout.watched(), 0);
    fanout.publish(log(1));
}

fn organisation() -> Organisation {
    Organisation { name: "Mairie".into(), domain: "pli.example".into() }
}

async fn start(office: &Office) -> ServerError {
    let started = Server::start(office.world.clone(), office.config()).await;
    started.err().expect("an error was expected")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_runs_without_the_roots_secret_and_others_read_none() {
    let mut office = Office::open().await;
    office.shut().await;
    for secret in [files::ROOT_KEY, files::ISSUER_KEY, files::DOOR, files::ROWS] {
        let mode = std::fs::metadata(office.folder.path().join(secret)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{secret}");
    }
    std::fs::remove_file(office.folder.path().join(files::ROOT_KEY)).unwrap();
    office.start().await;
    office.hire("Anne").await;
    office.authority().revoke(office.hire("Bob").await.id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_is_founded_once() {
    let office = Office::open().await;
    let before = std::fs::read(office.folder.path().join(files::ROOT)).unwrap();
    let again = Authority::create(office.folder.path(), office.world.clone(), organisation()).await;
    assert!(matches!(again, Err(AuthorityError::Exists(_))));
    assert_eq!(std::fs::read(office.folder.path().join(files::ROOT)).unwrap(), before);
    let elsewhere = tempfile::tempdir().unwrap();
    for domain in ["", "Pli.example", "pli..example", "pli/example", "plié.example"] {
        let organisation = Organisation { domain: domain.into(), ..organisation() };
        let refused = Authority::create(elsewhere.path(), office.world.clone(), organisation).await;
        assert!(matches!(refused, Err(AuthorityError::Invalid(_))), "{domain:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_seed_makes_one_authority() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for folder in [&one, &other] {
        let env = Arc::new(Seeded::default());
        Authority::create(folder.path(), env, organisation()).await.unwrap().close().await;
    }
    let files = [files::ROOT_KEY, files::ROOT, files::ISSUER_KEY, files::ISSUER, files::DOOR, files::ROWS];
    let mut seen = BTreeSet::new();
    for file in files {
        let read = std::fs::read(one.path().join(file)).unwrap();
        assert_eq!(read, std::fs::read(other.path().join(file)).unwrap(), "{file}");
        assert!(seen.insert(read));
    }
}

/// A clock that stands, and bytes that count.
#[derive(Default)]
struct Seeded(std::sync::atomic::AtomicU8);

impl Env for Seeded {
    fn now_ms(&self) -> u64 {
        1_750_000_000_000
    }
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill_with(|| self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst));
    }
    fn open_database(&self, path: &std::path::Path) -> rusqlite::Result<rusqlite::Connection> {
        Real::current().open_database(path)
    }
    fn run_database(&self, name: &str, work: pli_env::BoxFuture<()>) {
        Real::current().run_database(name, work);
    }
    fn spawn(&self, task: pli_env::BoxFuture<()>) -> pli_env::Task {
        Real::current().spawn(task)
    }
    fn step(&self, at: &'static str) -> pli_env::BoxFuture<()> {
        Real::current().step(at)
    }
    fn dial(&self, to: pli_env::Dial) -> pli_env::BoxFuture<std::io::Result<pli_env::Stream>> {
        Real::current().dial(to)
    }
    fn listen(
        &self,
        on: pli_env::Listen,
    ) -> pli_env::BoxFuture<std::io::Result<(std::net::SocketAddr, pli_env::Incoming)>> {
        Real::current().listen(on)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_folder_has_one_server() {
    let mut office = Office::open().await;
    let folder = office.folder.path().to_owned();
    assert!(matches!(start(&office).await, ServerError::InUse(of) if of == folder));
    // Commands beside it are no servers.
    Authority::open(&folder, office.world.clone()).unwrap().close().await;
    office.crash();
    office.start().await;
    assert!(matches!(start(&office).await, ServerError::InUse(_)));
    office.shut().await;
    office.start().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_served_is_named() {
    let mut office = Office::open().await;
    let other = Office::open().await;
    let mut config = office.config();
    config.listen = other.running().address();
    office.shut().await;
    let taken = Server::start(office.world.clone(), config).await.err().unwrap();
    assert!(matches!(&taken, ServerError::Listen { source, .. } if source.kind() == std::io::ErrorKind::AddrInUse));
    let empty = tempfile::tempdir().unwrap();
    let config = pli_server::Config::new(empty.path(), "127.0.0.1:0".parse().unwrap());
    let missing = Server::start(office.world.clone(), config).await.err().unwrap();
    assert!(matches!(missing, ServerError::Authority(AuthorityError::Missing(_))));
    assert_eq!(std::fs::read_dir(empty.path()).unwrap().count(), 0, "nothing was made");

    let database = office.database();
    let set = |pragma: &str| rusqlite::Connection::open(&database).unwrap().execute_batch(pragma).unwrap();
    set("PRAGMA user_version = 99");
    let newer = start(&office).await;
    assert!(matches!(newer, ServerError::Authority(AuthorityError::Open(OpenError::Newer { found: 99 }))), "{newer}");
    set("PRAGMA user_version = 6");
    let older = start(&office).await;
    assert!(matches!(older, ServerError::Authority(AuthorityError::Open(OpenError::Older { found: 6 }))), "{older}");
    set("PRAGMA user_version = 1; PRAGMA application_id = 7");
    let foreign = start(&office).await;
    assert!(matches!(foreign, ServerError::Authority(AuthorityError::Open(OpenError::Foreign))), "{foreign}");
    std::fs::File::options().write(true).open(&database).unwrap().write_all(&[0x55; 4096]).unwrap();
    let damaged = start(&office).await;
    assert!(matches!(damaged, ServerError::Authority(AuthorityError::Open(OpenError::Damaged(_)))), "{damaged}");
    std::fs::write(office.folder.path().join(files::ISSUER_KEY), "no key").unwrap();
    let broken = start(&office).await;
    assert!(matches!(broken, ServerError::Authority(AuthorityError::File { .. })), "{broken}");
}

//! What the server's one writer does: nothing that grows with what others left in the database. Gathered by SQLite's own
//! trace of each statement that the writer runs.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use pli_env::real::Real;
use pli_env::{BoxFuture, Dial, Env, Incoming, Listen, Stream, Task};
use pli_proto::id::{DeviceId, LogId, PersonId};
use pli_proto::limits::{INBOX_ITEMS, KEY_PACKAGE_BYTES, KEY_PACKAGES};
use pli_proto::pb::{self, EntryKind};
use pli_proto::row::AccessKey;
use pli_proto::rows::Changes;
use pli_proto::signed;
use pli_server::engine::{Append, Engine, Enrolment, Invitation, Invitee, Publication, Sqlite, conformance};
use rusqlite::trace::{TraceEvent, TraceEventCodes};
use rusqlite::{Connection, StatementStatus};

use crate::common::DAY_MS;

const NOW_MS: u64 = 20_000 * DAY_MS;
const OWNER: AccessKey = AccessKey([10; 32]);

/// The operating system, where the writer's statements are noted.
struct Traced {
    real: Arc<Real>,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    /// Steps of SQLite's machine, by statement, since it was prepared.
    steps: BTreeMap<String, i64>,
    /// All steps.
    sum: i64,
}

impl Seen {
    fn note(&mut self, sql: &str, steps: i64) {
        let before = self.steps.insert(sql.into(), steps).filter(|before| *before <= steps);
        self.sum += steps - before.unwrap_or_default();
    }
}

impl Env for Traced {
    fn now_ms(&self) -> u64 {
        NOW_MS
    }
    fn fill(&self, bytes: &mut [u8]) {
        self.real.fill(bytes);
    }
    fn open_database(&self, path: &Path) -> rusqlite::Result<Connection> {
        let mut connection = self.real.open_database(path)?;
        let seen = self.seen.clone();
        let note = move |event: TraceEvent<'_>| match event {
            TraceEvent::Profile(statement, _) if std::thread::current().name() == Some("pli-write") => {
                let steps = statement.get_status(StatementStatus::VmStep);
                seen.lock().unwrap().note(&statement.sql(), steps.into());
            }
            _ => {}
        };
        connection.trace_v2(TraceEventCodes::SQLITE_TRACE_PROFILE, Some(note))?;
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
        self.real.listen(on)
    }
}

fn traced() -> (Arc<dyn Env>, Arc<Mutex<Seen>>) {
    let seen = Arc::new(Mutex::new(Seen::default()));
    (Arc::new(Traced { real: Real::current(), seen: seen.clone() }), seen)
}

/// Tables whose rows may be large.
const LARGE: [&str; 5] = ["entry_pieces", "snapshot_pieces", "inbox_pieces", "key_packages", "issuer_ends"];

/// What is wrong with one line of a statement's plan.
fn wrong(sql: &str, plan: &str) -> Option<&'static str> {
    let mut words = plan.split(' ');
    let (verb, table) = (words.next()?, words.next()?);
    // An issuer's end names all certificates that stay good: an index has their fingerprints alone, in order.
    let fingerprints = plan == "SCAN devices USING COVERING INDEX certificates";
    if verb == "SCAN" && !fingerprints && plan != "SCAN CONSTANT ROW" {
        return Some("looks at all of a table");
    }
    // A few thousand ids of one inbox at most, once in a thousand deliveries.
    if plan.starts_with("USE TEMP B-TREE") && !sql.starts_with("DELETE FROM delivered") {
        return Some("sorts");
    }
    // One row by its whole key, or what is dropped with it, or the last number.
    let one = ["(device=? AND hash=?)", "(log=? AND number=? AND piece=?)"].iter().any(|key| plan.ends_with(key));
    let narrow = plan.contains("COVERING INDEX") || sql.starts_with("SELECT coalesce(max(number), 0)");
    if verb == "SEARCH" && LARGE.contains(&table) && !one && !narrow && !sql.starts_with("DELETE") {
        return Some("looks at large values");
    }
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn no_statement_of_the_writer_scans_a_table_or_looks_at_large_values() {
    let folder = tempfile::tempdir().unwrap();
    let (env, seen) = traced();
    let next = std::sync::atomic::AtomicU64::new(0);
    let open = || {
        let n = next.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Arc::new(Sqlite::open(&env, &folder.path().join(n.to_string()), &[1; 32]).unwrap()) as Arc<dyn Engine>
    };
    conformance::conformance(async || open()).await;
    let database = Connection::open(folder.path().join("0")).unwrap();
    let statements: Vec<String> = seen.lock().unwrap().steps.keys().cloned().collect();
    let is_plain = |sql: &&String| ["SELECT", "INSERT", "UPDATE", "DELETE"].iter().any(|verb| sql.starts_with(verb));
    let (mut asked, mut faults) = (0, Vec::new());
    for sql in statements.iter().filter(is_plain) {
        asked += 1;
        let mut plan = database.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let nulls = vec![rusqlite::types::Null; plan.parameter_count()];
        let plan = plan.query_map(rusqlite::params_from_iter(nulls), |row| row.get::<_, String>(3)).unwrap();
        for line in plan.map(Result::unwrap) {
            faults.extend(wrong(sql, &line).map(|why| format!("{why}: {line}: {sql}")));
        }
    }
    assert!(asked > 60, "the trace sees what the writer does: {asked}");
    assert!(faults.is_empty(), "{faults:#?}");
}

/// An engine with a few devices and a log.
struct Stage {
    engine: Sqlite,
    seen: Arc<Mutex<Seen>>,
    _folder: tempfile::TempDir,
}

fn device(n: u8) -> DeviceId {
    DeviceId([n; 16])
}

fn id(n: u64) -> [u8; 16] {
    [n.to_be_bytes(), [0; 8]].concat().try_into().unwrap()
}

impl Stage {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (env, seen) = traced();
        let engine = Sqlite::open(&env, &folder.path().join("pli.db"), &[1; 32]).unwrap();
        Self { engine, seen, _folder: folder }
    }

    async fn enrol(&self, n: u8) {
        let invitee = Invitee::New { name: "N".into(), department: String::new(), guest_until_ms: 0 };
        let invitation = Invitation { hash: [n; 32], invitee, expires_ms: NOW_MS + DAY_MS, used: None };
        self.engine.invite(vec![invitation]).await.unwrap();
        let enrolment = Enrolment {
            invitation: [n; 32],
            person: PersonId([n; 16]),
            device: device(n),
            mls_key: [n; 32],
            tls_key: [n + 100; 32],
            mls_certificate: vec![n; 300],
            issuer: [1; 32],
            now_ms: NOW_MS,
        };
        self.engine.enrol(enrolment).await.unwrap();
    }

    async fn append(&self, log: LogId, n: u64, kind: EntryKind, parent: (u64, signed::Hash)) -> (u64, signed::Hash) {
        let entry = pb::Entry {
            kind: kind.into(),
            parent: parent.0,
            parent_hash: parent.1.to_vec(),
            sealed: id(n).to_vec(),
            ..pb::Entry::default()
        };
        let digest = signed::entry_digest(log, &entry);
        let changes = Changes::default();
        let append = Append { log, by: OWNER, entry, changes, digest, now_ms: NOW_MS, commits_per_day: 100 };
        let taken = self.engine.append(append).await.unwrap();
        (taken.number, taken.hash)
    }

    /// How many steps the writer takes meanwhile.
    async fn steps(&self, work: impl Future<Output = ()>) -> i64 {
        let before = self.seen.lock().unwrap().sum;
        work.await;
        // The writer notes a statement before it answers.
        self.seen.lock().unwrap().sum - before
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_delivery_looks_at_no_item() {
    let stage = Stage::new().await;
    stage.enrol(1).await;
    let deliver = async |n| stage.engine.deliver(device(1), id(n), vec![1], NOW_MS).await;
    for n in 0..INBOX_ITEMS {
        deliver(n).await.unwrap();
    }
    let steps = stage.steps(async { assert!(deliver(INBOX_ITEMS).await.is_err()) }).await;
    assert!(steps < 200, "{steps}");
    // One that is taken looks at none either.
    stage.engine.acknowledge(device(1), 1).await.unwrap();
    let steps = stage.steps(async { deliver(INBOX_ITEMS).await.unwrap() }).await;
    assert!(steps < 400, "{steps}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_is_there_makes_nothing_be_looked_at() {
    let stage = Stage::new().await;
    let log = LogId([1; 16]);
    stage.engine.create_log(log, OWNER, vec![1]).await.unwrap();
    let mut parent = (0, signed::hash_start(log));
    for n in 1..=9 {
        parent = stage.append(log, n, EntryKind::Commit, parent).await;
        stage.engine.put_snapshot(log, OWNER, n, vec![1; 1 << 20]).await.unwrap();
    }
    let again = async { stage.engine.put_snapshot(log, OWNER, 9, vec![1]).await.unwrap() };
    let steps = stage.steps(again).await;
    assert!(steps < 150, "{steps}");
}

#[tokio::test(flavor = "multi_thread")]
async fn taking_a_package_looks_at_no_other() {
    let stage = Stage::new().await;
    for n in 1..=10 {
        stage.enrol(n).await;
        let package = |k: u32| [k.to_be_bytes().as_slice(), &vec![n; KEY_PACKAGE_BYTES - 4]].concat();
        let publication = Publication {
            device: device(n),
            packages: (0..KEY_PACKAGES).map(package).collect(),
            last_resort: Some(package(KEY_PACKAGES)),
            inbox_key: Some((vec![1], vec![2])),
            replace: false,
        };
        stage.engine.publish(publication).await.unwrap();
    }
    for last_resort in [false, true] {
        let devices = (1..=10).map(device).collect();
        let take = async { assert_eq!(stage.engine.take(devices, last_resort, NOW_MS).await.unwrap().len(), 10) };
        let steps = stage.steps(take).await;
        assert!(steps < 2_000, "{steps} for ten");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tidying_looks_at_what_is_due_alone() {
    let stage = Stage::new().await;
    stage.enrol(1).await;
    for n in 0..250_u8 {
        let log = LogId([n; 16]);
        stage.engine.create_log(log, OWNER, vec![1]).await.unwrap();
        stage.append(log, 1, EntryKind::Message, (0, signed::hash_start(log))).await;
        stage.engine.deliver(device(1), id(n.into()), vec![1], NOW_MS).await.unwrap();
    }
    let tidy = async {
        assert_eq!(stage.engine.prune_messages(NOW_MS - 1).await.unwrap(), 0);
        stage.engine.sweep(NOW_MS).await.unwrap();
    };
    let steps = stage.steps(tidy).await;
    assert!(steps < 200, "{steps}");
}

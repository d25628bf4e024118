//! Durable appends at the server's engine: one writer, and 64 with a log each, against bare SQLite that commits the
//! same rows, one or 64 in a transaction.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pli_env::Env;
use pli_env::real::Real;
use pli_env::sql::integer;
use pli_proto::id::LogId;
use pli_proto::pb;
use pli_proto::row::AccessKey;
use pli_proto::rows::Changes;
use pli_proto::signed::{self, Hash};
use pli_server::engine::{Append, Engine, Sqlite};
use rusqlite::{Connection, params};
use tokio::task::JoinSet;

use crate::measure::median;
use crate::report::{Line, Unit};
use crate::{Result, database};

/// A message of 256 bytes, sealed.
const SEALED_BYTES: usize = 1_052;
const WRITERS: usize = 64;
const WARM_UP: Duration = Duration::from_millis(800);

pub(crate) async fn run(quick: bool) -> Result<Vec<Line>> {
    let (slices, slice) = if quick { (5, Duration::from_millis(300)) } else { (15, Duration::from_millis(700)) };
    let env: Arc<dyn Env> = Real::current();
    let folder = tempfile::tempdir()?;
    let engine = Arc::new(Sqlite::open(&env, &folder.path().join("engine.db"), &[1; 32])?);
    let path = folder.path().join("bare.db");
    // Makes the tables.
    Sqlite::open(&env, &path, &[1; 32])?.close().await;
    let bare = database::server(&path)?;
    let logs: Vec<LogId> = (0..WRITERS).map(|_| LogId(pli_env::random(&*env))).collect();
    for log in &logs {
        engine.create_log(*log, row(*log), vec![0; 64]).await?;
        let start = signed::hash_start(*log);
        bare.execute("INSERT INTO logs VALUES (?1, ?2, 0, ?2, 0, ?2, 0, NULL, 0)", params![log.0, start])?;
    }
    let mut numbers = vec![0; WRITERS];
    let mut rates = [const { (Vec::new(), Vec::new()) }; 2];
    // Before the measurement the write-ahead logs grow to where SQLite begins them anew: growing makes an fsync slower.
    through_engine(&env, &engine, &logs, WARM_UP).await?;
    bare_commits(&*env, &bare, &logs, &mut numbers, WARM_UP)?;
    for _ in 0..slices {
        for (writers, (ours, theirs)) in [1, WRITERS].into_iter().zip(&mut rates) {
            ours.push(through_engine(&env, &engine, &logs[..writers], slice).await?);
            theirs.push(bare_commits(&*env, &bare, &logs[..writers], &mut numbers, slice)?);
        }
    }
    engine.close().await;
    let line = |name: &str, against, (ours, theirs): (Vec<f64>, Vec<f64>)| Line {
        name: name.into(),
        value: median(ours),
        unit: Unit::PerSecond,
        against,
        other: median(theirs),
        target: None,
    };
    let [one, many] = rates;
    Ok(vec![
        line("appends, 1 writer", "SQLite, 1 row a commit", one),
        line("appends, 64 writers", "SQLite, 64 rows a commit", many),
    ])
}

/// The only row of a log.
fn row(log: LogId) -> AccessKey {
    let mut key = [0; 32];
    key[..16].copy_from_slice(&log.0);
    AccessKey(key)
}

fn entry(env: &dyn Env, log: LogId) -> pb::Entry {
    let mut sealed = vec![7; SEALED_BYTES];
    sealed[..16].copy_from_slice(&pli_env::random::<16>(env));
    pb::Entry {
        kind: pb::EntryKind::Message.into(),
        parent_hash: signed::hash_start(log).to_vec(),
        sealed,
        ..pb::Entry::default()
    }
}

/// Appends a second; each log has a writer that waits for one answer before it asks again.
async fn through_engine(env: &Arc<dyn Env>, engine: &Arc<Sqlite>, logs: &[LogId], slice: Duration) -> Result<f64> {
    let mut writers = JoinSet::new();
    let start = Instant::now();
    for log in logs.iter().copied() {
        let (env, engine) = (env.clone(), engine.clone());
        writers.spawn(async move {
            let mut count = 0_u32;
            while start.elapsed() < slice {
                let entry = entry(&*env, log);
                let digest = signed::entry_digest(log, &entry);
                let (by, changes, now_ms) = (row(log), Changes::default(), env.now_ms());
                let append = Append { log, by, entry, changes, digest, now_ms, commits_per_day: 30 };
                engine.append(append).await?;
                count += 1;
            }
            crate::Result::Ok(count)
        });
    }
    let mut count = 0;
    while let Some(written) = writers.join_next().await {
        count += written??;
    }
    Ok(f64::from(count) / start.elapsed().as_secs_f64())
}

/// Rows a second, one of each log in a transaction.
fn bare_commits(env: &dyn Env, db: &Connection, logs: &[LogId], numbers: &mut [i64], slice: Duration) -> Result<f64> {
    let start = Instant::now();
    let mut count = 0_u32;
    while start.elapsed() < slice {
        db.execute_batch("BEGIN IMMEDIATE")?;
        for (log, number) in logs.iter().zip(&mut *numbers) {
            let entry = entry(env, *log);
            let hash: Hash = signed::entry_digest(*log, &entry);
            *number += 1;
            db.prepare_cached("INSERT INTO entries VALUES (?1, ?2, ?3, ?3, ?4, 0, ?5, ?6, length(?7), 0, x'', ?7)")?
                .execute(params![
                    log.0,
                    *number,
                    hash,
                    entry.kind,
                    entry.parent_hash,
                    integer(env.now_ms()),
                    entry.sealed
                ])?;
            db.prepare_cached("UPDATE logs SET last = ?2, hash = ?3 WHERE log = ?1")?
                .execute(params![log.0, *number, hash])?;
            count += 1;
        }
        db.execute_batch("COMMIT")?;
    }
    Ok(f64::from(count) / start.elapsed().as_secs_f64())
}

//! What the writer's loop does when jobs fail.

use std::sync::Arc;
use std::sync::mpsc;

use pli_env::Env;
use pli_env::db::{Failure, Writer, is_full};
use pli_env::real::Real;
use rusqlite::Connection;
use tokio::sync::oneshot;

/// Room for some pages, as on a disk that is nearly full.
fn small() -> Writer<()> {
    let database = Connection::open_in_memory().unwrap();
    database.execute_batch("CREATE TABLE kept(bytes BLOB); PRAGMA max_page_count = 8").unwrap();
    let env: Arc<dyn Env> = Real::current();
    Writer::start(&env, "writer", database, ())
}

async fn keep(writer: &Writer<()>, bytes: usize) -> Result<Result<usize, rusqlite::Error>, Failure> {
    writer.run(move |db, ()| db.execute("INSERT INTO kept VALUES(zeroblob(?))", [bytes as i64])).await
}

async fn count(writer: &Writer<()>) -> i64 {
    writer.run(|db, ()| db.query_row("SELECT count(*) FROM kept", [], |row| row.get(0))).await.unwrap().unwrap()
}

/// Lets the writer do nothing until all of `jobs` wait, so that they share one transaction.
async fn together<T>(writer: &Writer<()>, jobs: impl Future<Output = T>) -> T {
    let (began, has_begun) = oneshot::channel();
    let (go, wait) = mpsc::channel::<()>();
    let held = writer.clone();
    let held = tokio::spawn(async move {
        let hold = move |_: &Connection, (): &mut ()| {
            began.send(()).unwrap();
            wait.recv()
        };
        held.run(hold).await
    });
    has_begun.await.unwrap();
    let (ends, ()) = tokio::join!(jobs, async { go.send(()).unwrap() });
    held.await.unwrap().unwrap().unwrap();
    ends
}

/// SQLite itself takes the whole transaction back then.
#[tokio::test]
async fn a_job_that_finds_the_disk_full_is_told_so_and_the_next_one_runs() {
    let writer = small();
    keep(&writer, 10).await.unwrap().unwrap();
    let error = keep(&writer, 1 << 20).await.expect("its own error").expect_err("no room");
    assert!(is_full(&error), "{error}");
    keep(&writer, 10).await.unwrap().unwrap();
    assert_eq!(count(&writer).await, 2);
    writer.close().await;
}

#[tokio::test]
async fn whoever_shares_its_transaction_is_told_too() {
    let writer = small();
    let jobs = async { tokio::join!(keep(&writer, 10), keep(&writer, 1 << 20), keep(&writer, 10)) };
    let (first, full, last) = together(&writer, jobs).await;
    let error = full.expect("its own error").expect_err("no room");
    assert!(is_full(&error), "{error}");
    for end in [first, last] {
        assert!(matches!(&end, Err(Failure::Database(error)) if is_full(error)), "{end:?}");
    }
    assert_eq!(count(&writer).await, 0);
    writer.close().await;
}

#[tokio::test]
async fn a_job_that_fails_takes_back_its_own_writes_alone() {
    let writer = small();
    let fail = |panics: bool| {
        writer.run(move |db, ()| {
            db.execute("INSERT INTO kept VALUES(zeroblob(10))", [])?;
            assert!(!panics, "as it should");
            Err::<(), _>(rusqlite::Error::InvalidQuery)
        })
    };
    let jobs = async { tokio::join!(keep(&writer, 10), fail(false), fail(true)) };
    let (kept, failed, panicked) = together(&writer, jobs).await;
    kept.unwrap().unwrap();
    assert!(matches!(failed, Ok(Err(rusqlite::Error::InvalidQuery))), "{failed:?}");
    assert!(matches!(&panicked, Err(Failure::Panic(why)) if why == "as it should"), "{panicked:?}");
    // Likewise where there is no batch.
    assert!(matches!(fail(false).await, Ok(Err(rusqlite::Error::InvalidQuery))));
    assert!(matches!(fail(true).await, Err(Failure::Panic(_))));
    assert_eq!(count(&writer).await, 1);
    writer.close().await;
}

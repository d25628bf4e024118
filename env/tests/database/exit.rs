//! A process that ends while databases are at work ends well.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use pli_env::Env;
use pli_env::real::Real;

/// Names the child, and the folder of its databases.
const FOLDER: &str = "PLI_TEST_EXIT_IN";
const WRITERS: usize = 4;
/// So many in all show that they are at work.
const ROUNDS: usize = 4 * WRITERS;
/// Nothing waits for the disk.
const KEY: &str = "PRAGMA key = \"x'0101010101010101010101010101010101010101010101010101010101010101'\";
                   PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF";

/// Encrypted databases open, write and close on threads of their own when `exit` runs what C libraries left for it.
#[test]
fn a_process_may_end_while_databases_are_at_work() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        work(folder.as_ref());
    }
    for _ in 0..200 {
        let folder = tempfile::tempdir().unwrap();
        let test = std::env::current_exe().unwrap();
        let ended = Command::new(test)
            .args(["--exact", "exit::a_process_may_end_while_databases_are_at_work", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(ended.status.code(), Some(7), "{ended:?}");
    }
}

fn work(folder: &std::path::Path) -> ! {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let env = Real::new(runtime.handle().clone());
    let rounds = std::sync::Arc::new(AtomicUsize::new(0));
    for writer in 0..WRITERS {
        let (env, path, rounds) = (env.clone(), folder.join(format!("{writer}.db")), rounds.clone());
        std::thread::spawn(move || {
            loop {
                let database = env.open_database(&path).expect("opens");
                database.execute_batch(KEY).expect("takes a key");
                database
                    .execute_batch(
                        "CREATE TABLE IF NOT EXISTS t (v); DELETE FROM t; INSERT INTO t VALUES (randomblob(20000))",
                    )
                    .expect("writes");
                rounds.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    while rounds.load(Ordering::Relaxed) < ROUNDS {
        std::thread::yield_now();
    }
    std::process::exit(7)
}

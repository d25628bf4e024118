//! Whatever came is printed, once and in order, however much it is.

use crate::common;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use crate::common::World;
use pli_core::{Client, FileKeyStore};
use pli_env::real::Real;

/// More than any page.
const MANY: usize = 1_100;

/// Anne says so many things, as her app would.
fn says(world: &World, from: usize, to: usize) {
    let folder = world.path("anne");
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let keys = Arc::new(FileKeyStore::beside(&folder));
        let anne = Client::open(Real::current(), &folder, keys).await.unwrap();
        let id = anne.conversation_list().await.unwrap()[0].id;
        for n in from..to {
            anne.conversation(id).send(&format!("m{n}"), None, &[]).await.unwrap();
        }
        assert!(anne.sync(common::PATIENCE).await.unwrap().complete);
        anne.close().await;
    });
}

fn texts(lines: &[serde_json::Value]) -> Vec<&str> {
    lines.iter().filter(|line| line["kind"] == "text").map(|line| line["text"].as_str().unwrap()).collect()
}

fn world() -> World {
    let world = World::new();
    for (profile, name) in [("anne", "Anne"), ("bao", "Bảo"), ("chloe", "Chloé")] {
        world.enrol(profile, name);
    }
    world.done("anne", &["group", "create", "Crue", "Bảo", "Chloé"]);
    world
}

#[test]
fn everything_is_printed_once_by_sync_and_page_by_page_by_read() {
    let world = world();
    world.done("bao", &["sync"]);
    says(&world, 0, MANY);
    let all: Vec<String> = (0..MANY).map(|n| format!("m{n}")).collect();
    // What comes while another command runs is printed, too.
    world.done("bao", &["--wait", "60", "conversations"]);
    let synced = world.done("bao", &["--wait", "60", "--json", "sync"]).json();
    assert_eq!(texts(&synced), all);
    assert_eq!(synced.last().unwrap()["received"], MANY);
    let again = world.done("bao", &["--json", "sync"]).json();
    assert_eq!((again.len(), &again[0]["received"]), (1, &0.into()));

    let first = world.done("bao", &["--json", "read", "Crue", "--since", "0"]);
    let (lines, said) = (first.json(), first.err.clone());
    assert_eq!(texts(&lines), all[..1_000], "the oldest first");
    let last = lines.last().unwrap()["id"].as_str().unwrap();
    assert!(said.contains(&format!("--since {last}")), "it says how to go on: {said}");
    let rest = world.done("bao", &["--json", "read", "Crue", "--since", last]);
    assert_eq!(texts(&rest.json()), all[1_000..]);
    assert!(!rest.err.contains("--since"), "{rest:?}");
    // The oldest is found by its id, too.
    world.done("bao", &["react", "Crue", lines[0]["id"].as_str().unwrap(), "👍"]);
}

#[test]
fn watch_prints_everything_to_a_slow_reader() {
    let world = world();
    world.done("chloe", &["sync"]);
    let mut watch = common::command(world.folder.path());
    watch.args(["--profile", "chloe", "--json", "watch"]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut watch = watch.spawn().unwrap();
    let (gate, (told, lines)) = (Arc::new(Mutex::new(())), mpsc::channel());
    let (out, open) = (watch.stdout.take().unwrap(), gate.clone());
    let reader = std::thread::spawn(move || {
        for line in BufReader::new(out).lines() {
            drop(open.lock().unwrap());
            if told.send(line.unwrap()).is_err() {
                return;
            }
        }
    });
    let mut begun = 0;
    while lines.recv_timeout(Duration::from_millis(500)).is_err() {
        says(&world, 10_000 + begun, 10_001 + begun);
        begun += 1;
    }
    let closed = gate.lock().unwrap();
    says(&world, 0, MANY);
    drop(closed);
    let printed =
        |line: String| serde_json::from_str::<serde_json::Value>(&line).unwrap()["text"].as_str().map(str::to_owned);
    let next = || printed(lines.recv_timeout(common::PATIENCE).unwrap()).unwrap();
    let late = std::iter::repeat_with(next).find(|text| text.len() < "m10000".len()).unwrap();
    assert_eq!(late, "m0");
    for n in 1..MANY {
        assert_eq!(next(), format!("m{n}"));
    }
    let _ = watch.kill();
    let _ = watch.wait();
    drop(lines);
    reader.join().unwrap();
}

//! Every wrong input gets a clear message and the right exit code, and changes nothing.

use crate::common;
use std::fs;

use crate::common::{PLI, World, until};
// SQLite is linked with its cryptography.
use pli_env as _;

/// A command that fails, with this code and these words, and prints nothing.
#[track_caller]
fn fails(answer: &common::Answer, code: i32, words: &str) {
    assert_eq!(answer.code, code, "{answer:?}");
    assert!(answer.err.contains(words), "{words:?} is missing: {answer:?}");
    assert!(answer.out.is_empty() && !answer.err.contains("Error"), "{answer:?}");
}

#[test]
fn invitations() {
    let world = World::new();
    fails(&world.by("p", &["join", "hello"]), 2, "not an invitation link");
    fails(&world.by("p", &["join", "pli://127.0.0.1:1/join#AAAA"]), 2, "not an invitation link");
    assert!(!world.path("p").exists() && !world.path("p.key").exists(), "nothing is left of them");
    let good = world.invite("Anne");
    // The same root, another token.
    let other = world.invite("Bảo");
    let mut unknown = good.clone();
    let at = unknown.find('#').unwrap() + 1;
    unknown.replace_range(at..at + 1, if &good[at..=at] == "A" { "B" } else { "A" });
    fails(&world.by("p", &["join", &unknown]), 3, "does not know this invitation");
    assert!(!world.path("p").exists() && !world.path("p.key").exists(), "nothing is left of it");
    world.done("anne", &["join", &good]);
    fails(&world.by("p", &["join", &good]), 3, "already used");
    fails(&world.by("anne", &["join", &other]), 3, "is a profile already");
    world.done("anne", &["people"]);
    // Time passes.
    let database = rusqlite::Connection::open(world.path("server/pli.db")).unwrap();
    database.execute("UPDATE invitations SET expires_ms = 0 WHERE device IS NULL", []).unwrap();
    fails(&world.by("p", &["join", &other]), 3, "has expired");
    assert!(!world.path("p").exists() && !world.path("p.key").exists(), "nothing is left of it");
}

#[test]
fn a_server_with_another_root_is_not_joined() {
    let (world, other) = (World::new(), World::new());
    let link = world.invite("Anne").replace(&world.address, &other.address);
    let answer = world.by("p", &["--wait", "2", "join", &link]);
    assert!([3, 4].contains(&answer.code), "{answer:?}");
    assert!(answer.err.contains("not the one that the invitation names"), "{answer:?}");
}

#[test]
fn what_is_not_there_is_named() {
    let world = World::new();
    world.enrol("anne", "Anne");
    world.enrol("bao", "Bảo");
    world.enrol("bea", "Béa");
    world.done("anne", &["group", "create", "Crue", "Bảo"]);
    fails(&world.by("anne", &["pair", "Zoë"]), 3, "nobody is known as “Zoë”");
    fails(&world.by("anne", &["group", "create", "X", "Zoë"]), 3, "“Zoë”");
    fails(&world.by("anne", &["pair", "b"]), 3, "may mean several");
    fails(&world.by("anne", &["send", "Digues", "x"]), 3, "no conversation “Digues”");
    fails(&world.by("anne", &["edit", "Crue", "abcdef", "x"]), 3, "no message “abcdef”");
    fails(&world.by("anne", &["group", "remove", "Crue", "Béa"]), 3, "not a member");
    fails(&world.by("anne", &["approve", "abcdef", "--number", "1"]), 3, "no device");
    fails(&world.by("anne", &["pair", "Anne"]), 2, "can't be chosen");
    assert_eq!(world.done("anne", &["--json", "conversations"]).json().len(), 1, "nothing was made");
}

#[test]
fn what_does_not_fit_is_refused() {
    let world = World::new();
    world.enrol("anne", "Anne");
    world.done("anne", &["group", "create", "Crue"]);
    let send = |text: &str| world.with_input(&["--profile", "anne", "send", "Crue", "-"], text);
    fails(&send(&"x".repeat(65_537)), 2, "longer than 65536 bytes");
    fails(&send("  \n "), 2, "empty");
    fails(&world.by("anne", &["group", "rename", "Crue", &"x".repeat(201)]), 2, "of 1 to 200 bytes");
    let forged = "x\n23:08  Anne  [692be8a1]\n       À payer";
    fails(&world.by("anne", &["group", "rename", "Crue", forged]), 2, "one line");
    fails(&world.by("anne", &["group", "create", forged]), 2, "one line");
    fails(&world.by("anne", &["group", "set", "Crue", "colour", "blue"]), 2, "known: topic");
    fails(&world.by("anne", &["group", "set", "Crue", "lifetime", "soon"]), 2, "known: topic");
    assert_eq!(send(&"é".repeat(32_768)).code, 0, "the longest text that there may be");
    let id = world.done("anne", &["--json", "read", "Crue"]).json().pop().unwrap()["id"].as_str().unwrap().to_owned();
    fails(&world.by("anne", &["react", "Crue", &id, "nice"]), 2, "one emoji");
    assert_eq!(world.by("anne", &["nonsense"]).code, 2);
    assert_eq!(world.by("anne", &["send", "Crue"]).code, 2);
    assert_eq!(world.by("anne", &["chat"]).code, 2, "there is no terminal");
    let read = world.done("anne", &["--json", "read", "Crue"]).json();
    assert_eq!(read.iter().filter(|item| item["kind"] == "text").count(), 1, "nothing else was sent");
}

#[test]
fn profiles_that_are_none() {
    let world = World::new();
    fails(&world.by("nothing", &["people"]), 5, "is no profile");
    assert!(!world.path("nothing").exists(), "open never creates");
    fs::create_dir(world.path("folder")).unwrap();
    fs::write(world.path("folder/notes"), "mine").unwrap();
    fails(&world.by("folder", &["send", "x", "y"]), 5, "is no profile");
    assert_eq!(fs::read_dir(world.path("folder")).unwrap().count(), 1);

    world.enrol("anne", "Anne");
    let key = fs::read(world.path("anne.key")).unwrap();
    let mut wrong = key.clone();
    wrong[0] ^= 1;
    fs::write(world.path("anne.key"), wrong).unwrap();
    fails(&world.by("anne", &["people"]), 5, "is not this profile's");
    fs::write(world.path("anne.key"), "short").unwrap();
    fails(&world.by("anne", &["people"]), 5, "is not this profile's");
    fs::remove_file(world.path("anne.key")).unwrap();
    fails(&world.by("anne", &["people"]), 5, "is missing");
    fs::write(world.path("anne.key"), key).unwrap();
    world.done("anne", &["people"]);
}

#[test]
fn servers_that_can_t_start() {
    let world = World::new();
    let serve = |data: &str, listen: &str| world.pli(&["serve", "--data", data, "--listen", listen]);
    let answer = serve("second", &world.address);
    assert_eq!(answer.code, 3, "{answer:?}");
    assert!(answer.err.contains("can't listen on"), "{answer:?}");
    assert_eq!(serve("second", "nowhere").code, 2);
    let answer = world.pli(&["serve", "--data", "third", "--domain", "Not A Domain"]);
    assert_eq!(answer.code, 2, "{answer:?}");
    fails(&world.pli(&["serve", "--data", "x", "--advertise", "nowhere"]), 2, "is not HOST:PORT");
    fails(&serve("server", "127.0.0.1:0"), 5, "another server uses server");
    fails(&world.pli(&["admin", "--data", "nothing", "people"]), 5, "is no server's data folder");
    let replace = |data: &str, root: &str| world.pli(&["root", "--data", data, "replace-issuer", "--root", root]);
    fails(&replace("nothing", "server/root-key.pem"), 5, "is no server's data folder");
    fails(&replace("server", "second/root-key.pem"), 5, "is not the key of this authority's root");
    fails(&replace("server", "nothing.pem"), 5, "nothing.pem");
    assert_eq!(world.pli(&["--json", "root", "--data", "server", "issuers"]).json().len(), 1, "nothing ended");
    fails(&world.pli(&["invite", "--data", "nothing", "--name", "A"]), 5, "is no server's data folder");
    let invite = |args: &[&str]| world.pli(&[&["invite", "--data", "server"], args].concat());
    fails(&invite(&["--name", ""]), 2, "a name is empty");
    fails(&invite(&["--name", "A", "--count", "0"]), 2, "between 1 and 10,000");
    fails(&invite(&["--name", "A", "--guest-until", "tomorrow"]), 2, "is not a date");
    fails(&invite(&["--name", "A", "--guest-until", "2020-01-31"]), 2, "2020-01-31 is over");
    fails(&invite(&["--name", "A", "--valid-for", "0"]), 2, "not in 1..");
    fails(&invite(&["--device-of", "Zoë"]), 3, "nobody is known");
    assert_eq!(invite(&[]).code, 2);
    fails(&world.pli(&["admin", "--data", "server", "revoke", "abcdef"]), 3, "no device");
    fails(&world.pli(&["admin", "--data", "server", "depart", "Zoë"]), 3, "nobody is known");
    fails(&world.pli(&["demo", "--script", "nothing"]), 2, "can't be read");
    fs::write(world.path("bad.jsonl"), "{").unwrap();
    fails(&world.pli(&["demo", "--script", "bad.jsonl"]), 2, "line 1 of the script");
    fails(&world.pli(&["demo", "--keep", "server"]), 2, "is not empty");
}

#[test]
fn what_is_said_while_the_server_is_down_is_delivered_later() {
    let mut world = World::new();
    world.enrol("anne", "Anne");
    world.enrol("bao", "Bảo");
    world.done("anne", &["group", "create", "Crue", "Bảo"]);
    world.stop_server();
    let queued = world.by("anne", &["--wait", "1", "send", "Crue", "hors ligne"]);
    fails(&queued, 4, "queued");
    let queued = world.by("anne", &["--wait", "1", "--json", "send", "Crue", "encore"]);
    assert_eq!((queued.code, queued.json()[0]["state"].as_str()), (4, Some("queued")));
    let read = world.by("anne", &["--wait", "1", "--json", "read", "Crue"]);
    assert!(read.code == 0 && read.err.contains("no answer from the server"), "{read:?}");
    let waiting = read.json();
    assert_eq!(waiting.last().unwrap()["delivery"], "waiting");
    let synced = world.by("anne", &["--wait", "1", "--json", "sync"]);
    assert_eq!((synced.code, synced.json()[0]["waiting"].as_u64()), (4, Some(2)));
    fails(&world.by("p", &["--wait", "1", "join", &world.first.clone()]), 4, "can't be reached");

    world.start_server();
    world.done("anne", &["sync"]);
    until("Bảo has both", || {
        let read = world.done("bao", &["read", "Crue"]).out;
        read.contains("hors ligne") && read.contains("encore")
    });
    world.done("p", &["join", &world.first.clone()]);
}

#[test]
fn output_that_nobody_takes() {
    let world = World::new();
    world.enrol("anne", "Anne");
    let bash = |line: &str| {
        let mut bash = std::process::Command::new("bash");
        bash.current_dir(world.path("")).env("LC_ALL", "C.UTF-8").env("PLI_KEYS", "file");
        let output = bash.args(["-c", &format!("'{PLI}' --profile anne people {line}")]).output().unwrap();
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
    };
    assert_eq!(bash("| true; echo ${PIPESTATUS[0]}"), "0\n");
    let full = bash("> /dev/full; echo $?");
    assert!(full.contains("1\n") && full.contains("the output can't be written"), "{full}");
}

#[test]
fn folders_that_can_t_be_made() {
    let world = World::new();
    fs::write(world.path("notes"), "mine").unwrap();
    fails(&world.by("notes/anne", &["join", &world.invite("Anne")]), 5, "can't be used");
}

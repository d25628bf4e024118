//! The server's addresses from one start to the next: what was told is kept, what was guessed is guessed anew.

use crate::common;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Command, Stdio};

/// Starts a server and stops it; where it listened, what links named, and what it said.
fn served(folder: &Path, args: &[&str]) -> (String, String, String) {
    let mut serve = common::command(folder);
    serve.args(["--json", "serve", "--data", "server"]).args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut serve = serve.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(serve.stdout.take().unwrap()).read_line(&mut line).unwrap();
    Command::new("kill").args(["-TERM", &serve.id().to_string()]).status().unwrap();
    let mut said = String::new();
    serve.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    serve.wait().unwrap();
    let listening: serde_json::Value = serde_json::from_str(&line).expect(&said);
    let field = |name: &str| listening[name].as_str().unwrap().to_owned();
    let advertised = field("advertised");
    assert_eq!(std::fs::read_to_string(folder.join("server/address")).unwrap().trim(), advertised);
    (field("address"), advertised, said)
}

fn port(address: &str) -> &str {
    address.rsplit_once(':').unwrap().1
}

#[test]
fn what_was_told_is_kept_and_what_was_guessed_is_guessed_anew() {
    let folder = tempfile::tempdir().unwrap();
    let served = |args: &[&str]| served(folder.path(), args);
    for listen in ["0.0.0.0:0", "0.0.0.0:0", "[::]:0"] {
        let (address, advertised, said) = served(&["--listen", listen]);
        assert_eq!(port(&address), port(&advertised), "a guess of the last start is forgotten");
        assert!(said.contains(&advertised), "and said: {said}");
    }
    let told = "chat.example.org:443";
    let (_, advertised, said) = served(&["--listen", "127.0.0.1:0", "--advertise", told]);
    assert!(advertised == told && !said.contains("told before"), "{said}");
    for args in [&["--listen", "0.0.0.0:0"][..], &["--listen", "127.0.0.1:0"], &[]] {
        let (address, advertised, said) = served(args);
        assert_eq!(advertised, told, "{address}");
        assert!(said.contains("Links will name chat.example.org:443, as was told before"), "{said}");
    }
    let (address, advertised, _) = served(&["--advertise", "auto"]);
    assert_eq!(advertised, address);
    // Where it was told to listen it listens.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    assert_eq!(served(&["--listen", &free]).0, free);
    assert_eq!(served(&[]).0, free);
}

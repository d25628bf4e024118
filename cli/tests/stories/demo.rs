//! A small demo, whole.

use crate::common;
use std::process::Stdio;

#[test]
fn five_officials_talk_through_the_flood() {
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        let output = common::command(folder.path()).arg("demo").args(args).stdin(Stdio::null()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, out, err) = run(&["--officials", "5", "--messages", "60", "--json", "--keep", "kept"]);
    assert_eq!(code, Some(0), "{out}{err}");
    let verdict: serde_json::Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    assert_eq!((verdict["officials"].as_u64(), verdict["sent"].as_u64()), (Some(5), Some(60)), "{verdict}");
    for what in ["lost", "duplicated", "diverged", "leaked"] {
        assert_eq!(verdict[what], 0, "{verdict}");
    }
    assert!(verdict["delivered"].as_u64().unwrap() > 120, "{verdict}");
    assert!(verdict["latency_ms"]["p50"].as_f64().unwrap() > 0.0, "{verdict}");
    assert!(verdict["latency_ms"]["p99"].as_f64() >= verdict["latency_ms"]["p50"].as_f64(), "{verdict}");
    assert!(verdict["bytes_per_message"].as_u64().unwrap() > 100, "{verdict}");
    for happened in ["tunnel", "is killed", "The server is killed", "removes", "revoked", "new phone"] {
        assert!(err.contains(happened), "{happened}: {err}");
    }
    // What was kept can be read with the program.
    let mut read = common::command(folder.path());
    read.args(["--profile", "kept/00-anne-lefevre", "--wait", "1", "read", "digues"]);
    let read = String::from_utf8(read.output().unwrap().stdout).unwrap();
    assert!(read.contains("Sais-tu") || read.contains("Pompe 5"), "{read}");
}

#[test]
fn a_demo_that_is_stopped_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = common::command(folder.path());
    demo.args(["demo", "--officials", "5"]).env("TMPDIR", folder.path());
    let mut demo = demo.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let kept = || std::fs::read_dir(folder.path()).unwrap();
    common::until("the demo begins", || kept().any(|demo| demo.unwrap().path().join("server").exists()));
    std::process::Command::new("kill").args(["-INT", &demo.id().to_string()]).status().unwrap();
    assert_eq!(demo.wait().unwrap().code(), Some(1));
    assert_eq!(kept().count(), 0);
}

#[test]
fn a_transcript_is_for_people() {
    let folder = tempfile::tempdir().unwrap();
    let output =
        common::command(folder.path()).args(["demo", "--officials", "2"]).stdin(Stdio::null()).output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{out}");
    assert!(out.contains("What Anne Lefèvre sees:") && out.contains("All is well."), "{out}");
}

//! The issuer's key was stolen: an operator replaces the issuer, beside the running server.

use crate::common::{World, until};

#[test]
fn an_issuer_is_replaced_by_one_command_and_people_go_on() {
    let world = World::new();
    world.enrol("anne", "Anne");
    world.enrol("bao", "Bảo");
    world.done("anne", &["group", "create", "Crue", "Bảo"]);
    let stick = world.path("stick.pem");
    std::fs::rename(world.path("server/root-key.pem"), &stick).unwrap();
    let answer = world.pli(&["root", "--data", "server", "replace-issuer", "--root", "stick.pem"]);
    assert_eq!(answer.code, 0, "{answer:?}");
    let lines: Vec<&str> = answer.out.lines().collect();
    assert!(lines[0].contains("ended (number 1); 2 devices"), "{answer:?}");
    assert!(lines[1].ends_with(" signs"), "{answer:?}");
    assert!(answer.err.contains("Take stick.pem away again"), "{answer:?}");
    let listed = world.pli(&["root", "--data", "server", "issuers"]);
    assert_eq!(listed.out, answer.out, "and none of it needs the key");

    // The first try meets a server that has no word for the old certificate; the device renews it by itself.
    until("Anne is heard", || world.by("anne", &["--wait", "20", "send", "Crue", "still here"]).code == 0);
    until("Bảo hears her", || world.by("bao", &["read", "Crue"]).out.contains("still here"));
    world.enrol("chloe", "Chloé");
    world.done("anne", &["--wait", "20", "group", "add", "Crue", "Chloé"]);
    until("Chloé is in", || world.by("chloe", &["conversations"]).out.contains("Crue"));
    // Again: the new one ends too.
    let again = world.pli(&["--json", "root", "--data", "server", "replace-issuer", "--root", "stick.pem"]).json();
    assert_eq!((again[0]["state"].as_str(), again[0]["number"].as_u64()), (Some("ended"), Some(2)));
    assert_eq!((again[0]["kept"].as_u64(), again[1]["state"].as_str()), (Some(3), Some("signs")));
    let issuers = world.pli(&["--json", "root", "--data", "server", "issuers"]).json();
    let states: Vec<&str> = issuers.iter().map(|issuer| issuer["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["ended", "ended", "signs"]);
}

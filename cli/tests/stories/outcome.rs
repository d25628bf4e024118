//! What a command says is what became of that which it asked for, and nothing else.

use crate::common;
use crate::common::World;
use serde_json::Value;

/// Anne and Bảo in a group, where Bảo said something; its id.
fn said(world: &World) -> String {
    world.enrol("anne", "Anne");
    world.enrol("bao", "Bảo");
    world.done("anne", &["group", "create", "Crue", "Bảo"]);
    let id = world.done("bao", &["--json", "send", "Crue", "le mot de passe est 1234"]).json()[0]["id"].clone();
    world.done("anne", &["sync"]);
    id.as_str().unwrap().to_owned()
}

/// Whether a command was refused, and why.
fn refused(answer: &common::Answer, why: &str) {
    assert_eq!((answer.code, answer.out.as_str()), (3, ""), "{answer:?}");
    assert!(answer.err.contains(why), "{answer:?}");
}

/// What is shown of a message beside what it says.
fn unsettled(world: &World, profile: &str, id: &str) -> Vec<(String, String, String)> {
    let read = world.done(profile, &["--json", "read", "Crue"]).json();
    let message = read.iter().find(|item| item["id"] == id).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let unsettled = message["unsettled"].as_array().unwrap();
    unsettled.iter().map(|deed| (text(&deed["kind"]), text(&deed["delivery"]), text(&deed["refusal"]))).collect()
}

#[test]
fn what_was_refused_is_not_called_sent() {
    let world = World::new();
    let id = said(&world);
    let may_post = |who: &str| world.done("anne", &["group", "set", "Crue", "may-post", who]);
    for ask in [&["delete", "Crue", &id][..], &["react", "Crue", &id, "👍"], &["edit", "Crue", &id, "(rien)"]] {
        // Bảo's device has not heard of it when it is asked, or just so.
        may_post("admin");
        refused(&world.by("bao", ask), "your role");
        may_post("member");
        world.done("bao", &["sync"]);
    }
    // Asked for again, it is done, and what was refused is of no interest.
    assert_eq!(world.done("bao", &["--json", "delete", "Crue", &id]).json()[0]["state"], "sent");
    assert!(world.done("anne", &["read", "Crue"]).out.contains("(deleted)"));
    assert!(unsettled(&world, "bao", &id).is_empty());
}

#[test]
fn what_was_queued_and_then_refused_is_shown_where_it_was_to_be_done() {
    let mut world = World::new();
    let id = said(&world);
    world.stop_server();
    for ask in [&["delete", "Crue", &id][..], &["edit", "Crue", &id, "(rien)"]] {
        assert_eq!(world.by("bao", &[&["--wait", "1"], ask].concat()).code, 4);
    }
    world.start_server();
    world.done("anne", &["group", "remove", "Crue", "Bảo"]);
    world.done("bao", &["sync"]);
    let out = |kind: &str| (kind.to_owned(), "refused".to_owned(), "not_a_member".to_owned());
    assert_eq!(unsettled(&world, "bao", &id), [out("delete"), out("edit")]);
    let plain = world.done("bao", &["read", "Crue"]).out;
    assert!(plain.contains("not deleted  (refused)") && plain.contains("not edited: (rien)  (refused)"), "{plain}");
    let deed = world.done("bao", &["--json", "read", "Crue"]).json();
    let deed = deed.iter().find(|item| item["id"] == *id).unwrap()["unsettled"][1]["id"].as_str().unwrap().to_owned();
    assert_eq!(world.done("bao", &["--json", "delete", "Crue", &deed]).json()[0]["state"], "taken_back");
    assert_eq!(unsettled(&world, "bao", &id), [out("delete")], "and can be dropped there");
}

#[test]
fn what_waits_for_somebody_keeps_nothing_else_waiting() {
    let world = World::new();
    let id = said(&world);
    world.enrol("zoe", "Zoë");
    let devices = world.pli(&["--json", "admin", "--data", "server", "devices"]).json();
    let lost = devices.iter().find(|device| device["name"] == "Zoë").unwrap()["id"].as_str().unwrap().to_owned();
    assert_eq!(world.pli(&["admin", "--data", "server", "revoke", &lost]).code, 0);
    world.done("anne", &["people"]);
    world.done("anne", &["pair", "Zoë"]);
    let waits = world.by("anne", &["--wait", "1", "send", "Zoë", "courage"]);
    assert!(waits.code == 4 && waits.err.contains("still waits"), "{waits:?}");

    for ask in [&["react", "Crue", &id, "👍"][..], &["group", "create", "Digue", "Bảo"], &["send", "Crue", "y"]] {
        world.done("anne", ask);
    }
    let synced = world.done("anne", &["--json", "sync"]).json();
    assert!(synced[0]["complete"] == true && synced[0]["waiting"].as_u64() > Some(0), "{synced:?}");
    let with_zoe = world.by("anne", &["--wait", "2", "group", "create", "Seuls", "Zoë"]);
    assert!(with_zoe.code == 4 && with_zoe.err.contains("still waits"), "its own people are waited for: {with_zoe:?}");
}

#[test]
fn an_edit_says_its_mentions_anew() {
    let world = World::new();
    let id = said(&world);
    let mentions = || {
        world.done("bao", &["sync"]);
        let read = world.done("bao", &["--json", "read", "Crue"]).json();
        let message = read.iter().find(|item| item["id"] == id.as_str()).unwrap();
        (message["text"].as_str().unwrap().to_owned(), message["mentions"].as_array().unwrap().len())
    };
    world.done("bao", &["edit", "Crue", &id, "@Anne à 8 h", "--mention", "Anne"]);
    assert_eq!(mentions(), ("@Anne à 8 h".into(), 1));
    // Not said again, but the text names her still.
    world.done("bao", &["edit", "Crue", &id, "@Anne à 9 h"]);
    assert_eq!(mentions(), ("@Anne à 9 h".into(), 1));
    world.done("bao", &["edit", "Crue", &id, "à 9 h"]);
    assert_eq!(mentions(), ("à 9 h".into(), 0));
}

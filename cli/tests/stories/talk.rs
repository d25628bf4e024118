//! Two profiles, one server: join, create a group, talk.

use crate::common::{World, until};
use std::os::unix::fs::PermissionsExt as _;

#[test]
fn two_people_join_make_a_group_and_talk() {
    let mut world = World::new();
    let first = world.first.clone();
    assert_eq!(
        world.with_input(&["--profile", "anne", "join", "-"], &first).code,
        0,
        "a link may come by standard input"
    );
    world.enrol("bao", "Bảo Nguyễn");
    let key = std::fs::metadata(world.path("anne.key")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600, "the key is its owner's alone");
    assert!(!world.path("anne/anne.key").exists() && !world.path("anne/.key").exists(), "and beside the folder");

    let created = world.done("bao", &["--json", "group", "create", "Crue 🌊", "admin"]).json();
    assert_eq!((created[0]["name"].as_str(), created[0]["role"].as_str()), (Some("Crue 🌊"), Some("owner")));
    let sent = world.done("anne", &["--json", "send", "crue", "La Deûle monte", "--mention", "bao"]).json();
    assert_eq!(sent[0]["state"], "sent");
    let id = sent[0]["id"].as_str().unwrap();
    world.done("bao", &["send", "Crue", "Combien ?", "--reply-to", &id[..6]]);
    world.done("anne", &["edit", "crue", id, "La Deûle monte de 6 cm"]);
    world.done("bao", &["react", "crue", id, "👍"]);

    let read = world.done("anne", &["--json", "read", "crue"]).json();
    let texts: Vec<_> = read.iter().filter(|item| item["kind"] == "text").collect();
    assert_eq!(texts.len(), 2);
    assert_eq!(texts[0]["text"], "La Deûle monte de 6 cm");
    assert!(texts[0]["edited_ms"].is_u64() && texts[0]["mine"] == true);
    assert_eq!(texts[0]["reactions"][0]["emoji"], "👍");
    assert_eq!(texts[1]["reply_to"], id);
    assert_eq!(texts[1]["sender"], "Bảo Nguyễn");
    let number = texts[0]["number"].as_u64().unwrap().to_string();
    let since = world.done("anne", &["--json", "read", "crue", "--since", &number]).json();
    assert_eq!(since.len(), 1, "{since:?}");
    let plain = world.done("bao", &["read", "crue"]).out;
    assert!(
        plain.contains("La Deûle monte de 6 cm") && plain.contains("(edited)") && plain.contains("👍 1"),
        "{plain}"
    );

    world.done("anne", &["delete", "crue", id]);
    assert!(world.done("bao", &["read", "crue"]).out.contains("(deleted)"));
    let pair = world.done("anne", &["--json", "pair", "bao"]).json();
    assert_eq!(pair[0]["kind"], "pair");
    world.done("anne", &["send", "nguyen", "Entre nous"]);
    let synced = world.done("bao", &["--json", "sync"]).json();
    assert!(synced.iter().any(|line| line["text"] == "Entre nous"), "{synced:?}");
    assert_eq!(synced.last().unwrap()["complete"], true);
    assert_eq!(world.stop_server(), Some(0), "it stops in good order");
}

#[test]
fn a_groups_life() {
    let world = World::new();
    for (profile, name) in [("anne", "Anne"), ("bao", "Bảo"), ("eve", "Eve")] {
        world.enrol(profile, name);
    }
    world.done("anne", &["group", "create", "Digues", "Bảo", "Eve"]);
    world.done("anne", &["group", "promote", "Digues", "Bảo"]);
    let lower = world.by("anne", &["group", "promote", "Digues", "Anne"]);
    assert!(lower.code == 3 && lower.err.contains("has a higher role"), "{lower:?}");
    let members = world.done("bao", &["--json", "group", "members", "Digues"]).json();
    let roles: Vec<_> = members.iter().map(|m| (m["name"].as_str().unwrap(), m["role"].as_str().unwrap())).collect();
    assert_eq!(roles, [("Anne", "owner"), ("Bảo", "admin"), ("Eve", "member")]);
    world.done("bao", &["group", "rename", "Digues", "Digues et pompes"]);
    world.done("bao", &["group", "set", "Digues et pompes", "topic", "Ce qui tient"]);
    let refused = world.by("eve", &["group", "rename", "Digues et pompes", "À moi"]);
    assert_eq!(refused.code, 3, "{refused:?}");
    world.done("bao", &["group", "demote", "digues", "bao"]);
    world.done("anne", &["group", "remove", "digues", "eve"]);
    world.done("anne", &["send", "digues", "Sans Eve"]);
    let seen = world.by("eve", &["read", "digues"]);
    assert!(!seen.out.contains("Sans Eve"), "{seen:?}");
    assert_eq!(world.by("eve", &["send", "digues", "encore là ?"]).code, 3);
    world.done("bao", &["group", "leave", "digues"]);
    let listed = world.done("bao", &["--json", "conversations"]).json();
    assert_eq!(listed[0]["topic"], "Ce qui tient");
    world.done("anne", &["group", "add", "digues", "eve"]);
    assert!(world.done("anne", &["group", "leave", "digues"]).err.contains("You were the last owner"));
    let number = |profile, other| world.done(profile, &["--json", "safety-number", other]).json()[0]["number"].clone();
    assert_eq!(number("anne", "bao"), number("bao", "anne"));
}

#[test]
fn a_further_device_enters_by_approval_and_leaves_by_revocation() {
    let world = World::new();
    world.enrol("anne", "Anne");
    world.enrol("bao", "Bảo");
    world.done("anne", &["group", "create", "Crue", "Bảo"]);
    let link = world.pli(&["invite", "--data", "server", "--device-of", "Anne"]);
    world.done("tablet", &["join", link.line()]);
    let devices = world.done("anne", &["--json", "devices"]).json();
    let other = devices.iter().find(|device| device["this"] == false).unwrap();
    assert_eq!(other["missing_from"], 1);
    let id = other["id"].as_str().unwrap();
    // The new device shows the same number.
    let devices = world.done("tablet", &["devices"]).out;
    let shown = devices.lines().find_map(|line| line.split_once("number ")).unwrap().1;
    assert_eq!(shown.replace(' ', ""), other["number"].as_str().unwrap());
    let wrong = world.by("anne", &["approve", id, "--number", "123"]);
    assert_eq!(wrong.code, 2, "{wrong:?}");
    world.done("anne", &["approve", id, "--number", other["number"].as_str().unwrap()]);
    world.done("bao", &["send", "Crue", "À tous vos appareils"]);
    assert!(world.done("tablet", &["read", "Crue"]).out.contains("À tous vos appareils"));

    let admin = |args: &[&str]| world.pli(&[&["admin", "--data", "server"], args].concat());
    assert_eq!(admin(&["revoke", id]).code, 0);
    let revoked = world.by("tablet", &["sync"]);
    assert_eq!(revoked.code, 3, "{revoked:?}");
    assert!(revoked.err.contains("revoked"), "{revoked:?}");
    assert_eq!(admin(&["rename", "Bảo", "Bảo Nguyễn"]).code, 0);
    assert_eq!(admin(&["depart", "nguyen"]).code, 0);
    until("Anne sees that Bảo has gone", || {
        world.done("anne", &["sync"]);
        let people = world.done("anne", &["--json", "people"]).json();
        people.iter().all(|person| person["name"] != "Bảo Nguyễn")
    });
    assert!(world.done("anne", &["read", "Crue"]).out.contains("added Bảo Nguyễn"), "the departed keep their names");
    let people = admin(&["--json", "people"]);
    let bao = people.json().into_iter().find(|person| person["name"] == "Bảo Nguyễn").unwrap();
    assert_eq!(bao["departed"], true);
    assert!(admin(&["--json", "devices"]).json().iter().any(|device| device["id"] == id && device["revoked"] == true));
}

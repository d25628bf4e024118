//! Whoever is in a conversation may give it any name: none takes the place of another, and what nobody sees is no name.

use crate::common;
use crate::common::World;

/// Anne has a pair with Bao, and Mallory is there.
fn world() -> (World, String) {
    let world = World::new();
    for (profile, name) in [("anne", "Anne"), ("bao", "Bao Nguyen"), ("mal", "Mallory")] {
        world.enrol(profile, name);
    }
    let pair = world.done("anne", &["--json", "pair", "Bao Nguyen"]).json()[0]["id"].as_str().unwrap().to_owned();
    world.done("anne", &["send", &pair, "hello"]);
    (world, pair)
}

/// What Mallory reads in a group of that name with Anne, after Anne has sent to that name.
fn lured(world: &World, name: &str) -> (common::Answer, String, String) {
    let group = world.done("mal", &["--json", "group", "create", name, "Anne"]).json()[0]["id"].clone();
    let group = group.as_str().unwrap().to_owned();
    common::until("Anne is in it", || world.done("anne", &["--json", "conversations"]).out.contains(&group));
    let answer = world.by("anne", &["send", name, &format!("secret for {name}")]);
    let read = world.done("mal", &["read", &group]).out;
    (answer, group, read)
}

#[test]
fn a_group_called_like_another_conversation_gets_nothing_of_it() {
    let (world, pair) = world();
    for name in ["bao", "Bao Nguyen", &pair[..8], &pair] {
        let (answer, group, read) = lured(&world, name);
        assert!(!read.contains("secret"), "{name}: {read}");
        if name == pair || name == "Bao Nguyen" {
            assert_eq!(answer.code, 0, "{name}: {answer:?}");
            assert!(world.done("bao", &["read", "Anne"]).out.contains(&format!("secret for {name}")), "{name}");
        } else {
            assert_eq!(answer.code, 3, "{name}: {answer:?}");
            for listed in [format!("{pair}  pair  Bao Nguyen"), format!("{group}  group  {name}")] {
                assert!(answer.err.contains(&listed), "{listed}: {answer:?}");
            }
        }
    }
    // The same wherever a conversation is named.
    for command in [&["read", "bao"][..], &["group", "members", "bao"], &["group", "leave", "bao"]] {
        let answer = world.by("anne", command);
        assert!(answer.code == 3 && answer.err.contains("may mean several"), "{command:?}: {answer:?}");
    }
}

#[test]
fn a_group_called_like_a_person_gets_nothing_of_theirs_before_there_is_a_pair() {
    let (world, _) = world();
    world.enrol("chloe", "Chloé");
    world.done("anne", &["sync"]);
    let (answer, _, read) = lured(&world, "Chloe");
    assert!(!read.contains("secret"), "{read}");
    assert!(answer.code == 3 && answer.err.contains("no conversation with Chloé yet"), "{answer:?}");
}

#[test]
fn people_are_found_as_keyboards_write_them() {
    let world = World::new();
    for (profile, name) in [("anne", "Anne"), ("p", "Hélène Lecœur"), ("q", "d’Hérouville"), ("r", "Jean‐Luc Straße")]
    {
        world.enrol(profile, name);
    }
    world.done("anne", &["sync"]);
    for (typed, name) in [
        ("lecoeur", "Hélène Lecœur"),
        ("d'herouville", "d’Hérouville"),
        ("strasse", "Straße"),
        ("jean-luc", "Jean‐Luc"),
    ] {
        assert!(world.done("anne", &["people", typed]).out.contains(name), "{typed}");
        assert!(world.done("anne", &["pair", typed]).out.contains(name), "{typed}");
    }
}

#[test]
fn what_nobody_sees_is_neither_a_name_nor_a_text() {
    let world = World::new();
    world.enrol("anne", "Anne");
    world.done("anne", &["group", "create", "Crue"]);
    for blank in ["\u{200b}", "\u{3164}\u{2060}", "\u{2800}"] {
        for command in [&["send", "Crue", blank][..], &["group", "create", blank], &["group", "rename", "Crue", blank]]
        {
            assert_eq!(world.by("anne", command).code, 2, "{command:?}");
        }
        assert_eq!(world.pli(&["invite", "--data", "server", "--name", blank]).code, 2, "{blank:?}");
    }
}

#[test]
fn links_are_taken_out_of_mails() {
    let world = World::new();
    let (one, other) = (world.invite("Anne"), world.invite("Bảo"));
    let says = |text: &str, words: &str| {
        let answer = world.by("p", &["join", text]);
        assert!(answer.code == 2 && answer.err.contains(words), "{text}: {answer:?}");
    };
    says(&format!("{one} ou {other}"), "several");
    says(&one[..one.len() - 9], "end is missing");
    says(&format!("{one}abc"), "joined to its end");
    says("pli://mairie/join#", "a host, a port and /join#");
    let (head, tail) = one.split_at(one.len() - 20);
    let wrapped = format!("{head}=\r\n{tail}").replace("pli://", "PLI://").replace('#', "%23");
    world.done("anne", &["join", &format!("Bonjour, voici votre lien : <{wrapped}>. À bientôt !")]);
}

//! The chat in a real terminal, of tmux. Where there is none, the test says that it tested nothing.

use crate::common;
use std::process::Command;

use crate::common::{PLI, World, until};

struct Terminal {
    socket: String,
}

impl Terminal {
    /// A terminal of its own for a test, with a chat in it; none where there is no tmux.
    fn with_chat(world: &World, test: &str, profile: &str, size: (&str, &str)) -> Option<Self> {
        Command::new("tmux").arg("-V").output().ok()?;
        let terminal = Self { socket: format!("pli-test-{test}-{}", std::process::id()) };
        terminal.tmux(&["-u", "new-session", "-d", "-x", size.0, "-y", size.1, "sleep", "600"]);
        terminal.chat(world, profile);
        Some(terminal)
    }
    fn chat(&self, world: &World, profile: &str) {
        let chat = format!("LC_ALL=C.UTF-8 PLI_KEYS=file {PLI} --profile {} chat", world.path(profile).display());
        self.tmux(&["respawn-pane", "-k", "sh", "-c", &format!("{chat}; echo ended $?; sleep 600")]);
        self.shows("> ");
    }
    /// Many keys at once, as one who types faster than the program reads.
    fn keys(&self, keys: &str) {
        self.tmux(&["set-buffer", keys]);
        self.tmux(&["paste-buffer", "-r"]);
    }
    fn tmux(&self, args: &[&str]) -> String {
        let output = Command::new("tmux").args(["-L", &self.socket]).args(args).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
    fn type_text(&self, text: &str) {
        self.tmux(&["send-keys", "-l", text]);
    }
    fn press(&self, key: &str) {
        self.tmux(&["send-keys", key]);
    }
    #[track_caller]
    fn shows(&self, text: &str) {
        let mut screen = String::new();
        let end = std::time::Instant::now() + common::PATIENCE;
        while !screen.contains(text) {
            assert!(std::time::Instant::now() < end, "{text:?} does not appear:\n{screen}");
            std::thread::sleep(std::time::Duration::from_millis(50));
            screen = self.tmux(&["capture-pane", "-p"]);
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

#[test]
fn a_person_chats() {
    if Command::new("tmux").arg("-V").output().is_err() {
        // Straight to the terminal, for what passes is not shown otherwise.
        return std::io::Write::write_all(&mut std::io::stderr(), b"NOT TESTED: there is no tmux\n").unwrap();
    }
    let world = World::new();
    world.enrol("anne", "Anne");
    world.enrol("bao", "Bảo");
    world.done("anne", &["group", "create", "Crue", "Bảo"]);
    let terminal = |session: &str| Terminal { socket: format!("pli-test-{session}-{}", std::process::id()) };
    let chat = format!("LC_ALL=C.UTF-8 {PLI} --profile {} chat; echo ended $?", world.path("anne").display());
    // However it ends, the terminal is as it was.
    let folder = world.path("anne");
    let first = terminal("first");
    first.tmux(&["-u", "new-session", "-d", "-x", "80", "-y", "20", "sh", "-c", &format!("{chat}; sleep 60")]);
    first.shows("▸ Crue");
    let pattern = format!("profile {} chat$", folder.display());
    assert!(Command::new("pkill").args(["-TERM", "-f", &pattern]).status().unwrap().success());
    first.shows("ended 0");
    assert_eq!(first.tmux(&["display-message", "-p", "#{alternate_on}"]).trim(), "0");

    // With a tmux of its own: the first one may be about to end.
    let terminal = terminal("second");
    terminal.tmux(&["-u", "new-session", "-d", "-x", "110", "-y", "30", "sh", "-c", &format!("{chat}; sleep 60")]);
    terminal.shows("▸ Crue");
    terminal.shows("● online");

    terminal.type_text("La Deûle monte 🌊");
    terminal.press("Enter");
    terminal.shows("✓");
    until("Bảo has it", || world.done("bao", &["read", "Crue"]).out.contains("La Deûle monte 🌊"));
    world.done("bao", &["send", "Crue", "Combien ?"]);
    terminal.shows("Combien ?");
    terminal.type_text("/react 👍");
    terminal.press("Enter");
    terminal.shows("👍 1");
    terminal.type_text("/reply @b");
    terminal.press("Tab");
    terminal.type_text("six cm");
    terminal.press("Enter");
    terminal.shows("│ Bảo: Combien ?");
    terminal.shows("@Bảo six cm");
    terminal.press("F2");
    terminal.shows("Members (2)");
    terminal.type_text("/nonsense");
    terminal.press("Enter");
    terminal.shows("is no command");
    terminal.press("C-w");
    terminal.tmux(&["resize-window", "-x", "50", "-y", "12"]);
    terminal.shows("Anne • owner");
    terminal.press("F2");
    terminal.shows("@Bảo six cm");
    terminal.type_text("à finir");
    terminal.press("C-q");
    terminal.shows("ended 0");
    let draft = world.done("anne", &["--json", "conversations"]).json();
    assert_eq!(draft[0]["draft"], "à finir", "what was not sent is kept");
    let read = world.done("bao", &["--json", "read", "Crue"]).json();
    let reply = read.iter().find(|item| item["text"] == "@Bảo six cm").unwrap();
    assert_eq!(reply["mentions"].as_array().unwrap().len(), 1);
}

#[test]
fn what_can_t_be_sent_stays_to_be_sent_another_time() {
    let world = World::new();
    world.enrol("anne", "Anne");
    world.enrol("bao", "Bảo");
    world.done("anne", &["group", "create", "Crue", "Bảo"]);
    world.done("anne", &["group", "set", "Crue", "may-post", "admin"]);
    until("Bảo knows", || world.by("bao", &["send", "Crue", "x"]).code == 3);
    let Some(terminal) = Terminal::with_chat(&world, "refused", "bao", ("80", "14")) else { return };
    terminal.shows("● online");
    terminal.keys("dix minutes de travail\r");
    terminal.shows("does not allow that");
    terminal.shows("> dix minutes de travail");
    terminal.press("C-q");
    terminal.shows("ended 0");
    let draft = world.done("bao", &["--json", "conversations"]).json();
    assert_eq!(draft[0]["draft"], "dix minutes de travail");
}

#[test]
fn what_was_entered_is_sent_in_order_whatever_comes_next() {
    let world = World::new();
    world.enrol("anne", "Anne");
    world.done("anne", &["group", "create", "Crue"]);
    let Some(terminal) = Terminal::with_chat(&world, "order", "anne", ("80", "14")) else { return };
    let lines: Vec<String> = (0..200).map(|n| format!("n{n}")).collect();
    terminal.keys(&format!("{}\rà finir\u{11}", lines.join("\r")));
    terminal.shows("ended 0");
    for n in 0..10 {
        terminal.chat(&world, "anne");
        terminal.press("C-w");
        terminal.press("C-w");
        terminal.keys(&format!("adieu {n}\r\u{11}"));
        terminal.shows("ended 0");
    }
    world.done("anne", &["--wait", "60", "sync"]);
    let read = world.done("anne", &["--json", "read", "Crue", "--count", "1000"]).json();
    let texts: Vec<&str> = read.iter().filter_map(|item| item["text"].as_str()).collect();
    assert_eq!(texts[..200], lines);
    assert_eq!(texts[200..], (0..10).map(|n| format!("adieu {n}")).collect::<Vec<_>>());
}

#[test]
fn help_and_members_show_on_a_small_screen() {
    let world = World::new();
    world.enrol("anne", "Anne");
    world.done("anne", &["group", "create", "Crue"]);
    let Some(terminal) = Terminal::with_chat(&world, "small", "anne", ("40", "10")) else { return };
    terminal.shows("Crue");
    terminal.press("F1");
    terminal.shows("/add A, B");
    for _ in 0..20 {
        terminal.press("PageDown");
    }
    terminal.shows("completes a mention");
    terminal.press("Escape");
    terminal.press("F2");
    terminal.shows("Anne • owner");
    terminal.press("Escape");
    terminal.shows("> Write");
}

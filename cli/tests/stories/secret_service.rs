//! The profile's key in the desktop's secret service: a real one, on a bus of its own, where the machine has what it takes.

use std::process::{Command, Stdio};

use crate::common::{PLI, World};

const NEEDED: [&str; 3] = ["dbus-run-session", "gnome-keyring-daemon", "secret-tool"];

/// Runs commands on a session bus with these keys, unlocked by their password; what they printed.
fn desktop(world: &World, password: &str, commands: &str) -> String {
    let home = world.path("home");
    std::fs::create_dir_all(&home).unwrap();
    let unlock = format!("printf %s '{password}' | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1");
    let script = format!("{unlock}; pli() {{ '{PLI}' --profile anne \"$@\"; }}; {commands}");
    let mut session = Command::new("dbus-run-session");
    session.args(["--", "sh", "-c", &script]).current_dir(world.folder.path()).stderr(Stdio::null());
    session.env("HOME", &home).env("XDG_RUNTIME_DIR", &home).env("LC_ALL", "C.UTF-8");
    session.env_remove("PLI_KEYS").env_remove("DISPLAY").env_remove("XDG_DATA_HOME");
    String::from_utf8(session.output().unwrap().stdout).unwrap()
}

#[test]
fn the_key_lies_in_the_desktops_secret_service() {
    let is_there =
        |tool: &&str| Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    if let Some(missing) = NEEDED.iter().find(|tool| is_there(tool).and_then(|mut child| child.wait()).is_err()) {
        // Straight to the terminal, for what passes is not shown otherwise.
        let why = format!("NOT TESTED: a profile's key in the desktop's secret service: there is no {missing}\n");
        return std::io::Write::write_all(&mut std::io::stderr(), why.as_bytes()).unwrap();
    }
    let world = World::new();
    let link = world.invite("Anne");
    let said = desktop(&world, "secret", &format!("pli join '{link}' && pli devices --json && echo opened"));
    assert!(said.contains("opened"), "{said}");
    assert!(world.path("anne/store.db").exists() && !world.path("anne.key").exists(), "no key file");
    // The next day, on another bus: the same keys.
    let said = desktop(&world, "secret", "pli devices --json && echo opened");
    assert!(said.contains("opened"), "{said}");
    // Without the password the keys stay locked, and nothing is made anew or lost.
    let said = desktop(&world, "wrong", &format!("timeout 20 '{PLI}' --profile anne devices; echo code $?"));
    assert!(said.contains("code 5"), "{said}");
    let said = desktop(&world, "secret", "pli devices --json && echo opened");
    assert!(said.contains("opened"), "{said}");
    // Where there is no desktop, it says what is missing.
    let answer = world.by("anne", &["devices"]);
    assert_ne!(answer.code, 0, "{answer:?}");
}

//! The built program, a server of it, and profiles, in a folder of their own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Nothing takes that long, on a busy machine too.
pub const PATIENCE: Duration = Duration::from_secs(60);
pub const PLI: &str = env!("CARGO_BIN_EXE_pli");

/// A folder with a server in it.
pub struct World {
    pub folder: tempfile::TempDir,
    server: Option<Child>,
    pub address: String,
    /// The first administrator's invitation.
    pub first: String,
}

/// What a command answered.
#[derive(Debug)]
pub struct Answer {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Answer {
    /// The one line that it printed.
    pub fn line(&self) -> &str {
        self.out.trim_end()
    }

    /// The JSON objects that it printed.
    pub fn json(&self) -> Vec<serde_json::Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl World {
    /// Starts a server.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut world = Self { folder, server: None, address: "127.0.0.1:0".into(), first: String::new() };
        world.start_server();
        world
    }

    /// Starts the server, where it was if it was started before.
    pub fn start_server(&mut self) {
        let mut command = command(self.folder.path());
        command.args(["serve", "--data", "server", "--organisation", "Mairie", "--listen", &self.address]);
        let mut server = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(server.stdout.take().unwrap()).lines().map(Result::unwrap);
        let listening = lines.next().unwrap();
        self.address = listening.split_whitespace().last().unwrap().into();
        if self.first.is_empty() {
            self.first = lines.find(|line| line.starts_with("pli://")).unwrap();
        }
        std::thread::spawn(move || lines.count());
        self.server = Some(server);
    }

    /// Stops it as an operator does; its exit code.
    pub fn stop_server(&mut self) -> Option<i32> {
        let mut server = self.server.take().unwrap();
        let pid = server.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        server.wait().unwrap().code()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the program in the world's folder.
    pub fn pli(&self, args: &[&str]) -> Answer {
        answer(command(self.folder.path()).args(args).stdin(Stdio::null()).output().unwrap())
    }

    /// Runs it on a profile.
    pub fn by(&self, profile: &str, args: &[&str]) -> Answer {
        self.pli(&[&["--profile", profile], args].concat())
    }

    /// Runs it on a profile, and expects it to be done.
    pub fn done(&self, profile: &str, args: &[&str]) -> Answer {
        let answer = self.by(profile, args);
        assert_eq!(answer.code, 0, "{profile} {args:?}: {answer:?}");
        answer
    }

    /// Runs it with something to read.
    pub fn with_input(&self, args: &[&str], input: &str) -> Answer {
        let mut command = command(self.folder.path());
        let mut child =
            command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        answer(child.wait_with_output().unwrap())
    }

    /// Makes an invitation.
    pub fn invite(&self, name: &str) -> String {
        let answer = self.pli(&["invite", "--data", "server", "--name", name]);
        assert_eq!(answer.code, 0, "{answer:?}");
        answer.line().to_owned()
    }

    /// Enrols a person in a profile of a name.
    pub fn enrol(&self, profile: &str, name: &str) {
        self.done(profile, &["join", &self.invite(name)]);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

/// The program in English, in a folder.
pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(PLI);
    command.current_dir(folder).env("LC_ALL", "C.UTF-8").env_remove("RUST_LOG").env_remove("PLI_PROFILE");
    // Not in the keys of whoever runs the tests.
    command.env("PLI_KEYS", "file");
    command
}

fn answer(output: Output) -> Answer {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let answer =
        Answer { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) };
    assert!(!answer.err.contains("panicked"), "{answer:?}");
    answer
}

/// Asks again and again, until it is so.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

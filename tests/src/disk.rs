//! A disk that is really full: a small file system, and a bound on the size of files, each under a story in a process of
//! its own. The server's stories take this file in by its path.

use std::path::Path;
use std::process::Command;

const HOW: &str = "PLI_TEST_DISK";

/// A disk for one story.
pub struct Disk {
    /// The test that is the story; it is ignored, but for when it is started here.
    pub story: &'static str,
    /// The size of the file system, as `mount` takes it.
    pub size: &'static str,
    /// The bound on files, in bytes.
    pub short: &'static str,
    /// What is left of the file system when there is no room, in bytes.
    pub left: u64,
}

impl Disk {
    /// Runs the story on a file system of its own.
    pub fn mounted(&self) {
        let (folder, exe) = (tempfile::tempdir().unwrap(), std::env::current_exe().unwrap());
        if !Command::new("unshare").args(["-rm", "true"]).status().is_ok_and(|status| status.success()) {
            // Straight to the terminal, for what passes is not shown otherwise.
            let why = "NOT TESTED: this machine lets nobody mount a file system of their own\n";
            return std::io::Write::write_all(&mut std::io::stderr(), why.as_bytes()).unwrap();
        }
        let mut command = Command::new("unshare");
        let script = format!("mount -t tmpfs -o size={} tmpfs \"$0\" && exec \"$@\"", self.size);
        command.args(["-rm", "sh", "-c", &script]).arg(folder.path()).arg(exe).env("TMPDIR", folder.path());
        self.start(command, "mounted");
    }

    /// Runs the story with files that can't grow.
    pub fn bounded(&self) {
        let mut command = Command::new("sh");
        // The signal that comes with it would end the process.
        command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(std::env::current_exe().unwrap());
        self.start(command, "bounded");
    }

    fn start(&self, mut command: Command, how: &str) {
        command.args(["--exact", self.story, "--ignored", "--nocapture"]).env(HOW, how);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{said}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Within the story: takes the room away, or gives it back.
    pub fn room(&self, folder: &Path, there_is: bool) {
        if std::env::var(HOW).unwrap() == "bounded" {
            let size = if there_is { "unlimited" } else { self.short };
            let pid = std::process::id().to_string();
            let set = Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={size}:unlimited")]).status();
            assert!(set.unwrap().success());
            return;
        }
        let ballast = folder.join("ballast");
        if there_is {
            return std::fs::remove_file(ballast).unwrap();
        }
        let file = std::fs::File::create(&ballast).unwrap();
        let mut file = &file;
        let mut bytes = 0u64;
        while std::io::Write::write_all(&mut file, &[7; 64 << 10]).is_ok() {
            bytes += 64 << 10;
        }
        file.set_len(bytes - self.left).unwrap();
    }
}

//! How far the demo is: lines on standard error, and one line that changes, on a terminal.

use std::io::{IsTerminal as _, Write as _};

/// Where progress is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    is_terminal: bool,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self { is_terminal: std::io::stderr().is_terminal() }
    }

    /// A line that stays.
    pub(crate) fn say(&self, text: &str) {
        let clear = if self.is_terminal { "\r\x1b[K" } else { "" };
        let _ = writeln!(std::io::stderr(), "{clear}{text}");
    }

    /// The line that changes; nothing where lines only stay.
    pub(crate) fn tick(&self, text: &str) {
        if self.is_terminal {
            let _ = write!(std::io::stderr(), "\r\x1b[K{text}\r");
            let _ = std::io::stderr().flush();
        }
    }
}

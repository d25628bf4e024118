//! The newest lines of the log, for reports that a person sends. Pli's own lines alone, which hold codes and numbers:
//! no names, texts, addresses or ids.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::{Mutex, Once, PoisonError};
use std::time::SystemTime;

use pli_core::model;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

/// Lines that are kept.
const LINES: usize = 1_000;
/// Bytes of a line.
const LINE_BYTES: usize = 512;
/// Fields whose values say what went wrong, and nothing of whom. Others are left out.
const SHOWN: [&str; 8] = ["message", "error", "number", "rule", "what", "why", "reason", "status"];

static RING: Mutex<VecDeque<String>> = Mutex::new(VecDeque::new());

/// The newest lines of the log, at most 1,000, oldest first: time, severity, place, what. No personal data.
#[uniffi::export]
pub fn diagnostics() -> Vec<String> {
    RING.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
}

/// Begins to keep lines, once in a process.
pub(crate) fn begin() {
    static BEGUN: Once = Once::new();
    BEGUN.call_once(|| {
        let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(Ring));
    });
}

struct Ring;

impl<S: Subscriber> Layer<S> for Ring {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        *metadata.level() <= Level::INFO && metadata.target().starts_with("pli")
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let mut line = Line(format!("{} {} {}", model::ms(SystemTime::now()), metadata.level(), metadata.target()));
        event.record(&mut line);
        let mut line = line.0;
        line.truncate(line.floor_char_boundary(LINE_BYTES));
        let mut ring = RING.lock().unwrap_or_else(PoisonError::into_inner);
        if ring.len() == LINES {
            ring.pop_front();
        }
        ring.push_back(line);
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            let _ = write!(self.0, " {value:?}");
        } else if SHOWN.contains(&field.name()) {
            let _ = write!(self.0, " {}={value:?}", field.name());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_lines_are_kept_without_what_identifies() {
        begin();
        for number in 0..LINES + 5 {
            tracing::warn!(number, person = "Anne", "something went wrong");
        }
        tracing::debug!("a detail");
        let lines = diagnostics();
        assert_eq!(lines.len(), LINES);
        assert!(lines[0].ends_with("something went wrong number=5"), "{}", lines[0]);
        assert!(!lines.iter().any(|line| line.contains("Anne") || line.contains("detail")));
    }
}

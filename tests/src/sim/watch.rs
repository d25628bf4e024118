//! What the product says of itself: its log lines, with virtual time and host, and panics of its tasks.

use std::cell::RefCell;
use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex, Once};

use tokio::time::Instant;
use tracing::field::{Field, Visit};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

tokio::task_local! {
    static HOST: usize;
}

/// What was seen, with its hosts.
type Seen = Arc<Mutex<Vec<(usize, String)>>>;

thread_local! {
    /// Panics and errors of the seed that runs on this thread.
    static SEEN: RefCell<Option<Seen>> = const { RefCell::new(None) };
}

/// Marks a task as a host's.
pub(crate) fn of_host<F: Future>(host: usize, task: F) -> impl Future<Output = F::Output> {
    HOST.scope(host, task)
}

fn host() -> usize {
    HOST.try_with(|host| *host).unwrap_or(0)
}

/// Watches until dropped.
pub(crate) struct Watching {
    _subscriber: DefaultGuard,
}

impl Drop for Watching {
    fn drop(&mut self) {
        SEEN.with_borrow_mut(|seen| *seen = None);
    }
}

/// Begins to watch on this thread.
pub(crate) fn start(trace: bool) -> Watching {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            match SEEN.with_borrow(Clone::clone) {
                Some(seen) if HOST.try_with(|_| ()).is_ok() => {
                    seen.lock().expect("no panic while held").push((host(), format!("panic: {panic}")));
                }
                // The simulation's own.
                _ => before(panic),
            }
        }));
    });
    SEEN.with_borrow_mut(|seen| *seen = Some(Arc::default()));
    let level = if trace { Level::DEBUG } else { Level::ERROR };
    let lines = Lines { trace, level, start: std::sync::OnceLock::new() };
    let subscriber = tracing_subscriber::registry().with(lines);
    Watching { _subscriber: tracing::subscriber::set_default(subscriber) }
}

/// Panics and error lines since the last call, each with its host.
pub(crate) fn take() -> Vec<(usize, String)> {
    let seen = SEEN.with_borrow(Clone::clone);
    seen.map(|seen| std::mem::take(&mut *seen.lock().expect("no panic while held"))).unwrap_or_default()
}

struct Lines {
    trace: bool,
    level: Level,
    start: std::sync::OnceLock<Instant>,
}

impl<S: Subscriber> Layer<S> for Lines {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.target().starts_with("pli") && *metadata.level() <= self.level
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        let metadata = event.metadata();
        if self.trace {
            let at = self.start.get_or_init(Instant::now).elapsed().as_millis();
            println!("{at:>10} {}   {} {}: {}", host(), metadata.level(), metadata.target(), text.0);
        }
        if *metadata.level() == Level::ERROR {
            let seen = SEEN.with_borrow(Clone::clone);
            if let Some(seen) = seen {
                let line = format!("{}: {}", metadata.target(), text.0);
                seen.lock().expect("no panic while held").push((host(), line));
            }
        }
    }
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = match field.name() {
            "message" => write!(self.0, "{value:?} "),
            name => write!(self.0, "{name}={value:?} "),
        };
    }
}

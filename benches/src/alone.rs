//! Things that are measured in a process of their own, as an app's is when it starts: `pli-benches --alone WHAT FOLDER`.
//! It says one object of figures.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::{Result, attack, scroll, start, wake};

/// What a process can be made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Alone {
    Start,
    StartBare,
    Scroll,
    ScrollBare,
    Wake,
    Serve,
}

/// What it found.
#[derive(Serialize, Deserialize)]
pub(crate) struct Figures {
    /// How long it took, in microseconds.
    pub(crate) us: f64,
    /// Memory that was taken meanwhile, at its peak.
    pub(crate) bytes: f64,
    /// Rows, items, messages: that nothing was left out.
    pub(crate) count: usize,
}

impl Alone {
    /// As it is named to a process.
    pub(crate) fn name(self) -> Result<String> {
        Ok(self.to_possible_value().ok_or("no such process")?.get_name().to_owned())
    }

    /// Makes the process and waits for it.
    pub(crate) async fn run(self, folder: &Path) -> Result<Figures> {
        let name = self.name()?;
        let mut process = Command::new(std::env::current_exe()?);
        process.args(["--alone", &name]).arg(folder);
        let output = tokio::task::spawn_blocking(move || process.output()).await??;
        if !output.status.success() {
            return Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// What the process does.
    pub(crate) async fn is(self, folder: &Path) -> Result<()> {
        let figures = match self {
            Self::Start => start::list(folder).await?,
            Self::StartBare => start::bare(folder)?,
            Self::Scroll => scroll::timeline(folder).await?,
            Self::ScrollBare => scroll::bare(folder)?,
            Self::Wake => wake::up(folder).await?,
            // It says where, and no figures.
            Self::Serve => match attack::serve(folder).await? {},
        };
        println!("{}", serde_json::to_string(&figures)?);
        Ok(())
    }
}

/// Watches how much memory of its own this process takes: what it wrote to, not the program's and libraries' pages, nor
/// files. Linux says it; elsewhere this is zero.
pub(crate) struct Memory {
    before: u64,
    peak: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
    watch: JoinHandle<()>,
}

impl Memory {
    pub(crate) fn watch() -> Self {
        let (peak, ended) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let before = resident("self");
        let (highest, over) = (peak.clone(), ended.clone());
        let watch = std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                highest.fetch_max(resident("self"), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        Self { before, peak, ended, watch }
    }

    /// The bytes that were taken since, at the peak.
    pub(crate) fn end(self) -> f64 {
        self.ended.store(true, Ordering::Relaxed);
        let _ = self.watch.join();
        self.peak.load(Ordering::Relaxed).max(resident("self")).saturating_sub(self.before) as f64
    }
}

/// The memory of its own that a process has; `self` for this one.
pub(crate) fn resident(process: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).and_then(|kib| kib.parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}

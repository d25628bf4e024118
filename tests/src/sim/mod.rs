//! The whole system under one seed, in virtual time: a real server, real clients, real encrypted databases.
//!
//! One paused tokio runtime carries every host. What the world does to them comes through their `Env`:
//!
//! - [`dice`]: randomness by seed. [`world`]: what hosts share; the trace, whose hash is the same for the same seed.
//! - [`env`]: the `Env` of one life of one host. [`net`]: faulty links. [`host`]: booting, crashing, booting again.
//! - [`people`], [`deeds`]: random people; [`book`] notes what they were promised. [`screens`]: what apps show.
//! - [`lies`]: an insider, in one seed of three.
//! - [`seasons`]: faults, nights, the calm at the end.
//! - [`view`]: what is in the stores at the end; [`tell`]: the same in words, for a replay. [`truth`]: who may read what;
//!   [`check`]: whether the promises of DESIGN section 2 were kept; [`excuse`]: what is let pass.
//!
//! A crash drops a host's tasks where they stand and keeps the files of that instant, as `kill -9` does.

pub(crate) mod book;
pub(crate) mod check;
#[cfg(test)]
mod check_tests;
pub(crate) mod deeds;
pub(crate) mod dice;
pub(crate) mod env;
pub(crate) mod excuse;
pub(crate) mod host;
pub(crate) mod lies;
pub(crate) mod net;
pub(crate) mod people;
pub(crate) mod screens;
pub(crate) mod seasons;
pub(crate) mod tell;
pub(crate) mod truth;
pub(crate) mod view;
pub(crate) mod watch;
pub(crate) mod world;

use std::path::PathBuf;

use world::{Counts, Fault, World};

/// How to run a seed.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Prints every event.
    pub(crate) trace: bool,
    /// Only links fail, no host.
    pub(crate) no_crashes: bool,
    /// Nothing fails.
    pub(crate) calm: bool,
    /// No insider.
    pub(crate) honest: bool,
    /// A fault on the test's side that the checks must notice.
    pub(crate) fault: Option<Fault>,
    /// Where the hosts' files are; kept there if asked for.
    pub(crate) dir: PathBuf,
    pub(crate) keep: bool,
}

/// What became of a seed.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) hash: u64,
    pub(crate) counts: Counts,
    pub(crate) violations: Vec<String>,
}

/// Runs one seed.
pub(crate) fn run(seed: u64, options: &Options) -> Outcome {
    let dir = options.dir.join(format!("seed-{seed}"));
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).expect("a folder for the hosts");
    let _watching = watch::start(options.trace);
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true);
    // Without it tokio's own choices differ from run to run: see `tests/sim`.
    #[cfg(tokio_unstable)]
    builder.rng_seed(tokio::runtime::RngSeed::from_bytes(&seed.to_le_bytes()));
    let runtime = builder.build().expect("a runtime");
    let outcome = runtime.block_on(async {
        let world = World::new(seed, options.clone(), dir.clone());
        seasons::run(&world).await
    });
    drop(runtime);
    if !options.keep {
        let _ = std::fs::remove_dir_all(&dir);
    }
    outcome
}

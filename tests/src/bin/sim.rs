//! `tests/sim`: the whole system under random seeds, in virtual time, with faults. See `src/sim/mod.rs`.

#[path = "../sim/mod.rs"]
mod sim;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;

use clap::Parser;
use sim::world::{Counts, Fault};
use sim::{Options, Outcome};

/// Runs the whole system under random seeds, in virtual time, with faults, and checks what it promises.
#[derive(Parser)]
struct Args {
    /// How many seeds.
    #[arg(long, default_value_t = 5)]
    seeds: u64,
    /// The first seed; alone, if --seeds is not given.
    #[arg(long)]
    seed: Option<u64>,
    /// A last line in JSON.
    #[arg(long)]
    json: bool,
    /// Print every event, with the product's own log.
    #[arg(long)]
    trace: bool,
    /// Run each seed twice, and compare the traces.
    #[arg(long)]
    twice: bool,
    /// Links fail, hosts don't.
    #[arg(long)]
    no_crashes: bool,
    /// Nothing fails.
    #[arg(long)]
    calm: bool,
    /// Nobody lies.
    #[arg(long)]
    honest: bool,
    /// A fault on the test's side: a seed passes if the checks tell of it.
    #[arg(long, value_enum)]
    fault: Option<Fault>,
    /// Seeds at once.
    #[arg(long, default_value_t = 1)]
    jobs: usize,
    /// Leave the hosts' files here.
    #[arg(long)]
    keep: Option<PathBuf>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let count =
        if args.seed.is_some() && std::env::args().all(|arg| !arg.starts_with("--seeds")) { 1 } else { args.seeds };
    let first = args.seed.unwrap_or(1);
    // In memory, where there is such a place: an fsync costs nothing there.
    let memory = PathBuf::from("/dev/shm");
    let base = if memory.is_dir() { memory } else { std::env::temp_dir() };
    let dir = args.keep.clone().unwrap_or_else(|| base.join(format!("pli-sim-{}", std::process::id())));
    let options = Options {
        trace: args.trace,
        no_crashes: args.no_crashes,
        calm: args.calm,
        honest: args.honest,
        fault: args.fault,
        dir: dir.clone(),
        keep: args.keep.is_some(),
    };
    let (seeds, sum) = (Mutex::new(first..first + count), Mutex::new(Sum::default()));
    let work = || {
        while let Some(seed) = { seeds.lock().expect("no panic while held").next() } {
            let began = std::time::Instant::now();
            let mut outcome = sim::run(seed, &options);
            let again = args.twice.then(|| sim::run(seed, &options));
            if args.fault.is_some() {
                outcome.violations = match outcome.violations.first() {
                    None => vec!["nothing is told of the planted fault".into()],
                    Some(told) => {
                        println!("told of seed {seed}: {told}");
                        Vec::new()
                    }
                };
            }
            sum.lock().expect("no panic while held").add(seed, &outcome, again, began.elapsed().as_secs_f64());
        }
    };
    std::thread::scope(|scope| (0..args.jobs.max(1)).for_each(|_| drop(scope.spawn(work))));
    if args.keep.is_none() {
        let _ = std::fs::remove_dir_all(&dir);
    }
    sum.into_inner().expect("no panic while held").end(args.json)
}

#[derive(Default)]
struct Sum {
    counts: Counts,
    seeds: u64,
    failed: u64,
    violations: u64,
}

impl Sum {
    fn add(&mut self, seed: u64, outcome: &Outcome, again: Option<Outcome>, seconds: f64) {
        let mut violations = outcome.violations.clone();
        if let Some(again) = again.filter(|again| again.hash != outcome.hash) {
            violations.push(format!("the trace differs when run again: {:016x}, {:016x}", outcome.hash, again.hash));
        }
        let c = outcome.counts;
        println!(
            "seed {seed}: {} in {seconds:.0} s: trace {:016x}, {:.1} virtual hours, {} steps, {} crashes, {} actions, {} messages, {} commits, {} rejoins, {} copies, {} lies",
            if violations.is_empty() { "passed" } else { "FAILED" },
            outcome.hash,
            c.virtual_s as f64 / 3600.0,
            c.steps,
            c.crashes,
            c.actions,
            c.messages,
            c.commits,
            c.rejoins,
            c.copies,
            c.lies
        );
        for violation in &violations {
            println!("  {violation}");
        }
        if !violations.is_empty() {
            println!("  replay: tests/sim --seed {seed} --trace");
            self.failed += 1;
        }
        self.seeds += 1;
        self.violations += violations.len() as u64;
        for (sum, count) in [
            (&mut self.counts.steps, c.steps),
            (&mut self.counts.crashes, c.crashes),
            (&mut self.counts.actions, c.actions),
            (&mut self.counts.messages, c.messages),
            (&mut self.counts.commits, c.commits),
            (&mut self.counts.rejoins, c.rejoins),
            (&mut self.counts.copies, c.copies),
            (&mut self.counts.lies, c.lies),
        ] {
            *sum += count;
        }
    }

    fn end(&self, json: bool) -> ExitCode {
        println!("{} passed, {} failed, 0 skipped", self.seeds - self.failed, self.failed);
        if json {
            let c = self.counts;
            println!(
                "{{\"seeds\":{},\"steps\":{},\"crashes\":{},\"messages\":{},\"commits\":{},\"rejoins\":{},\"copies\":{},\"lies\":{},\"violations\":{}}}",
                self.seeds, c.steps, c.crashes, c.messages, c.commits, c.rejoins, c.copies, c.lies, self.violations
            );
        }
        if self.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

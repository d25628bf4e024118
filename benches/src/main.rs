//! What Pli costs, beside what it could cost at best: `pli-benches [--quick] [--only NAME] [--json]`.
//!
//! Every line sets a figure of Pli's against one of something else that was measured in the same run, in turns with it,
//! so that a busy machine slows both. docs/performance.md says what each line means.
//!
//! - [`message`]: encrypting and decrypting, against mls-rs, Megolm and bare primitives.
//! - [`send`]: `Conversation::send` to durable, against its rows in bare SQLCipher.
//! - [`catch_up`]: a client that was closed, against primitives and rows alone.
//! - [`appends`]: durable appends at the server's engine, against bare SQLite.
//! - [`world`], [`database`], [`measure`], [`report`]: a server and clients, bare databases, clocks, lines.

mod appends;
mod catch_up;
mod database;
mod measure;
mod message;
mod report;
mod send;
mod world;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use report::Line;

/// Whatever goes wrong ends the program.
type Failure = Box<dyn std::error::Error + Send + Sync>;
type Result<T> = std::result::Result<T, Failure>;

/// No bench takes that long, or something hangs.
const BOUND: Duration = Duration::from_secs(8 * 60);

/// Measures Pli beside what it could cost at best
#[derive(Parser)]
#[command(name = "pli-benches")]
struct Options {
    /// Fewer rounds, and 1,000 messages to catch up in place of 10,000: less than a minute
    #[arg(long)]
    quick: bool,
    /// One bench alone
    #[arg(long, value_name = "NAME")]
    only: Option<Bench>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Bench {
    Message,
    Send,
    CatchUp,
    Appends,
}

impl Bench {
    async fn run(self, quick: bool) -> Result<Vec<Line>> {
        match self {
            Self::Message => tokio::task::spawn_blocking(move || message::run(quick)).await?,
            Self::Send => send::run(quick).await,
            Self::CatchUp => catch_up::run(quick).await,
            Self::Appends => appends::run(quick).await,
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    if cfg!(debug_assertions) {
        eprintln!("this is not a release build: its figures mean nothing");
    }
    let mut all = Vec::new();
    for bench in Bench::value_variants().iter().filter(|bench| options.only.is_none_or(|only| only == **bench)) {
        let lines = match tokio::time::timeout(BOUND, bench.run(options.quick)).await {
            Ok(Ok(lines)) => lines,
            Ok(Err(error)) => {
                eprintln!("pli-benches: {error}");
                return ExitCode::FAILURE;
            }
            Err(_) => {
                eprintln!("pli-benches: a bench took longer than {BOUND:?}");
                // A thread that hangs would keep the runtime from ending.
                std::process::exit(1);
            }
        };
        if options.json {
            lines.iter().for_each(|line| println!("{}", line.json()));
        }
        all.extend(lines);
    }
    if !options.json {
        print!("{}", report::table(&all));
    }
    ExitCode::SUCCESS
}

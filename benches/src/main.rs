//! What Pli costs, beside what it could cost at best: `pli-benches [--quick] [--only NAME] [--json]`.
//!
//! Every line sets a figure of Pli's against one of something else that was measured in the same run, in turns with it,
//! so that a busy machine slows both. docs/performance.md says what each line means.
//!
//! - [`message`]: encrypting and decrypting, against mls-rs, Megolm and bare primitives.
//! - [`send`]: `Conversation::send` to durable, against its rows in bare SQLCipher.
//! - [`catch_up`]: a client that was closed, against primitives and rows alone.
//! - [`appends`]: durable appends at the server's engine, against bare SQLite.
//! - [`start`], [`scroll`]: an app's list of conversations, and its timeline, against queries over the same rows.
//! - [`wake`]: the memory of an app that is woken up, and how soon it can be frozen.
//! - [`attack`]: how long a message takes while the server is attacked.
//! - [`world`], [`database`], [`measure`], [`alone`], [`report`]: a server and clients, bare databases, clocks, processes,
//!   lines.

mod alone;
mod appends;
mod attack;
mod catch_up;
mod database;
mod measure;
mod message;
mod report;
mod scroll;
mod send;
mod start;
mod wake;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use alone::Alone;
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
    /// Fewer rounds, and smaller numbers, which the lines name: two minutes
    #[arg(long)]
    quick: bool,
    /// One bench alone
    #[arg(long, value_name = "NAME")]
    only: Option<Bench>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    /// What one process does of a bench
    #[arg(long, hide = true, requires = "folder")]
    alone: Option<Alone>,
    /// Where it does so
    #[arg(hide = true)]
    folder: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Bench {
    Message,
    Send,
    CatchUp,
    Appends,
    Start,
    Scroll,
    Wake,
    Attack,
}

impl Bench {
    async fn run(self, quick: bool) -> Result<Vec<Line>> {
        match self {
            Self::Message => tokio::task::spawn_blocking(move || message::run(quick)).await?,
            Self::Send => send::run(quick).await,
            Self::CatchUp => catch_up::run(quick).await,
            Self::Appends => appends::run(quick).await,
            Self::Start => start::run(quick).await,
            Self::Scroll => scroll::run(quick).await,
            Self::Wake => wake::run(quick).await,
            Self::Attack => attack::run(quick).await,
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    if cfg!(debug_assertions) {
        eprintln!("this is not a release build: its figures mean nothing");
    }
    if let (Some(alone), Some(folder)) = (options.alone, &options.folder) {
        return match alone.is(folder).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        };
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

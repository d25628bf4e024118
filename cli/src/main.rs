//! `pli`: the demo, a terminal chat, a server, and every command that scripts need. docs/cli.md describes it.
//!
//! - [`args`]: the command line. [`commands`]: what each command does.
//! - [`demo`]: twenty officials talk; a verdict. [`chat`]: the full-screen chat.
//! - [`profile`]: the device's store and waiting for the server; [`keys`]: where its key lies. [`names`]: finding what was named.
//! - [`show`]: values as lines and as JSON. [`words`]: what is said to people. [`failure`]: why not, and exit codes.
//!
//! Results go to standard output, everything else to standard error.

mod args;
mod chat;
mod commands;
mod demo;
mod failure;
mod keys;
mod names;
mod profile;
mod show;
mod words;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser as _;

use args::Cli;
use failure::Failure;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

fn main() -> ExitCode {
    show::learn_time_zone();
    let cli = Cli::parse();
    // Of a server the operator wants to know what goes wrong; of a client, who asks.
    if matches!(cli.command, args::Command::Serve(_)) || std::env::var_os("RUST_LOG").is_some() {
        let wanted = std::env::var("RUST_LOG").ok().and_then(|wanted| wanted.parse::<Targets>().ok());
        let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
        let log = log.with_ansi(std::io::stderr().is_terminal());
        let errors = || Targets::new().with_default(LevelFilter::ERROR);
        tracing_subscriber::registry().with(log.with_filter(wanted.unwrap_or_else(errors))).init();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&Failure::new(failure::Code::Failed, error.to_string())),
    };
    let result = runtime.block_on(commands::run(cli));
    // What a client left running in the background must not keep the program.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => fail(&failure),
    }
}

fn fail(failure: &Failure) -> ExitCode {
    if !failure.message.is_empty() {
        eprintln!("{}", words::errors::ERROR.with(&[&failure.message]));
    }
    ExitCode::from(failure.code as u8)
}

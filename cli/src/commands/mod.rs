//! What each command does.
//!
//! - [`serve`]: running a server. [`authority`]: invitations, people and devices, beside it.
//! - [`root`]: replacing the issuer, with the root's key.
//! - [`device`]: enrolling, own devices, safety numbers. [`lists`]: people and conversations.
//! - [`groups`]: making and changing groups. [`talk`]: saying and reading.

mod authority;
mod device;
mod groups;
mod lists;
mod root;
mod serve;
mod talk;

use std::io::Write as _;

use serde_json::Value;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::args::{Cli, Command};
use crate::failure::{Code, Failure};
use crate::words::errors as words;
use crate::{chat, demo, show};

/// Runs the command line.
pub(crate) async fn run(cli: Cli) -> Result<(), Failure> {
    let Cli { profile, json, wait, command } = cli;
    let shared = Shared { profile, json, wait };
    match command {
        Command::Demo(args) => demo::run(args, json).await,
        Command::Serve(args) => serve::run(args, &shared).await,
        Command::Invite(args) => authority::invite(args, &shared).await,
        Command::Admin { data, command } => authority::admin(&data, command, &shared).await,
        Command::Root { data, command } => root::run(&data, command, &shared).await,
        Command::Join { link } => device::join(&link, &shared).await,
        Command::Devices => device::list(&shared).await,
        Command::Approve { device, number } => device::approve(&device, number, &shared).await,
        Command::SafetyNumber { person, verified } => device::safety_number(&person, verified, &shared).await,
        Command::People { query } => lists::people(&query.join(" "), &shared).await,
        Command::Conversations => lists::conversations(&shared).await,
        Command::Pair { person } => lists::pair(&person, &shared).await,
        Command::Group { command } => groups::run(command, &shared).await,
        Command::Send { conversation, text, reply_to, mention } => {
            talk::send(&conversation, &text, reply_to.as_deref(), &mention, &shared).await
        }
        Command::Edit { conversation, message, text, mention } => {
            talk::edit(&conversation, &message, &text, &mention, &shared).await
        }
        Command::Delete { conversation, message } => talk::delete(&conversation, &message, &shared).await,
        Command::React { conversation, message, emoji } => {
            talk::react(&conversation, &message, emoji.as_deref(), &shared).await
        }
        Command::Read { conversation, since, count } => {
            let part = match since {
                Some(since) => talk::Part::Since(since, count.unwrap_or(1_000)),
                None => talk::Part::Newest(count.unwrap_or(50)),
            };
            talk::read(&conversation, part, &shared).await
        }
        Command::Sync => talk::sync(&shared).await,
        Command::Watch => talk::watch(&shared).await,
        Command::Chat => chat::run(shared.profile.as_deref(), wait).await,
    }
}

/// What every command takes.
pub(crate) struct Shared {
    profile: Option<std::path::PathBuf>,
    json: bool,
    wait: u64,
}

impl Shared {
    /// Runs a command on the profile.
    async fn with<R>(
        &self,
        command: impl AsyncFnOnce(&crate::profile::Profile) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        crate::profile::Profile::with(self.profile.as_deref(), self.wait, command).await
    }

    /// Prints a result, as a line for people or as JSON.
    fn print(&self, line: impl FnOnce() -> String, value: impl FnOnce() -> Value) -> Result<(), Failure> {
        print(&if self.json { show::json_line(&value()) } else { line() })
    }
}

/// Waits for a signal of the system from now on.
pub(crate) fn listen_for(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::new(Code::Failed, error.to_string()))
}

/// Prints to standard output. A reader that went away, as `head` does, ends the command quietly.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(|error| match error.kind() {
        std::io::ErrorKind::BrokenPipe => Failure::new(Code::Done, ""),
        _ => Failure::new(Code::Failed, words::NO_OUTPUT.with(&[&error])),
    })
}

/// An argument, or standard input if it is `-`.
fn argument(text: &str) -> Result<String, Failure> {
    if text != "-" {
        return Ok(text.to_owned());
    }
    let read = std::io::read_to_string(std::io::stdin());
    let text = read.map_err(|error| Failure::usage(words::STDIN.with(&[&error])))?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

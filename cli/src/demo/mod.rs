//! `pli demo`: a real server and twenty officials on this machine, who talk through a flood; and a verdict.
//!
//! ```text
//!  script → stage → official (a task, a client, a store) → server → … → sight
//!              └→ ledger: who said what to whom ─────────────────→ verdict ←┘
//! ```
//!
//! - [`script`], [`cast`], [`extend`]: what is said, by whom.
//! - [`stage`]: performs it, with [`acts`] and [`events`]; [`official`]: one device, which [`device`] runs; [`cable`]: the network
//!   that can be pulled.
//! - [`ledger`]: what was said; [`sight`]: what appeared on screens.
//! - [`thief`]: looks for texts in the files; [`verdict`]: how it went; [`report`]: telling it.
//! - [`stay`]: afterwards, the user is one of them.

mod acts;
mod cable;
mod cast;
mod device;
mod events;
mod extend;
mod ledger;
mod official;
mod progress;
mod report;
mod script;
mod sight;
mod stage;
mod stay;
mod thief;
mod verdict;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::signal::unix::SignalKind;

use crate::args;
use crate::commands::listen_for;
use crate::failure::{Code, Failure};
use crate::words::{demo as words, errors};

use extend::Dice;
use official::At;
use progress::Progress;
use report::Report;
use script::{Deed, Event, Line};
use stage::Stage;
use verdict::Verdict;

/// How long everybody has in the end to get everything.
const ARRIVAL: Duration = Duration::from_secs(60);

/// How often a folder is removed that is made again meanwhile.
const REMOVALS: usize = 100;

pub(crate) async fn run(args: args::Demo, json: bool) -> Result<(), Failure> {
    let begun = Instant::now();
    if args.stay {
        crate::chat::check_terminal()?;
    }
    let script = read_script(args.script.as_deref())?;
    let (folder, temporary) = folder(args.keep.as_deref())?;
    // Stopped or not, a temporary folder goes. The chat has a terminal to give back, and ends by itself.
    let ended = tokio::select! { biased;
        stopped = stopped(), if !args.stay => stopped,
        played = play(&args, json, &script, &folder, begun) => played,
    };
    if let Some(temporary) = temporary {
        remove(temporary).await;
    }
    ended
}

/// Removes the folder, in which threads of what was stopped may still be making files.
async fn remove(temporary: tempfile::TempDir) {
    let folder = temporary.keep();
    for _ in 0..REMOVALS {
        // Whether it could be, the next look tells.
        let _ = std::fs::remove_dir_all(&folder);
        tokio::time::sleep(Duration::from_millis(50)).await;
        if !folder.exists() {
            return;
        }
    }
}

async fn stopped() -> Result<(), Failure> {
    let (mut interrupt, mut terminate) = (listen_for(SignalKind::interrupt())?, listen_for(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Err(Failure::new(Code::Failed, errors::INTERRUPTED.text()))
}

async fn play(args: &args::Demo, json: bool, script: &[Line], folder: &Path, begun: Instant) -> Result<(), Failure> {
    let cast = cast::choose(script, usize::from(args.officials));
    let mut stage = Stage::set(folder, &cast, Progress::new()).await?;
    perform(&mut stage, script, args).await?;
    let verdict = reach_verdict(&mut stage).await?;
    stage.check()?;
    let report = Report::of(&stage, cast.len(), verdict, begun.elapsed());
    report.print(&stage, json, args.keep.is_some().then_some(folder)).await?;
    if args.stay {
        stay::stay(&stage, script, args.seed).await?;
    }
    stage.close().await;
    stage.check()?;
    if report.verdict.is_green() { Ok(()) } else { Err(Failure::new(Code::Failed, "")) }
}

fn read_script(path: Option<&Path>) -> Result<Vec<Line>, Failure> {
    match path {
        None => script::parse(script::FLOOD),
        Some(path) => {
            let text = std::fs::read_to_string(path);
            script::parse(&text.map_err(|error| Failure::usage(errors::NO_FILE.with(&[&path.display(), &error])))?)
        }
    }
}

/// Where everything is kept: for good, or as long as the second value lives.
fn folder(keep: Option<&Path>) -> Result<(PathBuf, Option<tempfile::TempDir>), Failure> {
    let failed = |error: std::io::Error| Failure::new(Code::Store, error.to_string());
    let Some(keep) = keep else {
        let temporary = tempfile::Builder::new().prefix("pli-demo-").tempdir().map_err(failed)?;
        return Ok((temporary.path().to_owned(), Some(temporary)));
    };
    std::fs::create_dir_all(keep).map_err(failed)?;
    if std::fs::read_dir(keep).map_err(failed)?.next().is_some() {
        return Err(Failure::usage(errors::EMPTY_FOLDER.with(&[&keep.display()])));
    }
    Ok((std::path::absolute(keep).map_err(failed)?, None))
}

/// Performs the script, and then as much more as was asked for.
async fn perform(stage: &mut Stage, script: &[Line], args: &args::Demo) -> Result<(), Failure> {
    let most = args.messages.unwrap_or(usize::MAX);
    let mut said = 0;
    for (number, line) in (1..).zip(script) {
        let says = matches!(line, Line::Act { deed: Deed::Say { .. }, .. });
        if says && said >= most {
            continue;
        }
        if stage.perform(line).await? && says {
            said += 1;
        }
        stage.check()?;
        stage.progress.tick(&words::PROGRESS.with(&[&number, &script.len(), &said]));
    }
    if let Some(most) = args.messages.filter(|most| *most > said) {
        stage.perform(&Line::Event(Event::Settle)).await?;
        let (texts, mut dice) = (extend::texts(script), Dice::new(args.seed));
        while said < most {
            let text = extend::another(&mut dice, &texts, said);
            if !say_somewhere(stage, &mut dice, &text).await? {
                break;
            }
            said += 1;
            stage.progress.tick(&words::PROGRESS.with(&[&script.len(), &script.len(), &said]));
        }
    }
    stage.end().await
}

/// Lets anybody say a text in any group; false if there is none.
async fn say_somewhere(stage: &mut Stage, dice: &mut Dice, text: &str) -> Result<bool, Failure> {
    let current: Vec<usize> = stage.current.values().copied().collect();
    let mut choices = Vec::new();
    for (key, place) in &stage.places {
        if matches!(place.at, At::Group(_)) {
            choices.extend(place.members.iter().filter(|seat| current.contains(seat)).map(|seat| (*seat, key.clone())));
        }
    }
    let Some((seat, key)) = dice.choose(&choices).cloned() else { return Ok(false) };
    stage.say(seat, &key, text, None, None, &[], false).await
}

/// Waits until everybody has everything, looks through all files, and judges.
async fn reach_verdict(stage: &mut Stage) -> Result<Verdict, Failure> {
    let until = Instant::now() + ARRIVAL;
    let mut facts = stage.facts().await?;
    while verdict::judge(&facts).lost + verdict::judge(&facts).diverged > 0 && Instant::now() < until {
        stage.check()?;
        tokio::time::sleep(Duration::from_millis(50)).await;
        facts = stage.facts().await?;
    }
    facts.found = report::search(stage, &facts).await?;
    Ok(verdict::judge(&facts))
}

//! Doing what was asked, with the client.

use std::time::Duration;

use pli_core::model::{ConversationId, EntryId, PersonId, Role};
use pli_core::{Client, Error};

use crate::failure::Failure;
use crate::names::{self, Candidate};
use crate::words::errors;

use super::command::Command;

/// What a command led to.
pub(super) enum Outcome {
    Done,
    /// Show this conversation.
    Opened(ConversationId),
}

/// Runs a command. Its effect shows in the timeline.
pub(super) async fn run(
    client: &Client,
    command: Command,
    at: Option<ConversationId>,
    about: Option<EntryId>,
    now_ms: u64,
) -> Result<Outcome, Failure> {
    match command {
        Command::Pair(name) => return Ok(Outcome::Opened(client.pair(person(client, &name).await?).await?)),
        Command::Group { name, people: names } => {
            let people = people(client, &names).await?;
            return Ok(Outcome::Opened(client.create_group(&name, &people).await?));
        }
        _ => {}
    }
    let Some(at) = at else { return Ok(Outcome::Done) };
    let handle = client.conversation(at);
    match (command, about) {
        (Command::Add(names), _) => handle.add(&people(client, &names).await?).await.map(drop)?,
        (Command::Remove(names), _) => handle.remove(&people(client, &names).await?).await.map(drop)?,
        (Command::Promote(names), _) => set_roles(client, at, &names, Role::Admin).await?,
        (Command::Demote(names), _) => set_roles(client, at, &names, Role::Member).await?,
        (Command::Rename(name), _) => handle.rename(&name).await.map(drop)?,
        (Command::Leave, _) => handle.leave().await.map(drop)?,
        (Command::Mute(hours), _) => {
            let hours_ms = u64::try_from(Duration::from_secs(hours.min(24 * 366) * 3600).as_millis()).unwrap_or(0);
            handle.mute(if hours == 0 { 0 } else { now_ms + hours_ms }).await?;
        }
        (Command::React(emoji), Some(about)) => handle.react(about, emoji.as_deref()).await.map(drop)?,
        (Command::Edit(text), Some(about)) => handle.edit(about, &text).await.map(drop)?,
        (Command::Delete, Some(about)) => handle.delete(about).await.map(drop)?,
        _ => {}
    }
    Ok(Outcome::Done)
}

async fn set_roles(client: &Client, at: ConversationId, names: &[String], role: Role) -> Result<(), Failure> {
    for person in people(client, names).await? {
        client.conversation(at).set_role(person, role).await?;
    }
    Ok(())
}

async fn people(client: &Client, names: &[String]) -> Result<Vec<PersonId>, Failure> {
    let mut people = Vec::with_capacity(names.len());
    for name in names {
        people.push(person(client, name).await?);
    }
    Ok(people)
}

async fn person(client: &Client, name: &str) -> Result<PersonId, Failure> {
    let known = client.people("").await.map_err(|error: Error| Failure::from(error))?;
    let candidates: Vec<_> = known
        .into_iter()
        .map(|person| Candidate { value: person.id, id: person.id.to_string(), name: person.name })
        .collect();
    names::find(&candidates, name, &errors::UNKNOWN_PERSON)
}

//! Doing what was asked, with the client.

use std::time::Duration;

use pli_core::Client;
use pli_core::model::{ConversationId, ItemId, PersonId, Role};

use crate::failure::Failure;
use crate::names;

use super::command::Command;

/// Runs a command; `mentions` are of its text. Its effect shows in the timeline, or is a conversation to be shown.
pub(super) async fn run(
    client: &Client,
    command: Command,
    at: Option<ConversationId>,
    about: Option<ItemId>,
    mentions: &[PersonId],
    now_ms: u64,
) -> Result<Option<ConversationId>, Failure> {
    match command {
        Command::Pair(name) => return Ok(Some(client.pair(names::person(client, &name).await?.id).await?)),
        Command::Group { name, people: names } => {
            let people = people(client, &names).await?;
            return Ok(Some(client.create_group(&name, &people).await?));
        }
        _ => {}
    }
    let Some(at) = at else { return Ok(None) };
    let handle = client.conversation(at);
    match (command, about) {
        (Command::Add(names), _) => handle.add(&people(client, &names).await?).await.map(drop)?,
        (Command::Remove(names), _) => handle.remove(&members(client, at, &names).await?).await.map(drop)?,
        (Command::Promote(names), _) => set_roles(client, at, &names, Role::Admin).await?,
        (Command::Demote(names), _) => set_roles(client, at, &names, Role::Member).await?,
        (Command::Rename(name), _) => handle.rename(&name).await.map(drop)?,
        (Command::Leave, _) => handle.leave().await.map(drop)?,
        (Command::Mute(hours), _) => {
            let hours_ms = u64::try_from(Duration::from_secs(hours.min(24 * 366) * 3600).as_millis()).unwrap_or(0);
            handle.mute(if hours == 0 { 0 } else { now_ms + hours_ms }).await?;
        }
        (Command::React(emoji), Some(about)) => handle.react(about, emoji.as_deref()).await.map(drop)?,
        (Command::Edit(text), Some(about)) => handle.edit(about, &text, mentions).await.map(drop)?,
        (Command::Delete, Some(about)) => handle.delete(about).await.map(drop)?,
        _ => {}
    }
    Ok(None)
}

async fn set_roles(client: &Client, at: ConversationId, names: &[String], role: Role) -> Result<(), Failure> {
    for person in members(client, at, names).await? {
        client.conversation(at).set_role(person, role).await?;
    }
    Ok(())
}

async fn people(client: &Client, names: &[String]) -> Result<Vec<PersonId>, Failure> {
    let mut people = Vec::with_capacity(names.len());
    for name in names {
        people.push(names::person(client, name).await?.id);
    }
    Ok(people)
}

async fn members(client: &Client, at: ConversationId, named: &[String]) -> Result<Vec<PersonId>, Failure> {
    let mut members = Vec::with_capacity(named.len());
    for name in named {
        members.push(names::member(client, at, name).await?);
    }
    Ok(members)
}

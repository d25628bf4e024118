//! Saying and reading.

use futures_util::StreamExt as _;
use pli_core::model::{Content, ConversationId, ItemId, Message, PersonId, TimelineItem, ms};
use pli_core::text::fold;
use pli_core::{Since, SyncResult};
use serde_json::json;

use crate::failure::Failure;
use crate::profile::Profile;
use crate::show::{self, Names};
use crate::words::say;

use super::{Shared, argument};

pub(super) async fn send(
    conversation: &str,
    text: &str,
    reply_to: Option<&str>,
    mentions: &[String],
    shared: &Shared,
) -> Result<(), Failure> {
    let text = argument(text)?;
    shared
        .with(async |profile| {
            let conversation = profile.conversation(conversation).await?;
            let reply_to = match reply_to {
                Some(id) => Some(profile.message(conversation, id).await?.id),
                None => None,
            };
            let mentions = profile.people(mentions).await?;
            let entry = profile.client.conversation(conversation).send(&text, reply_to, &mentions).await?;
            say_state(entry, profile.settle(conversation, entry).await, shared)
        })
        .await
}

pub(super) async fn edit(
    conversation: &str,
    message: &str,
    text: &str,
    mentions: &[String],
    shared: &Shared,
) -> Result<(), Failure> {
    let text = argument(text)?;
    shared
        .with(async |profile| {
            let conversation = profile.conversation(conversation).await?;
            let message = profile.message(conversation, message).await?;
            let mentions = match profile.people(mentions).await? {
                none if none.is_empty() => still_mentioned(profile, &message, &text).await?,
                mentions => mentions,
            };
            let entry = profile.client.conversation(conversation).edit(message.id, &text, &mentions).await?;
            say_state(entry, profile.settle(conversation, entry).await, shared)
        })
        .await
}

/// Whom a message mentions and a new text of it still names.
async fn still_mentioned(profile: &Profile, message: &Message, text: &str) -> Result<Vec<PersonId>, Failure> {
    let Content::Text { mentions, .. } = &message.content else { return Ok(Vec::new()) };
    let members = profile.client.conversation(message.conversation).member_list().await?;
    let (text, people) = (fold(text), members.into_iter().map(|member| member.person));
    let named = people.filter(|person| mentions.contains(&person.id) && text.contains(&fold(&person.name)));
    Ok(named.map(|person| person.id).collect())
}

pub(super) async fn delete(conversation: &str, message: &str, shared: &Shared) -> Result<(), Failure> {
    shared
        .with(async |profile| {
            let conversation = profile.conversation(conversation).await?;
            let message = profile.entry(conversation, message).await?;
            match profile.client.conversation(conversation).delete(message).await? {
                Some(entry) => say_state(message, profile.settle(conversation, entry).await, shared),
                None => shared.print(
                    || say::TAKEN_BACK.with(&[&show::short(message)]),
                    || json!({ "id": message.to_string(), "state": "taken_back" }),
                ),
            }
        })
        .await
}

pub(super) async fn react(
    conversation: &str,
    message: &str,
    emoji: Option<&str>,
    shared: &Shared,
) -> Result<(), Failure> {
    shared
        .with(async |profile| {
            let conversation = profile.conversation(conversation).await?;
            let message = profile.message(conversation, message).await?;
            let entry = profile.client.conversation(conversation).react(message.id, emoji).await?;
            say_state(message.id, profile.settle(conversation, entry).await, shared)
        })
        .await
}

/// Says what became of one action.
fn say_state(id: ItemId, result: Result<(), Failure>, shared: &Shared) -> Result<(), Failure> {
    let state = match &result {
        Ok(()) => "sent",
        Err(failure) if failure.code == crate::failure::Code::Unreachable => "queued",
        Err(_) => return result,
    };
    if shared.json || result.is_ok() {
        shared.print(|| say::SENT.with(&[&show::short(id)]), || json!({ "id": id.to_string(), "state": state }))?;
    }
    result
}

/// What `read` prints.
pub(super) enum Part {
    /// The newest so many items.
    Newest(u16),
    /// The messages after a number or message, at most so many, the oldest first.
    Since(String, u16),
}

pub(super) async fn read(conversation: &str, part: Part, shared: &Shared) -> Result<(), Failure> {
    shared
        .with(async |profile| {
            profile.freshen().await?;
            let id = profile.conversation(conversation).await?;
            let handle = profile.client.conversation(id);
            let (items, stopped_at) = match part {
                Part::Newest(count) => (handle.items(None, count.into()).await?, None),
                Part::Since(since, count) => since_items(profile, id, &since, count.into()).await?,
            };
            let names = names(profile, &items).await;
            let mut day = String::new();
            for item in &items {
                let today = show::day(moment(item));
                if !shared.json && today != day {
                    shared.print(|| format!("—— {today} ——"), || json!({}))?;
                    day = today;
                }
                shared.print(|| show::item_lines(item, &names), || show::item_json(item))?;
            }
            if let Some(last) = items.iter().rev().find(|item| is_in_log(item)) {
                handle.mark_read(last.id()).await?;
            }
            if let Some(last) = stopped_at {
                eprintln!("{}", say::STOPPED_AT.with(&[&items.len(), &id, &last]));
            }
            Ok(())
        })
        .await
}

/// The messages after a place, and what waits after them; where there are more, also the last that is given. Changes are
/// left out: a script gets each message once.
async fn since_items(
    profile: &Profile,
    id: ConversationId,
    since: &str,
    count: usize,
) -> Result<(Vec<TimelineItem>, Option<ItemId>), Failure> {
    let handle = profile.client.conversation(id);
    // No log comes to so many entries that its numbers look like ids.
    let since = match since.parse() {
        Ok(number) if since.len() < 20 => Since::Number(number),
        _ => Since::Entry(profile.message(id, since).await?.id),
    };
    let mut messages = handle.said_since(since, count + 1).await?;
    let has_more = messages.len() > count;
    messages.truncate(count);
    let stopped_at = messages.last().filter(|_| has_more).map(|last| last.id);
    let mut items: Vec<_> = messages.into_iter().map(TimelineItem::Said).collect();
    if !has_more {
        let waiting = handle.items(None, 0).await?;
        items.extend(waiting.into_iter().filter(|item| matches!(item, TimelineItem::Said(_))));
    }
    Ok((items, stopped_at))
}

/// Names of those whom items speak of.
async fn names(profile: &Profile, items: &[TimelineItem]) -> Names {
    let mut names = Names::new();
    show::learn(&mut names, &profile.client, items.iter()).await;
    names
}

fn moment(item: &TimelineItem) -> u64 {
    match item {
        TimelineItem::Said(message) => ms(message.sent_at),
        TimelineItem::Changed(change) => ms(change.at),
    }
}

fn is_in_log(item: &TimelineItem) -> bool {
    !matches!(item, TimelineItem::Said(message) if message.number == 0)
}

pub(super) async fn sync(shared: &Shared) -> Result<(), Failure> {
    shared
        .with(async |profile| {
            let SyncResult { waiting, complete, .. } = profile.sync().await?;
            let mut received = 0;
            loop {
                // Also what came while another command ran.
                let page = profile.client.arrived().await?;
                if page.is_empty() {
                    break;
                }
                received += page.len();
                let items: Vec<_> = page.into_iter().map(TimelineItem::Said).collect();
                let names = names(profile, &items).await;
                for item in &items {
                    shared.print(|| show::item_lines(item, &names), || show::item_json(item))?;
                }
            }
            shared.print(
                || say::SYNCED.with(&[&received, &waiting]),
                || json!({ "kind": "sync", "received": received, "waiting": waiting, "complete": complete }),
            )?;
            match (complete, waiting) {
                (true, _) => Ok(()),
                (false, 0) => Err(Failure::new(crate::failure::Code::Unreachable, say::INCOMPLETE.text())),
                (false, _) => Err(profile.queued()),
            }
        })
        .await
}

/// Prints what comes, until interrupted.
pub(super) async fn watch(shared: &Shared) -> Result<(), Failure> {
    shared
        .with(async |profile| {
            let interrupted = tokio::signal::ctrl_c();
            tokio::select! {
                _ = interrupted => Ok(()),
                result = watch_all(profile, shared) => result,
            }
        })
        .await
}

async fn watch_all(profile: &Profile, shared: &Shared) -> Result<(), Failure> {
    let mut arriving = Box::pin(profile.client.arriving());
    while let Some(message) = arriving.next().await {
        let name = show::safe(&profile.client.conversation(message.conversation).info().await?.name);
        let item = TimelineItem::Said(message);
        let names = names(profile, std::slice::from_ref(&item)).await;
        shared.print(|| format!("{name}: {}", show::item_lines(&item, &names)), || show::item_json(&item))?;
    }
    Ok(())
}

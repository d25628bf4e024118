//! Saying and reading.

use std::collections::BTreeSet;

use futures_util::StreamExt as _;
use pli_core::model::{ConversationInfo, EntryId, TimelineItem, ms};
use serde_json::json;

use crate::failure::Failure;
use crate::profile::Profile;
use crate::show::{self, Names};
use crate::words::say;

use super::{Shared, argument};

/// Items of one conversation that `watch` looks at after a change. More can't come within one frame, but by a page.
const WATCHED: usize = 1_000;

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

pub(super) async fn edit(conversation: &str, message: &str, text: &str, shared: &Shared) -> Result<(), Failure> {
    let text = argument(text)?;
    shared
        .with(async |profile| {
            let conversation = profile.conversation(conversation).await?;
            let message = profile.message(conversation, message).await?;
            let entry = profile.client.conversation(conversation).edit(message.id, &text).await?;
            say_state(entry, profile.settle(conversation, entry).await, shared)
        })
        .await
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
fn say_state(id: EntryId, result: Result<(), Failure>, shared: &Shared) -> Result<(), Failure> {
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

pub(super) async fn read(conversation: &str, since: Option<u64>, count: u16, shared: &Shared) -> Result<(), Failure> {
    shared
        .with(async |profile| {
            profile.freshen().await?;
            let id = profile.conversation(conversation).await?;
            let handle = profile.client.conversation(id);
            let items = handle.items(None, since.map_or(usize::from(count), |_| WATCHED)).await?;
            let names = names(profile, &items).await;
            let mut day = String::new();
            for item in items.iter().filter(|item| since.is_none_or(|since| is_after(item, since))) {
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
            Ok(())
        })
        .await
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

/// Changes have no number; they are left out, so that a script gets each message once.
fn is_after(item: &TimelineItem, since: u64) -> bool {
    matches!(item, TimelineItem::Said(message) if message.number > since || message.number == 0)
}

pub(super) async fn sync(shared: &Shared) -> Result<(), Failure> {
    shared
        .with(async |profile| {
            let result = profile.sync().await?;
            let (received, waiting, complete) = (result.received.len(), result.waiting, result.complete);
            let items: Vec<_> = result.received.into_iter().map(TimelineItem::Said).collect();
            let names = names(profile, &items).await;
            for item in &items {
                shared.print(|| show::item_lines(item, &names), || show::item_json(item))?;
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
    let mut seen = BTreeSet::new();
    let mut list = imbl::Vector::<ConversationInfo>::new();
    let mut changes = Box::pin(profile.client.conversations());
    let mut is_first = true;
    while let Some(steps) = changes.next().await {
        let before = std::mem::take(&mut list);
        list.clone_from(&before);
        for step in steps {
            step.apply(&mut list);
        }
        for info in &list {
            let is_same = before.iter().any(|old| old.id == info.id && old.last == info.last);
            if !is_same {
                print_new(profile, info, &mut seen, is_first, shared).await?;
            }
        }
        is_first = false;
    }
    Ok(())
}

/// Prints the messages of a conversation that were not there; the first time, only notes them.
async fn print_new(
    profile: &Profile,
    info: &ConversationInfo,
    seen: &mut BTreeSet<EntryId>,
    is_first: bool,
    shared: &Shared,
) -> Result<(), Failure> {
    let mut items = profile.client.conversation(info.id).items(None, WATCHED).await?;
    items.retain(|item| matches!(item, TimelineItem::Said(message) if seen.insert(message.id) && !is_first));
    let (name, names) = (show::safe(&info.name), names(profile, &items).await);
    for item in &items {
        shared.print(|| format!("{name}: {}", show::item_lines(item, &names)), || show::item_json(item))?;
    }
    Ok(())
}

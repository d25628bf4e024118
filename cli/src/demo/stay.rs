//! After the demo: the user becomes one of the officials, and the others answer from the script.

use std::collections::BTreeSet;
use std::time::Duration;

use pli_core::Client;
use pli_core::model::{ConversationId, ConversationKind, ItemId, TimelineItem};
use tokio::sync::{mpsc, oneshot};

use crate::chat;
use crate::failure::Failure;
use crate::words::demo as words;

use super::extend::{self, Dice};
use super::official::{At, Deed, Draft, Order};
use super::script::Line;
use super::stage::Stage;

/// How often it is looked whether the user said something.
const LOOK: Duration = Duration::from_millis(700);

/// Chats as the first official, until the user quits.
pub(super) async fn stay(stage: &Stage, script: &[Line], seed: u64) -> Result<(), Failure> {
    let Some(official) = stage.officials.first() else { return Ok(()) };
    let Some(client) = official.ask(|answer| Order::Retire { answer }).await.flatten() else { return Ok(()) };
    stage.progress.say(&words::STAY.with(&[&official.name]));
    let others: Vec<_> = stage
        .officials
        .iter()
        .filter(|other| other.seat > 0 && stage.current.get(&other.name) == Some(&other.seat))
        .map(|other| (other.person, other.orders.clone()))
        .collect();
    let texts: Vec<String> = extend::texts(script).into_iter().map(str::to_owned).collect();
    let answering = tokio::spawn(answer(client.clone(), others, texts, Dice::new(seed)));
    let result = chat::chat(&client).await;
    answering.abort();
    client.close().await;
    result
}

/// Lets somebody answer whatever the user says.
async fn answer(
    client: Client,
    others: Vec<(pli_core::model::PersonId, mpsc::Sender<Order>)>,
    texts: Vec<String>,
    mut dice: Dice,
) -> Result<(), pli_core::Error> {
    let mut answered: BTreeSet<ItemId> = BTreeSet::new();
    for info in client.conversation_list().await? {
        answered.extend(last_own(&client, info.id).await?);
    }
    loop {
        tokio::time::sleep(LOOK).await;
        for info in client.conversation_list().await? {
            let Some(said) = last_own(&client, info.id).await?.filter(|said| answered.insert(*said)) else { continue };
            let members = client.conversation(info.id).member_list().await?;
            let present: Vec<_> =
                others.iter().filter(|(person, _)| members.iter().any(|member| member.person.id == *person)).collect();
            let (Some((_, orders)), Some(text)) = (dice.choose(&present), dice.choose(&texts)) else { continue };
            let at = match info.kind {
                ConversationKind::Group => At::Group(info.id),
                ConversationKind::Pair => At::Pair(client.me().await?.id),
            };
            let reply = if dice.below(3) == 0 { Some(ready(said)) } else { None };
            let draft = Draft { place: String::new(), entitled: BTreeSet::new(), id: oneshot::channel().0 };
            let deed = Deed::Say { text: text.clone(), reply, mentions: Vec::new(), after: None, draft };
            let _ = orders.send(Order::Act { at, deed, done: None }).await;
        }
    }
}

/// The cell of a text that is there already.
fn ready(id: ItemId) -> super::official::Cell {
    use futures_util::FutureExt as _;
    let (cell, ready) = oneshot::channel();
    let _ = cell.send(id);
    ready.shared()
}

/// The user's last message in a conversation, if nobody said anything after it.
async fn last_own(client: &Client, conversation: ConversationId) -> Result<Option<ItemId>, pli_core::Error> {
    let items = client.conversation(conversation).items(None, 5).await?;
    let last = items.into_iter().rev().find_map(|item| match item {
        TimelineItem::Said(message) => Some(message),
        TimelineItem::Changed(_) => None,
    });
    Ok(last.filter(|message| message.mine && message.number > 0).map(|message| message.id))
}

//! Screens: what apps show, made of the streams of differences alone. At the end they must be what a fresh read gives.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures_util::{Stream, StreamExt as _};
use pli_core::model::{ConversationId, ConversationInfo, TimelineItem};
use pli_core::{Client, VectorDiff};

use super::env::SimEnv;
use super::world::{Fault, World};

/// Hosts whose screens are lit: each costs a query at every change.
const LIT: [usize; 2] = [2, 3];
/// Timelines on one screen.
const TIMELINES: usize = 6;

/// What a device shows.
#[derive(Default)]
pub(crate) struct Screen {
    list: Vec<ConversationInfo>,
    timelines: BTreeMap<ConversationId, Vec<TimelineItem>>,
}

pub(crate) type Shared = Arc<Mutex<Screen>>;

/// Lights the screen of a device that booted.
pub(crate) fn light(env: &Arc<SimEnv>, client: &Client) {
    if !LIT.contains(&env.host) {
        return;
    }
    let screen = Shared::default();
    *env.world.slots[env.host].screen.lock().expect("no panic while held") = Some(screen.clone());
    let (env, client) = (env.clone(), client.clone());
    let starter = env.clone();
    starter.start(async move {
        let mut list = client.conversations();
        while let Some(diffs) = list.next().await {
            let ids: Vec<ConversationId> = {
                let mut screen = screen.lock().expect("no panic while held");
                diffs.into_iter().for_each(|diff| apply(&mut screen.list, diff));
                screen.list.iter().map(|info| info.id).collect()
            };
            for id in ids {
                let mut shown = screen.lock().expect("no panic while held");
                if shown.timelines.len() < TIMELINES && !shown.timelines.contains_key(&id) {
                    shown.timelines.insert(id, Vec::new());
                    env.start(follow(screen.clone(), id, client.conversation(id).timeline(None).items()));
                }
            }
        }
    });
}

async fn follow(screen: Shared, id: ConversationId, items: impl Stream<Item = Vec<VectorDiff<TimelineItem>>>) {
    let mut items = std::pin::pin!(items);
    while let Some(diffs) = items.next().await {
        let mut screen = screen.lock().expect("no panic while held");
        let timeline = screen.timelines.entry(id).or_default();
        diffs.into_iter().for_each(|diff| apply(timeline, diff));
    }
}

fn apply<T: Clone>(shown: &mut Vec<T>, diff: VectorDiff<T>) {
    match diff {
        VectorDiff::Append { values } => shown.extend(values),
        VectorDiff::Clear => shown.clear(),
        VectorDiff::PushFront { value } => shown.insert(0, value),
        VectorDiff::PushBack { value } => shown.push(value),
        VectorDiff::PopFront => drop(shown.remove(0)),
        VectorDiff::PopBack => drop(shown.pop()),
        VectorDiff::Insert { index, value } => shown.insert(index, value),
        VectorDiff::Set { index, value } => shown[index] = value,
        VectorDiff::Remove { index } => drop(shown.remove(index)),
        VectorDiff::Truncate { length } => shown.truncate(length),
        VectorDiff::Reset { values } => *shown = values.into_iter().collect(),
    }
}

/// Compares the screens with fresh reads.
pub(crate) async fn compare(w: &World) {
    for host in LIT {
        let screen = w.slots[host].screen.lock().expect("no panic while held").clone();
        let (Some(screen), Some(client)) = (screen, w.client(host)) else { continue };
        let list = client.conversation_list().await.unwrap_or_default();
        let (shown, timelines) = {
            let screen = screen.lock().expect("no panic while held");
            (screen.list.clone(), screen.timelines.clone())
        };
        if shown != list {
            w.violation(host, "its conversation list is not what a fresh read gives");
        }
        for (id, mut shown) in timelines {
            if w.options.fault == Some(Fault::StaleScreen) {
                shown.pop();
            }
            let read = client.conversation(id).items(None, 50).await.unwrap_or_default();
            if shown != read {
                w.violation(host, &format!("its timeline of {id} is not what a fresh read gives"));
            }
        }
    }
}

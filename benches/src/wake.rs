//! What a push lets an app do: `Client::wake_up` in a process of its own, and the memory that it takes; and how soon an
//! app can be frozen while a large group changes.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pli_core::model::ConversationId;
use pli_core::{Client, FileKeyStore};
use pli_env::real::Real;

use crate::Result;
use crate::alone::{Alone, Figures, Memory};
use crate::measure::{median, us_since};
use crate::report::{Line, Unit};
use crate::world::World;

/// Messages that wait.
const NEW: usize = 20;
/// A notification extension of iOS has 24 MB, and needs some itself.
const ROOM: f64 = 15.0 * 1024.0 * 1024.0;
/// A system that freezes an app gives it some seconds; this is not to be felt.
const SOON_US: f64 = 100_000.0;
/// No wake-up takes that long.
const WITHIN: Duration = Duration::from_secs(25);

pub(crate) async fn run(quick: bool) -> Result<Vec<Line>> {
    let (conversations, members, rounds) = if quick { (100, 100, 3) } else { (500, 1_000, 7) };
    let mut lines = many(conversations, rounds).await?;
    lines.extend(large(members, rounds).await?);
    Ok(lines)
}

/// One new message in each of some of the conversations.
async fn many(conversations: usize, rounds: usize) -> Result<Vec<Line>> {
    let world = World::new().await?;
    world.busy("Bernard", conversations, 5 * conversations, 200 * conversations).await?;
    let mut talkers = Vec::new();
    for number in 0..NEW {
        talkers.push(world.open(&format!("Agent {number}")).await?);
    }
    // What was not read before is told of.
    Alone::Wake.run(&world.store("Bernard")).await?;
    let mut wakes = Wakes::default();
    for _ in 0..rounds {
        for talker in &talkers {
            let list = talker.conversation_list().await?;
            let own = list.iter().find(|info| info.my_role == pli_kernel::group::settings::Role::Owner);
            say(talker, own.ok_or("no group of one's own")?.id, 1).await?;
        }
        wakes.take(&world).await?;
    }
    for talker in talkers {
        talker.close().await;
    }
    world.end().await;
    Ok(wakes.lines(&format!("{conversations} conversations")))
}

/// All new messages in one large group, without and with a change of it.
async fn large(members: usize, rounds: usize) -> Result<Vec<Line>> {
    let world = World::new().await?;
    let (anna, group) = world.crowd("Bernard", members).await?;
    let mut lines = Vec::new();
    for changed in [false, true] {
        let mut wakes = Wakes::default();
        for round in 0..rounds {
            if changed {
                let change = anna.conversation(group).rename(&format!("Digue {round}")).await?;
                anna.conversation(group).settled(change).await?;
            }
            say(&anna, group, NEW).await?;
            wakes.take(&world).await?;
        }
        lines.extend(wakes.lines(&format!("group of {members}{}", if changed { ", changed" } else { "" })));
    }
    let committing = suspend_committing(&anna, group).await?;
    let receiving = suspend_receiving(&world).await?;
    anna.close().await;
    world.end().await;
    for (what, value) in [("committing", committing), ("receiving", receiving)] {
        let name = format!("suspend, {members}, {what}");
        lines.push(Line { name, value, unit: Unit::Us, against: "100 ms", other: SOON_US, target: Some(1.0) });
    }
    Ok(lines)
}

async fn say(client: &Client, id: ConversationId, messages: usize) -> Result<()> {
    let conversation = client.conversation(id);
    let mut last = None;
    for number in 0..messages {
        last = Some(conversation.send(&format!("Relevé {number}"), None, &[]).await?);
    }
    conversation.settled(last.ok_or("nothing to say")?).await?;
    Ok(())
}

/// What wake-ups took.
#[derive(Default)]
struct Wakes {
    bytes: Vec<f64>,
}

impl Wakes {
    async fn take(&mut self, world: &World) -> Result<()> {
        let figures = Alone::Wake.run(&world.store("Bernard")).await?;
        if figures.count != NEW {
            return Err(format!("{} of {NEW} messages were told of", figures.count).into());
        }
        self.bytes.push(figures.bytes);
        Ok(())
    }

    fn lines(self, of: &str) -> Vec<Line> {
        let value = median(self.bytes);
        vec![Line {
            name: format!("wake, {of}"),
            value,
            unit: Unit::Bytes,
            against: "15 MiB",
            other: ROOM,
            target: Some(1.0),
        }]
    }
}

/// Opens, syncs, closes.
pub(crate) async fn up(folder: &Path) -> Result<Figures> {
    let keys = Arc::new(FileKeyStore::beside(folder));
    let memory = Memory::watch();
    let start = Instant::now();
    let result = Client::wake_up(Real::current(), folder, keys, WITHIN).await?;
    let us = us_since(start);
    let count = if result.complete { result.notifications.len() } else { 0 };
    Ok(Figures { us, bytes: memory.end(), count })
}

/// The longest `suspend` of somebody who just renamed the group, at whatever point of the commit.
async fn suspend_committing(anna: &Client, group: ConversationId) -> Result<f64> {
    let mut longest = 0.0f64;
    for step in 0..STEPS {
        let conversation = anna.conversation(group);
        let change = conversation.rename(&format!("Digue, {step}")).await?;
        tokio::time::sleep(STEP * step).await;
        let start = Instant::now();
        anna.suspend().await;
        longest = longest.max(us_since(start));
        anna.resume().await?;
        conversation.settled(change).await?;
    }
    Ok(longest)
}

/// The longest `suspend` of somebody who opens with those changes to come.
async fn suspend_receiving(world: &World) -> Result<f64> {
    let mut longest = 0.0f64;
    for step in 0..STEPS {
        world.copy("Bernard", "again")?;
        let client = world.open("again").await?;
        tokio::time::sleep(STEP * step).await;
        let start = Instant::now();
        client.suspend().await;
        longest = longest.max(us_since(start));
        client.close().await;
    }
    Ok(longest)
}

/// When `suspend` is called, after what it interrupts began.
const STEPS: u32 = 30;
const STEP: Duration = Duration::from_millis(15);

//! An app's start: from `Client::open` to the first list of conversations, against one query over the same rows.
//!
//! A phone of a person in many conversations is made by the real paths. Each start is a process of its own. The server
//! runs, so that the client connects and catches up beside, as it does on a phone.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use pli_core::{Client, FileKeyStore, VectorDiff};
use pli_env::real::Real;
use rusqlite::types::Value;

use crate::alone::{Alone, Figures, Memory};
use crate::measure::{Deadline, median, us_since};
use crate::report::{Line, Unit};
use crate::world::{World, file, online};
use crate::{Result, database};

pub(crate) async fn run(quick: bool) -> Result<Vec<Line>> {
    let (conversations, said, messages, rounds) =
        if quick { (100, 500, 10_000, 5) } else { (500, 10_000, 100_000, 15) };
    let world = World::new().await?;
    world.busy("Bernard", conversations, said, messages).await?;
    let folder = world.store("Bernard");
    let mut lines = Vec::new();
    for from_disk in [false, true] {
        let (mut ours, mut memory, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
        let deadline = Deadline::within(60);
        for _ in 0..rounds {
            for (alone, times) in [(Alone::Start, &mut ours), (Alone::StartBare, &mut theirs)] {
                if from_disk {
                    forget(&folder)?;
                }
                let figures = alone.run(&folder).await?;
                if figures.count != conversations {
                    return Err(format!("{} of {conversations} conversations", figures.count).into());
                }
                times.push(figures.us);
                if alone == Alone::Start {
                    memory.push(figures.bytes);
                }
            }
            if deadline.is_over() {
                break;
            }
        }
        let name = format!("start {conversations}/{messages}{}", if from_disk { ", from disk" } else { "" });
        let (value, other) = (median(ours), median(theirs));
        lines.push(Line { name, value, unit: Unit::Us, against: "one query", other, target: Some(2.0) });
        if !from_disk {
            let size = std::fs::metadata(file(&folder))?.len() as f64;
            let name = format!("start {conversations}/{messages}, memory");
            let value = median(memory);
            lines.push(Line { name, value, unit: Unit::Bytes, against: "the file", other: size, target: None });
        }
    }
    let (value, other) = change(&world).await?;
    world.end().await;
    let name = format!("one of {conversations} changes");
    lines.push(Line { name, value, unit: Unit::Us, against: "list read anew", other, target: Some(1.0) });
    Ok(lines)
}

/// Drops what the system keeps of a database in memory.
fn forget(folder: &Path) -> Result<()> {
    let file = File::open(file(folder))?;
    file.sync_all()?;
    Ok(rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?)
}

/// Opens a client, and waits for its list.
pub(crate) async fn list(folder: &Path) -> Result<Figures> {
    let keys = Arc::new(FileKeyStore::beside(folder));
    let memory = Memory::watch();
    let start = Instant::now();
    let client = Client::open(Real::current(), folder, keys).await?;
    let first = client.conversations().next().await.ok_or("no list")?;
    let us = us_since(start);
    let bytes = memory.end();
    client.close().await;
    let count = first.iter().map(|step| if let VectorDiff::Append { values } = step { values.len() } else { 0 }).sum();
    Ok(Figures { us, bytes, count })
}

/// From a change of one conversation to the list's next steps, and to a whole list that is read after as long a wait.
async fn change(world: &World) -> Result<(f64, f64)> {
    let client = world.open("Bernard").await?;
    online(&client).await?;
    let mut list = client.conversations();
    let first = client.conversation_list().await?;
    let conversation = client.conversation(first.last().ok_or("no conversation")?.id);
    list.next().await.ok_or("no list")?;
    let (mut steps, mut whole) = (Vec::new(), Vec::new());
    for number in 0..20 {
        let start = Instant::now();
        conversation.set_draft(&format!("Relevé {number}")).await?;
        list.next().await.ok_or("no steps")?;
        steps.push(us_since(start));
        let start = Instant::now();
        conversation.set_draft("").await?;
        tokio::time::sleep(FRAME).await;
        client.conversation_list().await?;
        whole.push(us_since(start));
        list.next().await.ok_or("no steps")?;
    }
    client.close().await;
    Ok((median(steps), median(whole)))
}

/// What comes within a frame is shown together (`core/src/client/observe.rs`).
const FRAME: Duration = Duration::from_millis(16);

/// All that the list shows, read by one query.
pub(crate) fn bare(folder: &Path) -> Result<Figures> {
    let start = Instant::now();
    let db = database::client(folder)?;
    let mut query = db.prepare(LIST)?;
    let columns = query.column_count();
    let read = |row: &rusqlite::Row<'_>| (0..columns).map(|at| row.get(at)).collect();
    let rows = query.query_map([], read)?.collect::<rusqlite::Result<Vec<Vec<Value>>>>()?;
    Ok(Figures { us: us_since(start), bytes: 0.0, count: rows.len() })
}

const LIST: &str = "
    SELECT c.*, peer.*, logs.state, summary, last.*, sender.*,
        (SELECT group_concat(emoji) FROM reactions WHERE conversation = c.id AND entry = last.entry),
        (SELECT count(*) FROM items WHERE conversation = c.id AND pos > c.read_pos
            AND NOT mine AND kind <> 2 AND deleted_by IS NULL)
    FROM conversations c
    LEFT JOIN people peer ON peer.id = c.peer
    LEFT JOIN logs ON logs.conversation = c.id
    LEFT JOIN summaries USING (log)
    LEFT JOIN items last ON last.pos =
        (SELECT pos FROM items WHERE conversation = c.id AND kind <> 2 ORDER BY pos DESC LIMIT 1)
    LEFT JOIN people sender ON sender.id = last.by
    ORDER BY active_ms DESC, c.id";

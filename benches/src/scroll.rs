//! From the newest message of a long conversation to its first, a page at a time, as the apps do it, against the same
//! pages read from the same database.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use futures_util::StreamExt as _;
use imbl::Vector;
use pli_core::{Client, FileKeyStore};
use pli_env::real::Real;
use rusqlite::types::Value;
use rusqlite::{Row, params};

use crate::alone::{Alone, Figures};
use crate::measure::{Deadline, median, us_since};
use crate::report::{Line, Unit};
use crate::world::World;
use crate::{Result, database};

/// A page, and the widest window, as in the apps.
const PAGE: usize = 50;
const WIDEST: usize = 1_000;

pub(crate) async fn run(quick: bool) -> Result<Vec<Line>> {
    let (messages, rounds) = if quick { (2_000, 5) } else { (10_000, 9) };
    let world = World::new().await?;
    world.busy("Bernard", 1, messages, messages).await?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let deadline = Deadline::within(100);
    for _ in 0..rounds {
        let scrolled = Alone::Scroll.run(&world.store("Bernard")).await?;
        let read = Alone::ScrollBare.run(&world.store("Bernard")).await?;
        if scrolled.count != read.count || read.count < messages {
            return Err(format!("{} and {} of {messages} messages", scrolled.count, read.count).into());
        }
        ours.push(scrolled.us / messages as f64);
        theirs.push(read.us / messages as f64);
        if deadline.is_over() {
            break;
        }
    }
    world.end().await;
    let (value, other) = (median(ours), median(theirs));
    Ok(vec![Line {
        name: format!("scroll {messages}"),
        value,
        unit: Unit::Us,
        against: "its pages",
        other,
        target: Some(3.0),
    }])
}

/// Pages through the timeline of the only conversation.
pub(crate) async fn timeline(folder: &Path) -> Result<Figures> {
    let client = Client::open(Real::current(), folder, Arc::new(FileKeyStore::beside(folder))).await?;
    let id = client.conversation_list().await?.first().ok_or("no conversation")?.id;
    let conversation = client.conversation(id);
    let start = Instant::now();
    let mut timeline = conversation.timeline(None);
    let mut changes = Box::pin(timeline.items());
    let mut shown = Vector::new();
    let mut seen = HashSet::new();
    loop {
        for step in changes.next().await.ok_or("the timeline ended")? {
            step.apply(&mut shown);
        }
        seen.extend(shown.iter().map(pli_core::model::TimelineItem::id));
        let oldest = shown.front().ok_or("no items")?.id();
        if timeline.load_older(PAGE).await? {
            continue;
        }
        if shown.len() < WIDEST {
            break;
        }
        // A window further up.
        timeline = conversation.timeline(Some(oldest));
        changes = Box::pin(timeline.items());
        shown.clear();
    }
    let us = us_since(start);
    client.close().await;
    Ok(Figures { us, bytes: 0.0, count: seen.len() })
}

/// The same pages.
pub(crate) fn bare(folder: &Path) -> Result<Figures> {
    let db = database::client(folder)?;
    let id: Vec<u8> = db.query_row("SELECT id FROM conversations", [], |row| row.get(0))?;
    let start = Instant::now();
    let mut query = db.prepare(ITEMS)?;
    let columns = query.column_count();
    let (mut count, mut before) = (0, i64::MAX);
    loop {
        let read = |row: &Row<'_>| {
            let values = (0..columns).map(|at| row.get(at)).collect::<rusqlite::Result<Vec<Value>>>()?;
            Ok((row.get("pos")?, values))
        };
        let page =
            query.query_map(params![id, before, PAGE as i64], read)?.collect::<rusqlite::Result<Vec<(i64, _)>>>()?;
        count += page.len();
        match page.last() {
            Some((pos, _)) => before = *pos,
            None => return Ok(Figures { us: us_since(start), bytes: 0.0, count }),
        }
    }
}

const ITEMS: &str = "
    SELECT items.*, people.*,
        (SELECT group_concat(emoji) FROM reactions
            WHERE reactions.conversation = items.conversation AND reactions.entry = items.entry)
    FROM items LEFT JOIN people ON people.id = items.by
    WHERE items.conversation = ? AND pos < ? ORDER BY pos DESC LIMIT ?";

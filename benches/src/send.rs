//! `Conversation::send` until it is on disk, against its rows alone.
//!
//! A real client in a group of two, online with a server in this process; each send is followed to the log before the
//! next. The same rows, as they were read from the client's database after a send, go into a copy of that database:
//! same file, key, pragmas and tables, one transaction, one fsync.

use std::time::{Duration, Instant};

use pli_core::Conversation;
use rusqlite::{Connection, params};

use crate::measure::{Deadline, median, us_since};
use crate::message::BODY;
use crate::report::{Line, Unit};
use crate::world::{World, online};
use crate::{Result, database};

/// The client writes twice more for each message: that the server has it, and that it came back.
const REST: Duration = Duration::from_millis(4);
/// Before the measurement; the last of them show the rows.
const WARM_UP: usize = 40;

pub(crate) async fn run(quick: bool) -> Result<Vec<Line>> {
    let (samples, within) = if quick { (150, 8) } else { (1_000, 60) };
    let world = World::new().await?;
    let (anna, bernard, group) = world.two().await?;
    bernard.close().await;
    let text = std::str::from_utf8(&BODY)?;

    let reader = database::client(&world.store("Anna"))?;
    let mut rows = Vec::new();
    for _ in 0..WARM_UP {
        send(&anna.conversation(group), text, async || {
            rows.extend(Rows::read(&reader)?);
            Ok(())
        })
        .await?;
    }
    drop(reader);
    anna.close().await;
    world.copy("Anna", "bare")?;
    let bare = database::client(&world.store("bare"))?;
    let anna = world.open("Anna").await?;
    online(&anna).await?;

    let (mut sends, mut writes) = (Vec::new(), Vec::new());
    let deadline = Deadline::within(within);
    for sample in 0..samples {
        sends.push(send(&anna.conversation(group), text, async || Ok(())).await?);
        let rows = rows.get(sample % rows.len().max(1)).ok_or("no rows were seen")?;
        writes.push(rows.write(&bare)?);
        if deadline.is_over() {
            break;
        }
    }
    drop(bare);
    anna.close().await;
    world.end().await;
    Ok(vec![Line {
        name: "send to durable".into(),
        value: median(sends),
        unit: Unit::Us,
        against: "its rows in SQLCipher",
        other: median(writes),
        target: Some(1.5),
    }])
}

/// How long a send took; the message is in the log, and the client at rest, when this returns.
async fn send(conversation: &Conversation, text: &str, after: impl AsyncFnOnce() -> Result<()>) -> Result<f64> {
    let start = Instant::now();
    let entry = conversation.send(text, None, &[]).await?;
    let took = us_since(start);
    after().await?;
    conversation.settled(entry).await?;
    tokio::time::sleep(REST).await;
    Ok(took)
}

/// What one send writes.
struct Rows {
    conversation: Vec<u8>,
    entry: Vec<u8>,
    intent: String,
    created_ms: i64,
    log: Vec<u8>,
    sealed: Vec<u8>,
    deliveries: Vec<u8>,
    owner: Vec<u8>,
    secrets: Vec<u8>,
}

impl Rows {
    /// The rows of a send that is under way; none if it is over already.
    fn read(db: &Connection) -> Result<Option<Self>> {
        let sql = "SELECT conversation, intents.entry, body, created_ms, log, bytes, deliveries, owner, value
            FROM intents JOIN attempts USING (entry) JOIN mls ON space = 0 AND kind = 7 LIMIT 1";
        let mut query = db.prepare(sql)?;
        let mut rows = query.query([])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        Ok(Some(Self {
            conversation: row.get(0)?,
            entry: row.get(1)?,
            intent: row.get(2)?,
            created_ms: row.get(3)?,
            log: row.get(4)?,
            sealed: row.get(5)?,
            deliveries: row.get(6)?,
            owner: row.get(7)?,
            secrets: row.get(8)?,
        }))
    }

    /// Writes them, and says how long that took; then, as the client's go too, drops them.
    fn write(&self, db: &Connection) -> Result<f64> {
        let start = Instant::now();
        db.execute_batch("BEGIN IMMEDIATE")?;
        db.prepare_cached("INSERT INTO intents(conversation, entry, body, created_ms) VALUES(?, ?, ?, ?)")?
            .execute(params![self.conversation, self.entry, self.intent, self.created_ms])?;
        db.prepare_cached("UPDATE mls SET value = ? WHERE space = 0 AND kind = 7 AND owner = ? AND item = x''")?
            .execute(params![self.secrets, self.owner])?;
        db.prepare_cached("INSERT INTO attempts(log, entry, bytes, is_commit, deliveries) VALUES(?, ?, ?, 0, ?)")?
            .execute(params![self.log, self.entry, self.sealed, self.deliveries])?;
        db.execute_batch("COMMIT")?;
        let took = us_since(start);
        db.execute_batch("BEGIN IMMEDIATE; DELETE FROM intents; DELETE FROM attempts; COMMIT")?;
        Ok(took)
    }
}

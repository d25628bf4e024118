//! `Conversation::send` until it is on disk, against its rows alone.
//!
//! A real client in a group of two, online with a server in this process; each send is followed to the log before the
//! next. The same rows, as they were read from the client's database after a send, go into a copy of that database:
//! same file, key, pragmas and tables, one transaction, one fsync. All start from rest, with a write-ahead log that no
//! longer grows, as that makes an fsync slower. A further copy is written through Pli's writer loop: what the way to
//! another thread and back costs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pli_core::Conversation;
use pli_env::Env;
use pli_env::db::Writer;
use pli_env::real::Real;
use rusqlite::{Connection, params};

use crate::measure::{Deadline, median, us_since};
use crate::message::BODY;
use crate::report::{Line, Unit};
use crate::world::{World, online};
use crate::{Result, database};

/// The client writes twice more for each message: that the server has it, and that it came back.
const REST: Duration = Duration::from_millis(5);
/// Sends that show the rows.
const SHOWN: usize = 20;
/// So many fill a write-ahead log to where SQLite begins it anew.
const WARM_UP: usize = 100;

pub(crate) async fn run(quick: bool) -> Result<Vec<Line>> {
    let (samples, within) = if quick { (150, 12) } else { (1_500, 75) };
    let world = World::new().await?;
    let (anna, bernard, group) = world.two().await?;
    bernard.close().await;
    let text = std::str::from_utf8(&BODY)?;

    let reader = database::client(&world.store("Anna"))?;
    let mut rows = Vec::new();
    for _ in 0..SHOWN {
        send(&anna.conversation(group), text, async || {
            rows.extend(Rows::read(&reader)?);
            Ok(())
        })
        .await?;
    }
    drop(reader);
    anna.close().await;
    world.copy("Anna", "bare")?;
    world.copy("Anna", "looped")?;
    let bare = database::client(&world.store("bare"))?;
    let env: Arc<dyn Env> = Real::current();
    let looped = Writer::start(&env, "looped", database::client(&world.store("looped"))?, ());
    let anna = world.open("Anna").await?;
    online(&anna).await?;

    let (mut sends, mut writes, mut loops) = (Vec::new(), Vec::new(), Vec::new());
    let deadline = Deadline::within(within);
    let shown = Arc::new(rows);
    for sample in 0..WARM_UP + samples {
        if deadline.is_over() && sample > WARM_UP {
            break;
        }
        let place = sample % shown.len().max(1);
        let sent = send(&anna.conversation(group), text, async || Ok(())).await?;
        let rows = shown.get(place).ok_or("no rows were seen")?;
        let start = Instant::now();
        bare.execute_batch("BEGIN IMMEDIATE")?;
        rows.write(&bare)?;
        bare.execute_batch("COMMIT")?;
        let written = us_since(start);
        bare.execute_batch(&format!("BEGIN IMMEDIATE; {DROP}; COMMIT"))?;
        tokio::time::sleep(REST).await;

        let (start, rows) = (Instant::now(), shown.clone());
        looped.run(move |db, ()| rows.get(place).map_or(Ok(()), |rows| rows.write(db))).await??;
        let through = us_since(start);
        looped.run(|db, ()| db.execute_batch(DROP)).await??;
        tokio::time::sleep(REST).await;
        if sample >= WARM_UP {
            sends.push(sent);
            writes.push(written);
            loops.push(through);
        }
    }
    drop(bare);
    looped.close().await;
    anna.close().await;
    world.end().await;
    let value = median(sends);
    let line =
        |against, other, target| Line { name: "send to durable".into(), value, unit: Unit::Us, against, other, target };
    Ok(vec![
        line("its rows in SQLCipher", median(writes), Some(1.5)),
        line("its rows, by the writer", median(loops), None),
    ])
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
    intent: Vec<u8>,
    created_ms: i64,
    log: Vec<u8>,
    made: Vec<u8>,
    sealed: Vec<u8>,
    deliveries: Vec<u8>,
    owner: Vec<u8>,
    secrets: Vec<u8>,
}

impl Rows {
    /// The rows of a send that is under way; none if it is over already.
    fn read(db: &Connection) -> Result<Option<Self>> {
        let sql =
            "SELECT conversation, intents.entry, body, created_ms, attempts.log, bytes, deliveries, owner, value, made
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
            made: row.get(9)?,
        }))
    }

    /// Writes them, in whatever transaction the database is in.
    fn write(&self, db: &Connection) -> rusqlite::Result<()> {
        db.prepare_cached("INSERT INTO intents(conversation, entry, body, created_ms) VALUES(?, ?, ?, ?)")?
            .execute(params![self.conversation, self.entry, self.intent, self.created_ms])?;
        db.prepare_cached("UPDATE mls SET value = ? WHERE space = 0 AND kind = 7 AND owner = ? AND item = x''")?
            .execute(params![self.secrets, self.owner])?;
        db.prepare_cached(
            "INSERT INTO attempts(log, entry, made, bytes, is_commit, deliveries) VALUES(?, ?, ?, ?, 0, ?)",
        )?
        .execute(params![self.log, self.entry, self.made, self.sealed, self.deliveries])?;
        Ok(())
    }
}

/// The client's rows go too, when the message comes back.
const DROP: &str = "DELETE FROM intents; DELETE FROM attempts";

//! A client that was closed comes back to a log with many new messages, against the primitives and the rows alone.
//!
//! The client's time runs from `Client::open` until it says that it is online: store, TLS, directory, pages over
//! loopback from a server in this process, everything. The other side opens the envelopes, moves the running hash on,
//! does what [`Primitives`] does for each message, and writes the same rows into a copy of the same database, in
//! transactions of a page.

use std::time::Instant;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::{digest, hkdf};
use pli_core::Client;
use pli_core::model::ConversationId;
use pli_env::Env;
use pli_env::real::Real;
use pli_env::sql::integer;
use pli_kernel::group::seal::{LogKey, seal_entry};
use pli_proto::id::LogId;
use pli_proto::limits::PAGE_ENTRIES;
use pli_proto::{pb, signed};
use prost::Message as _;
use rusqlite::{Connection, params};

use crate::measure::{Deadline, median, us_since};
use crate::message::BODY;
use crate::message::primitives::Primitives;
use crate::report::{Line, Unit};
use crate::world::{World, online};
use crate::{Result, database};

/// Messages that are sent before their arrival is awaited.
const AHEAD: usize = 64;

pub(crate) async fn run(quick: bool) -> Result<Vec<Line>> {
    let (count, rounds) = if quick { (1_000, 5) } else { (10_000, 7) };
    let world = World::new().await?;
    let (anna, bernard, group) = world.two().await?;
    bernard.close().await;
    say(&anna, group, count).await?;
    anna.close().await;

    let mut least = Least::new(count)?;
    let (mut ours, mut opens, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    let deadline = Deadline::within(120);
    for _ in 0..rounds {
        world.copy("Bernard", "again")?;
        let start = Instant::now();
        let client = world.open("again").await?;
        online(&client).await?;
        ours.push(us_since(start) / count as f64);
        let unread = client.conversation(group).info().await?.unread;
        if unread != count {
            return Err(format!("{unread} of {count} messages were read").into());
        }
        client.close().await;

        let start = Instant::now();
        let client = world.open("again").await?;
        online(&client).await?;
        opens.push(us_since(start) / count as f64);
        client.close().await;

        world.copy("Bernard", "bare")?;
        let db = database::client(&world.store("bare"))?;
        let start = Instant::now();
        least.run(&db)?;
        theirs.push(us_since(start) / count as f64);
        if deadline.is_over() {
            break;
        }
    }
    world.end().await;
    let (ours, opens, theirs) = (median(ours), median(opens), median(theirs));
    let line = |name: String, value, target| Line {
        name,
        value,
        unit: Unit::Us,
        against: "primitives and rows",
        other: theirs,
        target,
    };
    Ok(vec![
        line(format!("catch up {count}"), ours, Some(2.0)),
        line(format!("catch up {count}, opened"), ours - opens, None),
    ])
}

async fn say(client: &Client, group: ConversationId, count: usize) -> Result<()> {
    let conversation = client.conversation(group);
    let text = std::str::from_utf8(&BODY)?;
    let mut left = count;
    while left > 0 {
        let now = left.min(AHEAD);
        let mut last = None;
        for _ in 0..now {
            last = Some(conversation.send(text, None, &[]).await?);
        }
        if let Some(last) = last {
            conversation.settled(last).await?;
        }
        left -= now;
    }
    Ok(())
}

/// What cannot be left out: sealed entries, and what they are opened with.
struct Least {
    log: LogId,
    /// Extracted once: the log key never changes.
    key: hkdf::Prk,
    /// Who sealed them, and opens them.
    primitives: Primitives,
    entries: Vec<pb::Entry>,
    messages: Vec<Vec<u8>>,
    body: Vec<u8>,
}

impl Least {
    fn new(count: usize) -> Result<Self> {
        let env = Real::current();
        let (log, key) = (LogId(pli_env::random(&*env)), LogKey::from(pli_env::random(&*env)));
        let mut primitives = Primitives::new()?;
        let (mut entries, mut messages) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for number in 1..=count as u64 {
            let message = primitives.seal()?;
            let mut entry = pb::Entry {
                kind: pb::EntryKind::Message.into(),
                parent_hash: vec![1; 32],
                number,
                received_ms: env.now_ms(),
                ..pb::Entry::default()
            };
            let inside = pb::Opened { body: Some(pb::opened::Body::Message(message.clone())) };
            seal_entry(pli_env::random(&*env), &key, log, &mut entry, &inside);
            entries.push(entry);
            messages.push(message);
        }
        let key = hkdf::Salt::new(hkdf::HKDF_SHA256, b"Pli 1.0 seal").extract(key.as_bytes());
        let text = pb::Text { body: String::from_utf8(BODY.to_vec())?, ..pb::Text::default() };
        Ok(Self { log, key, primitives, entries, messages, body: text.encode_to_vec() })
    }

    fn run(&mut self, db: &Connection) -> Result<()> {
        let place: Place = db.query_row("SELECT log, conversation, log FROM logs", [], |row| {
            Ok(Place { log: row.get(0)?, conversation: row.get(1)?, by: row.get(2)? })
        })?;
        self.primitives.rewind();
        let mut hash = signed::hash_start(self.log);
        for (page, messages) in self.entries.chunks(PAGE_ENTRIES).zip(self.messages.chunks(PAGE_ENTRIES)) {
            db.execute_batch("BEGIN IMMEDIATE")?;
            for (entry, message) in page.iter().zip(messages) {
                let clear = signed::clear_part(self.log, entry);
                let sealed = digest::digest(&digest::SHA256, &entry.sealed);
                let entry_digest = digest::digest(&digest::SHA256, &[&clear[..], sealed.as_ref()].concat());
                hash = signed::hash_next(&hash, entry.number, entry.received_ms, entry_digest.as_ref().try_into()?);
                open(&self.key, entry, &clear)?;
                self.primitives.open(message)?;
                place.write(db, entry, &hash, &self.body)?;
            }
            place.end(db, page.last().map_or(0, |entry| entry.number), &hash)?;
            db.execute_batch("COMMIT")?;
        }
        Ok(())
    }
}

/// `pli_kernel::group::seal::open_entry`, but that the log key was extracted before.
fn open(key: &hkdf::Prk, entry: &pb::Entry, clear: &[u8]) -> Result<()> {
    let (salt, sealed) = entry.sealed.split_first_chunk::<20>().ok_or("no salt")?;
    let (nonce, sealed) = sealed.split_first_chunk().ok_or("no nonce")?;
    let info = [&b"entry"[..], salt];
    let key = LessSafeKey::new(UnboundKey::from(key.expand(&info, &AES_256_GCM)?));
    let mut sealed = sealed.to_vec();
    key.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(clear), &mut sealed)?;
    Ok(())
}

/// Where the rows belong.
struct Place {
    log: Vec<u8>,
    conversation: Vec<u8>,
    by: Vec<u8>,
}

impl Place {
    /// The rows of a message.
    fn write(&self, db: &Connection, entry: &pb::Entry, hash: &[u8; 32], body: &[u8]) -> Result<()> {
        db.prepare_cached("INSERT OR REPLACE INTO hashes(log, number, hash) VALUES(?, ?, ?)")?.execute(params![
            self.log,
            integer(entry.number + FIRST),
            hash
        ])?;
        db.prepare_cached(
            "INSERT OR IGNORE INTO items(conversation, entry, log, number, by, mine, sent_ms, received_ms, kind, body)
             VALUES(?, ?, ?, ?, ?, 0, ?, ?, 1, ?)",
        )?
        .execute(params![
            self.conversation,
            &hash[..16],
            self.log,
            integer(entry.number + FIRST),
            self.by,
            integer(entry.received_ms),
            integer(entry.received_ms),
            body
        ])?;
        Ok(())
    }

    /// The rows of a page: where the log stands, when something was last said, the group's secrets.
    fn end(&self, db: &Connection, number: u64, hash: &[u8; 32]) -> Result<()> {
        db.prepare_cached("UPDATE logs SET number = ?, hash = ? WHERE log = ?")?.execute(params![
            integer(number + FIRST),
            hash,
            self.log
        ])?;
        db.prepare_cached("UPDATE conversations SET active_ms = active_ms + 1 WHERE id = ?")?
            .execute(params![self.conversation])?;
        let secrets = "UPDATE mls SET value = CAST(substr(value, 1, length(value) - 32) || ?1 AS BLOB)
            WHERE space = 0 AND kind = 7";
        db.prepare_cached(secrets)?.execute(params![hash])?;
        Ok(())
    }
}

/// Behind the commits that the log begins with.
const FIRST: u64 = 8;

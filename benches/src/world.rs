//! A server in this process on loopback, and clients with stores on disk, all in a folder of their own. The server's
//! bounds on rates are out of the way.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use pli_core::model::{ClientState, ConversationId};
use pli_core::{Client, Conversation, FileKeyStore};
use pli_env::Env;
use pli_env::real::Real;
use pli_env::sql::Numbers as _;
use pli_server::{Authority, Config, Invite, Organisation, Rate, Running, Server};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::message::BODY;
use crate::{Result, database};

/// More than a bench asks for.
const NO_BOUND: Rate = Rate::new(10_000_000, 10_000_000);

/// Clients that enrol together.
const AT_ONCE: usize = 16;

pub(crate) struct World {
    folder: TempDir,
    env: Arc<dyn Env>,
    server: Running,
}

impl World {
    pub(crate) async fn new() -> Result<Self> {
        let env: Arc<dyn Env> = Real::current();
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("server");
        let organisation = Organisation { name: "Mairie".into(), domain: "mairie.example".into() };
        Authority::create(&data, env.clone(), organisation).await?.close().await;
        let mut config = Config::new(&data, ([127, 0, 0, 1], 0).into());
        let limits = &mut config.limits;
        limits.commits_per_day = 10_000;
        for rate in [
            &mut limits.row_rate,
            &mut limits.device_rate,
            &mut limits.address_rate,
            &mut limits.row_kib_rate,
            &mut limits.address_kib_rate,
            &mut limits.take_rate,
            &mut limits.create_rate,
        ] {
            *rate = NO_BOUND;
        }
        let server = Server::start(env.clone(), config).await?;
        Ok(Self { folder, env, server })
    }

    /// Two people in one group, and the group.
    pub(crate) async fn two(&self) -> Result<(Client, Client, ConversationId)> {
        let (anna, bernard) = (self.enrol("Anna").await?, self.enrol("Bernard").await?);
        let person = until(async || Ok(anna.people("Bernard").await?.into_iter().next())).await?;
        let group = anna.create_group("Digue", &[person.id]).await?;
        until(async || {
            let members = bernard.conversation(group).member_list().await.unwrap_or_default();
            Ok((members.len() == 2).then_some(()))
        })
        .await?;
        Ok((anna, bernard, group))
    }

    /// The phone of somebody who is in many conversations, groups of four and some pairs, in which much was said; closed.
    /// Of up to twenty messages in a row the last answers the first, which was reacted to; in a tenth of the conversations
    /// the last ones were not read. So many messages are `said`; the rows of more are copies of theirs.
    pub(crate) async fn busy(&self, name: &str, conversations: usize, said: usize, messages: usize) -> Result<()> {
        let reader = self.enrol(name).await?;
        let mut others = Vec::new();
        for number in 0..conversations.clamp(3, 20) {
            others.push(self.enrol(&format!("Agent {number}")).await?);
        }
        let count = others.len();
        until(async || Ok((reader.people("Agent").await?.len() == count).then_some(()))).await?;
        let each = said / conversations;
        let talks = (0..count).map(|first| {
            let talkers: Vec<_> = others.iter().cycle().skip(first).take(3).cloned().collect();
            let (reader, rounds) = (reader.clone(), (conversations - first.min(conversations)).div_ceil(count));
            async move {
                for round in 0..rounds {
                    talk(&reader, &talkers, round == 1, &format!("Digue {first} {round}"), each).await?;
                }
                Result::Ok(())
            }
        });
        try_join_all(talks).await?;
        reader.close().await;
        fill(&database::client(&self.store(name))?, messages)?;
        let reader = self.open(name).await?;
        for (number, info) in reader.conversation_list().await?.iter().enumerate() {
            let conversation = reader.conversation(info.id);
            let read = conversation.items(None, if number % 10 == 0 { 10 } else { 1 }).await?;
            conversation.mark_read(read.first().ok_or("nothing was said")?.id()).await?;
        }
        for client in others.iter().chain([&reader]) {
            client.close().await;
        }
        Ok(())
    }

    /// A large group of Anna's, who is given with it, online; somebody who joined it is closed, and so are all others.
    pub(crate) async fn crowd(&self, name: &str, members: usize) -> Result<(Client, ConversationId)> {
        let (anna, one) = (self.enrol("Anna").await?, self.enrol(name).await?);
        let enrolled = (2..members).map(async |number| {
            self.enrol(&format!("Agent {number}")).await?.close().await;
            Result::Ok(())
        });
        stream::iter(enrolled).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        until(async || Ok((anna.people("").await?.len() == members).then_some(()))).await?;
        let me = anna.me().await?.id;
        let others: Vec<_> =
            anna.people("").await?.into_iter().map(|person| person.id).filter(|id| *id != me).collect();
        let group = anna.create_group("Digue", &others).await?;
        until(async || {
            let joined = one.conversation(group).member_list().await.unwrap_or_default();
            Ok((joined.len() == members).then_some(()))
        })
        .await?;
        one.close().await;
        Ok((anna, group))
    }

    /// Enrols a person with one device.
    pub(crate) async fn enrol(&self, name: &str) -> Result<Client> {
        let host_port = self.server.address().to_string();
        let links = self.server.authority().invite(&host_port, Invite::person(name)).await?;
        let link = links.first().ok_or("no invitation")?;
        let folder = self.store(name);
        let client = Client::join(self.env.clone(), &folder, Arc::new(FileKeyStore::beside(&folder)), link).await?;
        online(&client).await?;
        Ok(client)
    }

    /// Opens a client that was closed.
    pub(crate) async fn open(&self, name: &str) -> Result<Client> {
        let folder = self.store(name);
        Ok(Client::open(self.env.clone(), &folder, Arc::new(FileKeyStore::beside(&folder))).await?)
    }

    /// Copies a closed client's folder and key. The copy can do what the client could; only one of them may.
    pub(crate) fn copy(&self, name: &str, to: &str) -> Result<()> {
        let (from, to) = (self.store(name), self.store(to));
        std::fs::create_dir_all(&to)?;
        std::fs::copy(self::file(&from), self::file(&to))?;
        std::fs::copy(from.with_extension("key"), to.with_extension("key"))?;
        Ok(())
    }

    /// The folder of a client.
    pub(crate) fn store(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) async fn end(self) {
        self.server.shutdown().await;
    }
}

/// Copies messages, in no order of their conversations, until there are so many.
fn fill(db: &Connection, messages: usize) -> Result<()> {
    let (there, last): (u64, i64) = db.query_row("SELECT count(*), max(pos) FROM items WHERE kind = 1", [], |row| {
        Ok((row.number(0)?, row.get(1)?))
    })?;
    let copy = "INSERT INTO items(conversation, entry, log, number, by, mine, sent_ms, received_ms, kind, body)
        SELECT conversation, randomblob(16), log, number, by, mine, sent_ms, received_ms, kind, body FROM items
        WHERE kind = 1 AND pos <= ? ORDER BY random() LIMIT ?";
    let react = "INSERT INTO reactions(conversation, entry, person, emoji, log)
        SELECT conversation, entry, by, '👍', log FROM items WHERE pos > ? AND pos % 20 = 0";
    db.execute_batch("BEGIN")?;
    let mut left = messages.saturating_sub(there as usize);
    while left > 0 {
        left -= db.execute(copy, (last, left as i64))?;
    }
    db.execute(react, [last])?;
    Ok(db.execute_batch("COMMIT")?)
}

/// A conversation of the reader's with the first of the talkers, or all, in which they say so much by turns; the reader
/// has it all.
async fn talk(reader: &Client, talkers: &[Client], is_pair: bool, name: &str, messages: usize) -> Result<()> {
    let me = reader.me().await?.id;
    let talkers = if is_pair { &talkers[..1] } else { talkers };
    let first = talkers.first().ok_or("nobody talks")?;
    let id = if is_pair {
        first.pair(me).await?
    } else {
        let mut people = vec![me];
        for other in talkers {
            people.push(other.me().await?.id);
        }
        first.create_group(name, &people).await?
    };
    let mut left = messages;
    let mut turn = 0;
    while left > 0 {
        let talker = talkers.get(turn % talkers.len()).ok_or("nobody's turn")?;
        until(async || Ok(talker.conversation(id).info().await.is_ok().then_some(()))).await?;
        let now = left.min(20);
        say(&talker.conversation(id), now).await?;
        left -= now;
        turn += 1;
    }
    until(async || Ok(reader.conversation(id).info().await.ok().filter(|info| info.unread == messages))).await?;
    Ok(())
}

/// Says so much, the last in answer to the first, and reacts to it.
async fn say(conversation: &Conversation, messages: usize) -> Result<()> {
    let text = std::str::from_utf8(&BODY)?;
    let first = conversation.send(text, None, &[]).await?;
    let mut last = first;
    for number in 1..messages {
        last = conversation.send(text, (number + 1 == messages).then_some(first), &[]).await?;
    }
    conversation.react(first, Some("👍")).await?;
    conversation.settled(last).await?;
    Ok(())
}

/// The database in a client's folder.
pub(crate) fn file(folder: &Path) -> PathBuf {
    folder.join("store.db")
}

/// Waits until a client has all that the server had.
pub(crate) async fn online(client: &Client) -> Result<()> {
    client.state().wait_for(|state| *state == ClientState::Online).await?;
    Ok(())
}

/// Asks until there is an answer; the bench's own bound ends it.
pub(crate) async fn until<T>(ask: impl AsyncFn() -> Result<Option<T>>) -> Result<T> {
    loop {
        if let Some(answer) = ask().await? {
            return Ok(answer);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

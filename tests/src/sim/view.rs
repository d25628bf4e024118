//! What is in the stores at the end, read from copies of their files: plain data for [`super::check`].

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use data_encoding::HEXLOWER;
use pli_core::model::ItemId;
use pli_core::store::outbox::Intent;
use pli_env::sql::Numbers as _;
use pli_kernel::group::seal::{LogKey, open_entry};
use pli_kernel::group::split_vector;
use pli_proto::id::LogId;
use pli_proto::row::AccessKey;
use pli_proto::rows::Ranks;
use pli_proto::signed::Hash;
use pli_proto::{pb, signed};
use prost::Message as _;
use rusqlite::types::{Type, ValueRef};
use rusqlite::{Connection, Row};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::book::{Copied, Said};
use super::host::copy;
use super::world::{FIRST, HOSTS, SERVER, World};

/// Kinds of entries, as the protocol numbers them.
pub(crate) const COMMIT: i64 = 1;
pub(crate) const MESSAGE: i64 = 2;
/// Kinds of items, as `pli_core::store::items::Kind` numbers them: what changed, and what could not be opened.
pub(crate) const CHANGE: i64 = 2;
pub(crate) const UNREADABLE: i64 = 4;

pub(crate) type Id = [u8; 16];

/// Everything that the checks look at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Case {
    pub(crate) said: Vec<Said>,
    pub(crate) names: Vec<String>,
    /// Conversations whose messages had a lifetime, for some time at least.
    pub(crate) fleeting: BTreeSet<Id>,
    /// Entries that an insider wrote.
    pub(crate) lies: BTreeSet<Hash>,
    pub(crate) stores: Vec<Store>,
    pub(crate) server: Server,
}

/// A device's store.
#[derive(Clone, Debug, Default)]
pub(crate) struct Store {
    pub(crate) host: usize,
    pub(crate) revoked: bool,
    /// It was copied back from earlier so often.
    pub(crate) copies: Vec<Copied>,
    pub(crate) person: Id,
    pub(crate) key: [u8; 32],
    pub(crate) logs: Vec<Log>,
    pub(crate) items: Vec<Item>,
    pub(crate) intents: Vec<Queued>,
    /// Every value of every table.
    pub(crate) dump: Vec<u8>,
    /// The encrypted file as it is.
    pub(crate) raw: Vec<u8>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    pub(crate) log: Id,
    pub(crate) conversation: Id,
    /// As `pli_core::store::logs::LogState` numbers it.
    pub(crate) state: i64,
    pub(crate) key: Vec<u8>,
    pub(crate) number: u64,
    pub(crate) hash: Vec<u8>,
    pub(crate) summary: String,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Item {
    pub(crate) log: Id,
    pub(crate) number: u64,
    pub(crate) entry: Id,
    pub(crate) by: Id,
    /// As `pli_core::store::items::Kind` numbers it.
    pub(crate) kind: i64,
    pub(crate) text: String,
    pub(crate) deleted: bool,
    pub(crate) reactions: Vec<(Id, String)>,
}

impl Item {
    /// What changed, by name; empty if it is none.
    pub(crate) fn change(&self) -> String {
        if self.kind != CHANGE {
            return String::new();
        }
        match serde_json::from_str(&self.text) {
            Ok(Value::String(name)) => name,
            Ok(Value::Object(map)) => map.keys().next().cloned().unwrap_or_default(),
            _ => "?".into(),
        }
    }
}

/// What waits in an outbox.
#[derive(Clone, Debug)]
pub(crate) struct Queued {
    pub(crate) conversation: Id,
    pub(crate) entry: Id,
    pub(crate) intent: Intent,
    pub(crate) refused: bool,
}

/// The server's database.
#[derive(Clone, Debug, Default)]
pub(crate) struct Server {
    pub(crate) logs: BTreeMap<Id, Head>,
    pub(crate) entries: BTreeMap<Id, Vec<Entry>>,
    /// The founder's row of each log.
    pub(crate) founders: BTreeMap<Id, [u8; 32]>,
    /// Those that stand at the end.
    pub(crate) rows: BTreeMap<Id, Ranks>,
    /// MLS keys, with their persons, and whether they are revoked.
    pub(crate) devices: BTreeMap<[u8; 32], (Id, bool)>,
    pub(crate) files: Vec<(String, Vec<u8>)>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    pub(crate) last: u64,
    pub(crate) hash: Vec<u8>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    pub(crate) number: u64,
    pub(crate) digest: Hash,
    /// The random bytes in front of what is sealed, while that is there: key and nonce hang on them.
    pub(crate) salt: Option<Hash>,
    /// The id of the message in it, if whoever has the log key can tell.
    pub(crate) message: Option<Id>,
    pub(crate) kind: i64,
    pub(crate) received_ms: u64,
    /// Keys of rows: true asks for one, false for its end. None of a list of all rows.
    pub(crate) changes: Vec<([u8; 32], bool)>,
}

impl Server {
    pub(crate) fn count(&self, kind: i64) -> u64 {
        self.entries.values().flatten().filter(|entry| entry.kind == kind).count() as u64
    }

    pub(crate) fn entry(&self, log: Id, number: u64) -> Option<&Entry> {
        self.entries.get(&log)?.iter().find(|entry| entry.number == number)
    }

    /// Where a message is: more than once, if a copy of a store said it again.
    pub(crate) fn places_of(&self, message: ItemId) -> impl Iterator<Item = (Id, u64)> {
        let all = self.entries.iter().flat_map(|(log, entries)| entries.iter().map(move |entry| (*log, entry)));
        all.filter(move |(_, entry)| entry.message == Some(message.0)).map(|(log, entry)| (log, entry.number))
    }

    pub(crate) fn number_of(&self, message: ItemId) -> Option<(Id, u64)> {
        self.places_of(message).next()
    }
}

/// Reads everything.
pub(crate) fn gather(w: &World) -> Case {
    let book = w.book();
    let mut case = Case {
        said: book.said.clone(),
        names: book.names.clone(),
        fleeting: book.fleeting.clone(),
        lies: book.lies.clone(),
        ..Case::default()
    };
    let folder = w.dir.join("end");
    for host in SERVER..HOSTS {
        let at = folder.join(format!("h{host}"));
        copy(&w.folder(host), &at);
        if host >= FIRST && at.join("store.key").exists() && book.person[host].is_some() {
            let mut store = match store(&at) {
                Ok(store) => store,
                Err(error) => {
                    w.violation(host, &format!("its store is unreadable: {error}"));
                    continue;
                }
            };
            store.host = host;
            store.revoked = book.revoked == Some(host);
            store.copies = book.copied.iter().filter(|copied| copied.0 == host).map(|copied| copied.1).collect();
            case.stores.push(store);
        }
    }
    let logs = case.stores.iter().flat_map(|store| &store.logs);
    let keys = logs.filter_map(|log| Some((log.log, LogKey::try_from(log.key.as_slice()).ok()?))).collect();
    let at = folder.join(format!("h{SERVER}")).join("server");
    case.server = server(&at, &keys).expect("the server's database is readable");
    case
}

fn all<T>(db: &Connection, sql: &str, read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>) -> rusqlite::Result<Vec<T>> {
    db.prepare(sql)?.query_map([], read)?.collect()
}

fn store(at: &Path) -> rusqlite::Result<Store> {
    let key = fs::read(at.join("store.key")).unwrap_or_default();
    let path = at.join("store/store.db");
    let raw =
        [fs::read(&path).unwrap_or_default(), fs::read(at.join("store/store.db-wal")).unwrap_or_default()].concat();
    let db = Connection::open(&path)?;
    db.execute_batch(&format!("PRAGMA key = \"x'{}'\"", HEXLOWER.encode(key.get(..32).unwrap_or_default())))?;
    let identity: Vec<u8> = db.query_row("SELECT value FROM meta WHERE key = 'identity'", [], |row| row.get(0))?;
    let identity: Value = serde_json::from_slice(&identity).unwrap_or_default();
    let bytes = |name: &str| -> Vec<u8> {
        let list = identity.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
        list.iter().filter_map(|byte| byte.as_u64().map(|byte| byte as u8)).collect()
    };
    let seed: [u8; 32] = bytes("mls_seed").try_into().unwrap_or_default();
    // The own role is each device's own; all members' stand beside it.
    let logs = "SELECT logs.log, conversation, state, log_key, number, hash,
                coalesce(json_remove(summary, '$.role') || members, '') FROM logs
                LEFT JOIN summaries ON summaries.log = logs.log ORDER BY logs.log";
    let logs = all(&db, logs, |row| {
        Ok(Log {
            log: row.get(0)?,
            conversation: row.get(1)?,
            state: row.get(2)?,
            key: row.get(3)?,
            number: row.number(4)?,
            hash: row.get(5)?,
            summary: row.get(6)?,
        })
    })?;
    let mut items = all(&db, "SELECT log, number, entry, by, kind, body, deleted_by FROM items ORDER BY pos", |row| {
        let (kind, body): (i64, Vec<u8>) = (row.get(4)?, row.get(5)?);
        let text = match kind {
            1 => pb::Text::decode(body.as_slice()).unwrap_or_default().body,
            _ => String::from_utf8_lossy(&body).into_owned(),
        };
        let deleted = row.get::<_, Option<Id>>(6)?.is_some();
        let (log, number, entry, by) = (row.get(0)?, row.number(1)?, row.get(2)?, row.get(3)?);
        Ok(Item { log, number, entry, by, kind, text, deleted, reactions: Vec::new() })
    })?;
    let reactions =
        all(&db, "SELECT entry, person, emoji FROM reactions WHERE emoji <> '' ORDER BY entry, person", |row| {
            Ok((row.get::<_, Id>(0)?, (row.get(1)?, row.get(2)?)))
        })?;
    for (entry, reaction) in reactions {
        items.iter_mut().filter(|item| item.entry == entry).for_each(|item| item.reactions.push(reaction.clone()));
    }
    let intents = all(&db, "SELECT conversation, entry, body, refused IS NOT NULL FROM intents ORDER BY id", |row| {
        let intent = postcard::from_bytes(row.get_ref(2)?.as_blob()?)
            .map_err(|error| rusqlite::Error::FromSqlConversionFailure(2, Type::Blob, error.into()))?;
        Ok(Queued { conversation: row.get(0)?, entry: row.get(1)?, intent, refused: row.get(3)? })
    })?;
    let person = bytes("person").try_into().unwrap_or_default();
    let key = pli_kernel::crypto::DeviceKey::from_seed(&seed).public();
    Ok(Store { person, key, logs, items, intents, dump: dump(&db)?, raw, ..Store::default() })
}

fn dump(db: &Connection) -> rusqlite::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for table in all(db, "SELECT name FROM sqlite_schema WHERE type = 'table'", |row| row.get::<_, String>(0))? {
        let mut query = db.prepare(&format!("SELECT * FROM \"{table}\""))?;
        let columns = query.column_count();
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            for column in 0..columns {
                if let ValueRef::Text(value) | ValueRef::Blob(value) = row.get_ref(column)? {
                    bytes.extend_from_slice(value);
                    bytes.push(0);
                }
            }
        }
    }
    Ok(bytes)
}

/// The id that a message's associated data name (RFC 9420 section 6.3).
fn message_id(key: &LogKey, log: Id, entry: &pb::Entry) -> Option<Id> {
    let Some(pb::opened::Body::Message(message)) = open_entry(key, LogId(log), entry)?.body else { return None };
    let (_, rest) = split_vector(message.get(4..)?)?;
    let (data, _) = split_vector(rest.get(9..)?)?;
    data.get(64..)?.try_into().ok()
}

fn server(at: &Path, keys: &BTreeMap<Id, LogKey>) -> rusqlite::Result<Server> {
    let mut files = Vec::new();
    for entry in fs::read_dir(at).into_iter().flatten().flatten() {
        files.push((entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).unwrap_or_default()));
    }
    let db = Connection::open(at.join("pli.db"))?;
    let mut server = Server { files, ..Server::default() };
    for (log, last, hash) in
        all(&db, "SELECT log, last, hash FROM logs", |row| Ok((row.get(0)?, row.number(1)?, row.get(2)?)))?
    {
        server.logs.insert(log, Head { last, hash });
    }
    // What is large lies in pieces: what is sealed, and row changes behind it.
    let mut pieces: BTreeMap<(Id, u64), Vec<u8>> = BTreeMap::new();
    let sql = "SELECT log, number, bytes FROM entry_pieces ORDER BY log, number, piece";
    for (log, number, piece) in all(&db, sql, |row| Ok((row.get(0)?, row.number(1)?, row.get::<_, Vec<u8>>(2)?)))? {
        pieces.entry((log, number)).or_default().extend(piece);
    }
    let sql = "SELECT log, number, digest, kind, changes, received_ms, sealed_bytes, sealed, parent, parent_hash
        FROM entries ORDER BY log, number";
    for (log, entry) in all(&db, sql, |row| {
        let (log, number) = (row.get(0)?, row.number(1)?);
        let (mut changes, mut sealed): (Option<Vec<u8>>, Option<Vec<u8>>) = (row.get(4)?, row.get(7)?);
        if let Some(both) = pieces.get(&(log, number)) {
            let parts = both.split_at_checked(row.number(6)? as usize);
            (sealed, changes) = parts.map(|(sealed, changes)| (sealed.to_vec(), changes.to_vec())).unzip();
        }
        let entry = pb::Entry {
            kind: row.get(3)?,
            parent: row.number(8)?,
            parent_hash: row.get(9)?,
            sealed: sealed.unwrap_or_default(),
            ..pb::Entry::decode(changes.unwrap_or_default().as_slice()).unwrap_or_default()
        };
        // Whoever states all rows changes nothing of who should have one.
        let changes = entry.rows.iter().filter(|_| !entry.whole);
        let changes = changes.filter_map(|row| Some((row.key.as_slice().try_into().ok()?, row.rank > 0)));
        let entry = Entry {
            number,
            digest: row.get(2)?,
            salt: entry.sealed.first_chunk().copied(),
            message: keys.get(&log).and_then(|key| message_id(key, log, &entry)),
            kind: row.get(3)?,
            received_ms: row.number(5)?,
            changes: changes.collect(),
        };
        Ok((log, entry))
    })? {
        server.entries.entry(log).or_default().push(entry);
    }
    // The server does not name the founder; who knows the rows can tell.
    let mut founding: BTreeMap<Id, Vec<u8>> = BTreeMap::new();
    let sql = "SELECT log, bytes FROM snapshot_pieces WHERE number = 0 ORDER BY log, piece";
    for (log, piece) in all(&db, sql, |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?)))? {
        founding.entry(log).or_default().extend(piece);
    }
    let sql = "SELECT log, key, founding FROM logs JOIN rows USING (log)";
    for (log, key, of) in
        all(&db, sql, |row| Ok((row.get::<_, Id>(0)?, row.get::<_, [u8; 32]>(1)?, row.get::<_, Vec<u8>>(2)?)))?
    {
        let sealed = founding.get(&log).map(Sha256::digest).unwrap_or_default();
        if Sha256::digest(signed::join(&[&log, &key, &sealed])).as_slice() == of {
            server.founders.insert(log, key);
        }
    }
    for (log, key, rank) in all(&db, "SELECT log, key, rank FROM rows WHERE cut_at IS NULL", |row| {
        Ok((row.get(0)?, AccessKey(row.get(1)?), row.get(2)?))
    })? {
        server.rows.entry(log).or_default().insert(key, rank);
    }
    for (key, device) in all(&db, "SELECT mls_key, person, revoked FROM devices", |row| {
        Ok((row.get(0)?, (row.get(1)?, row.get::<_, i64>(2)? != 0)))
    })? {
        server.devices.insert(key, device);
    }
    Ok(server)
}

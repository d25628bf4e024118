//! Databases as the product opens them, without the product: the same file, key and pragmas.

use std::fmt::Write as _;
use std::path::Path;

use pli_core::{FileKeyStore, KeyStore as _};
use rusqlite::Connection;

use crate::Result;
use crate::world;

/// A client's database (`core/src/store/open.rs`).
pub(crate) fn client(folder: &Path) -> Result<Connection> {
    let secret = FileKeyStore::beside(folder).load()?.ok_or("no key")?;
    let key = secret.get(..32).ok_or("no key")?.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let connection = Connection::open(world::file(folder))?;
    connection.execute_batch(&format!("PRAGMA key = \"x'{key}'\""))?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY;
         PRAGMA busy_timeout = 5000; PRAGMA cache_size = -4000; PRAGMA synchronous = FULL;",
    )?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(connection)
}

/// The server's database, its tables made before (`server/src/engine/sqlite/schema.rs`).
pub(crate) fn server(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path)?;
    connection.execute_batch(
        "PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -32768;
         PRAGMA journal_size_limit = 67108864; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;",
    )?;
    connection.set_prepared_statement_cache_capacity(96);
    Ok(connection)
}

//! Opening a store: its lock, its key, its version, and whether it is a copy of an earlier day.

use pli_env::sql::Numbers as _;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use data_encoding::HEXLOWER;
use pli_env::sql::integer;
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::error::{Error, KeyProblem, What};

use super::key::{KeyStore, StoreSecret};
use super::{meta, mls};

/// The database's.
const FILES: [&str; 3] = ["store.db", "store.db-wal", "store.db-shm"];

/// What each version of the store adds. Only ever append, once one was released.
const MIGRATIONS: [&str; 1] = [include_str!("schema.sql")];

/// Marks a store in this form (`application_id` of SQLite). Raised with each change that no migration follows, as long as
/// nothing was released.
const FORM: i64 = 0x506c_6903;

/// An opened database and the lock on its folder.
pub(crate) struct Opened {
    /// May write.
    pub(crate) writer: Connection,
    /// Read only.
    pub(crate) readers: [Connection; 2],
    /// Held while the store is open.
    pub(crate) lock: File,
    /// What [`reopen`] needs.
    pub(crate) secret: StoreSecret,
}

/// Makes a store in `folder` and its secret in `keys`.
pub(crate) fn create(clock: &Arc<Clock>, folder: &Path, keys: &dyn KeyStore) -> Result<Opened, Error> {
    fs::create_dir_all(folder).map_err(io_error)?;
    let lock = lock(folder)?;
    // Left by a join that never finished: no device ever was in it.
    remove(folder);
    let secret = StoreSecret::new(clock.env());
    secret.save(keys)?;
    let (writer, readers) = connect(clock, folder, &secret)?;
    meta::set(&writer, meta::STORE_NUMBER, &secret.current)?;
    Ok(Opened { writer, readers, lock, secret })
}

/// Erases the secret, and then the store, which without it nobody can read.
pub(crate) fn forget(folder: &Path, keys: &dyn KeyStore) -> Result<(), Error> {
    if !folder.exists() {
        return keys.erase();
    }
    let _lock = lock(folder)?;
    keys.erase()?;
    remove(folder);
    Ok(())
}

/// Bytes that the store takes.
pub(crate) fn size(folder: &Path) -> u64 {
    FILES.iter().filter_map(|file| fs::metadata(folder.join(file)).ok()).map(|file| file.len()).sum()
}

fn remove(folder: &Path) {
    for file in FILES {
        let _ = fs::remove_file(folder.join(file));
    }
}

/// Opens again what this process had open. Without the key store and its two durable writes, unless another process
/// opened the store meanwhile, or it was copied back: then it bears another number.
pub(crate) fn reopen(
    clock: &Arc<Clock>,
    folder: &Path,
    keys: &dyn KeyStore,
    secret: StoreSecret,
) -> Result<Opened, Error> {
    if !path(folder).exists() {
        return Err(Error::NotEnrolled);
    }
    let lock = lock(folder)?;
    let (writer, readers) = connect(clock, folder, &secret)?;
    if meta::get(&writer, meta::STORE_NUMBER)? == Some(secret.current) {
        return Ok(Opened { writer, readers, lock, secret });
    }
    drop((writer, readers));
    open_locked(clock, folder, keys, lock)
}

/// Opens the store in `folder`. Never creates one.
pub(crate) fn open(clock: &Arc<Clock>, folder: &Path, keys: &dyn KeyStore) -> Result<Opened, Error> {
    if !path(folder).exists() {
        return Err(Error::NotEnrolled);
    }
    open_locked(clock, folder, keys, lock(folder)?)
}

fn open_locked(clock: &Arc<Clock>, folder: &Path, keys: &dyn KeyStore, lock: File) -> Result<Opened, Error> {
    let mut secret = StoreSecret::load(keys)?.ok_or(Error::KeyUnavailable { why: KeyProblem::Missing })?;
    let (writer, readers) = connect(clock, folder, &secret)?;
    let number: Option<[u8; 16]> = meta::get(&writer, meta::STORE_NUMBER)?;
    if number.is_none() && meta::get::<Vec<u8>>(&writer, meta::IDENTITY)?.is_none() {
        return Err(Error::NotEnrolled); // A join that was killed while it made the store.
    }
    let number = number.ok_or(Error::Damaged)?;
    let is_copy = number != secret.current && number != secret.next;
    // Both bear a new number from now on. A crash between these steps leaves one of the two known.
    secret.current = number;
    secret.next = pli_env::random(clock.env());
    if is_copy {
        // Noted durably before the key store forgets that this was a copy.
        meta::set(&writer, meta::IS_COPY, &[1])?;
    }
    secret.save(keys)?;
    meta::set(&writer, meta::STORE_NUMBER, &secret.next)?;
    secret.current = secret.next;
    secret.save(keys)?;
    Ok(Opened { writer, readers, lock, secret })
}

fn path(folder: &Path) -> PathBuf {
    folder.join("store.db")
}

/// Whoever holds the lock writes. It goes with the process, however that ends.
fn lock(folder: &Path) -> Result<File, Error> {
    let file = File::create(folder.join("lock")).map_err(io_error)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::StoreInUse),
        Err(TryLockError::Error(error)) => Err(io_error(error)),
    }
}

fn connect(clock: &Arc<Clock>, folder: &Path, secret: &StoreSecret) -> Result<(Connection, [Connection; 2]), Error> {
    let open = || -> Result<Connection, Error> {
        let connection = clock.env().open_database(&path(folder))?;
        // Its own words to standard error would be nobody's; a wrong key is an error of this call.
        connection.execute_batch("PRAGMA cipher_log_level = NONE")?;
        let key = Zeroizing::new(format!("PRAGMA key = \"x'{}'\"", HEXLOWER.encode(&secret.key)));
        connection.execute_batch(&key)?;
        // The first read tells whether the key is right.
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).map_err(|error| {
            match error.sqlite_error_code() {
                Some(rusqlite::ErrorCode::NotADatabase) => Error::KeyUnavailable { why: KeyProblem::Wrong },
                _ => error.into(),
            }
        })?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY;
             PRAGMA busy_timeout = 5000; PRAGMA cache_size = -4000; PRAGMA synchronous = FULL;",
        )?;
        connection.set_prepared_statement_cache_capacity(128);
        let clock = clock.clone();
        give_time(&connection, move || clock.now_ms())?;
        Ok(connection)
    };
    let writer = open()?;
    migrate(&writer)?;
    Ok((writer, [open()?, open()?]))
}

/// Lets statements ask for the time, as `now_ms()`.
fn give_time(connection: &Connection, now_ms: impl Fn() -> u64 + Send + 'static) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("now_ms", 0, flags, move |_| Ok(integer(now_ms())))
}

fn migrate(connection: &Connection) -> Result<(), Error> {
    let version = connection.query_row("PRAGMA user_version", [], |row| row.number(0))? as usize;
    let form: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    if version > 0 && form != FORM {
        tracing::error!("the store was made by a trial version");
        return Err(Error::Damaged);
    }
    if version > MIGRATIONS.len() {
        return Err(Error::UpdateRequired);
    }
    for (step, sql) in MIGRATIONS.iter().enumerate().skip(version) {
        let version = step + 1;
        let first = if step == 0 { format!("{}; PRAGMA application_id = {FORM}", mls::SCHEMA) } else { String::new() };
        connection.execute_batch(&format!("BEGIN; {sql}; {first}; PRAGMA user_version = {version}; COMMIT;"))?;
    }
    Ok(())
}

fn io_error(error: std::io::Error) -> Error {
    use std::io::ErrorKind as Kind;
    match error.kind() {
        Kind::StorageFull => Error::StorageFull,
        Kind::PermissionDenied
        | Kind::ReadOnlyFilesystem
        | Kind::NotFound
        | Kind::NotADirectory
        | Kind::IsADirectory
        | Kind::AlreadyExists => Error::Invalid { what: What::Folder, limit: 0 },
        _ => {
            tracing::error!(%error, "the store's folder");
            Error::internal("folder")
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A store in memory, at a time of 1.
    pub(crate) fn in_memory() -> Connection {
        let db = Connection::open_in_memory().unwrap();
        give_time(&db, || 1).unwrap();
        migrate(&db).unwrap();
        db
    }

    #[test]
    fn a_store_of_a_trial_version_is_refused() {
        let db = in_memory();
        migrate(&db).unwrap();
        db.pragma_update(None, "application_id", FORM - 1).unwrap();
        assert!(matches!(migrate(&db), Err(Error::Damaged)));
    }
}

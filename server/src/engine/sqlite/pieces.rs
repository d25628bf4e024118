//! What may be large, cut into pieces: no row of a table is so large that finding another costs more than a few pages.

use pli_env::sql::{Numbers as _, integer};
use rusqlite::{Connection, Result as Sql, params};

use crate::engine::EngineError;

/// Some rows to megabytes, and little to read on the way to another.
const PIECE_BYTES: usize = 32 << 10;

/// The statements of one table of pieces.
pub(super) struct Pieces {
    insert: &'static str,
    read: &'static str,
    drop: &'static str,
}

macro_rules! pieces {
    ($table:literal, $of:literal) => {
        Pieces {
            insert: concat!("INSERT INTO ", $table, " VALUES (?1, ?2, ?3, ?4)"),
            read: concat!("SELECT bytes FROM ", $table, " WHERE ", $of, " = ?1 AND number = ?2 ORDER BY piece"),
            drop: concat!("DELETE FROM ", $table, " WHERE ", $of, " = ?1 AND number > ?2 AND number <= ?3"),
        }
    };
}

pub(super) const ENTRIES: Pieces = pieces!("entry_pieces", "log");
pub(super) const SNAPSHOTS: Pieces = pieces!("snapshot_pieces", "log");
pub(super) const INBOX: Pieces = pieces!("inbox_pieces", "device");

impl Pieces {
    /// Keeps a value, which was not there.
    pub(super) fn put(&self, c: &Connection, of: &[u8; 16], number: u64, value: &[u8]) -> Sql<()> {
        let mut insert = c.prepare_cached(self.insert)?;
        for (piece, bytes) in (0_i64..).zip(value.chunks(PIECE_BYTES)) {
            insert.execute(params![of, integer(number), piece, bytes])?;
        }
        Ok(())
    }

    /// A value of so many bytes.
    pub(super) fn get(&self, c: &Connection, of: &[u8; 16], number: u64, bytes: usize) -> Result<Vec<u8>, EngineError> {
        let mut value = Vec::with_capacity(bytes);
        let mut read = c.prepare_cached(self.read)?;
        let mut found = read.query(params![of, integer(number)])?;
        while let Some(piece) = found.next()? {
            value.extend_from_slice(piece.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?);
        }
        if value.len() == bytes { Ok(value) } else { Err(EngineError::Failed("a value has lost pieces".into())) }
    }

    /// Drops the values after one number, up to another.
    pub(super) fn drop(&self, c: &Connection, of: &[u8; 16], after: u64, up_to: u64) -> Sql<()> {
        c.prepare_cached(self.drop)?.execute(params![of, integer(after), integer(up_to)]).map(|_| ())
    }
}

/// How many bytes a column says that something has.
pub(super) fn size(row: &rusqlite::Row<'_>, column: &str) -> Sql<usize> {
    row.number(column).map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX))
}

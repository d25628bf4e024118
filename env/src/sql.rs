//! Numbers in SQLite.
//!
//! SQLite's integers are signed, 64 bits; ours, from the wire and from inside seals, are unsigned. What is bound to a
//! statement goes through [`integer`], which can't fail, and what is read through [`Numbers`], which refuses a negative
//! one: rusqlite's own conversions of `u64`, which fail for large numbers in the midst of a transaction, are not
//! compiled in. So no number that somebody else chose makes a write fail.

use rusqlite::{Row, RowIndex};

/// What SQLite keeps of a number: beyond its integers, the largest of them.
pub fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Reads what [`integer`] wrote.
pub trait Numbers {
    /// The number in a column.
    ///
    /// # Errors
    /// If it is none, or negative: nothing that [`integer`] writes.
    fn number(&self, column: impl RowIndex) -> rusqlite::Result<u64>;
    /// The number in a column that may be null.
    ///
    /// # Errors
    /// As [`Self::number`].
    fn optional_number(&self, column: impl RowIndex) -> rusqlite::Result<Option<u64>>;
}

impl Numbers for Row<'_> {
    fn number(&self, column: impl RowIndex) -> rusqlite::Result<u64> {
        unsigned(self.get(column)?)
    }
    fn optional_number(&self, column: impl RowIndex) -> rusqlite::Result<Option<u64>> {
        self.get::<_, Option<i64>>(column)?.map(unsigned).transpose()
    }
}

fn unsigned(number: i64) -> rusqlite::Result<u64> {
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, number))
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    #[test]
    fn a_number_beyond_the_database_is_its_largest() {
        let db = Connection::open_in_memory().expect("in memory");
        for (number, kept) in [(0, 0), (1 << 62, 1 << 62), (u64::MAX, i64::MAX as u64)] {
            let read = db.query_row("SELECT ?", [integer(number)], |row| row.number(0));
            assert_eq!(read, Ok(kept));
        }
        assert!(db.query_row("SELECT -1", [], |row| row.number(0)).is_err());
        assert_eq!(db.query_row("SELECT NULL", [], |row| row.optional_number(0)), Ok(None));
    }
}

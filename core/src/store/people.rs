//! The organisation's directory, kept whole so that look-ups reveal nothing, and the revocation list.

use pli_env::sql::{Numbers as _, integer};
use std::collections::HashMap;

use pli_proto::id::{DeviceId, PersonId};
use pli_proto::pb;
use prost::Message;
use rusqlite::{Connection, OptionalExtension as _, Row};

use crate::error::Error;
use crate::model::{Person, some_time};
use crate::text::fold;

/// Writes a person and their devices as the directory has them.
pub(crate) fn put(db: &Connection, person: &pb::Person) -> Result<(), Error> {
    let (Ok(id), true) = (PersonId::try_from(person.id.as_slice()), person.name.len() <= 4096) else {
        return Ok(());
    };
    db.prepare_cached(
        "INSERT OR REPLACE INTO people(id, name, department, guest_until_ms, departed) VALUES(?, ?, ?, ?, ?)",
    )?
    .execute((id.0, &person.name, &person.department, integer(person.guest_until_ms), person.departed))?;
    db.prepare_cached("DELETE FROM devices WHERE person = ?")?.execute([id.0])?;
    for device in &person.devices {
        let (Ok(device_id), Ok(key)) =
            (DeviceId::try_from(device.id.as_slice()), <[u8; 32]>::try_from(device.mls_key.as_slice()))
        else {
            continue;
        };
        db.prepare_cached(
            "INSERT OR REPLACE INTO devices(id, person, mls_key, enrolled_ms, revoked) VALUES(?, ?, ?, ?, ?)",
        )?
        .execute((device_id.0, id.0, key, integer(device.enrolled_ms), device.revoked))?;
    }
    Ok(())
}

const COLUMNS: &str = "id, name, department, guest_until_ms, departed";

fn read(row: &Row<'_>) -> rusqlite::Result<Person> {
    let department: String = row.get(2)?;
    let guest_until_ms = row.number(3)?;
    Ok(Person {
        department: (!department.is_empty()).then_some(department),
        guest_until: some_time(guest_until_ms),
        departed: row.get(4)?,
        ..Person::new(PersonId(row.get(0)?), row.get(1)?)
    })
}

/// A person; one whom the directory does not know, or no longer, has the id's beginning as name.
pub(crate) fn get(db: &Connection, id: PersonId) -> Result<Person, Error> {
    let unknown = || Person { departed: true, ..Person::new(id, id.to_string().chars().take(8).collect()) };
    Ok(find(db, id)?.unwrap_or_else(unknown))
}

/// People as one query meets them, again and again: each is read once.
pub(crate) struct People<'a> {
    pub(crate) db: &'a Connection,
    known: HashMap<PersonId, Person>,
}

impl<'a> People<'a> {
    pub(crate) fn new(db: &'a Connection) -> Self {
        Self { db, known: HashMap::new() }
    }

    /// As [`get`].
    pub(crate) fn get(&mut self, id: PersonId) -> Result<Person, Error> {
        if let Some(person) = self.known.get(&id) {
            return Ok(person.clone());
        }
        let person = get(self.db, id)?;
        self.known.insert(id, person.clone());
        Ok(person)
    }
}

/// A person whom the directory knows.
pub(crate) fn find(db: &Connection, id: PersonId) -> Result<Option<Person>, Error> {
    let mut query = db.prepare_cached(&format!("SELECT {COLUMNS} FROM people WHERE id = ?"))?;
    Ok(query.query_row([id.0], read).optional()?)
}

/// The people whose name or department contains each word of `query`, without regard to case and accents, by name.
pub(crate) fn search(db: &Connection, query: &str) -> Result<Vec<Person>, Error> {
    let words: Vec<String> = query.split_whitespace().map(fold).collect();
    let mut statement = db.prepare_cached(&format!("SELECT {COLUMNS} FROM people WHERE NOT departed"))?;
    let mut found: Vec<(String, Person)> = Vec::new();
    for person in statement.query_map([], read)? {
        let person = person?;
        let text = fold(&format!("{} {}", person.name, person.department.as_deref().unwrap_or_default()));
        if words.iter().all(|word| text.contains(word.as_str())) {
            found.push((text, person));
        }
    }
    found.sort_by(|a, b| (&a.0, a.1.id).cmp(&(&b.0, b.1.id)));
    Ok(found.into_iter().map(|(_, person)| person).collect())
}

/// A device of the directory.
pub(crate) struct Device {
    pub(crate) id: DeviceId,
    pub(crate) person: PersonId,
    pub(crate) mls_key: [u8; 32],
    pub(crate) enrolled_ms: u64,
    pub(crate) revoked: bool,
}

/// A person's devices, oldest first.
pub(crate) fn devices(db: &Connection, person: PersonId) -> Result<Vec<Device>, Error> {
    let sql = "SELECT id, person, mls_key, enrolled_ms, revoked FROM devices WHERE person = ? ORDER BY enrolled_ms, id";
    let mut query = db.prepare_cached(sql)?;
    let device = |row: &Row<'_>| {
        Ok(Device {
            id: DeviceId(row.get(0)?),
            person: PersonId(row.get(1)?),
            mls_key: row.get(2)?,
            enrolled_ms: row.number(3)?,
            revoked: row.get(4)?,
        })
    };
    Ok(query.query_map([person.0], device)?.collect::<Result<_, _>>()?)
}

/// Keeps a line of the revocation list.
pub(crate) fn put_revocation(db: &Connection, line: &pb::RevocationLine) -> Result<(), Error> {
    let sql = "INSERT OR REPLACE INTO revocations(number, certificate, line, listed) VALUES(?, ?, ?, 1)";
    db.prepare_cached(sql)?.execute((integer(line.number), &line.certificate, line.encode_to_vec()))?;
    Ok(())
}

/// The number of the newest line.
pub(crate) fn revocations(db: &Connection) -> Result<u64, Error> {
    let sql = "SELECT coalesce(max(number), 0) FROM revocations WHERE listed";
    Ok(db.prepare_cached(sql)?.query_row([], |row| row.number(0))?)
}

/// Another list takes the place of the one that is known, whose lines stay: who is out is out.
pub(crate) fn unlist(db: &Connection) -> Result<(), Error> {
    db.execute("UPDATE revocations SET listed = 0", [])?;
    Ok(())
}

/// The newest line, and the newest end of an issuer.
pub(crate) fn known(db: &Connection) -> Result<(u64, u64), Error> {
    // One query: it is asked with each message that is sent.
    let sql = "SELECT coalesce((SELECT max(number) FROM revocations WHERE listed), 0),
        coalesce((SELECT max(number) FROM issuers), 0)";
    Ok(db.prepare_cached(sql)?.query_row([], |row| Ok((row.number(0)?, row.number(1)?)))?)
}

/// The line that names a certificate.
pub(crate) fn revocation_of(db: &Connection, fingerprint: &[u8; 32]) -> Result<Option<pb::RevocationLine>, Error> {
    let mut query = db.prepare_cached("SELECT line FROM revocations WHERE certificate = ?")?;
    let line: Option<Vec<u8>> = query.query_row([fingerprint], |row| row.get(0)).optional()?;
    line.map(|line| pb::RevocationLine::decode(line.as_slice()).map_err(|_| Error::Damaged)).transpose()
}

/// Whether the list names a certificate.
pub(crate) fn is_listed(db: &Connection, fingerprint: &[u8; 32]) -> Result<bool, Error> {
    Ok(db.prepare_cached("SELECT 1 FROM revocations WHERE certificate = ? AND listed")?.exists([fingerprint])?)
}

/// The lines of the list, in order.
pub(crate) fn revocation_lines(db: &Connection) -> Result<Vec<pb::RevocationLine>, Error> {
    lines(db, "SELECT line FROM revocations WHERE listed ORDER BY number")
}

fn lines(db: &Connection, sql: &str) -> Result<Vec<pb::RevocationLine>, Error> {
    let mut query = db.prepare_cached(sql)?;
    let lines = query.query_map([], |row| row.get::<_, Vec<u8>>(0))?.collect::<Result<Vec<_>, _>>()?;
    lines.iter().map(|line| pb::RevocationLine::decode(line.as_slice()).map_err(|_| Error::Damaged)).collect()
}

/// Drops the directory, to be fetched anew.
pub(crate) fn forget(db: &Connection) -> Result<(), Error> {
    Ok(db.execute_batch("DELETE FROM people; DELETE FROM devices")?)
}

/// Drops all lines.
pub(crate) fn forget_revocations(db: &Connection) -> Result<(), Error> {
    db.execute("DELETE FROM revocations", [])?;
    Ok(())
}

/// The number that was compared with a person, if any.
pub(crate) fn verified(db: &Connection, person: PersonId) -> Result<Option<String>, Error> {
    let mut query = db.prepare_cached("SELECT number FROM verified WHERE person = ?")?;
    Ok(query.query_row([person.0], |row| row.get(0)).optional()?)
}

/// Notes that a number was compared.
pub(crate) fn set_verified(db: &Connection, person: PersonId, number: &str) -> Result<(), Error> {
    db.execute("INSERT OR REPLACE INTO verified(person, number) VALUES(?, ?)", (person.0, number))?;
    Ok(())
}

/// The leaf keys of all revoked devices.
pub(crate) fn revoked_keys(db: &Connection) -> Result<Vec<[u8; 32]>, Error> {
    let lines = lines(db, "SELECT line FROM revocations")?;
    Ok(lines.into_iter().filter_map(|line| line.leaf_key.try_into().ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::open::tests::in_memory;

    #[test]
    fn what_another_list_does_not_have_stays_revoked() {
        let db = in_memory();
        let line = |number: u8| pb::RevocationLine {
            number: number.into(),
            certificate: vec![number; 32],
            ..pb::RevocationLine::default()
        };
        (1..=2).for_each(|number| put_revocation(&db, &line(number)).unwrap());
        assert_eq!(revocation_lines(&db).unwrap(), [line(1), line(2)]);
        // Another list, of which only the second is: the first stays out, and is no part of it.
        unlist(&db).unwrap();
        put_revocation(&db, &pb::RevocationLine { number: 1, ..line(2) }).unwrap();
        assert_eq!(revocations(&db).unwrap(), 1);
        assert_eq!(revocation_lines(&db).unwrap().len(), 1);
        assert_eq!(revocation_of(&db, &[1; 32]).unwrap(), Some(line(1)));
    }
}

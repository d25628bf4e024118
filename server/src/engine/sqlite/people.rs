//! People, devices, invitations and the revocation list.

use pli_env::sql::{Numbers as _, integer};
use pli_proto::certificate;
use pli_proto::id::{DeviceId, PersonId};
use pli_proto::pb::{self, Reason};
use pli_proto::signed::Hash;
use rusqlite::{Connection, OptionalExtension, Result as Sql, Row, params};

use super::{inbox, issuers};
use crate::config::DAY_MS;
use crate::engine::{Device, EngineError, Enrolment, Invitation, Invitee, People, Revocation, Used, Versions};

/// Revocation lines in one answer: half a kilobyte each.
const LINES: i64 = 8_192;

pub(super) fn invite(c: &Connection, invitations: &[Invitation]) -> Result<(), EngineError> {
    for invitation in invitations {
        let Invitation { hash, invitee, expires_ms, used: _ } = invitation;
        let (name, department, guest_until, person) = match invitee {
            Invitee::New { name, department, guest_until_ms } => {
                (Some(name), Some(department), Some(integer(*guest_until_ms)), None)
            }
            Invitee::Known(person) => (None, None, None, Some(person.0)),
        };
        let insert = "INSERT INTO invitations VALUES (?1, ?2, ?3, ?4, ?5, ?6, NULL, NULL, NULL)";
        c.prepare_cached(insert)?.execute(params![
            hash,
            name,
            department,
            guest_until,
            person,
            integer(*expires_ms)
        ])?;
    }
    Ok(())
}

pub(super) fn invitation(c: &Connection, hash: &Hash) -> Result<Option<Invitation>, EngineError> {
    let query = "SELECT name, department, guest_until_ms, person, expires_ms, device, mls_key, tls_key
        FROM invitations WHERE hash = ?1";
    let read = |r: &Row<'_>| {
        let person: Option<[u8; 16]> = r.get(3)?;
        let invitee = match person {
            Some(person) => Invitee::Known(PersonId(person)),
            None => Invitee::New {
                name: r.get::<_, Option<_>>(0)?.unwrap_or_default(),
                department: r.get::<_, Option<_>>(1)?.unwrap_or_default(),
                guest_until_ms: r.optional_number(2)?.unwrap_or_default(),
            },
        };
        let device: Option<[u8; 16]> = r.get(5)?;
        let used = match device {
            Some(device) => Some(Used { device: DeviceId(device), mls_key: r.get(6)?, tls_key: r.get(7)? }),
            None => None,
        };
        Ok(Invitation { hash: *hash, invitee, expires_ms: r.number(4)?, used })
    };
    Ok(c.prepare_cached(query)?.query_row([hash], read).optional()?)
}

pub(super) fn enrol(c: &Connection, from: u64, enrolment: &Enrolment) -> Result<(), EngineError> {
    let Enrolment { invitation: hash, person, device, mls_key, tls_key, mls_certificate, issuer, now_ms } = enrolment;
    issuers::check(c, issuer)?;
    let invitation = invitation(c, hash)?;
    let invitation =
        invitation.ok_or_else(|| EngineError::refused(Reason::InvitationUnknown, "the invitation is unknown"))?;
    if invitation.used.is_some() {
        return Err(EngineError::refused(Reason::InvitationUsed, "the invitation was used"));
    }
    if key_is_known(c, mls_key, None)? || key_is_known(c, tls_key, None)? {
        return Err(EngineError::refused(Reason::Invalid, "a key is another device's"));
    }
    match &invitation.invitee {
        Invitee::New { name, department, guest_until_ms } => {
            let insert = "INSERT INTO people VALUES (?1, ?2, ?3, ?4, 0, ?5)";
            let version = next_version(c, from)?;
            let guest_until = integer(*guest_until_ms);
            c.prepare_cached(insert)?.execute(params![person.0, name, department, guest_until, version])?;
        }
        Invitee::Known(of) => {
            let there = "SELECT departed FROM people WHERE id = ?1";
            let departed: Option<bool> = c.prepare_cached(there)?.query_row([&of.0], |r| r.get(0)).optional()?;
            if of != person || departed != Some(false) {
                return Err(EngineError::refused(Reason::InvitationUnknown, "the person has departed"));
            }
            touch(c, from, *person)?;
        }
    }
    let insert = "INSERT INTO devices VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, NULL, NULL, ?7, NULL, ?7)";
    let (fingerprint, day_ms) = (certificate::fingerprint(mls_certificate), integer(now_ms / DAY_MS * DAY_MS));
    let values = params![device.0, person.0, mls_key, tls_key, mls_certificate, fingerprint, day_ms];
    c.prepare_cached(insert)?.execute(values)?;
    inbox::make(c, *device)?;
    // From here on the directory has the name, or has forgotten it.
    let uses = "UPDATE invitations SET name = NULL, department = NULL, guest_until_ms = NULL, person = ?2, device = ?3,
        mls_key = ?4, tls_key = ?5 WHERE hash = ?1";
    c.prepare_cached(uses)?.execute(params![hash, person.0, device.0, mls_key, tls_key])?;
    Ok(())
}

/// Whether some device has this key, for MLS or for TLS; the TLS key of `except` is not asked about.
fn key_is_known(c: &Connection, key: &[u8; 32], except: Option<DeviceId>) -> Sql<bool> {
    let query =
        "SELECT 1 FROM devices WHERE mls_key = ?1 UNION ALL SELECT 1 FROM devices WHERE tls_key = ?1 AND id <> ?2";
    let except = except.map_or(Vec::new(), DeviceId::to_vec);
    c.prepare_cached(query)?.exists(params![key, except])
}

pub(super) fn renew(c: &Connection, device: DeviceId, tls_key: &[u8; 32], day_ms: u64) -> Result<(), EngineError> {
    if key_is_known(c, tls_key, Some(device))? {
        return Err(EngineError::refused(Reason::Invalid, "the key is another device's"));
    }
    // The same key again is one whose answer was lost.
    let update = "UPDATE devices SET tls_before = iif(tls_key = ?2, tls_before, tls_key),
        renewed_ms = iif(tls_key = ?2, renewed_ms, ?3), tls_key = ?2 WHERE id = ?1 AND revoked = 0";
    match c.prepare_cached(update)?.execute(params![device.0, tls_key, integer(day_ms)])? {
        0 => Err(EngineError::refused(Reason::Revoked, "the device was revoked")),
        _ => Ok(()),
    }
}

pub(super) fn seen(c: &Connection, device: DeviceId, day_ms: u64) -> Result<(), EngineError> {
    let update = "UPDATE devices SET seen_ms = ?2 WHERE id = ?1 AND seen_ms < ?2";
    c.prepare_cached(update)?.execute(params![device.0, integer(day_ms)])?;
    Ok(())
}

const DEVICE: &str = "SELECT id, person, mls_key, mls_certificate, enrolled_ms, revoked, seen_ms, tls_key, tls_before,
    renewed_ms FROM devices";

fn read_device(r: &Row<'_>) -> Sql<Device> {
    Ok(Device {
        id: DeviceId(r.get(0)?),
        person: PersonId(r.get(1)?),
        mls_key: r.get(2)?,
        mls_certificate: r.get(3)?,
        enrolled_ms: r.number(4)?,
        revoked: r.get(5)?,
        seen_ms: r.number(6)?,
        tls_key: r.get(7)?,
        tls_before: r.get(8)?,
        renewed_ms: r.number(9)?,
    })
}

pub(super) fn device(c: &Connection, device: DeviceId) -> Result<Option<Device>, EngineError> {
    let query = format!("{DEVICE} WHERE id = ?1");
    Ok(c.prepare_cached(&query)?.query_row([&device.0], read_device).optional()?)
}

pub(super) fn devices_of(c: &Connection, person: PersonId) -> Result<Option<Vec<Device>>, EngineError> {
    if !c.prepare_cached("SELECT 1 FROM people WHERE id = ?1")?.exists([&person.0])? {
        return Ok(None);
    }
    let query = format!("{DEVICE} WHERE person = ?1 ORDER BY id");
    let devices = c.prepare_cached(&query)?.query_map([&person.0], read_device)?.collect::<Sql<_>>()?;
    Ok(Some(devices))
}

/// One query: the devices come with their persons, from an index that has all that the directory shows of them.
pub(super) fn people(c: &Connection, since: u64, limit: usize) -> Result<People, EngineError> {
    let query =
        "SELECT p.id, name, department, guest_until_ms, departed, p.version, d.id, mls_key, enrolled_ms, revoked
        FROM (SELECT * FROM people WHERE version > ?1 ORDER BY version LIMIT ?2) AS p
        LEFT JOIN devices AS d ON d.person = p.id ORDER BY p.version, d.id";
    let mut statement = c.prepare_cached(query)?;
    let mut found = statement.query(params![integer(since), limit as i64 + 1])?;
    let (mut people, mut version, mut more) = (Vec::<pb::Person>::new(), since, false);
    while let Some(row) = found.next()? {
        let of = row.number(5)?;
        if of > version {
            more = people.len() == limit;
            if more {
                break;
            }
            version = of;
            people.push(read_person(row)?);
        }
        if let (Some(person), Some(id)) = (people.last_mut(), row.get::<_, Option<Vec<u8>>>(6)?) {
            let (mls_key, enrolled_ms, revoked) = (row.get(7)?, row.number(8)?, row.get(9)?);
            person.devices.push(pb::Device { id, mls_key, enrolled_ms, revoked });
        }
    }
    let version = if more { version } else { newest(c)? };
    Ok(People { version, more, people })
}

fn read_person(r: &Row<'_>) -> Sql<pb::Person> {
    Ok(pb::Person {
        id: r.get(0)?,
        name: r.get(1)?,
        department: r.get(2)?,
        guest_until_ms: r.number(3)?,
        departed: r.get(4)?,
        devices: Vec::new(),
    })
}

fn newest(c: &Connection) -> Sql<u64> {
    c.prepare_cached("SELECT coalesce(max(version), 0) FROM people")?.query_row([], |r| r.number(0))
}

/// Greater than every version before, also than those of after the copy that this database was put back from.
fn next_version(c: &Connection, from: u64) -> Sql<i64> {
    Ok(integer(newest(c)?.max(from) + 1))
}

/// Gives the person the directory's next version; how many there are of this id.
fn touch(c: &Connection, from: u64, person: PersonId) -> Sql<usize> {
    let version = next_version(c, from)?;
    c.prepare_cached("UPDATE people SET version = ?2 WHERE id = ?1")?.execute(params![person.0, version])
}

pub(super) fn rename(c: &Connection, from: u64, person: PersonId, name: &str) -> Result<(), EngineError> {
    if touch(c, from, person)? == 0 {
        return Err(EngineError::refused(Reason::NotEnrolled, "no such person"));
    }
    c.prepare_cached("UPDATE people SET name = ?2 WHERE id = ?1")?.execute(params![person.0, name])?;
    Ok(())
}

pub(super) fn revocations(c: &Connection, since: u64) -> Result<pb::RevocationList, EngineError> {
    let query = "SELECT number, signed_ms, hash, issuer, signature FROM revocation_list WHERE one = 1";
    let read = |r: &Row<'_>| {
        Ok(pb::RevocationList {
            number: r.number(0)?,
            signed_ms: r.number(1)?,
            hash: r.get(2)?,
            issuer: r.get(3)?,
            signature: r.get(4)?,
            lines: Vec::new(),
        })
    };
    let list: Option<pb::RevocationList> = c.prepare_cached(query)?.query_row([], read).optional()?;
    // Before the first signature there is nothing to sign but the start.
    let mut list = list.unwrap_or_else(|| pb::RevocationList { hash: vec![0; 32], ..pb::RevocationList::default() });
    let query = "SELECT number, certificate, leaf_key, issuer, signature FROM revocations
        WHERE number > ?1 ORDER BY number LIMIT ?2";
    let line = |r: &Row<'_>| {
        Ok(pb::RevocationLine {
            number: r.number(0)?,
            certificate: r.get(1)?,
            leaf_key: r.get(2)?,
            issuer: r.get(3)?,
            signature: r.get(4)?,
        })
    };
    list.lines = c.prepare_cached(query)?.query_map(params![integer(since), LINES], line)?.collect::<Sql<_>>()?;
    Ok(list)
}

pub(super) fn revoke(c: &Connection, from: u64, revocation: &Revocation) -> Result<bool, EngineError> {
    let Revocation { lines, list, departed } = revocation;
    let before = revocations(c, u64::MAX)?;
    let follows = before.number + lines.len() as u64 == list.number && before.signed_ms <= list.signed_ms;
    let mut numbers = lines.iter().map(|line| line.number).zip(before.number + 1..);
    issuers::check(c, &certificate::fingerprint(&list.issuer))?;
    if !follows || numbers.any(|(number, expected)| number != expected) {
        return Ok(false);
    }
    if let Some(person) = departed {
        // One that enrolled since the caller looked must go too.
        let devices = devices_of(c, *person)?.unwrap_or_default();
        let named = |device: &Device| lines.iter().any(|line| line.leaf_key == device.mls_key);
        if !devices.iter().all(|device| device.revoked || named(device)) {
            return Ok(false);
        }
    }
    for line in lines {
        let insert = "INSERT INTO revocations VALUES (?1, ?2, ?3, ?4, ?5)";
        c.prepare_cached(insert)?.execute(params![
            integer(line.number),
            line.certificate,
            line.leaf_key,
            line.issuer,
            line.signature
        ])?;
        let query = format!("{DEVICE} WHERE mls_key = ?1");
        let device = c.prepare_cached(&query)?.query_row([&line.leaf_key], read_device).optional()?;
        if let Some(device) = device {
            end_device(c, from, &device)?;
        }
    }
    if let Some(person) = departed {
        touch(c, from, *person)?;
        c.prepare_cached("UPDATE people SET departed = 1 WHERE id = ?1")?.execute([&person.0])?;
        let open = "DELETE FROM invitations WHERE person = ?1 AND device IS NULL";
        c.prepare_cached(open)?.execute([&person.0])?;
    }
    let set = "INSERT OR REPLACE INTO revocation_list VALUES (1, ?1, ?2, ?3, ?4, ?5)";
    c.prepare_cached(set)?.execute(params![
        integer(list.number),
        integer(list.signed_ms),
        list.hash,
        list.issuer,
        list.signature
    ])?;
    Ok(true)
}

fn end_device(c: &Connection, from: u64, device: &Device) -> Sql<()> {
    c.prepare_cached("UPDATE devices SET revoked = 1 WHERE id = ?1")?.execute([&device.id.0])?;
    c.prepare_cached("DELETE FROM key_packages WHERE device = ?1")?.execute([&device.id.0])?;
    inbox::end(c, device.id)?;
    touch(c, from, device.person).map(|_| ())
}

pub(super) fn ended_guests(c: &Connection, now_ms: u64) -> Result<Vec<PersonId>, EngineError> {
    let query = "SELECT id FROM people WHERE guest_until_ms > 0 AND guest_until_ms <= ?1 AND departed = 0 ORDER BY id";
    let ended = c.prepare_cached(query)?.query_map([integer(now_ms)], |r| Ok(PersonId(r.get(0)?)))?.collect::<Sql<_>>();
    Ok(ended?)
}

pub(super) fn versions(c: &Connection) -> Result<Versions, EngineError> {
    let query = "SELECT coalesce(max(number), 0) FROM revocations";
    let revocations = c.prepare_cached(query)?.query_row([], |r| r.number(0))?;
    Ok(Versions { directory: newest(c)?, revocations, issuers: issuers::newest(c)? })
}

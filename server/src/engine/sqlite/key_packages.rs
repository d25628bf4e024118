//! Key packages and inbox keys. Keyed by hash, so that neither the order of publishing nor of taking is kept.

use pli_env::sql::integer;
use pli_proto::id::DeviceId;
use pli_proto::limits::KEY_PACKAGES;
use pli_proto::pb::{self, Reason};
use pli_proto::signed::Hash;
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use crate::config::DAY_MS;
use crate::engine::{EngineError, Publication, Stock};

pub(super) fn publish(c: &Connection, publication: &Publication) -> Result<Stock, EngineError> {
    let Publication { device, packages, last_resort, inbox_key, replace } = publication;
    if !c.prepare_cached("SELECT 1 FROM devices WHERE id = ?1 AND revoked = 0")?.exists([&device.0])? {
        return Err(EngineError::refused(Reason::Revoked, "the device was revoked"));
    }
    if *replace {
        c.prepare_cached("DELETE FROM key_packages WHERE device = ?1")?.execute([&device.0])?;
    }
    if let Some((key, signature)) = inbox_key {
        let set = "UPDATE devices SET inbox_key = ?2, inbox_key_signature = ?3 WHERE id = ?1";
        c.prepare_cached(set)?.execute(params![device.0, key, signature])?;
    }
    if let Some(package) = last_resort {
        let old = "DELETE FROM key_packages WHERE device = ?1 AND last_resort = 1";
        c.prepare_cached(old)?.execute([&device.0])?;
        insert(c, *device, package, true)?;
    }
    let mut room = KEY_PACKAGES.saturating_sub(stock(c, *device)?.single_use);
    for package in packages {
        let hash = hash(package);
        // Published again after a lost answer, and taken meanwhile: a second Welcome to it could not be opened.
        let spent = c.prepare_cached("SELECT 1 FROM spent_packages WHERE hash = ?1")?.exists([&hash])?;
        if room > 0 && !spent && insert(c, *device, package, false)? {
            room -= 1;
        }
    }
    stock(c, *device)
}

fn insert(c: &Connection, device: DeviceId, package: &[u8], last_resort: bool) -> Result<bool, EngineError> {
    let insert = "INSERT OR IGNORE INTO key_packages VALUES (?1, ?2, ?3, ?4)";
    Ok(c.prepare_cached(insert)?.execute(params![device.0, hash(package), package, last_resort])? > 0)
}

fn hash(package: &[u8]) -> Hash {
    Sha256::digest(package).into()
}

fn stock(c: &Connection, device: DeviceId) -> Result<Stock, EngineError> {
    let query = "SELECT count(*) FROM key_packages WHERE device = ?1 AND last_resort = ?2";
    let mut count = c.prepare_cached(query)?;
    let single_use = count.query_row(params![device.0, false], |r| r.get(0))?;
    let last_resort = count.query_row(params![device.0, true], |r| r.get::<_, u32>(0))? > 0;
    Ok(Stock { single_use, last_resort })
}

pub(super) fn take(
    c: &Connection,
    devices: &[DeviceId],
    rather_last_resort: bool,
    now_ms: u64,
) -> Result<Vec<pb::DevicePackage>, EngineError> {
    let mut taken = Vec::new();
    for device in devices {
        let query = "SELECT inbox_key, inbox_key_signature FROM devices
            WHERE id = ?1 AND revoked = 0 AND inbox_key IS NOT NULL";
        let keys: Option<(Vec<u8>, Vec<u8>)> =
            c.prepare_cached(query)?.query_row([&device.0], |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
        let Some((inbox_key, inbox_key_signature)) = keys else { continue };
        let Some((hash, last_resort)) = choose(c, *device, rather_last_resort)? else { continue };
        let query = "SELECT package FROM key_packages WHERE device = ?1 AND hash = ?2";
        let package = c.prepare_cached(query)?.query_row(params![device.0, hash], |r| r.get(0))?;
        if !last_resort {
            let delete = "DELETE FROM key_packages WHERE device = ?1 AND hash = ?2";
            c.prepare_cached(delete)?.execute(params![device.0, hash])?;
            let spent = "INSERT OR IGNORE INTO spent_packages VALUES (?1, ?2)";
            c.prepare_cached(spent)?.execute(params![hash, integer(now_ms / DAY_MS)])?;
        }
        taken.push(pb::DevicePackage { device: device.to_vec(), package, inbox_key, inbox_key_signature });
    }
    Ok(taken)
}

/// The package to take, and whether it is the last resort: looked up by its kind, without a look at packages.
fn choose(c: &Connection, device: DeviceId, rather_last_resort: bool) -> Result<Option<(Hash, bool)>, EngineError> {
    let query = "SELECT hash FROM key_packages WHERE device = ?1 AND last_resort = ?2 ORDER BY hash LIMIT 1";
    for last_resort in [rather_last_resort, !rather_last_resort] {
        let found = c.prepare_cached(query)?.query_row(params![device.0, last_resort], |r| r.get(0)).optional()?;
        if let Some(hash) = found {
            return Ok(Some((hash, last_resort)));
        }
    }
    Ok(None)
}

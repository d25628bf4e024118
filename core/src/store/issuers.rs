//! The ends of issuers.

use pli_env::sql::{Numbers as _, integer};

use pli_kernel::identity::trust::Ends;
use pli_proto::certificate::{self, DeviceCertificate};
use pli_proto::pb;
use pli_proto::signed::{self, Hash};
use prost::Message;
use rusqlite::Connection;

use crate::error::Error;

use super::{meta, people};

/// The number of the newest end.
pub(crate) fn newest(db: &Connection) -> Result<u64, Error> {
    Ok(db.prepare_cached("SELECT coalesce(max(number), 0) FROM issuers")?.query_row([], |row| row.number(0))?)
}

/// All ends.
pub(crate) fn ends(db: &Connection) -> Result<Ends, Error> {
    let mut query = db.prepare_cached("SELECT issuer, ended FROM issuers")?;
    let all = query.query_map([], |row| Ok((row.get::<_, Hash>(0)?, row.get::<_, Vec<u8>>(1)?)))?;
    all.map(|row| {
        let (issuer, end) = row?;
        Ok((issuer, pb::IssuerEnd::decode(end.as_slice()).map_err(|_| Error::Damaged)?))
    })
    .collect()
}

/// Keeps an end that was checked, and forgets what a server of the thief's may have said: the directory, and of the
/// revocation list what the root does not vouch for. All of it is fetched anew.
pub(crate) fn put(db: &Connection, issuer: &Hash, end: &pb::IssuerEnd, kept: &[Hash]) -> Result<(), Error> {
    let sql = "INSERT INTO issuers(number, issuer, ended) VALUES(?, ?, ?)";
    db.prepare_cached(sql)?.execute((integer(end.number), issuer, end.encode_to_vec()))?;
    let mut insert = db.prepare_cached("INSERT INTO kept(number, certificate) VALUES(?, ?)")?;
    for certificate in kept {
        insert.execute((integer(end.number), certificate))?;
    }
    let (mut hash, mut leads_there, mut late) = ([0; 32], end.revocations == 0, false);
    for line in people::revocation_lines(db)? {
        hash = signed::revocation_hash(&hash, &line);
        leads_there |= line.number == end.revocations && end.revocations_hash == hash;
        late |= line.number > end.revocations && certificate::fingerprint(&line.issuer) == *issuer;
    }
    if late || !leads_there {
        tracing::info!("the revocation list is fetched anew");
        people::forget_revocations(db)?;
        meta::remove(db, meta::REVOCATIONS_HASH)?;
    }
    people::forget(db)?;
    meta::set_number(db, meta::DIRECTORY_VERSION, 0)?;
    // The time of a list's signature must not go back; what the ended issuer said of it counts no more.
    meta::set_number(db, meta::REVOCATIONS_SIGNED_MS, 0)
}

/// Whether a certificate ended with its issuer.
pub(crate) fn has_ended(db: &Connection, ends: &Ends, certificate: &DeviceCertificate) -> Result<bool, Error> {
    let Some(end) = ends.get(&certificate.issuer) else { return Ok(false) };
    let mut query = db.prepare_cached("SELECT 1 FROM kept WHERE number = ? AND certificate = ?")?;
    Ok(!query.exists((integer(end.number), certificate.fingerprint))?)
}

/// The fingerprints that stayed good at an end, ascending.
pub(crate) fn kept(db: &Connection, number: u64) -> Result<Vec<Hash>, Error> {
    let mut query = db.prepare_cached("SELECT certificate FROM kept WHERE number = ? ORDER BY certificate")?;
    Ok(query.query_map([integer(number)], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

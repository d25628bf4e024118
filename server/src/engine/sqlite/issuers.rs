//! The ends of issuers.

use pli_env::sql::{Numbers as _, integer};
use pli_proto::issuers;
use pli_proto::pb::{self, Reason};
use pli_proto::signed::Hash;
use prost::Message;
use rusqlite::{Connection, OptionalExtension, Result as Sql, params};

use super::people;
use crate::engine::{EngineError, Refused};

/// The server takes its new issuer from the folder within a second.
const RETRY_MS: u64 = 2_000;

pub(super) fn newest(c: &Connection) -> Sql<u64> {
    c.prepare_cached("SELECT coalesce(max(number), 0) FROM issuer_ends")?.query_row([], |r| r.number(0))
}

/// Refuses what an issuer signed that has ended.
pub(super) fn check(c: &Connection, issuer: &Hash) -> Result<(), EngineError> {
    if !c.prepare_cached("SELECT 1 FROM issuer_ends WHERE issuer = ?1")?.exists([issuer])? {
        return Ok(());
    }
    Err(EngineError::Refused(Refused {
        reason: Reason::Unavailable,
        message: "the issuer has ended",
        last_commit: None,
        retry_after_ms: RETRY_MS,
    }))
}

/// The fingerprints of all devices that are not revoked, ascending.
pub(super) fn certificates(c: &Connection) -> Result<Vec<Hash>, EngineError> {
    let query = "SELECT fingerprint FROM devices WHERE revoked = 0 ORDER BY fingerprint";
    let all = c.prepare_cached(query)?.query_map([], |r| r.get(0))?.collect::<Sql<_>>()?;
    Ok(all)
}

pub(super) fn end(c: &Connection, end: &pb::IssuerEnd, kept: &[Hash]) -> Result<bool, EngineError> {
    let list = people::revocations(c, u64::MAX)?;
    let follows = end.number == newest(c)? + 1 && end.revocations == list.number && end.revocations_hash == list.hash;
    if !follows || certificates(c)? != kept {
        return Ok(false);
    }
    let insert = "INSERT INTO issuer_ends VALUES (?1, ?2, ?3, ?4)";
    let (number, bytes) = (integer(end.number), end.encode_to_vec());
    c.prepare_cached(insert)?.execute(params![number, end.issuer, bytes, issuers::join(kept.to_vec())])?;
    Ok(true)
}

pub(super) fn after(c: &Connection, since: u64) -> Result<Option<(pb::IssuerEnd, Vec<Hash>)>, EngineError> {
    let query = "SELECT end, kept FROM issuer_ends WHERE number > ?1 ORDER BY number LIMIT 1";
    let found: Option<(Vec<u8>, Vec<u8>)> =
        c.prepare_cached(query)?.query_row([integer(since)], |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
    let Some((end, kept)) = found else { return Ok(None) };
    let damaged = || EngineError::Failed("an issuer's end is not one".into());
    let end = pb::IssuerEnd::decode(end.as_slice()).map_err(|_| damaged())?;
    Ok(Some((end, issuers::split(&kept).ok_or_else(damaged)?.to_vec())))
}

//! The revocation list: followed as it goes on, and taken up anew where the server was put back to an older copy.

use pli_proto::pb;
use pli_proto::signed::Hash;

use crate::error::Error;
use crate::store::{Notice, Tx, issuers, meta, people};
use crate::transport::Known;
use pli_kernel::identity::trust::{self, BadList};

use super::Engine;
use super::known::notice_all_logs;

/// Lines of a list that is taken up anew, at most.
const MOST: usize = 200_000;

/// Fetches what is new.
pub(super) async fn fetch(engine: &Engine, known: &Known) -> Result<(), Error> {
    loop {
        let since = engine.store.sync_read(people::revocations).await?;
        let list = ask(known, since).await?;
        let number = list.number;
        match engine.store.write(move |tx| go_on(tx, since, &list)).await? {
            Ok(known_now) if known_now < number => {}
            Ok(_) => break,
            Err(BadList) => {
                match since > 0 && take_up_anew(engine, known).await? {
                    true => engine.note_put_back(),
                    false => tracing::warn!("the server's revocation list is not genuine"),
                }
                break;
            }
        }
    }
    engine.judge_age(engine.store.sync_read(|db| meta::number(db, meta::REVOCATIONS_SIGNED_MS)).await?);
    Ok(())
}

async fn ask(known: &Known, since: u64) -> Result<pb::RevocationList, Error> {
    let answer = known.directory().revocations(pb::RevocationsRequest { since }).await;
    answer.map(tonic::Response::into_inner).map_err(|status| Error::of_status(&status))
}

/// Keeps a list that goes on from what is known; gives the number of the newest line known then. One that was signed
/// earlier changes nothing.
fn go_on(tx: &mut Tx<'_>, since: u64, list: &pb::RevocationList) -> Result<Result<u64, BadList>, Error> {
    let hash = meta::get::<Hash>(tx.db, meta::REVOCATIONS_HASH)?.unwrap_or_default();
    if people::revocations(tx.db)? != since || list.signed_ms < meta::number(tx.db, meta::REVOCATIONS_SIGNED_MS)? {
        return Ok(Ok(list.number));
    }
    let ends = issuers::ends(tx.db)?;
    match trust::check(list, &tx.context.me.root, &ends, since, hash) {
        Ok(hash) => keep(tx, list, &hash).map(Ok),
        Err(BadList) => Ok(Err(BadList)),
    }
}

/// Another list than the one that is known, by an issuer and signed later: the server has lost the end of the first, and
/// goes on from there. Whoever was on the first stays out. False if it is not genuine.
async fn take_up_anew(engine: &Engine, known: &Known) -> Result<bool, Error> {
    let mut whole = ask(known, 0).await?;
    while (whole.lines.len() as u64) < whole.number && whole.lines.len() < MOST {
        let mut more = ask(known, whole.lines.len() as u64).await?;
        if more.lines.is_empty() {
            break;
        }
        whole.lines.append(&mut more.lines);
        whole = pb::RevocationList { lines: whole.lines, ..more };
    }
    let adopt = move |tx: &mut Tx<'_>| {
        let ends = issuers::ends(tx.db)?;
        let later = whole.signed_ms >= meta::number(tx.db, meta::REVOCATIONS_SIGNED_MS)?;
        let complete = whole.lines.len() as u64 == whole.number;
        match trust::check(&whole, &tx.context.me.root, &ends, 0, Hash::default()) {
            Ok(hash) if later && complete => {
                people::unlist(tx.db)?;
                keep(tx, &whole, &hash)?;
                // They know which lines they were looked through for by the number of the last.
                tx.forget_groups();
                Ok(true)
            }
            _ => Ok(false),
        }
    };
    engine.store.write(adopt).await
}

fn keep(tx: &mut Tx<'_>, list: &pb::RevocationList, hash: &Hash) -> Result<u64, Error> {
    for line in &list.lines {
        people::put_revocation(tx.db, line)?;
    }
    meta::set(tx.db, meta::REVOCATIONS_HASH, hash)?;
    meta::set_number(tx.db, meta::REVOCATIONS_SIGNED_MS, list.signed_ms)?;
    if !list.lines.is_empty() {
        tx.notice(Notice::People);
        notice_all_logs(tx)?;
    }
    people::revocations(tx.db)
}

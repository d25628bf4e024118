//! `pli root`: what the root's key is needed for once the authority is founded.

use std::path::Path;

use data_encoding::HEXLOWER;
use pli_env::real::Real;
use pli_server::authority::{ended_issuers, replace_issuer};
use serde_json::json;

use crate::args::Root;
use crate::failure::Failure;
use crate::words::say;

use super::Shared;

pub(super) async fn run(data: &Path, command: Root, shared: &Shared) -> Result<(), Failure> {
    match command {
        Root::Issuers => issuers(data, shared).await,
        Root::ReplaceIssuer { root } => replace(data, &root, shared).await,
    }
}

async fn issuers(data: &Path, shared: &Shared) -> Result<(), Failure> {
    let (now, ended) = ended_issuers(data, Real::current()).await?;
    for one in &ended {
        let issuer = HEXLOWER.encode(&one.issuer);
        shared.print(
            || say::ISSUER_ENDED.with(&[&short(&issuer), &one.number, &one.kept]),
            || json!({ "issuer": issuer, "state": "ended", "number": one.number, "kept": one.kept }),
        )?;
    }
    // Between the two steps of a replacement that was interrupted, nobody signs.
    if ended.iter().any(|one| one.issuer == now) {
        return Ok(());
    }
    let issuer = HEXLOWER.encode(&now);
    shared.print(|| say::ISSUER_SIGNS.with(&[&short(&issuer)]), || json!({ "issuer": issuer, "state": "signs" }))
}

async fn replace(data: &Path, root: &Path, shared: &Shared) -> Result<(), Failure> {
    let done = replace_issuer(data, Real::current(), root).await?;
    if let Some(ended) = &done.ended {
        let issuer = HEXLOWER.encode(&ended.issuer);
        shared.print(
            || say::ISSUER_ENDED.with(&[&short(&issuer), &ended.number, &ended.kept]),
            || json!({ "issuer": issuer, "state": "ended", "number": ended.number, "kept": ended.kept }),
        )?;
    }
    let issuer = HEXLOWER.encode(&done.issuer);
    shared.print(|| say::ISSUER_SIGNS.with(&[&short(&issuer)]), || json!({ "issuer": issuer, "state": "signs" }))?;
    eprintln!("{}", say::ISSUER_REPLACED.with(&[&root.display()]));
    Ok(())
}

/// Enough to tell issuers apart.
fn short(issuer: &str) -> &str {
    issuer.get(..8).unwrap_or(issuer)
}

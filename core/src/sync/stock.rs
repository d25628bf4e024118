//! What lies at the server so that others can add this device: key packages, and the key that seals its inbox.
//!
//! All of it is renewed now and then, and the private keys of the time before the last renewal go: whoever seizes the
//! phone opens no older welcome with it.

use std::sync::atomic::Ordering;

use openmls::prelude::{KeyPackage, MlsMessageOut};
use pli_proto::signed::{self, Label};
use pli_proto::{limits, pb};
use serde::{Deserialize, Serialize};
use tls_codec::Serialize as _;
use zeroize::Zeroizing;

use crate::crypto;
use crate::error::Error;
use crate::group::join::internal;
use crate::group::{SUITE, capabilities, lifetime};
use crate::store::{Tx, meta};
use crate::transport::Known;

use super::Engine;

/// How long one stock is used. A welcome may take as long again to be read.
const RENEW_MS: u64 = 30 * 24 * 60 * 60 * 1000;
/// Key packages that one request brings.
const AT_ONCE: u32 = 25;

/// One stock: the inbox key of it, and where its key packages begin.
#[derive(Serialize, Deserialize)]
struct Stock {
    private: Zeroizing<Vec<u8>>,
    public: Vec<u8>,
    made_ms: u64,
    /// The server has all of it.
    is_published: bool,
    /// The last row of openmls' state before its key packages.
    after_row: i64,
}

/// Keeps the stock at the server full and young.
pub(super) async fn publish(engine: &Engine, known: &Known) -> Result<(), Error> {
    let renew = engine.renew_stock.swap(false, Ordering::SeqCst);
    let mut request = engine.store.write(move |tx| begin(tx, renew)).await?;
    loop {
        let answer = known.key_packages().publish(request).await.map_err(|status| Error::of_status(&status))?;
        let answer = answer.into_inner();
        let missing = limits::KEY_PACKAGES.saturating_sub(answer.stock);
        if missing == 0 && answer.has_last_resort {
            return engine.store.write(end).await;
        }
        request = engine.store.write(move |tx| packages(tx, missing.min(AT_ONCE), !answer.has_last_resort)).await?;
    }
}

/// Opens an inbox item. `None`: it is from nobody who knows this device.
pub(super) fn open(tx: &Tx<'_>, sealed: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    let (context, device) = (tx.context, tx.context.me.device);
    let open =
        |stock: &Stock| crypto::open_with(&context.crypto, &stock.private, b"Pli 1.0 inbox", &device.0, sealed).ok();
    Ok(stocks(tx)?.iter().find_map(open))
}

/// Those in use, the newest first.
fn stocks(tx: &Tx<'_>) -> Result<Vec<Stock>, Error> {
    Ok(meta::json(tx.db, meta::STOCKS)?.unwrap_or_default())
}

/// Begins a new stock where one is due, and replaces what the server has; otherwise asks what is missing.
fn begin(tx: &mut Tx<'_>, renew: bool) -> Result<pb::PublishRequest, Error> {
    if renew {
        meta::set_number(tx.db, meta::PUT_BACK_MS, tx.now_ms())?;
        meta::set_number(tx.db, meta::RENEW_STOCK_MS, tx.now_ms() + 1)?;
    }
    let mut stocks = stocks(tx)?;
    let renew_ms = meta::number(tx.db, meta::RENEW_STOCK_MS)?;
    let newest = stocks.first().filter(|stock| stock.made_ms >= renew_ms);
    if newest.is_some_and(|stock| stock.is_published && tx.now_ms() < stock.made_ms.saturating_add(RENEW_MS)) {
        return Ok(pb::PublishRequest::default());
    }
    // One that was begun and did not reach the server is begun again.
    if newest.is_none_or(|stock| stock.is_published) {
        let store = tx.provider().storage;
        if let Some(before) = stocks.first() {
            store.delete_packages(before.after_row)?;
        }
        let (private, public) = crypto::generate_kem_pair(&tx.context.crypto);
        let after_row = store.last_row()?;
        stocks.truncate(1);
        stocks.insert(0, Stock { private, public, made_ms: tx.now_ms().max(renew_ms), is_published: false, after_row });
        meta::set_json(tx.db, meta::STOCKS, &stocks)?;
    }
    let (me, public) = (&tx.context.me, stocks[0].public.clone());
    let signed = signed::content(Label::InboxKey, &[&me.device.0, &public]);
    Ok(pb::PublishRequest {
        inbox_key: public,
        inbox_key_signature: me.key.sign_raw(&signed).to_vec(),
        replace: true,
        // At once: whoever would add this device meanwhile must not find nothing.
        ..packages(tx, AT_ONCE, true)?
    })
}

fn packages(tx: &mut Tx<'_>, count: u32, last_resort: bool) -> Result<pb::PublishRequest, Error> {
    let packages = (0..count).map(|_| package(tx, false)).collect::<Result<_, _>>()?;
    let last_resort = if last_resort { package(tx, true)? } else { Vec::new() };
    Ok(pb::PublishRequest { packages, last_resort, ..pb::PublishRequest::default() })
}

fn package(tx: &Tx<'_>, last_resort: bool) -> Result<Vec<u8>, Error> {
    let me = &tx.context.me;
    let mut builder = KeyPackage::builder().leaf_node_capabilities(capabilities()).key_package_lifetime(lifetime());
    if last_resort {
        builder = builder.mark_as_last_resort();
    }
    let bundle = builder
        .build(SUITE, &tx.provider(), &me.key, me.credential())
        .map_err(|error| internal("key package", &error))?;
    MlsMessageOut::from(bundle.into_key_package()).tls_serialize_detached().map_err(|_| Error::internal("size"))
}

fn end(tx: &mut Tx<'_>) -> Result<(), Error> {
    let mut stocks = stocks(tx)?;
    match stocks.first_mut() {
        Some(stock) if !stock.is_published => stock.is_published = true,
        _ => return Ok(()),
    }
    meta::set_json(tx.db, meta::STOCKS, &stocks)
}

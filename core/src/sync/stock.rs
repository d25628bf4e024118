//! What lies at the server so that others can add this device: key packages, and the key that seals its inbox.
//!
//! All of it is renewed now and then, and the private keys of the time before the last renewal go: whoever seizes the
//! phone opens no older welcome with it. It is brought beside what comes in, a few at a time, for bad lines carry no more;
//! and what the server has not answered is sent again as it was: no line and no server makes the store grow.

use std::sync::atomic::Ordering;
use std::time::Duration;

use openmls::prelude::{KeyPackage, MlsMessageOut};
use pli_env::Env;
use pli_proto::signed::{self, Label};
use pli_proto::{limits, pb};
use prost::Message as _;
use serde::{Deserialize, Serialize};
use tls_codec::Serialize as _;
use tokio::time::{Instant, sleep_until};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::membership::join::internal;
use crate::store::{Tx, meta};
use crate::transport::Known;
use pli_kernel::crypto;
use pli_kernel::group::{SUITE, capabilities, lifetime};

use super::{Backoff, Engine, is_passing};
use crate::membership::schedule::{DAY_MS, has_come};

/// How long one stock is used. A welcome may take as long again to be read.
const RENEW_MS: u64 = 30 * DAY_MS;
/// Key packages that one request brings, of some 4 KB each: a connection that dies after 60 KB brings one at least.
const AT_ONCE: u32 = 5;
/// Private keys that are kept of one stock. Beyond, somebody takes key packages and adds this device to nothing: the last
/// resort serves until the stock is renewed.
const MOST_KEPT: u32 = 4 * limits::KEY_PACKAGES;
/// The longest wait after a try that failed.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// One stock: the inbox key of it, and where its key packages begin.
#[derive(Serialize, Deserialize)]
struct Stock {
    private: Zeroizing<Vec<u8>>,
    public: Vec<u8>,
    made_ms: u64,
    /// The server has the first of it, and nothing older.
    is_published: bool,
    /// The last row of openmls' state before its key packages.
    after_row: i64,
}

/// When to try next. Outlives the connection, which may be what a try costs.
pub(super) struct Tries {
    backoff: Backoff,
    at: Instant,
}

impl Tries {
    pub(super) fn new() -> Self {
        Self { backoff: Backoff::new(LONGEST), at: Instant::now() }
    }

    /// One begins. It has failed until there is an answer: whoever asks may be gone with its connection.
    fn begin(&mut self, env: &dyn Env) {
        self.at = Instant::now() + self.backoff.delay(env, &Error::unavailable());
    }

    fn succeed(&mut self) {
        self.backoff.reset();
        self.at = Instant::now();
    }
}

/// Keeps the stock at the server full and young, as long as the connection lasts.
pub(super) async fn keep(engine: &Engine, known: &Known, tries: &mut Tries) -> Error {
    match engine.store.sync_read(|db| Ok(stocks(db)?.iter().any(|stock| stock.is_published))).await {
        // Others can add this device already.
        Ok(true) => engine.tell(&engine.stock_ready, true),
        Ok(false) => {}
        Err(error) => return error,
    }
    loop {
        if tries.at > Instant::now() {
            engine.publishing.send_replace(false);
            tokio::select! { biased;
                () = engine.asked.hurry.notified() => {}
                () = sleep_until(tries.at) => {}
            }
        }
        engine.publishing.send_replace(true);
        let end = publish(engine, known, tries).await;
        engine.tell(&engine.stock_ready, true);
        engine.publishing.send_replace(false);
        match end {
            Ok(()) => engine.restock.notified().await,
            Err(error) if !is_passing(&error) => return error,
            Err(error) => {
                tracing::debug!(%error, "key packages did not get through");
                if let Error::Unavailable { retry_after: Some(asked) } = error {
                    tries.at = tries.at.max(Instant::now() + asked.min(LONGEST));
                }
            }
        }
    }
}

async fn publish(engine: &Engine, known: &Known, tries: &mut Tries) -> Result<(), Error> {
    tries.begin(&**engine.env());
    let renew = engine.renew_stock.load(Ordering::SeqCst);
    let mut next = Some(engine.store.write(move |tx| begin(tx, renew)).await?);
    if renew {
        engine.renew_stock.store(false, Ordering::SeqCst);
    }
    while let Some(request) = next {
        let signed = engine.context().me.request(Label::Publish, engine.context().clock.now_ms(), &request);
        let answer = known.key_packages().publish(signed).await.map_err(|status| {
            engine.heed(&status);
            Error::of_status(&status)
        })?;
        let answer = answer.into_inner();
        next = engine.store.write(move |tx| go_on(tx, &answer)).await?;
        tries.succeed();
        if next.is_some() {
            tries.begin(&**engine.env());
        }
    }
    Ok(())
}

/// Opens an inbox item. `None`: it is from nobody who knows this device.
pub(super) fn open(tx: &Tx<'_>, sealed: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    let (context, device) = (tx.context, tx.context.me.device);
    let open =
        |stock: &Stock| crypto::open_with(&context.crypto, &stock.private, b"Pli 1.0 inbox", &device.0, sealed).ok();
    Ok(stocks(tx.db)?.iter().find_map(open))
}

/// Those in use, the newest first.
fn stocks(db: &rusqlite::Connection) -> Result<Vec<Stock>, Error> {
    Ok(meta::json(db, meta::STOCKS)?.unwrap_or_default())
}

/// What to publish first: what was not answered; a new stock where one is due, in place of what the server has; else
/// nothing, which asks what is missing.
fn begin(tx: &mut Tx<'_>, renew: bool) -> Result<pb::PublishBody, Error> {
    if renew {
        meta::set_number(tx.db, meta::PUT_BACK_MS, tx.now_ms())?;
        meta::set_number(tx.db, meta::RENEW_STOCK, 1)?;
    }
    let mut stocks = stocks(tx.db)?;
    let is_void = meta::number(tx.db, meta::RENEW_STOCK)? > 0;
    if let Some(newest) = stocks.first().filter(|_| !is_void) {
        let kept: Option<Vec<u8>> = meta::get(tx.db, meta::PUBLISHING)?;
        if let Some(kept) = kept {
            return pb::PublishBody::decode(kept.as_slice()).map_err(|_| Error::Damaged);
        }
        if has_come(newest.made_ms.saturating_add(RENEW_MS), tx.now_ms(), RENEW_MS).is_err() {
            return Ok(pb::PublishBody::default());
        }
    }
    let store = tx.provider().storage;
    match stocks.first() {
        // Nothing of it was in use, as far as this device knows: there is only one such stock.
        Some(newest) if !newest.is_published => {
            store.delete_packages(newest.after_row + 1..=i64::MAX)?;
            stocks.remove(0);
        }
        Some(newest) => store.delete_packages(0..=newest.after_row)?,
        None => {}
    }
    let (private, public) = crypto::generate_kem_pair(&tx.context.crypto);
    let (made_ms, after_row) = (tx.now_ms(), store.last_row()?);
    stocks.truncate(1);
    stocks.insert(0, Stock { private, public: public.clone(), made_ms, is_published: false, after_row });
    meta::set_json(tx.db, meta::STOCKS, &stocks)?;
    meta::remove(tx.db, meta::RENEW_STOCK)?;
    let me = &tx.context.me;
    let signed = signed::content(Label::InboxKey, &[&me.device.0, &public]);
    let request = pb::PublishBody {
        inbox_key: public,
        inbox_key_signature: me.key.sign_raw(&signed).to_vec(),
        replace: true,
        // At once: whoever would add this device meanwhile must not find nothing.
        ..packages(tx, AT_ONCE, true)?
    };
    kept(tx, request)
}

/// The server has what it was sent. What to send next, if something is missing.
fn go_on(tx: &mut Tx<'_>, answer: &pb::PublishResponse) -> Result<Option<pb::PublishBody>, Error> {
    meta::remove(tx.db, meta::PUBLISHING)?;
    let mut stocks = stocks(tx.db)?;
    let Some(newest) = stocks.first_mut() else { return Ok(None) };
    let after_row = newest.after_row;
    if !std::mem::replace(&mut newest.is_published, true) {
        meta::set_json(tx.db, meta::STOCKS, &stocks)?;
    }
    let room = MOST_KEPT.saturating_sub(tx.provider().storage.count_packages(after_row)?);
    let count = limits::KEY_PACKAGES.saturating_sub(answer.stock).min(AT_ONCE).min(room);
    let last_resort = !answer.has_last_resort && room > 0;
    if count == 0 && !last_resort {
        return Ok(None);
    }
    let request = packages(tx, count, last_resort)?;
    kept(tx, request).map(Some)
}

/// Keeps what is sent, until it is answered.
fn kept(tx: &Tx<'_>, request: pb::PublishBody) -> Result<pb::PublishBody, Error> {
    meta::set(tx.db, meta::PUBLISHING, &request.encode_to_vec())?;
    Ok(request)
}

fn packages(tx: &mut Tx<'_>, count: u32, last_resort: bool) -> Result<pb::PublishBody, Error> {
    let packages = (0..count).map(|_| package(tx, false)).collect::<Result<_, _>>()?;
    let last_resort = if last_resort { package(tx, true)? } else { Vec::new() };
    Ok(pb::PublishBody { packages, last_resort, ..pb::PublishBody::default() })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn tries_that_fail_come_ever_later_and_one_that_succeeds_begins_anew() {
        let (env, mut tries) = (pli_env::real::Real::current(), Tries::new());
        let mut wait = || {
            tries.begin(&*env);
            tries.at.duration_since(Instant::now())
        };
        for least_ms in [200, 450, 900, 1_900] {
            assert!(wait() > Duration::from_millis(least_ms), "{least_ms}");
        }
        assert!((0..30).map(|_| wait()).last().unwrap() >= LONGEST / 3);
        tries.succeed();
        assert!(tries.at <= Instant::now());
        tries.begin(&*env);
        assert!(tries.at < Instant::now() + Duration::from_secs(1));
    }
}

//! The door key: a secret of the day that enrolled devices fetch on the known connection, and without which nothing
//! anonymous is served. It also hangs on the numbers of the revocation list and of the issuers' ends, so that a revoked
//! device is outside at once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use aws_lc_rs::{constant_time, hmac};
use data_encoding::HEXLOWER_PERMISSIVE;
use pli_env::Env;

use crate::engine::Versions;

/// Yesterday's key still serves that long, so that nobody is shut out while fetching today's.
const OVERLAP_MS: u64 = 10 * 60 * 1000;

/// Makes door keys and knows them again.
pub(crate) struct Door {
    env: Arc<dyn Env>,
    secret: RwLock<hmac::Key>,
    lifetime_ms: u64,
    directory: AtomicU64,
    revocations: AtomicU64,
    issuers: AtomicU64,
}

impl Door {
    pub(crate) fn new(env: Arc<dyn Env>, secret: &[u8; 32], lifetime: Duration, versions: Versions) -> Self {
        Self {
            env,
            secret: RwLock::new(hmac::Key::new(hmac::HMAC_SHA256, secret)),
            lifetime_ms: u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX).max(1),
            directory: AtomicU64::new(versions.directory),
            revocations: AtomicU64::new(versions.revocations),
            issuers: AtomicU64::new(versions.issuers),
        }
    }

    /// Makes keys of another secret from now on.
    pub(crate) fn change(&self, secret: &[u8; 32]) {
        *self.secret.write().expect("no panic while held") = hmac::Key::new(hmac::HMAC_SHA256, secret);
    }

    /// Changes with each revocation and each issuer's end, which end all keys and what came in by one.
    pub(crate) fn generation(&self) -> u64 {
        self.revocations.load(Ordering::SeqCst) + self.issuers.load(Ordering::SeqCst)
    }

    /// What this process knows to be newest.
    pub(crate) fn versions(&self) -> Versions {
        let [directory, revocations, issuers] =
            [&self.directory, &self.revocations, &self.issuers].map(|number| number.load(Ordering::SeqCst));
        Versions { directory, revocations, issuers }
    }

    /// Notes what is newest; whether that is news. No number ever goes back.
    pub(crate) fn note(&self, versions: Versions) -> bool {
        let directory = self.directory.fetch_max(versions.directory, Ordering::SeqCst);
        let revocations = self.revocations.fetch_max(versions.revocations, Ordering::SeqCst);
        let issuers = self.issuers.fetch_max(versions.issuers, Ordering::SeqCst);
        directory < versions.directory || revocations < versions.revocations || issuers < versions.issuers
    }

    /// The key of the day, and when it ends.
    pub(crate) fn today(&self) -> (Vec<u8>, u64) {
        let day = self.env.now_ms() / self.lifetime_ms;
        (self.key(day), (day + 1).saturating_mul(self.lifetime_ms))
    }

    /// Whether this header names a key that serves now.
    pub(crate) fn opens_to(&self, header: &[u8]) -> bool {
        let Ok(key) = HEXLOWER_PERMISSIVE.decode(header) else { return false };
        let now_ms = self.env.now_ms();
        let day = now_ms / self.lifetime_ms;
        let is = |day| constant_time::verify_slices_are_equal(&self.key(day), &key).is_ok();
        let just_begun = now_ms % self.lifetime_ms < OVERLAP_MS && day > 0;
        is(day) || just_begun && is(day - 1)
    }

    fn key(&self, day: u64) -> Vec<u8> {
        let secret = self.secret.read().expect("no panic while held");
        hmac::sign(&secret, &[day.to_be_bytes(), self.generation().to_be_bytes()].concat()).as_ref().to_vec()
    }
}

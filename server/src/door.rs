//! The door key: a secret of the day that enrolled devices fetch on the known connection, and without which nothing
//! anonymous is served. It also hangs on the numbers of the revocation list and of the issuers' ends, so that a revoked
//! device is outside within seconds.
//!
//! No key ends for all in the instant in which there is another: all devices would come at once.

use std::collections::VecDeque;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use aws_lc_rs::{constant_time, hmac};
use pli_env::Env;
use tokio::time::Instant;

use crate::config::Limits;
use crate::engine::Versions;

/// Yesterday's key still serves for that part of a lifetime, an hour of a day: everybody fetches today's at a moment of
/// their own.
const OVERLAP: u64 = 24;

/// Makes door keys and knows them again.
pub(crate) struct Door {
    env: Arc<dyn Env>,
    secret: RwLock<hmac::Key>,
    lifetime_ms: u64,
    /// For how long keys serve on after a revocation.
    grace: Duration,
    now: RwLock<Now>,
}

struct Now {
    /// What this process knows to be newest.
    versions: Versions,
    /// The generations that revocations ended, and until when their keys serve; ascending.
    leaving: VecDeque<(u64, Instant)>,
}

/// Which key it is. The key begins with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    day: u64,
    generation: u64,
}

/// Changes with each revocation and each issuer's end, which end all keys and what came in by one.
fn generation(versions: &Versions) -> u64 {
    versions.revocations + versions.issuers
}

impl Door {
    pub(crate) fn new(env: Arc<dyn Env>, secret: &[u8; 32], limits: &Limits, versions: Versions) -> Self {
        Self {
            env,
            secret: RwLock::new(hmac::Key::new(hmac::HMAC_SHA256, secret)),
            lifetime_ms: u64::try_from(limits.door_lifetime.as_millis()).unwrap_or(u64::MAX).max(OVERLAP),
            grace: limits.door_grace,
            now: RwLock::new(Now { versions, leaving: VecDeque::new() }),
        }
    }

    /// Makes keys of another secret from now on.
    pub(crate) fn change(&self, secret: &[u8; 32]) {
        *self.secret.write().expect("no panic while held") = hmac::Key::new(hmac::HMAC_SHA256, secret);
    }

    /// What this process knows to be newest.
    pub(crate) fn versions(&self) -> Versions {
        self.now.read().expect("no panic while held").versions
    }

    /// Notes what is newest; whether that is news. No number ever goes back.
    pub(crate) fn note(&self, newest: Versions) -> bool {
        let mut now = self.now.write().expect("no panic while held");
        let before = now.versions;
        let versions = Versions {
            directory: before.directory.max(newest.directory),
            revocations: before.revocations.max(newest.revocations),
            issuers: before.issuers.max(newest.issuers),
        };
        if versions.issuers > before.issuers {
            // The thief of an issuer may have made any number of devices.
            now.leaving.clear();
        } else if generation(&versions) > generation(&before) {
            let at = Instant::now();
            now.leaving.retain(|(_, until)| *until > at);
            now.leaving.push_back((generation(&before), at + self.grace));
        }
        now.versions = versions;
        versions != before
    }

    /// The key of the day, when there is another, and until when it serves.
    pub(crate) fn today(&self) -> (Vec<u8>, u64, u64) {
        let key = Key { day: self.env.now_ms() / self.lifetime_ms, generation: generation(&self.versions()) };
        (self.make(key), self.day_ends_ms(key), self.ends_ms(key))
    }

    /// The key that these bytes are, if it serves now.
    pub(crate) fn opened_by(&self, bytes: &[u8]) -> Option<Key> {
        let (day, rest) = bytes.split_first_chunk()?;
        let (generation, _) = rest.split_first_chunk()?;
        let key = Key { day: u64::from_be_bytes(*day), generation: u64::from_be_bytes(*generation) };
        let is_genuine = constant_time::verify_slices_are_equal(&self.make(key), bytes).is_ok();
        (is_genuine && self.left(key).is_some()).then_some(key)
    }

    /// For how long a key goes on serving, if it does.
    pub(crate) fn left(&self, key: Key) -> Option<Duration> {
        let now_ms = self.env.now_ms();
        let of_day = (now_ms / self.lifetime_ms >= key.day).then(|| self.ends_ms(key).saturating_sub(now_ms));
        let of_day = Duration::from_millis(of_day.filter(|left| *left > 0)?);
        let now = self.now.read().expect("no panic while held");
        if key.generation == generation(&now.versions) {
            return Some(of_day);
        }
        let place = now.leaving.binary_search_by_key(&key.generation, |(generation, _)| *generation).ok()?;
        let (_, until) = now.leaving.get(place)?;
        Some(until.saturating_duration_since(Instant::now()).min(of_day)).filter(|left| !left.is_zero())
    }

    fn day_ends_ms(&self, key: Key) -> u64 {
        key.day.saturating_add(1).saturating_mul(self.lifetime_ms)
    }

    fn ends_ms(&self, key: Key) -> u64 {
        self.day_ends_ms(key).saturating_add(self.lifetime_ms / OVERLAP)
    }

    fn make(&self, key: Key) -> Vec<u8> {
        let secret = self.secret.read().expect("no panic while held");
        let name = [key.day.to_be_bytes(), key.generation.to_be_bytes()].concat();
        let tag = hmac::sign(&secret, &name);
        [&name, tag.as_ref()].concat()
    }
}

//! How many commits each row made today, and whose budget a row spends.
//!
//! Neither is for a thief of the database to read: the first would tell who wrote today's commits, the second who
//! brought whom in. So the counts are in memory alone, and a restart begins the day anew; whoever can restart the server
//! needs no budget. The second must outlive a restart, or a row that brought many in would have the budgets of all: it
//! is kept under a mask, whose secret lies outside the database.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_lc_rs::hmac;
use pli_env::{Env, random};
use pli_proto::id::LogId;
use pli_proto::row::AccessKey;

/// Counts commits, and masks pools.
pub(super) struct Budget {
    env: Arc<dyn Env>,
    secret: hmac::Key,
    today: Mutex<Today>,
}

/// The day, and the commits of each pool on it.
#[derive(Default)]
struct Today(u64, BTreeMap<(LogId, AccessKey), u64>);

/// A pool as it is kept: a nonce, then the masked key.
pub(super) type Masked = [u8; 48];

impl Budget {
    pub(super) fn new(env: Arc<dyn Env>, secret: &[u8; 32]) -> Self {
        Self { env, secret: hmac::Key::new(hmac::HMAC_SHA256, secret), today: Mutex::default() }
    }

    /// Takes one from a pool's budget of the day; false if it is spent.
    pub(super) fn spend(&self, log: LogId, pool: AccessKey, day: u64, most: u64) -> bool {
        let mut today = self.today.lock().expect("no panic while held");
        if today.0 != day {
            *today = Today(day, BTreeMap::new());
        }
        let spent = today.1.entry((log, pool)).or_default();
        let left = *spent < most;
        *spent += u64::from(left);
        left
    }

    /// What was taken was not used.
    pub(super) fn give_back(&self, log: LogId, pool: AccessKey) {
        let mut today = self.today.lock().expect("no panic while held");
        if let Some(spent) = today.1.get_mut(&(log, pool)) {
            *spent = spent.saturating_sub(1);
        }
    }

    /// Masks the pool of a row, freshly each time.
    pub(super) fn mask(&self, log: LogId, row: AccessKey, pool: AccessKey) -> Masked {
        let nonce: [u8; 16] = random(&*self.env);
        let key = self.apply(log, row, &nonce, pool);
        [nonce.as_slice(), &key.0].concat().try_into().expect("16 and 32 bytes")
    }

    /// The pool of a row.
    pub(super) fn unmask(&self, log: LogId, row: AccessKey, masked: &Masked) -> AccessKey {
        let (nonce, key) = masked.split_at(16);
        self.apply(log, row, nonce, AccessKey(key.try_into().expect("32 bytes")))
    }

    fn apply(&self, log: LogId, row: AccessKey, nonce: &[u8], key: AccessKey) -> AccessKey {
        let mask = hmac::sign(&self.secret, &[log.0.as_slice(), &row.0, nonce].concat());
        let mut out = key.0;
        out.iter_mut().zip(mask.as_ref()).for_each(|(byte, mask)| *byte ^= mask);
        AccessKey(out)
    }
}

//! Token buckets: what one row, device or address may ask. Bounded, in memory: a restart forgives.

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::time::Duration;

use lru::LruCache;
use pli_env::Address;
use pli_proto::id::{DeviceId, LogId};
use pli_proto::row::AccessKey;
use tokio::time::Instant;

use crate::config::{Limits, Rate};

/// Buckets of one kind. The one unused for longest goes first; by then it is full again, or a flood is under way.
const BUCKETS: NonZeroUsize = NonZeroUsize::new(100_000).unwrap();

/// All buckets.
pub(crate) struct Rates {
    pub(crate) row: Buckets<(LogId, AccessKey)>,
    pub(crate) device: Buckets<DeviceId>,
    pub(crate) address: Buckets<Address>,
    pub(crate) stranger: Buckets<Address>,
    pub(crate) take: Buckets<Address>,
    pub(crate) create: Buckets<Address>,
    row_kib: Buckets<(LogId, AccessKey)>,
    address_kib: Buckets<Address>,
}

impl Rates {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            row: Buckets::new(limits.row_rate),
            device: Buckets::new(limits.device_rate),
            address: Buckets::new(limits.address_rate),
            stranger: Buckets::new(limits.stranger_rate),
            take: Buckets::new(limits.take_rate),
            create: Buckets::new(limits.create_rate),
            row_kib: Buckets::new(limits.row_kib_rate),
            address_kib: Buckets::new(limits.address_kib_rate),
        }
    }

    /// Takes what it costs to keep so many bytes: a disk must last longer than one insider's evening.
    pub(crate) fn keep(&self, address: Address, row: (LogId, AccessKey), bytes: usize) -> Result<(), u64> {
        let kib = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        self.row_kib.take(row, kib)?;
        self.address_kib.take(address, kib)
    }
}

/// Buckets of one kind.
pub(crate) struct Buckets<K> {
    rate: Rate,
    buckets: Mutex<LruCache<K, Bucket>>,
}

struct Bucket {
    tokens: f64,
    at: Instant,
}

impl<K: std::hash::Hash + Eq> Buckets<K> {
    pub(crate) fn new(rate: Rate) -> Self {
        // Made so, it takes no memory before there are buckets.
        let mut buckets = LruCache::unbounded();
        buckets.resize(BUCKETS);
        Self { rate, buckets: Mutex::new(buckets) }
    }

    /// Takes `cost` tokens, or says after how many milliseconds there will be as many.
    pub(crate) fn take(&self, key: K, cost: u32) -> Result<(), u64> {
        let (now, burst) = (Instant::now(), f64::from(self.rate.burst));
        let per_second = f64::from(self.rate.per_second);
        let mut buckets = self.buckets.lock().expect("no panic while held");
        let bucket = buckets.get_or_insert_mut(key, || Bucket { tokens: burst, at: now });
        let gathered = now.saturating_duration_since(bucket.at).as_secs_f64() * per_second;
        bucket.tokens = (bucket.tokens + gathered).min(burst);
        bucket.at = now;
        // What costs more than a full bucket takes all of one.
        let cost = f64::from(cost).min(burst);
        if bucket.tokens >= cost {
            bucket.tokens -= cost;
            return Ok(());
        }
        let wait = Duration::try_from_secs_f64((cost - bucket.tokens) / per_second).unwrap_or(Duration::MAX);
        Err(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1))
    }
}

//! Clocks and medians.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// Processor time of this thread, in microseconds: what others do on the machine does not count.
pub(crate) fn thread_us() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

/// Microseconds since then, by the wall clock: for what waits for a disk, or for other threads.
pub(crate) fn us_since(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e6
}

/// The middle one; zero of none.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// When a bench stops to take further samples, on a machine that is too slow for all of them.
pub(crate) struct Deadline(Instant);

impl Deadline {
    pub(crate) fn within(seconds: u64) -> Self {
        Self(Instant::now() + Duration::from_secs(seconds))
    }

    pub(crate) fn is_over(&self) -> bool {
        Instant::now() >= self.0
    }
}

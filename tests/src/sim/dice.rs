//! Randomness by seed: dice for the world's fate, and bytes of cryptographic quality for the hosts.

use std::time::Duration;

use sha2::{Digest, Sha256};

/// splitmix64: the same numbers on every platform and in every version.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In `0..n`.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    /// Once in `n` times; never for zero.
    pub(crate) fn once_in(&mut self, n: u64) -> bool {
        n > 0 && self.below(n) == 0
    }

    /// Between one and so many milliseconds.
    pub(crate) fn ms(&mut self, max: u64) -> Duration {
        Duration::from_millis(1 + self.below(max))
    }

    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        let place = self.below(of.len() as u64) as usize;
        of.get(place)
    }
}

/// What a host's `Env::fill` gives: SHA-256 in counter mode. One host's draws do not shift another's.
#[derive(Debug)]
pub(crate) struct Bytes {
    seed: [u8; 24],
    drawn: u64,
}

impl Bytes {
    pub(crate) fn new(seed: u64, host: usize, life: u64) -> Self {
        let mut all = [0; 24];
        for (place, number) in [seed, host as u64, life].into_iter().enumerate() {
            all[place * 8..][..8].copy_from_slice(&number.to_be_bytes());
        }
        Self { seed: all, drawn: 0 }
    }

    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let block =
                Sha256::new().chain_update(b"sim").chain_update(self.seed).chain_update(self.drawn.to_be_bytes());
            self.drawn += 1;
            chunk.copy_from_slice(&block.finalize()[..chunk.len()]);
        }
    }
}

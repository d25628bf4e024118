//! Safety numbers: what two persons compare, by voice or side by side, to be sure that the keys that their phones use
//! for each other are theirs and nobody's in between.

use pli_proto::id::PersonId;
use pli_proto::signed;
use sha2::{Digest, Sha512};

/// Rounds of hashing: a search for keys with nearly the same number costs that much more.
const ROUNDS: usize = 5_200;

/// The number of two persons with these devices' MLS keys: 60 digits, the same seen from either side. It changes when a
/// device of either comes or goes.
pub fn number(one: (PersonId, &[[u8; 32]]), other: (PersonId, &[[u8; 32]])) -> String {
    let mut halves = [half(one.0, one.1), half(other.0, other.1)];
    halves.sort();
    halves.concat()
}

/// The number that two devices of one person show while one approves the other: 30 digits of both keys.
pub fn approval(person: PersonId, one: &[u8; 32], other: &[u8; 32]) -> String {
    half(person, &[*one, *other])
}

/// 30 digits of one person's keys.
fn half(person: PersonId, keys: &[[u8; 32]]) -> String {
    let mut keys = keys.to_vec();
    keys.sort_unstable();
    let start = signed::join(&[b"Pli 1.0 safety number", &person.0, keys.as_flattened()]);
    let mut hash: [u8; 64] = Sha512::digest(&start).into();
    for _ in 0..ROUNDS {
        hash = Sha512::new().chain_update(hash).chain_update(&start).finalize().into();
    }
    let digits = |chunk: &[u8]| {
        let number = chunk.iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
        format!("{:05}", number % 100_000)
    };
    hash.chunks(5).take(6).map(digits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_same_from_both_sides_and_changes_with_any_key() {
        let (a, b) = (PersonId([1; 16]), PersonId([2; 16]));
        let number_of = |ka: &[[u8; 32]], kb: &[[u8; 32]]| number((a, ka), (b, kb));
        let both = number_of(&[[1; 32], [2; 32]], &[[3; 32]]);
        assert_eq!(both, number((b, &[[3; 32]]), (a, &[[2; 32], [1; 32]])));
        assert_eq!(both.len(), 60);
        assert!(both.bytes().all(|digit| digit.is_ascii_digit()));
        assert_ne!(both, number_of(&[[1; 32]], &[[3; 32]]));
        assert_ne!(both, number_of(&[[1; 32], [2; 32]], &[[4; 32]]));
    }
}

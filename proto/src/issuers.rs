//! The end of an issuer (docs/protocol.md, section 7.4).
//!
//! Whoever stole an issuing key makes certificates of any date, so no date tells the good from the bad. The root
//! therefore signs which MLS certificates of the issuer stay good. Everyone can then show of any other one that it is
//! not among them: the kept ones stand in 256 buckets by the first byte of their fingerprint, and what is signed is a
//! hash over the hashes of all buckets.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::signed::{self, Hash};
use crate::{pb, row};

/// Buckets of kept certificates.
const BUCKETS: usize = 256;

/// Whether the root signed this end.
pub fn is_genuine(end: &pb::IssuerEnd, root: &[u8; 32]) -> bool {
    row::verify(root, &signed::issuer_end(end), &end.signature)
}

/// The fingerprints of kept certificates as they are sent: ascending and joined.
pub fn join(mut kept: Vec<Hash>) -> Vec<u8> {
    kept.sort_unstable();
    kept.dedup();
    kept.concat()
}

/// Takes [`join`] apart; `None` if it is not of that form.
pub fn split(kept: &[u8]) -> Option<&[Hash]> {
    let (list, rest) = kept.as_chunks::<32>();
    (rest.is_empty() && list.is_sorted_by(|a, b| a < b)).then_some(list)
}

/// What the root signs of the kept certificates.
pub fn digest(kept: &[Hash]) -> Hash {
    Sha256::digest(buckets(kept).as_flattened()).into()
}

/// The hash of each bucket.
fn buckets(kept: &[Hash]) -> [Hash; BUCKETS] {
    let mut rest = kept;
    std::array::from_fn(|first| {
        let (bucket, after) = rest.split_at(rest.partition_point(|one| usize::from(one[0]) <= first));
        rest = after;
        Sha256::digest(bucket.as_flattened()).into()
    })
}

/// What shows that none of `missing` is among the kept certificates.
pub fn not_kept(end: pb::IssuerEnd, kept: &[Hash], missing: &[Hash]) -> pb::NotKept {
    let firsts: BTreeSet<u8> = missing.iter().map(|one| one[0]).collect();
    let bucket = |first: u8| -> Vec<u8> { kept.iter().filter(|one| one[0] == first).flatten().copied().collect() };
    pb::NotKept {
        end: Some(end),
        buckets: buckets(kept).as_flattened().to_vec(),
        kept: firsts.into_iter().map(bucket).collect(),
    }
}

/// An issuer's end with some of the buckets of what stays good: checked once, and then asked for each certificate.
pub struct Ended<'a> {
    issuer: &'a [u8],
    hashes: &'a [Hash],
    /// The buckets that are there, by their hashes.
    kept: BTreeMap<Hash, BTreeSet<&'a Hash>>,
}

impl<'a> Ended<'a> {
    /// What is shown, if the root signed it.
    pub fn of(shown: &'a pb::NotKept, root: &[u8; 32]) -> Option<Self> {
        let end = shown.end.as_ref().filter(|end| is_genuine(end, root))?;
        let (hashes, []) = shown.buckets.as_chunks::<32>() else { return None };
        if hashes.len() != BUCKETS || end.kept != Sha256::digest(&shown.buckets).as_slice() {
            return None;
        }
        let whole = shown.kept.iter().filter(|bucket| bucket.len().is_multiple_of(32));
        let bucket = |bucket: &'a Vec<u8>| (Sha256::digest(bucket).into(), bucket.as_chunks::<32>().0.iter().collect());
        Some(Self { issuer: &end.issuer, hashes, kept: whole.map(bucket).collect() })
    }

    /// Whether it proves that a certificate of an issuer ended with it.
    pub fn proves(&self, certificate: &Hash, issuer: &Hash) -> bool {
        let bucket = self.kept.get(&self.hashes[usize::from(certificate[0])]);
        self.issuer == issuer && bucket.is_some_and(|bucket| !bucket.contains(certificate))
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer, SigningKey};

    use super::*;

    fn has_ended(shown: &pb::NotKept, root: &[u8; 32], certificate: &Hash, issuer: &Hash) -> bool {
        Ended::of(shown, root).is_some_and(|ended| ended.proves(certificate, issuer))
    }

    fn ended(kept: &[Hash]) -> (pb::IssuerEnd, [u8; 32]) {
        let root = SigningKey::from_bytes(&[5; 32]);
        let mut end = pb::IssuerEnd {
            number: 1,
            issuer: vec![9; 32],
            kept: digest(kept).to_vec(),
            revocations_hash: vec![0; 32],
            ..pb::IssuerEnd::default()
        };
        end.signature = root.sign(&signed::issuer_end(&end)).to_bytes().to_vec();
        (end, root.verifying_key().to_bytes())
    }

    fn hashes(count: u32) -> Vec<Hash> {
        let mut all: Vec<Hash> = (0..count).map(|n| Sha256::digest(n.to_be_bytes()).into()).collect();
        all.sort_unstable();
        all
    }

    /// docs/protocol.md, section 10; computed by a client that knew that page alone.
    #[test]
    fn kept_is_that_of_the_protocol() {
        let mut first = [0; 32];
        first[0] = 0x66;
        let kept = data_encoding::HEXLOWER.encode(&digest(&[first, [0x66; 32], [0x77; 32]]));
        assert_eq!(kept, "8503dcd4113488b2936dc471640396cb67ca190e0024176a4946c2539a284b62");
    }

    #[test]
    fn of_each_certificate_it_can_be_shown_whether_it_was_kept() {
        for count in [0, 1, 40, 3_000] {
            let kept = hashes(count);
            let (end, root) = ended(&kept);
            let strangers: Vec<Hash> = (0..20u8).map(|n| Sha256::digest([n; 7]).into()).collect();
            let shown = not_kept(end.clone(), &kept, &strangers);
            assert!(strangers.iter().all(|one| has_ended(&shown, &root, one, &[9; 32])));
            assert!(!has_ended(&shown, &root, &strangers[0], &[8; 32]), "another issuer's");
            assert!(!has_ended(&shown, &[6; 32], &strangers[0], &[9; 32]), "another root's");
            // Nobody can show it of one that was kept: not with its bucket, nor with another or none.
            let all = not_kept(end, &kept, &hashes(600));
            assert!(kept.iter().all(|one| !has_ended(&all, &root, one, &[9; 32])));
            assert!(kept.iter().all(|one| !has_ended(
                &pb::NotKept { kept: vec![vec![]], ..all.clone() },
                &root,
                one,
                &[9; 32]
            )));
        }
    }

    #[test]
    fn a_changed_proof_proves_nothing() {
        let kept = hashes(500);
        let (end, root) = ended(&kept);
        let victim = kept[7];
        let without: Vec<Hash> = kept.iter().filter(|one| **one != victim).copied().collect();
        let shown = not_kept(end.clone(), &without, &[victim]);
        assert!(!has_ended(&shown, &root, &victim, &[9; 32]), "the digest is another");
        let forged = pb::IssuerEnd { kept: digest(&without).to_vec(), ..end.clone() };
        assert!(!has_ended(&not_kept(forged, &without, &[victim]), &root, &victim, &[9; 32]), "not signed");
        let stranger: Hash = Sha256::digest(b"stranger").into();
        let good = not_kept(end, &kept, &[stranger]);
        let cut = pb::NotKept { buckets: good.buckets[..255 * 32].to_vec(), ..good.clone() };
        assert!(!has_ended(&cut, &root, &stranger, &[9; 32]));
        assert!(!has_ended(&pb::NotKept { end: None, ..good.clone() }, &root, &stranger, &[9; 32]));
        assert!(!has_ended(&pb::NotKept { kept: Vec::new(), ..good.clone() }, &root, &stranger, &[9; 32]));
        assert!(has_ended(&good, &root, &stranger, &[9; 32]));
    }

    #[test]
    fn the_joined_form_is_ascending() {
        let joined = join(vec![[2; 32], [1; 32], [2; 32]]);
        assert_eq!(split(&joined), Some([[1; 32], [2; 32]].as_slice()));
        assert_eq!(split(&[]), Some([].as_slice()));
        assert_eq!(split(&joined[1..]), None);
        assert_eq!(split(&[joined.clone(), joined].concat()), None);
    }
}

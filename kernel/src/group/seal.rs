//! Entries and snapshots under the log key: AES-256-GCM under a key for each of them, derived from the log key by random
//! bytes that stand in front, so that no key seals two things. Lengths are padded to buckets.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf;
use pli_proto::id::LogId;
use pli_proto::{limits, pb, signed};
use prost::Message;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A random secret per group, known to its members. It seals entries and snapshots and blinds access keys; it never
/// changes.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct LogKey([u8; 32]);

impl LogKey {
    /// The bytes, for the group context and the store, which are sealed themselves.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for LogKey {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl TryFrom<&[u8]> for LogKey {
    type Error = std::array::TryFromSliceError;
    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        <[u8; 32]>::try_from(bytes).map(Self)
    }
}

/// The smallest bucket: most texts fit, and look alike.
const SMALLEST_BYTES: usize = 1024;

/// The random bytes in front of what is sealed: 20 go into the key, 12 are the nonce.
pub type Salt = [u8; 20 + NONCE_LEN];

/// Seals the inside of an entry whose clear part is set, into `entry.sealed`. The salt is random.
pub fn seal_entry(salt: Salt, key: &LogKey, log: LogId, entry: &mut pb::Entry, inside: &pb::Opened) {
    let associated = signed::clear_part(log, entry);
    entry.sealed = seal(salt, key, b"entry", &associated, &inside.encode_to_vec());
}

/// Opens an entry; `None` if it is not one that a member sealed for this place, or is beyond its bounds: whoever is in a
/// group must not make the phones of others run out of memory.
pub fn open_entry(key: &LogKey, log: LogId, entry: &pb::Entry) -> Option<pb::Opened> {
    let associated = signed::clear_part(log, entry);
    let inside = open(key, b"entry", &associated, &entry.sealed)?;
    let is_long = entry.kind() != pb::EntryKind::Commit && inside.len() > limits::MESSAGE_INSIDE_BYTES;
    if is_long || !evidence_is_bounded(&inside) {
        return None;
    }
    pb::Opened::decode(inside.as_slice()).ok()
}

/// Whether the evidence in an encoded [`pb::Opened`] is within its bounds. A piece takes two bytes there at the least, and
/// a hundred times as many once it is decoded.
fn evidence_is_bounded(opened: &[u8]) -> bool {
    const COMMIT: u32 = 1;
    const EVIDENCE: u32 = 3;
    const NOT_KEPT: u32 = 3;
    const KEPT: u32 = 3;
    let (mut pieces, mut bytes) = (0, 0);
    let mut piece_is_bounded = |piece: &[u8]| {
        (pieces, bytes) = (pieces + 1, bytes + piece.len());
        let mut buckets = 0;
        // A piece that is no protobuf is as if it were not there; what stands before its end is counted all the same.
        each(piece, NOT_KEPT, &mut |not_kept| {
            each(not_kept, KEPT, &mut |_| {
                buckets += 1;
                buckets <= limits::BUCKETS
            })
        });
        pieces <= limits::EVIDENCE && bytes <= limits::EVIDENCE_BYTES && buckets <= limits::BUCKETS
    };
    each(opened, COMMIT, &mut |commit| each(commit, EVIDENCE, &mut piece_is_bounded))
}

/// Whether a condition holds for each value of a field with a length, and `message` is protobuf.
fn each(mut message: &[u8], wanted: u32, holds: &mut dyn FnMut(&[u8]) -> bool) -> bool {
    while !message.is_empty() {
        let Ok((tag, kind)) = decode_key(&mut message) else { return false };
        if kind != WireType::LengthDelimited {
            if skip_field(kind, tag, &mut message, DecodeContext::default()).is_err() {
                return false;
            }
            continue;
        }
        let len = decode_varint(&mut message).ok().and_then(|len| usize::try_from(len).ok());
        let Some((value, rest)) = len.and_then(|len| message.split_at_checked(len)) else { return false };
        message = rest;
        if tag == wanted && !holds(value) {
            return false;
        }
    }
    true
}

/// Seals a snapshot for its number. The salt is random.
pub fn seal_snapshot(salt: Salt, key: &LogKey, log: LogId, number: u64, snapshot: &pb::Snapshot) -> Vec<u8> {
    let associated = signed::join(&[&log.0, &number.to_be_bytes()]);
    seal(salt, key, b"snapshot", &associated, &snapshot.encode_to_vec())
}

/// Opens a snapshot; `None` if no member sealed it for this number.
pub fn open_snapshot(key: &LogKey, log: LogId, number: u64, sealed: &[u8]) -> Option<pb::Snapshot> {
    let associated = signed::join(&[&log.0, &number.to_be_bytes()]);
    let inside = open(key, b"snapshot", &associated, sealed)?;
    pb::Snapshot::decode(inside.as_slice()).ok()
}

fn seal(salt: Salt, key: &LogKey, kind: &[u8], associated: &[u8], inside: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(salt.len() + bucket(inside.len() + 4) + AES_256_GCM.tag_len());
    out.extend_from_slice(&(inside.len() as u32).to_be_bytes());
    out.extend_from_slice(inside);
    out.resize(bucket(out.len()), 0);
    let (key, nonce) = derived(key, kind, &salt);
    let tag = key
        .seal_in_place_separate_tag(nonce, Aad::from(associated), &mut out)
        .expect("AES-GCM seals what is shorter than 64 GiB");
    out.extend_from_slice(tag.as_ref());
    out.splice(0..0, salt);
    out
}

fn open(key: &LogKey, kind: &[u8], associated: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (salt, rest) = sealed.split_first_chunk()?;
    let mut rest = rest.to_vec();
    let (key, nonce) = derived(key, kind, salt);
    let plain = key.open_in_place(nonce, Aad::from(associated), &mut rest).ok()?;
    let (len, plain) = plain.split_first_chunk::<4>()?;
    plain.get(..u32::from_be_bytes(*len) as usize).map(<[u8]>::to_vec)
}

/// The next size that a length is padded to: at most an eighth more (the idea of Padmé: few distinct sizes, small cost).
fn bucket(len: usize) -> usize {
    let len = len.max(SMALLEST_BYTES);
    let step = len.next_power_of_two() / 16;
    len.div_ceil(step) * step
}

/// The key that seals one thing, and its nonce.
fn derived(key: &LogKey, kind: &[u8], salt: &Salt) -> (LessSafeKey, Nonce) {
    let (into_key, nonce) = salt.split_last_chunk().expect("the nonce is a part of the salt");
    let secret = hkdf::Salt::new(hkdf::HKDF_SHA256, b"Pli 1.0 seal").extract(&key.0);
    let info = [kind, into_key];
    let derived = secret.expand(&info, &AES_256_GCM).expect("32 bytes of HKDF");
    (LessSafeKey::new(UnboundKey::from(derived)), Nonce::assume_unique_for_key(*nonce))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_is_bounded_and_what_is_none_is_as_if_absent() {
        let is_bounded = |evidence: Vec<Vec<u8>>| {
            let commit = pb::Commit { evidence, ..pb::Commit::default() };
            evidence_is_bounded(&pb::Opened { body: Some(pb::opened::Body::Commit(commit)) }.encode_to_vec())
        };
        let not_kept = |buckets| {
            let shown = pb::NotKept { kept: vec![Vec::new(); buckets], ..pb::NotKept::default() };
            pb::Evidence { evidence: Some(pb::evidence::Evidence::NotKept(shown)) }.encode_to_vec()
        };
        assert!(is_bounded(vec![not_kept(limits::BUCKETS), vec![0xff; 30], b"no protobuf".to_vec()]));
        assert!(!is_bounded(vec![not_kept(limits::BUCKETS + 1)]));
        assert!(!is_bounded(vec![[not_kept(limits::BUCKETS + 1), vec![0xff; 30]].concat()]), "nor before what is none");
        assert!(!is_bounded(vec![Vec::new(); limits::EVIDENCE + 1]));
        assert!(!is_bounded(vec![vec![0xff; limits::EVIDENCE_BYTES + 1]]));
    }

    #[test]
    fn sizes_fall_into_few_buckets() {
        assert_eq!(bucket(1), bucket(1000));
        for len in [1025, 5_000, 70_000, 1_000_000] {
            assert!(bucket(len) >= len && bucket(len) <= len + len / 7);
        }
        let distinct: std::collections::BTreeSet<_> = (1..=65_536).map(bucket).collect();
        assert!(distinct.len() < 60, "{}", distinct.len());
    }
}

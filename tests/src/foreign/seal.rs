//! The log's bytes: what an entry says in clear, digests, running hashes, seals (sections 2.2 and 2.3).

use std::collections::BTreeMap;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, hmac};
use pli_proto::pb;

use super::bytes::{random, sha256};
use super::{Result, ensure, join};

/// A log, its key, and how far it goes.
#[derive(Clone, Debug)]
pub struct Head {
    /// The log's id.
    pub log: [u8; 16],
    /// The log's key.
    pub key: [u8; 32],
    /// The number of the newest entry.
    pub number: u64,
    /// The running hash there.
    pub hash: [u8; 32],
    /// The number of the last commit, and the running hash there.
    pub last: (u64, [u8; 32]),
}

impl Head {
    /// A log's before its first entry.
    pub fn start(log: [u8; 16], key: [u8; 32]) -> Self {
        let hash = sha256(&join(&[b"Pli 1.0 Log", &log]));
        Self { log, key, number: 0, hash, last: (0, hash) }
    }

    /// What an entry says in clear.
    pub fn clear(&self, entry: &pb::Entry) -> Vec<u8> {
        let (kind, parent) = ((entry.kind as u32).to_be_bytes(), entry.parent.to_be_bytes());
        let rows = rows_digest(entry);
        join(&[b"Pli 1.0 Entry", &self.log, &kind, &parent, &entry.parent_hash, &rows])
    }

    /// Goes on by an entry, and checks the server's running hash and the entry's parent.
    ///
    /// # Errors
    /// The server shows something else.
    pub fn advance(&mut self, entry: &pb::Entry) -> Result<()> {
        ensure(entry.number == self.number + 1, "a gap, which this client does not know")?;
        ensure((entry.parent, &entry.parent_hash[..]) == (self.last.0, &self.last.1), "another parent")?;
        let digest = sha256(&[self.clear(entry), sha256(&entry.sealed).to_vec()].concat());
        self.number = entry.number;
        let (number, time) = (self.number.to_be_bytes(), entry.received_ms.to_be_bytes());
        self.hash = sha256(&join(&[&self.hash, &number, &time, &digest]));
        ensure(entry.hash == self.hash, "another running hash")?;
        if entry.kind() == pb::EntryKind::Commit {
            self.last = (self.number, self.hash);
        }
        Ok(())
    }

    /// The key and the nonce that 32 random bytes give.
    fn aead(&self, kind: &str, random: &[u8; 32]) -> Result<(LessSafeKey, Nonce)> {
        let (salt, nonce) = random.split_at(20);
        let extracted = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b"Pli 1.0 seal"), &self.key);
        let info = [kind.as_bytes(), salt];
        let mut key = [0; 32];
        let prk = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, extracted.as_ref());
        prk.expand(&info, hkdf::HKDF_SHA256).and_then(|okm| okm.fill(&mut key)).map_err(|_| "no key")?;
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).map_err(|_| "no key")?);
        Ok((key, Nonce::try_assume_unique_for_key(nonce).map_err(|_| "no nonce")?))
    }

    /// Seals.
    pub(super) fn seal(&self, kind: &str, aad: &[u8], inside: &[u8]) -> Result<Vec<u8>> {
        self.seal_with(random(), kind, aad, inside)
    }

    /// Seals with random bytes, which never serve twice.
    ///
    /// # Errors
    /// It is too much.
    pub fn seal_with(&self, random: [u8; 32], kind: &str, aad: &[u8], inside: &[u8]) -> Result<Vec<u8>> {
        let mut plain = join(&[inside]);
        plain.resize(bucket(plain.len()), 0);
        let (key, nonce) = self.aead(kind, &random)?;
        key.seal_in_place_append_tag(nonce, Aad::from(aad), &mut plain).map_err(|_| "it does not seal")?;
        Ok([&random[..], &plain].concat())
    }

    /// Opens what is sealed.
    ///
    /// # Errors
    /// It does not open.
    pub fn open(&self, kind: &str, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>> {
        let (random, sealed) = sealed.split_first_chunk().ok_or("too short a seal")?;
        let ((key, nonce), mut sealed) = (self.aead(kind, random)?, sealed.to_vec());
        let plain = key.open_in_place(nonce, Aad::from(aad), &mut sealed);
        let (len, rest) = plain.map_err(|_| "the seal does not open")?.split_first_chunk().ok_or("nothing inside")?;
        Ok(rest.get(..u32::from_be_bytes(*len) as usize).ok_or("too long an inside")?.to_vec())
    }
}

/// What an entry asks of rows, as its digest has it.
pub fn rows_digest(entry: &pb::Entry) -> [u8; 32] {
    let rows = entry.rows.iter().map(|row| join(&[&row.key, &row.rank.to_be_bytes()]));
    sha256(&[vec![u8::from(entry.whole)], rows.collect::<Vec<_>>().concat()].concat())
}

/// The digest of rows that stand (section 3.2).
pub fn rows_hash(rows: &BTreeMap<Vec<u8>, u32>) -> [u8; 32] {
    sha256(&rows.iter().flat_map(|(key, rank)| [key.as_slice(), &rank.to_be_bytes()].concat()).collect::<Vec<u8>>())
}

/// The bucket that a plaintext of this length is padded to.
pub fn bucket(len: usize) -> usize {
    let len = len.max(1024);
    len.next_multiple_of(len.next_power_of_two() / 16)
}

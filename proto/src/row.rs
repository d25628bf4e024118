//! Access keys: a device's MLS key blinded by a log key (docs/decisions/access-keys.md).
//!
//! Whoever knows the log key computes the public access key of any member; only the device signs with it; the server,
//! which sees access keys alone, can link none to a device or to another log. It is Ed25519 over dalek's `hazmat`
//! layer: the key pair is multiplied by a factor, and signs under a nonce prefix of its own. Were the prefix that of
//! the device's key, equal bytes signed in two logs would give both logs' members the secret.

use std::fmt;

use curve25519_dalek::{Scalar, edwards::CompressedEdwardsY};
use ed25519_dalek::hazmat::{ExpandedSecretKey, raw_sign};
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha512};
use zeroize::{Zeroize, Zeroizing};

/// A device's public key blinded for one log: what the server knows of a member.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccessKey(pub [u8; 32]);

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccessKey({:02x}{:02x}{:02x}{:02x}…)", self.0[0], self.0[1], self.0[2], self.0[3])
    }
}

impl TryFrom<&[u8]> for AccessKey {
    type Error = std::array::TryFromSliceError;
    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        bytes.try_into().map(Self)
    }
}

impl AccessKey {
    /// The access key of the device with `leaf_key` in the log with `log_key`; `None` if `leaf_key` is not
    /// [well formed](is_prime_order).
    pub fn of(log_key: &[u8], leaf_key: &[u8; 32]) -> Option<Self> {
        Self::blinded(&factor(log_key, leaf_key), leaf_key)
    }

    /// The same from the factor alone, which says nothing of the log key.
    pub fn blinded(factor: &[u8; 64], leaf_key: &[u8; 32]) -> Option<Self> {
        if !is_prime_order(leaf_key) {
            return None;
        }
        let point = CompressedEdwardsY(*leaf_key).decompress()?;
        Some(Self((point * Scalar::from_bytes_mod_order_wide(factor)).compress().0))
    }

    /// Whether `signature` over `message` is this key's. Strict: keys and points of small order are refused.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        verify(&self.0, message, signature)
    }
}

/// Ed25519, strictly, by the library that decides alike for every client and server.
pub fn verify(key: &[u8; 32], message: &[u8], signature: &[u8]) -> bool {
    let (Ok(key), Ok(signature)) = (VerifyingKey::from_bytes(key), Signature::from_slice(signature)) else {
        return false;
    };
    key.verify_strict(message, &signature).is_ok()
}

/// Whether a public key is one that blinding is safe for: canonical, not of small order, without a small-order part.
pub fn is_prime_order(key: &[u8; 32]) -> bool {
    let Some(point) = CompressedEdwardsY(*key).decompress() else { return false };
    !point.is_small_order() && point.is_torsion_free() && point.compress().0 == *key
}

/// The number, before reduction, by which `leaf_key` is multiplied in the log with `log_key`.
pub fn factor(log_key: &[u8], leaf_key: &[u8; 32]) -> [u8; 64] {
    Sha512::new().chain_update(b"Pli 1.0 access key").chain_update(log_key).chain_update(leaf_key).finalize().into()
}

/// Signs as one device in one log.
pub struct AccessSigner {
    secret: ExpandedSecretKey,
    public: VerifyingKey,
}

impl AccessSigner {
    /// Blinds the device's secret `seed` for the log with `log_key`.
    pub fn new(log_key: &[u8], seed: &[u8; 32]) -> Self {
        let device = ed25519_dalek::SigningKey::from_bytes(seed);
        let leaf_key = device.verifying_key().to_bytes();
        let mut factor = factor(log_key, &leaf_key);
        let expanded = ExpandedSecretKey::from(seed);
        let prefix: Zeroizing<[u8; 64]> = Zeroizing::new(
            Sha512::new()
                .chain_update(b"Pli 1.0 access nonce")
                .chain_update(factor)
                .chain_update(expanded.hash_prefix)
                .finalize()
                .into(),
        );
        let scalar = expanded.scalar * Scalar::from_bytes_mod_order_wide(&factor);
        let public = AccessKey::blinded(&factor, &leaf_key).expect("a generated key is of prime order");
        factor.zeroize();
        let hash_prefix = prefix[..32].try_into().expect("32 of 64 bytes");
        let public = VerifyingKey::from_bytes(&public.0).expect("a multiple of a point is a point");
        Self { secret: ExpandedSecretKey { scalar, hash_prefix }, public }
    }

    /// The public half.
    pub fn key(&self) -> AccessKey {
        AccessKey(self.public.to_bytes())
    }

    /// Signs `message`, deterministically.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        raw_sign::<Sha512>(&self.secret, message, &self.public).to_bytes()
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    fn leaf(seed: &[u8; 32]) -> [u8; 32] {
        ed25519_dalek::SigningKey::from_bytes(seed).verifying_key().to_bytes()
    }

    #[test]
    fn any_member_computes_the_key_and_only_the_device_signs() {
        for i in 0..64u8 {
            let seed = [i; 32];
            let signer = AccessSigner::new(b"log one", &seed);
            let key = AccessKey::of(b"log one", &leaf(&seed)).unwrap();
            assert_eq!(key, signer.key());
            let signature = signer.sign(b"append");
            assert!(key.verifies(b"append", &signature));
            assert!(!key.verifies(b"append2", &signature));
            let elsewhere = AccessKey::of(b"log two", &leaf(&seed)).unwrap();
            assert_ne!(key, elsewhere);
            assert!(!elsewhere.verifies(b"append", &signature));
            assert!(!verify(&leaf(&seed), b"append", &signature));
        }
    }

    /// Pinned: a second client must compute the same.
    #[test]
    fn the_published_vector() {
        let seed = [7; 32];
        let signer = AccessSigner::new(&[9; 32], &seed);
        let got = [HEXLOWER.encode(&signer.key().0), HEXLOWER.encode(&signer.sign(b"Pli"))];
        let want = include_str!("../vectors/access-key.txt");
        assert_eq!(got.join("\n"), want.trim());
    }

    #[test]
    fn nonces_differ_between_logs() {
        let (one, two) = (AccessSigner::new(b"log one", &[1; 32]), AccessSigner::new(b"log two", &[1; 32]));
        assert_ne!(one.sign(b"same bytes")[..32], two.sign(b"same bytes")[..32]);
    }

    #[test]
    fn keys_of_small_or_mixed_order_are_refused() {
        let identity = {
            let mut k = [0; 32];
            k[0] = 1;
            k
        };
        assert!(!is_prime_order(&identity) && AccessKey::of(b"log", &identity).is_none());
        let order_8 = curve25519_dalek::constants::EIGHT_TORSION[1].compress().0;
        assert!(!is_prime_order(&order_8));
        let honest = CompressedEdwardsY(leaf(&[3; 32])).decompress().unwrap();
        let mixed = (honest + curve25519_dalek::constants::EIGHT_TORSION[1]).compress().0;
        assert!(!is_prime_order(&mixed) && AccessKey::of(b"log", &mixed).is_none());
        assert!(!verify(&identity, b"anything", &[0; 64]));
    }
}

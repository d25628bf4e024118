//! A device's key, and the access key that it has in a log (sections "Signatures" and 3.1).

use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity as _;
use ed25519_dalek::hazmat::{ExpandedSecretKey, raw_sign};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha512};

use super::{Result, content};

/// An Ed25519 key of a device, by its seed.
#[derive(Clone)]
pub struct DeviceKey {
    seed: [u8; 32],
}

impl DeviceKey {
    /// The key of a seed.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self { seed }
    }

    /// The seed.
    pub(super) fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    /// The public key.
    pub fn public(&self) -> [u8; 32] {
        SigningKey::from_bytes(&self.seed).verifying_key().to_bytes()
    }

    /// Signs parts under a label.
    pub fn sign(&self, label: &str, parts: &[&[u8]]) -> Vec<u8> {
        SigningKey::from_bytes(&self.seed).sign(&content(label, parts)).to_bytes().to_vec()
    }

    /// Signs with the access key in the log that has this key.
    ///
    /// # Errors
    /// The key has no access key.
    pub fn sign_access(&self, log_key: &[u8; 32], message: &[u8]) -> Result<Vec<u8>> {
        let (access, factor) = access_key(&self.public(), log_key)?;
        let expanded: [u8; 64] = Sha512::digest(self.seed).into();
        let own = ExpandedSecretKey::from_bytes(&expanded);
        let nonce = Sha512::new().chain_update(b"Pli 1.0 access nonce").chain_update(factor);
        let nonce: [u8; 64] = nonce.chain_update(own.hash_prefix).finalize().into();
        let mut hash_prefix = [0; 32];
        hash_prefix.copy_from_slice(&nonce[..32]);
        let blinded =
            ExpandedSecretKey { scalar: Scalar::from_bytes_mod_order_wide(&factor) * own.scalar, hash_prefix };
        Ok(raw_sign::<Sha512>(&blinded, message, &VerifyingKey::from_bytes(&access)?).to_bytes().to_vec())
    }
}

/// The access key of a leaf's key in the log that has this key, and the factor.
///
/// # Errors
/// The key has no access key.
pub fn access_key(leaf_key: &[u8; 32], log_key: &[u8; 32]) -> Result<([u8; 32], [u8; 64])> {
    let factor = Sha512::new().chain_update(b"Pli 1.0 access key").chain_update(log_key);
    let factor: [u8; 64] = factor.chain_update(leaf_key).finalize().into();
    let point = prime_order(leaf_key).ok_or("the key is not of prime order")?;
    Ok(((Scalar::from_bytes_mod_order_wide(&factor) * point).compress().to_bytes(), factor))
}

/// The point of a key that is canonical and of prime order.
pub(super) fn prime_order(key: &[u8; 32]) -> Option<EdwardsPoint> {
    let point = CompressedEdwardsY(*key).decompress()?;
    (point.compress().as_bytes() == key && point.is_torsion_free() && !point.is_identity()).then_some(point)
}

/// Verifies, strictly.
pub(super) fn verify(key: &[u8], message: &[u8], signature: &[u8]) -> Result<()> {
    Ok(VerifyingKey::from_bytes(key.try_into()?)?.verify_strict(message, &Signature::from_slice(signature)?)?)
}

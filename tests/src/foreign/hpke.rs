//! X-Wing, and HPKE's base mode with it (RFC 9180): AES-256-GCM, HKDF-SHA384.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use x_wing::{DecapsulationKey, DecapsulationKeyRejectNonContrib, EncapsulationKey};
use x_wing::{Decapsulator as _, Encapsulate as _, KeyExport as _, TryDecapsulate as _, TryKeyInit as _};

use super::provider::{Failed, HASH_BYTES, expand, extract};

/// KEM 0x647a, KDF 0x0002, AEAD 0x0002.
const SUITE: &[u8] = b"HPKE\x64\x7a\x00\x02\x00\x02";
pub(super) const KEM_OUTPUT_BYTES: usize = 1120;

/// DeriveKeyPair: the private key and the public one.
pub(super) fn derive(ikm: &[u8]) -> ([u8; 32], Vec<u8>) {
    let private = libcrux_sha3::shake256::<32>(ikm);
    (private, DecapsulationKey::from(private).encapsulation_key().to_bytes().to_vec())
}

/// A public key, if encapsulating to it succeeds.
pub(super) fn check(public: &[u8]) -> Result<EncapsulationKey, Failed> {
    let x25519 = public.last_chunk::<32>().ok_or(Failed)?;
    // X25519 gives zeros for points of small order alone, whatever the scalar.
    let zeros = curve25519_dalek::MontgomeryPoint(*x25519).mul_clamped([1; 32]).to_bytes() == [0; 32];
    if zeros { Err(Failed) } else { EncapsulationKey::new_from_slice(public).map_err(|_| Failed) }
}

/// Encapsulates to a public key, and sets up: the KEM's output and the context.
pub(super) fn setup_s(public: &[u8], info: &[u8]) -> Result<(Vec<u8>, Context), Failed> {
    let (kem_output, secret) = check(public)?.encapsulate();
    Ok((kem_output.to_vec(), Context::new(&secret, info)))
}

/// Decapsulates, and sets up.
pub(super) fn setup_r(private: &[u8], info: &[u8], kem_output: &[u8]) -> Result<Context, Failed> {
    let private: [u8; 32] = private.try_into().map_err(|_| Failed)?;
    let kem_output: [u8; KEM_OUTPUT_BYTES] = kem_output.try_into().map_err(|_| Failed)?;
    let private = DecapsulationKeyRejectNonContrib::from(private);
    let secret = private.try_decapsulate(&kem_output.into()).map_err(|_| Failed)?;
    Ok(Context::new(&secret, info))
}

/// Seals: the KEM's output and the ciphertext.
pub(super) fn seal(public: &[u8], info: &[u8], aad: &[u8], plain: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Failed> {
    let (kem_output, context) = setup_s(public, info)?;
    let (key, nonce) = context.first()?;
    let mut sealed = plain.to_vec();
    key.seal_in_place_append_tag(nonce, Aad::from(aad), &mut sealed)?;
    Ok((kem_output, sealed))
}

/// Opens.
pub(super) fn open(
    private: &[u8],
    info: &[u8],
    aad: &[u8],
    kem_output: &[u8],
    sealed: &[u8],
) -> Result<Vec<u8>, Failed> {
    let (key, nonce) = setup_r(private, info, kem_output)?.first()?;
    let mut plain = sealed.to_vec();
    let len = key.open_in_place(nonce, Aad::from(aad), &mut plain)?.len();
    plain.truncate(len);
    Ok(plain)
}

/// A context of the base mode, which seals once or exports.
pub struct Context {
    secret: Vec<u8>,
    context: Vec<u8>,
}

impl Context {
    fn new(secret: &[u8], info: &[u8]) -> Self {
        let context = [vec![0], extracted(&[], "psk_id_hash", &[]), extracted(&[], "info_hash", info)].concat();
        Self { secret: extracted(secret, "secret", &[]), context }
    }

    /// The key, and the nonce of the first message.
    fn first(&self) -> Result<(LessSafeKey, Nonce), Failed> {
        let key = expanded(&self.secret, "key", &self.context, AES_256_GCM.key_len())?;
        let nonce = expanded(&self.secret, "base_nonce", &self.context, AES_256_GCM.nonce_len())?;
        Ok((LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key)?), Nonce::try_assume_unique_for_key(&nonce)?))
    }

    /// A secret of the context.
    pub(super) fn exported(&self, about: &[u8], len: usize) -> Result<Vec<u8>, Failed> {
        expanded(&expanded(&self.secret, "exp", &self.context, HASH_BYTES)?, "sec", about, len)
    }
}

fn extracted(salt: &[u8], label: &str, ikm: &[u8]) -> Vec<u8> {
    extract(salt, &[b"HPKE-v1", SUITE, label.as_bytes(), ikm].concat())
}

fn expanded(secret: &[u8], label: &str, info: &[u8], len: usize) -> Result<Vec<u8>, Failed> {
    let length = (len as u16).to_be_bytes();
    expand(secret, &[&length[..], b"HPKE-v1", SUITE, label.as_bytes(), info].concat(), len)
}

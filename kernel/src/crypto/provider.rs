//! What openmls asks for, over aws-lc-rs, and the Ed25519 keys of devices.
//!
//! openmls signs through a [`Signer`], not through its provider, so that [`DeviceKey`] can stay expanded between
//! messages. It verifies through the provider; [`verify`] is what the provider uses, and everybody else should too:
//! members who disagree on one signature part ways for good.

use std::convert::Infallible;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use aws_lc_rs::{digest, hkdf, hmac};
use openmls_traits::OpenMlsProvider;
use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::random::OpenMlsRand;
use openmls_traits::signatures::{Signer, SignerError};
use openmls_traits::storage::{CURRENT_VERSION, StorageProvider};
use openmls_traits::types::{
    AeadType, Ciphersuite, CryptoError, ExporterSecret, HashType, HpkeCiphertext, HpkeConfig, HpkeKeyPair, KemOutput,
    SignatureScheme,
};
use tls_codec::SecretVLBytes;
use zeroize::Zeroizing;

use crate::crypto::hpke;

/// The suite of Pli's groups: X-Wing, AES-256-GCM, SHA-384, Ed25519.
pub const SUITE: Ciphersuite = Ciphersuite::MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519;

/// RFC 9420's mandatory suite, for what must interoperate without post-quantum keys.
pub const CLASSIC_SUITE: Ciphersuite = Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519;

/// One call's view of the world for openmls: cryptography, randomness and a store. A test that attacks passes a `C`
/// of its own around [`Crypto`].
pub struct Provider<'a, S, C = Crypto> {
    /// Cryptography and randomness.
    pub crypto: &'a C,
    /// Where group state is kept.
    pub storage: S,
}

impl<S: StorageProvider<CURRENT_VERSION>, C: OpenMlsCrypto + OpenMlsRand> OpenMlsProvider for Provider<'_, S, C> {
    type CryptoProvider = C;
    type RandProvider = C;
    type StorageProvider = S;

    fn storage(&self) -> &S {
        &self.storage
    }
    fn crypto(&self) -> &C {
        self.crypto
    }
    fn rand(&self) -> &C {
        self.crypto
    }
}

/// Fills bytes at random, from whatever its owner draws.
pub type Draw = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// Cryptography whose randomness is handed in.
#[derive(Clone)]
pub struct Crypto {
    draw: Draw,
    /// See `hpke_seal`.
    sealing_secret: Zeroizing<[u8; 32]>,
}

impl Crypto {
    /// Cryptography that draws by this, at once and whenever randomness is needed.
    pub fn new(draw: Draw) -> Self {
        let mut sealing_secret = Zeroizing::new([0; 32]);
        draw(&mut *sealing_secret);
        Self { draw, sealing_secret }
    }

    /// Bytes at random.
    pub(super) fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.draw)(&mut bytes);
        bytes
    }

    /// What it draws by.
    pub(super) fn draw(&self) -> Draw {
        self.draw.clone()
    }
}

impl OpenMlsRand for Crypto {
    type Error = Infallible;

    fn random_array<const N: usize>(&self) -> Result<[u8; N], Infallible> {
        Ok(self.random())
    }
    fn random_vec(&self, len: usize) -> Result<Vec<u8>, Infallible> {
        let mut bytes = vec![0; len];
        (self.draw)(&mut bytes);
        Ok(bytes)
    }
}

impl OpenMlsCrypto for Crypto {
    fn supports(&self, suite: Ciphersuite) -> Result<(), CryptoError> {
        SUITES.contains(&suite).then_some(()).ok_or(CryptoError::UnsupportedCiphersuite)
    }
    fn supported_ciphersuites(&self) -> Vec<Ciphersuite> {
        SUITES.to_vec()
    }

    fn hash(&self, hash: HashType, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        Ok(digest::digest(hmac_of(hash)?.digest_algorithm(), data).as_ref().to_vec())
    }
    fn hmac(&self, hash: HashType, key: &[u8], message: &[u8]) -> Result<SecretVLBytes, CryptoError> {
        Ok(hmac::sign(&hmac::Key::new(hmac_of(hash)?, key), message).as_ref().into())
    }
    fn hkdf_extract(&self, hash: HashType, salt: &[u8], ikm: &[u8]) -> Result<SecretVLBytes, CryptoError> {
        Ok(extract(hash, salt, &[ikm])?.as_slice().into())
    }
    fn hkdf_expand(&self, hash: HashType, prk: &[u8], info: &[u8], len: usize) -> Result<SecretVLBytes, CryptoError> {
        Ok(expand(hash, prk, &[info], len)?.as_slice().into())
    }

    fn aead_encrypt(
        &self,
        alg: AeadType,
        key: &[u8],
        data: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        aead_seal(alg, key, nonce, aad, data)
    }
    fn aead_decrypt(
        &self,
        alg: AeadType,
        key: &[u8],
        data: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        aead_open(alg, key, nonce, aad, data)
    }

    fn signature_key_gen(&self, alg: SignatureScheme) -> Result<(Vec<u8>, Vec<u8>), CryptoError> {
        ed25519_only(alg)?;
        let seed = Zeroizing::new(self.random::<32>());
        Ok((seed.to_vec(), DeviceKey::from_seed(&seed).public().to_vec()))
    }
    fn sign(&self, alg: SignatureScheme, data: &[u8], key: &[u8]) -> Result<Vec<u8>, CryptoError> {
        ed25519_only(alg)?;
        let seed = key.try_into().map_err(|_| CryptoError::InvalidLength)?;
        Ok(DeviceKey::from_seed(seed).sign_raw(data).to_vec())
    }
    fn verify_signature(
        &self,
        alg: SignatureScheme,
        data: &[u8],
        public: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        ed25519_only(alg)?;
        verify(public, data, signature).then_some(()).ok_or(CryptoError::InvalidSignature)
    }

    /// openmls seals a commit's path secrets on all processors at once, in no particular order. Drawn in turn, the
    /// randomness would go to another ciphertext in every run; so it is derived from what is sealed and from a secret
    /// drawn in [`Crypto::new`]. Two seals of the same are therefore the same, which openmls has no occasion for: each
    /// of its plaintexts holds a new secret. [`hpke::seal_to`] draws.
    fn hpke_seal(
        &self,
        config: HpkeConfig,
        public: &[u8],
        info: &[u8],
        aad: &[u8],
        plain: &[u8],
    ) -> Result<HpkeCiphertext, CryptoError> {
        let kem = (config.0 as u16).to_be_bytes();
        let prng = hpke::Prng::derived(&*self.sealing_secret, &[&kem, public, info, aad, plain])?;
        let (kem_output, ciphertext) = hpke::context(config, prng)?
            .seal(&public.into(), info, aad, plain, None, None, None)
            .map_err(|_| CryptoError::HpkeEncryptionError)?;
        Ok(HpkeCiphertext { kem_output: kem_output.into(), ciphertext: ciphertext.into() })
    }
    fn hpke_open(
        &self,
        config: HpkeConfig,
        sealed: &HpkeCiphertext,
        private: &[u8],
        info: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        let (kem_output, ciphertext) = (sealed.kem_output.as_slice(), sealed.ciphertext.as_slice());
        hpke::context(config, hpke::Prng::drawn(self))?
            .open(kem_output, &private.into(), info, aad, ciphertext, None, None, None)
            .map_err(|_| CryptoError::HpkeDecryptionError)
    }
    fn hpke_setup_sender_and_export(
        &self,
        config: HpkeConfig,
        public: &[u8],
        info: &[u8],
        exporter_context: &[u8],
        len: usize,
    ) -> Result<(KemOutput, ExporterSecret), CryptoError> {
        let (kem_output, context) = hpke::context(config, hpke::Prng::drawn(self))?
            .setup_sender(&public.into(), info, None, None, None)
            .map_err(|_| CryptoError::SenderSetupError)?;
        let secret = context.export(exporter_context, len).map_err(|_| CryptoError::ExporterError)?;
        Ok((kem_output, secret.into()))
    }
    fn hpke_setup_receiver_and_export(
        &self,
        config: HpkeConfig,
        kem_output: &[u8],
        private: &[u8],
        info: &[u8],
        exporter_context: &[u8],
        len: usize,
    ) -> Result<ExporterSecret, CryptoError> {
        let context = hpke::context(config, hpke::Prng::drawn(self))?
            .setup_receiver(kem_output, &private.into(), info, None, None, None)
            .map_err(|_| CryptoError::ReceiverSetupError)?;
        Ok(context.export(exporter_context, len).map_err(|_| CryptoError::ExporterError)?.into())
    }
    fn derive_hpke_keypair(&self, config: HpkeConfig, ikm: &[u8]) -> Result<HpkeKeyPair, CryptoError> {
        let (private, public) = hpke::derive_key_pair(config, ikm)?;
        Ok(HpkeKeyPair { private: private.as_slice().into(), public })
    }
}

/// A device's Ed25519 key, expanded once.
pub struct DeviceKey(Ed25519KeyPair);

impl DeviceKey {
    /// The key whose private part is `seed` (RFC 8032, 5.1.5).
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(seed).expect("any 32 bytes are an Ed25519 seed"))
    }

    /// The public key.
    pub fn public(&self) -> [u8; 32] {
        self.0.public_key().as_ref().try_into().expect("an Ed25519 public key has 32 bytes")
    }

    /// Signs `message` as it is: separating one use of the key from another is the caller's part.
    pub fn sign_raw(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).as_ref().try_into().expect("an Ed25519 signature has 64 bytes")
    }
}

impl Signer for DeviceKey {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        Ok(self.sign_raw(payload).to_vec())
    }
    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

/// Whether `signature` is `public`'s Ed25519 signature of `message`, by the strictest rules: besides RFC 8032's, no
/// key and no R of small order, under which one signature fits many messages. This is ed25519-dalek's `verify_strict`.
pub fn verify(public: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let (Ok(public), Ok(signature)) = (<&[u8; 32]>::try_from(public), <&[u8; 64]>::try_from(signature)) else {
        return false;
    };
    let Some((r, _)) = signature.split_first_chunk::<32>() else { return false };
    !has_small_order(public)
        && !has_small_order(r)
        && UnparsedPublicKey::new(&ED25519, public).verify(message, signature).is_ok()
}

/// Whether these bytes stand for one of the eight points whose order divides 8, in any encoding that a decoder takes.
fn has_small_order(point: &[u8; 32]) -> bool {
    let mut y = *point;
    y[31] &= 0x7f; // the sign of x
    SMALL_ORDER_Y.contains(&y)
}

/// RFC 5869, 2.2, with the input in parts.
pub(super) fn extract(hash: HashType, salt: &[u8], ikm: &[&[u8]]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    // Not aws-lc's own HKDF-Extract, whose result can't be read.
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac_of(hash)?, salt));
    ikm.iter().for_each(|part| mac.update(part));
    Ok(Zeroizing::new(mac.sign().as_ref().to_vec()))
}

/// RFC 5869, 2.3, with the context in parts; `prk` has at least a hash's length, as there.
pub(super) fn expand(
    hash: HashType,
    prk: &[u8],
    info: &[&[u8]],
    len: usize,
) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let alg = match hash {
        HashType::Sha2_256 => hkdf::HKDF_SHA256,
        HashType::Sha2_384 => hkdf::HKDF_SHA384,
        HashType::Sha2_512 => return Err(CryptoError::UnsupportedHashAlgorithm),
    };
    if !(hash.size()..=MAX_PRK_BYTES).contains(&prk.len()) {
        return Err(CryptoError::InvalidLength);
    }
    if len > MAX_EXPANSION * hash.size() {
        return Err(CryptoError::HkdfOutputLengthInvalid);
    }
    let mut okm = Zeroizing::new(vec![0; len]);
    hkdf::Prk::new_less_safe(alg, prk)
        .expand(info, OkmLen(len))
        .and_then(|expanded| expanded.fill(&mut okm))
        .map_err(|_| CryptoError::HkdfOutputLengthInvalid)?;
    Ok(okm)
}

/// AES-GCM; the tag follows the ciphertext.
pub(super) fn aead_seal(
    alg: AeadType,
    key: &[u8],
    nonce: &[u8],
    aad: &[u8],
    plain: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    let (key, nonce) = aes_gcm(alg, key, nonce)?;
    let mut sealed = Vec::with_capacity(plain.len() + alg.tag_size());
    sealed.extend_from_slice(plain);
    key.seal_in_place_append_tag(nonce, Aad::from(aad), &mut sealed).map_err(|_| CryptoError::CryptoLibraryError)?;
    Ok(sealed)
}

/// The inverse of [`aead_seal`].
pub(super) fn aead_open(
    alg: AeadType,
    key: &[u8],
    nonce: &[u8],
    aad: &[u8],
    sealed: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    let (key, nonce) = aes_gcm(alg, key, nonce)?;
    let mut plain = sealed.to_vec();
    let len = key.open_in_place(nonce, Aad::from(aad), &mut plain).map_err(|_| CryptoError::AeadDecryptionError)?.len();
    plain.truncate(len);
    Ok(plain)
}

fn aes_gcm(alg: AeadType, key: &[u8], nonce: &[u8]) -> Result<(LessSafeKey, Nonce), CryptoError> {
    let alg = match alg {
        AeadType::Aes128Gcm => &AES_128_GCM,
        AeadType::Aes256Gcm => &AES_256_GCM,
        AeadType::ChaCha20Poly1305 => return Err(CryptoError::UnsupportedAeadAlgorithm),
    };
    let key = UnboundKey::new(alg, key).map_err(|_| CryptoError::InvalidLength)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| CryptoError::InvalidLength)?;
    Ok((LessSafeKey::new(key), nonce))
}

fn hmac_of(hash: HashType) -> Result<hmac::Algorithm, CryptoError> {
    match hash {
        HashType::Sha2_256 => Ok(hmac::HMAC_SHA256),
        HashType::Sha2_384 => Ok(hmac::HMAC_SHA384),
        HashType::Sha2_512 => Err(CryptoError::UnsupportedHashAlgorithm),
    }
}

fn ed25519_only(alg: SignatureScheme) -> Result<(), CryptoError> {
    (alg == SignatureScheme::ED25519).then_some(()).ok_or(CryptoError::UnsupportedSignatureScheme)
}

struct OkmLen(usize);

impl hkdf::KeyType for OkmLen {
    fn len(&self) -> usize {
        self.0
    }
}

const SUITES: [Ciphersuite; 2] = [SUITE, CLASSIC_SUITE];

/// aws-lc-rs panics at a longer one. openmls' have a hash's length.
const MAX_PRK_BYTES: usize = 64;

/// RFC 5869, 2.3: the longest output, in hashes.
const MAX_EXPANSION: usize = 255;

/// The y coordinates of the points of small order, little-endian: 0, 1, -1, those of order 8, and the two of them
/// (0 and 1) that also fit into 255 bits with the field's prime added.
const SMALL_ORDER_Y: [[u8; 32]; 7] = [
    [0; 32],
    y_with_ends(1, 0, 0),
    y_with_ends(0xec, 0xff, 0x7f),
    y_with_ends(0xed, 0xff, 0x7f),
    y_with_ends(0xee, 0xff, 0x7f),
    *b"\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0\xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x05",
    *b"\xc7\x17\x6a\x70\x3d\x4d\xd8\x4f\xba\x3c\x0b\x76\x0d\x10\x67\x0f\x2a\x20\x53\xfa\x2c\x39\xcc\xc6\x4e\xc7\xfd\x77\x92\xac\x03\x7a",
];

const fn y_with_ends(first: u8, between: u8, last: u8) -> [u8; 32] {
    let mut y = [between; 32];
    y[0] = first;
    y[31] = last;
    y
}

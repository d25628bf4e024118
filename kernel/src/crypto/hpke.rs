//! HPKE (RFC 9180, base mode) for the two suites: hpke-rs with its primitives from aws-lc-rs, and X-Wing (ML-KEM-768
//! with X25519, draft-connolly-cfrg-xwing-kem-06) from libcrux. An X-Wing private key is a seed of 32 bytes.
//!
//! Key pairs are derived here and not by hpke-rs, for two reasons: hpke-rs 0.8 hides private keys, and it derives an
//! X-Wing pair by draft-ietf-hpke-pq, with labels, where openmls 0.9's own providers follow the X-Wing draft: the seed
//! is SHAKE256(ikm). Members derive the keys of tree nodes from path secrets, so all must do it alike.

use std::convert::Infallible;

use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey, X25519};
use hpke_rs::{Hpke, Mode};
use hpke_rs_crypto::error::Error;
use hpke_rs_crypto::types::{AeadAlgorithm, KdfAlgorithm, KemAlgorithm, SingleStageKdfAlgorithm, TwoStageKdfAlgorithm};
use hpke_rs_crypto::{HpkeCrypto, TryCryptoRng, TryRng};
use libcrux_kem as xwing;
use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::types::{
    AeadType, Ciphersuite, CryptoError, HashType, HpkeAeadType, HpkeConfig, HpkeKdfType, HpkeKemType,
};
use zeroize::{Zeroize as _, Zeroizing};

use crate::crypto::provider::{self, Crypto, Draw, SUITE};

/// HPKE of the hybrid suite, with which everything outside of MLS is sealed to a key.
pub const HPKE_CONFIG: HpkeConfig = SUITE.hpke_config();

/// A new key pair for [`seal_to`] and [`open_with`]: private, public.
pub fn generate_kem_pair(crypto: &Crypto) -> (Zeroizing<Vec<u8>>, Vec<u8>) {
    let seed = Zeroizing::new(crypto.random::<SEED_BYTES>());
    let (public, private) =
        Primitives::kem_key_gen_derand(KemAlgorithm::XWingDraft06, &*seed).expect("any seed makes an X-Wing key pair");
    (Zeroizing::new(private), public)
}

/// Seals `plain` to `public`, a key of the hybrid suite: KEM output, then ciphertext.
///
/// # Errors
/// If `public` isn't well formed.
pub fn seal_to(crypto: &Crypto, public: &[u8], info: &[u8], aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let (kem_output, ciphertext) = context(HPKE_CONFIG, Prng::drawn(crypto))?
        .seal(&public.into(), info, aad, plain, None, None, None)
        .map_err(|_| CryptoError::HpkeEncryptionError)?;
    Ok([kem_output, ciphertext].concat())
}

/// Opens what [`seal_to`] sealed to the public key of `private`, with the same `info` and `aad`.
///
/// # Errors
/// If any of them is another, or `sealed` was changed.
pub fn open_with(
    crypto: &Crypto,
    private: &[u8],
    info: &[u8],
    aad: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let (kem_output, ciphertext) =
        sealed.split_at_checked(XWING_CIPHERTEXT_BYTES).ok_or(CryptoError::HpkeDecryptionError)?;
    context(HPKE_CONFIG, Prng::drawn(crypto))?
        .open(kem_output, &private.into(), info, aad, ciphertext, None, None, None)
        .map(Zeroizing::new)
        .map_err(|_| CryptoError::HpkeDecryptionError)
}

/// Whether one can encapsulate to `public`, a key of `suite`'s KEM. Nobody can commit while the tree holds a key that
/// isn't, so whoever lets keys in asks this first. The answer depends on nothing but `suite` and `public`, provided
/// that `crypto` supports the suite, and costs no randomness.
pub fn well_formed(crypto: &impl OpenMlsCrypto, suite: Ciphersuite, public: &[u8]) -> bool {
    // Whether encapsulation succeeds doesn't depend on these bytes: ML-KEM checks the key alone, and a clamped X25519
    // scalar sends exactly the points of small order to zero.
    const RANDOMNESS: [u8; XWING_RANDOMNESS_BYTES] = [0x5a; XWING_RANDOMNESS_BYTES];
    crypto.supports(suite).is_ok()
        && match kem_of(suite.hpke_kem_algorithm()) {
            Ok(KemAlgorithm::DhKem25519) => x25519(&RANDOMNESS[..SEED_BYTES], public).is_ok(),
            Ok(kem) => Primitives::kem_encaps_derand(kem, public, &RANDOMNESS).is_ok(),
            Err(_) => false,
        }
}

/// hpke-rs for `config`, with its randomness.
pub(super) fn context(config: HpkeConfig, prng: Prng) -> Result<Hpke<Primitives>, CryptoError> {
    let (kdf, aead) = match &config {
        HpkeConfig(HpkeKemType::XWingKemDraft6, HpkeKdfType::HkdfSha384, HpkeAeadType::AesGcm256) => {
            (KdfAlgorithm::HkdfSha384, AeadAlgorithm::Aes256Gcm)
        }
        HpkeConfig(HpkeKemType::DhKem25519, HpkeKdfType::HkdfSha256, HpkeAeadType::AesGcm128) => {
            (KdfAlgorithm::HkdfSha256, AeadAlgorithm::Aes128Gcm)
        }
        _ => return Err(CryptoError::UnsupportedCiphersuite),
    };
    Ok(Hpke::new_with_rng(Mode::Base, kem_of(config.0)?, kdf, aead, prng))
}

/// DeriveKeyPair: private, public. RFC 9180, 7.1.3 for X25519; X-Wing as its draft says.
pub(super) fn derive_key_pair(config: HpkeConfig, ikm: &[u8]) -> Result<(Zeroizing<Vec<u8>>, Vec<u8>), CryptoError> {
    let kem = kem_of(config.0)?;
    let seed = match kem {
        KemAlgorithm::DhKem25519 => {
            let id = (kem as u16).to_be_bytes();
            let prk = provider::extract(HashType::Sha2_256, &[], &[b"HPKE-v1", b"KEM", &id, b"dkp_prk", ikm])?;
            let len = (SEED_BYTES as u16).to_be_bytes();
            provider::expand(HashType::Sha2_256, &prk, &[&len, b"HPKE-v1", b"KEM", &id, b"sk"], SEED_BYTES)?
        }
        // The way of hpke-rs 0.7, which openmls' own providers use: SHAKE256 of the input alone.
        _ => Zeroizing::new(libcrux_sha3::shake256::<SEED_BYTES>(ikm).to_vec()),
    };
    let (public, private) = Primitives::kem_key_gen_derand(kem, &seed).map_err(|_| CryptoError::CryptoLibraryError)?;
    Ok((Zeroizing::new(private), public))
}

fn kem_of(kem: HpkeKemType) -> Result<KemAlgorithm, CryptoError> {
    match kem {
        HpkeKemType::XWingKemDraft6 => Ok(KemAlgorithm::XWingDraft06),
        HpkeKemType::DhKem25519 => Ok(KemAlgorithm::DhKem25519),
        _ => Err(CryptoError::UnsupportedCiphersuite),
    }
}

/// What hpke-rs asks for. Every function is a pure one, except `kem_key_gen`, which draws a seed from the given PRNG.
#[derive(Debug)]
pub(super) struct Primitives;

impl HpkeCrypto for Primitives {
    type HpkePrng = Prng;

    fn name() -> String {
        "aws-lc-rs and libcrux-kem".into()
    }
    fn supports_kdf(alg: KdfAlgorithm) -> Result<(), Error> {
        matches!(alg, KdfAlgorithm::HkdfSha256 | KdfAlgorithm::HkdfSha384)
            .then_some(())
            .ok_or(Error::UnknownKdfAlgorithm)
    }
    fn supports_kem(alg: KemAlgorithm) -> Result<(), Error> {
        matches!(alg, KemAlgorithm::DhKem25519 | KemAlgorithm::XWingDraft06)
            .then_some(())
            .ok_or(Error::UnknownKemAlgorithm)
    }
    fn supports_aead(alg: AeadAlgorithm) -> Result<(), Error> {
        aead_of(alg).map(drop)
    }

    fn kdf_extract(alg: TwoStageKdfAlgorithm, salt: &[u8], ikm: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(provider::extract(hash_of(alg)?, salt, &[ikm]).map_err(library)?.to_vec())
    }
    fn kdf_expand(alg: TwoStageKdfAlgorithm, prk: &[u8], info: &[u8], len: usize) -> Result<Vec<u8>, Error> {
        let okm = provider::expand(hash_of(alg)?, prk, &[info], len).map_err(|_| Error::HpkeInvalidOutputLength)?;
        Ok(okm.to_vec())
    }
    fn kdf_derive(_: SingleStageKdfAlgorithm, _: &[u8], _: usize) -> Result<Vec<u8>, Error> {
        Err(Error::UnknownKdfAlgorithm)
    }

    fn dh(alg: KemAlgorithm, public: &[u8], private: &[u8]) -> Result<Vec<u8>, Error> {
        dh_only(alg)?;
        x25519(private, public)
    }
    fn secret_to_public(alg: KemAlgorithm, private: &[u8]) -> Result<Vec<u8>, Error> {
        dh_only(alg)?;
        x25519_public(private)
    }
    fn dh_validate_sk(_: KemAlgorithm, _: &[u8]) -> Result<Vec<u8>, Error> {
        Err(Error::UnknownKemAlgorithm) // asked only of NIST's curves
    }

    fn kem_key_gen(alg: KemAlgorithm, prng: &mut Prng) -> Result<(Vec<u8>, Vec<u8>), Error> {
        let mut seed = Zeroizing::new([0; SEED_BYTES]);
        prng.fill(&mut *seed);
        Self::kem_key_gen_derand(alg, &*seed)
    }
    /// Public, private; the private key is the seed itself.
    fn kem_key_gen_derand(alg: KemAlgorithm, seed: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Error> {
        let public = match alg {
            KemAlgorithm::DhKem25519 => x25519_public(seed)?,
            KemAlgorithm::XWingDraft06 => {
                let (private, public) = xwing::key_gen_derand(XWING, seed).map_err(|_| Error::KemInvalidSecretKey)?;
                wipe(private);
                public.encode()
            }
            _ => return Err(Error::UnknownKemAlgorithm),
        };
        Ok((public, seed.to_vec()))
    }

    /// Never asked: hpke-rs draws the randomness itself where there is `kem_encaps_derand`.
    fn kem_encaps(_: KemAlgorithm, _: &[u8], _: &mut Prng) -> Result<(Vec<u8>, Vec<u8>), Error> {
        Err(Error::UnsupportedKemOperation)
    }
    /// Shared secret, ciphertext.
    fn kem_encaps_derand(alg: KemAlgorithm, public: &[u8], randomness: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Error> {
        xwing_only(alg)?;
        let public = xwing::PublicKey::decode(XWING, public).map_err(|_| Error::KemInvalidPublicKey)?;
        let (secret, ciphertext) = public.encapsulate_derand(randomness).map_err(|_| Error::KemInvalidPublicKey)?;
        Ok((secret.encode(), ciphertext.encode()))
    }
    fn kem_decaps(alg: KemAlgorithm, ciphertext: &[u8], private: &[u8]) -> Result<Vec<u8>, Error> {
        xwing_only(alg)?;
        let ciphertext = xwing::Ct::decode(XWING, ciphertext).map_err(|_| Error::KemInvalidCiphertext)?;
        let private = xwing::PrivateKey::decode(XWING, private).map_err(|_| Error::KemInvalidSecretKey)?;
        let secret = ciphertext.decapsulate(&private).map_err(|_| Error::KemInvalidCiphertext);
        wipe(private);
        Ok(secret?.encode())
    }

    fn aead_seal(alg: AeadAlgorithm, key: &[u8], nonce: &[u8], aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, Error> {
        provider::aead_seal(aead_of(alg)?, key, nonce, aad, plain).map_err(library)
    }
    fn aead_open(alg: AeadAlgorithm, key: &[u8], nonce: &[u8], aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Error> {
        provider::aead_open(aead_of(alg)?, key, nonce, aad, sealed).map_err(|_| Error::AeadOpenError)
    }
}

/// Randomness in hpke-rs' terms.
pub(super) enum Prng {
    /// What was handed in, in the order of the calls.
    Drawn(Draw),
    /// HKDF's from this key; the number counts what was taken.
    Derived(Zeroizing<Vec<u8>>, u32),
}

impl Prng {
    /// Randomness drawn when it is needed.
    pub(super) fn drawn(crypto: &Crypto) -> Self {
        Self::Drawn(crypto.draw())
    }

    /// Randomness that depends on `secret` and `inputs`, and not on what others draw meanwhile.
    pub(super) fn derived(secret: &[u8], inputs: &[&[u8]]) -> Result<Self, CryptoError> {
        let lens: Vec<[u8; 8]> = inputs.iter().map(|input| (input.len() as u64).to_be_bytes()).collect();
        let parts: Vec<&[u8]> = lens.iter().zip(inputs).flat_map(|(len, input)| [&len[..], *input]).collect();
        Ok(Self::Derived(provider::extract(HashType::Sha2_384, secret, &parts)?, 0))
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        match self {
            Self::Drawn(draw) => draw(bytes),
            Self::Derived(key, taken) => {
                let okm = provider::expand(HashType::Sha2_384, key, &[&taken.to_be_bytes()], bytes.len());
                bytes.copy_from_slice(&okm.expect("a KEM asks for 64 bytes at most"));
                *taken += 1;
            }
        }
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }
}

impl TryRng for Prng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(self.array()))
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(self.array()))
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.fill(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Prng {}

fn x25519_public(private: &[u8]) -> Result<Vec<u8>, Error> {
    let public = x25519_key(private)?.compute_public_key().map_err(|_| Error::KemInvalidSecretKey)?;
    Ok(public.as_ref().to_vec())
}

/// Refuses a public key that gives a secret of zeros (RFC 9180, 7.1.4): aws-lc does.
fn x25519(private: &[u8], public: &[u8]) -> Result<Vec<u8>, Error> {
    let public = UnparsedPublicKey::new(&X25519, public);
    agreement::agree(&x25519_key(private)?, public, Error::KemInvalidPublicKey, |secret| Ok(secret.to_vec()))
}

fn x25519_key(private: &[u8]) -> Result<PrivateKey, Error> {
    PrivateKey::from_private_key(&X25519, private).map_err(|_| Error::KemInvalidSecretKey)
}

/// libcrux doesn't wipe its keys.
fn wipe(private: xwing::PrivateKey) {
    if let xwing::PrivateKey::XWingKemDraft06(mut key) = private {
        key.seed.zeroize();
    }
}

fn dh_only(alg: KemAlgorithm) -> Result<(), Error> {
    (alg == KemAlgorithm::DhKem25519).then_some(()).ok_or(Error::UnknownKemAlgorithm)
}

fn xwing_only(alg: KemAlgorithm) -> Result<(), Error> {
    (alg == KemAlgorithm::XWingDraft06).then_some(()).ok_or(Error::UnknownKemAlgorithm)
}

fn hash_of(alg: TwoStageKdfAlgorithm) -> Result<HashType, Error> {
    match alg {
        TwoStageKdfAlgorithm::HkdfSha256 => Ok(HashType::Sha2_256),
        TwoStageKdfAlgorithm::HkdfSha384 => Ok(HashType::Sha2_384),
        TwoStageKdfAlgorithm::HkdfSha512 => Err(Error::UnknownKdfAlgorithm),
    }
}

fn aead_of(alg: AeadAlgorithm) -> Result<AeadType, Error> {
    match alg {
        AeadAlgorithm::Aes128Gcm => Ok(AeadType::Aes128Gcm),
        AeadAlgorithm::Aes256Gcm => Ok(AeadType::Aes256Gcm),
        AeadAlgorithm::ChaCha20Poly1305 | AeadAlgorithm::HpkeExport => Err(Error::UnknownAeadAlgorithm),
    }
}

fn library(error: CryptoError) -> Error {
    Error::CryptoLibraryError(error.to_string())
}

const XWING: xwing::Algorithm = xwing::Algorithm::XWingKemDraft06;
/// Private keys of both KEMs.
const SEED_BYTES: usize = 32;
/// ML-KEM's, then X25519's.
const XWING_RANDOMNESS_BYTES: usize = 32 + 32;
const XWING_CIPHERTEXT_BYTES: usize = 1088 + 32;

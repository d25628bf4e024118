//! mls-rs' cryptography over aws-lc-rs, for the suite of Pli's groups.
//!
//! mls-rs has a crate for that, which asks for one exact version of aws-lc-rs; that is not Pli's, and a program can link
//! only one. What messages need is here as there: aws-lc's own calls, and signing with a key that is expanded already.

use std::sync::{Arc, LazyLock, OnceLock};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use aws_lc_rs::{digest, hkdf, hmac, rand};
use curve25519_dalek::constants::EIGHT_TORSION;
use mls_rs::crypto::{
    HpkeCiphertext, HpkeContextR, HpkeContextS, HpkePsk, HpkePublicKey, HpkeSecretKey, SignaturePublicKey,
    SignatureSecretKey,
};
use mls_rs::error::IntoAnyError;
use mls_rs::{CipherSuite, CipherSuiteProvider, CryptoProvider};
use zeroize::Zeroizing;

use super::hpke::{self, Context};

/// The suite of Pli's groups, for which mls-rs has no name.
pub const SUITE: CipherSuite = CipherSuite::new(0x004e);

pub(super) const HASH_BYTES: usize = 48;

/// It can't be done.
#[derive(Debug)]
pub struct Failed;
impl IntoAnyError for Failed {}
impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cryptography failed")
    }
}
impl std::error::Error for Failed {}
impl From<aws_lc_rs::error::Unspecified> for Failed {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self
    }
}
impl From<aws_lc_rs::error::KeyRejected> for Failed {
    fn from(_: aws_lc_rs::error::KeyRejected) -> Self {
        Self
    }
}

/// The provider of one client.
#[derive(Clone, Default)]
pub struct Awslc {
    /// The one key that this client signs with, expanded at its first use.
    key: Arc<OnceLock<Ed25519KeyPair>>,
}

impl CryptoProvider for Awslc {
    type CipherSuiteProvider = Self;

    fn supported_cipher_suites(&self) -> Vec<CipherSuite> {
        vec![SUITE]
    }
    fn cipher_suite_provider(&self, suite: CipherSuite) -> Option<Self> {
        (suite == SUITE).then(|| self.clone())
    }
}

impl CipherSuiteProvider for Awslc {
    type Error = Failed;
    type HpkeContextS = Context;
    type HpkeContextR = Context;

    fn cipher_suite(&self) -> CipherSuite {
        SUITE
    }
    fn hash(&self, data: &[u8]) -> Result<Vec<u8>, Failed> {
        Ok(digest::digest(&digest::SHA384, data).as_ref().to_vec())
    }
    fn mac(&self, key: &[u8], data: &[u8]) -> Result<Vec<u8>, Failed> {
        Ok(extract(key, data))
    }
    fn aead_seal(&self, key: &[u8], data: &[u8], aad: Option<&[u8]>, nonce: &[u8]) -> Result<Vec<u8>, Failed> {
        let mut sealed = Vec::with_capacity(data.len() + AES_256_GCM.tag_len());
        sealed.extend_from_slice(data);
        let nonce = Nonce::try_assume_unique_for_key(nonce)?;
        aes(key)?.seal_in_place_append_tag(nonce, Aad::from(aad.unwrap_or_default()), &mut sealed)?;
        Ok(sealed)
    }
    fn aead_open(
        &self,
        key: &[u8],
        sealed: &[u8],
        aad: Option<&[u8]>,
        nonce: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Failed> {
        let mut plain = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::try_assume_unique_for_key(nonce)?;
        let len = aes(key)?.open_in_place(nonce, Aad::from(aad.unwrap_or_default()), &mut plain)?.len();
        plain.truncate(len);
        Ok(plain)
    }
    fn aead_key_size(&self) -> usize {
        AES_256_GCM.key_len()
    }
    fn aead_nonce_size(&self) -> usize {
        AES_256_GCM.nonce_len()
    }
    fn kdf_extract(&self, salt: &[u8], ikm: &[u8]) -> Result<Zeroizing<Vec<u8>>, Failed> {
        Ok(extract(salt, ikm).into())
    }
    fn kdf_expand(&self, prk: &[u8], info: &[u8], len: usize) -> Result<Zeroizing<Vec<u8>>, Failed> {
        Ok(expand(prk, info, len)?.into())
    }
    fn kdf_extract_size(&self) -> usize {
        HASH_BYTES
    }

    fn hpke_seal(
        &self,
        public: &HpkePublicKey,
        info: &[u8],
        aad: Option<&[u8]>,
        plain: &[u8],
    ) -> Result<HpkeCiphertext, Failed> {
        let (kem_output, ciphertext) = hpke::seal(public, info, aad.unwrap_or_default(), plain)?;
        Ok(HpkeCiphertext { kem_output, ciphertext })
    }
    fn hpke_open(
        &self,
        sealed: &HpkeCiphertext,
        private: &HpkeSecretKey,
        _: &HpkePublicKey,
        info: &[u8],
        aad: Option<&[u8]>,
    ) -> Result<Zeroizing<Vec<u8>>, Failed> {
        let aad = aad.unwrap_or_default();
        Ok(hpke::open(private, info, aad, &sealed.kem_output, &sealed.ciphertext)?.into())
    }
    // For external commits.
    fn hpke_setup_s(&self, public: &HpkePublicKey, info: &[u8]) -> Result<(Vec<u8>, Context), Failed> {
        hpke::setup_s(public, info)
    }
    fn hpke_setup_r(
        &self,
        kem_output: &[u8],
        private: &HpkeSecretKey,
        _: &HpkePublicKey,
        info: &[u8],
    ) -> Result<Context, Failed> {
        hpke::setup_r(private, info, kem_output)
    }
    fn kem_derive(&self, ikm: &[u8]) -> Result<(HpkeSecretKey, HpkePublicKey), Failed> {
        let (private, public) = hpke::derive(ikm);
        Ok((private.to_vec().into(), public.into()))
    }
    fn kem_generate(&self) -> Result<(HpkeSecretKey, HpkePublicKey), Failed> {
        self.kem_derive(&self.random_bytes_vec(64)?)
    }
    fn kem_public_key_validate(&self, public: &HpkePublicKey) -> Result<(), Failed> {
        hpke::check(public).map(drop)
    }

    fn random_bytes(&self, out: &mut [u8]) -> Result<(), Failed> {
        Ok(rand::fill(out)?)
    }
    fn signature_key_generate(&self) -> Result<(SignatureSecretKey, SignaturePublicKey), Failed> {
        let mut seed = [0; 32];
        self.random_bytes(&mut seed)?;
        let secret = SignatureSecretKey::new_slice(&seed);
        let public = self.signature_key_derive_public(&secret)?;
        Ok((secret, public))
    }
    fn signature_key_derive_public(&self, secret: &SignatureSecretKey) -> Result<SignaturePublicKey, Failed> {
        let pair = Ed25519KeyPair::from_seed_unchecked(secret.as_bytes())?;
        Ok(pair.public_key().as_ref().to_vec().into())
    }
    fn sign(&self, secret: &SignatureSecretKey, data: &[u8]) -> Result<Vec<u8>, Failed> {
        let pair = match self.key.get() {
            Some(pair) => pair,
            None => {
                let pair = Ed25519KeyPair::from_seed_unchecked(secret.as_bytes())?;
                self.key.get_or_init(|| pair)
            }
        };
        Ok(pair.sign(data).as_ref().to_vec())
    }
    fn verify(&self, public: &SignaturePublicKey, signature: &[u8], data: &[u8]) -> Result<(), Failed> {
        // aws-lc compares `R` as bytes, without the cofactor, but takes one of small order. Keys come with certificates.
        static SMALL: LazyLock<[[u8; 32]; 8]> =
            LazyLock::new(|| EIGHT_TORSION.map(|point| point.compress().to_bytes()));
        if SMALL.iter().any(|small| signature.starts_with(small)) {
            return Err(Failed);
        }
        Ok(UnparsedPublicKey::new(&ED25519, public.as_bytes()).verify(data, signature)?)
    }

    // What Pli never comes to.
    fn hpke_seal_psk(
        &self,
        _: &HpkePublicKey,
        _: &[u8],
        _: Option<&[u8]>,
        _: &[u8],
        _: HpkePsk<'_>,
    ) -> Result<HpkeCiphertext, Failed> {
        Err(Failed)
    }
    fn hpke_open_psk(
        &self,
        _: &HpkeCiphertext,
        _: &HpkeSecretKey,
        _: &HpkePublicKey,
        _: &[u8],
        _: Option<&[u8]>,
        _: HpkePsk<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, Failed> {
        Err(Failed)
    }
}

impl HpkeContextS for Context {
    type Error = Failed;
    fn seal(&mut self, _: Option<&[u8]>, _: &[u8]) -> Result<Vec<u8>, Failed> {
        Err(Failed)
    }
    fn export(&self, about: &[u8], len: usize) -> Result<Zeroizing<Vec<u8>>, Failed> {
        Ok(self.exported(about, len)?.into())
    }
}

impl HpkeContextR for Context {
    type Error = Failed;
    fn open(&mut self, _: Option<&[u8]>, _: &[u8]) -> Result<Zeroizing<Vec<u8>>, Failed> {
        Err(Failed)
    }
    fn export(&self, about: &[u8], len: usize) -> Result<Zeroizing<Vec<u8>>, Failed> {
        Ok(self.exported(about, len)?.into())
    }
}

fn aes(key: &[u8]) -> Result<LessSafeKey, Failed> {
    Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key)?))
}

/// HKDF-SHA384's first step, and HMAC-SHA384.
pub(super) fn extract(salt: &[u8], ikm: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA384, salt), ikm).as_ref().to_vec()
}

/// HKDF-SHA384's second step.
pub(super) fn expand(prk: &[u8], info: &[u8], len: usize) -> Result<Vec<u8>, Failed> {
    let mut out = vec![0; len];
    hkdf::Prk::new_less_safe(hkdf::HKDF_SHA384, prk).expand(&[info], Len(len))?.fill(&mut out)?;
    Ok(out)
}

struct Len(usize);

impl hkdf::KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}

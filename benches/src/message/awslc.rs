//! mls-rs' cryptography over aws-lc-rs, for the suite of Pli's groups.
//!
//! mls-rs has a crate for that, which asks for one exact version of aws-lc-rs; that is not Pli's, and a program can link
//! only one. What messages need is here as there: aws-lc's own calls, and signing with a key that is expanded already.
//! HPKE, which messages don't need, is Pli's.

use std::sync::{Arc, OnceLock};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use aws_lc_rs::{digest, hkdf, hmac, rand};
use mls_rs::crypto::{
    HpkeCiphertext, HpkeContextR, HpkeContextS, HpkePsk, HpkePublicKey, HpkeSecretKey, SignaturePublicKey,
    SignatureSecretKey,
};
use mls_rs::error::IntoAnyError;
use mls_rs::{CipherSuite, CipherSuiteProvider, CryptoProvider};
use openmls_traits::crypto::OpenMlsCrypto as _;
use openmls_traits::types::HpkeCiphertext as Sealed;
use pli_core::crypto::{Crypto, DeviceKey, HPKE_CONFIG};
use pli_env::real::Real;
use zeroize::Zeroizing;

/// A number that mls-rs has no suite of its own for.
pub(super) const SUITE: CipherSuite = CipherSuite::new(0xf0ff);

const HASH_BYTES: usize = 48;

/// It can't be done.
#[derive(Debug)]
pub(super) struct Failed;
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
impl From<pli_core::crypto::CryptoError> for Failed {
    fn from(_: pli_core::crypto::CryptoError) -> Self {
        Self
    }
}

#[derive(Clone)]
pub(super) struct Awslc {
    crypto: Crypto,
    /// The one key that this client signs with, as a device keeps its own.
    key: Arc<OnceLock<DeviceKey>>,
}

impl Awslc {
    pub(super) fn new() -> Self {
        Self { crypto: Crypto::new(Real::current()), key: Arc::default() }
    }
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
    type HpkeContextS = Never;
    type HpkeContextR = Never;

    fn cipher_suite(&self) -> CipherSuite {
        SUITE
    }
    fn hash(&self, data: &[u8]) -> Result<Vec<u8>, Failed> {
        Ok(digest::digest(&digest::SHA384, data).as_ref().to_vec())
    }
    fn mac(&self, key: &[u8], data: &[u8]) -> Result<Vec<u8>, Failed> {
        Ok(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA384, key), data).as_ref().to_vec())
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
        self.mac(salt, ikm).map(Zeroizing::new)
    }
    fn kdf_expand(&self, prk: &[u8], info: &[u8], len: usize) -> Result<Zeroizing<Vec<u8>>, Failed> {
        let mut out = Zeroizing::new(vec![0; len]);
        hkdf::Prk::new_less_safe(hkdf::HKDF_SHA384, prk).expand(&[info], Len(len))?.fill(&mut out)?;
        Ok(out)
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
        let sealed = self.crypto.hpke_seal(HPKE_CONFIG, public, info, aad.unwrap_or_default(), plain)?;
        Ok(HpkeCiphertext { kem_output: sealed.kem_output.into(), ciphertext: sealed.ciphertext.into() })
    }
    fn hpke_open(
        &self,
        sealed: &HpkeCiphertext,
        private: &HpkeSecretKey,
        _: &HpkePublicKey,
        info: &[u8],
        aad: Option<&[u8]>,
    ) -> Result<Zeroizing<Vec<u8>>, Failed> {
        let kem_output = sealed.kem_output.clone().into();
        let sealed = Sealed { kem_output, ciphertext: sealed.ciphertext.clone().into() };
        let plain = self.crypto.hpke_open(HPKE_CONFIG, &sealed, private, info, aad.unwrap_or_default())?;
        Ok(Zeroizing::new(plain))
    }
    fn kem_derive(&self, ikm: &[u8]) -> Result<(HpkeSecretKey, HpkePublicKey), Failed> {
        let pair = self.crypto.derive_hpke_keypair(HPKE_CONFIG, ikm)?;
        Ok((pair.private.to_vec().into(), pair.public.into()))
    }
    fn kem_generate(&self) -> Result<(HpkeSecretKey, HpkePublicKey), Failed> {
        self.kem_derive(&self.random_bytes_vec(64)?)
    }
    fn kem_public_key_validate(&self, _: &HpkePublicKey) -> Result<(), Failed> {
        Ok(())
    }

    fn random_bytes(&self, out: &mut [u8]) -> Result<(), Failed> {
        Ok(rand::fill(out)?)
    }
    fn signature_key_generate(&self) -> Result<(SignatureSecretKey, SignaturePublicKey), Failed> {
        let mut seed = [0; 32];
        self.random_bytes(&mut seed)?;
        Ok((SignatureSecretKey::new_slice(&seed), DeviceKey::from_seed(&seed).public().to_vec().into()))
    }
    fn signature_key_derive_public(&self, secret: &SignatureSecretKey) -> Result<SignaturePublicKey, Failed> {
        let seed = secret.as_bytes().try_into().map_err(|_| Failed)?;
        Ok(DeviceKey::from_seed(seed).public().to_vec().into())
    }
    fn sign(&self, secret: &SignatureSecretKey, data: &[u8]) -> Result<Vec<u8>, Failed> {
        let seed = secret.as_bytes().try_into().map_err(|_| Failed)?;
        Ok(self.key.get_or_init(|| DeviceKey::from_seed(seed)).sign_raw(data).to_vec())
    }
    fn verify(&self, public: &SignaturePublicKey, signature: &[u8], data: &[u8]) -> Result<(), Failed> {
        Ok(UnparsedPublicKey::new(&ED25519, public.as_bytes()).verify(data, signature)?)
    }

    // What adding members and messages never come to.
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
    fn hpke_setup_s(&self, _: &HpkePublicKey, _: &[u8]) -> Result<(Vec<u8>, Never), Failed> {
        Err(Failed)
    }
    fn hpke_setup_r(&self, _: &[u8], _: &HpkeSecretKey, _: &HpkePublicKey, _: &[u8]) -> Result<Never, Failed> {
        Err(Failed)
    }
}

/// An HPKE context, of which there are none.
pub(super) enum Never {}

impl HpkeContextS for Never {
    type Error = Failed;
    fn seal(&mut self, _: Option<&[u8]>, _: &[u8]) -> Result<Vec<u8>, Failed> {
        match *self {}
    }
    fn export(&self, _: &[u8], _: usize) -> Result<Zeroizing<Vec<u8>>, Failed> {
        match *self {}
    }
}

impl HpkeContextR for Never {
    type Error = Failed;
    fn open(&mut self, _: Option<&[u8]>, _: &[u8]) -> Result<Zeroizing<Vec<u8>>, Failed> {
        match *self {}
    }
    fn export(&self, _: &[u8], _: usize) -> Result<Zeroizing<Vec<u8>>, Failed> {
        match *self {}
    }
}

fn aes(key: &[u8]) -> Result<LessSafeKey, Failed> {
    Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key)?))
}

struct Len(usize);

impl hkdf::KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}

//! Cryptography for MLS and for what Pli seals outside of it. All randomness is handed in, so that
//! a seed decides every key and every ciphertext of a simulated run.
//!
//! - [`provider`]: what openmls asks for, over aws-lc-rs: hashes, HKDF, AES-GCM, Ed25519; and a device's signing key.
//! - [`hpke`]: HPKE with X25519 and with X-Wing; sealing to a public key; which public keys are well formed.
//!
//! Two suites exist here, [`SUITE`] and [`CLASSIC_SUITE`]; anything else is refused rather than delegated.

pub mod hpke;
pub mod provider;

pub use hpke::{HPKE_CONFIG, generate_kem_pair, open_with, seal_to, well_formed};
pub use openmls_traits::types::CryptoError;
pub use provider::{CLASSIC_SUITE, Crypto, DeviceKey, Draw, Provider, SUITE, verify};

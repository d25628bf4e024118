//! The least that RFC 9420 asks for a message of the hybrid suite: one signature, three steps of the sender's ratchet,
//! two for the sender data, two AEADs. Keys are parsed, and HKDF set up, once wherever they may be.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{self, HKDF_SHA384, Prk};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, ParsedPublicKey};

use crate::Result;

use super::{BODY, Pair};

const HASH_BYTES: usize = 48;
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;
const SIGNATURE_BYTES: usize = 64;
/// A sealed sender: leaf, generation, reuse guard, tag.
const SENDER_BYTES: usize = 12 + 16;
/// What a signature covers beside the body: associated data, and the group context in a small group.
const CONTEXT: [u8; 309] = [0; 309];
/// What the seals cover beside what they seal.
const ASSOCIATED: [u8; 111] = [0; 111];
/// From here the sender data is sampled: its key depends on what was sealed.
const SAMPLE: [u8; 48] = [5; 48];
/// Where both chains begin.
const FIRST_SECRET: [u8; HASH_BYTES] = [1; HASH_BYTES];

pub(crate) struct Primitives {
    key: Ed25519KeyPair,
    public: ParsedPublicKey,
    sender_data: Prk,
    sending: [u8; HASH_BYTES],
    reading: [u8; HASH_BYTES],
}

impl Primitives {
    pub(crate) fn new() -> Result<Self> {
        let key = Ed25519KeyPair::generate()?;
        let public = ParsedPublicKey::new(&ED25519, key.public_key().as_ref())?;
        let sender_data = Prk::new_less_safe(HKDF_SHA384, &[2; HASH_BYTES]);
        Ok(Self { key, public, sender_data, sending: FIRST_SECRET, reading: FIRST_SECRET })
    }

    pub(crate) fn seal(&mut self) -> Result<Vec<u8>> {
        let mut content = Vec::with_capacity(BODY.len() + 4 + SIGNATURE_BYTES + 16 + SENDER_BYTES);
        content.extend_from_slice(&BODY);
        content.extend_from_slice(&[0; 4]);
        let signature = self.key.sign(&[&BODY[..], &CONTEXT].concat());
        content.extend_from_slice(signature.as_ref());
        let (key, nonce) = next(&mut self.sending)?;
        key.seal_in_place_append_tag(nonce, Aad::from(ASSOCIATED), &mut content)?;
        let (key, nonce) = key_and_nonce(&self.sender_data, &SAMPLE)?;
        let mut sender = vec![0; 12];
        key.seal_in_place_append_tag(nonce, Aad::from(ASSOCIATED), &mut sender)?;
        content.extend_from_slice(&sender);
        Ok(content)
    }

    /// Reads from the first message again.
    pub(crate) fn rewind(&mut self) {
        self.reading = FIRST_SECRET;
    }

    pub(crate) fn open(&mut self, wire: &[u8]) -> Result<()> {
        let (content, sender) = wire.split_at(wire.len() - SENDER_BYTES);
        let (mut content, mut sender) = (content.to_vec(), sender.to_vec());
        let (key, nonce) = key_and_nonce(&self.sender_data, &SAMPLE)?;
        key.open_in_place(nonce, Aad::from(ASSOCIATED), &mut sender)?;
        let (key, nonce) = next(&mut self.reading)?;
        let plain = key.open_in_place(nonce, Aad::from(ASSOCIATED), &mut content)?;
        let (body, rest) = plain.split_at(BODY.len());
        self.public.verify_sig(&[body, &CONTEXT].concat(), &rest[4..])?;
        Ok(())
    }
}

impl Pair for Primitives {
    fn encrypt(&mut self) -> Result<Vec<u8>> {
        self.seal()
    }
    fn decrypt(&mut self, wire: &[u8]) -> Result<()> {
        self.open(wire)
    }
}

/// Key and nonce of a message; the chain moves on.
fn next(chain: &mut [u8; HASH_BYTES]) -> Result<(LessSafeKey, Nonce)> {
    let secret = Prk::new_less_safe(HKDF_SHA384, chain);
    let keys = key_and_nonce(&secret, &[0; 4])?;
    expand(&secret, b"secret", &[0; 4], chain)?;
    Ok(keys)
}

fn key_and_nonce(secret: &Prk, context: &[u8]) -> Result<(LessSafeKey, Nonce)> {
    let (mut key, mut nonce) = ([0; KEY_BYTES], [0; NONCE_BYTES]);
    expand(secret, b"key", context, &mut key)?;
    expand(secret, b"nonce", context, &mut nonce)?;
    Ok((LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key)?), Nonce::assume_unique_for_key(nonce)))
}

fn expand(secret: &Prk, label: &[u8], context: &[u8], out: &mut [u8]) -> Result<()> {
    secret.expand(&[b"\0\x20\x0fMLS 1.0 ", label, context], Len(out.len()))?.fill(out)?;
    Ok(())
}

struct Len(usize);

impl hkdf::KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}

//! Notation of the page: joined parts, the RFC's vectors, what is signed.

use sha2::{Digest as _, Sha256};

/// Each part after its length.
pub fn join(parts: &[&[u8]]) -> Vec<u8> {
    let mut joined = Vec::new();
    for part in parts {
        joined.extend((part.len() as u32).to_be_bytes());
        joined.extend(*part);
    }
    joined
}

/// The RFC's vector, section 2.1.2.
pub(super) fn vector(bytes: &[u8]) -> Vec<u8> {
    let len = bytes.len() as u32;
    let mut vector = match len {
        0..=0x3f => vec![len as u8],
        0x40..=0x3fff => (len as u16 | 0x4000).to_be_bytes().to_vec(),
        _ => (len | 0x8000_0000).to_be_bytes().to_vec(),
    };
    vector.extend(bytes);
    vector
}

/// The RFC's SignContent with bytes as they are.
pub(super) fn sign_content(label: &str, bytes: &[u8]) -> Vec<u8> {
    [vector(format!("MLS 1.0 {label}").as_bytes()), vector(bytes)].concat()
}

/// What is signed under a label of Pli's.
pub fn content(label: &str, parts: &[&[u8]]) -> Vec<u8> {
    sign_content(label, &join(parts))
}

/// SHA-256.
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// So many random bytes.
pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).expect("the system has random bytes");
    bytes
}

/// Now, in milliseconds.
pub(super) fn now_ms() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |now| now.as_millis() as u64)
}

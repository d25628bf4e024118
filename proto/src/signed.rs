//! The exact bytes under each signature and each running hash.
//!
//! Signatures follow SignWithLabel (RFC 9420 section 5.1.2) with labels of our own, so that none can serve for another,
//! nor for one of MLS. Within the content each part is preceded by its length, so that no two contents look alike.

use sha2::{Digest, Sha256};

use crate::id::{DeviceId, LogId};
use crate::pb;

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// What a signature is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// [`pb::EnrolRequest`]: token, MLS key, TLS key.
    Enrol,
    /// [`pb::RenewRequest`]: device, TLS key, time.
    Renew,
    /// [`pb::PublishBody`] in a [`pb::DeviceRequest`].
    Publish,
    /// [`pb::RevokeBody`] likewise.
    Revoke,
    /// [`pb::AcknowledgeBody`] likewise.
    Acknowledge,
    /// A device's inbox key: device, key.
    InboxKey,
    /// [`pb::LogRequest`].
    Request,
    /// [`pb::LeaveWord`]: log, encryption key.
    Leave,
    /// [`pb::RevocationLine`]: number, certificate, leaf key.
    Revocation,
    /// [`pb::RevocationList`]: number, time, hash.
    RevocationList,
    /// [`pb::IssuerEnd`], by the root: number, issuer, kept, revocations, their hash.
    Issuers,
}

impl Label {
    fn text(self) -> &'static str {
        match self {
            Self::Enrol => "Pli 1.0 Enrol",
            Self::Renew => "Pli 1.0 Renew",
            Self::Publish => "Pli 1.0 Publish",
            Self::Revoke => "Pli 1.0 Revoke",
            Self::Acknowledge => "Pli 1.0 Acknowledge",
            Self::InboxKey => "Pli 1.0 Inbox Key",
            Self::Request => "Pli 1.0 Request",
            Self::Leave => "Pli 1.0 Leave",
            Self::Revocation => "Pli 1.0 Revocation",
            Self::RevocationList => "Pli 1.0 Revocation List",
            Self::Issuers => "Pli 1.0 Issuers",
        }
    }
}

/// SignContent of RFC 9420 section 5.1.2, over `parts`.
pub fn content(label: Label, parts: &[&[u8]]) -> Vec<u8> {
    with_label(label.text(), &join(parts))
}

/// SignContent of RFC 9420 section 5.1.2, for a label of MLS itself.
pub fn with_label(label: &str, content: &[u8]) -> Vec<u8> {
    let label = format!("MLS 1.0 {label}");
    let mut out = Vec::with_capacity(label.len() + content.len() + 8);
    for part in [label.as_bytes(), content] {
        vector_length(part.len(), &mut out);
        out.extend_from_slice(part);
    }
    out
}

/// Each part after its length in four bytes, big-endian.
pub fn join(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(parts.iter().map(|part| part.len() + 4).sum());
    for part in parts {
        out.extend_from_slice(&(part.len() as u32).to_be_bytes());
        out.extend_from_slice(part);
    }
    out
}

/// The variable-size length of RFC 9420 section 2.1.2.
fn vector_length(len: usize, out: &mut Vec<u8>) {
    match len {
        0..=0x3f => out.push(len as u8),
        0x40..=0x3fff => out.extend_from_slice(&(0x4000 | len as u16).to_be_bytes()),
        _ => out.extend_from_slice(&(0x8000_0000 | len as u32).to_be_bytes()),
    }
}

/// A method of the log service, as it stands under a row's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Method {
    Create,
    Append,
    Read,
    Subscribe,
    PutSnapshot,
    GetSnapshot,
}

/// What a row signs. `server` is the root's public key.
pub fn request(server: &[u8; 32], method: Method, request: &pb::LogRequest) -> Vec<u8> {
    let method = format!("{method:?}");
    let time = request.time_ms.to_be_bytes();
    // The row key stands first: the second lock against one nonce for two logs (docs/decisions/access-keys.md).
    content(Label::Request, &[&request.row_key, server, method.as_bytes(), &request.log, &time, &request.request])
}

/// What a device signs with its MLS key. `server` is the root's public key.
pub fn device_request(server: &[u8; 32], label: Label, device: DeviceId, request: &pb::DeviceRequest) -> Vec<u8> {
    content(label, &[server, &device.0, &request.time_ms.to_be_bytes(), &request.request])
}

/// The digest of what an entry asks of rows: of no two lists the same, however long their keys. The leaf key and factor
/// that are shown to cut a row are no part of it: the server checks them and drops them, for they name a device, and
/// readers must get the same digest.
pub fn rows_digest(entry: &pb::Entry) -> Hash {
    let mut hash = Sha256::new().chain_update([u8::from(entry.whole)]);
    for row in &entry.rows {
        hash.update(join(&[&row.key, &row.rank.to_be_bytes()]));
    }
    hash.finalize().into()
}

/// The clear part of an entry: the associated data of its seal, and a part of what its MLS message is bound to.
pub fn clear_part(log: LogId, entry: &pb::Entry) -> Vec<u8> {
    let kind = entry.kind.to_be_bytes();
    let parent = entry.parent.to_be_bytes();
    join(&[b"Pli 1.0 Entry", &log.0, &kind, &parent, &entry.parent_hash, &rows_digest(entry)])
}

/// The digest of an entry, which is its id: a repeated append has the same.
pub fn entry_digest(log: LogId, entry: &pb::Entry) -> Hash {
    Sha256::new().chain_update(clear_part(log, entry)).chain_update(Sha256::digest(&entry.sealed)).finalize().into()
}

/// The running hash of a log before its first entry.
pub fn hash_start(log: LogId) -> Hash {
    Sha256::digest(join(&[b"Pli 1.0 Log", &log.0])).into()
}

/// The running hash after an entry that the server received at a time: who is told another time has another hash.
pub fn hash_next(before: &Hash, number: u64, received_ms: u64, digest: &Hash) -> Hash {
    Sha256::digest(join(&[before, &number.to_be_bytes(), &received_ms.to_be_bytes(), digest])).into()
}

/// What a leaver signs.
pub fn leave(log: LogId, encryption_key: &[u8]) -> Vec<u8> {
    content(Label::Leave, &[&log.0, encryption_key])
}

/// What the issuer signs in a revocation line.
pub fn revocation(line: &pb::RevocationLine) -> Vec<u8> {
    content(Label::Revocation, &[&line.number.to_be_bytes(), &line.certificate, &line.leaf_key])
}

/// What the issuer signs in a revocation list.
pub fn revocation_list(list: &pb::RevocationList) -> Vec<u8> {
    content(Label::RevocationList, &[&list.number.to_be_bytes(), &list.signed_ms.to_be_bytes(), &list.hash])
}

/// What the root signs at an issuer's end.
pub fn issuer_end(end: &pb::IssuerEnd) -> Vec<u8> {
    let (number, revocations) = (end.number.to_be_bytes(), end.revocations.to_be_bytes());
    content(Label::Issuers, &[&number, &end.issuer, &end.kept, &revocations, &end.revocations_hash])
}

/// The running hash of a revocation list after a line, from 32 zeros.
pub fn revocation_hash(before: &Hash, line: &pb::RevocationLine) -> Hash {
    Sha256::new().chain_update(before).chain_update(&line.signature).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_lists_of_rows_have_one_digest() {
        let row = |key: &[u8], rank| pb::Row { key: key.to_vec(), rank, ..pb::Row::default() };
        let digest =
            |rows: &[pb::Row], whole| rows_digest(&pb::Entry { rows: rows.to_vec(), whole, ..Default::default() });
        let two = [row(&[1; 32], 2), row(&[2; 32], 3)];
        let as_one = row(&[[1; 32].as_slice(), &2_u32.to_be_bytes(), &[2; 32]].concat(), 3);
        let all = [digest(&two, false), digest(&two, true), digest(&[as_one], false), digest(&[], false)];
        for (place, one) in all.iter().enumerate() {
            assert!(!all[place + 1..].contains(one));
        }
        let shown = [pb::Row { leaf_key: vec![1; 32], factor: vec![2; 64], ..two[0].clone() }, two[1].clone()];
        assert_eq!(digest(&shown, false), all[0], "what was shown is no part of it");
    }
}

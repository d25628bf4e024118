//! Why a leaf may be removed beyond roles (section 4.4); this client does not know the ends of issuers.

use pli_proto::pb::evidence::Evidence;
use pli_proto::pb::{self, LeaveWord, RevocationLine};

use super::bytes::sha256;
use super::certificate::issuer_key;
use super::keys::verify;
use super::mls::certificates;
use super::state::{Leaf, State};
use super::{Head, Result, content, ensure};

/// Whether a piece of evidence is about this leaf and holds.
pub(super) fn covers(before: &State, log: &Head, leaf: &Leaf, piece: &pb::Evidence) -> bool {
    let held = match &piece.evidence {
        Some(Evidence::Left(word)) => left(before, log, leaf, word),
        Some(Evidence::Revoked(line)) => revoked(before, leaf, line),
        Some(Evidence::NotKept(_)) | None => Err("evidence that this client does not know".into()),
    };
    held.is_ok()
}

fn left(before: &State, log: &Head, leaf: &Leaf, word: &LeaveWord) -> Result<()> {
    let mut of_person = before.leaves.iter().filter(|one| one.named.person == leaf.named.person);
    let leaver = of_person.find(|one| one.named.key[..] == word.leaf_key).ok_or("of nobody")?;
    ensure(leaver.node.public_key[..] == word.encryption_key, "an earlier word")?;
    let signed = content("Pli 1.0 Leave", &[&log.log, &word.encryption_key]);
    verify(&word.leaf_key, &signed, &word.signature)
}

fn revoked(before: &State, leaf: &Leaf, line: &RevocationLine) -> Result<()> {
    let certificates = certificates(&leaf.node.signing_identity)?;
    let certificate = sha256(certificates.first().ok_or("no certificate")?);
    ensure(line.certificate == certificate && line.leaf_key == leaf.named.key, "another leaf")?;
    let signed = content("Pli 1.0 Revocation", &[&line.number.to_be_bytes(), &line.certificate, &line.leaf_key]);
    verify(&issuer_key(&line.issuer, &before.root)?, &signed, &line.signature)
}

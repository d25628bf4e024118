//! Whom to believe: revocation lists, whose numbered lines never go back, each signed by the organisation's issuer; and
//! the ends of issuers, signed by the root.

use std::collections::BTreeMap;

use pli_proto::signed::{self, Hash};
use pli_proto::{certificate, issuers, pb};

use crate::crypto;
use crate::group::rules;

/// The ends of issuers that are known, by the fingerprints of their certificates.
pub type Ends = BTreeMap<Hash, pb::IssuerEnd>;

/// A list does not continue what this device knows, or is not the organisation's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadList;

/// Checks that `list` continues the one with `number` lines and running hash `hash`; gives the new hash.
///
/// # Errors
/// If a line or the list is not signed, or by an issuer that had ended; or a number is missing.
pub fn check(
    list: &pb::RevocationList,
    root: &[u8; 32],
    ends: &Ends,
    number: u64,
    hash: Hash,
) -> Result<Hash, BadList> {
    let end_of = |issuer: &[u8]| ends.get(&certificate::fingerprint(issuer));
    let mut hash = hash;
    let mut expected = number;
    for line in &list.lines {
        expected += 1;
        let late = end_of(&line.issuer).is_some_and(|end| line.number > end.revocations);
        if line.number != expected || late || !rules::is_genuine(line, root) {
            return Err(BadList);
        }
        hash = signed::revocation_hash(&hash, line);
        if ends.values().any(|end| end.revocations == line.number && end.revocations_hash != hash) {
            return Err(BadList);
        }
    }
    let key = certificate::verify_issuer(root, &list.issuer).map_err(|_| BadList)?;
    let genuine =
        end_of(&list.issuer).is_none() && crypto::verify(&key, &signed::revocation_list(list), &list.signature);
    // A long list comes in parts; the last must lead to what was signed.
    let leads_there =
        if list.number == expected { list.hash == hash } else { list.number > expected && !list.lines.is_empty() };
    if genuine && leads_there { Ok(hash) } else { Err(BadList) }
}

/// Checks the end of an issuer that follows the one with `number`. Gives the issuer, and the certificates that stay.
pub fn check_end<'a>(end: &pb::IssuerEnd, kept: &'a [u8], root: &[u8; 32], number: u64) -> Option<(Hash, &'a [Hash])> {
    let kept = issuers::split(kept)?;
    let issuer = end.issuer.as_slice().try_into().ok()?;
    let sound = end.number == number + 1 && end.kept == issuers::digest(kept) && issuers::is_genuine(end, root);
    sound.then_some((issuer, kept))
}

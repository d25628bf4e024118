//! Revocation lists: numbered lines that never go back, each signed by the organisation's issuer.

use pli_proto::signed::{self, Hash};
use pli_proto::{certificate, pb};

use crate::crypto;
use crate::group::rules;

/// A list does not continue what this device knows, or is not the organisation's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadList;

/// Checks that `list` continues the one with `number` lines and running hash `hash`; gives the new hash.
///
/// # Errors
/// If a line or the list is not signed, or a number is missing.
pub fn check(list: &pb::RevocationList, root: &[u8; 32], number: u64, hash: Hash) -> Result<Hash, BadList> {
    let mut hash = hash;
    let mut expected = number;
    for line in &list.lines {
        expected += 1;
        if line.number != expected || !rules::is_genuine(line, root) {
            return Err(BadList);
        }
        hash = signed::revocation_hash(&hash, line);
    }
    let key = certificate::verify_issuer(root, &list.issuer).map_err(|_| BadList)?;
    let genuine = crypto::verify(&key, &signed::revocation_list(list), &list.signature);
    // A long list comes in parts; the last must lead to what was signed.
    let leads_there =
        if list.number == expected { list.hash == hash } else { list.number > expected && !list.lines.is_empty() };
    if genuine && leads_there { Ok(hash) } else { Err(BadList) }
}

//! The issuers that ended, for those who look at certificates while connecting.

use std::collections::BTreeSet;
use std::sync::{Arc, RwLock};

use pli_proto::certificate;
use pli_proto::signed::Hash;

/// A set of issuers that ended. Clones are the same set.
#[derive(Clone, Debug, Default)]
pub struct Ended(Arc<RwLock<BTreeSet<Hash>>>);

impl Ended {
    /// One more ended.
    pub(crate) fn insert(&self, issuer: Hash) {
        self.0.write().expect("no panic while held").insert(issuer);
    }
    /// Whether the issuer with this certificate has ended.
    pub fn contains(&self, certificate: &[u8]) -> bool {
        self.0.read().expect("no panic while held").contains(&certificate::fingerprint(certificate))
    }
}

//! The leaves of a group as persons and devices.

use std::collections::{BTreeMap, BTreeSet};

use openmls::prelude::{Credential, LeafNode, PublicGroup};
use pli_proto::certificate::{self, DeviceCertificate, Usage};
use pli_proto::id::{DeviceId, PersonId};
use pli_proto::limits;
use pli_proto::row::AccessKey;
use sha2::{Digest as _, Sha256};
use tls_codec::Serialize as _;

use super::seal::LogKey;
use super::split_vector;

/// The SHA-256 of an HPKE key: in a large group the keys themselves take megabytes.
pub type KeyDigest = [u8; 32];

/// The hash by which HPKE keys are compared.
pub fn key_digest(key: &[u8]) -> KeyDigest {
    Sha256::digest(key).into()
}

/// One device in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Its place in the tree.
    pub index: u32,
    /// Whose device, and which.
    pub certificate: DeviceCertificate,
    /// The hash of its current HPKE key.
    pub encryption_key: KeyDigest,
}

impl Leaf {
    /// Whose device it is.
    pub fn person(&self) -> PersonId {
        self.certificate.person
    }
    /// Which device.
    pub fn device(&self) -> DeviceId {
        self.certificate.device
    }
    /// The leaf's signature key.
    pub fn key(&self) -> &[u8; 32] {
        &self.certificate.key
    }
    /// The key of its row in a log; none for a leaf whose key is no point.
    pub fn row_key(&self, log_key: &LogKey) -> Option<AccessKey> {
        AccessKey::of(log_key.as_bytes(), self.key())
    }
}

/// All leaves, by their place in the tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster(BTreeMap<u32, Leaf>);

impl Roster {
    /// Reads a group whose leaves were verified when they entered.
    pub fn read(group: &PublicGroup) -> Option<Self> {
        Self::collect(group, |chain| {
            let chain: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
            certificate::read_device(&chain, Usage::Mls).ok()
        })
    }

    /// Verifies every leaf of a group that is entered, up to `root`.
    pub fn verify(group: &PublicGroup, root: &[u8; 32]) -> Option<Self> {
        let roster = Self::collect(group, |chain| verified(chain, root))?;
        roster.has_no_twins().then_some(roster)
    }

    fn collect(group: &PublicGroup, read: impl Fn(&[Vec<u8>]) -> Option<DeviceCertificate>) -> Option<Self> {
        let leaf = |member: openmls::group::Member| {
            let certificate = read(&super::chain(&member.credential)?)?;
            (certificate.key.as_slice() == member.signature_key).then_some(())?;
            let index = member.index.u32();
            Some((index, Leaf { index, certificate, encryption_key: key_digest(&member.encryption_key) }))
        };
        group.members().map(leaf).collect::<Option<_>>().map(Self)
    }

    /// Whether no two leaves share a device or a key.
    pub fn has_no_twins(&self) -> bool {
        let devices: BTreeSet<_> = self.leaves().map(Leaf::device).collect();
        let keys: BTreeSet<_> = self.leaves().map(Leaf::key).collect();
        devices.len() == self.len() && keys.len() == self.len()
    }

    /// The leaves, in the tree's order.
    pub fn leaves(&self) -> impl Iterator<Item = &Leaf> {
        self.0.values()
    }
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// The leaf at a place.
    pub fn get(&self, index: u32) -> Option<&Leaf> {
        self.0.get(&index)
    }
    /// The leaf of a device.
    pub fn device(&self, device: DeviceId) -> Option<&Leaf> {
        self.leaves().find(|leaf| leaf.device() == device)
    }
    /// The leaf with a signature key.
    pub fn by_key(&self, key: &[u8]) -> Option<&Leaf> {
        self.leaves().find(|leaf| leaf.key() == key)
    }
    /// The leaves of a person.
    pub fn of(&self, person: PersonId) -> impl Iterator<Item = &Leaf> {
        self.leaves().filter(move |leaf| leaf.person() == person)
    }
    /// The persons who have leaves.
    pub fn persons(&self) -> BTreeSet<PersonId> {
        self.leaves().map(Leaf::person).collect()
    }

    /// Takes the leaf at a place out.
    pub fn remove(&mut self, index: u32) -> Option<Leaf> {
        self.0.remove(&index)
    }

    /// Puts a verified leaf at its place.
    pub fn insert(&mut self, leaf: Leaf) {
        self.0.insert(leaf.index, leaf);
    }
}

/// A credential's device, its chain verified up to `root`.
pub fn verify_credential(credential: &Credential, root: &[u8; 32]) -> Option<DeviceCertificate> {
    verified(&super::chain(credential)?, root)
}

fn verified(chain: &[Vec<u8>], root: &[u8; 32]) -> Option<DeviceCertificate> {
    if chain.iter().map(Vec::len).sum::<usize>() > limits::CHAIN_BYTES {
        return None;
    }
    let chain: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
    certificate::verify_device(root, &chain, Usage::Mls).ok()
}

/// The HPKE key of a leaf.
pub fn leaf_encryption_key(leaf: &LeafNode) -> Option<Vec<u8>> {
    let bytes = leaf.encryption_key().tls_serialize_detached().ok()?;
    split_vector(&bytes).map(|(key, _)| key.to_vec())
}

/// The HPKE keys of all nodes, leaves and parents.
pub fn tree_keys(group: &PublicGroup) -> impl Iterator<Item = Option<Vec<u8>>> {
    let leaves = group.members().map(|member| Some(member.encryption_key));
    let parents = group.treesync().full_parents().map(|(_, parent)| {
        // Its encryption key is the first field (RFC 9420 section 7.1).
        let bytes = parent.tls_serialize_detached().ok()?;
        split_vector(&bytes).map(|(key, _)| key.to_vec())
    });
    leaves.chain(parents)
}

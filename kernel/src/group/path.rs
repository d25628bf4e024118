//! The shape of a commit, read from its bytes before any library parses them, and whether its path fits the tree.
//!
//! RFC 9420 section 7.6 asks that each node of an update path has one ciphertext for each node of its copath child's
//! resolution. openmls 0.9 and mls-rs 0.57 compare the number of nodes only: a commit without ciphertexts would count, and
//! shut everybody out at a small price. So [`check`] counts them. And what these libraries parse takes many times its bytes
//! in memory where vectors hold millions of tiny things, so [`Shape::of`] bounds every list first.

use std::collections::{BTreeMap, BTreeSet};

use openmls::prelude::PublicGroup;
use pli_proto::limits;
use tls_codec::Serialize as _;

use super::split_vector;

/// What an X-Wing encapsulation has, in bytes: ML-KEM-768's ciphertext, X25519's public key.
const KEM_OUTPUT: usize = 1088 + 32;
/// What a sealed path secret of this suite has, in bytes: the secret, AES-GCM's tag.
const PATH_SECRET: usize = 48 + 16;
/// Bytes of a list in a leaf's capabilities; ours have 10.
const CAPABILITIES: usize = 256;
/// Proposals in a commit: everybody removed, as many added as one commit may, another context.
const PROPOSALS: usize = limits::GROUP_DEVICES + limits::ADDS_PER_COMMIT + 1;
/// A full tree of 1,000 leaves has ten levels of parents.
const PATH_NODES: usize = 32;

/// How many ciphertexts each node of a commit's path has, from the committer up to the root; nothing, without a path.
#[derive(Debug, PartialEq, Eq)]
pub struct Shape(Option<Vec<usize>>);

impl Shape {
    /// The shape of an MLSMessage with a PublicMessage that is a commit; `None` if it is none, or has a list beyond its
    /// bound.
    pub fn of(message: &[u8]) -> Option<Self> {
        let mut reader = Reader(message);
        // Version mls10, wire format mls_public_message (RFC 9420 section 6).
        if (reader.u16()?, reader.u16()?) != (1, 1) {
            return None;
        }
        reader.vector()?; // group_id
        reader.skip(8)?; // epoch
        match reader.u8()? {
            1 | 2 => reader.skip(4)?, // member, external
            3 | 4 => {}               // new members
            _ => return None,
        }
        reader.vector()?; // authenticated_data
        // content_type commit
        if reader.u8()? != 3 {
            return None;
        }
        let mut proposals = Reader(reader.vector()?);
        let mut count = 0;
        while !proposals.0.is_empty() {
            count += 1;
            proposals.proposal().filter(|()| count <= PROPOSALS)?;
        }
        match reader.u8()? {
            0 => Some(Self(None)),
            1 => reader.path().map(|nodes| Self(Some(nodes))),
            _ => None,
        }
    }
}

/// Whether the path of a commit by the leaf at `committer` has the ciphertexts that the tree asks for. `after` is the group
/// after the commit, whose copath is that of before with the proposals applied; `added` are the leaves that came by it,
/// to which their Welcomes bring the secret.
pub fn check(shape: &Shape, after: &PublicGroup, committer: u32, added: &BTreeSet<u32>) -> bool {
    let Some(counts) = &shape.0 else { return true };
    Tree::of(after, added).is_some_and(|tree| tree.path(committer) == *counts)
}

/// Where a tree has nodes, in the array order of RFC 9420 appendix C: leaves at even places, parents at odd ones.
struct Tree<'a> {
    /// One place for each leaf, taken or not; a power of two.
    leaves: Vec<bool>,
    /// The parents that are not blank, with their unmerged leaves.
    parents: BTreeMap<u32, Vec<u32>>,
    added: &'a BTreeSet<u32>,
}

/// How many nodes a resolution has, and how many of them are not of leaves that the commit adds.
#[derive(Clone, Copy, Default)]
struct Resolution {
    all: usize,
    old: usize,
}

impl<'a> Tree<'a> {
    fn of(group: &PublicGroup, added: &'a BTreeSet<u32>) -> Option<Self> {
        let tree = group.treesync();
        let mut leaves: Vec<bool> = tree.leaves().iter().map(Option::is_some).collect();
        leaves.resize(leaves.len().next_power_of_two(), false);
        let mut parents = BTreeMap::new();
        for (index, parent) in tree.full_parents() {
            // ParentNode (RFC 9420 section 7.1): encryption_key, parent_hash, unmerged_leaves.
            let bytes = parent.tls_serialize_detached().ok()?;
            let (_, rest) = split_vector(&bytes)?;
            let (_, rest) = split_vector(rest)?;
            let (unmerged, _) = split_vector(rest)?;
            let (unmerged, _) = unmerged.as_chunks();
            parents.insert(2 * index.u32() + 1, unmerged.iter().map(|leaf| u32::from_be_bytes(*leaf)).collect());
        }
        Some(Self { leaves, parents, added })
    }

    /// The number of ciphertexts for each node of the filtered direct path of a leaf (RFC 9420 section 4.1.2).
    fn path(&self, leaf: u32) -> Vec<usize> {
        let mut counts = Vec::new();
        let (mut child, mut half) = (2 * leaf, 1);
        while (half as usize) < self.leaves.len() {
            // A node's level is the number of its trailing ones; its children are `half` to the left and right.
            let parent = (child & !(2 * half)) | half;
            let sibling = if child < parent { parent + half } else { parent - half };
            let resolution = self.resolution(sibling, half);
            if resolution.all > 0 {
                counts.push(resolution.old);
            }
            (child, half) = (parent, 2 * half);
        }
        counts
    }

    /// The resolution of the node at a place, whose subtree has `width` leaves.
    fn resolution(&self, node: u32, width: u32) -> Resolution {
        let of = |leaf: u32| Resolution { all: 1, old: usize::from(!self.added.contains(&leaf)) };
        if width == 1 {
            let is_taken = self.leaves.get(node as usize / 2) == Some(&true);
            return if is_taken { of(node / 2) } else { Resolution::default() };
        }
        let parts = match self.parents.get(&node) {
            Some(unmerged) => {
                let own = Resolution { all: 1, old: 1 };
                return unmerged.iter().map(|leaf| of(*leaf)).fold(own, Resolution::plus);
            }
            None => [self.resolution(node - width / 2, width / 2), self.resolution(node + width / 2, width / 2)],
        };
        parts[0].plus(parts[1])
    }
}

impl Resolution {
    fn plus(self, other: Self) -> Self {
        Self { all: self.all + other.all, old: self.old + other.old }
    }
}

/// The bytes that are left of a message. Every method takes something off the front, or fails.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }
    fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }
    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }
    fn skip(&mut self, bytes: usize) -> Option<()> {
        self.0 = self.0.get(bytes..)?;
        Some(())
    }
    fn vector(&mut self) -> Option<&'a [u8]> {
        let (taken, rest) = split_vector(self.0)?;
        self.0 = rest;
        Some(taken)
    }

    /// ProposalOrRef (RFC 9420 section 12.4) of a kind that counts in Pli, by value.
    fn proposal(&mut self) -> Option<()> {
        if self.u8()? != 1 {
            return None;
        }
        match self.u16()? {
            1 => self.key_package(),
            3 => self.skip(4),                // remove
            6 | 7 => self.vector().map(drop), // external_init, group_context_extensions
            _ => None,
        }
    }

    /// KeyPackage (RFC 9420 section 10).
    fn key_package(&mut self) -> Option<()> {
        self.skip(4)?; // version, cipher suite
        self.vector()?; // init_key
        self.leaf()?;
        self.vector()?; // extensions
        self.vector().map(drop) // signature
    }

    /// LeafNode (RFC 9420 section 7.2).
    fn leaf(&mut self) -> Option<()> {
        self.vector()?; // encryption_key
        self.vector()?; // signature_key
        // An x509 credential.
        if self.u16()? != 2 {
            return None;
        }
        self.vector().filter(|chain| chain.len() <= limits::CHAIN_BYTES + 16)?;
        for _ in 0..5 {
            self.vector().filter(|list| list.len() <= CAPABILITIES)?;
        }
        match self.u8()? {
            1 => self.skip(16)?, // lifetime
            2 => {}
            3 => drop(self.vector()?), // parent_hash
            _ => return None,
        }
        self.vector().filter(|extensions| extensions.is_empty())?;
        self.vector().map(drop) // signature
    }

    /// UpdatePath (RFC 9420 section 7.6): the ciphertexts of each node.
    fn path(&mut self) -> Option<Vec<usize>> {
        self.leaf()?;
        let mut nodes = Reader(self.vector()?);
        let mut counts = Vec::new();
        while !nodes.0.is_empty() {
            nodes.vector()?; // encryption_key
            let mut ciphertexts = Reader(nodes.vector()?);
            let mut count = 0;
            while !ciphertexts.0.is_empty() {
                ciphertexts.vector().filter(|output| output.len() == KEM_OUTPUT)?;
                ciphertexts.vector().filter(|sealed| sealed.len() == PATH_SECRET)?;
                count += 1;
            }
            counts.push(count);
            if counts.len() > PATH_NODES {
                return None;
            }
        }
        Some(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree of so many places, all taken, with these parents.
    fn tree<'a>(places: usize, parents: &[(u32, &[u32])], added: &'a BTreeSet<u32>) -> Tree<'a> {
        let parents = parents.iter().map(|(node, unmerged)| (*node, unmerged.to_vec())).collect();
        Tree { leaves: vec![true; places], parents, added }
    }

    #[test]
    fn each_node_has_a_ciphertext_for_each_node_of_its_copath() {
        let none = BTreeSet::new();
        assert!(tree(1, &[], &none).path(0).is_empty());
        // No parent is set: everybody gets a ciphertext of their own.
        assert_eq!(tree(8, &[], &none).path(5), [1, 2, 4]);
        // All are: one for each level.
        let full: [(u32, &[u32]); 7] = [(1, &[]), (5, &[]), (9, &[]), (13, &[]), (3, &[]), (11, &[]), (7, &[])];
        assert_eq!(tree(8, &full, &none).path(0), [1, 1, 1]);
        // Leaf 6 was added since the parents of its half were set.
        assert_eq!(tree(8, &[(11, &[6]), (13, &[6]), (7, &[6])], &none).path(0), [1, 2, 2]);
    }

    #[test]
    fn a_side_without_leaves_is_no_part_of_the_path() {
        let none = BTreeSet::new();
        let mut sparse = tree(8, &[], &none);
        (2..8).filter(|leaf| *leaf != 6).for_each(|leaf| sparse.leaves[leaf] = false);
        // Leaves 0, 1 and 6: the second level's other side is empty.
        assert_eq!(sparse.path(0), [1, 1]);
        assert_eq!(sparse.path(6), [2]);
    }

    #[test]
    fn leaves_that_the_commit_adds_get_none() {
        let added = BTreeSet::from([1, 6]);
        assert_eq!(tree(8, &[(11, &[6])], &added).path(0), [0, 2, 1]);
    }
}

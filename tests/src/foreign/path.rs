//! How many ciphertexts the path of a commit has, and how many it ought to have (section 4.2, rule 6).

use std::ops::Range;

use mls_rs::group::Node;

use super::{Result, ensure};

/// What a KEM output has, and a sealed path secret.
const CIPHERTEXT: [usize; 2] = [1_120, 64];

/// The number of ciphertexts for each node of a public commit's path, from the committer up, read from its bytes (RFC 9420,
/// sections 6, 7.2 and 7.6); none without a path.
pub(super) fn ciphertexts(commit: &[u8]) -> Result<Option<Vec<usize>>> {
    let mut rest = Rest(commit);
    rest.take(4)?; // version, wire format
    rest.vector()?; // group
    rest.take(8)?; // epoch
    if matches!(rest.take(1)?, [1 | 2]) {
        rest.take(4)?; // sender's leaf
    }
    rest.vector()?; // authenticated data
    rest.take(1)?; // content type
    rest.vector()?; // proposals
    if rest.take(1)? == [0] {
        return Ok(None);
    }
    rest.leaf()?;
    let (mut nodes, mut counts) = (Rest(rest.vector()?), Vec::new());
    while !nodes.0.is_empty() {
        nodes.vector()?; // key
        let (mut list, mut count) = (Rest(nodes.vector()?), 0);
        while !list.0.is_empty() {
            let lengths = [list.vector()?.len(), list.vector()?.len()];
            ensure(lengths == CIPHERTEXT, "a ciphertext of another length")?;
            count += 1;
        }
        counts.push(count);
    }
    Ok(Some(counts))
}

/// The same for what the committer's path is to be encrypted to, in the tree after: its copath is that of before, with the
/// proposals applied.
pub(super) fn wanted(tree: &[Option<Node>], committer: u32, added: &[u32]) -> Vec<usize> {
    let is_added = |node: &usize| added.iter().any(|leaf| 2 * *leaf as usize == *node);
    let mut side = 0..(tree.len().div_ceil(2).next_power_of_two() * 2 - 1);
    let mut counts = Vec::new();
    // From the root down: at each parent, the side where the committer is not.
    while side.len() > 1 {
        let [left, right] = halves(&side);
        let (own, other) = if left.contains(&(2 * committer as usize)) { (left, right) } else { (right, left) };
        let nodes = resolution(tree, &other);
        if !nodes.is_empty() {
            counts.push(nodes.iter().filter(|node| !is_added(node)).count());
        }
        side = own;
    }
    counts.reverse();
    counts
}

/// What is below the root of a subtree, which is in its middle.
fn halves(subtree: &Range<usize>) -> [Range<usize>; 2] {
    let root = usize::midpoint(subtree.start, subtree.end);
    [subtree.start..root, root + 1..subtree.end]
}

/// The resolution of a subtree's root (RFC 9420, section 4.1.1).
fn resolution(tree: &[Option<Node>], subtree: &Range<usize>) -> Vec<usize> {
    let root = usize::midpoint(subtree.start, subtree.end);
    match tree.get(root) {
        Some(Some(Node::Leaf(_))) => vec![root],
        Some(Some(Node::Parent(parent))) => {
            let unmerged = parent.unmerged_leaves.iter().map(|leaf| 2 * u32::from(*leaf) as usize);
            [root].into_iter().chain(unmerged).collect()
        }
        _ if subtree.len() == 1 => Vec::new(),
        _ => halves(subtree).iter().flat_map(|half| resolution(tree, half)).collect(),
    }
}

/// The bytes that are not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, bytes: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes).ok_or("too short")?;
        self.0 = rest;
        Ok(taken)
    }

    /// The RFC's vector, section 2.1.2.
    fn vector(&mut self) -> Result<&'a [u8]> {
        let first = *self.0.first().ok_or("too short")?;
        let length = match first >> 6 {
            0 => self.take(1)?,
            1 => self.take(2)?,
            2 => self.take(4)?,
            _ => return Err("no length".into()),
        };
        let number = length.iter().fold(0, |number, byte| number << 8 | usize::from(*byte));
        self.take(number & ((1 << (8 * length.len() - 2)) - 1))
    }

    fn leaf(&mut self) -> Result<()> {
        for _ in 0..2 {
            self.vector()?; // encryption key, signature key
        }
        self.take(2)?; // kind of credential
        for _ in 0..6 {
            self.vector()?; // certificates, capabilities
        }
        match self.take(1)? {
            [1] => drop(self.take(16)?), // lifetime
            [3] => drop(self.vector()?), // parent hash
            _ => {}
        }
        for _ in 0..2 {
            self.vector()?; // extensions, signature
        }
        Ok(())
    }
}

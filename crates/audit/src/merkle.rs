//! The Merkle tree of RFC 6962 and RFC 9162, section 2.1: hashes, roots, inclusion and consistency proofs.
//!
//! A hash of a leaf begins with a 0x00 byte, one of a node with 0x01, so that neither can be taken for the other. A tree
//! of `n` leaves splits at the largest power of two below `n`.

use ring::digest::{Context, SHA256};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// How many leaves a stored subtree holds. The roots of complete subtrees are stored, so computing the root of
/// the tree takes one hash for each of them and one for each leaf after the last.
pub const SUBTREE: usize = 256;

/// Returns the SHA-256 of the parts, one after the other.
#[must_use]
pub fn sha256(parts: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// Returns the hash of a leaf's bytes.
#[must_use]
pub fn leaf_hash(bytes: &[u8]) -> Hash {
    sha256(&[&[0], bytes])
}

/// Returns the hash of a node with these two children.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[1], left, right])
}

/// Returns the root of a tree with these leaf hashes; of an empty one, the hash of nothing.
#[must_use]
pub fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => sha256(&[]),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&root(left), &root(right))
        }
    }
}

/// Returns the largest power of two below `size`, which is at least 2.
fn split(size: usize) -> usize {
    1 << (size - 1).ilog2()
}

/// The right edge of a growing tree: enough to add a leaf and to know the root, at any size.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// Roots of complete subtrees with their heights, the largest first; heights fall strictly.
    edge: Vec<(u32, Hash)>,
}

impl Frontier {
    /// Returns an empty tree.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns how many leaves the tree has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf.
    pub fn push(&mut self, leaf: Hash) {
        self.push_subtree(0, leaf);
    }

    /// Adds a complete subtree of [`SUBTREE`] leaves. Only where the tree holds such subtrees alone.
    pub fn push_complete(&mut self, subtree: Hash) {
        debug_assert_eq!(self.size % SUBTREE as u64, 0, "a complete subtree cannot follow single leaves");
        self.push_subtree(SUBTREE.ilog2(), subtree);
    }

    fn push_subtree(&mut self, height: u32, hash: Hash) {
        self.size += 1 << height;
        let (mut height, mut hash) = (height, hash);
        while let Some(&(last, left)) = self.edge.last()
            && last == height
        {
            self.edge.pop();
            hash = node_hash(&left, &hash);
            height += 1;
        }
        self.edge.push((height, hash));
    }

    /// Returns the tree's root.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut edge = self.edge.iter().rev().map(|(_, hash)| *hash);
        let Some(last) = edge.next() else { return sha256(&[]) };
        edge.fold(last, |right, left| node_hash(&left, &right))
    }
}

/// Returns the inclusion proof of leaf `index` in the tree of these leaves, from the bottom up (RFC 9162, 2.1.3.1);
/// `None` if there is no such leaf.
#[must_use]
pub fn inclusion_proof(leaves: &[Hash], index: usize) -> Option<Vec<Hash>> {
    if index >= leaves.len() {
        return None;
    }
    let (mut part, mut index) = (leaves, index);
    let mut siblings = Vec::new();
    while part.len() > 1 {
        let (left, right) = part.split_at(split(part.len()));
        if index < left.len() {
            siblings.push(root(right));
            part = left;
        } else {
            siblings.push(root(left));
            index -= left.len();
            part = right;
        }
    }
    siblings.reverse();
    Some(siblings)
}

/// Returns the root that an inclusion proof leads to (RFC 9162, 2.1.3.2); `None` if the proof does not have the length
/// that a tree of `size` needs.
#[must_use]
pub fn root_of_inclusion(leaf: Hash, index: u64, size: u64, proof: &[Hash]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    let (mut node, mut last, mut hash) = (index, size - 1, leaf);
    for sibling in proof {
        if last == 0 {
            return None;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(hash)
}

/// Returns the proof that the tree of these leaves continues the one of its first `first` leaves (RFC 9162, 2.1.4.1);
/// `None` unless `first` is between 1 and the number of leaves. Equal sizes have an empty proof.
#[must_use]
pub fn consistency_proof(leaves: &[Hash], first: usize) -> Option<Vec<Hash>> {
    if first == 0 || first > leaves.len() {
        return None;
    }
    let mut proof = Vec::new();
    subproof(leaves, first, true, &mut proof);
    Some(proof)
}

fn subproof(leaves: &[Hash], first: usize, is_known: bool, proof: &mut Vec<Hash>) {
    if first == leaves.len() {
        if !is_known {
            proof.push(root(leaves));
        }
        return;
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    if first <= left.len() {
        subproof(left, first, is_known, proof);
        proof.push(root(right));
    } else {
        subproof(right, first - left.len(), false, proof);
        proof.push(root(left));
    }
}

/// Returns whether the proof shows that the tree (`second`, `second_root`) continues the tree (`first`, `first_root`)
/// (RFC 9162, 2.1.4.2).
#[must_use]
pub fn is_consistent(first: u64, first_root: &Hash, second: u64, second_root: &Hash, proof: &[Hash]) -> bool {
    if first == 0 || first > second {
        return false;
    }
    if first == second {
        return proof.is_empty() && first_root == second_root;
    }
    let mut hashes = proof.iter();
    let (mut node, mut last) = (first - 1, second - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    // A first tree that is a complete subtree is the known start itself and is left out of the proof.
    let start = if first.is_power_of_two() { Some(first_root) } else { hashes.next() };
    let Some(&start) = start else { return false };
    let (mut old, mut new) = (start, start);
    for sibling in hashes {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            old = node_hash(sibling, &old);
            new = node_hash(sibling, &new);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new = node_hash(&new, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && &old == first_root && &new == second_root
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hex(hash: &[u8]) -> String {
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn leaves(count: usize) -> Vec<Hash> {
        (0..count).map(|number| leaf_hash(&number.to_be_bytes())).collect()
    }

    /// The definition of RFC 6962, 2.1, letter by letter.
    fn naive(inputs: &[Vec<u8>]) -> Hash {
        match inputs.len() {
            0 => sha256(&[]),
            1 => sha256(&[&[0], &inputs[0]]),
            count => {
                let mut half = 1;
                while half * 2 < count {
                    half *= 2;
                }
                sha256(&[&[1], &naive(&inputs[..half]), &naive(&inputs[half..])])
            }
        }
    }

    /// The eight leaves and the roots of Certificate Transparency's own test data (`merkletree_test`), from which every
    /// implementation takes them.
    #[test]
    fn roots_are_those_of_the_reference_tree() {
        let inputs: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let leaves: Vec<Hash> = inputs.iter().map(|input| leaf_hash(input)).collect();
        let roots = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        for (size, expected) in roots.iter().enumerate() {
            assert_eq!(hex(&root(&leaves[..size])), *expected, "{size} leaves");
        }
    }

    #[test]
    fn a_frontier_has_the_root_of_every_size_and_takes_whole_subtrees() {
        let all = leaves(700);
        let mut frontier = Frontier::new();
        for size in 0..=all.len() {
            assert_eq!(frontier.root(), root(&all[..size]), "{size}");
            assert_eq!(frontier.size(), size as u64);
            if let Some(&leaf) = all.get(size) {
                frontier.push(leaf);
            }
        }
        let mut by_subtrees = Frontier::new();
        for subtree in all.chunks_exact(SUBTREE) {
            by_subtrees.push_complete(root(subtree));
        }
        for &leaf in all.chunks_exact(SUBTREE).remainder() {
            by_subtrees.push(leaf);
        }
        assert_eq!(by_subtrees, frontier);
    }

    #[test]
    fn every_inclusion_and_every_consistency_of_small_trees_is_proved() {
        for size in 1..=40 {
            let all = leaves(size);
            let top = root(&all);
            for index in 0..size {
                let proof = inclusion_proof(&all, index).unwrap();
                assert_eq!(root_of_inclusion(all[index], index as u64, size as u64, &proof), Some(top));
                let other = root_of_inclusion(all[index], (index as u64 + 1) % size as u64, size as u64, &proof);
                assert!(size == 1 || other != Some(top), "{index} of {size} proves its neighbour's place");
            }
            assert_eq!(inclusion_proof(&all, size), None);
            for first in 1..=size {
                let (proof, old) = (consistency_proof(&all, first).unwrap(), root(&all[..first]));
                assert!(is_consistent(first as u64, &old, size as u64, &top, &proof), "{first} of {size}");
                assert!(!is_consistent(first as u64, &leaf_hash(b"x"), size as u64, &top, &proof));
                assert!(!is_consistent(first as u64, &old, size as u64, &leaf_hash(b"x"), &proof));
            }
            assert_eq!(consistency_proof(&all, 0), None);
            assert_eq!(consistency_proof(&all, size + 1), None);
        }
    }

    proptest! {
        #[test]
        fn any_tree_has_the_root_of_the_definition(
            inputs in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..200),
        ) {
            let hashes: Vec<Hash> = inputs.iter().map(|input| leaf_hash(input)).collect();
            prop_assert_eq!(root(&hashes), naive(&inputs));
        }

        #[test]
        fn a_proof_with_any_bit_changed_proves_nothing(size in 2_usize..300, at in any::<prop::sample::Index>(), bit in 0_usize..256) {
            let all = leaves(size);
            let (index, top) = (at.index(size), root(&all));
            let mut proof = inclusion_proof(&all, index).unwrap();
            let place = at.index(proof.len());
            proof[place][bit / 8] ^= 1 << (bit % 8);
            prop_assert_ne!(root_of_inclusion(all[index], index as u64, size as u64, &proof), Some(top));
            let first = at.index(size - 1) + 1;
            let mut proof = consistency_proof(&all, first).unwrap();
            let place = at.index(proof.len());
            proof[place][bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!is_consistent(first as u64, &root(&all[..first]), size as u64, &top, &proof));
        }

        #[test]
        fn any_numbers_and_hashes_end_in_an_answer(
            index in any::<u64>(), size in any::<u64>(), proof in proptest::collection::vec(any::<[u8; 32]>(), 0..80),
        ) {
            let _ = root_of_inclusion([0; 32], index, size, &proof);
            let _ = is_consistent(index, &[0; 32], size, &[1; 32], &proof);
        }
    }
}

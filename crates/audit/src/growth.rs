//! Proofs that a log only grew: one text file that leads from a checkpoint that somebody kept to a later one.
//!
//! The form is that in which a log asks C2SP's witnesses for a signature (<https://c2sp.org/tlog-witness>, `add-checkpoint`):
//! the size of the earlier tree, the consistency proof of RFC 9162, an empty line, and the later checkpoint.

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::merkle::{Hash, is_consistent};
use crate::note::{LARGEST_NOTE, Verifier};
use crate::proof::{hashes_in, lines_of};

/// The standard's limit; a tree of 2^63 leaves has no longer proof.
const MOST_HASHES: usize = 63;

/// A proof that a log continues an earlier one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Growth {
    /// The size of the earlier tree.
    pub old: u64,
    /// The consistency proof.
    pub hashes: Vec<Hash>,
    /// The later signed checkpoint.
    pub checkpoint: String,
}

/// Why it proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrowthError {
    #[error("not a consistency proof: {0}")]
    Form(&'static str),
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error("the log of the later checkpoint does not continue that of the earlier one")]
    Other,
}

impl Growth {
    /// Returns the proof's file.
    #[must_use]
    pub fn text(&self) -> String {
        format!("old {}\n{}\n{}", self.old, lines_of(&self.hashes), self.checkpoint)
    }

    /// Reads a proof's file. Nothing is verified yet.
    ///
    /// # Errors
    /// [`GrowthError::Form`].
    pub fn parse(text: &str) -> Result<Self, GrowthError> {
        if text.len() > LARGEST_NOTE {
            return Err(GrowthError::Form("it is too large"));
        }
        let (head, checkpoint) =
            text.split_once("\n\n").ok_or(GrowthError::Form("it has no empty line before the checkpoint"))?;
        let mut lines = head.split('\n');
        let wrong = GrowthError::Form("the first line is not `old` and a size");
        let number = lines.next().and_then(|line| line.strip_prefix("old ")).ok_or_else(|| wrong.clone())?;
        let old: u64 = number.parse().map_err(|_| wrong.clone())?;
        if old.to_string() != number {
            return Err(wrong);
        }
        let hashes = hashes_in(lines, MOST_HASHES).map_err(GrowthError::Form)?;
        Ok(Self { old, hashes, checkpoint: checkpoint.to_owned() })
    }

    /// Verifies that the log of these keys continues the one of the earlier checkpoint; returns the later checkpoint.
    ///
    /// # Errors
    /// If one of the two is not signed by one of the keys, they are of different logs, or the proof does not lead from one
    /// to the other.
    pub fn verify(&self, earlier: &str, verifiers: &[Verifier]) -> Result<Checkpoint, GrowthError> {
        let (earlier, _) = Checkpoint::open(earlier, verifiers)?;
        let (later, _) = Checkpoint::open(&self.checkpoint, verifiers)?;
        let fits = earlier.origin == later.origin
            && earlier.size == self.old
            && is_consistent(earlier.size, &earlier.root, later.size, &later.root, &self.hashes);
        if fits { Ok(later) } else { Err(GrowthError::Other) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::{consistency_proof, leaf_hash, root};
    use crate::note::Signer;

    #[test]
    fn a_log_that_grew_is_told_from_one_that_was_changed() {
        let leaves: Vec<Hash> = (0..77_u8).map(|number| leaf_hash(&[number])).collect();
        let signer = Signer::new("example.org/log", [1; 32]).unwrap();
        let keys = [signer.verifier()];
        let at = |leaves: &[Hash]| {
            let size = leaves.len() as u64;
            Checkpoint { origin: "example.org/log".to_owned(), size, root: root(leaves) }.sign(&signer)
        };
        for old in [1, 2, 30, 64, 76, 77] {
            let hashes = consistency_proof(&leaves, old).unwrap();
            let proof = Growth { old: old as u64, hashes, checkpoint: at(&leaves) };
            assert_eq!(Growth::parse(&proof.text()), Ok(proof.clone()));
            assert_eq!(proof.verify(&at(&leaves[..old]), &keys).unwrap().size, 77);
            let mut others = leaves[..old].to_vec();
            others[0] = leaf_hash(b"other");
            assert_eq!(proof.verify(&at(&others), &keys), Err(GrowthError::Other));
            if old > 1 {
                assert_eq!(proof.verify(&at(&leaves[..old - 1]), &keys), Err(GrowthError::Other));
            }
            let unknown = [Signer::new("example.org/log", [2; 32]).unwrap().verifier()];
            assert!(matches!(proof.verify(&at(&leaves[..old]), &unknown), Err(GrowthError::Checkpoint(_))));
        }
        for wrong in ["", "old 1", "old 01\n\nx", "new 1\n\nx", "old 1\nAAAA\n\nx", &"old 1\n".repeat(90)] {
            assert!(matches!(Growth::parse(wrong), Err(GrowthError::Form(_))), "{wrong}");
        }
    }
}

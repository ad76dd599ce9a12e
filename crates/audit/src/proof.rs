//! Proofs (<https://c2sp.org/tlog-proof>): one text file that shows, without a network, that a log holds an entry.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::merkle::{Hash, root_of_inclusion};
use crate::note::{LARGEST_NOTE, Verifier};

/// The first line of a proof.
const FORMAT: &str = "c2sp.org/tlog-proof@v1";

/// A tree of 2^64 leaves has no longer proof.
const MOST_HASHES: usize = 64;

/// A proof that an entry is in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// What the application adds: here, what is needed to check the entry's content.
    pub extra: Option<Vec<u8>>,
    /// The entry's place in the log.
    pub index: u64,
    /// The inclusion proof, from the leaf up.
    pub hashes: Vec<Hash>,
    /// The signed checkpoint.
    pub checkpoint: String,
}

/// Why a proof proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    #[error("not a proof: {0}")]
    Form(&'static str),
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error("the proof does not lead from the entry to the root of the checkpoint")]
    Root,
}

impl Proof {
    /// Returns the proof's file.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { extra, index, hashes, checkpoint } = self;
        let extra = extra.as_ref().map_or_else(String::new, |extra| format!("extra {}\n", STANDARD.encode(extra)));
        format!("{FORMAT}\n{extra}index {index}\n{}\n{checkpoint}", lines_of(hashes))
    }

    /// Reads a proof's file. Nothing is verified yet.
    ///
    /// # Errors
    /// [`ProofError::Form`].
    pub fn parse(text: &str) -> Result<Self, ProofError> {
        if text.len() > LARGEST_NOTE {
            return Err(ProofError::Form("it is too large"));
        }
        let (head, checkpoint) =
            text.split_once("\n\n").ok_or(ProofError::Form("it has no blank line before the checkpoint"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(FORMAT) {
            return Err(ProofError::Form("the first line is not c2sp.org/tlog-proof@v1"));
        }
        let extra = lines.next_if(|line| line.starts_with("extra ")).map(|line| STANDARD.decode(&line[6..]));
        let extra = extra.transpose().map_err(|_| ProofError::Form("the extra data are not base64"))?;
        let wrong = ProofError::Form("the line with the index is missing or wrong");
        let number = lines.next().and_then(|line| line.strip_prefix("index ")).ok_or_else(|| wrong.clone())?;
        let index: u64 = number.parse().map_err(|_| wrong.clone())?;
        if index.to_string() != number {
            return Err(wrong);
        }
        let hashes = hashes_in(lines, MOST_HASHES).map_err(ProofError::Form)?;
        Ok(Self { extra, index, hashes, checkpoint: checkpoint.to_owned() })
    }

    /// Verifies that the log of these keys holds the leaf at [`Self::index`]; returns the checkpoint.
    ///
    /// # Errors
    /// If the checkpoint is not signed by one of the keys, or the proof does not lead to its root.
    pub fn verify(&self, leaf: Hash, verifiers: &[Verifier]) -> Result<Checkpoint, ProofError> {
        let (checkpoint, _) = Checkpoint::open(&self.checkpoint, verifiers)?;
        match root_of_inclusion(leaf, self.index, checkpoint.size, &self.hashes) {
            Some(root) if root == checkpoint.root => Ok(checkpoint),
            _ => Err(ProofError::Root),
        }
    }
}

/// Returns the hashes of a proof as lines of base64.
pub(crate) fn lines_of(hashes: &[Hash]) -> String {
    hashes.iter().map(|hash| format!("{}\n", STANDARD.encode(hash))).collect()
}

/// Reads lines of base64 as the hashes of a proof; the error says what is wrong with them.
pub(crate) fn hashes_in<'l>(lines: impl Iterator<Item = &'l str>, most: usize) -> Result<Vec<Hash>, &'static str> {
    let hash = |line: &str| Hash::try_from(STANDARD.decode(line).ok()?).ok();
    let hashes: Vec<Hash> = lines.map(hash).collect::<Option<_>>().ok_or("a hash is not the base64 of 32 bytes")?;
    if hashes.len() > most { Err("it has too many hashes") } else { Ok(hashes) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::{inclusion_proof, leaf_hash, root};
    use crate::note::Signer;

    #[test]
    fn a_proof_is_read_back_and_verified_and_no_change_to_it_is() {
        let leaves: Vec<Hash> = (0..77_u8).map(|number| leaf_hash(&[number])).collect();
        let signer = Signer::new("example.org/log", [1; 32]).unwrap();
        let checkpoint = Checkpoint { origin: "example.org/log".to_owned(), size: 77, root: root(&leaves) };
        for (index, extra) in [(0, None), (30, Some(b"{}".to_vec())), (76, Some(Vec::new()))] {
            let hashes = inclusion_proof(&leaves, index).unwrap();
            let proof = Proof { extra, index: index as u64, hashes, checkpoint: checkpoint.sign(&signer) };
            let text = proof.text();
            assert_eq!(Proof::parse(&text), Ok(proof.clone()));
            let keys = [signer.verifier()];
            assert_eq!(proof.verify(leaves[index], &keys), Ok(checkpoint.clone()));
            assert_eq!(proof.verify(leaf_hash(b"other"), &keys), Err(ProofError::Root));
            assert_eq!(Proof { index: 5, ..proof.clone() }.verify(leaves[index], &keys), Err(ProofError::Root));
            assert!(
                proof.verify(leaves[index], &[Signer::new("example.org/log", [2; 32]).unwrap().verifier()]).is_err()
            );
            for (from, to) in
                [("@v1", "@v2"), ("index ", "index 0"), ("index ", "place "), ("\n\n", "\n"), ("=\n", "\n")]
            {
                assert!(Proof::parse(&text.replacen(from, to, 1)).is_err(), "{from:?} -> {to:?}");
            }
        }
    }
}

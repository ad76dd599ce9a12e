//! Checkpoints (<https://c2sp.org/tlog-checkpoint>): a log's origin, size and root, as the text of a signed note.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::merkle::Hash;
use crate::note::{Note, NoteError, Signer, Verifier, is_name, sign};

/// A log's size and root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name, which is also its key's.
    pub origin: String,
    pub size: u64,
    pub root: Hash,
}

/// Why a text is no checkpoint that can be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    #[error(transparent)]
    Note(#[from] NoteError),
    #[error("not a checkpoint: {0}")]
    Form(&'static str),
}

impl Checkpoint {
    /// Returns the checkpoint as a note signed by `signer`.
    #[must_use]
    pub fn sign(&self, signer: &Signer) -> String {
        sign(&self.text(), &[signer])
    }

    fn text(&self) -> String {
        let Self { origin, size, root } = self;
        format!("{origin}\n{size}\n{}\n", STANDARD.encode(root))
    }

    /// Reads the checkpoint that a note holds, without verifying a signature. Further lines, which others may add, are
    /// allowed and ignored.
    ///
    /// # Errors
    /// [`CheckpointError::Form`].
    pub fn of_note(note: &Note) -> Result<Self, CheckpointError> {
        let mut lines = note.text().split_terminator('\n');
        let mut next = |what| lines.next().filter(|line| !line.is_empty()).ok_or(CheckpointError::Form(what));
        let origin = next("the first line is no origin")?;
        if !is_name(origin) {
            return Err(CheckpointError::Form("the first line is no origin"));
        }
        let wrong = CheckpointError::Form("the second line is no size");
        let number = next("the second line is no size")?;
        let size: u64 = number.parse().map_err(|_| wrong.clone())?;
        if size.to_string() != number {
            return Err(wrong);
        }
        let wrong = CheckpointError::Form("the third line is not the base64 of 32 bytes");
        let root = STANDARD.decode(next("the third line is missing")?).map_err(|_| wrong.clone())?;
        let root = root.try_into().map_err(|_| wrong)?;
        if lines.any(str::is_empty) {
            return Err(CheckpointError::Form("it has an empty line"));
        }
        Ok(Self { origin: origin.to_owned(), size, root })
    }

    /// Reads a signed checkpoint and verifies that one of the keys signed it; returns it with that key.
    ///
    /// # Errors
    /// If it is none, or none of the keys signed it.
    pub fn open<'a>(note: &str, verifiers: &'a [Verifier]) -> Result<(Self, &'a Verifier), CheckpointError> {
        let note = Note::parse(note)?;
        let checkpoint = Self::of_note(&note)?;
        let verifier =
            note.signed_by(verifiers).ok_or_else(|| NoteError::Unsigned(format!("a key of {}", checkpoint.origin)))?;
        if verifier.name() != checkpoint.origin {
            return Err(CheckpointError::Form("it is signed by a key of another name than its origin"));
        }
        Ok((checkpoint, verifier))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_three_lines_that_its_key_signed() {
        let signer = Signer::new("example.org/log", [1; 32]).unwrap();
        let checkpoint = Checkpoint { origin: "example.org/log".to_owned(), size: 42, root: [7; 32] };
        let note = checkpoint.sign(&signer);
        assert!(note.starts_with(
            "example.org/log\n42\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n\n\u{2014} example.org/log "
        ));
        let keys = [Signer::new("example.org/log", [2; 32]).unwrap().verifier(), signer.verifier()];
        assert_eq!(Checkpoint::open(&note, &keys), Ok((checkpoint.clone(), &keys[1])));
        let strange = Checkpoint { origin: "example.org/other".to_owned(), ..checkpoint };
        assert!(Checkpoint::open(&strange.sign(&signer), &keys).is_err(), "a key of another name");
        assert!(Checkpoint::open(&note, &keys[..1]).is_err(), "nobody we know");
        for (from, to) in
            [("\n42\n", "\n042\n"), ("\n42\n", "\n-1\n"), ("Bwc=\n", "\n"), ("example.org/log\n42", "a b\n42")]
        {
            let wrong = note.replacen(from, to, 1);
            let found = Checkpoint::of_note(&Note::parse(&wrong).unwrap());
            assert!(matches!(found, Err(CheckpointError::Form(_))), "{wrong}");
        }
        let extended = note.replacen("Bwc=\n", "Bwc=\na line of others\n", 1);
        assert_eq!(Checkpoint::of_note(&Note::parse(&extended).unwrap()).unwrap().size, 42);
    }
}

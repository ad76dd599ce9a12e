//! Reads bytes as each of the audit log's formats: a value comes out only if it is written back as the same bytes, and
//! nothing proves or signs by accident.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pregonero_audit::{Checkpoint, Entry, Note, Proof, Signer, Verifier};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let strange = Signer::new("nobody", [7; 32]).expect("a key").verifier();
    if let Ok(entry) = Entry::parse(text) {
        assert_eq!(entry.text(), text);
    }
    if let Ok(verifier) = Verifier::parse(text) {
        assert_eq!(verifier.to_string(), text.trim());
    }
    if let Ok(signer) = Signer::parse(text) {
        assert_eq!(signer.to_text().trim(), text.trim());
    }
    if let Ok(note) = Note::parse(text) {
        assert!(note.verify(&strange).is_err());
        assert!(text.starts_with(note.text()));
        if let Ok(checkpoint) = Checkpoint::of_note(&note) {
            assert!(note.text().starts_with(&format!("{}\n{}\n", checkpoint.origin, checkpoint.size)));
        }
    }
    if let Ok(proof) = Proof::parse(text) {
        assert_eq!(proof.text(), text);
        assert!(proof.verify([0; 32], &[strange]).is_err());
    }
});

//! Cloudflare's crates `signed_note` and `tlog_tiles` accept what this crate writes, and this crate accepts theirs.

#![expect(clippy::unwrap_used, reason = "clippy knows a test by its attribute; the helpers are tests too")]

use pregonero_audit::merkle::{self, Hash};
use pregonero_audit::{Checkpoint, Note, Signer, Verifier};
use signed_note::{StandardSigner, StandardVerifier, VerifierList};
use tlog_tiles::{check_record, check_tree, record_hash};

const ORIGIN: &str = "pregonero/example";

fn signer() -> Signer {
    Signer::new(ORIGIN, [9; 32]).unwrap()
}

fn leaves(count: usize) -> Vec<Hash> {
    (0..count).map(|number| merkle::leaf_hash(format!("entry {number}").as_bytes())).collect()
}

fn theirs(hashes: &[Hash]) -> Vec<tlog_tiles::Hash> {
    hashes.iter().map(|hash| tlog_tiles::Hash(*hash)).collect()
}

#[test]
fn they_verify_our_checkpoints_with_our_key_and_read_the_same_in_them() {
    let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), size: 300, root: merkle::root(&leaves(300)) };
    let note = checkpoint.sign(&signer());
    let verifier = StandardVerifier::new(&signer().verifier().to_string()).unwrap();
    let their_note = signed_note::Note::from_bytes(note.as_bytes()).unwrap();
    let (verified, unknown) = their_note.verify(&VerifierList::new(vec![Box::new(verifier)])).unwrap();
    assert_eq!((verified.len(), unknown.len()), (1, 0));
    let read = tlog_tiles::Checkpoint::from_bytes(their_note.text()).unwrap();
    assert_eq!((read.origin(), read.size(), read.hash().0), (ORIGIN, 300, checkpoint.root));
    assert_eq!(read.extension(), "");
}

#[test]
fn we_verify_what_they_sign_with_our_signing_key() {
    let theirs = StandardSigner::new(signer().to_text().trim()).unwrap();
    let mut note = signed_note::Note::new(b"one\ntwo\n", &[]).unwrap();
    note.add_sigs(&[&theirs]).unwrap();
    let note = String::from_utf8(note.to_bytes()).unwrap();
    assert_eq!(Note::parse(&note).unwrap().verify(&signer().verifier()), Ok(()));
    assert_eq!(note, pregonero_audit::note::sign("one\ntwo\n", &[&signer()]), "Ed25519 is deterministic");
    let vkey = signer().verifier().to_string();
    assert_eq!(Verifier::parse(&vkey).unwrap().to_string(), vkey);
}

#[test]
fn they_accept_our_inclusion_and_consistency_proofs_and_no_wrong_ones() {
    assert_eq!(record_hash(b"entry 3").0, leaves(4)[3]);
    for size in [1, 2, 3, 7, 8, 255, 256, 257, 300] {
        let all = leaves(size);
        let root = tlog_tiles::Hash(merkle::root(&all));
        for index in [0, size / 3, size / 2, size - 1] {
            let proof = theirs(&merkle::inclusion_proof(&all, index).unwrap());
            let leaf = tlog_tiles::Hash(all[index]);
            check_record(&proof, size as u64, root, index as u64, leaf).unwrap();
            assert!(check_record(&proof, size as u64, root, index as u64, tlog_tiles::Hash([1; 32])).is_err());
        }
        for first in [1, size / 3, size / 2, size - 1, size].into_iter().filter(|first| *first > 0) {
            let proof = theirs(&merkle::consistency_proof(&all, first).unwrap());
            let old = tlog_tiles::Hash(merkle::root(&all[..first]));
            check_tree(&proof, size as u64, root, first as u64, old).unwrap();
        }
    }
}

//! Reads bytes as the index of the `verbatim` gate, and as a model's own texts. The checksums are corrected first:
//! otherwise every input would fail there.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pregonero_models::verbatim::{OwnTexts, VerbatimIndex};
use sha2::{Digest as _, Sha256};

/// Bytes of a checksum, which is at the end of the index, and at the end of the header of own texts.
const CHECKSUM: usize = 8;
const OWN_HEADER: usize = 40;

fuzz_target!(|data: &[u8]| {
    let _ = VerbatimIndex::read(data);
    let resealed = [data, &Sha256::digest(data)[..CHECKSUM]].concat();
    if let Ok(index) = VerbatimIndex::read(&resealed) {
        let read = VerbatimIndex::read(&index.to_bytes()).expect("what was written is read");
        assert_eq!((read.len(), read.window()), (index.len(), index.window()));
        let _ = index.longest_run("una plaza llena de gente que canta");
    }
    read_own_texts(data);
});

fn read_own_texts(data: &[u8]) {
    let _ = OwnTexts::in_memory(data.to_vec());
    let mut resealed = data.to_vec();
    if data.len() >= OWN_HEADER {
        let digest = Sha256::digest([&data[..OWN_HEADER - CHECKSUM], &data[OWN_HEADER..]].concat());
        resealed[OWN_HEADER - CHECKSUM..OWN_HEADER].copy_from_slice(&digest[..CHECKSUM]);
    }
    if let Ok(own) = OwnTexts::in_memory(resealed) {
        let texts = ["una plaza llena de gente que canta", "", "ñ 疫苗"];
        if let Ok(found) = own.most_similar(&texts, 0.1) {
            assert_eq!(found.len(), texts.len());
        }
    }
}

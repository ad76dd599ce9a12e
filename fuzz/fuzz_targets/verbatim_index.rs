//! Bytes as the index of the `verbatim` gate. The checksum is mended first: without it nothing behind it would be reached.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pregonero::gates::VerbatimIndex;
use sha2::{Digest as _, Sha256};

/// Bytes of the checksum at the end.
const CHECKSUM: usize = 8;

fuzz_target!(|data: &[u8]| {
    let _ = VerbatimIndex::read(data);
    let mended = [data, &Sha256::digest(data)[..CHECKSUM]].concat();
    if let Ok(index) = VerbatimIndex::read(&mended) {
        let read = VerbatimIndex::read(&index.to_bytes()).expect("what was written is read");
        assert_eq!((read.len(), read.window()), (index.len(), index.window()));
        let _ = index.longest_run("una plaza llena de gente que canta");
    }
});

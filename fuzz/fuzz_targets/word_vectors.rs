//! Reads bytes as a file of word vectors: rows of one width and finite numbers, or an error that names file and line.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pregonero_workshop::training::vectors::read_vectors;

fuzz_target!(|data: &[u8]| {
    let path = pregonero_fuzz::file("vectors.vec", data);
    match read_vectors(&path) {
        Ok((vectors, _)) => {
            assert_eq!(vectors.values().len(), vectors.words().len() * vectors.width());
            assert!(vectors.values().iter().all(|value| value.is_finite()));
        }
        Err(error) => assert!(format!("{error:#}").contains("vectors.vec"), "{error:#}"),
    }
});

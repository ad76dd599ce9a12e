//! Reads bytes as a grammar of `dataset compose`: texts, or an error that names the file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pregonero_workshop::dataset::compose::{Composition, compose};

fuzz_target!(|data: &[u8]| {
    let composition = Composition {
        grammar: pregonero_fuzz::file("grammar.json", data),
        origin: "origin".to_owned(),
        count: 3,
        seed: 1,
        columns: Vec::new(),
        longest: 280,
    };
    match compose(&composition) {
        Ok(composed) => assert!((1..=3).contains(&composed.report.texts)),
        Err(error) => assert!(format!("{error:#}").contains("grammar.json"), "{error:#}"),
    }
});

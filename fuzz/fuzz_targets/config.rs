//! Reads bytes as `config.toml`: settings, or a list of faults that each name their place.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pregonero::config::{ConfigError, LoadRequest, load};

fuzz_target!(|data: &[u8]| {
    let explicit_file = Some(pregonero_fuzz::file("config.toml", data));
    match load(LoadRequest { explicit_file, environment: Vec::new(), overrides: Vec::new() }) {
        Ok(loaded) => assert!(loaded.show_json()["settings"].is_array()),
        Err(ConfigError::Faults(faults)) => {
            assert!(!faults.is_empty() && faults.iter().all(|fault| !fault.message.is_empty()))
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});

//! Bytes as a tokenizer: `tokenizer.json`, or `vocab.json` and `merges.txt` with a zero byte between them. One that loads
//! must read and write text.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pregonero::catalog::ModelFiles;
use pregonero::generation::tokenizer::Tokenizer;
use pregonero_fuzz::{choice, folder};

const TEXT: &str = "Hola, ¿qué tal? 🎉 mañana";

fuzz_target!(|data: &[u8]| {
    let Some((choice, data)) = choice(data) else { return };
    let folder = if choice % 2 == 0 {
        folder("tokenizer", &[("tokenizer.json", data)])
    } else {
        let middle = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
        let (vocabulary, merges) = data.split_at(middle);
        folder("tokenizer", &[("vocab.json", vocabulary), ("merges.txt", merges.get(1..).unwrap_or_default())])
    };
    let files = ModelFiles::in_folder(&folder).expect("the folder is there");
    if let Ok(tokenizer) = Tokenizer::read(&files)
        && let Ok(ids) = tokenizer.encode(TEXT)
    {
        let _ = tokenizer.decode(&ids);
    }
});

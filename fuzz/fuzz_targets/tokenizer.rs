//! Reads bytes as a tokenizer: `tokenizer.json`; or `vocab.json` and `merges.txt` with a zero byte between them; or
//! the files around a sound pair of those, `tokenizer_config.json`, `special_tokens_map.json` and
//! `added_tokens.json`, with zero bytes between them. One that loads must encode and decode text.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pregonero_fuzz::{choice, folder};
use pregonero_models::catalog::ModelFiles;
use pregonero_models::generation::tokenizer::Tokenizer;

const VOCABULARY: &[u8] = r#"{"a":0,"l":1,"Ġ":2,"la":3,"<|endoftext|>":4}"#.as_bytes();
const MERGES: &[u8] = b"#version: 0.2\nl a\n";
const TEXT: &str = "Hola, ¿qué tal? 🎉 mañana";

fuzz_target!(|data: &[u8]| {
    let Some((choice, data)) = choice(data) else { return };
    let mut parts = data.splitn(3, |byte| *byte == 0);
    let mut part = || parts.next().unwrap_or_default();
    let folder = match choice % 3 {
        0 => folder("tokenizer", &[("tokenizer.json", data)]),
        1 => folder("tokenizer", &[("vocab.json", part()), ("merges.txt", part())]),
        _ => {
            let around =
                [("tokenizer_config.json", part()), ("special_tokens_map.json", part()), ("added_tokens.json", part())];
            let pair = [("vocab.json", VOCABULARY), ("merges.txt", MERGES)];
            let present = around.into_iter().filter(|(_, content)| !content.is_empty());
            folder("tokenizer", &pair.into_iter().chain(present).collect::<Vec<_>>())
        }
    };
    let files = ModelFiles::in_folder(&folder).expect("the folder is there");
    if let Ok(tokenizer) = Tokenizer::read(&files)
        && let Ok(ids) = tokenizer.encode(TEXT)
    {
        let _ = tokenizer.decode(&ids);
    }
});

//! Reads bytes as a source of training texts in the format that the first byte selects (CSV, JSONL, plain), and
//! cleans them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pregonero_workshop::dataset::parts::ReadFor;
use pregonero_workshop::training::text::{Cleaning, TextSource, read_all};

fuzz_target!(|data: &[u8]| {
    let Some((choice, data)) = pregonero_fuzz::choice(data) else { return };
    let (name, column) = [("t.csv", Some("text")), ("t.jsonl", Some("text")), ("t.txt", None)][usize::from(choice) % 3];
    let cleaning = if choice & 8 == 0 { Cleaning::Tweets } else { Cleaning::None };
    let path = pregonero_fuzz::file(name, data);
    let source = TextSource { path, column: column.map(str::to_owned), weight: 1.0 };
    match read_all(&[source], cleaning, ReadFor::Everything) {
        Ok((texts, counts)) => {
            assert_eq!(texts.len(), counts.kept);
            assert_eq!(counts.read, counts.kept + counts.empty + counts.duplicates);
            assert!(texts.iter().all(|text| !text.trim().is_empty()));
        }
        Err(error) => assert!(format!("{error:#}").contains(name), "{error:#}"),
    }
});

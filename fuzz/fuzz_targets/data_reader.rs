//! Reads bytes as a file of every name: rows that are all counted, or an error that names the file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pregonero_data::read::{ReadOptions, open};

fuzz_target!(|data: &[u8]| {
    // The first byte chooses the name and how the file is read.
    let Some((choice, content)) = data.split_first() else { return };
    if content.starts_with(b"PAR1") {
        return; // the parquet crate's own matter
    }
    let name = ["reader.csv", "reader.txt", "reader.jsonl", "reader.js"][usize::from(choice & 3)];
    let options = if choice & 4 == 0 { ReadOptions::default() } else { ReadOptions::strict() };
    let path = pregonero_fuzz::file(name, content);
    match open(std::slice::from_ref(&path), &options) {
        Ok(mut rows) => {
            let mut kept = 0;
            for row in rows.by_ref() {
                match row {
                    Ok(_) => kept += 1,
                    Err(error) => assert!(format!("{error:#}").contains("reader"), "{error:#}"),
                }
            }
            let (read, counted, dropped) = rows.report().totals();
            assert!(read >= counted + dropped && counted >= kept, "{}", rows.report());
        }
        Err(error) => assert!(format!("{error:#}").contains("reader"), "{error:#}"),
    }
});

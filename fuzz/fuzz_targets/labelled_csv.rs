//! Reads bytes as a table of labelled tweets: rows, or an error that names file and line.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pregonero_models::sentiment::Columns;
use pregonero_workshop::dataset::labelled::read_labelled;

fuzz_target!(|data: &[u8]| {
    let path = pregonero_fuzz::file("labelled.csv", data);
    match read_labelled(&path, &Columns::default(), &["negative", "positive"]) {
        Ok(table) => {
            assert!(!table.tweets.is_empty() && table.tweets.iter().all(|tweet| tweet.label < 2 && tweet.row > 0));
        }
        Err(error) => assert!(format!("{error:#}").contains("labelled.csv"), "{error:#}"),
    }
});

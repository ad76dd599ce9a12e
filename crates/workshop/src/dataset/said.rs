//! Says what was found out about a file that is read, once for each file and program run: a training reads some of them twice.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use pregonero_data::read::ReadReport;

static SAID: Mutex<Option<HashSet<String>>> = Mutex::new(None);

/// Logs the report of each file: what was read, and what a person should look at.
pub fn once(report: &ReadReport) {
    if let Some(words) = report.skipped_in_words().filter(|words| is_new(words)) {
        tracing::warn!("{words}");
    }
    for file in &report.files {
        let words = file.to_string();
        match (is_new(&words), file.findings.is_empty() && file.dropped.is_empty()) {
            (false, _) => {}
            (true, true) => tracing::info!("{}", words.replace("\n ", ";")),
            (true, false) => tracing::warn!("{}", words.replace("\n ", ";")),
        }
    }
}

/// Says a sentence that a person should read, once for each program run.
pub fn sentence(words: &str) {
    if is_new(words) {
        tracing::warn!("{words}");
    }
}

fn is_new(words: &str) -> bool {
    SAID.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default().insert(words.to_owned())
}

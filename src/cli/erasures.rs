//! Erasures of texts in words, for the history and the review.

use jiff::tz::TimeZone;

use pregonero_store::ErasedMark;
use pregonero_system::clock::shown_in;

/// Returns a text, or a word in its place if it was erased.
pub fn shown_text(text: &str) -> &str {
    if text.is_empty() { "(erased)" } else { text }
}

/// Says when, by whom and why texts were erased.
pub fn erased(mark: &ErasedMark, timezone: &TimeZone) -> String {
    let at = mark.at.parse().map_or_else(|_| mark.at.clone(), |at| shown_in(at, timezone));
    let by = mark.by.as_ref().map_or_else(String::new, |by| format!(" by {by}"));
    let reason = mark.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
    format!("{at}{by} (record {}){reason}", mark.record)
}

//! Files that are not what their name says: what a clone without Git LFS leaves, and what a server sends instead of a
//! file.

use anyhow::{Result, bail};
use serde::de::IgnoredAny;

/// How every Git LFS pointer begins.
const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// Checks by a file's beginning that something else has not taken its place.
///
/// # Errors
/// If it is a Git LFS pointer or an HTML page. The message does not name the file.
pub(crate) fn refuse_impostor(beginning: &[u8]) -> Result<()> {
    if beginning.starts_with(POINTER) {
        bail!("is a Git LFS pointer, not the file itself; run `git lfs pull` in the clone, or download the file");
    }
    let text = beginning.strip_prefix(b"\xef\xbb\xbf").unwrap_or(beginning).trim_ascii_start();
    let starts_with = |tag: &str| text.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag.as_bytes()));
    if starts_with("<!doctype html") || starts_with("<html") {
        bail!("is an HTML page, which a server sent instead of the file; download it again");
    }
    Ok(())
}

/// Checks that a JSON file does not end in the middle; any other mistake is left to the code that parses it.
///
/// # Errors
/// If it ends in the middle.
pub(crate) fn refuse_cut_json(content: &[u8]) -> Result<()> {
    match serde_json::from_slice::<IgnoredAny>(content) {
        Err(error) if error.is_eof() => bail!("is empty or cut off: its JSON has no end; download it again"),
        _ => Ok(()),
    }
}

/// Does what [`refuse_impostor`] does for a file of weights, which must not be empty either.
///
/// # Errors
/// As [`refuse_impostor`]; and if the file is empty.
pub(crate) fn refuse_impostor_of_weights(file: &[u8]) -> Result<()> {
    if file.is_empty() {
        bail!("is empty; download it again");
    }
    refuse_impostor(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_pages_and_empty_files_are_named_and_others_let_through() {
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 510406559\n";
        for (content, said) in [
            (pointer, "Git LFS pointer"),
            ("\n <!DOCTYPE html><title>Log in</title>", "HTML page"),
            ("\u{feff}<HTML>", "HTML page"),
            ("", "is empty"),
        ] {
            let message = refuse_impostor_of_weights(content.as_bytes()).unwrap_err().to_string();
            assert!(message.contains(said), "{message}");
        }
        for content in ["", "{}", "<p>a card</p>", "#version: 0.2", "PK\u{3}\u{4}"] {
            refuse_impostor(content.as_bytes()).unwrap();
        }
    }

    #[test]
    fn json_that_ends_in_the_middle_is_known_from_other_json() {
        for (content, cut) in [("{\"a\": [1, 2", true), ("", true), ("{\"a\": 1}", false), ("a card", false)] {
            assert_eq!(refuse_cut_json(content.as_bytes()).is_err(), cut, "{content}");
        }
    }
}

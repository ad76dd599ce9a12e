//! The bytes of a leaf: five short lines that hold no content.
//!
//! ```text
//! pregonero-audit/v1
//! 42
//! outcome
//! 2026-03-01T14:00:00.000Z
//! <base64 of SHA-256(salt ‖ body)>
//! ```
//!
//! Each line ends with a newline. The body (JSON) and its salt (32 random bytes) are stored with the leaf, but are
//! not part of it. Nobody can guess a body from the leaf without the salt. So a body can be deleted and the tree still holds.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::merkle::{Hash, leaf_hash, sha256};

/// The first line of each leaf.
pub const FORMAT: &str = "pregonero-audit/v1";

/// How many bytes a salt has.
pub const SALT_BYTES: usize = 32;

/// A leaf of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the log, from 0.
    pub index: u64,
    /// What kind of act it records: lower-case letters, digits and `_`.
    pub kind: String,
    /// When: RFC 3339 in UTC with three decimals.
    pub at: String,
    /// The digest of salt and body.
    pub digest: Hash,
}

/// Why bytes are not a leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: expected {expected}")]
pub struct BadEntry {
    pub line: usize,
    pub expected: &'static str,
}

impl Entry {
    /// Returns the digest of a salted body.
    #[must_use]
    pub fn digest(salt: &[u8], body: &str) -> Hash {
        sha256(&[salt, body.as_bytes()])
    }

    /// Returns the leaf's bytes.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { index, kind, at, digest } = self;
        format!("{FORMAT}\n{index}\n{kind}\n{at}\n{}\n", STANDARD.encode(digest))
    }

    /// Returns the leaf's hash.
    #[must_use]
    pub fn hash(&self) -> Hash {
        leaf_hash(self.text().as_bytes())
    }

    /// Reads a leaf's bytes; only the exact form that [`Self::text`] writes is one.
    ///
    /// # Errors
    /// If it is in any other form.
    pub fn parse(text: &str) -> Result<Self, BadEntry> {
        let mut lines = text.split('\n');
        let mut next = |line, expected| lines.next().ok_or(BadEntry { line, expected });
        if next(1, "`pregonero-audit/v1`")? != FORMAT {
            return Err(BadEntry { line: 1, expected: "`pregonero-audit/v1`" });
        }
        let bad_index = BadEntry { line: 2, expected: "a number without leading zeros" };
        let number = next(2, bad_index.expected)?;
        let index: u64 = number.parse().map_err(|_| bad_index)?;
        if index.to_string() != number {
            return Err(bad_index);
        }
        let kind = next(3, "the kind of act")?;
        let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if kind.is_empty() || !kind.bytes().all(is_word) {
            return Err(BadEntry { line: 3, expected: "the kind of act, in lower-case letters" });
        }
        let at = next(4, "an instant")?;
        let form = "0000-00-00T00:00:00.000Z";
        let fits = at.len() == form.len()
            && at.bytes().zip(form.bytes()).all(|(byte, wanted)| match wanted {
                b'0' => byte.is_ascii_digit(),
                sign => byte == sign,
            });
        if !fits {
            return Err(BadEntry { line: 4, expected: "an instant such as 2026-03-01T14:00:00.000Z" });
        }
        let bad_digest = BadEntry { line: 5, expected: "the base64 of 32 bytes" };
        let digest = STANDARD.decode(next(5, bad_digest.expected)?).map_err(|_| bad_digest)?;
        let digest = digest.try_into().map_err(|_| bad_digest)?;
        if !next(6, "a newline at the end")?.is_empty() || lines.next().is_some() {
            return Err(BadEntry { line: 6, expected: "nothing after the fifth line" });
        }
        Ok(Self { index, kind: kind.to_owned(), at: at.to_owned(), digest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_read_back_and_any_other_form_of_it_is_refused() {
        let entry = Entry {
            index: 42,
            kind: "outcome".to_owned(),
            at: "2026-03-01T14:00:00.000Z".to_owned(),
            digest: Entry::digest(&[7; 32], "{}"),
        };
        let text = entry.text();
        assert_eq!(Entry::parse(&text), Ok(entry));
        for (from, to) in [
            ("/v1", "/v2"),
            ("\n42\n", "\n042\n"),
            ("\n42\n", "\n+42\n"),
            ("outcome", "Outcome"),
            ("outcome", ""),
            (".000Z", "Z"),
            ("=\n", "\n"),
            ("=\n", "="),
            ("=\n", "=\n\n"),
            ("\n", "\r\n"),
        ] {
            let changed = text.replacen(from, to, 1);
            assert!(changed != text && Entry::parse(&changed).is_err(), "{changed:?}");
        }
    }
}

//! `dataset ids`: the ids alone, which is what X lets people pass on.

use std::collections::HashSet;
use std::io::Write;

use anyhow::{Context as _, Result};
use pregonero_text::hashing::hash;
use serde::Serialize;

use crate::folder::Folder;
use crate::names;

/// How many ids X lets one person or organisation pass on within 30 days (Developer Policy of 2026-07-14).
pub const MOST_IDS: u64 = 1_500_000;

/// What became of the rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct IdCounts {
    pub written: u64,
    /// Before the first id that was asked for.
    pub skipped: u64,
    /// After the last one.
    pub left: u64,
    pub repeated: u64,
    /// Rows without an id, and rows whose id is none: a table rounded it, or it has other signs than digits.
    pub without: u64,
    pub unusable: u64,
}

/// Writes the different ids of a data set, one a line: `most` of them after the first `skip`.
///
/// # Errors
/// If a data file cannot be read or the writer fails.
pub fn write_ids(folder: &Folder, skip: u64, most: u64, writer: &mut dyn Write) -> Result<IdCounts> {
    let mut counts = IdCounts::default();
    let mut seen = HashSet::new();
    for row in folder.rows()? {
        let row = row?;
        let Some(id) = row.text(names::ID).filter(|id| !id.trim().is_empty()) else {
            counts.without += 1;
            continue;
        };
        let id = id.trim();
        if !is_usable(id) {
            counts.unusable += 1;
        } else if !seen.insert(hash(0, &[id])) {
            counts.repeated += 1;
        } else if counts.skipped < skip {
            counts.skipped += 1;
        } else if counts.written < most {
            counts.written += 1;
            writeln!(writer, "{id}").context("cannot write the ids")?;
        } else {
            counts.left += 1;
        }
    }
    Ok(counts)
}

/// Returns whether an id can be asked for: digits, of which a table did not replace those after the fifteenth by zeros.
pub(crate) fn is_usable(id: &str) -> bool {
    let digits = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    let rounded = id.len() > 15 && id.bytes().skip(15).all(|byte| byte == b'0');
    digits && !rounded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::{Format, Manifest};
    use crate::row::Row;

    #[test]
    fn ids_come_once_in_order_and_what_is_none_is_counted() {
        let place = tempfile::tempdir().unwrap();
        let mut writer = Folder::create(&place.path().join("a"), Format::JsonLines).unwrap();
        for id in ["11", "12", "11", "1.2E+18", "1372930000000000000", "", "13", "1372934055187263488"] {
            let mut row = Row::default();
            row.set("id", id);
            row.set("text", "hola");
            writer.write(&row).unwrap();
        }
        let folder = writer.finish(Manifest::default()).unwrap();
        let mut written = Vec::new();
        let counts = write_ids(&folder, 1, 2, &mut written).unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), "12\n13\n");
        assert_eq!(counts, IdCounts { written: 2, skipped: 1, left: 1, repeated: 1, without: 1, unusable: 2 });
    }
}

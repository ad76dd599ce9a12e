//! `dataset ids`: the ids alone, which is what X lets people pass on.

use std::collections::HashSet;
use std::io::Write;

use anyhow::{Context as _, Result};
use pregonero_text::hashing::hash;
use serde::Serialize;

use crate::folder::Folder;
use crate::names;
use crate::read::{RoundedIds, is_rounded_id};

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
    /// Written though they end in four zeros: too few do for a table to have rounded them.
    pub zeros: u64,
}

/// Writes the different ids of a data set, one a line: `most` of them after the first `skip`.
///
/// # Errors
/// If a data file cannot be read or the writer fails.
pub fn write_ids(folder: &Folder, skip: u64, most: u64, writer: &mut dyn Write) -> Result<IdCounts> {
    let mut counts = IdCounts::default();
    let mut seen = HashSet::new();
    let mut together = RoundedIds::default();
    for row in folder.columns(&[names::ID]) {
        row?.text(names::ID).iter().for_each(|id| together.see(id));
    }
    for row in folder.columns(&[names::ID]) {
        let row = row?;
        let Some(id) = row.text(names::ID).filter(|id| !id.trim().is_empty()) else {
            counts.without += 1;
            continue;
        };
        let id = id.trim();
        let looks_rounded = RoundedIds::looks_rounded(id);
        if !is_usable(id) || looks_rounded && together.are_rounded() {
            counts.unusable += 1;
        } else if !seen.insert(hash(0, &[id])) {
            counts.repeated += 1;
        } else if counts.skipped < skip {
            counts.skipped += 1;
        } else if counts.written < most {
            counts.written += 1;
            counts.zeros += u64::from(looks_rounded);
            writeln!(writer, "{id}").context("cannot write the ids")?;
        } else {
            counts.left += 1;
        }
    }
    Ok(counts)
}

/// Returns whether an id can be asked for: digits, which no table rounded for sure.
pub(crate) fn is_usable(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) && !is_rounded_id(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::{Format, Manifest};
    use crate::row::Row;

    #[test]
    fn an_id_that_ends_in_four_zeros_is_dropped_only_where_several_do() {
        let place = tempfile::tempdir().unwrap();
        let counts = |name: &str, ids: &[&str]| {
            let mut writer = Folder::create(&place.path().join(name), Format::JsonLines).unwrap();
            for id in ids {
                let mut row = Row::default();
                row.set("id", *id);
                writer.write(&row).unwrap();
            }
            write_ids(&writer.finish(Manifest::default()).unwrap(), 0, 9, &mut Vec::new()).unwrap()
        };
        let one = counts("one", &["1372934055187260000", "1372934055187263488"]);
        assert_eq!((one.written, one.unusable, one.zeros), (2, 0, 1));
        let several = counts("several", &["1372934055187260000", "1372934055187270000", "1372934055187263488"]);
        assert_eq!((several.written, several.unusable, several.zeros), (1, 2, 0));
    }

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
        assert_eq!(
            counts,
            IdCounts { written: 2, skipped: 1, left: 1, repeated: 1, without: 1, unusable: 2, zeros: 0 }
        );
    }
}

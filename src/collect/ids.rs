//! A file with the ids of posts: one on each line, or a table with a column `id`.

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use sha2::{Digest as _, Sha256};

/// The names that tables give the column with the ids.
const COLUMNS: [&str; 4] = ["id", "tweet_id", "post_id", "status_id"];

/// The ids of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IdList {
    /// In the order of the file, each once.
    pub ids: Vec<u64>,
    /// How many were there before.
    pub repeated: u64,
    /// The SHA-256 of the file.
    pub sha256: String,
}

/// Reads a file with ids.
///
/// # Errors
/// If a line is not an id, or one that a spreadsheet rounded; the message names the line.
pub fn read_ids(path: &Path) -> Result<IdList> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let text = std::str::from_utf8(&bytes)
        .with_context(|| format!("{}: not UTF-8; expected one id on each line", path.display()))?;
    let mut list = IdList { sha256: format!("{:x}", Sha256::digest(&bytes)), ..IdList::default() };
    let mut known = HashSet::new();
    let mut column = 0;
    let mut is_first = true;
    for (number, line) in
        text.trim_start_matches('\u{feff}').lines().enumerate().filter(|(_, line)| !line.trim().is_empty())
    {
        let cells: Vec<&str> = line.split([',', ';', '\t']).map(|cell| cell.trim().trim_matches('"')).collect();
        if is_first && let Some(found) = header(&cells) {
            (column, is_first) = (found, false);
            continue;
        }
        is_first = false;
        let place = || format!("{}:{}", path.display(), number + 1);
        let cell = cells.get(column).copied().unwrap_or_default();
        let id = id(cell).with_context(place)?;
        if known.insert(id) {
            list.ids.push(id);
        } else {
            list.repeated += 1;
        }
    }
    ensure!(!list.ids.is_empty(), "{}: no ids in it", path.display());
    Ok(list)
}

/// Returns the column with the ids if these cells are a header.
fn header(cells: &[&str]) -> Option<usize> {
    let is_one = |cell: &&str| COLUMNS.contains(&cell.to_ascii_lowercase().as_str());
    cells.iter().position(is_one)
}

fn id(cell: &str) -> Result<u64> {
    let is_digits = !cell.is_empty() && cell.bytes().all(|byte| byte.is_ascii_digit());
    if is_digits {
        let id: u64 = cell.parse().with_context(|| format!("{cell:?} is too large for the id of a post"))?;
        ensure!(id > 0, "0 is not the id of a post");
        // The ids of today have 19 digits, and the last 22 bits count within a millisecond.
        ensure!(
            !(cell.len() >= 16 && cell.ends_with("000000")),
            "{cell} was rounded, probably by a spreadsheet: the real id is lost; take the ids from the first file"
        );
        return Ok(id);
    }
    let is_rounded = cell.contains(['E', 'e', '.']) && cell.parse::<f64>().is_ok();
    if is_rounded {
        bail!("{cell} was rounded, probably by a spreadsheet: the real id is lost; take the ids from the first file");
    }
    bail!(
        "{cell:?} is not the id of a post: expected decimal digits, one id on each line, or a table with a column `id`"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<IdList> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ids.txt");
        std::fs::write(&path, text).unwrap();
        read_ids(&path)
    }

    #[test]
    fn ids_are_read_from_lines_and_from_tables() {
        for text in [
            "1445880548472328192\n17\n\n17\n",
            "\u{feff}id\r\n1445880548472328192\r\n17\r\n17",
            "label,tweet_id\n1,\"1445880548472328192\"\n0,17\n1,17\n",
        ] {
            let list = read(text).unwrap();
            assert_eq!((list.ids, list.repeated), (vec![1_445_880_548_472_328_192, 17], 1), "{text}");
        }
    }

    #[test]
    fn what_is_no_id_is_refused_with_its_line() {
        for (text, words) in [
            ("17\n1.44588E+18\n", "ids.txt:2: 1.44588E+18 was rounded"),
            ("17\n1445880548472000000\n", "ids.txt:2: 1445880548472000000 was rounded"),
            ("17\nhola\n", "ids.txt:2: \"hola\" is not the id of a post"),
            ("99999999999999999999\n", "too large"),
            ("0\n", "0 is not the id"),
            ("\n\n", "no ids in it"),
        ] {
            let message = format!("{:#}", read(text).unwrap_err());
            assert!(message.contains(words), "{message}");
        }
    }
}

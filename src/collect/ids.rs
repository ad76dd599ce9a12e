//! A file with the ids of posts: one on each line, or a table or other file with a column `id`.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};

use pregonero_data::folder::sha256_of_file;
use pregonero_data::read::{self, ReadOptions, RoundedIds, is_rounded_id};

/// The names that tables give the column with the ids.
const COLUMNS: [&str; 4] = ["id", "tweet_id", "post_id", "status_id"];

const ROUNDED: &str = "was rounded, probably by a spreadsheet: the real id is lost; take the ids from the first file";

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
    let mut list = IdList { sha256: sha256_of_file(path)?.0, ..IdList::default() };
    let (mut known, mut zeros) = (HashSet::new(), Zeros::default());
    let mut add = |id, place: &dyn Fn() -> String| {
        zeros.see(id, place);
        match known.insert(id) {
            true => list.ids.push(id),
            false => list.repeated += 1,
        }
    };
    match has_one_id_a_line(path)? {
        true => of_lines(path, &mut add)?,
        false => of_rows(path, &mut add)?,
    }
    ensure!(!list.ids.is_empty(), "{}: no ids in it", path.display());
    zeros.check()?;
    Ok(list)
}

/// Long ids that end in zeros, and where the first of them is.
#[derive(Debug, Default)]
struct Zeros {
    ids: RoundedIds,
    first: Option<String>,
}

impl Zeros {
    fn see(&mut self, id: u64, place: &dyn Fn() -> String) {
        let id = id.to_string();
        self.ids.see(&id);
        if RoundedIds::looks_rounded(&id) {
            self.first.get_or_insert_with(|| format!("{}: {id}", place()));
        }
    }

    /// Refuses a file whose ids look rounded.
    fn check(self) -> Result<()> {
        match (self.first, self.ids.in_words()) {
            (Some(first), Some(words)) => bail!("{first} was rounded: {words}"),
            _ => Ok(()),
        }
    }
}

/// Returns whether a file is a plain list: its first line is a number or the name of such a column, and nothing else.
fn has_one_id_a_line(path: &Path) -> Result<bool> {
    let mut start = Vec::new();
    File::open(path)?.take(4096).read_to_end(&mut start)?;
    let start = String::from_utf8_lossy(&start);
    let first = start.trim_start_matches('\u{feff}').lines().map(str::trim).find(|line| !line.is_empty());
    Ok(first.is_none_or(|first| is_header(first) || first.parse::<f64>().is_ok()))
}

fn is_header(cell: &str) -> bool {
    COLUMNS.contains(&cell.trim_matches('"').to_ascii_lowercase().as_str())
}

fn of_lines(path: &Path, add: &mut impl FnMut(u64, &dyn Fn() -> String)) -> Result<()> {
    let reader = BufReader::new(File::open(path)?);
    let mut is_first = true;
    for (number, line) in reader.lines().enumerate() {
        let place = || format!("{}:{}", path.display(), number + 1);
        let line = line.with_context(place)?;
        let cell = line.trim_start_matches('\u{feff}').trim();
        if cell.is_empty() || (is_first && is_header(cell)) {
            is_first &= cell.is_empty();
            continue;
        }
        is_first = false;
        add(id(cell.trim_matches('"')).with_context(place)?, &place);
    }
    Ok(())
}

/// Reads a table, or any other kind of file that the reader knows, by the column with the ids.
fn of_rows(path: &Path, add: &mut impl FnMut(u64, &dyn Fn() -> String)) -> Result<()> {
    let columns = Some(COLUMNS.map(str::to_owned).to_vec());
    let mut rows = read::open(&[path.to_owned()], &ReadOptions { columns, ..ReadOptions::strict() })?;
    while let Some(row) = rows.next().transpose()? {
        let place = || rows.report().place(row.place);
        let cell = COLUMNS.iter().find_map(|column| row.text(column));
        let cell = cell.with_context(|| format!("{}: no column `id` or `tweet_id`", place()))?;
        add(id(cell.trim()).with_context(place)?, &place);
    }
    Ok(())
}

fn id(cell: &str) -> Result<u64> {
    let is_digits = !cell.is_empty() && cell.bytes().all(|byte| byte.is_ascii_digit());
    if is_digits {
        ensure!(!is_rounded_id(cell), "{cell} {ROUNDED}");
        let id: u64 = cell.parse().with_context(|| format!("{cell:?} is too large for the id of a post"))?;
        ensure!(id > 0, "0 is not the id of a post");
        return Ok(id);
    }
    let is_rounded = cell.contains(['E', 'e', '.']) && cell.parse::<f64>().is_ok() || is_rounded_id(cell);
    ensure!(!is_rounded, "{cell} {ROUNDED}");
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
            "{\"id\":\"1445880548472328192\",\"text\":\"Hola\"}\n{\"id\":\"17\"}\n{\"id\":17}\n",
        ] {
            let list = read(text).unwrap();
            assert_eq!((list.ids, list.repeated), (vec![1_445_880_548_472_328_192, 17], 1), "{text}");
        }
    }

    #[test]
    fn an_id_that_happens_to_end_in_zeros_is_one_among_many() {
        let mut ids: Vec<u64> = (0..200).map(|number| 1_445_880_548_472_328_193 + 2 * number).collect();
        ids.push(1_366_176_497_664_000_000);
        let lines: Vec<String> = ids.iter().map(u64::to_string).collect();
        assert_eq!(read(&lines.join("\n")).unwrap().ids, ids);
    }

    #[test]
    fn what_is_no_id_is_refused_with_its_line() {
        for (text, words) in [
            ("17\n1.44588E+18\n", "ids.txt:2: 1.44588E+18 was rounded"),
            ("17\n1445880548472000000\n", "ids.txt:2: 1445880548472000000 was rounded"),
            ("label,id\n1,17\n0,1.44588E+18\n", "ids.txt:3: 1.44588E+18 was rounded"),
            ("label,text\n1,hola\n", "no column `id` or `tweet_id`"),
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

//! `dataset import`: rows of files of any kind on their way into a data set.
//!
//! Columns get the names of [`crate::names`] where a file calls them otherwise, by the person's word or by names that are usual, and
//! values under those names get one form. Both are said. Nothing is dropped here that the reader did not drop.

mod columns;
mod values;

use std::collections::btree_map::{BTreeMap, Entry};
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use self::columns::Naming;
pub(crate) use self::columns::columns_of;
pub(crate) use self::values::number_counts;
use self::values::{Notes, tidy};
use crate::folder::{Column, ColumnCounts, Source, digest_of_data};
use crate::read::{self, ReadOptions, ReadReport};
use crate::row::Row;

/// How many rows are shown.
const SHOWN: usize = 5;

/// What to import, and how.
#[derive(Debug, Clone, Default)]
pub struct Import {
    pub files: Vec<PathBuf>,
    pub options: ReadOptions,
    /// Names of columns in the files, and the names that they get.
    pub renames: Vec<(String, String)>,
    /// Whether columns keep the names of the files, except for those that are renamed.
    pub keep_names: bool,
}

/// What was imported.
#[derive(Debug, Clone)]
pub struct Imported {
    pub report: ReadReport,
    pub columns: Vec<Column>,
    /// Columns that got another name: the old and the new one, by file.
    pub renamed: Vec<(usize, String, String)>,
    /// What was done to values, in words.
    pub notes: Vec<String>,
    /// The first rows.
    pub first: Vec<Row>,
}

/// Reads the files and passes each row to `take`.
///
/// # Errors
/// If a file cannot be read, no row is left, a column to rename is in no file, or `take` fails.
pub fn import(settings: &Import, mut take: impl FnMut(&Row) -> Result<()>) -> Result<Imported> {
    let mut rows = read::open(&settings.files, &settings.options)?.ahead();
    let mut naming = Naming::new(&settings.renames, settings.keep_names);
    let (mut counts, mut notes, mut first) = (ColumnCounts::default(), Notes::default(), Vec::new());
    while let Some(chunk) = rows.next_chunk()? {
        for mut row in chunk {
            naming.name(&mut row, rows.report());
            if !settings.keep_names {
                tidy(&mut row, &mut notes);
            }
            counts.see(&row);
            take(&row)?;
            if first.len() < SHOWN {
                first.push(row);
            }
        }
    }
    let report = rows.report().clone();
    naming.check(&report)?;
    let (read, kept, dropped) = report.totals();
    ensure!(kept > 0, "{report}\nno row is left: {read} read, {dropped} dropped");
    Ok(Imported {
        report,
        columns: counts.into_columns(),
        renamed: naming.into_renamed(),
        notes: notes.in_words(),
        first,
    })
}

impl Imported {
    /// Returns the sources of the data set's manifest: one for each file.
    ///
    /// # Errors
    /// If a file cannot be read again for its hash.
    pub fn sources(&self, files: &[PathBuf]) -> Result<Vec<Source>> {
        let mut hashes: BTreeMap<_, String> = BTreeMap::new();
        let mut sources = Vec::new();
        for file in &self.report.files {
            let sha256 = match whole_file(&file.name, files).map(|path| hashes.entry(path)) {
                Some(Entry::Occupied(known)) => known.get().clone(),
                Some(Entry::Vacant(new)) => {
                    let hash = digest_of_data(new.key())?;
                    new.insert(hash).clone()
                }
                None => String::new(),
            };
            let mut other = serde_json::Map::new();
            if !file.findings.is_empty() {
                other.insert("findings".to_owned(), serde_json::to_value(&file.findings)?);
            }
            sources.push(Source {
                what: "file".to_owned(),
                kind: file.kind.clone(),
                path_or_query: file.name.clone(),
                sha256,
                rows_read: file.read,
                kept: file.kept,
                dropped: file.dropped.clone(),
                other,
                ..Source::default()
            });
        }
        Ok(sources)
    }
}

/// Returns the file that has a name of the report; for the member of a zip file, the outermost one.
fn whole_file(name: &str, files: &[PathBuf]) -> Option<PathBuf> {
    let own = Path::new(name);
    if own.exists() {
        return Some(own.to_owned());
    }
    files
        .iter()
        .find(|path| name.strip_prefix(&*path.to_string_lossy()).is_some_and(|rest| rest.starts_with(':')))
        .cloned()
}

#[cfg(test)]
mod tests;

//! Reads the rows of one source of any kind: plain lines, tables, JSON, X's files, Parquet, data sets.

use anyhow::{Context as _, Result, bail};

use super::TextSource;
use crate::dataset::columns::text_column;
use crate::dataset::said;
use pregonero_data::read::{self, ReadOptions, Rows};
use pregonero_data::row::Row;

/// A callback that takes a text, the values of the requested columns, and the line on which the row begins.
type Take<'a> = dyn FnMut(&str, Vec<String>, u64) + 'a;

/// Passes every row of `source` to `take`.
///
/// # Errors
/// Same as [`super::read_rows`].
pub(super) fn visit(source: &TextSource, columns: &[String], take: &mut Take<'_>) -> Result<()> {
    let text = text_column(&source.path, source.column.as_deref())?;
    let mut asked = vec![text.clone()];
    asked.extend(columns.iter().cloned());
    let options = ReadOptions { columns: Some(asked), ..ReadOptions::strict() };
    let mut rows = read::open(std::slice::from_ref(&source.path), &options)?;
    let mut seen = vec![false; columns.len()];
    let mut checked = 0;
    while let Some(row) = rows.next().transpose()? {
        let opened = rows.report().files.len();
        if opened > checked {
            refuse_missing(&rows, &text, columns)?;
            checked = opened;
        }
        let value = row.text(&text);
        if value.is_none() && rows.columns().is_none() {
            bail!("{}: no text field {text:?}", rows.report().place(row.place));
        }
        let values = columns.iter().zip(&mut seen).map(|(column, seen)| in_words(&row, column, seen)).collect();
        take(value.as_deref().unwrap_or_default(), values, row.place.line_or_row());
    }
    said::once(rows.report());
    let file = rows.report().files.last().context("no file was opened")?;
    match columns.iter().zip(seen).find(|(_, seen)| !seen) {
        Some((column, _)) if checked > 0 && !file.is_plain() && !file.columns.contains(column) => {
            bail!("{}: no line has a field {column:?}; it has {}", source.path.display(), file.columns.join(", "))
        }
        _ => Ok(()),
    }
}

/// Refuses a file that says which columns it has, and lacks one.
fn refuse_missing(rows: &Rows, text: &str, columns: &[String]) -> Result<()> {
    let Some(known) = rows.columns() else { return Ok(()) };
    let file = rows.report().files.last().context("no file was opened")?;
    let mut asked = std::iter::once(text).chain(columns.iter().map(String::as_str));
    if let Some(column) = asked.find(|column| !file.is_plain() && !known.iter().any(|known| known == column)) {
        bail!("{}: no column {column:?}; the file has {}", file.name, known.join(", "));
    }
    Ok(())
}

/// Returns a value as a field of the context.
fn in_words(row: &Row, column: &str, seen: &mut bool) -> String {
    let value = row.text(column);
    *seen |= value.is_some();
    value.unwrap_or_default().into_owned()
}

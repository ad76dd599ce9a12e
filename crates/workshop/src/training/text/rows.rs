//! Reads the rows of one source of any kind: plain lines, CSV, JSONL.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::TextSource;
use crate::dataset::form::{Form, form_of};
use crate::dataset::lines::Lines;
use crate::dataset::table::Table;

/// A callback that takes a text, the values of the requested columns, and the line on which the row begins.
type Take<'a> = dyn FnMut(&str, Vec<String>, u64) + 'a;

/// Passes every row of `source` to `take`.
///
/// # Errors
/// Same as [`super::read_rows`].
pub(super) fn visit(source: &TextSource, columns: &[String], take: &mut Take<'_>) -> Result<()> {
    let path = &source.path;
    match (&source.column, form_of(path)?) {
        (Some(column), Form::Table) => visit_table(path, column, columns, take),
        (Some(column), Form::Objects) => visit_objects(path, column, columns, take),
        (Some(column), Form::Lines) => {
            bail!("{}: column {column:?} is named, but only .csv and .jsonl files have columns", path.display())
        }
        (None, Form::Table | Form::Objects) => {
            bail!("{0}: say which column holds the text, for example {0}:text", path.display())
        }
        (None, Form::Lines) => {
            let mut lines = Lines::open(path)?;
            while let Some(line) = lines.next_line()? {
                take(&line, vec![String::new(); columns.len()], lines.number());
            }
            Ok(())
        }
    }
}

fn visit_table(path: &Path, column: &str, columns: &[String], take: &mut Take<'_>) -> Result<()> {
    let wanted: Vec<&str> = std::iter::once(column).chain(columns.iter().map(String::as_str)).collect();
    let mut table = Table::open(path, &wanted)?;
    while let Some(row) = table.next_row()? {
        let mut fields = row.fields.into_iter();
        let text = fields.next().unwrap_or_default();
        take(&text, fields.collect(), row.line);
    }
    Ok(())
}

fn visit_objects(path: &Path, field: &str, columns: &[String], take: &mut Take<'_>) -> Result<()> {
    let mut named = vec![false; columns.len()];
    let mut lines = Lines::open(path)?;
    while let Some(object) = lines.next_object()? {
        let place = || lines.place();
        let text = object.get(field).and_then(Value::as_str);
        let text = text.with_context(|| format!("{}: no text field {field:?}", place()))?;
        let mut values = Vec::with_capacity(columns.len());
        for (column, named) in columns.iter().zip(&mut named) {
            let value = object.get(column);
            *named |= value.is_some();
            values.push(in_words(value).with_context(|| format!("{}: field {column:?}", place()))?);
        }
        take(text, values, lines.number());
    }
    match columns.iter().zip(named).find(|(_, named)| !named) {
        Some((column, _)) => bail!("{}: no line has a field {column:?}", path.display()),
        None => Ok(()),
    }
}

/// Formats a value as a field of the context; lists become words separated by spaces.
fn in_words(value: Option<&Value>) -> Result<String> {
    Ok(match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(values)) => {
            values.iter().map(|value| in_words(Some(value))).collect::<Result<Vec<_>>>()?.join(" ")
        }
        Some(Value::Object(_)) => bail!("is an object; expected a text, a number or a list of them"),
        Some(value) => value.to_string(),
    })
}

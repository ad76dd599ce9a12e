//! Rows as `dataset enrich` reads them from any kind of file and writes them back with columns added.

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Map, Value};

use super::super::form::{Form, form_of};
use super::super::lines::Lines;
use super::super::table::Table;
use super::{CHUNK, Enrichment};

/// A row of the file.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) text: String,
    whole: Whole,
}

/// A whole row, with the text as it was read.
#[derive(Debug)]
enum Whole {
    Fields(Vec<String>),
    Object(Map<String, Value>),
}

/// The file to enrich.
pub(super) struct Source<'a> {
    enrichment: &'a Enrichment,
    rows: Rows,
}

enum Rows {
    /// A table, with the index of the text among its columns.
    Table(Box<Table>, usize),
    Lines(Lines),
    Objects(Lines),
}

impl<'a> Source<'a> {
    /// Opens the file of an enrichment.
    ///
    /// # Errors
    /// If the file cannot be read, lacks the text's column, or already has a column with the name of a new one.
    pub(super) fn open(enrichment: &'a Enrichment) -> Result<Self> {
        let Enrichment { data: path, text_column, columns, .. } = enrichment;
        let rows = match form_of(path)? {
            Form::Table => {
                let table = Table::open_whole(path)?;
                let text = table.names().iter().position(|name| name == text_column).with_context(|| {
                    format!("{}: no column {text_column:?}; the file has {}", path.display(), table.names().join(", "))
                })?;
                Rows::Table(Box::new(table), text)
            }
            Form::Objects => Rows::Objects(Lines::open(path)?),
            Form::Lines => Rows::Lines(Lines::open(path)?),
        };
        let source = Self { enrichment, rows };
        for (place, column) in columns.iter().enumerate() {
            let names = source.names();
            let mut earlier = columns[..place].iter().map(|column| &column.name);
            ensure!(
                !names.contains(&column.name) && !earlier.any(|name| *name == column.name),
                "{}: the column {} already exists; give the new one another name in --columns",
                path.display(),
                column.name
            );
        }
        Ok(source)
    }

    /// Returns the columns that all rows have.
    fn names(&self) -> Vec<String> {
        match &self.rows {
            Rows::Table(table, _) => table.names().to_vec(),
            Rows::Lines(_) | Rows::Objects(_) => vec![self.enrichment.text_column.clone()],
        }
    }

    /// Returns the sink for the enriched rows.
    pub(super) fn sink(&self) -> Result<Sink<'a>> {
        let text = if let Rows::Table(_, text) = self.rows { text } else { 0 };
        let mut sink = Sink { enrichment: self.enrichment, text, bytes: Vec::new() };
        if !matches!(self.rows, Rows::Objects(_)) {
            let added = self.enrichment.columns.iter().map(|column| column.name.clone());
            sink.write_record(self.names().into_iter().chain(added))?;
        }
        Ok(sink)
    }

    /// Returns the next rows; none after the last.
    pub(super) fn next_rows(&mut self) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        while rows.len() < CHUNK {
            let Some(row) = self.next_row()? else { break };
            rows.push(row);
        }
        Ok(rows)
    }

    fn next_row(&mut self) -> Result<Option<Row>> {
        Ok(match &mut self.rows {
            Rows::Table(table, text) => {
                table.next_row()?.map(|row| Row { text: row.fields[*text].clone(), whole: Whole::Fields(row.fields) })
            }
            Rows::Lines(lines) => {
                lines.next_line()?.map(|line| Row { text: line.clone(), whole: Whole::Fields(vec![line]) })
            }
            Rows::Objects(lines) => match lines.next_object()? {
                Some(object) => Some(object_row(object, self.enrichment).with_context(|| lines.place())?),
                None => None,
            },
        })
    }
}

fn object_row(object: Map<String, Value>, enrichment: &Enrichment) -> Result<Row> {
    let Enrichment { text_column, columns, .. } = enrichment;
    let text = object.get(text_column).and_then(Value::as_str).with_context(|| {
        let names: Vec<&str> = object.keys().map(String::as_str).collect();
        format!("no text field {text_column:?}; it has {}", names.join(", "))
    })?;
    if let Some(column) = columns.iter().find(|column| object.contains_key(&column.name)) {
        bail!("the field {} already exists; give the new one another name in --columns", column.name);
    }
    Ok(Row { text: text.to_owned(), whole: Whole::Object(object) })
}

/// Takes the enriched rows and formats them like the file they came from; plain lines become a table.
pub(super) struct Sink<'a> {
    enrichment: &'a Enrichment,
    /// The index of the text among a table's columns.
    text: usize,
    bytes: Vec<u8>,
}

impl Sink<'_> {
    /// Writes a row with its current text and the values of its new columns.
    pub(super) fn write(&mut self, row: Row, filled: Vec<String>) -> Result<()> {
        match row.whole {
            Whole::Fields(mut fields) => {
                fields[self.text] = row.text;
                self.write_record(fields.into_iter().chain(filled))
            }
            Whole::Object(mut object) => {
                object.insert(self.enrichment.text_column.clone(), Value::String(row.text));
                let names = self.enrichment.columns.iter().map(|column| column.name.clone());
                object.extend(names.zip(filled.into_iter().map(Value::String)));
                serde_json::to_writer(&mut self.bytes, &object)?;
                self.bytes.push(b'\n');
                Ok(())
            }
        }
    }

    fn write_record(&mut self, fields: impl Iterator<Item = String>) -> Result<()> {
        let mut writer = csv::Writer::from_writer(&mut self.bytes);
        writer.write_record(fields.map(String::into_bytes))?;
        writer.flush().context("cannot write a row")
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

//! Rows as `dataset enrich` reads them from any kind of file and writes them back with columns added.

use anyhow::{Context as _, Result, bail, ensure};

use super::super::said;
use super::{CHUNK, Enrichment, OutputFormat};
use pregonero_data::json_row;
use pregonero_data::read::{self, ReadOptions, Rows};
use pregonero_data::row;

/// A row of the file, with its text.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) text: String,
    whole: row::Row,
}

/// The file to enrich.
pub(super) struct Source<'a> {
    enrichment: &'a Enrichment,
    rows: Rows,
    /// The columns that all rows have; rows of JSON have their own.
    columns: Option<Vec<String>>,
    /// The column of the text in the file.
    text: String,
}

impl<'a> Source<'a> {
    /// Opens the file of an enrichment.
    ///
    /// # Errors
    /// If the file cannot be read, lacks the text's column, or already has a column with the name of a new one.
    pub(super) fn open(enrichment: &'a Enrichment) -> Result<Self> {
        let Enrichment { data: path, text_column, columns: added, .. } = enrichment;
        let rows = read::open(std::slice::from_ref(path), &ReadOptions { keep_json: true, ..ReadOptions::strict() })?;
        let file = rows.report().files.first().context("no file was opened")?;
        // Plain lines get a column with the name that is asked for.
        let is_plain = file.is_plain();
        let text = if is_plain { pregonero_data::names::TEXT.to_owned() } else { text_column.clone() };
        let columns = match rows.columns() {
            Some(_) if is_plain => Some(vec![text_column.clone()]),
            columns => columns.map(<[String]>::to_vec),
        };
        if let Some(columns) = &columns {
            ensure!(
                columns.contains(text_column),
                "{}: no column {text_column:?}; the file has {}",
                path.display(),
                columns.join(", ")
            );
        }
        for (place, column) in added.iter().enumerate() {
            let mut earlier = added[..place].iter().map(|column| &column.name);
            let is_there = columns.as_ref().is_some_and(|columns| columns.contains(&column.name));
            ensure!(
                !is_there && column.name != *text_column && !earlier.any(|name| *name == column.name),
                "{}: the column {} already exists; give the new one another name in --columns",
                path.display(),
                column.name
            );
        }
        Ok(Self { enrichment, rows, columns, text })
    }

    /// Returns the sink for the enriched rows.
    ///
    /// # Errors
    /// If rows that have fields of their own are to become a table.
    pub(super) fn sink(&self, format: OutputFormat) -> Result<Sink<'a>> {
        let is_table = format == OutputFormat::Csv;
        ensure!(
            !is_table || self.columns.is_some(),
            "{}: the rows of JSON can have different fields, so they become JSON lines: use a name that ends in .jsonl",
            self.enrichment.output.display()
        );
        let columns = self.columns.clone().filter(|_| is_table);
        let mut sink =
            Sink { enrichment: self.enrichment, columns: columns.clone(), text: self.text.clone(), bytes: Vec::new() };
        if let Some(columns) = &columns {
            let added = self.enrichment.columns.iter().map(|column| column.name.clone());
            sink.write_record(columns.iter().cloned().chain(added))?;
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
        let Some(whole) = self.rows.next().transpose()? else {
            said::once(self.rows.report());
            return Ok(None);
        };
        let place = || self.rows.report().place(whole.place);
        if self.columns.is_none() {
            self.check(&whole).with_context(place)?;
        } else if self.rows.report().files.len() > 1 {
            ensure!(
                self.rows.columns() == self.columns.as_deref(),
                "{}: other columns than in the file before it: enrich them one by one",
                place()
            );
        }
        let text = whole.text(&self.text).unwrap_or_default().into_owned();
        Ok(Some(Row { text, whole }))
    }

    /// Checks a row of a file that does not say which columns it has.
    fn check(&self, row: &row::Row) -> Result<()> {
        let Enrichment { text_column, columns, .. } = self.enrichment;
        let names = || row.iter().map(|(name, _)| name).collect::<Vec<_>>().join(", ");
        ensure!(row.get(text_column).is_some(), "no text field {text_column:?}; it has {}", names());
        if let Some(column) = columns.iter().find(|column| row.get(&column.name).is_some()) {
            bail!("the field {} already exists; give the new one another name in --columns", column.name);
        }
        Ok(())
    }
}

/// Takes the enriched rows and formats them as a table or as JSON lines.
pub(super) struct Sink<'a> {
    enrichment: &'a Enrichment,
    columns: Option<Vec<String>>,
    text: String,
    bytes: Vec<u8>,
}

impl Sink<'_> {
    /// Writes a row with its current text and the values of its new columns.
    pub(super) fn write(&mut self, row: Row, filled: Vec<String>) -> Result<()> {
        let Row { text, mut whole } = row;
        let name = self.enrichment.text_column.as_str();
        let added = self.enrichment.columns.iter().map(|column| column.name.as_str());
        if let Some(mut object) = whole.take_json() {
            object.insert(name.to_owned(), text.into());
            object.extend(added.zip(filled).map(|(name, value)| (name.to_owned(), value.into())));
            serde_json::to_writer(&mut self.bytes, &object)?;
            self.bytes.push(b'\n');
            return Ok(());
        }
        if self.text != name {
            whole.remove(&self.text);
        }
        whole.set(name, text);
        if let Some(columns) = &self.columns {
            let fields: Vec<String> =
                columns.iter().map(|column| whole.text(column).unwrap_or_default().into_owned()).collect();
            return self.write_record(fields.into_iter().chain(filled));
        }
        added.zip(filled).for_each(|(name, value)| whole.set(name, value));
        json_row::write(&whole, &mut self.bytes).context("cannot write a row")
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

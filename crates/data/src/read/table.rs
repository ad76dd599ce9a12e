//! The rows of a table: CSV, with tabs, semicolons or any other delimiter.
//!
//! A record in which quotes do not fit (text after a closing quote, or a quote that nothing closes) is read as the line that it
//! begins on, with its quotes as characters: one such row must not swallow the rows after it. Memory is bounded by
//! [`LONGEST_RECORD`].

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Result, bail, ensure};

use super::decode::Records;
use super::dialect::{Sniffed, is_blank, line_end, looks_like_a_row, sniff};
use super::input::Input;
use super::options::ReadOptions;
use super::report::{FileReport, kind};
use super::scan::{Dialect, Field, Scan};
use crate::row::{Place, Row, Value};

/// The longest record that is read, in bytes; a tweet with its columns has a few hundred.
pub const LONGEST_RECORD: usize = 256 * 1024;

/// How much of a table is looked at to find out its dialect.
pub(super) const SAMPLE: usize = 256 * 1024;

/// The rows of a sheet of Excel, without the header.
const EXCEL_ROWS: u64 = 1_048_575;

/// How many records whose quotes do not fit are looked through to the end; the search is long.
const PATIENCE: u32 = 1000;

const UNQUOTED: &str = "the quotes of a row do not fit: it is read as the line says, with its quotes as characters; write each \
                        text in quotes, with the quotes in it doubled";

#[derive(Debug)]
pub(super) struct Table {
    input: Input,
    records: Records,
    dialect: Dialect,
    names: Vec<Arc<str>>,
    wanted: Vec<bool>,
    strict: bool,
    fields: Vec<Field>,
    bytes: Vec<u8>,
    strays: u32,
    number: u64,
    last_line: u64,
}

/// The bytes of one record: how many, with its line end, and whether its quotes fit.
struct Found {
    end: usize,
    fits: bool,
}

impl Table {
    /// Opens a table and reads its header.
    ///
    /// # Errors
    /// If the input cannot be read or the header is too long.
    pub(super) fn open(
        mut input: Input,
        records: Records,
        options: &ReadOptions,
        report: &mut FileReport,
    ) -> Result<Self> {
        let sample = input.look(SAMPLE)?;
        let (whole, words) = (sample.len() < SAMPLE, line_end(sample).1);
        let sniffed = sniff(sample, whole, options.delimiter, options.quotes);
        report.line_ends = Some(words);
        report.has_lines = true;
        report.kind = named(&sniffed);
        if let Some(line) = sniffed.stray {
            let place = Place { line, ..Place::default() };
            report.found_at(kind::STRAY_QUOTES, place, || {
                "text after a closing quote: the table is not quoted, its quotes are read as characters".to_owned()
            });
        }
        let mut table = Self {
            input,
            records,
            dialect: sniffed.dialect,
            names: Vec::new(),
            wanted: Vec::new(),
            strict: options.strict,
            fields: Vec::new(),
            bytes: Vec::new(),
            strays: 0,
            number: 0,
            last_line: 1,
        };
        table.read_header(options, report)?;
        Ok(table)
    }

    /// Returns the line on which the last record begins.
    pub(super) fn last_line(&self) -> u64 {
        self.last_line
    }

    pub(super) fn encoding(&self) -> String {
        self.records.in_words()
    }

    fn read_header(&mut self, options: &ReadOptions, report: &mut FileReport) -> Result<()> {
        let Some(found) = self.find_record()? else { return Ok(()) };
        let bytes = self.input.data()[..found.end].to_vec();
        let (text, _) = self.records.text(&bytes);
        let named =
            |(place, field): (usize, &Field)| match field.text(&text).trim_matches(['\u{feff}', ' ', '\t', '\r']) {
                _ if options.no_header => format!("column{}", place + 1),
                "" => format!("column{}", place + 1),
                name => name.to_owned(),
            };
        refind(&self.dialect, found.fits, &text, &bytes, &mut self.fields);
        let names: Vec<String> = self.fields.iter().enumerate().map(named).collect();
        if !options.no_header {
            if looks_like_a_row(&names) {
                let message =
                    "the first row looks like a row, not like the names of columns: if it is one, say --no-header";
                report.found(kind::NO_HEADER, message.to_owned());
            }
            self.skip(found.end);
        }
        self.name(names, options, report);
        Ok(())
    }

    fn name(&mut self, names: Vec<String>, options: &ReadOptions, report: &mut FileReport) {
        // The names that are taken, and the number of the last column that was called so.
        let mut taken: HashMap<String, u64> = HashMap::new();
        for name in names {
            let mut own = name.clone();
            if let Some(mut number) = taken.get(&name).copied() {
                while taken.contains_key(&own) {
                    number += 1;
                    own = format!("{name}.{number}");
                }
                taken.insert(name.clone(), number);
                if !report.repeated_names.contains(&name) {
                    report.repeated_names.push(name);
                }
            }
            self.wanted.push(options.wants(&own));
            self.names.push(Arc::from(own.as_str()));
            taken.insert(own, 1);
        }
        report.columns = self.names.iter().map(ToString::to_string).collect();
        if !report.repeated_names.is_empty() {
            let repeated = report.repeated_names.join(", ");
            report.found(
                kind::REPEATED_NAMES,
                format!("several columns are called {repeated}: from the second on they are NAME.2 and so on"),
            );
        }
    }

    /// Returns the next row that can be read, or `None` after the last.
    ///
    /// # Errors
    /// If the input cannot be read; with strict reading, if a row cannot be.
    pub(super) fn next_row(&mut self, file: usize, report: &mut FileReport) -> Result<Option<Row>> {
        loop {
            let Some(found) = self.find_record()? else {
                self.finish(report);
                return Ok(None);
            };
            self.number += 1;
            report.read += 1;
            self.last_line = self.input.line();
            let place = Place { file, line: self.last_line, row: self.number };
            match self.row(&found, place, report) {
                Ok(Some(row)) => return Ok(Some(row)),
                Ok(None) => {}
                Err(error) if self.strict => return Err(error),
                Err(_) => {}
            }
        }
    }

    /// Turns the record that was found into a row, and passes over it. A dropped row is none, or an error that says why.
    fn row(&mut self, found: &Found, place: Place, report: &mut FileReport) -> Result<Option<Row>> {
        let hint = |record: &[u8]| {
            if record.contains(&b'\n') { "; it spans lines: is a quote unbalanced?" } else { "" }
        };
        if found.end > LONGEST_RECORD {
            let hint = hint(&self.input.data()[..found.end]);
            self.skip(found.end);
            report.drop_row("too long");
            report.found_at(kind::TOO_LONG, place, || format!("a row is longer than {LONGEST_RECORD} bytes"));
            bail!("the record is longer than {LONGEST_RECORD} bytes{hint}");
        }
        if !found.fits {
            report.found_at(kind::STRAY_QUOTES, place, || UNQUOTED.to_owned());
            ensure!(
                !self.strict,
                "the quotes of this row do not fit (text after a closing quote, or a quote that nothing closes): write each text in \
                 quotes, with the quotes in it doubled"
            );
        }
        self.bytes.clear();
        self.bytes.extend_from_slice(&self.input.data()[..found.end]);
        self.skip(found.end);
        let (text, other) = self.records.text(&self.bytes);
        if other {
            report.found_at(kind::MIXED_ENCODINGS, place, || {
                "the row is not UTF-8 like the rest, and is read as Windows-1252".to_owned()
            });
            ensure!(!self.strict, "not UTF-8 like the rows before it: save the whole file as UTF-8");
        }
        refind(&self.dialect, found.fits, &text, &self.bytes, &mut self.fields);
        let fields = &self.fields;
        let surplus = fields.iter().skip(self.names.len());
        if fields.len() < self.names.len() || surplus.clone().any(|field| field.start < field.end) {
            let (count, wanted) = (fields.len(), self.names.len());
            report.drop_row("wrong number of fields");
            report.found_at(kind::FIELDS, place, || {
                format!("a row has another number of fields than the {wanted} of the header, and is dropped")
            });
            bail!("{count} fields, the header has {wanted}{}", hint(&self.bytes));
        }
        let mut row = Row::with_capacity(place, self.names.len());
        for ((field, name), wanted) in fields.iter().zip(&self.names).zip(&self.wanted) {
            if field.start < field.end && *wanted {
                let value = field.text(&text);
                if !value.is_empty() {
                    row.push(Arc::clone(name), Value::Text(value.into_owned()));
                }
            }
        }
        if self.wanted.iter().all(|wanted| *wanted) && is_blank(&row) && !self.strict {
            report.drop_row("empty row");
            return Ok(None);
        }
        report.kept += 1;
        Ok(Some(row))
    }

    /// Finds the next record, passing over blank lines; `None` after the last.
    fn find_record(&mut self) -> Result<Option<Found>> {
        loop {
            let (data, ended) = (self.input.data(), self.input.ended());
            if data.is_empty() && ended {
                return Ok(None);
            }
            let scan = match self.dialect.scan(data, ended, &mut self.fields) {
                Scan::Record { end } if data[..end].iter().all(|byte| *byte == b'\r') => {
                    self.skip(end);
                    continue;
                }
                scan => scan,
            };
            let is_long = data.len() > LONGEST_RECORD;
            match scan {
                Scan::Record { end } => return Ok(Some(Found { end, fits: true })),
                Scan::Unfinished if !ended && !is_long => {
                    self.input.more()?;
                }
                Scan::Stray { .. } | Scan::Unfinished => return self.one_line().map(Some),
            }
        }
    }

    /// Returns the line that a record begins on which has no end of its own.
    fn one_line(&mut self) -> Result<Found> {
        self.strays += 1;
        self.last_line = self.input.line();
        ensure!(
            self.strays < PATIENCE || !self.strict,
            "the quotes of {PATIENCE} rows do not fit: the table is not quoted as a table must be"
        );
        if self.strays == PATIENCE {
            self.dialect.quotes = false;
        }
        loop {
            let data = self.input.data();
            match memchr::memchr(self.dialect.line_end, data) {
                Some(end) => return Ok(Found { end, fits: false }),
                None if self.input.ended() => return Ok(Found { end: data.len(), fits: false }),
                None if data.len() > 64 * LONGEST_RECORD => {
                    bail!("a line is longer than {} bytes: this is no table of texts", 64 * LONGEST_RECORD)
                }
                None => {
                    self.input.more()?;
                }
            }
        }
    }

    /// Passes over a record and its line end.
    fn skip(&mut self, end: usize) {
        let whole = (end + 1).min(self.input.data().len());
        if self.dialect.line_end == b'\n' {
            self.input.consume(whole);
        } else {
            let lines = memchr::memchr_iter(self.dialect.line_end, &self.input.data()[..whole]).count() as u64;
            self.input.consume_lines(whole, lines);
        }
    }

    fn finish(&self, report: &mut FileReport) {
        if self.number == EXCEL_ROWS && report.finding(kind::EXCEL_LIMIT).is_none() {
            let message = "exactly 1,048,575 rows, as many as Excel keeps: rows after them may be lost";
            report.found(kind::EXCEL_LIMIT, message.to_owned());
        }
    }
}

/// Finds the fields of a record again, at their places in its text, if they are not those of its bytes.
fn refind(dialect: &Dialect, fits: bool, text: &str, bytes: &[u8], fields: &mut Vec<Field>) {
    let quoted = Dialect { quotes: dialect.quotes && fits, ..*dialect };
    let same = fits && text.len() == bytes.len();
    if !same && !matches!(quoted.scan(text.as_bytes(), true, fields), Scan::Record { .. }) {
        dialect.split(text.as_bytes(), fields);
    }
}

fn named(sniffed: &Sniffed) -> String {
    let delimited = match sniffed.dialect.delimiter {
        b',' => "CSV".to_owned(),
        b'\t' => "TSV".to_owned(),
        b';' => "CSV with semicolons".to_owned(),
        b'|' => "CSV with |".to_owned(),
        other => format!("CSV with {:?}", char::from(other)),
    };
    if sniffed.dialect.quotes { delimited } else { format!("{delimited} without quotes") }
}

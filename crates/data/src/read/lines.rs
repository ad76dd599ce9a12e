//! Plain lines: one text a line, in the column `text`. Only what is nothing else is read so.

use std::sync::Arc;

use anyhow::{Result, bail, ensure};

use super::decode::Records;
use super::dialect::{header_line, line_end, sniff};
use super::input::Input;
use super::options::ReadOptions;
use super::report::{FileReport, kind};
use crate::names::TEXT;
use crate::row::{Place, Row, Value};

/// The longest line that is read, in bytes.
const LONGEST: usize = 4 << 20;

/// How much is looked at for line ends and for signs of a table.
const SAMPLE: usize = 1 << 16;

/// How many lines a file must have before equal numbers of fields say something.
const FEW: usize = 5;

#[derive(Debug)]
pub(super) struct Lines {
    input: Input,
    records: Records,
    name: Arc<str>,
    line_end: u8,
    strict: bool,
    number: u64,
}

impl Lines {
    pub(super) fn open(
        mut input: Input,
        records: Records,
        options: &ReadOptions,
        report: &mut FileReport,
    ) -> Result<Self> {
        let sample = input.look(SAMPLE)?;
        let (line_end, words) = line_end(sample);
        let sniffed = sniff(sample, sample.len() < SAMPLE, None, None);
        if sniffed.even && memchr::memchr_iter(line_end, sample).count() >= FEW {
            let message = format!(
                "each line has {} fields separated by {:?}: if this is a table, give it the ending .csv",
                sniffed.fields,
                char::from(sniffed.dialect.delimiter)
            );
            report.found(kind::MAYBE_TABLE, message);
        }
        let header = header_line(sample);
        report.kind = "plain lines".to_owned();
        report.line_ends = Some(words);
        report.has_lines = true;
        report.columns = vec![TEXT.to_owned()];
        let mut lines = Self { input, records, name: Arc::from(TEXT), line_end, strict: options.strict, number: 0 };
        if let Some(name) = header
            && let Some(end) = lines.line()?
        {
            report.found(
                kind::HEADER_LINE,
                format!("the first line, {name:?}, is the name of the column and no text; if it is a text, put an empty line before it"),
            );
            lines.number = 1;
            lines.skip(end);
        }
        Ok(lines)
    }

    pub(super) fn encoding(&self) -> String {
        self.records.in_words()
    }

    pub(super) fn next_row(&mut self, file: usize, report: &mut FileReport) -> Result<Option<Row>> {
        loop {
            let Some(end) = self.line()? else { return Ok(None) };
            self.number += 1;
            let place = Place { file, line: self.number, row: report.read + 1 };
            let line = &self.input.data()[..end];
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.iter().all(u8::is_ascii_whitespace) {
                self.skip(end);
                report.read += 1;
                if self.strict {
                    report.kept += 1;
                    return Ok(Some(Row::new(place)));
                }
                report.drop_row("empty line");
                continue;
            }
            report.read += 1;
            let (text, other) = self.records.text(line);
            let text = text.into_owned();
            self.skip(end);
            if other {
                report.found_at(kind::MIXED_ENCODINGS, place, || {
                    "the line is not UTF-8 like the rest, and is read as Windows-1252".to_owned()
                });
                ensure!(
                    !self.strict,
                    "not readable as UTF-8 text like the lines before it: save the whole file as UTF-8"
                );
            }
            report.kept += 1;
            let mut row = Row::with_capacity(place, 1);
            row.push(Arc::clone(&self.name), Value::Text(text));
            return Ok(Some(row));
        }
    }

    /// Returns where the next line ends, or `None` after the last.
    fn line(&mut self) -> Result<Option<usize>> {
        let mut seen = 0;
        loop {
            let data = self.input.data();
            match memchr::memchr(self.line_end, &data[seen..]) {
                Some(end) => return Ok(Some(seen + end)),
                None if self.input.ended() => return Ok((!data.is_empty()).then_some(data.len())),
                None if data.len() > LONGEST => {
                    bail!("a line is longer than {LONGEST} bytes: this is no file of texts")
                }
                None => seen = data.len(),
            }
            self.input.more()?;
        }
    }

    fn skip(&mut self, end: usize) {
        let whole = (end + 1).min(self.input.data().len());
        self.input.consume_lines(whole, 1);
    }

    /// Returns the line that could not be read.
    pub(super) fn at_line(&self) -> u64 {
        self.number.max(1)
    }
}

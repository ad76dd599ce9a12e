//! The rows of all files, one after the other.

use std::collections::VecDeque;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};

use super::checks::Checks;
use super::open::{OpenFile, Opened, open_source};
use super::options::ReadOptions;
use super::report::{FileReport, ReadReport, Skipped};
use super::skip::NoTable;
use super::sources::{Source, nothing_in};
use crate::row::Row;

/// How many columns of a file without a header are named in its report.
const MOST_COLUMNS: usize = 200;

/// A stream of rows.
#[derive(Debug)]
pub struct Rows {
    options: ReadOptions,
    waiting: VecDeque<Source>,
    open: Option<Box<OpenFile>>,
    checks: Checks,
    report: ReadReport,
    failed: bool,
}

/// Opens files for reading their rows: tables, JSON, Parquet, X's archives, data set folders, packed or not; `-` is standard input.
///
/// # Errors
/// If the first file cannot be read. Later files are opened when their turn comes.
pub fn open(paths: &[PathBuf], options: &ReadOptions) -> Result<Rows> {
    ensure!(!paths.is_empty(), "no file is named");
    let mut rows = Rows {
        options: options.clone(),
        waiting: paths.iter().map(|path| Source::of(path)).collect(),
        open: None,
        checks: Checks::default(),
        report: ReadReport::default(),
        failed: false,
    };
    rows.open_next()?;
    Ok(rows)
}

impl Rows {
    /// Returns what was found out so far. It is complete after the last row.
    #[must_use]
    pub fn report(&self) -> &ReadReport {
        &self.report
    }

    /// Returns the columns of the file that is read, if all of its rows have the same: not for JSON.
    #[must_use]
    pub fn columns(&self) -> Option<&[String]> {
        self.open.as_ref().filter(|open| open.has_fixed_columns())?;
        self.report.files.last().map(|file| file.columns.as_slice())
    }

    /// Opens the next file that has rows; false after the last.
    fn open_next(&mut self) -> Result<bool> {
        while let Some(source) = self.waiting.pop_front() {
            let (zip, name) = (source.zip.clone(), source.name.clone());
            let opened = open_source(source, &self.options);
            let opened = match opened {
                Err(error) if zip.is_some() && error.is::<NoTable>() => {
                    self.report.skipped.push(Skipped { name, why: error.to_string() });
                    None
                }
                opened => Some(opened?),
            };
            if let Some(zip) = zip.filter(|zip| zip.is_without_data(opened.is_some())) {
                bail!(nothing_in(&zip.name, &self.report.skipped));
            }
            match opened {
                None => {}
                Some(Opened::Inside(sources, skipped)) => {
                    self.report.skipped.extend(skipped);
                    for source in sources.into_iter().rev() {
                        self.waiting.push_front(source);
                    }
                }
                Some(Opened::File(open, mut report)) => {
                    report.encoding = open.encoding();
                    self.checks = Checks::default();
                    if self.options.columns.is_none() {
                        self.checks.expect_texts(&report.columns);
                    }
                    self.report.files.push(*report);
                    self.open = Some(open);
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn next_row(&mut self) -> Result<Option<Row>> {
        loop {
            let Some(open) = &mut self.open else {
                if self.open_next()? {
                    continue;
                }
                return Ok(None);
            };
            let file = self.report.files.len() - 1;
            let report = &mut self.report.files[file];
            match open.next_row(file, report) {
                Ok(Some(mut row)) => {
                    self.checks.see(&row, report);
                    if !open.has_fixed_columns() {
                        note_columns(&row, report);
                        if let Some(wanted) = &self.options.columns {
                            row.keep(wanted);
                        }
                    }
                    return Ok(Some(row));
                }
                Ok(None) => {
                    report.encoding = open.encoding();
                    self.checks.finish(report);
                    self.open = None;
                }
                Err(error) => {
                    let place =
                        open.line().map_or_else(|| report.name.clone(), |line| format!("{}:{line}", report.name));
                    return Err(error).context(place);
                }
            }
        }
    }
}

/// Notes the columns of a row whose file has no header.
fn note_columns(row: &Row, report: &mut FileReport) {
    for (near, (name, _)) in row.iter().enumerate() {
        let known = report.columns.get(near).is_some_and(|known| known == name)
            || report.columns.iter().any(|known| known == name);
        if !known && report.columns.len() < MOST_COLUMNS {
            report.columns.push(name.to_owned());
        }
    }
}

impl Iterator for Rows {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let row = self.next_row().transpose();
        self.failed = matches!(row, Some(Err(_)));
        row
    }
}

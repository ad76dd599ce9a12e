//! What was found out about the files that were read: rows read = rows kept + rows dropped, by reason.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use serde::Serialize;

use crate::row::Place;

/// How many members that are not read are listed.
const LISTED: usize = 20;

/// How many places of a finding are kept.
const PLACES: usize = 5;

/// What was found out about each file.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ReadReport {
    pub files: Vec<FileReport>,
    /// Members of zip files that are no data.
    pub skipped: Vec<Skipped>,
}

/// A member of a zip file that is not read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// `ZIP:MEMBER`.
    pub name: String,
    pub why: String,
}

/// What was found out about one file, or one member of a zip file.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct FileReport {
    /// The path; for a member of a zip file, `ZIP:MEMBER`.
    pub name: String,
    /// In words: `CSV`, `JSON lines`, `X archive` …
    pub kind: String,
    /// How the file is compressed, from the outside in.
    pub compression: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line_ends: Option<&'static str>,
    /// The names of the columns: all of a table or Parquet file, those seen so far of any other file.
    pub columns: Vec<String>,
    /// Names that several columns of a table have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub repeated_names: Vec<String>,
    pub read: u64,
    pub kept: u64,
    /// Rows by the reason why they were dropped.
    pub dropped: BTreeMap<String, u64>,
    pub findings: Vec<Finding>,
    /// Whether rows have lines; those of a Parquet file have none.
    #[serde(skip)]
    pub has_lines: bool,
}

/// Something that a person should look at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// What it is: one of the short names in `kind`.
    pub kind: &'static str,
    /// What it is and what to do, in words.
    pub message: String,
    /// How often; 0 if it is about the whole file.
    pub count: u64,
    /// The first rows that have it, as line numbers, or as row numbers in a file without lines.
    pub rows: Vec<u64>,
}

/// The names of the findings.
pub mod kind {
    pub const MOJIBAKE: &str = "mojibake";
    pub const ROUNDED_IDS: &str = "rounded_ids";
    pub const STUMPS: &str = "stumps";
    pub const STRAY_QUOTES: &str = "stray_quotes";
    pub const FIELDS: &str = "number_of_fields";
    pub const EXCEL_LIMIT: &str = "excel_limit";
    pub const MIXED_ENCODINGS: &str = "mixed_encodings";
    pub const REPEATED_NAMES: &str = "repeated_names";
    pub const EMPTY_TEXTS: &str = "empty_texts";
    pub const NOT_JSON: &str = "not_json";
    pub const TOO_LONG: &str = "too_long";
    pub const OTHER_FILES: &str = "other_files";
    pub const MAYBE_TABLE: &str = "maybe_a_table";
    pub const NO_HEADER: &str = "maybe_no_header";
    pub const CUT_OFF: &str = "cut_off";
    pub const LIST_INSIDE: &str = "list_inside";
    pub const NO_AUTHOR: &str = "no_author";
    pub const HEADER_LINE: &str = "header_line";
    pub const EMPTY_FILE: &str = "empty_file";
}

impl FileReport {
    /// Returns whether the file is read as plain lines, or has none: its only column is [`crate::names::TEXT`].
    #[must_use]
    pub fn is_plain(&self) -> bool {
        matches!(self.kind.as_str(), "plain lines" | "empty")
    }

    /// Returns whether the file is in JSON of any kind, so that its rows may have different columns.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.kind.starts_with("JSON") || self.kind.starts_with("X archive")
    }

    /// Returns whether the file has tweets as X writes them, with the columns of [`crate::names`].
    #[must_use]
    pub fn is_of_x(&self) -> bool {
        self.kind.contains("X archive") || self.kind.contains("of X's API")
    }

    /// Returns whether the file is the folder of a data set.
    #[must_use]
    pub fn is_data_set(&self) -> bool {
        self.kind.starts_with("data set")
    }

    /// Counts a row that was dropped.
    pub fn drop_row(&mut self, reason: &str) {
        *self.dropped.entry(reason.to_owned()).or_default() += 1;
    }

    /// Adds an occurrence at a row to a finding.
    pub fn found_at(&mut self, kind: &'static str, place: Place, message: impl FnOnce() -> String) {
        let row = place.line_or_row();
        let known = self.findings.iter_mut().find(|finding| finding.kind == kind);
        match known {
            Some(finding) => {
                finding.count += 1;
                if finding.rows.len() < PLACES {
                    finding.rows.push(row);
                }
            }
            None => self.findings.push(Finding { kind, message: message(), count: 1, rows: vec![row] }),
        }
    }

    /// Adds a finding about the whole file.
    pub fn found(&mut self, kind: &'static str, message: String) {
        self.findings.push(Finding { kind, message, count: 0, rows: Vec::new() });
    }

    /// Returns a finding, if there is one of this kind.
    #[must_use]
    pub fn finding(&self, kind: &str) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.kind == kind)
    }

    /// Returns how many rows were dropped.
    #[must_use]
    pub fn dropped_rows(&self) -> u64 {
        self.dropped.values().sum()
    }
}

impl ReadReport {
    /// Says which members of zip files were not read, if there are any.
    #[must_use]
    pub fn skipped_in_words(&self) -> Option<String> {
        let first: Vec<String> =
            self.skipped.iter().take(PLACES).map(|file| format!("{} ({})", file.name, file.why)).collect();
        let more = if self.skipped.len() > PLACES { " …" } else { "" };
        (!first.is_empty()).then(|| format!("not read: {}{more}", first.join(", ")))
    }

    /// Returns how many rows were read, kept and dropped.
    #[must_use]
    pub fn totals(&self) -> (u64, u64, u64) {
        let sum = |of: fn(&FileReport) -> u64| self.files.iter().map(of).sum();
        (sum(|file| file.read), sum(|file| file.kept), sum(FileReport::dropped_rows))
    }

    /// Returns the place of a row as `FILE:LINE`, or `FILE: row N` in a file without lines.
    #[must_use]
    pub fn place(&self, place: Place) -> String {
        let name = self.files.get(place.file).map_or("", |file| file.name.as_str());
        if place.line == 0 { format!("{name}: row {}", place.row) } else { format!("{name}:{}", place.line) }
    }
}

impl fmt::Display for FileReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.name, self.kind)?;
        let compression = self.compression.iter().map(|layer| (*layer).to_owned());
        let facts = compression.chain(self.encoding.clone()).chain(self.line_ends.map(str::to_owned));
        facts.into_iter().try_for_each(|fact| write!(formatter, ", {fact}"))?;
        write!(formatter, "\n  {} rows read = {} kept + {} dropped", self.read, self.kept, self.dropped_rows())?;
        let mut reasons = String::new();
        for (reason, count) in &self.dropped {
            write!(reasons, "{}{count} {reason}", if reasons.is_empty() { "" } else { ", " })?;
        }
        if !reasons.is_empty() {
            write!(formatter, " ({reasons})")?;
        }
        for finding in &self.findings {
            write!(formatter, "\n  {finding}")?;
            if !finding.rows.is_empty() {
                let word = if self.has_lines { "line" } else { "row" };
                let rows: Vec<String> = finding.rows.iter().map(u64::to_string).collect();
                let more = if finding.count > finding.rows.len() as u64 { " …" } else { "" };
                let plural = if rows.len() > 1 { "s" } else { "" };
                write!(formatter, " ({word}{plural} {}{more})", rows.join(", "))?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count {
            0 => write!(formatter, "note: {}", self.message),
            count => write!(formatter, "note: {count} × {}", self.message),
        }
    }
}

impl fmt::Display for ReadReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, file) in self.files.iter().enumerate() {
            write!(formatter, "{}{file}", if place == 0 { "" } else { "\n" })?;
        }
        for file in self.skipped.iter().take(LISTED) {
            write!(formatter, "\n{}: not read ({})", file.name, file.why)?;
        }
        match self.skipped.len().saturating_sub(LISTED) {
            0 => Ok(()),
            more => write!(formatter, "\n{more} more files in the zip file are not read"),
        }
    }
}

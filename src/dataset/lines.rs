//! The lines of a text file one after the other, with every fault told by file and line.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Map, Value};

/// A file opened for reading its lines.
#[derive(Debug)]
pub struct Lines {
    path: PathBuf,
    lines: std::io::Lines<BufReader<File>>,
    /// The number of the last line read, from 1.
    number: u64,
}

impl Lines {
    /// # Errors
    /// Where the file cannot be read.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Self { path: path.to_owned(), lines: BufReader::new(file).lines(), number: 0 })
    }

    /// The next line without its end, `None` behind the last.
    ///
    /// # Errors
    /// Where it cannot be read or is not UTF-8; the message names file and line.
    pub fn next_line(&mut self) -> Result<Option<String>> {
        self.number += 1;
        self.lines.next().transpose().with_context(|| format!("{}: not readable as UTF-8 text", self.place()))
    }

    /// The number of the last line read, from 1.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// File and line of the last line read.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}:{}", self.path.display(), self.number)
    }
}

/// A line of a JSON-lines file.
///
/// # Errors
/// Where it is no JSON object.
pub fn object(line: &str) -> Result<Map<String, Value>> {
    serde_json::from_str(line).context("not a JSON object")
}

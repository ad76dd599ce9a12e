//! Reads a text file line by line; every error names file and line.

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
    /// Opens a file.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Self { path: path.to_owned(), lines: BufReader::new(file).lines(), number: 0 })
    }

    /// Returns the next line without its line ending and without a byte order mark, or `None` after the last.
    ///
    /// # Errors
    /// If the line cannot be read or is not UTF-8; the message names file and line.
    pub fn next_line(&mut self) -> Result<Option<String>> {
        self.number += 1;
        let line = self.lines.next().transpose();
        let line = line.with_context(|| format!("{}: not readable as UTF-8 text", self.place()))?;
        Ok(line.map(|line| match line.strip_prefix('\u{feff}') {
            Some(unmarked) if self.number == 1 => unmarked.to_owned(),
            _ => line,
        }))
    }

    /// Returns the next line of a JSON-lines file, skipping blank ones, or `None` after the last.
    ///
    /// # Errors
    /// If the line cannot be read or is not a JSON object; the message names file and line.
    pub fn next_object(&mut self) -> Result<Option<Map<String, Value>>> {
        while let Some(line) = self.next_line()? {
            if !line.trim().is_empty() {
                return object(&line).with_context(|| self.place()).map(Some);
            }
        }
        Ok(None)
    }

    /// Returns the number of the last line read, from 1.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Returns the file and the number of the last line read.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}:{}", self.path.display(), self.number)
    }
}

fn object(line: &str) -> Result<Map<String, Value>> {
    serde_json::from_str(line).context("not a JSON object")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(content: &str) -> Result<Vec<(u64, Value)>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("a.jsonl");
        std::fs::write(&path, content)?;
        let mut lines = Lines::open(&path)?;
        let mut objects = Vec::new();
        while let Some(object) = lines.next_object()? {
            objects.push((lines.number(), Value::Object(object)));
        }
        Ok(objects)
    }

    #[test]
    fn a_mark_and_blank_lines_are_no_part_of_json_lines() {
        let expected = [(1, serde_json::json!({"t": "uno"})), (3, serde_json::json!({"t": "dos"}))];
        assert_eq!(objects("\u{feff}{\"t\":\"uno\"}\n\n{\"t\":\"dos\"}\n\n  \n").unwrap(), expected);
        assert_eq!(objects("\u{feff}").unwrap(), []);
        let message = format!("{:#}", objects("{}\n\nno\n").unwrap_err());
        assert!(message.contains("a.jsonl:3: not a JSON object"), "{message}");
    }
}

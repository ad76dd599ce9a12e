//! What a command prints: data to standard output (for people, or one JSON object a line), notes to standard error.

use std::io::{self, Write as _};

use anyhow::Result;

/// How results are printed.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// One JSON object a line instead of text.
    pub json: bool,
    /// No notes.
    pub quiet: bool,
}

impl Output {
    /// Prints one result in the form that was asked for.
    ///
    /// # Errors
    /// Where standard output cannot be written; a closed pipe is no error.
    pub fn object(self, text: impl FnOnce() -> String, json: impl FnOnce() -> serde_json::Value) -> Result<()> {
        let line = if self.json { json().to_string() } else { text() };
        self.line(&line)
    }

    /// Prints a line of data.
    ///
    /// # Errors
    /// As [`Self::object`].
    pub fn line(self, line: &str) -> Result<()> {
        match writeln!(anstream::stdout(), "{line}") {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => Ok(other?),
        }
    }

    /// Tells a person something beside the data.
    pub fn note(self, line: &str) {
        if !self.quiet {
            // Nobody is left to be told where standard error cannot be written.
            let _ = writeln!(anstream::stderr(), "{line}");
        }
    }
}

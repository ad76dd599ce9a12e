//! What a command prints: data to standard output (for people, or one JSON object a line), notes to standard error.

use std::io::{self, Write as _};

use anstyle::{AnsiColor, Style};
use anyhow::Result;
use comfy_table::{Table, presets};

/// How results are printed.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// One JSON object a line instead of text.
    pub json: bool,
    /// No notes.
    pub quiet: bool,
}

/// Headings and what went well, badly, or needs a look.
pub const HEADING: Style = Style::new().bold();
pub const GOOD: Style = AnsiColor::Green.on_default();
pub const BAD: Style = AnsiColor::Red.on_default();
pub const DOUBTFUL: Style = AnsiColor::Yellow.on_default();

/// `text` in a style; the stream it is written to takes the style out where it shows none.
pub fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
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
        let mut stream = anstream::stdout();
        match writeln!(stream, "{line}").and_then(|()| stream.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => Ok(other?),
        }
    }

    /// Prints rows: a table with `header`, or with `--json` each row's object on a line of its own.
    ///
    /// # Errors
    /// As [`Self::object`].
    pub fn rows<T: serde::Serialize>(
        self,
        header: &[&str],
        rows: &[T],
        cells: impl Fn(&T) -> Vec<String>,
    ) -> Result<()> {
        if self.json {
            return rows.iter().try_for_each(|row| self.line(&serde_json::to_string(row)?));
        }
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_header(header.to_vec());
        table.add_rows(rows.iter().map(cells));
        table.column_iter_mut().for_each(|column| {
            column.set_padding((0, 1));
        });
        self.line(&table.trim_fmt())
    }

    /// Tells a person something beside the data.
    pub fn note(self, line: &str) {
        if !self.quiet {
            Self::complain(line);
        }
    }

    /// Tells what ended the program.
    pub fn error(line: &str) {
        Self::complain(&format!("{} {line}", styled(BAD.bold(), "error:")));
    }

    /// Writes a line to standard error.
    pub fn complain(line: &str) {
        // Nobody is left to be told where standard error cannot be written.
        let _ = writeln!(anstream::stderr(), "{line}");
    }
}

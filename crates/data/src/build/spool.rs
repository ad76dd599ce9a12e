//! Rows between the two passes of a build: in an unnamed file on the disk of the output, so that a kill leaves nothing behind.

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::json_row::{self, Names};
use crate::row::{Place, Row};

/// Rows that are written once and then read once.
#[derive(Debug)]
pub struct Spool(BufWriter<File>);

/// How many bytes are written or read at a time.
const BUFFER: usize = 1 << 18;

impl Spool {
    /// Begins a spool on the disk of `folder`.
    ///
    /// # Errors
    /// If no file can be made there.
    pub fn new(folder: &Path) -> Result<Self> {
        let file = tempfile::tempfile_in(folder).with_context(|| format!("cannot write in {}", folder.display()))?;
        Ok(Self(BufWriter::with_capacity(BUFFER, file)))
    }

    /// Adds a row.
    ///
    /// # Errors
    /// If the disk is full.
    pub fn write(&mut self, row: &Row) -> Result<()> {
        json_row::write(row, &mut self.0).context("cannot write the rows between the two passes")
    }

    /// Returns the rows in the order in which they were written.
    ///
    /// # Errors
    /// If the disk is full or cannot be read.
    pub fn into_rows(self) -> Result<impl Iterator<Item = Result<Row>>> {
        const CANNOT: &str = "cannot read the rows between the two passes";
        let mut file = self.0.into_inner().map_err(std::io::IntoInnerError::into_error).context(CANNOT)?;
        file.flush().and_then(|()| file.seek(SeekFrom::Start(0))).context(CANNOT)?;
        let mut lines = BufReader::with_capacity(BUFFER, file);
        let (mut line, mut names, mut number) = (Vec::new(), Names::default(), 0);
        Ok(std::iter::from_fn(move || {
            line.clear();
            number += 1;
            match lines.read_until(b'\n', &mut line).context(CANNOT) {
                Ok(0) => None,
                Ok(_) => Some(json_row::parse(&line, Place { file: 0, line: number, row: number }, &mut names)),
                Err(error) => Some(Err(error)),
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_in_order_and_the_folder_stays_empty() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::new(folder.path()).unwrap();
        for number in 0..3 {
            let mut row = Row::default();
            row.set("text", format!("dos\nrenglones {number}"));
            row.set("likes", number);
            spool.write(&row).unwrap();
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let rows: Vec<Row> = spool.into_rows().unwrap().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 3);
        assert_eq!(
            (rows[2].text("text").as_deref(), rows[2].text("likes").as_deref()),
            (Some("dos\nrenglones 2"), Some("2"))
        );
    }
}

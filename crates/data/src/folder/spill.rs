//! Rows in a temporary file, until all of them have been seen: only then are the columns of a Parquet file and their types known.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Seek as _};
use std::path::Path;

use anyhow::{Context as _, Result};

use super::columns::ColumnCounts;
use crate::parquet_file::Chunk;
use crate::row::Row;

/// The bytes that are written and read at a time.
const BUFFER: usize = 1 << 16;

#[derive(Debug)]
pub(super) struct Spill {
    file: BufWriter<File>,
    /// How many chunks the file has.
    chunks: usize,
    /// The rows after those.
    last: Chunk,
}

impl Spill {
    /// Begins a temporary file in a folder. It has no name, so that nothing of it stays.
    pub(super) fn new(folder: &Path) -> io::Result<Self> {
        let file = BufWriter::with_capacity(BUFFER, tempfile::tempfile_in(folder)?);
        Ok(Self { file, chunks: 0, last: Chunk::default() })
    }

    /// Adds a row, and counts its columns.
    pub(super) fn write(&mut self, row: &Row, columns: &mut ColumnCounts) -> io::Result<()> {
        columns.see_each(row, |column, value| self.last.set(column, value));
        self.last.end_row();
        if self.last.is_full() {
            self.last.write(&mut self.file)?;
            self.last.clear();
            self.chunks += 1;
        }
        Ok(())
    }

    /// Passes all rows to `take`, a chunk at a time.
    pub(super) fn read_back(self, mut take: impl FnMut(Chunk) -> Result<()>) -> Result<()> {
        let mut file = self.file.into_inner().context("cannot write a temporary file")?;
        file.rewind()?;
        let mut file = BufReader::with_capacity(BUFFER, file);
        for _ in 0..self.chunks {
            take(Chunk::read(&mut file).context("cannot read a temporary file")?)?;
        }
        if self.last.is_empty() { Ok(()) } else { take(self.last) }
    }
}

//! Reads a Parquet file row by row: a batch of values of each column at a time.

use std::fmt;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, ensure};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;

use super::leaf::{Leaf, leaf_of};
use crate::row::{Place, Row, Value};

/// How many rows of each column are in memory at a time.
const BATCH: usize = 4096;

/// The rows of a Parquet file.
pub struct ParquetRows {
    reader: SerializedFileReader<File>,
    /// The indices of the leaf columns that are read, and their names.
    wanted: Vec<(usize, Arc<str>)>,
    names: Vec<Arc<str>>,
    next_group: usize,
    leaves: Vec<Box<dyn Leaf>>,
    cells: Vec<Vec<Option<Value>>>,
    /// Rows of the open row group that are not read yet.
    left: usize,
    /// The place in the batch, and the batch's size.
    at: usize,
    batch: usize,
    number: u64,
}

impl fmt::Debug for ParquetRows {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ParquetRows").field("names", &self.names).field("number", &self.number).finish()
    }
}

impl ParquetRows {
    /// Opens a file. Columns of which `wanted` returns false are not read.
    ///
    /// # Errors
    /// If the file is no Parquet file, or uses a feature that this program does not have.
    pub fn open(file: File, wanted: impl Fn(&str) -> bool) -> Result<Self> {
        let reader = SerializedFileReader::new(file).map_err(clearer)?;
        let schema = reader.metadata().file_metadata().schema_descr();
        let names: Vec<Arc<str>> = schema.columns().iter().map(|column| Arc::from(name_of(column))).collect();
        let kept = names.iter().enumerate().filter(|(_, name)| wanted(name));
        let wanted: Vec<(usize, Arc<str>)> = kept.map(|(leaf, name)| (leaf, Arc::clone(name))).collect();
        let cells = vec![Vec::new(); wanted.len()];
        let leaves = Vec::new();
        Ok(Self { reader, wanted, names, next_group: 0, leaves, cells, left: 0, at: 0, batch: 0, number: 0 })
    }

    /// Returns the names of all columns; a struct has one column for each of its fields.
    #[must_use]
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// Returns the next row, or `None` after the last.
    ///
    /// # Errors
    /// If the file is damaged.
    pub fn next_row(&mut self, file: usize) -> Result<Option<Row>> {
        while self.at == self.batch {
            if self.left == 0 && !self.open_group()? {
                return Ok(None);
            }
            self.read_batch().with_context(|| format!("row {}", self.number + 1))?;
        }
        self.number += 1;
        let mut row = Row::with_capacity(Place { file, line: 0, row: self.number }, self.wanted.len());
        for ((_, name), cells) in self.wanted.iter().zip(&mut self.cells) {
            if let Some(value) = cells[self.at].take() {
                row.push(Arc::clone(name), value);
            }
        }
        self.at += 1;
        Ok(Some(row))
    }

    /// Opens the next row group; false after the last.
    fn open_group(&mut self) -> Result<bool> {
        let metadata = self.reader.metadata();
        if self.next_group == metadata.num_row_groups() {
            return Ok(false);
        }
        let group = self.reader.get_row_group(self.next_group).map_err(clearer)?;
        self.left = usize::try_from(group.metadata().num_rows()).context("a negative number of rows")?;
        let schema = metadata.file_metadata().schema_descr();
        self.leaves.clear();
        for (leaf, _) in &self.wanted {
            let reader = group.get_column_reader(*leaf).map_err(clearer)?;
            self.leaves.push(leaf_of(reader, &schema.column(*leaf)));
        }
        self.next_group += 1;
        Ok(true)
    }

    fn read_batch(&mut self) -> Result<()> {
        self.batch = self.left.min(BATCH);
        self.at = 0;
        for ((leaf, cells), (_, name)) in self.leaves.iter_mut().zip(&mut self.cells).zip(&self.wanted) {
            // The parquet crate panics on some damaged pages.
            let read = catch_unwind(AssertUnwindSafe(|| leaf.read(self.batch, cells)));
            let read = read.unwrap_or_else(|_| Err(anyhow!("the file is damaged: fetch or write it again")));
            read.with_context(|| format!("column {name}"))?;
            ensure!(cells.len() == self.batch, "column {name}: more values than rows");
        }
        self.left -= self.batch;
        Ok(())
    }
}

/// Returns the name of a leaf column: `user.name` for a field of a struct, without the levels that a list adds.
fn name_of(column: &ColumnDescriptor) -> String {
    const OF_LISTS: [&str; 7] = ["list", "element", "item", "array", "bag", "array_element", "key_value"];
    let parts = column.path().parts();
    let is_named = |place: usize, part: &str| place == 0 || column.max_rep_level() == 0 || !OF_LISTS.contains(&part);
    let named = parts.iter().enumerate().filter(|(place, part)| is_named(*place, part));
    named.map(|(_, part)| part.as_str()).collect::<Vec<_>>().join(".")
}

/// Says what to do about a file that the library cannot read.
fn clearer(error: parquet::errors::ParquetError) -> anyhow::Error {
    let advice = if matches!(error, parquet::errors::ParquetError::NYI(_)) || error.to_string().contains("feature") {
        "compressed or written in a way that cannot be read: write the file again with zstd or snappy"
    } else {
        "not a whole Parquet file: fetch or write it again"
    };
    anyhow::Error::new(error).context(advice)
}

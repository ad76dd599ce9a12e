//! The Parquet files of a data set, while their row groups are compressed on all processors.
//!
//! Groups are put into their files in the order in which they came, so that the files do not depend on how many processors there are.

use std::fs::File;
use std::io::BufWriter;

use anyhow::{Context as _, Result};
use rayon::prelude::*;

use super::hashing::Hashing;
use super::manifest::Column;
use super::spill::Spill;
use crate::parquet_file::{Chunk, Encoder, ParquetWriter};
use crate::row::ColumnType;

/// A file of the folder, whose digest is taken as it is written.
type Output = Hashing<BufWriter<File>>;

/// The most groups that are in memory at a time.
const MOST_WAITING: usize = 4;

/// The files of all parts.
#[derive(Debug)]
pub(super) struct ParquetFiles<'a> {
    encoder: Encoder,
    files: Vec<(&'a str, ParquetWriter<&'a mut Output>)>,
    /// Groups that are to be compressed, each with the place of its file.
    waiting: Vec<(usize, Chunk)>,
    most_waiting: usize,
}

impl<'a> ParquetFiles<'a> {
    /// Begins a Parquet file in each of these, which have the names for the messages.
    pub(super) fn begin(parts: impl Iterator<Item = (&'a str, &'a mut Output)>, columns: &[Column]) -> Result<Self> {
        let named: Vec<(&str, ColumnType)> = columns.iter().map(|column| (column.name.as_str(), column.kind)).collect();
        let encoder = Encoder::new(&named)?;
        let begin = |(name, file): (&'a str, &'a mut Output)| {
            let file = encoder.begin(file).with_context(|| format!("cannot write {name}"))?;
            Ok((name, file))
        };
        let files = parts.map(begin).collect::<Result<_>>()?;
        let most_waiting = rayon::current_num_threads().min(MOST_WAITING);
        Ok(Self { encoder, files, waiting: Vec::new(), most_waiting })
    }

    /// Adds a group to the file at this place.
    pub(super) fn add(&mut self, file: usize, chunk: Chunk) -> Result<()> {
        self.waiting.push((file, chunk));
        if self.waiting.len() == self.most_waiting { self.write() } else { Ok(()) }
    }

    /// Adds each row to the file whose place it has in `parts`.
    pub(super) fn add_divided(&mut self, spill: Spill, parts: &[u8]) -> Result<()> {
        let mut rest = parts;
        let mut open: Vec<Chunk> = self.files.iter().map(|_| Chunk::default()).collect();
        spill.read_back(|chunk| {
            let (these, others) = rest.split_at(chunk.len());
            rest = others;
            chunk.divide(these, &mut open, |file, full| self.add(file, full))
        })?;
        let mut left = open.into_iter().enumerate().filter(|(_, chunk)| !chunk.is_empty());
        left.try_for_each(|(file, chunk)| self.add(file, chunk))
    }

    /// Compresses the groups that wait, and writes them.
    fn write(&mut self) -> Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        let encoder = &self.encoder;
        let groups: Vec<_> = waiting.into_par_iter().map(|(file, chunk)| (file, encoder.encode(chunk))).collect();
        for (file, group) in groups {
            let (name, writer) = &mut self.files[file];
            group.and_then(|group| writer.append(group)).with_context(|| format!("cannot write {name}"))?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<()> {
        self.write()?;
        for (name, file) in self.files {
            file.finish().with_context(|| format!("cannot write {name}"))?;
        }
        Ok(())
    }
}

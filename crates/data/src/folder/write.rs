//! Writes the folder of a data set as a stream of rows.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use pregonero_system::files::{Existing, UnfinishedFolder, write_whole};

use super::columns::ColumnCounts;
use super::hashing::Hashing;
use super::manifest::{Column, DataFile, Format, MANIFEST, Manifest, Split, digest_of};
use super::open::Folder;
use super::spill::Spill;
use crate::json_row;
use crate::parquet_file::ParquetWriter;
use crate::row::{ColumnType, Row};

/// A data set folder that is being written. Nothing is at its place before [`Writer::finish`].
#[derive(Debug)]
pub struct Writer {
    folder: UnfinishedFolder,
    format: Format,
    parts: Vec<Part>,
    columns: ColumnCounts,
}

/// The file of one split.
#[derive(Debug)]
struct Part {
    split: String,
    name: String,
    rows: u64,
    file: Hashing<BufWriter<File>>,
    /// The rows of a Parquet file, which is written at the end.
    spill: Option<Spill>,
}

impl Folder {
    /// Begins a new folder at `path`.
    ///
    /// # Errors
    /// If something is there already, or no folder can be made next to it.
    pub fn create(path: &Path, format: Format) -> Result<Writer> {
        Writer::new(path, format, Existing::Refuse)
    }

    /// Begins a folder that replaces the data set at `path` when it is finished.
    ///
    /// # Errors
    /// If `path` holds no data set, or no folder can be made next to it.
    pub fn replace(path: &Path, format: Format) -> Result<Writer> {
        Manifest::read(path)?;
        Writer::new(path, format, Existing::Replace)
    }
}

impl Writer {
    /// Begins a folder at `path`.
    ///
    /// # Errors
    /// If `path` exists and may not be replaced, or no folder can be made next to it.
    fn new(path: &Path, format: Format, existing: Existing) -> Result<Self> {
        let folder = UnfinishedFolder::new(path, existing)?;
        Ok(Self { folder, format, parts: Vec::new(), columns: ColumnCounts::default() })
    }

    /// Returns the unfinished folder: what is put into it is part of the data set.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Adds a row to a data set without splits.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&mut self, row: &Row) -> Result<()> {
        self.write_to("", row)
    }

    /// Adds a row to a split. The files are in the order in which the splits are named first.
    ///
    /// # Errors
    /// If it cannot be written, or the split's name cannot be that of a file.
    pub fn write_to(&mut self, split: &str, row: &Row) -> Result<()> {
        let part = self.part(split)?;
        let part = &mut self.parts[part];
        self.columns.see(row);
        part.rows += 1;
        match &mut part.spill {
            None => json_row::write(row, &mut part.file),
            Some(spill) => spill.write(row, &self.columns),
        }
        .with_context(|| format!("cannot write {}", part.name))
    }

    /// Begins the file of a split, so that it is there, and at its place among the others, whatever rows follow.
    ///
    /// # Errors
    /// If it cannot be made, or the split's name cannot be that of a file.
    pub fn begin(&mut self, split: &str) -> Result<()> {
        self.part(split).map(|_| ())
    }

    fn part(&mut self, split: &str) -> Result<usize> {
        if let Some(known) = self.parts.iter().position(|part| part.split == split) {
            return Ok(known);
        }
        let fits = split.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        ensure!(fits, "the split {split:?} needs a name of letters, digits, - and _");
        let stem = if split.is_empty() { "data" } else { split };
        let name = format!("{stem}.{}", self.format.name());
        let path = self.folder.path().join(&name);
        let file = File::create_new(&path).with_context(|| format!("cannot write {}", path.display()))?;
        let file = Hashing::new(BufWriter::with_capacity(1 << 16, file));
        let spill = match self.format {
            Format::JsonLines => None,
            Format::Parquet => {
                let folder = self.folder.path();
                Some(Spill::new(folder).with_context(|| format!("cannot write in {}", folder.display()))?)
            }
        };
        self.parts.push(Part { split: split.to_owned(), name, rows: 0, file, spill });
        Ok(self.parts.len() - 1)
    }

    /// Finishes the data files, writes the manifest with what is known of them, and puts the folder at its place.
    ///
    /// # Errors
    /// If a file or the folder cannot be written; nothing is at the folder's place then, or what was there before.
    pub fn finish(mut self, mut manifest: Manifest) -> Result<Folder> {
        if self.parts.is_empty() {
            self.part("")?;
        }
        manifest.columns = self.columns.into_columns();
        manifest.files.clear();
        for part in self.parts {
            manifest.files.push(part.finish(self.format, &manifest.columns)?);
        }
        manifest.splits = splits_of(&manifest.files);
        manifest.counts.insert("rows".to_owned(), manifest.rows());
        manifest.digest = digest_of(&manifest.files);
        let bytes = manifest.to_bytes()?;
        write_whole(&self.folder.path().join(MANIFEST), Existing::Refuse, |writer| writer.write_all(&bytes))?;
        let path = self.folder.finish()?;
        Ok(Folder::of(path, manifest))
    }
}

impl Part {
    fn finish(mut self, format: Format, columns: &[Column]) -> Result<DataFile> {
        let name = self.name.clone();
        let cannot = || format!("cannot write {name}");
        if let Some(spill) = self.spill.take() {
            self.file = to_parquet(spill, self.file, columns).with_context(cannot)?;
        }
        self.file.flush().with_context(cannot)?;
        self.file.inner().get_ref().sync_all().with_context(cannot)?;
        Ok(DataFile {
            sha256: self.file.sha256(),
            bytes: self.file.bytes,
            format: format.name().to_owned(),
            rows: self.rows,
            split: self.split,
            name: self.name,
        })
    }
}

fn splits_of(files: &[DataFile]) -> Vec<Split> {
    let named = files.iter().filter(|file| !file.split.is_empty());
    named.map(|file| Split { name: file.split.clone(), rows: file.rows }).collect()
}

/// Writes the rows of a temporary file as Parquet.
fn to_parquet(spill: Spill, file: Hashing<BufWriter<File>>, columns: &[Column]) -> Result<Hashing<BufWriter<File>>> {
    let named: Vec<(&str, ColumnType)> = columns.iter().map(|column| (column.name.as_str(), column.kind)).collect();
    let mut writer = ParquetWriter::new(file, &named)?;
    spill.read_back(columns.len(), |values| {
        for (column, value) in values.iter().enumerate() {
            writer.set(column, value.as_ref());
        }
        writer.end_row()
    })?;
    writer.finish()
}

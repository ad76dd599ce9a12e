//! Writes the folder of a data set as a stream of rows.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Seek as _, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use pregonero_system::files::{Existing, UnfinishedFolder, write_whole};

use super::columns::ColumnCounts;
use super::hashing::Hashing;
use super::manifest::{DataFile, Format, MANIFEST, Manifest, Split, digest_of};
use super::open::Folder;
use super::parquet_files::ParquetFiles;
use super::spill::Spill;
use crate::json_row;
use crate::row::Row;

/// A data set folder that is being written. Nothing is at its place before [`Writer::finish`].
#[derive(Debug)]
pub struct Writer {
    folder: UnfinishedFolder,
    format: Format,
    parts: Vec<Part>,
    columns: ColumnCounts,
    /// Rows that are divided into splits at the end.
    later: Option<Later>,
}

/// Rows of which nobody knows yet to which split they belong.
#[derive(Debug)]
enum Later {
    /// Lines of JSON, as they come into the files.
    Lines(BufWriter<File>),
    Columns(Spill),
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

    /// Begins a folder that replaces the data set at `path` when it is finished. It begins with the files that a person put next to
    /// the data.
    ///
    /// # Errors
    /// If `path` holds no data set, or a folder or a link next to the data, or no folder can be made next to it.
    pub fn replace(path: &Path, format: Format) -> Result<Writer> {
        let others = other_files(path, &Manifest::read(path)?)?;
        let writer = Writer::new(path, format, Existing::Replace)?;
        for name in others {
            let other = path.join(&name);
            let copied = std::fs::copy(&other, writer.path().join(&name));
            copied.with_context(|| format!("cannot copy {}", other.display()))?;
        }
        Ok(writer)
    }
}

/// Returns the names of the files that a person put into the folder next to the data: a card, a licence.
///
/// # Errors
/// If there is a folder or a link: neither is copied, so it would be lost.
pub(crate) fn other_files(path: &Path, manifest: &Manifest) -> Result<Vec<OsString>> {
    let mut others = Vec::new();
    for entry in std::fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))? {
        let entry = entry?;
        let name = entry.file_name();
        if name == MANIFEST || manifest.files.iter().any(|file| *file.name == *name) {
            continue;
        }
        ensure!(
            entry.file_type()?.is_file(),
            "{}: the folder is written anew and keeps only files; move this elsewhere first",
            entry.path().display()
        );
        others.push(name);
    }
    Ok(others)
}

impl Writer {
    /// Begins a folder at `path`.
    ///
    /// # Errors
    /// If `path` exists and may not be replaced, or no folder can be made next to it.
    fn new(path: &Path, format: Format, existing: Existing) -> Result<Self> {
        let folder = UnfinishedFolder::new(path, existing)?;
        Ok(Self { folder, format, parts: Vec::new(), columns: ColumnCounts::default(), later: None })
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
        part.rows += 1;
        match &mut part.spill {
            None => {
                self.columns.see(row);
                json_row::write(row, &mut part.file)
            }
            Some(spill) => spill.write(row, &mut self.columns),
        }
        .with_context(|| format!("cannot write {}", part.name))
    }

    /// Adds a row that [`Writer::finish_divided`] puts into a split.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_later(&mut self, row: &Row) -> Result<()> {
        let folder = self.folder.path();
        let cannot = || format!("cannot write in {}", folder.display());
        let later = match &mut self.later {
            Some(later) => later,
            empty => empty.insert(Later::new(self.format, folder).with_context(cannot)?),
        };
        match later {
            Later::Lines(lines) => {
                self.columns.see(row);
                json_row::write(row, lines)
            }
            Later::Columns(spill) => spill.write(row, &mut self.columns),
        }
        .with_context(cannot)
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
    pub fn finish(mut self, manifest: Manifest) -> Result<Folder> {
        if self.parts.is_empty() {
            self.part("")?;
        }
        let spills: Vec<Option<Spill>> = self.parts.iter_mut().map(|part| part.spill.take()).collect();
        self.end(manifest, |files| {
            for (part, spill) in spills.into_iter().enumerate() {
                if let Some(spill) = spill {
                    spill.read_back(|chunk| files.add(part, chunk))?;
                }
            }
            Ok(())
        })
    }

    /// Does the same with the rows of [`Writer::write_later`]: each goes into the split whose number in `splits` it has in `parts`.
    /// Splits without rows get no file.
    ///
    /// # Errors
    /// If a file or the folder cannot be written, or a split's name cannot be that of a file.
    ///
    /// # Panics
    /// If `parts` has not one entry a row.
    pub fn finish_divided(mut self, manifest: Manifest, splits: &[&str], parts: &[u8]) -> Result<Folder> {
        let mut places = Vec::new();
        for (number, split) in splits.iter().enumerate() {
            let rows = parts.iter().filter(|part| usize::from(**part) == number).count() as u64;
            places.push(self.parts.len());
            if rows > 0 {
                let place = self.part(split)?;
                self.parts[place].rows = rows;
                self.parts[place].spill = None;
            }
        }
        let parts: Vec<u8> = parts.iter().map(|part| places[usize::from(*part)] as u8).collect();
        match self.later.take() {
            Some(Later::Columns(spill)) => self.end(manifest, |files| files.add_divided(spill, &parts)),
            Some(Later::Lines(lines)) => {
                divide_lines(lines, &parts, &mut self.parts)?;
                self.end(manifest, |_| Ok(()))
            }
            None => self.finish(manifest),
        }
    }

    fn end(self, mut manifest: Manifest, fill: impl FnOnce(&mut ParquetFiles<'_>) -> Result<()>) -> Result<Folder> {
        let Self { folder, format, mut parts, columns, .. } = self;
        manifest.columns = columns.into_columns();
        if format == Format::Parquet {
            let named = parts.iter_mut().map(|part| (part.name.as_str(), &mut part.file));
            let mut files = ParquetFiles::begin(named, &manifest.columns)?;
            fill(&mut files)?;
            files.finish()?;
        }
        manifest.files = parts.into_iter().map(|part| part.finish(format)).collect::<Result<_>>()?;
        manifest.splits = splits_of(&manifest.files);
        manifest.counts.insert("rows".to_owned(), manifest.rows());
        manifest.digest = digest_of(&manifest.files);
        let bytes = manifest.to_bytes()?;
        write_whole(&folder.path().join(MANIFEST), Existing::Refuse, |writer| writer.write_all(&bytes))?;
        let path = folder.finish()?;
        Ok(Folder::of(path, manifest))
    }
}

impl Part {
    fn finish(mut self, format: Format) -> Result<DataFile> {
        let name = self.name.clone();
        let cannot = || format!("cannot write {name}");
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

impl Later {
    fn new(format: Format, folder: &Path) -> io::Result<Self> {
        Ok(match format {
            Format::JsonLines => Self::Lines(BufWriter::with_capacity(1 << 16, tempfile::tempfile_in(folder)?)),
            Format::Parquet => Self::Columns(Spill::new(folder)?),
        })
    }
}

/// Writes each line to the file of its part.
fn divide_lines(lines: BufWriter<File>, numbers: &[u8], parts: &mut [Part]) -> Result<()> {
    const CANNOT: &str = "cannot read a temporary file";
    let mut file =
        lines.into_inner().map_err(io::IntoInnerError::into_error).context("cannot write a temporary file")?;
    file.rewind().context(CANNOT)?;
    let mut lines = BufReader::with_capacity(1 << 16, file);
    let mut line = Vec::new();
    for number in numbers {
        line.clear();
        lines.read_until(b'\n', &mut line).context(CANNOT)?;
        let part = &mut parts[usize::from(*number)];
        part.file.write_all(&line).with_context(|| format!("cannot write {}", part.name))?;
    }
    Ok(())
}

//! Opens the folder of a data set and reads its rows as a stream.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use super::hashing::sha256_of_file;
use super::manifest::{DataFile, Format, MANIFEST, Manifest};
use crate::json_row::{self, Names};
use crate::parquet_file::ParquetRows;
use crate::row::{Place, Row};

/// The folder of a data set.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    manifest: Manifest,
}

impl Folder {
    /// Opens the folder of a data set. Its data files are not read.
    ///
    /// # Errors
    /// If the folder has no manifest, or one that this program cannot read.
    pub fn open(path: &Path) -> Result<Self> {
        let manifest = Manifest::read(path)?;
        let outside = manifest.files.iter().find(|file| Path::new(&file.name).components().count() != 1);
        if let Some(file) = outside {
            anyhow::bail!("{}: the data file {:?} is outside of the folder", path.join(MANIFEST).display(), file.name);
        }
        Ok(Self { path: path.to_owned(), manifest })
    }

    pub(super) fn of(path: PathBuf, manifest: Manifest) -> Self {
        Self { path, manifest }
    }

    /// Returns whether `path` is the folder of a data set.
    #[must_use]
    pub fn is_one(path: &Path) -> bool {
        path.join(MANIFEST).is_file()
    }

    /// Refuses a data set's folder as the place where a command writes something else.
    ///
    /// # Errors
    /// If `path` is a data set; the message says that `what` needs a folder of its own.
    pub fn refuse_as_output(path: &Path, what: &str) -> Result<()> {
        ensure!(
            !Self::is_one(path),
            "{}: is a data set; choose another --output: {what} needs a folder of its own",
            path.display()
        );
        Ok(())
    }

    /// Returns whether `path` is a data file of a data set.
    #[must_use]
    pub fn has_file(path: &Path) -> bool {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return false };
        let manifest = Self::is_one(folder).then(|| Manifest::read(folder).ok()).flatten();
        manifest.is_some_and(|manifest| manifest.files.iter().any(|file| *file.name == *name))
    }

    /// Returns the folder's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what the data set says about itself.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Returns the format of the data files.
    #[must_use]
    pub fn format(&self) -> Format {
        let json = self.manifest.files.iter().any(|file| file.format == Format::JsonLines.name());
        if json { Format::JsonLines } else { Format::Parquet }
    }

    /// Returns all rows, file by file.
    ///
    /// # Errors
    /// Never; reading a row can fail.
    pub fn rows(&self) -> Result<FolderRows> {
        Ok(FolderRows::new(&self.path, self.manifest.files.clone(), None))
    }

    /// Returns these columns of all rows, file by file. The others of a Parquet file are not read.
    #[must_use]
    pub fn columns(&self, wanted: &[&str]) -> FolderRows {
        let wanted = wanted.iter().map(|name| (*name).to_owned()).collect();
        FolderRows::new(&self.path, self.manifest.files.clone(), Some(wanted))
    }

    /// Returns the rows of one split.
    ///
    /// # Errors
    /// If there is no such split.
    pub fn rows_of(&self, split: &str) -> Result<FolderRows> {
        let files: Vec<DataFile> = self.manifest.files.iter().filter(|file| file.split == split).cloned().collect();
        let known = || self.manifest.splits.iter().map(|split| split.name.as_str()).collect::<Vec<_>>().join(", ");
        ensure!(!files.is_empty(), "{}: no split {split:?}; it has {}", self.path.display(), known());
        Ok(FolderRows::new(&self.path, files, None))
    }
}

/// Returns what identifies the data at a path: a file's SHA-256, or the digest of a data set's folder.
///
/// # Errors
/// If the file or the folder's manifest cannot be read.
pub fn digest_of_data(path: &Path) -> Result<String> {
    if path.is_dir() { Ok(Folder::open(path)?.manifest.digest) } else { Ok(sha256_of_file(path)?.0) }
}

/// The rows of a data set's files, in a stream.
#[derive(Debug)]
pub struct FolderRows {
    folder: PathBuf,
    files: std::vec::IntoIter<DataFile>,
    /// The columns that are read; none means all.
    wanted: Option<Vec<String>>,
    open: Option<OpenFile>,
    /// The index of the file that is read.
    file: usize,
    names: Names,
    failed: bool,
}

#[derive(Debug)]
enum OpenFile {
    Lines(LineRows),
    Parquet(PathBuf, Box<ParquetRows>),
}

#[derive(Debug)]
struct LineRows {
    path: PathBuf,
    reader: BufReader<File>,
    line: Vec<u8>,
    number: u64,
}

impl FolderRows {
    fn new(folder: &Path, files: Vec<DataFile>, wanted: Option<Vec<String>>) -> Self {
        let (folder, files) = (folder.to_owned(), files.into_iter());
        Self { folder, files, wanted, open: None, file: 0, names: Names::default(), failed: false }
    }

    fn next_row(&mut self) -> Result<Option<Row>> {
        loop {
            if let Some(open) = &mut self.open {
                if let Some(mut row) = open.next_row(self.file, &mut self.names)? {
                    if let (OpenFile::Lines(_), Some(wanted)) = (&*open, &self.wanted) {
                        row.keep(wanted);
                    }
                    return Ok(Some(row));
                }
                self.open = None;
                self.file += 1;
            }
            let Some(file) = self.files.next() else { return Ok(None) };
            self.open = Some(OpenFile::open(&self.folder, &file, self.wanted.as_deref())?);
        }
    }
}

impl Iterator for FolderRows {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let row = self.next_row().transpose();
        self.failed = matches!(row, Some(Err(_)));
        row
    }
}

impl OpenFile {
    fn open(folder: &Path, file: &DataFile, wanted: Option<&[String]>) -> Result<Self> {
        let path = folder.join(&file.name);
        if file.format == Format::JsonLines.name() {
            return Ok(Self::Lines(LineRows::open(&path)?));
        }
        let is_wanted = |name: &str| wanted.is_none_or(|wanted| wanted.iter().any(|wanted| wanted == name));
        let opened = File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let rows = ParquetRows::open(opened, is_wanted).with_context(|| path.display().to_string())?;
        Ok(Self::Parquet(path, Box::new(rows)))
    }

    fn next_row(&mut self, file: usize, names: &mut Names) -> Result<Option<Row>> {
        match self {
            Self::Lines(lines) => lines.next_row(file, names),
            Self::Parquet(path, rows) => rows.next_row(file).with_context(|| path.display().to_string()),
        }
    }
}

impl LineRows {
    fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        let reader = BufReader::with_capacity(1 << 16, file);
        Ok(Self { path: path.to_owned(), reader, line: Vec::new(), number: 0 })
    }

    fn next_row(&mut self, file: usize, names: &mut Names) -> Result<Option<Row>> {
        self.line.clear();
        let read = self.reader.read_until(b'\n', &mut self.line);
        if read.with_context(|| format!("cannot read {}", self.path.display()))? == 0 {
            return Ok(None);
        }
        self.number += 1;
        let place = Place { file, line: self.number, row: self.number };
        let row = json_row::parse(&self.line, place, names);
        row.with_context(|| format!("{}:{}", self.path.display(), self.number)).map(Some)
    }
}

//! The journal of a collection: a file of JSON lines next to the folder that it will become. Each answer of X is on disk
//! before the next request goes out, so that whoever kills the program loses at most the one answer that was on its way.
//!
//! The first line has the request. A line that was cut off is removed when the file is opened. Pages stay on disk; memory has
//! only where they are.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::request::Begin;
use pregonero_system::files::{Existing, write_whole};
use pregonero_x::{Account, CountBucket, Fault};

/// The version of the journal's format.
pub const FORMAT: u32 = 1;

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub enum Entry {
    Begin(Begin),
    /// An answer to a request for counts.
    Counted {
        query: usize,
        buckets: Vec<CountBucket>,
        next: Option<String>,
        micros: i64,
    },
    /// Accounts that were looked up by name; `batch` numbers the requests.
    Accounts {
        batch: usize,
        accounts: Vec<Account>,
        faults: Vec<Missing>,
        micros: i64,
    },
    /// A person agreed to read this many posts at this price.
    Agreed {
        posts: u64,
        micros: i64,
    },
    /// A page of posts. `pass` counts how often the task was read from its beginning.
    Page {
        task: usize,
        pass: u32,
        next: Option<String>,
        posts: Vec<Json>,
        faults: Vec<Missing>,
        micros: i64,
    },
    /// Authors that were looked up by id, after the posts were read.
    Authors {
        accounts: Vec<Account>,
        faults: Vec<Missing>,
        micros: i64,
    },
    /// These tasks are read once more.
    Again {
        pass: u32,
        tasks: Vec<usize>,
    },
    /// The folder is at its place.
    Finished {
        complete: bool,
    },
}

/// Something that X did not show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    pub about: Option<String>,
    pub kind: String,
}

impl From<Fault> for Missing {
    fn from(Fault { about, kind, .. }: Fault) -> Self {
        Self { about, kind }
    }
}

/// Where a line of the journal is: its first byte and its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Spot {
    pub at: u64,
    pub length: u64,
}

/// The open file. Only one process has it.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    end: u64,
}

impl Journal {
    /// Returns the journal's path for the folder that a collection will become.
    #[must_use]
    pub fn path_for(output: &Path) -> PathBuf {
        let mut name = output.as_os_str().to_owned();
        name.push(".journal");
        PathBuf::from(name)
    }

    /// Creates the journal with its first line.
    ///
    /// # Errors
    /// If it exists or cannot be written.
    pub fn create(path: &Path, begin: &Begin) -> Result<Self> {
        let mut line = serde_json::to_vec(&Entry::Begin(begin.clone()))?;
        line.push(b'\n');
        write_whole(path, Existing::Refuse, |file| file.write_all(&line))?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.with_context(|| format!("cannot write {}", path.display()))?;
        Self::open(path, |_, _| Ok(()))
    }

    /// Opens a journal that an earlier run left and passes each entry to `entry`, in order, with its place. Removes an entry
    /// that was cut off.
    ///
    /// # Errors
    /// If another process has it open, it cannot be read, or it is not a journal.
    pub fn open(path: &Path, mut entry: impl FnMut(Spot, Entry) -> Result<()>) -> Result<Self> {
        let cannot = || format!("cannot read {}", path.display());
        let file = File::options().read(true).append(true).open(path).with_context(cannot)?;
        let mut journal = Self { path: path.to_owned(), file, end: 0 };
        journal.lock()?;
        let size = journal.file.metadata().with_context(cannot)?.len();
        let mut reader = BufReader::with_capacity(1 << 16, &journal.file);
        let mut line = Vec::new();
        let mut number = 0_u64;
        while journal.end < size {
            line.clear();
            number += 1;
            let length = reader.read_until(b'\n', &mut line).with_context(cannot)? as u64;
            let spot = Spot { at: journal.end, length };
            match serde_json::from_slice(&line) {
                Ok(parsed) if line.ends_with(b"\n") => entry(spot, parsed)?,
                // The last line, cut off by a kill or a power cut: its answer counts as never received.
                _ if spot.at + length == size && number > 1 => break,
                Ok(_) => bail!("{}:{number}: the line is cut off", path.display()),
                Err(error) => {
                    bail!("{}:{number}: not a line of a collection's journal: {error}", path.display())
                }
            }
            journal.end += length;
        }
        if journal.end < size {
            journal.file.set_len(journal.end).with_context(cannot)?;
            journal.file.sync_all().with_context(cannot)?;
        }
        Ok(journal)
    }

    fn lock(&self) -> Result<()> {
        match self.file.try_lock() {
            Ok(()) => Ok(()),
            Err(std::fs::TryLockError::WouldBlock) => {
                bail!("{}: another process collects into this folder", self.path.display())
            }
            Err(std::fs::TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("cannot lock {}", self.path.display()))
            }
        }
    }

    /// Appends an entry and waits until it is on disk.
    ///
    /// # Errors
    /// If it cannot be written; then it is removed again, as far as possible.
    pub fn append(&mut self, entry: &Entry) -> Result<Spot> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        let written = self.file.write_all(&line).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // Otherwise a part of this line would be in the middle of the file after the next attempt.
            let _ = self.file.set_len(self.end);
            return Err(error).with_context(|| {
                format!(
                    "cannot write {}: the last answer of X is not kept; make room and run the same command",
                    self.path.display()
                )
            });
        }
        let spot = Spot { at: self.end, length: line.len() as u64 };
        self.end += spot.length;
        Ok(spot)
    }

    /// Reads an entry back.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read(&self, spot: Spot) -> Result<Entry> {
        let cannot = || format!("cannot read {}", self.path.display());
        let mut file = &self.file;
        file.seek(SeekFrom::Start(spot.at)).with_context(cannot)?;
        let mut line = Vec::new();
        file.take(spot.length).read_to_end(&mut line).with_context(cannot)?;
        serde_json::from_slice(&line).with_context(cannot)
    }

    /// Returns the file's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the file: the collection is complete.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn remove(self) -> Result<()> {
        std::fs::remove_file(&self.path).with_context(|| format!("cannot remove {}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::request::{Request, What};
    use pregonero_store::testing::at;

    fn begin() -> Begin {
        let what = What::Posts { sha256: "00".to_owned(), ids: 3 };
        let request = Request { what, accounts: Vec::new(), attributes: None, author_names: false };
        Begin {
            format: FORMAT,
            request,
            since: None,
            until: at("2026-03-01T00:00:00Z"),
            begun_at: at("2026-03-01T00:00:00Z"),
        }
    }

    fn page(text: &str) -> Entry {
        let posts = vec![serde_json::json!({"id": "1", "text": text})];
        Entry::Page { task: 0, pass: 0, next: None, posts, faults: Vec::new(), micros: 5000 }
    }

    fn entries(path: &Path) -> Result<Vec<Entry>> {
        let mut found = Vec::new();
        Journal::open(path, |_, entry| {
            found.push(entry);
            Ok(())
        })?;
        Ok(found)
    }

    #[test]
    fn whatever_is_left_of_the_last_line_the_entries_before_it_are_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("posts.journal");
        let mut journal = Journal::create(&path, &begin()).unwrap();
        journal.append(&page("uno")).unwrap();
        let whole = std::fs::read(&path).unwrap();
        let spot = journal.append(&page("dos\nrenglones")).unwrap();
        assert_eq!(journal.read(spot).unwrap(), page("dos\nrenglones"));
        drop(journal);
        let all = std::fs::read(&path).unwrap();
        for end in whole.len()..all.len() {
            std::fs::write(&path, &all[..end]).unwrap();
            assert_eq!(entries(&path).unwrap(), [Entry::Begin(begin()), page("uno")], "cut at byte {end}");
            assert_eq!(std::fs::read(&path).unwrap(), whole);
        }
        let mut journal = Journal::open(&path, |_, _| Ok(())).unwrap();
        journal.append(&page("tres")).unwrap();
        drop(journal);
        assert_eq!(entries(&path).unwrap().last(), Some(&page("tres")));
    }

    #[test]
    fn a_file_that_is_no_journal_is_refused_and_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("posts.journal");
        for text in ["a person's own notes", "a\nb\nc\n", "{}\n{}\n"] {
            std::fs::write(&path, text).unwrap();
            let message = format!("{:#}", entries(&path).unwrap_err());
            assert!(message.contains("posts.journal:1: not a line of a collection's journal"), "{message}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        assert!(Journal::create(&path, &begin()).is_err());
    }

    #[test]
    fn two_processes_do_not_collect_into_one_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("posts.journal");
        let _held = Journal::create(&path, &begin()).unwrap();
        assert!(entries(&path).unwrap_err().to_string().contains("another process collects into this folder"));
    }
}

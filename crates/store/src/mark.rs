//! The mark that distinguishes a backup from every other file: `db backup` replaces only backups, never a live
//! database.
//!
//! SQLite keeps two numbers for applications in the file's header (<https://www.sqlite.org/fileformat.html>, section
//! 1.3): the application id, which all our databases have, and the user version, which is free and marks the copies
//! that [`super::backup`] made. A copy that is put into use loses its mark.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use super::StoreError;
use super::connection::APPLICATION_ID;

/// The first bytes of every SQLite database.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// The offset of the user version, big-endian.
const USER_VERSION: usize = 60;

/// The offset of the application id, big-endian.
const APPLICATION: usize = 68;

/// "BACK".
const MARK: u32 = 0x4241_434B;

/// What a file's header says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Not a database of ours.
    Foreign,
    /// A database of ours that is in use, or a backup by a version that did not mark them.
    Unmarked,
    /// A backup.
    Backup,
}

/// Finds out what a file is from its header.
pub(super) fn kind_of(path: &Path) -> io::Result<Kind> {
    let mut head = [0; 100];
    match File::open(path)?.read_exact_at(&mut head, 0) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Kind::Foreign),
        read => read?,
    }
    let number = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let is_ours = head.starts_with(MAGIC) && i64::from(number(APPLICATION)) == APPLICATION_ID;
    Ok(match (is_ours, number(USER_VERSION)) {
        (false, _) => Kind::Foreign,
        (true, MARK) => Kind::Backup,
        (true, _) => Kind::Unmarked,
    })
}

/// Marks a finished copy that no process has open.
pub(super) fn mark(copy: &File) -> io::Result<()> {
    copy.write_all_at(&MARK.to_be_bytes(), USER_VERSION as u64)
}

/// Removes the mark from a backup that a person put in the database's place. No process may have it open.
pub(super) fn unmark(path: &Path) -> Result<(), StoreError> {
    let failed = |source| StoreError::File { doing: "open the database", path: path.to_owned(), source };
    if kind_of(path).map_err(failed)? == Kind::Backup {
        let file = OpenOptions::new().write(true).open(path).map_err(failed)?;
        file.write_all_at(&[0; 4], USER_VERSION as u64).and_then(|()| file.sync_all()).map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;
    use crate::backup::backup;
    use crate::testing::{TestStore, scratch};

    #[tokio::test]
    async fn a_backup_is_told_from_a_live_database_and_loses_its_mark_in_use() {
        let test = TestStore::open().await;
        let folder = scratch();
        let copy = folder.path().join("copy.db");
        backup(test.store.path(), &copy).await.unwrap();
        // What identifies the owner may still be in the log.
        assert_ne!(kind_of(test.store.path()).unwrap(), Kind::Backup);
        assert_eq!(kind_of(&copy).unwrap(), Kind::Backup);
        Store::open(&copy).await.unwrap().close().await;
        assert_eq!(kind_of(&copy).unwrap(), Kind::Unmarked);
        let words = folder.path().join("words");
        for content in ["", "[account]\n", &"no database, just words ".repeat(400)] {
            std::fs::write(&words, content).unwrap();
            assert_eq!(kind_of(&words).unwrap(), Kind::Foreign);
        }
    }
}

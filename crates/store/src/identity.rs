//! Whether the open files are still the database that other processes find under its name.
//!
//! A process that has a database open can use it after it was deleted or replaced, but everything written to it is
//! lost. So each write, and with it the arming of a post, checks first.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::StoreError;
use super::paths::with_suffix;

/// What the kernel appends to the name of an open file that has been deleted.
const DELETED: &[u8] = b" (deleted)";

/// Identifies a file, whatever its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileIdentity {
    device: u64,
    inode: u64,
    /// The path without links, as the kernel names our open files.
    real_path: PathBuf,
}

impl FileIdentity {
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let found = fs::metadata(path)?;
        Ok(Self { device: found.dev(), inode: found.ino(), real_path: fs::canonicalize(path)? })
    }

    /// Fails if `path` no longer names this file, or if its journal was deleted. If that cannot be determined, the next
    /// write decides.
    pub(super) fn require_at(&self, path: &Path) -> Result<(), StoreError> {
        let displaced = |what| Err(StoreError::Displaced { path: path.to_owned(), what });
        match fs::metadata(path) {
            Ok(now) if (now.dev(), now.ino()) != (self.device, self.inode) => {
                displaced("the database was replaced by another file")
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => displaced("the database was deleted"),
            Ok(_) if self.has_deleted_journal() => displaced("the database's journal was deleted"),
            _ => Ok(()),
        }
    }

    /// Returns whether the journal (`-wal`) that we have open has been deleted. SQLite closes it before deleting it.
    /// Without `/proc` the journal counts as present.
    fn has_deleted_journal(&self) -> bool {
        let Ok(open) = fs::read_dir("/proc/self/fd") else { return false };
        let lost = deleted(&with_suffix(&self.real_path, "-wal"));
        open.flatten().any(|entry| fs::read_link(entry.path()).is_ok_and(|link| link == lost))
    }
}

fn deleted(path: &Path) -> PathBuf {
    PathBuf::from(OsString::from_vec([path.as_os_str().as_bytes(), DELETED].concat()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestStore, at};
    use crate::{ArmRefusal, PostState, SpentSince};

    async fn refused(test: &TestStore) -> String {
        let now = at("2026-03-01T14:00:00Z");
        let error = test.store.pause("ana", "a test", now).await.unwrap_err();
        assert!(matches!(error, StoreError::Displaced { .. }), "{error:?}");
        error.to_string()
    }

    #[tokio::test]
    async fn nothing_is_armed_or_written_once_the_database_is_deleted_or_replaced() {
        let now = at("2026-03-01T14:00:00Z");
        let since = SpentSince { day: now, month: now };
        let test = TestStore::open().await;
        let post = test.approved("El mercado abre temprano.", now).await;
        let path = test.store.path().to_owned();
        fs::rename(&path, with_suffix(&path, ".aside")).unwrap();
        let error = test.store.arm(post, None, since, now, |_, _| Ok(1)).await.unwrap_err();
        assert!(matches!(error, ArmRefusal::Store(StoreError::Displaced { .. })), "{error:?}");
        assert!(refused(&test).await.contains("the database was deleted while the program was running"));
        fs::copy(with_suffix(&path, ".aside"), &path).unwrap();
        assert!(refused(&test).await.contains("the database was replaced by another file"));
        fs::rename(with_suffix(&path, ".aside"), &path).unwrap();
        assert_eq!(test.state(post).await, PostState::Approved);
        assert!(test.store.pause("ana", "a test", now).await.unwrap(), "back in its place it is written to again");
    }

    #[tokio::test]
    async fn a_journal_that_is_deleted_is_noticed_also_where_another_process_made_a_new_one() {
        let test = TestStore::open().await;
        let wal = with_suffix(test.store.path(), "-wal");
        assert!(test.store.require_in_place().is_ok());
        fs::remove_file(&wal).unwrap();
        assert!(refused(&test).await.contains("the database's journal was deleted"));
        fs::write(&wal, "").unwrap();
        assert!(refused(&test).await.contains("the database's journal was deleted"));
    }
}

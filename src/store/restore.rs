//! A backup takes the record's place, and what was there is kept beside it.
//!
//! Two constraints. At every moment there is a whole database under the record's name. And nothing goes out twice: what
//! happened after the backup is not in it, so posts that were still to be sent are cancelled, and slots up to now count as
//! passed.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;
use sqlx::{ConnectOptions as _, Connection as _};

use super::backup::{copy, sync_folder, verify, with_suffix};
use super::columns::stored;
use super::error::Doing as _;
use super::open::connect_options;
use super::posts::transition;
use super::{PostId, PostState, SlotId, Store, StoreError};

/// A restore that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// Where what was there before lies now; absent where nothing was.
    pub previous: Option<PathBuf>,
    /// Posts that were to be sent when the backup was made: they may have gone out since, so they are cancelled.
    pub cancelled: Vec<PostId>,
}

/// Puts the backup at `backup` into the place of the database at `store`. Only for the holder of the instance lock.
///
/// # Errors
/// Where the backup is not a sound database of this program's or an earlier version's, or a file cannot be written; the
/// database is as it was then.
pub async fn restore(store: &Path, backup: &Path, now: Timestamp) -> Result<Restored, StoreError> {
    if !backup.exists() {
        let source = io::Error::from(io::ErrorKind::NotFound);
        return Err(StoreError::File { doing: "read the backup", path: backup.to_owned(), source });
    }
    let incoming = with_suffix(store, ".restoring");
    let prepared = prepare(backup, &incoming, now).await;
    let placed = match prepared {
        Ok(cancelled) => put_in_place(store, &incoming, now)
            .await
            .map(|previous| Restored { previous, cancelled })
            .map_err(|source| StoreError::File { doing: "put the backup in place", path: store.to_owned(), source }),
        Err(error) => Err(error),
    };
    for leftover in ["", "-wal", "-shm", "-journal"] {
        // After a success none of them is there.
        let _ = fs::remove_file(with_suffix(&incoming, leftover));
    }
    placed
}

/// Copies the backup beside the store, brings its schema up to date, and takes back what may have happened since.
async fn prepare(backup: &Path, incoming: &Path, now: Timestamp) -> Result<Vec<PostId>, StoreError> {
    let failed = |source| StoreError::File { doing: "write the restored copy", path: incoming.to_owned(), source };
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(incoming).map_err(failed)?;
    copy(backup, incoming).await?;
    let store = Store::open(incoming).await?;
    let cancelled = store.take_back(backup, now).await;
    store.close().await;
    let cancelled = cancelled?;
    verify(incoming).await?;
    OpenOptions::new().read(true).open(incoming).and_then(|file| file.sync_all()).map_err(failed)?;
    Ok(cancelled)
}

/// Keeps what is there under another name, then renames over it.
async fn put_in_place(store: &Path, incoming: &Path, now: Timestamp) -> io::Result<Option<PathBuf>> {
    let mut previous = None;
    if store.exists() {
        fold_log(store).await;
        let aside = with_suffix(store, &format!(".before-restore-{}", now.strftime("%Y%m%dT%H%M%SZ")));
        for part in ["", "-wal"] {
            let from = with_suffix(store, part);
            if from.exists() {
                let to = with_suffix(&aside, part);
                fs::copy(&from, &to)?;
                OpenOptions::new().read(true).open(&to)?.sync_all()?;
            }
        }
        sync_folder(store)?;
        // A log that is left would be taken for the new database's.
        for part in ["-wal", "-shm"] {
            match fs::remove_file(with_suffix(store, part)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        previous = Some(aside);
    }
    fs::rename(incoming, store)?;
    sync_folder(store)?;
    Ok(previous)
}

/// Brings the log into the file where that is possible; a damaged database is kept as it is, log and all.
async fn fold_log(store: &Path) {
    if let Ok(mut connection) = connect_options(store).connect().await {
        let _ = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await;
        let _ = connection.close().await;
    }
}

impl Store {
    async fn take_back(&self, backup: &Path, now: Timestamp) -> Result<Vec<PostId>, StoreError> {
        const REASON: &str = "restored from a backup: this post may have gone out since it was made";
        let mut transaction = self.begin().await?;
        let approved: Vec<i64> = sqlx::query_scalar("SELECT id FROM posts WHERE state = 'approved' ORDER BY id")
            .fetch_all(&mut *transaction)
            .await
            .doing("look for posts that were to be sent")?;
        let approved: Vec<PostId> = approved.into_iter().map(PostId::new).collect();
        for &post in &approved {
            transition(&mut transaction, post, PostState::Approved, PostState::Cancelled).await?;
            sqlx::query("UPDATE posts SET decided_by = 'restore', decided_at = ?, decision_reason = ? WHERE id = ?")
                .bind(stored(now))
                .bind(REASON)
                .bind(post.get())
                .execute(&mut *transaction)
                .await
                .doing("cancel posts that were to be sent")?;
        }
        transaction.commit().await.doing("cancel posts that were to be sent")?;
        // The schedule goes on after the last slot on record: slots before now may have been served by what was replaced.
        let second = Timestamp::from_second(now.as_second()).unwrap_or(now);
        let reason = format!("restored from {}: slots before this are not served", backup.display());
        match self.record_missed(&SlotId::Scheduled(second), &reason, now).await {
            Ok(_) | Err(StoreError::SlotTaken { .. }) => Ok(approved),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::backup::backup;
    use crate::store::testing::{TestStore, at, scratch};

    #[tokio::test]
    async fn a_restore_keeps_what_was_there_and_sends_nothing_of_the_past_again() {
        let test = TestStore::open().await;
        let (made, now) = (at("2026-03-01T14:00:00Z"), at("2026-03-03T09:30:00.250Z"));
        let waiting = test.approved("El mercado abre temprano.", made).await;
        let held = test.held("Una feria en la plaza.", made).await;
        let folder = scratch();
        let file = folder.path().join("pregonero.db");
        backup(test.store.path(), &file).await.unwrap();
        let later = test.approved("Esto vino después.", now).await;
        let path = test.store.path().to_owned();
        test.store.close().await;

        let restored = restore(&path, &file, now).await.unwrap();
        assert_eq!(restored.cancelled, [waiting]);
        let store = Store::open(&path).await.unwrap();
        assert_eq!(store.post(waiting).await.unwrap().state, PostState::Cancelled);
        assert_eq!(store.post(held).await.unwrap().state, PostState::Held);
        assert!(matches!(store.post(later).await, Err(StoreError::NoSuchPost { .. })));
        assert_eq!(store.last_scheduled_slot(now).await.unwrap(), Some(at("2026-03-03T09:30:00Z")));
        let previous = restored.previous.unwrap();
        assert!(previous.ends_with("pregonero.db.before-restore-20260303T093000Z"), "{previous:?}");
        let before = Store::open_read_only(&previous).await.unwrap();
        assert_eq!(before.post(later).await.unwrap().state, PostState::Approved);
        assert!(!with_suffix(&path, ".restoring").exists());
    }

    #[tokio::test]
    async fn a_backup_that_is_none_changes_nothing() {
        let test = TestStore::open().await;
        let path = test.store.path().to_owned();
        test.store.close().await;
        let before = fs::read(&path).unwrap();
        let folder = scratch();
        let now = at("2026-03-03T09:30:00Z");
        let garbage = folder.path().join("garbage.db");
        fs::write(&garbage, "no database, just words ".repeat(400)).unwrap();
        assert!(matches!(restore(&path, &garbage, now).await, Err(StoreError::Corrupt { .. })));
        let nowhere = folder.path().join("nowhere.db");
        assert!(matches!(restore(&path, &nowhere, now).await, Err(StoreError::File { .. })));
        assert_eq!(fs::read(&path).unwrap(), before);
        assert!(!with_suffix(&path, ".restoring").exists());
    }

    #[tokio::test]
    async fn a_damaged_database_is_kept_aside_with_its_log() {
        let test = TestStore::open().await;
        let folder = scratch();
        let file = folder.path().join("pregonero.db");
        backup(test.store.path(), &file).await.unwrap();
        let path = test.store.path().to_owned();
        test.store.close().await;
        fs::write(&path, "damaged").unwrap();
        fs::write(with_suffix(&path, "-wal"), "a log").unwrap();
        let previous = restore(&path, &file, at("2026-03-03T09:30:00Z")).await.unwrap().previous.unwrap();
        assert_eq!(fs::read_to_string(&previous).unwrap(), "damaged");
        Store::open(&path).await.unwrap().close().await;
    }
}

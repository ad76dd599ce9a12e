//! A backup takes the record's place, and what was there is kept beside it.
//!
//! Two constraints. At every moment there is a whole database under the record's name. And nothing goes out twice: what
//! happened after the backup is not in it, so posts that were still to be sent are cancelled, and slots up to now count as
//! passed.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;
use sqlx::{ConnectOptions as _, Connection as _};

use super::backup::{copy, folder_of, free_name, sync_folder, verify, with_suffix};
use super::columns::stored;
use super::error::Doing as _;
use super::halts::{active, set_halt};
use super::open::connect_options;
use super::posts::transition;
use super::{Halt, PostId, PostState, SlotId, Store, StoreError};

/// A restore that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// Where what was there before lies now; absent where nothing was.
    pub previous: Option<PathBuf>,
    /// Posts that were to be sent when the backup was made: they may have gone out since, so they are cancelled.
    pub cancelled: Vec<PostId>,
    /// Why nothing goes out: what the backup or the replaced database says. A restore ends no pause.
    pub halts: Vec<Halt>,
}

/// Puts the backup at `backup` into the place of the database at `store`. Only for the holder of the instance lock.
///
/// # Errors
/// Where the backup is not a sound database of this program's or an earlier version's, or a file cannot be written; the
/// database is as it was then.
pub async fn restore(store: &Path, backup: &Path, now: Timestamp) -> Result<Restored, StoreError> {
    File::open(backup).map_err(|source| StoreError::File {
        doing: "read the backup",
        path: backup.to_owned(),
        source,
    })?;
    let incoming = with_suffix(store, ".restoring");
    let prepared = prepare(store, backup, &incoming, now).await;
    let placed = match prepared {
        Ok((cancelled, halts)) => put_in_place(store, &incoming, now)
            .await
            .map(|previous| Restored { previous, cancelled, halts })
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
async fn prepare(
    store: &Path,
    backup: &Path,
    incoming: &Path,
    now: Timestamp,
) -> Result<(Vec<PostId>, Vec<Halt>), StoreError> {
    let failed = |source| StoreError::File { doing: "write the restored copy", path: incoming.to_owned(), source };
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(incoming).map_err(failed)?;
    copy(backup, incoming).await.map_err(|error| no_backup(backup, error))?;
    let opened = Store::open(incoming).await?;
    let taken_back = async {
        let cancelled = opened.take_back(backup, now).await?;
        Ok((cancelled, opened.keep_halts(&halts_in_force(store).await).await?))
    };
    let taken_back = taken_back.await;
    opened.close().await;
    let taken_back = taken_back?;
    verify(incoming).await?;
    own_like(incoming, store);
    OpenOptions::new().read(true).open(incoming).and_then(|file| file.sync_all()).map_err(failed)?;
    Ok(taken_back)
}

/// Names the file that was to be restored, not the database, where it is the one that cannot be used.
fn no_backup(backup: &Path, error: StoreError) -> StoreError {
    let path = backup.to_owned();
    match error {
        StoreError::Corrupt { detail, .. } => StoreError::NoBackup { path, detail },
        StoreError::Foreign { .. } => StoreError::NoBackup { path, detail: "a database of another program".to_owned() },
        StoreError::Inaccessible { source, .. } => StoreError::File { doing: "read the backup", path, source },
        error => error,
    }
}

/// What keeps posts back in the database that is replaced; nothing where that cannot be read.
async fn halts_in_force(store: &Path) -> Vec<Halt> {
    let Ok(mut connection) = connect_options(store).read_only(true).connect().await else { return Vec::new() };
    let halts = active(&mut connection).await.unwrap_or_default();
    let _ = connection.close().await;
    halts
}

/// Root may restore for a service that runs as another user: the file stays that user's.
fn own_like(incoming: &Path, store: &Path) {
    if let Ok(owner) = fs::metadata(store).or_else(|_| fs::metadata(folder_of(store))) {
        // Whoever is not root owns it already, or may not give it away.
        let _ = std::os::unix::fs::chown(incoming, Some(owner.uid()), Some(owner.gid()));
    }
}

/// Keeps what is there under another name, then renames over it.
async fn put_in_place(store: &Path, incoming: &Path, now: Timestamp) -> io::Result<Option<PathBuf>> {
    let mut previous = None;
    if store.exists() {
        fold_log(store).await;
        let aside = free_name(&with_suffix(store, &format!(".before-restore-{}", now.strftime("%Y%m%dT%H%M%SZ"))));
        for part in ["", "-wal"] {
            let from = with_suffix(store, part);
            if from.exists() {
                copy_to_new(&from, &with_suffix(&aside, part))?;
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

/// Copies a file, owner-readable as a database is, over nothing.
fn copy_to_new(from: &Path, to: &Path) -> io::Result<()> {
    let mut copy = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    io::copy(&mut File::open(from)?, &mut copy)?;
    own_like(to, from);
    copy.sync_all()
}

/// Brings the log into the file where that is possible; a damaged database is kept as it is, log and all.
async fn fold_log(store: &Path) {
    if let Ok(mut connection) = connect_options(store).connect().await {
        let _ = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await;
        let _ = connection.close().await;
    }
}

impl Store {
    /// Sets what kept posts back in the replaced database here too. Gives everything that is in force then.
    async fn keep_halts(&self, halts: &[Halt]) -> Result<Vec<Halt>, StoreError> {
        let mut transaction = self.begin().await?;
        for halt in halts {
            set_halt(&mut transaction, halt).await?;
        }
        let in_force = active(&mut transaction).await?;
        transaction.commit().await.doing("keep the pause of the replaced database")?;
        Ok(in_force)
    }

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
        let error = restore(&path, &garbage, now).await.unwrap_err();
        let blamed = format!("{}: this is no backup of pregonero", garbage.display());
        assert!(error.to_string().starts_with(&blamed), "{error}");
        let nowhere = folder.path().join("nowhere.db");
        let error = restore(&path, &nowhere, now).await.unwrap_err();
        assert!(
            error.to_string().ends_with("nowhere.db: cannot read the backup: No such file or directory (os error 2)"),
            "{error}"
        );
        assert_eq!(fs::read(&path).unwrap(), before);
        assert!(!with_suffix(&path, ".restoring").exists());
    }

    #[tokio::test]
    async fn a_restore_ends_no_pause_and_two_in_one_second_keep_both_databases() {
        let test = TestStore::open().await;
        let now = at("2026-03-03T09:30:00Z");
        let folder = scratch();
        let file = folder.path().join("pregonero.db");
        backup(test.store.path(), &file).await.unwrap();
        test.store.pause("ana", "elections", now).await.unwrap();
        let path = test.store.path().to_owned();
        test.store.close().await;

        let first = restore(&path, &file, now).await.unwrap();
        assert_eq!(first.halts.len(), 1);
        assert_eq!(first.halts[0].to_string(), "paused by ana since 2026-03-03T09:30:00Z: elections");
        let store = Store::open(&path).await.unwrap();
        assert_eq!(store.halts().await.unwrap(), first.halts);
        let post_of_the_first = fs::read(first.previous.as_ref().unwrap()).unwrap();
        store.close().await;
        let second = restore(&path, &file, now).await.unwrap();
        assert_ne!(first.previous, second.previous);
        assert!(second.previous.unwrap().ends_with("pregonero.db.before-restore-20260303T093000Z-2"));
        assert_eq!(fs::read(first.previous.unwrap()).unwrap(), post_of_the_first, "the first safety copy is untouched");
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

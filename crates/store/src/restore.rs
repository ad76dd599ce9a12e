//! Restoring: a backup takes the record's place, and the database that was there is kept next to it.
//!
//! Two constraints. At every moment there is an intact database under the record's name. And nothing goes out twice:
//! what happened after the backup is not in it, so posts that were still to be sent are cancelled; so are those that
//! waited for a person, unless the replaced database shows that they still do; those of unknown outcome are looked for
//! and never sent again; and slots up to now count as passed.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};

use super::backup::{copy, verify};
use super::columns::stored;
use super::connection::connect_options;
use super::error::Doing as _;
use super::halts::{active, set_and_append};
use super::ledger::{self, Entry, Row, TreeHead};
use super::paths::{folder_of, free_name, sync_folder, with_suffix};
use super::transitions::transition;
use super::{Halt, PostId, PostState, RecordKind, SlotId, Store, StoreError};

/// The result of a restore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// Where the previous database is now; absent if there was none.
    pub previous: Option<PathBuf>,
    /// Posts that were to be sent, or waited for a person, when the backup was made: they may have gone out since, so
    /// they are cancelled.
    pub cancelled: Vec<PostId>,
    /// Posts of the replaced database that are not in the backup, and of unknown outcome: a person has to check the
    /// account.
    pub unsettled: Vec<UnsettledPost>,
    /// The halts in force, from the backup or the replaced database. A restore ends no pause.
    pub halts: Vec<Halt>,
}

/// A post that only the replaced database knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnsettledPost {
    /// Its number there.
    pub id: i64,
    pub text: String,
}

/// What the replaced database says, as far as it can be read.
#[derive(Debug, Default)]
struct Replaced {
    /// Number and text of the posts that still wait for a person there.
    held: Vec<(i64, String)>,
    /// Posts that are under way or of unknown outcome.
    open: Vec<(i64, String)>,
    /// The halts in force.
    halts: Vec<Halt>,
    /// Its audit log.
    tree: Option<TreeHead>,
}

/// What is cancelled in the copy of the backup, and what it takes over from the replaced database.
struct TakenBack {
    cancelled: Vec<PostId>,
    unsettled: Vec<UnsettledPost>,
    halts: Vec<Halt>,
}

/// Puts the backup at `backup` in the place of the database at `store`. Only for the holder of the instance lock.
///
/// # Errors
/// If the backup is not a sound database of this version or an earlier one, or a file cannot be written; the database
/// then stays as it was.
pub async fn restore(store: &Path, backup: &Path, now: Timestamp) -> Result<Restored, StoreError> {
    File::open(backup).map_err(|source| StoreError::File {
        doing: "read the backup",
        path: backup.to_owned(),
        source,
    })?;
    let incoming = with_suffix(store, ".restoring");
    let replaced = Replaced::read(store).await;
    let prepared = prepare(store, backup, &incoming, &replaced, now).await;
    let placed = match prepared {
        Ok(TakenBack { cancelled, unsettled, halts }) => put_in_place(store, &incoming, now)
            .await
            .map(|previous| Restored { previous, cancelled, unsettled, halts })
            .map_err(|source| StoreError::File { doing: "put the backup in place", path: store.to_owned(), source }),
        Err(error) => Err(error),
    };
    for leftover in ["", "-wal", "-shm", "-journal"] {
        // After a success none of them exists.
        let _ = fs::remove_file(with_suffix(&incoming, leftover));
    }
    placed
}

impl Replaced {
    /// Reads what a replaced database says. One that is missing, damaged or of another program says nothing.
    async fn read(store: &Path) -> Self {
        if !store.exists() {
            return Self::default();
        }
        let Ok(mut connection) = connect_options(store).read_only(true).connect().await else { return Self::default() };
        let held = "SELECT id, text FROM posts WHERE state = 'held' ORDER BY id";
        let open = "SELECT id, text FROM posts WHERE state IN ('armed', 'unknown') ORDER BY id";
        let read = Self {
            held: sqlx::query_as(held).fetch_all(&mut connection).await.unwrap_or_default(),
            open: sqlx::query_as(open).fetch_all(&mut connection).await.unwrap_or_default(),
            halts: active(&mut connection).await.unwrap_or_default(),
            tree: ledger::head(&mut connection).await.ok(),
        };
        let _ = connection.close().await;
        read
    }
}

/// Copies the backup next to the store, migrates its schema, and cancels what may have happened since.
async fn prepare(
    store: &Path,
    backup: &Path,
    incoming: &Path,
    replaced: &Replaced,
    now: Timestamp,
) -> Result<TakenBack, StoreError> {
    let failed = |source| StoreError::File { doing: "write the restored copy", path: incoming.to_owned(), source };
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(incoming).map_err(failed)?;
    copy(backup, incoming).await.map_err(|error| no_backup(backup, error))?;
    let opened = Store::open(incoming).await?;
    let taken_back = opened.take_back(backup, replaced, now).await;
    opened.close().await;
    let taken_back = taken_back?;
    verify(incoming).await?;
    own_like(incoming, store);
    OpenOptions::new().read(true).open(incoming).and_then(|file| file.sync_all()).map_err(failed)?;
    Ok(taken_back)
}

/// Names the file that was to be restored, rather than the database, if that file is the one that cannot be used.
fn no_backup(backup: &Path, error: StoreError) -> StoreError {
    let path = backup.to_owned();
    match error {
        StoreError::Corrupt { detail, .. } => StoreError::NoBackup { path, detail },
        StoreError::Foreign { .. } => StoreError::NoBackup { path, detail: "a database of another program".to_owned() },
        StoreError::Inaccessible { source, .. } => StoreError::File { doing: "read the backup", path, source },
        error => error,
    }
}

/// Gives the new file the old one's owner: root may restore for a service that runs as another user.
fn own_like(incoming: &Path, store: &Path) {
    if let Ok(owner) = fs::metadata(store).or_else(|_| fs::metadata(folder_of(store))) {
        // A user other than root owns it already, or may not give it away.
        let _ = std::os::unix::fs::chown(incoming, Some(owner.uid()), Some(owner.gid()));
    }
}

/// Keeps the present database under another name, then renames the new one over it.
async fn put_in_place(store: &Path, incoming: &Path, now: Timestamp) -> io::Result<Option<PathBuf>> {
    let mut previous = None;
    if store.exists() {
        fold_log(store).await;
    }
    let aside = free_name(&with_suffix(store, &format!(".before-restore-{}", now.strftime("%Y%m%dT%H%M%SZ"))));
    for part in ["", "-wal"] {
        let from = with_suffix(store, part);
        if from.exists() {
            copy_to_new(&from, &with_suffix(&aside, part))?;
            previous = Some(aside.clone());
        }
    }
    sync_folder(store)?;
    // A log left over, even from a deleted database, would be taken for the new database's.
    for part in ["-wal", "-shm"] {
        match fs::remove_file(with_suffix(store, part)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::rename(incoming, store)?;
    sync_folder(store)?;
    Ok(previous)
}

/// Copies a file, readable only by its owner as a database is; fails if the target exists.
fn copy_to_new(from: &Path, to: &Path) -> io::Result<()> {
    let mut copy = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    io::copy(&mut File::open(from)?, &mut copy)?;
    own_like(to, from);
    copy.sync_all()
}

/// Merges the log into the file if possible; a damaged database is kept as it is, log and all.
async fn fold_log(store: &Path) {
    if let Ok(mut connection) = connect_options(store).connect().await {
        let _ = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await;
        let _ = connection.close().await;
    }
}

impl Store {
    async fn take_back(&self, backup: &Path, replaced: &Replaced, now: Timestamp) -> Result<TakenBack, StoreError> {
        let mut transaction = self.begin().await?;
        let cancelled = cancel_what_waits(&mut transaction, &replaced.held, now).await?;
        let unknown: Vec<i64> =
            sqlx::query_scalar("UPDATE posts SET restored_at = ? WHERE state IN ('armed', 'unknown') RETURNING id")
                .bind(stored(now))
                .fetch_all(&mut *transaction)
                .await
                .doing("mark posts of unknown outcome")?;
        let unsettled = missing(&mut transaction, &replaced.open).await?;
        for halt in &replaced.halts {
            set_and_append(&mut transaction, halt, now).await?;
        }
        let halts = active(&mut transaction).await?;
        let rows: Vec<Row> =
            cancelled.iter().map(|post| post.get()).chain(unknown.iter().copied()).map(Row::Post).collect();
        let entry = Entry {
            kind: RecordKind::Restored,
            by: None,
            subject: None,
            body: json!({
                "backup": backup.file_name().map(|name| name.to_string_lossy()),
                // The log that this one replaces: checkpoints of it that are longer than the backup's no longer fit.
                "replaced": replaced.tree.map(|tree| json!({"size": tree.size, "root": tree.root_base64()})),
                "cancelled": cancelled,
                "unknown": unknown,
                "unsettled": unsettled,
            }),
            rows: &rows,
        };
        ledger::append(&mut transaction, entry, now).await?;
        transaction.commit().await.doing("cancel what may have happened since")?;
        // The schedule continues after the last slot on record: slots before now may have been served by the replaced
        // database.
        let second = Timestamp::from_second(now.as_second()).unwrap_or(now);
        let reason = format!("restored from {}: slots before this are not served", backup.display());
        match self.record_missed(&SlotId::Scheduled(second), &reason, now).await {
            Ok(_) | Err(StoreError::SlotTaken { .. }) => Ok(TakenBack { cancelled, unsettled, halts }),
            Err(error) => Err(error),
        }
    }
}

/// Cancels approved posts, and held ones that the replaced database no longer has. Returns them.
async fn cancel_what_waits(
    connection: &mut SqliteConnection,
    held: &[(i64, String)],
    now: Timestamp,
) -> Result<Vec<PostId>, StoreError> {
    const REASON: &str = "restored from a backup: this post may have gone out since the backup was made";
    let waiting: Vec<(i64, String, String)> =
        sqlx::query_as("SELECT id, text, state FROM posts WHERE state IN ('approved', 'held') ORDER BY id")
            .fetch_all(&mut *connection)
            .await
            .doing("look for posts that were to be sent")?;
    let mut cancelled = Vec::new();
    for (id, text, state) in waiting {
        let from = if state == PostState::Held.as_str() { PostState::Held } else { PostState::Approved };
        if from == PostState::Held && held.contains(&(id, text)) {
            continue;
        }
        let post = PostId::new(id);
        cancelled.push(post);
        transition(connection, post, from, PostState::Cancelled).await?;
        sqlx::query("UPDATE posts SET decided_by = 'restore', decided_at = ?, decision_reason = ? WHERE id = ?")
            .bind(stored(now))
            .bind(REASON)
            .bind(post.get())
            .execute(&mut *connection)
            .await
            .doing("cancel posts that were to be sent")?;
    }
    Ok(cancelled)
}

/// Returns the posts in `open` that are not here.
async fn missing(connection: &mut SqliteConnection, open: &[(i64, String)]) -> Result<Vec<UnsettledPost>, StoreError> {
    let mut unsettled = Vec::new();
    for (id, text) in open {
        let is_here: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM posts WHERE id = ? AND text = ?)")
            .bind(id)
            .bind(text)
            .fetch_one(&mut *connection)
            .await
            .doing("look for posts of unknown outcome")?;
        if !is_here {
            unsettled.push(UnsettledPost { id: *id, text: text.clone() });
        }
    }
    Ok(unsettled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SpentSince;
    use crate::backup::backup;
    use crate::testing::{TestStore, at, scratch};

    #[tokio::test]
    async fn a_restore_keeps_what_was_there_and_sends_nothing_of_the_past_again() {
        let test = TestStore::open().await;
        let (made, now) = (at("2026-03-01T14:00:00Z"), at("2026-03-03T09:30:00.250Z"));
        let waiting = test.approved("El mercado abre temprano.", made).await;
        let held = test.held("Una feria en la plaza.", made).await;
        let decided = test.held("Otra feria en la plaza.", made).await;
        let folder = scratch();
        let file = folder.path().join("pregonero.db");
        backup(test.store.path(), &file).await.unwrap();
        let later = test.approved("Esto vino después.", now).await;
        let decided = test.store.stop_post(&crate::testing::decision(decided), now).await.map(|_| decided).unwrap();
        let path = test.store.path().to_owned();
        test.store.close().await;

        let restored = restore(&path, &file, now).await.unwrap();
        assert_eq!(restored.cancelled, [waiting, decided], "what waited for a person may have been let through since");
        let store = Store::open(&path).await.unwrap();
        assert_eq!(store.post(waiting).await.unwrap().state, PostState::Cancelled);
        assert_eq!(store.post(held).await.unwrap().state, PostState::Held, "the replaced database still holds it");
        assert!(matches!(store.post(later).await, Err(StoreError::NoSuchPost { .. })));
        assert_eq!(store.last_scheduled_slot(now).await.unwrap(), Some(at("2026-03-03T09:30:00Z")));
        let previous = restored.previous.unwrap();
        assert!(previous.ends_with("pregonero.db.before-restore-20260303T093000Z"), "{previous:?}");
        let before = Store::open_read_only(&previous).await.unwrap();
        assert_eq!(before.post(later).await.unwrap().state, PostState::Approved);
        assert!(!with_suffix(&path, ".restoring").exists());
    }

    #[tokio::test]
    async fn posts_of_unknown_outcome_are_never_sent_again_and_those_that_a_restore_loses_are_named() {
        let test = TestStore::open().await;
        let (made, now) = (at("2026-03-01T14:00:00Z"), at("2026-03-03T09:30:00Z"));
        let since = SpentSince { day: made, month: made };
        let arm = async |post, when| drop(test.store.arm(post, None, since, when, |_, _| Ok(1)).await.unwrap());
        let before = test.approved("El mercado abre temprano.", made).await;
        arm(before, made).await;
        let held = test.held("Una feria en la plaza.", made).await;
        let folder = scratch();
        let file = folder.path().join("pregonero.db");
        backup(test.store.path(), &file).await.unwrap();
        let after = test.approved("Esto vino después.", now).await;
        arm(after, now).await;
        let path = test.store.path().to_owned();
        test.store.close().await;
        let restored = restore(&path, &file, now).await.unwrap();
        let lost = UnsettledPost { id: after.get(), text: "Esto vino después.".to_owned() };
        assert_eq!((restored.unsettled, restored.cancelled), (vec![lost], Vec::new()));

        // A database that cannot be read says nothing: what waited for a person is cancelled as well.
        fs::write(&path, "damaged").unwrap();
        let restored = restore(&path, &file, at("2026-03-03T09:31:00Z")).await.unwrap();
        assert_eq!((restored.unsettled, restored.cancelled), (Vec::new(), vec![held]));
        let store = Store::open(&path).await.unwrap();
        assert!(store.was_restored(before).await.unwrap() && !store.was_restored(held).await.unwrap());
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
        let blamed = format!("{}: this is not a pregonero backup", garbage.display());
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
        assert_eq!(first.halts[0].to_string(), "paused by ana since 2026-03-03 09:30:00 UTC: elections");
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

    #[tokio::test]
    async fn the_log_of_a_deleted_database_is_kept_aside_and_not_taken_for_the_restored_one_s() {
        let test = TestStore::open().await;
        let folder = scratch();
        let file = folder.path().join("pregonero.db");
        backup(test.store.path(), &file).await.unwrap();
        let now = at("2026-03-03T09:30:00Z");
        let later = test.approved("Esto vino después.", now).await;
        let path = test.store.path().to_owned();
        let log = fs::read(with_suffix(&path, "-wal")).unwrap();
        fs::remove_file(&path).unwrap();

        let restored = restore(&path, &file, now).await.unwrap();
        assert_eq!(fs::read(with_suffix(&restored.previous.unwrap(), "-wal")).unwrap(), log);
        let store = Store::open(&path).await.unwrap();
        assert!(matches!(store.post(later).await, Err(StoreError::NoSuchPost { .. })));
        store.close().await;
    }
}

//! A copy of the record while it is in use: made next to its final place, verified, synced, and only then renamed.
//!
//! One constraint: if the program is killed at any moment, the database is untouched and the previous backup is intact.
//! `VACUUM INTO` reads one consistent state, including the write-ahead log; copying the file would lose what is in the
//! log.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;
use sqlx::{ConnectOptions as _, Connection as _};

use super::StoreError;
use super::check::{Finding, findings};
use super::connection::{Health, connect_options, examine_connection, require_existing};
use super::error::Doing as _;
use super::mark::{self, Kind};
use super::paths::{folder_of, free_name, sync_folder, with_suffix};

/// The beginning and end of the names of dated backups.
const DATED: (&str, &str) = ("pregonero-", ".db");

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Backup {
    pub file: PathBuf,
    pub bytes: u64,
    /// The version of its schema.
    pub schema: i64,
}

/// Returns the name of a backup made at `now`, for the folder of dated backups: sorted by name, they are in order of
/// time.
#[must_use]
pub fn dated_name(now: Timestamp) -> String {
    format!("{}{}{}", DATED.0, now.strftime("%Y%m%dT%H%M%SZ"), DATED.1)
}

/// Copies the database at `store` to `target`. It replaces an earlier backup of that name but no other file, and
/// creates missing folders. The copy is readable by its owner only.
///
/// # Errors
/// If there is no intact database, `target` is a file that is not a backup, the copy cannot be written or verified, or
/// another backup to the same file is under way; the file at `target` then stays as it was.
pub async fn backup(store: &Path, target: &Path) -> Result<Backup, StoreError> {
    require_existing(store)?;
    refuse_others_file(target)?;
    let partial = Partial::open(target)?;
    let schema = match copy(store, &partial.path).await {
        Ok(schema) => schema,
        Err(error) => {
            partial.discard();
            return Err(error);
        }
    };
    let bytes = partial.finish(target)?;
    Ok(Backup { file: target.to_owned(), bytes, schema })
}

/// Backs up a database before a migration, so that there is a way back from a new version that does not work: the older
/// program does not open the new schema.
pub(super) async fn keep_old_schema(path: &Path, found: i64) -> Result<(), StoreError> {
    let kept = free_name(&with_suffix(path, &format!(".schema-{found}.backup")));
    backup(path, &kept).await?;
    tracing::info!(path = %kept.display(), schema = found, "database backed up before its schema is migrated");
    Ok(())
}

/// Refuses to replace a file that does not have a backup's mark. Backups by the first versions have none, and look the
/// same as a copy that a person made with SQLite's own tools, so they are kept.
fn refuse_others_file(target: &Path) -> Result<(), StoreError> {
    let failed = |source| StoreError::File { doing: "examine the existing file", path: target.to_owned(), source };
    match fs::symlink_metadata(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed(error)),
        Ok(found) => {
            let kind = if found.is_file() { mark::kind_of(target).map_err(failed)? } else { Kind::Foreign };
            let what = match kind {
                Kind::Backup => return Ok(()),
                Kind::Foreign => "was not made by `pregonero db backup`",
                Kind::Unmarked => {
                    "is a pregonero database without the mark of a backup (one in use, a copy made with another tool, or a \
                     backup by an early version)"
                }
            };
            Err(StoreError::NotOurBackup { path: target.to_owned(), what })
        }
    }
}

/// Removes the oldest dated backups of a folder until `keep` are left; returns those that were removed.
///
/// # Errors
/// If the folder cannot be read or a file cannot be removed.
pub fn prune(folder: &Path, keep: usize) -> Result<Vec<PathBuf>, StoreError> {
    let failed = |source| StoreError::File { doing: "list the backups", path: folder.to_owned(), source };
    let mut dated = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let stamp = name.strip_prefix(DATED.0).and_then(|rest| rest.strip_suffix(DATED.1));
        // `20261122T044200Z`: no other file in the folder is ours to remove.
        let is_dated =
            stamp.is_some_and(|stamp| stamp.len() == 16 && stamp.ends_with('Z') && stamp.as_bytes()[8] == b'T');
        if is_dated && mark::kind_of(&path).is_ok_and(|kind| kind != Kind::Foreign) {
            dated.push(path);
        }
    }
    dated.sort();
    let surplus = dated.len().saturating_sub(keep);
    dated.truncate(surplus);
    for path in &dated {
        let failed = |source| StoreError::File { doing: "remove an old backup", path: path.clone(), source };
        fs::remove_file(path).map_err(failed)?;
    }
    Ok(dated)
}

/// Writes a consistent copy of `store` into the empty file `copy` and verifies it. Returns its schema.
pub(super) async fn copy(store: &Path, copy: &Path) -> Result<i64, StoreError> {
    let inaccessible =
        |source: sqlx::Error| StoreError::Inaccessible { path: store.to_owned(), source: io::Error::other(source) };
    let mut connection = connect_options(store).read_only(true).connect().await.map_err(inaccessible)?;
    let found = examine_connection(store, &mut connection, Health::Checked).await?;
    let text = copy.to_str().ok_or_else(|| StoreError::File {
        doing: "write the copy",
        path: copy.to_owned(),
        source: io::Error::new(io::ErrorKind::InvalidFilename, "SQLite requires a name in UTF-8"),
    })?;
    let copied = sqlx::query("VACUUM INTO ?").bind(text).execute(&mut connection).await;
    connection.close().await.map_err(inaccessible)?;
    copied.doing("write the copy")?;
    verify(copy).await?;
    Ok(found)
}

/// Verifies a database that nothing writes to, without leaving a trace next to it.
pub(super) async fn verify(path: &Path) -> Result<(), StoreError> {
    let options = connect_options(path).read_only(true).immutable(true);
    let unsound = |detail: String| StoreError::UnsoundCopy { path: path.to_owned(), detail };
    let mut connection = options.connect().await.map_err(|error| unsound(error.to_string()))?;
    examine_connection(path, &mut connection, Health::Assumed).await?;
    let found = findings(&mut connection).await;
    connection.close().await.doing("close the copy")?;
    match found?.iter().find(|finding| !finding.ok) {
        None => Ok(()),
        Some(Finding { check, detail, .. }) => Err(unsound(format!("{check}: {detail}"))),
    }
}

/// The file next to the target that becomes the backup. It is locked, so that two backups do not write to it.
struct Partial {
    path: PathBuf,
    file: File,
}

impl Partial {
    fn open(target: &Path) -> Result<Self, StoreError> {
        let folder = folder_of(target);
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|source| StoreError::File {
            doing: "create the folder",
            path: folder.to_owned(),
            source,
        })?;
        let path = with_suffix(target, ".partial");
        let failed = |source| StoreError::File { doing: "write the copy", path: path.clone(), source };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        let under_way = || StoreError::BackupUnderWay { path: target.to_owned() };
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(under_way()),
            Err(fs::TryLockError::Error(source)) => return Err(failed(source)),
        }
        // Between opening and locking, the other backup may have finished: then this is that backup under its final
        // name.
        let same = fs::metadata(&path).is_ok_and(|there| {
            file.metadata().is_ok_and(|here| (there.dev(), there.ino()) == (here.dev(), here.ino()))
        });
        if !same {
            return Err(under_way());
        }
        // Discards what a killed backup left.
        file.set_len(0).map_err(failed)?;
        let _ = fs::remove_file(with_suffix(&path, "-journal"));
        Ok(Self { path, file })
    }

    /// Renames the copy to its final name, where it is durable when this returns. Returns its size.
    fn finish(self, target: &Path) -> Result<u64, StoreError> {
        let failed = |source| StoreError::File { doing: "write the copy", path: target.to_owned(), source };
        let put = || {
            mark::mark(&self.file)?;
            self.file.sync_all()?;
            let bytes = self.file.metadata()?.len();
            fs::rename(&self.path, target)?;
            sync_folder(target)?;
            Ok(bytes)
        };
        put().map_err(failed)
    }

    fn discard(self) {
        // The next backup would empty it anyway, but a full disk should not wait for that.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::schema::known_schema;
    use crate::testing::{TestStore, at, plain_connection, scratch};
    use crate::{PostState, Store};

    #[tokio::test]
    async fn a_backup_beside_an_open_store_holds_what_is_still_in_the_log() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let post = test.held("El mercado abre temprano.", now).await;
        let folder = scratch();
        let target = folder.path().join("kept/pregonero.db");
        let made = backup(test.store.path(), &target).await.unwrap();
        assert_eq!((made.bytes, made.schema), (target.metadata().unwrap().len(), known_schema()));
        assert_eq!(target.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(names(folder.path().join("kept").as_path()), ["pregonero.db"]);
        let copy = Store::open_read_only(&target).await.unwrap();
        assert_eq!(copy.post(post).await.unwrap().state, PostState::Held);
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn what_cannot_be_copied_leaves_the_earlier_backup_as_it_was() {
        let test = TestStore::open().await;
        let folder = scratch();
        let target = folder.path().join("pregonero.db");
        backup(test.store.path(), &target).await.unwrap();
        let before = fs::read(&target).unwrap();

        let other = folder.path().join("other.db");
        File::create(&other).unwrap();
        let mut connection = plain_connection(&other).await;
        sqlx::query("CREATE TABLE recipes (name TEXT)").execute(&mut connection).await.unwrap();
        assert!(matches!(backup(&other, &target).await, Err(StoreError::Foreign { .. })));
        let nowhere = folder.path().join("nowhere.db");
        assert!(matches!(backup(&nowhere, &target).await, Err(StoreError::Missing { .. })));

        let held = File::create(folder.path().join("pregonero.db.partial")).unwrap();
        held.lock().unwrap();
        let error = backup(test.store.path(), &target).await.unwrap_err();
        assert!(matches!(error, StoreError::BackupUnderWay { .. }), "{error:?}");
        assert_eq!(fs::read(&target).unwrap(), before);
    }

    #[tokio::test]
    async fn the_newest_dated_backups_are_kept_and_nothing_else_is_touched() {
        let folder = scratch();
        let stamps = ["2026-03-01T14:00:00Z", "2026-03-02T14:00:00Z", "2026-02-01T14:00:00Z"];
        let dated = stamps.map(|stamp| dated_name(at(stamp)));
        assert_eq!(dated[0], "pregonero-20260301T140000Z.db");
        let test = TestStore::open().await;
        for name in &dated {
            backup(test.store.path(), &folder.path().join(name)).await.unwrap();
        }
        for name in ["pregonero-mine.db", "pregonero.db", "notes", "pregonero-20250101T140000Z.db"] {
            fs::write(folder.path().join(name), "a person's own").unwrap();
        }
        let removed = prune(folder.path(), 2).unwrap();
        assert_eq!(removed, [folder.path().join(&dated[2])]);
        assert_eq!(names(folder.path()).len(), 6);
        assert_eq!(prune(folder.path(), 2).unwrap(), [""; 0].map(PathBuf::from));
    }

    #[tokio::test]
    async fn a_backup_replaces_an_earlier_backup_and_no_other_file() {
        let test = TestStore::open().await;
        let other = TestStore::open().await;
        let folder = scratch();
        let target = folder.path().join("kept.db");
        backup(test.store.path(), &target).await.unwrap();
        backup(test.store.path(), &target).await.unwrap();

        let config = folder.path().join("config.toml");
        fs::write(&config, "[account]\n").unwrap();
        let empty = folder.path().join("empty");
        File::create(&empty).unwrap();
        let link = folder.path().join("link.db");
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let of = |path: &Path, part: &str| with_suffix(path, part);
        for taken in [
            config.clone(),
            empty,
            link,
            folder.path().to_owned(),
            of(test.store.path(), ""),
            of(test.store.path(), "-wal"),
            of(test.store.path(), "-shm"),
            of(other.store.path(), ""),
        ] {
            let error = backup(test.store.path(), &taken).await.unwrap_err();
            assert!(matches!(error, StoreError::NotOurBackup { .. }), "{}: {error:?}", taken.display());
        }
        assert_eq!(fs::read_to_string(&config).unwrap(), "[account]\n");
        assert_eq!(names(folder.path()), ["config.toml", "empty", "kept.db", "link.db"]);

        // A backup by a version before the mark: it is not replaced, and the error says why; it can be restored and
        // pruned.
        let mut unmarked = fs::read(&target).unwrap();
        unmarked[60..64].fill(0);
        fs::write(&target, &unmarked).unwrap();
        let message = backup(test.store.path(), &target).await.unwrap_err().to_string();
        assert!(message.contains("kept.db: already exists and is a pregonero database without the mark"), "{message}");
        assert_eq!(fs::read(&target).unwrap(), unmarked);
        verify(&target).await.unwrap();
        fs::rename(&target, folder.path().join("pregonero-20260301T140000Z.db")).unwrap();
        assert_eq!(prune(folder.path(), 0).unwrap().len(), 1);
        let now = at("2026-03-01T14:00:00Z");
        assert!(test.store.pause("ana", "the live database is whole", now).await.unwrap());
    }
}

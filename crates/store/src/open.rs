//! Opening the database: the file, its health, its schema, and the two pools.
//!
//! There are three ways: [`Store::open`] creates and migrates it, only for the holder of the instance lock;
//! [`Store::open_existing`] writes to one that exists and is as new as this program, for commands while a daemon runs;
//! [`Store::open_read_only`] only reads.

use std::fs::{DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection, SqlitePool, Transaction};

use super::StoreError;
use super::adoption::begin_log;
use super::backup::keep_old_schema;
use super::connection::{Health, connect_options, examine_connection, require_existing};
use super::error::{Doing as _, opening};
use super::identity::FileIdentity;
use super::lease::{self, Lease};
use super::mark::unmark;
use super::schema::{known_schema, migrate};
use pregonero_system::clock::{Clock as _, SystemClock};

/// The number of connections that only read: the commands, the admin page and the daemon share them.
const READERS: u32 = 4;

/// How much of the record each connection caches, in KiB (SQLite's `cache_size` takes them as a negative number). A
/// quarter of SQLite's own default: five connections live as long as the daemon, and the system caches the file's pages
/// too.
const CACHE_KIB: i32 = 512;

/// The record. Cheap to clone: clones share the connections.
#[derive(Debug, Clone)]
pub struct Store {
    path: PathBuf,
    /// One connection: SQLite allows one writer, and waiting for it here is fair, unlike waiting for its lock.
    writer: SqlitePool,
    readers: SqlitePool,
    /// Present if this process may arm posts, see [`super::lease`].
    lease: Option<Lease>,
    /// Identifies the file that was opened: another one may take its name.
    identity: FileIdentity,
}

impl Store {
    /// Opens the database at `path`, creating folder (mode 0700), file (mode 0600) and schema if they are missing. A
    /// database with an older schema is backed up next to itself before it is migrated. Only for the holder of the
    /// instance lock: an older daemon would continue with a schema that it does not know.
    ///
    /// # Errors
    /// If the place is not writable, or the file is damaged, not ours or from a newer program; each error names the
    /// path.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        create_file(path)?;
        refuse_second_name(path)?;
        let found = examine(path, connect_options(path), Health::Checked).await?;
        if found > 0 && found < known_schema() {
            keep_old_schema(path, found).await?;
        }
        unmark(path)?;
        let writer = writer(path).await?;
        migrate(path, &writer).await?;
        begin_log_in(&writer).await?;
        tracing::info!(path = %path.display(), schema = known_schema(), was = found, "database opened");
        Self::of(path, writer, readers(path))
    }

    /// Opens an existing database for writing while a daemon runs. Creates nothing and migrates nothing.
    ///
    /// # Errors
    /// As [`Store::open`], and if there is no database or its schema is older.
    pub async fn open_existing(path: &Path) -> Result<Self, StoreError> {
        Self::open_existing_since(path, known_schema()).await
    }

    /// As [`Self::open_existing`], for a caller that can use a schema as old as `least`.
    pub(super) async fn open_existing_since(path: &Path, least: i64) -> Result<Self, StoreError> {
        require_existing(path)?;
        refuse_second_name(path)?;
        require_schema(path, examine(path, connect_options(path), Health::Assumed).await?, least)?;
        Self::of(path, writer(path).await?, readers(path))
    }

    fn of(path: &Path, writer: SqlitePool, readers: SqlitePool) -> Result<Self, StoreError> {
        let identity =
            FileIdentity::of(path).map_err(|source| StoreError::Inaccessible { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), writer, readers, lease: None, identity })
    }

    /// Opens an existing database for reading only; this works even while a daemon writes to it. Every write through
    /// this store fails.
    ///
    /// # Errors
    /// As [`Store::open`], and if there is no database or its schema is older.
    pub async fn open_read_only(path: &Path) -> Result<Self, StoreError> {
        require_existing(path)?;
        let found = examine(path, connect_options(path).read_only(true), Health::Assumed).await?;
        require_schema(path, found, known_schema())?;
        let readers = readers(path);
        Self::of(path, readers.clone(), readers)
    }

    /// Returns the path of the database file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Waits for the connections to finish and closes them; the write-ahead log is merged into the file.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    pub(super) fn writers(&self) -> &SqlitePool {
        &self.writer
    }

    pub(super) fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    /// Begins a transaction that holds the write lock from its start: what it reads stays true until it commits.
    /// Refused if the files it would write to are no longer the database that others see.
    pub(super) async fn begin(&self) -> Result<Transaction<'static, sqlx::Sqlite>, StoreError> {
        let transaction = self.writer.begin_with("BEGIN IMMEDIATE").await.doing("start a write to the database")?;
        self.require_in_place()?;
        Ok(transaction)
    }

    /// Fails if the database or its journal was deleted or replaced since it was opened.
    ///
    /// # Errors
    /// [`StoreError::Displaced`]. If that cannot be determined, the next write decides.
    pub fn require_in_place(&self) -> Result<(), StoreError> {
        self.identity.require_at(&self.path)
    }

    /// Returns the same record with the right to post, taken from its previous holder. Only for the holder of the
    /// instance lock. `holder` is for people: process and machine.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn with_lease(mut self, holder: &str, now: Timestamp) -> Result<Self, StoreError> {
        let mut transaction = self.begin().await?;
        let lease = Lease::take(&mut transaction, holder, now).await?;
        transaction.commit().await.doing("take the right to post")?;
        self.lease = Some(lease);
        Ok(self)
    }

    /// Fails if this process may not post. Runs inside the transaction that arms a post.
    pub(super) async fn require_lease(&self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        lease::require(self.lease.as_ref(), &self.path, connection).await
    }
}

fn require_schema(path: &Path, found: i64, least: i64) -> Result<(), StoreError> {
    match found {
        0 => Err(StoreError::Missing { path: path.to_owned() }),
        found if found < least => Err(StoreError::Older { path: path.to_owned(), found, known: known_schema() }),
        _ => Ok(()),
    }
}

async fn writer(path: &Path) -> Result<SqlitePool, StoreError> {
    let options = lasting_options(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .optimize_on_close(true, None);
    SqlitePoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .before_acquire(|connection, _| Box::pin(is_usable(connection)))
        .connect_with(options)
        .await
        .map_err(|source| opening(path, source))
}

/// Begins the audit log of a new database, or of one that never had it.
async fn begin_log_in(writer: &SqlitePool) -> Result<(), StoreError> {
    const DOING: &str = "begin the audit log";
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.doing(DOING)?;
    begin_log(&mut transaction, SystemClock.now()).await?;
    transaction.commit().await.doing(DOING)
}

/// Returns the options for long-lived connections. Setting the cache reads the file, so they are used only for a file
/// known to be a database.
fn lasting_options(path: &Path) -> SqliteConnectOptions {
    connect_options(path).pragma("cache_size", format!("-{CACHE_KIB}"))
}

/// Checks a connection before it is reused. SQLite rolls a transaction back by itself if the disk is full or fails, but
/// sqlx still counts it as open: such a connection would refuse every later write, so it is replaced.
async fn is_usable(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    // A pending rollback runs before the ping is answered.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

fn readers(path: &Path) -> SqlitePool {
    SqlitePoolOptions::new().max_connections(READERS).connect_lazy_with(lasting_options(path).read_only(true))
}

/// Creates the folder and file ourselves, so that others cannot read drafts and a failure has its real cause: SQLite
/// would report everything as "unable to open database file".
fn create_file(path: &Path) -> Result<(), StoreError> {
    let inaccessible = |source| StoreError::Inaccessible { path: path.to_owned(), source };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(inaccessible)?;
    }
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map(drop)
        .map_err(inaccessible)
}

/// Refuses a file with a second name, from a hard link or a bind mount of the file alone: SQLite's journal and our lock
/// are next to the first name, and another process would see neither.
fn refuse_second_name(path: &Path) -> Result<(), StoreError> {
    let refuse = |fault, remedy| Err(StoreError::SecondName { path: path.to_owned(), fault, remedy });
    if path.metadata().is_ok_and(|metadata| metadata.nlink() > 1) {
        return refuse("it is a hard link", "remove its other name");
    }
    if is_mount_point(path) {
        return refuse("it is a mount point itself", "mount its whole folder");
    }
    Ok(())
}

/// Returns whether something is mounted on the file itself, by the kernel's table (field 5 of `/proc/self/mountinfo`,
/// see `proc(5)`). Without that table, the answer is no.
fn is_mount_point(path: &Path) -> bool {
    let (Ok(path), Ok(mounts)) = (path.canonicalize(), std::fs::read_to_string("/proc/self/mountinfo")) else {
        return false;
    };
    // Blanks appear there as \040.
    let Some(path) = path.to_str().map(|path| path.replace(' ', "\\040")) else { return false };
    mounts.lines().any(|mount| mount.split(' ').nth(4) == Some(path.as_str()))
}

/// Examines the file over a separate connection.
async fn examine(path: &Path, options: SqliteConnectOptions, health: Health) -> Result<i64, StoreError> {
    let mut connection = options.connect().await.map_err(|source| opening(path, source))?;
    let found = examine_connection(path, &mut connection, health).await;
    connection.close().await.map_err(|source| opening(path, source))?;
    found
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::connection::BUSY_TIMEOUT;
    use crate::schema::MIGRATIONS;
    use crate::testing::{plain_connection, scratch};

    #[tokio::test]
    async fn an_empty_place_becomes_a_database_with_a_private_folder() {
        let folder = scratch();
        let path = folder.path().join("a/b/pregonero.db");
        let store = Store::open(&path).await.unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        assert_eq!(mode(&path), 0o600);
        store.close().await;
        let mut connection = plain_connection(&path).await;
        let tables: Vec<String> = sqlx::query_scalar(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name",
        )
        .fetch_all(&mut connection)
        .await
        .unwrap();
        let ours = [
            "account",
            "alerts",
            "anchors",
            "attempts",
            "candidates",
            "candidates_text",
            "candidates_text_config",
            "candidates_text_data",
            "candidates_text_idx",
            "checkpoints",
            "decision_links",
            "engagement",
            "gate_lists",
            "halts",
            "lease",
            "ledger",
            "ledger_adopted",
            "ledger_subtrees",
            "notices",
            "posts",
            "posts_text",
            "posts_text_config",
            "posts_text_data",
            "posts_text_idx",
            "reads",
            "reviews",
            "rounds",
            "sessions",
            "sign_ins",
            "tallies",
            "users",
            "windows",
        ];
        assert_eq!(tables, [&["_sqlx_migrations"], &ours[..]].concat());
        let journal: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut connection).await.unwrap();
        assert_eq!(journal, "wal");
    }

    #[tokio::test]
    async fn opening_twice_migrates_once_and_keeps_the_connections_settings() {
        let folder = scratch();
        let path = folder.path().join("pregonero.db");
        Store::open(&path).await.unwrap().close().await;
        let store = Store::open(&path).await.unwrap();
        let applied: i64 =
            sqlx::query_scalar("SELECT count(*) FROM _sqlx_migrations").fetch_one(store.readers()).await.unwrap();
        assert_eq!(usize::try_from(applied).unwrap(), MIGRATIONS.len());
        for (pragma, wanted) in [
            ("PRAGMA synchronous", 2_i64),
            ("PRAGMA foreign_keys", 1),
            ("PRAGMA busy_timeout", 5000),
            ("PRAGMA cache_size", -512),
        ] {
            let found: i64 = sqlx::query_scalar(pragma).fetch_one(&store.writer).await.unwrap();
            assert_eq!(found, wanted, "{pragma}");
        }
    }

    #[tokio::test]
    async fn a_newer_schema_is_refused_and_left_alone() {
        let folder = scratch();
        let path = folder.path().join("pregonero.db");
        Store::open(&path).await.unwrap().close().await;
        let mut connection = plain_connection(&path).await;
        sqlx::query("INSERT INTO _sqlx_migrations VALUES (99999999999999, 'later', CURRENT_TIMESTAMP, 1, x'00', 0)")
            .execute(&mut connection)
            .await
            .unwrap();
        let error = Store::open(&path).await.unwrap_err();
        let StoreError::Newer { found: 99_999_999_999_999, known, .. } = error else { panic!("{error:?}") };
        assert_eq!(known, known_schema());
        let error = Store::open_read_only(&path).await.unwrap_err().to_string();
        assert!(error.contains("pregonero.db") && error.contains("newer pregonero"), "{error}");
    }

    #[tokio::test]
    async fn a_file_with_a_second_name_is_refused() {
        let folder = scratch();
        let path = folder.path().join("pregonero.db");
        Store::open(&path).await.unwrap().close().await;
        std::fs::hard_link(&path, folder.path().join("other.db")).unwrap();
        for name in ["pregonero.db", "other.db"] {
            let error = Store::open(&folder.path().join(name)).await.unwrap_err();
            assert!(error.to_string().contains("hard link"), "{error}");
        }
        assert!(is_mount_point(Path::new("/proc")) && !is_mount_point(&path));
    }

    #[tokio::test]
    async fn a_transaction_that_sqlite_took_back_by_itself_does_not_end_all_writing() {
        let folder = scratch();
        let store = Store::open(&folder.path().join("pregonero.db")).await.unwrap();
        let mut transaction = store.begin().await.unwrap();
        // What SQLite does if the disk is full, without sqlx noticing.
        sqlx::query("ROLLBACK").execute(&mut *transaction).await.unwrap();
        assert!(transaction.commit().await.is_err());
        for _ in 0..2 {
            store.begin().await.unwrap().commit().await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_lock_held_by_another_process_is_waited_for_and_then_named_as_passing() {
        let folder = scratch();
        let path = folder.path().join("pregonero.db");
        let store = Store::open(&path).await.unwrap();
        let mut other = plain_connection(&path).await;
        sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
        let waited = std::time::Instant::now();
        let error = store.begin().await.unwrap_err();
        assert!(error.is_transient(), "{error:?}");
        assert!(waited.elapsed() >= BUSY_TIMEOUT, "it must wait before it gives up");
        sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
        store.begin().await.unwrap();
    }

    #[tokio::test]
    async fn another_programs_database_is_refused_and_left_alone() {
        let folder = scratch();
        let path = folder.path().join("other.db");
        std::fs::File::create(&path).unwrap();
        let mut connection = plain_connection(&path).await;
        sqlx::query("CREATE TABLE recipes (name TEXT)").execute(&mut connection).await.unwrap();
        let before = std::fs::read(&path).unwrap();
        assert!(matches!(Store::open(&path).await, Err(StoreError::Foreign { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    #[tokio::test]
    async fn a_damaged_file_is_named_and_left_alone() {
        let folder = scratch();
        let path = folder.path().join("pregonero.db");
        let garbage = "no database, just words ".repeat(400);
        std::fs::write(&path, &garbage).unwrap();
        for error in [Store::open(&path).await.unwrap_err(), Store::open_read_only(&path).await.unwrap_err()] {
            assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
            assert!(error.to_string().contains("pregonero.db: the database is damaged"), "{error}");
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), garbage);
    }

    #[tokio::test]
    async fn a_page_overwritten_inside_is_noticed_at_the_start() {
        let folder = scratch();
        let path = folder.path().join("pregonero.db");
        Store::open(&path).await.unwrap().close().await;
        let mut bytes = std::fs::read(&path).unwrap();
        let page = 4096;
        assert!(bytes.len() > 3 * page);
        bytes[2 * page..3 * page].fill(0xA5);
        std::fs::write(&path, bytes).unwrap();
        let error = Store::open(&path).await.unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    }

    #[tokio::test]
    async fn a_place_that_cannot_be_written_is_named() {
        let folder = scratch();
        std::fs::write(folder.path().join("file"), "").unwrap();
        for path in [folder.path().join("file/pregonero.db"), PathBuf::from("/proc/pregonero/pregonero.db")] {
            let error = Store::open(&path).await.unwrap_err();
            assert!(matches!(error, StoreError::Inaccessible { .. }), "{error:?}");
            assert!(error.to_string().starts_with(&path.display().to_string()), "{error}");
        }
    }

    #[tokio::test]
    async fn looking_creates_nothing_and_says_what_to_run() {
        let folder = scratch();
        let path = folder.path().join("pregonero.db");
        let error = Store::open_read_only(&path).await.unwrap_err();
        assert!(error.to_string().contains("no database yet: run `pregonero once`"), "{error}");
        let error = Store::open_existing(&path).await.unwrap_err();
        assert!(matches!(error, StoreError::Missing { .. }), "{error}");
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn looking_works_beside_a_writer_and_cannot_write() {
        let folder = scratch();
        let path = folder.path().join("pregonero.db");
        let _writer = Store::open(&path).await.unwrap();
        let reader = Store::open_read_only(&path).await.unwrap();
        assert_eq!(reader.history(10).await.unwrap(), []);
        let at = "2026-03-01T14:00:00Z".parse().unwrap();
        let refused = reader.record_missed(&crate::SlotId::Scheduled(at), "down", at).await.unwrap_err();
        assert!(matches!(refused, StoreError::Database { .. }), "{refused:?}");
    }
}

//! What can go wrong with the record, sorted by what the caller or the operator can do about it.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{PostId, PostState, RoundId, SlotId};
use pregonero_system::clock::shown;

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder or the file cannot be made or opened.
    #[error(
        "{}: cannot open or create the database: {source}; `store.path` must lie in a folder this user may write to",
        path.display()
    )]
    Inaccessible { path: PathBuf, source: std::io::Error },
    /// Reading was asked for and nothing was ever recorded.
    #[error(
        "{}: no database yet: run `pregonero once` or `pregonero run`, or name the configuration of the bot that has one with \
         --config",
        path.display()
    )]
    Missing { path: PathBuf },
    /// It may be there, and this user may not look.
    #[error("{}: cannot look at the database: {source}; run this as root or as the user that the daemon runs as", path.display())]
    Unreachable { path: PathBuf, source: std::io::Error },
    /// Somebody deleted or replaced the database while it was open: what is written now, nobody would find again.
    #[error(
        "{}: {what} while the program was running: nothing more is posted, because nobody could find it on record; restore a \
         backup (`pregonero db restore FILE`), then start again",
        path.display()
    )]
    Displaced { path: PathBuf, what: &'static str },
    /// A daemon worked here before and its database is gone: a new one would know nothing of what was posted.
    #[error(
        "{}: the database is gone, but {} tells of a daemon that used it: restore a backup (`pregonero db restore FILE`), or \
         remove that file to begin a new record", path.display(), trace.display()
    )]
    Gone { path: PathBuf, trace: PathBuf },
    /// The target of a backup is a file that no backup made.
    #[error("{}: exists already and {what}: choose another name, or move it away", path.display())]
    NotOurBackup { path: PathBuf, what: &'static str },
    /// What is to be restored is no backup.
    #[error("{}: this is no backup of pregonero ({detail}); the database was left as it is", path.display())]
    NoBackup { path: PathBuf, detail: String },
    /// The file is damaged or no SQLite database at all.
    #[error(
        "{}: the database is damaged ({detail}): restore a backup (`pregonero db restore FILE`), or move the file away to start a new record",
        path.display()
    )]
    Corrupt { path: PathBuf, detail: String },
    /// A database, but of some other program.
    #[error("{}: this database belongs to another program: let `store.path` name a file of its own", path.display())]
    Foreign { path: PathBuf },
    /// Written by a newer version of this program.
    #[error(
        "{}: the database has schema {found}, this program knows up to {known}: use the newer pregonero that wrote it",
        path.display()
    )]
    Newer { path: PathBuf, found: i64, known: i64 },
    /// Written by an older version, and opened for reading only.
    #[error(
        "{}: the database has schema {found}, this program needs {known}: start the daemon with this version, which brings it \
         up to date, or use the version that the running daemon has",
        path.display()
    )]
    Older { path: PathBuf, found: i64, known: i64 },
    /// A schema change did not go through; the database is as it was before it.
    #[error("{}: cannot bring the schema up to date", path.display())]
    Migration { path: PathBuf, source: sqlx::migrate::MigrateError },
    /// A round for this due time is on record already.
    #[error("slot {}: already served by an earlier round", slot.in_words())]
    SlotTaken { slot: SlotId },
    /// The round has led to a post already.
    #[error("round {round}: already posted in this slot")]
    AlreadyPosted { round: RoundId },
    /// No such round on record.
    #[error("{round}: no round or post has this number; `pregonero history list` shows them")]
    NoSuchRound { round: RoundId },
    /// No such post on record.
    #[error("{post}: no post has this number; `pregonero history list` shows them")]
    NoSuchPost { post: PostId },
    /// The round has ended; its record does not change any more.
    #[error("round {round}: has ended already")]
    RoundEnded { round: RoundId },
    /// The post is in a state that does not lead to the wanted one.
    #[error("post {post} is `{found}`: it cannot become `{wanted}`")]
    StateConflict { post: PostId, found: PostState, wanted: PostState },
    /// The post's time is up.
    #[error("post {post} expired at {}: it can no longer be approved", shown(*at))]
    Expired { post: PostId, at: Timestamp },
    /// Another process has taken the right to post on this database.
    #[error(
        "{}: the right to post on this database belongs to another pregonero ({holder}): let only one of them run",
        path.display()
    )]
    Superseded { path: PathBuf, holder: String },
    /// The file has a second name, or is mounted by itself: SQLite's journal would lie beside only one of them.
    #[error("{}: {fault}: another program could use the same database without seeing this one's journal; {remedy}", path.display())]
    SecondName { path: PathBuf, fault: &'static str, remedy: &'static str },
    /// A backup or restore did not go through; what was there before is as it was.
    #[error("{}: cannot {doing}: {source}", path.display())]
    File { doing: &'static str, path: PathBuf, source: std::io::Error },
    /// Another process writes to the same backup.
    #[error("{}: another backup to this file is under way", path.display())]
    BackupUnderWay { path: PathBuf },
    /// A copy that does not hold what it should; it was thrown away.
    #[error("{}: the copy is not sound: {detail}", path.display())]
    UnsoundCopy { path: PathBuf, detail: String },
    /// The disk is nearly full.
    #[error("{}: only {free} bytes are free on this disk: nothing is posted before there is room to record it", path.display())]
    NoSpace { path: PathBuf, free: u64 },
    /// SQLite said no.
    #[error("cannot {doing}")]
    Database { doing: &'static str, source: sqlx::Error },
}

impl StoreError {
    /// Whether the same call may succeed later: another process holds SQLite's lock (its codes BUSY and LOCKED).
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Database { source, .. } if matches!(primary_code(source), Some(5 | 6)))
    }
}

/// Adds what was being done to an error of SQLite.
pub(super) trait Doing<T> {
    fn doing(self, doing: &'static str) -> Result<T, StoreError>;
}

impl<T> Doing<T> for Result<T, sqlx::Error> {
    fn doing(self, doing: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Database { doing, source })
    }
}

/// SQLite's primary result code (<https://www.sqlite.org/rescode.html>), where the error is one of SQLite's.
fn primary_code(error: &sqlx::Error) -> Option<i64> {
    let extended: i64 = error.as_database_error()?.code()?.parse().ok()?;
    Some(extended & 0xff)
}

/// Whether `error` says that a value in these columns is there already. SQLite names the columns, not the constraint.
pub(super) fn is_taken(error: &sqlx::Error, columns: &str) -> bool {
    error
        .as_database_error()
        .is_some_and(|error| error.is_unique_violation() && error.message().ends_with(&format!("failed: {columns}")))
}

/// SQLite's code for a damaged file.
const SQLITE_CORRUPT: i64 = 11;

/// SQLite's code for a file that is no database.
const SQLITE_NOTADB: i64 = 26;

/// What keeps the database at `path` from being opened.
pub(super) fn opening(path: &Path, source: sqlx::Error) -> StoreError {
    match (primary_code(&source), source) {
        (Some(SQLITE_CORRUPT | SQLITE_NOTADB), source) => StoreError::Corrupt {
            path: path.to_owned(),
            detail: source.as_database_error().map_or_else(String::new, |error| error.message().to_owned()),
        },
        (_, source) => StoreError::Inaccessible { path: path.to_owned(), source: std::io::Error::other(source) },
    }
}

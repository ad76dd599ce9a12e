//! What can go wrong with the record, sorted by what the caller or the operator can do about it.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{PostId, PostState, RoundId, SlotId};
use pregonero_system::clock::shown;

/// Why the store could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder or the file cannot be created or opened.
    #[error(
        "{}: cannot open or create the database: {source}; `store.path` must be in a folder that this user may write to",
        path.display()
    )]
    Inaccessible { path: PathBuf, source: std::io::Error },
    /// The database was opened for reading, but nothing was ever recorded.
    #[error(
        "{}: no database yet: run `pregonero once` or `pregonero run`, or pass the configuration of a bot that has one with \
         --config",
        path.display()
    )]
    Missing { path: PathBuf },
    /// The database may exist, but this user may not see it.
    #[error("{}: cannot access the database: {source}; run this as root or as the daemon's user", path.display())]
    Unreachable { path: PathBuf, source: std::io::Error },
    /// The database was deleted or replaced while it was open: anything written now would be lost.
    #[error(
        "{}: {what} while the program was running: nothing more is posted, because the record of it would be lost; restore a \
         backup (`pregonero db restore FILE`), then start again",
        path.display()
    )]
    Displaced { path: PathBuf, what: &'static str },
    /// A daemon worked here before and its database is gone: a new one would not know what was posted.
    #[error(
        "{}: the database is gone, but {} shows that a daemon used it: restore a backup (`pregonero db restore FILE`), or \
         remove that file to begin a new record", path.display(), trace.display()
    )]
    Gone { path: PathBuf, trace: PathBuf },
    /// The target of a backup is a file that is not a backup.
    #[error("{}: already exists and {what}: choose another name, or move it away", path.display())]
    NotOurBackup { path: PathBuf, what: &'static str },
    /// The file to be restored is not a backup.
    #[error("{}: this is not a pregonero backup ({detail}); the database was left as it is", path.display())]
    NoBackup { path: PathBuf, detail: String },
    /// The file is damaged or not an SQLite database at all.
    #[error(
        "{}: the database is damaged ({detail}): restore a backup (`pregonero db restore FILE`), or move the file away to start a new record",
        path.display()
    )]
    Corrupt { path: PathBuf, detail: String },
    /// A database, but of another program.
    #[error("{}: this database belongs to another program: set `store.path` to another file", path.display())]
    Foreign { path: PathBuf },
    /// The database was written by a newer version of this program.
    #[error(
        "{}: the database has schema {found}, this program supports schemas up to {known}: use the newer pregonero that wrote it",
        path.display()
    )]
    Newer { path: PathBuf, found: i64, known: i64 },
    /// The database was written by an older version, and was opened for reading only.
    #[error(
        "{}: the database has schema {found}, this program needs {known}: start the daemon with this version, which migrates it, \
         or use the version that the running daemon has",
        path.display()
    )]
    Older { path: PathBuf, found: i64, known: i64 },
    /// A schema change failed; the database is as it was before.
    #[error("{}: cannot migrate the schema", path.display())]
    Migration { path: PathBuf, source: sqlx::migrate::MigrateError },
    /// A round for this due time is on record already.
    #[error("slot {}: already served by an earlier round", slot.in_words())]
    SlotTaken { slot: SlotId },
    /// The round has already led to a post.
    #[error("round {round}: it has already led to a post")]
    AlreadyPosted { round: RoundId },
    /// No such round on record.
    #[error("{round}: there is no round or post with this number; `pregonero history list` shows them")]
    NoSuchRound { round: RoundId },
    /// No such post on record.
    #[error("{post}: there is no post with this number; `pregonero history list` shows them")]
    NoSuchPost { post: PostId },
    /// The round has ended; its record no longer changes.
    #[error("round {round}: it has already ended")]
    RoundEnded { round: RoundId },
    /// The post is in a state from which the requested one cannot follow.
    #[error("post {post} is `{found}`: it cannot become `{wanted}`")]
    StateConflict { post: PostId, found: PostState, wanted: PostState },
    /// The post has expired.
    #[error("post {post} expired at {}: it can no longer be approved", shown(*at))]
    Expired { post: PostId, at: Timestamp },
    /// The text was changed after the person saw it.
    #[error("post {post} has another text by now: look at it again (`pregonero review show {post}`), then decide")]
    TextChanged { post: PostId },
    /// Something like it was let out meanwhile.
    #[error("post {post} cannot go out: {reason}")]
    TooAlike { post: PostId, reason: String },
    /// The one-time link cannot be used, or not any more.
    #[error("this link {why}")]
    DeadLink { why: &'static str },
    /// Another process has taken over the right to post on this database.
    #[error(
        "{}: the right to post on this database belongs to another pregonero ({holder}): let only one of them run",
        path.display()
    )]
    Superseded { path: PathBuf, holder: String },
    /// The file has a second name, or is a mount point: SQLite's journal would be next to only one of the names.
    #[error("{}: {fault}: another program could use the same database without seeing this one's journal; {remedy}", path.display())]
    SecondName { path: PathBuf, fault: &'static str, remedy: &'static str },
    /// A backup or restore failed; what was there before is unchanged.
    #[error("{}: cannot {doing}: {source}", path.display())]
    File { doing: &'static str, path: PathBuf, source: std::io::Error },
    /// Another process is writing the same backup.
    #[error("{}: another backup to this file is under way", path.display())]
    BackupUnderWay { path: PathBuf },
    /// A copy does not contain what it should; it was discarded.
    #[error("{}: the copy is not sound: {detail}", path.display())]
    UnsoundCopy { path: PathBuf, detail: String },
    /// Something may still happen to this round.
    #[error(
        "round {round} is `{found}`: a text can be erased once nothing is to happen to it any more (`pregonero review reject {round}` \
         stops a post that waits)"
    )]
    StillOpen { round: RoundId, found: &'static str },
    /// What was removed is still in the journal, because another process reads it.
    #[error(
        "{}: another process is reading the database, so its journal still holds what was erased: run the same command again", path.display()
    )]
    StillRead { path: PathBuf },
    /// The disk is nearly full.
    #[error("{}: only {free} bytes are free on this disk: nothing is posted until there is room to record it", path.display())]
    NoSpace { path: PathBuf, free: u64 },
    /// SQLite reported an error.
    #[error("cannot {doing}")]
    Database { doing: &'static str, source: sqlx::Error },
}

impl StoreError {
    /// Returns whether the same call may succeed later: another process holds SQLite's lock (its codes BUSY and
    /// LOCKED).
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Database { source, .. } if matches!(primary_code(source), Some(5 | 6)))
    }
}

/// Adds what the program was doing to an SQLite error.
pub(super) trait Doing<T> {
    fn doing(self, doing: &'static str) -> Result<T, StoreError>;
}

impl<T> Doing<T> for Result<T, sqlx::Error> {
    fn doing(self, doing: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Database { doing, source })
    }
}

/// Returns SQLite's primary result code (<https://www.sqlite.org/rescode.html>), if the error is one of SQLite's.
fn primary_code(error: &sqlx::Error) -> Option<i64> {
    let extended: i64 = error.as_database_error()?.code()?.parse().ok()?;
    Some(extended & 0xff)
}

/// Returns whether `error` says that these columns already contain the value. SQLite names the columns, not the
/// constraint.
pub(super) fn is_taken(error: &sqlx::Error, columns: &str) -> bool {
    error
        .as_database_error()
        .is_some_and(|error| error.is_unique_violation() && error.message().ends_with(&format!("failed: {columns}")))
}

/// SQLite's code for a damaged file.
const SQLITE_CORRUPT: i64 = 11;

/// SQLite's code for a file that is not a database.
const SQLITE_NOTADB: i64 = 26;

/// Returns the error for a database at `path` that cannot be opened.
pub(super) fn opening(path: &Path, source: sqlx::Error) -> StoreError {
    match (primary_code(&source), source) {
        (Some(SQLITE_CORRUPT | SQLITE_NOTADB), source) => StoreError::Corrupt {
            path: path.to_owned(),
            detail: source.as_database_error().map_or_else(String::new, |error| error.message().to_owned()),
        },
        (_, source) => StoreError::Inaccessible { path: path.to_owned(), source: std::io::Error::other(source) },
    }
}

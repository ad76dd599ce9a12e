//! One connection to a database file, and whether that file is sound, ours and has a schema that this program knows.

use std::path::Path;
use std::time::Duration;

use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteConnectOptions;

use super::StoreError;
use super::error::opening;
use super::schema::known_schema;

/// Marks a database as ours; set by the first migration.
pub(super) const APPLICATION_ID: i64 = 0x5052_4547;

/// How long a connection waits for another process's lock.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Checks that a database exists; one that this user may not see is a different error from none.
pub(super) fn require_existing(path: &Path) -> Result<(), StoreError> {
    match path.metadata() {
        Ok(_) => Ok(()),
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => {
            Err(StoreError::Missing { path: path.to_owned() })
        }
        Err(source) => Err(StoreError::Unreachable { path: path.to_owned(), source }),
    }
}

/// Returns the options that every connection has in common.
pub(super) fn connect_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new().filename(path).busy_timeout(BUSY_TIMEOUT).foreign_keys(true)
}

/// Whether to check every page of the file, which takes long for a large record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    /// At a daemon's start, before a backup and for a copy.
    Checked,
    /// For a command while a daemon runs.
    Assumed,
}

/// Examines a database before anything is changed in it: whether it is intact, ours, and not written by a newer
/// program. Returns the schema's version, 0 for an empty file.
pub(super) async fn examine_connection(
    path: &Path,
    connection: &mut SqliteConnection,
    health: Health,
) -> Result<i64, StoreError> {
    let failed = |source| opening(path, source);
    if health == Health::Checked {
        let health: Vec<String> =
            sqlx::query_scalar("PRAGMA quick_check(5)").fetch_all(&mut *connection).await.map_err(failed)?;
        if health != ["ok"] {
            return Err(StoreError::Corrupt { path: path.to_owned(), detail: health.join("; ") });
        }
    }
    let tables: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(&mut *connection).await.map_err(failed)?;
    if tables == 0 {
        return Ok(0);
    }
    let owner: i64 = sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *connection).await.map_err(failed)?;
    let migrated: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema WHERE name = '_sqlx_migrations'")
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
    if migrated == 0 {
        return Err(StoreError::Foreign { path: path.to_owned() });
    }
    let found: i64 = sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM _sqlx_migrations")
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
    // A process that died before its first migration leaves only the bookkeeping table, without our mark.
    if owner != APPLICATION_ID && (found, tables) != (0, 2) && (found, tables) != (0, 1) {
        return Err(StoreError::Foreign { path: path.to_owned() });
    }
    let known = known_schema();
    if found > known {
        return Err(StoreError::Newer { path: path.to_owned(), found, known });
    }
    Ok(found)
}

//! Fingerprints, which identify credentials without storing them.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

/// A salted digest of credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    pub salt: String,
    pub digest: String,
}

impl Fingerprint {
    /// Reads it from two columns that are either both empty or both filled.
    pub(super) fn of_row(row: &SqliteRow) -> Result<Option<Self>, sqlx::Error> {
        let salt: Option<String> = row.try_get("salt")?;
        let digest: Option<String> = row.try_get("fingerprint")?;
        Ok(salt.zip(digest).map(|(salt, digest)| Self { salt, digest }))
    }
}

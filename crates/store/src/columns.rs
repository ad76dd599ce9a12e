//! How our types are written to columns and read back: the only place that knows the stored forms.

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use sqlx::sqlite::SqliteRow;
use sqlx::types::Json;
use sqlx::{Error, Row as _};

/// Formats an instant for storage: RFC 3339, UTC, always three decimals, so that text order is time order.
pub(super) fn stored(instant: Timestamp) -> String {
    format!("{instant:.3}")
}

/// Returns the error for a column whose content is not in the form that the program writes.
pub(super) fn unreadable(column: &'static str, content: &str) -> Error {
    Error::ColumnDecode { index: column.to_owned(), source: format!("cannot read `{content}`").into() }
}

/// Reads an instant that may be absent.
pub(super) fn instant_or_none(row: &SqliteRow, column: &'static str) -> Result<Option<Timestamp>, Error> {
    let text: Option<String> = row.try_get(column)?;
    text.map(|text| text.parse().map_err(|_| unreadable(column, &text))).transpose()
}

/// Reads an instant.
pub(super) fn instant(row: &SqliteRow, column: &'static str) -> Result<Timestamp, Error> {
    instant_or_none(row, column)?.ok_or_else(|| unreadable(column, "NULL"))
}

/// Reads a random seed that may be absent.
pub(super) fn seed_or_none(row: &SqliteRow, column: &'static str) -> Result<Option<u64>, Error> {
    let text: Option<String> = row.try_get(column)?;
    text.map(|text| text.parse().map_err(|_| unreadable(column, &text))).transpose()
}

/// Reads a word from a closed list.
pub(super) fn word<T>(row: &SqliteRow, column: &'static str, read: fn(&str) -> Option<T>) -> Result<T, Error> {
    let text: String = row.try_get(column)?;
    read(&text).ok_or_else(|| unreadable(column, &text))
}

/// Reads a word from a closed list that may be absent.
pub(super) fn word_or_none<T>(
    row: &SqliteRow,
    column: &'static str,
    read: fn(&str) -> Option<T>,
) -> Result<Option<T>, Error> {
    let text: Option<String> = row.try_get(column)?;
    text.map(|text| read(&text).ok_or_else(|| unreadable(column, &text))).transpose()
}

/// Reads a JSON column.
pub(super) fn json<T>(row: &SqliteRow, column: &'static str) -> Result<T, Error>
where
    T: serde::de::DeserializeOwned + 'static,
{
    row.try_get::<Json<T>, _>(column).map(|Json(value)| value)
}

/// Reads a JSON column that may be absent.
pub(super) fn json_or_none<T>(row: &SqliteRow, column: &'static str) -> Result<Option<T>, Error>
where
    T: serde::de::DeserializeOwned + 'static,
{
    Ok(row.try_get::<Option<Json<T>>, _>(column)?.map(|Json(value)| value))
}

/// Returns the SHA-256 of a text, in lower-case hexadecimal.
pub(super) fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

//! How the audit log begins: at once in a new database, and in one that has rows already with a record of what stands.
//!
//! Each row that stands gets a salted digest in `ledger_adopted`, and the record holds one digest for each thousand numbers
//! of each table, made of those digests. A row that changes later is named by the record of the act that changed it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use pregonero_audit::merkle::{self, Hash};
use serde_json::{Map, Value, json};
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row as _, SqliteConnection};

use super::error::Doing as _;
use super::ledger::{self, Entry, TABLES, Table};
use super::{RecordKind, StoreError};

/// How many numbers share a digest in the record.
pub(super) const RANGE: i64 = 1000;

/// Begins the log if it has no record yet.
pub(super) async fn begin_log(connection: &mut SqliteConnection, now: Timestamp) -> Result<(), StoreError> {
    let is_begun: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM ledger)")
        .fetch_one(&mut *connection)
        .await
        .doing("look for the audit log")?;
    if is_begun {
        return Ok(());
    }
    let mut tables = Map::new();
    let mut stood: u64 = 0;
    for table in TABLES {
        let mut ranges = Map::new();
        let mut rows: u64 = 0;
        for range in ranges_of(connection, table).await? {
            let digests = adopt_range(connection, table, range).await?;
            rows += digests.len() as u64;
            ranges.insert(range.to_string(), STANDARD.encode(range_digest(&digests)).into());
        }
        stood += rows;
        if rows > 0 {
            tables.insert(table.name.to_owned(), json!({"rows": rows, "ranges": Value::Object(ranges)}));
        }
    }
    let kind = if stood == 0 { RecordKind::Began } else { RecordKind::Adopted };
    let body = json!({"program_version": env!("CARGO_PKG_VERSION"), "tables": Value::Object(tables)});
    ledger::append(connection, Entry { kind, by: None, subject: None, body, rows: &[] }, now).await?;
    if stood > 0 {
        tracing::info!(rows = stood, "the audit log begins with what stood in the database");
    }
    Ok(())
}

/// Returns the thousands in which the table has rows.
pub(super) async fn ranges_of(connection: &mut SqliteConnection, table: &Table) -> Result<Vec<i64>, StoreError> {
    let Table { name, key, .. } = table;
    sqlx::query_scalar(AssertSqlSafe(format!("SELECT DISTINCT {key} / {RANGE} FROM {name} ORDER BY 1")))
        .fetch_all(connection)
        .await
        .doing("read the rows of the record")
}

/// Returns the text of each row in a range by key and part, in order.
pub(super) async fn rows_of(
    connection: &mut SqliteConnection,
    table: &Table,
    range: i64,
) -> Result<Vec<(i64, Option<i64>, String)>, StoreError> {
    const DOING: &str = "read the rows of the record";
    let Table { name, key, part, columns } = table;
    let order = part.map_or_else(|| (*key).to_owned(), |part| format!("{key}, {part}"));
    let statement = format!("SELECT {} FROM {name} WHERE {key} BETWEEN ? AND ? ORDER BY {order}", columns.join(", "));
    let rows = sqlx::query(AssertSqlSafe(statement))
        .bind(range * RANGE)
        .bind(range * RANGE + RANGE - 1)
        .fetch_all(connection)
        .await
        .doing(DOING)?;
    let read = |row: &SqliteRow| {
        let part = part.map(|part| row.try_get(part)).transpose()?;
        Ok((row.try_get(*key)?, part, ledger::row_text(table, row)?))
    };
    rows.iter().map(read).collect::<Result<_, _>>().doing(DOING)
}

/// Returns the digest of an adopted row: of all rows with one key, where a table has several.
pub(super) fn adopted_digest<'a>(salt: &[u8], texts: impl Iterator<Item = &'a str>) -> Hash {
    let mut parts = vec![salt];
    for text in texts {
        parts.push(text.as_bytes());
        parts.push(b"\n");
    }
    merkle::sha256(&parts)
}

/// Returns the digest of a range, from the digests of its rows.
pub(super) fn range_digest(digests: &[(i64, Vec<u8>)]) -> Hash {
    let lines: String = digests.iter().map(|(id, digest)| format!("{id} {}\n", STANDARD.encode(digest))).collect();
    merkle::sha256(&[lines.as_bytes()])
}

/// Stores the digest of each row in a range; returns them.
async fn adopt_range(
    connection: &mut SqliteConnection,
    table: &Table,
    range: i64,
) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
    let rows = rows_of(connection, table, range).await?;
    let mut digests = Vec::new();
    for rows in rows.chunk_by(|one, next| one.0 == next.0) {
        let (id, salt): (i64, [u8; 32]) = (rows[0].0, rand::random());
        let digest = adopted_digest(&salt, rows.iter().map(|(_, _, text)| text.as_str())).to_vec();
        sqlx::query("INSERT INTO ledger_adopted (tbl, id, salt, digest) VALUES (?, ?, ?, ?)")
            .bind(table.name)
            .bind(id)
            .bind(salt.as_slice())
            .bind(&digest)
            .execute(&mut *connection)
            .await
            .doing("begin the audit log")?;
        digests.push((id, digest));
    }
    Ok(digests)
}

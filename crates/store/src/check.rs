//! Whether a database is sound: SQLite's own checks, and this program's own invariants of its record.

use std::path::Path;

use serde::Serialize;
use sqlx::{ConnectOptions as _, Connection as _, Row as _, SqliteConnection};

use super::StoreError;
use super::connection::{Health, connect_options, examine_connection, require_existing};
use super::error::{Doing as _, opening};
use super::schema::known_schema;

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub check: &'static str,
    pub ok: bool,
    /// What is wrong, or what was checked.
    pub detail: String,
}

/// The invariants of the record, each with the query that finds the rows that violate it. The queries use only columns
/// of the first schema, so that a backup of any version can be checked.
const INVARIANTS: &[(&str, &str)] = &[
    (
        "an armed post has its call under way",
        "SELECT id FROM posts WHERE state = 'armed'
             AND NOT EXISTS (SELECT 1 FROM attempts WHERE post_id = posts.id AND outcome = 'under_way')",
    ),
    (
        "a call under way has its armed post",
        "SELECT post_id FROM attempts WHERE outcome = 'under_way'
             AND (SELECT state FROM posts WHERE id = post_id) <> 'armed'",
    ),
    (
        "a slot has at most one post that was sent or may have been",
        "SELECT min(posts.id) FROM posts JOIN rounds ON rounds.id = posts.id
             WHERE rounds.slot_kind = 'scheduled' AND posts.state IN ('armed', 'sent', 'unknown')
             GROUP BY rounds.slot HAVING count(*) > 1",
    ),
    ("a sent post has its id", "SELECT id FROM posts WHERE state = 'sent' AND (tweet_id IS NULL OR sent_at IS NULL)"),
    (
        "a tweet's id belongs to only one post",
        "SELECT min(id) FROM posts WHERE tweet_id IS NOT NULL GROUP BY tweet_id HAVING count(*) > 1",
    ),
    (
        "a post belongs to a round that chose a candidate",
        "SELECT posts.id FROM posts LEFT JOIN rounds ON rounds.id = posts.id
             WHERE rounds.outcome IS NULL OR rounds.outcome <> 'chosen'",
    ),
    (
        "a round that chose a candidate led to a post",
        "SELECT id FROM rounds WHERE outcome = 'chosen' AND NOT EXISTS (SELECT 1 FROM posts WHERE posts.id = rounds.id)",
    ),
    (
        "a post's text is that of its chosen candidate",
        "SELECT posts.id FROM posts LEFT JOIN candidates
             ON candidates.round_id = posts.id AND candidates.position = posts.candidate_position
             WHERE candidates.chosen IS NOT 1",
    ),
];

/// Checks the database at `path`; this works even while a daemon uses it. Changes nothing.
///
/// # Errors
/// If there is no readable database of ours; what is wrong inside one is a finding.
pub async fn check(path: &Path) -> Result<Vec<Finding>, StoreError> {
    require_existing(path)?;
    let options = connect_options(path).read_only(true);
    let mut connection = options.connect().await.map_err(|source| opening(path, source))?;
    let schema = examine_connection(path, &mut connection, Health::Checked).await?;
    let mut found = vec![Finding { check: "schema", ok: true, detail: format!("version {schema}") }];
    found.extend(findings(&mut connection).await?);
    connection.close().await.map_err(|source| opening(path, source))?;
    Ok(found)
}

/// Checks whether the database at `path` could be written to now: begins a write and rolls it back.
///
/// # Errors
/// [`StoreError::Missing`], [`StoreError::Older`], or the reason why it cannot be written.
pub async fn try_write(path: &Path) -> Result<(), StoreError> {
    const DOING: &str = "write to the database";
    require_existing(path)?;
    let mut connection = connect_options(path).connect().await.map_err(|source| opening(path, source))?;
    let (found, known) = (examine_connection(path, &mut connection, Health::Assumed).await?, known_schema());
    if found < known {
        return Err(StoreError::Older { path: path.to_owned(), found, known });
    }
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.doing(DOING)?;
    let written = sqlx::query("UPDATE lease SET holder = holder").execute(&mut *transaction).await.doing(DOING);
    transaction.rollback().await.doing(DOING)?;
    connection.close().await.doing(DOING)?;
    written.map(drop)
}

/// Runs every check on an open connection, in one read transaction.
pub(super) async fn findings(connection: &mut SqliteConnection) -> Result<Vec<Finding>, StoreError> {
    const DOING: &str = "check the database";
    let mut transaction = connection.begin().await.doing(DOING)?;
    let mut found = Vec::new();
    let health: Vec<String> =
        sqlx::query_scalar("PRAGMA integrity_check(10)").fetch_all(&mut *transaction).await.doing(DOING)?;
    let ok = health == ["ok"];
    let detail = if ok { "every page and index".to_owned() } else { health.join("; ") };
    found.push(Finding { check: "integrity", ok, detail });
    let strays = sqlx::query("PRAGMA foreign_key_check").fetch_all(&mut *transaction).await.doing(DOING)?;
    let of = |row: &sqlx::sqlite::SqliteRow| row.try_get::<String, _>(0).unwrap_or_default();
    let detail = strays.first().map_or_else(
        || "every reference has a target".to_owned(),
        |row| match strays.len() {
            1 => format!("1 row of {} refers to a missing row", of(row)),
            rows => format!("{rows} rows refer to a missing row, the first in {}", of(row)),
        },
    );
    found.push(Finding { check: "foreign keys", ok: strays.is_empty(), detail });
    for (check, query) in INVARIANTS {
        let wrong: Vec<i64> = sqlx::query_scalar(*query).fetch_all(&mut *transaction).await.doing(DOING)?;
        let numbers: Vec<String> = wrong.iter().take(5).map(i64::to_string).collect();
        let detail = match wrong.len() {
            0 => "holds".to_owned(),
            1 => format!("violated by 1 row, {}", numbers.join(", ")),
            count => format!("violated by {count} rows, among them {}", numbers.join(", ")),
        };
        found.push(Finding { check, ok: wrong.is_empty(), detail });
    }
    transaction.rollback().await.doing(DOING)?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestStore, at, plain_connection};

    async fn wrong(test: &TestStore) -> Vec<&'static str> {
        let found = check(test.store.path()).await.unwrap();
        found.into_iter().filter(|finding| !finding.ok).map(|finding| finding.check).collect()
    }

    #[tokio::test]
    async fn a_sound_record_passes_and_each_lie_in_it_is_found_by_name() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let post = test.approved("El mercado abre temprano.", now).await;
        assert_eq!(wrong(&test).await, [""; 0]);
        let mut past = plain_connection(test.store.path()).await;
        let set = |state: &str| format!("UPDATE posts SET state = '{state}' WHERE id = {post}");
        let attempt = format!(
            "INSERT INTO attempts (post_id, started_at, outcome, price_micros)
             VALUES ({post}, '2026-03-01T14:00:00.000Z', 'under_way', 1)"
        );
        let steps = [
            (set("armed"), vec!["an armed post has its call under way"]),
            (attempt, vec![]),
            (set("refused"), vec!["a call under way has its armed post"]),
            ("DELETE FROM attempts".to_owned(), vec![]),
            (
                "UPDATE rounds SET outcome = 'failed'".to_owned(),
                vec!["a post belongs to a round that chose a candidate"],
            ),
            ("UPDATE rounds SET outcome = 'chosen'".to_owned(), vec![]),
            ("UPDATE candidates SET chosen = 0".to_owned(), vec!["a post's text is that of its chosen candidate"]),
            ("PRAGMA foreign_keys = OFF".to_owned(), vec!["a post's text is that of its chosen candidate"]),
            ("DELETE FROM posts".to_owned(), vec!["a round that chose a candidate led to a post"]),
            ("DELETE FROM rounds".to_owned(), vec!["foreign keys"]),
        ];
        for (step, expected) in steps {
            sqlx::query(sqlx::AssertSqlSafe(step.clone())).execute(&mut past).await.unwrap();
            assert_eq!(wrong(&test).await, expected, "{step}");
        }
    }
}

//! The schema's migrations, and how a database is migrated. A released migration is never edited.

use std::path::Path;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{SqlSafeStr as _, SqlitePool};

use super::StoreError;
use super::error::opening;

/// Version, name, SQL.
pub(super) const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "rounds and posts", include_str!("../../../migrations/0001_rounds_and_posts.sql")),
    (2, "outbox", include_str!("../../../migrations/0002_outbox.sql")),
    (3, "lease and alerts", include_str!("../../../migrations/0003_lease_and_alerts.sql")),
    (
        20_261_129_193_000,
        "posts keep their origin",
        include_str!("../../../migrations/20261129193000_posts_keep_their_origin.sql"),
    ),
    (
        20_261_129_193_100,
        "candidates in a rowid table",
        include_str!("../../../migrations/20261129193100_candidates_in_a_rowid_table.sql"),
    ),
    (
        20_261_130_003_000,
        "what candidates are ranked by",
        include_str!("../../../migrations/20261130003000_what_candidates_are_ranked_by.sql"),
    ),
    (20_261_130_080_000, "audit", include_str!("../../../migrations/20261130080000_audit.sql")),
    (20_261_130_081_000, "review", include_str!("../../../migrations/20261130081000_review.sql")),
    (20_261_130_082_000, "history", include_str!("../../../migrations/20261130082000_history.sql")),
    (20_261_130_083_000, "users of the page", include_str!("../../../migrations/20261130083000_users.sql")),
    (20_261_130_111_000, "stand-ins", include_str!("../../../migrations/20261130111000_stand_ins.sql")),
];

pub(super) async fn migrate(path: &Path, writer: &SqlitePool) -> Result<(), StoreError> {
    run_migrations(path, writer, MIGRATIONS).await
}

async fn run_migrations(
    path: &Path,
    writer: &SqlitePool,
    steps: &[(i64, &str, &'static str)],
) -> Result<(), StoreError> {
    let steps = steps
        .iter()
        .map(|&(version, name, sql)| {
            Migration::new(version, name.to_owned().into(), MigrationType::Simple, sql.into_sql_str(), false)
        })
        .collect();
    Migrator::with_migrations(steps).run(writer).await.map_err(|source| match source {
        MigrateError::Execute(source) => opening(path, source),
        source => StoreError::Migration { path: path.to_owned(), source },
    })
}

/// Returns the newest schema that this program knows.
pub(super) fn known_schema() -> i64 {
    MIGRATIONS.iter().map(|&(version, ..)| version).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;
    use crate::connection::connect_options;
    use crate::testing::{plain_connection, scratch};

    #[tokio::test]
    async fn an_older_schema_is_backed_up_and_then_brought_up_to_date() {
        let folder = scratch();
        let path = folder.path().join("pregonero.db");
        let pool = SqlitePool::connect_with(connect_options(&path).create_if_missing(true)).await.unwrap();
        run_migrations(&path, &pool, &MIGRATIONS[..1]).await.unwrap();
        sqlx::query("INSERT INTO rounds (slot, slot_kind, started_at, finished_at, outcome) VALUES ('a', 'manual', 'b', 'c', 'failed')")
            .execute(&pool)
            .await
            .unwrap();
        pool.close().await;
        let error = Store::open_read_only(&path).await.unwrap_err();
        assert!(matches!(error, StoreError::Older { found: 1, .. }), "{error:?}");

        let commands = [Store::open_existing(&path).await, Store::open_for_halts(&path).await];
        assert!(
            commands.iter().all(|opened| matches!(opened, Err(StoreError::Older { found: 1, .. }))),
            "{commands:?}"
        );
        let store = Store::open(&path).await.unwrap();
        let rounds: i64 = sqlx::query_scalar("SELECT count(*) FROM rounds").fetch_one(store.readers()).await.unwrap();
        assert_eq!(rounds, 1);
        let mut kept = plain_connection(&folder.path().join("pregonero.db.schema-1.backup")).await;
        let version: i64 =
            sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations").fetch_one(&mut kept).await.unwrap();
        assert_eq!(version, 1);
    }

    #[tokio::test]
    async fn a_command_migrates_nothing_and_pauses_an_older_schema_as_it_is() {
        let folder = scratch();
        let path = folder.path().join("pregonero.db");
        let pool = SqlitePool::connect_with(connect_options(&path).create_if_missing(true)).await.unwrap();
        run_migrations(&path, &pool, &MIGRATIONS[..2]).await.unwrap();
        pool.close().await;
        let error = Store::open_existing(&path).await.unwrap_err();
        assert!(matches!(error, StoreError::Older { found: 2, .. }), "{error:?}");
        let store = Store::open_for_halts(&path).await.unwrap();
        let now = crate::testing::at("2026-03-01T14:00:00Z");
        assert!(store.pause("ana", "an older daemon runs", now).await.unwrap());
        assert_eq!(store.resume("ana", now).await.unwrap().ended.len(), 1);
        store.close().await;
        let mut plain = plain_connection(&path).await;
        let version: i64 =
            sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations").fetch_one(&mut plain).await.unwrap();
        assert_eq!(version, 2, "the running daemon goes on with the schema that it knows");
    }
}

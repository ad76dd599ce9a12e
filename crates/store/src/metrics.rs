//! What is measured for Prometheus, besides the statistics: counts over the whole record, and single values of the rounds
//! since an instant.

use jiff::Timestamp;
use sqlx::Row as _;

use super::columns::{instant, stored, word};
use super::error::Doing as _;
use super::{PostState, Store, StoreError};

const DOING: &str = "measure the record";

/// A round that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasuredRound {
    /// From its beginning to its choice: generation and judging.
    pub seconds: f64,
    /// The score of the candidate that became a post.
    pub score: Option<f64>,
}

impl Store {
    /// Returns how many posts are in each state; states without a post are left out.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn posts_by_state(&self) -> Result<Vec<(PostState, i64)>, StoreError> {
        let rows = sqlx::query("SELECT state, count(*) AS posts FROM posts GROUP BY state")
            .fetch_all(self.readers())
            .await
            .doing(DOING)?;
        let read = |row| Ok((word(row, "state", PostState::from_word)?, row.try_get("posts")?));
        rows.iter().map(read).collect::<Result<_, sqlx::Error>>().doing(DOING)
    }

    /// Returns the rounds that began since `since` and chose a candidate or found none.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn measured_rounds(&self, since: Timestamp) -> Result<Vec<MeasuredRound>, StoreError> {
        let rows = sqlx::query(
            "SELECT started_at, finished_at, score FROM rounds LEFT JOIN tallies ON tallies.round_id = rounds.id
             WHERE rounds.id > (SELECT coalesce(max(id), 0) FROM rounds WHERE started_at < ?)
                 AND finished_at IS NOT NULL AND outcome IN ('chosen', 'no_candidate')",
        )
        .bind(stored(since))
        .fetch_all(self.readers())
        .await
        .doing(DOING)?;
        let read = |row| {
            let took = instant(row, "finished_at")?.duration_since(instant(row, "started_at")?);
            Ok(MeasuredRound { seconds: took.as_secs_f64(), score: row.try_get("score")? })
        };
        rows.iter().map(read).collect::<Result<_, sqlx::Error>>().doing(DOING)
    }

    /// Returns X's clock minus ours at the latest call that knew it, in seconds.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn clock_skew(&self) -> Result<Option<i64>, StoreError> {
        sqlx::query_scalar(
            "SELECT clock_skew_seconds FROM attempts WHERE clock_skew_seconds IS NOT NULL ORDER BY id DESC LIMIT 1",
        )
        .fetch_optional(self.readers())
        .await
        .doing(DOING)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestStore, at};

    #[tokio::test]
    async fn posts_are_counted_by_state_and_rounds_measured_since_an_instant() {
        let test = TestStore::open().await;
        let (noon, one) = (at("2026-03-01T12:00:00Z"), at("2026-03-01T13:00:00Z"));
        test.held("Una feria en la plaza.", noon).await;
        test.held("El mercado abre temprano.", one).await;
        test.approved("Llegan libros.", one).await;
        let counted = test.store.posts_by_state().await.unwrap();
        assert_eq!(counted, [(PostState::Approved, 1), (PostState::Held, 2)]);
        assert_eq!(test.store.measured_rounds(one).await.unwrap().len(), 2);
        let all = test.store.measured_rounds(Timestamp::UNIX_EPOCH).await.unwrap();
        assert_eq!((all.len(), all[0].score), (3, Some(0.75)));
        assert_eq!(test.store.clock_skew().await.unwrap(), None);
    }
}

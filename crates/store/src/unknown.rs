//! The posts of unknown outcome: when to look for them, and how they are settled.
//!
//! How a post enters and leaves this state is in [`super::transitions`].

use jiff::Timestamp;
use serde_json::json;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row as _};

use super::columns::{instant, stored};
use super::error::Doing as _;
use super::ledger::{self, Entry, Row};
use super::reads::{NewRead, record_read};
use super::transitions::{leave_unknown, record_sent, record_trouble, transition};
use super::{AttemptId, PostId, PostState, ReadOutcome, RecordKind, Store, StoreError};

/// A post that is looked for.
#[derive(Debug, Clone)]
pub struct UnknownPost {
    pub post: PostId,
    pub since: Timestamp,
    /// How often the timeline was read.
    pub looks: i64,
    /// How often it could not be read.
    pub failed_looks: i64,
    /// The account it was made for, if that is on record.
    pub account: Option<String>,
}

impl FromRow<'_, SqliteRow> for UnknownPost {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            post: PostId::new(row.try_get("id")?),
            since: instant(row, "unknown_since")?,
            looks: row.try_get("looks")?,
            failed_looks: row.try_get("failed_looks")?,
            account: row.try_get("account")?,
        })
    }
}

/// A call that posted or may have posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MayHavePosted {
    pub attempt: AttemptId,
    pub post: PostId,
    pub text: String,
    pub started_at: Timestamp,
    /// X's clock minus ours at that time, if it was known.
    pub clock_skew_seconds: Option<i64>,
    /// Whether its outcome is unknown.
    pub unknown: bool,
}

impl FromRow<'_, SqliteRow> for MayHavePosted {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            attempt: AttemptId::new(row.try_get("id")?),
            post: PostId::new(row.try_get("post_id")?),
            text: row.try_get("text")?,
            started_at: instant(row, "started_at")?,
            clock_skew_seconds: row.try_get("clock_skew_seconds")?,
            unknown: row.try_get("unknown")?,
        })
    }
}

/// What happens to a post that is certainly not on the timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Absence {
    /// It goes out once more.
    Repost,
    /// It ends, with this reason.
    Refuse(String),
}

impl Store {
    /// Returns posts of unknown outcome that are due to be looked for, the oldest first.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn unknown_due(&self, now: Timestamp) -> Result<Vec<UnknownPost>, StoreError> {
        sqlx::query_as(
            "SELECT id, coalesce(unknown_since, created_at) AS unknown_since, looks, failed_looks, account FROM posts
             WHERE state = 'unknown' AND (look_at IS NULL OR look_at <= ?) ORDER BY id",
        )
        .bind(stored(now))
        .fetch_all(self.readers())
        .await
        .doing("read the posts of unknown outcome")
    }

    /// Returns posts whose outcome has been unknown since `before` or longer.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn unsettled_since(&self, before: Timestamp) -> Result<Vec<PostId>, StoreError> {
        let posts: Vec<i64> = sqlx::query_scalar(
            "SELECT id FROM posts WHERE state = 'unknown' AND coalesce(unknown_since, created_at) <= ? ORDER BY id",
        )
        .bind(stored(before))
        .fetch_all(self.readers())
        .await
        .doing("read the posts of unknown outcome")?;
        Ok(posts.into_iter().map(PostId::new).collect())
    }

    /// Returns every call that posted or may have posted the text of one of `post`'s calls, the oldest first.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn calls_with_text_of(&self, post: PostId) -> Result<Vec<MayHavePosted>, StoreError> {
        sqlx::query_as(
            "SELECT id, post_id, text, started_at, clock_skew_seconds, outcome = 'unknown' AS unknown FROM attempts
             WHERE outcome IN ('under_way', 'sent', 'unknown')
               AND text IN (SELECT text FROM attempts WHERE post_id = ? AND outcome = 'unknown')
             ORDER BY id",
        )
        .bind(post.get())
        .fetch_all(self.readers())
        .await
        .doing("read the attempts")
    }

    /// Returns those of `tweet_ids` that already belong to posts on record.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn recorded_tweets(&self, tweet_ids: &[&str]) -> Result<Vec<String>, StoreError> {
        sqlx::query_scalar("SELECT tweet_id FROM posts WHERE tweet_id IN (SELECT value FROM json_each(?))")
            .bind(sqlx::types::Json(tweet_ids))
            .fetch_all(self.readers())
            .await
            .doing("read the posted tweets")
    }

    /// Returns whether X has called `text` a duplicate since `since`: then X has it.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn called_a_duplicate(&self, text: &str, since: Timestamp) -> Result<bool, StoreError> {
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM attempts WHERE kind = 'duplicate' AND text = ? AND started_at >= ?)",
        )
        .bind(text)
        .bind(stored(since))
        .fetch_one(self.readers())
        .await
        .doing("read the attempts")
    }

    /// Returns whether a backup in which this post was open has taken the record's place since.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn was_restored(&self, post: PostId) -> Result<bool, StoreError> {
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM posts WHERE id = ? AND restored_at IS NOT NULL)")
            .bind(post.get())
            .fetch_one(self.readers())
            .await
            .doing("read the post")
    }

    /// Records that the timeline shows the tweet of `call`, created at `created_at`: its post is sent.
    ///
    /// # Errors
    /// [`StoreError::StateConflict`] if it was settled meanwhile, or if the database cannot be written.
    pub async fn settle_found(
        &self,
        call: &MayHavePosted,
        tweet_id: &str,
        created_at: Timestamp,
        read: &NewRead,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        record_read(&mut transaction, read, now).await?;
        record_sent(&mut transaction, call.post, tweet_id, created_at).await?;
        transition(&mut transaction, call.post, PostState::Unknown, PostState::Sent).await?;
        leave_unknown(&mut transaction, call.post).await?;
        sqlx::query("UPDATE attempts SET outcome = 'sent' WHERE id = ?")
            .bind(call.attempt.get())
            .execute(&mut *transaction)
            .await
            .doing("record that a post was found")?;
        let entry = Entry {
            kind: RecordKind::Settled,
            by: None,
            subject: Some(call.post.get()),
            body: json!({"state": PostState::Sent, "tweet_id": tweet_id, "text": call.text}),
            rows: &[Row::Post(call.post.get()), Row::Attempt(call.attempt.get())],
        };
        ledger::append(&mut transaction, entry, now).await?;
        transaction.commit().await.doing("record that a post was found")
    }

    /// Records that the post is certainly not on the timeline.
    ///
    /// # Errors
    /// As [`Self::settle_found`].
    pub async fn settle_absent(
        &self,
        post: PostId,
        absence: &Absence,
        read: &NewRead,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        record_read(&mut transaction, read, now).await?;
        let (next, words) = match absence {
            Absence::Repost => (PostState::Approved, "X did not publish it at the first try; it goes out once more"),
            Absence::Refuse(reason) => (PostState::Refused, reason.as_str()),
        };
        transition(&mut transaction, post, PostState::Unknown, next).await?;
        leave_unknown(&mut transaction, post).await?;
        record_trouble(&mut transaction, post, words).await?;
        let entry = Entry {
            kind: RecordKind::Settled,
            by: None,
            subject: Some(post.get()),
            body: json!({"state": next, "reason": words}),
            rows: &[Row::Post(post.get())],
        };
        ledger::append(&mut transaction, entry, now).await?;
        transaction.commit().await.doing("record that a post is absent")
    }

    /// Records that nothing is known yet: the timeline is read again at `look_at`. `read` is absent if it was not read
    /// now.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn look_later(
        &self,
        post: PostId,
        look_at: Timestamp,
        read: Option<&NewRead>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        if let Some(read) = read {
            record_read(&mut transaction, read, now).await?;
        }
        // A read that failed proves nothing, so it does not count towards an absence.
        let (read_well, failed) = read
            .map_or((false, false), |read| (read.outcome != ReadOutcome::Failed, read.outcome == ReadOutcome::Failed));
        sqlx::query(
            "UPDATE posts SET looks = looks + ?, failed_looks = failed_looks + ?, look_at = ?
             WHERE id = ? AND state = 'unknown'",
        )
        .bind(read_well)
        .bind(failed)
        .bind(stored(look_at))
        .bind(post.get())
        .execute(&mut *transaction)
        .await
        .doing("record when to look again")?;
        transaction.commit().await.doing("record when to look again")
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Connection as _;

    use crate::testing::{TestStore, at, plain_connection, scratch};

    const FIRST_SCHEMA: &str = include_str!("../../../migrations/0001_rounds_and_posts.sql");
    const THIS_SCHEMA: &str = include_str!("../../../migrations/0002_outbox.sql");

    #[tokio::test]
    async fn a_post_that_was_unknown_before_there_was_a_search_is_looked_for_with_its_text_and_time() {
        let folder = scratch();
        let path = folder.path().join("old.db");
        std::fs::File::create(&path).unwrap();
        let mut connection = plain_connection(&path).await;
        let rows = "INSERT INTO rounds (id, slot, slot_kind, started_at, finished_at, outcome)
                VALUES (1, 'a', 'manual', '2026-03-01T12:00:00.000Z', '2026-03-01T12:00:00.000Z', 'chosen');
             INSERT INTO candidates VALUES (1, 0, 'Hoy', 'Hoy', '', '[]', 1, '7', 'end_of_text', 3, '{}', 0.5, '[]', 'pass', 1);
             INSERT INTO posts (id, candidate_position, text, weighted_length, state, created_at, expires_at)
                VALUES (1, 0, 'Hoy', 3, 'unknown', '2026-03-01T12:00:00.000Z', '2026-03-03T12:00:00.000Z');
             INSERT INTO attempts (post_id, started_at, finished_at, outcome, price_micros)
                VALUES (1, '2026-03-01T12:00:01.000Z', '2026-03-01T12:00:02.000Z', 'not_sent', 15000),
                       (1, '2026-03-01T12:05:00.000Z', '2026-03-01T12:06:00.000Z', 'unknown', 15000)";
        for sql in [FIRST_SCHEMA, rows, THIS_SCHEMA] {
            sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        }
        let post: (String, i64, String) =
            sqlx::query_as("SELECT unknown_since, looks, look_at FROM posts").fetch_one(&mut connection).await.unwrap();
        let now = "2026-03-01T12:06:00.000Z";
        assert_eq!(post, (now.to_owned(), 0, "2026-03-01T12:00:00.000Z".to_owned()), "it is due at once");
        let calls: Vec<(i64, String, i64)> =
            sqlx::query_as("SELECT number, text, weighted_length FROM attempts ORDER BY id")
                .fetch_all(&mut connection)
                .await
                .unwrap();
        assert_eq!(calls, [(1, "Hoy".to_owned(), 3), (2, "Hoy".to_owned(), 3)]);
        connection.close().await.unwrap();
    }

    #[tokio::test]
    async fn a_post_is_due_at_its_time_and_is_unsettled_when_it_stays_unknown() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T12:00:00Z");
        let post = test.approved("Hoy", now).await;
        let since = crate::SpentSince { day: now, month: now };
        test.store.arm(post, None, since, now, |_, _| Ok(1)).await.unwrap();
        let look_at = at("2026-03-01T12:00:15Z");
        test.store.recover_armed(look_at, now).await.unwrap();
        assert!(test.store.unknown_due(at("2026-03-01T12:00:14Z")).await.unwrap().is_empty());
        let due = test.store.unknown_due(look_at).await.unwrap();
        assert_eq!((due[0].post, due[0].since, due[0].looks), (post, now, 0));
        assert_eq!(test.store.unsettled_since(at("2026-03-01T11:59:59Z")).await.unwrap(), []);
        assert_eq!(test.store.unsettled_since(now).await.unwrap(), [post]);
    }
}

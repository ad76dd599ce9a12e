//! What people did with the tweets, as a time series: likes, reposts, replies, quotes, views.
//!
//! A reading leaves a row only where a number has changed, so that a quiet post costs nothing. The latest numbers are also
//! in `tallies`, for lists and statistics.

use jiff::Timestamp;
use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row as _};

use super::columns::{instant, stored};
use super::error::Doing as _;
use super::reads::{NewRead, record_read};
use super::{PostId, Store, StoreError};

/// The numbers of one tweet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Engagement {
    pub likes: i64,
    pub reposts: i64,
    pub replies: i64,
    pub quotes: i64,
    /// How often it was shown; X does not always say it.
    pub views: Option<i64>,
}

impl Engagement {
    /// Reads it from the five columns; `None` if nothing was read yet.
    pub(super) fn of_row(row: &SqliteRow) -> Result<Option<Self>, sqlx::Error> {
        let (likes, reposts): (Option<i64>, Option<i64>) = (row.try_get("likes")?, row.try_get("reposts")?);
        let (replies, quotes): (Option<i64>, Option<i64>) = (row.try_get("replies")?, row.try_get("quotes")?);
        let views = row.try_get("views")?;
        Ok(match (likes, reposts, replies, quotes) {
            (Some(likes), Some(reposts), Some(replies), Some(quotes)) => {
                Some(Self { likes, reposts, replies, quotes, views })
            }
            _ => None,
        })
    }
}

/// The numbers from one instant on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Reading {
    pub read_at: Timestamp,
    #[serde(flatten)]
    pub counts: Engagement,
}

impl FromRow<'_, SqliteRow> for Reading {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let counts = Engagement::of_row(row)?.ok_or(sqlx::Error::ColumnNotFound("likes".to_owned()))?;
        Ok(Self { read_at: instant(row, "read_at")?, counts })
    }
}

/// A sent post whose numbers are to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    pub post: PostId,
    pub tweet_id: String,
    pub sent_at: Timestamp,
    /// Whether the timeline did not show it last time.
    pub gone: bool,
}

impl FromRow<'_, SqliteRow> for Measured {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let (post, tweet_id) = (PostId::new(row.try_get("id")?), row.try_get("tweet_id")?);
        Ok(Self { post, tweet_id, sent_at: instant(row, "sent_at")?, gone: row.try_get("gone")? })
    }
}

impl Store {
    /// Returns the time series of a post, the oldest reading first.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn engagement(&self, post: PostId) -> Result<Vec<Reading>, StoreError> {
        sqlx::query_as(
            "SELECT read_at, likes, reposts, replies, quotes, views FROM engagement WHERE post_id = ? ORDER BY read_at",
        )
        .bind(post.get())
        .fetch_all(self.readers())
        .await
        .doing("read the engagement")
    }

    /// Returns the posts of `account` sent since `since`, the oldest first.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn posts_to_measure(&self, account: &str, since: Timestamp) -> Result<Vec<Measured>, StoreError> {
        sqlx::query_as(
            "SELECT id, tweet_id, sent_at, gone_at IS NOT NULL AS gone FROM posts
             WHERE state = 'sent' AND sent_at >= ? AND lower(account) = lower(?) ORDER BY id",
        )
        .bind(stored(since))
        .bind(account)
        .fetch_all(self.readers())
        .await
        .doing("look for posts to measure")
    }

    /// Returns when the engagement was last read, with whatever result.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn last_measured(&self) -> Result<Option<Timestamp>, StoreError> {
        const DOING: &str = "look for the last reading of the engagement";
        let row = sqlx::query("SELECT made_at FROM reads WHERE what = 'metrics' ORDER BY made_at DESC LIMIT 1")
            .fetch_optional(self.readers())
            .await
            .doing(DOING)?;
        row.map(|row| instant(&row, "made_at")).transpose().doing(DOING)
    }

    /// Records a reading of the timeline: the numbers of each post that it showed, and the posts that it did not show.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn record_engagement(
        &self,
        counts: &[(PostId, Engagement)],
        gone: &[PostId],
        read: &NewRead,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const DOING: &str = "record the engagement";
        let mut transaction = self.begin().await?;
        record_read(&mut transaction, read, now).await?;
        for (post, _) in counts {
            // X did not show it for a while.
            sqlx::query("UPDATE posts SET gone_at = NULL WHERE id = ? AND gone_at IS NOT NULL")
                .bind(post.get())
                .execute(&mut *transaction)
                .await
                .doing(DOING)?;
        }
        for (post, Engagement { likes, reposts, replies, quotes, views }) in counts {
            let changed = sqlx::query(
                "UPDATE tallies SET likes = ?2, reposts = ?3, replies = ?4, quotes = ?5, views = coalesce(?6, views)
                 WHERE round_id = ?1 AND (likes, reposts, replies, quotes, views)
                     IS NOT (?2, ?3, ?4, ?5, coalesce(?6, views))",
            )
            .bind(post.get())
            .bind(likes)
            .bind(reposts)
            .bind(replies)
            .bind(quotes)
            .bind(views)
            .execute(&mut *transaction)
            .await
            .doing(DOING)?;
            if changed.rows_affected() == 0 {
                continue;
            }
            sqlx::query(
                "INSERT OR REPLACE INTO engagement (post_id, read_at, likes, reposts, replies, quotes, views)
                 SELECT round_id, ?2, likes, reposts, replies, quotes, views FROM tallies WHERE round_id = ?1",
            )
            .bind(post.get())
            .bind(stored(now))
            .execute(&mut *transaction)
            .await
            .doing(DOING)?;
        }
        for post in gone {
            sqlx::query("UPDATE posts SET gone_at = ? WHERE id = ? AND gone_at IS NULL")
                .bind(stored(now))
                .bind(post.get())
                .execute(&mut *transaction)
                .await
                .doing(DOING)?;
        }
        transaction.commit().await.doing(DOING)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestStore, at};
    use crate::{CallDetail, CallEnd, ReadKind, ReadOutcome, Settlement, SpentSince, StatsBy, StatsQuery};

    fn read() -> NewRead {
        NewRead {
            what: ReadKind::Metrics,
            post: None,
            outcome: ReadOutcome::Found,
            items: 2,
            price_micros: 2_000,
            detail: CallDetail::default(),
            windows: Vec::new(),
        }
    }

    async fn sent(test: &TestStore, id: &str, now: Timestamp) -> PostId {
        let post = test.approved("texto", now).await;
        let since = SpentSince { day: now, month: now };
        let armed = test.store.arm(post, None, since, now, |_, _| Ok(15_000)).await.unwrap();
        let end = CallEnd::Sent { tweet_id: id.to_owned(), detail: CallDetail::default() };
        test.store.settle(&armed, &Settlement { end, windows: Vec::new(), halt: None }, now).await.unwrap();
        post
    }

    #[tokio::test]
    async fn a_reading_leaves_a_row_where_a_number_changed_and_costs_what_x_charged() {
        let test = TestStore::open().await;
        let hour = |hour: i32| at(&format!("2026-03-01T{hour:02}:00:00Z"));
        let (one, two) = (sent(&test, "1", hour(8)).await, sent(&test, "2", hour(9)).await);
        let to_measure = test.store.posts_to_measure("PRUEBA", hour(9)).await.unwrap();
        assert_eq!(to_measure, [Measured { post: two, tweet_id: "2".to_owned(), sent_at: hour(9), gone: false }]);
        assert_eq!(test.store.posts_to_measure("otra", hour(0)).await.unwrap(), []);
        assert_eq!(test.store.last_measured().await.unwrap(), None);

        let counts = |likes, views| Engagement { likes, reposts: 1, replies: 0, quotes: 0, views };
        let readings = [
            (hour(10), counts(0, Some(10))),
            (hour(11), counts(0, Some(10))),
            (hour(12), counts(3, None)),
            (hour(13), counts(2, Some(50))),
        ];
        for (now, counts) in readings {
            let both = [(one, counts), (two, Engagement { likes: 7, ..counts })];
            test.store.record_engagement(&both, &[], &read(), now).await.unwrap();
        }
        let series = test.store.engagement(one).await.unwrap();
        let series: Vec<_> = series.iter().map(|one| (one.read_at, one.counts.likes, one.counts.views)).collect();
        assert_eq!(series, [(hour(10), 0, Some(10)), (hour(12), 3, Some(10)), (hour(13), 2, Some(50))]);
        assert_eq!(test.store.last_measured().await.unwrap(), Some(hour(13)));
        test.store.record_engagement(&[], &[two], &read(), hour(14)).await.unwrap();
        let listed = test.store.history(10).await.unwrap();
        assert_eq!((listed[0].gone_at, listed[1].gone_at), (Some(hour(14)), None));
        assert_eq!(listed[1].engagement, Some(counts(2, Some(50))));
        let gone = |all: Vec<Measured>| all.iter().map(|post| post.gone).collect::<Vec<_>>();
        assert_eq!(gone(test.store.posts_to_measure("prueba", hour(0)).await.unwrap()), [false, true]);
        test.store.record_engagement(&[(two, counts(7, None))], &[], &read(), hour(15)).await.unwrap();
        assert_eq!(gone(test.store.posts_to_measure("prueba", hour(0)).await.unwrap()), [false, false], "it is back");
        let spent = test.store.spent(SpentSince { day: hour(0), month: hour(0) }).await.unwrap();
        assert_eq!(spent.micros_this_month, 2 * 15_000 + 6 * 2_000);
        let query = StatsQuery { by: StatsBy::Total, zone: jiff::tz::TimeZone::UTC, since: None, until: None };
        let row = test.store.stats(&query).await.unwrap().remove(0);
        assert_eq!((row.measured, row.likes, row.views), (2, 9, 100));
    }
}

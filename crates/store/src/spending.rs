//! What was used of the budget, according to the record of calls and reads.

use jiff::Timestamp;
use sqlx::{Row as _, SqliteConnection};

use super::columns::{instant_or_none, stored};
use super::error::Doing as _;
use super::{Store, StoreError};

/// From when the budget's day and month count.
#[derive(Debug, Clone, Copy)]
pub struct SpentSince {
    pub day: Timestamp,
    pub month: Timestamp,
}

/// What was used of the budget: every call that posted or may have posted, and what was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent {
    pub posts_today: i64,
    pub posts_this_month: i64,
    /// Posts and reads together.
    pub micros_this_month: i64,
    /// When the last call that posted or may have posted began.
    pub last_post: Option<Timestamp>,
}

impl Store {
    /// Returns what was used of the budget.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn spent(&self, since: SpentSince) -> Result<Spent, StoreError> {
        let mut connection = self.readers().acquire().await.doing("read what was spent")?;
        spent(&mut connection, since).await
    }
}

pub(super) async fn spent(connection: &mut SqliteConnection, since: SpentSince) -> Result<Spent, StoreError> {
    let row = sqlx::query(
        "SELECT coalesce(sum(started_at >= ?1), 0) AS today, count(*) AS month,
             coalesce(sum(price_micros), 0)
                 + (SELECT coalesce(sum(price_micros), 0) FROM reads WHERE made_at >= ?2) AS micros,
             (SELECT max(started_at) FROM attempts WHERE outcome IN ('under_way', 'sent', 'unknown')) AS last_post
         FROM attempts WHERE outcome IN ('under_way', 'sent', 'unknown') AND started_at >= ?2",
    )
    .bind(stored(since.day))
    .bind(stored(since.month))
    .fetch_one(connection)
    .await
    .doing("read what was spent")?;
    let read = || {
        Ok(Spent {
            posts_today: row.try_get("today")?,
            posts_this_month: row.try_get("month")?,
            micros_this_month: row.try_get("micros")?,
            last_post: instant_or_none(&row, "last_post")?,
        })
    };
    read().doing("read what was spent")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestStore, at};
    use crate::{AttemptOutcome, CallDetail, CallEnd, Settlement};

    #[tokio::test]
    async fn what_was_spent_counts_calls_that_posted_or_may_have() {
        let test = TestStore::open().await;
        let sent = |id: &str| CallEnd::Sent { tweet_id: id.to_owned(), detail: CallDetail::default() };
        let (yesterday, today) = (at("2026-03-01T14:00:00Z"), at("2026-03-02T14:00:00Z"));
        let refused = CallEnd::Refused { detail: CallDetail::default(), error: "no".to_owned() };
        let unknown = CallEnd::Unknown {
            outcome: AttemptOutcome::Unknown,
            detail: CallDetail::default(),
            error: "timeout".to_owned(),
            look_at: today,
        };
        for (when, end) in [(yesterday, sent("1")), (today, unknown), (today, sent("2")), (today, refused)] {
            let id = test.approved("texto", when).await;
            let since = SpentSince { day: when, month: when };
            let armed = test.store.arm(id, None, since, when, |_, _| Ok(15_000)).await.unwrap();
            let settlement = Settlement { end, windows: Vec::new(), halt: None };
            test.store.settle(&armed, &settlement, when).await.unwrap();
        }
        let spent = test.store.spent(SpentSince { day: today, month: yesterday }).await.unwrap();
        let wanted = Spent { posts_today: 2, posts_this_month: 3, micros_this_month: 45_000, last_post: Some(today) };
        assert_eq!(spent, wanted);
    }
}

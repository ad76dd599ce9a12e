//! X's limits according to its last answers, kept across restarts.
//!
//! The transaction that arms a post and the code that reads the timeline both use them; what a window means is decided
//! by the publisher.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row as _, SqliteConnection};

use super::columns::{instant_or_none, stored, word};
use super::error::Doing as _;
use super::{Endpoint, Store, StoreError, WindowName};

/// A window that would stay closed for longer was recorded while the clock was ahead, or by a version that believed any
/// number: it counts as open. One day more than `crates/x` accepts from an answer.
pub const LONGEST_WINDOW: SignedDuration = SignedDuration::from_hours(33 * 24);

/// One of X's counters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Window {
    pub endpoint: Endpoint,
    pub name: WindowName,
    /// Calls allowed per window.
    pub quota: Option<i64>,
    /// Calls left in this window.
    pub remaining: Option<i64>,
    pub resets_at: Option<Timestamp>,
    /// After a 429: no call is made before this.
    pub blocked_until: Option<Timestamp>,
}

impl Window {
    /// Returns until when no call may be made, as of `now`; `None` if one may be.
    #[must_use]
    pub fn closed_until(&self, now: Timestamp) -> Option<Timestamp> {
        let used_up = self.resets_at.filter(|_| self.remaining == Some(0));
        let believable = now.saturating_add(LONGEST_WINDOW).unwrap_or(Timestamp::MAX);
        let closes = |until: &Timestamp| *until > now && *until <= believable;
        [self.blocked_until, used_up].into_iter().flatten().filter(closes).max()
    }
}

impl FromRow<'_, SqliteRow> for Window {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            endpoint: word(row, "endpoint", Endpoint::from_word)?,
            name: word(row, "name", WindowName::from_word)?,
            quota: row.try_get("quota")?,
            remaining: row.try_get("remaining")?,
            resets_at: instant_or_none(row, "resets_at")?,
            blocked_until: instant_or_none(row, "blocked_until")?,
        })
    }
}

impl Store {
    /// Returns every window that X has ever reported.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn windows(&self) -> Result<Vec<Window>, StoreError> {
        sqlx::query_as(
            "SELECT endpoint, name, quota, remaining, resets_at, blocked_until FROM windows ORDER BY endpoint, name",
        )
        .fetch_all(self.readers())
        .await
        .doing("read X's limits")
    }
}

/// Returns the window of `endpoint` that stays closed longest, and until when.
pub(super) async fn closed(
    connection: &mut SqliteConnection,
    endpoint: Endpoint,
    now: Timestamp,
) -> Result<Option<(WindowName, Timestamp)>, StoreError> {
    let windows: Vec<Window> = sqlx::query_as(
        "SELECT endpoint, name, quota, remaining, resets_at, blocked_until FROM windows WHERE endpoint = ?",
    )
    .bind(endpoint.as_str())
    .fetch_all(connection)
    .await
    .doing("read X's limits")?;
    let closed = windows.iter().filter_map(|window| Some((window.name, window.closed_until(now)?)));
    Ok(closed.max_by_key(|(_, until)| *until))
}

/// Opens every window again, so that X is tried.
pub(super) async fn open_all(connection: &mut SqliteConnection, now: Timestamp) -> Result<Vec<Window>, StoreError> {
    sqlx::query_as(
        "UPDATE windows SET blocked_until = NULL, remaining = NULL, resets_at = NULL
         WHERE blocked_until > ?1 OR (remaining = 0 AND resets_at > ?1) RETURNING endpoint, name, quota, remaining, resets_at, blocked_until",
    )
    .bind(stored(now))
    .fetch_all(connection)
    .await
    .doing("open X's limits")
}

/// Overwrites what was known with what an answer revealed.
pub(super) async fn record(
    connection: &mut SqliteConnection,
    windows: &[Window],
    now: Timestamp,
) -> Result<(), StoreError> {
    for window in windows {
        sqlx::query(
            "INSERT OR REPLACE INTO windows (endpoint, name, quota, remaining, resets_at, blocked_until, seen_at)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(window.endpoint.as_str())
        .bind(window.name.as_str())
        .bind(window.quota)
        .bind(window.remaining)
        .bind(window.resets_at.map(stored))
        .bind(window.blocked_until.map(stored))
        .bind(stored(now))
        .execute(&mut *connection)
        .await
        .doing("record X's limits")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestStore, at};

    fn window(name: WindowName, remaining: Option<i64>, resets_at: Option<&str>, blocked: Option<&str>) -> Window {
        Window {
            endpoint: Endpoint::Post,
            name,
            quota: Some(100),
            remaining,
            resets_at: resets_at.map(at),
            blocked_until: blocked.map(at),
        }
    }

    #[tokio::test]
    async fn the_window_that_stays_closed_longest_counts_until_it_opens() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T12:00:00Z");
        let (quarter, evening) = ("2026-03-01T12:15:00Z", "2026-03-01T20:00:00Z");
        let told = [
            window(WindowName::FifteenMinutes, Some(0), Some(quarter), None),
            window(WindowName::AppDay, Some(3), Some(evening), None),
            window(WindowName::UserDay, None, None, Some("2026-03-01T13:00:00Z")),
        ];
        let mut transaction = test.store.begin().await.unwrap();
        record(&mut transaction, &told, now).await.unwrap();
        for (now, wanted) in [
            ("2026-03-01T12:00:00Z", Some((WindowName::UserDay, at("2026-03-01T13:00:00Z")))),
            ("2026-03-01T13:00:00Z", None),
        ] {
            assert_eq!(closed(&mut transaction, Endpoint::Post, at(now)).await.unwrap(), wanted);
        }
        assert_eq!(closed(&mut transaction, Endpoint::Read, now).await.unwrap(), None);
        record(&mut transaction, &[window(WindowName::UserDay, Some(7), None, None)], now).await.unwrap();
        let left = closed(&mut transaction, Endpoint::Post, now).await.unwrap();
        assert_eq!(left, Some((WindowName::FifteenMinutes, at(quarter))));
    }
}

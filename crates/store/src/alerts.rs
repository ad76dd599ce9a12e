//! The alerts and the notices of them that are still to be delivered: see `migrations/0003_lease_and_alerts.sql`.
//!
//! One constraint: an alert and its notices enter the record in one transaction, and a notice leaves the queue only
//! when the other side has accepted it, so that it is delivered at least once, across crashes and restarts.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row as _, SqliteConnection};

use super::columns::{instant, instant_or_none, stored, word};
use super::error::Doing as _;
use super::state::words;
use super::{Store, StoreError};

/// What an alert is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AlertKind {
    /// X refuses for good: nothing is posted until a person acts.
    Stopped,
    /// It is unknown whether a post went out, and looking for it has not settled that.
    Unsettled,
    /// No post for some slots.
    Stale,
    /// The month's posts or dollars are used up, ours or X's.
    MonthlyCap,
    /// A post waits for a person's decision.
    Waiting,
}

words!(AlertKind {
    Stopped => "stopped",
    Unsettled => "unsettled",
    Stale => "stale",
    MonthlyCap => "monthly_cap",
    Waiting => "waiting",
});

/// Whether a notice announces the beginning or the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NoticeStatus {
    Raised,
    Resolved,
}

words!(NoticeStatus { Raised => "raised", Resolved => "resolved" });

/// How a notice reaches a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AlertChannel {
    Webhook,
    Command,
}

words!(AlertChannel { Webhook => "webhook", Command => "command" });

/// Something that is the case now and that a person has to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    pub kind: AlertKind,
    /// Identifies the occurrence: the same key is raised only once until it is over.
    pub key: String,
    pub message: String,
}

/// An alert as recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AlertRecord {
    pub id: i64,
    pub kind: AlertKind,
    pub key: String,
    pub message: String,
    pub raised_at: Timestamp,
    pub resolved_at: Option<Timestamp>,
}

impl FromRow<'_, SqliteRow> for AlertRecord {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            kind: word(row, "kind", AlertKind::from_word)?,
            key: row.try_get("key")?,
            message: row.try_get("message")?,
            raised_at: instant(row, "raised_at")?,
            resolved_at: instant_or_none(row, "resolved_at")?,
        })
    }
}

/// One message to deliver through one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub id: i64,
    pub alert: AlertRecord,
    pub status: NoticeStatus,
    pub channel: AlertChannel,
    /// How often it was tried before.
    pub attempts: u32,
}

impl FromRow<'_, SqliteRow> for Notice {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("notice_id")?,
            alert: AlertRecord::from_row(row)?,
            status: word(row, "status", NoticeStatus::from_word)?,
            channel: word(row, "channel", AlertChannel::from_word)?,
            attempts: row.try_get("attempts")?,
        })
    }
}

/// What changed when the conditions were checked again.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct AlertChanges {
    pub raised: Vec<AlertRecord>,
    pub resolved: Vec<AlertRecord>,
}

impl Store {
    /// Raises what is new among `holding`, resolves what is over, and queues a notice of each change for `channels`.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn update_alerts(
        &self,
        holding: &[Condition],
        channels: &[AlertChannel],
        now: Timestamp,
    ) -> Result<AlertChanges, StoreError> {
        let open = self.open_alerts().await?;
        let is_new = |condition: &&Condition| open.iter().all(|alert| alert.key != condition.key);
        let new: Vec<&Condition> = holding.iter().filter(is_new).collect();
        let over: Vec<AlertRecord> =
            open.iter().filter(|alert| holding.iter().all(|condition| condition.key != alert.key)).cloned().collect();
        let mut changes = AlertChanges::default();
        // This runs every few seconds: without news there is nothing to write.
        if new.is_empty() && over.is_empty() {
            return Ok(changes);
        }
        let mut transaction = self.begin().await?;
        for condition in new {
            let alert = raise(&mut transaction, condition, now).await?;
            queue(&mut transaction, alert.id, NoticeStatus::Raised, channels, now).await?;
            changes.raised.push(alert);
        }
        for mut alert in over {
            alert.resolved_at = Some(now);
            resolve(&mut transaction, alert.id, now).await?;
            queue(&mut transaction, alert.id, NoticeStatus::Resolved, channels, now).await?;
            changes.resolved.push(alert);
        }
        transaction.commit().await.doing("record the alerts")?;
        Ok(changes)
    }

    /// Returns the alerts that are not over, the oldest first.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn open_alerts(&self) -> Result<Vec<AlertRecord>, StoreError> {
        sqlx::query_as(
            "SELECT id, kind, key, message, raised_at, resolved_at FROM alerts WHERE resolved_at IS NULL ORDER BY id",
        )
        .fetch_all(self.readers())
        .await
        .doing("read the alerts")
    }

    /// Returns whether a notice waits to be delivered.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn has_undelivered_notices(&self) -> Result<bool, StoreError> {
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM notices WHERE delivered_at IS NULL)")
            .fetch_one(self.readers())
            .await
            .doing("look for waiting notices")
    }

    /// Returns the notices to try now through one of `channels`, the oldest first. The end of an alert is announced
    /// only after its beginning was. A wait longer than `longest` comes from a clock that has since been set back: it
    /// counts as over.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn due_notices(
        &self,
        channels: &[AlertChannel],
        now: Timestamp,
        longest: SignedDuration,
    ) -> Result<Vec<Notice>, StoreError> {
        let absurd = now.saturating_add(longest).unwrap_or(Timestamp::MAX);
        let names: Vec<&str> = channels.iter().map(|channel| channel.as_str()).collect();
        sqlx::query_as(
            "SELECT notices.id AS notice_id, status, channel, attempts, alerts.id, alerts.kind, alerts.key, alerts.message,
                 alerts.raised_at, alerts.resolved_at
             FROM notices
             JOIN alerts ON alerts.id = notices.alert_id
             WHERE delivered_at IS NULL AND (not_before <= ?1 OR not_before > ?2)
               AND notices.channel IN (SELECT value FROM json_each(?3))
               AND NOT EXISTS (SELECT 1 FROM notices AS earlier WHERE earlier.alert_id = notices.alert_id
                   AND earlier.channel = notices.channel AND earlier.id < notices.id AND earlier.delivered_at IS NULL)
             ORDER BY notices.id LIMIT 50",
        )
        .bind(stored(now))
        .bind(stored(absurd))
        .bind(sqlx::types::Json(names))
        .fetch_all(self.readers())
        .await
        .doing("read the notices")
    }

    /// Records that the other side has accepted a notice.
    ///
    /// # Errors
    /// If the database cannot be written; the notice is then delivered again.
    pub async fn notice_delivered(&self, notice: i64, now: Timestamp) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query("UPDATE notices SET delivered_at = ?, attempts = attempts + 1, error = NULL WHERE id = ?")
            .bind(stored(now))
            .bind(notice)
            .execute(&mut *transaction)
            .await
            .doing("record that a notice was accepted")?;
        transaction.commit().await.doing("record that a notice was accepted")
    }

    /// Records that a notice could not be delivered, and when it is tried again.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn notice_failed(&self, notice: i64, error: &str, again: Timestamp) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query("UPDATE notices SET attempts = attempts + 1, not_before = ?, error = ? WHERE id = ?")
            .bind(stored(again))
            .bind(error)
            .bind(notice)
            .execute(&mut *transaction)
            .await
            .doing("record that a notice was not accepted")?;
        transaction.commit().await.doing("record that a notice was not accepted")
    }

    /// Returns how many notices have not been accepted yet, and the last error of one of them.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn undelivered_notices(&self) -> Result<(i64, Option<String>), StoreError> {
        sqlx::query_as(
            "SELECT count(*), (SELECT error FROM notices WHERE delivered_at IS NULL AND error IS NOT NULL ORDER BY id DESC)
             FROM notices WHERE delivered_at IS NULL",
        )
        .fetch_one(self.readers())
        .await
        .doing("read the notices")
    }
}

async fn raise(
    connection: &mut SqliteConnection,
    condition: &Condition,
    now: Timestamp,
) -> Result<AlertRecord, StoreError> {
    sqlx::query_as(
        "INSERT INTO alerts (kind, key, message, raised_at) VALUES (?, ?, ?, ?)
         RETURNING id, kind, key, message, raised_at, resolved_at",
    )
    .bind(condition.kind.as_str())
    .bind(&condition.key)
    .bind(&condition.message)
    .bind(stored(now))
    .fetch_one(connection)
    .await
    .doing("raise an alert")
}

async fn resolve(connection: &mut SqliteConnection, alert: i64, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query("UPDATE alerts SET resolved_at = ? WHERE id = ?")
        .bind(stored(now))
        .bind(alert)
        .execute(connection)
        .await
        .map(drop)
        .doing("resolve an alert")
}

async fn queue(
    connection: &mut SqliteConnection,
    alert: i64,
    status: NoticeStatus,
    channels: &[AlertChannel],
    now: Timestamp,
) -> Result<(), StoreError> {
    for channel in channels {
        sqlx::query("INSERT INTO notices (alert_id, status, channel, not_before) VALUES (?, ?, ?, ?)")
            .bind(alert)
            .bind(status.as_str())
            .bind(channel.as_str())
            .bind(stored(now))
            .execute(&mut *connection)
            .await
            .doing("queue a notice")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestStore, at};

    const HOUR: SignedDuration = SignedDuration::from_hours(1);
    const BOTH: [AlertChannel; 2] = [AlertChannel::Webhook, AlertChannel::Command];

    fn stale(key: &str) -> Condition {
        Condition { kind: AlertKind::Stale, key: key.to_owned(), message: "no post for 3 slots".to_owned() }
    }

    #[tokio::test]
    async fn an_occurrence_is_raised_once_resolved_once_and_may_come_again() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let holding = [stale("stale")];
        let first = test.store.update_alerts(&holding, &BOTH, now).await.unwrap();
        assert_eq!((first.raised.len(), first.resolved.len()), (1, 0));
        assert_eq!(test.store.update_alerts(&holding, &BOTH, now).await.unwrap(), AlertChanges::default());
        assert_eq!(test.store.due_notices(&BOTH, now, HOUR).await.unwrap().len(), 2);
        let over = test.store.update_alerts(&[], &BOTH, now).await.unwrap();
        assert_eq!(over.resolved[0].resolved_at, Some(now));
        assert_eq!(test.store.update_alerts(&[], &BOTH, now).await.unwrap(), AlertChanges::default());
        assert_eq!(test.store.update_alerts(&holding, &BOTH, now).await.unwrap().raised.len(), 1);
        assert_eq!(test.store.open_alerts().await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_notice_stays_due_until_it_is_taken_and_the_end_waits_for_the_beginning() {
        let test = TestStore::open().await;
        let (now, later) = (at("2026-03-01T14:00:00Z"), at("2026-03-01T14:01:00Z"));
        let webhook = [AlertChannel::Webhook];
        test.store.update_alerts(&[stale("stale")], &webhook, now).await.unwrap();
        test.store.update_alerts(&[], &webhook, now).await.unwrap();
        let due = test.store.due_notices(&webhook, now, HOUR).await.unwrap();
        assert_eq!(due.iter().map(|notice| notice.status).collect::<Vec<_>>(), [NoticeStatus::Raised]);
        assert_eq!(test.store.due_notices(&[AlertChannel::Command], now, HOUR).await.unwrap(), []);

        test.store.notice_failed(due[0].id, "503", later).await.unwrap();
        assert_eq!(test.store.due_notices(&webhook, now, HOUR).await.unwrap(), []);
        assert_eq!(test.store.undelivered_notices().await.unwrap(), (2, Some("503".to_owned())));
        let again = test.store.due_notices(&webhook, later, HOUR).await.unwrap();
        assert_eq!((again[0].id, again[0].attempts), (due[0].id, 1));
        test.store.notice_delivered(again[0].id, later).await.unwrap();
        let end = test.store.due_notices(&webhook, later, HOUR).await.unwrap();
        assert_eq!(end.iter().map(|notice| notice.status).collect::<Vec<_>>(), [NoticeStatus::Resolved]);
        test.store.notice_delivered(end[0].id, later).await.unwrap();
        assert_eq!(test.store.undelivered_notices().await.unwrap(), (0, None));
    }

    #[tokio::test]
    async fn the_notices_of_a_channel_that_was_removed_do_not_stand_in_the_way_of_another() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let many: Vec<Condition> = (0..60).map(|number| stale(&format!("stale {number}"))).collect();
        test.store.update_alerts(&many, &[AlertChannel::Webhook], now).await.unwrap();
        let command = [AlertChannel::Command];
        let mut all = many;
        all.push(stale("the newest"));
        test.store.update_alerts(&all, &command, now).await.unwrap();
        let due = test.store.due_notices(&command, now, HOUR).await.unwrap();
        assert_eq!(due.iter().map(|notice| notice.alert.key.as_str()).collect::<Vec<_>>(), ["the newest"]);
    }
}

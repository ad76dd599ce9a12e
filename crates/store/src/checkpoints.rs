//! The signed roots of the audit log, the keys that sign them, and where each is kept outside.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use pregonero_audit::Hash;
use serde::Serialize;
use serde_json::{Map, Value, json};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row as _, SqliteConnection};

use super::columns::{instant, instant_or_none, stored, word};
use super::error::Doing as _;
use super::ledger::{self, Entry, TreeHead, as_hash, index};
use super::state::words;
use super::{RecordKind, Store, StoreError};

/// Where checkpoints are kept outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AnchorChannel {
    /// A file, for example on another disk.
    File,
    Webhook,
    Command,
}

words!(AnchorChannel { File => "file", Webhook => "webhook", Command => "command" });

/// A signed root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCheckpoint {
    /// How many records it covers.
    pub size: u64,
    pub root: Hash,
    /// The signed note.
    pub note: String,
    pub signed_at: Timestamp,
}

impl FromRow<'_, SqliteRow> for StoredCheckpoint {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            size: index(row, "size")?,
            root: as_hash("root", row.try_get("root")?)?,
            note: row.try_get("note")?,
            signed_at: instant(row, "signed_at")?,
        })
    }
}

/// A checkpoint that goes, or went, to one place outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    pub size: u64,
    pub channel: AnchorChannel,
    /// The signed note.
    pub note: String,
    /// How often it was tried.
    pub attempts: u32,
    pub delivered_at: Option<Timestamp>,
    /// What last went wrong.
    pub error: Option<String>,
}

impl FromRow<'_, SqliteRow> for Anchor {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            size: index(row, "size")?,
            channel: word(row, "channel", AnchorChannel::from_word)?,
            note: row.try_get("note")?,
            attempts: row.try_get("attempts")?,
            delivered_at: instant_or_none(row, "delivered_at")?,
            error: row.try_get("error")?,
        })
    }
}

/// A key that signs checkpoints, as the log records it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointKey {
    /// The verifier key.
    pub key: String,
    /// A note about the change, signed by the new key, and by the earlier one where that was at hand.
    pub statement: String,
}

impl Store {
    /// Signs the log's root if it has grown since the last checkpoint; `None` if not. A key that the log does not yet
    /// name as the present one is recorded first: `key` makes its record, given the earlier key.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn sign_checkpoint(
        &self,
        channels: &[AnchorChannel],
        key: impl FnOnce(Option<&str>) -> CheckpointKey + Send,
        sign: impl FnOnce(&TreeHead) -> String + Send,
        now: Timestamp,
    ) -> Result<Option<StoredCheckpoint>, StoreError> {
        const DOING: &str = "record a checkpoint";
        let mut transaction = self.begin().await?;
        let present = present_key(&mut transaction).await?;
        let key = key(present.as_deref());
        if present.as_ref() != Some(&key.key) {
            append_key(&mut transaction, present.as_deref(), &key, None, now).await?;
        }
        let head = ledger::head(&mut transaction).await?;
        let last: Option<i64> =
            sqlx::query_scalar("SELECT max(size) FROM checkpoints").fetch_one(&mut *transaction).await.doing(DOING)?;
        let size = i64::try_from(head.size).unwrap_or(i64::MAX);
        if last.is_some_and(|last| last >= size) {
            transaction.rollback().await.doing(DOING)?;
            return Ok(None);
        }
        let note = sign(&head);
        sqlx::query("INSERT INTO checkpoints (size, root, note, signed_at) VALUES (?, ?, ?, ?)")
            .bind(size)
            .bind(head.root.as_slice())
            .bind(&note)
            .bind(stored(now))
            .execute(&mut *transaction)
            .await
            .doing(DOING)?;
        queue(&mut transaction, size, channels, now).await?;
        transaction.commit().await.doing(DOING)?;
        Ok(Some(StoredCheckpoint { size: head.size, root: head.root, note, signed_at: now }))
    }

    /// Records that a person replaced the key that signs checkpoints.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn record_key(&self, key: &CheckpointKey, by: &str, now: Timestamp) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let present = present_key(&mut transaction).await?;
        let index = append_key(&mut transaction, present.as_deref(), key, Some(by), now).await?;
        transaction.commit().await.doing("record a key")?;
        Ok(index)
    }

    /// Returns the checkpoints, the smallest first.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn checkpoints(&self) -> Result<Vec<StoredCheckpoint>, StoreError> {
        sqlx::query_as("SELECT size, root, note, signed_at FROM checkpoints ORDER BY size")
            .fetch_all(self.readers())
            .await
            .doing("read the checkpoints")
    }

    /// Returns the latest checkpoint.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn last_checkpoint(&self) -> Result<Option<StoredCheckpoint>, StoreError> {
        sqlx::query_as("SELECT size, root, note, signed_at FROM checkpoints ORDER BY size DESC LIMIT 1")
            .fetch_optional(self.readers())
            .await
            .doing("read the checkpoints")
    }

    /// Makes the latest checkpoint go to the channels it was not meant for when it was signed.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn queue_last_checkpoint(&self, channels: &[AnchorChannel], now: Timestamp) -> Result<(), StoreError> {
        const DOING: &str = "queue a checkpoint";
        let Some(last) = self.last_checkpoint().await? else { return Ok(()) };
        let size = i64::try_from(last.size).unwrap_or(i64::MAX);
        // Asked every few seconds: only of the latest one.
        let queued: Vec<String> = sqlx::query_scalar("SELECT channel FROM anchors WHERE size = ?")
            .bind(size)
            .fetch_all(self.readers())
            .await
            .doing(DOING)?;
        let is_missing = |channel: &&AnchorChannel| queued.iter().all(|queued| queued != channel.as_str());
        let missing: Vec<AnchorChannel> = channels.iter().filter(is_missing).copied().collect();
        if missing.is_empty() {
            return Ok(());
        }
        let mut transaction = self.begin().await?;
        queue(&mut transaction, size, &missing, now).await?;
        transaction.commit().await.doing(DOING)
    }

    /// Returns every checkpoint with the places outside that it goes to, the smallest first.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn anchors(&self) -> Result<Vec<Anchor>, StoreError> {
        sqlx::query_as(
            "SELECT anchors.size, channel, note, attempts, delivered_at, error
             FROM anchors JOIN checkpoints ON checkpoints.size = anchors.size ORDER BY anchors.size, channel",
        )
        .fetch_all(self.readers())
        .await
        .doing("read where checkpoints are kept")
    }

    /// Returns the checkpoints to deliver now through one of `channels`, the smallest first. A wait longer than
    /// `longest` comes from a clock that has since been set back: it counts as over.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn due_anchors(
        &self,
        channels: &[AnchorChannel],
        now: Timestamp,
        longest: SignedDuration,
    ) -> Result<Vec<Anchor>, StoreError> {
        let absurd = now.saturating_add(longest).unwrap_or(Timestamp::MAX);
        let names: Vec<&str> = channels.iter().map(|channel| channel.as_str()).collect();
        sqlx::query_as(
            "SELECT anchors.size, channel, note, attempts, delivered_at, error
             FROM anchors JOIN checkpoints ON checkpoints.size = anchors.size
             WHERE delivered_at IS NULL AND (not_before <= ?1 OR not_before > ?2)
               AND channel IN (SELECT value FROM json_each(?3))
             ORDER BY anchors.size, channel LIMIT 50",
        )
        .bind(stored(now))
        .bind(stored(absurd))
        .bind(sqlx::types::Json(names))
        .fetch_all(self.readers())
        .await
        .doing("read where checkpoints are kept")
    }

    /// Records that a checkpoint was delivered.
    ///
    /// # Errors
    /// If the database cannot be written; it is then delivered again.
    pub async fn anchor_delivered(&self, anchor: &Anchor, now: Timestamp) -> Result<(), StoreError> {
        const DOING: &str = "record that a checkpoint was delivered";
        let mut transaction = self.begin().await?;
        sqlx::query(
            "UPDATE anchors SET delivered_at = ?, attempts = attempts + 1, error = NULL WHERE size = ? AND channel = ?",
        )
        .bind(stored(now))
        .bind(i64::try_from(anchor.size).unwrap_or(i64::MAX))
        .bind(anchor.channel.as_str())
        .execute(&mut *transaction)
        .await
        .doing(DOING)?;
        transaction.commit().await.doing(DOING)
    }

    /// Records that a checkpoint could not be delivered, and when it is tried again.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn anchor_failed(&self, anchor: &Anchor, error: &str, again: Timestamp) -> Result<(), StoreError> {
        const DOING: &str = "record that a checkpoint was not delivered";
        let mut transaction = self.begin().await?;
        sqlx::query(
            "UPDATE anchors SET attempts = attempts + 1, not_before = ?, error = ? WHERE size = ? AND channel = ?",
        )
        .bind(stored(again))
        .bind(error)
        .bind(i64::try_from(anchor.size).unwrap_or(i64::MAX))
        .bind(anchor.channel.as_str())
        .execute(&mut *transaction)
        .await
        .doing(DOING)?;
        transaction.commit().await.doing(DOING)
    }

    /// Records the configuration in force: its digest, and which keys differ from the last one, with both values. The
    /// first record has all of them. Nothing is recorded if nothing differs. `values` holds no secrets.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn record_config(
        &self,
        sha256: &str,
        values: &Map<String, Value>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let before = config_in_force(&mut transaction).await?;
        let changed: Map<String, Value> = values
            .iter()
            .filter(|(key, value)| before.get(*key) != Some(value))
            .map(|(key, value)| (key.clone(), json!({"from": before.get(key), "to": value})))
            .chain(
                before
                    .iter()
                    .filter(|(key, _)| !values.contains_key(*key))
                    .map(|(key, value)| (key.clone(), json!({"from": value, "to": null}))),
            )
            .collect();
        if changed.is_empty() {
            return Ok(false);
        }
        let body = json!({"sha256": sha256, "changed": changed});
        let entry = Entry { kind: RecordKind::Config, by: None, subject: None, body, rows: &[] };
        ledger::append(&mut transaction, entry, now).await?;
        transaction.commit().await.doing("record the configuration")?;
        Ok(true)
    }
}

async fn queue(
    connection: &mut SqliteConnection,
    size: i64,
    channels: &[AnchorChannel],
    now: Timestamp,
) -> Result<(), StoreError> {
    for channel in channels {
        sqlx::query("INSERT OR IGNORE INTO anchors (size, channel, not_before) VALUES (?, ?, ?)")
            .bind(size)
            .bind(channel.as_str())
            .bind(stored(now))
            .execute(&mut *connection)
            .await
            .doing("queue a checkpoint")?;
    }
    Ok(())
}

/// Returns the key that the log names as the present one.
async fn present_key(connection: &mut SqliteConnection) -> Result<Option<String>, StoreError> {
    let about = ledger::last_about(connection, RecordKind::CheckpointKey).await?;
    Ok(about.and_then(|about| about["key"].as_str().map(str::to_owned)))
}

async fn append_key(
    connection: &mut SqliteConnection,
    earlier: Option<&str>,
    key: &CheckpointKey,
    by: Option<&str>,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let entry = Entry {
        kind: RecordKind::CheckpointKey,
        by,
        subject: None,
        body: json!({"key": key.key, "earlier": earlier, "statement": key.statement}),
        rows: &[],
    };
    ledger::append(connection, entry, now).await
}

/// Returns the configuration that the records of its changes lead to.
async fn config_in_force(connection: &mut SqliteConnection) -> Result<Map<String, Value>, StoreError> {
    let bodies: Vec<String> =
        sqlx::query_scalar("SELECT body FROM ledger WHERE kind = 'config' AND body IS NOT NULL ORDER BY idx")
            .fetch_all(connection)
            .await
            .doing("read the audit log")?;
    let mut values = Map::new();
    for body in bodies {
        let Ok(mut body) = serde_json::from_str::<Value>(&body) else { continue };
        let Value::Object(changed) = body["about"]["changed"].take() else { continue };
        for (key, mut change) in changed {
            match change["to"].take() {
                Value::Null => _ = values.remove(&key),
                value => _ = values.insert(key, value),
            }
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestStore, at};

    fn key(name: &str) -> CheckpointKey {
        CheckpointKey { key: name.to_owned(), statement: String::new() }
    }

    #[tokio::test]
    async fn a_log_that_has_not_grown_is_not_signed_again_and_a_new_key_is_recorded_first() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let channels = [AnchorChannel::File, AnchorChannel::Webhook];
        let sign = |head: &TreeHead| format!("root of {}", head.size);
        let first = test.store.sign_checkpoint(&channels, |_| key("a"), sign, now).await.unwrap().unwrap();
        assert_eq!((first.size, first.note.as_str()), (2, "root of 2"), "the record of the key is covered");
        assert_eq!(first.root, test.store.tree_head().await.unwrap().root);
        assert_eq!(test.store.sign_checkpoint(&channels, |_| key("a"), sign, now).await.unwrap(), None);
        let second = test.store.sign_checkpoint(&[], |earlier| key(&format!("{}b", earlier.unwrap())), sign, now).await;
        assert_eq!(second.unwrap().unwrap().size, 3);
        assert_eq!(test.store.last_checkpoint().await.unwrap().unwrap().size, 3);
        let due = test.store.due_anchors(&channels, now, SignedDuration::from_hours(1)).await.unwrap();
        assert_eq!(due.iter().map(|anchor| anchor.size).collect::<Vec<_>>(), [2, 2]);
        test.store.anchor_delivered(&due[0], now).await.unwrap();
        test.store.anchor_failed(&due[1], "no", now + SignedDuration::from_mins(1)).await.unwrap();
        assert!(test.store.due_anchors(&channels, now, SignedDuration::from_hours(1)).await.unwrap().is_empty());
        test.store.queue_last_checkpoint(&channels, now).await.unwrap();
        test.store.queue_last_checkpoint(&channels, now).await.unwrap();
        assert_eq!(test.store.anchors().await.unwrap().len(), 4);
    }

    #[tokio::test]
    async fn a_configuration_is_recorded_by_what_differs_and_only_if_something_does() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let values = |text: Value| match text {
            Value::Object(map) => map,
            _ => unreachable!(),
        };
        let first = values(json!({"a.b": 1, "a.c": "x"}));
        let second = values(json!({"a.c": "y", "a.d": true}));
        assert!(test.store.record_config("aa", &first, now).await.unwrap());
        assert!(!test.store.record_config("aa", &first, now).await.unwrap());
        assert!(test.store.record_config("bb", &second, now).await.unwrap());
        assert!(!test.store.record_config("bb", &second, now).await.unwrap());
        let last = test.store.log_records(0, 100).await.unwrap().pop().unwrap();
        let body: Value = serde_json::from_str(&last.content.unwrap().1).unwrap();
        let changed =
            json!({"a.b": {"from": 1, "to": null}, "a.c": {"from": "x", "to": "y"}, "a.d": {"from": null, "to": true}});
        assert_eq!(body["about"], json!({"sha256": "bb", "changed": changed}));
    }
}

//! Why nothing goes out: a person's pause, or a refusal by X that applies to every post.
//!
//! One constraint: the halts in force are checked in the transaction that arms a post ([`super::attempts`]), so that no
//! post slips past one that was set a moment before. At most one halt of each cause is in force; ended ones stay on
//! record.

use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row as _, SqliteConnection};

use super::authors::BY_X;
use super::columns::{instant, stored, word};
use super::error::Doing as _;
use super::fingerprint::Fingerprint;
use super::ledger::{self, Entry, Row};
use super::posts::free_posts;
use super::transitions::look_now;
use super::windows::{self, Window};
use super::{HaltCause, PostId, RecordKind, Store, StoreError};
use pregonero_system::clock::shown;

/// The halts in force, the one set by X first.
const ACTIVE: &str = "SELECT cause, kind, reason, set_by, since, salt, fingerprint FROM halts
     WHERE ended_at IS NULL ORDER BY cause DESC";

/// The first schema that has the tables that a pause or its end touches. The emergency brake also works while a daemon
/// of an older version runs.
const FIRST_SCHEMA: i64 = 2;

/// The kind of halt for credentials that belong to an account other than `account.handle`.
pub const OTHER_ACCOUNT: &str = "other_account";

/// What a person's `resume` ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Resumed {
    /// The halts that were in force.
    pub ended: Vec<Halt>,
    /// Approved posts that waited for a budget, a limit or a connection: they are tried at once.
    pub freed: Vec<PostId>,
    /// X's limits that were closed: X is tried again, and says whether they still are.
    pub opened: Vec<Window>,
}

/// Why nothing goes out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Halt {
    pub cause: HaltCause,
    /// For a refusal: `unauthorized`, `no_credits`, `permissions`, `suspended`, `other_account`.
    pub kind: Option<String>,
    pub reason: String,
    /// A person's name, or `X`.
    pub set_by: String,
    pub since: Timestamp,
    /// For a refusal: identifies the credentials that it applies to.
    #[serde(skip)]
    pub credentials: Option<Fingerprint>,
}

impl std::fmt::Display for Halt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { set_by, reason, .. } = self;
        let since = shown(self.since);
        match self.cause {
            HaltCause::Paused => write!(f, "paused by {set_by} since {since}: {reason}"),
            HaltCause::Refused if self.set_by != BY_X => write!(f, "stopped since {since}: {reason}"),
            HaltCause::Refused => write!(f, "stopped by X since {since}: {reason}"),
        }
    }
}

impl FromRow<'_, SqliteRow> for Halt {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            cause: word(row, "cause", HaltCause::from_word)?,
            kind: row.try_get("kind")?,
            reason: row.try_get("reason")?,
            set_by: row.try_get("set_by")?,
            since: instant(row, "since")?,
            credentials: Fingerprint::of_row(row)?,
        })
    }
}

impl Store {
    /// Opens an existing database to pause or resume, with any schema that has halts. Creates and migrates nothing.
    ///
    /// # Errors
    /// As [`Store::open_existing`].
    pub async fn open_for_halts(path: &Path) -> Result<Self, StoreError> {
        Self::open_existing_since(path, FIRST_SCHEMA).await
    }

    /// Returns the halts in force, the one set by X first.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn halts(&self) -> Result<Vec<Halt>, StoreError> {
        sqlx::query_as(ACTIVE).fetch_all(self.readers()).await.doing("read why nothing goes out")
    }

    /// Stops all posting on behalf of a person. Returns whether it was not paused before; a second pause changes
    /// nothing.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn pause(&self, by: &str, reason: &str, now: Timestamp) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let halt = Halt {
            cause: HaltCause::Paused,
            kind: None,
            reason: reason.to_owned(),
            set_by: by.to_owned(),
            since: now,
            credentials: None,
        };
        let is_new = set_and_append(&mut transaction, &halt, now).await?;
        transaction.commit().await.doing("record the pause")?;
        Ok(is_new)
    }

    /// Resumes posting on behalf of a person: every halt ends, approved posts no longer wait, and X's limits count as
    /// open.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn resume(&self, by: &str, now: Timestamp) -> Result<Resumed, StoreError> {
        let mut transaction = self.begin().await?;
        let ended = end_halts(&mut transaction, by, RecordKind::Resumed, now, |_| true).await?;
        let freed = free_posts(&mut transaction, true).await?;
        let opened = windows::open_all(&mut transaction, now).await?;
        transaction.commit().await.doing("record that posting resumes")?;
        Ok(Resumed { ended, freed, opened })
    }

    /// Ends the halts that `ends` selects, and makes posts of unknown outcome due for a search at once. Returns the
    /// ended halts.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn end_halts(
        &self,
        by: &str,
        now: Timestamp,
        ends: impl Fn(&Halt) -> bool + Send,
    ) -> Result<Vec<Halt>, StoreError> {
        let mut transaction = self.begin().await?;
        let ended = end_halts(&mut transaction, by, RecordKind::StopEnded, now, ends).await?;
        transaction.commit().await.doing("record that posting resumes")?;
        Ok(ended)
    }

    /// Records that X refuses every post.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn record_refusal(&self, halt: &Halt) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let is_new = set_and_append(&mut transaction, halt, halt.since).await?;
        transaction.commit().await.doing("record that X refuses every post")?;
        Ok(is_new)
    }
}

async fn end_halts(
    connection: &mut SqliteConnection,
    by: &str,
    kind: RecordKind,
    now: Timestamp,
    ends: impl Fn(&Halt) -> bool + Send,
) -> Result<Vec<Halt>, StoreError> {
    let mut ended = active(connection).await?;
    ended.retain(ends);
    for halt in &ended {
        let id: i64 = sqlx::query_scalar(
            "UPDATE halts SET ended_at = ?, ended_by = ? WHERE cause = ? AND ended_at IS NULL RETURNING id",
        )
        .bind(stored(now))
        .bind(by)
        .bind(halt.cause.as_str())
        .fetch_one(&mut *connection)
        .await
        .doing("record that posting resumes")?;
        let entry = Entry {
            kind,
            by: Some(by),
            subject: None,
            body: json!({"cause": halt.cause, "kind": halt.kind, "reason": halt.reason, "since": stored(halt.since)}),
            rows: &[Row::Halt(id)],
        };
        ledger::append(connection, entry, now).await?;
    }
    if ended.iter().any(|halt| halt.cause == HaltCause::Refused) {
        look_now(connection, now).await?;
    }
    Ok(ended)
}

pub(super) async fn active(connection: &mut SqliteConnection) -> Result<Vec<Halt>, StoreError> {
    sqlx::query_as(ACTIVE).fetch_all(connection).await.doing("read why nothing goes out")
}

/// Sets a halt if none of its cause is in force, and appends the record of it; returns whether it did.
pub(super) async fn set_and_append(
    connection: &mut SqliteConnection,
    halt: &Halt,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Some(id) = set_halt(connection, halt).await? else { return Ok(false) };
    let entry = Entry {
        kind: match halt.cause {
            HaltCause::Paused => RecordKind::Paused,
            HaltCause::Refused => RecordKind::Stopped,
        },
        by: Some(&halt.set_by),
        subject: None,
        body: json!({"kind": halt.kind, "reason": halt.reason}),
        rows: &[Row::Halt(id)],
    };
    ledger::append(connection, entry, now).await?;
    Ok(true)
}

async fn set_halt(connection: &mut SqliteConnection, halt: &Halt) -> Result<Option<i64>, StoreError> {
    sqlx::query_scalar(
        "INSERT INTO halts (cause, kind, reason, set_by, since, salt, fingerprint) VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (cause) WHERE ended_at IS NULL DO NOTHING RETURNING id",
    )
    .bind(halt.cause.as_str())
    .bind(&halt.kind)
    .bind(&halt.reason)
    .bind(&halt.set_by)
    .bind(stored(halt.since))
    .bind(halt.credentials.as_ref().map(|credentials| &credentials.salt))
    .bind(halt.credentials.as_ref().map(|credentials| &credentials.digest))
    .fetch_optional(connection)
    .await
    .doing("record why nothing goes out")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestStore, at};

    #[tokio::test]
    async fn one_halt_of_a_cause_is_in_force_and_resume_ends_all_of_them() {
        let test = TestStore::open().await;
        let (noon, one) = (at("2026-03-01T12:00:00Z"), at("2026-03-01T13:00:00Z"));
        let refusal = Halt {
            cause: HaltCause::Refused,
            kind: Some("suspended".to_owned()),
            reason: "no".to_owned(),
            set_by: BY_X.to_owned(),
            since: noon,
            credentials: Some(Fingerprint { salt: "s".to_owned(), digest: "d".to_owned() }),
        };
        assert!(test.store.record_refusal(&refusal).await.unwrap());
        assert!(!test.store.record_refusal(&refusal).await.unwrap());
        assert!(test.store.pause("ana", "holiday", one).await.unwrap());
        assert!(!test.store.pause("berta", "again", one).await.unwrap());
        let halts = test.store.halts().await.unwrap();
        assert_eq!(halts[0], refusal);
        assert_eq!(halts[1].to_string(), "paused by ana since 2026-03-01 13:00:00 UTC: holiday");
        assert_eq!(test.store.resume("ana", one).await.unwrap().ended, halts);
        assert_eq!(test.store.halts().await.unwrap(), []);
        assert_eq!(test.store.resume("ana", one).await.unwrap(), Resumed::default());
        assert!(test.store.pause("ana", "a second holiday", one).await.unwrap());
    }
}

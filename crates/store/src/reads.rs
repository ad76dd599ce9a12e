//! The calls that only read, with what they cost; and the account of the credentials, which is asked for only once.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row as _, SqliteConnection};

use super::calls::CallDetail;
use super::columns::{instant, stored, word};
use super::error::Doing as _;
use super::fingerprint::Fingerprint;
use super::ledger::{self, Entry, Row};
use super::windows::{self, Window};
use super::{PostId, ReadOutcome, RecordKind, Store, StoreError};

/// What was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadKind {
    /// `GET /2/users/me`.
    Account,
    /// `GET /2/users/:id/tweets`, to settle a post of unknown outcome.
    Timeline,
    /// The same, for what people did with the posts.
    Metrics,
}

/// A read that was made.
#[derive(Debug, Clone)]
pub struct NewRead {
    pub what: ReadKind,
    /// The post that it was made for; `None` if it was about no single post.
    pub post: Option<PostId>,
    pub outcome: ReadOutcome,
    /// How many posts or accounts X returned.
    pub items: usize,
    pub price_micros: i64,
    pub detail: CallDetail,
    /// What the answer revealed of X's limits for reads.
    pub windows: Vec<Window>,
}

/// A read as recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReadRecord {
    /// `account`, `timeline` or `metrics`.
    pub what: String,
    pub made_at: Timestamp,
    pub outcome: ReadOutcome,
    /// How many posts or accounts X returned.
    pub items: i64,
    /// X's price for it, in millionths of a dollar.
    pub price_micros: i64,
    #[serde(flatten)]
    pub detail: CallDetail,
}

impl FromRow<'_, SqliteRow> for ReadRecord {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            what: row.try_get("what")?,
            made_at: instant(row, "made_at")?,
            outcome: word(row, "outcome", ReadOutcome::from_word)?,
            items: row.try_get("items")?,
            price_micros: row.try_get("price_micros")?,
            detail: CallDetail::of_row(row)?,
        })
    }
}

/// The account that credentials belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Decimal digits.
    pub user_id: String,
    pub username: String,
    /// Identifies the credentials.
    pub credentials: Fingerprint,
}

impl Store {
    /// Returns the account that X last named; the caller compares the credentials.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn account(&self) -> Result<Option<Account>, StoreError> {
        let row = sqlx::query("SELECT user_id, username, salt, fingerprint FROM account")
            .fetch_optional(self.readers())
            .await
            .doing("read the account")?;
        let Some(row) = row else { return Ok(None) };
        let read = || {
            let (user_id, username) = (row.try_get("user_id")?, row.try_get("username")?);
            Ok(Fingerprint::of_row(&row)?.map(|credentials| Account { user_id, username, credentials }))
        };
        read().doing("read the account")
    }

    /// Records the account of the credentials, with the read that revealed it.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn record_account(&self, account: &Account, read: &NewRead, now: Timestamp) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        record_read(&mut transaction, read, now).await?;
        sqlx::query(
            "INSERT OR REPLACE INTO account (one, user_id, username, salt, fingerprint, read_at)
             VALUES (1, ?, ?, ?, ?, ?)",
        )
        .bind(&account.user_id)
        .bind(&account.username)
        .bind(&account.credentials.salt)
        .bind(&account.credentials.digest)
        .bind(stored(now))
        .execute(&mut *transaction)
        .await
        .doing("record the account")?;
        let entry = Entry {
            kind: RecordKind::Credentials,
            by: None,
            subject: None,
            body: json!({
                "user_id": account.user_id,
                "username": account.username,
                "fingerprint": account.credentials.digest,
            }),
            rows: &[Row::Account],
        };
        ledger::append(&mut transaction, entry, now).await?;
        transaction.commit().await.doing("record the account")
    }

    /// Records a read that yielded nothing.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn record_failed_read(&self, read: &NewRead, now: Timestamp) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        record_read(&mut transaction, read, now).await?;
        transaction.commit().await.doing("record a read")
    }

    /// Returns all reads made to settle a post, in order.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn reads(&self, post: PostId) -> Result<Vec<ReadRecord>, StoreError> {
        sqlx::query_as(
            "SELECT what, made_at, outcome, items, price_micros, http_status, kind, problem, detail, transaction_id
             FROM reads WHERE post_id = ? ORDER BY id",
        )
        .bind(post.get())
        .fetch_all(self.readers())
        .await
        .doing("list the reads")
    }
}

/// Records a read and appends its record.
pub(super) async fn record_read(
    connection: &mut SqliteConnection,
    read: &NewRead,
    now: Timestamp,
) -> Result<(), StoreError> {
    windows::record(connection, &read.windows, now).await?;
    let row = sqlx::query(
        "INSERT INTO reads (post_id, what, made_at, outcome, items, price_micros, http_status, kind, problem, detail,
             transaction_id)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(read.post.map(PostId::get))
    .bind(match read.what {
        ReadKind::Account => "account",
        ReadKind::Timeline => "timeline",
        ReadKind::Metrics => "metrics",
    })
    .bind(stored(now))
    .bind(read.outcome.as_str())
    .bind(i64::try_from(read.items).unwrap_or(i64::MAX))
    .bind(read.price_micros)
    .bind(read.detail.http_status)
    .bind(&read.detail.kind)
    .bind(&read.detail.problem)
    .bind(&read.detail.detail)
    .bind(&read.detail.transaction_id)
    .execute(&mut *connection)
    .await
    .doing("record a read")?;
    let entry = Entry {
        kind: RecordKind::Read,
        by: None,
        subject: read.post.map(PostId::get),
        body: json!({"outcome": read.outcome, "items": read.items, "price_micros": read.price_micros}),
        rows: &[Row::Read(row.last_insert_rowid())],
    };
    ledger::append(connection, entry, now).await.map(drop)
}

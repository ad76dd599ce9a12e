//! Reads of the audit log: its size and root, its records, and those about one post.

use pregonero_audit::Hash;

use super::error::Doing as _;
use super::ledger::{as_hash, head};
use super::{LedgerRecord, PostId, Store, StoreError, TreeHead};

impl Store {
    /// Returns the size and root of the audit log.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn tree_head(&self) -> Result<TreeHead, StoreError> {
        let mut transaction = self.readers().begin().await.doing("read the audit log")?;
        head(&mut transaction).await
    }

    /// Returns the verifier keys that the log names, the first one first.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn checkpoint_keys(&self) -> Result<Vec<String>, StoreError> {
        sqlx::query_scalar(
            "SELECT json_extract(body, '$.about.key') FROM ledger
             WHERE kind = 'checkpoint_key' AND json_extract(body, '$.about.key') IS NOT NULL ORDER BY idx",
        )
        .fetch_all(self.readers())
        .await
        .doing("read the audit log")
    }

    /// Returns the records about a round and its post, in order.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn records_of(&self, post: PostId) -> Result<Vec<LedgerRecord>, StoreError> {
        sqlx::query_as(
            "SELECT idx, kind, at, by, subject, salt, body, entry, leaf FROM ledger WHERE subject = ? ORDER BY idx",
        )
        .bind(post.get())
        .fetch_all(self.readers())
        .await
        .doing("read the audit log")
    }

    /// Returns up to `count` records from number `first` on, in order.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn log_records(&self, first: u64, count: u32) -> Result<Vec<LedgerRecord>, StoreError> {
        sqlx::query_as(
            "SELECT idx, kind, at, by, subject, salt, body, entry, leaf FROM ledger WHERE idx >= ? ORDER BY idx LIMIT ?",
        )
        .bind(i64::try_from(first).unwrap_or(i64::MAX))
        .bind(count)
        .fetch_all(self.readers())
        .await
        .doing("read the audit log")
    }

    /// Returns the stored hashes of the first `size` leaves.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn log_leaves(&self, size: u64) -> Result<Vec<Hash>, StoreError> {
        const DOING: &str = "read the audit log";
        let leaves: Vec<Vec<u8>> = sqlx::query_scalar("SELECT leaf FROM ledger WHERE idx < ? ORDER BY idx")
            .bind(i64::try_from(size).unwrap_or(i64::MAX))
            .fetch_all(self.readers())
            .await
            .doing(DOING)?;
        leaves.into_iter().map(|leaf| as_hash("leaf", leaf)).collect::<Result<_, _>>().doing(DOING)
    }
}

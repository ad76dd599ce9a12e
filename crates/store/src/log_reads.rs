//! Reads of the audit log: its size and root, and the records about one post.

use super::error::Doing as _;
use super::ledger::head;
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
}

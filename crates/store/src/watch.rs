//! Detects cheaply whether the record was written to since the last check. An idle daemon does this every two seconds,
//! instead of reading everything.

use sqlx::Sqlite;
use sqlx::pool::PoolConnection;

use super::error::Doing as _;
use super::{Store, StoreError};

/// A watch with its own connection, because SQLite counts other connections' commits separately for each one
/// (<https://www.sqlite.org/pragma.html#pragma_data_version>).
#[derive(Debug)]
pub struct RecordWatch {
    store: Store,
    connection: Option<PoolConnection<Sqlite>>,
    /// The count at the last check.
    seen: Option<i64>,
}

impl Store {
    /// Returns a watch that has not checked yet.
    #[must_use]
    pub fn watch(&self) -> RecordWatch {
        RecordWatch { store: self.clone(), connection: None, seen: None }
    }
}

impl RecordWatch {
    /// Releases the connection, so that the record can be closed.
    pub fn rest(&mut self) {
        (self.connection, self.seen) = (None, None);
    }

    /// Returns whether the record may have changed since the last call; true the first time.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn has_changed(&mut self) -> Result<bool, StoreError> {
        const DOING: &str = "check whether the record has changed";
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(self.store.readers().acquire().await.doing(DOING)?),
        };
        let counted = sqlx::query_scalar("PRAGMA data_version").fetch_one(&mut **connection).await.doing(DOING);
        let now: Option<i64> = match counted {
            Ok(count) => Some(count),
            Err(error) => {
                self.rest();
                return Err(error);
            }
        };
        Ok(std::mem::replace(&mut self.seen, now) != now)
    }
}

#[cfg(test)]
mod tests {
    use crate::Store;
    use crate::testing::{TestStore, at};

    #[tokio::test]
    async fn what_anybody_writes_is_noticed_once_and_silence_costs_one_question() {
        let test = TestStore::open().await;
        let mut watch = test.store.watch();
        let now = at("2026-03-01T14:00:00Z");
        assert!(watch.has_changed().await.unwrap(), "at first everything is new");
        assert!(!watch.has_changed().await.unwrap());
        test.store.pause("ana", "our own writer", now).await.unwrap();
        assert!(watch.has_changed().await.unwrap());
        assert!(!watch.has_changed().await.unwrap());
        let other = Store::open_existing(test.store.path()).await.unwrap();
        other.resume("ana", now).await.unwrap();
        assert!(watch.has_changed().await.unwrap(), "another process's too");
        assert!(!watch.has_changed().await.unwrap());
    }
}

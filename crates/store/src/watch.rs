//! Whether anybody has written to the record since it was last looked at, for the price of one small question. An idle
//! daemon asks it every two seconds, instead of everything it would want to know.

use sqlx::Sqlite;
use sqlx::pool::PoolConnection;

use super::error::Doing as _;
use super::{Store, StoreError};

/// One connection, because SQLite counts what others have committed for each of them
/// (<https://www.sqlite.org/pragma.html#pragma_data_version>).
#[derive(Debug)]
pub struct RecordWatch {
    store: Store,
    connection: Option<PoolConnection<Sqlite>>,
    /// What was counted when it was last asked.
    seen: Option<i64>,
}

impl Store {
    /// A watch that has seen nothing yet.
    #[must_use]
    pub fn watch(&self) -> RecordWatch {
        RecordWatch { store: self.clone(), connection: None, seen: None }
    }
}

impl RecordWatch {
    /// Gives the connection back, so that the record can be closed.
    pub fn rest(&mut self) {
        (self.connection, self.seen) = (None, None);
    }

    /// Returns whether the record may have changed since the last call; true the first time.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub async fn has_changed(&mut self) -> Result<bool, StoreError> {
        const DOING: &str = "look whether the record has changed";
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

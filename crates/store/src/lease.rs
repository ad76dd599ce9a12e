//! Which process may post: the second line of defence after the instance lock, for file systems on which that lock does
//! not work (NFS, a store that two machines share).
//!
//! A process that starts later overwrites the earlier one's token with its own; [`require`] runs in the transaction
//! that arms a post, so that of two processes on one database at most one can ever call X.

use std::path::Path;

use jiff::Timestamp;
use sqlx::SqliteConnection;

use super::StoreError;
use super::columns::stored;
use super::error::Doing as _;

/// The right to arm posts, until another process takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lease {
    token: String,
}

impl Lease {
    /// Takes the right from its previous holder. `holder` is for people: process and machine.
    pub(super) async fn take(
        connection: &mut SqliteConnection,
        holder: &str,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let token = format!("{:032x}", rand::random::<u128>());
        sqlx::query(
            "INSERT INTO lease (id, token, holder, taken_at) VALUES (1, ?, ?, ?)
             ON CONFLICT (id) DO UPDATE SET token = excluded.token, holder = excluded.holder, taken_at = excluded.taken_at",
        )
        .bind(&token)
        .bind(holder)
        .bind(stored(now))
        .execute(connection)
        .await
        .doing("take the right to post")?;
        Ok(Self { token })
    }
}

/// Fails if the database at `path` does not name `lease` as the one in force. Runs inside the transaction that arms a
/// post.
pub(super) async fn require(
    lease: Option<&Lease>,
    path: &Path,
    connection: &mut SqliteConnection,
) -> Result<(), StoreError> {
    let row: Option<(String, String)> = sqlx::query_as("SELECT token, holder FROM lease WHERE id = 1")
        .fetch_optional(connection)
        .await
        .doing("check who may post")?;
    match (lease, row) {
        (Some(lease), Some((token, _))) if lease.token == token => Ok(()),
        (_, Some((_, holder))) => Err(StoreError::Superseded { path: path.to_owned(), holder }),
        (_, None) => Err(StoreError::Superseded { path: path.to_owned(), holder: "nobody".to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{TestStore, at};
    use crate::{ArmRefusal, PostState, SpentSince, Store, StoreError};

    #[tokio::test]
    async fn of_two_processes_on_one_database_only_the_later_one_can_arm_a_post() {
        let first = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let since = SpentSince { day: now, month: now };
        let post = first.approved("El mercado abre temprano.", now).await;
        let second = Store::open(first.store.path()).await.unwrap();
        let without = second.arm(post, None, since, now, |_, _| Ok(1)).await.unwrap_err();
        assert!(matches!(without, ArmRefusal::Store(StoreError::Superseded { .. })), "{without:?}");

        let second = second.with_lease("process 8 on elsewhere", now).await.unwrap();
        let refused = first.store.arm(post, None, since, now, |_, _| Ok(1)).await.unwrap_err();
        let ArmRefusal::Store(error @ StoreError::Superseded { .. }) = &refused else { panic!("{refused:?}") };
        assert!(error.to_string().contains("process 8 on elsewhere"), "{error}");
        assert_eq!(first.state(post).await, PostState::Approved, "nothing of the refused arming stays");
        second.arm(post, None, since, now, |_, _| Ok(1)).await.unwrap();
    }
}

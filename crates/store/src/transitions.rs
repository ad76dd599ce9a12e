//! How a post's row changes: its state, and the columns that go with one.
//!
//! A state changes only in [`transition`], inside a transaction that names the expected state. The columns that say
//! since when a post is of unknown outcome, and how often and when it is looked for, are filled only in that state:
//! [`enter_unknown`] and [`leave_unknown`] accompany each change into it and out of it, in the same transaction.

use jiff::Timestamp;
use sqlx::SqliteConnection;

use super::columns::{instant, stored, word};
use super::error::Doing as _;
use super::{PostId, PostState, StoreError};

/// Moves a post from one state to the next; the only statement that overwrites a state.
pub(super) async fn transition(
    connection: &mut SqliteConnection,
    post: PostId,
    from: PostState,
    to: PostState,
) -> Result<(), StoreError> {
    if !from.may_become(to) {
        return Err(StoreError::StateConflict { post, found: from, wanted: to });
    }
    let changed = sqlx::query("UPDATE posts SET state = ? WHERE id = ? AND state = ?")
        .bind(to.as_str())
        .bind(post.get())
        .bind(from.as_str())
        .execute(&mut *connection)
        .await
        .doing("change the post's state")?;
    if changed.rows_affected() == 1 {
        return Ok(());
    }
    let (found, _) = state_and_expiry(connection, post).await?;
    Err(StoreError::StateConflict { post, found, wanted: to })
}

/// Returns a post's state and until when it may be approved or sent.
pub(super) async fn state_and_expiry(
    connection: &mut SqliteConnection,
    post: PostId,
) -> Result<(PostState, Timestamp), StoreError> {
    let row = sqlx::query("SELECT state, expires_at FROM posts WHERE id = ?")
        .bind(post.get())
        .fetch_optional(connection)
        .await
        .doing("read the post's state")?
        .ok_or(StoreError::NoSuchPost { post })?;
    let read = || Ok((word(&row, "state", PostState::from_word)?, instant(&row, "expires_at")?));
    read().doing("read the post's state")
}

pub(super) async fn record_sent(
    connection: &mut SqliteConnection,
    post: PostId,
    tweet_id: &str,
    sent_at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE posts SET tweet_id = ?, sent_at = ?, error = NULL, not_before = NULL, waits_for = NULL WHERE id = ?",
    )
    .bind(tweet_id)
    .bind(stored(sent_at))
    .bind(post.get())
    .execute(connection)
    .await
    .map(drop)
    .doing("record the tweet's id")
}

pub(super) async fn record_trouble(
    connection: &mut SqliteConnection,
    post: PostId,
    error: &str,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE posts SET error = ?, not_before = NULL, waits_for = NULL WHERE id = ?")
        .bind(error)
        .bind(post.get())
        .execute(connection)
        .await
        .map(drop)
        .doing("record what went wrong")
}

/// Begins the search for a post that has become unknown.
pub(super) async fn enter_unknown(
    connection: &mut SqliteConnection,
    post: PostId,
    look_at: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE posts SET unknown_since = ?, looks = 0, failed_looks = 0, look_at = ? WHERE id = ?")
        .bind(stored(now))
        .bind(stored(look_at))
        .bind(post.get())
        .execute(connection)
        .await
        .map(drop)
        .doing("record when to look for a post")
}

/// Makes searches that were put off due now: while X refused everything no read was made.
pub(super) async fn look_now(connection: &mut SqliteConnection, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query("UPDATE posts SET look_at = ?1 WHERE state = 'unknown' AND look_at > ?1")
        .bind(stored(now))
        .execute(connection)
        .await
        .map(drop)
        .doing("record when to look for a post")
}

/// Ends that search.
pub(super) async fn leave_unknown(connection: &mut SqliteConnection, post: PostId) -> Result<(), StoreError> {
    sqlx::query("UPDATE posts SET unknown_since = NULL, looks = 0, failed_looks = 0, look_at = NULL WHERE id = ?")
        .bind(post.get())
        .execute(connection)
        .await
        .map(drop)
        .doing("end the search for a post")
}

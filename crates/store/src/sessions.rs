//! The sessions of the admin page.
//!
//! One constraint: whoever reads this table can open no session, because it holds only the digest of each secret.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row as _, SqliteConnection};

use super::columns::{instant, stored, word};
use super::error::Doing as _;
use super::{Role, Store, StoreError};

/// How exactly the last use of a session is recorded: not every request is worth a write.
const SEEN_EVERY: SignedDuration = SignedDuration::from_secs(60);

/// A session about to begin.
#[derive(Debug, Clone)]
pub struct NewSession<'a> {
    pub id: &'a str,
    pub secret_sha256: [u8; 32],
    /// The user's name.
    pub user: &'a str,
}

/// How long a session lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLimits {
    /// Without use.
    pub idle: Duration,
    /// In all.
    pub expires: Duration,
}

/// A session that is not over, and its user.
#[derive(Debug, Clone)]
pub struct SessionUser {
    pub id: String,
    pub secret_sha256: Vec<u8>,
    pub name: String,
    pub role: Role,
    pub created_at: Timestamp,
    pub last_seen_at: Timestamp,
    pub expires_at: Timestamp,
}

impl FromRow<'_, SqliteRow> for SessionUser {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            secret_sha256: row.try_get("secret_sha256")?,
            name: row.try_get("name")?,
            role: word(row, "role", Role::from_word)?,
            created_at: instant(row, "created_at")?,
            last_seen_at: instant(row, "last_seen_at")?,
            expires_at: instant(row, "expires_at")?,
        })
    }
}

/// Ends all sessions of a user but `kept`; returns how many.
pub(super) async fn end_sessions(
    connection: &mut SqliteConnection,
    user: i64,
    kept: Option<&str>,
) -> Result<u64, StoreError> {
    let ended = sqlx::query("DELETE FROM sessions WHERE user_id = ? AND id IS NOT ?")
        .bind(user)
        .bind(kept)
        .execute(connection)
        .await
        .doing("end the sessions")?;
    Ok(ended.rows_affected())
}

/// Returns the instant `span` before `now`.
fn before(now: Timestamp, span: Duration) -> Timestamp {
    SignedDuration::try_from(span).ok().and_then(|span| now.checked_sub(span).ok()).unwrap_or(Timestamp::MIN)
}

impl Store {
    /// Begins a session of a user who may sign in, ends the one with the id and the secret's digest in `replaced`, and
    /// forgets those that are over. Returns whether there is such a user.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn start_session(
        &self,
        new: &NewSession<'_>,
        replaced: Option<(&str, [u8; 32])>,
        limits: SessionLimits,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query(
            "DELETE FROM sessions WHERE expires_at <= ? OR last_seen_at <= ? OR (id = ? AND secret_sha256 = ?)",
        )
        .bind(stored(now))
        .bind(stored(before(now, limits.idle)))
        .bind(replaced.map(|(id, _)| id))
        .bind(replaced.map(|(_, secret)| secret.to_vec()))
        .execute(&mut *transaction)
        .await
        .doing("forget the sessions that are over")?;
        let expires = SignedDuration::try_from(limits.expires).ok().and_then(|span| now.checked_add(span).ok());
        let row = sqlx::query(
            "INSERT INTO sessions (id, secret_sha256, user_id, created_at, last_seen_at, expires_at)
             SELECT ?1, ?2, id, ?3, ?3, ?4 FROM users
             WHERE name = ?5 AND removed_at IS NULL AND disabled_at IS NULL",
        )
        .bind(new.id)
        .bind(&new.secret_sha256[..])
        .bind(stored(now))
        .bind(stored(expires.unwrap_or(Timestamp::MAX)))
        .bind(new.user)
        .execute(&mut *transaction)
        .await
        .doing("begin a session")?;
        transaction.commit().await.doing("begin a session")?;
        Ok(row.rows_affected() == 1)
    }

    /// Returns the session with this id if it is not over and its user may still sign in.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn session(&self, id: &str, idle: Duration, now: Timestamp) -> Result<Option<SessionUser>, StoreError> {
        sqlx::query_as(
            "SELECT sessions.id, secret_sha256, name, role, sessions.created_at, last_seen_at, expires_at
             FROM sessions JOIN users ON users.id = user_id
             WHERE sessions.id = ? AND expires_at > ? AND last_seen_at > ?
                 AND removed_at IS NULL AND disabled_at IS NULL",
        )
        .bind(id)
        .bind(stored(now))
        .bind(stored(before(now, idle)))
        .fetch_optional(self.readers())
        .await
        .doing("read the session")
    }

    /// Records that a session was used, if the last use on record is more than a minute old.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn touch_session(&self, session: &SessionUser, now: Timestamp) -> Result<(), StoreError> {
        if now.duration_since(session.last_seen_at) < SEEN_EVERY {
            return Ok(());
        }
        let mut transaction = self.begin().await?;
        sqlx::query("UPDATE sessions SET last_seen_at = ? WHERE id = ?")
            .bind(stored(now))
            .bind(&session.id)
            .execute(&mut *transaction)
            .await
            .doing("record the session's use")?;
        transaction.commit().await.doing("record the session's use")
    }

    /// Ends one session.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn end_session(&self, id: &str) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query("DELETE FROM sessions WHERE id = ?")
            .bind(id)
            .execute(&mut *transaction)
            .await
            .doing("end the session")?;
        transaction.commit().await.doing("end the session")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RecordKind;
    use crate::testing::{TestStore, at};

    const LIMITS: SessionLimits =
        SessionLimits { idle: Duration::from_secs(12 * 3600), expires: Duration::from_secs(7 * 24 * 3600) };

    async fn with_ana() -> TestStore {
        let test = TestStore::open().await;
        test.store.add_user("ana", Role::Reader, "$argon2id$x", "root", at("2026-03-01T00:00:00Z")).await.unwrap();
        test
    }

    fn session<'a>(id: &'a str, user: &'a str) -> NewSession<'a> {
        NewSession { id, secret_sha256: [7; 32], user }
    }

    #[tokio::test]
    async fn a_session_ends_when_it_is_not_used_and_at_the_latest_after_its_whole_time() {
        let test = with_ana().await;
        let start = at("2026-03-01T00:00:00Z");
        assert!(test.store.start_session(&session("a", "ana"), None, LIMITS, start).await.unwrap());
        let found = |now: &'static str| {
            let store = test.store.clone();
            async move { store.session("a", LIMITS.idle, at(now)).await.unwrap() }
        };
        let one = found("2026-03-01T11:59:59Z").await.unwrap();
        assert_eq!((one.name.as_str(), one.role), ("ana", Role::Reader));
        assert!(found("2026-03-01T12:00:00Z").await.is_none());
        // Used every ten hours, it lasts seven days and no longer.
        let mut now = start;
        for _ in 0..16 {
            now += SignedDuration::from_hours(10);
            let used = test.store.session("a", LIMITS.idle, now).await.unwrap().unwrap();
            test.store.touch_session(&used, now).await.unwrap();
        }
        assert!(found("2026-03-07T23:59:59Z").await.is_some());
        assert!(found("2026-03-08T00:00:00Z").await.is_none());
    }

    #[tokio::test]
    async fn whoever_may_not_sign_in_has_no_session_any_more() {
        let test = with_ana().await;
        let now = at("2026-03-01T00:00:00Z");
        assert!(!test.store.start_session(&session("n", "nobody"), None, LIMITS, now).await.unwrap());
        for id in ["a", "b", "c"] {
            test.store.start_session(&session(id, "ana"), None, LIMITS, now).await.unwrap();
        }
        test.store.start_session(&session("x", "ana"), Some(("c", [8; 32])), LIMITS, now).await.unwrap();
        assert!(test.store.session("c", LIMITS.idle, now).await.unwrap().is_some(), "an id without its secret");
        test.store.start_session(&session("d", "ana"), Some(("x", [7; 32])), LIMITS, now).await.unwrap();
        test.store.start_session(&session("d2", "ana"), Some(("c", [7; 32])), LIMITS, now).await.unwrap();
        assert!(test.store.session("c", LIMITS.idle, now).await.unwrap().is_none(), "replaced at the sign-in");
        assert_eq!(test.store.end_sessions_of("ana", Some("a"), "root", now).await.unwrap(), 3);
        let last = test.store.log_records(test.store.tree_head().await.unwrap().size - 1, 1).await.unwrap().remove(0);
        assert_eq!((last.kind, last.by.as_deref()), (RecordKind::UserChanged, Some("root")));
        assert!(test.store.session("a", LIMITS.idle, now).await.unwrap().is_some());
        test.store.set_disabled("ana", true, "root", now).await.unwrap();
        assert!(test.store.session("a", LIMITS.idle, now).await.unwrap().is_none());
        assert!(!test.store.start_session(&session("e", "ana"), None, LIMITS, now).await.unwrap());
    }
}

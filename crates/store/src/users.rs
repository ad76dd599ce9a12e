//! The users of the admin page. A removed user's row stays, because decisions name the person and the audit log holds
//! a digest of the row.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row as _, SqliteConnection, SqliteTransaction};

use super::columns::{instant, instant_or_none, stored, word};
use super::error::{Doing as _, is_taken};
use super::ledger::{self, Entry, Row};
use super::sessions::end_sessions;
use super::sign_ins::forget_tries;
use super::{RecordKind, Role, Store, StoreError};

/// The longest name, in characters.
const LONGEST_NAME: usize = 40;

/// A user as `admin user list` shows it. The password's hash is not part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UserRecord {
    #[serde(skip)]
    pub id: i64,
    pub name: String,
    pub role: Role,
    pub created_at: Timestamp,
    pub created_by: String,
    /// Since when the user may not sign in.
    pub disabled_at: Option<Timestamp>,
    /// How many sessions the user has open, expired ones included until the next sign-in.
    pub sessions: i64,
    /// When one of them was last used.
    pub last_seen_at: Option<Timestamp>,
}

impl FromRow<'_, SqliteRow> for UserRecord {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            role: word(row, "role", Role::from_word)?,
            created_at: instant(row, "created_at")?,
            created_by: row.try_get("created_by")?,
            disabled_at: instant_or_none(row, "disabled_at")?,
            sessions: row.try_get("sessions")?,
            last_seen_at: instant_or_none(row, "last_seen_at")?,
        })
    }
}

/// Why a user could not be added or changed.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    #[error("{name:?}: expected a name of 1 to {LONGEST_NAME} letters, digits, dots, hyphens, underscores or @")]
    BadName { name: String },
    #[error("{name}: there is a user of this name already; `pregonero admin user list` shows them")]
    NameTaken { name: String },
    #[error("{name}: there is no user of this name; `pregonero admin user list` shows them")]
    NoSuchUser { name: String },
    #[error(transparent)]
    Store(#[from] StoreError),
}

const SELECT: &str =
    "SELECT users.id, name, role, users.created_at, created_by, disabled_at, count(sessions.id) AS sessions,
         max(last_seen_at) AS last_seen_at
     FROM users LEFT JOIN sessions ON user_id = users.id WHERE removed_at IS NULL";

/// Returns the name if it may be one: it is shown in the log, in tables and on the page, so it has no spaces and no
/// characters that a person cannot see.
fn checked(name: &str) -> Result<&str, UserError> {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '@');
    if (1..=LONGEST_NAME).contains(&name.chars().count()) && name.chars().all(fits) {
        return Ok(name);
    }
    Err(UserError::BadName { name: name.to_owned() })
}

/// Returns the number of a user who was not removed.
async fn number(connection: &mut SqliteConnection, name: &str) -> Result<i64, UserError> {
    let id = sqlx::query_scalar("SELECT id FROM users WHERE name = ? AND removed_at IS NULL")
        .bind(name)
        .fetch_optional(connection)
        .await
        .doing("look for the user")?;
    id.ok_or_else(|| UserError::NoSuchUser { name: name.to_owned() })
}

/// Appends the act to the audit log and ends its transaction.
async fn commit(
    mut transaction: SqliteTransaction<'_>,
    (kind, id, about): (RecordKind, i64, Value),
    by: &str,
    now: Timestamp,
) -> Result<(), UserError> {
    let entry = Entry { kind, by: Some(by), subject: None, body: about, rows: &[Row::User(id)] };
    ledger::append(&mut transaction, entry, now).await?;
    Ok(transaction.commit().await.doing("record the change of the user")?)
}

impl Store {
    /// Adds a user with a password's hash, on behalf of `by`.
    ///
    /// # Errors
    /// [`UserError::BadName`], [`UserError::NameTaken`], or if the database cannot be written.
    pub async fn add_user(&self, name: &str, role: Role, phc: &str, by: &str, now: Timestamp) -> Result<(), UserError> {
        let name = checked(name)?;
        let mut transaction = self.begin().await?;
        let row = sqlx::query("INSERT INTO users (name, role, phc, created_at, created_by) VALUES (?, ?, ?, ?, ?)")
            .bind(name)
            .bind(role.as_str())
            .bind(phc)
            .bind(stored(now))
            .bind(by)
            .execute(&mut *transaction)
            .await
            .map_err(|error| match is_taken(&error, "users.name") {
                true => UserError::NameTaken { name: name.to_owned() },
                false => StoreError::Database { doing: "add the user", source: error }.into(),
            })?;
        let act = (RecordKind::UserAdded, row.last_insert_rowid(), json!({"name": name, "role": role}));
        commit(transaction, act, by, now).await
    }

    /// Gives a user another role and ends all sessions: none goes on with more rights than it began with.
    ///
    /// # Errors
    /// [`UserError::NoSuchUser`], or if the database cannot be written.
    pub async fn set_role(&self, name: &str, role: Role, by: &str, now: Timestamp) -> Result<(), UserError> {
        let mut transaction = self.begin().await?;
        let id = number(&mut transaction, name).await?;
        sqlx::query("UPDATE users SET role = ? WHERE id = ?")
            .bind(role.as_str())
            .bind(id)
            .execute(&mut *transaction)
            .await
            .doing("change the user's role")?;
        end_sessions(&mut transaction, id, None).await?;
        let act = (RecordKind::RoleChanged, id, json!({"name": name, "role": role}));
        commit(transaction, act, by, now).await
    }

    /// Gives a user another password, ends all sessions, and forgets the wrong tries with the old one.
    ///
    /// # Errors
    /// [`UserError::NoSuchUser`], or if the database cannot be written.
    pub async fn set_password(&self, name: &str, phc: &str, by: &str, now: Timestamp) -> Result<(), UserError> {
        let mut transaction = self.begin().await?;
        let id = number(&mut transaction, name).await?;
        sqlx::query("UPDATE users SET phc = ? WHERE id = ?")
            .bind(phc)
            .bind(id)
            .execute(&mut *transaction)
            .await
            .doing("change the user's password")?;
        end_sessions(&mut transaction, id, None).await?;
        forget_tries(&mut transaction, name).await?;
        let act = (RecordKind::UserChanged, id, json!({"name": name, "password": "changed"}));
        commit(transaction, act, by, now).await
    }

    /// Lets a user sign in no more and ends the sessions, or lets the user sign in again.
    ///
    /// # Errors
    /// [`UserError::NoSuchUser`], or if the database cannot be written.
    pub async fn set_disabled(&self, name: &str, disabled: bool, by: &str, now: Timestamp) -> Result<(), UserError> {
        let mut transaction = self.begin().await?;
        let id = number(&mut transaction, name).await?;
        sqlx::query("UPDATE users SET disabled_at = ? WHERE id = ?")
            .bind(disabled.then(|| stored(now)))
            .bind(id)
            .execute(&mut *transaction)
            .await
            .doing("disable the user")?;
        if disabled {
            end_sessions(&mut transaction, id, None).await?;
        }
        let act = (RecordKind::UserChanged, id, json!({"name": name, "disabled": disabled}));
        commit(transaction, act, by, now).await
    }

    /// Removes a user: the password and the sessions are gone, and the name is free again.
    ///
    /// # Errors
    /// [`UserError::NoSuchUser`], or if the database cannot be written.
    pub async fn remove_user(&self, name: &str, by: &str, now: Timestamp) -> Result<(), UserError> {
        let mut transaction = self.begin().await?;
        let id = number(&mut transaction, name).await?;
        sqlx::query("UPDATE users SET phc = NULL, removed_at = ? WHERE id = ?")
            .bind(stored(now))
            .bind(id)
            .execute(&mut *transaction)
            .await
            .doing("remove the user")?;
        end_sessions(&mut transaction, id, None).await?;
        let act = (RecordKind::UserRemoved, id, json!({"name": name}));
        commit(transaction, act, by, now).await
    }

    /// Ends all sessions of a user but `kept`, on behalf of `by`; returns how many.
    ///
    /// # Errors
    /// [`UserError::NoSuchUser`], or if the database cannot be written.
    pub async fn end_sessions_of(
        &self,
        name: &str,
        kept: Option<&str>,
        by: &str,
        now: Timestamp,
    ) -> Result<u64, UserError> {
        let mut transaction = self.begin().await?;
        let id = number(&mut transaction, name).await?;
        let ended = end_sessions(&mut transaction, id, kept).await?;
        let act = (RecordKind::UserChanged, id, json!({"name": name, "sessions_ended": ended}));
        commit(transaction, act, by, now).await?;
        Ok(ended)
    }

    /// Returns the users by name, removed ones left out.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn users(&self) -> Result<Vec<UserRecord>, StoreError> {
        sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} GROUP BY users.id ORDER BY name")))
            .fetch_all(self.readers())
            .await
            .doing("read the users")
    }

    /// Returns whether anybody may sign in.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn has_users(&self) -> Result<bool, StoreError> {
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM users WHERE removed_at IS NULL AND disabled_at IS NULL)")
            .fetch_one(self.readers())
            .await
            .doing("look for users of the page")
    }

    /// Returns whether anybody may sign in who may decide on posts.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn has_reviewers(&self) -> Result<bool, StoreError> {
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM users
                 WHERE removed_at IS NULL AND disabled_at IS NULL AND role IN ('reviewer', 'admin'))",
        )
        .fetch_one(self.readers())
        .await
        .doing("look for users of the page")
    }

    /// Returns the hash of the password of a user who may sign in, with the user's exact name.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn password_hash(&self, name: &str) -> Result<Option<(String, String)>, StoreError> {
        sqlx::query_as("SELECT name, phc FROM users WHERE name = ? AND removed_at IS NULL AND disabled_at IS NULL")
            .bind(name)
            .fetch_optional(self.readers())
            .await
            .doing("read the user")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestStore, at};

    const PHC: &str = "$argon2id$invented";

    #[tokio::test]
    async fn a_user_is_added_changed_and_removed_and_the_name_is_free_again() {
        let test = TestStore::open().await;
        let (store, now) = (&test.store, at("2026-03-01T14:00:00Z"));
        assert!(!store.has_users().await.unwrap());
        store.add_user("Ana", Role::Reviewer, PHC, "root", now).await.unwrap();
        assert!(store.has_users().await.unwrap() && store.has_reviewers().await.unwrap());
        let twice = store.add_user("ana", Role::Admin, PHC, "root", now).await.unwrap_err();
        assert!(matches!(twice, UserError::NameTaken { .. }), "{twice:?}");
        store.set_role("ana", Role::Admin, "root", now).await.unwrap();
        assert_eq!(store.users().await.unwrap()[0].role, Role::Admin);
        assert_eq!(store.password_hash("ANA").await.unwrap(), Some(("Ana".to_owned(), PHC.to_owned())));
        store.set_disabled("ana", true, "root", now).await.unwrap();
        assert_eq!((store.password_hash("ana").await.unwrap(), store.has_users().await.unwrap()), (None, false));
        store.set_disabled("ana", false, "root", now).await.unwrap();
        store.remove_user("ana", "root", now).await.unwrap();
        assert_eq!((store.users().await.unwrap(), store.has_users().await.unwrap()), (vec![], false));
        let gone = store.set_password("ana", PHC, "root", now).await.unwrap_err();
        assert!(matches!(gone, UserError::NoSuchUser { .. }), "{gone:?}");
        store.add_user("ana", Role::Reader, PHC, "root", now).await.unwrap();
        assert!(store.has_users().await.unwrap() && !store.has_reviewers().await.unwrap(), "a reader decides nothing");
    }

    #[tokio::test]
    async fn a_name_has_no_character_that_a_person_cannot_see_or_that_is_markup() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let long = "a".repeat(41);
        for name in ["", " ", "a b", "<script>", "a\u{202e}b", "a\u{200b}", "a\nb", "🤖", "=a", &long] {
            let refused = test.store.add_user(name, Role::Reader, PHC, "root", now).await.unwrap_err();
            assert!(matches!(refused, UserError::BadName { .. }), "{name:?}: {refused:?}");
        }
        for name in ["José.Pérez", "ana@example.org", "a_b-1"] {
            test.store.add_user(name, Role::Reader, PHC, "root", now).await.unwrap();
        }
    }
}

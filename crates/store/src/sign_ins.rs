//! The tries to sign in, and how long somebody has to wait after wrong ones.
//!
//! One constraint: a try is on record before the password is looked at, so that a hundred tries at the same moment count
//! as a hundred.

use jiff::{SignedDuration, Timestamp};
use sqlx::{Row as _, SqliteConnection};

use super::columns::{instant_or_none, stored};
use super::error::Doing as _;
use super::{Store, StoreError};

/// Wrong tries in a row without a wait.
const FREE_OF_ACCOUNT: i64 = 5;
/// An address may be shared by the people of one office.
const FREE_OF_ADDRESS: i64 = 20;

/// The first wait; it doubles with each further wrong try.
const FIRST_WAIT: SignedDuration = SignedDuration::from_mins(1);

/// The longest wait: a person who is locked out by somebody else's tries gets in after an hour.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(1);

/// Wrong tries older than this do not count.
const COUNTED: SignedDuration = SignedDuration::from_hours(24);

/// How long tries are kept.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A try that may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignInTry(i64);

/// The answer to too many wrong tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignInWait {
    /// When the next try may be made.
    pub until: Timestamp,
}

impl Store {
    /// Records a try to sign in, as a wrong one until [`Self::sign_in_succeeded`]; or returns when the next one may be
    /// made. `account` is the digest of the name that was typed.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn try_sign_in(
        &self,
        account: &[u8; 32],
        address: &str,
        now: Timestamp,
    ) -> Result<Result<SignInTry, SignInWait>, StoreError> {
        let mut transaction = self.begin().await?;
        let of_account = wait(&mut transaction, "account_sha256", account, FREE_OF_ACCOUNT, now).await?;
        let of_address = wait(&mut transaction, "address", address.as_bytes(), FREE_OF_ADDRESS, now).await?;
        if let Some(until) = of_account.max(of_address).filter(|until| *until > now) {
            return Ok(Err(SignInWait { until }));
        }
        let oldest = now.checked_sub(KEPT).unwrap_or(Timestamp::MIN);
        sqlx::query("DELETE FROM sign_ins WHERE at < ?")
            .bind(stored(oldest))
            .execute(&mut *transaction)
            .await
            .doing("forget old tries to sign in")?;
        let row = sqlx::query("INSERT INTO sign_ins (account_sha256, address, at, ok) VALUES (?, ?, ?, 0)")
            .bind(&account[..])
            .bind(address)
            .bind(stored(now))
            .execute(&mut *transaction)
            .await
            .doing("record a try to sign in")?;
        transaction.commit().await.doing("record a try to sign in")?;
        Ok(Ok(SignInTry(row.last_insert_rowid())))
    }

    /// Records that the password was right: the wrong tries before it no longer count.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn sign_in_succeeded(&self, tried: SignInTry) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query("UPDATE sign_ins SET ok = 1 WHERE id = ?")
            .bind(tried.0)
            .execute(&mut *transaction)
            .await
            .doing("record the sign-in")?;
        transaction.commit().await.doing("record the sign-in")
    }
}

/// Returns until when the tries of one account or address have to wait.
async fn wait(
    connection: &mut SqliteConnection,
    column: &'static str,
    value: &[u8],
    free: i64,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let since = now.checked_sub(COUNTED).unwrap_or(Timestamp::MIN);
    let value_is = if column == "address" { "address = CAST(?1 AS TEXT)" } else { "account_sha256 = ?1" };
    let row = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT count(*) AS tries, max(at) AS last FROM sign_ins WHERE {value_is} AND at >= ?2 AND ok = 0
             AND id > coalesce((SELECT max(id) FROM sign_ins WHERE {value_is} AND ok = 1), 0)"
    )))
    .bind(value)
    .bind(stored(since))
    .fetch_one(connection)
    .await
    .doing("count the tries to sign in")?;
    let tries: i64 = row.try_get("tries").doing("count the tries to sign in")?;
    let last = instant_or_none(&row, "last").doing("count the tries to sign in")?;
    Ok(last.filter(|_| tries >= free).map(|last| last + length_of_wait(tries - free)))
}

fn length_of_wait(beyond: i64) -> SignedDuration {
    let doubled = i32::try_from(beyond).ok().and_then(|beyond| 2_i32.checked_pow(u32::try_from(beyond).ok()?));
    doubled.and_then(|factor| FIRST_WAIT.checked_mul(factor)).map_or(LONGEST_WAIT, |wait| wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestStore, at};

    const NOON: &str = "2026-03-01T12:00:00Z";

    #[tokio::test]
    async fn after_five_wrong_tries_an_account_waits_twice_as_long_each_time() {
        let test = TestStore::open().await;
        let mut now = at(NOON);
        let attempt = |account: u8, address: &'static str, now| {
            let store = test.store.clone();
            async move { store.try_sign_in(&[account; 32], address, now).await.unwrap() }
        };
        for _ in 0..5 {
            attempt(1, "10.0.0.1", now).await.unwrap();
        }
        let mut waits = Vec::new();
        for _ in 0..8 {
            // From another address too.
            let until = attempt(1, "10.0.0.2", now).await.unwrap_err().until;
            waits.push(until.duration_since(now).as_secs());
            now = until;
            attempt(1, "10.0.0.1", now).await.unwrap();
        }
        assert_eq!(waits, [60, 120, 240, 480, 960, 1920, 3600, 3600]);
        attempt(2, "10.0.0.1", now).await.unwrap();
        let tomorrow = now + SignedDuration::from_hours(25);
        attempt(1, "10.0.0.1", tomorrow).await.unwrap();
    }

    #[tokio::test]
    async fn an_address_that_tries_many_accounts_waits_and_a_success_ends_the_count() {
        let test = TestStore::open().await;
        let now = at(NOON);
        for account in 0..20 {
            test.store.try_sign_in(&[account; 32], "10.0.0.1", now).await.unwrap().unwrap();
        }
        test.store.try_sign_in(&[99; 32], "10.0.0.1", now).await.unwrap().unwrap_err();
        test.store.try_sign_in(&[99; 32], "10.0.0.2", now).await.unwrap().unwrap();
        let later = now + SignedDuration::from_mins(1);
        let tried = test.store.try_sign_in(&[99; 32], "10.0.0.1", later).await.unwrap().unwrap();
        test.store.sign_in_succeeded(tried).await.unwrap();
        for _ in 0..5 {
            test.store.try_sign_in(&[98; 32], "10.0.0.1", later).await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn tries_at_the_same_moment_are_all_counted() {
        let test = TestStore::open().await;
        let tries = (0..40).map(|_| {
            let store = test.store.clone();
            tokio::spawn(async move { store.try_sign_in(&[1; 32], "10.0.0.1", at(NOON)).await.unwrap() })
        });
        let tries: Vec<_> = tries.collect();
        let mut allowed = 0;
        for tried in tries {
            allowed += usize::from(tried.await.unwrap().is_ok());
        }
        assert_eq!(allowed, 5);
    }
}

//! The tries to sign in, and how long somebody has to wait after wrong ones.
//!
//! One constraint: a try is on record before the password is looked at, so that a hundred tries at the same moment count
//! as a hundred.

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Row as _, Sqlite, SqliteConnection};

use super::columns::{instant_or_none, stored};
use super::error::Doing as _;
use super::{Store, StoreError};

/// Wrong tries in a row for one account from one address without a wait. Not from all addresses together: else whoever
/// knows a name could lock its owner out.
const FREE_OF_ACCOUNT: i64 = 5;
/// An address may be shared by the people of one office.
const FREE_OF_ADDRESS: i64 = 20;

/// Wrong tries for one account in an hour, from wherever, after which each further try waits a little. An address from which
/// the account was signed in to does not wait.
const CEILING_OF_ACCOUNT: i64 = 50;
const CEILING_COUNTS: SignedDuration = SignedDuration::from_hours(1);
const CEILING_WAIT: SignedDuration = SignedDuration::from_secs(10);

/// The first wait; it doubles with each further wrong try.
const FIRST_WAIT: SignedDuration = SignedDuration::from_mins(1);

/// The longest wait.
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
    /// made. `account` is the SHA-256 of the name that was typed, trimmed and in lower case.
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
        let (one, all) = (tries_here(account, address, now), tries_of_account(account, address, now));
        let here = wait(&mut transaction, one, FREE_OF_ACCOUNT, length_of_wait).await?;
        let of_address =
            wait(&mut transaction, tries_of_address(address, now), FREE_OF_ADDRESS, length_of_wait).await?;
        let of_account = wait(&mut transaction, all, CEILING_OF_ACCOUNT, |_| CEILING_WAIT).await?;
        if let Some(until) = here.max(of_address).max(of_account).filter(|until| *until > now) {
            return Ok(Err(SignInWait { until }));
        }
        sqlx::query("DELETE FROM sign_ins WHERE at < ?")
            .bind(before(now, KEPT))
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

    /// Records that the password was right: the wrong tries for this account from this address no longer count.
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

type Question<'q> = Query<'q, Sqlite, SqliteArguments>;

/// Returns until when somebody has to wait. `question` counts the wrong tries (`tries`) and has the time of the latest
/// (`last`); from the number `free` on, each one more makes the wait that `length` gives.
async fn wait(
    connection: &mut SqliteConnection,
    question: Question<'_>,
    free: i64,
    length: impl Fn(i64) -> SignedDuration,
) -> Result<Option<Timestamp>, StoreError> {
    const DOING: &str = "count the tries to sign in";
    let row = question.fetch_one(connection).await.doing(DOING)?;
    let tries: i64 = row.try_get("tries").doing(DOING)?;
    let last = instant_or_none(&row, "last").doing(DOING)?;
    Ok(last.filter(|_| tries >= free).map(|last| last + length(tries - free)))
}

/// Returns the instant `span` before `now` as the database has it.
fn before(now: Timestamp, span: SignedDuration) -> String {
    stored(now.checked_sub(span).unwrap_or(Timestamp::MIN))
}

/// Counts the wrong tries for an account from one address since it last signed in there.
fn tries_here<'q>(account: &'q [u8; 32], address: &'q str, now: Timestamp) -> Question<'q> {
    sqlx::query(
        "SELECT count(*) AS tries, max(at) AS last FROM sign_ins
         WHERE account_sha256 = ?1 AND address = ?2 AND at >= ?3 AND ok = 0
             AND id > coalesce((SELECT max(id) FROM sign_ins WHERE account_sha256 = ?1 AND address = ?2 AND ok = 1), 0)",
    )
    .bind(&account[..])
    .bind(address)
    .bind(before(now, COUNTED))
}

/// Counts the wrong tries from an address. Signing in takes away the wrong tries for that account alone: otherwise whoever
/// has an account could try those of others for ever.
fn tries_of_address(address: &str, now: Timestamp) -> Question<'_> {
    sqlx::query(
        "SELECT count(*) AS tries, max(at) AS last FROM sign_ins AS wrong
         WHERE address = ?1 AND at >= ?2 AND ok = 0 AND NOT EXISTS (
             SELECT 1 FROM sign_ins AS later
             WHERE later.account_sha256 = wrong.account_sha256 AND later.address = ?1 AND later.ok = 1
                 AND later.id > wrong.id)",
    )
    .bind(address)
    .bind(before(now, COUNTED))
}

/// Counts the wrong tries for an account from all addresses, if this address is new to it.
fn tries_of_account<'q>(account: &'q [u8; 32], address: &'q str, now: Timestamp) -> Question<'q> {
    sqlx::query(
        "SELECT count(*) AS tries, max(at) AS last FROM sign_ins
         WHERE account_sha256 = ?1 AND at >= ?3 AND ok = 0
             AND NOT EXISTS (SELECT 1 FROM sign_ins WHERE account_sha256 = ?1 AND address = ?2 AND ok = 1)",
    )
    .bind(&account[..])
    .bind(address)
    .bind(before(now, CEILING_COUNTS))
}

/// Forgets the wrong tries for a user, whose password is another one now.
pub(super) async fn forget_tries(connection: &mut SqliteConnection, name: &str) -> Result<(), StoreError> {
    let account: [u8; 32] = Sha256::digest(name.trim().to_lowercase()).into();
    sqlx::query("DELETE FROM sign_ins WHERE account_sha256 = ? AND ok = 0")
        .bind(&account[..])
        .execute(connection)
        .await
        .doing("forget the wrong tries to sign in")?;
    Ok(())
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
            let until = attempt(1, "10.0.0.1", now).await.unwrap_err().until;
            waits.push(until.duration_since(now).as_secs());
            now = until;
            attempt(1, "10.0.0.1", now).await.unwrap();
        }
        assert_eq!(waits, [60, 120, 240, 480, 960, 1920, 3600, 3600]);
        attempt(2, "10.0.0.1", now).await.unwrap();
        // Whoever tries from elsewhere does not lock the owner out.
        attempt(1, "10.0.0.2", now).await.unwrap();
        let tomorrow = now + SignedDuration::from_hours(25);
        attempt(1, "10.0.0.1", tomorrow).await.unwrap();
    }

    #[tokio::test]
    async fn many_wrong_tries_from_many_addresses_only_slow_down_and_not_at_an_address_that_is_known() {
        let test = TestStore::open().await;
        let now = at(NOON);
        let account: [u8; 32] = Sha256::digest("ana").into();
        let known = test.store.try_sign_in(&account, "10.0.0.1", now).await.unwrap().unwrap();
        test.store.sign_in_succeeded(known).await.unwrap();
        for address in 0..10 {
            for _ in 0..5 {
                test.store.try_sign_in(&account, &format!("192.0.2.{address}"), now).await.unwrap().unwrap();
            }
        }
        let wait = test.store.try_sign_in(&account, "198.51.100.1", now).await.unwrap().unwrap_err();
        assert_eq!(wait.until.duration_since(now).as_secs(), 10);
        test.store.try_sign_in(&account, "10.0.0.1", now).await.unwrap().unwrap();
        test.store.try_sign_in(&account, "198.51.100.1", wait.until).await.unwrap().unwrap();
        // A new password forgets them all.
        test.store.add_user("Ana", crate::Role::Reader, "$argon2id$x", "root", now).await.unwrap();
        test.store.set_password("ana", "$argon2id$y", "root", now).await.unwrap();
        for _ in 0..5 {
            test.store.try_sign_in(&account, "192.0.2.1", now).await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn an_address_that_tries_many_accounts_waits_and_a_success_ends_the_count_of_its_account_alone() {
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
        let wait = test.store.try_sign_in(&[98; 32], "10.0.0.1", now + SignedDuration::from_secs(59)).await.unwrap();
        wait.unwrap_err();
        test.store.try_sign_in(&[98; 32], "10.0.0.1", later).await.unwrap().unwrap();
        test.store.try_sign_in(&[98; 32], "10.0.0.1", later).await.unwrap().unwrap_err();
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

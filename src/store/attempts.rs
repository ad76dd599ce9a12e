//! The calls to X: the intent before, the outcome after, and what they cost.
//!
//! One constraint: [`Store::arm`] has the intent on disk before it returns, so that a crash during the call leaves an
//! armed post, which [`Store::recover_armed`] turns into an unknown one, never into one that is sent again.

use jiff::Timestamp;
use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row as _, SqliteConnection};

use super::columns::{instant, instant_or_none, stored, word};
use super::error::Doing as _;
use super::posts::{state_and_expiry, transition};
use super::{AttemptId, AttemptOutcome, PostId, PostState, Store, StoreError};

/// A call as recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttemptRecord {
    pub id: AttemptId,
    pub started_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    pub outcome: AttemptOutcome,
    /// X's price for it, in millionths of a dollar.
    pub price_micros: i64,
    #[serde(flatten)]
    pub detail: CallDetail,
}

/// What is known of an answer. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct CallDetail {
    pub http_status: Option<u16>,
    /// What the program made of it: the kind of refusal, the limit's window.
    pub kind: Option<String>,
    /// X's problem type.
    pub problem: Option<String>,
    /// X's own words, or why no answer came.
    pub detail: Option<String>,
    pub transaction_id: Option<String>,
}

impl FromRow<'_, SqliteRow> for AttemptRecord {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: AttemptId::new(row.try_get("id")?),
            started_at: instant(row, "started_at")?,
            finished_at: instant_or_none(row, "finished_at")?,
            outcome: word(row, "outcome", AttemptOutcome::from_word)?,
            price_micros: row.try_get("price_micros")?,
            detail: CallDetail {
                http_status: row.try_get("http_status")?,
                kind: row.try_get("kind")?,
                problem: row.try_get("problem")?,
                detail: row.try_get("detail")?,
                transaction_id: row.try_get("transaction_id")?,
            },
        })
    }
}

/// From when on the budget counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SpentSince {
    pub day: Timestamp,
    pub month: Timestamp,
}

/// What was used of the budget: every call that posted or may have posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spent {
    pub posts_today: i64,
    pub posts_this_month: i64,
    pub micros_this_month: i64,
}

/// Why a post has to wait, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Postponement {
    pub until: Timestamp,
    pub reason: String,
}

/// The right to make one call, on disk already.
#[derive(Debug)]
pub(crate) struct Armed {
    pub post: PostId,
    pub attempt: AttemptId,
    /// How many calls were made for this post before.
    pub earlier_attempts: i64,
}

/// Why a post was not armed.
#[derive(Debug)]
pub(crate) enum ArmRefusal {
    /// An earlier answer said to wait.
    NotBefore(Timestamp),
    /// `check` said no; the post waits until then.
    Postponed(Postponement),
    /// The post cannot be sent, or the database cannot be written.
    Store(StoreError),
}

impl From<StoreError> for ArmRefusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// How a call ended.
#[derive(Debug, Clone)]
pub(crate) enum CallEnd {
    /// X took it.
    Sent { tweet_id: String },
    /// X said no.
    Refused { detail: CallDetail, error: String },
    /// Nobody knows.
    Unknown { detail: CallDetail, error: String },
    /// Nothing was posted, and it may be tried again later.
    Later { outcome: AttemptOutcome, detail: CallDetail, wait: Postponement },
}

impl CallEnd {
    fn outcome(&self) -> AttemptOutcome {
        match self {
            Self::Sent { .. } => AttemptOutcome::Sent,
            Self::Refused { .. } => AttemptOutcome::Refused,
            Self::Unknown { .. } => AttemptOutcome::Unknown,
            Self::Later { outcome, .. } => *outcome,
        }
    }

    fn next_state(&self) -> PostState {
        match self {
            Self::Sent { .. } => PostState::Sent,
            Self::Refused { .. } => PostState::Refused,
            Self::Unknown { .. } => PostState::Unknown,
            Self::Later { .. } => PostState::Approved,
        }
    }
}

impl Store {
    /// Takes an approved post into `armed` and opens its attempt, durable when this returns. State, expiry, waiting
    /// time and the budget (`check`) are looked at in the same transaction.
    ///
    /// # Errors
    /// See [`ArmRefusal`]; a post whose time is up is recorded as expired, one that `check` stops as waiting.
    pub(crate) async fn arm(
        &self,
        post: PostId,
        price_micros: i64,
        since: SpentSince,
        now: Timestamp,
        check: impl FnOnce(&Spent) -> Result<(), Postponement> + Send,
    ) -> Result<Armed, ArmRefusal> {
        let mut transaction = self.begin().await?;
        self.require_lease(&mut transaction).await?;
        self.require_space()?;
        let (state, expires_at) = state_and_expiry(&mut transaction, post).await?;
        if state == PostState::Approved && expires_at <= now {
            transition(&mut transaction, post, PostState::Approved, PostState::Expired).await?;
            transaction.commit().await.doing("record that the post expired")?;
            return Err(StoreError::StateConflict { post, found: PostState::Expired, wanted: PostState::Armed }.into());
        }
        transition(&mut transaction, post, PostState::Approved, PostState::Armed).await?;
        // From here on an early return rolls the transition back.
        if let Some(until) = waits_until(&mut transaction, post).await?.filter(|until| *until > now) {
            return Err(ArmRefusal::NotBefore(until));
        }
        if let Err(wait) = check(&spent(&mut transaction, since).await?) {
            transition(&mut transaction, post, PostState::Armed, PostState::Approved).await?;
            record_trouble(&mut transaction, post, &wait.reason, Some(wait.until)).await?;
            transaction.commit().await.doing("record that the post waits")?;
            return Err(ArmRefusal::Postponed(wait));
        }
        let earlier_attempts = count_attempts(&mut transaction, post).await?;
        let attempt = open_attempt(&mut transaction, post, price_micros, now).await?;
        transaction.commit().await.doing("record the intent to post")?;
        Ok(Armed { post, attempt, earlier_attempts })
    }

    /// Records how a call ended. A post that a wrong recovery called unknown meanwhile is still settled.
    ///
    /// # Errors
    /// Where the database cannot be written; it may be called again then.
    pub(crate) async fn settle(&self, armed: &Armed, end: &CallEnd, now: Timestamp) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let post = armed.post;
        match end {
            CallEnd::Sent { tweet_id } => record_sent(&mut transaction, post, tweet_id, now).await?,
            CallEnd::Refused { error, .. } | CallEnd::Unknown { error, .. } => {
                record_trouble(&mut transaction, post, error, None).await?;
            }
            CallEnd::Later { wait, .. } => {
                record_trouble(&mut transaction, post, &wait.reason, Some(wait.until)).await?;
            }
        }
        let from = match state_and_expiry(&mut transaction, post).await? {
            (PostState::Unknown, _) => PostState::Unknown,
            _ => PostState::Armed,
        };
        transition(&mut transaction, post, from, end.next_state()).await?;
        close_attempt(&mut transaction, armed.attempt, end, now).await?;
        transaction.commit().await.doing("record the outcome of a call")
    }

    /// Turns posts whose call was under way when the program died into unknown ones, at the start and only by the
    /// holder of the instance lock: another process's call would be called unknown else.
    ///
    /// # Errors
    /// Where the database cannot be written.
    pub(crate) async fn recover_armed(&self, now: Timestamp) -> Result<Vec<PostId>, StoreError> {
        const REASON: &str = "the program ended during the call: nobody knows whether X took it";
        let mut transaction = self.begin().await?;
        let armed: Vec<i64> = sqlx::query_scalar("SELECT id FROM posts WHERE state = 'armed' ORDER BY id")
            .fetch_all(&mut *transaction)
            .await
            .doing("look for interrupted calls")?;
        let armed: Vec<PostId> = armed.into_iter().map(PostId::new).collect();
        for &post in &armed {
            transition(&mut transaction, post, PostState::Armed, PostState::Unknown).await?;
            record_trouble(&mut transaction, post, REASON, None).await?;
        }
        sqlx::query("UPDATE attempts SET outcome = 'unknown', finished_at = ?, detail = ? WHERE outcome = 'under_way'")
            .bind(stored(now))
            .bind(REASON)
            .execute(&mut *transaction)
            .await
            .doing("close interrupted calls")?;
        transaction.commit().await.doing("close interrupted calls")?;
        Ok(armed)
    }

    /// All calls made for a post, in their order.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub async fn attempts(&self, post: PostId) -> Result<Vec<AttemptRecord>, StoreError> {
        sqlx::query_as("SELECT * FROM attempts WHERE post_id = ? ORDER BY id")
            .bind(post.get())
            .fetch_all(self.readers())
            .await
            .doing("read the attempts")
    }
}

async fn waits_until(connection: &mut SqliteConnection, post: PostId) -> Result<Option<Timestamp>, StoreError> {
    let row = sqlx::query("SELECT not_before FROM posts WHERE id = ?")
        .bind(post.get())
        .fetch_one(connection)
        .await
        .doing("read the post")?;
    instant_or_none(&row, "not_before").doing("read the post")
}

async fn spent(connection: &mut SqliteConnection, since: SpentSince) -> Result<Spent, StoreError> {
    let (posts_today, posts_this_month, micros_this_month) = sqlx::query_as(
        "SELECT coalesce(sum(started_at >= ?1), 0), count(*), coalesce(sum(price_micros), 0) FROM attempts
         WHERE outcome IN ('under_way', 'sent', 'unknown') AND started_at >= ?2",
    )
    .bind(stored(since.day))
    .bind(stored(since.month))
    .fetch_one(connection)
    .await
    .doing("read what was spent")?;
    Ok(Spent { posts_today, posts_this_month, micros_this_month })
}

async fn count_attempts(connection: &mut SqliteConnection, post: PostId) -> Result<i64, StoreError> {
    sqlx::query_scalar("SELECT count(*) FROM attempts WHERE post_id = ?")
        .bind(post.get())
        .fetch_one(connection)
        .await
        .doing("read the attempts")
}

async fn open_attempt(
    connection: &mut SqliteConnection,
    post: PostId,
    price_micros: i64,
    now: Timestamp,
) -> Result<AttemptId, StoreError> {
    let row =
        sqlx::query("INSERT INTO attempts (post_id, started_at, outcome, price_micros) VALUES (?, ?, 'under_way', ?)")
            .bind(post.get())
            .bind(stored(now))
            .bind(price_micros)
            .execute(connection)
            .await
            .doing("record the intent to post")?;
    Ok(AttemptId::new(row.last_insert_rowid()))
}

async fn close_attempt(
    connection: &mut SqliteConnection,
    attempt: AttemptId,
    end: &CallEnd,
    now: Timestamp,
) -> Result<(), StoreError> {
    let nothing = CallDetail::default();
    let detail = match end {
        CallEnd::Sent { .. } => &nothing,
        CallEnd::Refused { detail, .. } | CallEnd::Unknown { detail, .. } | CallEnd::Later { detail, .. } => detail,
    };
    sqlx::query(
        "UPDATE attempts SET outcome = ?, finished_at = ?, http_status = ?, kind = ?, problem = ?, detail = ?,
             transaction_id = ? WHERE id = ?",
    )
    .bind(end.outcome().as_str())
    .bind(stored(now))
    .bind(detail.http_status)
    .bind(&detail.kind)
    .bind(&detail.problem)
    .bind(&detail.detail)
    .bind(&detail.transaction_id)
    .bind(attempt.get())
    .execute(connection)
    .await
    .map(drop)
    .doing("record the outcome of a call")
}

async fn record_sent(
    connection: &mut SqliteConnection,
    post: PostId,
    tweet_id: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE posts SET tweet_id = ?, sent_at = ?, error = NULL, not_before = NULL WHERE id = ?")
        .bind(tweet_id)
        .bind(stored(now))
        .bind(post.get())
        .execute(connection)
        .await
        .map(drop)
        .doing("record the tweet's id")
}

async fn record_trouble(
    connection: &mut SqliteConnection,
    post: PostId,
    error: &str,
    not_before: Option<Timestamp>,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE posts SET error = ?, not_before = ? WHERE id = ?")
        .bind(error)
        .bind(not_before.map(stored))
        .bind(post.get())
        .execute(connection)
        .await
        .map(drop)
        .doing("record what went wrong")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{TestStore, at};

    fn since(now: Timestamp) -> SpentSince {
        SpentSince { day: now, month: now }
    }

    #[tokio::test]
    async fn arming_is_on_disk_for_everybody_before_the_call() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let id = test.approved("El mercado abre temprano.", now).await;
        test.store.arm(id, 15_000, since(now), now, |_| Ok(())).await.unwrap();
        let other = Store::open_read_only(test.store.path()).await.unwrap();
        assert_eq!(other.post(id).await.unwrap().state, PostState::Armed);
        let attempts = other.attempts(id).await.unwrap();
        assert_eq!((attempts.len(), attempts[0].outcome), (1, AttemptOutcome::UnderWay));
        assert_eq!((attempts[0].price_micros, attempts[0].started_at), (15_000, now));
        let again = test.store.arm(id, 15_000, since(now), now, |_| Ok(())).await.unwrap_err();
        let ArmRefusal::Store(StoreError::StateConflict { found, .. }) = again else { panic!("{again:?}") };
        assert_eq!(found, PostState::Armed);
    }

    #[tokio::test]
    async fn what_was_spent_counts_calls_that_posted_or_may_have() {
        let test = TestStore::open().await;
        let (yesterday, today) = (at("2026-03-01T14:00:00Z"), at("2026-03-02T14:00:00Z"));
        let refused = CallEnd::Refused { detail: CallDetail::default(), error: "no".to_owned() };
        let unknown = CallEnd::Unknown { detail: CallDetail::default(), error: "timeout".to_owned() };
        let sent = |id: &str| CallEnd::Sent { tweet_id: id.to_owned() };
        for (when, end) in [(yesterday, sent("1")), (today, refused), (today, unknown), (today, sent("2"))] {
            let id = test.approved("texto", when).await;
            let armed = test.store.arm(id, 15_000, since(when), when, |_| Ok(())).await.unwrap();
            test.store.settle(&armed, &end, when).await.unwrap();
        }
        let mut transaction = test.store.begin().await.unwrap();
        let spent = spent(&mut transaction, SpentSince { day: today, month: yesterday }).await.unwrap();
        assert_eq!(spent, Spent { posts_today: 2, posts_this_month: 3, micros_this_month: 45_000 });
    }

    #[tokio::test]
    async fn a_call_cut_off_by_a_crash_becomes_unknown_and_a_late_answer_still_settles_it() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let id = test.approved("El mercado abre temprano.", now).await;
        let armed = test.store.arm(id, 15_000, since(now), now, |_| Ok(())).await.unwrap();
        assert_eq!(test.store.recover_armed(now).await.unwrap(), [id]);
        assert_eq!(test.state(id).await, PostState::Unknown);
        assert_eq!(test.store.attempts(id).await.unwrap()[0].outcome, AttemptOutcome::Unknown);
        assert_eq!(test.store.recover_armed(now).await.unwrap(), []);
        test.store.settle(&armed, &CallEnd::Sent { tweet_id: "7".to_owned() }, now).await.unwrap();
        let post = test.store.post(id).await.unwrap();
        assert_eq!((post.state, post.tweet_id.as_deref(), post.error), (PostState::Sent, Some("7"), None));
        assert_eq!(test.store.attempts(id).await.unwrap()[0].outcome, AttemptOutcome::Sent);
    }
}

//! The calls to X: the intent before, the outcome after, and the cost.
//!
//! One constraint: [`Store::arm`] has the intent on disk before it returns, so that a crash during the call leaves an
//! armed post, which [`Store::recover_armed`] turns into an unknown one, never into one that is sent again.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row as _, Sqlite, SqliteConnection, Transaction};

use super::calls::CallDetail;
use super::columns::{instant, instant_or_none, stored, word};
use super::error::Doing as _;
use super::halts::{self, Halt};
use super::ledger::{self, Entry, Row};
use super::posts::{RecordedOrigin, append_expiry};
use super::spending::{Spent, SpentSince, spent};
use super::transitions::{enter_unknown, leave_unknown, record_sent, record_trouble, state_and_expiry, transition};
use super::windows::{self, Window};
use super::{AttemptId, AttemptOutcome, Endpoint, PostId, PostState, RecordKind, Store, StoreError, WindowName};

/// A call as recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttemptRecord {
    pub id: AttemptId,
    /// The call's number among those for its post, from 1.
    pub number: i64,
    /// What was sent, and its length as X counts it.
    pub text: Option<String>,
    pub weighted_length: Option<i64>,
    pub started_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    pub outcome: AttemptOutcome,
    /// X's price for it, in millionths of a dollar.
    pub price_micros: i64,
    /// X's clock minus ours when the call was made, if it was known.
    pub clock_skew_seconds: Option<i64>,
    #[serde(flatten)]
    pub detail: CallDetail,
}

impl FromRow<'_, SqliteRow> for AttemptRecord {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: AttemptId::new(row.try_get("id")?),
            number: row.try_get("number")?,
            text: row.try_get("text")?,
            weighted_length: row.try_get("weighted_length")?,
            started_at: instant(row, "started_at")?,
            finished_at: instant_or_none(row, "finished_at")?,
            outcome: word(row, "outcome", AttemptOutcome::from_word)?,
            price_micros: row.try_get("price_micros")?,
            clock_skew_seconds: row.try_get("clock_skew_seconds")?,
            detail: CallDetail::of_row(row)?,
        })
    }
}

impl AttemptRecord {
    /// Returns whether the call posted or may have, so that X may have charged for it.
    #[must_use]
    pub fn may_have_posted(&self) -> bool {
        matches!(self.outcome, AttemptOutcome::UnderWay | AttemptOutcome::Sent | AttemptOutcome::Unknown)
    }
}

/// Why a post has to wait, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Postponement {
    pub until: Timestamp,
    pub reason: String,
}

/// Why the caller's own rules do not allow a post to go out.
#[derive(Debug, PartialEq, Eq)]
pub enum Stop {
    /// The budget or the gap between posts.
    Wait(Postponement),
    /// Nothing may leave the machine.
    DryRun,
    /// The post was made in another mode or for another account, as the text says: it is cancelled.
    OtherOrigin(String),
}

/// The right to make one call, already recorded on disk.
#[derive(Debug)]
pub struct Armed {
    pub post: PostId,
    pub attempt: AttemptId,
    /// The text to send: the record's own, not a copy from before an edit.
    pub text: String,
    /// The call's number among those for this post, from 1.
    pub number: i64,
    /// How many calls, for any post, have failed since the last one that X accepted or refused.
    pub failures_in_a_row: i64,
}

/// Why a post was not armed.
#[derive(Debug)]
pub enum ArmRefusal {
    /// A person or X has stopped all posting.
    Halted(Halt),
    /// An earlier answer said to wait.
    NotBefore(Timestamp),
    /// X's limits, according to an earlier answer, allow no call; the post waits until then.
    LimitedByX(Postponement),
    /// `check` refused.
    Stopped(Stop),
    /// The post cannot be sent, or the database cannot be written.
    Store(StoreError),
}

impl From<StoreError> for ArmRefusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The end of a call.
#[derive(Debug, Clone)]
pub enum CallEnd {
    /// X published it.
    Sent { tweet_id: String, detail: CallDetail },
    /// X refused it.
    Refused { detail: CallDetail, error: String },
    /// It is unknown whether the post exists; the timeline is read at `look_at`. The call itself may have been refused.
    Unknown { outcome: AttemptOutcome, detail: CallDetail, error: String, look_at: Timestamp },
    /// Nothing was posted, and it may be tried again later.
    Later { outcome: AttemptOutcome, detail: CallDetail, wait: Postponement },
}

impl CallEnd {
    fn outcome(&self) -> AttemptOutcome {
        match self {
            Self::Sent { .. } => AttemptOutcome::Sent,
            Self::Refused { .. } => AttemptOutcome::Refused,
            Self::Unknown { outcome, .. } | Self::Later { outcome, .. } => *outcome,
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

    fn detail(&self) -> &CallDetail {
        match self {
            Self::Sent { detail, .. }
            | Self::Refused { detail, .. }
            | Self::Unknown { detail, .. }
            | Self::Later { detail, .. } => detail,
        }
    }
}

/// Everything that an answer changes, written in one transaction.
#[derive(Debug, Clone)]
pub struct Settlement {
    pub end: CallEnd,
    /// What the answer revealed of X's limits.
    pub windows: Vec<Window>,
    /// Present if X refuses every post.
    pub halt: Option<Halt>,
}

impl Store {
    /// Moves an approved post to `armed` and opens its attempt, which is durable when this returns. Halts, state,
    /// expiry, waiting time, X's limits and the caller's rules (`check`, which returns the price) are checked in the
    /// same transaction.
    ///
    /// # Errors
    /// See [`ArmRefusal`]; an expired post is recorded as expired, one that has to wait as waiting.
    pub async fn arm(
        &self,
        post: PostId,
        clock_skew_seconds: Option<i64>,
        since: SpentSince,
        now: Timestamp,
        check: impl FnOnce(&Spent, &Draft) -> Result<i64, Stop> + Send,
    ) -> Result<Armed, ArmRefusal> {
        let mut transaction = self.begin().await?;
        self.require_lease(&mut transaction).await?;
        self.require_space()?;
        let (state, expires_at) = state_and_expiry(&mut transaction, post).await?;
        if state == PostState::Approved && expires_at <= now {
            transition(&mut transaction, post, PostState::Approved, PostState::Expired).await?;
            append_expiry(&mut transaction, post, now).await?;
            transaction.commit().await.doing("record that the post expired")?;
            return Err(StoreError::StateConflict { post, found: PostState::Expired, wanted: PostState::Armed }.into());
        }
        transition(&mut transaction, post, PostState::Approved, PostState::Armed).await?;
        // From here on an early return rolls the transition back.
        if let Some(halt) = halts::active(&mut transaction).await?.into_iter().next() {
            return Err(ArmRefusal::Halted(halt));
        }
        let draft = draft(&mut transaction, post).await?;
        if let Some(until) = draft.not_before.filter(|until| *until > now) {
            return Err(ArmRefusal::NotBefore(until));
        }
        if let Some(wait) = limited_by_x(&mut transaction, now).await? {
            self.postpone(transaction, post, &wait, WaitCause::X).await?;
            return Err(ArmRefusal::LimitedByX(wait));
        }
        let price_micros = match check(&spent(&mut transaction, since).await?, &draft) {
            Ok(price_micros) => price_micros,
            Err(Stop::Wait(wait)) => {
                self.postpone(transaction, post, &wait, WaitCause::Rules).await?;
                return Err(ArmRefusal::Stopped(Stop::Wait(wait)));
            }
            Err(Stop::OtherOrigin(reason)) => {
                drop(transaction);
                self.cancel(post, PostState::Approved, &reason, now).await?;
                let wanted = PostState::Armed;
                return Err(StoreError::StateConflict { post, found: PostState::Cancelled, wanted }.into());
            }
            Err(stop) => return Err(ArmRefusal::Stopped(stop)),
        };
        let failures_in_a_row = failures_in_a_row(&mut transaction).await?;
        let call = NewCall { post, draft, price_micros, clock_skew_seconds };
        let (attempt, number) = open_attempt(&mut transaction, &call, now).await?;
        let entry = Entry {
            kind: RecordKind::Armed,
            by: None,
            subject: Some(post.get()),
            body: json!({"call": number, "text": call.draft.text, "price_micros": price_micros}),
            rows: &[Row::Post(post.get()), Row::Attempt(attempt.get())],
        };
        ledger::append(&mut transaction, entry, now).await?;
        transaction.commit().await.doing("record the intent to post")?;
        Ok(Armed { post, attempt, text: call.draft.text, number, failures_in_a_row })
    }

    /// Moves an armed post back to `approved`, with the time it waits for, and commits.
    async fn postpone(
        &self,
        mut transaction: Transaction<'_, Sqlite>,
        post: PostId,
        wait: &Postponement,
        cause: WaitCause,
    ) -> Result<(), StoreError> {
        transition(&mut transaction, post, PostState::Armed, PostState::Approved).await?;
        record_wait(&mut transaction, post, wait, cause).await?;
        transaction.commit().await.doing("record that the post waits")
    }

    /// Makes an approved post wait before it was armed: what had to be asked of X first could not be, because of X or
    /// of our own rules.
    ///
    /// # Errors
    /// [`StoreError::StateConflict`] if it is no longer approved, or if the database cannot be written.
    pub async fn wait_unarmed(&self, post: PostId, wait: &Postponement, cause: WaitCause) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let (found, _) = state_and_expiry(&mut transaction, post).await?;
        if found != PostState::Approved {
            return Err(StoreError::StateConflict { post, found, wanted: PostState::Armed });
        }
        record_wait(&mut transaction, post, wait, cause).await?;
        transaction.commit().await.doing("record that the post waits")
    }

    /// Returns how many calls for `post` ended with this kind of refusal.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn refusals_of_kind(&self, post: PostId, kind: &str) -> Result<i64, StoreError> {
        sqlx::query_scalar("SELECT count(*) FROM attempts WHERE post_id = ? AND kind = ?")
            .bind(post.get())
            .bind(kind)
            .fetch_one(self.readers())
            .await
            .doing("read the attempts")
    }

    /// Records how a call ended. This works even if a wrong recovery has called the post unknown meanwhile.
    ///
    /// # Errors
    /// If the database cannot be written; this may then be called again.
    pub async fn settle(&self, armed: &Armed, settlement: &Settlement, now: Timestamp) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let Settlement { end, windows, halt } = settlement;
        let post = armed.post;
        let from = match state_and_expiry(&mut transaction, post).await? {
            (PostState::Unknown, _) => PostState::Unknown,
            _ => PostState::Armed,
        };
        match end {
            CallEnd::Sent { tweet_id, .. } => record_sent(&mut transaction, post, tweet_id, now).await?,
            CallEnd::Refused { error, .. } | CallEnd::Unknown { error, .. } => {
                record_trouble(&mut transaction, post, error).await?;
            }
            CallEnd::Later { wait, .. } => record_wait(&mut transaction, post, wait, WaitCause::X).await?,
        }
        if from != end.next_state() {
            transition(&mut transaction, post, from, end.next_state()).await?;
        }
        match end {
            CallEnd::Unknown { look_at, .. } => enter_unknown(&mut transaction, post, *look_at, now).await?,
            _ => leave_unknown(&mut transaction, post).await?,
        }
        close_attempt(&mut transaction, armed.attempt, end, now).await?;
        windows::record(&mut transaction, windows, now).await?;
        append_outcome(&mut transaction, armed, end, now).await?;
        if let Some(halt) = halt {
            halts::set_and_append(&mut transaction, halt, now).await?;
        }
        transaction.commit().await.doing("record the outcome of a call")
    }

    /// Makes posts unknown whose call was under way when the program died; the timeline is read for them at `look_at`.
    /// Call this only at the start and as the holder of the instance lock: otherwise another process's call would be
    /// called unknown.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn recover_armed(&self, look_at: Timestamp, now: Timestamp) -> Result<Vec<PostId>, StoreError> {
        const REASON: &str = "the program ended during the call: it is unknown whether X published it";
        let mut transaction = self.begin().await?;
        let armed: Vec<i64> = sqlx::query_scalar("SELECT id FROM posts WHERE state = 'armed' ORDER BY id")
            .fetch_all(&mut *transaction)
            .await
            .doing("look for interrupted calls")?;
        let armed: Vec<PostId> = armed.into_iter().map(PostId::new).collect();
        for &post in &armed {
            transition(&mut transaction, post, PostState::Armed, PostState::Unknown).await?;
            record_trouble(&mut transaction, post, REASON).await?;
            enter_unknown(&mut transaction, post, look_at, now).await?;
        }
        let calls: Vec<(i64, i64)> = sqlx::query_as(
            "UPDATE attempts SET outcome = 'unknown', finished_at = ?, detail = ? WHERE outcome = 'under_way'
             RETURNING id, post_id",
        )
        .bind(stored(now))
        .bind(REASON)
        .fetch_all(&mut *transaction)
        .await
        .doing("close interrupted calls")?;
        if !armed.is_empty() || !calls.is_empty() {
            let posts: Vec<i64> = armed.iter().map(|post| post.get()).collect();
            let rows: Vec<Row> = (posts.iter().map(|&post| Row::Post(post)))
                .chain(calls.iter().map(|&(call, _)| Row::Attempt(call)))
                .collect();
            let entry = Entry {
                kind: RecordKind::Recovered,
                by: None,
                subject: None,
                body: json!({"unknown": posts, "reason": REASON}),
                rows: &rows,
            };
            ledger::append(&mut transaction, entry, now).await?;
        }
        transaction.commit().await.doing("close interrupted calls")?;
        Ok(armed)
    }

    /// Returns all calls made for a post, in order.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn attempts(&self, post: PostId) -> Result<Vec<AttemptRecord>, StoreError> {
        sqlx::query_as(
            "SELECT id, number, text, weighted_length, started_at, finished_at, outcome, price_micros, clock_skew_seconds,
                 http_status, kind, problem, detail, transaction_id
             FROM attempts WHERE post_id = ? ORDER BY id",
        )
            .bind(post.get())
            .fetch_all(self.readers())
            .await
            .doing("read the attempts")
    }
}

/// What holds a post back, as its row names it.
#[derive(Debug, Clone, Copy)]
pub enum WaitCause {
    /// Our own budget, gap or quiet hours: a person may change them.
    Rules,
    /// X's limits and refusals, or no connection.
    X,
}

/// A post's text, its origin, and until when it waits.
#[derive(Debug)]
pub struct Draft {
    pub text: String,
    pub origin: RecordedOrigin,
    weighted_length: i64,
    not_before: Option<Timestamp>,
}

async fn draft(connection: &mut SqliteConnection, post: PostId) -> Result<Draft, StoreError> {
    let row = sqlx::query("SELECT text, weighted_length, not_before, live, account FROM posts WHERE id = ?")
        .bind(post.get())
        .fetch_one(connection)
        .await
        .doing("read the post")?;
    let read = || {
        Ok(Draft {
            text: row.try_get("text")?,
            origin: RecordedOrigin::of_row(&row)?,
            weighted_length: row.try_get("weighted_length")?,
            not_before: instant_or_none(&row, "not_before")?,
        })
    };
    read().doing("read the post")
}

async fn limited_by_x(connection: &mut SqliteConnection, now: Timestamp) -> Result<Option<Postponement>, StoreError> {
    let closed = windows::closed(connection, Endpoint::Post, now).await?;
    Ok(closed.map(|(window, until)| {
        let reason = match window {
            WindowName::FifteenMinutes => "X's fifteen-minute limit is used up",
            WindowName::AppDay | WindowName::UserDay | WindowName::Day => "X's daily limit is used up",
            WindowName::Month => "X's monthly limit is used up",
            WindowName::Unknown => "X's limit is used up",
        };
        Postponement { until, reason: reason.to_owned() }
    }))
}

async fn failures_in_a_row(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    sqlx::query_scalar(
        "SELECT count(*) FROM attempts WHERE outcome IN ('rate_limited', 'not_sent') AND id > coalesce(
             (SELECT max(id) FROM attempts WHERE outcome NOT IN ('rate_limited', 'not_sent')), 0)",
    )
    .fetch_one(connection)
    .await
    .doing("read the attempts")
}

/// A call that is about to be made.
struct NewCall {
    post: PostId,
    draft: Draft,
    price_micros: i64,
    clock_skew_seconds: Option<i64>,
}

/// Opens an attempt; returns it and its number among those of its post.
async fn open_attempt(
    connection: &mut SqliteConnection,
    call: &NewCall,
    now: Timestamp,
) -> Result<(AttemptId, i64), StoreError> {
    let (id, number): (i64, i64) = sqlx::query_as(
        "INSERT INTO attempts (post_id, started_at, outcome, price_micros, text, weighted_length, clock_skew_seconds, number)
         VALUES (?1, ?2, 'under_way', ?3, ?4, ?5, ?6, 1 + (SELECT count(*) FROM attempts WHERE post_id = ?1))
         RETURNING id, number",
    )
    .bind(call.post.get())
    .bind(stored(now))
    .bind(call.price_micros)
    .bind(&call.draft.text)
    .bind(call.draft.weighted_length)
    .bind(call.clock_skew_seconds)
    .fetch_one(connection)
    .await
    .doing("record the intent to post")?;
    Ok((AttemptId::new(id), number))
}

async fn append_outcome(
    connection: &mut SqliteConnection,
    armed: &Armed,
    end: &CallEnd,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut body = json!({
        "call": armed.number,
        "text": armed.text,
        "outcome": end.outcome(),
        "state": end.next_state(),
        "http_status": end.detail().http_status,
    });
    match end {
        CallEnd::Sent { tweet_id, .. } => body["tweet_id"] = json!(tweet_id),
        CallEnd::Refused { error, .. } | CallEnd::Unknown { error, .. } => body["error"] = json!(error),
        CallEnd::Later { wait, .. } => body["error"] = json!(wait.reason),
    }
    let entry = Entry {
        kind: RecordKind::Outcome,
        by: None,
        subject: Some(armed.post.get()),
        body,
        rows: &[Row::Post(armed.post.get()), Row::Attempt(armed.attempt.get())],
    };
    ledger::append(connection, entry, now).await.map(drop)
}

async fn close_attempt(
    connection: &mut SqliteConnection,
    attempt: AttemptId,
    end: &CallEnd,
    now: Timestamp,
) -> Result<(), StoreError> {
    let detail = end.detail();
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

async fn record_wait(
    connection: &mut SqliteConnection,
    post: PostId,
    wait: &Postponement,
    cause: WaitCause,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE posts SET error = ?, not_before = ?, waits_for = ? WHERE id = ?")
        .bind(&wait.reason)
        .bind(stored(wait.until))
        .bind(match cause {
            WaitCause::Rules => "rules",
            WaitCause::X => "x",
        })
        .bind(post.get())
        .execute(connection)
        .await
        .map(drop)
        .doing("record that the post waits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HaltCause;
    use crate::testing::{TestStore, at, plain_connection};

    fn since(now: Timestamp) -> SpentSince {
        SpentSince { day: now, month: now }
    }

    async fn arm(test: &TestStore, post: PostId, now: Timestamp) -> Result<Armed, ArmRefusal> {
        test.store.arm(post, None, since(now), now, |_, _| Ok(15_000)).await
    }

    async fn settle(test: &TestStore, armed: &Armed, end: CallEnd, now: Timestamp) {
        let settlement = Settlement { end, windows: Vec::new(), halt: None };
        test.store.settle(armed, &settlement, now).await.unwrap();
    }

    fn sent(id: &str) -> CallEnd {
        CallEnd::Sent { tweet_id: id.to_owned(), detail: CallDetail::default() }
    }

    #[tokio::test]
    async fn arming_is_on_disk_for_everybody_before_the_call() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let id = test.approved("El mercado abre temprano.", now).await;
        let armed = test.store.arm(id, Some(-3), since(now), now, |_, _| Ok(15_000)).await.unwrap();
        assert_eq!((armed.text.as_str(), armed.number), ("El mercado abre temprano.", 1));
        let other = Store::open_read_only(test.store.path()).await.unwrap();
        assert_eq!(other.post(id).await.unwrap().state, PostState::Armed);
        let attempts = other.attempts(id).await.unwrap();
        assert_eq!((attempts.len(), attempts[0].outcome), (1, AttemptOutcome::UnderWay));
        assert_eq!((attempts[0].price_micros, attempts[0].started_at), (15_000, now));
        assert_eq!((attempts[0].number, attempts[0].clock_skew_seconds), (1, Some(-3)));
        assert_eq!(
            (attempts[0].text.as_deref(), attempts[0].weighted_length),
            (Some("El mercado abre temprano."), Some(10))
        );
        let again = arm(&test, id, now).await.unwrap_err();
        let ArmRefusal::Store(StoreError::StateConflict { found, .. }) = again else { panic!("{again:?}") };
        assert_eq!(found, PostState::Armed);
    }

    #[tokio::test]
    async fn what_is_sent_is_the_records_text() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let id = test.approved("El mercado abre temprano.", now).await;
        let edit = "UPDATE posts SET text = 'El mercado abre tarde.'";
        sqlx::query(edit).execute(&mut plain_connection(test.store.path()).await).await.unwrap();
        assert_eq!(arm(&test, id, now).await.unwrap().text, "El mercado abre tarde.");
    }

    #[tokio::test]
    async fn a_halt_set_a_moment_before_keeps_the_post_approved() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let id = test.approved("El mercado abre temprano.", now).await;
        test.store.pause("ana", "holiday", now).await.unwrap();
        let refusal = arm(&test, id, now).await.unwrap_err();
        let ArmRefusal::Halted(halt) = refusal else { panic!("{refusal:?}") };
        assert_eq!((halt.cause, halt.set_by.as_str()), (HaltCause::Paused, "ana"));
        assert_eq!(test.state(id).await, PostState::Approved);
        test.store.resume("ana", now).await.unwrap();
        arm(&test, id, now).await.unwrap();
    }

    #[tokio::test]
    async fn failures_are_counted_over_all_posts_since_the_last_answer() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let later = |outcome| CallEnd::Later {
            outcome,
            detail: CallDetail::default(),
            wait: Postponement { until: now, reason: "wait".to_owned() },
        };
        let ends = [
            (later(AttemptOutcome::RateLimited), 0),
            (later(AttemptOutcome::NotSent), 1),
            (sent("1"), 2),
            (later(AttemptOutcome::NotSent), 0),
        ];
        for (end, failures) in ends {
            let id = test.approved("texto", now).await;
            let armed = arm(&test, id, now).await.unwrap();
            assert_eq!(armed.failures_in_a_row, failures, "{end:?}");
            settle(&test, &armed, end, now).await;
        }
    }

    #[tokio::test]
    async fn a_call_cut_off_by_a_crash_becomes_unknown_and_a_late_answer_still_settles_it() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let id = test.approved("El mercado abre temprano.", now).await;
        let armed = arm(&test, id, now).await.unwrap();
        assert_eq!(test.store.recover_armed(now, now).await.unwrap(), [id]);
        assert_eq!(test.state(id).await, PostState::Unknown);
        assert_eq!(test.store.attempts(id).await.unwrap()[0].outcome, AttemptOutcome::Unknown);
        assert_eq!(test.store.recover_armed(now, now).await.unwrap(), []);
        settle(&test, &armed, sent("7"), now).await;
        let post = test.store.post(id).await.unwrap();
        assert_eq!((post.state, post.tweet_id.as_deref(), post.error), (PostState::Sent, Some("7"), None));
        assert_eq!(test.store.attempts(id).await.unwrap()[0].outcome, AttemptOutcome::Sent);
    }
}

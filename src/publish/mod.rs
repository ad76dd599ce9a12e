//! The one place that writes to the network: intent on disk, call, outcome on disk.
//!
//! One constraint: a text goes out once at most. So the intent is durable before the call ([`crate::store`] arms the
//! post and checks state and budget in one transaction), an outcome that nobody knows is recorded as such and never
//! tried again, and a dry run has nothing to send with: [`Outlet::DryRun`] holds no poster. What may be posted comes from
//! [`crate::review`] as an [`Approved`].

mod budget;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

pub use budget::{PRICE_MICROS, PRICE_WITH_URL_MICROS, price_micros};

use crate::clock::Clock;
use crate::config::BudgetSettings;
use crate::review::Approved;
use crate::store::{
    ArmRefusal, Armed, AttemptOutcome, CallDetail, CallEnd, PostId, PostState, Postponement, Store, StoreError,
};
use crate::twitter::{Answer, LimitWindow, RefusalKind, TwitterError};

/// Waits between tries to write an outcome down: about a minute in all, with SQLite's own five seconds each.
const OUTCOME_RETRIES: [Duration; 4] =
    [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(30)];

/// The first wait after a request that never left, and after a limit of which X told nothing; doubled each time.
const FIRST_WAIT_NOT_SENT: SignedDuration = SignedDuration::from_mins(1);
const FIRST_WAIT_LIMIT: SignedDuration = SignedDuration::from_mins(15);

/// The longest such wait.
const LONGEST_WAIT_NOT_SENT: SignedDuration = SignedDuration::from_hours(1);
const LONGEST_WAIT_LIMIT: SignedDuration = SignedDuration::from_hours(24);

/// A tweet that X took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostedTweet {
    /// X's id, decimal digits.
    pub id: String,
    /// The text as X kept it: links are shortened there.
    pub text: String,
}

/// What [`Poster::create_tweet`] promises.
pub type PosterFuture<'a> = Pin<Box<dyn Future<Output = Result<PostedTweet, TwitterError>> + Send + 'a>>;

/// Whoever can post: the X client, or a test's stand-in.
pub trait Poster: Send + Sync {
    /// Posts `text`, once, with timeouts of its own.
    fn create_tweet<'a>(&'a self, text: &'a str) -> PosterFuture<'a>;
}

/// Where posts go.
#[derive(Clone)]
pub enum Outlet {
    /// Into the record only.
    DryRun,
    /// To X.
    Live(Arc<dyn Poster>),
}

impl fmt::Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DryRun => "DryRun",
            Self::Live(_) => "Live",
        })
    }
}

/// What became of an approved post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Posted {
    /// Recorded; it would have been sent.
    DryRun { post: PostId },
    /// X took it.
    Sent { post: PostId, tweet_id: String },
}

/// What a post waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitsFor {
    /// The next day or month of our own budget.
    Budget,
    /// X's limit.
    RateLimit,
    /// A connection to X.
    Network,
    /// The time that an earlier attempt set.
    EarlierAttempt,
}

/// Why an approved post did not go out, or nobody knows whether it did.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// X said no to this post for good. `kind.is_terminal()` tells whether the next one would fare the same.
    #[error("post {post}: X refused with {} ({kind:?}): {}", answer.status, answer.detail)]
    Refused { post: PostId, kind: RefusalKind, answer: Answer },
    /// Nobody knows whether X took it. It is not tried again.
    #[error("post {post}: nobody knows whether X took it: {reason}; look at the account before posting it by hand")]
    OutcomeUnknown { post: PostId, reason: String },
    /// Nothing was posted; the post stays approved and waits.
    #[error("post {post} waits until {until}: {reason}")]
    Later { post: PostId, until: Timestamp, waits_for: WaitsFor, reason: String },
    /// Somebody stopped, sent or expired it meanwhile.
    #[error("post {post} is `{state}`: it is no longer to be sent")]
    NoLongerApproved { post: PostId, state: PostState },
    /// The intent could not be written down, so nothing was sent.
    #[error("nothing was sent")]
    NotRecorded(#[source] StoreError),
    /// The call was made and its outcome could not be written down. The next start records the post as unknown.
    #[error("post {post}: cannot record the outcome of the call ({outcome})")]
    OutcomeNotRecorded { post: PostId, outcome: String, source: StoreError },
}

/// Sends approved posts, or records that it would have.
#[derive(Clone)]
pub struct Publisher {
    store: Store,
    outlet: Outlet,
    clock: Arc<dyn Clock>,
    /// The schedule's: it says when a day and a month begin.
    timezone: TimeZone,
    budget: BudgetSettings,
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("outlet", &self.outlet).field("budget", &self.budget).finish_non_exhaustive()
    }
}

impl Publisher {
    /// A publisher on `store` and `outlet`; `timezone` is the schedule's.
    #[must_use]
    pub fn new(
        store: Store,
        outlet: Outlet,
        clock: Arc<dyn Clock>,
        timezone: TimeZone,
        budget: BudgetSettings,
    ) -> Self {
        Self { store, outlet, clock, timezone, budget }
    }

    /// Sends `approved` and records what came of it.
    ///
    /// Dropping the future during the call leaves the post armed; [`Publisher::recover`] makes it unknown then.
    ///
    /// # Errors
    /// See [`PublishError`]; whatever it is, it is on record, except for the last two.
    pub async fn publish(&self, approved: Approved) -> Result<Posted, PublishError> {
        let Outlet::Live(poster) = &self.outlet else {
            return self.publish_dry(&approved).await;
        };
        let armed = self.arm(&approved).await?;
        tracing::debug!(post = %armed.post, attempt = %armed.attempt, "intent recorded, calling X");
        let answer = poster.create_tweet(approved.text()).await;
        let end = self.judge(&armed, &answer);
        self.record(&armed, &end).await?;
        result(armed.post, answer, end)
    }

    /// Makes posts whose call a crash cut off `unknown`, and gives which. To be called once at the start, by the holder
    /// of the instance lock.
    ///
    /// # Errors
    /// Where the database cannot be written.
    pub async fn recover(&self) -> Result<Vec<PostId>, StoreError> {
        let unknown = self.store.recover_armed(self.clock.now()).await?;
        for post in &unknown {
            tracing::warn!(%post, "the program ended while this post was being sent: look at the account");
        }
        Ok(unknown)
    }

    async fn publish_dry(&self, approved: &Approved) -> Result<Posted, PublishError> {
        let post = approved.post();
        self.store.record_dry_run(post).await.map_err(not_armed)?;
        tracing::info!(%post, text = approved.text(), "dry run: this would have been posted");
        Ok(Posted::DryRun { post })
    }

    async fn arm(&self, approved: &Approved) -> Result<Armed, PublishError> {
        let (post, now) = (approved.post(), self.clock.now());
        let price = price_micros(approved.text());
        let windows = budget::Windows::around(now, &self.timezone);
        let check = |spent: &_| windows.check(&self.budget, spent, price);
        self.store.arm(post, price, windows.since, now, check).await.map_err(|refusal| match refusal {
            ArmRefusal::NotBefore(until) => {
                let reason = "an earlier attempt says so".to_owned();
                PublishError::Later { post, until, waits_for: WaitsFor::EarlierAttempt, reason }
            }
            ArmRefusal::Postponed(Postponement { until, reason }) => {
                PublishError::Later { post, until, waits_for: WaitsFor::Budget, reason }
            }
            ArmRefusal::Store(error) => not_armed(error),
        })
    }

    /// What the answer means for the record.
    fn judge(&self, armed: &Armed, answer: &Result<PostedTweet, TwitterError>) -> CallEnd {
        let error = match answer {
            Ok(tweet) => return CallEnd::Sent { tweet_id: tweet.id.clone() },
            Err(error) => error,
        };
        let text = error.to_string();
        let later = |outcome, detail, until| CallEnd::Later {
            outcome,
            detail,
            wait: Postponement { until, reason: text.clone() },
        };
        let now = self.clock.now();
        match error {
            TwitterError::Refused { kind, answer } => {
                CallEnd::Refused { detail: detail(answer, Some(refusal_word(*kind))), error: text }
            }
            TwitterError::RateLimited { window, until, answer } => {
                let until = until.filter(|until| *until > now).unwrap_or_else(|| now + limit_wait(*window, armed));
                later(AttemptOutcome::RateLimited, detail(answer, Some(window_word(*window))), until)
            }
            TwitterError::NotSent { reason } => {
                let detail = CallDetail { detail: Some(reason.clone()), ..CallDetail::default() };
                let wait = doubled(FIRST_WAIT_NOT_SENT, LONGEST_WAIT_NOT_SENT, armed.earlier_attempts);
                later(AttemptOutcome::NotSent, detail, now + wait)
            }
            TwitterError::OutcomeUnknown { reason, answer } => {
                let mut detail = answer.as_ref().map(|answer| detail(answer, None)).unwrap_or_default();
                detail.detail.get_or_insert_with(|| reason.clone());
                CallEnd::Unknown { detail, error: text }
            }
        }
    }

    /// Writes the outcome down, a few times if it must: the only copy of what X answered is in this process.
    async fn record(&self, armed: &Armed, end: &CallEnd) -> Result<(), PublishError> {
        let mut waits = OUTCOME_RETRIES.into_iter();
        loop {
            let Err(source) = self.store.settle(armed, end, self.clock.now()).await else {
                return Ok(());
            };
            let Some(wait) = waits.next() else {
                let outcome = in_words(end);
                // Said here as well as returned: the log is the last place that can keep the tweet's id.
                tracing::error!(post = %armed.post, %outcome, "the outcome of a call to X could not be recorded");
                return Err(PublishError::OutcomeNotRecorded { post: armed.post, outcome, source });
            };
            tracing::warn!(post = %armed.post, outcome = in_words(end), error = %source, "cannot record the outcome yet");
            let again = self.clock.now() + SignedDuration::try_from(wait).expect("the waits are seconds");
            self.clock.sleep_until(again).await;
        }
    }
}

/// What the caller is told, once the record is written.
fn result(post: PostId, answer: Result<PostedTweet, TwitterError>, end: CallEnd) -> Result<Posted, PublishError> {
    let error = match answer {
        Ok(PostedTweet { id: tweet_id, .. }) => {
            tracing::info!(%post, tweet_id, "posted");
            return Ok(Posted::Sent { post, tweet_id });
        }
        Err(error) => error,
    };
    let waits_for = match error {
        TwitterError::Refused { kind, answer } => return Err(PublishError::Refused { post, kind, answer }),
        TwitterError::OutcomeUnknown { reason, .. } => return Err(PublishError::OutcomeUnknown { post, reason }),
        TwitterError::RateLimited { .. } => WaitsFor::RateLimit,
        TwitterError::NotSent { .. } => WaitsFor::Network,
    };
    let CallEnd::Later { wait: Postponement { until, reason }, .. } = end else {
        unreachable!("a limit and a lost connection are judged as `later`");
    };
    Err(PublishError::Later { post, until, waits_for, reason })
}

/// Why a post was not taken out of `approved`.
fn not_armed(error: StoreError) -> PublishError {
    match error {
        StoreError::StateConflict { post, found, .. } => PublishError::NoLongerApproved { post, state: found },
        error => PublishError::NotRecorded(error),
    }
}

fn detail(answer: &Answer, kind: Option<&str>) -> CallDetail {
    CallDetail {
        http_status: Some(answer.status),
        kind: kind.map(str::to_owned),
        problem: answer.problem.clone(),
        detail: Some(answer.detail.clone()),
        transaction_id: answer.transaction_id.clone(),
    }
}

/// The refusal as the record names it.
fn refusal_word(kind: RefusalKind) -> &'static str {
    match kind {
        RefusalKind::Invalid => "invalid",
        RefusalKind::Unauthorized => "unauthorized",
        RefusalKind::ClockSkew { .. } => "clock_skew",
        RefusalKind::NoCredits => "no_credits",
        RefusalKind::Duplicate => "duplicate",
        RefusalKind::Permissions => "permissions",
        RefusalKind::Suspended => "suspended",
        RefusalKind::Forbidden => "forbidden",
        RefusalKind::NotFound => "not_found",
        RefusalKind::Other => "other",
    }
}

/// The limit's window as the record names it.
fn window_word(window: LimitWindow) -> &'static str {
    match window {
        LimitWindow::FifteenMinutes => "fifteen_minutes",
        LimitWindow::Day => "day",
        LimitWindow::Month => "month",
        LimitWindow::Unknown => "unknown",
    }
}

/// How long to wait where X names a window and no instant. A used-up month is tried once a day: when it begins anew is
/// the account's billing cycle, which we do not know.
fn limit_wait(window: LimitWindow, armed: &Armed) -> SignedDuration {
    match window {
        LimitWindow::FifteenMinutes => FIRST_WAIT_LIMIT,
        LimitWindow::Day | LimitWindow::Month => LONGEST_WAIT_LIMIT,
        LimitWindow::Unknown => doubled(FIRST_WAIT_LIMIT, LONGEST_WAIT_LIMIT, armed.earlier_attempts),
    }
}

/// `first`, doubled once for each earlier attempt, at most `longest`.
fn doubled(first: SignedDuration, longest: SignedDuration, earlier: i64) -> SignedDuration {
    let doublings = u32::try_from(earlier).unwrap_or(0).min(20);
    first.checked_mul(1 << doublings).map_or(longest, |wait| wait.min(longest))
}

/// The outcome as the log names it when the record cannot.
fn in_words(end: &CallEnd) -> String {
    match end {
        CallEnd::Sent { tweet_id } => format!("posted as tweet {tweet_id}"),
        CallEnd::Refused { error, .. } | CallEnd::Unknown { error, .. } => error.clone(),
        CallEnd::Later { wait, .. } => wait.reason.clone(),
    }
}

#[cfg(test)]
mod tests;

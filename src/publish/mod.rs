//! The publisher, the only place that posts: intent on disk, call, outcome on disk; and the search for the outcome of a
//! call that got no answer.
//!
//! One constraint: a text goes out at most once. So the intent is durable before the call ([`pregonero_store`] arms the
//! post and checks halts, state, limits and budget in one transaction), an unknown outcome is recorded as such and
//! settled by reading the account's timeline (`reconcile`), and a dry run has nothing to send with: [`Outlet::DryRun`]
//! contains no poster. What may be posted comes from [`crate::review`] as an [`Approved`].

mod account;
mod budget;
mod costs;
mod engagement;
mod error;
mod matching;
mod outlet;
mod outlook;
mod reconcile;
mod settings;
mod settlement;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

pub use self::costs::{MonthlyCosts, costs};
pub use self::engagement::Measurement;
use self::error::not_armed;
pub use self::error::{PublishError, WaitsFor};
pub use self::outlet::{Outlet, PostedTweet, Poster, PosterFuture};
pub use self::outlook::{Outlook, outlook};
pub use self::reconcile::Settled;
pub use self::settings::{
    AuthMethod, BudgetKeys, BudgetSettings, DEFAULT_STALE_AFTER, EngagementKeys, EngagementSettings, Prices,
    PublishKeys, PublishSettings, ReconciliationSettings, WhenAbsent,
};
pub use self::settlement::AnswerEffect;
use self::settlement::CallContext;
use crate::review::Approved;
use crate::schedule::Quiet;
use pregonero_store::{
    ArmRefusal, Armed, CallEnd, Draft, Fingerprint, Halt, HaltCause, OTHER_ACCOUNT, Origin, PostId, PostState,
    Postponement, Settlement, Stop, Store, StoreError,
};
use pregonero_system::clock::Clock;
use pregonero_x::{RefusalKind, TwitterError};

/// Waits between attempts to record an outcome: about a minute in all, including SQLite's own five seconds each.
const OUTCOME_RETRIES: [Duration; 4] =
    [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(30)];

/// The rules that are checked in the transaction that arms a post.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The schedule's time zone: it decides when a day and a month begin.
    pub timezone: TimeZone,
    pub budget: BudgetSettings,
    /// The minimum time between two posts.
    pub min_gap: SignedDuration,
    /// The hours in which nothing is posted.
    pub(crate) quiet: Quiet,
    /// The handle of the account that must own the credentials, without `@`.
    pub account: String,
    pub reconciliation: ReconciliationSettings,
    /// How often people's reactions are read.
    pub engagement: EngagementSettings,
}

pub(crate) fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

/// What happened to an approved post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Posted {
    /// Recorded; it would have been sent.
    DryRun { post: PostId },
    /// X published it.
    Sent { post: PostId, tweet_id: String },
}

/// Returns a number from 0 to 1 for each wait.
pub type Jitter = Arc<dyn Fn() -> f64 + Send + Sync>;

/// A publisher, which sends approved posts, or records that it would have.
#[derive(Clone)]
pub struct Publisher {
    store: Store,
    outlet: Outlet,
    clock: Arc<dyn Clock>,
    /// Shared with the publishers that replace this one at a reload, so that a change of settings also applies to a
    /// post that is already on its way.
    rules: Arc<RwLock<InForce>>,
    jitter: Jitter,
}

/// The rules in force, and whether anything may leave the machine under them.
#[derive(Debug, Clone)]
struct InForce {
    rules: Rules,
    live: bool,
}

impl InForce {
    fn origin(&self) -> Origin {
        Origin { live: self.live, account: self.rules.account.clone() }
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("outlet", &self.outlet).field("rules", &self.rules).finish_non_exhaustive()
    }
}

impl Publisher {
    /// Creates a publisher on `store` and `outlet`.
    #[must_use]
    pub fn new(store: Store, outlet: Outlet, clock: Arc<dyn Clock>, rules: Rules, jitter: Jitter) -> Self {
        let live = matches!(outlet, Outlet::Live(_));
        Self { store, outlet, clock, rules: Arc::new(RwLock::new(InForce { rules, live })), jitter }
    }

    /// Returns a replacement for this publisher, with another outlet and other rules; from now on the rules apply to
    /// this one too.
    #[must_use]
    pub fn replaced(&self, outlet: Outlet, rules: Rules) -> Self {
        let live = matches!(outlet, Outlet::Live(_));
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = InForce { rules, live };
        Self { outlet, ..self.clone() }
    }

    fn in_force(&self) -> InForce {
        self.rules.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends `approved` and records the outcome.
    ///
    /// If the future is dropped during the call, the post stays armed; [`Publisher::recover`] then makes it unknown.
    ///
    /// # Errors
    /// See [`PublishError`]; every one is on record, except for the last two variants.
    pub async fn publish(&self, approved: Approved) -> Result<Posted, PublishError> {
        let Outlet::Live(poster) = &self.outlet else {
            return self.publish_dry(&approved).await;
        };
        let mut is_first = true;
        self.require_account(&**poster, approved.post()).await?;
        loop {
            let Some(armed) = self.arm(&**poster, approved.post()).await? else {
                return self.publish_dry(&approved).await;
            };
            tracing::debug!(post = %armed.post, attempt = %armed.attempt, "intent recorded, calling X");
            let answer = poster.create_tweet(&armed.text).await;
            let settlement = self.settlement(&**poster, &armed, &answer).await;
            self.record(&armed, &settlement).await?;
            let waits = matches!(settlement.end, CallEnd::Later { .. });
            match &answer {
                // Nothing was posted, and the next request is signed with X's time.
                Err(TwitterError::Refused { kind: RefusalKind::ClockSkew { .. }, .. }) if is_first => is_first = false,
                // Nothing was posted; X accepts the next attempt, or refuses for good.
                Err(error @ TwitterError::Refused { kind: RefusalKind::Authentication, .. }) if waits => {
                    tracing::warn!(post = %armed.post, %error, "checking whose account this is, then trying once more");
                    self.ask_account(&**poster, armed.post).await?;
                }
                _ => return self.result(&armed, answer, settlement).await,
            }
        }
    }

    /// Applies the current settings to the queue: posts of another mode or account are cancelled, and those that our
    /// own rules held back are tried again. Called at the start and after a reload.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn take_over_queue(&self) -> Result<(), StoreError> {
        let origin = self.in_force().origin();
        for (post, reason) in self.store.cancel_posts_of_others(&origin, self.clock.now()).await? {
            tracing::warn!(%post, reason, "post cancelled");
        }
        for post in self.store.free_posts_kept_by_rules().await? {
            tracing::debug!(%post, "will be tried again under the current rules");
        }
        Ok(())
    }

    /// Makes posts whose call was cut off by a crash `unknown`, and returns them. Call this once at the start, as the
    /// holder of the instance lock.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn recover(&self) -> Result<Vec<PostId>, StoreError> {
        let unknown = self.store.recover_armed(self.first_look(), self.clock.now()).await?;
        for post in &unknown {
            tracing::warn!(%post, "the program ended while this post was being sent: the timeline will show its outcome");
        }
        Ok(unknown)
    }

    /// Ends X's stops of posting if the credentials are no longer the ones that X refused. Called at the start and
    /// after a reload.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn notice_new_credentials(&self) -> Result<Vec<Halt>, StoreError> {
        let Outlet::Live(poster) = &self.outlet else { return Ok(Vec::new()) };
        let account = self.known_account(&**poster).await?;
        let is_ours = account.is_some_and(|account| self.is_handle(&account.username));
        let others = |halt: &Halt| {
            let known = |credentials: &Fingerprint| poster.fingerprint(&credentials.salt) == credentials.digest;
            let is_new = !halt.credentials.as_ref().is_some_and(known);
            let is_fixed = is_ours && halt.kind.as_deref() == Some(OTHER_ACCOUNT);
            halt.cause == HaltCause::Refused && (is_new || is_fixed)
        };
        let ended = self.store.end_halts("new credentials", self.clock.now(), others).await?;
        for halt in &ended {
            tracing::info!(%halt, "the credentials or account.handle have changed: posting resumes");
        }
        Ok(ended)
    }

    /// Returns what stops posting, in the order of [`Store::halts`]. A refusal by X does not matter in a dry run.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn halts(&self) -> Result<Vec<Halt>, StoreError> {
        let live = matches!(self.outlet, Outlet::Live(_));
        let mut halts = self.store.halts().await?;
        halts.retain(|halt| live || halt.cause == HaltCause::Paused);
        Ok(halts)
    }

    /// Returns when to look for the first time for a post that has just become unknown.
    fn first_look(&self) -> Timestamp {
        self.clock.now() + self.wait_of_look(0)
    }

    async fn publish_dry(&self, approved: &Approved) -> Result<Posted, PublishError> {
        let post = approved.post();
        let origin = Origin { live: false, ..self.in_force().origin() };
        self.store.record_dry_run(post, &origin, self.clock.now()).await.map_err(not_armed)?;
        tracing::info!(%post, text = approved.text(), "dry run: this would have been posted");
        Ok(Posted::DryRun { post })
    }

    /// Arms the post; `None` if a reload has switched to a dry run meanwhile.
    async fn arm(&self, poster: &dyn Poster, post: PostId) -> Result<Option<Armed>, PublishError> {
        let now = self.clock.now();
        let calendar = budget::Calendar::around(now, &self.in_force().rules.timezone);
        // Inside the transaction the rules are read once more: they may have changed while it waited for its turn.
        let check = |spent: &_, draft: &Draft| {
            let in_force = self.in_force();
            if !in_force.live {
                return Err(Stop::DryRun);
            }
            if let Some(reason) = in_force.origin().refuses(&draft.origin) {
                return Err(Stop::OtherOrigin(reason));
            }
            let rules = in_force.rules;
            let price = rules.budget.prices.of_post(&draft.text);
            calendar.check(&rules.budget, spent, price).map_err(Stop::Wait)?;
            budget::check_gap(rules.min_gap, spent, now).map_err(Stop::Wait)?;
            budget::check_quiet(&rules.quiet, self.clock.now()).map_err(Stop::Wait)?;
            Ok(price)
        };
        let skew = poster.clock_skew().map(|skew| skew.as_secs());
        let wait = |Postponement { until, reason }, waits_for| PublishError::Later { post, until, waits_for, reason };
        match self.store.arm(post, skew, calendar.since, now, check).await {
            Ok(armed) => Ok(Some(armed)),
            Err(ArmRefusal::Stopped(Stop::DryRun)) => Ok(None),
            Err(ArmRefusal::Halted(halt)) => Err(PublishError::Halted { post, halt: Box::new(halt) }),
            Err(ArmRefusal::NotBefore(until)) => {
                let reason = "an earlier attempt set this wait".to_owned();
                Err(wait(Postponement { until, reason }, WaitsFor::EarlierAttempt))
            }
            Err(ArmRefusal::LimitedByX(postponement)) => Err(wait(postponement, WaitsFor::RateLimit)),
            Err(ArmRefusal::Stopped(Stop::Wait(postponement))) => Err(wait(postponement, WaitsFor::Budget)),
            Err(ArmRefusal::Stopped(Stop::OtherOrigin(_))) => {
                Err(PublishError::NoLongerApproved { post, state: PostState::Cancelled })
            }
            Err(ArmRefusal::Store(error)) => Err(not_armed(error)),
        }
    }

    /// Returns what the answer means for the record.
    async fn settlement(
        &self,
        poster: &dyn Poster,
        armed: &Armed,
        answer: &Result<PostedTweet, TwitterError>,
    ) -> Settlement {
        let is_duplicate = matches!(answer, Err(TwitterError::Refused { kind: RefusalKind::Duplicate, .. }));
        // If the record cannot be read, assume yes: looking for a post costs less than losing it.
        let may_be_posted =
            is_duplicate && self.store.calls_with_text_of(armed.post).await.map_or(true, |calls| !calls.is_empty());
        let asked_again = match answer {
            Err(TwitterError::Refused { kind: kind @ RefusalKind::Authentication, .. }) => {
                self.store.refusals_of_kind(armed.post, kind.as_str()).await.is_ok_and(|earlier| earlier > 0)
            }
            _ => false,
        };
        let call = CallContext {
            armed,
            now: self.clock.now(),
            jitter: (self.jitter)(),
            look_at: self.first_look(),
            may_be_posted,
            asked_again,
            credentials: &fingerprint(poster),
        };
        call.settlement(answer)
    }

    /// Records the outcome, with several attempts if necessary: the only copy of X's answer is in this process.
    async fn record(&self, armed: &Armed, settlement: &Settlement) -> Result<(), PublishError> {
        let end = &settlement.end;
        let mut waits = OUTCOME_RETRIES.into_iter();
        loop {
            let Err(source) = self.store.settle(armed, settlement, self.clock.now()).await else {
                return Ok(());
            };
            let Some(wait) = waits.next() else {
                let outcome = in_words(end);
                // Logged as well as returned: the log is the last place that can keep the tweet's id.
                tracing::error!(post = %armed.post, %outcome, "the outcome of a call to X could not be recorded");
                return Err(PublishError::OutcomeNotRecorded { post: armed.post, outcome, source });
            };
            tracing::warn!(post = %armed.post, outcome = in_words(end), error = %source, "cannot record the outcome yet");
            let again = self.clock.now() + SignedDuration::try_from(wait).expect("the waits are seconds");
            self.clock.sleep_until(again).await;
        }
    }

    /// Returns the result for the caller, once the record is written.
    async fn result(
        &self,
        armed: &Armed,
        answer: Result<PostedTweet, TwitterError>,
        settlement: Settlement,
    ) -> Result<Posted, PublishError> {
        let post = armed.post;
        let error = match answer {
            Ok(PostedTweet { id: tweet_id, .. }) => {
                tracing::info!(%post, tweet_id, "posted");
                self.tell_what_is_left().await;
                return Ok(Posted::Sent { post, tweet_id });
            }
            Err(error) => error,
        };
        let waits_for = match &error {
            TwitterError::NotSent { .. } => WaitsFor::Network,
            TwitterError::RateLimited { .. } => WaitsFor::RateLimit,
            _ => WaitsFor::EarlierAttempt,
        };
        Err(match (settlement.end, error) {
            (CallEnd::Later { wait: Postponement { until, reason }, .. }, _) => {
                PublishError::Later { post, until, waits_for, reason }
            }
            (CallEnd::Refused { .. }, TwitterError::Refused { kind, answer }) => {
                PublishError::Refused { post, kind, answer: Box::new(answer) }
            }
            (CallEnd::Unknown { .. }, TwitterError::OutcomeUnknown { reason, .. }) => {
                PublishError::OutcomeUnknown { post, reason }
            }
            (_, error) => PublishError::OutcomeUnknown { post, reason: error.to_string() },
        })
    }

    async fn tell_what_is_left(&self) {
        let rules = self.in_force().rules;
        match outlook(&self.store, &rules, self.clock.now()).await {
            Ok(left) => tracing::info!(
                posts_left_today = left.posts_left_today,
                posts_left_this_month = left.posts_left_this_month,
                usd_left_this_month = left.usd_left_this_month,
                next_post_at = left.next_post_at.map(tracing::field::display),
                "left of the budget"
            ),
            Err(error) => tracing::warn!(%error, "cannot find out what is left of the budget"),
        }
    }
}

/// Returns a fingerprint that identifies the credentials in use, with a new salt.
fn fingerprint(poster: &dyn Poster) -> Fingerprint {
    let salt = format!("{:032x}", rand::random::<u128>());
    Fingerprint { digest: poster.fingerprint(&salt), salt }
}

/// Returns random jitter for waits.
#[must_use]
pub fn random_jitter() -> Jitter {
    Arc::new(rand::random::<f64>)
}

/// Returns the outcome in the words that the log uses when it cannot be recorded.
fn in_words(end: &CallEnd) -> String {
    match end {
        CallEnd::Sent { tweet_id, .. } => format!("posted as tweet {tweet_id}"),
        CallEnd::Refused { error, .. } | CallEnd::Unknown { error, .. } => error.clone(),
        CallEnd::Later { wait, .. } => wait.reason.clone(),
    }
}

#[cfg(test)]
mod tests;

//! Reconciliation: the account's own timeline shows the outcome of a call that got no answer.
//!
//! A post of unknown outcome is looked for after each of `publish.reconcile_waits`, in the minutes around its calls
//! ([`super::matching`]). If found, it is `sent` with its id. If not found by `publish.reconcile_for`, and after as
//! many looks as there are waits, it is absent; a clock set forward does not suffice for that. A read that fails proves
//! nothing and is made again. X's charges for reads count towards the month's dollars, and once those are used up no
//! read is made. A post that cannot be settled delays no other.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};

use super::matching::Search;
use super::{Outlet, Poster, Publisher, budget, fingerprint, settlement, signed};
use crate::publish::{ReconciliationSettings, WhenAbsent};
use pregonero_store::{
    Absence, Account, CallDetail, Endpoint, HaltCause, MayHavePosted, NewRead, PostId, Postponement, ReadKind,
    ReadOutcome, StoreError, UnknownPost,
};
use pregonero_x::{LimitWindow, RefusalKind, Timeline, TimelineTweet, TwitterError};

/// How long to wait for a budget or halt before checking it again, which costs nothing.
const LOOK_AT_THE_BUDGET: SignedDuration = SignedDuration::from_hours(1);

/// A post still unknown this long after its search should have ended is reported loudly.
const UNSETTLED_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// If what is known of X's clock changes by more than this, the span of a read was wrong.
const SPAN_TOLERANCE: SignedDuration = SignedDuration::from_secs(30);

/// How a post of unknown outcome was settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// The timeline shows it.
    Sent { post: PostId, tweet_id: String },
    /// It is certainly absent, and the post goes out once more.
    Reposted { post: PostId },
    /// It is certainly absent, and the post ends as refused.
    Refused { post: PostId },
}

/// What one look yielded.
enum Look {
    /// The timeline as X gave it.
    Read(Timeline),
    /// No look may be made before this.
    Later(Timestamp),
    /// The call failed.
    Failed { what: ReadKind, error: TwitterError },
}

impl Publisher {
    /// Looks once for each post of unknown outcome that is due; returns those that are settled.
    ///
    /// # Errors
    /// If the record cannot be read or written.
    pub async fn reconcile(&self) -> Result<Vec<Settled>, StoreError> {
        let Outlet::Live(poster) = &self.outlet else { return Ok(Vec::new()) };
        let mut settled = Vec::new();
        for unknown in self.store.unknown_due(self.clock.now()).await? {
            match self.look_for(&**poster, &unknown).await {
                Ok(found) => settled.extend(found),
                // It was settled meanwhile, by something that knows more.
                Err(StoreError::StateConflict { post, found, .. }) => {
                    tracing::debug!(%post, %found, "settled meanwhile");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(settled)
    }

    /// Returns whether there is a post to look for now.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub async fn must_reconcile(&self) -> Result<bool, StoreError> {
        let live = matches!(self.outlet, Outlet::Live(_));
        Ok(live && !self.store.unknown_due(self.clock.now()).await?.is_empty())
    }

    /// Returns posts that should be settled by now and are not: a person has to check the account.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub async fn unsettled(&self) -> Result<Vec<PostId>, StoreError> {
        let patience = signed(self.in_force().rules.reconciliation.give_up_after) + UNSETTLED_AFTER;
        let before = self.clock.now().checked_sub(patience).unwrap_or(Timestamp::MIN);
        self.store.unsettled_since(before).await
    }

    /// Returns the wait before the next look, after so many looks; the last one repeats.
    pub(super) fn wait_of_look(&self, looks: i64) -> SignedDuration {
        let waits = self.in_force().rules.reconciliation.waits;
        let place = usize::try_from(looks).unwrap_or(0).min(waits.len().saturating_sub(1));
        waits.get(place).map_or(LOOK_AT_THE_BUDGET, |wait| signed(*wait))
    }

    async fn look_for(&self, poster: &dyn Poster, unknown: &UnknownPost) -> Result<Option<Settled>, StoreError> {
        let post = unknown.post;
        // Another account's timeline proves nothing.
        if unknown.account.as_ref().is_some_and(|account| !self.is_handle(account)) {
            let again = self.clock.now() + LOOK_AT_THE_BUDGET;
            return self.store.look_later(post, again, None, self.clock.now()).await.map(|()| None);
        }
        let calls = self.store.calls_with_text_of(post).await?;
        match self.look(poster, post, &calls).await? {
            Look::Later(until) => {
                self.store.look_later(post, until, None, self.clock.now()).await?;
                Ok(None)
            }
            Look::Failed { what, error } => self.note_failure(poster, unknown, what, &error).await.map(|()| None),
            Look::Read(timeline) => self.conclude(poster, unknown, &calls, &timeline).await,
        }
    }

    /// Reads the minutes around the post's calls, if that is allowed now.
    async fn look(&self, poster: &dyn Poster, post: PostId, calls: &[MayHavePosted]) -> Result<Look, StoreError> {
        let now = self.clock.now();
        if let Some(wait) = self.held_back(now).await? {
            tracing::debug!(%post, reason = wait.reason, "a post of unknown outcome cannot be looked for yet");
            return Ok(Look::Later(wait.until));
        }
        let account = match self.account(poster, post).await? {
            Ok(account) => account,
            Err(error) => return Ok(Look::Failed { what: ReadKind::Account, error }),
        };
        if self.halt_on_another_account(poster, &account).await?.is_some() {
            return Ok(Look::Later(now + LOOK_AT_THE_BUDGET));
        }
        let nothing = HashSet::new();
        let span = || Search { post, calls, taken: &nothing, clock_skew_seconds: skew_seconds(poster) }.span(now);
        let Some(asked) = span() else { return Ok(Look::Later(now + LOOK_AT_THE_BUDGET)) };
        let mut read = poster.timeline(&account.user_id, asked).await;
        // A process learns X's time from its first answer; if that moves the span, the right one is read.
        if let Some(moved) = span().filter(|span| span.from.duration_since(asked.from).abs() > SPAN_TOLERANCE) {
            read = poster.timeline(&account.user_id, moved).await;
        }
        Ok(match read {
            Ok(timeline) => Look::Read(timeline),
            Err(error) => Look::Failed { what: ReadKind::Timeline, error },
        })
    }

    /// Returns until when no read is made and why: posting is stopped by X, X's limit for reads, or the month's
    /// dollars.
    pub(super) async fn held_back(&self, now: Timestamp) -> Result<Option<Postponement>, StoreError> {
        let again = now + LOOK_AT_THE_BUDGET;
        let wait = |until, reason: &str| Ok(Some(Postponement { until, reason: reason.to_owned() }));
        if self.store.halts().await?.iter().any(|halt| halt.cause == HaltCause::Refused) {
            return wait(again, "all posting is stopped");
        }
        let windows = self.store.windows().await?;
        let reading = windows.iter().filter(|window| window.endpoint == Endpoint::Read);
        if let Some(until) = reading.filter_map(|window| window.closed_until(now)).max() {
            return wait(until, "X's limit for reads is used up");
        }
        let rules = self.in_force().rules;
        let calendar = budget::Calendar::around(now, &rules.timezone);
        let spent = self.store.spent(calendar.since).await?;
        let price = rules.budget.prices.of_read(1);
        Ok(calendar.check_dollars(&rules.budget, &spent, price).err().map(|wait| {
            tracing::warn!(reason = wait.reason, "X's timeline and account cannot be read");
            Postponement { until: wait.until.min(again), ..wait }
        }))
    }

    /// Returns whose timeline it is: X is asked once for each set of credentials.
    async fn account(&self, poster: &dyn Poster, post: PostId) -> Result<Result<Account, TwitterError>, StoreError> {
        match self.known_account(poster).await? {
            Some(account) => Ok(Ok(account)),
            None => self.read_account(poster, post).await,
        }
    }

    /// Draws the conclusion from a timeline: the post is there, not there yet, or certainly absent.
    async fn conclude(
        &self,
        poster: &dyn Poster,
        unknown: &UnknownPost,
        calls: &[MayHavePosted],
        timeline: &Timeline,
    ) -> Result<Option<Settled>, StoreError> {
        let (post, now) = (unknown.post, self.clock.now());
        let taken = self.taken(&timeline.tweets).await?;
        let search = Search { post, calls, taken: &taken, clock_skew_seconds: skew_seconds(poster) };
        if let Some((call, tweet)) = search.find(&timeline.tweets) {
            let read = self.reading(post, timeline, ReadOutcome::Found);
            let created_at = tweet.created_at.unwrap_or(now);
            self.store.settle_found(call, &tweet.id, created_at, &read, now).await?;
            tracing::info!(%post, tweet_id = tweet.id, "found on the timeline: X published this post");
            return Ok(Some(Settled::Sent { post, tweet_id: tweet.id.clone() }));
        }
        let read = self.reading(post, timeline, ReadOutcome::Absent);
        let settings = self.in_force().rules.reconciliation;
        if !is_surely_absent(unknown, &settings, now) {
            let look_at = self.next_look(unknown, &settings, now);
            self.store.look_later(post, look_at, Some(&read), now).await?;
            tracing::info!(%post, %look_at, "the timeline does not show this post; will look again");
            return Ok(None);
        }
        let absence = self.absence(post, calls, settings.when_absent).await?;
        self.store.settle_absent(post, &absence, &read, now).await?;
        Ok(Some(match absence {
            Absence::Repost => {
                tracing::warn!(%post, "this post is not on the timeline: it goes out once more");
                Settled::Reposted { post }
            }
            Absence::Refuse(reason) => {
                tracing::warn!(%post, reason, "this post is not on the timeline: it will not be sent again");
                Settled::Refused { post }
            }
        }))
    }

    /// Returns which of these tweets belong to posts on record.
    async fn taken(&self, tweets: &[TimelineTweet]) -> Result<HashSet<String>, StoreError> {
        let ids: Vec<&str> =
            tweets.iter().flat_map(|tweet| tweet.edit_history.iter().chain([&tweet.id])).map(String::as_str).collect();
        Ok(self.store.recorded_tweets(&ids).await?.into_iter().collect())
    }

    fn reading(&self, post: PostId, timeline: &Timeline, outcome: ReadOutcome) -> NewRead {
        let items = timeline.tweets.len();
        NewRead {
            what: ReadKind::Timeline,
            post: Some(post),
            outcome,
            items,
            price_micros: self.in_force().rules.budget.prices.of_read(items),
            detail: CallDetail { transaction_id: timeline.transaction_id.clone(), ..CallDetail::default() },
            windows: settlement::windows(Endpoint::Read, &timeline.limits),
        }
    }

    /// Decides what happens to a post that is certainly absent. It goes out again at most once, and never if X calls
    /// its text a duplicate: then it exists somewhere.
    async fn absence(
        &self,
        post: PostId,
        calls: &[MayHavePosted],
        when_absent: WhenAbsent,
    ) -> Result<Absence, StoreError> {
        let own: Vec<_> = calls.iter().filter(|call| call.post == post && call.unknown).collect();
        let refuse = |reason: &str| Ok(Absence::Refuse(reason.to_owned()));
        if self.store.was_restored(post).await? {
            return refuse("the timeline does not show it; it was restored from a backup, so it is never sent again");
        }
        if let Some(first) = own.first()
            && self.store.called_a_duplicate(&first.text, first.started_at).await?
        {
            return refuse("X calls it a duplicate, but the timeline does not show it: check the account");
        }
        match when_absent {
            WhenAbsent::Repost if own.len() < 2 => Ok(Absence::Repost),
            WhenAbsent::Repost => refuse("X did not publish it, twice"),
            WhenAbsent::Refuse => refuse("X did not publish it: the timeline does not show it"),
        }
    }

    async fn note_failure(
        &self,
        poster: &dyn Poster,
        unknown: &UnknownPost,
        what: ReadKind,
        error: &TwitterError,
    ) -> Result<(), StoreError> {
        let (post, now) = (unknown.post, self.clock.now());
        let mut windows = settlement::windows_of(Endpoint::Read, error);
        let mut look_at = self.next_look(unknown, &self.in_force().rules.reconciliation, now);
        match error {
            TwitterError::RateLimited { window, until, .. } => {
                look_at = self.limited_until(*window, *until, look_at, now);
                settlement::block(&mut windows, Endpoint::Read, *window, look_at);
            }
            TwitterError::Refused { kind, .. } if stops_posting(*kind) => {
                let halt = settlement::halt(*kind, error, &fingerprint(poster), now);
                if self.store.record_refusal(&halt).await? {
                    tracing::error!("{halt}");
                }
            }
            _ => {}
        }
        tracing::warn!(%post, %error, %look_at, "cannot read the timeline; will try again");
        let detail = settlement::detail_of(error);
        let read = NewRead {
            what,
            post: Some(post),
            outcome: ReadOutcome::Failed,
            items: 0,
            price_micros: 0,
            detail,
            windows,
        };
        self.store.look_later(post, look_at, Some(&read), now).await
    }

    fn limited_until(
        &self,
        window: LimitWindow,
        told: Option<Timestamp>,
        next_look: Timestamp,
        now: Timestamp,
    ) -> Timestamp {
        let longer = match window {
            LimitWindow::Day | LimitWindow::Month => now + SignedDuration::from_hours(6),
            LimitWindow::FifteenMinutes | LimitWindow::Unknown => now + SignedDuration::from_mins(15),
        };
        told.filter(|until| *until > now).unwrap_or(longer).max(next_look)
    }

    /// Returns the time of the look after this one: never later than the one that decides.
    fn next_look(&self, unknown: &UnknownPost, settings: &ReconciliationSettings, now: Timestamp) -> Timestamp {
        let next = now + self.wait_of_look(unknown.looks + unknown.failed_looks + 1);
        let decides = deadline(unknown, settings);
        if decides > now { next.min(decides) } else { next }
    }
}

/// Returns when a post that is not found counts as absent.
fn deadline(unknown: &UnknownPost, settings: &ReconciliationSettings) -> Timestamp {
    unknown.since.checked_add(signed(settings.give_up_after)).unwrap_or(Timestamp::MAX)
}

/// Returns whether this look, which did not find it, is conclusive.
fn is_surely_absent(unknown: &UnknownPost, settings: &ReconciliationSettings, now: Timestamp) -> bool {
    let looks = usize::try_from(unknown.looks).unwrap_or(0) + 1;
    now >= deadline(unknown, settings) && looks >= settings.waits.len()
}

/// Returns whether a refusal to read means that nothing can be posted either. The permission to read is separate from
/// that to write.
pub(super) fn stops_posting(kind: RefusalKind) -> bool {
    kind.is_terminal() && !matches!(kind, RefusalKind::Permissions | RefusalKind::Authentication)
}

fn skew_seconds(poster: &dyn Poster) -> i64 {
    poster.clock_skew().unwrap_or_default().as_secs()
}

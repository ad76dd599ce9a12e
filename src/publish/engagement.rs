//! What people did with the posts: on a schedule, the account's own timeline is read for likes, reposts, replies, quotes
//! and views, at the price of own posts (the same numbers by id cost five times as much).
//!
//! One constraint: this is never worth a post. So nothing is read in a dry run, while posting is stopped or paused, while
//! X's limit for reads is used up, or where the month's dollars do not cover it. A reading that fails waits for its next
//! turn.

use jiff::{SignedDuration, Timestamp};

use super::reconcile::stops_posting;
use super::{Outlet, Poster, Publisher, budget, fingerprint, settlement, signed};
use crate::publish::EngagementSettings;
use pregonero_store::{CallDetail, Endpoint, Engagement, Measured, NewRead, PostId, ReadKind, ReadOutcome, StoreError};
use pregonero_x::{Span, Timeline, TimelineTweet, TwitterError};

/// A post that is missing in the timeline this long after it was sent was deleted: the timeline may lag by minutes.
const MISSING_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// How much earlier than our oldest post the reading begins, in case our clock was ahead of X's.
const MARGIN: SignedDuration = SignedDuration::from_mins(10);

/// What one reading yielded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Measurement {
    /// Posts whose numbers are on record now.
    pub measured: usize,
    /// Posts that somebody has deleted.
    pub gone: Vec<PostId>,
}

impl Publisher {
    /// Returns whether it is time to read the engagement.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub async fn must_measure(&self) -> Result<bool, StoreError> {
        let settings = self.in_force().rules.engagement;
        let (Outlet::Live(_), Some(every)) = (&self.outlet, settings.every) else { return Ok(false) };
        let now = self.clock.now();
        // A last reading in the future means that the clock was set back.
        let last = self.store.last_measured().await?.filter(|last| *last <= now);
        if last.is_some_and(|last| now.duration_since(last) < signed(every)) {
            return Ok(false);
        }
        Ok(!self.to_measure(&settings, now).await?.is_empty() && self.may_measure(now).await?)
    }

    /// Reads the engagement of the posts of the last `engagement.for`. Returns `None` if that is not allowed now, or failed.
    ///
    /// # Errors
    /// If the record cannot be read or written.
    pub async fn measure(&self) -> Result<Option<Measurement>, StoreError> {
        let Outlet::Live(poster) = &self.outlet else { return Ok(None) };
        let (settings, now) = (self.in_force().rules.engagement, self.clock.now());
        let posts = self.to_measure(&settings, now).await?;
        let (Some(oldest), Some(account)) = (posts.first(), self.known_account(&**poster).await?) else {
            return Ok(None);
        };
        if !self.is_handle(&account.username) || !self.may_measure(now).await? {
            return Ok(None);
        }
        let earliest = posts.iter().map(|post| post.sent_at).min().unwrap_or(oldest.sent_at);
        let span = Span { from: earliest.checked_sub(MARGIN).unwrap_or(earliest), to: None };
        match poster.timeline(&account.user_id, span).await {
            Ok(timeline) => self.keep(&posts, &timeline).await.map(Some),
            Err(error) => self.note_failed_measurement(&**poster, &error).await.map(|()| None),
        }
    }

    async fn to_measure(&self, settings: &EngagementSettings, now: Timestamp) -> Result<Vec<Measured>, StoreError> {
        let since = now.checked_sub(signed(settings.r#for)).unwrap_or(Timestamp::MIN);
        self.store.posts_to_measure(&self.in_force().rules.account, since).await
    }

    /// Returns whether nothing forbids the reading: a halt, X's limits, or the budget.
    async fn may_measure(&self, now: Timestamp) -> Result<bool, StoreError> {
        if !self.store.halts().await?.is_empty() || self.held_back(now).await?.is_some() {
            return Ok(false);
        }
        let rules = self.in_force().rules;
        let posts = self.to_measure(&rules.engagement, now).await?.len();
        let calendar = budget::Calendar::around(now, &rules.timezone);
        let spent = self.store.spent(calendar.since).await?;
        let price = rules.budget.prices.of_read(posts);
        let fits = calendar.check_dollars(&rules.budget, &spent, price);
        if let Err(wait) = &fits {
            tracing::debug!(reason = wait.reason, posts, "the engagement is not read");
        }
        Ok(fits.is_ok())
    }

    async fn keep(&self, posts: &[Measured], timeline: &Timeline) -> Result<Measurement, StoreError> {
        let now = self.clock.now();
        let shown = |post: &Measured| timeline.tweets.iter().find(|tweet| is_of(tweet, &post.tweet_id));
        let counts: Vec<(PostId, Engagement)> =
            posts.iter().filter_map(|post| Some((post.post, counts_of(shown(post)?)?))).collect();
        let missing = |post: &&Measured| shown(post).is_none() && now.duration_since(post.sent_at) >= MISSING_AFTER;
        // A timeline without a single post of ours is rather a fault of X than a person who deleted all of them.
        let is_plausible = posts.iter().any(|post| shown(post).is_some());
        let gone: Vec<PostId> = posts.iter().filter(missing).filter(|_| is_plausible).map(|post| post.post).collect();
        let items = timeline.tweets.len();
        let read = NewRead {
            outcome: ReadOutcome::Found,
            items,
            price_micros: self.in_force().rules.budget.prices.of_read(items),
            detail: CallDetail { transaction_id: timeline.transaction_id.clone(), ..CallDetail::default() },
            windows: settlement::windows(Endpoint::Read, &timeline.limits),
            ..a_read()
        };
        self.store.record_engagement(&counts, &gone, &read, now).await?;
        let newly_gone: Vec<PostId> =
            posts.iter().filter(|post| !post.gone && gone.contains(&post.post)).map(|post| post.post).collect();
        for post in &newly_gone {
            tracing::warn!(%post, "the account's timeline no longer shows this post: somebody has deleted it");
        }
        if counts.is_empty() && is_plausible {
            tracing::warn!("X showed the account's posts without their numbers");
        }
        tracing::info!(posts = counts.len(), "engagement read");
        Ok(Measurement { measured: counts.len(), gone: newly_gone })
    }

    async fn note_failed_measurement(&self, poster: &dyn Poster, error: &TwitterError) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut windows = settlement::windows_of(Endpoint::Read, error);
        match error {
            TwitterError::RateLimited { window, .. } => {
                let until = settlement::wait_of_reading(error, now);
                settlement::block(&mut windows, Endpoint::Read, *window, until);
            }
            TwitterError::Refused { kind, .. } if stops_posting(*kind) => {
                let halt = settlement::halt(*kind, error, &fingerprint(poster), now);
                if self.store.record_refusal(&halt).await? {
                    tracing::error!("{halt}");
                }
            }
            _ => {}
        }
        tracing::warn!(%error, "the engagement could not be read; will try again in engagement.every");
        let read = NewRead { detail: settlement::detail_of(error), windows, ..a_read() };
        self.store.record_failed_read(&read, now).await
    }
}

fn is_of(tweet: &TimelineTweet, id: &str) -> bool {
    tweet.id == id || tweet.edit_history.iter().any(|earlier| earlier == id)
}

fn counts_of(tweet: &TimelineTweet) -> Option<Engagement> {
    let counts = tweet.metrics?;
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    Some(Engagement {
        likes: number(counts.likes),
        reposts: number(counts.reposts),
        replies: number(counts.replies),
        quotes: number(counts.quotes),
        views: counts.views.map(number),
    })
}

/// Starts the record of a reading that yielded nothing; the caller fills in what it did yield.
fn a_read() -> NewRead {
    NewRead {
        what: ReadKind::Metrics,
        post: None,
        outcome: ReadOutcome::Failed,
        items: 0,
        price_micros: 0,
        detail: CallDetail::default(),
        windows: Vec::new(),
    }
}

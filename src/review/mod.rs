//! The queue of posts that wait for a person, and the only source of [`Approved`].
//!
//! One constraint: [`crate::publish`] accepts only an [`Approved`], and those come only from here: from a candidate
//! that the mode lets through, or from the record, where a person approved it.

mod desk;
mod error;
mod input;
mod settings;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

pub use self::desk::{Decided, Desk, JudgeSource, Waiting, loaded};
pub use self::error::ReviewError;
pub use self::input::{Checked, Reviewer, reason};
pub use self::settings::{KeepDisclosure, Requirement, ReviewKeys, ReviewMode, ReviewSettings};
use pregonero_judging::gates::Recent;
use pregonero_judging::selection::Chosen;
use pregonero_store::{Earlier, NewPost, Origin, PostId, PostRecord, PostState, RoundId, Store, StoreError, Unlike};
use pregonero_tweet::Disclosure;

/// The name in the record of who decided if the gates' verdicts sufficed.
const BY_THE_GATES: &str = "gates";

/// The rules of the queue.
#[derive(Debug, Clone)]
pub struct Terms {
    pub mode: ReviewMode,
    /// How long a post waits for a person.
    pub expires_after: Duration,
    /// How long an approved post waits to be sent.
    pub stale_after: Duration,
    /// Whether posts leave the machine; this is fixed when a post is created.
    pub live: bool,
    /// The account that posts are made for, without `@`.
    pub account: String,
    /// What an approval of a post that states something takes.
    pub require: Requirement,
    /// Whether a post whose facts a person checked keeps its disclosure.
    pub keep_disclosure: KeepDisclosure,
    pub disclosure: Disclosure,
    /// The least similarity to an earlier post that is too much; 0 = none is.
    pub near_duplicate: f64,
    /// For how many days an earlier post counts.
    pub near_duplicate_days: u32,
}

impl Terms {
    /// Returns which earlier posts a text must not repeat, if it is decided on at `now`.
    fn earlier(&self, now: Timestamp, held: bool, dry_runs: bool) -> Earlier<'_> {
        let since = Earlier::days_before(now, self.near_duplicate_days);
        Earlier { since, held, dry_runs, disclosure: &self.disclosure }
    }
}

/// A post that may be sent. Whether it still may is checked again when it is sent.
#[derive(Debug, PartialEq, Eq)]
pub struct Approved {
    post: PostId,
    text: String,
}

impl Approved {
    /// The post's number.
    #[must_use]
    pub fn post(&self) -> PostId {
        self.post
    }

    /// The tweet, as it will be sent.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns a second one of the same post, as two tasks that read the record at the same time would have.
    #[cfg(test)]
    pub(crate) fn clone_for_test(&self) -> Self {
        Self { post: self.post, text: self.text.clone() }
    }

    /// Returns the approved posts in the record that may be tried now, the most recently decided first: those a person
    /// approved, and those that a limit, the budget or a restart held back.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn from_store(store: &Store, now: Timestamp) -> Result<Vec<Self>, ReviewError> {
        let posts = store.sendable_posts(now).await?;
        Ok(posts.into_iter().map(|post| Self { post: post.id, text: post.text }).collect())
    }
}

/// What happened to a chosen candidate.
#[derive(Debug, PartialEq, Eq)]
pub enum Submitted {
    /// It may be sent.
    Approved(Approved),
    /// It waits for a person.
    Held(PostId),
    /// Something like it was let out after the gates compared it, so it led to no post.
    TooAlike { reason: String },
}

/// Records the round's choice, approved or held according to `terms`, which ends the round.
///
/// The candidates must be on record ([`Store::record_candidates`]).
///
/// # Errors
/// [`ReviewError::NobodyToAsk`]; [`pregonero_store::StoreError::AlreadyPosted`] if the round has a post already.
pub async fn submit(
    store: &Store,
    round: RoundId,
    chosen: &Chosen,
    terms: &Terms,
    now: Timestamp,
) -> Result<Submitted, ReviewError> {
    let hold = match (terms.mode, chosen.needs_review()) {
        (ReviewMode::Off, true) => return Err(ReviewError::NobodyToAsk { round }),
        (ReviewMode::Off | ReviewMode::Flagged, false) => false,
        (ReviewMode::Flagged, true) | (ReviewMode::All, _) => true,
    };
    let judged = chosen.judged();
    let body = terms.disclosure.body_of(&judged.text);
    let objection = |bodies| Recent::new::<String>(bodies).objection(body, terms.near_duplicate);
    let unlike = Unlike { earlier: terms.earlier(now, true, !terms.live), objection: &objection };
    let origin = Origin { live: terms.live, account: terms.account.clone() };
    let post = NewPost {
        round,
        candidate: chosen.index(),
        text: &judged.text,
        body,
        weighted_length: judged.weighted_length,
        approved_by: (!hold).then_some(BY_THE_GATES),
        expires_at: after(now, if hold { terms.expires_after } else { terms.stale_after }),
        origin: &origin,
        unlike: (!hold).then_some(unlike),
    };
    let post = match store.create_post(&post, now).await {
        Err(StoreError::TooAlike { reason, .. }) => return Ok(Submitted::TooAlike { reason }),
        created => created?,
    };
    if hold {
        tracing::info!(%post, "the chosen post waits for a person");
        return Ok(Submitted::Held(post));
    }
    Ok(Submitted::Approved(Approved { post, text: judged.text.clone() }))
}

/// Returns the posts that wait for a person, the oldest first; none of them expired.
///
/// # Errors
/// If the database cannot be read.
pub async fn list(store: &Store, now: Timestamp) -> Result<Vec<PostRecord>, ReviewError> {
    let mut held = store.posts_in(PostState::Held).await?;
    held.retain(|post| post.expires_at > now);
    Ok(held)
}

/// Marks posts as expired that were not decided on, or not sent, in time; returns them.
///
/// # Errors
/// If the database cannot be written.
pub async fn expire(store: &Store, now: Timestamp) -> Result<Vec<PostId>, ReviewError> {
    let expired = store.expire_posts(now).await?;
    for post in &expired {
        tracing::info!(%post, "post expired");
    }
    Ok(expired)
}

/// Returns the instant `span` after `now`. A span beyond the calendar means for ever.
fn after(now: Timestamp, span: Duration) -> Timestamp {
    SignedDuration::try_from(span).ok().and_then(|span| now.checked_add(span).ok()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
pub(crate) mod testing;

#[cfg(test)]
mod tests;

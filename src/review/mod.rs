//! The queue of posts that wait for a person, and the only source of [`Approved`].
//!
//! One constraint: [`crate::publish`] accepts only an [`Approved`], and those come only from here: from a candidate
//! that the mode lets through, or from the record, where a person approved it.

mod settings;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

pub use self::settings::{ReviewKeys, ReviewMode, ReviewSettings};
use pregonero_judging::selection::Chosen;
use pregonero_store::{NewPost, Origin, PostId, PostRecord, PostState, RoundId, Store, StoreError};
use pregonero_system::clock::shown;

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
}

/// Why the queue could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// A gate requires a person, but in this mode nobody reviews. The selection does not choose such a candidate in
    /// this mode.
    #[error("round {round}: the gates require a person to review, but `review.mode` is `off`")]
    NobodyToAsk { round: RoundId },
    /// The post has expired.
    #[error("post {post} expired at {}: it can no longer be approved", shown(*at))]
    Expired { post: PostId, at: Timestamp },
    /// The post does not wait for a person.
    #[error("post {post} is `{state}`: there is nothing to decide; `pregonero review list` shows what waits")]
    NothingToDecide { post: PostId, state: PostState },
    /// The record could not be read or written.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for ReviewError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Expired { post, at } => Self::Expired { post, at },
            StoreError::StateConflict { post, found, .. } => Self::NothingToDecide { post, state: found },
            error => Self::Store(error),
        }
    }
}

/// Records the round's choice, approved or held according to `terms`, which ends the round.
///
/// The candidates must be on record ([`Store::record_candidates`]).
///
/// # Errors
/// [`ReviewError::NobodyToAsk`]; [`StoreError::AlreadyPosted`] if the round has a post already.
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
    let origin = Origin { live: terms.live, account: terms.account.clone() };
    let post = NewPost {
        round,
        candidate: chosen.index(),
        text: &judged.text,
        weighted_length: judged.weighted_length,
        approved_by: (!hold).then_some(BY_THE_GATES),
        expires_at: after(now, if hold { terms.expires_after } else { terms.stale_after }),
        origin: &origin,
    };
    let post = store.create_post(&post, now).await?;
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

/// Returns one post in any state, with what the gates and the classifier said of it.
///
/// # Errors
/// [`StoreError::NoSuchPost`], or if the database cannot be read.
pub async fn show(store: &Store, post: PostId) -> Result<PostRecord, ReviewError> {
    Ok(store.post(post).await?)
}

/// Approves a held post on behalf of `by`. The next run of the publisher sends it, within `stale_after` from now.
///
/// # Errors
/// [`ReviewError::Expired`], [`ReviewError::NothingToDecide`], or if the database cannot be written.
pub async fn approve(
    store: &Store,
    post: PostId,
    by: &str,
    stale_after: Duration,
    now: Timestamp,
) -> Result<(), ReviewError> {
    store.approve_held(post, by, after(now, stale_after), now).await?;
    tracing::info!(%post, by, "post approved");
    Ok(())
}

/// Stops a post on behalf of `by`: a held one becomes `rejected`, an approved one that is not under way `cancelled`.
/// Returns the new state.
///
/// # Errors
/// [`ReviewError::NothingToDecide`] if it is too late, or if the database cannot be written.
pub async fn reject(
    store: &Store,
    post: PostId,
    by: &str,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<PostState, ReviewError> {
    let state = store.stop_post(post, by, reason, now).await?;
    tracing::info!(%post, by, %state, "post stopped");
    Ok(state)
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
mod tests {
    use super::*;
    use pregonero_judging::selection::select;
    use pregonero_store::testing::{TestStore, at, judged};
    use pregonero_tweet::Verdict;

    const TEXT: &str = "El mercado abre temprano.";

    const STALE_AFTER: Duration = Duration::from_secs(12 * 3600);

    fn terms(mode: ReviewMode) -> Terms {
        let expires_after = Duration::from_secs(48 * 3600);
        Terms { mode, expires_after, stale_after: STALE_AFTER, live: true, account: "prueba".to_owned() }
    }

    async fn submit_one(
        test: &TestStore,
        mode: ReviewMode,
        verdict: Verdict,
        now: Timestamp,
    ) -> Result<Submitted, ReviewError> {
        let round = test.round(now).await;
        let all = [judged(TEXT, verdict, 0.9)];
        test.store.record_candidates(round, &all, Some(0), now).await.unwrap();
        submit(&test.store, round, &select(&all, true).unwrap(), &terms(mode), now).await
    }

    #[tokio::test]
    async fn the_mode_and_the_verdict_decide_who_lets_a_choice_through() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let cases = [
            (ReviewMode::Off, Verdict::Pass, PostState::Approved),
            (ReviewMode::Flagged, Verdict::Pass, PostState::Approved),
            (ReviewMode::Flagged, Verdict::Review, PostState::Held),
            (ReviewMode::All, Verdict::Pass, PostState::Held),
            (ReviewMode::All, Verdict::Review, PostState::Held),
        ];
        for (mode, verdict, wanted) in cases {
            let post = match submit_one(&test, mode, verdict, now).await.unwrap() {
                Submitted::Approved(approved) => {
                    assert_eq!(approved.text(), TEXT);
                    approved.post()
                }
                Submitted::Held(post) => post,
            };
            let record = show(&test.store, post).await.unwrap();
            assert_eq!(record.state, wanted, "{mode:?} {verdict:?}");
            assert_eq!(record.decided_by.as_deref(), (wanted == PostState::Approved).then_some("gates"));
            let waits = if wanted == PostState::Held { "2026-03-03T14:00:00Z" } else { "2026-03-02T02:00:00Z" };
            assert_eq!(record.expires_at, at(waits), "a person has two days, a post twelve hours");
            assert_eq!((record.live, record.account.as_deref()), (Some(true), Some("prueba")));
        }
        let off = submit_one(&test, ReviewMode::Off, Verdict::Review, now).await.unwrap_err();
        assert!(matches!(off, ReviewError::NobodyToAsk { .. }), "{off:?}");
    }

    #[tokio::test]
    async fn an_approved_post_is_offered_for_sending_and_a_held_one_is_not() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let id = test.held(TEXT, now).await;
        assert_eq!(list(&test.store, now).await.unwrap().iter().map(|post| post.id).collect::<Vec<_>>(), [id]);
        assert_eq!(Approved::from_store(&test.store, now).await.unwrap(), []);
        let later = at("2026-03-02T14:00:00Z");
        approve(&test.store, id, "ana", STALE_AFTER, later).await.unwrap();
        let approved = Approved::from_store(&test.store, later).await.unwrap();
        assert_eq!(approved, [Approved { post: id, text: TEXT.to_owned() }]);
        assert_eq!(list(&test.store, later).await.unwrap(), []);
        let record = show(&test.store, id).await.unwrap();
        assert_eq!((record.decided_by.as_deref(), record.decided_at), (Some("ana"), Some(later)));
        assert_eq!(record.expires_at, at("2026-03-03T02:00:00Z"), "the time for sending begins with the decision");
        let twice = approve(&test.store, id, "ana", STALE_AFTER, later).await.unwrap_err();
        assert!(matches!(twice, ReviewError::NothingToDecide { state: PostState::Approved, .. }), "{twice:?}");
    }

    #[tokio::test]
    async fn a_post_past_its_time_cannot_be_approved_and_says_so() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let id = test.held(TEXT, now).await;
        let end = at("2026-03-03T14:00:00Z");
        assert_eq!(list(&test.store, end).await.unwrap(), []);
        for _ in 0..2 {
            let error = approve(&test.store, id, "ana", STALE_AFTER, end).await.unwrap_err();
            assert_eq!(error.to_string(), "post 1 expired at 2026-03-03 14:00:00 UTC: it can no longer be approved");
            assert_eq!(test.state(id).await, PostState::Expired);
        }
    }

    #[tokio::test]
    async fn held_and_approved_posts_expire_at_their_time_and_not_before() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let (held, approved) = (test.held(TEXT, now).await, test.approved(TEXT, now).await);
        let rejected = test.held(TEXT, now).await;
        reject(&test.store, rejected, "ana", None, now).await.unwrap();
        assert_eq!(expire(&test.store, at("2026-03-03T13:59:59.999Z")).await.unwrap(), []);
        assert_eq!(expire(&test.store, at("2026-03-03T14:00:00Z")).await.unwrap(), [held, approved]);
        assert_eq!(test.state(rejected).await, PostState::Rejected);
        assert_eq!(expire(&test.store, at("2026-03-04T14:00:00Z")).await.unwrap(), []);
    }

    #[tokio::test]
    async fn a_person_stops_a_held_post_and_withdraws_an_approved_one() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let (held, approved) = (test.held(TEXT, now).await, test.approved(TEXT, now).await);
        assert_eq!(reject(&test.store, held, "ana", Some("dull"), now).await.unwrap(), PostState::Rejected);
        assert_eq!(reject(&test.store, approved, "ana", None, now).await.unwrap(), PostState::Cancelled);
        assert_eq!(show(&test.store, held).await.unwrap().decision_reason.as_deref(), Some("dull"));
        assert_eq!(Approved::from_store(&test.store, now).await.unwrap(), []);
        for post in [held, approved] {
            let error = reject(&test.store, post, "ana", None, now).await.unwrap_err();
            assert!(matches!(error, ReviewError::NothingToDecide { .. }), "{error:?}");
        }
        let nobody = reject(&test.store, PostId::new(88), "ana", None, now).await.unwrap_err();
        assert!(matches!(nobody, ReviewError::Store(StoreError::NoSuchPost { .. })), "{nobody:?}");
    }
}

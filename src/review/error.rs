//! Why a decision was not taken, in words for the person who tried.

use jiff::Timestamp;

use pregonero_store::{PostId, PostState, ReviewAct, RoundId, RoundOutcome, StoreError};
use pregonero_system::clock::shown;
use pregonero_tweet::{GateVerdict, Verdict};

/// The gate that compares with earlier posts.
const NEAR_DUPLICATE: &str = "near_duplicate";

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
    #[error("post {post} is `{state}`: {}", what_now(*post, *state, by.as_deref(), *at))]
    NothingToDecide { post: PostId, state: PostState, by: Option<String>, at: Option<Timestamp> },
    /// There is a round of this number, but it led to no post.
    #[error("round {round} led to no post (`{outcome}`{}): there is nothing to decide", because(reason.as_deref()))]
    NoPost { round: RoundId, outcome: RoundOutcome, reason: Option<String> },
    /// The text was changed after the person saw it.
    #[error("post {post} has another text by now: look at it again (`pregonero review show {post}`), then decide")]
    TextChanged { post: PostId },
    /// The gates do not let the text out.
    #[error("{}: {}", refused(*post, *act), listed(verdicts))]
    Refused { post: PostId, act: ReviewAct, verdicts: Vec<GateVerdict> },
    /// The post states something, and nobody says to have checked it.
    #[error(
        "post {post} states something that can be checked ({claim}), and review.require is \"fact_check\": check it, then \
         say so (`pregonero review approve {post} --facts-checked --source LINK`); or edit or reject the post"
    )]
    NeedsFactCheck { post: PostId, claim: String },
    /// The text is the one that the post has.
    #[error("post {post} has this text already: nothing was changed")]
    Unchanged { post: PostId },
    /// There is no such candidate in the post's round.
    #[error("post {post}: there is no candidate {number}; its round has {}", candidates(*count))]
    NoSuchCandidate { post: PostId, number: usize, count: usize },
    /// What a person wrote cannot go on record.
    #[error("{what}: {why}")]
    BadInput { what: &'static str, why: String },
    /// The one-time link cannot be used.
    #[error("this link {why}")]
    DeadLink { why: &'static str },
    /// The gates could not be asked.
    #[error("the text could not be judged: {0:#}")]
    Judging(anyhow::Error),
    /// The record could not be read or written.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for ReviewError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Expired { post, at } => Self::Expired { post, at },
            StoreError::StateConflict { post, found, .. } => {
                Self::NothingToDecide { post, state: found, by: None, at: None }
            }
            StoreError::TextChanged { post } => Self::TextChanged { post },
            StoreError::DeadLink { why } => Self::DeadLink { why },
            StoreError::TooAlike { post, reason } => Self::Refused {
                post,
                act: ReviewAct::Approve,
                verdicts: vec![GateVerdict::new(NEAR_DUPLICATE, Verdict::Reject, reason)],
            },
            error => Self::Store(error),
        }
    }
}

/// Says why nothing can be decided on a post in this state, and what can still be done.
fn what_now(post: PostId, state: PostState, by: Option<&str>, at: Option<Timestamp>) -> String {
    let by = match (by, at) {
        (Some(by), Some(at)) => format!(" ({by} decided at {})", shown(at)),
        _ => String::new(),
    };
    match state {
        PostState::Held => "it waits for a decision".to_owned(),
        PostState::Approved => {
            format!("there is nothing to decide{by}; until it is sent, `pregonero review reject {post}` stops it")
        }
        PostState::Armed => "it is being sent at this moment, so it is too late to decide".to_owned(),
        PostState::Sent => "it was sent, so it is too late to decide; delete the tweet on X".to_owned(),
        PostState::Unknown => "it may have been sent, so it is too late to decide; look at the account".to_owned(),
        PostState::Refused | PostState::DryRun | PostState::Rejected | PostState::Expired | PostState::Cancelled => {
            format!("there is nothing to decide{by}; `pregonero review list` shows what waits")
        }
    }
}

fn because(reason: Option<&str>) -> String {
    reason.map(|reason| format!(": {reason}")).unwrap_or_default()
}

fn refused(post: PostId, act: ReviewAct) -> String {
    match act {
        ReviewAct::Edit | ReviewAct::Pick => {
            format!("post {post} keeps its text, because the gates reject the new one")
        }
        ReviewAct::Approve | ReviewAct::Reject => {
            format!("post {post} still waits, because something like it went out meanwhile; edit or reject it")
        }
    }
}

fn listed(verdicts: &[GateVerdict]) -> String {
    let said = verdicts.iter().map(|verdict| format!("{}: {}", verdict.gate, verdict.reason));
    said.collect::<Vec<_>>().join("; ")
}

fn candidates(count: usize) -> String {
    if count == 1 { "1 candidate".to_owned() } else { format!("{count} candidates, numbered from 1") }
}

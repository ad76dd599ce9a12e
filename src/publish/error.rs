//! Why a post did not go out.

use jiff::Timestamp;

use pregonero_store::{Halt, PostId, PostState, StoreError};
use pregonero_system::clock::shown;
use pregonero_x::{Answer, RefusalKind};

/// What a post waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitsFor {
    /// Our own rules: the budget's next day or month, the gap between two posts, the end of the quiet hours.
    Budget,
    /// X's limit.
    RateLimit,
    /// A connection to X.
    Network,
    /// The time that an earlier attempt set.
    EarlierAttempt,
}

/// Why an approved post did not go out, or why it is unknown whether it did.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// X refused this post for good. `kind.is_terminal()` says whether the next one would be refused too.
    #[error("post {post}: X refused with {} ({kind}): {}", answer.status, answer.detail)]
    Refused { post: PostId, kind: RefusalKind, answer: Box<Answer> },
    /// It is unknown whether X published it. The account's timeline is read to find out.
    #[error(
        "post {post}: it is unknown whether X published it: {reason}; the account's timeline will show whether it did"
    )]
    OutcomeUnknown { post: PostId, reason: String },
    /// Nothing was posted; the post stays approved and waits.
    #[error("post {post} waits until {}: {reason}", shown(*until))]
    Later { post: PostId, until: Timestamp, waits_for: WaitsFor, reason: String },
    /// A person or X has stopped all posting. Nothing was sent; the post stays approved.
    #[error("post {post} waits: {halt}")]
    Halted { post: PostId, halt: Box<Halt> },
    /// It was stopped, sent or expired meanwhile.
    #[error("post {post} is `{state}`: it can no longer be sent")]
    NoLongerApproved { post: PostId, state: PostState },
    /// The intent could not be recorded, so nothing was sent.
    #[error("nothing was sent")]
    NotRecorded(#[source] StoreError),
    /// The call was made and its outcome could not be recorded. The next start records the post as unknown.
    #[error("post {post}: cannot record the outcome of the call ({outcome})")]
    OutcomeNotRecorded { post: PostId, outcome: String, source: StoreError },
}

/// Converts the reason why a post did not leave `approved`.
pub(super) fn not_armed(error: StoreError) -> PublishError {
    match error {
        StoreError::StateConflict { post, found, .. } => PublishError::NoLongerApproved { post, state: found },
        error => PublishError::NotRecorded(error),
    }
}

//! The errors that end the daemon.

use std::time::Duration;

use tokio::task::JoinError;

use super::startup::StartError;
use crate::publish::PublishError;
use crate::round::{Outcome, RoundFailure};
use pregonero_models::generation::GenerationError;
use pregonero_store::{Halt, StoreError};

/// Why the daemon ended, other than by an orderly stop.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("NOTIFY_SOCKET: {0}")]
    Notifier(std::io::Error),
    /// A person has to act; nothing can be posted until then. Ends only `once`. Exit code 69.
    #[error("{0}; {remedy}", remedy = remedy(.0))]
    RefusedForGood(PublishError),
    /// Posting is stopped, so `once` does nothing. Exit code 69 if X stopped it, 75 if a person did.
    #[error("{0}; run `pregonero resume` to post again")]
    Halted(Box<Halt>),
    /// Only a restart can settle the outcome of a post.
    #[error("{0}: start the program again; the post will be recorded as unknown")]
    Unrecorded(PublishError),
    /// Only a restart brings the model back.
    #[error("the model's thread has ended: start the program again")]
    EngineStopped,
    #[error("the task running a round or post panicked: {0}")]
    Panicked(JoinError),
    /// The record failed in the loop itself.
    #[error(transparent)]
    Store(StoreError),
    /// The second signal.
    #[error("stopped at once by a second signal; a post in flight will be recorded as unknown at the next start")]
    Quit,
    #[error("the post in flight did not end within {} s (daemon.drain); it will be recorded as unknown at the next start", bound.as_secs())]
    DrainTimedOut { bound: Duration },
    /// Only a restart gets rid of it.
    #[error("a round or post hangs: it did not end within {} s (daemon.longest_round): start the program again", bound.as_secs())]
    WorkHangs { bound: Duration },
}

/// Returns what a person should do about a permanent refusal.
pub(super) fn remedy(error: &PublishError) -> String {
    let advice = match error {
        PublishError::Refused { kind, .. } => kind.remedy(),
        _ => None,
    };
    let advice = advice.unwrap_or("check the account");
    format!("nothing more is posted until new credentials are in place or `pregonero resume` is run: {advice}")
}

/// Returns the outcome if the program can continue after it.
pub(super) fn check(outcome: Outcome) -> Result<Outcome, DaemonError> {
    match outcome {
        Outcome::NotPosted(error @ PublishError::OutcomeNotRecorded { .. }) => Err(DaemonError::Unrecorded(error)),
        Outcome::NotPosted(PublishError::NotRecorded(error @ StoreError::Superseded { .. })) => {
            Err(DaemonError::Store(error))
        }
        Outcome::Failed(RoundFailure::Generation(GenerationError::Stopped)) => Err(DaemonError::EngineStopped),
        outcome => Ok(outcome),
    }
}

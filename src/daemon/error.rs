//! What ends the daemon.

use std::time::Duration;

use tokio::task::JoinError;

use super::startup::StartError;
use crate::publish::PublishError;
use crate::round::{Outcome, RoundFailure};
use pregonero_models::generation::GenerationError;
use pregonero_store::{Halt, StoreError};

/// Why the daemon ended, where nobody told it to, or not in peace.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("NOTIFY_SOCKET: {0}")]
    Notifier(std::io::Error),
    /// A person has to act; nothing can go out before. Ends `once` alone. Exit code 69.
    #[error("{0}; {remedy}", remedy = remedy(.0))]
    RefusedForGood(PublishError),
    /// Nothing may go out, so `once` does nothing. Exit code 69 where X has stopped it, 75 where a person has.
    #[error("{0}; `pregonero resume` lets posts out again")]
    Halted(Box<Halt>),
    /// Only a new start can tell what became of a post.
    #[error("{0}: start again, it will be recorded as unknown")]
    Unrecorded(PublishError),
    /// Only a new start brings the model back.
    #[error("the model's thread has ended: start again")]
    EngineStopped,
    #[error("the task of a round or post has panicked: {0}")]
    Panicked(JoinError),
    /// The record failed in the loop itself.
    #[error(transparent)]
    Store(StoreError),
    /// The second signal.
    #[error("told to quit at once; a post in flight will be recorded as unknown at the next start")]
    Quit,
    #[error("the post in flight did not end within {} s (daemon.drain); it will be recorded as unknown at the next start", bound.as_secs())]
    DrainTimedOut { bound: Duration },
    /// Only a new start gets rid of it.
    #[error("a round or post hangs: it did not end within {} s (daemon.longest_round): start again", bound.as_secs())]
    WorkHangs { bound: Duration },
}

/// What a person does about a refusal for good.
pub(super) fn remedy(error: &PublishError) -> String {
    let mend = match error {
        PublishError::Refused { kind, .. } => kind.remedy(),
        _ => None,
    };
    let mend = mend.unwrap_or("look at the account");
    format!("nothing more is posted until there are new credentials or `pregonero resume` is run: {mend}")
}

/// The outcome, where the program can go on after it.
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

//! One round without the loop: what `once` does.

use super::error::{DaemonError, check};
use super::signals::Signals;
use super::startup::{Inputs, Started, start_app};
use super::telling::tell_outcome;
use crate::publish::PublishError;
use crate::round::{self, Order, Outcome, RoundFailure};
use pregonero_store::HistoryRecord;
use pregonero_x::oauth2;

/// A round that has ended and is on record.
#[derive(Debug)]
pub struct Finished {
    /// All that is on record about it.
    pub record: HistoryRecord,
    /// Why it is not as it should be.
    pub result: Result<(), OnceError>,
}

/// Why a round came to no good end. A post that waits for a person and a round without a candidate are good ends.
#[derive(Debug, thiserror::Error)]
pub enum OnceError {
    /// What would end or silence the daemon too.
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    /// A limit, the budget or the network; the daemon sends the post later. Exit code 75.
    #[error("{0}; `pregonero run` sends it then")]
    Later(PublishError),
    #[error(transparent)]
    NotPosted(PublishError),
    #[error(transparent)]
    Failed(RoundFailure),
    #[error("told to stop before the round was over")]
    Interrupted,
}

/// Serves one order on a store of which it is the only user.
///
/// # Errors
/// Where the program cannot start or the round cannot be recorded; what came of the round itself is in the answer.
pub async fn once(inputs: Inputs, order: Order, signals: Signals) -> Result<Finished, DaemonError> {
    let (stop, quit) = (signals.stop.clone(), signals.quit.clone());
    let serve = async {
        let Started { app, lock: _lock } = start_app(inputs).await?;
        if let Some(halt) = app.publisher.halts().await.map_err(DaemonError::Store)?.into_iter().next() {
            app.store.close().await;
            return Err(DaemonError::Halted(Box::new(halt)));
        }
        // Where no daemon runs, nobody else asks what became of an earlier post.
        app.publisher.reconcile().await.map_err(DaemonError::Store)?;
        let served = round::run(&app, order, &stop).await.map_err(DaemonError::Store)?;
        tell_outcome(&served);
        let record = app.store.history_record(served.round).await.map_err(DaemonError::Store)?;
        app.store.close().await;
        Ok(Finished { record, result: good_end(served.outcome) })
    };
    let serve = async {
        let finished = serve.await;
        oauth2::renewals_finished().await;
        finished
    };
    tokio::select! {
        finished = serve => finished,
        () = quit.cancelled() => Err(DaemonError::Quit),
    }
}

/// Refuses an outcome that is no good end.
fn good_end(outcome: Outcome) -> Result<(), OnceError> {
    match check(outcome)? {
        Outcome::NotPosted(error @ PublishError::Refused { kind, .. }) if kind.is_terminal() => {
            Err(DaemonError::RefusedForGood(error).into())
        }
        Outcome::NotPosted(error @ PublishError::Later { .. }) => Err(OnceError::Later(error)),
        Outcome::NotPosted(error) => Err(OnceError::NotPosted(error)),
        Outcome::Failed(failure) => Err(OnceError::Failed(failure)),
        Outcome::Interrupted | Outcome::Kept(_) => Err(OnceError::Interrupted),
        Outcome::Posted(_) | Outcome::Held(_) | Outcome::NoCandidate { .. } => Ok(()),
    }
}

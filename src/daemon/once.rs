//! One round without the loop: what `once` does.

use super::error::{DaemonError, check};
use super::reload::record_config;
use super::signals::Signals;
use super::startup::{Inputs, StartError, Started, start_app};
use super::telling::tell_outcome;
use crate::app;
use crate::audit;
use crate::config::ShownSetting;
use crate::publish::PublishError;
use crate::round::{self, Order, Outcome, RoundFailure};
use pregonero_store::HistoryRecord;
use pregonero_system::errors::chain;
use pregonero_x::oauth2;

/// A round that has ended and is on record.
#[derive(Debug)]
pub struct Finished {
    /// Everything on record about it.
    pub record: HistoryRecord,
    /// Why it did not end as it should.
    pub result: Result<(), OnceError>,
}

/// Why a round did not end well. A post that waits for a person and a round without a candidate both count as good
/// ends.
#[derive(Debug, thiserror::Error)]
pub enum OnceError {
    /// An error that would end or silence the daemon too.
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    /// A limit, the budget or the network; the daemon will send the post later. Exit code 75.
    #[error("{0}; `pregonero run` will send it then")]
    Later(PublishError),
    #[error(transparent)]
    NotPosted(PublishError),
    #[error(transparent)]
    Failed(RoundFailure),
    #[error("stopped before the round was over")]
    Interrupted,
}

/// Serves one order on a store that nothing else uses. `shown` is the configuration in force, for the audit log.
///
/// # Errors
/// If the program cannot start or the round cannot be recorded; the outcome of the round itself is in the returned
/// value.
pub async fn once(
    inputs: Inputs,
    shown: &[ShownSetting],
    order: Order,
    signals: Signals,
) -> Result<Finished, DaemonError> {
    let (stop, quit) = (signals.stop.clone(), signals.quit.clone());
    let serve = async {
        let audit_plan = app::audit_plan(&inputs.settings, &inputs.environment).map_err(StartError::from)?;
        let Started { app, lock: _lock } = start_app(inputs).await?;
        if let Some(halt) = app.publisher.halts().await.map_err(DaemonError::Store)?.into_iter().next() {
            app.store.close().await;
            return Err(DaemonError::Halted(Box::new(halt)));
        }
        let (digest, now) = (&app.settings.digest, app.clock.now());
        record_config(&app.store, digest, shown, now).await.map_err(DaemonError::Store)?;
        // If no daemon is running, nothing else settles the outcome of an earlier post.
        app.publisher.reconcile().await.map_err(DaemonError::Store)?;
        let served = round::run(&app, order, &stop).await.map_err(DaemonError::Store)?;
        tell_outcome(&served);
        let record = app.store.history_record(served.round).await.map_err(DaemonError::Store)?;
        if let Err(error) = audit::keeper::turn(&app.store, &audit_plan, &*app.clock).await {
            tracing::error!(error = chain(&error), "the audit log was not signed");
        }
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

/// Turns an outcome that is not a good end into an error.
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

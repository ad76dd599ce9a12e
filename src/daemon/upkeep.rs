//! What the daemon does now and then besides its work, one thing at a time in a task of its own: it reads how people reacted
//! to the posts, and removes candidates older than `store.keep_candidates`. None of it may hold up a post.

use std::time::Duration;

use jiff::Timestamp;
use tokio::task::JoinError;
use tokio::time::Instant;

use super::{Daemon, DaemonError};
use crate::publish::Publisher;
use pregonero_store::{Store, StoreError};

/// How often it is looked whether anything is due.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// How many rounds are pruned in one transaction: others may write in between.
const PRUNED_AT_ONCE: u32 = 50;

impl Daemon {
    /// Starts what is due, unless some of it is still running.
    pub(super) fn begin_upkeep(&mut self, now: Timestamp) {
        let is_soon = self.upkeep_looked_at.is_some_and(|at| at.elapsed() < LOOK_EVERY);
        if is_soon || self.upkeep.is_some() || self.trouble.is_some() {
            return;
        }
        self.upkeep_looked_at = Some(Instant::now());
        let (publisher, store) = (self.app.publisher.clone(), self.app.store.clone());
        let keep = self.app.settings.store.keep_candidates;
        self.upkeep = Some(tokio::spawn(async move {
            measure(&publisher).await?;
            prune(&store, keep, now).await
        }));
    }

    /// Processes the end of it; what was done is logged where it was done.
    pub(super) fn finish_upkeep(&mut self, done: Result<Result<(), StoreError>, JoinError>) -> Result<(), DaemonError> {
        self.upkeep = None;
        let done = done.map_err(DaemonError::Panicked)?;
        self.note_result(done);
        Ok(())
    }
}

async fn measure(publisher: &Publisher) -> Result<(), StoreError> {
    if publisher.must_measure().await? {
        publisher.measure().await?;
    }
    Ok(())
}

async fn prune(store: &Store, keep: Option<Duration>, now: Timestamp) -> Result<(), StoreError> {
    let Some(keep) = keep else { return Ok(()) };
    loop {
        let pruned = store.prune_candidates(keep, PRUNED_AT_ONCE, now).await?;
        if pruned.rounds > 0 {
            tracing::info!(rounds = pruned.rounds, candidates = pruned.candidates, "old candidates removed");
        }
        if pruned.rounds < i64::from(PRUNED_AT_ONCE) {
            return Ok(());
        }
    }
}

//! Signs the log's root on a schedule and at the stop, and brings each checkpoint to the places outside.
//!
//! One constraint: nothing here may delay a post. It is a task of its own, as the alerts are.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pregonero_audit::{Checkpoint, Signer, Verifier};
use pregonero_store::{Anchor, AnchorChannel, Store, StoreError, StoredCheckpoint, TreeHead};
use pregonero_system::clock::Clock;
use pregonero_system::environment::Environment;
use pregonero_system::errors::chain;
use pregonero_system::network::back_off;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::key::{self, KeyError, KeyPlace};
use super::{Anchors, AuditSettings};
use crate::alerts::{ChannelError, FIRST_WAIT, LONGEST_WAIT};

/// How often to look.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// What the task works from; a reload replaces it.
#[derive(Debug, Clone)]
pub struct Plan {
    pub origin: String,
    pub every: Duration,
    pub anchors: Arc<Anchors>,
    pub key: KeyPlace,
}

impl Plan {
    /// Makes the plan of the settings, for the record at `store`.
    ///
    /// # Errors
    /// If the webhook cannot be used.
    pub fn new(
        settings: &AuditSettings,
        handle: &str,
        store: &Path,
        environment: &Environment,
    ) -> Result<Self, ChannelError> {
        let origin = settings.origin_for(handle);
        Ok(Self {
            every: settings.checkpoint_every,
            anchors: Arc::new(Anchors::open(settings, environment)?),
            key: KeyPlace::beside(store, origin.clone(), environment),
            origin,
        })
    }

    /// Returns the places outside that checkpoints go to.
    #[must_use]
    pub fn places(&self) -> Vec<AnchorChannel> {
        self.anchors.names()
    }
}

/// Why a checkpoint was not made.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Signs the log's root now, if it has grown since the last checkpoint.
///
/// # Errors
/// If there is no key to sign with, or the record cannot be written.
pub async fn sign(store: &Store, plan: &Plan, clock: &dyn Clock) -> Result<Option<StoredCheckpoint>, KeepError> {
    let signer = plan.key.find_or_make()?;
    let of_head =
        |head: &TreeHead| Checkpoint { origin: plan.origin.clone(), size: head.size, root: head.root }.sign(&signer);
    let channels = plan.anchors.names();
    let key = |earlier: Option<&str>| record(&signer, earlier);
    let signed = store.sign_checkpoint(&channels, key, of_head, clock.now()).await?;
    if let Some(checkpoint) = &signed {
        tracing::info!(records = checkpoint.size, "the audit log is signed");
    }
    Ok(signed)
}

/// Returns the record of a key that the log does not name yet: the earlier one is not at hand to sign the change too, unless
/// it is the same key under another name.
fn record(signer: &Signer, earlier: Option<&str>) -> pregonero_store::CheckpointKey {
    let renamed = earlier
        .and_then(|earlier| Verifier::parse(earlier).ok())
        .and_then(|earlier| Some((signer.renamed(earlier.name()).ok()?, earlier)))
        .filter(|(renamed, earlier)| renamed.verifier() == *earlier);
    match (renamed, earlier) {
        (Some((same, _)), _) => key::record_of(signer, Some(&same)),
        (None, Some(earlier)) => key::record_unsigned(signer, earlier),
        (None, None) => key::record_of(signer, None),
    }
}

/// Brings what is due to the places outside, once. A place that fails is left alone until its next try is due.
///
/// # Errors
/// If the record cannot be read or written.
pub async fn deliver(store: &Store, plan: &Plan, clock: &dyn Clock) -> Result<(), StoreError> {
    deliver_due_at(clock.now(), store, plan, clock).await
}

/// Brings what was not delivered yet to the places outside, also what was put off: a person asks for it now.
///
/// # Errors
/// If the record cannot be read or written.
pub async fn deliver_now(store: &Store, plan: &Plan, clock: &dyn Clock) -> Result<(), StoreError> {
    deliver_due_at(Timestamp::MAX, store, plan, clock).await
}

async fn deliver_due_at(due: Timestamp, store: &Store, plan: &Plan, clock: &dyn Clock) -> Result<(), StoreError> {
    let mut channels = plan.anchors.names();
    store.queue_last_checkpoint(&channels, clock.now()).await?;
    for anchor in store.due_anchors(&channels, due, LONGEST_WAIT).await? {
        if !channels.contains(&anchor.channel) {
            continue;
        }
        match plan.anchors.deliver(&anchor).await {
            Ok(()) => store.anchor_delivered(&anchor, clock.now()).await?,
            Err(error) => {
                channels.retain(|channel| *channel != anchor.channel);
                put_off(store, &anchor, &error, clock).await?;
            }
        }
    }
    Ok(())
}

async fn put_off(store: &Store, anchor: &Anchor, error: &str, clock: &dyn Clock) -> Result<(), StoreError> {
    let now = clock.now();
    let again = now.saturating_add(back_off(FIRST_WAIT, LONGEST_WAIT, anchor.attempts)).unwrap_or(now);
    tracing::warn!(
        records = anchor.size,
        channel = anchor.channel.as_str(),
        attempt = anchor.attempts + 1,
        %again,
        error,
        "a checkpoint of the audit log could not be delivered"
    );
    store.anchor_failed(anchor, error, again).await
}

/// Signs if it is time to, and delivers what is due.
///
/// # Errors
/// See [`KeepError`].
pub async fn turn(store: &Store, plan: &Plan, clock: &dyn Clock) -> Result<(), KeepError> {
    if is_due(store, plan, clock).await? {
        sign(store, plan, clock).await?;
    }
    Ok(deliver(store, plan, clock).await?)
}

async fn is_due(store: &Store, plan: &Plan, clock: &dyn Clock) -> Result<bool, StoreError> {
    let every = SignedDuration::try_from(plan.every).unwrap_or(SignedDuration::MAX);
    let now = clock.now();
    Ok(store.last_checkpoint().await?.is_none_or(|last| {
        // A checkpoint from the future was signed before the clock was set back.
        last.signed_at > now || last.signed_at.saturating_add(every).is_ok_and(|next| next <= now)
    }))
}

/// The task that signs and delivers.
pub struct Keeper {
    store: Store,
    plan: watch::Receiver<Plan>,
    clock: Arc<dyn Clock>,
    /// What last went wrong, so that it is logged once.
    trouble: Option<String>,
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keeper").field("store", &self.store).finish_non_exhaustive()
    }
}

impl Keeper {
    /// Creates the keeper of `store`'s log, which follows the latest value of `plan`.
    #[must_use]
    pub fn new(store: Store, plan: watch::Receiver<Plan>, clock: Arc<dyn Clock>) -> Self {
        Self { store, plan, clock, trouble: None }
    }

    /// Runs until it is stopped.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = look.tick() => {}
            }
            let plan = self.plan.borrow_and_update().clone();
            tokio::select! {
                () = stop.cancelled() => return,
                turned = turn(&self.store, &plan, &*self.clock) => self.note(turned),
            }
        }
    }

    /// Logs trouble when it begins, not at every look.
    fn note(&mut self, turned: Result<(), KeepError>) {
        let trouble = turned.err().map(|error| chain(&error));
        if let Some(trouble) = trouble.as_ref().filter(|trouble| self.trouble.as_ref() != Some(*trouble)) {
            tracing::error!(error = trouble, "the audit log cannot be signed; will try again");
        }
        self.trouble = trouble;
    }
}

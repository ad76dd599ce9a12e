//! Alerts: telling a person, outside the bot itself, that the bot cannot do its work, through a webhook and a command.
//!
//! One constraint: nothing here may delay a post. A separate task checks every few seconds which conditions hold
//! (`conditions`), records new and ended ones together with the notices that they cause, and delivers the notices
//! (`channels`) until they are accepted. Each notice is delivered at least once; each occurrence is raised once.

mod channels;
mod conditions;
mod payload;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

pub use self::channels::{ChannelError, Channels};
pub(crate) use self::channels::{Outgoing, passed_on, run_with_input};
pub use self::conditions::Watched;
pub use self::payload::{Payload, test_payload};
pub(crate) use self::settings::webhook_url;
pub use self::settings::{AlertKeys, AlertSettings, WEBHOOK_NAME, webhook};
use pregonero_store::{AlertChannel, Notice, RecordWatch, Store, StoreError};
use pregonero_system::clock::Clock;
use pregonero_system::errors::chain;
use pregonero_system::network::back_off;

/// How often to check for changes.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How often to check the conditions even if nothing was written.
const LOOK_ANYWAY_EVERY: Duration = Duration::from_secs(30);

/// The wait after a first failure; doubled each time.
const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(30);

/// The longest wait between two tries.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(1);

/// What the task works from; a reload replaces it.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The settings that the checks depend on.
    pub watched: Watched,
    /// Where notices go.
    pub channels: Arc<Channels>,
}

/// The task that checks, records and notifies.
pub struct Alerts {
    store: Store,
    plan: watch::Receiver<Plan>,
    clock: Arc<dyn Clock>,
    /// What last went wrong with the record, so that it is logged once.
    trouble: Option<String>,
    /// Reports whether the record may have changed.
    watch: RecordWatch,
    /// When everything was last checked; conditions also arise as time passes.
    looked_at: Option<Instant>,
    /// Whether a notice waits for its next try.
    has_waiting: bool,
}

impl std::fmt::Debug for Alerts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Alerts").field("store", &self.store).finish_non_exhaustive()
    }
}

impl Alerts {
    /// Creates the alerts of `store`, which follow the latest value of `plan`.
    #[must_use]
    pub fn new(store: Store, plan: watch::Receiver<Plan>, clock: Arc<dyn Clock>) -> Self {
        let watch = store.watch();
        Self { store, plan, clock, trouble: None, watch, looked_at: None, has_waiting: true }
    }

    /// Runs until it is stopped. A delivery under way is abandoned then; the next start repeats it.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = look.tick() => {}
            }
            if !self.must_look().await {
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                turned = self.turn() => self.note(turned),
            }
            self.looked_at = Some(Instant::now());
            self.has_waiting = self.store.has_undelivered_notices().await.unwrap_or(true);
        }
    }

    /// Returns whether there can be anything new: something was written, a notice is to be tried, the settings changed,
    /// or the last check was a while ago.
    async fn must_look(&mut self) -> bool {
        let written = self.watch.has_changed().await.unwrap_or(true);
        let changed = self.plan.has_changed().unwrap_or(false);
        if changed {
            self.plan.mark_unchanged();
        }
        let is_due = self.looked_at.is_none_or(|at| at.elapsed() >= LOOK_ANYWAY_EVERY);
        written || changed || is_due || self.has_waiting || self.trouble.is_some()
    }

    /// Checks once, and tries everything that is due once.
    ///
    /// # Errors
    /// If the record cannot be read or written.
    pub async fn turn(&self) -> Result<(), StoreError> {
        let plan = self.plan.borrow().clone();
        let channels = plan.channels.names();
        let now = self.clock.now();
        let holding = conditions::holding(&self.store, &plan.watched, now).await?;
        let changes = self.store.update_alerts(&holding, &channels, now).await?;
        for alert in &changes.raised {
            // A warning only: the cause was logged as an error where it occurred.
            tracing::warn!(alert = alert.id, kind = alert.kind.as_str(), "ALERT: {}", alert.message);
        }
        for alert in &changes.resolved {
            tracing::info!(alert = alert.id, kind = alert.kind.as_str(), "alert is over: {}", alert.message);
        }
        self.deliver(&plan, channels).await
    }

    /// Tries each channel's notices in order. A channel that fails is left alone until its next try is due.
    async fn deliver(&self, plan: &Plan, mut channels: Vec<AlertChannel>) -> Result<(), StoreError> {
        let due = self.store.due_notices(&channels, self.clock.now(), LONGEST_WAIT).await?;
        for notice in due {
            if !channels.contains(&notice.channel) {
                continue;
            }
            let payload = Payload::of(&notice, &plan.watched.account);
            match plan.channels.deliver(notice.channel, &payload).await {
                Ok(()) => self.store.notice_delivered(notice.id, self.clock.now()).await?,
                Err(error) => {
                    channels.retain(|channel| *channel != notice.channel);
                    self.put_off(&notice, &error).await?;
                }
            }
        }
        Ok(())
    }

    async fn put_off(&self, notice: &Notice, error: &str) -> Result<(), StoreError> {
        let now = self.clock.now();
        let again = now.saturating_add(wait_after(notice.attempts)).unwrap_or(now);
        tracing::warn!(
            alert = notice.alert.id,
            channel = notice.channel.as_str(),
            attempt = notice.attempts + 1,
            %again,
            error,
            "an alert could not be delivered"
        );
        self.store.notice_failed(notice.id, error, again).await
    }

    /// Logs trouble with the record when it begins, not every two seconds.
    fn note(&mut self, turned: Result<(), StoreError>) {
        let trouble = turned.err().map(|error| chain(&error));
        if let Some(trouble) = trouble.as_ref().filter(|_| self.trouble.is_none()) {
            tracing::error!(error = trouble, "the alerts cannot use the record; will try again");
        }
        self.trouble = trouble;
    }
}

/// Returns how long to wait after a failed try that `earlier` others preceded.
fn wait_after(earlier: u32) -> SignedDuration {
    back_off(FIRST_WAIT, LONGEST_WAIT, earlier)
}

#[cfg(test)]
mod tests;

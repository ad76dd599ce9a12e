//! Alerts: telling a person, outside the bot itself, that the bot cannot do its work, through a webhook and a command.
//!
//! One constraint: nothing here may delay a post. A separate task checks every few seconds which conditions hold
//! (`conditions`), records new and ended ones together with the notices that they cause, and delivers the notices
//! (`channels`) until they are accepted. Each notice is delivered at least once; each occurrence is raised once.

mod channels;
mod conditions;
mod payload;
mod settings;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use url::Url;

pub use self::channels::{ChannelError, Channels};
pub(crate) use self::channels::{Outgoing, passed_on, run_with_input};
pub use self::conditions::Watched;
pub use self::payload::{Links, Payload, test_payload};
pub(crate) use self::settings::webhook_url;
pub use self::settings::{AlertKeys, AlertSettings, WEBHOOK_NAME, WebhookFormat, webhook};
use pregonero_store::{
    AlertChannel, AlertKind, Notice, NoticeStatus, PostRecord, PostState, RecordWatch, ReviewAct, Store, StoreError,
};
use pregonero_system::clock::Clock;
use pregonero_system::errors::chain;
use pregonero_system::network::back_off;

/// How often to check for changes.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How often to check the conditions even if nothing was written.
const LOOK_ANYWAY_EVERY: Duration = Duration::from_secs(30);

/// The wait after a delivery first fails; doubled each time. The checkpoints of the audit log wait as long.
pub(crate) const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(30);

/// The longest wait between two tries.
pub(crate) const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(1);

/// How long a notice that is tried again keeps its links; a link lasts for a day.
const LINKS_AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(12);

/// What the task works from; a reload replaces it.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The settings that the checks depend on.
    pub watched: Watched,
    /// Where notices go.
    pub channels: Arc<Channels>,
    /// The address of the admin page, as people reach it; with it a waiting post is announced with links to decide by.
    pub page: Option<Url>,
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
    /// The links of notices that were not accepted yet, by the notice's number, so that a repeated try makes no new ones.
    links: Mutex<HashMap<i64, Offered>>,
}

/// Links that were made for a notice, and until when they can be used.
struct Offered {
    links: Links,
    until: Timestamp,
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
        Self { store, plan, clock, trouble: None, watch, looked_at: None, has_waiting: true, links: Mutex::default() }
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
            if alert.kind == AlertKind::Waiting {
                // Not an alarm, and the round has logged it.
                tracing::debug!(alert = alert.id, "a waiting post is announced: {}", alert.message);
                continue;
            }
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
            let payload = self.payload(&notice, plan).await?;
            match plan.channels.deliver(notice.channel, &payload).await {
                Ok(()) => {
                    self.store.notice_delivered(notice.id, self.clock.now()).await?;
                    self.offered().remove(&notice.id);
                }
                Err(error) => {
                    channels.retain(|channel| *channel != notice.channel);
                    self.put_off(&notice, &error).await?;
                }
            }
        }
        Ok(())
    }

    /// Builds what a notice says: a post that waits comes with links, the end of its wait with what came of it.
    async fn payload(&self, notice: &Notice, plan: &Plan) -> Result<Payload, StoreError> {
        let account = &plan.watched.account;
        let Some(post) = conditions::waiting_post(&notice.alert.key) else {
            return Ok(Payload::of(notice, account, None));
        };
        let post = self.store.post(post).await?;
        if notice.status == NoticeStatus::Resolved {
            let by = post.decided_by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
            let payload = Payload::of(notice, account, None);
            return Ok(payload.saying(format!("post {} is {}{by}: “{}”", post.id, post.state, post.text)));
        }
        Ok(Payload::of(notice, account, self.links(notice, &post, plan).await?))
    }

    /// Returns the links of a notice about a post that waits; `None` if the page cannot be reached or the post is decided.
    async fn links(&self, notice: &Notice, post: &PostRecord, plan: &Plan) -> Result<Option<Links>, StoreError> {
        let Some(page) = &plan.page else { return Ok(None) };
        let now = self.clock.now();
        if post.state != PostState::Held || post.expires_at <= now || !self.store.has_reviewers().await? {
            return Ok(None);
        }
        if let Some(offered) = self.offered().get(&notice.id).filter(|offered| offered.until > now) {
            return Ok(Some(offered.links.clone()));
        }
        let made = async |act| self.store.create_decision_link(post.id, act, post.expires_at, now).await;
        let (approve, reject) = match (made(ReviewAct::Approve).await, made(ReviewAct::Reject).await) {
            (Ok(approve), Ok(reject)) => (approve, reject),
            (Err(StoreError::StateConflict { .. }), _) | (_, Err(StoreError::StateConflict { .. })) => return Ok(None),
            (Err(error), _) | (_, Err(error)) => return Err(error),
        };
        let address = |path: &str| page.join(path).map_or_else(|_| page.to_string(), |url| url.to_string());
        let links = Links {
            post: address(&format!("/queue/{}", post.id)),
            approve: address(&format!("/d/{approve}")),
            reject: address(&format!("/d/{reject}")),
        };
        let until = now.saturating_add(LINKS_AGAIN_AFTER).unwrap_or(Timestamp::MAX);
        self.offered().insert(notice.id, Offered { links: links.clone(), until });
        Ok(Some(links))
    }

    fn offered(&self) -> MutexGuard<'_, HashMap<i64, Offered>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
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

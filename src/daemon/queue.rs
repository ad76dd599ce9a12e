//! The check of the record every few seconds: what expires, what may be sent, what else needs attention.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::{Daemon, DaemonError, Done};
use crate::review::{self, Approved, ReviewError};

/// How often everything is checked, even if nothing was written to the record and no post waits.
const LOOK_ANYWAY_EVERY: Duration = Duration::from_secs(30);

impl Daemon {
    /// Checks the record if there may be anything new in it: something wrote to it, a post is due for a change, or the
    /// last check was a while ago.
    pub(super) async fn look(&mut self) -> Result<(), DaemonError> {
        self.app.store.require_in_place().map_err(DaemonError::Store)?;
        let now = self.app.clock.now();
        let set_back = match self.agenda.follow_clock(&self.app.store, now).await {
            Ok(set_back) => set_back,
            Err(error) => {
                self.note_result::<(), _>(Err(error));
                return Ok(());
            }
        };
        if set_back {
            self.tell_next_slot();
        }
        let written = self.watch.has_changed().await.unwrap_or(true);
        let is_due = self.looked_at.is_none_or(|at| at.elapsed() >= LOOK_ANYWAY_EVERY);
        let is_unsettled =
            self.has_open_posts || self.trouble.is_some() || self.round_left_open || self.agenda.has_unrecorded();
        if written || is_due || is_unsettled || set_back {
            self.looked_at = Some(Instant::now());
            self.look_at_the_queue(now).await;
            self.has_open_posts = self.app.store.has_open_posts().await.unwrap_or(true);
        }
        self.begin_upkeep(now);
        self.tell_standing();
        Ok(())
    }

    /// Expires posts that were not decided on in time, and sends one of the waiting posts if it is time.
    async fn look_at_the_queue(&mut self, now: Timestamp) {
        let kept_up = self.do_routine_work(now).await;
        if self.note_result(kept_up).is_none() {
            return;
        }
        if self.work.is_none() {
            self.close_what_was_left_open(now).await;
        }
        self.look_at_the_halts().await;
        self.look_at_the_budget(now).await;
        self.look_for_unknown_posts(now).await;
        if self.work.is_some() || self.halt.is_some() || self.is_quiet(now) || !self.gap_is_over(now) {
            return;
        }
        let waiting = Approved::from_store(&self.app.store, now).await;
        if let Some(approved) = self.note_result(waiting).and_then(|waiting| waiting.into_iter().next()) {
            tracing::info!(post = %approved.post(), "sending an approved post");
            self.last_try = Some(now);
            let app = Arc::clone(&self.app);
            self.begin(async move { Done::Post(app.publisher.publish(approved).await) });
        }
    }

    /// Does the routine work that is needed whether or not a post waits.
    async fn do_routine_work(&mut self, now: Timestamp) -> Result<(), ReviewError> {
        if self.has_open_posts {
            review::expire(&self.app.store, now).await?;
        }
        self.app.store.require_space()?;
        Ok(())
    }

    fn is_quiet(&self, now: Timestamp) -> bool {
        let schedule = &self.app.settings.schedule;
        let time = now.to_zoned(schedule.timezone.clone()).time();
        schedule.quiet_hours.iter().any(|hours| hours.contains(time))
    }

    /// Returns whether a waiting post may be tried again, so that a pile of approvals does not go out at once. The gap
    /// since the last post itself is checked where posts are armed.
    fn gap_is_over(&self, now: Timestamp) -> bool {
        let gap = self.app.settings.publish.min_gap;
        self.last_try.is_none_or(|last| now.duration_since(last).unsigned_abs() >= gap)
    }
}

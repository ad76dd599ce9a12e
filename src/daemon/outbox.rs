//! What the loop does for the outbox besides sending: it tracks why nothing may go out, and starts the search for posts
//! of unknown outcome.

use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinError;

use super::hindrance::Hindrance;
use super::{Daemon, DaemonError};
use crate::publish::{self, Rules, Settled};
use pregonero_store::{SlotId, StoreError};
use pregonero_system::errors::chain;
use pregonero_x::oauth2;

/// How often the log repeats that a post cannot be settled.
const SHOUT_EVERY: SignedDuration = SignedDuration::from_hours(24);

impl Daemon {
    /// Records a slot as not served while nothing may go out. It is not served later: its post would join a pile that
    /// goes out at once.
    pub(super) async fn pass_over(&mut self, slot: &SlotId) {
        let Some(halt) = &self.halt else { return };
        let reason = format!("not served: {halt}");
        tracing::warn!(slot = slot.in_words(), "{reason}");
        let now = self.app.clock.now();
        let recorded = self.agenda.miss(&self.app.store, slot, reason, now).await;
        self.note_result(recorded);
        self.tell_next_slot();
    }

    /// Notes a round whose start or end could not be recorded. Its slot is recorded as soon as the record can be
    /// written.
    pub(super) async fn note_unrecorded_round(&mut self, slot: Option<SlotId>, error: &StoreError) {
        let cause = chain(error);
        tracing::error!(error = cause, "a round could not be recorded");
        self.round_left_open = true;
        if let Some(slot @ SlotId::Scheduled(_)) = slot {
            let reason = format!("not served: the record could not be written at the time: {cause}");
            let now = self.app.clock.now();
            let recorded = self.agenda.miss(&self.app.store, &slot, reason, now).await;
            self.note_result(recorded);
        }
    }

    /// Records what could not be recorded before. Call this only while no round is under way: then any round that the
    /// record calls running is over.
    pub(super) async fn close_what_was_left_open(&mut self, now: Timestamp) {
        let recorded = self.agenda.record_missed(&self.app.store, now).await;
        if self.note_result(recorded).is_none() || !self.round_left_open {
            return;
        }
        let interrupted = self.app.store.interrupt_rounds_because("its end could not be recorded", now).await;
        self.round_left_open = self.note_result(interrupted).is_none();
    }

    /// Waits for login renewals that are under way: X has used up the old token, and the new one is not on disk yet.
    pub(super) async fn finish_renewals(&mut self) {
        let renewals = tokio::time::timeout(self.app.settings.daemon.drain, oauth2::renewals_finished());
        tokio::pin!(renewals);
        loop {
            tokio::select! {
                finished = &mut renewals => {
                    if finished.is_err() {
                        tracing::error!("a login renewal did not end in time (daemon.drain): the login may be lost");
                    }
                    return;
                }
                () = self.watchdog.due() => self.watchdog.feed(),
            }
        }
    }

    /// Reads the halts again: another process, a person's `pause` or `resume`, may have changed them.
    pub(super) async fn look_at_the_halts(&mut self) {
        let halts = self.app.publisher.halts().await;
        let Some(halts) = self.note_result(halts) else { return };
        let halt = halts.into_iter().next();
        if self.halt.is_some() && halt.is_none() {
            tracing::info!("posting resumes");
        }
        self.halt = halt;
    }

    /// Checks whether the budget and limits would allow a post now. A dry run spends nothing.
    pub(super) async fn look_at_the_budget(&mut self, now: Timestamp) {
        let rules = Rules::from(&self.app.settings);
        self.spent = match self.app.live {
            true => {
                let outlook = publish::outlook(&self.app.store, &rules, now).await;
                self.note_result(outlook).and_then(|outlook| Hindrance::of_outlook(&outlook, &rules, now))
            }
            false => None,
        };
    }

    /// Starts reading the timeline if a post of unknown outcome is due for it, and reports those that stay unknown.
    pub(super) async fn look_for_unknown_posts(&mut self, now: Timestamp) {
        let due = self.app.publisher.must_reconcile().await;
        if self.search.is_none() && self.note_result(due) == Some(true) {
            let publisher = self.app.publisher.clone();
            self.search = Some(tokio::spawn(async move { publisher.reconcile().await }));
        }
        if self.last_shout.is_some_and(|last| now.duration_since(last).abs() < SHOUT_EVERY) {
            return;
        }
        let unsettled = self.app.publisher.unsettled().await;
        for post in self.note_result(unsettled).unwrap_or_default() {
            tracing::warn!(%post, "it is unknown whether X published this post: check the account");
            self.last_shout = Some(now);
        }
    }

    /// Processes the result of a timeline search; what was found is logged where it was found.
    pub(super) fn finish_search(
        &mut self,
        done: Result<Result<Vec<Settled>, StoreError>, JoinError>,
    ) -> Result<(), DaemonError> {
        self.search = None;
        let settled = done.map_err(DaemonError::Panicked)?;
        self.note_result(settled);
        Ok(())
    }
}

//! What the loop does for the outbox beside sending: it minds why nothing may go out, and has posts of unknown outcome
//! looked for.

use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinError;

use super::standing::Hindrance;
use super::{Daemon, DaemonError};
use crate::publish::{self, Rules, Settled};
use pregonero_store::{SlotId, StoreError};
use pregonero_system::errors::chain;
use pregonero_x::oauth2;

/// How often the log repeats that a post cannot be settled.
const SHOUT_EVERY: SignedDuration = SignedDuration::from_hours(24);

impl Daemon {
    /// A slot while nothing may go out is not served later: its post would join a pile that goes out at once.
    pub(super) async fn pass_over(&mut self, slot: &SlotId) {
        let Some(halt) = &self.halt else { return };
        let reason = format!("not served: {halt}");
        tracing::warn!(slot = slot.in_words(), "{reason}");
        let now = self.app.clock.now();
        let recorded = self.agenda.miss(&self.app.store, slot, reason, now).await;
        self.heard(recorded);
        self.tell_next_slot();
    }

    /// A round that could not be begun or ended on record. Its slot is recorded as soon as the record can be written.
    pub(super) async fn note_unrecorded_round(&mut self, slot: Option<SlotId>, error: &StoreError) {
        let cause = chain(error);
        tracing::error!(error = cause, "a round could not be recorded");
        self.round_left_open = true;
        if let Some(slot @ SlotId::Scheduled(_)) = slot {
            let reason = format!("not served: the record could not be written at the time: {cause}");
            let now = self.app.clock.now();
            let recorded = self.agenda.miss(&self.app.store, &slot, reason, now).await;
            self.heard(recorded);
        }
    }

    /// Records what could not be recorded before. Only while no round is under way: one that the record calls running is
    /// over then.
    pub(super) async fn close_what_was_left_open(&mut self, now: Timestamp) {
        let recorded = self.agenda.record_missed(&self.app.store, now).await;
        if self.heard(recorded).is_none() || !self.round_left_open {
            return;
        }
        let interrupted = self.app.store.interrupt_rounds_because("its end could not be recorded", now).await;
        self.round_left_open = self.heard(interrupted).is_none();
    }

    /// Waits for renewals of the login that are under way: X has used the old one up, and the new one is not on disk yet.
    pub(super) async fn finish_renewals(&mut self) {
        let renewals = tokio::time::timeout(self.app.settings.daemon.drain, oauth2::renewals_finished());
        tokio::pin!(renewals);
        loop {
            tokio::select! {
                finished = &mut renewals => {
                    if finished.is_err() {
                        tracing::error!("a renewal of the login did not end in time (daemon.drain): it may be lost");
                    }
                    return;
                }
                () = self.watchdog.due() => self.watchdog.feed(),
            }
        }
    }

    /// Another process, a person's `pause` or `resume`, may have changed it.
    pub(super) async fn look_at_the_halts(&mut self) {
        let halts = self.app.publisher.halts().await;
        let Some(halts) = self.heard(halts) else { return };
        let halt = halts.into_iter().next();
        if self.halt.is_some() && halt.is_none() {
            tracing::info!("posting goes on");
        }
        self.halt = halt;
    }

    /// Whether budget and limits would let a post out now. A dry run spends nothing.
    pub(super) async fn look_at_the_budget(&mut self, now: Timestamp) {
        let rules = Rules::from(&self.app.settings);
        self.spent = match self.app.live {
            true => {
                let outlook = publish::outlook(&self.app.store, &rules, now).await;
                self.heard(outlook).and_then(|outlook| Hindrance::of_outlook(&outlook, &rules, now))
            }
            false => None,
        };
    }

    /// Has the timeline read where a post of unknown outcome is due for it, and tells of those that stay unknown.
    pub(super) async fn look_for_unknown_posts(&mut self, now: Timestamp) {
        let due = self.app.publisher.must_reconcile().await;
        if self.search.is_none() && self.heard(due) == Some(true) {
            let publisher = self.app.publisher.clone();
            self.search = Some(tokio::spawn(async move { publisher.reconcile().await }));
        }
        if self.last_shout.is_some_and(|last| now.duration_since(last).abs() < SHOUT_EVERY) {
            return;
        }
        let unsettled = self.app.publisher.unsettled().await;
        for post in self.heard(unsettled).unwrap_or_default() {
            tracing::warn!(%post, "nobody can say whether X took this post: look at the account");
            self.last_shout = Some(now);
        }
    }

    /// Takes in what a look at the timeline brought; what was found is told where it was found.
    pub(super) fn finish_search(
        &mut self,
        done: Result<Result<Vec<Settled>, StoreError>, JoinError>,
    ) -> Result<(), DaemonError> {
        self.search = None;
        let settled = done.map_err(DaemonError::Panicked)?;
        self.heard(settled);
        Ok(())
    }
}

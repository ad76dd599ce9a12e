//! What is reported to the operator: the next slot, the outcome of a round, the line that `systemctl status` shows.

use super::Daemon;
use super::error::remedy;
use super::hindrance::{Code, Hindrance};
use crate::publish::{Posted, PublishError};
use crate::round::{Outcome, Served};
use pregonero_store::RoundId;
use pregonero_system::errors::chain;

impl Daemon {
    pub(super) fn tell_next_slot(&self) {
        match self.next_slot_in_words() {
            Some(next_slot) => {
                let next_slot_at = self.agenda.next().map(|slot| tracing::field::display(slot.fire_at));
                tracing::info!(next_slot, next_slot_at, "waiting for the next slot");
            }
            None => tracing::warn!("the schedule has ended: there is no next slot"),
        }
    }

    /// Returns the next slot in the schedule's local time.
    fn next_slot_in_words(&self) -> Option<String> {
        let schedule = &self.app.settings.schedule;
        let local = self.agenda.next()?.fire_at.to_zoned(schedule.timezone.clone());
        Some(format!("{} {}", local.strftime("%a %Y-%m-%d %H:%M:%S"), schedule.timezone_name))
    }

    /// Logs what holds posts back when it changes, and updates the line that systemd shows. Trouble with the record,
    /// and the end of a halt, are logged where they are noticed.
    pub(super) fn tell_standing(&mut self) {
        let now = self.hindrance();
        let code = |hindrance: &Option<Hindrance>| hindrance.as_ref().map(|hindrance| hindrance.code);
        if code(&now) != code(&self.told) {
            match (&now, code(&self.told)) {
                (Some(Hindrance { code, reason }), _) if self.trouble.is_none() => {
                    tracing::warn!(code = code.as_str(), "nothing is posted for now: {reason}");
                }
                (None, Some(Code::GeneratorAway)) => tracing::info!("the generation server answers again"),
                (None, Some(Code::BudgetUsedUp)) => tracing::info!("budget and limits allow posts again"),
                _ => {}
            }
            self.told = now;
        }
        let words = self.state_in_words();
        if self.notified != words {
            self.notifier.status(&words);
            self.notified = words;
        }
    }

    /// Shows the first round if that was requested.
    pub(super) async fn show_round(&mut self, round: RoundId) {
        let Some(show) = self.show_round.take() else { return };
        if let Ok(record) = self.app.store.history_record(round).await {
            show(&record);
        }
    }

    /// Returns the line that `systemctl status` shows.
    pub(super) fn state_in_words(&self) -> String {
        let mode = match self.hindrance() {
            Some(hindrance) => hindrance.reason,
            None if self.app.live => "live".to_owned(),
            None => "dry run".to_owned(),
        };
        let next = self.next_slot_in_words().unwrap_or_else(|| "none".to_owned());
        let last = self.last_round.as_ref().map_or_else(String::new, |last| format!("; last: {}", last.outcome));
        format!("{mode}; next slot {next}{last}")
    }
}

/// Logs the outcome of a round, and returns it as a sentence for the status.
pub(super) fn tell_outcome(served: &Served) -> String {
    let Served { round, outcome } = served;
    match outcome {
        Outcome::Posted(Posted::DryRun { post }) => format!("post {post} recorded, nothing sent (dry run)"),
        Outcome::Posted(Posted::Sent { post, tweet_id }) => format!("post {post} sent as tweet {tweet_id}"),
        Outcome::Held(post) => {
            tracing::info!(%post, "to decide on it: `pregonero review show {post}`, then `review approve`, `edit`, `pick` or `reject`");
            format!("post {post} waits for a person")
        }
        Outcome::NotPosted(error) => {
            tell_not_posted(error);
            error.to_string()
        }
        Outcome::Kept(post) => {
            tracing::info!(%post, "stopping: this post goes out at the next start");
            format!("post {post} goes out at the next start")
        }
        Outcome::NoCandidate { reason } => {
            tracing::warn!(%round, reason, "no candidate passed");
            format!("round {round}: {reason}")
        }
        Outcome::Failed(failure) => {
            tracing::error!(%round, %failure, "the round failed");
            format!("round {round}: {failure}")
        }
        Outcome::Interrupted => {
            tracing::info!(%round, "stopping: the round was abandoned");
            format!("round {round} was abandoned")
        }
    }
}

/// Logs a post that did not go out, at a level that fits how much it matters. An error that ends the daemon is logged
/// where the daemon ends.
pub(super) fn tell_not_posted(error: &PublishError) {
    match error {
        PublishError::Later { .. } | PublishError::NoLongerApproved { .. } | PublishError::Halted { .. } => {
            tracing::warn!("{error}");
        }
        PublishError::Refused { kind, .. } if kind.is_terminal() => tracing::error!("{error}; {}", remedy(error)),
        PublishError::OutcomeNotRecorded { .. } => {}
        error => tracing::error!("{}", chain(error)),
    }
}

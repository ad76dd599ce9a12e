//! When a tweet is due: cron expressions in civil time, jitter, quiet hours, and the treatment of missed slots.
//!
//! Every slot is computed from the wall clock, never from when the last round finished, so nothing drifts. It is always
//! strictly after the last slot served, so that no slot is repeated when the clocks change or are set back. A slot in the gap
//! in spring is served once, right after the gap; a slot in the fold in autumn is served once, the first time. The daemon asks
//! for slots; the store remembers which were served.

mod civil;
mod expression;
mod settings;

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

pub(crate) use self::civil::Quiet;
use self::civil::instant_of;
pub use self::expression::{CronError, CronExpression};
pub use self::settings::{Misfire, QuietHours, ScheduleKeys, ScheduleSettings};

/// The most missed slots that are counted after a downtime.
pub const MOST_COUNTED: usize = 10_000;

/// The most missed slots that are named.
pub const MOST_NAMED: usize = 5;

/// One due time of the schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    /// The scheduled time, on a whole second; this identifies the slot.
    pub due: Timestamp,
    /// When the round starts: `due` plus the slot's jitter.
    pub fire_at: Timestamp,
}

/// The slots that passed during a downtime.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CatchUp {
    /// How many slots were missed, at most [`MOST_COUNTED`].
    pub missed: usize,
    /// Whether there were more than that.
    pub more: bool,
    /// The most recent missed slots, at most [`MOST_NAMED`], the oldest first.
    pub recent: Vec<Slot>,
    /// The one slot that is still to be served, at its `fire_at` (immediately if that has passed).
    pub serve: Option<Slot>,
}

/// The schedule of the configuration, ready for queries.
#[derive(Debug, Clone)]
pub struct Schedule {
    expressions: Vec<CronExpression>,
    zone: TimeZone,
    quiet: Quiet,
    jitter: Duration,
    jitter_seed: Vec<u8>,
    misfire: Misfire,
    grace: SignedDuration,
}

impl Schedule {
    /// Builds the schedule that `settings` describes. Its jitter is derived from the settings and the due time alone, so that it
    /// is the same after a restart.
    #[must_use]
    pub fn new(settings: &ScheduleSettings) -> Self {
        let jitter_seed =
            settings.cron.iter().fold(settings.timezone_name.clone(), |seed, cron| format!("{seed}\n{cron}"));
        Self {
            expressions: settings.cron.clone(),
            zone: settings.timezone.clone(),
            quiet: Quiet { zone: settings.timezone.clone(), hours: settings.quiet_hours.clone() },
            jitter: settings.jitter,
            jitter_seed: jitter_seed.into_bytes(),
            misfire: settings.misfire,
            grace: SignedDuration::try_from(settings.grace).unwrap_or(SignedDuration::MAX),
        }
    }

    /// Returns the schedule with another seed for its jitter, so that two bots with the same schedule do not fire together.
    #[must_use]
    pub fn with_jitter_seed(self, seed: &str) -> Self {
        Self { jitter_seed: seed.as_bytes().to_vec(), ..self }
    }

    /// Returns the first slot due strictly after `instant`, or `None` if the schedule has ended (after the year 2100, or after
    /// the years it names). Pass the later of now and the last slot's due time, so that no slot is repeated after the clock
    /// is set back.
    #[must_use]
    pub fn next_after(&self, instant: Timestamp) -> Option<Slot> {
        self.due_after(instant).map(|due| self.slot(due))
    }

    /// Returns the next slot after both `now` and `last_served`, the due time of the last slot served.
    #[must_use]
    pub fn next_slot(&self, now: Timestamp, last_served: Option<Timestamp>) -> Option<Slot> {
        self.next_after(last_served.map_or(now, |last| last.max(now)))
    }

    /// Returns the slot that is due exactly at `due`, if the schedule has one.
    #[must_use]
    pub fn slot_due_at(&self, due: Timestamp) -> Option<Slot> {
        let before = due.saturating_sub(SignedDuration::from_nanos(1)).unwrap_or(Timestamp::MIN);
        self.next_after(before).filter(|slot| slot.due == due)
    }

    /// Decides what to do about the slots due in `(last, now]`, where `last` is the due time of the last one served or recorded.
    ///
    /// At most one slot is served, the latest. If its `fire_at` is in the future or at most `grace` ago, it is served normally;
    /// if it is later than that, it is missed under [`Misfire::Skip`] and served once under [`Misfire::Once`]. Nothing is
    /// served in quiet hours: then `skip` counts the slot as missed, and `once` waits for the end of the quiet hours, unless
    /// the next slot is due by then. All other slots are missed. The work is bounded, however long the downtime was.
    #[must_use]
    pub fn missed(&self, last: Timestamp, now: Timestamp) -> CatchUp {
        let mut catch_up = CatchUp::default();
        let just_after = now.saturating_add(SignedDuration::from_nanos(1)).unwrap_or(Timestamp::MAX);
        let mut latest = self.due_before(just_after).filter(|due| *due > last);
        if let Some(due) = latest {
            catch_up.serve = self.late_slot(self.slot(due), now);
            if catch_up.serve.is_some() {
                latest = self.due_before(due).filter(|due| *due > last);
            }
        }
        while let Some(due) = latest {
            if catch_up.missed == MOST_COUNTED {
                catch_up.more = true;
                break;
            }
            catch_up.missed += 1;
            if catch_up.recent.len() < MOST_NAMED {
                catch_up.recent.push(self.slot(due));
            }
            latest = self.due_before(due).filter(|due| *due > last);
        }
        catch_up.recent.reverse();
        catch_up
    }

    /// Returns the latest slot before `now` as it is still to be served, if at all.
    fn late_slot(&self, slot: Slot, now: Timestamp) -> Option<Slot> {
        if slot.fire_at >= now {
            return Some(slot);
        }
        let within_grace = now.duration_since(slot.fire_at) <= self.grace;
        let serve = within_grace || self.misfire == Misfire::Once;
        match (serve, self.quiet.contains(now)) {
            (true, false) => Some(slot),
            (true, true) if self.misfire == Misfire::Once => {
                let fire_at = self.quiet.end_after(now);
                let overtaken = self.due_after(slot.due).is_some_and(|next| next <= fire_at);
                (!overtaken).then_some(Slot { fire_at, ..slot })
            }
            _ => None,
        }
    }

    fn slot(&self, due: Timestamp) -> Slot {
        Slot { due, fire_at: self.fire_at(due) }
    }

    /// Returns `due` plus a time from 0 to the jitter, but before the next slot and before the quiet hours.
    fn fire_at(&self, due: Timestamp) -> Timestamp {
        let wanted = SignedDuration::try_from(self.jitter).unwrap_or(SignedDuration::MAX);
        let mut end = due.saturating_add(wanted).unwrap_or(Timestamp::MAX);
        if end == due {
            return due;
        }
        let second = SignedDuration::from_secs(1);
        if let Some(next) = self.due_after(due) {
            end = end.min(next - second);
        }
        if let Some(quiet) = self.quiet.start_within(due, end) {
            end = end.min(quiet - second);
        }
        let room = u64::try_from(end.duration_since(due).as_secs()).unwrap_or(0);
        let delay = self.random_for(due) % (room + 1);
        due + SignedDuration::from_secs(i64::try_from(delay).unwrap_or(0))
    }

    /// Returns a number that depends only on the seed and the slot, and is the same on every machine and in every version.
    fn random_for(&self, due: Timestamp) -> u64 {
        let digest =
            Sha256::new().chain_update(&self.jitter_seed).chain_update(due.as_second().to_be_bytes()).finalize();
        digest.iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
    }

    /// Returns the first due time strictly after `instant` that is outside the quiet hours.
    fn due_after(&self, instant: Timestamp) -> Option<Timestamp> {
        let mut reached = instant;
        loop {
            let due = self.expressions.iter().filter_map(|cron| self.instant_after(cron, reached)).min()?;
            if !self.quiet.contains(due) {
                return Some(due);
            }
            // Skips to the end of the quiet hours. Due times are on whole seconds, so a slot exactly at that end is still found.
            reached = due.max(self.quiet.end_after(due) - SignedDuration::from_secs(1));
        }
    }

    /// Returns the last due time strictly before `instant` that is outside the quiet hours.
    fn due_before(&self, instant: Timestamp) -> Option<Timestamp> {
        let mut reached = instant;
        loop {
            let due = self.expressions.iter().filter_map(|cron| self.instant_before(cron, reached)).max()?;
            if !self.quiet.contains(due) {
                return Some(due);
            }
            reached = due;
        }
    }

    /// Returns the first instant after `instant` at which one expression is due.
    ///
    /// The search can start from the wall-clock time, because an earlier wall-clock time never means a later instant. During
    /// the second pass of a fold, the times still to come in it belong to the first pass, and are skipped.
    fn instant_after(&self, cron: &CronExpression, instant: Timestamp) -> Option<Timestamp> {
        let mut civil = self.zone.to_datetime(instant);
        loop {
            civil = cron.next_civil(civil)?;
            let mapped = instant_of(&self.zone, civil)?;
            if mapped > instant {
                return Some(mapped);
            }
        }
    }

    /// Returns the last instant before `instant` at which one expression is due.
    fn instant_before(&self, cron: &CronExpression, instant: Timestamp) -> Option<Timestamp> {
        let mut civil = self.zone.to_datetime(instant);
        // After a fold the clocks have already shown times later than the present one.
        let from = instant.saturating_add(SignedDuration::from_nanos(1)).unwrap_or(instant);
        if let Some(change) = self.zone.preceding(from).next() {
            let last_reading = self.zone.to_datetime(change.timestamp() - SignedDuration::from_nanos(1));
            civil = civil.max(last_reading);
        }
        loop {
            civil = cron.previous_civil(civil)?;
            let mapped = instant_of(&self.zone, civil)?;
            if mapped < instant {
                return Some(mapped);
            }
        }
    }
}

#[cfg(test)]
mod tests;

//! The agenda: which slot comes next, and what happens to slots that were not served.
//!
//! The schedule computes the slots and the record remembers them; the agenda combines the two. A slot leaves the agenda
//! exactly once: it is served, or it is recorded as missed. If the record cannot be written at that moment, the slot is
//! kept until it can.

use jiff::{SignedDuration, Timestamp};

use crate::schedule::ScheduleSettings;
use crate::schedule::{Schedule, Slot};
use pregonero_store::{SlotId, Store, StoreError};

/// A slot found this soon after its time simply counts as due; a later one is subject to the grace period and misfire
/// rule.
const PUNCTUAL: SignedDuration = SignedDuration::from_secs(2);

/// A clock that has gone back by more than this was set back; a smaller step is NTP's ordinary work.
const SET_BACK: SignedDuration = SignedDuration::from_secs(60);

/// The schedule and the current position in it.
#[derive(Debug)]
pub struct Agenda {
    schedule: Schedule,
    settings: ScheduleSettings,
    /// The due time of the last slot that was served or recorded; before the first one, the time the program started.
    last: Timestamp,
    next: Option<Slot>,
    /// What the clock showed when it was last read.
    seen: Timestamp,
    /// Slots that were not served and are not on record yet, each with the reason.
    unrecorded: Vec<(SlotId, String)>,
}

impl Agenda {
    /// Continues from where the record ends: slots that have come due since then and will not be served are recorded as
    /// missed.
    ///
    /// # Errors
    /// If the record cannot be read or written.
    pub async fn open(settings: &ScheduleSettings, store: &Store, now: Timestamp) -> Result<Self, StoreError> {
        let last = store.last_scheduled_slot(now).await?.unwrap_or(now);
        let schedule = Schedule::new(settings);
        let settings = settings.clone();
        let mut agenda = Self { schedule, settings, last, next: None, seen: now, unrecorded: Vec::new() };
        agenda.plan(store, now).await?;
        Ok(agenda)
    }

    /// Returns the slot to be served next; `None` if the schedule has ended.
    #[must_use]
    pub fn next(&self) -> Option<Slot> {
        self.next
    }

    /// Returns the slot to serve now, if there is one, and takes it off the agenda.
    ///
    /// # Errors
    /// If a missed slot cannot be recorded.
    pub async fn take_due(&mut self, store: &Store, now: Timestamp) -> Result<Option<Slot>, StoreError> {
        self.follow_clock(store, now).await?;
        if self.next.is_some_and(|slot| now.duration_since(slot.fire_at) > PUNCTUAL) {
            self.plan(store, now).await?;
        }
        let Some(slot) = self.next.filter(|slot| slot.fire_at <= now) else { return Ok(None) };
        // Both change or neither does: a record that cannot be read must not cost the slot.
        let before = std::mem::replace(&mut self.last, slot.due);
        match self.next_free(store, now).await {
            Ok(next) => self.next = next,
            Err(error) => {
                self.last = before;
                return Err(error);
            }
        }
        Ok(Some(slot))
    }

    /// Records a slot that was taken but is not served: now, or as soon as the record can be written.
    ///
    /// # Errors
    /// If the record cannot be written yet.
    pub async fn miss(
        &mut self,
        store: &Store,
        slot: &SlotId,
        reason: String,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.unrecorded.push((slot.clone(), reason));
        self.record_missed(store, now).await
    }

    /// Returns whether a slot waits for the record to be writable again.
    #[must_use]
    pub fn has_unrecorded(&self) -> bool {
        !self.unrecorded.is_empty()
    }

    /// Records what could not be recorded before. A slot that has a round already has its outcome on record.
    ///
    /// # Errors
    /// If the record cannot be written yet.
    pub async fn record_missed(&mut self, store: &Store, now: Timestamp) -> Result<(), StoreError> {
        while let Some((slot, reason)) = self.unrecorded.last() {
            match store.record_missed(slot, reason, now).await {
                Ok(_) | Err(StoreError::SlotTaken { .. }) => drop(self.unrecorded.pop()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Checks for a clock that was set back, and if it was, restarts the agenda at the current time. Call this
    /// regularly. Slots that were served under the earlier clock stay served. Returns whether anything changed.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub async fn follow_clock(&mut self, store: &Store, now: Timestamp) -> Result<bool, StoreError> {
        let back = self.seen.duration_since(now);
        if back > SET_BACK {
            tracing::warn!(
                seconds = back.as_secs(),
                "the clock was set back; slots already served are not served again"
            );
            self.last = store.last_scheduled_slot(now).await?.unwrap_or(now);
            self.next = self.next_free(store, now).await?;
        }
        self.seen = now;
        Ok(back > SET_BACK)
    }

    /// Returns the next slot that is not on record: if the clock was ahead, some future slots may be.
    async fn next_free(&self, store: &Store, now: Timestamp) -> Result<Option<Slot>, StoreError> {
        let mut slot = self.schedule.next_slot(now, Some(self.last));
        while let Some(taken) = slot
            && store.is_slot_taken(taken.due).await?
        {
            slot = self.schedule.next_slot(now, Some(taken.due));
        }
        Ok(slot)
    }

    /// Replaces the schedule. Slots that exist only in the new schedule count from now on. A slot that is already due
    /// and waits for its jitter is served if the new schedule has it too; otherwise it counts as missed. Returns
    /// whether the schedule changed.
    pub fn reschedule(&mut self, settings: &ScheduleSettings, now: Timestamp) -> bool {
        if same(settings, &self.settings) {
            return false;
        }
        self.schedule = Schedule::new(settings);
        self.settings = settings.clone();
        let waiting = self.next.filter(|slot| slot.due <= now && slot.due > self.last);
        match waiting.map(|slot| (slot, self.schedule.slot_due_at(slot.due))) {
            Some((_, Some(kept))) => self.next = Some(Slot { fire_at: kept.fire_at.max(now), ..kept }),
            dropped => {
                if let Some((slot, None)) = dropped {
                    let reason = "not served: the schedule was changed while this slot waited for its jitter";
                    self.unrecorded.push((SlotId::Scheduled(slot.due), reason.to_owned()));
                }
                self.last = self.last.max(now);
                self.next = self.schedule.next_slot(now, Some(self.last));
            }
        }
        true
    }

    async fn plan(&mut self, store: &Store, now: Timestamp) -> Result<(), StoreError> {
        let catch_up = self.schedule.missed(self.last, now);
        if catch_up.missed > 0 {
            let missed = catch_up.missed;
            tracing::warn!(missed, more = catch_up.more, "slots passed while the program was down, asleep or busy");
        }
        let unnamed = catch_up.missed - catch_up.recent.len();
        for (at, slot) in catch_up.recent.iter().enumerate() {
            let earlier = if at == 0 && unnamed > 0 { format!(", as were {unnamed} before it") } else { String::new() };
            let reason = format!("missed{earlier}: the program was down, asleep or busy at the time");
            match store.record_missed(&SlotId::Scheduled(slot.due), &reason, now).await {
                Ok(_) | Err(StoreError::SlotTaken { .. }) => self.last = self.last.max(slot.due),
                Err(error) => return Err(error),
            }
        }
        self.next = match catch_up.serve {
            Some(late) if !store.is_slot_taken(late.due).await? => Some(late),
            _ => self.next_free(store, now).await?,
        };
        Ok(())
    }
}

fn same(one: &ScheduleSettings, other: &ScheduleSettings) -> bool {
    let crons = |settings: &ScheduleSettings| settings.cron.iter().map(ToString::to_string).collect::<Vec<_>>();
    crons(one) == crons(other)
        && one.timezone == other.timezone
        && one.jitter == other.jitter
        && one.misfire == other.misfire
        && one.grace == other.grace
        && one.quiet_hours == other.quiet_hours
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::tz::TimeZone;

    use super::*;
    use crate::schedule::CronExpression;
    use crate::schedule::Misfire;
    use pregonero_store::RoundOutcome;
    use pregonero_store::testing::{TestStore, at, new_round};

    fn settings(cron: &str, misfire: Misfire) -> ScheduleSettings {
        ScheduleSettings {
            cron: vec![CronExpression::parse(cron).unwrap()],
            timezone: TimeZone::UTC,
            timezone_name: "UTC".to_owned(),
            jitter: Duration::ZERO,
            misfire,
            grace: Duration::from_secs(300),
            quiet_hours: Vec::new(),
        }
    }

    /// A record whose last slot was 2026-03-01T09:00:00Z.
    async fn served_at_nine() -> TestStore {
        let test = TestStore::open().await;
        let nine = at("2026-03-01T09:00:00Z");
        let round = test.store.begin_round(&new_round(SlotId::Scheduled(nine)), nine).await.unwrap();
        test.store.end_failed(round, "a test", nine).await.unwrap();
        test
    }

    async fn missed(store: &Store) -> Vec<String> {
        let mut rounds = store.history(50).await.unwrap();
        rounds.retain(|entry| entry.state == pregonero_store::HistoryState::Round(RoundOutcome::Missed));
        rounds.into_iter().rev().map(|entry| entry.slot).collect()
    }

    #[tokio::test]
    async fn a_new_record_begins_with_the_next_slot_and_misses_nothing() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T10:30:00Z");
        let agenda = Agenda::open(&settings("0 * * * *", Misfire::Once), &test.store, now).await.unwrap();
        assert_eq!(agenda.next().unwrap().due, at("2026-03-01T11:00:00Z"));
        assert_eq!(missed(&test.store).await, [""; 0]);
    }

    #[tokio::test]
    async fn after_a_downtime_each_missed_slot_is_on_record_once_and_the_rule_decides_on_the_last() {
        for (misfire, served, recorded) in [
            (Misfire::Skip, None, vec!["2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z"]),
            (Misfire::Once, Some("2026-03-01T11:00:00Z"), vec!["2026-03-01T10:00:00Z"]),
        ] {
            let test = served_at_nine().await;
            let now = at("2026-03-01T11:30:00Z");
            let mut agenda = Agenda::open(&settings("0 * * * *", misfire), &test.store, now).await.unwrap();
            let taken = agenda.take_due(&test.store, now).await.unwrap();
            assert_eq!(taken.map(|slot| slot.due), served.map(at), "{misfire:?}");
            assert_eq!(agenda.take_due(&test.store, now).await.unwrap(), None);
            assert_eq!(agenda.next().unwrap().due, at("2026-03-01T12:00:00Z"));
            assert_eq!(missed(&test.store).await, recorded, "{misfire:?}");
        }
    }

    #[tokio::test]
    async fn a_long_downtime_names_five_slots_and_counts_the_others() {
        let test = served_at_nine().await;
        let now = at("2026-03-02T09:30:00Z");
        Agenda::open(&settings("0 * * * *", Misfire::Skip), &test.store, now).await.unwrap();
        let recorded = missed(&test.store).await;
        assert_eq!((recorded.len(), recorded[0].as_str()), (5, "2026-03-02T05:00:00Z"));
        let first = &test.store.history(5).await.unwrap()[4];
        let reason = "missed, as were 19 before it: the program was down, asleep or busy at the time";
        assert_eq!(first.error.as_deref(), Some(reason));
        let again = Agenda::open(&settings("0 * * * *", Misfire::Skip), &test.store, now).await.unwrap();
        assert_eq!(missed(&test.store).await.len(), 5, "a second start finds nothing new");
        assert_eq!(again.next().unwrap().due, at("2026-03-02T10:00:00Z"));
    }

    #[tokio::test]
    async fn a_machine_that_slept_over_a_slot_does_not_serve_it_hours_late() {
        let test = TestStore::open().await;
        let evening = at("2026-03-01T18:59:00Z");
        let mut agenda = Agenda::open(&settings("0 19 * * *", Misfire::Skip), &test.store, evening).await.unwrap();
        let woken = at("2026-03-02T07:00:00Z");
        assert_eq!(agenda.take_due(&test.store, woken).await.unwrap(), None);
        assert_eq!(missed(&test.store).await, ["2026-03-01T19:00:00Z"]);
        assert_eq!(agenda.next().unwrap().due, at("2026-03-02T19:00:00Z"));
    }

    #[tokio::test]
    async fn a_clock_set_back_serves_no_slot_twice_and_goes_on_where_it_stands() {
        let test = served_at_nine().await;
        let hourly = settings("0 * * * *", Misfire::Once);
        let mut agenda = Agenda::open(&hourly, &test.store, at("2026-03-01T09:30:00Z")).await.unwrap();
        for hour in ["10", "11"] {
            let now = at(&format!("2026-03-01T{hour}:00:00Z"));
            let slot = agenda.take_due(&test.store, now).await.unwrap().unwrap();
            let round = test.store.begin_round(&new_round(SlotId::Scheduled(slot.due)), now).await.unwrap();
            test.store.end_failed(round, "a test", now).await.unwrap();
        }
        let back = at("2026-03-01T08:30:00Z");
        assert!(agenda.follow_clock(&test.store, back).await.unwrap());
        assert!(!agenda.follow_clock(&test.store, back).await.unwrap());
        // Nine, ten and eleven are on record already.
        assert_eq!(agenda.next().unwrap().due, at("2026-03-01T12:00:00Z"));
        let restarted = Agenda::open(&hourly, &test.store, back).await.unwrap();
        assert_eq!(restarted.next(), agenda.next());
        assert_eq!(missed(&test.store).await, [""; 0]);
    }

    #[tokio::test]
    async fn a_clock_that_was_years_ahead_does_not_silence_the_bot_for_years() {
        let test = served_at_nine().await;
        let hourly = settings("0 * * * *", Misfire::Skip);
        let mut agenda = Agenda::open(&hourly, &test.store, at("2026-03-01T09:30:00Z")).await.unwrap();
        assert_eq!(agenda.take_due(&test.store, at("2031-01-01T00:30:00Z")).await.unwrap(), None);
        assert_eq!(missed(&test.store).await.len(), 5, "recorded under the wrong clock");
        let right = at("2026-03-01T09:31:00Z");
        agenda.follow_clock(&test.store, right).await.unwrap();
        assert_eq!(agenda.next().unwrap().due, at("2026-03-01T10:00:00Z"));
        let restarted = Agenda::open(&hourly, &test.store, right).await.unwrap();
        assert_eq!(restarted.next().unwrap().due, at("2026-03-01T10:00:00Z"));
    }

    #[tokio::test]
    async fn the_days_on_which_the_clocks_change_have_each_slot_once() {
        // Santiago: 2026-09-06 has no 00:30 (the clocks go from 00:00 to 01:00), 2026-04-04 has 23:30 twice.
        // Madrid: 2026-03-29 has no 02:30, 2026-10-25 has it twice.
        let cases = [
            (
                "America/Santiago",
                "30 0 * * *",
                "2026-09-05T05:00:00Z",
                ["2026-09-06T04:00:00Z", "2026-09-07T03:30:00Z"],
            ),
            (
                "America/Santiago",
                "30 23 * * *",
                "2026-04-04T03:00:00Z",
                ["2026-04-05T02:30:00Z", "2026-04-06T03:30:00Z"],
            ),
            ("Europe/Madrid", "30 2 * * *", "2026-03-28T02:00:00Z", ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]),
            ("Europe/Madrid", "30 2 * * *", "2026-10-24T01:00:00Z", ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]),
        ];
        for (zone, cron, begin, expected) in cases {
            let test = TestStore::open().await;
            let zoned = ScheduleSettings { timezone: TimeZone::get(zone).unwrap(), ..settings(cron, Misfire::Once) };
            let mut now = at(begin);
            let mut agenda = Agenda::open(&zoned, &test.store, now).await.unwrap();
            let mut served = Vec::new();
            // Every minute is checked; the loop itself checks every two seconds.
            while served.len() < expected.len() {
                now += SignedDuration::from_mins(1);
                served.extend(agenda.take_due(&test.store, now).await.unwrap().map(|slot| slot.due));
                assert!(now < at(expected[1]) + SignedDuration::from_mins(2), "{zone} {served:?}");
            }
            assert_eq!(served, expected.map(at), "{zone} {cron}");
            assert_eq!(missed(&test.store).await, [""; 0], "{zone}");
        }
    }

    #[tokio::test]
    async fn a_slot_is_served_a_moment_late_even_without_grace_and_never_early() {
        let test = TestStore::open().await;
        let strict = ScheduleSettings { grace: Duration::ZERO, ..settings("0 19 * * *", Misfire::Skip) };
        let mut agenda = Agenda::open(&strict, &test.store, at("2026-03-01T18:59:00Z")).await.unwrap();
        assert_eq!(agenda.take_due(&test.store, at("2026-03-01T18:59:59.999Z")).await.unwrap(), None);
        let taken = agenda.take_due(&test.store, at("2026-03-01T19:00:00.2Z")).await.unwrap();
        assert_eq!(taken.map(|slot| slot.due), Some(at("2026-03-01T19:00:00Z")));
    }

    #[tokio::test]
    async fn another_schedule_counts_from_now_on_and_the_same_one_changes_nothing() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T18:30:00Z");
        let hourly = settings("0 * * * *", Misfire::Once);
        let mut agenda = Agenda::open(&hourly, &test.store, now).await.unwrap();
        assert!(!agenda.reschedule(&hourly, at("2026-03-01T18:40:00Z")));
        assert!(agenda.reschedule(&settings("*/10 * * * *", Misfire::Once), at("2026-03-01T18:45:00Z")));
        assert_eq!(agenda.next().unwrap().due, at("2026-03-01T18:50:00Z"));
        assert_eq!(missed(&test.store).await, [""; 0]);
    }

    #[tokio::test]
    async fn a_slot_that_waits_for_its_jitter_survives_a_reload_or_is_on_record_as_missed() {
        let jittered = |cron| ScheduleSettings { jitter: Duration::from_secs(1800), ..settings(cron, Misfire::Skip) };
        let nine = at("2026-03-01T09:00:00Z");
        let before = at("2026-03-01T08:30:00Z");
        for (cron, kept) in [("0 9,18 * * *", true), ("0 18 * * *", false)] {
            let test = TestStore::open().await;
            let mut agenda = Agenda::open(&jittered("0 9 * * *"), &test.store, before).await.unwrap();
            let now = at("2026-03-01T09:00:01Z");
            assert!(agenda.next().unwrap().fire_at > now, "the slot is due and waits");
            assert!(agenda.reschedule(&jittered(cron), now));
            agenda.record_missed(&test.store, now).await.unwrap();
            if kept {
                let slot = agenda.next().unwrap();
                assert_eq!(slot.due, nine);
                assert_eq!(agenda.take_due(&test.store, slot.fire_at).await.unwrap().map(|slot| slot.due), Some(nine));
            } else {
                assert_eq!(missed(&test.store).await, ["2026-03-01T09:00:00Z"]);
                let reason = test.store.history(1).await.unwrap().remove(0).error.unwrap();
                assert!(reason.contains("the schedule was changed"), "{reason}");
            }
            assert_eq!(agenda.next().unwrap().due, at("2026-03-01T18:00:00Z"));
        }
    }

    #[tokio::test]
    async fn a_slot_that_the_record_did_not_take_is_recorded_as_soon_as_it_can_be_written() {
        let test = served_at_nine().await;
        let gone = TestStore::open().await.store;
        gone.close().await;
        let hourly = settings("0 * * * *", Misfire::Skip);
        let mut agenda = Agenda::open(&hourly, &test.store, at("2026-03-01T09:30:00Z")).await.unwrap();
        let ten = at("2026-03-01T10:00:00Z");
        // A record that cannot even be read costs no slot.
        agenda.take_due(&gone, ten).await.unwrap_err();
        let slot = SlotId::Scheduled(agenda.take_due(&test.store, ten).await.unwrap().unwrap().due);
        agenda.miss(&gone, &slot, "not served: the disk was full".to_owned(), ten).await.unwrap_err();
        agenda.record_missed(&gone, ten).await.unwrap_err();
        assert_eq!(missed(&test.store).await, [""; 0]);
        let later = at("2026-03-01T10:20:00Z");
        agenda.record_missed(&test.store, later).await.unwrap();
        agenda.record_missed(&test.store, later).await.unwrap();
        assert_eq!(missed(&test.store).await, ["2026-03-01T10:00:00Z"]);
        assert_eq!(agenda.next().unwrap().due, at("2026-03-01T11:00:00Z"));
    }
}

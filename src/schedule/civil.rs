//! Civil time and instants: which instant a wall-clock time means, and when the quiet hours begin and end.
//!
//! One rule applies throughout: a wall-clock time that the clocks skip (the gap in spring) means the first instant after the
//! gap; a time that they show twice (the fold in autumn) means the earlier instant. So the mapping never runs backwards.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use crate::schedule::QuietHours;

/// Returns the instant that `civil` means in `zone`, or `None` outside the range of instants.
pub(super) fn instant_of(zone: &TimeZone, civil: DateTime) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(civil);
    match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(civil).ok(),
        AmbiguousOffset::Fold { before, .. } => before.to_timestamp(civil).ok(),
        AmbiguousOffset::Gap { after, .. } => {
            // With the later offset, a time inside the gap is an instant just before the clocks change.
            let just_before = after.to_timestamp(civil).ok()?;
            zone.following(just_before).next().map(|transition| transition.timestamp())
        }
    }
}

/// The quiet hours in their zone.
#[derive(Debug, Clone)]
pub(crate) struct Quiet {
    pub(crate) zone: TimeZone,
    pub(crate) hours: Vec<QuietHours>,
}

impl Quiet {
    /// Returns whether `instant` falls into the quiet hours.
    pub(crate) fn contains(&self, instant: Timestamp) -> bool {
        let time = self.zone.to_datetime(instant).time();
        self.hours.iter().any(|hours| hours.contains(time))
    }

    /// Returns the first instant after `instant` that is not quiet, or three days later if the quiet hours leave none.
    pub(crate) fn end_after(&self, instant: Timestamp) -> Timestamp {
        let horizon = instant.saturating_add(SignedDuration::from_hours(72)).unwrap_or(Timestamp::MAX);
        self.boundaries(instant, horizon).into_iter().find(|boundary| !self.contains(*boundary)).unwrap_or(horizon)
    }

    /// Returns the first quiet instant in `(after, until]`, given that `after` is not quiet.
    pub(super) fn start_within(&self, after: Timestamp, until: Timestamp) -> Option<Timestamp> {
        self.boundaries(after, until).into_iter().find(|boundary| self.contains(*boundary))
    }

    /// Returns every instant in `(after, until]` at which quiet may begin or end, in order: the edges of the spans (both
    /// instants of an edge that the clocks show twice) and the clock changes themselves.
    fn boundaries(&self, after: Timestamp, until: Timestamp) -> Vec<Timestamp> {
        if self.hours.is_empty() {
            return Vec::new();
        }
        let mut found: Vec<Timestamp> =
            self.zone.following(after).map(|transition| transition.timestamp()).take_while(|t| *t <= until).collect();
        let last_day = self.zone.to_datetime(until).date().saturating_add(1.day());
        let first_day = self.zone.to_datetime(after).date().saturating_sub(1.day());
        for day in first_day.series(1.day()).take_while(|day| *day <= last_day) {
            for time in self.hours.iter().flat_map(|hours| [hours.from, hours.to]) {
                let reading = day.to_datetime(time);
                found.extend(self.zone.to_ambiguous_timestamp(reading).earlier());
                found.extend(self.zone.to_ambiguous_timestamp(reading).later());
            }
        }
        found.retain(|boundary| after < *boundary && *boundary <= until);
        found.sort_unstable();
        found.dedup();
        found
    }
}

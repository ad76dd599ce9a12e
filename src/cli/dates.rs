//! Dates on the command line: days and times in the schedule's zone, or instants that name their own.

use std::str::FromStr;

use anyhow::{Context as _, Result};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

/// A date as it is typed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum When {
    /// A whole day, `2026-03-01`.
    Day(Date),
    /// A time of day, `2026-03-01T09:00`.
    Time(DateTime),
    /// An instant with its offset, `2026-03-01T09:00-05:00`.
    Instant(Timestamp),
}

impl FromStr for When {
    type Err = String;

    fn from_str(found: &str) -> Result<Self, String> {
        let day = || found.parse().ok().filter(|_| found.len() == "2026-03-01".len()).map(Self::Day);
        let instant = || found.parse().ok().map(Self::Instant);
        let time = || found.parse().ok().map(Self::Time);
        day().or_else(instant).or_else(time).ok_or_else(|| {
            "expected a day such as 2026-03-01, or a time such as 2026-03-01T09:00 (in the schedule's zone) or \
             2026-03-01T14:00Z"
                .to_owned()
        })
    }
}

impl When {
    /// Returns the first instant of it.
    ///
    /// # Errors
    /// If it is beyond the years that can be counted.
    pub fn start(self, zone: &TimeZone) -> Result<Timestamp> {
        let zoned = match self {
            Self::Day(day) => day.to_zoned(zone.clone()),
            Self::Time(time) => time.to_zoned(zone.clone()),
            Self::Instant(instant) => return Ok(instant),
        };
        Ok(zoned.context("the date is too far away")?.timestamp())
    }

    /// Returns the first instant after it: the day after a day, and a time itself.
    ///
    /// # Errors
    /// The same as [`Self::start`].
    pub fn end(self, zone: &TimeZone) -> Result<Timestamp> {
        match self {
            Self::Day(day) => Self::Day(day.checked_add(1.day()).context("the date is too far away")?).start(zone),
            time => time.start(zone),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pregonero_store::testing::at;

    #[test]
    fn a_day_is_the_schedules_and_an_instant_its_own() {
        let bogota = TimeZone::get("America/Bogota").unwrap();
        for (typed, start, end) in [
            ("2026-03-01", "2026-03-01T05:00:00Z", "2026-03-02T05:00:00Z"),
            ("2026-03-01T09:00", "2026-03-01T14:00:00Z", "2026-03-01T14:00:00Z"),
            ("2026-03-01 09:00:30", "2026-03-01T14:00:30Z", "2026-03-01T14:00:30Z"),
            ("2026-03-01T09:00Z", "2026-03-01T09:00:00Z", "2026-03-01T09:00:00Z"),
            ("2026-03-01T09:00+02:00", "2026-03-01T07:00:00Z", "2026-03-01T07:00:00Z"),
        ] {
            let when: When = typed.parse().unwrap();
            assert_eq!((when.start(&bogota).unwrap(), when.end(&bogota).unwrap()), (at(start), at(end)), "{typed}");
        }
        for typed in ["", "yesterday", "2026-13-01", "2026-03", "09:00"] {
            assert!(typed.parse::<When>().unwrap_err().contains("expected a day such as 2026-03-01"), "{typed}");
        }
    }
}

//! Times of posts as the hour and the day in one zone.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};

use crate::times;

const SECONDS_A_DAY: i64 = 86_400;

/// The days that a post can be from, as days since 1970: from 2006, when X began, to 2099.
const DAYS: std::ops::RangeInclusive<i32> = 13_149..=47_481;

/// An hour of a day in the page's zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hour {
    /// Days since 1970-01-01.
    pub(super) day: i32,
    /// 0 to 23.
    pub(super) hour: u8,
}

impl Hour {
    /// Returns the hour of a time as it is written in a file; `None` if it cannot be read, or is before X began.
    pub(super) fn read(text: &str, zone: &TimeZone) -> Option<Self> {
        let at = timestamp(text.trim())?;
        let local = at.as_second() + i64::from(zone.to_offset(at).seconds());
        let day = i32::try_from(local.div_euclid(SECONDS_A_DAY)).ok()?;
        DAYS.contains(&day).then_some(Self { day, hour: (local.rem_euclid(SECONDS_A_DAY) / 3600) as u8 })
    }

    /// Returns the hours since 1970, for a map's key.
    pub(super) fn number(self) -> u32 {
        self.day.cast_unsigned() * 24 + u32::from(self.hour)
    }

    pub(super) fn of_number(number: u32) -> Self {
        Self { day: (number / 24).cast_signed(), hour: (number % 24) as u8 }
    }

    /// Returns the day of the week, 0 for Monday.
    pub(super) fn weekday(self) -> usize {
        // 1970-01-01 was a Thursday.
        (self.day + 3).rem_euclid(7) as usize
    }
}

/// Returns the date of a day's number.
pub(super) fn date(day: i32) -> Date {
    civil::date(1970, 1, 1).checked_add(jiff::Span::new().days(day)).unwrap_or(Date::MAX)
}

/// Returns the number of a date's day.
pub(super) fn day_of(date: Date) -> i32 {
    (date - civil::date(1970, 1, 1)).get_days()
}

/// Reads every form of [`times::read`], and seconds or milliseconds since 1970.
fn timestamp(text: &str) -> Option<Timestamp> {
    if let Some(quick) = times::read_standard(text) {
        return Some(quick);
    }
    if text.len() >= 9 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let number: i64 = text.parse().ok()?;
        let in_milliseconds = text.len() >= 12;
        return Timestamp::from_second(if in_milliseconds { number / 1000 } else { number }).ok();
    }
    Some(times::read(text)?.instant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_forms_are_read_and_others_are_not() {
        let zone = TimeZone::get("America/Bogota").unwrap();
        let read = |text: &str| Hour::read(text, &zone).map(|hour| (date(hour.day).to_string(), hour.hour));
        for text in [
            "2021-07-08T03:10:11Z",
            "2021-07-08T03:10:11.000Z",
            "2021-07-08 03:10:11",
            "2021-07-08 03:10:11 UTC",
            "2021-07-08 03:10:11+00:00",
            "2021-07-07T22:10:11-05:00",
            "Thu Jul 08 03:10:11 +0000 2021",
            "1625713811",
            "1625713811000",
            " 2021-07-08T03:10:11Z ",
        ] {
            assert_eq!(read(text), Some(("2021-07-07".to_owned(), 22)), "{text}");
        }
        for text in
            ["", "ayer", "08/07/2021", "2021-13-08T03:10:11Z", "2021-07-08T99:10:11Z", "1999-01-01T00:00:00Z", "12"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn the_days_of_posts_begin_and_end_with_a_year() {
        assert_eq!((date(*DAYS.start()), date(*DAYS.end())), (civil::date(2006, 1, 1), civil::date(2099, 12, 31)));
    }

    #[test]
    fn an_hour_keeps_its_day_and_weekday_through_its_number() {
        let utc = TimeZone::UTC;
        for (text, weekday) in [("2021-07-05T00:00:00Z", 0), ("2021-07-11T23:59:59Z", 6), ("2006-03-21T20:50:00Z", 1)] {
            let hour = Hour::read(text, &utc).unwrap();
            assert_eq!(hour.weekday(), weekday, "{text}");
            assert_eq!(Hour::of_number(hour.number()), hour);
            assert_eq!(day_of(date(hour.day)), hour.day);
        }
    }
}

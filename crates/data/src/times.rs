//! Times as files of tweets write them, turned into one form: RFC 3339 in UTC with seconds.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

/// The forms that name their zone, apart from RFC 3339: X's v1.1 API and archive, X's archive before 2018, Python's `str`.
const WITH_ZONE: [&str; 3] = ["%a %b %d %H:%M:%S %z %Y", "%Y-%m-%d %H:%M:%S %z", "%Y-%m-%d %H:%M:%S%z"];

/// A time that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    pub instant: Timestamp,
    /// Whether the text named its zone; otherwise it was taken as UTC.
    pub zoned: bool,
}

/// Reads the form that data sets write, `2026-03-01T09:00:02Z`, without the general parser; others are none.
#[must_use]
pub fn read_standard(text: &str) -> Option<Timestamp> {
    let text: &[u8; 20] = text.as_bytes().try_into().ok()?;
    let signs = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'Z')];
    if signs.iter().any(|(place, sign)| text[*place] != *sign) {
        return None;
    }
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0_i16, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i16::from(byte - b'0')))
    };
    let (year, month, day) = (number(&text[..4])?, number(&text[5..7])?, number(&text[8..10])?);
    let (hour, minute, second) = (number(&text[11..13])?, number(&text[14..16])?, number(&text[17..19])?);
    // Other years and seconds are left to the general parser.
    if !(1900..=2200).contains(&year) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Date::new(year, month as i8, day as i8).ok()?;
    let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
    Timestamp::from_second(days_since_1970(year.into(), month.into(), day.into()) * 86_400 + seconds).ok()
}

/// Returns how many days after 1970-01-01 a date is (Hinnant's `days_from_civil`, for years after 0).
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Reads a time: RFC 3339, the forms of X, or `2026-03-01 09:00:02` and `2026-03-01` without a zone; also with slashes in the date,
/// or with `UTC` or `+00` at the end.
#[must_use]
pub fn read(text: &str) -> Option<Time> {
    let text = text.trim();
    if let Some(instant) = read_standard(text) {
        return Some(Time { instant, zoned: true });
    }
    if text.get(4..5) == Some("/") && text.get(7..8) == Some("/") {
        return read(&text.replacen('/', "-", 2));
    }
    read_usual(text).or_else(|| {
        let civil = text.strip_suffix("UTC").or_else(|| text.strip_suffix("+00"))?;
        read_usual(civil.trim_end()).map(|time| Time { zoned: true, ..time })
    })
}

fn read_usual(text: &str) -> Option<Time> {
    let zoned = |instant| Time { instant, zoned: true };
    if text.as_bytes().first()?.is_ascii_digit() {
        if let Ok(instant) = text.parse::<Timestamp>() {
            return Some(zoned(instant));
        }
        // Digits alone are a date to the parser, but an id or a number to people.
        if let (true, Ok(civil)) = (text.contains('-'), text.parse::<DateTime>()) {
            let instant = civil.to_zoned(TimeZone::UTC).ok()?.timestamp();
            return Some(Time { instant, zoned: false });
        }
    }
    WITH_ZONE.iter().find_map(|form| strtime::parse(form, text).ok()?.to_timestamp().ok()).map(zoned)
}

/// Returns an instant as data sets write it: `2026-03-01T09:00:02Z`.
#[must_use]
pub fn standard(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_quick_way_to_read_a_time_gives_what_the_general_one_does(second in -2_208_988_800_i64..=7_289_654_399) {
            let text = standard(Timestamp::from_second(second).unwrap());
            prop_assert_eq!(read_standard(&text), text.parse().ok());
            prop_assert!(read_standard(&text).is_some());
        }
    }

    #[test]
    fn what_only_looks_like_the_standard_form_is_left_to_the_general_parser() {
        for text in [
            "2021-02-29T00:00:00Z",
            "2021-13-01T00:00:00Z",
            "2021-00-10T00:00:00Z",
            "2021-01-01T24:00:00Z",
            "2021-01-01T00:00:60Z",
            "2021-01-01 00:00:00Z",
            "2021/01/01T00:00:00Z",
            "2021-01-01T00:00:0xZ",
            "0999-01-01T00:00:00Z",
        ] {
            assert_eq!(read_standard(text), None, "{text}");
        }
    }

    #[test]
    fn times_of_every_form_become_one() {
        for (text, zoned) in [
            ("2023-02-18T12:33:11.000Z", true),
            ("2023-02-18T12:33:11Z", true),
            ("2023-02-18T07:33:11-05:00", true),
            ("Sat Feb 18 12:33:11 +0000 2023", true),
            ("2023-02-18 12:33:11 +0000", true),
            ("2023-02-18 12:33:11+00:00", true),
            ("2023-02-18 12:33:11", false),
            ("2023-02-18T12:33:11", false),
            ("2023/02/18 12:33:11", false),
            ("2023-02-18 12:33:11 UTC", true),
            ("2023-02-18 12:33:11+00", true),
        ] {
            let time = read(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((standard(time.instant).as_str(), time.zoned), ("2023-02-18T12:33:11Z", zoned), "{text}");
        }
        assert_eq!(standard(read("2023-02-18").unwrap().instant), "2023-02-18T00:00:00Z");
        for text in ["", "ayer", "20230218", "1626983443210002432", "18/02/2023"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}

//! Times as files of tweets write them, turned into one form: RFC 3339 in UTC with seconds.

use jiff::Timestamp;
use jiff::civil::DateTime;
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

/// Reads a time: RFC 3339, the forms of X, or `2026-03-01 09:00:02` and `2026-03-01` without a zone.
#[must_use]
pub fn read(text: &str) -> Option<Time> {
    let text = text.trim();
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
    use super::*;

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

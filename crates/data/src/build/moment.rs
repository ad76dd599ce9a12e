//! Dates: those that a spec names, and those that rows have in whatever form their file gives them.
//!
//! A date without a time is its first moment, and a time without a zone is in UTC.

use jiff::Timestamp;
use serde::Deserialize;

use crate::times;

/// A moment in a spec, as a TOML date or a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Moment(Timestamp);

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Toml(toml::value::Datetime),
    Text(String),
}

impl Moment {
    /// Returns the moment.
    #[must_use]
    pub fn at(self) -> Timestamp {
        self.0
    }
}

impl TryFrom<Written> for Moment {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let text = match written {
            Written::Toml(date) => date.to_string(),
            Written::Text(text) => text,
        };
        moment_of(&text)
            .map(Self)
            .ok_or_else(|| format!("{text:?} is not a date, such as 2021-03-01 or 2021-03-01T12:00:00Z"))
    }
}

/// Returns the moment that a text names, in any form that [`times`] knows.
#[must_use]
pub fn moment_of(text: &str) -> Option<Timestamp> {
    times::read(text).map(|time| time.instant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_the_forms_that_people_have() {
        for (text, expected) in [
            ("2021-03-01", "2021-03-01T00:00:00Z"),
            ("2021-03-01 09:00:02", "2021-03-01T09:00:02Z"),
            ("2021/03/01 09:00:02", "2021-03-01T09:00:02Z"),
            ("2021-03-01T09:00:02Z", "2021-03-01T09:00:02Z"),
            ("2021-03-01T09:00:02.000Z", "2021-03-01T09:00:02Z"),
            ("2021-03-01 09:00:02+00:00", "2021-03-01T09:00:02Z"),
            ("2021-03-01 09:00:02+00", "2021-03-01T09:00:02Z"),
            ("2021-03-01 09:00:02 UTC", "2021-03-01T09:00:02Z"),
            ("2021-03-01T09:00:02-05:00", "2021-03-01T14:00:02Z"),
            (" 2021-03-01 09:00 ", "2021-03-01T09:00:00Z"),
            ("Mon Mar 01 09:00:02 +0000 2021", "2021-03-01T09:00:02Z"),
        ] {
            assert_eq!(moment_of(text).map(times::standard).as_deref(), Some(expected), "{text}");
        }
        for text in ["", "ayer", "01/03/2021", "2021", "12", "2021-13-01", "Mon Mar 41 09:00:02 +0000 2021"] {
            assert_eq!(moment_of(text), None, "{text}");
        }
    }
}

//! Cron expressions: the text that a maintainer writes, and the civil times that it matches.
//!
//! The `cron` crate finds the times, always in civil time disguised as UTC: in a real zone it skips gaps, repeats folds and
//! can run backwards. Expressions with five fields are unix cron and are translated here, because the crate counts weekdays
//! from Sunday = 1 and joins day of month and day of week with "and"; six and seven fields are the crate's own dialect.
//! [`super::Schedule`] maps civil times to instants.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime as ChronoDateTime, Utc};
use cron::TimeUnitSpec as _;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// Why an expression was refused. The message names the expression, the field and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CronError {
    /// The expression has neither five, six nor seven fields.
    #[error(
        "cron expression \"{expression}\": {found} fields; write five (minute hour day-of-month month day-of-week), \
         six (second first) or seven (year last)"
    )]
    FieldCount {
        /// The whole expression.
        expression: String,
        /// How many fields it has.
        found: usize,
    },
    /// One field is not understood or out of range.
    #[error("cron expression \"{expression}\": {field} \"{found}\"; allowed: {allowed}")]
    Field {
        /// The whole expression.
        expression: String,
        /// The field's name: `minute`, `day of week`.
        field: &'static str,
        /// The field's text.
        found: String,
        /// What the field may contain.
        allowed: &'static str,
    },
    /// Every field is valid by itself, but no date matches them all, as with 31 February.
    #[error(
        "cron expression \"{expression}\": never due, no date from 1970 to 2100 fits the day, month and year fields"
    )]
    NeverDue {
        /// The whole expression.
        expression: String,
    },
}

/// A parsed cron expression.
///
/// - Five fields, `minute hour day-of-month month day-of-week`, follow unix cron: weekdays 0 to 7 (0 and 7 are Sunday)
///   or `SUN`-`SAT`; if neither day field contains a `*`, a day that fits either of them is due.
/// - Six fields begin with the second; seven also end with the year (1970 to 2100). They follow the `cron` crate: weekdays
///   are 1 (Sunday) to 7 or names, and a day must fit both day fields.
///
/// Lists (`1,5`), ranges (`1-5`), steps (`*/10`, `5-50/15`, `5/15`) and English names work in both. In five fields,
/// ranges of months and weekdays may wrap: `FRI-MON`.
#[derive(Debug, Clone)]
pub struct CronExpression {
    source: String,
    /// One, or two whose times are combined (unix cron's "day of month or day of week").
    alternatives: Vec<cron::Schedule>,
}

impl fmt::Display for CronExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl CronExpression {
    /// Parses an expression of five, six or seven fields.
    ///
    /// # Errors
    /// Returns a [`CronError`] if the text is not a cron expression, or is one that is never due.
    pub fn parse(text: &str) -> Result<Self, CronError> {
        let source = text.trim().to_owned();
        let fields: Vec<&str> = source.split_whitespace().collect();
        let translated = match fields.len() {
            5 => unix_alternatives(&source, &fields)?,
            6 | 7 => {
                check_crate_fields(&source, &fields)?;
                vec![fields.join(" ")]
            }
            found => return Err(CronError::FieldCount { expression: source, found }),
        };
        let alternatives: Vec<cron::Schedule> = translated
            .iter()
            .map(|text| text.parse())
            .collect::<Result<_, _>>()
            .map_err(|_| CronError::FieldCount { expression: source.clone(), found: fields.len() })?;
        let expression = Self { source, alternatives };
        if expression.next_civil(DateTime::constant(1969, 12, 31, 23, 59, 59, 0)).is_none() {
            return Err(CronError::NeverDue { expression: expression.source });
        }
        Ok(expression)
    }

    /// Returns the first civil time strictly after `civil` that matches, or `None` past the year 2100.
    pub(super) fn next_civil(&self, civil: DateTime) -> Option<DateTime> {
        let after = disguise(civil)?;
        self.alternatives.iter().filter_map(|schedule| schedule.after(&after).next()).min().and_then(undisguise)
    }

    /// Returns the last civil time strictly before `civil` that matches, or `None` before the year 1970.
    pub(super) fn previous_civil(&self, civil: DateTime) -> Option<DateTime> {
        self.alternatives.iter().filter_map(|schedule| previous_of(schedule, civil)).max().and_then(undisguise)
    }
}

/// Returns the last matching time before `civil`. The search starts in a year that the schedule names: from any other year,
/// the crate's backward search (0.17) would examine earlier years only up to `civil`'s month, day and time.
fn previous_of(schedule: &cron::Schedule, civil: DateTime) -> Option<ChronoDateTime<Utc>> {
    let present = u32::try_from(civil.year()).ok()?;
    if schedule.years().includes(present) {
        return schedule.after(&disguise(civil)?).next_back();
    }
    let year = schedule.years().iter().take_while(|year| *year < present).last()?;
    let end_of_year = DateTime::new(i16::try_from(year).ok()?, 12, 31, 23, 59, 59, 999_999_999).ok()?;
    schedule.after(&disguise(end_of_year)?).next_back()
}

/// Returns the instant at which UTC clocks show a civil time.
fn disguise(civil: DateTime) -> Option<ChronoDateTime<Utc>> {
    let nanoseconds = Offset::UTC.to_timestamp(civil).ok()?.as_nanosecond();
    let seconds = i64::try_from(nanoseconds.div_euclid(1_000_000_000)).ok()?;
    let rest = u32::try_from(nanoseconds.rem_euclid(1_000_000_000)).ok()?;
    ChronoDateTime::from_timestamp(seconds, rest)
}

fn undisguise(instant: ChronoDateTime<Utc>) -> Option<DateTime> {
    Some(Offset::UTC.to_datetime(Timestamp::from_second(instant.timestamp()).ok()?))
}

/// One field of the unix dialect.
struct UnixField {
    name: &'static str,
    least: u8,
    /// The greatest value of a full cycle; weekdays also accept 7.
    greatest: u8,
    /// Names in order; the first one means `least`.
    names: &'static [&'static str],
    allowed: &'static str,
}

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

const UNIX_FIELDS: [UnixField; 5] = [
    UnixField { name: "minute", least: 0, greatest: 59, names: &[], allowed: "0-59, lists, ranges, steps like */10" },
    UnixField { name: "hour", least: 0, greatest: 23, names: &[], allowed: "0-23, lists, ranges, steps like */6" },
    UnixField { name: "day of month", least: 1, greatest: 31, names: &[], allowed: "1-31, lists, ranges, steps" },
    UnixField {
        name: "month",
        least: 1,
        greatest: 12,
        names: &MONTHS,
        allowed: "1-12 or JAN-DEC, lists, ranges, steps",
    },
    UnixField {
        name: "day of week",
        least: 0,
        greatest: 6,
        names: &WEEKDAYS,
        allowed: "0-7 (0 and 7 are Sunday) or SUN-SAT, lists, ranges, steps",
    },
];

/// Translates a unix expression into one or two expressions of the crate that together mean the same.
fn unix_alternatives(expression: &str, fields: &[&str]) -> Result<Vec<String>, CronError> {
    let mut lists = Vec::with_capacity(UNIX_FIELDS.len());
    for (field, text) in UNIX_FIELDS.iter().zip(fields) {
        let values = field.values(text).ok_or_else(|| CronError::Field {
            expression: expression.to_owned(),
            field: field.name,
            found: (*text).to_owned(),
            allowed: field.allowed,
        })?;
        // The crate counts weekdays from Sunday = 1.
        let shift = u8::from(field.name == "day of week");
        lists.push(values.iter().map(|value| (value + shift).to_string()).collect::<Vec<_>>().join(","));
    }
    let [minute, hour, day, month, weekday] = lists.as_slice() else {
        unreachable!("one list for each of the five fields")
    };
    let restricted = |text: &str| !text.contains(['*', '?']);
    Ok(if restricted(fields[2]) && restricted(fields[4]) {
        vec![format!("0 {minute} {hour} {day} {month} *"), format!("0 {minute} {hour} * {month} {weekday}")]
    } else {
        vec![format!("0 {minute} {hour} {day} {month} {weekday}")]
    })
}

impl UnixField {
    /// Returns the values that a field's text names, or `None` if it cannot be parsed.
    fn values(&self, text: &str) -> Option<BTreeSet<u8>> {
        let mut values = BTreeSet::new();
        for item in text.split(',') {
            values.extend(self.item(item)?);
        }
        Some(values)
    }

    /// Returns the values of one item of a list: a value, a range or `*`, with or without a step.
    fn item(&self, item: &str) -> Option<Vec<u8>> {
        let (span, step) = match item.split_once('/') {
            Some((span, step)) => (span, Some(number(step)?)),
            None => (item, None),
        };
        let span = self.span(span, step.is_some())?;
        let step = step.unwrap_or(1);
        // A step longer than the cycle, like */90 minutes, would silently mean something other than it says.
        if step == 0 || step > self.greatest - self.least + 1 {
            return None;
        }
        Some(span.into_iter().step_by(usize::from(step)).collect())
    }

    /// Returns the values of a range; a single value with a step runs to the end of the cycle.
    fn span(&self, text: &str, stepped: bool) -> Option<Vec<u8>> {
        let day_field = self.name.starts_with("day");
        if text == "*" || (text == "?" && day_field) {
            return Some((self.least..=self.greatest).collect());
        }
        let Some((start, end)) = text.split_once('-') else {
            let value = self.value(text)?;
            return Some(if stepped {
                self.wrapped(value % self.modulus(), self.greatest)
            } else {
                vec![value % self.modulus()]
            });
        };
        let (start, end) = (self.value(start)?, self.value(end)?);
        if start > end && self.names.is_empty() {
            return None;
        }
        Some(self.wrapped(start, end))
    }

    /// Returns 7 for weekdays, where 7 means 0; otherwise more than any value.
    fn modulus(&self) -> u8 {
        if self.greatest == 6 { 7 } else { u8::MAX }
    }

    /// Returns `start..=end`, wrapping around the end of the cycle if `start > end`.
    fn wrapped(&self, start: u8, end: u8) -> Vec<u8> {
        let values: Vec<u8> = if start <= end {
            (start..=end).collect()
        } else {
            (start..=self.greatest).chain(self.least..=end).collect()
        };
        values.into_iter().map(|value| value % self.modulus()).collect()
    }

    fn value(&self, text: &str) -> Option<u8> {
        if let Some(place) = self.names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
            return Some(self.least + u8::try_from(place).ok()?);
        }
        let greatest = if self.greatest == 6 { 7 } else { self.greatest };
        number(text).filter(|value| (self.least..=greatest).contains(value))
    }
}

/// Parses digits only: `u8::from_str` would accept `+5`.
fn number(text: &str) -> Option<u8> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// The fields of the crate's dialect: name, what is allowed, and the greatest step that still means something.
const CRATE_FIELDS: [(&str, &str, u32); 7] = [
    ("second", "0-59, lists, ranges, steps like */10", 60),
    ("minute", "0-59, lists, ranges, steps like */10", 60),
    ("hour", "0-23, lists, ranges, steps like */6", 24),
    ("day of month", "1-31, lists, ranges, steps or ?", 31),
    ("month", "1-12 or JAN-DEC, lists, ranges, steps", 12),
    ("day of week", "1-7 (1 is Sunday in six and seven fields) or SUN-SAT, lists, ranges, steps or ?", 7),
    ("year", "1970-2100, lists, ranges, steps", 131),
];

/// Tries every field alone, because the crate's own message does not say which one is wrong.
fn check_crate_fields(expression: &str, fields: &[&str]) -> Result<(), CronError> {
    for (place, (text, (name, allowed, greatest_step))) in fields.iter().zip(CRATE_FIELDS).enumerate() {
        let mut alone = vec!["*"; fields.len()];
        alone[place] = text;
        let understood = crate_spelling(text, greatest_step) && alone.join(" ").parse::<cron::Schedule>().is_ok();
        if !understood {
            return Err(CronError::Field {
                expression: expression.to_owned(),
                field: name,
                found: (*text).to_owned(),
                allowed,
            });
        }
    }
    Ok(())
}

/// Returns whether a field cannot run into its neighbours (the crate lets a list go on after a space) and has sensible steps.
fn crate_spelling(text: &str, greatest_step: u32) -> bool {
    text.split(',').all(|item| {
        let mut parts = item.split('/');
        let span = parts.next().unwrap_or_default();
        let step = parts.next().map(|step| step.parse::<u32>().is_ok_and(|step| (1..=greatest_step).contains(&step)));
        let ends: Vec<&str> = span.split('-').collect();
        let end_is_fine =
            |end: &&str| !end.is_empty() && end.bytes().all(|b| b.is_ascii_alphanumeric() || b"*?".contains(&b));
        step != Some(false) && parts.next().is_none() && ends.len() <= 2 && ends.iter().all(end_is_fine)
    })
}

#[cfg(test)]
mod tests {
    use jiff::civil::{Weekday, date};
    use proptest::prelude::*;

    use super::*;

    fn times(expression: &str, count: usize) -> Vec<String> {
        let parsed = CronExpression::parse(expression).unwrap();
        let mut civil = date(2024, 2, 26).at(0, 0, 0, 0);
        (0..count)
            .map(|_| {
                civil = parsed.next_civil(civil).unwrap();
                civil.strftime("%a %m-%d %H:%M:%S").to_string()
            })
            .collect()
    }

    #[test]
    fn five_fields_follow_unix_cron() {
        // 2024-02-26 is a Monday; the walk starts after its midnight.
        let table: [(&str, &[&str]); 10] = [
            (
                "0 9,13,18 * * *",
                &["Mon 02-26 09:00:00", "Mon 02-26 13:00:00", "Mon 02-26 18:00:00", "Tue 02-27 09:00:00"],
            ),
            ("*/20 8 * * *", &["Mon 02-26 08:00:00", "Mon 02-26 08:20:00", "Mon 02-26 08:40:00", "Tue 02-27 08:00:00"]),
            ("0 12 * * 0", &["Sun 03-03 12:00:00", "Sun 03-10 12:00:00"]),
            ("0 12 * * 7", &["Sun 03-03 12:00:00", "Sun 03-10 12:00:00"]),
            (
                "0 12 * * 1-5",
                &[
                    "Mon 02-26 12:00:00",
                    "Tue 02-27 12:00:00",
                    "Wed 02-28 12:00:00",
                    "Thu 02-29 12:00:00",
                    "Fri 03-01 12:00:00",
                    "Mon 03-04 12:00:00",
                ],
            ),
            (
                "0 12 * * fri-MON",
                &[
                    "Mon 02-26 12:00:00",
                    "Fri 03-01 12:00:00",
                    "Sat 03-02 12:00:00",
                    "Sun 03-03 12:00:00",
                    "Mon 03-04 12:00:00",
                ],
            ),
            ("0 12 * * 5-7", &["Fri 03-01 12:00:00", "Sat 03-02 12:00:00", "Sun 03-03 12:00:00", "Fri 03-08 12:00:00"]),
            // Both day fields restricted: either will do.
            ("0 12 1 * TUE", &["Tue 02-27 12:00:00", "Fri 03-01 12:00:00", "Tue 03-05 12:00:00"]),
            // A star in one of them, even with a step: both must fit. 3 March 2024 is the first odd Sunday.
            ("0 12 */2 * SUN", &["Sun 03-03 12:00:00", "Sun 03-17 12:00:00", "Sun 03-31 12:00:00"]),
            (
                "5/20 23 29 FEB ?",
                &["Thu 02-29 23:05:00", "Thu 02-29 23:25:00", "Thu 02-29 23:45:00", "Tue 02-29 23:05:00"],
            ),
        ];
        for (expression, expected) in table {
            assert_eq!(times(expression, expected.len()), expected, "{expression}");
        }
    }

    #[test]
    fn six_and_seven_fields_follow_the_crate() {
        assert_eq!(times("30 0 12 * * 1", 2), ["Sun 03-03 12:00:30", "Sun 03-10 12:00:30"]);
        // Both day fields must fit: the first Friday the 13th after February 2024 is in September.
        assert_eq!(times("0 0 9 13 * FRI", 1), ["Fri 09-13 09:00:00"]);
        assert_eq!(times("0 0 9 1 1 * 2030", 1), ["Tue 01-01 09:00:00"]);
    }

    #[test]
    fn every_unix_weekday_number_means_its_day() {
        let days = [
            Weekday::Sunday,
            Weekday::Monday,
            Weekday::Tuesday,
            Weekday::Wednesday,
            Weekday::Thursday,
            Weekday::Friday,
            Weekday::Saturday,
            Weekday::Sunday,
        ];
        for (number, weekday) in days.into_iter().enumerate() {
            let parsed = CronExpression::parse(&format!("0 0 * * {number}")).unwrap();
            let next = parsed.next_civil(date(2025, 1, 1).at(0, 0, 0, 0)).unwrap();
            assert_eq!(next.weekday(), weekday, "{number}");
        }
    }

    #[test]
    fn an_error_names_the_expression_the_field_and_what_is_allowed() {
        let table = [
            ("61 * * * *", "minute \"61\"; allowed: 0-59"),
            ("0 24 * * *", "hour \"24\"; allowed: 0-23"),
            ("0 22-2 * * *", "hour \"22-2\"; allowed: 0-23"),
            ("0 9 0 * *", "day of month \"0\"; allowed: 1-31"),
            ("0 9 * 13 *", "month \"13\"; allowed: 1-12 or JAN-DEC"),
            ("0 9 * * 8", "day of week \"8\"; allowed: 0-7 (0 and 7 are Sunday) or SUN-SAT"),
            ("0 9 * * lunes", "day of week \"lunes\""),
            ("*/0 9 * * *", "minute \"*/0\""),
            ("*/90 * * * *", "minute \"*/90\""),
            ("+5 9 * * *", "minute \"+5\""),
            ("0,, 9 * * *", "minute \"0,,\""),
            ("0 0 9 * * 0", "day of week \"0\"; allowed: 1-7 (1 is Sunday"),
            ("0 99 9 * * *", "minute \"99\""),
            ("0, 1 2 * * *", "second"),
            ("0 0 9 * * * 1900", "year \"1900\"; allowed: 1970-2100"),
            ("0 9 * *", "4 fields; write five"),
            ("", "0 fields; write five"),
            ("@daily", "1 fields; write five"),
            ("0 9 31 2 *", "never due"),
        ];
        for (expression, expected) in table {
            let message = CronExpression::parse(expression).unwrap_err().to_string();
            assert!(message.contains(&format!("\"{expression}\"")), "{message}");
            // "0, 1 2 * * *" has six fields, the first of them a list without an end.
            assert!(message.contains(expected), "{expression}: {message}");
        }
    }

    #[test]
    fn it_prints_as_it_was_written() {
        assert_eq!(CronExpression::parse(" 0 9 * * MON-FRI ").unwrap().to_string(), "0 9 * * MON-FRI");
    }

    #[test]
    fn walking_back_meets_the_times_of_walking_on() {
        for expression in
            ["*/7 3,4 * * *", "0 12 13 * FRI", "15 30 8 ? * MON-FRI", "0 0 29 2 *", "59 23 31 12 *", "0 0 1 * *"]
        {
            let parsed = CronExpression::parse(expression).unwrap();
            let mut forward = vec![parsed.next_civil(date(2020, 1, 1).at(0, 0, 0, 0)).unwrap()];
            while forward.len() < 40 {
                let Some(next) = parsed.next_civil(forward[forward.len() - 1]) else { break };
                forward.push(next);
            }
            for pair in forward.windows(2) {
                assert_eq!(parsed.previous_civil(pair[1]), Some(pair[0]), "{expression}");
            }
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "\\PC{0,40}") {
            let _ = CronExpression::parse(&text);
        }

        #[test]
        fn what_looks_like_cron_never_panics_and_prints_itself(fields in prop::collection::vec("[0-9*/,?A-Z-]{1,6}", 4..=8)) {
            let text = fields.join(" ");
            if let Ok(parsed) = CronExpression::parse(&text) {
                prop_assert_eq!(parsed.to_string(), text);
            }
        }
    }
}

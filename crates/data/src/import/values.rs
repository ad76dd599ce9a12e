//! The form that values under standard names get: times in UTC, ids as text, counts as integers, names without `@`.

use crate::names;
use crate::row::{Row, Value};
use crate::times;

/// The column for ids that a float rounded: they name no tweet, and must not be taken for ids.
pub(super) const ROUNDED: &str = "id_rounded";

/// What the values of a standard column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Id,
    Time,
    Author,
    Count,
    Truth,
    Other,
}

fn kind_of(name: &str) -> Kind {
    match name {
        names::ID | names::AUTHOR_ID | names::CONVERSATION_ID | names::IN_REPLY_TO_ID => Kind::Id,
        names::CREATED_AT => Kind::Time,
        names::AUTHOR => Kind::Author,
        names::LINKS | names::LIKES | names::REPOSTS | names::REPLIES | names::QUOTES | names::VIEWS => Kind::Count,
        names::RETWEET | names::QUOTE | names::REPLY | names::TRUNCATED => Kind::Truth,
        _ => Kind::Other,
    }
}

const IDS: [&str; 4] = [names::ID, names::AUTHOR_ID, names::CONVERSATION_ID, names::IN_REPLY_TO_ID];

/// How often something was done to values.
#[derive(Debug, Default)]
pub(super) struct Notes {
    without_zone: u64,
    unreadable_times: u64,
    rounded: u64,
    rounded_others: u64,
}

impl Notes {
    pub(super) fn in_words(&self) -> Vec<String> {
        let words = [
            (self.without_zone, "times name no zone and are taken as UTC"),
            (self.unreadable_times, "values of created_at are no times that can be read, and stay as they are"),
            (self.rounded, "ids are rounded, and are in the column id_rounded instead of id"),
            (self.rounded_others, "ids of authors, conversations or answered tweets are rounded, and are left out"),
        ];
        words.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect()
    }
}

/// Gives the values of a row their forms.
pub(super) fn tidy(row: &mut Row, notes: &mut Notes) {
    let mut rounded = false;
    for (name, value) in row.iter_mut() {
        match kind_of(name) {
            Kind::Id => rounded |= tidy_id(value),
            Kind::Time => tidy_time(value, notes),
            Kind::Author => {
                if let Value::Text(author) = value
                    && author.starts_with('@')
                {
                    author.remove(0);
                }
            }
            Kind::Count => number(value),
            Kind::Truth => {
                if matches!(value, Value::Text(_) | Value::Integer(_))
                    && let Some(truth) = value.as_bool()
                {
                    *value = Value::Bool(truth);
                }
            }
            Kind::Other => {}
        }
    }
    if rounded {
        IDS.iter().for_each(|name| set_apart(row, name, notes));
    }
}

/// Turns the counts of a row into integers where they are text, or floats without a fraction.
pub(crate) fn number_counts(row: &mut Row) {
    row.iter_mut().filter(|(name, _)| kind_of(name) == Kind::Count).for_each(|(_, value)| number(value));
}

fn number(value: &mut Value) {
    let integer = match value {
        Value::Text(text) => text.trim().parse().ok().or_else(|| text.trim().parse().ok().and_then(whole)),
        Value::Number(number) => whole(*number),
        _ => None,
    };
    if let Some(integer) = integer {
        *value = Value::Integer(integer);
    }
}

fn tidy_time(value: &mut Value, notes: &mut Notes) {
    let Value::Text(text) = value else { return };
    if times::read_standard(text).is_some() {
        return;
    }
    match times::read(text) {
        Some(time) => {
            notes.without_zone += u64::from(!time.zoned);
            *text = times::standard(time.instant);
        }
        None => notes.unreadable_times += 1,
    }
}

/// Returns a float that is a whole number, as pandas writes counts of a column with gaps.
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
}

/// Writes an id as digits, and returns whether it is rounded.
fn tidy_id(value: &mut Value) -> bool {
    let digits = match value {
        Value::Integer(number) => number.to_string(),
        Value::Number(number) if number.abs() < 9_007_199_254_740_992.0 && number.fract() == 0.0 => {
            format!("{number:.0}")
        }
        Value::Text(text) if is_exact_float(text) => text.trim_end_matches(".0").to_owned(),
        other => return is_rounded(other),
    };
    *value = Value::Text(digits);
    is_rounded(value)
}

fn is_rounded(value: &Value) -> bool {
    match value {
        Value::Number(_) => true,
        Value::Text(text) => crate::read::is_rounded_id(text),
        Value::Integer(_) | Value::Bool(_) => false,
    }
}

/// Takes an id away that is rounded; that of the row goes into a column of its own.
fn set_apart(row: &mut Row, name: &str, notes: &mut Notes) {
    let Some(rounded) = row.get(name).filter(|value| is_rounded(value)).map(|value| value.as_text().into_owned())
    else {
        return;
    };
    row.remove(name);
    if name == names::ID {
        notes.rounded += 1;
        row.set(ROUNDED, rounded);
    } else {
        notes.rounded_others += 1;
    }
}

/// Returns whether a text is a float that has all digits of its whole number: `12345.0`.
fn is_exact_float(text: &str) -> bool {
    let digits = text.strip_suffix(".0");
    digits.is_some_and(|digits| (1..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

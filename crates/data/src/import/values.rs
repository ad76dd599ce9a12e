//! The form that values under standard names get: times in UTC, ids as text, counts as integers, names without `@`.

use crate::names;
use crate::row::{Row, Value};
use crate::times;

/// The column for ids that a float rounded: they name no tweet, and must not be taken for ids.
pub(super) const ROUNDED: &str = "id_rounded";

/// Columns of whole numbers, and of truth values.
const INTEGERS: [&str; 6] = [names::LINKS, names::LIKES, names::REPOSTS, names::REPLIES, names::QUOTES, names::VIEWS];
const TRUTHS: [&str; 4] = [names::RETWEET, names::QUOTE, names::REPLY, names::TRUNCATED];
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
    for name in IDS {
        tidy_id(row, name, notes);
    }
    if let Some(Value::Text(text)) = row.get(names::CREATED_AT) {
        match times::read(text) {
            Some(time) => {
                notes.without_zone += u64::from(!time.zoned);
                row.set(names::CREATED_AT, times::standard(time.instant));
            }
            None => notes.unreadable_times += 1,
        }
    }
    if let Some(Value::Text(author)) = row.get(names::AUTHOR)
        && let Some(bare) = author.strip_prefix('@')
    {
        let bare = bare.to_owned();
        row.set(names::AUTHOR, bare);
    }
    number_counts(row);
    for name in TRUTHS {
        if let Some(truth) =
            row.get(name).filter(|value| matches!(value, Value::Text(_) | Value::Integer(_))).and_then(Value::as_bool)
        {
            row.set(name, truth);
        }
    }
}

/// Turns the counts of a row into integers where they are text, or floats without a fraction.
pub(crate) fn number_counts(row: &mut Row) {
    for name in INTEGERS {
        let integer = match row.get(name) {
            Some(Value::Text(text)) => text.trim().parse().ok().or_else(|| whole(text.trim().parse().ok()?)),
            Some(Value::Number(number)) => whole(*number),
            _ => None,
        };
        if let Some(integer) = integer {
            row.set(name, Value::Integer(integer));
        }
    }
}

/// Returns a float that is a whole number, as pandas writes counts of a column with gaps.
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
}

fn tidy_id(row: &mut Row, name: &str, notes: &mut Notes) {
    let rounded = match row.get(name) {
        Some(Value::Integer(number)) => {
            let digits = number.to_string();
            if !crate::read::is_rounded_id(&digits) {
                return row.set(name, digits);
            }
            digits
        }
        Some(Value::Number(number)) if number.abs() < 9_007_199_254_740_992.0 && number.fract() == 0.0 => {
            let digits = format!("{number:.0}");
            return row.set(name, digits);
        }
        Some(Value::Text(text)) if is_exact_float(text) => {
            let digits = text.trim_end_matches(".0").to_owned();
            return row.set(name, digits);
        }
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Text(text)) if crate::read::is_rounded_id(text) => text.clone(),
        _ => return,
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

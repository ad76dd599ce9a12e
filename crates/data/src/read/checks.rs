//! Looks at each row for what commonly went wrong with it before it came here. Nothing is changed; it is said, with the row.

use std::sync::Arc;

use memchr::memchr3_iter;

use super::dialect::is_text;
use super::report::{FileReport, kind};
use super::rounded::{EXACT_DIGITS, RoundedIds, is_rounded};
use super::x::without_last_link;
use crate::names;
use crate::row::{Row, Value, is_blank};

/// What is looked for in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Id,
    Text,
    Nothing,
}

/// How many long ids must be there before zeros at their ends say something.
const FEW_IDS: u64 = 20;

#[derive(Debug, Default)]
pub(super) struct Checks {
    columns: Vec<(Arc<str>, Look)>,
    /// Ids of 17 digits and more, and how many of those end in two zeros, the mark of a float.
    long_ids: u64,
    zeros: u64,
    rounded: RoundedIds,
    /// Whether the file has a column of texts.
    texts: bool,
}

impl Checks {
    /// Looks at a row.
    pub(super) fn see(&mut self, row: &Row, report: &mut FileReport) {
        let mut has_text = false;
        for (near, (name, value)) in row.iter().enumerate() {
            match self.look(name, near) {
                Look::Id => self.see_id(value, row, report),
                Look::Text => {
                    has_text |= !is_blank(&value.as_text());
                    see_stump(value, row, report);
                }
                Look::Nothing => {}
            }
            if let Value::Text(text) = value
                && is_mojibake(text)
            {
                report.found_at(kind::MOJIBAKE, row.place, || {
                    "text that was decoded wrongly once (Ã¡ for á): get the file again, in UTF-8".to_owned()
                });
            }
        }
        if self.texts && !has_text {
            report.found_at(kind::EMPTY_TEXTS, row.place, || "the text is empty".to_owned());
        }
    }

    /// Says that rows without a text are found, for files that have a column of texts.
    pub(super) fn expect_texts(&mut self, columns: &[String]) {
        self.texts = columns.iter().any(|name| is_text(name));
    }

    fn look(&mut self, name: &str, near: usize) -> Look {
        let known = self.columns.get(near).filter(|(known, _)| **known == *name);
        if let Some((_, look)) = known.or_else(|| self.columns.iter().find(|(known, _)| **known == *name)) {
            return *look;
        }
        let look = if is_id(name) {
            Look::Id
        } else if is_text(name) {
            Look::Text
        } else {
            Look::Nothing
        };
        self.columns.push((Arc::from(name), look));
        look
    }

    fn see_id(&mut self, value: &Value, row: &Row, report: &mut FileReport) {
        let rounded = match value {
            Value::Number(number) => number.abs() >= 9_007_199_254_740_992.0,
            Value::Text(text) => is_rounded(text),
            Value::Integer(number) => is_rounded(&number.to_string()),
            Value::Bool(_) => false,
        };
        if rounded {
            report.found_at(kind::ROUNDED_IDS, row.place, || {
                "ids that a spreadsheet or float rounded (1.23E+18, or zeros at the end): they name no tweet; get the file again with the ids as text"
                    .to_owned()
            });
            return;
        }
        self.rounded.see(&value.as_text());
        let zeros = match value {
            Value::Integer(number) if *number >= 10_i64.pow(EXACT_DIGITS as u32) => Some(number % 100 == 0),
            Value::Text(text) if text.len() > EXACT_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(text.ends_with("00"))
            }
            _ => None,
        };
        self.long_ids += u64::from(zeros.is_some());
        self.zeros += u64::from(zeros == Some(true));
    }

    /// Says what is only known at the end of a file.
    pub(super) fn finish(&self, report: &mut FileReport) {
        if let Some(message) = self.rounded.in_words() {
            report.found(kind::ROUNDED_IDS, message);
        } else if self.long_ids >= FEW_IDS
            && self.zeros * 2 > self.long_ids
            && report.finding(kind::ROUNDED_IDS).is_none()
        {
            let message = format!(
                "{} of {} long ids end in 00: a float rounded them, and they name no tweet; get the file again with the ids as text",
                self.zeros, self.long_ids
            );
            report.found(kind::ROUNDED_IDS, message);
        }
    }
}

/// Returns whether a column holds ids.
fn is_id(name: &str) -> bool {
    let name = name.to_lowercase();
    let name = name.strip_suffix("_str").unwrap_or(&name);
    name == names::ID || name.ends_with("_id") || name.ends_with(".id") || name == "tweetid" || name == "userid"
}

/// Says that X cut a text off at 140 characters.
fn see_stump(value: &Value, row: &Row, report: &mut FileReport) {
    let Value::Text(text) = value else { return };
    let text = without_last_link(text).trim_end();
    if (text.ends_with('…') || text.ends_with("...")) && (105..=280).contains(&text.chars().count()) {
        report.found_at(kind::STUMPS, row.place, || "a text that X cut off with “…”: the rest is missing".to_owned());
    }
}

/// Returns whether a text has traces of UTF-8 that was read as Latin-1 or Windows-1252.
fn is_mojibake(text: &str) -> bool {
    // Ã followed by ¡, ©, ­, ³, º, ± and so on; Â before ¿, ¡, ª, º; â€ before quotes and dashes.
    let bytes = text.as_bytes();
    let last = |at: usize, from: u8, to: u8| {
        at > 0
            && bytes[at - 1] == 0xc3
            && bytes.get(at + 1..at + 3).is_some_and(|next| next[0] == 0xc2 && (from..=to).contains(&next[1]))
    };
    memchr3_iter(0x83, 0x82, 0xa2, bytes).any(|at| match bytes[at] {
        0x83 => last(at, 0x80, 0xbf),
        0x82 => last(at, 0xa0, 0xbf),
        _ => at > 0 && bytes[at - 1..].starts_with("â€".as_bytes()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Place;

    fn found(fields: &[(&str, Value)], times: u64) -> Vec<&'static str> {
        let (mut checks, mut report) = (Checks::default(), FileReport::default());
        checks.expect_texts(&["text".to_owned()]);
        for number in 0..times {
            let mut row = Row::new(Place { file: 0, line: 0, row: number });
            fields.iter().for_each(|(name, value)| row.set(*name, value.clone()));
            checks.see(&row, &mut report);
        }
        checks.finish(&mut report);
        report.findings.iter().map(|finding| finding.kind).collect()
    }

    #[test]
    fn what_went_wrong_is_found() {
        let text = |text: &str| ("text", Value::from(text));
        let id = |value: Value| ("tweet_id", value);
        let stump = format!("{}…", "a ".repeat(69));
        for (fields, times, expected) in [
            (vec![text("maÃ±ana")], 1, vec![kind::MOJIBAKE]),
            (vec![text("Â¿y si no?")], 1, vec![kind::MOJIBAKE]),
            (vec![text("â€œhola")], 1, vec![kind::MOJIBAKE]),
            (vec![text("SÃO PAULO, mañana ¿sí? Â")], 1, vec![]),
            (vec![text("a"), id(Value::from("1.62698E+18"))], 1, vec![kind::ROUNDED_IDS]),
            (vec![text("a"), id(Value::from("1,62698E+18"))], 1, vec![kind::ROUNDED_IDS]),
            (vec![text("a"), id(Value::from("1626983443210002432.0"))], 1, vec![kind::ROUNDED_IDS]),
            (vec![text("a"), id(Value::from(1.626_983_443_210_002_4e18))], 1, vec![kind::ROUNDED_IDS]),
            (vec![text("a"), id(Value::from("1626980000000000000"))], 1, vec![kind::ROUNDED_IDS]),
            (vec![text("a"), id(Value::from(1_626_980_000_000_000_000))], 1, vec![kind::ROUNDED_IDS]),
            (vec![text("a"), id(Value::from("1626983443210000"))], 1, vec![]),
            (vec![text("a"), id(Value::from("1626983443210000000"))], 2, vec![kind::ROUNDED_IDS]),
            (vec![text("a"), id(Value::from("1626983443210002400"))], 1, vec![]),
            (vec![text("a"), id(Value::from("1626983443210002400"))], 30, vec![kind::ROUNDED_IDS]),
            (vec![text("a"), id(Value::from(1_626_983_443_210_002_400))], 30, vec![kind::ROUNDED_IDS]),
            (vec![text("a"), ("score", Value::from("1.5E+3"))], 1, vec![]),
            (vec![text(&stump)], 1, vec![kind::STUMPS]),
            (vec![text(&format!("{stump} https://t.co/abc"))], 1, vec![kind::STUMPS]),
            (vec![text("bueno…")], 1, vec![]),
            (vec![text("  ")], 1, vec![kind::EMPTY_TEXTS]),
            (vec![("label", Value::from("1"))], 1, vec![kind::EMPTY_TEXTS]),
        ] {
            assert_eq!(found(&fields, times), expected, "{fields:?}");
        }
    }
}

//! Labels by emoji: distant supervision for general sentiment.
//!
//! The table next to this file says which emoji stand for what, and by which rules; the label is the emoji's, not a
//! person's judgement of the text, which often says something else.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

use super::{Label, Verdict};

/// The polarity of each emoji, from `emoji_polarity.tsv`.
static POLARITIES: LazyLock<HashMap<&'static str, Label>> = LazyLock::new(|| {
    include_str!("emoji_polarity.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let mut fields = line.split('\t');
            Some((fields.next()?, fields.next()?.parse().ok()?))
        })
        .collect()
});

/// Placeholders for an emoji, a mention or a link that was cut out; often glued to a word.
static PLACEHOLDERS: LazyLock<Regex> = LazyLock::new(|| Regex::new("_(?:emo|usr|url)").expect("a valid pattern"));

/// Returns the label that all of a text's `emoji` agree on; none if one is not in the table or two disagree.
#[must_use]
pub fn by_emoji(emoji: &str) -> Verdict<Label> {
    let mut labels =
        emoji.chars().filter(|character| !is_variation(*character) && !character.is_whitespace()).map(|character| {
            let mut buffer = [0; 4];
            POLARITIES.get(&*character.encode_utf8(&mut buffer)).copied()
        });
    let Some(first) = labels.next() else { return Verdict::Unmarked };
    match first {
        Some(label) if labels.all(|other| other == first) => Verdict::Label(label),
        _ => Verdict::Ambiguous,
    }
}

/// Returns the label that the emoji in a text agree on, as [`by_emoji`].
#[must_use]
pub fn by_emoji_in(text: &str) -> Verdict<Label> {
    let emoji: String = text.chars().filter(|character| is_emoji(*character)).collect();
    by_emoji(&emoji)
}

/// Returns a text without its emoji, with tidy spaces.
#[must_use]
pub fn without_emoji(text: &str) -> String {
    let joins = |character| character == '\u{200d}' || is_variation(character);
    let rest: String =
        text.chars().map(|character| if is_emoji(character) || joins(character) { ' ' } else { character }).collect();
    rest.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns whether a character is an emoji: a picture, no letter, digit or punctuation.
fn is_emoji(character: char) -> bool {
    matches!(character, '\u{2139}' | '\u{23e9}'..='\u{23fa}' | '\u{25b6}' | '\u{25c0}' | '\u{2600}'..='\u{27bf}' | '\u{2b05}'..='\u{2b55}' | '\u{1f1e6}'..='\u{1f1ff}' | '\u{1f300}'..='\u{1faff}')
        && !is_variation(character)
}

/// Returns true for variation selectors and skin tones.
fn is_variation(character: char) -> bool {
    matches!(character, '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}')
}

/// Removes placeholders from a text and tidies its spaces.
#[must_use]
pub fn without_placeholders(text: &str) -> String {
    PLACEHOLDERS.replace_all(text, " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_gives_each_emoji_once_and_one_of_three_polarities() {
        let lines: Vec<&str> =
            include_str!("emoji_polarity.tsv").lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(POLARITIES.len(), lines.len(), "an emoji stands there twice, or a polarity is misspelled");
        for line in lines {
            let fields: Vec<&str> = line.split('\t').collect();
            assert!(fields.len() == 3 && fields[0].chars().count() == 1, "{line:?}");
        }
    }

    #[test]
    fn an_emoji_decides_whatever_its_skin_tone_and_an_ambiguous_one_does_not() {
        for (emoji, expected) in [
            ("😡", Verdict::Label(Label::Negative)),
            ("👀", Verdict::Label(Label::Neutral)),
            ("💪🏽", Verdict::Label(Label::Positive)),
            ("❤\u{fe0f} 😍", Verdict::Label(Label::Positive)),
            ("😂", Verdict::Ambiguous),
            ("😍😡", Verdict::Ambiguous),
            ("😍😂", Verdict::Ambiguous),
            ("x", Verdict::Ambiguous),
            (" ", Verdict::Unmarked),
        ] {
            assert_eq!(by_emoji(emoji), expected, "{emoji:?}");
        }
    }

    #[test]
    fn emoji_in_a_text_label_it_and_can_be_taken_out() {
        for (text, verdict, rest) in [
            ("qué día 😍!", Verdict::Label(Label::Positive), "qué día !"),
            ("sin luz 😡😡 otra vez", Verdict::Label(Label::Negative), "sin luz otra vez"),
            ("vamos 💪🏽 ya", Verdict::Label(Label::Positive), "vamos ya"),
            ("qué risa 😂", Verdict::Ambiguous, "qué risa"),
            ("nada que ver: 100 % cierto © «sí»", Verdict::Unmarked, "nada que ver: 100 % cierto © «sí»"),
        ] {
            assert_eq!((by_emoji_in(text), without_emoji(text).as_str()), (verdict, rest), "{text}");
        }
        assert!(POLARITIES.keys().all(|emoji| emoji.chars().all(is_emoji)));
    }

    #[test]
    fn placeholders_go_wherever_they_stand() {
        for (text, expected) in
            [("_usr hola_emo _emo_emoMira _url", "hola Mira"), ("_emo", ""), ("nada que quitar", "nada que quitar")]
        {
            assert_eq!(without_placeholders(text), expected);
        }
    }
}

//! What is left of a tweet when the classifier reads it.
//!
//! The rules are VacunaBot's, with hashtags and mentions out of sight: hashtags gave the labels, mentions name people.
//! A rule that changes gets a new name, because a trained model is only right with the cleaning it was trained with.

use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Links, mentions and hashtags, with or without a scheme, ASCII or full-width signs.
static OUT_OF_SIGHT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\bhttps?://\S*|\bwww\.\S+|\bt\.co/\S+|[@＠]\w+|[#＃]\w+").expect("a valid pattern")
});

/// A named set of cleaning rules, stored in a model's `config.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cleaning {
    /// Links, mentions, hashtags and emoji removed; accents folded (á to a, ñ to n), lower case, `, . ; ¿ ?` and every
    /// other sign dropped; letters, digits and single spaces are left.
    #[default]
    Plain,
}

impl Cleaning {
    /// The cleaned text; empty where nothing is left to read.
    #[must_use]
    pub fn clean(self, text: &str) -> String {
        match self {
            Self::Plain => plain(text),
        }
    }
}

fn plain(text: &str) -> String {
    let visible = OUT_OF_SIGHT.replace_all(text, " ");
    let mut cleaned = String::with_capacity(visible.len());
    for character in visible.nfkd().filter(|character| !is_combining_mark(*character)) {
        if character.is_alphanumeric() {
            cleaned.extend(character.to_lowercase());
        } else if character.is_whitespace() || separates(character) {
            push_space(&mut cleaned);
        }
    }
    cleaned.truncate(cleaned.trim_end().len());
    cleaned
}

/// Emoji and other pictures stand between words as a space does; punctuation is dropped without a trace, as the seeds
/// do it (`1.000` is one number).
fn separates(character: char) -> bool {
    u32::from(character) >= 0x2190 && !is_joiner(character)
}

/// What glues an emoji together, or is not to be seen at all.
fn is_joiner(character: char) -> bool {
    matches!(character, '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

fn push_space(cleaned: &mut String) {
    if !cleaned.is_empty() && !cleaned.ends_with(' ') {
        cleaned.push(' ');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_cleaning_leaves_letters_digits_and_spaces() {
        for (text, cleaned) in [
            ("¿Mañana? Sí, ¡vacúnate!", "manana si vacunate"),
            ("Son 1.000 dosis; gracias.", "son 1000 dosis gracias"),
            ("Mira https://t.co/AbC1 y www.ejemplo.org ya", "mira y ya"),
            ("Hola @Ana_99, #YoMeVacuno hoy", "hola hoy"),
            ("hoy#SíSePuede@alguien", "hoy"),
            ("brazo💪🏽listo ❤️ya", "brazo listo ya"),
            ("  dos \n\t líneas  ", "dos lineas"),
            ("ＡＢＣ ﬁn PINGÜINO", "abc fin pinguino"),
            ("😀 #solo @eso", ""),
            ("", ""),
        ] {
            assert_eq!(Cleaning::Plain.clean(text), cleaned, "{text:?}");
        }
    }

    #[test]
    fn cleaning_twice_is_cleaning_once() {
        for text in ["¿Qué tal, Ñandú?", "İstanbul Ⅻ ½ ǅ", "a\u{301}\u{200d}b 👩‍⚕️ c"] {
            let once = Cleaning::Plain.clean(text);
            assert_eq!(Cleaning::Plain.clean(&once), once, "{text:?}");
        }
    }
}

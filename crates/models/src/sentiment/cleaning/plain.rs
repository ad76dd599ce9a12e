//! VacunaBot's cleaning: accents folded (á to a, ñ to n), lower case, every sign dropped without a trace.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use super::out_of_sight;

/// Returns the cleaned text: letters, digits and single spaces.
pub(super) fn clean(text: &str) -> String {
    let visible = out_of_sight::remove(text);
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

/// Returns whether a character separates words as a space does: emoji and other pictures do; punctuation is dropped
/// without a trace, as in VacunaBot (`1.000` is one number).
fn separates(character: char) -> bool {
    u32::from(character) >= 0x2190 && !is_joiner(character)
}

/// Returns whether a character joins the parts of an emoji, or is invisible.
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
            assert_eq!(clean(text), cleaned, "{text:?}");
        }
    }

    #[test]
    fn cleaning_twice_is_cleaning_once() {
        for text in ["¿Qué tal, Ñandú?", "İstanbul Ⅻ ½ ǅ", "a\u{301}\u{200d}b 👩‍⚕️ c"] {
            let once = clean(text);
            assert_eq!(clean(&once), once, "{text:?}");
        }
    }
}

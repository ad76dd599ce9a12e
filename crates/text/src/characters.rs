//! One form for the characters of a text: the texts that a model was trained on and those that it is given must not
//! differ by invisible marks. Also how texts from outside, and long numbers, are shown to people.

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization as _, is_nfc};

/// Returns the text composed (NFC), without zero-width characters, byte order marks and replacement characters. The
/// joiner and the variation selectors of emoji stay.
#[must_use]
pub fn tidy(text: &str) -> Cow<'_, str> {
    if is_nfc(text) && !text.contains(is_stray) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().filter(|character| !is_stray(*character)).nfc().collect())
}

/// Returns the first hidden character, or `None` if there is none.
#[must_use]
pub fn first_hidden(text: &str) -> Option<char> {
    text.chars().find(|character| is_hidden(*character))
}

/// Returns why a text cannot go on record: it has a character that nobody can see. None if all can be seen.
#[must_use]
pub fn hidden_in_words(text: &str) -> Option<String> {
    let code = u32::from(first_hidden(text)?);
    Some(format!("it contains U+{code:04X}, a character that cannot be seen: leave it out"))
}

/// Returns a text with every hidden character written as its code, so that a text from outside cannot rewrite what it is shown
/// on.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_hidden(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Returns a number with `separator` between its thousands: `1,234,567`.
#[must_use]
pub fn grouped(number: u64, separator: char) -> String {
    let digits = number.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push(separator);
        }
        shown.push(digit);
    }
    shown
}

/// Returns JSON with every hidden character of its strings written as `\u202e`: it says the same, and no terminal or editor
/// shows it as something else.
#[must_use]
pub fn escaped_in_json(json: &str) -> Cow<'_, str> {
    if first_hidden(json).is_none() {
        return Cow::Borrowed(json);
    }
    let mut escaped = String::with_capacity(json.len() + 16);
    for character in json.chars() {
        if is_hidden(character) {
            let mut units = [0; 2];
            escaped.extend(character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            escaped.push(character);
        }
    }
    Cow::Owned(escaped)
}

/// Returns whether a reader cannot see a character, or it changes the direction of what follows: control characters except
/// the line feed, zero-width characters except the joiner of emoji, directional marks and overrides, line separators, and
/// characters of private use.
#[must_use]
pub fn is_hidden(character: char) -> bool {
    (character.is_control() && character != '\n')
        || is_stray(character)
        || matches!(character, '\u{61c}' | '\u{2028}' | '\u{2029}' | '\u{fff9}'..='\u{fffb}' | '\u{e000}'..='\u{f8ff}'
            | '\u{e0000}'..='\u{e0fff}' | '\u{f0000}'..)
}

/// Returns whether a character is dropped: zero-width spaces and non-joiners, directional marks, soft hyphens, byte
/// order marks, and the character that replaces a byte that could not be read.
fn is_stray(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{200b}' | '\u{200c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}'
        | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{fffd}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_composed_and_loses_what_nobody_sees() {
        for (text, expected) in [
            ("Todo sigue así", "Todo sigue así"),
            ("man\u{303}ana", "mañana"),
            ("\u{feff}Hoy\u{200b} vamos\u{200e}\u{ad}", "Hoy vamos"),
            ("roto \u{fffd} aquí", "roto  aquí"),
            (
                "👩\u{200d}👩\u{200d}👧 1\u{fe0f}\u{20e3} ☀\u{fe0f}",
                "👩\u{200d}👩\u{200d}👧 1\u{fe0f}\u{20e3} ☀\u{fe0f}",
            ),
            ("", ""),
        ] {
            assert_eq!(tidy(text), expected);
        }
        assert!(matches!(tidy("Todo sigue así"), Cow::Borrowed(_)));
    }

    #[test]
    fn what_nobody_sees_is_found_and_what_people_type_is_not() {
        for text in ["¿Qué tal, Ñandú? 👩\u{200d}👩\u{200d}👧 1\u{fe0f}\u{20e3} 🇨🇴", "uno\ndos", "e\u{301}", "שלום", ""]
        {
            assert_eq!(first_hidden(text), None, "{text:?}");
        }
        for hidden in
            "\u{202e}\u{200b}\u{7}\u{1b}\u{9b}\r\t\0\u{2066}\u{61c}\u{feff}\u{ad}\u{2028}\u{e000}\u{e0041}\u{10fffd}"
                .chars()
        {
            assert_eq!(first_hidden(&format!("a{hidden}b")), Some(hidden), "U+{:04X}", u32::from(hidden));
        }
    }

    #[test]
    fn json_says_the_same_when_its_hidden_characters_are_escaped() {
        assert_eq!(escaped_in_json("{\"a\": \"x\u{202e}y\u{e0041}\"}\n"), "{\"a\": \"x\\u202ey\\udb40\\udc41\"}\n");
        assert!(matches!(escaped_in_json("[\"👩\u{200d}👧 ñ\"]"), Cow::Borrowed(_)));
    }

    #[test]
    fn marks_between_a_letter_and_its_accent_do_not_keep_them_apart() {
        assert_eq!(tidy("n\u{200b}\u{303}"), "ñ");
    }
}

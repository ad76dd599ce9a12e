//! Makes the characters visible that a person cannot see and that change how the text around them is shown.

use std::borrow::Cow;

/// Returns the text with control, direction and zero-width characters written as their code points: `⟨U+202E⟩`. Line breaks
/// stay, and so do the joiners and selectors inside an emoji.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    let mut before = None;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let joins = match character {
            '\u{200d}' => is_pictorial(before) && is_pictorial(characters.peek().copied()),
            '\u{fe0f}' => is_pictorial(before),
            _ => false,
        };
        if is_hidden(character) && !joins {
            shown.push_str(&format!("⟨U+{:04X}⟩", u32::from(character)));
        } else {
            shown.push(character);
        }
        before = Some(character);
    }
    Cow::Owned(shown)
}

/// Returns whether a joiner or selector next to this character is part of an emoji.
fn is_pictorial(character: Option<char>) -> bool {
    character.is_some_and(
        |c| matches!(c, '\u{2190}'..='\u{2bff}' | '\u{fe0f}' | '\u{1f000}'..='\u{1faff}' | '#' | '*' | '0'..='9'),
    )
}

fn is_hidden(character: char) -> bool {
    match character {
        '\n' => false,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' => true,
        '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
        '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' => true,
        '\u{e0000}'..='\u{e0fff}' => true,
        other => other.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_written_as_its_code_point() {
        let cases = [
            ("Una feria, ¿sí?\nMañana 🤖", "Una feria, ¿sí?\nMañana 🤖"),
            ("a\u{202e}b", "a⟨U+202E⟩b"),
            ("a\u{200b}b\u{200d}c", "a⟨U+200B⟩b⟨U+200D⟩c"),
            ("\u{0}\u{1b}[31m\u{7f}", "⟨U+0000⟩⟨U+001B⟩[31m⟨U+007F⟩"),
            ("x\u{e0041}", "x⟨U+E0041⟩"),
            ("👩\u{200d}⚕\u{fe0f}", "👩\u{200d}⚕\u{fe0f}"),
            ("a\u{fe0f}", "a⟨U+FE0F⟩"),
            ("<b>", "<b>"),
        ];
        for (text, shown) in cases {
            assert_eq!(visible(text), shown, "{text:?}");
        }
    }
}

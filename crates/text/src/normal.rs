//! Texts made comparable: what near-duplicates, repetition and the verbatim index treat as the same word.
//!
//! Accents, case, punctuation, emoji, links and mentions are dropped; a hashtag counts as its word. The result must never
//! change for the same text: indices of training tweets are built from it.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use crate::tweet_text;

/// Returns the words of `text` in lower case without accents, one space between them. Normalising twice changes
/// nothing.
#[must_use]
pub fn normalise(text: &str) -> String {
    words(text).join(" ")
}

/// Returns the words that [`normalise`] joins.
pub fn words(text: &str) -> Vec<String> {
    let text = tweet_text::composed(text);
    // Parsing the entities is the expensive part, and most texts cannot have any.
    let plain = if may_have_entities(&text) {
        let tweet = tweet_text::parse(&text);
        fold(&tweet_text::without(&tweet.text, &[&tweet.urls, &tweet.mentions]))
    } else {
        fold(&text)
    };
    plain
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Returns whether `text` may have a link or a mention: a link needs a dot with a letter or digit right after it.
fn may_have_entities(text: &str) -> bool {
    let mut after_dot = false;
    text.chars().any(|character| {
        let found = matches!(character, '@' | '＠')
            || after_dot && (character.is_alphanumeric() || is_combining_mark(character));
        after_dot = matches!(character, '.' | '。' | '．' | '｡');
        found
    })
}

/// Returns `text` in lower case without accents and other marks; everything else stays where it is.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let unmarked = text.nfkd().filter(|character| !is_combining_mark(*character));
    let lower: String = unmarked.flat_map(char::to_lowercase).collect();
    // Lower-casing may add marks: İ becomes i and a dot above.
    lower.nfkd().filter(|character| !is_combining_mark(*character)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn accents_case_punctuation_links_and_mentions_do_not_count() {
        let cases = [
            ("¡La VACUNA llegó!", "la vacuna llego"),
            ("  mañana,   más   #Sol ☀️ ", "manana mas sol"),
            ("@ana mira https://example.com/x ya", "mira ya"),
            ("man\u{303}ana", "manana"),
            ("ｈｏｌａ", "hola"),
            ("İstanbul", "istanbul"),
            ("🤖", ""),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(normalise(text), expected, "{text:?}");
        }
    }

    /// What [`words`] does for a text that may have entities.
    fn with_entities_parsed(text: &str) -> String {
        let tweet = tweet_text::parse(text);
        let plain = fold(&tweet_text::without(&tweet.text, &[&tweet.urls, &tweet.mentions]));
        let words: Vec<&str> =
            plain.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        words.join(" ")
    }

    #[test]
    fn a_text_whose_entities_are_not_parsed_has_none() {
        for text in
            ["Hola.", "Fin. Otro inicio.", "Uno.com", "ve a https://x.co/a.", "a 。b", "x．com", "¿Sí? …", "1.5"]
        {
            assert_eq!(normalise(text), with_entities_parsed(text), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_entity_is_missed(text in "[a-zA-ZñéÁ@＠#.。．｡/:0-9 \u{301}🤖]{0,40}") {
            prop_assert_eq!(normalise(&text), with_entities_parsed(&text));
        }

        #[test]
        fn no_entity_is_missed_in_any_text(text in any::<String>()) {
            prop_assert_eq!(normalise(&text), with_entities_parsed(&text));
        }

        #[test]
        fn normalising_twice_changes_nothing(text in any::<String>()) {
            let once = normalise(&text);
            prop_assert_eq!(normalise(&once), once);
        }

        #[test]
        fn normalising_spanish_twice_changes_nothing(text in "[a-zA-ZñÑáéíóúÁüİßΣſ@#./:0-9 \u{301}\u{345}]{0,40}") {
            let once = normalise(&text);
            prop_assert_eq!(normalise(&once), once);
        }
    }
}

//! Tweet text as X counts and reads it: weighted length, validity, entities.
//!
//! Everything follows twitter-text's configuration v3 through the `twitter-text` crate, which passes that project's
//! own conformance files; no part of the grammar is reimplemented here. The gates and the composer of the final text
//! use this module.

use std::borrow::Cow;
use std::ops::Range;

use serde::Serialize;
use twitter_text::ParserBackend;
use twitter_text::entity::Entity as RawEntity;
use twitter_text::extractor::{Extract as _, Extractor, ValidatingExtractor};
use unicode_normalization::{UnicodeNormalization as _, is_nfc};

/// The greatest weighted length of a post.
pub const MAX_WEIGHTED_LENGTH: usize = 280;

/// Not the crate's default, `Nom`: version 0.3.1 of that backend slices inside a character and panics if an accented
/// letter and one more are followed by `@`, as in `sueño@`. Compared with twitter-text's own JavaScript (3.1.0), this
/// one counted 43 of 2,509 real tweets differently: a flag directly after another emoji as two emoji, emoji newer
/// than that release as one instead of several, a sentence end without a space as a link, and no link where one is
/// attached to an accented word.
const BACKEND: ParserBackend = ParserBackend::External;

/// A link, mention, hashtag or cashtag in a tweet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entity {
    /// As it is written in the text, with its `@`, `#` or `$`.
    pub text: String,
    /// Byte range in [`TweetText::text`].
    pub range: Range<usize>,
}

/// A text as X reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TweetText {
    /// The text in Unicode's composed form (NFC), in which X counts and stores it; the entities' ranges refer to it.
    pub text: String,
    /// Latin letters count 1, CJK and emoji 2, a link 23 whatever its length.
    pub weighted_length: usize,
    /// Weighted length 1 to 280 and none of the code points U+FFFE, U+FFFF, U+FEFF.
    pub valid: bool,
    /// Links, including those without `https://` (`example.com`).
    pub urls: Vec<Entity>,
    /// `@name`, and lists (`@name/list`).
    pub mentions: Vec<Entity>,
    pub hashtags: Vec<Entity>,
    pub cashtags: Vec<Entity>,
}

/// Parses `text` the way X does.
#[must_use]
pub fn parse(text: &str) -> TweetText {
    let text = composed(text).into_owned();
    let (weighted_length, valid) = count(&text);
    let extractor = Extractor::with_parser_backend(BACKEND);
    let offsets = Utf16Offsets::of(&text);
    let urls = offsets.entities(&extractor.extract_urls_with_indices(&text));
    let mentions = offsets.entities(&extractor.extract_mentions_or_lists_with_indices(&text));
    let hashtags = offsets.entities(&extractor.extract_hashtags_with_indices(&text));
    let cashtags = offsets.entities(&extractor.extract_cashtags_with_indices(&text));
    TweetText { text, weighted_length, valid, urls, mentions, hashtags, cashtags }
}

/// Returns the links in `text`, as they are written there.
#[must_use]
pub fn urls(text: &str) -> Vec<String> {
    Extractor::with_parser_backend(BACKEND).extract_urls(text)
}

/// Returns the length that X counts: a post may have 1 to 280.
#[must_use]
pub fn weighted_length(text: &str) -> usize {
    count(&composed(text)).0
}

/// Returns `text` in Unicode's composed form (NFC).
pub fn composed(text: &str) -> Cow<'_, str> {
    if is_nfc(text) { Cow::Borrowed(text) } else { Cow::Owned(text.nfc().collect()) }
}

/// Returns `text` with the given entities replaced by spaces, so that the words around them stay separate.
#[must_use]
pub fn without(text: &str, entities: &[&[Entity]]) -> String {
    let mut ranges: Vec<_> = entities.iter().flat_map(|kind| kind.iter()).map(|entity| entity.range.clone()).collect();
    ranges.sort_by_key(|range| range.start);
    let mut rest = String::with_capacity(text.len());
    let mut end = 0;
    for range in ranges {
        if range.start >= end {
            rest.push_str(&text[end..range.start]);
            rest.push(' ');
        }
        end = end.max(range.end);
    }
    rest.push_str(&text[end..]);
    rest
}

/// Returns the weighted length and the validity of a text in NFC.
fn count(text: &str) -> (usize, bool) {
    if text.is_empty() {
        return (0, false);
    }
    let extractor =
        ValidatingExtractor::new_with_nfc_input_and_parser_backend(twitter_text_config::config_v3(), text, BACKEND);
    let result = extractor.extract_urls_with_indices(text).parse_results;
    (usize::try_from(result.weighted_length).unwrap_or(0), result.is_valid)
}

/// The map from twitter-text's UTF-16 indices back to bytes.
struct Utf16Offsets<'a> {
    text: &'a str,
    /// For each UTF-16 index, the byte at which that unit's character begins; one more entry for the end of the text.
    bytes: Vec<usize>,
}

impl<'a> Utf16Offsets<'a> {
    fn of(text: &'a str) -> Self {
        let mut bytes = Vec::with_capacity(text.len() + 1);
        for (offset, character) in text.char_indices() {
            bytes.extend(std::iter::repeat_n(offset, character.len_utf16()));
        }
        bytes.push(text.len());
        Self { text, bytes }
    }

    fn entities(&self, found: &[RawEntity<'_>]) -> Vec<Entity> {
        let entity = |raw: &RawEntity<'_>| {
            let range = self.byte(raw.start)?..self.byte(raw.end)?;
            Some(Entity { text: self.text.get(range.clone())?.to_owned(), range })
        };
        found.iter().filter_map(entity).collect()
    }

    fn byte(&self, index: i32) -> Option<usize> {
        self.bytes.get(usize::try_from(index).ok()?).copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(entities: &[Entity]) -> Vec<&str> {
        entities.iter().map(|entity| entity.text.as_str()).collect()
    }

    #[test]
    fn the_weighted_length_is_the_one_of_configuration_three() {
        let cases = [
            ("", 0),
            ("Hello, world! 👋", 16),
            ("H🐱☺👨‍👩‍👧‍👦", 7),
            ("1\u{20e3}", 2),
            ("A\u{301}B", 2),
            ("A\u{fb2c}", 4),
            ("mañana", 6),
            ("man\u{303}ana", 6),
            ("漢字", 4),
            ("ひらがな", 8),
            ("👨‍👩‍👧‍👦", 2),
            ("🙋🏽👨‍🎤", 4),
            ("🇨🇴", 2),
            ("❤️", 2),
            ("1️⃣", 2),
            ("#️⃣", 2),
            ("¡Feliz día!", 11),
            ("«sí» — no…", 11),
            ("http://example.com", 23),
            ("https://example.com/un/camino/muy/largo?con=preguntas&y=respuestas#y-ancla", 23),
            ("example.com", 23),
            ("mira ejemplo.co y ya", 5 + 23 + 5),
            ("https://t.co/abcdefghij", 23),
            ("fin.Empieza", 11),
            ("\u{1f916}", 2),
        ];
        for (text, expected) in cases {
            assert_eq!(weighted_length(text), expected, "{text:?}");
            assert_eq!(parse(text).weighted_length, expected, "{text:?}");
        }
    }

    #[test]
    fn a_post_is_valid_from_1_to_280_without_forbidden_code_points() {
        let cases = [
            (String::new(), false),
            ("a".repeat(280), true),
            ("a".repeat(281), false),
            ("ñ".repeat(280), true),
            ("n\u{303}".repeat(280), true),
            ("漢".repeat(140), true),
            ("漢".repeat(141), false),
            ("👨‍👩‍👧‍👦".repeat(140), true),
            ("👨‍👩‍👧‍👦".repeat(141), false),
            (format!("{} https://example.com", "a".repeat(256)), true),
            (format!("{} https://example.com", "a".repeat(257)), false),
            ("hola\u{fffe}".to_owned(), false),
            ("hola\u{feff}".to_owned(), false),
            ("hola\u{ffff}".to_owned(), false),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(&text).valid, expected, "{} characters of {text:.12?}", text.chars().count());
        }
    }

    #[test]
    fn entities_are_found_with_their_byte_ranges() {
        let tweet = parse("¡Hola @ana y @beto_7! 👨‍👩‍👧‍👦 #Día1 $TWTR en ejemplo.co y https://example.com/ñ?a=1.");
        assert_eq!(texts(&tweet.mentions), ["@ana", "@beto_7"]);
        assert_eq!(texts(&tweet.hashtags), ["#Día1"]);
        assert_eq!(texts(&tweet.cashtags), ["$TWTR"]);
        assert_eq!(texts(&tweet.urls), ["ejemplo.co", "https://example.com/ñ?a=1"]);
        for entity in [&tweet.mentions, &tweet.hashtags, &tweet.cashtags, &tweet.urls].into_iter().flatten() {
            assert_eq!(&tweet.text[entity.range.clone()], entity.text);
        }
    }

    #[test]
    fn what_only_looks_like_an_entity_is_none() {
        for text in ["correo@ejemplo", "#123", "$5", "C# y F#", "a las 9.30", "fin.Empieza otra frase", "@ solo"] {
            let tweet = parse(text);
            let all = [tweet.mentions, tweet.hashtags, tweet.cashtags, tweet.urls].concat();
            assert_eq!(texts(&all), Vec::<&str>::new(), "{text}");
        }
    }

    #[test]
    fn lists_wide_at_signs_and_domains_of_long_labels() {
        assert_eq!(texts(&parse("mira @ana/amigas").mentions), ["@ana/amigas"]);
        assert_eq!(texts(&parse("hola ＠ana").mentions), ["＠ana"]);
        let label = "a".repeat(64);
        assert_eq!(texts(&parse(&format!("http://{label}.com")).urls), Vec::<&str>::new());
    }

    #[test]
    fn a_mention_sign_after_an_accented_letter_and_another_is_read() {
        let tweet = parse("sueño@ejemplo y á:@ana");
        assert_eq!(texts(&tweet.mentions), ["@ana"]);
        assert_eq!(tweet.weighted_length, 22);
    }

    proptest! {
        #[test]
        fn any_text_can_be_parsed(text in any::<String>()) {
            let tweet = parse(&text);
            prop_assert_eq!(tweet.weighted_length, weighted_length(&text));
            prop_assert!(!tweet.valid || (1..=MAX_WEIGHTED_LENGTH).contains(&tweet.weighted_length));
        }

        #[test]
        fn any_text_of_entity_characters_can_be_parsed(text in "[@＠#＃$a-cñé\u{301}./:🐱\u{200d}\u{fe0f} \\nhttps]{0,60}") {
            let tweet = parse(&text);
            for entity in [tweet.mentions, tweet.hashtags, tweet.cashtags, tweet.urls].concat() {
                prop_assert_eq!(&tweet.text[entity.range.clone()], entity.text.as_str());
            }
        }
    }
}

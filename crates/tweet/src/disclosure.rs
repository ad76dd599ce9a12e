//! The words in every tweet that say that a machine wrote it, and where they stand.
//!
//! One constraint: they are part of what is posted and counted in its length, but never part of what is judged.
//! Classifier, critic and the comparison with earlier posts read the body, which is the tweet without them.

use serde::{Deserialize, Serialize};

use pregonero_text::tweet_text::weighted_length;

/// Words that earlier versions added by default. Posts of those versions have no body of their own on record.
const EARLIER: [&str; 2] = ["🤖 IA:", "🤖"];

/// Where the disclosure stands in a tweet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DisclosurePosition {
    /// Before the text, where a reader sees it first.
    #[default]
    Start,
    /// After the text.
    End,
}

/// The disclosure as configured; without words there is none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Disclosure {
    words: String,
    position: DisclosurePosition,
}

impl Disclosure {
    /// Creates a disclosure. White space around the words does not count.
    #[must_use]
    pub fn new(words: &str, position: DisclosurePosition) -> Self {
        Self { words: words.trim().to_owned(), position }
    }

    /// Returns the words; empty if tweets carry no disclosure.
    #[must_use]
    pub fn words(&self) -> &str {
        &self.words
    }

    /// Returns where the words stand.
    #[must_use]
    pub fn position(&self) -> DisclosurePosition {
        self.position
    }

    /// Returns the text as it is posted: the body with the disclosure.
    #[must_use]
    pub fn with(&self, body: &str) -> String {
        match (self.words.as_str(), self.position) {
            ("", _) => body.to_owned(),
            (words, DisclosurePosition::Start) => format!("{words} {body}"),
            (words, DisclosurePosition::End) => format!("{body} {words}"),
        }
    }

    /// Returns how much of a tweet's weighted length the disclosure takes, with the space next to it.
    #[must_use]
    pub fn weighted_length(&self) -> usize {
        weighted_length(&self.with(""))
    }

    /// Returns the body of a text that this disclosure may be part of, at either end. A text of an earlier version may
    /// carry that version's words instead. A text without any of them is returned as it is.
    #[must_use]
    pub fn body_of<'a>(&self, text: &'a str) -> &'a str {
        let known = [self.words.as_str(), EARLIER[0], EARLIER[1]];
        let without = |words: &&str| {
            let rest = text.strip_prefix(*words).and_then(|rest| rest.strip_prefix(' '));
            rest.or_else(|| text.strip_suffix(*words).and_then(|rest| rest.strip_suffix(' ')))
        };
        known.iter().filter(|words| !words.is_empty()).find_map(without).unwrap_or(text)
    }
}

#[cfg(test)]
mod tests {
    use super::DisclosurePosition::{End, Start};
    use super::*;

    const BODY: &str = "El mercado abre temprano.";

    #[test]
    fn the_words_stand_where_the_settings_say_and_count_in_the_length() {
        for (words, position, text, length) in [
            ("🤖 IA:", Start, "🤖 IA: El mercado abre temprano.", 7),
            (" 🤖 ", End, "El mercado abre temprano. 🤖", 3),
            ("", Start, BODY, 0),
            ("  ", End, BODY, 0),
        ] {
            let disclosure = Disclosure::new(words, position);
            assert_eq!(disclosure.with(BODY), text);
            assert_eq!(disclosure.weighted_length(), length, "{words:?}");
            assert_eq!(disclosure.body_of(text), BODY, "{words:?}");
        }
    }

    #[test]
    fn a_body_is_found_at_either_end_also_under_the_words_of_an_earlier_version() {
        let disclosure = Disclosure::new("Texto de una IA:", Start);
        for text in [
            "Texto de una IA: El mercado abre temprano.",
            "El mercado abre temprano. Texto de una IA:",
            "El mercado abre temprano. 🤖",
            "🤖 IA: El mercado abre temprano.",
            BODY,
        ] {
            assert_eq!(disclosure.body_of(text), BODY, "{text}");
        }
        for text in ["🤖", "🤖El mercado", "El mercado🤖", ""] {
            assert_eq!(disclosure.body_of(text), text, "no words of a disclosure next to a text");
        }
    }
}

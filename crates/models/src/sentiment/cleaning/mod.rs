//! Text pipelines: what the classifier reads of a tweet.
//!
//! Each yields tokens with single spaces between them. A model's `config.json` names its pipeline, so that training
//! and serving cannot differ; a changed rule gets a new name, because a trained model works only with the cleaning
//! that it was trained with. Whatever the pipeline, links, mentions and hashtags are removed (`out_of_sight.rs`).

mod lemmatised;
mod out_of_sight;
mod plain;
mod tweet;

use std::fmt;
use std::str::FromStr;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// A named set of cleaning rules, stored in a model's `config.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cleaning {
    /// Links, mentions, hashtags and emoji removed; accents folded (á to a, ñ to n), lower case, `, . ; ¿ ?` and every
    /// other sign dropped; letters, digits and single spaces are left.
    #[default]
    Plain,
    /// As plain, but without stop words, and with words reduced to their stems (Snowball's Spanish stemmer); negations
    /// stay.
    Lemmatised,
    /// Words as in plain, and what conveys tone: emoji and emoticons, exclamation and question marks, shouting.
    Tweet,
}

impl Cleaning {
    /// Every pipeline.
    pub const ALL: [Self; 3] = [Self::Plain, Self::Lemmatised, Self::Tweet];

    /// Returns the cleaned text; empty if nothing is left to read.
    #[must_use]
    pub fn clean(self, text: &str) -> String {
        match self {
            Self::Plain => plain::clean(text),
            Self::Lemmatised => lemmatised::clean(text),
            Self::Tweet => tweet::clean(text),
        }
    }

    /// Returns the name in `config.json` and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Lemmatised => "lemmatised",
            Self::Tweet => "tweet",
        }
    }
}

impl fmt::Display for Cleaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Cleaning {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|pipeline| pipeline.name() == name).with_context(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("no text pipeline is called {name:?}; there are {names}")
        })
    }
}

/// Returns whether a word is one of Snowball's Spanish stop words, whatever its case and accents; negations are not.
#[must_use]
pub fn is_stop_word(word: &str) -> bool {
    lemmatised::is_stop_word(&folded(word))
}

/// Returns a word in lower case without accents: letters and digits only.
fn folded(word: &str) -> String {
    word.nfkd()
        .filter(|character| !is_combining_mark(*character) && character.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .filter(|character| character.is_alphanumeric())
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_names_are_those_of_the_stored_settings() {
        for pipeline in Cleaning::ALL {
            assert_eq!(serde_json::to_value(pipeline).unwrap(), pipeline.name());
            assert_eq!(pipeline.to_string().parse::<Cleaning>().unwrap(), pipeline);
        }
        let message = "lematizado".parse::<Cleaning>().unwrap_err().to_string();
        assert!(message.ends_with("there are plain, lemmatised, tweet"), "{message}");
    }

    /// A word that no cleaning makes from others; its stem begins with it.
    const MARKER: &str = "zqxw";

    fn hidden() -> impl Strategy<Value = String> {
        let sign = prop::sample::select(vec![
            "#",
            "＃",
            "﹟",
            "##",
            "@",
            "＠",
            "@@",
            "#@",
            "#️⃣",
            "#\u{200b}",
            "@\u{200e}",
            "＃\u{fe0f}",
        ]);
        let body = prop::sample::select(vec![
            "zqxw",
            "Zqxw",
            "ZQXW",
            "ñandú_zqxw",
            "zqxw2021",
            "1zqxw",
            "Sí_Zqxw_á",
            "zqxw·zqxw",
            "日本zqxw",
            "ｚqxw_zqxw",
            "é\u{301}zqxw",
        ]);
        let link = prop::sample::select(vec![
            "https://t.co/zqxw",
            "HTTPS://ejemplo.org/a?b=zqxw#zqxw",
            "http://zqxw",
            "t.co/zqxw",
            "www.zqxw.es/zqxw",
            "pic.twitter.com/zqxw",
            "bit.ly/zqxw",
            "zqxw.com",
            "zqxw.gob.mx",
            "salud.zqxw.org.co/zqxw",
            "zqxw.uno@ejemplo.com.co",
        ]);
        prop_oneof![(sign, body).prop_map(|(sign, body)| format!("{sign}{body}")), link.prop_map(str::to_owned)]
    }

    fn before() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            "", " ", "hoy ", "hoy", "(", "¡", "“", "💪🏽", "ya, ", "1️⃣ ", "[", ".", "\n", "_emo", "!!",
        ])
    }

    fn behind() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec!["", " ", " ya", ")", " #otro", "… ", " 😀", "\n", "\u{a0}fin"])
    }

    proptest! {
        #[test]
        fn hashtags_mentions_and_links_never_come_through(
            pieces in prop::collection::vec((before(), hidden(), behind()), 1..4)
        ) {
            let text: String = pieces.iter().map(|(before, hidden, behind)| format!("{before}{hidden}{behind} ")).collect();
            for pipeline in Cleaning::ALL {
                let cleaned = pipeline.clean(&text);
                prop_assert!(!cleaned.to_lowercase().contains(MARKER), "{pipeline}: {text:?} became {cleaned:?}");
            }
        }

        #[test]
        fn any_text_becomes_tokens_between_single_spaces(text in any::<String>()) {
            for pipeline in Cleaning::ALL {
                let cleaned = pipeline.clean(&text);
                let tokens: Vec<&str> = cleaned.split_whitespace().collect();
                prop_assert_eq!(tokens.join(" "), cleaned, "{}: {:?}", pipeline, text);
            }
        }
    }
}

//! The words that a classifier knows, and how a cleaned text becomes a row of ids.
//!
//! Ids follow Keras's `Tokenizer`: by frequency, with words of equal frequency in the order in which they first
//! occur, from 1; 0 is padding. Keras leaves out unknown words; here they share one id after the last word, because a
//! word that training rarely saw carries information too, and the ids of known words stay Keras's.

use std::collections::HashMap;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

/// The id with which a short row is padded.
pub const PADDING: u32 = 0;

/// The side on which a row that is shorter than the network reads is padded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// Before the first word, as Keras does by default.
    #[default]
    Left,
    /// After the last word.
    Right,
}

/// The words of a classifier in the order of their ids; `vocabulary.json` is `{"words": [...]}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WordList", into = "WordList")]
pub struct Vocabulary {
    words: Vec<String>,
    ids: HashMap<String, u32>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WordList {
    words: Vec<String>,
}

impl TryFrom<WordList> for Vocabulary {
    type Error = anyhow::Error;

    fn try_from(list: WordList) -> Result<Self> {
        Self::from_words(list.words)
    }
}

impl From<Vocabulary> for WordList {
    fn from(vocabulary: Vocabulary) -> Self {
        Self { words: vocabulary.words }
    }
}

impl Vocabulary {
    /// Builds the vocabulary of `cleaned` texts: words seen at least `minimum_count` times, the `maximum_words` most
    /// frequent.
    pub fn build<'a>(
        cleaned: impl IntoIterator<Item = &'a str>,
        minimum_count: usize,
        maximum_words: usize,
    ) -> Vocabulary {
        let mut counts: HashMap<&str, (usize, usize)> = HashMap::new();
        for word in cleaned.into_iter().flat_map(str::split_whitespace) {
            let next = counts.len();
            counts.entry(word).or_insert((0, next)).0 += 1;
        }
        let mut ranked: Vec<_> = counts.into_iter().filter(|(_, (count, _))| *count >= minimum_count).collect();
        ranked.sort_unstable_by_key(|(_, (count, first_seen))| (std::cmp::Reverse(*count), *first_seen));
        ranked.truncate(maximum_words);
        let words: Vec<String> = ranked.into_iter().map(|(word, _)| word.to_owned()).collect();
        Self { ids: numbered(&words), words }
    }

    /// Creates the vocabulary whose words have the ids 1, 2, 3 and so on.
    ///
    /// # Errors
    /// If a word occurs twice or is empty.
    pub fn from_words(words: Vec<String>) -> Result<Self> {
        let ids = numbered(&words);
        if ids.len() != words.len() {
            let twice = words.iter().enumerate().find(|(index, word)| ids[*word] as usize != index + 1);
            bail!("the word {:?} is in the vocabulary twice", twice.map_or("", |(_, word)| word));
        }
        if ids.contains_key("") {
            bail!("the vocabulary contains an empty word");
        }
        Ok(Self { words, ids })
    }

    /// Returns the words, in the order of their ids.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// Returns how many rows an embedding needs: padding, the words, and the unknown word.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.words.len() + 2
    }

    /// Returns the id of every word that is not in the vocabulary.
    #[must_use]
    pub fn unknown(&self) -> u32 {
        u32::try_from(self.words.len() + 1).unwrap_or(u32::MAX)
    }

    /// Converts a cleaned text to exactly `steps` ids: a shorter text is padded with 0 on the side that `padding`
    /// names, and of a longer one the last `steps` words are used, as Keras's `pad_sequences` does by default.
    #[must_use]
    pub fn encode(&self, cleaned: &str, steps: usize, padding: Padding) -> Vec<u32> {
        let mut ids: Vec<u32> = cleaned
            .split_whitespace()
            .rev()
            .take(steps)
            .map(|word| self.ids.get(word).copied().unwrap_or_else(|| self.unknown()))
            .collect();
        match padding {
            Padding::Left => {
                ids.resize(steps, PADDING);
                ids.reverse();
            }
            Padding::Right => {
                ids.reverse();
                ids.resize(steps, PADDING);
            }
        }
        ids
    }
}

fn numbered(words: &[String]) -> HashMap<String, u32> {
    words.iter().cloned().zip(1u32..).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // from keras.src.legacy.preprocessing.text import Tokenizer
    // t = Tokenizer(); t.fit_on_texts(["la vacuna llega", "la gente espera la vacuna", "gente"]); t.word_index
    // {'la': 1, 'vacuna': 2, 'gente': 3, 'llega': 4, 'espera': 5}
    #[test]
    fn words_are_numbered_as_keras_does() {
        let texts = ["la vacuna llega", "la gente espera la vacuna", "gente"];
        let vocabulary = Vocabulary::build(texts, 1, 100);
        assert_eq!(vocabulary.words(), ["la", "vacuna", "gente", "llega", "espera"]);
        assert_eq!(vocabulary.rows(), 7);
        assert_eq!(Vocabulary::build(texts, 2, 100).words(), ["la", "vacuna", "gente"]);
        assert_eq!(Vocabulary::build(texts, 1, 2).words(), ["la", "vacuna"]);
    }

    #[test]
    fn a_row_is_filled_on_the_left_and_keeps_the_last_words() {
        let vocabulary = Vocabulary::build(["la la vacuna"], 1, 100);
        assert_eq!(vocabulary.encode("la vacuna", 4, Padding::Left), [0, 0, 1, 2]);
        assert_eq!(vocabulary.encode("la nueva vacuna", 4, Padding::Left), [0, 1, 3, 2]);
        assert_eq!(vocabulary.encode("la nueva vacuna", 2, Padding::Left), [3, 2]);
        assert_eq!(vocabulary.encode("", 3, Padding::Left), [0, 0, 0]);
        assert_eq!(vocabulary.encode("la vacuna", 4, Padding::Right), [1, 2, 0, 0]);
        assert_eq!(vocabulary.encode("la nueva vacuna", 2, Padding::Right), [3, 2]);
    }

    #[test]
    fn a_vocabulary_comes_back_from_json_and_a_doubled_word_is_refused() {
        let vocabulary = Vocabulary::build(["uno dos tres"], 1, 100);
        let json = serde_json::to_string(&vocabulary).unwrap();
        assert_eq!(json, r#"{"words":["uno","dos","tres"]}"#);
        assert_eq!(serde_json::from_str::<Vocabulary>(&json).unwrap(), vocabulary);
        let error = serde_json::from_str::<Vocabulary>(r#"{"words":["uno","dos","uno"]}"#).unwrap_err();
        assert!(error.to_string().contains("\"uno\" is in the vocabulary twice"), "{error}");
    }
}

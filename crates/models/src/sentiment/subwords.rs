//! The character n-grams of a word as numbers: with them a classifier or a table of vectors can read words it never
//! saw.
//!
//! The numbers are fastText's (Bojanowski et al., 2017, "Enriching word vectors with subword information"): the word
//! between `<` and `>`, every run of `shortest` to `longest` characters, hashed with FNV-1a into `buckets`. They are
//! the same on every platform, because they index a stored table.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// Which n-grams are hashed, and into how many buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Settings", into = "Settings")]
pub struct SubwordHasher {
    shortest: usize,
    longest: usize,
    buckets: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    shortest: usize,
    longest: usize,
    buckets: u32,
}

impl TryFrom<Settings> for SubwordHasher {
    type Error = anyhow::Error;

    fn try_from(settings: Settings) -> Result<Self> {
        Self::new(settings.shortest, settings.longest, settings.buckets)
    }
}

impl From<SubwordHasher> for Settings {
    fn from(SubwordHasher { shortest, longest, buckets }: SubwordHasher) -> Self {
        Self { shortest, longest, buckets }
    }
}

impl SubwordHasher {
    /// Creates a hasher of n-grams of `shortest..=longest` characters into `buckets` buckets.
    ///
    /// # Errors
    /// If a length or the number of buckets is 0, or the lengths are the wrong way round.
    pub fn new(shortest: usize, longest: usize, buckets: u32) -> Result<Self> {
        ensure!(
            (1..=longest).contains(&shortest),
            "n-grams of {shortest} to {longest} characters: the shortest must be at least 1 and at most the longest"
        );
        ensure!(buckets > 0, "n-grams need at least one bucket");
        Ok(Self { shortest, longest, buckets })
    }

    /// Returns how many numbers there are: those from [`Self::pieces`] are below it.
    #[must_use]
    pub fn buckets(self) -> u32 {
        self.buckets
    }

    /// Returns the buckets of the n-grams of `word`, by where they begin, the shorter first; one that occurs twice is
    /// returned twice. Empty only if the word with its boundary marks is shorter than the shortest n-gram, or there
    /// is no word.
    #[must_use]
    pub fn pieces(self, word: &str) -> Vec<u32> {
        if word.is_empty() {
            return Vec::new();
        }
        let bounded = format!("<{word}>");
        let starts: Vec<usize> = bounded.char_indices().map(|(start, _)| start).chain([bounded.len()]).collect();
        let characters = starts.len() - 1;
        let mut pieces = Vec::new();
        for first in 0..characters {
            for length in self.shortest..=self.longest.min(characters - first) {
                let is_bound = length == 1 && (first == 0 || first + 1 == characters);
                if !is_bound {
                    let piece = &bounded.as_bytes()[starts[first]..starts[first + length]];
                    pieces.push(fnv1a(piece) % self.buckets);
                }
            }
        }
        pieces
    }
}

/// Computes FNV-1a with fastText's peculiarity: a byte is widened as a signed number, so that those from 128 on have
/// all higher bits set. <https://github.com/facebookresearch/fastText/blob/v0.9.2/src/dictionary.cc#L163>
pub(super) fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash: u32, &byte| {
        (hash ^ i32::from(byte.cast_signed()).cast_unsigned()).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // import fasttext   # 0.9.3; texts.txt has the words below, fifty times
    // for shortest, longest, buckets in [(3, 6, 2000), (3, 5, 200_000), (1, 2, 97)]:
    //     model = fasttext.train_unsupervised("texts.txt", minn=shortest, maxn=longest, bucket=buckets, minCount=1, dim=4)
    //     pieces, ids = model.get_subwords(word)      # ids below len(model.get_words()) are whole words
    //     [int(id) - len(model.get_words()) for id in ids if id >= len(model.get_words())]
    #[test]
    fn pieces_are_those_of_fasttext() {
        let cases: [(usize, usize, u32, &str, &[u32]); 9] = [
            (3, 6, 2000, "la", &[508, 582, 528]),
            (3, 6, 2000, "a", &[1600]),
            (3, 6, 2000, "💪", &[1016]),
            (3, 6, 2000, "!!", &[509, 1129, 1947]),
            (
                3,
                6,
                2000,
                "mañana",
                &[1129, 45, 1396, 862, 1435, 1966, 1024, 1971, 47, 1507, 1062, 344, 210, 217, 117, 1141, 1505, 1562],
            ),
            (
                3,
                5,
                200_000,
                "vacuna",
                &[
                    65_698, 117_203, 113_618, 159_489, 173_596, 114_678, 64_568, 53_090, 137_337, 177_233, 80_080,
                    118_570, 155_169, 197_325, 31_562,
                ],
            ),
            (3, 5, 200_000, "日本", &[158_587, 113_759, 196_157]),
            (1, 2, 97, "la", &[92, 56, 81, 83, 9]),
            (1, 2, 97, "<caps>", &[85, 74, 9, 14, 22, 83, 75, 30, 89, 44, 81, 5, 57]),
        ];
        for (shortest, longest, buckets, word, expected) in cases {
            let hasher = SubwordHasher::new(shortest, longest, buckets).unwrap();
            assert_eq!(hasher.pieces(word), expected, "{word} {shortest} {longest} {buckets}");
        }
    }

    // The published test vectors of FNV-1a, 32 bits: https://www.rfc-editor.org/rfc/rfc9923 (bytes below 128).
    #[test]
    fn the_hash_is_fnv1a() {
        for (text, hash) in [("", 0x811c_9dc5), ("a", 0xe40c_292c), ("foobar", 0xbf9c_f968)] {
            assert_eq!(fnv1a(text.as_bytes()), hash, "{text}");
        }
    }

    #[test]
    fn words_too_short_have_no_pieces_and_settings_are_checked() {
        let hasher = SubwordHasher::new(4, 5, 10).unwrap();
        assert!(hasher.pieces("").is_empty());
        assert!(hasher.pieces("a").is_empty());
        assert_eq!(hasher.pieces("la").len(), 1);
        for (shortest, longest, buckets) in [(0, 5, 10), (5, 4, 10), (3, 5, 0)] {
            assert!(SubwordHasher::new(shortest, longest, buckets).is_err());
        }
        let json = serde_json::to_string(&hasher).unwrap();
        assert_eq!(json, r#"{"shortest":4,"longest":5,"buckets":10}"#);
        assert_eq!(serde_json::from_str::<SubwordHasher>(&json).unwrap(), hasher);
        assert!(serde_json::from_str::<SubwordHasher>(r#"{"shortest":4,"longest":3,"buckets":10}"#).is_err());
    }
}

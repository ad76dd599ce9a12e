//! The n-grams of a text as numbers: what the linear part of a network reads in addition to the word sequence.
//!
//! Words, pairs of words, and pieces of words ([`super::subwords`]) are hashed into buckets: a word that is misspelt
//! or new still shares pieces with known ones. The settings are stored in `config.json`, because they determine which
//! weight each number refers to.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::subwords::{SubwordHasher, fnv1a};

/// Which n-grams a network reads.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NgramSettings {
    /// Buckets of words and pairs of words.
    pub word_buckets: u32,
    /// Pieces of words, with their own buckets.
    pub pieces: SubwordHasher,
    /// Share of its n-grams that a training row loses.
    pub dropout: f64,
    /// The total weight of the n-grams of one family: each has `scale / sqrt(their number)`.
    pub scale: f32,
}

/// One n-gram of a text: the number of its weight, and the value with which it enters the sum.
pub type Ngram = (u32, f32);

impl NgramSettings {
    /// # Errors
    /// If a number is out of range; the message names the key.
    pub fn check(&self) -> Result<()> {
        ensure!(self.word_buckets > 0, "network.ngrams.word_buckets: must be at least 1");
        ensure!((0.0..1.0).contains(&self.dropout), "network.ngrams.dropout: {} is not in 0 to 1", self.dropout);
        ensure!(self.scale > 0.0 && self.scale.is_finite(), "network.ngrams.scale: must be above 0");
        Ok(())
    }

    /// Returns how many weights they need for each output.
    #[must_use]
    pub fn buckets(&self) -> usize {
        self.word_buckets as usize + self.pieces.buckets() as usize
    }

    /// Returns the n-grams of a cleaned text, each bucket once, ascending.
    #[must_use]
    pub fn read(&self, cleaned: &str) -> Vec<Ngram> {
        let words: Vec<&str> = cleaned.split_whitespace().collect();
        let single = words.iter().map(|word| fnv1a(word.as_bytes()));
        let pairs = words.windows(2).map(|pair| fnv1a(pair.join(" ").as_bytes()));
        let mut ngrams = self.family(single.chain(pairs).map(|hash| hash % self.word_buckets));
        let pieces = words.iter().flat_map(|word| self.pieces.pieces(word));
        ngrams.extend(self.family(pieces.map(|piece| self.word_buckets + piece)));
        ngrams
    }

    fn family(&self, buckets: impl Iterator<Item = u32>) -> Vec<Ngram> {
        let mut buckets: Vec<u32> = buckets.collect();
        buckets.sort_unstable();
        buckets.dedup();
        let value = self.scale / (buckets.len().max(1) as f32).sqrt();
        buckets.into_iter().map(|bucket| (bucket, value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> NgramSettings {
        let pieces = SubwordHasher::new(3, 5, 1 << 16).unwrap();
        NgramSettings { word_buckets: 1 << 16, pieces, dropout: 0.0, scale: 2.0 }
    }

    #[test]
    fn each_family_has_the_length_of_its_scale_and_buckets_of_its_own() {
        let settings = settings();
        let ngrams = settings.read("hoy me vacuno hoy");
        assert!(ngrams.windows(2).all(|pair| pair[0].0 < pair[1].0), "{ngrams:?}");
        let (words, pieces): (Vec<Ngram>, Vec<Ngram>) = ngrams.iter().partition(|(bucket, _)| *bucket < 1 << 16);
        // hoy, me, vacuno, hoy me, me vacuno, vacuno hoy
        assert_eq!(words.len(), 6);
        // <ho hoy oy> <hoy hoy> <hoy>, <me me> <me>, and the 15 of vacuno
        assert_eq!(pieces.len(), 6 + 3 + 15);
        for family in [words, pieces] {
            let length: f32 = family.iter().map(|(_, value)| value * value).sum::<f32>().sqrt();
            assert!((length - 2.0).abs() < 1e-5, "{length}");
        }
        assert!(settings.read("").is_empty());
        assert!(ngrams.iter().all(|(bucket, _)| (*bucket as usize) < settings.buckets()));
    }

    #[test]
    fn a_misspelt_word_shares_pieces_with_the_right_one() {
        let of = |text: &str| -> Vec<u32> { settings().read(text).into_iter().map(|(bucket, _)| bucket).collect() };
        let (right, wrong) = (of("vacunacion"), of("vacunasion"));
        let shared = right.iter().filter(|bucket| wrong.contains(bucket)).count();
        assert!(shared >= 10 && shared < right.len(), "{shared} of {}", right.len());
    }

    #[test]
    fn settings_out_of_range_are_named() {
        for (wrong, expected) in [
            (NgramSettings { word_buckets: 0, ..settings() }, "network.ngrams.word_buckets"),
            (NgramSettings { dropout: 1.0, ..settings() }, "network.ngrams.dropout"),
            (NgramSettings { scale: f32::NAN, ..settings() }, "network.ngrams.scale"),
        ] {
            let message = wrong.check().unwrap_err().to_string();
            assert!(message.starts_with(expected), "{message}");
        }
    }
}

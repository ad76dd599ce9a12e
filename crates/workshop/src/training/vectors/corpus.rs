//! The training texts of word vectors, as rows of word numbers.

use std::collections::HashMap;

use anyhow::{Result, ensure};
use rayon::prelude::*;

use super::VectorTraining;
use crate::training::text::{self, ReadFor, TextCounts};
use pregonero_models::sentiment::vocabulary::Vocabulary;

/// The texts, cleaned and numbered.
#[derive(Debug)]
pub(super) struct Corpus {
    /// The words by frequency; a word's number is its index.
    pub(super) words: Vec<String>,
    /// How often each word occurs in the texts.
    pub(super) counts: Vec<u64>,
    pub(super) texts: TextCounts,
    numbers: Vec<u32>,
    /// The start of each text in `numbers`, and the end of the last.
    bounds: Vec<usize>,
}

impl Corpus {
    /// Reads, cleans and numbers the texts; words rarer than the minimum are left out, as in word2vec.
    pub(super) fn read(settings: &VectorTraining) -> Result<Self> {
        let (read, texts) = text::read_all(&settings.data, settings.tidying, ReadFor::Training)?;
        let cleaned: Vec<String> = read.par_iter().map(|text| settings.pipeline.clean(text)).collect();
        drop(read);
        Self::of(&cleaned, texts, settings)
    }

    /// Numbers texts that are cleaned already.
    pub(super) fn of(cleaned: &[String], texts: TextCounts, settings: &VectorTraining) -> Result<Self> {
        let vocabulary =
            Vocabulary::build(cleaned.iter().map(String::as_str), settings.minimum_count, settings.maximum_words);
        ensure!(
            vocabulary.words().len() >= 2,
            "{} words occur at least {} times; training vectors needs at least two",
            vocabulary.words().len(),
            settings.minimum_count
        );
        Ok(Self::number(cleaned, vocabulary.words(), texts))
    }

    fn number(cleaned: &[String], words: &[String], texts: TextCounts) -> Self {
        let places: HashMap<&str, u32> = words.iter().map(String::as_str).zip(0..).collect();
        let mut corpus =
            Self { words: words.to_vec(), counts: vec![0; words.len()], texts, numbers: Vec::new(), bounds: vec![0] };
        for text in cleaned {
            let known = text.split_whitespace().filter_map(|word| places.get(word).copied());
            for number in known {
                corpus.counts[number as usize] += 1;
                corpus.numbers.push(number);
            }
            if corpus.numbers.len() > corpus.bounds[corpus.bounds.len() - 1] {
                corpus.bounds.push(corpus.numbers.len());
            }
        }
        corpus
    }

    /// Returns how many texts contain a known word.
    pub(super) fn len(&self) -> usize {
        self.bounds.len() - 1
    }

    /// Returns the number of words in all texts, including repetitions.
    pub(super) fn running_words(&self) -> u64 {
        self.numbers.len() as u64
    }

    /// Returns a text's words.
    pub(super) fn text(&self, index: usize) -> &[u32] {
        &self.numbers[self.bounds[index]..self.bounds[index + 1]]
    }
}

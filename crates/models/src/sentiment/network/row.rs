//! What a network reads of one text.

use super::NetworkConfig;
use crate::sentiment::ngrams::Ngram;
use crate::sentiment::vocabulary::Vocabulary;

/// A text as numbers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Row {
    /// Word ids, padded to the network's steps.
    pub ids: Vec<u32>,
    /// N-grams, for a network with a linear part; empty for others.
    pub ngrams: Vec<Ngram>,
}

impl Row {
    /// Converts a cleaned text into what the network of this configuration reads.
    #[must_use]
    pub fn read(network: &NetworkConfig, vocabulary: &Vocabulary, cleaned: &str) -> Self {
        let ngrams = network.architecture.ngrams.as_ref();
        Self {
            ids: vocabulary.encode(cleaned, network.steps, network.padding),
            ngrams: ngrams.map_or_else(Vec::new, |ngrams| ngrams.read(cleaned)),
        }
    }
}

impl From<Vec<u32>> for Row {
    fn from(ids: Vec<u32>) -> Self {
        Self { ids, ngrams: Vec::new() }
    }
}

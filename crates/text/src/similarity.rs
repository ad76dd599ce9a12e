//! How alike two texts are: the words, pairs of words and runs of characters they share.

use crate::hashing::{HashedSet, hash};

/// Length of the character shingles.
pub const CHARACTERS: usize = 4;

/// Containment counts only if the shorter text has at least this many word pairs: below that, one set phrase would be
/// a duplicate.
pub const FEWEST_PAIRS: usize = 7;

/// The parts of a text that it is compared by.
#[derive(Debug)]
pub struct Shingles {
    /// The hash of the normalised text, or of the text itself if normalising leaves nothing.
    whole: u64,
    pub words: HashedSet<u64>,
    pub pairs: HashedSet<u64>,
    pub characters: HashedSet<u64>,
}

impl Shingles {
    /// Returns the shingles of `text`, whose normalised words are `words`.
    #[must_use]
    pub fn of(text: &str, words: &[String]) -> Self {
        let normalised = words.join(" ");
        let whole = if words.is_empty() { text.trim() } else { normalised.as_str() };
        Self::with_whole(whole, &normalised)
    }

    /// Returns the shingles of a text that is normalised already.
    #[must_use]
    pub fn of_normalised(normalised: &str) -> Self {
        Self::with_whole(normalised, normalised)
    }

    fn with_whole(whole: &str, normalised: &str) -> Self {
        let words: Vec<&str> = normalised.split(' ').filter(|word| !word.is_empty()).collect();
        let starts: Vec<usize> = normalised.char_indices().map(|(start, _)| start).chain([normalised.len()]).collect();
        let characters = starts.windows(CHARACTERS + 1).map(|window| &normalised[window[0]..window[CHARACTERS]]);
        Self {
            whole: hash(0, &[whole]),
            words: words.iter().map(|word| hash(0, &[word])).collect(),
            pairs: words.windows(2).map(|pair| hash(0, pair)).collect(),
            characters: characters.map(|window| hash(0, &[window])).collect(),
        }
    }

    /// Returns the greatest of: shared words (Jaccard), shared runs of four characters (Jaccard), and the share of
    /// the shorter text's word pairs that are in the longer one.
    #[must_use]
    pub fn similarity(&self, other: &Self) -> f64 {
        if self.whole == other.whole {
            return 1.0;
        }
        let words = self.words.jaccard(&other.words);
        let characters = self.characters.jaccard(&other.characters);
        // Only identical texts yield 1, so that a setting of 1 means just those.
        words.max(characters).max(containment(&self.pairs, &other.pairs)).min(0.999)
    }
}

fn containment(left: &HashedSet<u64>, right: &HashedSet<u64>) -> f64 {
    let shorter = left.len().min(right.len());
    if shorter < FEWEST_PAIRS { 0.0 } else { left.shared(right) as f64 / shorter as f64 }
}

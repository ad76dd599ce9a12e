//! Finds near-duplicate texts: those that share most of their words.
//!
//! Similarity is Jaccard's index over the sets of words, and the search is exact: two sets whose index is at least `t`
//! must share one of the `n - ceil(t n) + 1` rarest words of each (the prefix filter of Chaudhuri, Ganti and Kaushik,
//! 2006), so only texts with those words are compared. [`super::split`] keeps near-duplicates on one side.

use std::collections::{HashMap, HashSet};

/// Texts of at least this similarity count as near-duplicates in a split. Tweets that were copied and cut, or had a name or
/// a number replaced, are above it; tweets that only share a slogan are below.
pub const NEAR_DUPLICATE: f64 = 0.7;

/// An index of texts by their rarest words.
#[derive(Debug)]
pub struct SimilarTexts<'a> {
    threshold: f64,
    /// How many texts contain each word.
    frequencies: HashMap<&'a str, usize>,
    sets: Vec<HashSet<&'a str>>,
    by_rare_word: HashMap<&'a str, Vec<usize>>,
}

impl<'a> SimilarTexts<'a> {
    /// Indexes cleaned `texts`; texts without words are similar to nothing.
    #[must_use]
    pub fn new(texts: &[&'a str], threshold: f64) -> Self {
        let sets: Vec<HashSet<&str>> = texts.iter().map(|text| text.split_whitespace().collect()).collect();
        let mut frequencies = HashMap::new();
        for word in sets.iter().flatten() {
            *frequencies.entry(*word).or_insert(0) += 1;
        }
        let mut index = Self { threshold, frequencies, sets, by_rare_word: HashMap::new() };
        for place in 0..index.sets.len() {
            for word in index.rarest(&index.sets[place]) {
                index.by_rare_word.entry(word).or_default().push(place);
            }
        }
        index
    }

    /// Returns the indices of the texts whose similarity to `text` reaches the threshold, ascending.
    #[must_use]
    pub fn find(&self, text: &str) -> Vec<usize> {
        let words: HashSet<&str> = text.split_whitespace().collect();
        let mut candidates: Vec<usize> =
            self.rarest(&words).into_iter().filter_map(|word| self.by_rare_word.get(word)).flatten().copied().collect();
        candidates.sort_unstable();
        candidates.dedup();
        candidates.retain(|&place| jaccard(&words, &self.sets[place]) >= self.threshold);
        candidates
    }

    /// Returns the words of which a similar text must share at least one, in an order that is the same for every text.
    fn rarest<'w>(&self, words: &HashSet<&'w str>) -> Vec<&'w str> {
        let mut ordered: Vec<&str> = words.iter().copied().collect();
        ordered.sort_unstable_by_key(|word| (self.frequencies.get(word).copied().unwrap_or(0), *word));
        // The subtraction keeps a rounding error from losing a pair that is exactly at the threshold.
        let common = (self.threshold * words.len() as f64 - 1e-9).ceil().max(1.0) as usize;
        ordered.truncate((words.len() + 1).saturating_sub(common));
        ordered
    }
}

fn jaccard(left: &HashSet<&str>, right: &HashSet<&str>) -> f64 {
    pregonero_text::hashing::jaccard(left.intersection(right).count(), left.len(), right.len())
}

#[cfg(test)]
mod tests {
    use rand::{Rng as _, SeedableRng as _};
    use rand_chacha::ChaCha12Rng;

    use super::*;

    #[test]
    fn copied_and_slightly_changed_texts_are_found_and_others_not() {
        let texts = ["hoy me pusieron la primera dosis en el estadio", "no quiero esa vacuna", ""];
        let similar = SimilarTexts::new(&texts, NEAR_DUPLICATE);
        for (text, found) in [
            ("hoy me pusieron la segunda dosis en el estadio", vec![0]),
            ("en el estadio me pusieron hoy la primera dosis", vec![0]),
            ("hoy me pusieron la primera dosis", vec![]),
            ("no quiero esa vacuna nunca", vec![1]),
            ("palabras que nadie dijo", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(similar.find(text), found, "{text}");
        }
    }

    #[test]
    fn the_search_finds_exactly_what_comparing_all_pairs_finds() {
        let mut rng = ChaCha12Rng::seed_from_u64(3);
        let texts: Vec<String> = (0..400)
            .map(|_| {
                let words = (0..rng.random_range(1..9)).map(|_| format!("w{}", rng.random_range(0..12)));
                words.collect::<Vec<_>>().join(" ")
            })
            .collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        for threshold in [0.5, 0.7, 0.8, 1.0] {
            let similar = SimilarTexts::new(&texts, threshold);
            for text in &texts {
                let all: Vec<usize> = (0..texts.len())
                    .filter(|&other| {
                        jaccard(&text.split(' ').collect(), &texts[other].split(' ').collect()) >= threshold
                    })
                    .collect();
                assert_eq!(similar.find(text), all, "{text} at {threshold}");
            }
        }
    }
}

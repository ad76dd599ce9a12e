//! An n-gram language model over token ids: interpolated modified Kneser-Ney (Chen and Goodman 1998, section 3), the
//! baseline for a neural model.
//!
//! The training text is one stream, including ends of texts. The highest order counts how often an n-gram occurs, each lower
//! one how many different tokens precede it; the lowest is interpolated with the uniform distribution, so that every
//! token of the vocabulary has a probability. An n-gram is stored as a position in the stream and a count: eight bytes.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::Range;

use anyhow::{Result, ensure};
use rayon::slice::ParallelSliceMut as _;

use pregonero_models::generation::Surprise;

/// Discounts of n-grams seen once, twice, and more often, used if there are too few n-grams to estimate them.
const FALLBACK_DISCOUNTS: [f64; 3] = [0.5, 1.0, 1.5];
/// A smaller estimate comes from too few n-grams, and would leave nothing for tokens that were not seen.
const LEAST_DISCOUNT: f64 = 0.05;

/// A trained model.
#[derive(Debug)]
pub struct NgramModel {
    stream: Vec<u32>,
    vocabulary: usize,
    /// The levels by the length of their n-grams, from 1.
    levels: Vec<Level>,
}

/// All n-grams of one length.
#[derive(Debug)]
struct Level {
    length: usize,
    /// The n-grams, ordered by their tokens.
    grams: Vec<Gram>,
    discounts: [f64; 3],
}

#[derive(Debug, Clone, Copy)]
struct Gram {
    /// Its position in the stream.
    place: u32,
    count: u32,
}

/// What follows one context.
#[derive(Debug, Clone, Copy)]
struct Followers {
    total: f64,
    /// The share of the probability that the discounts leave for shorter contexts.
    left: f64,
}

impl NgramModel {
    /// Trains on `stream`, whose ids are below `vocabulary`.
    ///
    /// # Errors
    /// If the stream is shorter than an n-gram or does not fit 32 bits.
    pub fn train(stream: Vec<u32>, order: usize, vocabulary: usize) -> Result<Self> {
        ensure!(order > 0, "an n-gram has at least one token");
        ensure!(
            stream.len() >= order,
            "the baseline's text has {} tokens, fewer than one n-gram of {order}: give more text",
            stream.len()
        );
        let places = u32::try_from(stream.len())?;
        let all = (0..=places - order as u32).map(|place| Gram { place, count: 1 }).collect();
        let mut levels = vec![Level::of(all, order, &stream)];
        for length in (1..order).rev() {
            // Each different n-gram of the level above adds one token before its tail.
            let above = levels.last().map_or(&[][..], |level| level.grams.as_slice());
            let tails = above.iter().map(|gram| Gram { place: gram.place + 1, count: 1 }).collect();
            levels.push(Level::of(tails, length, &stream));
        }
        levels.reverse();
        Ok(Self { stream, vocabulary, levels })
    }

    /// Scores every token of `stream` except the first, given those before it.
    #[must_use]
    pub fn score(&self, stream: &[u32]) -> Surprise {
        let nats = self.probabilities(stream).iter().map(|probability| -probability.ln()).sum();
        Surprise { nats, tokens: stream.len().saturating_sub(1) }
    }

    fn probabilities(&self, stream: &[u32]) -> Vec<f64> {
        let mut known = HashMap::new();
        (1..stream.len())
            .map(|place| {
                let context = &stream[place.saturating_sub(self.levels.len() - 1)..place];
                self.probability(context, stream[place], &mut known)
            })
            .collect()
    }

    /// Returns the probability of a token in a context. `known` caches contexts, because frequent ones have many followers.
    fn probability(&self, context: &[u32], token: u32, known: &mut HashMap<(usize, usize), Followers>) -> f64 {
        let mut probability = 1.0 / self.vocabulary as f64;
        for level in &self.levels[..=context.len()] {
            let context = &context[context.len() + 1 - level.length..];
            let range = level.range(0..level.grams.len(), context, &self.stream);
            if range.is_empty() {
                break;
            }
            let followers = *known.entry((level.length, range.start)).or_insert_with(|| level.followers(range.clone()));
            let whole = [context, &[token]].concat();
            let found = level.range(range, &whole, &self.stream);
            let count = level.grams[found].first().map_or(0, |gram| gram.count);
            let discounted = (f64::from(count) - level.discount(count)).max(0.0);
            probability = discounted / followers.total + followers.left * probability;
        }
        probability
    }
}

impl Level {
    /// Sorts the n-grams and merges those with the same tokens.
    fn of(mut grams: Vec<Gram>, length: usize, stream: &[u32]) -> Self {
        let tokens = |gram: &Gram| &stream[gram.place as usize..gram.place as usize + length];
        grams.par_sort_unstable_by(|left, right| tokens(left).cmp(tokens(right)));
        grams.dedup_by(|later, kept| {
            let same = tokens(later) == tokens(kept);
            if same {
                kept.count += later.count;
            }
            same
        });
        grams.shrink_to_fit();
        let discounts = discounts(&grams);
        Self { length, grams, discounts }
    }

    /// Returns the n-grams of `range` that begin with `prefix`.
    fn range(&self, range: Range<usize>, prefix: &[u32], stream: &[u32]) -> Range<usize> {
        let against = |gram: &Gram| stream[gram.place as usize..gram.place as usize + prefix.len()].cmp(prefix);
        let grams = &self.grams[range.clone()];
        let start = grams.partition_point(|gram| against(gram) == Ordering::Less);
        let length = grams[start..].partition_point(|gram| against(gram) == Ordering::Equal);
        range.start + start..range.start + start + length
    }

    fn discount(&self, count: u32) -> f64 {
        match count {
            0 => 0.0,
            1..=3 => self.discounts[count as usize - 1],
            _ => self.discounts[2],
        }
    }

    fn followers(&self, range: Range<usize>) -> Followers {
        let grams = &self.grams[range];
        let total: f64 = grams.iter().map(|gram| f64::from(gram.count)).sum();
        let left: f64 = grams.iter().map(|gram| self.discount(gram.count)).sum();
        Followers { total, left: left / total }
    }
}

/// Returns Chen and Goodman's estimates from how many n-grams have the counts 1 to 4.
fn discounts(grams: &[Gram]) -> [f64; 3] {
    let with = |count: u32| grams.iter().filter(|gram| gram.count == count).count() as f64;
    let seen = [with(1), with(2), with(3), with(4)];
    let share = seen[0] / (seen[0] + 2.0 * seen[1]);
    let estimates = [1.0, 2.0, 3.0].map(|count: f64| {
        let index = count as usize - 1;
        count - (count + 1.0) * share * seen[index + 1] / seen[index]
    });
    let sound =
        estimates.iter().zip([1.0, 2.0, 3.0]).all(|(discount, count)| (LEAST_DISCOUNT..=count).contains(discount));
    if seen.iter().all(|count| *count > 0.0) && sound { estimates } else { FALLBACK_DISCOUNTS }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Reference {
        order: usize,
        vocabulary: usize,
        training: Vec<u32>,
        stream: Vec<u32>,
        probabilities: Vec<f64>,
    }

    fn references() -> Vec<Reference> {
        let file = include_str!("../../../../../tests/data/generator-evaluation/ngram.json");
        serde_json::from_str(file).unwrap()
    }

    #[test]
    fn probabilities_are_those_of_the_definition_written_out() {
        for reference in references() {
            let model = NgramModel::train(reference.training, reference.order, reference.vocabulary).unwrap();
            let ours = model.probabilities(&reference.stream);
            assert_eq!(ours.len(), reference.probabilities.len());
            for (place, (ours, theirs)) in ours.iter().zip(&reference.probabilities).enumerate() {
                assert!((ours - theirs).abs() < 1e-12, "order {}, {place}: {ours} {theirs}", reference.order);
            }
        }
    }

    #[test]
    fn the_probabilities_of_all_tokens_sum_to_one_after_any_context() {
        for reference in references() {
            let vocabulary = reference.vocabulary;
            let model = NgramModel::train(reference.training, reference.order, vocabulary).unwrap();
            for length in 0..reference.order {
                for context in reference.stream.windows(length.max(1)).take(20) {
                    let context = &context[..length];
                    let mut known = HashMap::new();
                    let sum: f64 =
                        (0..vocabulary as u32).map(|token| model.probability(context, token, &mut known)).sum();
                    assert!((sum - 1.0).abs() < 1e-9, "{sum} after {context:?}");
                }
            }
        }
    }

    #[test]
    fn a_text_shorter_than_an_n_gram_is_refused() {
        let message = NgramModel::train(vec![1, 2, 3], 5, 10).unwrap_err().to_string();
        assert_eq!(message, "the baseline's text has 3 tokens, fewer than one n-gram of 5: give more text");
    }
}

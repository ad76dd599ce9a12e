//! Random draws during the training of vectors: negatives, and which occurrences of frequent words are left out.
//!
//! Both after Mikolov et al. (2013), "Distributed representations of words and phrases and their compositionality".

use rand::RngCore;

/// The exponent that flattens the words' frequencies when negatives are drawn.
const FLATTENING: f64 = 0.75;

/// Draws words with probability proportional to count^0.75, in constant time: Walker's alias method (Vose, 1991).
#[derive(Debug)]
pub(super) struct NegativeSampler {
    /// For each place, how many of 2^32 draws stay there; the others go to its alias.
    stays: Vec<u64>,
    aliases: Vec<u32>,
}

impl NegativeSampler {
    /// Creates a sampler over words with these counts; there must be at least one word, and no count may be 0.
    pub(super) fn new(counts: &[u64]) -> Self {
        let weights: Vec<f64> = counts.iter().map(|&count| (count as f64).powf(FLATTENING)).collect();
        let mean = weights.iter().sum::<f64>() / weights.len() as f64;
        let mut shares: Vec<f64> = weights.iter().map(|weight| weight / mean).collect();
        let mut aliases: Vec<u32> = (0..).take(shares.len()).collect();
        let (mut small, mut large): (Vec<u32>, Vec<u32>) =
            aliases.iter().partition(|&&place| shares[place as usize] < 1.0);
        while let (Some(&less), Some(&more)) = (small.last(), large.last()) {
            small.pop();
            aliases[less as usize] = more;
            shares[more as usize] -= 1.0 - shares[less as usize];
            if shares[more as usize] < 1.0 {
                large.pop();
                small.push(more);
            }
        }
        // Whatever rounding left over stays where it is.
        small.iter().chain(&large).for_each(|&place| shares[place as usize] = 1.0);
        let stays = shares.into_iter().map(|share| (share * 2.0_f64.powi(32)).round() as u64).collect();
        Self { stays, aliases }
    }

    /// Draws a word's number.
    pub(super) fn draw(&self, rng: &mut impl RngCore) -> u32 {
        let random = rng.next_u64();
        let place = (((random >> 32) * self.stays.len() as u64) >> 32) as usize;
        if (random & 0xffff_ffff) < self.stays[place] { place as u32 } else { self.aliases[place] }
    }
}

/// Returns the probability with which an occurrence of each word is used, as word2vec and fastText compute it:
/// √(t / f) + t / f for a word whose share of the text is f; at most 1. A `threshold` of 0 keeps everything.
pub(super) fn keep_probabilities(counts: &[u64], threshold: f64) -> Vec<f32> {
    let total = counts.iter().sum::<u64>() as f64;
    let keep = |count: u64| {
        let ratio = threshold * total / count as f64;
        (ratio.sqrt() + ratio).min(1.0) as f32
    };
    counts.iter().map(|&count| if threshold > 0.0 { keep(count) } else { 1.0 }).collect()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    const COUNTS: [u64; 6] = [1, 100, 10_000, 3, 50, 7];

    fn expected() -> Vec<f64> {
        let weights = COUNTS.map(|count| (count as f64).powf(0.75));
        weights.iter().map(|weight| weight / weights.iter().sum::<f64>()).collect()
    }

    #[test]
    fn the_negative_table_holds_the_unigram_distribution_to_the_power_of_three_quarters() {
        let sampler = NegativeSampler::new(&COUNTS);
        let mut probabilities = [0.0; COUNTS.len()];
        for (place, (&stays, &alias)) in sampler.stays.iter().zip(&sampler.aliases).enumerate() {
            let stays = stays as f64 / 2.0_f64.powi(32);
            probabilities[place] += stays / COUNTS.len() as f64;
            probabilities[alias as usize] += (1.0 - stays) / COUNTS.len() as f64;
        }
        for (got, expected) in probabilities.iter().zip(expected()) {
            assert!((got - expected).abs() < 1e-9, "{got} {expected}");
        }
    }

    #[test]
    fn drawn_words_come_as_often_as_the_table_says() {
        let sampler = NegativeSampler::new(&COUNTS);
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let mut drawn = [0_usize; COUNTS.len()];
        (0..200_000).for_each(|_| drawn[sampler.draw(&mut rng) as usize] += 1);
        for (drawn, expected) in drawn.into_iter().zip(expected()) {
            let deviation = (expected * (1.0 - expected) / 200_000.0).sqrt();
            assert!((drawn as f64 / 200_000.0 - expected).abs() < 5.0 * deviation, "{drawn} {expected}");
        }
        assert_eq!(NegativeSampler::new(&[9]).draw(&mut rng), 0);
    }

    #[test]
    fn frequent_words_are_kept_by_the_formula() {
        // Shares 0.9, 0.09 and 0.01 of the text: √(0.01 / f) + 0.01 / f.
        let keep = keep_probabilities(&[900, 90, 10], 0.01);
        for (keep, expected) in keep.iter().zip([0.116_520_4, 0.444_444_4, 1.0]) {
            assert!((keep - expected).abs() < 1e-6, "{keep} {expected}");
        }
        assert_eq!(keep_probabilities(&[900, 90], 0.0), [1.0, 1.0]);
    }
}

//! Drops near-duplicates from a stream of any number of texts: the first of several similar texts stays.
//!
//! [`super::similar`] finds all pairs of a table exactly; corpora of millions of texts need something cheaper. Texts
//! whose MinHash signatures (Broder 1997) agree on a band (locality-sensitive hashing) are compared by Jaccard's index
//! over their words. With these sizes a pair of similarity 0.7 is found with probability 0.96, of 0.8 with 0.997.

use std::collections::HashMap;

use pregonero_text::hashing::{HashedSet, SPLITMIX64_STEP, hash, splitmix64};

/// Bands of a signature, and minima per band.
const BANDS: usize = 12;
const ROWS: usize = 4;

/// Stands for no text.
const NONE: u32 = u32::MAX;

/// The texts admitted so far.
#[derive(Debug)]
pub struct NearDuplicates {
    threshold: f64,
    multipliers: [u64; BANDS * ROWS],
    /// By a band's content, the newest text that has it.
    newest: HashMap<(u8, u64), u32>,
    /// For every text and band, the previous text with the same content.
    before: Vec<[u32; BANDS]>,
    words: Vec<HashedSet<u32>>,
}

impl NearDuplicates {
    /// Creates a filter that admits texts less similar than `threshold` to everything admitted before.
    #[must_use]
    pub fn new(threshold: f64) -> Self {
        let multipliers = std::array::from_fn(|index| splitmix64((index as u64).wrapping_mul(SPLITMIX64_STEP)) | 1);
        Self { threshold, multipliers, newest: HashMap::new(), before: Vec::new(), words: Vec::new() }
    }

    /// Returns whether `text` is new, and remembers it. A text without words is always new.
    pub fn admit(&mut self, text: &str) -> bool {
        let words = words(text);
        if words.is_empty() {
            return true;
        }
        let bands = self.bands(&words);
        if self.knows(&words, &bands) {
            return false;
        }
        let place = self.words.len() as u32;
        self.before
            .push(std::array::from_fn(|band| self.newest.insert((band as u8, bands[band]), place).unwrap_or(NONE)));
        self.words.push(words);
        true
    }

    fn knows(&self, words: &HashedSet<u32>, bands: &[u64; BANDS]) -> bool {
        (0..BANDS).any(|band| {
            let mut place = self.newest.get(&(band as u8, bands[band])).copied().unwrap_or(NONE);
            while place != NONE {
                if words.jaccard(&self.words[place as usize]) >= self.threshold {
                    return true;
                }
                place = self.before[place as usize][band];
            }
            false
        })
    }

    /// Returns the minima of the words under every hash function, band by band.
    fn bands(&self, words: &HashedSet<u32>) -> [u64; BANDS] {
        let mut minima = [u32::MAX; BANDS * ROWS];
        for word in words.iter() {
            for (minimum, multiplier) in minima.iter_mut().zip(&self.multipliers) {
                let hash = (u64::from(*word).wrapping_add(1).wrapping_mul(*multiplier) >> 32) as u32;
                *minimum = hash.min(*minimum);
            }
        }
        std::array::from_fn(|band| {
            minima[band * ROWS..(band + 1) * ROWS]
                .iter()
                .fold(0, |state, minimum| splitmix64(state ^ u64::from(*minimum)))
        })
    }
}

/// Returns the distinct words of a text, in lower case and without punctuation.
fn words(text: &str) -> HashedSet<u32> {
    let lower = text.to_lowercase();
    let words = lower.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(|word| hash(0, &[word]) as u32).collect()
}

#[cfg(test)]
mod tests {
    use rand::{Rng as _, SeedableRng as _};
    use rand_chacha::ChaCha12Rng;

    use super::super::similar::{NEAR_DUPLICATE, SimilarTexts};
    use super::*;

    #[test]
    fn copies_with_a_word_changed_are_left_out_and_others_stay() {
        let mut near = NearDuplicates::new(NEAR_DUPLICATE);
        for (text, new) in [
            ("Hoy me pusieron la primera dosis en el estadio.", true),
            ("¡HOY me pusieron la segunda dosis en el estadio!", false),
            ("en el estadio me pusieron hoy la primera dosis", false),
            ("hoy me pusieron la primera dosis", true),
            ("palabras que nadie dijo antes", true),
            ("🎉", true),
            ("🎉", true),
        ] {
            assert_eq!(near.admit(text), new, "{text}");
        }
    }

    #[test]
    fn nearly_all_that_the_exact_search_finds_is_found_and_nothing_else() {
        let mut rng = ChaCha12Rng::seed_from_u64(5);
        let mut texts: Vec<Vec<u32>> = Vec::new();
        for _ in 0..3000 {
            let mut text: Vec<u32> = (0..16).map(|_| rng.random_range(0..400)).collect();
            if !texts.is_empty() && rng.random_bool(0.5) {
                text.clone_from(&texts[rng.random_range(0..texts.len())]);
                for _ in 0..rng.random_range(0..4) {
                    let place = rng.random_range(0..text.len());
                    text[place] = rng.random_range(0..400);
                }
            }
            texts.push(text);
        }
        let texts: Vec<String> = texts
            .iter()
            .map(|words| words.iter().map(|word| format!("w{word}")).collect::<Vec<_>>().join(" "))
            .collect();
        let mut near = NearDuplicates::new(NEAR_DUPLICATE);
        let (mut kept, mut missed): (Vec<&str>, _) = (Vec::new(), 0);
        let mut left_out = 0;
        for chunk in texts.chunks(100) {
            let similar = SimilarTexts::new(&kept, NEAR_DUPLICATE);
            let known = kept.len();
            for text in chunk {
                let alike = !similar.find(text).is_empty()
                    || !SimilarTexts::new(&kept[known..], NEAR_DUPLICATE).find(text).is_empty();
                let new = near.admit(text);
                assert!(alike || new, "{text} was left out, though nothing is like it");
                missed += usize::from(alike && new);
                left_out += usize::from(!new);
                if new {
                    kept.push(text);
                }
            }
        }
        assert!(left_out > 1000 && missed * 50 < left_out, "{missed} missed beside {left_out} left out");
    }
}

//! Drops near-duplicates from a stream of any number of texts: the first of several similar texts stays.
//!
//! [`super::similar`] finds all pairs of a table exactly; corpora of millions of texts need something cheaper. Texts
//! whose MinHash signatures (Broder 1997) agree on a band (locality-sensitive hashing) are compared by Jaccard's index
//! over their words. With these sizes a pair of similarity 0.7 is found with probability 0.96, of 0.8 with 0.997.
//! A text of 18 words takes about 200 bytes: its words, and a link in each band's chain.

use pregonero_text::hashing::{HashedSet, SPLITMIX64_STEP, hash, jaccard, splitmix64};

/// Bands of a signature, and minima per band.
const BANDS: usize = 12;
const ROWS: usize = 4;

/// Stands for no text.
const NONE: u32 = u32::MAX;
/// Slots of a band's table at the beginning; a power of two, as always.
const FEWEST_SLOTS: usize = 1 << 10;

/// What a text is beside those that were seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Unlike all of them; its number, if it is remembered.
    New(Option<u32>),
    /// The same words as the text with this number.
    Same(u32),
    /// Similar to the text with this number.
    Similar(u32),
    /// It has no words to compare.
    Wordless,
}

/// The texts admitted so far.
#[derive(Debug)]
pub struct NearDuplicates {
    threshold: f64,
    /// The most texts that are remembered.
    most: usize,
    multipliers: [u64; BANDS * ROWS],
    /// For every slot and band, the newest text there. Texts with different bands can share a slot; the comparison of their
    /// words tells them apart.
    newest: Vec<[u32; BANDS]>,
    /// For every text and band, the previous text of its slot.
    before: Vec<[u32; BANDS]>,
    /// The sorted words of all texts, and where those of each text end.
    words: Vec<u32>,
    ends: Vec<usize>,
}

impl NearDuplicates {
    /// Creates a filter that admits texts less similar than `threshold` to everything admitted before.
    #[must_use]
    pub fn new(threshold: f64) -> Self {
        Self::with_most(threshold, NONE as usize)
    }

    /// Creates a filter that remembers at most the first `most` different texts.
    #[must_use]
    pub fn with_most(threshold: f64, most: usize) -> Self {
        let multipliers = std::array::from_fn(|index| splitmix64((index as u64).wrapping_mul(SPLITMIX64_STEP)) | 1);
        let newest = vec![[NONE; BANDS]; FEWEST_SLOTS];
        let most = most.min(NONE as usize);
        Self { threshold, most, multipliers, newest, before: Vec::new(), words: Vec::new(), ends: Vec::new() }
    }

    /// Returns whether `text` is new, and remembers it. A text without words is always new.
    pub fn admit(&mut self, text: &str) -> bool {
        matches!(self.place(&words(text)), Place::New(_) | Place::Wordless)
    }

    /// Returns whether a text with these words (see [`word_hash`]) is new or like an earlier one, and remembers a new one.
    pub fn place(&mut self, words: &HashedSet<u32>) -> Place {
        if words.is_empty() {
            return Place::Wordless;
        }
        let bands = self.bands(words.iter().copied());
        if let Some(known) = self.find(words, &bands) {
            return known;
        }
        if self.ends.len() >= self.most {
            return Place::New(None);
        }
        if self.ends.len() == self.newest.len() {
            self.double();
        }
        let number = self.ends.len() as u32;
        self.words.extend(words.iter());
        self.ends.push(self.words.len());
        self.link(number, &bands);
        Place::New(Some(number))
    }

    fn find(&self, words: &HashedSet<u32>, bands: &[u64; BANDS]) -> Option<Place> {
        let mut best = None;
        for (band, content) in bands.iter().enumerate() {
            let mut number = self.newest[self.slot(*content)][band];
            while number != NONE {
                let other = self.words_of(number);
                let similarity = jaccard(shared(words, other), words.len(), other.len());
                if similarity >= 1.0 {
                    return Some(Place::Same(number));
                }
                if similarity >= self.threshold {
                    best = best.or(Some(Place::Similar(number)));
                    break;
                }
                number = self.before[number as usize][band];
            }
        }
        best
    }

    fn slot(&self, content: u64) -> usize {
        content as usize & (self.newest.len() - 1)
    }

    fn words_of(&self, number: u32) -> &[u32] {
        let number = number as usize;
        let start = if number == 0 { 0 } else { self.ends[number - 1] };
        &self.words[start..self.ends[number]]
    }

    fn link(&mut self, number: u32, bands: &[u64; BANDS]) {
        let mut before = [NONE; BANDS];
        for (band, content) in bands.iter().enumerate() {
            let slot = self.slot(*content);
            before[band] = std::mem::replace(&mut self.newest[slot][band], number);
        }
        self.before.push(before);
    }

    /// Doubles the slots, so that chains stay short.
    fn double(&mut self) {
        let slots = self.newest.len() * 2;
        self.newest = Vec::new();
        self.newest = vec![[NONE; BANDS]; slots];
        self.before.clear();
        for number in 0..self.ends.len() as u32 {
            let bands = self.bands(self.words_of(number).iter().copied());
            self.link(number, &bands);
        }
    }

    /// Returns the minima of the words under every hash function, band by band.
    fn bands(&self, words: impl Iterator<Item = u32>) -> [u64; BANDS] {
        let mut minima = [u32::MAX; BANDS * ROWS];
        for word in words {
            for (minimum, multiplier) in minima.iter_mut().zip(&self.multipliers) {
                let hash = (u64::from(word).wrapping_add(1).wrapping_mul(*multiplier) >> 32) as u32;
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

/// Returns how many words are in both of two sorted lists.
fn shared(left: &HashedSet<u32>, right: &[u32]) -> usize {
    let mut right = right.iter().copied().peekable();
    let in_right = |word: &&u32| {
        while right.next_if(|other| other < word).is_some() {}
        right.peek() == Some(word)
    };
    left.iter().filter(in_right).count()
}

/// Returns the hash that a word is compared by.
#[must_use]
pub fn word_hash(word: &str) -> u32 {
    hash(0, &[word]) as u32
}

/// Returns the distinct words of a text, in lower case and without punctuation.
fn words(text: &str) -> HashedSet<u32> {
    let lower = text.to_lowercase();
    let words = lower.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(word_hash).collect()
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
    fn an_earlier_text_is_named_and_beyond_the_bound_new_ones_are_not_remembered() {
        let mut near = NearDuplicates::with_most(NEAR_DUPLICATE, 2);
        for (text, place) in [
            ("hoy llega la lluvia al valle", Place::New(Some(0))),
            ("la lluvia llega al valle hoy", Place::Same(0)),
            ("ayer la feria del libro abrió temprano", Place::New(Some(1))),
            ("ayer la feria del libro cerró temprano", Place::Similar(1)),
            ("otra cosa que nadie dijo", Place::New(None)),
            ("otra cosa que nadie dijo", Place::New(None)),
            ("…", Place::Wordless),
        ] {
            assert_eq!(near.place(&words(text)), place, "{text}");
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

//! Finds near-duplicates in a stream of any number of texts.
//!
//! [`super::similar`] finds all pairs of a table exactly; corpora of millions of texts need something cheaper. Texts
//! whose MinHash signatures (Broder 1997) agree on a band (locality-sensitive hashing) are compared by Jaccard's index
//! over their words. With these sizes a pair of similarity 0.7 is found with probability 0.96, of 0.8 with 0.997.
//! A text of 16 different words takes about 200 bytes.

use pregonero_text::hashing::{HashedSet, SPLITMIX64_STEP, hash, jaccard, shared, splitmix64};

/// Bands of a signature, and minima per band.
const BANDS: usize = 12;
const ROWS: usize = 4;

/// Stands for no text.
const NONE: u32 = u32::MAX;

/// The fewest buckets of a band; a power of two, as all numbers of buckets are.
const FEWEST_BUCKETS: usize = 1 << 10;

/// Drops near-duplicates: the first of several similar texts stays.
#[derive(Debug)]
pub struct NearDuplicates {
    known: TextIndex,
    threshold: f64,
}

impl NearDuplicates {
    /// Creates a filter that admits texts less similar than `threshold` to everything admitted before.
    #[must_use]
    pub fn new(threshold: f64) -> Self {
        Self { known: TextIndex::default(), threshold }
    }

    /// Returns whether `text` is new, and remembers it. A text without words is always new.
    pub fn admit(&mut self, text: &str) -> bool {
        let words = words(text);
        if words.is_empty() {
            return true;
        }
        let new = self.known.find(words.as_slice(), self.threshold, |_| true).is_none();
        if new {
            self.known.insert(words.as_slice());
        }
        new
    }
}

/// Texts as sets of word hashes, found again by similar ones. Each has a number, from 0, in the order in which they come.
#[derive(Debug)]
pub struct TextIndex {
    multipliers: [u64; BANDS * ROWS],
    /// For every band and bucket, the newest text in it; a bucket is chosen by the band's content.
    newest: Vec<u32>,
    /// How many buckets a band has.
    buckets: usize,
    /// For every text and band, the previous text in the same bucket.
    before: Vec<[u32; BANDS]>,
    /// The words of all texts, one text after the other, and where each text ends.
    words: Vec<u32>,
    ends: Vec<usize>,
}

impl Default for TextIndex {
    fn default() -> Self {
        let multipliers = std::array::from_fn(|index| splitmix64((index as u64).wrapping_mul(SPLITMIX64_STEP)) | 1);
        Self {
            multipliers,
            newest: vec![NONE; BANDS * FEWEST_BUCKETS],
            buckets: FEWEST_BUCKETS,
            before: Vec::new(),
            words: Vec::new(),
            ends: Vec::new(),
        }
    }
}

impl TextIndex {
    /// Adds a text with these words, which ascend without repeats, and returns its number.
    ///
    /// # Panics
    /// If there are four thousand million texts already.
    pub fn insert(&mut self, words: &[u32]) -> u32 {
        if self.ends.len() == self.buckets {
            self.double();
        }
        self.words.extend_from_slice(words);
        self.ends.push(self.words.len());
        let number = u32::try_from(self.before.len()).ok().filter(|number| *number != NONE).expect("fewer texts");
        self.link(number);
        number
    }

    /// Returns the first text found that is similar, from `threshold` on, to one with these words and that `accept` takes.
    pub fn find(&self, words: &[u32], threshold: f64, accept: impl FnMut(u32) -> bool) -> Option<u32> {
        self.find_within(words, threshold, usize::MAX, accept)
    }

    /// Does the same, but looks at the newest `most` texts of each band only, so that no text takes long.
    pub fn find_within(
        &self,
        words: &[u32],
        threshold: f64,
        most: usize,
        mut accept: impl FnMut(u32) -> bool,
    ) -> Option<u32> {
        if words.is_empty() {
            return None;
        }
        self.slots(words).into_iter().find_map(|slot| {
            let mut chain = self.chain(slot / self.buckets, self.newest[slot]).take(most);
            chain.find(|&number| is_similar(words, self.words_of(number), threshold) && accept(number))
        })
    }

    /// Returns the texts before the text `number` that may be similar to it: of each band the newest `most`. Some come several times.
    ///
    /// # Panics
    /// If there is no text of this number.
    pub fn earlier(&self, number: u32, most: usize) -> impl Iterator<Item = u32> {
        let before = self.before[number as usize];
        before.into_iter().enumerate().flat_map(move |(band, first)| self.chain(band, first).take(most))
    }

    /// Returns a text and those before it in the same bucket of a band, the newest first.
    fn chain(&self, band: usize, first: u32) -> impl Iterator<Item = u32> {
        let text = |number: u32| Some(number).filter(|number| *number != NONE);
        std::iter::successors(text(first), move |number| text(self.before[*number as usize][band]))
    }

    /// Returns the words of a text.
    ///
    /// # Panics
    /// If there is no text of this number.
    #[must_use]
    pub fn words_of(&self, number: u32) -> &[u32] {
        let number = number as usize;
        let start = if number == 0 { 0 } else { self.ends[number - 1] };
        &self.words[start..self.ends[number]]
    }

    /// Returns how many texts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns whether there is no text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Puts a text into its buckets; one without words is in none.
    fn link(&mut self, number: u32) {
        if self.words_of(number).is_empty() {
            self.before.push([NONE; BANDS]);
            return;
        }
        let slots = self.slots(self.words_of(number));
        self.before.push(slots.map(|slot| std::mem::replace(&mut self.newest[slot], number)));
    }

    fn double(&mut self) {
        let texts = self.before.len() as u32;
        self.buckets *= 2;
        self.newest.clear();
        self.newest.resize(BANDS * self.buckets, NONE);
        self.before.clear();
        (0..texts).for_each(|number| self.link(number));
    }

    /// Returns the place of each band's bucket.
    fn slots(&self, words: &[u32]) -> [usize; BANDS] {
        let bands = self.bands(words);
        std::array::from_fn(|band| band * self.buckets + (bands[band] as usize & (self.buckets - 1)))
    }

    /// Returns the minima of the words under every hash function, band by band.
    fn bands(&self, words: &[u32]) -> [u64; BANDS] {
        let mut minima = [u32::MAX; BANDS * ROWS];
        for word in words {
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

/// Returns whether two sets of words are similar from `threshold` on.
#[must_use]
pub fn is_similar(left: &[u32], right: &[u32], threshold: f64) -> bool {
    let (fewer, more) = (left.len().min(right.len()), left.len().max(right.len()));
    jaccard(fewer, fewer, more) >= threshold && jaccard(shared(left, right), left.len(), right.len()) >= threshold
}

/// Returns the distinct words of a text, in lower case and without punctuation, as ascending hashes.
#[must_use]
pub fn words(text: &str) -> HashedSet<u32> {
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
        assert!(left_out > 1000 && missed * 50 < left_out, "{missed} missed, {left_out} left out");
    }

    #[test]
    fn an_index_finds_what_it_holds_after_it_has_grown() {
        let mut rng = ChaCha12Rng::seed_from_u64(2);
        let mut index = TextIndex::default();
        let texts: Vec<HashedSet<u32>> =
            (0..5 * FEWEST_BUCKETS).map(|_| (0..12).map(|_| rng.random_range(0..3000)).collect()).collect();
        for (number, text) in texts.iter().enumerate() {
            assert_eq!(index.insert(text.as_slice()) as usize, number);
        }
        assert_eq!(index.len(), texts.len());
        for (number, text) in texts.iter().enumerate() {
            let words = text.as_slice();
            assert_eq!(index.words_of(number as u32), words);
            assert_eq!(index.find(words, NEAR_DUPLICATE, |found| found as usize == number), Some(number as u32));
            let earlier: Vec<u32> = index.earlier(number as u32, usize::MAX).collect();
            assert!(earlier.iter().all(|other| (*other as usize) < number));
            assert!(index.earlier(number as u32, 1).all(|other| earlier.contains(&other)));
            assert_eq!(index.find_within(words, NEAR_DUPLICATE, 0, |_| true), None);
        }
        assert_eq!(index.find(&[], NEAR_DUPLICATE, |_| true), None);
        let empty = index.insert(&[]);
        assert_eq!(index.find(&[], NEAR_DUPLICATE, |_| true), None);
        assert_eq!(index.earlier(empty, usize::MAX).count(), 0);
        let copy = index.insert(texts[7].as_slice());
        assert!(index.earlier(copy, usize::MAX).any(|other| other == 7));
        assert!(index.earlier(copy, usize::MAX).all(|other| other != empty));
    }
}

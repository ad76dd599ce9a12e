//! Finds near-duplicates in a stream of any number of texts.
//!
//! [`super::similar`] finds all pairs of a table exactly; corpora of millions of texts need something cheaper. Texts
//! whose MinHash signatures (Broder 1997) agree on a band (locality-sensitive hashing) are compared by Jaccard's index
//! over their words. With these sizes a pair of similarity 0.7 is found with probability 0.96, of 0.8 with 0.997.
//! A text of 16 different words takes about 200 bytes.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use pregonero_text::hashing::{HashedSet, SPLITMIX64_STEP, hash, jaccard, shared, splitmix64};
use rayon::prelude::*;

/// Bands of a signature, and minima per band.
const BANDS: usize = 12;
const ROWS: usize = 4;

/// Stands for no text.
const NONE: u32 = u32::MAX;

/// The fewest buckets of a band; a power of two, as all numbers of buckets are.
const FEWEST_BUCKETS: usize = 1 << 10;

/// How many texts are signed on all processors before they are linked.
const LINKED_AT_ONCE: usize = 1 << 16;

/// What the words are multiplied with, once for every minimum.
const MULTIPLIERS: [u64; BANDS * ROWS] = {
    let mut multipliers = [0; BANDS * ROWS];
    let mut place = 0;
    while place < multipliers.len() {
        multipliers[place] = splitmix64((place as u64).wrapping_mul(SPLITMIX64_STEP)) | 1;
        place += 1;
    }
    multipliers
};

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
        let signature = Signature::of(words.as_slice());
        let near = self.known.find_signed(words.as_slice(), &signature, self.threshold, usize::MAX, |_| true);
        let new = near.is_none();
        if new {
            self.known.insert_signed(words.as_slice(), &signature);
        }
        new
    }
}

/// Texts as sets of word hashes, found again by similar ones. Each has a number, from 0, in the order in which they come.
#[derive(Debug, Default)]
pub struct TextIndex {
    /// The words of all texts, one text after the other, and where each text ends.
    words: Vec<u32>,
    ends: Vec<usize>,
    /// What finds them; made when it is first asked for, unless texts were inserted one by one.
    links: OnceLock<Links>,
    /// How often a search ended without a find before all texts of a bucket had been looked at.
    cut_short: AtomicU64,
}

/// What similar texts have in common with high probability, and what says quickly that two are not similar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    /// The hash of each band.
    bands: [u32; BANDS],
    /// A bit for each word, chosen by its hash; several words may have the same.
    bits: u64,
}

/// The buckets of the bands, and the texts in them.
#[derive(Debug)]
struct Links {
    /// For every band and bucket, the newest text in it; a bucket is chosen by the band's content.
    newest: Vec<u32>,
    /// How many buckets a band has.
    buckets: usize,
    texts: Vec<Linked>,
}

/// A text as it is found: a line of the processor's cache, because that is what a comparison costs.
#[derive(Debug)]
#[repr(align(64))]
struct Linked {
    /// For every band, the previous text in the same bucket.
    before: [u32; BANDS],
    bits: u64,
    /// Where its words begin, and how many there are.
    start: u32,
    count: u32,
}

impl Signature {
    /// Returns the signature of words.
    #[must_use]
    pub fn of(words: &[u32]) -> Self {
        let mut minima = [u32::MAX; BANDS * ROWS];
        let mut bits = 0;
        for word in words {
            bits |= 1 << (word % 64);
            for (minimum, multiplier) in minima.iter_mut().zip(&MULTIPLIERS) {
                let hash = (u64::from(*word).wrapping_add(1).wrapping_mul(*multiplier) >> 32) as u32;
                *minimum = hash.min(*minimum);
            }
        }
        let band = |band: usize| {
            let rows = &minima[band * ROWS..(band + 1) * ROWS];
            rows.iter().fold(0, |state, minimum| splitmix64(state ^ u64::from(*minimum))) as u32
        };
        Self { bands: std::array::from_fn(band), bits }
    }
}

impl TextIndex {
    /// Adds a text with these words, which ascend without repeats, and returns its number.
    ///
    /// # Panics
    /// If there are four thousand million texts or words already.
    pub fn insert(&mut self, words: &[u32]) -> u32 {
        self.insert_signed(words, &Signature::of(words))
    }

    /// Does the same with the words' signature.
    ///
    /// # Panics
    /// If there are four thousand million texts or words already.
    pub fn insert_signed(&mut self, words: &[u32], signature: &Signature) -> u32 {
        if self.links().texts.len() == self.links().buckets {
            let links = Links::of(&self.words, &self.ends, self.links().buckets * 2);
            self.links = OnceLock::from(links);
        }
        let start = self.words.len();
        let number = self.keep(words);
        if let Some(links) = self.links.get_mut() {
            links.add(words.len(), start, signature);
        }
        number
    }

    /// Adds a text that nobody looks for before the last one is added: all of them are made ready for it at once then.
    ///
    /// # Panics
    /// If there are four thousand million texts already.
    pub fn store(&mut self, words: &[u32]) -> u32 {
        self.links.take();
        self.keep(words)
    }

    fn keep(&mut self, words: &[u32]) -> u32 {
        let number = u32::try_from(self.ends.len()).ok().filter(|number| *number != NONE).expect("fewer texts");
        self.words.extend_from_slice(words);
        self.ends.push(self.words.len());
        number
    }

    fn links(&self) -> &Links {
        self.links.get_or_init(|| {
            let buckets = self.ends.len().next_power_of_two().max(FEWEST_BUCKETS);
            Links::of(&self.words, &self.ends, buckets)
        })
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
        accept: impl FnMut(u32) -> bool,
    ) -> Option<u32> {
        self.find_signed(words, &Signature::of(words), threshold, most, accept)
    }

    /// Does the same with the words' signature.
    pub fn find_signed(
        &self,
        words: &[u32],
        signature: &Signature,
        threshold: f64,
        most: usize,
        mut accept: impl FnMut(u32) -> bool,
    ) -> Option<u32> {
        if words.is_empty() {
            return None;
        }
        let links = self.links();
        let slots = links.slots(signature);
        // All at once: the processor waits for them at the same time.
        let newest = slots.map(|slot| links.newest[slot]);
        newest.into_iter().enumerate().find_map(|(band, first)| {
            let mut chain = links.chain(band, first);
            let found = chain.by_ref().take(most).find(|(number, text)| {
                text.may_be_similar(words.len(), signature.bits, threshold)
                    && is_similar(words, self.words_at(text), threshold)
                    && accept(*number)
            });
            if found.is_none() && chain.next().is_some() {
                self.cut_short.fetch_add(1, Ordering::Relaxed);
            }
            found.map(|(number, _)| number)
        })
    }

    /// Returns how often a search looked at `most` texts of a bucket, found nothing and left others out.
    #[must_use]
    pub fn times_cut_short(&self) -> u64 {
        self.cut_short.load(Ordering::Relaxed)
    }

    /// Returns the texts before the text `number` that may be similar to it: of each band the newest `most`. Some come several times.
    ///
    /// # Panics
    /// If there is no text of this number.
    pub fn earlier(&self, number: u32, most: usize) -> impl Iterator<Item = u32> {
        let links = self.links();
        let before = links.texts[number as usize].before;
        let chain = move |(band, first)| links.chain(band, first).take(most).map(|(number, _)| number);
        before.into_iter().enumerate().flat_map(chain)
    }

    /// Returns the words of a text.
    ///
    /// # Panics
    /// If there is no text of this number.
    #[must_use]
    pub fn words_of(&self, number: u32) -> &[u32] {
        words_of(&self.words, &self.ends, number as usize)
    }

    fn words_at(&self, text: &Linked) -> &[u32] {
        &self.words[text.start as usize..][..text.count as usize]
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
}

impl Links {
    /// Links texts on all processors.
    fn of(words: &[u32], ends: &[usize], buckets: usize) -> Self {
        let texts = Vec::with_capacity(ends.len());
        let mut links = Self { newest: vec![NONE; BANDS * buckets], buckets, texts };
        for first in (0..ends.len()).step_by(LINKED_AT_ONCE) {
            let numbers = first..ends.len().min(first + LINKED_AT_ONCE);
            let signed = numbers.into_par_iter().with_min_len(256).map(|number| {
                let words = words_of(words, ends, number);
                (words.len(), ends[number] - words.len(), Signature::of(words))
            });
            for (count, start, signature) in signed.collect::<Vec<_>>() {
                links.add(count, start, &signature);
            }
        }
        links
    }

    /// Puts the next text into its buckets; one without words is in none.
    fn add(&mut self, count: usize, start: usize, signature: &Signature) {
        let number = self.texts.len() as u32;
        let before = if count == 0 {
            [NONE; BANDS]
        } else {
            self.slots(signature).map(|slot| std::mem::replace(&mut self.newest[slot], number))
        };
        let [start, count] = [start, count].map(|place| u32::try_from(place).expect("fewer words"));
        self.texts.push(Linked { before, bits: signature.bits, start, count });
    }

    /// Returns the place of each band's bucket.
    fn slots(&self, signature: &Signature) -> [usize; BANDS] {
        std::array::from_fn(|band| band * self.buckets + (signature.bands[band] as usize & (self.buckets - 1)))
    }

    /// Returns a text and those before it in the same bucket of a band, the newest first.
    fn chain(&self, band: usize, first: u32) -> impl Iterator<Item = (u32, &Linked)> {
        let text = |number: u32| (number != NONE).then(|| (number, &self.texts[number as usize]));
        std::iter::successors(text(first), move |(_, found)| text(found.before[band]))
    }
}

impl Linked {
    /// Returns false only if it cannot be similar to a text with so many words and these bits: a word whose bit the other text does
    /// not have is not in it.
    fn may_be_similar(&self, count: usize, bits: u64, threshold: f64) -> bool {
        let own = self.count as usize;
        let of_other = count - ((bits & !self.bits).count_ones() as usize);
        let of_own = own - ((self.bits & !bits).count_ones() as usize);
        jaccard(of_other.min(of_own), count, own) >= threshold
    }
}

fn words_of<'a>(words: &'a [u32], ends: &[usize], number: usize) -> &'a [u32] {
    let start = if number == 0 { 0 } else { ends[number - 1] };
    &words[start..ends[number]]
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
    fn a_search_that_leaves_texts_out_is_counted() {
        let mut index = TextIndex::default();
        let text = |number: u32| -> Vec<u32> { (0..40).chain([1000 + number]).collect() };
        (0..9).for_each(|number| _ = index.insert(&text(number)));
        assert_eq!(index.find_within(&text(20), 0.99, 20, |_| true), None);
        assert_eq!(index.times_cut_short(), 0);
        assert_eq!(index.find_within(&text(20), 0.99, 3, |_| true), None);
        assert!(index.times_cut_short() > 0);
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
        let at_once = {
            let mut other = TextIndex::default();
            texts.iter().for_each(|text| _ = other.store(text.as_slice()));
            other.store(&[]);
            other
        };
        for number in (0..=empty).step_by(97) {
            let earlier = |index: &TextIndex| index.earlier(number, 50).collect::<Vec<u32>>();
            assert_eq!(earlier(&at_once), earlier(&index), "{number}");
        }
        let copy = index.insert(texts[7].as_slice());
        assert!(index.earlier(copy, usize::MAX).any(|other| other == 7));
        assert!(index.earlier(copy, usize::MAX).all(|other| other != empty));
    }
}

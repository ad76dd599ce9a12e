//! Compares hundreds of thousands of texts, one after the other, with a few, and keeps the most similar one for each.
//!
//! The similarity is that of the `near_duplicate` gate, the greatest of three. Each counts elements that both texts
//! have (words, pairs of words, runs of four characters), so each reaches a threshold only where enough are shared.
//! They are counted for 64 texts at once: a table gives the set of texts that have an element, one bit each, and
//! counters that store each digit as a bit plane add the sets up. Elements that share a place of the table, and
//! elements that a text has twice, make a count too high and never too low. So a pair whose count is too low for the
//! threshold cannot reach it; for the other pairs the similarity itself is worked out.

use pregonero_text::normal::normalise;
use pregonero_text::similarity::{CHARACTERS, FEWEST_PAIRS, Shingles};

/// Texts of a group: the bits of a mask.
const GROUP: usize = 64;
/// Digits of a counter; a count that needs more is taken for the greatest one.
const PLANES: usize = 9;
const GREATEST: usize = (1 << PLANES) - 1;
/// Places for telling elements of one text apart, a power of 2.
const SEEN: usize = 1 << 12;

/// The most similar of the texts that were added.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnText {
    /// Normalised.
    pub text: String,
    /// 0 to 1, where 1 means the same words.
    pub similarity: f64,
}

/// Texts that wait for the most similar to each of them.
#[derive(Debug)]
pub struct Comparison {
    groups: Vec<Group>,
    scratch: Vec<u8>,
}

impl Comparison {
    /// Prepares to compare `texts` with what is added afterwards; similarities below `least` (above 0) do not count.
    #[must_use]
    pub fn new<T: AsRef<str>>(texts: &[T], least: f64) -> Self {
        let least = least.clamp(f64::MIN_POSITIVE, 1.0);
        Self { groups: texts.chunks(GROUP).map(|texts| Group::new(texts, least)).collect(), scratch: Vec::new() }
    }

    /// Compares with one text, which must be normalised.
    pub fn add(&mut self, text: &str) {
        let letters = letters(text, &mut self.scratch);
        self.groups.iter_mut().for_each(|group| group.compare(text, letters));
    }

    /// Returns for each text, in order, the most similar one; of several equal ones, the first.
    #[must_use]
    pub fn finish(self) -> Vec<Option<OwnText>> {
        self.groups.into_iter().flat_map(|group| group.best).collect()
    }
}

/// At most 64 texts.
#[derive(Debug)]
struct Group {
    texts: Vec<Shingles>,
    best: Vec<Option<OwnText>>,
    least: f64,
    /// The texts that something more similar can still be found for.
    open: u64,
    words: Elements,
    pairs: Elements,
    characters: Elements,
}

impl Group {
    fn new<T: AsRef<str>>(texts: &[T], least: f64) -> Self {
        let texts: Vec<String> = texts.iter().map(|text| normalise(text.as_ref())).collect();
        let mut group = Self {
            best: vec![None; texts.len()],
            least,
            open: 0,
            words: Elements::new(12, 64),
            pairs: Elements::new(12, 64),
            characters: Elements::new(15, 320),
            texts: texts.iter().map(|text| Shingles::of_normalised(text)).collect(),
        };
        let mut scratch = Vec::new();
        for (place, text) in texts.iter().enumerate().filter(|(_, text)| !text.is_empty()) {
            group.open |= 1 << place;
            let letters = letters(text, &mut scratch);
            for_each_word(letters, |word, pair| {
                group.words.mark(word, place);
                if let Some(pair) = pair {
                    group.pairs.mark(pair, place);
                }
            });
            for_each_run(letters, |run| group.characters.mark(run, place));
            group.ask_for(place, least);
        }
        group
    }

    /// From now on only what is at least this similar to a text is looked at.
    fn ask_for(&mut self, place: usize, least: f64) {
        let shingles = &self.texts[place];
        let jaccard = |own: usize| move |other: usize| shared_for_jaccard(own, other, least);
        self.words.ask_for(place, jaccard(shingles.words.len()));
        self.characters.ask_for(place, jaccard(shingles.characters.len()));
        let pairs = shingles.pairs.len();
        self.pairs.ask_for(place, |other| shared_for_containment(pairs, other, least));
    }

    fn compare(&mut self, text: &str, letters: &[u8]) {
        let (mut words, mut pairs, mut characters) = (Count::default(), Count::default(), Count::default());
        let Self { words: of_words, pairs: of_pairs, characters: of_characters, .. } = self;
        of_words.begin();
        of_pairs.begin();
        of_characters.begin();
        for_each_word(letters, |word, pair| {
            of_words.count(word, &mut words);
            if let Some(pair) = pair {
                of_pairs.count(pair, &mut pairs);
            }
        });
        for_each_run(letters, |run| of_characters.count(run, &mut characters));
        let hits = of_words.reached(&mut words) | of_pairs.reached(&mut pairs) | of_characters.reached(&mut characters);
        let mut hits = hits & self.open;
        if hits == 0 {
            return;
        }
        let shingles = Shingles::of_normalised(text);
        while hits != 0 {
            let place = hits.trailing_zeros() as usize;
            hits &= hits - 1;
            let similarity = self.texts[place].similarity(&shingles);
            self.found(place, similarity, text);
        }
    }

    /// Keeps what is more similar than what was found so far.
    fn found(&mut self, place: usize, similarity: f64, text: &str) {
        let known = self.best[place].as_ref().map(|best| best.similarity);
        let enough = known.map_or(similarity >= self.least, |known| similarity > known);
        if !enough {
            return;
        }
        self.best[place] = Some(OwnText { text: text.to_owned(), similarity });
        if similarity >= 1.0 {
            self.open &= !(1 << place);
        } else {
            self.ask_for(place, similarity);
        }
    }
}

/// One kind of elements: which of the group's texts have one, and how many of them a text must share.
#[derive(Debug)]
struct Elements {
    /// By place of the element, the texts that have it.
    masks: Box<[u64]>,
    shift: u32,
    /// By the number of elements of the other text, as a counter whose every digit is a bit plane: how many each of the
    /// group's texts must share with it.
    needs: Vec<[u64; PLANES]>,
    /// The other text in which an element at this place was last seen, by its number.
    seen: Box<[u32]>,
    number: u32,
}

/// How many elements of another text each text of the group has, and how many it has itself.
#[derive(Default)]
struct Count {
    planes: [u64; PLANES],
    overflow: u64,
    /// The set of every other element waits for the next: two are added at the cost of one.
    waiting: Option<u64>,
    different: usize,
}

impl Count {
    #[inline]
    fn add(&mut self, mask: u64) {
        match self.waiting.take() {
            None => self.waiting = Some(mask),
            Some(waiting) => self.add_pair(waiting, mask),
        }
    }

    #[inline]
    fn add_pair(&mut self, first: u64, second: u64) {
        let (one, both) = (first ^ second, first & second);
        let [ones, higher @ ..] = &mut self.planes;
        // Of the two carries into the second plane one at most is set.
        let mut carry = both | (*ones & one);
        *ones ^= one;
        for plane in higher {
            let sum = *plane ^ carry;
            carry &= *plane;
            *plane = sum;
        }
        self.overflow |= carry;
    }
}

impl Elements {
    /// A table of 2 to the power of `bits` places, and needs for other texts of up to `most` elements.
    fn new(bits: u32, most: usize) -> Self {
        Self {
            masks: vec![0; 1 << bits].into(),
            shift: u32::BITS - bits,
            needs: vec![[0; PLANES]; most + 1],
            seen: vec![0; SEEN].into(),
            number: 0,
        }
    }

    fn place(&self, element: u32) -> usize {
        (element.wrapping_mul(SPREAD) >> self.shift) as usize
    }

    fn mark(&mut self, element: u32, text: usize) {
        let place = self.place(element);
        self.masks[place] |= 1 << text;
    }

    /// Sets how many elements the text must share with another, by the number of that one's elements.
    fn ask_for(&mut self, text: usize, needed: impl Fn(usize) -> usize) {
        for (other, planes) in self.needs.iter_mut().enumerate() {
            let needed = needed(other).clamp(1, GREATEST);
            for (digit, plane) in planes.iter_mut().enumerate() {
                *plane = (*plane & !(1 << text)) | ((needed as u64 >> digit & 1) << text);
            }
        }
    }

    /// Forgets which elements were seen: the next ones are those of another text.
    fn begin(&mut self) {
        self.number = self.number.wrapping_add(1);
        if self.number == 0 {
            self.seen.fill(0);
            self.number = 1;
        }
    }

    #[inline]
    fn count(&mut self, element: u32, count: &mut Count) {
        let place = self.place(element);
        let seen = &mut self.seen[place % SEEN];
        // Two elements at one place are taken for one: never more than there are.
        count.different += usize::from(*seen != self.number);
        *seen = self.number;
        count.add(self.masks[place]);
    }

    /// The texts that share as many elements as they must.
    fn reached(&self, count: &mut Count) -> u64 {
        if let Some(waiting) = count.waiting.take() {
            count.add_pair(waiting, 0);
        }
        let needs = &self.needs[count.different.min(self.needs.len() - 1)];
        let (mut more, mut equal) = (count.overflow, !0);
        for (have, need) in count.planes.iter().zip(needs).rev() {
            more |= equal & have & !need;
            equal &= !(have ^ need);
        }
        more | equal
    }
}

/// Rounding must not make a bound too high.
const SLACK: f64 = 1e-9;

fn at_least(share: f64) -> usize {
    (share - SLACK).ceil().max(0.0) as usize
}

/// How many elements two sets must share for Jaccard's index to be at least `least`, where one has `own` elements and the
/// other `other` or more: `s / (own + other - s)` grows with the shared `s`, and is at most `s / own` and `s / other`.
fn shared_for_jaccard(own: usize, other: usize, least: f64) -> usize {
    let both = least / (1.0 + least) * (own + other) as f64;
    at_least(both.max(least * own.max(other) as f64))
}

/// How many pairs of words must be shared for their containment to be at least `least`, where the other text has `other`
/// pairs or more: a share of the smaller set, which counts from [`FEWEST_PAIRS`] on.
fn shared_for_containment(own: usize, other: usize, least: f64) -> usize {
    if own < FEWEST_PAIRS {
        return GREATEST;
    }
    at_least(least * own.min(other.max(FEWEST_PAIRS)) as f64)
}

/// An odd number whose product spreads the bits (2 to the power of 32 by the golden ratio).
const SPREAD: u32 = 0x9e37_79b9;

/// The text with a byte a character: two characters may have the same one, and one character always has the same.
fn letters<'a>(text: &'a str, scratch: &'a mut Vec<u8>) -> &'a [u8] {
    if text.is_ascii() {
        return text.as_bytes();
    }
    scratch.clear();
    scratch.extend(text.chars().map(|character| {
        let [low, middle, high, _] = u32::from(character).to_le_bytes();
        if character.is_ascii() { low } else { 0x80 | low ^ middle ^ high }
    }));
    scratch
}

/// A number for each word, with one for the pair it makes with the word before.
#[inline]
fn for_each_word(letters: &[u8], mut take: impl FnMut(u32, Option<u32>)) {
    const BEGIN: u32 = 0x811c_9dc5;
    const PRIME: u32 = 0x0100_0193;
    let mut before = None;
    let mut word = BEGIN;
    let mut end = |word: u32| {
        let word = word ^ (word >> 15);
        take(word, before.map(|before: u32| before.rotate_left(7).wrapping_mul(SPREAD) ^ word));
        before = Some(word);
    };
    for letter in letters {
        if *letter == b' ' {
            end(word);
            word = BEGIN;
        } else {
            word = (word ^ u32::from(*letter)).wrapping_mul(PRIME);
        }
    }
    if !letters.is_empty() {
        end(word);
    }
}

/// A number for each run of four characters.
#[inline]
fn for_each_run(letters: &[u8], mut take: impl FnMut(u32)) {
    const _: () = assert!(CHARACTERS == 4, "a run is four bytes of a number");
    let mut run = 0_u32;
    for (place, letter) in letters.iter().enumerate() {
        run = (run << 8) | u32::from(*letter);
        if place + 1 >= CHARACTERS {
            take(run);
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::seq::IndexedRandom as _;
    use rand::{Rng as _, SeedableRng as _};
    use rand_chacha::ChaCha12Rng;

    use super::*;

    /// Every text with every other, by the similarity itself.
    fn brute_force(texts: &[String], own: &[String], least: f64) -> Vec<Option<f64>> {
        let own: Vec<Shingles> = own.iter().map(|text| Shingles::of_normalised(&normalise(text))).collect();
        let best = |text: &String| {
            let text = normalise(text);
            let shingles = Shingles::of_normalised(&text);
            let greatest = own.iter().map(|other| shingles.similarity(other)).fold(0.0, f64::max);
            (greatest >= least && !text.is_empty()).then_some(greatest)
        };
        texts.iter().map(best).collect()
    }

    fn streamed(texts: &[String], own: &[String], least: f64) -> Vec<Option<OwnText>> {
        let mut comparison = Comparison::new(texts, least);
        own.iter().for_each(|text| comparison.add(&normalise(text)));
        comparison.finish()
    }

    const WORDS: &str = "la vacuna llega a vereda con las brigadas de salud y un abrazo en mañana alegra toda familia del barrio \
                         vacunas vacunada vacunado llegan llegaban cuidar cuidarse cuidarnos dosis segunda niñez 疫苗 ж 7 2021 o";

    fn sentence(rng: &mut ChaCha12Rng, lengths: std::ops::RangeInclusive<usize>) -> Vec<&'static str> {
        let words: Vec<&str> = WORDS.split_whitespace().collect();
        (0..rng.random_range(lengths)).map(|_| *words.choose(rng).unwrap()).collect()
    }

    /// A text that differs in some words, their order, their letters, or by what is added.
    fn changed(rng: &mut ChaCha12Rng, mut words: Vec<&'static str>) -> String {
        for _ in 0..rng.random_range(0..4_u32) {
            let place = rng.random_range(0..words.len());
            match rng.random_range(0..5_u32) {
                0 => words[place] = sentence(rng, 1..=1)[0],
                1 if words.len() > 1 => drop(words.remove(place)),
                2 => words.rotate_left(place),
                3 => words.extend(sentence(rng, 0..=12)),
                _ => words[place] = &words[place][..words[place].char_indices().last().map_or(0, |(end, _)| end)],
            }
        }
        words.join(" ")
    }

    #[test]
    fn the_most_similar_text_is_the_one_that_every_comparison_gives() {
        let mut rng = ChaCha12Rng::seed_from_u64(14);
        let mut found = 0;
        for round in 0..40 {
            let own: Vec<Vec<&str>> = (0..120).map(|_| sentence(&mut rng, 1..=30)).collect();
            let mut texts: Vec<String> =
                (0..100).map(|place| changed(&mut rng, own[(place * 7) % own.len()].clone())).collect();
            texts.extend((0..10).map(|_| sentence(&mut rng, 1..=30).join(" ")));
            texts.extend(["".to_owned(), "🤖".to_owned(), "la ".repeat(700), sentence(&mut rng, 900..=900).join(" ")]);
            let mut own: Vec<String> = own.iter().map(|words| words.join(" ")).collect();
            own.extend(["la ".repeat(800), format!("{} {}", texts[3], sentence(&mut rng, 600..=600).join(" "))]);
            let least = [0.1, 0.5, 0.8, 0.999, 1.0][round % 5];
            let expected = brute_force(&texts, &own, least);
            let streamed = streamed(&texts, &own, least);
            let similarities: Vec<Option<f64>> =
                streamed.iter().map(|best| best.as_ref().map(|best| best.similarity)).collect();
            assert_eq!(similarities, expected, "from {least} on");
            for (text, best) in texts.iter().zip(&streamed) {
                let Some(best) = best else { continue };
                found += 1;
                let direct = Shingles::of_normalised(&normalise(text)).similarity(&Shingles::of_normalised(&best.text));
                assert_eq!(direct, best.similarity, "{text}: {}", best.text);
            }
        }
        assert!(found > 1500, "{found}");
    }

    #[test]
    fn each_of_the_three_measures_finds_by_itself() {
        let own = ["la vereda celebra hoy su jornada de salud con todas las familias del campo".to_owned()];
        let texts = [
            ("the same words", "Con todas las familias del campo, la vereda celebra hoy su jornada de salud."),
            ("the same letters", "las veredas celebran hoy su jornada de salud con toda la familia del campo"),
            (
                "all of it in a longer one",
                "Ya es domingo: la vereda celebra hoy su jornada de salud con todas las familias del campo, y mañana sigue la \
                 fiesta en la plaza mayor con música, comida caliente y baile hasta la noche",
            ),
        ];
        for (why, text) in texts {
            let best = streamed(&[text.to_owned()], &own, 0.6).remove(0);
            assert!(best.is_some_and(|best| best.similarity < 1.0), "{why}");
        }
        let other = "la vereda celebra hoy otra cosa con gente de muchas partes".to_owned();
        assert_eq!(streamed(&[other], &own, 0.6), [None]);
    }

    #[test]
    fn a_count_that_needs_too_many_digits_is_not_taken_for_none() {
        let own = "la ".repeat(1 << PLANES);
        let best = streamed(&["La.".to_owned()], &[own], 0.8).remove(0);
        assert!(best.is_some_and(|best| best.similarity < 1.0), "it has the same one word, {} times", 1 << PLANES);
    }

    #[test]
    fn the_first_of_equally_similar_texts_is_named() {
        let own = ["uno dos tres cuatro cinco seis", "uno dos tres cuatro cinco siete"].map(str::to_owned);
        let best = streamed(&["Uno, dos, tres, cuatro, cinco.".to_owned()], &own, 0.8).remove(0).unwrap();
        assert_eq!((best.text, best.similarity), (own[0].clone(), 5.0 / 6.0));
    }
}

//! Posts that repeat an earlier one, word for word or nearly.

use pregonero_text::hashing::{HashedSet, hash};

use super::numbers::{Duplicates, Repeated};
use super::tally::FastMap;
use crate::near_duplicates::TextIndex;
use crate::similar::NEAR_DUPLICATE;

/// The most different texts that others are compared with.
const MOST_TEXTS: usize = 1_000_000;
/// A text with fewer words is not compared: half of the posts may be "buenos días".
const FEWEST_WORDS: usize = 4;
/// The most texts whose repetitions are counted one by one.
const MOST_REPEATED: usize = 50_000;

/// The texts so far.
#[derive(Debug)]
pub(super) struct RepeatedTexts {
    known: TextIndex,
    words: Vec<u32>,
    exact: u64,
    near: u64,
    not_compared: u64,
    /// By the first text's number: how many repeat it, and the latest of those.
    repetitions: FastMap<u32, (u64, Box<str>)>,
}

impl RepeatedTexts {
    pub(super) fn new() -> Self {
        Self {
            known: TextIndex::new(NEAR_DUPLICATE),
            words: Vec::new(),
            exact: 0,
            near: 0,
            not_compared: 0,
            repetitions: FastMap::default(),
        }
    }

    /// Notes a word of the present post.
    pub(super) fn note(&mut self, word: &str) {
        self.words.push(hash(0, &[word]) as u32);
    }

    /// Compares the post whose words were noted, if it is `wanted`.
    pub(super) fn end_post(&mut self, text: &str, wanted: bool) {
        let is_short = self.words.len() < FEWEST_WORDS;
        let words: HashedSet<u32> = self.words.drain(..).collect();
        if is_short || !wanted {
            return;
        }
        let Some((known, is_same)) = self.find(words.as_slice()) else {
            if self.known.len() < MOST_TEXTS {
                self.known.insert(words.as_slice());
            } else {
                self.not_compared += 1;
            }
            return;
        };
        *(if is_same { &mut self.exact } else { &mut self.near }) += 1;
        if let Some((posts, _)) = self.repetitions.get_mut(&known) {
            *posts += 1;
        } else if self.repetitions.len() < MOST_REPEATED {
            self.repetitions.insert(known, (1, text.into()));
        }
    }

    /// Returns an earlier text with these words, or else a similar one, and whether it is the same.
    fn find(&self, words: &[u32]) -> Option<(u32, bool)> {
        let mut similar = None;
        let same = self.known.find(words, |number| {
            let is_same = self.known.words_of(number) == words;
            if !is_same {
                similar.get_or_insert(number);
            }
            is_same
        });
        same.map(|number| (number, true)).or(similar.map(|number| (number, false)))
    }

    pub(super) fn not_compared(&self) -> u64 {
        self.not_compared
    }

    /// Returns the counts, and the `most` texts that were repeated most.
    pub(super) fn counted(&self, most: usize) -> Duplicates {
        let repeated = |(posts, text): &(u64, Box<str>)| Repeated { text: text.to_string(), posts: posts + 1 };
        let mut top: Vec<Repeated> = self.repetitions.values().map(repeated).collect();
        top.sort_by(|left, right| right.posts.cmp(&left.posts).then_with(|| left.text.cmp(&right.text)));
        top.truncate(most);
        Duplicates { exact: self.exact, near: self.near, threshold: NEAR_DUPLICATE, top }
    }
}

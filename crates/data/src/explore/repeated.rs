//! Posts that repeat an earlier one, word for word or nearly.

use std::borrow::Cow;

use pregonero_text::hashing::splitmix64;

use super::numbers::{Duplicates, Repeated};
use super::tally::FastMap;
use crate::near_duplicates::{Signature, TextIndex};
use crate::similar::NEAR_DUPLICATE;

/// The most different texts that others are compared with.
const MOST_TEXTS: usize = 1_000_000;
/// A text with fewer words is not compared: half of the posts may be "buenos días".
pub(super) const FEWEST_WORDS: usize = 4;
/// The most texts whose repetitions are counted one by one.
const MOST_REPEATED: usize = 50_000;

/// How many of the newest texts with an equal part of their signature are compared with a text. Copies are near in time.
const LONGEST_CHAIN: usize = 32;

/// The texts so far.
#[derive(Debug)]
pub(super) struct RepeatedTexts {
    known: TextIndex,
    /// By the hash of all its words, the number of a text.
    same: FastMap<u64, u32>,
    exact: u64,
    near: u64,
    not_compared: u64,
    /// By the first text's number: how many repeat it, and the latest of those.
    repetitions: FastMap<u32, (u64, Box<str>)>,
}

impl RepeatedTexts {
    pub(super) fn new() -> Self {
        Self {
            known: TextIndex::default(),
            same: FastMap::default(),
            exact: 0,
            near: 0,
            not_compared: 0,
            repetitions: FastMap::default(),
        }
    }

    /// Compares a post by its words, which ascend without repeats.
    pub(super) fn add<'a>(&mut self, words: &[u32], signature: &Signature, text: impl FnOnce() -> Cow<'a, str>) {
        let Some((known, is_same)) = self.find(words, signature) else {
            if self.known.len() < MOST_TEXTS {
                let number = self.known.insert_signed(words, signature);
                self.same.insert(hash_of(words), number);
            } else {
                self.not_compared += 1;
            }
            return;
        };
        *(if is_same { &mut self.exact } else { &mut self.near }) += 1;
        if let Some((posts, _)) = self.repetitions.get_mut(&known) {
            *posts += 1;
        } else if self.repetitions.len() < MOST_REPEATED {
            self.repetitions.insert(known, (1, text().into()));
        }
    }

    /// Returns an earlier text with these words, or else a similar one, and whether it is the same.
    fn find(&self, words: &[u32], signature: &Signature) -> Option<(u32, bool)> {
        if let Some(number) = self.same.get(&hash_of(words)) {
            return Some((*number, true));
        }
        let near = self.known.find_signed(words, signature, NEAR_DUPLICATE, LONGEST_CHAIN, |_| true);
        near.map(|number| (number, false))
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

/// Returns the hash of sorted words.
fn hash_of(words: &[u32]) -> u64 {
    words.iter().fold(0, |state, word| splitmix64(state ^ u64::from(*word)))
}

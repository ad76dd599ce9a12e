//! In how many posts of each cell (a combination of groups) every word and hashtag occurs, in bounded memory.

use super::tally::{FastMap, floor_that_leaves};

/// The most different words, and the most pairs of word and cell, that are kept.
const MOST_WORDS: usize = 400_000;
const MOST_PAIRS: usize = 3_600_000;

/// Words with their counts; a hashtag begins with its sign.
#[derive(Debug)]
pub(super) struct Words {
    numbers: FastMap<Box<str>, u32>,
    /// In how many posts each word occurs.
    posts: Vec<u32>,
    /// Whether each word is a stop word.
    stops: Vec<bool>,
    is_stop_word: fn(&str) -> bool,
    /// The same by cell; the key is the word's number and the cell.
    by_cell: FastMap<u64, u32>,
    /// The words of the present post.
    present: Vec<u32>,
    most_words: usize,
    missed_at_most: u64,
}

impl Words {
    pub(super) fn new(is_stop_word: fn(&str) -> bool) -> Self {
        Self::with_most(MOST_WORDS, is_stop_word)
    }

    fn with_most(most_words: usize, is_stop_word: fn(&str) -> bool) -> Self {
        Self {
            numbers: FastMap::default(),
            posts: Vec::new(),
            stops: Vec::new(),
            is_stop_word,
            by_cell: FastMap::default(),
            present: Vec::new(),
            most_words,
            missed_at_most: 0,
        }
    }

    /// Notes a word of the present post, and returns whether it is a stop word.
    pub(super) fn note(&mut self, word: &str) -> bool {
        let number = match self.numbers.get(word) {
            Some(number) => *number,
            None => {
                let number = self.posts.len() as u32;
                self.numbers.insert(word.into(), number);
                self.posts.push(0);
                self.stops.push((self.is_stop_word)(word));
                number
            }
        };
        self.present.push(number);
        self.stops[number as usize]
    }

    /// Counts the noted words, each once, as those of a post in this cell.
    pub(super) fn end_post(&mut self, cell: u16) {
        self.present.sort_unstable();
        self.present.dedup();
        for number in self.present.drain(..) {
            self.posts[number as usize] = self.posts[number as usize].saturating_add(1);
            let count = self.by_cell.entry(key(number, cell)).or_insert(0);
            *count = count.saturating_add(1);
        }
        if self.posts.len() > self.most_words || self.by_cell.len() > MOST_PAIRS {
            self.forget_the_rarest();
        }
    }

    fn forget_the_rarest(&mut self) {
        let of_words = floor_that_leaves(self.posts.iter().copied(), self.most_words / 2);
        // Every pair of a word that goes goes too, so this many pairs are left at most.
        let of_pairs = floor_that_leaves(self.by_cell.values().copied(), MOST_PAIRS / 2);
        let floor = of_words.max(of_pairs);
        let mut moved = vec![None; self.posts.len()];
        let (mut posts, mut stops) = (Vec::new(), Vec::new());
        for (number, count) in self.posts.iter().enumerate().filter(|(_, count)| **count > floor) {
            moved[number] = Some(posts.len() as u32);
            posts.push(*count);
            stops.push(self.stops[number]);
        }
        self.numbers.retain(|_, number| match moved[*number as usize] {
            Some(new) => {
                *number = new;
                true
            }
            None => false,
        });
        let old = std::mem::take(&mut self.by_cell);
        self.by_cell = old
            .into_iter()
            .filter_map(|(pair, count)| Some((key(moved[(pair >> 16) as usize]?, pair as u16), count)))
            .collect();
        (self.posts, self.stops) = (posts, stops);
        self.missed_at_most += u64::from(floor);
    }

    /// Returns by how much a count may be too small; 0 if all are exact.
    pub(super) fn missed_at_most(&self) -> u64 {
        self.missed_at_most
    }

    /// Returns the words in the order of their numbers.
    pub(super) fn names(&self) -> Vec<&str> {
        let mut names = vec![""; self.posts.len()];
        for (name, number) in &self.numbers {
            names[*number as usize] = name;
        }
        names
    }

    /// Returns in how many posts the word with this number occurs.
    pub(super) fn posts(&self, number: usize) -> u64 {
        u64::from(self.posts[number])
    }

    /// Returns whether the word with this number is a stop word.
    pub(super) fn is_stop_word(&self, number: usize) -> bool {
        self.stops[number]
    }

    /// Iterates over the counts by word and cell.
    pub(super) fn by_cell(&self) -> impl Iterator<Item = (usize, u16, u64)> {
        self.by_cell.iter().map(|(pair, count)| ((pair >> 16) as usize, *pair as u16, u64::from(*count)))
    }
}

fn key(number: u32, cell: u16) -> u64 {
    u64::from(number) << 16 | u64::from(cell)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn counted(words: &Words) -> BTreeMap<(String, u16), u64> {
        let names = words.names();
        words.by_cell().map(|(number, cell, count)| ((names[number].to_owned(), cell), count)).collect()
    }

    #[test]
    fn a_word_counts_once_a_post_and_by_cell() {
        let mut words = Words::new(|_| false);
        for (cell, post) in [(0, "sol sol mar"), (1, "sol"), (0, "sol #mar")] {
            post.split(' ').for_each(|word| {
                words.note(word);
            });
            words.end_post(cell);
        }
        let want = [(("#mar", 0), 1), (("mar", 0), 1), (("sol", 0), 2), (("sol", 1), 1)];
        assert_eq!(counted(&words), want.map(|((word, cell), count)| ((word.to_owned(), cell), count)).into());
        assert_eq!((words.posts(0), words.missed_at_most()), (3, 0));
    }

    #[test]
    fn beyond_the_bound_frequent_words_keep_their_counts_in_every_cell() {
        let mut words = Words::with_most(50, |_| false);
        for place in 0..1000_u32 {
            words.note("sol");
            words.note(if place % 2 == 0 { "mar" } else { "río" });
            words.note(&format!("raro{place}"));
            words.end_post((place % 2) as u16);
        }
        let counts = counted(&words);
        let get = |word: &str, cell| counts.get(&(word.to_owned(), cell)).copied().unwrap_or(0);
        assert_eq!((get("sol", 0), get("sol", 1), get("mar", 0), get("río", 1)), (500, 500, 500, 500));
        assert!(counts.len() < 60 && words.missed_at_most() > 0 && words.names().len() <= 51);
        assert!(words.names().iter().all(|name| !name.is_empty()));
    }
}

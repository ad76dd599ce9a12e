//! In how many posts of each cell (a combination of groups) every word and hashtag occurs, in bounded memory.

use super::tally::{FastMap, floor_that_leaves};

/// The most different words, and the most pairs of word and cell, that are kept.
const MOST_WORDS: usize = 400_000;
const MOST_PAIRS: usize = 3_600_000;

/// Words with their counts; a hashtag begins with its sign.
#[derive(Debug)]
pub(super) struct Words {
    numbers: FastMap<Box<str>, u32>,
    words: Vec<Word>,
    is_stop_word: fn(&str) -> bool,
    /// How many pairs of word and cell there are.
    pairs: usize,
    /// The words of the present post.
    present: Vec<u32>,
    most_words: usize,
    missed_at_most: u64,
}

/// What is known of a word.
#[derive(Debug)]
struct Word {
    /// In how many posts it occurs; and in how many of each cell, ascending by cell.
    posts: u32,
    by_cell: Vec<(u16, u32)>,
    is_stop_word: bool,
}

impl Words {
    pub(super) fn new(is_stop_word: fn(&str) -> bool) -> Self {
        Self::with_most(MOST_WORDS, is_stop_word)
    }

    fn with_most(most_words: usize, is_stop_word: fn(&str) -> bool) -> Self {
        Self {
            numbers: FastMap::default(),
            words: Vec::new(),
            is_stop_word,
            pairs: 0,
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
                let number = self.words.len() as u32;
                self.numbers.insert(word.into(), number);
                self.words.push(Word { posts: 0, by_cell: Vec::new(), is_stop_word: (self.is_stop_word)(word) });
                number
            }
        };
        self.present.push(number);
        self.words[number as usize].is_stop_word
    }

    /// Counts the noted words, each once, as those of a post in this cell.
    pub(super) fn end_post(&mut self, cell: u16) {
        self.present.sort_unstable();
        self.present.dedup();
        for number in self.present.drain(..) {
            let word = &mut self.words[number as usize];
            word.posts = word.posts.saturating_add(1);
            match word.by_cell.binary_search_by_key(&cell, |(known, _)| *known) {
                Ok(place) => word.by_cell[place].1 = word.by_cell[place].1.saturating_add(1),
                Err(place) => {
                    word.by_cell.insert(place, (cell, 1));
                    self.pairs += 1;
                }
            }
        }
        if self.words.len() > self.most_words || self.pairs > MOST_PAIRS {
            self.forget_the_rarest();
        }
    }

    fn forget_the_rarest(&mut self) {
        let of_words = floor_that_leaves(self.words.iter().map(|word| word.posts), self.most_words / 2);
        // Every pair of a word that goes goes too, so this many pairs are left at most.
        let pairs = self.words.iter().flat_map(|word| word.by_cell.iter().map(|(_, count)| *count));
        let of_pairs = floor_that_leaves(pairs, MOST_PAIRS / 2);
        let floor = of_words.max(of_pairs);
        let mut moved = vec![None; self.words.len()];
        let old = std::mem::take(&mut self.words);
        for (number, word) in old.into_iter().enumerate().filter(|(_, word)| word.posts > floor) {
            moved[number] = Some(self.words.len() as u32);
            self.words.push(word);
        }
        self.numbers.retain(|_, number| match moved[*number as usize] {
            Some(new) => {
                *number = new;
                true
            }
            None => false,
        });
        self.pairs = self.words.iter().map(|word| word.by_cell.len()).sum();
        self.missed_at_most += u64::from(floor);
    }

    /// Returns by how much a count may be too small; 0 if all are exact.
    pub(super) fn missed_at_most(&self) -> u64 {
        self.missed_at_most
    }

    /// Returns the words in the order of their numbers.
    pub(super) fn names(&self) -> Vec<&str> {
        let mut names = vec![""; self.words.len()];
        for (name, number) in &self.numbers {
            names[*number as usize] = name;
        }
        names
    }

    /// Returns in how many posts the word with this number occurs.
    pub(super) fn posts(&self, number: usize) -> u64 {
        u64::from(self.words[number].posts)
    }

    /// Returns whether the word with this number is a stop word.
    pub(super) fn is_stop_word(&self, number: usize) -> bool {
        self.words[number].is_stop_word
    }

    /// Iterates over the counts by word and cell.
    pub(super) fn by_cell(&self) -> impl Iterator<Item = (usize, u16, u64)> {
        self.words
            .iter()
            .enumerate()
            .flat_map(|(number, word)| word.by_cell.iter().map(move |(cell, count)| (number, *cell, u64::from(*count))))
    }
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

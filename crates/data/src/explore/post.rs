//! What can be said of one row without the others. Rows are read on all processors; the numbers do not depend on how many there are.

use pregonero_text::hashing::hash;

use super::time::Hour;
use super::tokens::{Token, Traits, tokens};
use super::{ExploreOptions, lower_case};
use crate::names;
use crate::near_duplicates::Signature;
use crate::row::{Row, Value, is_blank};
use crate::screen_name::retweeted;

/// A row as it was read.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) row: Row,
    pub(super) text: Text,
    pub(super) at: Option<Hour>,
    /// Whether it has a time at all, be it one that cannot be read.
    pub(super) has_time: bool,
    pub(super) post: Option<Post>,
}

/// What a row has for a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    NoColumn,
    Empty,
    Some,
}

/// The words of a row that is counted.
#[derive(Debug)]
pub(super) struct Post {
    pub(super) is_retweet: bool,
    pub(super) traits: Traits,
    pub(super) characters: u64,
    /// How many words there are; hashtags are none.
    pub(super) words: usize,
    /// The text in lower case, and where in it the words and hashtags are, each with its hash.
    lower: String,
    tokens: Vec<(u32, u32, u32)>,
    /// The hashes of the words by which the text is compared: ascending after [`Post::sign`].
    pub(super) compared: Vec<u32>,
    pub(super) signature: Option<Signature>,
}

impl Reading {
    /// Reads a row; the days are the first and last that are wanted.
    pub(super) fn of(row: Row, options: &ExploreOptions, wanted: (i32, i32)) -> Self {
        let mut reading = Self { row, text: Text::NoColumn, at: None, has_time: false, post: None };
        let Some(text) = reading.row.text(&options.text) else { return reading };
        if is_blank(&text) {
            reading.text = Text::Empty;
            return reading;
        }
        let time = reading.row.text(&options.time).filter(|time| !is_blank(time));
        let at = time.as_ref().and_then(|time| Hour::read(time, &options.zone));
        let has_time = time.is_some();
        let post = is_wanted(at, wanted).then(|| Post::of(&reading.row, &text));
        (reading.text, reading.at, reading.has_time, reading.post) = (Text::Some, at, has_time, post);
        reading
    }
}

fn is_wanted(at: Option<Hour>, (first, last): (i32, i32)) -> bool {
    let is_everything = first == i32::MIN && last == i32::MAX;
    is_everything || at.is_some_and(|at| (first..=last).contains(&at.day))
}

impl Post {
    fn of(row: &Row, text: &str) -> Self {
        let says = row.get(names::RETWEET).and_then(Value::as_bool);
        let mut post = Self {
            is_retweet: says.unwrap_or_else(|| retweeted(text).is_some()),
            traits: Traits::default(),
            characters: text.chars().count() as u64,
            words: 0,
            lower: String::with_capacity(text.len()),
            tokens: Vec::with_capacity(text.len() / 6),
            compared: Vec::new(),
            signature: None,
        };
        lower_case(text, &mut post.lower);
        post.split();
        post
    }

    fn split(&mut self) {
        let Self { lower, tokens: found, words, is_retweet, .. } = self;
        let start = lower.as_ptr().addr();
        self.traits = tokens(lower, |token| {
            let word = match token {
                Token::Word("rt") if *words == 0 && *is_retweet => return,
                Token::Word(word) => {
                    *words += 1;
                    word
                }
                Token::Hashtag(hashtag) => hashtag,
            };
            let place = (word.as_ptr().addr() - start) as u32;
            found.push((place, word.len() as u32, hash(0, &[word.trim_start_matches('#')]) as u32));
        });
    }

    /// Passes each word and hashtag to `note`, and remembers those to compare the text by: the ones of which it returns false.
    pub(super) fn note(&mut self, mut note: impl FnMut(&str) -> bool) {
        self.compared.reserve(self.tokens.len());
        for (place, length, hash) in &self.tokens {
            let word = &self.lower[*place as usize..(*place + *length) as usize];
            if !note(word) {
                self.compared.push(*hash);
            }
        }
    }

    /// Returns whether so many words are compared.
    pub(super) fn compares(&self, fewest: usize) -> bool {
        // Retweets are not compared: everybody knows that they repeat something.
        !self.is_retweet && self.compared.len() >= fewest
    }

    /// Makes the text ready to be compared.
    pub(super) fn sign(&mut self) {
        self.compared.sort_unstable();
        self.compared.dedup();
        self.signature = Some(Signature::of(&self.compared));
    }
}

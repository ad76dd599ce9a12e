//! `dataset explore`: reads a data set once, in bounded memory, and counts what a page about it shows.
//!
//! [`Explorer`] takes one row after the other. What needs a model (sentiment, word vectors) comes from outside as a function; it
//! gets a sample of the posts, or the words of the groups. See [`numbers`] for what comes out.

mod accounts;
mod cells;
mod finish;
mod log_odds;
pub mod numbers;
mod repeated;
mod sample;
mod tally;
mod time;
mod tokens;
mod words;

use std::borrow::Cow;

use anyhow::{Result, bail, ensure};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use self::accounts::Accounts;
use self::cells::Cells;
pub use self::finish::{Explored, Names};
use self::numbers::{Kinds, LeftOut};
use self::repeated::RepeatedTexts;
use self::sample::Sample;
pub use self::sample::SampledPost;
use self::tally::Tally;
use self::time::Hour;
use self::tokens::{Token, tokens};
use self::words::Words;
use crate::names;
use crate::row::{Row, Value};

/// Columns that are taken for groups if nobody names one.
pub const USUAL_GROUPS: [&str; 9] =
    ["label", "partido", "party", "coalicion", "coalición", "coalition", "grupo", "group", "split"];

/// The steps of the histogram of lengths, and how many there are.
const LENGTH_STEP: u64 = 20;
const LENGTH_STEPS: usize = 16;
/// The most words a post is counted with, for the median.
const MOST_WORDS: usize = 256;
/// The most languages that are counted exactly.
const MOST_LANGUAGES: usize = 1_000;

/// What to count.
#[derive(Debug, Clone)]
pub struct ExploreOptions {
    pub text: String,
    pub author: String,
    pub time: String,
    /// The columns with the groups; those of [`USUAL_GROUPS`] that the data have, if there is none.
    pub groups: Vec<String>,
    /// The zone of hours and days.
    pub zone: TimeZone,
    /// The first and the last day to count.
    pub since: Option<Date>,
    pub until: Option<Date>,
    /// How many posts are sampled for sentiment and word vectors.
    pub sample: usize,
    /// Words that are in no list, and by which texts are not compared: nearly all texts have some of them.
    pub is_stop_word: fn(&str) -> bool,
}

impl Default for ExploreOptions {
    fn default() -> Self {
        Self {
            text: names::TEXT.to_owned(),
            author: names::AUTHOR.to_owned(),
            time: names::CREATED_AT.to_owned(),
            groups: Vec::new(),
            zone: TimeZone::UTC,
            since: None,
            until: None,
            sample: 30_000,
            is_stop_word: |_| false,
        }
    }
}

/// What has been counted so far.
#[derive(Debug)]
pub struct Explorer {
    options: ExploreOptions,
    days_wanted: (i32, i32),
    cells: Cells,
    posts: u64,
    left_out: LeftOut,
    kinds: Kinds,
    with_link: u64,
    with_mention: u64,
    with_hashtag: u64,
    languages: Tally<Box<str>>,
    characters: [u64; LENGTH_STEPS],
    all_words: u64,
    words_a_post: Vec<u64>,
    accounts: Accounts,
    words: Words,
    repeated: RepeatedTexts,
    sample: Sample,
    /// Whether a row without a text has its column at least.
    has_text_column: bool,
    lower: String,
}

impl Explorer {
    #[must_use]
    pub fn new(options: ExploreOptions) -> Self {
        let day = |date: Option<Date>, otherwise| date.map_or(otherwise, time::day_of);
        Self {
            days_wanted: (day(options.since, i32::MIN), day(options.until, i32::MAX)),
            cells: Cells::new(&options.groups),
            posts: 0,
            left_out: LeftOut::default(),
            kinds: Kinds::default(),
            with_link: 0,
            with_mention: 0,
            with_hashtag: 0,
            languages: Tally::new(MOST_LANGUAGES),
            characters: [0; LENGTH_STEPS],
            all_words: 0,
            words_a_post: vec![0; MOST_WORDS],
            accounts: Accounts::new(),
            words: Words::new(options.is_stop_word),
            repeated: RepeatedTexts::new(),
            sample: Sample::new(options.sample),
            has_text_column: false,
            lower: String::new(),
            options,
        }
    }

    /// Counts a row. `place` says where it is, for the first time that cannot be read.
    ///
    /// # Errors
    /// If a column that was named for groups has too many different values to be one.
    pub fn add(&mut self, row: &Row, place: impl FnOnce() -> String) -> Result<()> {
        let text = row.text(&self.options.text).unwrap_or_default();
        if text.trim().is_empty() {
            self.left_out.without_text += 1;
            self.has_text_column |= row.get(&self.options.text).is_some();
            return Ok(());
        }
        let at = self.time(row, place);
        if !self.is_wanted(at) {
            self.left_out.outside_span += 1;
            return Ok(());
        }
        let cell = self.cells.cell(row)?;
        self.posts += 1;
        let is_retweet = self.count_kind(row, &text);
        self.count_author(row, cell, at);
        let words = self.count_text(&text, cell, is_retweet);
        let characters = text.chars().count() as u64;
        self.cells.count(cell, at, characters);
        self.count_lengths(characters, words);
        if !is_retweet {
            self.sample.offer(&text, cell, at.map(|at| at.day));
        }
        Ok(())
    }

    fn time(&mut self, row: &Row, place: impl FnOnce() -> String) -> Option<Hour> {
        let Some(text) = row.text(&self.options.time).filter(|text| !text.trim().is_empty()) else {
            self.left_out.without_time += 1;
            return None;
        };
        let at = Hour::read(&text, &self.options.zone);
        if at.is_none() {
            self.left_out.unreadable_time += 1;
            if self.left_out.first_unreadable_time.is_none() {
                self.left_out.first_unreadable_time = Some(format!("{}: {text:?}", place()));
            }
        }
        at
    }

    fn is_wanted(&self, at: Option<Hour>) -> bool {
        let (first, last) = self.days_wanted;
        let is_everything = first == i32::MIN && last == i32::MAX;
        is_everything || at.is_some_and(|at| (first..=last).contains(&at.day))
    }

    /// Counts what kind of post it is, and returns whether it is a retweet.
    fn count_kind(&mut self, row: &Row, text: &str) -> bool {
        let says = |column| row.get(column).and_then(Value::as_bool);
        let is_retweet = says(names::RETWEET).unwrap_or_else(|| text.starts_with("RT @"));
        let kind = if is_retweet {
            &mut self.kinds.retweets
        } else if says(names::QUOTE) == Some(true) {
            &mut self.kinds.quotes
        } else if says(names::REPLY).unwrap_or_else(|| text.starts_with('@')) {
            &mut self.kinds.replies
        } else {
            &mut self.kinds.originals
        };
        *kind += 1;
        if let Some(language) = row.text(names::LANG).filter(|language| !language.is_empty()) {
            self.languages.add(language.as_ref().into());
        }
        is_retweet
    }

    fn count_author(&mut self, row: &Row, cell: u16, at: Option<Hour>) {
        let named = |column: &str| row.text(column).filter(|name| !name.trim().is_empty());
        let author: Option<Cow<'_, str>> = named(&self.options.author).or_else(|| named(names::AUTHOR_ID));
        match author {
            Some(author) => self.accounts.add(&author, cell, at),
            None => self.left_out.without_author += 1,
        }
    }

    /// Counts the words of a text, and returns how many there are.
    fn count_text(&mut self, text: &str, cell: u16, is_retweet: bool) -> usize {
        let mut lower = std::mem::take(&mut self.lower);
        lower_case(text, &mut lower);
        let mut number = 0;
        let traits = tokens(&lower, |token| {
            let word = match token {
                Token::Word("rt") if number == 0 && is_retweet => return,
                Token::Word(word) => {
                    number += 1;
                    word
                }
                Token::Hashtag(hashtag) => hashtag,
            };
            if !self.words.note(word) {
                self.repeated.note(word.trim_start_matches('#'));
            }
        });
        self.words.end_post(cell);
        // Everybody knows that retweets repeat something.
        self.repeated.end_post(text, !is_retweet);
        self.lower = lower;
        self.with_link += u64::from(traits.link);
        self.with_mention += u64::from(traits.mention);
        self.with_hashtag += u64::from(traits.hashtag);
        number
    }

    fn count_lengths(&mut self, characters: u64, words: usize) {
        let step = usize::try_from(characters / LENGTH_STEP).unwrap_or(LENGTH_STEPS).min(LENGTH_STEPS - 1);
        self.characters[step] += 1;
        self.all_words += words as u64;
        self.words_a_post[words.min(MOST_WORDS - 1)] += 1;
    }

    /// Returns whether rows were counted, and none has the column with the text.
    #[must_use]
    pub fn lacks_text_column(&self) -> bool {
        let is_empty = self.posts == 0 && self.left_out.outside_span == 0;
        is_empty && self.left_out.without_text > 0 && !self.has_text_column
    }

    /// Ends the counting.
    ///
    /// # Errors
    /// If no row has a text, or no row has one of the columns that were named for groups.
    pub fn finish(self) -> Result<Explored> {
        if self.posts == 0 {
            ensure!(!self.lacks_text_column(), "no row has the column {:?}", self.options.text);
            ensure!(self.left_out.outside_span == 0, "no post is between --since and --until");
            bail!("no row has a text");
        }
        self.cells.check_named()?;
        Ok(Explored::new(self))
    }
}

/// Returns the words of a text as they are counted, in lower case and joined by spaces.
#[must_use]
pub fn counted_words(text: &str) -> String {
    let (mut lower, mut words) = (String::new(), String::new());
    lower_case(text, &mut lower);
    tokens(&lower, |token| {
        if let Token::Word(word) = token {
            if !words.is_empty() {
                words.push(' ');
            }
            words.push_str(word);
        }
    });
    words
}

/// Writes `text` in lower case into `lower`, without an allocation for most texts.
fn lower_case(text: &str, lower: &mut String) {
    lower.clear();
    let composed = pregonero_text::tweet_text::composed(text);
    if composed.is_ascii() {
        lower.push_str(&composed);
        lower.make_ascii_lowercase();
    } else {
        lower.extend(composed.chars().flat_map(char::to_lowercase));
    }
}

#[cfg(test)]
mod tests;

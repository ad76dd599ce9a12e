//! `dataset explore`: reads a data set once, in bounded memory, and counts what a page about it shows.
//!
//! [`Explorer`] takes one row after the other. What needs a model (sentiment, word vectors) comes from outside as a function; it
//! gets a sample of the posts, or the words of the groups. See [`numbers`] for what comes out.

mod accounts;
mod cells;
mod finish;
mod log_odds;
pub mod numbers;
mod post;
mod repeated;
mod sample;
mod tally;
mod time;
mod tokens;
mod words;

use std::borrow::Cow;
use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rayon::prelude::*;

use self::accounts::Accounts;
use self::cells::Cells;
pub use self::finish::{Explored, Names};
use self::numbers::{Kinds, LeftOut};
use self::post::{Post, Reading, Text};
use self::repeated::{FEWEST_WORDS as FEWEST_COMPARED, RepeatedTexts};
use self::sample::Sample;
pub use self::sample::SampledPost;
use self::tally::Tally;
use self::time::Hour;
use self::tokens::{Token, tokens};
use self::words::Words;
use crate::names;
use crate::row::{Place, Row, Value, is_blank};

/// Columns that are taken for groups if nobody names one.
pub const USUAL_GROUPS: [&str; 9] =
    ["label", "partido", "party", "coalicion", "coalición", "coalition", "grupo", "group", "split"];

/// The steps of the histogram of lengths, and how many there are.
const LENGTH_STEP: u64 = 20;
const LENGTH_STEPS: usize = 16;
/// The most words a post is counted with, for the median.
const MOST_WORDS: usize = 256;
/// The fewest rows that are read on a thread of their own.
const FEWEST_A_THREAD: usize = 64;
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
    options: Arc<ExploreOptions>,
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
    /// Rows that were read and not counted yet.
    waiting: Vec<Reading>,
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
            waiting: Vec::new(),
            options: Arc::new(options),
        }
    }

    /// Counts rows, which are read on all processors while those of the call before are counted: [`Self::flush`] counts the last
    /// ones. `place` says where a row is, for the first time that cannot be read.
    ///
    /// # Errors
    /// If a column that was named for groups has too many different values to be one.
    pub fn add(&mut self, rows: Vec<Row>, place: &dyn Fn(Place) -> String) -> Result<()> {
        let (options, days) = (Arc::clone(&self.options), self.days_wanted);
        let waiting = std::mem::take(&mut self.waiting);
        let read = || -> Vec<Reading> {
            let rows = rows.into_par_iter().with_min_len(FEWEST_A_THREAD);
            rows.map(|row| Reading::of(row, &options, days)).collect()
        };
        let (counted, read) = rayon::join(|| self.count_all(waiting), read);
        self.waiting = read;
        if self.left_out.first_unreadable_time.is_none()
            && let Some(first) = self.waiting.iter().find(|reading| reading.has_time && reading.at.is_none())
        {
            let text = first.row.text(&self.options.time).unwrap_or_default();
            self.left_out.first_unreadable_time = Some(format!("{}: {text:?}", place(first.row.place)));
        }
        counted
    }

    /// Counts the rows that were read and not counted yet.
    ///
    /// # Errors
    /// If a column that was named for groups has too many different values to be one.
    pub fn flush(&mut self) -> Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        self.count_all(waiting)
    }

    fn count_all(&mut self, mut rows: Vec<Reading>) -> Result<()> {
        for reading in &mut rows {
            self.count(reading)?;
        }
        let compared =
            |reading: &&mut Reading| reading.post.as_ref().is_some_and(|post| post.compares(FEWEST_COMPARED));
        let compared = rows.par_iter_mut().with_min_len(FEWEST_A_THREAD).filter(compared);
        compared.filter_map(|reading| reading.post.as_mut()).for_each(Post::sign);
        for Reading { row, post, .. } in &rows {
            if let Some((post, signature)) = post.as_ref().and_then(|post| Some((post, post.signature.as_ref()?))) {
                self.repeated.add(&post.compared, signature, || row.text(&self.options.text).unwrap_or_default());
            }
        }
        Ok(())
    }

    fn count(&mut self, Reading { row, text, at, has_time, post }: &mut Reading) -> Result<()> {
        if *text != Text::Some {
            self.left_out.without_text += 1;
            self.has_text_column |= *text == Text::Empty;
            return Ok(());
        }
        self.left_out.without_time += u64::from(!*has_time);
        self.left_out.unreadable_time += u64::from(*has_time && at.is_none());
        let Some(post) = post else {
            self.left_out.outside_span += 1;
            return Ok(());
        };
        let text = row.text(&self.options.text).unwrap_or_default();
        let cell = self.cells.cell(row)?;
        self.posts += 1;
        self.count_kind(row, &text, post.is_retweet);
        self.count_author(row, cell, *at);
        self.count_words(post, cell);
        self.cells.count(cell, *at, post.characters);
        self.count_lengths(post.characters, post.words);
        if !post.is_retweet {
            self.sample.offer(&text, cell, at.map(|at| at.day));
        }
        Ok(())
    }

    /// Counts what kind of post it is.
    fn count_kind(&mut self, row: &Row, text: &str, is_retweet: bool) {
        let says = |column| row.get(column).and_then(Value::as_bool);
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
            self.languages.add_text(&language);
        }
    }

    fn count_author(&mut self, row: &Row, cell: u16, at: Option<Hour>) {
        let named = |column: &str| row.text(column).filter(|name| !is_blank(name));
        let author: Option<Cow<'_, str>> = named(&self.options.author).or_else(|| named(names::AUTHOR_ID));
        match author {
            Some(author) => self.accounts.add(&author, cell, at),
            None => self.left_out.without_author += 1,
        }
    }

    fn count_words(&mut self, post: &mut Post, cell: u16) {
        post.note(|word| self.words.note(word));
        self.words.end_post(cell);
        self.with_link += u64::from(post.traits.link);
        self.with_mention += u64::from(post.traits.mention);
        self.with_hashtag += u64::from(post.traits.hashtag);
    }

    fn count_lengths(&mut self, characters: u64, words: usize) {
        let step = usize::try_from(characters / LENGTH_STEP).unwrap_or(LENGTH_STEPS).min(LENGTH_STEPS - 1);
        self.characters[step] += 1;
        self.all_words += words as u64;
        self.words_a_post[words.min(MOST_WORDS - 1)] += 1;
    }

    /// Returns whether rows were counted (see [`Self::flush`]), and none has the column with the text.
    #[must_use]
    pub fn lacks_text_column(&self) -> bool {
        let is_empty = self.posts == 0 && self.left_out.outside_span == 0;
        is_empty && self.left_out.without_text > 0 && !self.has_text_column
    }

    /// Ends the counting.
    ///
    /// # Errors
    /// If no row has a text, or no row has one of the columns that were named for groups.
    pub fn finish(mut self) -> Result<Explored> {
        self.flush()?;
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

//! What is known of all rows that stay: few bytes each, so that a data set of millions fits. Repeats are found here, in the order of
//! the rows.
//!
//! A row takes about 50 bytes, and a text of 16 different words 250 more, once however often it is repeated.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::FixedState;

use super::assess::{Facts, NOBODY};
use super::reason::Reason;
use super::spec::{Duplicates, FilterSpec};
use crate::near_duplicates::TextIndex;
use crate::similar::NEAR_DUPLICATE;

/// Stands for a row without a date.
pub const UNDATED: i64 = i64::MIN;

/// The seconds of a day.
pub const DAY: i64 = 24 * 60 * 60;

/// With how many of the newest texts whose signature has an equal part a text is compared: where many thousands are made from one
/// template, a comparison with all would take hours.
pub const MOST_COMPARED: usize = 1000;

/// The rows that stay; all lists have one entry a row, in the order of the rows.
#[derive(Debug)]
pub struct Kept {
    pub authors: Vec<u64>,
    /// The number of the row's text in `index`; rows with the same words have the same.
    pub texts: Vec<u32>,
    /// Seconds since 1970 in UTC, or [`UNDATED`].
    pub seconds: Vec<i64>,
    /// The place of the row's label in `labels`, from 1; 0 if it has none.
    pub labels_of: Vec<u16>,
    pub labels: Vec<Arc<str>>,
    pub index: TextIndex,
    /// From this similarity on, a text of one part is a near-duplicate of a text of another.
    pub near_in_split: f64,
    by_text: HashMap<u64, u32, FixedState>,
    ids: HashSet<u64, FixedState>,
    of_author: HashMap<u64, u32, FixedState>,
    duplicates: Duplicates,
    /// From this similarity on, `duplicates = "near"` drops a text.
    near: f64,
    max_per_author: Option<u32>,
}

impl Kept {
    /// Begins without rows.
    #[must_use]
    pub fn new(filter: &FilterSpec, near_in_split: Option<f64>) -> Self {
        Self {
            authors: Vec::new(),
            texts: Vec::new(),
            seconds: Vec::new(),
            labels_of: Vec::new(),
            labels: Vec::new(),
            index: TextIndex::default(),
            near_in_split: near_in_split.or(filter.near_threshold).unwrap_or(NEAR_DUPLICATE),
            by_text: HashMap::default(),
            ids: HashSet::default(),
            of_author: HashMap::default(),
            duplicates: filter.duplicates,
            near: filter.near_threshold.unwrap_or(NEAR_DUPLICATE),
            max_per_author: filter.max_per_author,
        }
    }

    /// Returns how many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Returns whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Returns the day of a row in UTC, counted from 1970, if it has a date.
    #[must_use]
    pub fn day(&self, row: usize) -> Option<i64> {
        Some(self.seconds[row]).filter(|at| *at != UNDATED).map(|at| at.div_euclid(DAY))
    }

    /// Adds a row.
    ///
    /// # Errors
    /// Why it is dropped instead, if it is.
    pub fn add(&mut self, facts: &Facts) -> Result<(), Reason> {
        if let Some(reason) = self.repeated(facts) {
            return Err(reason);
        }
        self.count_author(facts.author)?;
        if self.duplicates != Duplicates::Keep {
            self.ids.extend(facts.id);
        }
        let words = &facts.words;
        let text = self.by_text.entry(words.text).or_insert_with(|| match &facts.signature {
            Some(signature) => self.index.insert_signed(&words.set, signature),
            None => self.index.store(&words.set),
        });
        self.texts.push(*text);
        self.authors.push(facts.author);
        self.seconds.push(facts.at.map_or(UNDATED, jiff::Timestamp::as_second));
        let label = facts.label.as_ref().map_or(0, |label| self.label(label));
        self.labels_of.push(label);
        Ok(())
    }

    fn repeated(&self, facts: &Facts) -> Option<Reason> {
        if self.duplicates == Duplicates::Keep {
            return None;
        }
        if facts.id.is_some_and(|id| self.ids.contains(&id)) {
            return Some(Reason::RepeatedId);
        }
        if self.by_text.contains_key(&facts.words.text) {
            return Some(Reason::Duplicate);
        }
        if self.duplicates != Duplicates::Near {
            return None;
        }
        let words = &facts.words.set;
        let near = match &facts.signature {
            Some(signature) => self.index.find_signed(words, signature, self.near, MOST_COMPARED, |_| true),
            None => self.index.find_within(words, self.near, MOST_COMPARED, |_| true),
        };
        near.map(|_| Reason::NearDuplicate)
    }

    /// Returns a note if some texts had so many others to be compared with that they were compared with the newest only.
    #[must_use]
    pub fn compared_with_some(&self) -> Option<String> {
        let times = self.index.times_cut_short();
        (times > 0).then(|| {
            format!(
                "near-duplicates: {times} times a text had more than {MOST_COMPARED} earlier ones that it may be like, and was compared \
                 with the newest {MOST_COMPARED} of them only"
            )
        })
    }

    fn count_author(&mut self, author: u64) -> Result<(), Reason> {
        let Some(most) = self.max_per_author.filter(|_| author != NOBODY) else { return Ok(()) };
        let count = self.of_author.entry(author).or_insert(0);
        if *count >= most {
            return Err(Reason::TooManyOfAuthor);
        }
        *count += 1;
        Ok(())
    }

    fn label(&mut self, label: &Arc<str>) -> u16 {
        let known = self.labels.iter().position(|known| known == label);
        let place = known.unwrap_or_else(|| {
            self.labels.push(Arc::clone(label));
            self.labels.len() - 1
        });
        u16::try_from(place + 1).unwrap_or(u16::MAX)
    }

    /// Returns how many different authors are known.
    #[must_use]
    pub fn count_authors(&self) -> usize {
        let authors: HashSet<u64> = self.authors.iter().copied().filter(|author| *author != NOBODY).collect();
        authors.len()
    }
}

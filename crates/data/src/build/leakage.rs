//! How much of what is tested with has been seen in training: authors, texts, near-duplicates and days on both sides.
//!
//! The chosen split is compared with a random one of the same sizes, because only the comparison says what a choice is worth.
//! Near-duplicates are found by [`TextIndex`], which misses 4 of 100 pairs that are just similar enough.

use std::collections::HashSet;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::assess::NOBODY;
use super::distinct::{Kept, UNDATED};
use super::parts::{PARTS, at_random_like, sizes};
use crate::near_duplicates::TextIndex;

const DAY: i64 = 24 * 60 * 60;
const TRAIN: u8 = 0;

/// The leakage of a split and of a random one of the same sizes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeakageReport {
    /// The part that is tested with: `test`, or `validation` where there is no test part.
    pub tested: String,
    pub split: Leakage,
    pub random: Leakage,
}

/// How many of the tested rows have something in common with a row of the training part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leakage {
    /// All rows that are tested with.
    pub rows: usize,
    /// Those whose author is known, and those whose author is also in training.
    pub with_author: usize,
    pub author_in_training: usize,
    /// Those whose text is also in training, and those for which a near-duplicate is; the former are among the latter.
    pub text_in_training: usize,
    pub near_duplicate_in_training: usize,
    /// Those that have a date, and those of a day from which training has rows too.
    pub with_date: usize,
    pub day_in_training: usize,
}

/// Measures a split, and a random one of the same sizes.
///
/// # Errors
/// If the rows cannot be divided at random; that does not happen.
pub fn measure(kept: &Kept, parts: &[u8], seed: u64) -> Result<Option<LeakageReport>> {
    let [train, validation, test] = sizes(parts);
    let tested = if test > 0 { 2 } else { 1 };
    if train == 0 || test + validation == 0 {
        return Ok(None);
    }
    let random = at_random_like(parts, seed)?;
    Ok(Some(LeakageReport {
        tested: PARTS[usize::from(tested)].to_owned(),
        split: leakage(kept, parts, tested),
        random: leakage(kept, &random, tested),
    }))
}

fn leakage(kept: &Kept, parts: &[u8], tested: u8) -> Leakage {
    let training = |row: &usize| parts[*row] == TRAIN;
    let rows = 0..kept.len();
    let authors: HashSet<u64> =
        rows.clone().filter(training).map(|row| kept.authors[row]).filter(|author| *author != NOBODY).collect();
    let days: HashSet<i64> = rows.clone().filter(training).filter_map(|row| day(kept, row)).collect();
    let mut texts = vec![false; kept.index.len()];
    rows.clone().filter(training).for_each(|row| texts[kept.texts[row] as usize] = true);
    let mut near: Vec<Option<bool>> = vec![None; kept.index.len()];
    let mut found = Leakage::default();
    for row in rows.filter(|row| parts[*row] == tested) {
        let text = kept.texts[row] as usize;
        let is_near =
            *near[text].get_or_insert_with(|| texts[text] || has_similar(&kept.index, kept.texts[row], &texts));
        found.rows += 1;
        found.with_author += usize::from(kept.authors[row] != NOBODY);
        found.author_in_training += usize::from(authors.contains(&kept.authors[row]));
        found.text_in_training += usize::from(texts[text]);
        found.near_duplicate_in_training += usize::from(is_near);
        let day = day(kept, row);
        found.with_date += usize::from(day.is_some());
        found.day_in_training += usize::from(day.is_some_and(|day| days.contains(&day)));
    }
    found
}

fn day(kept: &Kept, row: usize) -> Option<i64> {
    Some(kept.seconds[row]).filter(|at| *at != UNDATED).map(|at| at.div_euclid(DAY))
}

/// Returns whether a text of the training part is similar to this one.
fn has_similar(index: &TextIndex, text: u32, training: &[bool]) -> bool {
    let words = index.words_of(text);
    let similar = |other: u32| training[other as usize] && index.is_similar(words, index.words_of(other));
    index.candidates(words, u32::MAX).any(similar)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::assess::Facts;
    use crate::build::words::Comparable;

    #[test]
    fn what_training_has_seen_is_counted_by_kind() {
        let rows = [
            ("el puesto de salud abre mañana a las ocho", 1, 0, 0),
            ("hoy llueve en toda la costa del sur", 2, 0, 0),
            ("EL PUESTO de salud abre mañana, a las ocho", 3, 5, 2),
            ("el puesto de salud abre mañana a las nueve", 2, 0, 2),
            ("nada que nadie dijo antes de ahora", 0, 9, 2),
            ("otra cosa más que no se prueba", 9, 1, 1),
        ];
        let mut kept = Kept::new(&toml::from_str("").unwrap(), None);
        let mut parts = Vec::new();
        for (text, author, day, part) in rows {
            let at = jiff::Timestamp::from_second(day * DAY).unwrap();
            kept.add(&Facts { words: Comparable::of(text), author, id: None, at: Some(at), label: None }).unwrap();
            parts.push(part);
        }
        let report = measure(&kept, &parts, 1).unwrap().unwrap();
        let expected = Leakage {
            rows: 3,
            with_author: 2,
            author_in_training: 1,
            text_in_training: 1,
            near_duplicate_in_training: 2,
            with_date: 3,
            day_in_training: 1,
        };
        assert_eq!((report.tested.as_str(), report.split), ("test", expected));
        assert_eq!(report.random.rows, 3);
        assert_eq!(measure(&kept, &[0; 6], 1).unwrap(), None);
    }
}

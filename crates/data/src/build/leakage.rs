//! How much of what is tested with has been seen in training: authors, texts, near-duplicates and days on both sides.
//!
//! The chosen split is compared with a random one of the same sizes, because only the comparison says what a choice is worth.
//! Near-duplicates are found by [`crate::near_duplicates`], which misses 4 of 100 pairs that are just similar enough.

use std::collections::HashSet;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::assess::NOBODY;
use super::distinct::{Kept, MOST_COMPARED};
use super::parts::{PARTS, at_random_like, sizes};

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
#[must_use]
pub fn measure(kept: &Kept, parts: &[u8], seed: u64) -> Option<LeakageReport> {
    let [train, validation, test] = sizes(parts);
    let tested = if test > 0 { 2 } else { 1 };
    if train == 0 || test + validation == 0 {
        return None;
    }
    let random = at_random_like(parts, seed);
    Some(LeakageReport {
        tested: PARTS[usize::from(tested)].to_owned(),
        split: leakage(kept, parts, tested),
        random: leakage(kept, &random, tested),
    })
}

fn leakage(kept: &Kept, parts: &[u8], tested: u8) -> Leakage {
    let training = |row: &usize| parts[*row] == TRAIN;
    let rows = 0..kept.len();
    let authors: HashSet<u64> =
        rows.clone().filter(training).map(|row| kept.authors[row]).filter(|author| *author != NOBODY).collect();
    let days: HashSet<i64> = rows.clone().filter(training).filter_map(|row| kept.day(row)).collect();
    let mut texts = vec![false; kept.index.len()];
    rows.clone().filter(training).for_each(|row| texts[kept.texts[row] as usize] = true);
    let near = near_training(kept, &texts, parts, tested);
    let mut found = Leakage::default();
    for row in rows.filter(|row| parts[*row] == tested) {
        let text = kept.texts[row] as usize;
        let is_near = near[text];
        found.rows += 1;
        found.with_author += usize::from(kept.authors[row] != NOBODY);
        found.author_in_training += usize::from(authors.contains(&kept.authors[row]));
        found.text_in_training += usize::from(texts[text]);
        found.near_duplicate_in_training += usize::from(is_near);
        let day = kept.day(row);
        found.with_date += usize::from(day.is_some());
        found.day_in_training += usize::from(day.is_some_and(|day| days.contains(&day)));
    }
    found
}

/// Returns which texts of the tested part are in training, or nearly; found on all processors.
fn near_training(kept: &Kept, training: &[bool], parts: &[u8], tested: u8) -> Vec<bool> {
    let mut near = vec![false; kept.index.len()];
    let rows = (0..kept.len()).filter(|row| parts[*row] == tested);
    rows.for_each(|row| near[kept.texts[row] as usize] = true);
    near.par_iter_mut().enumerate().with_min_len(64).filter(|(_, near)| **near).for_each(|(text, near)| {
        *near = training[text] || has_similar(kept, text as u32, training);
    });
    near
}

/// Returns whether a text of the training part is similar to this one.
fn has_similar(kept: &Kept, text: u32, training: &[bool]) -> bool {
    let in_training = |other: u32| training[other as usize];
    let words = kept.index.words_of(text);
    kept.index.find_within(words, kept.near_in_split, MOST_COMPARED, in_training).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::assess::Facts;
    use crate::build::distinct::DAY;
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
            kept.add(&Facts {
                words: Comparable::of(text),
                signature: None,
                author,
                id: None,
                at: Some(at),
                label: None,
            })
            .unwrap();
            parts.push(part);
        }
        let report = measure(&kept, &parts, 1).unwrap();
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
        assert_eq!(measure(&kept, &[0; 6], 1), None);
    }
}

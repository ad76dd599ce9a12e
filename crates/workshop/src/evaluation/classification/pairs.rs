//! Minimal pairs: two texts that differ in little and have different labels, such as a slogan and its inversion.
//!
//! A classifier that reads only words predicts nearly the same for both, whatever its accuracy elsewhere.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use super::Scored;
use crate::dataset::columns::{Asked, open_table};
use pregonero_models::sentiment::calibration::likeliest;

/// How many pairs a classifier tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PairReport {
    pub pairs: usize,
    /// Share of the pairs in which each text's label is more probable for it than for the other text; 0.5 by chance.
    pub ordered: f64,
    /// Share of the pairs in which both labels are predicted correctly.
    pub both_right: f64,
}

impl PairReport {
    /// Computes the report for a file whose rows were scored; `column` says which rows belong together.
    ///
    /// # Errors
    /// If the column is missing, or a pair does not consist of two rows with different labels.
    pub fn new(scored: &Scored, path: &Path, column: &str) -> Result<Self> {
        let names = pair_names(path, column)?;
        let mut pairs = BTreeMap::<&str, Vec<usize>>::new();
        for (place, row) in scored.rows.iter().enumerate() {
            let name = names.get(row - 1).with_context(|| format!("{}: row {row} has no pair", path.display()))?;
            pairs.entry(name).or_default().push(place);
        }
        let (mut ordered, mut both_right) = (0, 0);
        for (name, places) in &pairs {
            let [first, second] = places[..] else {
                anyhow::bail!("{}: pair {name:?} has {} rows; it needs two", path.display(), places.len());
            };
            let (one, other) = (scored.labels[first], scored.labels[second]);
            ensure!(one != other, "{}: both rows of pair {name:?} have the same label", path.display());
            let of = |place: usize, label: usize| scored.probabilities[place][label];
            ordered += usize::from(of(first, one) > of(second, one) && of(second, other) > of(first, other));
            let is_right = |place: usize| likeliest(&scored.probabilities[place]) == scored.labels[place];
            both_right += usize::from(is_right(first) && is_right(second));
        }
        let share = |count: usize| count as f64 / pairs.len().max(1) as f64;
        Ok(Self { pairs: pairs.len(), ordered: share(ordered), both_right: share(both_right) })
    }
}

impl fmt::Display for PairReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pairs, ordered, both_right } = self;
        write!(f, "{pairs} pairs: in the right order {ordered:.4}, both labels right {both_right:.4}")
    }
}

/// Returns the pair of every row, in the file's order.
fn pair_names(path: &Path, column: &str) -> Result<Vec<String>> {
    let mut table = open_table(path, &[Asked::new(column, "--pair-column")])?;
    let mut names = Vec::new();
    while let Some(row) = table.next_row()? {
        names.extend(row.fields);
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(pairs: &[&str], labels: &[usize], positive: &[f32]) -> Result<PairReport> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("pairs.csv");
        std::fs::write(
            &path,
            format!("text,pair\n{}", pairs.iter().map(|pair| format!("x,{pair}\n")).collect::<String>()),
        )?;
        let scored = Scored {
            rows: (1..=pairs.len()).collect(),
            labels: labels.to_vec(),
            probabilities: positive.iter().map(|p| vec![1.0 - p, *p]).collect(),
            names: vec!["negative".to_owned(), "positive".to_owned()],
            skipped_empty: 0,
            verified: None,
        };
        PairReport::new(&scored, &path, "pair")
    }

    #[test]
    fn a_pair_is_told_apart_by_its_order_and_by_both_labels() {
        let pairs = ["a", "a", "b", "b", "c", "c", "d", "d"];
        let labels = [1, 0, 1, 0, 0, 1, 1, 0];
        let positive = [0.9, 0.1, 0.9, 0.8, 0.6, 0.4, 0.7, 0.7];
        let expected = PairReport { pairs: 4, ordered: 0.5, both_right: 0.25 };
        assert_eq!(report(&pairs, &labels, &positive).unwrap(), expected);
    }

    #[test]
    fn what_is_no_pair_is_named() {
        for (pairs, labels, expected) in [
            (vec!["a", "a", "a"], vec![1, 0, 1], "pair \"a\" has 3 rows"),
            (vec!["a", "b"], vec![1, 0], "pair \"a\" has 1 rows"),
            (vec!["a", "a"], vec![1, 1], "both rows of pair \"a\" have the same label"),
        ] {
            let message = report(&pairs, &labels, &vec![0.5; labels.len()]).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}

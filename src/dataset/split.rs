//! Splits in which no author and no text stands on two sides.
//!
//! Tweets repeat, and some authors post dozens of times: a random split shows a model at test time what it learned by
//! heart. Here tweets that share an author or a normalised text form a group, across any number of links, and a group
//! goes to one side as a whole.

use std::collections::HashMap;

use anyhow::{Result, ensure};
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha12Rng;
use serde::{Deserialize, Serialize};

/// How large the parts of a split shall be; they sum to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shares {
    pub train: f64,
    pub validation: f64,
    pub test: f64,
}

impl Default for Shares {
    fn default() -> Self {
        Self { train: 0.7, validation: 0.1, test: 0.2 }
    }
}

impl Shares {
    /// # Errors
    /// Where a share is negative or they do not sum to 1.
    pub fn check(&self) -> Result<()> {
        let shares = self.as_array();
        let sum: f64 = shares.iter().sum();
        ensure!(
            shares.iter().all(|share| *share >= 0.0) && (sum - 1.0).abs() < 1e-6,
            "split shares {shares:?} must not be negative and must sum to 1"
        );
        Ok(())
    }

    fn as_array(self) -> [f64; 3] {
        [self.train, self.validation, self.test]
    }
}

/// Places of rows in the table that was split, ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    pub train: Vec<usize>,
    pub validation: Vec<usize>,
    pub test: Vec<usize>,
}

/// What decides where a row goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SplitRow<'a> {
    /// Empty where unknown: then it links nothing.
    pub author: &'a str,
    /// The text as the classifier reads it.
    pub normalised: &'a str,
    /// 0 or 1.
    pub label: usize,
}

/// Splits `rows` by groups; the same seed over the same rows gives the same split. Every part gets close to its share
/// of each label, as far as groups allow: the largest groups are placed first, each where most is missing.
///
/// # Errors
/// Where `shares` do not pass their check.
pub fn split_by_groups(rows: &[SplitRow<'_>], shares: &Shares, seed: u64) -> Result<Split> {
    shares.check()?;
    let mut groups = groups(rows);
    groups.shuffle(&mut ChaCha12Rng::seed_from_u64(seed));
    groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
    let targets = shares.as_array().map(|share| count_labels(rows, 0..rows.len()).map(|count| count as f64 * share));
    let mut filled = [[0.0; 2]; 3];
    let mut parts: [Vec<usize>; 3] = Default::default();
    for group in groups {
        let labels = count_labels(rows, group.iter().copied());
        let part = neediest(&targets, &filled, labels);
        for label in 0..2 {
            filled[part][label] += labels[label] as f64;
        }
        parts[part].extend(group);
    }
    parts.iter_mut().for_each(|part| part.sort_unstable());
    let [train, validation, test] = parts;
    Ok(Split { train, validation, test })
}

fn count_labels(rows: &[SplitRow<'_>], places: impl IntoIterator<Item = usize>) -> [usize; 2] {
    let mut counts = [0; 2];
    places.into_iter().for_each(|place| counts[rows[place].label.min(1)] += 1);
    counts
}

/// The part that lacks the largest share of what the group brings; the first of equals.
fn neediest(targets: &[[f64; 2]; 3], filled: &[[f64; 2]; 3], labels: [usize; 2]) -> usize {
    let need = |part: usize| -> f64 {
        (0..2)
            .filter(|&label| labels[label] > 0)
            .map(|label| {
                let missing = (targets[part][label] - filled[part][label]) / targets[part][label].max(1e-9);
                labels[label] as f64 * missing.max(-1e6)
            })
            .sum()
    };
    let mut best = 0;
    for part in 1..targets.len() {
        if need(part) > need(best) {
            best = part;
        }
    }
    best
}

/// Rows by group, groups in the order of their first row.
fn groups(rows: &[SplitRow<'_>]) -> Vec<Vec<usize>> {
    let mut parents: Vec<usize> = (0..rows.len()).collect();
    let mut by_author = HashMap::new();
    let mut by_text = HashMap::new();
    for (place, row) in rows.iter().enumerate() {
        if !row.author.is_empty() {
            join(&mut parents, *by_author.entry(row.author).or_insert(place), place);
        }
        join(&mut parents, *by_text.entry(row.normalised).or_insert(place), place);
    }
    let mut groups: Vec<Vec<usize>> = vec![Vec::new(); rows.len()];
    for place in 0..rows.len() {
        groups[root(&mut parents, place)].push(place);
    }
    groups.retain(|group| !group.is_empty());
    groups
}

fn root(parents: &mut [usize], mut place: usize) -> usize {
    while parents[place] != place {
        parents[place] = parents[parents[place]];
        place = parents[place];
    }
    place
}

/// Joins two groups under the smaller root, so that a group's root is its first row.
fn join(parents: &mut [usize], left: usize, right: usize) {
    let (left, right) = (root(parents, left), root(parents, right));
    parents[left.max(right)] = left.min(right);
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use rand::Rng as _;

    use super::*;

    fn table(seed: u64) -> Vec<(String, String, usize)> {
        let mut rng = ChaCha12Rng::seed_from_u64(seed);
        (0..2000)
            .map(|_| {
                let author: u32 = if rng.random_bool(0.1) { 0 } else { rng.random_range(1..1500) };
                let author = if author == 7 { String::new() } else { author.to_string() };
                (author, format!("texto {}", rng.random_range(0..20_000)), usize::from(rng.random_bool(0.65)))
            })
            .collect()
    }

    fn rows(table: &[(String, String, usize)]) -> Vec<SplitRow<'_>> {
        table.iter().map(|(author, normalised, label)| SplitRow { author, normalised, label: *label }).collect()
    }

    #[test]
    fn no_author_and_no_text_stands_on_two_sides_and_nothing_is_lost() {
        for seed in 0..5 {
            let table = table(seed);
            let rows = rows(&table);
            let split = split_by_groups(&rows, &Shares::default(), seed).unwrap();
            let parts = [&split.train, &split.validation, &split.test];
            let mut all: Vec<usize> = parts.iter().flat_map(|part| part.iter().copied()).collect();
            all.sort_unstable();
            assert_eq!(all, (0..rows.len()).collect::<Vec<_>>());
            for (left, right) in [(0, 1), (0, 2), (1, 2)] {
                let texts: HashSet<_> = parts[left].iter().map(|&row| rows[row].normalised).collect();
                let authors: HashSet<_> = parts[left].iter().map(|&row| rows[row].author).collect();
                for &row in parts[right] {
                    assert!(!texts.contains(rows[row].normalised));
                    assert!(rows[row].author.is_empty() || !authors.contains(rows[row].author));
                }
            }
        }
    }

    #[test]
    fn parts_and_labels_are_close_to_their_shares() {
        let table = table(3);
        let rows = rows(&table);
        let split = split_by_groups(&rows, &Shares::default(), 1).unwrap();
        let whole = count_labels(&rows, 0..rows.len());
        for (part, share) in [(&split.train, 0.7), (&split.validation, 0.1), (&split.test, 0.2)] {
            let labels = count_labels(&rows, part.iter().copied());
            for label in 0..2 {
                let got = labels[label] as f64 / whole[label] as f64;
                assert!((got - share).abs() < 0.02, "{got} of label {label} is not {share}");
            }
        }
    }

    #[test]
    fn the_seed_decides_the_split() {
        let table = table(4);
        let rows = rows(&table);
        let split = |seed| split_by_groups(&rows, &Shares::default(), seed).unwrap();
        assert_eq!(split(1), split(1));
        assert_ne!(split(1), split(2));
        let wrong = Shares { train: 0.9, validation: 0.1, test: 0.2 };
        assert!(split_by_groups(&rows, &wrong, 1).unwrap_err().to_string().contains("sum to 1"));
    }
}

//! Splits data into train, validation and test parts, by default so that no author and no text is in two parts.
//!
//! Tweets repeat, and some authors post dozens of times, so a random split shows a model at test time what it learned by
//! heart. A split by groups puts tweets that share an author, a normalised text or nearly one (see [`super::similar`]) into one
//! part, across any number of links. The random split exists to reproduce what others measured with one.

use std::collections::HashMap;

use super::groups::Groups;
use super::similar::SimilarTexts;
use anyhow::{Result, ensure};
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha12Rng;

/// The indices of each part's rows in the table that was split, ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    pub train: Vec<usize>,
    pub validation: Vec<usize>,
    pub test: Vec<usize>,
}

/// The properties of a row that decide where it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SplitRow<'a> {
    /// Empty if unknown; then it links nothing.
    pub author: &'a str,
    /// The text as it is compared.
    pub normalised: &'a str,
    /// From 0.
    pub label: usize,
}

/// Splits the rows by groups; the same seed and rows always give the same split. Every part gets close to its share
/// of each label, as far as the groups allow: the largest groups are placed first, each in the part that lacks most. With
/// `near_duplicate`, texts of at least that similarity are one group.
///
/// # Errors
/// If `shares` do not pass their check.
pub fn split_by_groups(
    rows: &[SplitRow<'_>],
    shares: [f64; 3],
    near_duplicate: Option<f64>,
    seed: u64,
) -> Result<Split> {
    let labels: Vec<usize> = rows.iter().map(|row| row.label).collect();
    split_groups(groups(rows, near_duplicate), &labels, shares, seed)
}

/// Splits rows that are grouped already, as [`split_by_groups`] does; `labels` has one label for each row.
///
/// # Errors
/// If `shares` do not pass their check.
pub fn split_groups(mut groups: Vec<Vec<usize>>, labels: &[usize], shares: [f64; 3], seed: u64) -> Result<Split> {
    check_shares(shares)?;
    groups.shuffle(&mut ChaCha12Rng::seed_from_u64(seed));
    groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
    let kinds = 1 + labels.iter().copied().max().unwrap_or(0);
    let whole = count_labels(labels, kinds, 0..labels.len());
    let target = |share: f64| -> Vec<f64> { whole.iter().map(|&count| count as f64 * share).collect() };
    let targets = shares.map(target);
    let mut filled = [(); 3].map(|()| vec![0.0; kinds]);
    let mut parts: [Vec<usize>; 3] = Default::default();
    for group in groups {
        let counts = count_labels(labels, kinds, group.iter().copied());
        let part = neediest(&targets, &filled, &counts);
        for (filled, count) in filled[part].iter_mut().zip(counts) {
            *filled += count as f64;
        }
        parts[part].extend(group);
    }
    Ok(Split::of(parts))
}

/// Splits rows at random: takes the test part first, as a share of all, then divides the rest between train and validation.
///
/// # Errors
/// If `shares` do not pass their check.
pub fn split_at_random(rows: usize, shares: [f64; 3], seed: u64) -> Result<Split> {
    check_shares(shares)?;
    let size = |share: f64| (share * rows as f64).round() as usize;
    let test = size(shares[2]).min(rows);
    let validation = size(shares[1]).min(rows - test);
    Ok(split_in_sizes([rows - test - validation, validation, test], seed))
}

/// Splits rows at random into train, validation and test parts of these sizes, as [`split_at_random`] does.
#[must_use]
pub fn split_in_sizes([train, validation, test]: [usize; 3], seed: u64) -> Split {
    let mut order: Vec<usize> = (0..train + validation + test).collect();
    order.shuffle(&mut ChaCha12Rng::seed_from_u64(seed));
    let mut rest = order.split_off(test);
    let validation = rest.split_off(train);
    Split::of([rest, validation, order])
}

/// Checks the shares of the train, validation and test part.
///
/// # Errors
/// If a share is negative or they do not sum to 1.
pub fn check_shares(shares: [f64; 3]) -> Result<()> {
    let sum: f64 = shares.iter().sum();
    ensure!(
        shares.iter().all(|share| *share >= 0.0) && (sum - 1.0).abs() < 1e-6,
        "split shares {shares:?} must not be negative and must sum to 1"
    );
    Ok(())
}

impl Split {
    fn of(mut parts: [Vec<usize>; 3]) -> Self {
        parts.iter_mut().for_each(|part| part.sort_unstable());
        let [train, validation, test] = parts;
        Self { train, validation, test }
    }
}

fn count_labels(labels: &[usize], kinds: usize, places: impl IntoIterator<Item = usize>) -> Vec<usize> {
    let mut counts = vec![0; kinds];
    places.into_iter().for_each(|place| counts[labels[place]] += 1);
    counts
}

/// Returns the part that lacks the largest share of what the group contains; the first of equals.
fn neediest(targets: &[Vec<f64>; 3], filled: &[Vec<f64>; 3], counts: &[usize]) -> usize {
    let need = |part: usize| -> f64 {
        (0..counts.len())
            .filter(|&label| counts[label] > 0)
            .map(|label| {
                let missing = (targets[part][label] - filled[part][label]) / targets[part][label].max(1e-9);
                counts[label] as f64 * missing.max(-1e6)
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

/// Returns the rows by group, groups in the order of their first row.
fn groups(rows: &[SplitRow<'_>], near_duplicate: Option<f64>) -> Vec<Vec<usize>> {
    let mut groups = Groups::new(rows.len());
    let mut by_author = HashMap::new();
    let mut by_text = HashMap::new();
    for (place, row) in rows.iter().enumerate() {
        if !row.author.is_empty() {
            groups.join(*by_author.entry(row.author).or_insert(place), place);
        }
        groups.join(*by_text.entry(row.normalised).or_insert(place), place);
    }
    if let Some(threshold) = near_duplicate {
        // Each text once: otherwise a slogan that a hundred people post would be compared with itself ten thousand times.
        let firsts: Vec<usize> = (0..rows.len()).filter(|&place| by_text[rows[place].normalised] == place).collect();
        let texts: Vec<&str> = firsts.iter().map(|&place| rows[place].normalised).collect();
        let similar = SimilarTexts::new(&texts, threshold);
        for (&place, text) in firsts.iter().zip(&texts) {
            similar.find(text).into_iter().for_each(|other| groups.join(firsts[other], place));
        }
    }
    groups.into_rows()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use rand::Rng as _;

    use super::*;

    const SHARES: [f64; 3] = [0.7, 0.1, 0.2];

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
            let split = split_by_groups(&rows, SHARES, None, seed).unwrap();
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
        let split = split_by_groups(&rows, SHARES, None, 1).unwrap();
        let labels: Vec<usize> = rows.iter().map(|row| row.label).collect();
        let whole = count_labels(&labels, 2, 0..rows.len());
        for (part, share) in [(&split.train, 0.7), (&split.validation, 0.1), (&split.test, 0.2)] {
            let counts = count_labels(&labels, 2, part.iter().copied());
            for label in 0..2 {
                let got = counts[label] as f64 / whole[label] as f64;
                assert!((got - share).abs() < 0.02, "{got} of label {label} is not {share}");
            }
        }
    }

    #[test]
    fn the_seed_decides_the_split() {
        let table = table(4);
        let rows = rows(&table);
        let split = |seed| split_by_groups(&rows, SHARES, None, seed).unwrap();
        assert_eq!(split(1), split(1));
        assert_ne!(split(1), split(2));
        let wrong = [0.9, 0.1, 0.2];
        assert!(split_by_groups(&rows, wrong, None, 1).unwrap_err().to_string().contains("sum to 1"));
    }

    #[test]
    fn near_duplicates_stay_on_one_side_where_that_is_asked() {
        let texts: Vec<String> =
            (0..600).map(|index| format!("a{0} b{0} c{0} d{0} e{0} f{0} copia{1}", index / 3, index)).collect();
        let rows: Vec<SplitRow<'_>> = texts
            .iter()
            .enumerate()
            .map(|(index, normalised)| SplitRow { author: "", normalised, label: index % 3 })
            .collect();
        let sides = |near_duplicate: Option<f64>| {
            let split = split_by_groups(&rows, SHARES, near_duplicate, 1).unwrap();
            let of_test: HashSet<usize> = split.test.iter().map(|row| row / 3).collect();
            split.train.iter().filter(|row| of_test.contains(&(*row / 3))).count()
        };
        assert!(sides(None) > 0, "the copies already stood together");
        assert_eq!(sides(Some(0.7)), 0);
    }

    #[test]
    fn a_random_split_cuts_the_validation_part_off_the_train_part() {
        let shares = [0.63, 0.07, 0.3];
        let split = split_at_random(1000, shares, 4).unwrap();
        assert_eq!([split.train.len(), split.validation.len(), split.test.len()], [630, 70, 300]);
        let mut all = [split.train.clone(), split.validation, split.test.clone()].concat();
        all.sort_unstable();
        assert_eq!(all, (0..1000).collect::<Vec<_>>());
        let other = [0.5, 0.2, 0.3];
        assert_eq!(split_at_random(1000, other, 4).unwrap().test, split.test);
        for few in 0..4 {
            let split = split_at_random(few, shares, 4).unwrap();
            assert_eq!(split.train.len() + split.validation.len() + split.test.len(), few);
        }
    }
}

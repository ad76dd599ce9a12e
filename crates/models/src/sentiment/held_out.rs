//! What a classifier's `config.json` records about the split of its training, so that an evaluation finds the same
//! test part again.
//!
//! The split is computed anew from whatever table is given: with a row more or less, or another column of authors,
//! rows that were trained on would be evaluated as held out.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use crate::catalog::sha256_of;

/// The flags that name the columns, for messages.
pub const TEXT_FLAG: &str = "--text-column";
pub const LABEL_FLAG: &str = "--label-column";
pub const AUTHOR_FLAG: &str = "--author-column";

/// The sizes of the parts of a split; they sum to 1.
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
    /// If a share is negative or they do not sum to 1.
    pub fn check(&self) -> Result<()> {
        let shares = self.as_array();
        let sum: f64 = shares.iter().sum();
        ensure!(
            shares.iter().all(|share| *share >= 0.0) && (sum - 1.0).abs() < 1e-6,
            "split shares {shares:?} must not be negative and must sum to 1"
        );
        Ok(())
    }

    pub fn as_array(self) -> [f64; 3] {
        [self.train, self.validation, self.test]
    }
}

/// How rows are assigned to the parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SplitProtocol {
    /// Texts of one author, and similar texts, stay together.
    #[default]
    Groups,
    /// Row by row, with duplicates left in: VacunaBot's protocol, which flatters the results.
    Random,
    /// Not at all: the data set has the parts already. Seed, shares and similarity decide nothing then.
    Given,
}

/// The split that a classifier was trained with: `held_out` in its `config.json`, so that an evaluation finds the
/// test part again.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldOut {
    pub seed: u64,
    pub shares: Shares,
    #[serde(default)]
    pub protocol: SplitProtocol,
    /// The similarity from which texts stay together; absent: only identical texts do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub near_duplicate: Option<f64>,
}

impl HeldOut {
    /// Returns whether two trainings on the same data hold out the same rows.
    #[must_use]
    pub fn holds_out_the_same(&self, other: &Self) -> bool {
        let both_given = [self, other].iter().all(|split| split.protocol == SplitProtocol::Given);
        both_given || self == other
    }
}

/// The columns of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Columns {
    pub text: String,
    /// The column with a label's name, or its place among the labels, from 0.
    pub label: String,
    /// The column that distinguishes authors; `None` if the table has none.
    pub author: Option<String>,
}

impl Default for Columns {
    fn default() -> Self {
        Self { text: "text".to_owned(), label: "label".to_owned(), author: Some("author".to_owned()) }
    }
}

impl Columns {
    /// Returns the flags that name them on a command line.
    #[must_use]
    pub fn flags(&self) -> String {
        let author = self.author.as_deref().unwrap_or("\"\"");
        format!("{TEXT_FLAG} {} {LABEL_FLAG} {} {AUTHOR_FLAG} {author}", self.text, self.label)
    }
}

/// Digits of a digest that a message shows.
const SHOWN: usize = 12;

/// The test part of a training's split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestPart {
    /// The columns that the training read.
    pub columns: Columns,
    pub rows: usize,
    /// Digest of the cleaned texts and the labels, in the table's order; lower-case hexadecimal.
    pub sha256: String,
}

impl TestPart {
    /// Returns the part that consists of `rows`, each a cleaned text and the place of its label; `columns` are those
    /// they were read from.
    #[must_use]
    pub fn of<'a>(columns: &Columns, rows: impl IntoIterator<Item = (&'a str, usize)>) -> Self {
        let (mut content, mut count) = (Vec::new(), 0);
        for (normalised, label) in rows {
            // A byte that UTF-8 never uses separates the fields.
            content.extend_from_slice(normalised.as_bytes());
            content.push(0xff);
            content.extend_from_slice(label.to_string().as_bytes());
            content.push(0xff);
            count += 1;
        }
        Self { columns: columns.clone(), rows: count, sha256: sha256_of(&content) }
    }

    /// # Errors
    /// If `found` has other rows; the message says what to provide instead.
    pub fn check(&self, found: &Self) -> Result<()> {
        let Self { columns, rows, sha256 } = self;
        ensure!(
            (*rows, sha256) == (found.rows, &found.sha256),
            "this is not the held-out part of the training: {} rows with the digest {:.SHOWN$}, but the model's config.json \
             says {rows} with {sha256:.SHOWN$}; give the file it was trained on, unchanged, with {}",
            found.rows,
            found.sha256,
            columns.flags()
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seed_and_shares_do_not_count_where_the_parts_are_given() {
        let split = |protocol, seed| HeldOut { seed, shares: Shares::default(), protocol, near_duplicate: None };
        let same = |one, other| split(one, 1).holds_out_the_same(&split(other, 2));
        assert!(same(SplitProtocol::Given, SplitProtocol::Given));
        assert!(
            !same(SplitProtocol::Groups, SplitProtocol::Groups) && !same(SplitProtocol::Groups, SplitProtocol::Given)
        );
    }

    #[test]
    fn a_part_is_known_by_its_texts_and_labels_and_a_mismatch_says_what_to_give() {
        let columns = Columns { text: "tweet".to_owned(), author: None, ..Columns::default() };
        let part = TestPart::of(&columns, [("hola", 1), ("no quiero", 0)]);
        // printf 'hola\xff1\xffno quiero\xff0\xff' | sha256sum
        assert_eq!(part.sha256, "fa6a76bad99a65717ba24ccbb6034db18e17718ed529e08d17377d2f6cdb71b4");
        let elsewhere = TestPart::of(&Columns::default(), [("hola", 1), ("no quiero", 0)]);
        assert!(part.check(&elsewhere).is_ok(), "the columns' names do not matter where the rows are the same");
        for other in [&[("hola", 1)][..], &[("no quiero", 0), ("hola", 1)], &[("hola", 0), ("no quiero", 0)]] {
            let message = part.check(&TestPart::of(&columns, other.iter().copied())).unwrap_err().to_string();
            assert!(message.contains("--text-column tweet --label-column label --author-column \"\""), "{message}");
            assert!(message.contains(&format!("says 2 with {}", &part.sha256[..12])), "{message}");
        }
    }
}

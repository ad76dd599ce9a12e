//! What a model's `config.json` keeps of the rows that its training held out, so that an evaluation knows them again.
//!
//! The split is dealt anew from whatever table is given: a row more or less, or another column of authors, and rows that
//! were trained on would be measured as held out. Neighbours: [`super::split`] deals, [`crate::sentiment`] stores.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::labelled::Columns;
use super::split::SplitRow;
use crate::catalog::sha256_of;

/// Digits of a digest that a message shows.
const SHOWN: usize = 12;

/// The test part of a training.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestPart {
    /// The columns that the training read.
    pub columns: Columns,
    pub rows: usize,
    /// Of the cleaned texts and the labels, in the table's order; lower-case hexadecimal.
    pub sha256: String,
}

impl TestPart {
    /// The part that `rows` are, read by `columns`.
    #[must_use]
    pub fn of(columns: &Columns, rows: &[SplitRow<'_>]) -> Self {
        let mut content = Vec::new();
        for row in rows {
            // A byte that UTF-8 never uses parts the fields.
            content.extend_from_slice(row.normalised.as_bytes());
            content.push(0xff);
            content.extend_from_slice(row.label.to_string().as_bytes());
            content.push(0xff);
        }
        Self { columns: columns.clone(), rows: rows.len(), sha256: sha256_of(&content) }
    }

    /// # Errors
    /// Where `found` are not the same rows; the message says what to give instead.
    pub fn check(&self, found: &Self) -> Result<()> {
        let Self { columns, rows, sha256 } = self;
        ensure!(
            (*rows, sha256) == (found.rows, &found.sha256),
            "this is not the held-out part of the training: {} rows with the digest {:.SHOWN$}, the model's config.json \
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
    fn a_part_is_known_by_its_texts_and_labels_and_a_mismatch_says_what_to_give() {
        let row = |normalised, label| SplitRow { author: "ana", normalised, label };
        let columns = Columns { text: "tweet".to_owned(), author: None, ..Columns::default() };
        let part = TestPart::of(&columns, &[row("hola", 1), row("no quiero", 0)]);
        // printf 'hola\xff1\xffno quiero\xff0\xff' | sha256sum
        assert_eq!(part.sha256, "fa6a76bad99a65717ba24ccbb6034db18e17718ed529e08d17377d2f6cdb71b4");
        let elsewhere = TestPart::of(&Columns::default(), &[row("hola", 1), row("no quiero", 0)]);
        assert!(part.check(&elsewhere).is_ok(), "the columns' names do not matter where the rows are the same");
        for other in
            [&[row("hola", 1)][..], &[row("no quiero", 0), row("hola", 1)], &[row("hola", 0), row("no quiero", 0)]]
        {
            let message = part.check(&TestPart::of(&columns, other)).unwrap_err().to_string();
            assert!(message.contains("--text-column tweet --label-column label --author-column \"\""), "{message}");
            assert!(message.contains(&format!("says 2 with {}", &part.sha256[..12])), "{message}");
        }
    }
}

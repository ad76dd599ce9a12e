//! The rows that a classifier may be measured on, and its predictions for them.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::dataset::labelled::{LabelledTweet, read_labelled};
use crate::dataset::split;
use crate::metrics::ClassificationReport;
use pregonero_data::split::SplitRow;
use pregonero_models::sentiment::Classifier;
use pregonero_models::sentiment::Columns;
use pregonero_models::sentiment::TestPart;
use pregonero_models::sentiment::calibration::likeliest;

/// Which rows of a file an evaluation uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvaluatedPart {
    /// All rows: the file contains nothing that the model was trained on.
    All,
    /// The test part of the split: the file is the one that the model was trained on.
    HeldOut,
}

/// The rows that an evaluation uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvaluatedRows {
    pub tweets: Vec<LabelledTweet>,
    /// The number of rows in the whole file that are left out because cleaning leaves nothing of their text.
    pub skipped_empty: usize,
    /// For a held-out part, whether it is known to be the training's own; models of earlier versions do not say.
    pub verified: Option<bool>,
}

/// Rows with their true labels and a classifier's predictions; all lists have the same order.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// Row numbers in the table, from 1, the header not counted.
    pub rows: Vec<usize>,
    pub labels: Vec<usize>,
    /// One probability per label for each row.
    pub probabilities: Vec<Vec<f32>>,
    /// The labels' names.
    pub names: Vec<String>,
    /// As [`EvaluatedRows::skipped_empty`].
    pub skipped_empty: usize,
    /// As [`EvaluatedRows::verified`].
    pub verified: Option<bool>,
}

/// A row whose predicted label is wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mistake {
    /// Its row number in the table, from 1, the header not counted.
    pub row: usize,
    pub label: usize,
    pub predicted: usize,
    /// The probability of the predicted label.
    pub confidence: f32,
}

impl Scored {
    /// Computes the metrics.
    ///
    /// # Errors
    /// Same as [`ClassificationReport::new`].
    pub fn report(&self) -> Result<ClassificationReport> {
        ClassificationReport::new(&self.labels, &self.probabilities, &self.names)
    }

    /// Returns the wrong rows, the most confident first.
    #[must_use]
    pub fn mistakes(&self) -> Vec<Mistake> {
        let mut mistakes: Vec<Mistake> = self
            .probabilities
            .iter()
            .enumerate()
            .map(|(place, row)| {
                let predicted = likeliest(row);
                Mistake { row: self.rows[place], label: self.labels[place], predicted, confidence: row[predicted] }
            })
            .filter(|mistake| mistake.label != mistake.predicted)
            .collect();
        mistakes.sort_by(|left, right| right.confidence.total_cmp(&left.confidence));
        mistakes
    }

    /// Returns which rows have `label`, and its probability for every row.
    #[must_use]
    pub fn against(&self, label: usize) -> (Vec<bool>, Vec<f32>) {
        let truth = self.labels.iter().map(|row| *row == label).collect();
        (truth, self.probabilities.iter().map(|row| row[label]).collect())
    }
}

/// Scores the labelled tweets of a CSV file and computes the metrics.
///
/// # Errors
/// Same as [`score_labelled`]; also if nothing is left to evaluate.
pub fn evaluate_classifier(
    classifier: &Classifier,
    path: &Path,
    columns: &Columns,
    part: EvaluatedPart,
) -> Result<ClassificationReport> {
    score_labelled(classifier, path, columns, part)?.report().with_context(|| path.display().to_string())
}

/// Scores the labelled tweets of a CSV file.
///
/// # Errors
/// Same as [`read_evaluated`]; also if candle fails.
pub fn score_labelled(classifier: &Classifier, path: &Path, columns: &Columns, part: EvaluatedPart) -> Result<Scored> {
    let EvaluatedRows { tweets, skipped_empty, verified } = read_evaluated(classifier, path, columns, part)?;
    let texts: Vec<&str> = tweets.iter().map(|tweet| tweet.text.as_str()).collect();
    Ok(Scored {
        rows: tweets.iter().map(|tweet| tweet.row).collect(),
        labels: tweets.iter().map(|tweet| tweet.label).collect(),
        probabilities: classifier.probabilities(&texts)?,
        names: classifier.config().labels.clone(),
        skipped_empty,
        verified,
    })
}

/// Reads the rows of a part. Like the training, it leaves out rows of whose text cleaning leaves nothing.
///
/// # Errors
/// Same as [`read_labelled`]; also if no row has anything to read, or the held-out part is not the one that the training
/// held out.
pub fn read_evaluated(
    classifier: &Classifier,
    path: &Path,
    columns: &Columns,
    part: EvaluatedPart,
) -> Result<EvaluatedRows> {
    let table = read_labelled(path, columns, &classifier.config().labels)?;
    let read = table.tweets.len() + table.skipped_empty;
    let (tweets, cleaned): (Vec<_>, Vec<_>) = table
        .tweets
        .into_iter()
        .map(|tweet| {
            let cleaned = classifier.clean(&tweet.text);
            (tweet, cleaned)
        })
        .filter(|(_, cleaned)| !cleaned.is_empty())
        .unzip();
    let name = || path.display().to_string();
    ensure!(!tweets.is_empty(), "{}: cleaning leaves no text in any row", name());
    let skipped_empty = read - tweets.len();
    match part {
        EvaluatedPart::All => {
            if tweets.iter().any(|tweet| tweet.part.is_some()) {
                tracing::warn!(
                    "{}: all parts of this data set are measured, also those that the classifier may have learned from; --held-out measures only its test part",
                    name()
                );
            }
            Ok(EvaluatedRows { tweets, skipped_empty, verified: None })
        }
        EvaluatedPart::HeldOut => {
            let (tweets, verified) = held_out(classifier, &tweets, &cleaned, columns).with_context(name)?;
            Ok(EvaluatedRows { tweets, skipped_empty, verified: Some(verified) })
        }
    }
}

/// Returns the test part of the classifier's own split, and whether it is known to be the training's.
fn held_out(
    classifier: &Classifier,
    tweets: &[LabelledTweet],
    cleaned: &[String],
    columns: &Columns,
) -> Result<(Vec<LabelledTweet>, bool)> {
    let rows: Vec<SplitRow<'_>> = tweets
        .iter()
        .zip(cleaned)
        .map(|(tweet, normalised)| SplitRow { author: &tweet.author, normalised, label: tweet.label })
        .collect();
    let given: Vec<_> = tweets.iter().map(|tweet| tweet.part).collect();
    let split = split::split(&classifier.config().held_out, &rows, &given)?;
    let kept = &classifier.config().test_part;
    if let Some(kept) = kept {
        kept.check(&TestPart::of(columns, split.test.iter().map(|&row| (rows[row].normalised, rows[row].label))))?;
    }
    Ok((split.test.into_iter().map(|row| tweets[row].clone()).collect(), kept.is_some()))
}

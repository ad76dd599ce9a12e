//! The rows a classifier may be measured on, and what it says of them.

use std::path::Path;

use anyhow::{Context as _, Result};

use super::ClassificationReport;
use crate::dataset::labelled::{Columns, LabelledTweet, read_labelled};
use crate::dataset::split::SplitRow;
use crate::sentiment::Classifier;
use crate::sentiment::calibration::likeliest;

/// Which rows of a file an evaluation takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvaluatedPart {
    /// All of them: the file holds nothing that the model was trained on.
    All,
    /// Of the file the model was trained on, the test part of its split.
    HeldOut,
}

/// Rows with their true labels and what a classifier said; the lists have one order.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// Places in the table, from 1, the header not counted.
    pub rows: Vec<usize>,
    pub labels: Vec<usize>,
    /// One probability a label.
    pub probabilities: Vec<Vec<f32>>,
    /// The labels' names.
    pub names: Vec<String>,
}

/// A row whose predicted label is wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mistake {
    /// Its place in the table, from 1, the header not counted.
    pub row: usize,
    pub label: usize,
    pub predicted: usize,
    /// The probability of the predicted label.
    pub confidence: f32,
}

impl Scored {
    /// The metrics.
    ///
    /// # Errors
    /// As [`ClassificationReport::new`].
    pub fn report(&self) -> Result<ClassificationReport> {
        ClassificationReport::new(&self.labels, &self.probabilities, &self.names)
    }

    /// The wrong rows, the most confident first.
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

    /// Which rows are of `label`, and its probability for every row.
    #[must_use]
    pub fn against(&self, label: usize) -> (Vec<bool>, Vec<f32>) {
        let truth = self.labels.iter().map(|row| *row == label).collect();
        (truth, self.probabilities.iter().map(|row| row[label]).collect())
    }
}

/// Scores the labelled tweets of a CSV file and compares.
///
/// # Errors
/// As [`score_labelled`]; where nothing is left to evaluate.
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
/// As [`read_labelled`]; where candle fails.
pub fn score_labelled(classifier: &Classifier, path: &Path, columns: &Columns, part: EvaluatedPart) -> Result<Scored> {
    let tweets = read_evaluated(classifier, path, columns, part)?;
    let texts: Vec<&str> = tweets.iter().map(|tweet| tweet.text.as_str()).collect();
    Ok(Scored {
        rows: tweets.iter().map(|tweet| tweet.row).collect(),
        labels: tweets.iter().map(|tweet| tweet.label).collect(),
        probabilities: classifier.probabilities(&texts)?,
        names: classifier.config().labels.clone(),
    })
}

/// The rows of a part.
///
/// # Errors
/// As [`read_labelled`].
pub fn read_evaluated(
    classifier: &Classifier,
    path: &Path,
    columns: &Columns,
    part: EvaluatedPart,
) -> Result<Vec<LabelledTweet>> {
    let tweets = read_labelled(path, columns, &classifier.config().labels)?.tweets;
    match part {
        EvaluatedPart::All => Ok(tweets),
        EvaluatedPart::HeldOut => held_out(classifier, tweets),
    }
}

/// The test part of the classifier's own split; training leaves out texts of which cleaning leaves nothing.
fn held_out(classifier: &Classifier, mut tweets: Vec<LabelledTweet>) -> Result<Vec<LabelledTweet>> {
    tweets.retain(|tweet| !classifier.clean(&tweet.text).is_empty());
    let cleaned: Vec<String> = tweets.iter().map(|tweet| classifier.clean(&tweet.text)).collect();
    let rows: Vec<SplitRow<'_>> = tweets
        .iter()
        .zip(&cleaned)
        .map(|(tweet, normalised)| SplitRow { author: &tweet.author, normalised, label: tweet.label })
        .collect();
    let split = classifier.config().held_out.split(&rows)?;
    Ok(split.test.into_iter().map(|row| tweets[row].clone()).collect())
}

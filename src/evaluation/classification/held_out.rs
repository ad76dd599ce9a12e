//! The rows a classifier may be measured on, and measuring it on them.

use std::path::Path;

use anyhow::{Context as _, Result};

use super::ClassificationReport;
use crate::dataset::labelled::{Columns, LabelledTweet, read_labelled};
use crate::dataset::split::SplitRow;
use crate::sentiment::Classifier;

/// Which rows of a file an evaluation takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvaluatedPart {
    /// All of them: the file holds nothing that the model was trained on.
    All,
    /// Of the file the model was trained on, the test part of its split.
    HeldOut,
}

/// Scores the labelled tweets of a CSV file and compares.
///
/// # Errors
/// As [`read_labelled`]; where nothing is left to evaluate or candle fails.
pub fn evaluate_classifier(
    classifier: &Classifier,
    path: &Path,
    columns: &Columns,
    part: EvaluatedPart,
) -> Result<ClassificationReport> {
    let names = &classifier.config().labels;
    let tweets = read_labelled(path, columns, names)?.tweets;
    let tweets = match part {
        EvaluatedPart::All => tweets,
        EvaluatedPart::HeldOut => held_out(classifier, tweets)?,
    };
    let texts: Vec<&str> = tweets.iter().map(|tweet| tweet.text.as_str()).collect();
    let labels: Vec<usize> = tweets.iter().map(|tweet| tweet.label).collect();
    let probabilities = classifier.probabilities(&texts)?;
    ClassificationReport::new(&labels, &probabilities, names).with_context(|| path.display().to_string())
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

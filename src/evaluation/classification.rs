//! Metrics of a two-class classifier, with scikit-learn's definitions.
//!
//! Serialised as `evaluate classifier --json` prints it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use crate::dataset::labelled::{Columns, LabelledTweet, read_labelled};
use crate::dataset::split::{SplitRow, split_by_groups};
use crate::sentiment::Classifier;

/// How one class was recognised; 0 where a quotient has no meaning, as scikit-learn with `zero_division=0`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ClassMetrics {
    pub precision: f64,
    pub recall: f64,
    pub f1: f64,
    /// Rows of the class.
    pub support: u64,
}

/// What an evaluation found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassificationReport {
    pub rows: u64,
    pub accuracy: f64,
    /// Mean of both classes' F1.
    pub macro_f1: f64,
    /// Area under the ROC curve, ties counted half; `None` where only one class is there.
    pub auc: Option<f64>,
    /// By label, `"0"` and `"1"`.
    pub classes: BTreeMap<String, ClassMetrics>,
    /// `confusion_matrix[truth][prediction]`.
    pub confusion_matrix: [[u64; 2]; 2],
}

impl ClassificationReport {
    /// The metrics of `probabilities` of label 1 against the true `labels`; 0.5 and above counts as 1.
    ///
    /// # Errors
    /// Where the lists differ in length or are empty, a label is neither 0 nor 1, a probability is not a number.
    pub fn new(labels: &[usize], probabilities: &[f32]) -> Result<Self> {
        ensure!(labels.len() == probabilities.len(), "{} labels, {} scores", labels.len(), probabilities.len());
        ensure!(!labels.is_empty(), "nothing to evaluate");
        ensure!(labels.iter().all(|label| *label < 2), "a label is neither 0 nor 1");
        ensure!(probabilities.iter().all(|probability| !probability.is_nan()), "a probability is not a number");
        let mut matrix = [[0u64; 2]; 2];
        for (&label, &probability) in labels.iter().zip(probabilities) {
            matrix[label][usize::from(probability >= 0.5)] += 1;
        }
        let classes = [class_metrics(&matrix, 0), class_metrics(&matrix, 1)];
        Ok(Self {
            rows: labels.len() as u64,
            accuracy: quotient(matrix[0][0] + matrix[1][1], labels.len() as u64),
            macro_f1: f64::midpoint(classes[0].f1, classes[1].f1),
            auc: area_under_curve(labels, probabilities),
            classes: classes.into_iter().enumerate().map(|(label, class)| (label.to_string(), class)).collect(),
            confusion_matrix: matrix,
        })
    }
}

impl fmt::Display for ClassificationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let auc = self.auc.map_or_else(|| "undefined".to_owned(), |auc| format!("{auc:.4}"));
        let (accuracy, macro_f1) = (self.accuracy, self.macro_f1);
        writeln!(f, "rows {}  accuracy {accuracy:.4}  macro F1 {macro_f1:.4}  AUC {auc}", self.rows)?;
        writeln!(f, "{:<8} {:>9} {:>9} {:>9} {:>9}", "class", "precision", "recall", "F1", "support")?;
        for (label, class) in &self.classes {
            let ClassMetrics { precision, recall, f1, support } = class;
            writeln!(f, "{label:<8} {precision:>9.4} {recall:>9.4} {f1:>9.4} {support:>9}")?;
        }
        let [[a, b], [c, d]] = self.confusion_matrix;
        write!(f, "confusion (row = truth): 0: {a} {b}  1: {c} {d}")
    }
}

fn quotient(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn class_metrics(matrix: &[[u64; 2]; 2], class: usize) -> ClassMetrics {
    let hits = matrix[class][class];
    let support = matrix[class].iter().sum();
    let predicted = matrix[0][class] + matrix[1][class];
    ClassMetrics {
        precision: quotient(hits, predicted),
        recall: quotient(hits, support),
        f1: quotient(2 * hits, support + predicted),
        support,
    }
}

/// The probability that a row of class 1 scores above one of class 0 (Mann and Whitney), from the ranks' sum; equal
/// scores share their mean rank.
fn area_under_curve(labels: &[usize], scores: &[f32]) -> Option<f64> {
    let positives = labels.iter().filter(|label| **label == 1).count();
    let negatives = labels.len() - positives;
    if positives == 0 || negatives == 0 {
        return None;
    }
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_unstable_by(|&left, &right| scores[left].total_cmp(&scores[right]));
    let mut rank_sum = 0.0;
    let mut ranked = 0usize;
    for tied in order.chunk_by(|&left, &right| scores[left] == scores[right]) {
        let mean_rank = ranked as f64 + (tied.len() + 1) as f64 / 2.0;
        rank_sum += mean_rank * tied.iter().filter(|&&row| labels[row] == 1).count() as f64;
        ranked += tied.len();
    }
    let (positives, negatives) = (positives as f64, negatives as f64);
    Some((rank_sum - positives * (positives + 1.0) / 2.0) / (positives * negatives))
}

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
    let tweets = read_labelled(path, columns)?.tweets;
    let tweets = match part {
        EvaluatedPart::All => tweets,
        EvaluatedPart::HeldOut => held_out(classifier, tweets)?,
    };
    let texts: Vec<&str> = tweets.iter().map(|tweet| tweet.text.as_str()).collect();
    let labels: Vec<usize> = tweets.iter().map(|tweet| tweet.label).collect();
    ClassificationReport::new(&labels, &classifier.probabilities(&texts)?).with_context(|| path.display().to_string())
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
    let held_out = classifier.config().held_out;
    let split = split_by_groups(&rows, &held_out.shares, held_out.seed)?;
    Ok(split.test.into_iter().map(|row| tweets[row].clone()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: f64, want: f64) -> bool {
        (got - want).abs() < 1e-9
    }

    // import numpy as np
    // from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, precision_recall_fscore_support, roc_auc_score
    // r = np.random.default_rng(3)
    // y = r.integers(0, 2, 60); s = np.clip(np.round(0.2 * y + r.uniform(0, 0.8, 60), 1), 0, 1); p = s >= 0.5
    // accuracy_score(y, p); f1_score(y, p, average="macro"); roc_auc_score(y, s); confusion_matrix(y, p)
    // precision_recall_fscore_support(y, p)
    #[test]
    fn every_number_is_that_of_scikit_learn() {
        let labels = [
            1, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 1, 1, 0, 1, 1, 1, 1, 0, 0, 1,
            1, 1, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1,
        ];
        let scores = [
            0.5, 0.1, 0.5, 0.7, 0.2, 0.7, 0.4, 0.8, 0.6, 0.2, 0.7, 0.5, 0.7, 0.7, 0.3, 0.6, 0.9, 0.3, 0.7, 0.3, 0.4,
            0.1, 0.8, 0.4, 0.7, 0.2, 0.6, 0.5, 0.5, 0.4, 0.3, 0.8, 0.8, 0.5, 0.7, 0.4, 0.9, 0.3, 1.0, 0.5, 0.7, 0.8,
            0.6, 0.8, 0.2, 0.3, 0.1, 0.2, 0.2, 0.9, 0.3, 0.4, 0.4, 0.7, 0.8, 0.8, 0.2, 0.4, 0.6, 0.2,
        ];
        let report = ClassificationReport::new(&labels, &scores).unwrap();
        assert!(close(report.accuracy, 0.5166666666666667));
        assert!(close(report.macro_f1, 0.5165323701028064));
        assert!(close(report.auc.unwrap(), 0.6565656565656566));
        assert_eq!(report.confusion_matrix, [[15, 18], [11, 16]]);
        let class = report.classes["0"];
        assert!(close(class.precision, 0.5769230769230769) && close(class.recall, 0.45454545454545453));
        assert!(close(class.f1, 0.5084745762711864) && class.support == 33);
        let class = report.classes["1"];
        assert!(close(class.precision, 0.47058823529411764) && close(class.recall, 0.5925925925925926));
        assert!(close(class.f1, 0.5245901639344263) && class.support == 27);
    }

    #[test]
    fn a_class_that_is_absent_or_never_predicted_counts_zero() {
        let report = ClassificationReport::new(&[1, 1], &[0.9, 0.8]).unwrap();
        assert_eq!((report.auc, report.accuracy), (None, 1.0));
        assert_eq!(report.classes["0"], ClassMetrics { precision: 0.0, recall: 0.0, f1: 0.0, support: 0 });
        let report = ClassificationReport::new(&[0, 1], &[0.1, 0.2]).unwrap();
        assert_eq!((report.classes["1"].f1, report.auc), (0.0, Some(1.0)));
        assert!(ClassificationReport::new(&[], &[]).is_err());
        assert!(ClassificationReport::new(&[0], &[f32::NAN]).is_err());
    }

    #[test]
    fn the_report_reads_as_the_contract_says() {
        let json = serde_json::to_value(ClassificationReport::new(&[0, 1], &[0.1, 0.9]).unwrap()).unwrap();
        let class = serde_json::json!({"precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 1});
        let want = serde_json::json!({
            "rows": 2, "accuracy": 1.0, "macro_f1": 1.0, "auc": 1.0,
            "classes": {"0": class, "1": class}, "confusion_matrix": [[1, 0], [0, 1]],
        });
        assert_eq!(json, want);
    }
}

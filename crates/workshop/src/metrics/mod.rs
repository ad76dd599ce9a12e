//! Metrics of a classifier: those of scikit-learn, over any number of labels. Works only on numbers: no model, no file.
//!
//! [`ClassificationReport`] is serialised as `evaluate classifier --json` prints it. See also [`confidence`] for how certain
//! an area under the curve is, [`curves`] for what a threshold does.

pub mod confidence;
pub mod curves;
pub mod logistic;
mod scores;

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Result, ensure};
use serde::Serialize;

pub use self::scores::{ReliabilityBin, area_under_curve};
use self::scores::{brier_score, calibration_error, log_loss, macro_area_under_curve, reliability};
use pregonero_models::sentiment::calibration::likeliest;

/// How well one label was recognised; 0 if a quotient is undefined, as in scikit-learn with `zero_division=0`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassMetrics {
    /// The label's name, for example `positive`.
    pub name: String,
    pub precision: f64,
    pub recall: f64,
    pub f1: f64,
    /// The number of rows with the label.
    pub support: u64,
}

/// The result of an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassificationReport {
    pub rows: u64,
    pub accuracy: f64,
    /// Mean of all labels' F1, including labels without rows.
    pub macro_f1: f64,
    /// Area under the ROC curve, ties counted half; for more than two labels, the mean of each against the rest. `None`
    /// if a label has no rows.
    pub auc: Option<f64>,
    /// Expected calibration error: how far the probability of the predicted label is from the share that is right, as
    /// the mean over 15 equally wide bins of that probability, weighted by rows (Guo et al. 2017).
    pub calibration_error: f64,
    /// Mean squared error of the probabilities: of label 1 if there are two labels, summed over all labels if there are
    /// more.
    pub brier_score: f64,
    /// Mean negative log-probability of the true label, in nats.
    pub log_loss: f64,
    /// The metrics of each label, with keys `"0"`, `"1"` and so on.
    pub classes: BTreeMap<String, ClassMetrics>,
    /// `confusion_matrix[truth][prediction]`.
    pub confusion_matrix: Vec<Vec<u64>>,
    /// The non-empty bins of `calibration_error`.
    pub reliability: Vec<ReliabilityBin>,
}

impl ClassificationReport {
    /// Computes the metrics of `probabilities`, each row with one value per name, against the true `labels`. The likeliest label
    /// counts as predicted, the last one of equals.
    ///
    /// # Errors
    /// If the lists differ in length or are empty, a label has no name, or a row has another number of probabilities or
    /// one that is not in 0 to 1.
    pub fn new(labels: &[usize], probabilities: &[Vec<f32>], names: &[String]) -> Result<Self> {
        check(labels, probabilities, names.len())?;
        let predicted: Vec<usize> = probabilities.iter().map(|row| likeliest(row)).collect();
        let mut matrix = vec![vec![0u64; names.len()]; names.len()];
        for (&label, &prediction) in labels.iter().zip(&predicted) {
            matrix[label][prediction] += 1;
        }
        let classes: Vec<ClassMetrics> =
            names.iter().enumerate().map(|(label, name)| class_metrics(&matrix, label, name)).collect();
        let hits: u64 = (0..names.len()).map(|label| matrix[label][label]).sum();
        let confidences = probabilities.iter().zip(&predicted).map(|(row, &label)| row[label]);
        let right = labels.iter().zip(&predicted).map(|(label, prediction)| label == prediction);
        let reliability = reliability(confidences.zip(right));
        Ok(Self {
            rows: labels.len() as u64,
            accuracy: quotient(hits, labels.len() as u64),
            macro_f1: classes.iter().map(|class| class.f1).sum::<f64>() / classes.len() as f64,
            auc: macro_area_under_curve(labels, probabilities),
            calibration_error: calibration_error(&reliability),
            brier_score: brier_score(labels, probabilities),
            log_loss: log_loss(labels, probabilities),
            classes: classes.into_iter().enumerate().map(|(label, class)| (label.to_string(), class)).collect(),
            confusion_matrix: matrix,
            reliability,
        })
    }

    /// Iterates over the names of the labels, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        // The keys are numbers without leading zeros; as text, 10 sorts before 2.
        (0..self.classes.len()).map(|label| self.classes[&label.to_string()].name.as_str())
    }
}

impl fmt::Display for ClassificationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let auc = self.auc.map_or_else(|| "undefined".to_owned(), |auc| format!("{auc:.4}"));
        let (accuracy, macro_f1) = (self.accuracy, self.macro_f1);
        writeln!(f, "rows {}  accuracy {accuracy:.4}  macro F1 {macro_f1:.4}  AUC {auc}", self.rows)?;
        let (error, brier, loss) = (self.calibration_error, self.brier_score, self.log_loss);
        writeln!(f, "calibration error {error:.4}  Brier score {brier:.4}  log loss {loss:.4}")?;
        writeln!(f, "{:<16} {:>9} {:>9} {:>9} {:>9}", "label", "precision", "recall", "F1", "support")?;
        for (label, class) in &self.classes {
            let ClassMetrics { name, precision, recall, f1, support } = class;
            let label = format!("{label} {name}");
            writeln!(f, "{label:<16} {precision:>9.4} {recall:>9.4} {f1:>9.4} {support:>9}")?;
        }
        write!(f, "confusion (row = truth):")?;
        for (label, row) in self.confusion_matrix.iter().enumerate() {
            let counts: Vec<String> = row.iter().map(u64::to_string).collect();
            write!(f, "  {label}: {}", counts.join(" "))?;
        }
        Ok(())
    }
}

fn check(labels: &[usize], probabilities: &[Vec<f32>], classes: usize) -> Result<()> {
    ensure!(labels.len() == probabilities.len(), "{} labels, {} rows of scores", labels.len(), probabilities.len());
    ensure!(!labels.is_empty(), "nothing to evaluate");
    ensure!(classes > 1, "a classifier has at least two labels");
    if let Some(label) = labels.iter().find(|label| **label >= classes) {
        anyhow::bail!("a row has label {label}, but the classifier has labels 0 to {}", classes - 1);
    }
    for row in probabilities {
        ensure!(row.len() == classes, "{} probabilities in a row, but the classifier has {classes} labels", row.len());
        ensure!(row.iter().all(|value| (0.0..=1.0).contains(value)), "a probability is not in 0 to 1");
    }
    Ok(())
}

fn quotient(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn class_metrics(matrix: &[Vec<u64>], label: usize, name: &str) -> ClassMetrics {
    let hits = matrix[label][label];
    let support = matrix[label].iter().sum();
    let predicted = matrix.iter().map(|row| row[label]).sum();
    ClassMetrics {
        name: name.to_owned(),
        precision: quotient(hits, predicted),
        recall: quotient(hits, support),
        f1: quotient(2 * hits, support + predicted),
        support,
    }
}

#[cfg(test)]
mod tests;

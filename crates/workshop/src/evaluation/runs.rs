//! One training repeated over seeds: mean and deviation of every metric.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Result, ensure};
use serde::Serialize;

use super::spread::Spread;
use crate::metrics::ClassificationReport;

/// Mean and deviation of the metrics of several runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunsReport {
    pub runs: usize,
    pub accuracy: Spread,
    pub macro_f1: Spread,
    /// The AUC over the runs in which it is defined; `None` if there are none.
    pub auc: Option<Spread>,
    pub calibration_error: Spread,
    pub brier_score: Spread,
    pub log_loss: Spread,
    /// The F1 of each label, with keys `"0"`, `"1"` and so on.
    pub f1: BTreeMap<String, Spread>,
}

impl RunsReport {
    /// Computes the spread over the runs' `reports`, which must have the same labels.
    ///
    /// # Errors
    /// If there are none.
    pub fn new(reports: &[ClassificationReport]) -> Result<Self> {
        let over = |value: &dyn Fn(&ClassificationReport) -> Option<f64>| {
            Spread::of(&reports.iter().filter_map(value).collect::<Vec<_>>())
        };
        ensure!(!reports.is_empty(), "no run to report on");
        let all = |value: fn(&ClassificationReport) -> f64| {
            over(&|report| Some(value(report))).expect("there is a report, and every report has the metric")
        };
        let of_label = |label: &String| {
            let spread = over(&|report| report.classes.get(label).map(|class| class.f1))?;
            Some((label.clone(), spread))
        };
        Ok(Self {
            runs: reports.len(),
            accuracy: all(|report| report.accuracy),
            macro_f1: all(|report| report.macro_f1),
            auc: over(&|report| report.auc),
            calibration_error: all(|report| report.calibration_error),
            brier_score: all(|report| report.brier_score),
            log_loss: all(|report| report.log_loss),
            f1: reports[0].classes.keys().filter_map(of_label).collect(),
        })
    }
}

impl fmt::Display for RunsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mean and deviation over {} runs", self.runs)?;
        let mut lines = vec![("accuracy".to_owned(), self.accuracy), ("macro F1".to_owned(), self.macro_f1)];
        lines.extend(self.auc.map(|auc| ("AUC".to_owned(), auc)));
        lines.push(("calibration error".to_owned(), self.calibration_error));
        lines.push(("Brier score".to_owned(), self.brier_score));
        lines.push(("log loss".to_owned(), self.log_loss));
        lines.extend(self.f1.iter().map(|(label, f1)| (format!("F1 of label {label}"), *f1)));
        lines.into_iter().try_for_each(|(name, spread)| write!(f, "\n{name:<18} {spread}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_has_its_mean_over_the_runs() {
        let names = ["no".to_owned(), "yes".to_owned()];
        let report = |positive: &[f32], labels: &[usize]| {
            let probabilities: Vec<Vec<f32>> = positive.iter().map(|value| vec![1.0 - value, *value]).collect();
            ClassificationReport::new(labels, &probabilities, &names).unwrap()
        };
        let reports = [report(&[0.1, 0.9, 0.8], &[0, 1, 0]), report(&[0.2, 0.7], &[0, 1]), report(&[0.7], &[1])];
        let runs = RunsReport::new(&reports).unwrap();
        assert_eq!((runs.runs, runs.accuracy.runs, runs.auc.unwrap().runs), (3, 3, 2));
        assert!((runs.accuracy.mean - (2.0 / 3.0 + 2.0) / 3.0).abs() < 1e-12);
        assert!((runs.f1["1"].mean - (2.0 / 3.0 + 2.0) / 3.0).abs() < 1e-12);
        assert!((runs.auc.unwrap().mean - 1.0).abs() < 1e-12);
        assert!(runs.to_string().contains("accuracy           0.889 ± 0.192"), "{runs}");
        assert!(RunsReport::new(&[]).is_err());
    }
}

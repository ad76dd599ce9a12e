use serde::Deserialize;

use super::curves::ThresholdCurve;
use super::*;

#[derive(Deserialize)]
struct Reference {
    labels: Vec<usize>,
    probabilities: Vec<Vec<f32>>,
    accuracy: f64,
    macro_f1: f64,
    auc: Option<f64>,
    precision: Vec<f64>,
    recall: Vec<f64>,
    f1: Vec<f64>,
    support: Vec<u64>,
    calibration_error: f64,
    bin_rows: Vec<u64>,
    brier_score: f64,
    log_loss: f64,
    confusion_matrix: Vec<Vec<u64>>,
    curves: Option<Curves>,
}

#[derive(Deserialize)]
struct Curves {
    false_positive_rate: Vec<f64>,
    true_positive_rate: Vec<f64>,
    precision: Vec<f64>,
    recall: Vec<f64>,
    average_precision: f64,
}

// tests/data/classification-metrics/make.py: scikit-learn over ties, absent labels, labels never predicted, one label.
fn references() -> Vec<Reference> {
    serde_json::from_str(include_str!("../../../../tests/data/classification-metrics/reference.json")).unwrap()
}

fn names(count: usize) -> Vec<String> {
    ["negative", "positive", "neutral", "other"][..count].iter().map(ToString::to_string).collect()
}

fn pair(positive: f32) -> Vec<f32> {
    vec![1.0 - positive, positive]
}

#[track_caller]
fn close(got: f64, want: f64) {
    assert!((got - want).abs() < 1e-9, "{got} is not {want}");
}

#[test]
fn every_number_is_that_of_scikit_learn() {
    for want in references() {
        let report =
            ClassificationReport::new(&want.labels, &want.probabilities, &names(want.probabilities[0].len())).unwrap();
        assert_eq!(report.confusion_matrix, want.confusion_matrix);
        close(report.accuracy, want.accuracy);
        close(report.macro_f1, want.macro_f1);
        assert_eq!(report.auc.is_some(), want.auc.is_some());
        close(report.auc.unwrap_or(0.0), want.auc.unwrap_or(0.0));
        close(report.calibration_error, want.calibration_error);
        close(report.brier_score, want.brier_score);
        close(report.log_loss, want.log_loss);
        for (label, class) in report.classes {
            let label: usize = label.parse().unwrap();
            close(class.precision, want.precision[label]);
            close(class.recall, want.recall[label]);
            close(class.f1, want.f1[label]);
            assert_eq!(class.support, want.support[label]);
        }
        let rows: Vec<u64> = report.reliability.iter().map(|bin| bin.rows).collect();
        assert_eq!(rows, want.bin_rows.into_iter().filter(|rows| *rows > 0).collect::<Vec<_>>());
    }
}

#[test]
fn every_curve_is_that_of_scikit_learn() {
    for Reference { labels, probabilities, curves, .. } in references() {
        let Some(want) = curves else { continue };
        let truth: Vec<bool> = labels.iter().map(|label| *label == 1).collect();
        let scores: Vec<f32> = probabilities.iter().map(|row| row[1]).collect();
        let curve = ThresholdCurve::new(&truth, &scores);
        let roc = curve.roc().unwrap();
        assert_eq!(roc.len(), want.false_positive_rate.len());
        for (point, want) in roc.iter().zip(want.false_positive_rate.iter().zip(&want.true_positive_rate)) {
            close(point.0, *want.0);
            close(point.1, *want.1);
        }
        // scikit-learn goes up from the lowest threshold and ends with a point that belongs to no threshold.
        let points = curve.precision_recall().unwrap();
        assert_eq!(points.len() + 1, want.recall.len());
        for (point, want) in points.iter().rev().zip(want.recall.iter().zip(&want.precision)) {
            close(point.0, *want.0);
            close(point.1, *want.1);
        }
        close(curve.average_precision().unwrap(), want.average_precision);
    }
}

#[test]
fn a_threshold_keeps_what_reaches_it() {
    let curve = ThresholdCurve::new(&[true, false, true, false], &[0.9, 0.8, 0.6, 0.2]);
    for (minimum, kept, precision, recall) in [
        (0.95, 0.0, None, 0.0),
        (0.85, 0.25, Some(1.0), 0.5),
        (0.5, 0.75, Some(2.0 / 3.0), 1.0),
        (0.0, 1.0, Some(0.5), 1.0),
    ] {
        let row = curve.at(minimum);
        assert_eq!((row.kept, row.precision, row.recall), (kept, precision, Some(recall)), "at {minimum}");
    }
    let nothing = ThresholdCurve::new(&[false], &[0.7]);
    assert_eq!((nothing.roc(), nothing.precision_recall(), nothing.at(0.5).recall), (None, None, None));
}

#[test]
fn a_label_that_is_absent_or_never_predicted_counts_zero() {
    let report = ClassificationReport::new(&[1, 1], &[pair(0.9), pair(0.8)], &names(2)).unwrap();
    assert_eq!((report.auc, report.accuracy), (None, 1.0));
    let absent = ClassMetrics { name: "negative".to_owned(), precision: 0.0, recall: 0.0, f1: 0.0, support: 0 };
    assert_eq!(report.classes["0"], absent);
    let report = ClassificationReport::new(&[0, 1], &[pair(0.1), pair(0.2)], &names(2)).unwrap();
    assert_eq!((report.classes["1"].f1, report.auc), (0.0, Some(1.0)));
}

#[test]
fn faults_are_told() {
    for (labels, rows, classes, expected) in [
        (vec![], vec![], 2, "nothing to evaluate"),
        (vec![0], vec![], 2, "1 labels, 0 rows"),
        (vec![2], vec![pair(0.5)], 2, "label 2, but the classifier has labels 0 to 1"),
        (vec![0], vec![pair(f32::NAN)], 2, "not in 0 to 1"),
        (vec![0], vec![pair(0.5)], 3, "2 probabilities in a row, but the classifier has 3"),
    ] {
        let message = ClassificationReport::new(&labels, &rows, &names(classes)).unwrap_err().to_string();
        assert!(message.contains(expected), "{message:?} does not say {expected:?}");
    }
}

#[test]
fn the_report_reads_as_the_contract_says() {
    let report = ClassificationReport::new(&[0, 1], &[pair(0.0), pair(1.0)], &names(2)).unwrap();
    let class =
        |name: &str| serde_json::json!({"name": name, "precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 1});
    let want = serde_json::json!({
        "rows": 2, "accuracy": 1.0, "macro_f1": 1.0, "auc": 1.0,
        "calibration_error": 0.0, "brier_score": 0.0, "log_loss": 0.0,
        "classes": {"0": class("negative"), "1": class("positive")}, "confusion_matrix": [[1, 0], [0, 1]],
        "reliability": [{"lower": 14.0 / 15.0, "upper": 1.0, "rows": 2, "confidence": 1.0, "accuracy": 1.0}],
    });
    let got = serde_json::to_value(&report).unwrap();
    assert_eq!(got.to_string().replace("-0.0", "0.0"), want.to_string());
}

//! The effect of a threshold on one label's probability: ROC curve, precision and recall, and the table from which
//! `sentiment.min_score` is chosen.

use serde::Serialize;

/// One threshold: a row counts as having the label if its probability is at least `threshold`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ThresholdPoint {
    pub threshold: f64,
    /// Rows with the label that reach it.
    pub true_positives: u64,
    /// Other rows that reach it.
    pub false_positives: u64,
}

/// Points of a curve: x and y.
pub type Points = Vec<(f64, f64)>;

/// Every threshold that changes something, from the highest, and the number of rows with and without the label.
#[derive(Debug, Clone, PartialEq)]
pub struct ThresholdCurve {
    /// The points, beginning with a threshold that no row reaches.
    pub points: Vec<ThresholdPoint>,
    positives: u64,
    negatives: u64,
}

impl ThresholdCurve {
    /// Computes the curve of `scores` against the `truth`.
    #[must_use]
    pub fn new(truth: &[bool], scores: &[f32]) -> Self {
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_unstable_by(|&left, &right| scores[right].total_cmp(&scores[left]));
        let (mut true_positives, mut false_positives) = (0, 0);
        let mut points = vec![ThresholdPoint { threshold: f64::INFINITY, true_positives, false_positives }];
        for tied in order.chunk_by(|&left, &right| scores[left] == scores[right]) {
            let hits = tied.iter().filter(|&&row| truth[row]).count() as u64;
            true_positives += hits;
            false_positives += tied.len() as u64 - hits;
            let threshold = f64::from(scores[tied[0]]);
            points.push(ThresholdPoint { threshold, true_positives, false_positives });
        }
        Self { points, positives: true_positives, negatives: false_positives }
    }

    /// Returns the false and true positive rate at every threshold, or `None` if all rows are of one kind.
    #[must_use]
    pub fn roc(&self) -> Option<Points> {
        if self.positives == 0 || self.negatives == 0 {
            return None;
        }
        let rate = |part: u64, whole: u64| part as f64 / whole as f64;
        let point = |point: &ThresholdPoint| {
            (rate(point.false_positives, self.negatives), rate(point.true_positives, self.positives))
        };
        Some(self.points.iter().map(point).collect())
    }

    /// Returns recall and precision at every threshold that a row reaches, or `None` if the label has no rows.
    #[must_use]
    pub fn precision_recall(&self) -> Option<Points> {
        if self.positives == 0 {
            return None;
        }
        let point = |point: &ThresholdPoint| (self.recall(point), precision(point));
        Some(self.points.iter().skip(1).map(point).collect())
    }

    /// Returns the sum of precisions, each weighted by what its threshold adds to the recall.
    #[must_use]
    pub fn average_precision(&self) -> Option<f64> {
        let mut reached = 0.0;
        let step = |(recall, precision): (f64, f64)| (recall - std::mem::replace(&mut reached, recall)) * precision;
        Some(self.precision_recall()?.into_iter().map(step).sum())
    }

    /// Returns what a threshold of `minimum` keeps.
    #[must_use]
    pub fn at(&self, minimum: f64) -> ThresholdRow {
        let reached = self.points.iter().rfind(|point| point.threshold >= minimum);
        let point = reached.copied().unwrap_or(self.points[0]);
        let kept = point.true_positives + point.false_positives;
        ThresholdRow {
            threshold: minimum,
            kept: kept as f64 / (self.positives + self.negatives).max(1) as f64,
            precision: (kept > 0).then(|| precision(&point)),
            recall: (self.positives > 0).then(|| self.recall(&point)),
        }
    }

    fn recall(&self, point: &ThresholdPoint) -> f64 {
        point.true_positives as f64 / self.positives as f64
    }
}

fn precision(point: &ThresholdPoint) -> f64 {
    point.true_positives as f64 / (point.true_positives + point.false_positives) as f64
}

/// A line of the table for `sentiment.min_score`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ThresholdRow {
    pub threshold: f64,
    /// Share of all rows that reach the threshold.
    pub kept: f64,
    /// Share of those that have the label; `None` if no row reaches the threshold.
    pub precision: Option<f64>,
    /// Share of the label's rows that reach the threshold; `None` if there are none.
    pub recall: Option<f64>,
}

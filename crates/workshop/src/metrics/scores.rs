//! Metrics of probabilities: area under the curve, Brier score, log loss, calibration error and its bins.

use serde::Serialize;

/// The number of bins of the calibration error.
const BINS: usize = 15;

/// The rows whose predicted label has a probability above `lower`, up to `upper`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ReliabilityBin {
    pub lower: f64,
    pub upper: f64,
    pub rows: u64,
    /// Mean probability of the predicted label.
    pub confidence: f64,
    /// Share of rows whose predicted label is right.
    pub accuracy: f64,
}

/// Returns the non-empty bins, given each row's confidence and whether it was right.
pub fn reliability(rows: impl Iterator<Item = (f32, bool)>) -> Vec<ReliabilityBin> {
    let edge = |place: usize| place as f64 / BINS as f64;
    let mut bins = [(0u64, 0.0, 0u64); BINS];
    for (confidence, right) in rows {
        let confidence = f64::from(confidence);
        let place = (1..BINS).take_while(|&place| edge(place) < confidence).count();
        let (count, sum, hits) = &mut bins[place];
        *count += 1;
        *sum += confidence;
        *hits += u64::from(right);
    }
    let bin = |(place, (rows, sum, hits)): (usize, (u64, f64, u64))| ReliabilityBin {
        lower: edge(place),
        upper: edge(place + 1),
        rows,
        confidence: sum / rows as f64,
        accuracy: hits as f64 / rows as f64,
    };
    bins.into_iter().enumerate().filter(|(_, (rows, ..))| *rows > 0).map(bin).collect()
}

/// Returns the mean distance between confidence and accuracy, weighted by rows.
pub fn calibration_error(bins: &[ReliabilityBin]) -> f64 {
    let rows: u64 = bins.iter().map(|bin| bin.rows).sum();
    bins.iter().map(|bin| bin.rows as f64 / rows as f64 * (bin.accuracy - bin.confidence).abs()).sum()
}

pub fn brier_score(labels: &[usize], probabilities: &[Vec<f32>]) -> f64 {
    let squared =
        |row: &[f32], label: usize, class: usize| (f64::from(row[class]) - f64::from(u8::from(class == label))).powi(2);
    let of_row = |(row, &label): (&Vec<f32>, &usize)| match row.len() {
        2 => squared(row, label, 1),
        classes => (0..classes).map(|class| squared(row, label, class)).sum(),
    };
    probabilities.iter().zip(labels).map(of_row).sum::<f64>() / labels.len() as f64
}

/// Returns the log loss. Probabilities are raised to at least f64's machine epsilon, as in scikit-learn.
pub fn log_loss(labels: &[usize], probabilities: &[Vec<f32>]) -> f64 {
    let of_row = |(row, &label): (&Vec<f32>, &usize)| -f64::from(row[label]).max(f64::EPSILON).ln();
    probabilities.iter().zip(labels).map(of_row).sum::<f64>() / labels.len() as f64
}

/// Returns the area under the curve of label 1 for two labels, or the mean of each label against the rest for more.
pub fn macro_area_under_curve(labels: &[usize], probabilities: &[Vec<f32>]) -> Option<f64> {
    let classes = probabilities.first()?.len();
    let of_class = |class: usize| {
        let truth: Vec<bool> = labels.iter().map(|label| *label == class).collect();
        let scores: Vec<f32> = probabilities.iter().map(|row| row[class]).collect();
        area_under_curve(&truth, &scores)
    };
    if classes == 2 {
        return of_class(1);
    }
    let areas: Vec<f64> = (0..classes).map(of_class).collect::<Option<_>>()?;
    Some(areas.iter().sum::<f64>() / classes as f64)
}

/// Returns the probability that a true row scores above a false one (Mann and Whitney), from the sum of ranks; equal scores share
/// their mean rank. `None` if all rows are of one kind.
#[must_use]
pub fn area_under_curve(truth: &[bool], scores: &[f32]) -> Option<f64> {
    let positives = truth.iter().filter(|positive| **positive).count();
    let negatives = truth.len() - positives;
    if positives == 0 || negatives == 0 {
        return None;
    }
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_unstable_by(|&left, &right| scores[left].total_cmp(&scores[right]));
    let mut rank_sum = 0.0;
    let mut ranked = 0usize;
    for tied in order.chunk_by(|&left, &right| scores[left] == scores[right]) {
        let mean_rank = ranked as f64 + (tied.len() + 1) as f64 / 2.0;
        rank_sum += mean_rank * tied.iter().filter(|&&row| truth[row]).count() as f64;
        ranked += tied.len();
    }
    let (positives, negatives) = (positives as f64, negatives as f64);
    Some((rank_sum - positives * (positives + 1.0) / 2.0) / (positives * negatives))
}

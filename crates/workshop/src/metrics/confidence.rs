//! Confidence intervals of an area under the curve (DeLong, DeLong and Clarke-Pearson 1988) and of a share.

use serde::Serialize;

/// The normal distribution's two-sided 95 % quantile.
const QUANTILE_95: f64 = 1.959_963_984_540_054;

/// An area under the curve with its 95 % confidence interval, which is cut at 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AucInterval {
    pub auc: f64,
    pub standard_error: f64,
    pub low: f64,
    pub high: f64,
}

impl AucInterval {
    /// Computes the probability that a true row scores above a false one, ties counted half. `None` if either kind has fewer
    /// than two rows.
    #[must_use]
    pub fn new(truth: &[bool], scores: &[f32]) -> Option<Self> {
        let of = |kind: bool| -> Vec<f32> {
            truth.iter().zip(scores).filter(|(truth, _)| **truth == kind).map(|(_, score)| *score).collect()
        };
        let (positives, negatives) = (of(true), of(false));
        if positives.len() < 2 || negatives.len() < 2 {
            return None;
        }
        let of_positives = shares_below(&positives, &negatives);
        let of_negatives = shares_below(&negatives, &positives);
        let auc = mean(&of_positives);
        let error = (variance(&of_positives) / positives.len() as f64
            + variance(&of_negatives) / negatives.len() as f64)
            .sqrt();
        let half = QUANTILE_95 * error;
        Some(Self { auc, standard_error: error, low: (auc - half).max(0.0), high: (auc + half).min(1.0) })
    }
}

/// Returns the 95 % confidence interval of a share, `hits` of `count` (Wilson 1927); 0 to 1 if nothing was counted.
#[must_use]
pub fn share_interval(hits: usize, count: usize) -> (f64, f64) {
    if count == 0 {
        return (0.0, 1.0);
    }
    let (n, share) = (count as f64, hits as f64 / count as f64);
    let square = QUANTILE_95 * QUANTILE_95;
    let middle = (share + square / (2.0 * n)) / (1.0 + square / n);
    let half = QUANTILE_95 / (1.0 + square / n) * (share * (1.0 - share) / n + square / (4.0 * n * n)).sqrt();
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

/// Returns, for each of `scores`, the share of `others` below it, ties counted half.
fn shares_below(scores: &[f32], others: &[f32]) -> Vec<f64> {
    let mut others = others.to_vec();
    others.sort_unstable_by(f32::total_cmp);
    let share = |score: &f32| {
        let below = others.partition_point(|other| other < score);
        let not_above = others.partition_point(|other| other <= score);
        (below + not_above) as f64 / 2.0 / others.len() as f64
    };
    scores.iter().map(share).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Returns the sample variance.
fn variance(values: &[f64]) -> f64 {
    let mean = mean(values);
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::area_under_curve;

    /// ```python
    /// import numpy as np
    /// i = np.arange(60)
    /// truth = i % 3 == 0
    /// scores = ((i * 37) % 23) / 23 + 0.3 * truth
    /// scores = np.round(scores, 1).astype(np.float32)
    /// x, y = scores[truth], scores[~truth]
    /// wins = (x[:, None] > y) + 0.5 * (x[:, None] == y)
    /// v10, v01 = wins.mean(1), wins.mean(0)
    /// print(wins.mean(), np.sqrt(v10.var(ddof=1) / len(x) + v01.var(ddof=1) / len(y)))
    /// ```
    const NUMPY: [f64; 2] = [0.77875, 0.06301086758011178];

    // By Wilson's formula in Python, with z = 1.959963984540054.
    #[test]
    fn a_shares_interval_is_wilsons() {
        for ((hits, count), (low, high)) in
            [((401, 500), (0.764_826, 0.834_569)), ((0, 20), (0.0, 0.161_125)), ((20, 20), (0.838_875, 1.0))]
        {
            let found = share_interval(hits, count);
            assert!((found.0 - low).abs() < 1e-6 && (found.1 - high).abs() < 1e-6, "{hits} of {count}: {found:?}");
        }
        assert_eq!(share_interval(0, 0), (0.0, 1.0));
    }

    #[test]
    fn area_and_error_are_those_of_delongs_definition() {
        let truth: Vec<bool> = (0..60_usize).map(|i| i.is_multiple_of(3)).collect();
        let score = |i: usize| (f64::from((i * 37 % 23) as u32) / 23.0 + if truth[i] { 0.3 } else { 0.0 }) * 10.0;
        let scores: Vec<f32> = (0..60).map(|i| (score(i).round_ties_even() / 10.0) as f32).collect();
        let interval = AucInterval::new(&truth, &scores).unwrap();
        assert!((interval.auc - NUMPY[0]).abs() < 1e-12, "{interval:?}");
        assert!((interval.standard_error - NUMPY[1]).abs() < 1e-12, "{interval:?}");
        assert!((interval.high - interval.low - 2.0 * QUANTILE_95 * NUMPY[1]).abs() < 1e-12);
        assert!((interval.auc - area_under_curve(&truth, &scores).unwrap()).abs() < 1e-12);
    }

    #[test]
    fn an_interval_stays_within_0_and_1_and_needs_two_rows_a_kind() {
        let sure = AucInterval::new(&[true, true, false, false], &[0.9, 0.8, 0.2, 0.1]).unwrap();
        assert_eq!((sure.auc, sure.low, sure.high), (1.0, 1.0, 1.0));
        let nearly = AucInterval::new(&[true, true, true, false, false], &[0.9, 0.8, 0.15, 0.2, 0.1]).unwrap();
        assert_eq!(nearly.high, 1.0);
        assert_eq!(AucInterval::new(&[true, false, false], &[0.1, 0.2, 0.3]), None);
    }
}

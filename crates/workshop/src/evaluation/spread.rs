//! Mean and deviation of a metric over several runs.

use std::fmt;

use serde::Serialize;

/// Mean and deviation over runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    pub mean: f64,
    /// The sample standard deviation (with n - 1 in the denominator); `None` for one run.
    pub deviation: Option<f64>,
    pub runs: usize,
}

impl Spread {
    /// Computes mean and deviation; returns `None` if there are no values.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        if values.is_empty() {
            return None;
        }
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
        let deviation = (values.len() > 1).then(|| (squares / (values.len() - 1) as f64).sqrt());
        Some(Self { mean, deviation, runs: values.len() })
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.deviation {
            Some(deviation) => write!(f, "{:.3} ± {deviation:.3}", self.mean),
            None => write!(f, "{:.3}", self.mean),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // numpy.mean([0.79, 0.81, 0.86]), numpy.std([0.79, 0.81, 0.86], ddof=1)
    #[test]
    fn the_spread_is_that_of_numpy() {
        let spread = Spread::of(&[0.79, 0.81, 0.86]).unwrap();
        assert!((spread.mean - 0.82).abs() < 1e-12);
        assert!((spread.deviation.unwrap() - 0.036_055_512_754_639_89).abs() < 1e-12);
        assert_eq!(spread.to_string(), "0.820 ± 0.036");
        assert_eq!(Spread::of(&[0.5]).unwrap().to_string(), "0.500");
        assert_eq!(Spread::of(&[]), None);
    }
}

//! How fast a classifier scores: many tweets at once, and the candidates of one round.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde::Serialize;

use crate::sentiment::Classifier;

/// Candidates of a round, by default.
const CANDIDATES: usize = 16;
/// Measured at least this long, because one pass over a small table says little.
const LEAST_TIME: Duration = Duration::from_secs(2);

/// What was measured, texts' cleaning included.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ScoringSpeed {
    /// Of all rows handed over at once.
    pub tweets_per_second: f64,
    /// Median time of 16 texts.
    pub milliseconds_for_16: f64,
}

/// Measures over `texts`, which are repeated as often as needed.
///
/// # Errors
/// Where there are no texts or candle fails.
pub fn measure_speed(classifier: &Classifier, texts: &[&str]) -> Result<ScoringSpeed> {
    ensure!(!texts.is_empty(), "nothing to measure the speed with");
    let round: Vec<&str> = texts.iter().copied().cycle().take(CANDIDATES).collect();
    classifier.probabilities(&round)?;
    let (start, mut scored) = (Instant::now(), 0);
    while start.elapsed() < LEAST_TIME {
        classifier.probabilities(texts)?;
        scored += texts.len();
    }
    let tweets_per_second = scored as f64 / start.elapsed().as_secs_f64();
    let mut rounds = Vec::new();
    let start = Instant::now();
    while rounds.is_empty() || start.elapsed() < LEAST_TIME {
        let start = Instant::now();
        classifier.probabilities(&round)?;
        rounds.push(start.elapsed().as_secs_f64());
    }
    rounds.sort_unstable_by(f64::total_cmp);
    Ok(ScoringSpeed { tweets_per_second, milliseconds_for_16: 1e3 * rounds[rounds.len() / 2] })
}

//! Measures how fast a classifier scores many tweets at once, and the candidates of one round.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde::Serialize;

use pregonero_models::sentiment::Classifier;

/// The default number of candidates in a round.
const CANDIDATES: usize = 16;
/// The shortest time to measure, because one pass over a small table says little.
const LEAST_TIME: Duration = Duration::from_secs(2);

/// The measured speed, including the cleaning of texts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ScoringSpeed {
    /// Speed with all rows passed at once.
    pub tweets_per_second: f64,
    /// The same per second of processor time, which other work on the machine does not affect.
    pub tweets_per_core_second: f64,
    /// Median time for 16 texts.
    pub milliseconds_for_16: f64,
}

/// Measures with `texts`, which are repeated as often as needed.
///
/// # Errors
/// If there are no texts or candle fails.
pub fn measure_speed(classifier: &Classifier, texts: &[&str]) -> Result<ScoringSpeed> {
    ensure!(!texts.is_empty(), "no texts to measure the speed with");
    let round: Vec<&str> = texts.iter().copied().cycle().take(CANDIDATES).collect();
    classifier.probabilities(&round)?;
    let (start, processor_start, mut scored) = (Instant::now(), processor_seconds(), 0);
    while start.elapsed() < LEAST_TIME {
        classifier.probabilities(texts)?;
        scored += texts.len();
    }
    let tweets_per_second = scored as f64 / start.elapsed().as_secs_f64();
    let tweets_per_core_second = scored as f64 / (processor_seconds() - processor_start);
    let mut rounds = Vec::new();
    let start = Instant::now();
    while rounds.is_empty() || start.elapsed() < LEAST_TIME {
        let start = Instant::now();
        classifier.probabilities(&round)?;
        rounds.push(start.elapsed().as_secs_f64());
    }
    rounds.sort_unstable_by(f64::total_cmp);
    let milliseconds_for_16 = 1e3 * rounds[rounds.len() / 2];
    Ok(ScoringSpeed { tweets_per_second, tweets_per_core_second, milliseconds_for_16 })
}

/// Returns the processor time of all threads of this process so far, in seconds.
#[must_use]
pub fn processor_seconds() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid to write to; the call touches nothing else.
    let answer = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    debug_assert_eq!(answer, 0, "every Unix has this clock");
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

//! What a classifier says of the sample.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, bail};

use pregonero_data::explore::Explored;
use pregonero_data::explore::numbers::Numbers;
use pregonero_models::sentiment::Classifier;
use pregonero_models::sentiment::calibration::likeliest;

/// Posts that are classified at once.
const BATCH: usize = 512;

/// Adds the sentiment of the sampled posts to the numbers. Set `stop` to end early.
///
/// # Errors
/// If the classifier fails, or was stopped.
pub fn add_sentiment(
    explored: &Explored,
    numbers: &mut Numbers,
    classifier: &Classifier,
    name: &str,
    stop: &AtomicBool,
) -> Result<()> {
    let mut classified = Vec::with_capacity(explored.sample().len());
    for posts in explored.sample().chunks(BATCH) {
        if stop.load(Ordering::Relaxed) {
            bail!("stopped; nothing is written");
        }
        let texts: Vec<&str> = posts.iter().map(|post| &*post.text).collect();
        classified.extend(classifier.probabilities(&texts)?.iter().map(|row| likeliest(row)));
    }
    explored.add_sentiment(numbers, name.to_owned(), classifier.config().labels.clone(), &classified);
    Ok(())
}

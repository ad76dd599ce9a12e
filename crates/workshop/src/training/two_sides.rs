//! Two sides of texts and a small classifier that learns to tell them apart: what the critic and the discriminator share.
//!
//! Both sides are equally large, each text appears once, and near-duplicates stay on one side of the split, so that no
//! sentence is learned by heart and the held-out figures are for texts that the classifier never saw.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha12Rng;

use super::classifier::{ClassifierTraining, StopOn};
use super::text;
use pregonero_models::sentiment::Columns;
use pregonero_models::sentiment::Shares;
use pregonero_models::sentiment::calibration::CalibrationMethod;
use pregonero_models::sentiment::cleaning::Cleaning;
use pregonero_models::sentiment::network::{Architecture, Kind, Pooling};
use pregonero_models::sentiment::ngrams::NgramSettings;
use pregonero_models::sentiment::subwords::SubwordHasher;

/// Returns each text once, in an order that the seed decides.
#[must_use]
pub fn drawn(mut texts: Vec<String>, seed: u64) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    texts.retain(|text| seen.insert(text::digest(text)));
    texts.shuffle(&mut ChaCha12Rng::seed_from_u64(seed));
    texts
}

/// Writes both sides as a table that [`small_classifier`] trains on.
///
/// # Errors
/// If the file cannot be written.
pub fn write_table(path: &Path, labels: [&str; 2], sides: [&[String]; 2]) -> Result<()> {
    let cannot = || format!("cannot write {}", path.display());
    let mut table = csv::Writer::from_path(path).with_context(cannot)?;
    table.write_record(["text", "label"]).with_context(cannot)?;
    for (texts, label) in sides.into_iter().zip(labels) {
        for text in texts {
            table.write_record([text.as_str(), label]).with_context(cannot)?;
        }
    }
    table.flush().with_context(cannot)
}

/// Returns settings for a small version of the built-in classifier's hybrid: it trains in a minute on a few thousand
/// texts.
///
/// # Errors
/// Never, for these sizes.
pub fn small_classifier(table: PathBuf, output: PathBuf, labels: [&str; 2], seed: u64) -> Result<ClassifierTraining> {
    let pieces = SubwordHasher::new(3, 5, 1 << 16)?;
    let architecture = Architecture {
        kind: Kind::Bigru,
        embedding: 32,
        units: vec![16],
        pooling: Pooling::Max,
        ngrams: Some(NgramSettings { word_buckets: 1 << 16, pieces, dropout: 0.3, scale: 8.0 }),
        ..Architecture::hybrid()
    };
    Ok(ClassifierTraining {
        columns: Columns { author: None, ..Columns::default() },
        labels: labels.map(str::to_owned).to_vec(),
        command: String::new(),
        architecture,
        mask_padding: true,
        cleaning: Cleaning::Tweet,
        epochs: 12,
        patience: 3,
        stop_on: StopOn::Loss,
        // A temperature keeps the order of the scores, which Platt scaling may flatten.
        calibration: CalibrationMethod::Temperature,
        shares: Shares { train: 0.6, validation: 0.1, test: 0.3 },
        seed,
        ..ClassifierTraining::new(table, output)
    })
}

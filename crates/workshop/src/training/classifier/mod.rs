//! `train classifier`: turns a labelled table into a folder that [`pregonero_models::sentiment::Classifier`] loads.
//!
//! Read, clean, split, add other rows to the train part, fit with early stopping, calibrate on the validation part,
//! measure on the test part, write. The test part is used only once, with the weights that the validation part chose.
//! One seed decides split, initial weights, order and dropout: two runs with the same seed agree bit for bit. See also
//! [`crate::dataset`], [`pregonero_models::sentiment`], [`super::optimizer`].

mod augment;
mod card;
mod checkpoints;
mod data;
mod digest;
mod export;
mod fit;
mod folder;
pub mod grid;
mod loss;
mod output;
mod progress;
mod settings;
mod sources;
mod targets;
mod vectors;

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::{Context as _, Result};
use candle_core::Tensor;

use self::checkpoints::Checkpoints;
pub use self::data::{DataCounts, SourceCounts};
pub use self::loss::{binary_cross_entropy, cross_entropy};
pub use self::output::{LOG_FILE, WeightFormat, check_output};
pub use self::progress::{EpochReport, Listener, Progress};
pub use self::settings::{ClassifierTraining, Distillation, PretrainedVectors, StopOn, outputs};
pub use self::sources::{Teacher, UnlabelledSource, WeakSource};
pub use self::vectors::VectorCounts;
use crate::dataset::parts::learned_from;
use crate::metrics::ClassificationReport;
use pregonero_data::trained_on::TrainedOn;
use pregonero_models::sentiment::ClassifierConfig;
use pregonero_models::sentiment::calibration::Calibration;
use pregonero_models::sentiment::vocabulary::Vocabulary;

/// The stack of the training thread: candle walks the graph recursively, and a sequence network overflows the usual stack.
const STACK_BYTES: usize = 256 << 20;

/// The result of a training.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingOutcome {
    pub epochs: Vec<EpochReport>,
    /// The epoch whose weights were kept, counted from 1.
    pub best_epoch: usize,
    /// Whether the training was stopped early; the best weights so far were kept.
    pub interrupted: bool,
    /// The validation part with calibrated probabilities, which were fitted on these rows.
    pub validation: ClassificationReport,
    /// The test part with calibrated probabilities.
    pub test: ClassificationReport,
    /// The test part's calibration error before the calibration.
    pub uncalibrated_error: f64,
    pub counts: DataCounts,
    pub parameters: usize,
    /// The seconds this run spent on reading, training and measuring.
    pub seconds: f64,
}

/// A trained classifier that is not written yet, with its predictions for the held-out parts.
#[derive(Debug)]
pub struct Trained {
    pub config: ClassifierConfig,
    pub vocabulary: Vocabulary,
    /// The weights by name, in f32.
    pub weights: HashMap<String, Tensor>,
    pub outcome: TrainingOutcome,
    /// The labels of the validation part.
    pub validation_labels: Vec<usize>,
    /// Calibrated probabilities for each row of the validation part, one per label.
    pub validation_probabilities: Vec<Vec<f32>>,
    /// The texts of the test part, as they were in the table.
    pub test_texts: Vec<String>,
    /// The labels of the test part.
    pub test_labels: Vec<usize>,
    /// Calibrated probabilities for each row of the test part, one per label.
    pub test_probabilities: Vec<Vec<f32>>,
    /// The files that it was trained on.
    pub trained_on: TrainedOn,
}

impl Trained {
    /// Writes the folder: all of it or nothing.
    ///
    /// # Errors
    /// If it exists and must not be replaced, or cannot be written.
    pub fn write(&self, settings: &ClassifierTraining) -> Result<()> {
        self.write_with_card(settings, &card::write(settings, &self.config, &self.outcome))
    }

    /// Writes the folder with a card that the caller supplies.
    ///
    /// # Errors
    /// Same as [`Self::write`].
    pub fn write_with_card(&self, settings: &ClassifierTraining, card: &str) -> Result<()> {
        folder::write(settings, self, card)
    }
}

/// Trains a classifier and writes its folder; `progress` receives every batch and epoch as it ends. A checkpoint is written
/// next to the folder after every epoch until the training is done. Set `interrupted` to stop after the current batch:
/// the best weights so far are written, and the checkpoint stays so that the training can be resumed.
///
/// # Errors
/// If the settings or the data are unsuitable, the loss stops being a number, training is interrupted before
/// the first epoch ended, or the folder cannot be written. Then nothing but the checkpoint is written.
pub fn train_classifier(
    settings: &ClassifierTraining,
    interrupted: &AtomicBool,
    progress: Listener<'_>,
) -> Result<TrainingOutcome> {
    let checkpoints = Checkpoints::beside(&settings.output);
    if settings.resume && !settings.overwrite {
        checkpoints.refuse_to_replace(&settings.output)?;
    }
    let trained = on_large_stack(|| run(settings, Some(&checkpoints), interrupted, progress))?;
    trained.write(settings)?;
    if !trained.outcome.interrupted {
        checkpoints.remove()?;
    }
    Ok(trained.outcome)
}

/// Trains a classifier and writes nothing, not even a checkpoint: for runs over several seeds and for grids.
///
/// # Errors
/// Same as [`train_classifier`].
pub fn fit_classifier(
    settings: &ClassifierTraining,
    interrupted: &AtomicBool,
    progress: Listener<'_>,
) -> Result<Trained> {
    on_large_stack(|| run(settings, None, interrupted, progress))
}

/// Writes the split of `settings` into a CSV file and trains nothing, so that another program can be measured on the
/// same rows.
///
/// # Errors
/// If the data cannot be read or split, or the file cannot be written.
pub fn export_split(settings: &ClassifierTraining, path: &Path) -> Result<()> {
    data::export_split(settings, path)
}

fn on_large_stack<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    pregonero_system::memory::keep_freed_memory();
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("train-classifier".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, work)
            .context("cannot start the training thread")?
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn run(
    settings: &ClassifierTraining,
    checkpoints: Option<&Checkpoints>,
    interrupted: &AtomicBool,
    progress: Listener<'_>,
) -> Result<Trained> {
    let start = Instant::now();
    settings.check()?;
    let trained_on = trained_on(settings)?;
    let data = data::prepare(settings)?;
    let fitted = fit::fit(settings, &data, checkpoints, interrupted, progress)?;
    let (validation, test) = (fitted.logits(&data.validation)?, fitted.logits(&data.test)?);
    let calibration = settings
        .calibration
        .fit(&validation, &data.validation.labels)
        .with_context(|| format!("{}: cannot calibrate on the validation part", settings.data.display()))?;
    let report = |part, logits: &[Vec<f32>], calibration| fit::report(part, logits, calibration, &settings.labels);
    let outcome = TrainingOutcome {
        validation: report(&data.validation, &validation, &calibration)?,
        test: report(&data.test, &test, &calibration)?,
        uncalibrated_error: report(&data.test, &test, &Calibration::None)?.calibration_error,
        epochs: fitted.epochs,
        best_epoch: fitted.best_epoch,
        interrupted: fitted.interrupted,
        parameters: data.network.summary().parameters(),
        counts: data.counts,
        seconds: start.elapsed().as_secs_f64(),
    };
    let config = ClassifierConfig {
        name: settings.name.clone(),
        network: data.network,
        cleaning: settings.cleaning,
        labels: settings.labels.clone(),
        calibration,
        held_out: data.held_out,
        test_part: Some(data.test_part),
        recommended_min_score: settings.recommended_min_score,
        label_hashtags: settings.label_hashtags.clone(),
        generator: None,
        reading: None,
    };
    let probabilities = |logits: Vec<Vec<f32>>| logits.iter().map(|row| calibration.probabilities(row)).collect();
    Ok(Trained {
        config,
        vocabulary: data.vocabulary,
        weights: fitted.weights,
        outcome,
        validation_labels: data.validation.labels,
        validation_probabilities: probabilities(validation),
        test_texts: data.test_texts,
        test_labels: data.test.labels,
        test_probabilities: probabilities(test),
        trained_on,
    })
}

/// Returns the files of a training, and those that its word vectors were trained on.
fn trained_on(settings: &ClassifierTraining) -> Result<TrainedOn> {
    let added = settings.weak.iter().map(|source| &source.path);
    let added = learned_from(added.chain(settings.unlabelled.iter().map(|source| &source.path)))?;
    // The labelled file is learned from, stopped by and measured on with all its parts.
    let files = TrainedOn::of(std::iter::once(settings.data.clone()).chain(digest::vector_files(settings)))?.and(added);
    match settings.vectors.as_ref().map(|vectors| &vectors.path) {
        Some(folder) if folder.is_dir() => files.begun_from(folder),
        _ => Ok(files),
    }
}

#[cfg(test)]
mod tests;

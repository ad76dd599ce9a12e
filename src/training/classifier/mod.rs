//! `train classifier`: from a labelled table to a folder that [`crate::sentiment::Classifier`] loads.
//!
//! Read, clean, split by groups, fit with early stopping, measure on the test part, write. The test part is looked at
//! once, with the weights that the validation part chose. One seed decides split, initial weights, order and dropout:
//! two runs with one seed agree bit for bit. Neighbours: [`crate::dataset`], [`crate::sentiment`],
//! [`super::optimizer`].

mod card;
mod fit;
mod folder;
mod loss;

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use anyhow::{Context as _, Result, ensure};

pub use self::fit::EpochReport;
pub use self::folder::WeightFormat;
pub use self::loss::binary_cross_entropy;
use crate::dataset::labelled::{Columns, read_labelled};
use crate::dataset::split::{Shares, Split, SplitRow, split_by_groups};
use crate::evaluation::classification::ClassificationReport;
use crate::sentiment::cleaning::Cleaning;
use crate::sentiment::network::{Architecture, NetworkConfig, Padding};
use crate::sentiment::vocabulary::Vocabulary;
use crate::sentiment::{ClassifierConfig, HeldOut};

/// candle walks the graph recursively; a sequence network overflows the usual stack.
const STACK_BYTES: usize = 256 << 20;

/// Everything a training depends on.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassifierTraining {
    /// The labelled CSV file.
    pub data: PathBuf,
    pub columns: Columns,
    /// The folder to write; it must not exist yet, unless `overwrite`.
    pub output: PathBuf,
    /// Replaces a folder that exists.
    pub overwrite: bool,
    /// The model's name in its card and configuration.
    pub name: String,
    /// The command line that started this, for the card.
    pub command: String,
    /// Sentences about the data, for the card: where it comes from, its licence. May be empty.
    pub about_data: String,
    pub architecture: Architecture,
    pub cleaning: Cleaning,
    /// The vocabulary's largest size, without padding and the unknown word.
    pub maximum_words: usize,
    /// Rarer words share the unknown word's id; above 1, or training never sees that id.
    pub minimum_count: usize,
    /// Words of a row.
    pub steps: usize,
    pub batch_size: usize,
    pub epochs: usize,
    pub learning_rate: f64,
    /// Gradients are scaled down to this norm; 0 = off.
    pub clip_norm: f64,
    /// Both classes weigh the same in the loss, however many rows they have.
    pub balance_classes: bool,
    /// Epochs without improvement of the validation loss before it stops.
    pub patience: usize,
    /// What counts as an improvement.
    pub minimum_delta: f64,
    pub shares: Shares,
    pub seed: u64,
    pub weights: WeightFormat,
}

impl ClassifierTraining {
    /// The settings of the built-in classifier, over `data`, into `output`.
    #[must_use]
    pub fn new(data: PathBuf, output: PathBuf) -> Self {
        let name = output.file_name().map_or_else(|| "classifier".into(), |name| name.to_string_lossy().into_owned());
        Self {
            data,
            columns: Columns::default(),
            output,
            overwrite: false,
            name,
            command: "pregonero train classifier".to_owned(),
            about_data: String::new(),
            architecture: Architecture::bilstm_small(),
            cleaning: Cleaning::Plain,
            maximum_words: 10_000,
            minimum_count: 2,
            steps: 50,
            batch_size: 32,
            epochs: 100,
            learning_rate: 1e-3,
            clip_norm: 1.0,
            balance_classes: true,
            patience: 7,
            minimum_delta: 1e-3,
            shares: Shares::default(),
            seed: 1,
            weights: WeightFormat::F16,
        }
    }

    fn check(&self) -> Result<()> {
        ensure!(self.batch_size > 0, "batch size: must be at least 1");
        ensure!(self.epochs > 0, "epochs: must be at least 1");
        ensure!(self.learning_rate > 0.0 && self.learning_rate.is_finite(), "learning rate: must be above 0");
        ensure!(self.clip_norm >= 0.0, "clip norm: must not be negative");
        ensure!(self.maximum_words > 0, "vocabulary size: must be at least 1");
        self.shares.check()?;
        folder::check_output(&self.output, self.overwrite)
    }
}

/// What a training came to.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingOutcome {
    pub epochs: Vec<EpochReport>,
    /// The epoch whose weights were kept, counted from 1.
    pub best_epoch: usize,
    /// Whether it was asked to stop; the best weights so far were kept.
    pub interrupted: bool,
    pub validation: ClassificationReport,
    pub test: ClassificationReport,
    /// Rows left out because nothing of their text is left to read.
    pub skipped_empty: usize,
    /// Rows of train, validation and test part.
    pub rows: [usize; 3],
    pub parameters: usize,
}

/// Trains a classifier and writes its folder; `progress` hears of every epoch as it ends. Set `interrupted` to stop
/// after the batch in work: the best weights so far are then kept and written.
///
/// # Errors
/// Where the settings or the data are not fit to train on, the loss stops being a number, it was interrupted before
/// the first epoch ended, or the folder cannot be written. Nothing is written then.
pub fn train_classifier(
    settings: &ClassifierTraining,
    interrupted: &AtomicBool,
    progress: &mut (dyn FnMut(&EpochReport) + Send),
) -> Result<TrainingOutcome> {
    settings.check()?;
    super::memory::keep_freed_memory();
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("train-classifier".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, || run(settings, interrupted, progress))
            .context("cannot start the training thread")?
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn run(
    settings: &ClassifierTraining,
    interrupted: &AtomicBool,
    progress: &mut (dyn FnMut(&EpochReport) + Send),
) -> Result<TrainingOutcome> {
    let data = prepare(settings)?;
    let fitted = fit::fit(settings, &data, interrupted, progress)?;
    let config = ClassifierConfig {
        name: settings.name.clone(),
        network: data.network.clone(),
        cleaning: settings.cleaning,
        labels: ["negative".to_owned(), "positive".to_owned()],
        held_out: HeldOut { seed: settings.seed, shares: settings.shares },
    };
    let outcome = TrainingOutcome {
        validation: fitted.evaluate(&data.validation)?,
        test: fitted.evaluate(&data.test)?,
        epochs: fitted.epochs,
        best_epoch: fitted.best_epoch,
        interrupted: fitted.interrupted,
        skipped_empty: data.skipped_empty,
        rows: [data.train.labels.len(), data.validation.labels.len(), data.test.labels.len()],
        parameters: data.network.summary().parameters(),
    };
    let card = card::write(settings, &config, &outcome);
    folder::write(settings, &config, &data.vocabulary, &fitted.weights, &card)?;
    Ok(outcome)
}

/// Rows of ids with their labels.
#[derive(Debug, Default)]
struct Part {
    rows: Vec<Vec<u32>>,
    labels: Vec<usize>,
}

/// The data as the network sees it.
#[derive(Debug)]
struct Prepared {
    vocabulary: Vocabulary,
    network: NetworkConfig,
    train: Part,
    validation: Part,
    test: Part,
    skipped_empty: usize,
}

/// Reads, cleans, splits and numbers; the vocabulary knows the train part alone.
fn prepare(settings: &ClassifierTraining) -> Result<Prepared> {
    let table = read_labelled(&settings.data, &settings.columns)?;
    let mut skipped_empty = table.skipped_empty;
    let mut cleaned = Vec::with_capacity(table.tweets.len());
    let mut tweets = table.tweets;
    tweets.retain(|tweet| {
        let text = settings.cleaning.clean(&tweet.text);
        let readable = !text.is_empty();
        if readable {
            cleaned.push(text);
        } else {
            skipped_empty += 1;
        }
        readable
    });
    let rows: Vec<SplitRow<'_>> = tweets
        .iter()
        .zip(&cleaned)
        .map(|(tweet, normalised)| SplitRow { author: &tweet.author, normalised, label: tweet.label })
        .collect();
    let split = split_by_groups(&rows, &settings.shares, settings.seed)?;
    check_split(&rows, &split).with_context(|| settings.data.display().to_string())?;
    let train_texts = split.train.iter().map(|&row| rows[row].normalised);
    let vocabulary = Vocabulary::build(train_texts, settings.minimum_count, settings.maximum_words);
    let part = |places: &[usize]| Part {
        rows: places
            .iter()
            .map(|&row| vocabulary.encode(rows[row].normalised, settings.steps, Padding::Left))
            .collect(),
        labels: places.iter().map(|&row| rows[row].label).collect(),
    };
    let (train, validation, test) = (part(&split.train), part(&split.validation), part(&split.test));
    let network = NetworkConfig::new(vocabulary.rows(), settings.steps, settings.architecture.clone());
    network.check()?;
    Ok(Prepared { vocabulary, network, train, validation, test, skipped_empty })
}

fn check_split(rows: &[SplitRow<'_>], split: &Split) -> Result<()> {
    for (name, part) in [("train", &split.train), ("validation", &split.validation), ("test", &split.test)] {
        ensure!(!part.is_empty(), "too few rows, or too few groups of author and text: the {name} part is empty");
    }
    for label in 0..2 {
        let found = split.train.iter().any(|&row| rows[row].label == label);
        ensure!(found, "no row of label {label} to train on");
    }
    Ok(())
}

#[cfg(test)]
mod tests;

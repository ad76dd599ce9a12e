//! The settings of a classifier's training.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Result, bail, ensure};
use serde::{Deserialize, Serialize};

use super::output::{WeightFormat, check_output};
use super::sources::{Teacher, UnlabelledSource, WeakSource};
use crate::training::schedule::{Decay, Schedule};
use crate::training::vectors::{VectorCard, read_width};
use pregonero_data::similar::NEAR_DUPLICATE;
use pregonero_models::sentiment::Columns;
use pregonero_models::sentiment::calibration::CalibrationMethod;
use pregonero_models::sentiment::check_labels;
use pregonero_models::sentiment::cleaning::Cleaning;
use pregonero_models::sentiment::network::Architecture;
use pregonero_models::sentiment::vocabulary::Padding;
use pregonero_models::sentiment::{HeldOut, Shares, SplitProtocol};

/// The measure on the validation part that decides which epoch's weights are kept, and when to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopOn {
    /// The lowest mean loss.
    Loss,
    /// The highest macro F1.
    F1,
}

/// How the teachers' predictions become targets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Distillation {
    /// The teachers' share of the target of a row that has its own label, 0 to 1.
    pub weight: f32,
    /// Teachers' probabilities are raised to one over this and normalised: above 1 softens, below 1 sharpens.
    pub temperature: f32,
    /// Rows without a label are used if the teachers give some label at least this probability.
    pub minimum_confidence: Option<f32>,
}

impl Default for Distillation {
    fn default() -> Self {
        Self { weight: 0.5, temperature: 1.0, minimum_confidence: None }
    }
}

/// Returns how many logits a network needs for `labels` labels: two labels need only one.
#[must_use]
pub fn outputs(labels: usize) -> usize {
    if labels == 2 { 1 } else { labels }
}

/// Word vectors that the embedding starts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PretrainedVectors {
    /// A file in word2vec's, GloVe's or fastText's text format, or a folder that `train vectors` wrote.
    pub path: PathBuf,
    /// Whether training leaves the embedding unchanged.
    pub frozen: bool,
}

impl PretrainedVectors {
    /// Checks the width before the whole table is read and, for a grid, before the first combination is trained.
    fn check_width(&self, embedding: usize) -> Result<()> {
        let path = &self.path;
        ensure!(path.exists(), "vectors: {}: no such file or folder", path.display());
        let width = if path.is_dir() { VectorCard::read(path)?.width } else { read_width(path)? };
        ensure!(
            width == embedding,
            "{}: its vectors have {width} values, but the architecture's embedding has {embedding}: pass --embedding {width}",
            path.display()
        );
        Ok(())
    }
}

/// Everything a training depends on.
#[derive(Debug, Clone)]
pub struct ClassifierTraining {
    /// The labelled CSV file.
    pub data: PathBuf,
    pub columns: Columns,
    /// The labels in the order of their numbers; at least two.
    pub labels: Vec<String>,
    /// Rows of other files that get a label by one of their columns.
    pub weak: Vec<WeakSource>,
    /// Rows of other files that get the teachers' labels.
    pub unlabelled: Vec<UnlabelledSource>,
    /// Classifiers of the same labels; their probabilities are averaged.
    pub teachers: Vec<Teacher>,
    pub distillation: Distillation,
    /// The folder to write; it must not exist yet, unless `overwrite` or `resume` is set. Checkpoints are stored next to it.
    pub output: PathBuf,
    /// Replaces an existing folder and, without `resume`, discards checkpoints.
    pub overwrite: bool,
    /// Resumes from the checkpoint next to the output folder; if there is none, starts over, but replaces nothing
    /// unless `overwrite` is set too.
    pub resume: bool,
    /// The model's name in its card and configuration.
    pub name: String,
    /// The command line that started this, for the card.
    pub command: String,
    /// Sentences about the data for the card, such as its origin and licence. May be empty.
    pub about_data: String,
    pub architecture: Architecture,
    /// The side on which short rows are padded.
    pub padding: Padding,
    /// Skips padding instead of reading it as a word.
    pub mask_padding: bool,
    pub cleaning: Cleaning,
    pub vectors: Option<PretrainedVectors>,
    /// The largest size of the vocabulary, without padding and the unknown word.
    pub maximum_words: usize,
    /// Rarer words share the unknown word's id; should be above 1, otherwise training never sees that id.
    pub minimum_count: usize,
    /// The number of words in a row.
    pub steps: usize,
    pub batch_size: usize,
    /// The most passes over the train part.
    pub epochs: usize,
    /// Minutes after which the current epoch is the last, earlier runs included.
    pub maximum_minutes: Option<f64>,
    pub learning_rate: f64,
    pub warmup_steps: usize,
    pub decay: Decay,
    /// AdamW's weight decay; biases do not decay.
    pub weight_decay: f64,
    /// Gradients are scaled down to this norm; 0 = off.
    pub clip_norm: f64,
    /// Gives all labels the same weight in the loss, however many rows they have.
    pub balance_classes: bool,
    /// The share of every target that is spread over all labels.
    pub label_smoothing: f32,
    /// Probability that a word of a training row becomes the unknown word.
    pub word_dropout: f64,
    /// Probability that some words of a training row are replaced, swapped or left out.
    pub augment: f64,
    /// Decay of the running mean of the weights; if set, the mean is what is measured and kept.
    pub averaging: Option<f64>,
    pub stop_on: StopOn,
    /// How the logits of the finished network become probabilities.
    pub calibration: CalibrationMethod,
    /// Epochs without improvement after which training stops.
    pub patience: usize,
    /// What counts as an improvement.
    pub minimum_delta: f64,
    pub shares: Shares,
    pub protocol: SplitProtocol,
    /// Texts of at least this similarity stay in one part of a split by groups.
    pub near_duplicate: Option<f64>,
    /// The split's seed if it differs from `seed`, for several runs over one split.
    pub split_seed: Option<u64>,
    /// Decides initial weights, order, dropout and augmentation.
    pub seed: u64,
    /// A CSV file to write the split into, so that another program can use the same one.
    pub export_split: Option<PathBuf>,
    /// The recommended threshold for users of the model.
    pub recommended_min_score: Option<f32>,
    /// The hashtags that gave the labels, by label, for the gate `message`.
    pub label_hashtags: BTreeMap<String, Vec<String>>,
    pub weights: WeightFormat,
}

impl ClassifierTraining {
    /// Returns the default settings for training on `data` into `output`.
    #[must_use]
    pub fn new(data: PathBuf, output: PathBuf) -> Self {
        let name = output.file_name().map_or_else(|| "classifier".into(), |name| name.to_string_lossy().into_owned());
        Self {
            data,
            columns: Columns::default(),
            labels: vec!["negative".to_owned(), "positive".to_owned()],
            weak: Vec::new(),
            unlabelled: Vec::new(),
            teachers: Vec::new(),
            distillation: Distillation::default(),
            output,
            overwrite: false,
            resume: false,
            name,
            command: "pregonero train classifier".to_owned(),
            about_data: String::new(),
            architecture: Architecture::bilstm_small(),
            padding: Padding::Left,
            mask_padding: false,
            cleaning: Cleaning::Plain,
            vectors: None,
            maximum_words: 10_000,
            minimum_count: 2,
            steps: 50,
            batch_size: 32,
            epochs: 100,
            maximum_minutes: None,
            learning_rate: 1e-3,
            warmup_steps: 0,
            decay: Decay::Constant,
            weight_decay: 0.0,
            clip_norm: 1.0,
            balance_classes: true,
            label_smoothing: 0.0,
            word_dropout: 0.0,
            augment: 0.0,
            averaging: None,
            stop_on: StopOn::Loss,
            calibration: CalibrationMethod::Auto,
            patience: 7,
            minimum_delta: 1e-3,
            shares: Shares::default(),
            protocol: SplitProtocol::Groups,
            near_duplicate: Some(NEAR_DUPLICATE),
            split_seed: None,
            seed: 1,
            export_split: None,
            recommended_min_score: None,
            label_hashtags: BTreeMap::new(),
            weights: WeightFormat::F16,
        }
    }

    /// Returns the schedule of the learning rate.
    #[must_use]
    pub fn schedule(&self) -> Schedule {
        Schedule { learning_rate: self.learning_rate, warmup_steps: self.warmup_steps, decay: self.decay }
    }

    /// Returns the split as stored in `config.json`.
    #[must_use]
    pub fn held_out(&self) -> HeldOut {
        let near_duplicate = self.near_duplicate.filter(|_| self.protocol == SplitProtocol::Groups);
        let seed = self.split_seed.unwrap_or(self.seed);
        HeldOut { seed, shares: self.shares, protocol: self.protocol, near_duplicate }
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// If a setting is invalid or the output folder must not be written; the message names it.
    pub(super) fn check(&self) -> Result<()> {
        check_labels(&self.labels)?;
        ensure!(self.batch_size > 0, "batch size: must be at least 1");
        ensure!(self.epochs > 0, "epochs: must be at least 1");
        ensure!(self.learning_rate > 0.0 && self.learning_rate.is_finite(), "learning rate: must be above 0");
        ensure!(self.clip_norm >= 0.0, "clip norm: must not be negative");
        ensure!(self.weight_decay >= 0.0 && self.weight_decay.is_finite(), "weight decay: must not be negative");
        ensure!(self.maximum_words > 0, "vocabulary size: must be at least 1 word");
        for (name, share) in [
            ("label smoothing", f64::from(self.label_smoothing)),
            ("word dropout", self.word_dropout),
            ("averaging", self.averaging.unwrap_or(0.0)),
        ] {
            ensure!((0.0..1.0).contains(&share), "{name}: {share} must be at least 0 and below 1");
        }
        for (name, share) in [
            ("augment", self.augment),
            ("distill weight", f64::from(self.distillation.weight)),
            ("min confidence", f64::from(self.distillation.minimum_confidence.unwrap_or(0.0))),
            ("near-duplicate similarity", self.near_duplicate.unwrap_or(1.0)),
            ("recommended min score", f64::from(self.recommended_min_score.unwrap_or(0.0))),
        ] {
            ensure!((0.0..=1.0).contains(&share), "{name}: {share} must be between 0 and 1");
        }
        ensure!(self.distillation.temperature > 0.0, "distill temperature: must be above 0");
        ensure!(self.near_duplicate.is_none_or(|share| share > 0.0), "near-duplicate similarity: must be above 0");
        ensure!(
            self.unlabelled.is_empty() || !self.teachers.is_empty(),
            "rows without a label need a teacher: give --teacher MODEL"
        );
        if let Some(vectors) = &self.vectors {
            vectors.check_width(self.architecture.embedding)?;
        }
        if let Some(label) = self.label_hashtags.keys().find(|label| !self.labels.contains(label)) {
            bail!("label hashtags: {label:?} is not one of the labels {}", self.labels.join(", "));
        }
        self.shares.check()?;
        check_output(&self.output, self.overwrite || self.resume)
    }
}

//! `pregonero train classifier`: turns flags into settings and prints the result of one training, or of a grid (`grid`).

mod architecture;
mod grid;
mod values;

use std::path::PathBuf;

use anyhow::{Result, bail, ensure};
use clap::Args;
use serde_json::json;

use self::architecture::{ArchitectureChoice, RESERVED_ROWS};
use self::values::{CALIBRATIONS, CLEANINGS, CRITERIA, PADDINGS, PROTOCOLS, by_label, label_hashtag, shares};
use super::DECAYS;
use crate::cli::choice::described;
use crate::cli::output::Output;
use crate::cli::session::Session;
use crate::cli::workshop::columns::{ColumnArguments, TableSource};
use crate::cli::workshop::progress::follow;
use crate::cli::workshop::stop::Stop;
use pregonero_data::similar::NEAR_DUPLICATE;
use pregonero_models::catalog::{self, HubSettings, ModelKind, ModelSource};
use pregonero_models::sentiment::calibration::CalibrationMethod;
use pregonero_models::sentiment::cleaning::Cleaning;
use pregonero_models::sentiment::network::NetworkConfig;
use pregonero_models::sentiment::vocabulary::Padding;
use pregonero_models::sentiment::{Shares, SplitProtocol};
use pregonero_workshop::training::classifier::{
    ClassifierTraining, Distillation, PretrainedVectors, StopOn, Teacher, TrainingOutcome, UnlabelledSource,
    WeakSource, WeightFormat, outputs, train_classifier,
};
use pregonero_workshop::training::schedule::Decay;

/// The shares on VacunaBot's slides: 30 % for the test, and a tenth of the rest for validation.
const RANDOM_SHARES: Shares = Shares { train: 0.63, validation: 0.07, test: 0.3 };

#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pregonero train classifier --data labelled.csv --output models/mine
  pregonero train classifier --data labelled.csv --output models/mine --resume
  pregonero train classifier --data sets/stance --output models/mine      a data set with train, validation and test
  pregonero train classifier --data labelled.csv --weak more.csv:hashtag=1:negative --output models/mine
  pregonero train classifier --data labelled.csv --unlabelled more.csv --teacher models/a --teacher models/b --output models/c
  pregonero train classifier --data labelled.csv --split random --arch bilstm --min-count 1 --no-balance --clip 0 --output runs/slides
  pregonero train classifier --data labelled.csv --grid grid.toml --output models/best
  pregonero train classifier --arch bilstm --vocab-size 17104 --summary   prints the layers; needs no data

A grid file is TOML; its keys are the names of these flags: learning-rate = [1e-3, 3e-4]")]
pub struct ClassifierArguments {
    /// Labelled tweets: a table of any kind (CSV, JSON, Parquet, a data set), with the column of the text if it is not that of
    /// --text-column. The parts train, validation and test of a data set stay as they are
    #[arg(long, value_name = "FILE[:COLUMN]", required_unless_present = "summary")]
    data: Option<TableSource>,
    #[command(flatten)]
    columns: ColumnArguments,
    /// The labels, in the order of their numbers
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', default_value = "negative,positive")]
    labels: Vec<String>,
    /// Train on the rows of another table whose COLUMN is VALUE, as LABEL; the default weight is 0.5. The table needs no
    /// author column
    #[arg(long, value_name = "FILE:COLUMN=VALUE:LABEL[:WEIGHT]")]
    weak: Vec<WeakSource>,
    /// Train on the rows of another table, with the teachers' labels. The table needs no author column
    #[arg(long, value_name = "FILE[:TEXTCOLUMN][=WEIGHT]")]
    unlabelled: Vec<UnlabelledSource>,
    /// A classifier to learn the probabilities of; several are averaged
    #[arg(long, value_name = "MODEL")]
    teacher: Vec<ModelSource>,
    /// Share of the teachers in the target of a labelled row
    #[arg(long, value_name = "SHARE", default_value_t = 0.5)]
    distill_weight: f32,
    /// Soften (above 1) or sharpen (below 1) the teachers' probabilities
    #[arg(long, value_name = "T", default_value_t = 1.0)]
    distill_temperature: f32,
    /// Use unlabelled rows only if the teachers give one label at least this probability
    #[arg(long, value_name = "P")]
    min_confidence: Option<f32>,
    /// How texts are cleaned: plain, lemmatised or tweet
    #[arg(long, value_name = "NAME", default_value = "plain", value_parser = described(&CLEANINGS))]
    cleaning: Cleaning,
    /// groups: authors and near-duplicates stay together; random: as on VacunaBot's slides, with duplicates
    #[arg(long, value_name = "PROTOCOL", default_value = "groups", value_parser = described(&PROTOCOLS))]
    split: SplitProtocol,
    /// Shares of the train, validation and test parts; by default 0.7,0.1,0.2 by groups and 0.63,0.07,0.3 at random
    #[arg(long, value_name = "A,B,C", value_parser = shares)]
    shares: Option<Shares>,
    /// Share of shared words from which texts count as near-duplicates and stay in one part; 0: only equal texts do
    #[arg(long, value_name = "SHARE", default_value_t = NEAR_DUPLICATE)]
    near_duplicate: f64,
    /// Seed of the split, if it should differ from that of the training
    #[arg(long, value_name = "N")]
    split_seed: Option<u64>,
    /// Write the split as CSV, for another program
    #[arg(long, value_name = "FILE")]
    export_split: Option<PathBuf>,
    /// The network
    #[arg(long, value_enum, default_value = "bilstm-small")]
    arch: ArchitectureChoice,
    /// Width of the word vectors
    #[arg(long, value_name = "N")]
    embedding: Option<usize>,
    /// Units of each recurrent layer (of each direction), layer by layer: 256,128,64
    #[arg(long, alias = "lstm", value_name = "N,…", value_delimiter = ',')]
    units: Option<Vec<usize>>,
    /// Share of the word vectors' features that are dropped for a whole training row
    #[arg(long, value_name = "SHARE")]
    spatial_dropout: Option<f64>,
    /// Share of its n-grams that are dropped from a training row, with --arch hybrid
    #[arg(long, value_name = "SHARE")]
    ngram_dropout: Option<f64>,
    /// How fast the n-grams learn compared with the rest, with --arch hybrid: their total weight
    #[arg(long, value_name = "X")]
    ngram_scale: Option<f32>,
    /// The side on which short rows are padded: left, as in Keras, or right
    #[arg(long, value_name = "SIDE", default_value = "left", value_parser = described(&PADDINGS))]
    padding: Padding,
    /// Skip padding instead of reading it as a word; --arch hybrid always does
    #[arg(long)]
    mask_padding: bool,
    /// Word vectors to start from: a file in word2vec's, GloVe's or fastText's text format, or a folder written by `train
    /// vectors`, whose n-grams also give vectors for words that its table lacks
    #[arg(long, value_name = "FILE|FOLDER")]
    vectors: Option<PathBuf>,
    /// Do not train the word vectors
    #[arg(long)]
    freeze_vectors: bool,
    /// The most rows of the embedding, including padding and the unknown word
    #[arg(long, value_name = "N")]
    vocab_size: Option<usize>,
    /// Words seen less often in training share the unknown word's row
    #[arg(long, value_name = "N", default_value_t = 2)]
    min_count: usize,
    /// Words per row; longer texts lose their beginning
    #[arg(long, value_name = "N")]
    steps: Option<usize>,
    /// Rows per step
    #[arg(long, value_name = "N", default_value_t = 32)]
    batch: usize,
    /// The most passes over the data
    #[arg(long, value_name = "N", default_value_t = 100)]
    epochs: usize,
    /// Minutes after which the current epoch is the last
    #[arg(long, value_name = "MINUTES")]
    max_minutes: Option<f64>,
    /// The measure on the validation part that picks the best epoch: loss, or f1, the macro F1 that the progress shows
    #[arg(long, value_name = "WHAT", default_value = "loss", value_parser = described(&CRITERIA))]
    stop_on: StopOn,
    /// How logits become probabilities: temperature, platt, or auto (platt for two labels)
    #[arg(long, value_name = "METHOD", default_value = "auto", value_parser = described(&CALIBRATIONS))]
    calibration: CalibrationMethod,
    /// Stop after this many epochs without improvement
    #[arg(long, value_name = "N", default_value_t = 7)]
    patience: usize,
    /// The smallest change that counts as an improvement
    #[arg(long, value_name = "DELTA", default_value_t = 1e-3)]
    min_delta: f64,
    /// Adam's highest learning rate
    #[arg(long, value_name = "RATE", default_value_t = 1e-3)]
    learning_rate: f64,
    /// Steps during which the learning rate rises from 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    warmup_steps: usize,
    /// How the learning rate falls afterwards: constant, linear or cosine
    #[arg(long, value_name = "HOW", default_value = "constant", value_parser = described(&DECAYS))]
    decay: Decay,
    /// AdamW's weight decay; biases do not decay
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    weight_decay: f64,
    /// Largest norm of the gradient; 0: no limit
    #[arg(long, value_name = "NORM", default_value_t = 1.0)]
    clip: f64,
    /// Do not balance the labels: weight each label by its number of rows
    #[arg(long)]
    no_balance: bool,
    /// Share of every target that is spread evenly over all labels
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    label_smoothing: f32,
    /// Probability that a word is read as the unknown word
    #[arg(long, value_name = "P", default_value_t = 0.0)]
    word_dropout: f64,
    /// Probability that a row has words replaced by their neighbours (with --vectors), else swapped or left out
    #[arg(long, value_name = "P", default_value_t = 0.0)]
    augment: f64,
    /// Keep a running mean of the weights with this decay, for example 0.999
    #[arg(long, value_name = "DECAY")]
    ema: Option<f64>,
    /// Seed of split, initial weights, order and dropout
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The sentiment.min_score that the model recommends
    #[arg(long, value_name = "P")]
    recommend_min_score: Option<f32>,
    /// A hashtag that decided a label, such as positive=YoMeVacuno; may be given several times. The network never reads
    /// hashtags, so the gate `message` rejects hashtags of any other label than the bot's
    #[arg(long, value_name = "LABEL=HASHTAG", value_parser = label_hashtag)]
    label_hashtag: Vec<(String, String)>,
    /// Store the weights as f32 instead of f16
    #[arg(long)]
    f32: bool,
    /// Where the data comes from and its licence, for the model card
    #[arg(long, value_name = "TEXT", default_value = "")]
    about: String,
    /// Folder for the model and its card; it must not exist yet
    #[arg(long, value_name = "FOLDER", required_unless_present = "summary")]
    output: Option<PathBuf>,
    /// Replace the folder if it exists and has nothing but the model of an earlier training
    #[arg(long, conflicts_with = "resume")]
    overwrite: bool,
    /// Continue from the checkpoint next to the output folder; if there is neither, start from the beginning
    #[arg(long)]
    resume: bool,
    /// Train every combination of the settings in a TOML file and keep the best; continues where it was stopped, unless a
    /// training file has changed
    #[arg(long, value_name = "FILE", conflicts_with_all = ["summary", "resume", "export_split"])]
    grid: Option<PathBuf>,
    /// Print the table of layers and train nothing
    #[arg(long)]
    summary: bool,
}

impl ClassifierArguments {
    /// Returns whether padding is skipped. VacunaBot's networks read padding as a word, as Keras does; the built-in ones do not.
    fn masks_padding(&self) -> bool {
        self.mask_padding || self.arch == ArchitectureChoice::Hybrid
    }

    fn network(&self) -> NetworkConfig {
        let mut settings = self.arch.settings();
        settings.embedding = self.embedding.unwrap_or(settings.embedding);
        settings.units = self.units.clone().unwrap_or(settings.units);
        settings.spatial_dropout = self.spatial_dropout.unwrap_or(settings.spatial_dropout);
        if let Some(ngrams) = &mut settings.ngrams {
            ngrams.dropout = self.ngram_dropout.unwrap_or(ngrams.dropout);
            ngrams.scale = self.ngram_scale.unwrap_or(ngrams.scale);
        }
        NetworkConfig {
            padding: self.padding,
            mask_padding: self.masks_padding(),
            outputs: outputs(self.labels.len()),
            ..NetworkConfig::new(
                self.vocab_size.unwrap_or_else(|| self.arch.vocabulary_size()),
                self.steps.unwrap_or_else(|| self.arch.steps()),
                settings,
            )
        }
    }

    fn check_ngrams(&self) -> Result<()> {
        for (flag, given) in [("dropout", self.ngram_dropout.is_some()), ("scale", self.ngram_scale.is_some())] {
            ensure!(
                !given || self.arch == ArchitectureChoice::Hybrid,
                "--ngram-{flag} needs --arch hybrid: no other network reads n-grams"
            );
        }
        Ok(())
    }

    /// Returns the settings of one training.
    ///
    /// # Errors
    /// If data or output is not named, or a teacher does not exist.
    pub fn training(self, command: &str, hub: &HubSettings) -> Result<ClassifierTraining> {
        let network = self.network();
        network.check()?;
        self.check_ngrams()?;
        let (Some(data), Some(folder)) = (self.data, self.output) else {
            bail!("give --data FILE and --output FOLDER to train, or --summary to print only the layers");
        };
        ensure!(self.vectors.is_some() || !self.freeze_vectors, "--freeze-vectors needs --vectors FILE");
        let default_shares = match self.split {
            SplitProtocol::Groups | SplitProtocol::Given => Shares::default(),
            SplitProtocol::Random => RANDOM_SHARES,
        };
        let teacher = |source: ModelSource| -> Result<Teacher> {
            Ok(Teacher { name: source.to_string(), files: catalog::open(&source, ModelKind::Classifier, hub)? })
        };
        Ok(ClassifierTraining {
            columns: self.columns.of(&data),
            labels: self.labels,
            weak: self.weak,
            unlabelled: self.unlabelled,
            teachers: self.teacher.into_iter().map(teacher).collect::<Result<_>>()?,
            distillation: Distillation {
                weight: self.distill_weight,
                temperature: self.distill_temperature,
                minimum_confidence: self.min_confidence,
            },
            overwrite: self.overwrite,
            resume: self.resume,
            command: command.to_owned(),
            about_data: self.about,
            architecture: network.architecture,
            padding: self.padding,
            mask_padding: network.mask_padding,
            cleaning: self.cleaning,
            vectors: self.vectors.map(|path| PretrainedVectors { path, frozen: self.freeze_vectors }),
            maximum_words: network.vocabulary_size.saturating_sub(RESERVED_ROWS),
            minimum_count: self.min_count,
            steps: network.steps,
            batch_size: self.batch,
            epochs: self.epochs,
            maximum_minutes: self.max_minutes,
            learning_rate: self.learning_rate,
            warmup_steps: self.warmup_steps,
            decay: self.decay,
            weight_decay: self.weight_decay,
            clip_norm: self.clip,
            balance_classes: !self.no_balance,
            label_smoothing: self.label_smoothing,
            word_dropout: self.word_dropout,
            augment: self.augment,
            averaging: self.ema,
            stop_on: self.stop_on,
            calibration: self.calibration,
            patience: self.patience,
            minimum_delta: self.min_delta,
            shares: self.shares.unwrap_or(default_shares),
            protocol: self.split,
            near_duplicate: Some(self.near_duplicate).filter(|share| *share > 0.0),
            split_seed: self.split_seed,
            seed: self.seed,
            export_split: self.export_split,
            recommended_min_score: self.recommend_min_score,
            label_hashtags: by_label(self.label_hashtag),
            weights: if self.f32 { WeightFormat::F32 } else { WeightFormat::F16 },
            ..ClassifierTraining::new(data.path, folder)
        })
    }
}

/// Runs `train classifier`.
///
/// # Errors
/// If the data is bad, a folder cannot be written, or a training diverges.
pub(super) fn run(arguments: ClassifierArguments, session: &Session) -> Result<()> {
    let output = &session.output;
    if arguments.summary {
        return summarise(&arguments, output);
    }
    if let Some(path) = arguments.grid.clone() {
        return grid::run_grid(&arguments, &path, session);
    }
    let settings = arguments.training(&session.command_line, &session.hub()?)?;
    let stop = Stop::on_signal()?;
    let outcome = follow(output, &stop, |progress| train_classifier(&settings, &stop, progress))?;
    if outcome.interrupted {
        output.note("stopped; the best weights so far are written; continue with --resume");
    }
    let json = outcome_json(&outcome);
    output.object(
        || {
            format!(
                "epoch {} of {} kept; validation macro F1 {:.4}; on the test part:\n{}\nmodel written to {}",
                outcome.best_epoch,
                outcome.epochs.len(),
                outcome.validation.macro_f1,
                outcome.test,
                settings.output.display()
            )
        },
        || {
            let mut json = json;
            json["output"] = json!(settings.output);
            json
        },
    )
}

fn outcome_json(outcome: &TrainingOutcome) -> serde_json::Value {
    json!({"best_epoch": outcome.best_epoch, "epochs": outcome.epochs, "stopped": outcome.interrupted,
           "validation": outcome.validation, "test": outcome.test, "rows": outcome.counts.parts,
           "skipped_empty": outcome.counts.skipped_empty, "added": outcome.counts.added,
           "vectors": outcome.counts.vectors,
           "uncalibrated_error": outcome.uncalibrated_error, "parameters": outcome.parameters,
           "seconds": outcome.seconds})
}

fn summarise(arguments: &ClassifierArguments, output: &Output) -> Result<()> {
    let network = arguments.network();
    network.check()?;
    arguments.check_ngrams()?;
    let summary = network.summary();
    let layers = serde_json::to_value(&summary.layers)?;
    output.object(|| summary.to_string(), || json!({"layers": layers, "parameters": summary.parameters()}))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        arguments: ClassifierArguments,
    }

    pub(super) fn arguments(flags: &[&str]) -> ClassifierArguments {
        let base = ["train", "--data", "a.csv", "--output", "out"];
        Command::try_parse_from(base.iter().chain(flags)).unwrap().arguments
    }

    #[test]
    fn hashtags_are_kept_by_the_label_they_gave() {
        let flags =
            ["--label-hashtag", "positive=#Sí", "--label-hashtag", "negative=No", "--label-hashtag", "negative=Nunca"];
        let hub = HubSettings::from_lookup(|_| None).unwrap();
        let hashtags = arguments(&flags).training("train", &hub).unwrap().label_hashtags;
        let expected = [("negative", vec!["No", "Nunca"]), ("positive", vec!["Sí"])];
        let expected = expected.map(|(label, tags)| (label.to_owned(), tags.into_iter().map(str::to_owned).collect()));
        assert_eq!(hashtags, BTreeMap::<String, Vec<String>>::from(expected));
        for text in ["positive", "=x", "positive=", "positive=dos palabras"] {
            assert!(label_hashtag(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_flag_of_the_n_grams_is_refused_where_there_are_none() {
        let hub = HubSettings::from_lookup(|_| None).unwrap();
        for flag in ["--ngram-dropout", "--ngram-scale"] {
            let message = arguments(&[flag, "0.5"]).training("train", &hub).unwrap_err().to_string();
            assert!(message.contains(&format!("{flag} needs --arch hybrid")), "{message}");
            assert!(arguments(&[flag, "0.5", "--arch", "hybrid"]).training("train", &hub).is_ok());
        }
    }

    #[test]
    fn the_random_split_has_the_slides_shares_unless_others_are_given() {
        let hub = HubSettings::from_lookup(|_| None).unwrap();
        let training = |flags: &[&str]| arguments(flags).training("train", &hub).unwrap();
        assert_eq!(training(&[]).shares, Shares::default());
        assert_eq!(training(&["--split", "random"]).shares, RANDOM_SHARES);
        let shares = training(&["--split", "random", "--shares", "0.5,0.25,0.25"]).shares;
        assert_eq!(shares, Shares { train: 0.5, validation: 0.25, test: 0.25 });
        assert_eq!(training(&["--near-duplicate", "0"]).near_duplicate, None);
    }
}

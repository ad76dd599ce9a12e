//! `pregonero train classifier`: flags to settings, progress, result; one training or a grid of them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser};
use indicatif::{ProgressBar, ProgressStyle};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::{Stop, in_words};
use crate::cli::output::Output;
use crate::cli::session::Session;
use crate::cli::workshop::columns::ColumnArguments;
use pregonero_models::catalog::ModelSource;
use pregonero_models::catalog::{self, HubSettings, ModelKind};
use pregonero_models::sentiment::calibration::CalibrationMethod;
use pregonero_models::sentiment::cleaning::Cleaning;
use pregonero_models::sentiment::network::{Architecture, NetworkConfig, Padding};
use pregonero_models::sentiment::{Shares, SplitProtocol};
use pregonero_workshop::dataset::similar::NEAR_DUPLICATE;
use pregonero_workshop::training::classifier::grid::{self, Combination, GridResult};
use pregonero_workshop::training::classifier::{
    ClassifierTraining, DataCounts, Distillation, EpochReport, PretrainedVectors, Progress, StopOn, Teacher,
    TrainingOutcome, UnlabelledSource, WeakSource, WeightFormat, outputs, train_classifier,
};
use pregonero_workshop::training::schedule::Decay;

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ArchitectureChoice {
    /// One bidirectional LSTM layer of 32 units
    BilstmSmall,
    /// VacunaBot's three LSTM layers
    Lstm,
    /// VacunaBot's four LSTM layers for lemmatised text
    LstmLemmatised,
    /// VacunaBot's three bidirectional LSTM layers
    Bilstm,
    /// VacunaBot's three bidirectional GRU layers
    Bigru,
    /// One bidirectional GRU layer of 64 units beside a linear part over n-grams
    Hybrid,
}

impl ArchitectureChoice {
    fn settings(self) -> Architecture {
        match self {
            Self::BilstmSmall => Architecture::bilstm_small(),
            Self::Lstm => Architecture::lstm(),
            Self::LstmLemmatised => Architecture::lstm_lemmatised(),
            Self::Bilstm => Architecture::bilstm(),
            Self::Bigru => Architecture::bigru(),
            Self::Hybrid => Architecture::hybrid(),
        }
    }

    /// Words of a row where no flag says otherwise: the longest of VacunaBot's tweets had 61, 35 lemmatised.
    fn steps(self) -> usize {
        match self {
            Self::BilstmSmall => 50,
            Self::Hybrid => 60,
            Self::LstmLemmatised => 35,
            Self::Lstm | Self::Bilstm | Self::Bigru => 61,
        }
    }

    /// Rows of the embedding where no flag says otherwise.
    fn vocabulary_size(self) -> usize {
        match self {
            Self::BilstmSmall => 10_000 + RESERVED_ROWS,
            Self::Hybrid => 30_000 + RESERVED_ROWS,
            Self::LstmLemmatised => 12_505,
            Self::Lstm | Self::Bilstm | Self::Bigru => 17_104,
        }
    }
}

/// Rows of the embedding that are no word: padding and the unknown word.
const RESERVED_ROWS: usize = 2;

/// The slides' shares: 30 % to measure on, and of the rest a tenth to stop by.
const RANDOM_SHARES: Shares = Shares { train: 0.63, validation: 0.07, test: 0.3 };

/// Settings that decide which rows the validation part holds: cleaning too, because texts that are alike stay together.
const DECIDE_VALIDATION: [&str; 10] = [
    "data",
    "text-column",
    "label-column",
    "author-column",
    "labels",
    "cleaning",
    "split",
    "shares",
    "near-duplicate",
    "split-seed",
];

/// A value of a grid file as a flag takes it: a list with commas.
fn flag_value(value: &toml::Value) -> Result<String> {
    Ok(match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Integer(_) | toml::Value::Float(_) | toml::Value::Boolean(_) => value.to_string(),
        toml::Value::Array(values) => values.iter().map(flag_value).collect::<Result<Vec<_>>>()?.join(","),
        other => bail!("{other} is no value of a flag: give a number, a text, true or false, or a list of them"),
    })
}

/// A value by the name that files give it too.
fn named<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(json!(text)).map_err(|error| error.to_string())
}

fn label_hashtag(text: &str) -> Result<(String, String), String> {
    let shape = || format!("{text:?} is no LABEL=HASHTAG, such as positive=YoMeVacuno");
    let (label, tag) = text.split_once('=').ok_or_else(shape)?;
    let tag = tag.trim_start_matches(['#', '＃']);
    let fits = !label.is_empty() && !tag.is_empty() && tag.chars().all(|c| c.is_alphanumeric() || c == '_');
    if fits { Ok((label.to_owned(), tag.to_owned())) } else { Err(shape()) }
}

fn by_label(pairs: Vec<(String, String)>) -> BTreeMap<String, Vec<String>> {
    let mut labels = BTreeMap::<String, Vec<String>>::new();
    for (label, tag) in pairs {
        labels.entry(label).or_default().push(tag);
    }
    labels
}

fn shares(text: &str) -> Result<Shares, String> {
    let numbers: Vec<f64> = text.split(',').filter_map(|share| share.trim().parse().ok()).collect();
    let [train, validation, test] = numbers[..] else {
        return Err("expected three numbers, train,validation,test: 0.7,0.1,0.2".to_owned());
    };
    let shares = Shares { train, validation, test };
    shares.check().map_err(|error| error.to_string())?;
    Ok(shares)
}

#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pregonero train classifier --data labelled.csv --output models/mine
  pregonero train classifier --data labelled.csv --output models/mine --resume
  pregonero train classifier --data labelled.csv --weak more.csv:hashtag=1:negative --output models/mine
  pregonero train classifier --data labelled.csv --unlabelled more.csv --teacher models/a --teacher models/b --output models/c
  pregonero train classifier --data labelled.csv --split random --arch bilstm --min-count 1 --no-balance --clip 0 --output runs/slides
  pregonero train classifier --data labelled.csv --grid grid.toml --output models/best
  pregonero train classifier --arch bilstm --vocab-size 17104 --summary   the layers; needs no data

A grid file is TOML, values by the names of these flags: learning-rate = [1e-3, 3e-4]")]
pub struct ClassifierArguments {
    /// Labelled tweets: a UTF-8 CSV file with a header
    #[arg(long, value_name = "FILE", required_unless_present = "summary")]
    data: Option<PathBuf>,
    #[command(flatten)]
    columns: ColumnArguments,
    /// The labels, in the order of their numbers
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', default_value = "negative,positive")]
    labels: Vec<String>,
    /// Rows of another CSV file, whose COLUMN is VALUE, are trained on as LABEL; weight 0.5 if not given
    #[arg(long, value_name = "FILE:COLUMN=VALUE:LABEL[:WEIGHT]")]
    weak: Vec<WeakSource>,
    /// Rows of another CSV file are trained on with the teachers' labels
    #[arg(long, value_name = "FILE[:TEXTCOLUMN][=WEIGHT]")]
    unlabelled: Vec<UnlabelledSource>,
    /// A classifier whose probabilities are learned; several are averaged
    #[arg(long, value_name = "MODEL")]
    teacher: Vec<ModelSource>,
    /// Share of the teachers in the target of a labelled row
    #[arg(long, value_name = "SHARE", default_value_t = 0.5)]
    distill_weight: f32,
    /// Softens (above 1) or sharpens (below 1) what the teachers say
    #[arg(long, value_name = "T", default_value_t = 1.0)]
    distill_temperature: f32,
    /// Use unlabelled rows only where the teachers give one label at least this probability
    #[arg(long, value_name = "P")]
    min_confidence: Option<f32>,
    /// How texts are cleaned: plain, lemmatised or tweet
    #[arg(long, value_name = "NAME", default_value = "plain", value_parser = named::<Cleaning>)]
    cleaning: Cleaning,
    /// groups: authors and near-duplicates stay together; random: as VacunaBot's slides, duplicates left in
    #[arg(long, value_name = "PROTOCOL", default_value = "groups", value_parser = named::<SplitProtocol>)]
    split: SplitProtocol,
    /// Train, validation and test part; 0.7,0.1,0.2 by groups, 0.63,0.07,0.3 at random
    #[arg(long, value_name = "A,B,C", value_parser = shares)]
    shares: Option<Shares>,
    /// Share of words that makes texts near-duplicates, kept in one part; 0: only equal texts are
    #[arg(long, value_name = "SHARE", default_value_t = NEAR_DUPLICATE)]
    near_duplicate: f64,
    /// Seed of the split, where it shall not be that of the training
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
    /// Share of the word vectors' features that a training row loses as a whole
    #[arg(long, value_name = "SHARE")]
    spatial_dropout: Option<f64>,
    /// Share of its n-grams that a training row loses, with --arch hybrid
    #[arg(long, value_name = "SHARE")]
    ngram_dropout: Option<f64>,
    /// How fast the n-grams learn beside the rest, with --arch hybrid: what they weigh together
    #[arg(long, value_name = "X")]
    ngram_scale: Option<f32>,
    /// Where short rows are filled: left, as Keras does, or right
    #[arg(long, value_name = "SIDE", default_value = "left", value_parser = named::<Padding>)]
    padding: Padding,
    /// Skip padding instead of reading it as a word; --arch hybrid always does
    #[arg(long)]
    mask_padding: bool,
    /// Word vectors to begin with: a file in word2vec's, GloVe's or fastText's text format, or a folder of `train vectors`,
    /// whose n-grams spell the words that its table does not hold
    #[arg(long, value_name = "FILE|FOLDER")]
    vectors: Option<PathBuf>,
    /// Leave the word vectors as they are
    #[arg(long)]
    freeze_vectors: bool,
    /// Rows of the embedding at most, padding and the unknown word included
    #[arg(long, value_name = "N")]
    vocab_size: Option<usize>,
    /// Words seen less often in training share the unknown word's row
    #[arg(long, value_name = "N", default_value_t = 2)]
    min_count: usize,
    /// Words of a row; longer texts lose their beginning
    #[arg(long, value_name = "N")]
    steps: Option<usize>,
    /// Rows a step
    #[arg(long, value_name = "N", default_value_t = 32)]
    batch: usize,
    /// Passes over the data at most
    #[arg(long, value_name = "N", default_value_t = 100)]
    epochs: usize,
    /// Minutes after which the epoch in work is the last
    #[arg(long, value_name = "MINUTES")]
    max_minutes: Option<f64>,
    /// What the validation part decides by: loss or f1, the macro F1 that the progress shows
    #[arg(long, value_name = "WHAT", default_value = "loss", value_parser = named::<StopOn>)]
    stop_on: StopOn,
    /// What makes probabilities of the logits: temperature, platt, or auto (platt for two labels)
    #[arg(long, value_name = "METHOD", default_value = "auto", value_parser = named::<CalibrationMethod>)]
    calibration: CalibrationMethod,
    /// Stop after this many epochs without improvement
    #[arg(long, value_name = "N", default_value_t = 7)]
    patience: usize,
    /// What counts as an improvement
    #[arg(long, value_name = "DELTA", default_value_t = 1e-3)]
    min_delta: f64,
    /// Adam's highest learning rate
    #[arg(long, value_name = "RATE", default_value_t = 1e-3)]
    learning_rate: f64,
    /// Steps in which the learning rate rises from 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    warmup_steps: usize,
    /// How the learning rate falls afterwards: constant, linear or cosine
    #[arg(long, value_name = "HOW", default_value = "constant", value_parser = named::<Decay>)]
    decay: Decay,
    /// AdamW's weight decay; biases do not decay
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    weight_decay: f64,
    /// Largest norm of the gradient; 0: any
    #[arg(long, value_name = "NORM", default_value_t = 1.0)]
    clip: f64,
    /// Let labels weigh as many rows as they have
    #[arg(long)]
    no_balance: bool,
    /// Share of every target that is spread over all labels
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
    /// The sentiment.min_score that the model advises
    #[arg(long, value_name = "P")]
    recommend_min_score: Option<f32>,
    /// A hashtag that gave a label, such as positive=YoMeVacuno; may be given several times. The network never reads
    /// hashtags, so the gate `message` rejects those of another label than the bot's
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
    /// Replace the folder if it exists
    #[arg(long, conflicts_with = "resume")]
    overwrite: bool,
    /// Go on from the checkpoint beside the output folder; where there is neither, start anew
    #[arg(long)]
    resume: bool,
    /// Train every combination of a TOML file's settings and keep the best; goes on where it was stopped, unless a file
    /// that is trained on has changed
    #[arg(long, value_name = "FILE", conflicts_with_all = ["summary", "resume", "export_split"])]
    grid: Option<PathBuf>,
    /// Print the table of layers and train nothing
    #[arg(long)]
    summary: bool,
}

impl ClassifierArguments {
    /// The seeds' networks read padding as a word, as Keras has them do; the built-in ones do not.
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

    /// The settings of one training.
    ///
    /// # Errors
    /// Where data or output is not named, or a teacher is not there.
    pub fn training(self, command: &str, hub: &HubSettings) -> Result<ClassifierTraining> {
        let network = self.network();
        network.check()?;
        self.check_ngrams()?;
        let (Some(data), Some(folder)) = (self.data, self.output) else {
            bail!("give --data FILE and --output FOLDER to train, or --summary for the layers alone");
        };
        ensure!(self.vectors.is_some() || !self.freeze_vectors, "--freeze-vectors needs --vectors FILE");
        let default_shares = match self.split {
            SplitProtocol::Groups => Shares::default(),
            SplitProtocol::Random => RANDOM_SHARES,
        };
        let teacher = |source: ModelSource| -> Result<Teacher> {
            Ok(Teacher { name: source.to_string(), files: catalog::open(&source, ModelKind::Classifier, hub)? })
        };
        Ok(ClassifierTraining {
            columns: self.columns.into(),
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
            ..ClassifierTraining::new(data, folder)
        })
    }

    /// # Errors
    /// Where combinations that differ in a setting could not be compared.
    fn check_comparable(&self, name: &str) -> Result<()> {
        ensure!(!["grid", "output", "summary", "resume", "export-split"].contains(&name), "{name} cannot be tried");
        ensure!(
            !DECIDE_VALIDATION.contains(&name),
            "{name} cannot be tried: it decides which rows the combinations are compared on; run a grid for each"
        );
        ensure!(
            name != "seed" || self.split_seed.is_some(),
            "seed cannot be tried alone: it decides which rows the combinations are compared on; pass --split-seed N"
        );
        Ok(())
    }

    /// The same command with the settings of a combination, each named as its flag.
    fn with(&self, combination: &Combination) -> Result<Self> {
        #[derive(Parser)]
        #[command(no_binary_name = true)]
        struct Alone {
            #[command(flatten)]
            arguments: ClassifierArguments,
        }
        // It stands for what every other command must name.
        let mut flags = vec!["--summary".to_owned()];
        for (name, value) in combination {
            let name = name.replace('_', "-");
            self.check_comparable(&name)?;
            match value {
                toml::Value::Boolean(true) => flags.push(format!("--{name}")),
                toml::Value::Boolean(false) => {}
                other => flags.push(format!("--{name}={}", flag_value(other).with_context(|| name.clone())?)),
            }
        }
        // Without defaults, only what the combination names is changed.
        let command = Alone::command().mut_args(|argument| argument.default_value(None::<&str>));
        let matches = command.try_get_matches_from(&flags).map_err(|error| {
            let text = error.to_string();
            anyhow::anyhow!("{}", text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned())
        })?;
        let mut alone = Alone { arguments: self.clone() };
        alone.update_from_arg_matches(&matches)?;
        let mut changed = Self { summary: self.summary, ..alone.arguments };
        // A flag that is not there counts as one that says no.
        for (name, flag, before) in [
            ("freeze-vectors", &mut changed.freeze_vectors, self.freeze_vectors),
            ("mask-padding", &mut changed.mask_padding, self.mask_padding),
            ("no-balance", &mut changed.no_balance, self.no_balance),
            ("overwrite", &mut changed.overwrite, self.overwrite),
            ("f32", &mut changed.f32, self.f32),
        ] {
            if !combination.keys().any(|key| key.replace('_', "-") == name) {
                *flag = before;
            }
        }
        Ok(changed)
    }
}

/// Runs `train classifier`.
///
/// # Errors
/// Bad data, a folder that cannot be written, a training that diverges.
pub(super) fn run(arguments: ClassifierArguments, session: &Session) -> Result<()> {
    let output = &session.output;
    if arguments.summary {
        return summarise(&arguments, output);
    }
    if let Some(path) = arguments.grid.clone() {
        return run_grid(&arguments, &path, session);
    }
    let settings = arguments.training(&session.command_line, &session.hub()?)?;
    let stop = Stop::on_signal()?;
    let outcome = follow(output, &stop, |progress| train_classifier(&settings, &stop, progress))?;
    if outcome.interrupted {
        output.note("stopped; the best weights so far are written, go on with --resume");
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

fn run_grid(arguments: &ClassifierArguments, path: &std::path::Path, session: &Session) -> Result<()> {
    let combinations = grid::read_grid(path)?;
    let hub = session.hub()?;
    let training = |combination: Combination| -> Result<(Combination, ClassifierTraining)> {
        let arguments = arguments.with(&combination).with_context(|| path.display().to_string())?;
        let command = format!("{}\n# with {}", session.command_line, grid::in_words(&combination));
        let place = || format!("{}: {}", path.display(), grid::in_words(&combination));
        let training = arguments.training(&command, &hub).with_context(place)?;
        Ok((combination, training))
    };
    let trainings = combinations.into_iter().map(training).collect::<Result<Vec<_>>>()?;
    let stop = Stop::on_signal()?;
    let output = &session.output;
    let mut started = |number: usize, combination: &Combination| {
        output.note(&format!("{number} of {}: {}", trainings.len(), grid::in_words(combination)));
    };
    let results = follow(output, &stop, |progress| {
        grid::train_grid(&trainings, &session.command_line, &stop, &mut started, progress)
    })?;
    if results.len() < trainings.len() {
        output.note(&format!("{} of {} trained; the same command goes on", results.len(), trainings.len()));
    }
    let header = ["COMBINATION", "VALIDATION F1", "LOG LOSS", "TEST F1", "EPOCHS", "PARAMETERS", "SECONDS"];
    output.rows(&header, &results, |result: &GridResult| {
        vec![
            grid::in_words(&result.combination),
            format!("{:.4}", result.validation_macro_f1),
            format!("{:.4}", result.validation_log_loss),
            format!("{:.4}", result.test_macro_f1),
            format!("{} of {}", result.best_epoch, result.epochs),
            result.parameters.to_string(),
            format!("{:.0}", result.seconds),
        ]
    })
}

/// Shows the progress of `work`: a bar on a terminal, a line for each epoch everywhere. From its first
/// batch on, `work` checks whether it was asked to stop.
pub(in crate::cli) fn follow<T>(
    output: &Output,
    stop: &Stop,
    work: impl FnOnce(&mut (dyn FnMut(Progress) + Send)) -> Result<T>,
) -> Result<T> {
    let bar = if output.quiet { ProgressBar::hidden() } else { ProgressBar::no_length() };
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let result = work(&mut |progress| match progress {
        Progress::Stale { results } => {
            let line =
                format!("the files have changed since {results} combinations were trained: all are trained anew");
            bar.suspend(|| output.note(&line));
        }
        Progress::Started { train_rows, validation_rows, parameters, resumed_at, anew, counts } => {
            stop.heed();
            let resumed = resumed_at.map_or_else(String::new, |epoch| format!(", resumed in epoch {epoch}"));
            let line = format!("{train_rows} rows, {validation_rows} to stop by, {parameters} parameters{resumed}");
            let anew = anew.then(|| "there is no checkpoint to resume from: the training starts anew".to_owned());
            bar.suspend(|| {
                anew.into_iter().chain([line]).chain(of_data(&counts)).for_each(|line| output.note(&line));
            });
        }
        Progress::Batch { epoch, epochs, batch, batches, loss, left } => {
            bar.set_length(batches as u64);
            bar.set_position(batch as u64);
            bar.set_message(format!(
                "epoch {epoch}/{epochs}  loss {loss:.4}  {} left at most",
                in_words(left.as_secs())
            ));
        }
        Progress::Epoch { report, left } => {
            bar.suspend(|| output.note(&format!("{}, {} left at most", describe(&report), in_words(left.as_secs()))));
        }
    });
    bar.finish_and_clear();
    result
}

/// What a person should know of the data before the training is through.
fn of_data(counts: &DataCounts) -> impl Iterator<Item = String> {
    let skipped = counts.skipped_empty;
    let empty = (skipped > 0).then(|| format!("{skipped} rows left out: cleaning leaves nothing to read of them"));
    empty.into_iter().chain(counts.vectors.as_ref().map(ToString::to_string))
}

fn describe(report: &EpochReport) -> String {
    format!(
        "epoch {}: loss {:.4}, validation loss {:.4}, accuracy {:.4}, macro F1 {:.4}, {:.0} s{}",
        report.epoch,
        report.loss,
        report.validation_loss,
        report.accuracy,
        report.macro_f1,
        report.seconds,
        if report.best { " (best so far)" } else { "" }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        arguments: ClassifierArguments,
    }

    fn arguments(flags: &[&str]) -> ClassifierArguments {
        let base = ["train", "--data", "a.csv", "--output", "out"];
        Command::try_parse_from(base.iter().chain(flags)).unwrap().arguments
    }

    fn combination(text: &str) -> Combination {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_combination_changes_what_it_names_and_nothing_else() {
        let base = arguments(&["--batch", "7", "--epochs", "3", "--no-balance"]);
        let text = "learning-rate = 0.005\nunits = \"8,4\"\nword_dropout = 0.1\ndecay = \"cosine\"\nf32 = true";
        let changed = base.with(&combination(text)).unwrap();
        assert_eq!((changed.learning_rate, changed.word_dropout, changed.decay), (0.005, 0.1, Decay::Cosine));
        assert_eq!(changed.units, Some(vec![8, 4]));
        assert_eq!((changed.batch, changed.epochs, changed.no_balance, changed.f32), (7, 3, true, true));
        assert_eq!((changed.patience, changed.labels.len()), (7, 2));
        assert_eq!(changed.data, Some(PathBuf::from("a.csv")));
        assert_eq!(base.with(&combination("units = [4, 2]")).unwrap().units, Some(vec![4, 2]));
        let seeded = arguments(&["--split-seed", "1"]);
        assert_eq!(seeded.with(&combination("seed = 3")).unwrap().seed, 3);
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
    fn a_combination_of_what_is_no_setting_is_refused() {
        for (text, expected) in [
            ("colour = 1", "--colour"),
            ("batch = \"many\"", "many"),
            ("decay = \"steep\"", "steep"),
            ("output = \"x\"", "output cannot be tried"),
            ("data = \"x\"", "data cannot be tried: it decides which rows"),
            ("author_column = \"\"", "author-column cannot be tried: it decides which rows"),
            ("cleaning = \"tweet\"", "cleaning cannot be tried"),
            ("seed = 3", "pass --split-seed N"),
            ("units = [{ a = 1 }]", "units: { a = 1 } is no value of a flag"),
        ] {
            let message = format!("{:#}", arguments(&[]).with(&combination(text)).unwrap_err());
            assert!(message.contains(expected), "{message}");
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

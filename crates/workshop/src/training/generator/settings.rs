//! The settings of a generator's training.

use std::path::PathBuf;

use anyhow::{Result, bail};

use super::step_settings::{MuonStep, OptimizerChoice, Precision, StepSettings};
use crate::training::muon::MuonSettings;
use crate::training::optimizer::AdamWSettings;
use crate::training::schedule::{Decay, Schedule};
use crate::training::text::{Cleaning, Duplicates, TextRow, TextSource};
use pregonero_models::catalog::ModelFiles;
use pregonero_models::generation::ControlLayout;
use pregonero_models::generation::DeviceChoice;
use pregonero_models::generation::activation::Activation;
use pregonero_models::generation::checkpoint::Checkpoint;
use pregonero_models::generation::gpt2::Gpt2Config;
use pregonero_models::generation::tokenizer::Tokenizer;

/// GPT-2's own dropout.
const DEFAULT_DROPOUT: f32 = 0.1;

/// Where the weights come from.
#[derive(Debug, Clone)]
pub enum Base {
    /// Drawn from the seed, with the tokenizer of a folder.
    Scratch { shape: Shape, tokenizer: PathBuf },
    /// An existing model, its tokenizer included.
    Model(ModelFiles),
}

/// The sizes of a model trained from scratch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    pub layers: usize,
    pub width: usize,
    pub heads: usize,
    pub positions: usize,
}

/// What a sample is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Samples {
    /// A run of tokens out of all texts, joined by end-of-text.
    Blocks,
    /// One text, padded; only its tokens count in the loss.
    Texts,
}

/// How texts are controlled by attributes.
#[derive(Debug, Clone, PartialEq)]
pub struct ControlTraining {
    pub layout: ControlLayout,
    /// The columns of the data with the attributes' values, in the layout's order.
    pub columns: Vec<String>,
    /// The probability that a sample loses its whole context, and that it loses each field.
    pub dropout: f32,
}

/// Everything that decides a training.
#[derive(Debug, Clone)]
pub struct GeneratorTraining {
    pub base: Base,
    pub data: Vec<TextSource>,
    pub cleaning: Cleaning,
    pub duplicates: Duplicates,
    pub samples: Samples,
    /// How attributes control the texts; needs [`Samples::Texts`].
    pub control: Option<ControlTraining>,
    pub output: PathBuf,
    /// Tokens per block, or the most tokens of a text.
    pub block: usize,
    /// Samples per batch.
    pub batch: usize,
    /// Passes over the data; used if `steps` is absent.
    pub epochs: f64,
    pub steps: Option<usize>,
    pub learning_rate: f64,
    pub optimizer: OptimizerChoice,
    /// Muon's own highest learning rate, which follows the same schedule.
    pub muon_learning_rate: f64,
    pub warmup_steps: usize,
    pub decay: Decay,
    pub weight_decay: f64,
    /// Decay of AdamW's running mean of squared gradients.
    pub beta2: f64,
    /// The largest norm of the gradient.
    pub clip: f64,
    /// Dropout of embeddings, residuals and attention alike; if absent, the base's, or 0.1 from scratch.
    pub dropout: Option<f32>,
    pub device: DeviceChoice,
    pub precision: Precision,
    /// The number of batches in one step of the optimiser.
    pub accumulate: usize,
    pub seed: u64,
    /// The share of texts held out for evaluation, chosen by their digest.
    pub held_out: f64,
    /// At most this many tokens are evaluated.
    pub held_out_tokens: usize,
    pub evaluate_every: usize,
    pub save_every: usize,
    pub log_every: usize,
    /// Evaluations without improvement after which training stops.
    pub patience: Option<usize>,
    /// Resumes from the checkpoint in the output folder.
    pub resume: bool,
    /// Writes the index of word runs that the `verbatim` gate compares with, from all texts except the own ones.
    pub verbatim_index: bool,
    /// The sources of the operator's own texts, which are stored with the model.
    pub own: Vec<TextSource>,
    /// Stores the result as f16 instead of f32.
    pub half_precision: bool,
    /// The base's name on a hub, for the model card.
    pub base_name: Option<String>,
    /// The command line, for the model card.
    pub command: String,
}

impl GeneratorTraining {
    pub(super) fn check(&self) -> Result<()> {
        if self.block < 2 || self.batch == 0 {
            bail!("a block needs at least 2 tokens and a batch at least 1 block");
        }
        if self.accumulate == 0 {
            bail!("--accumulate must be at least 1");
        }
        if self.steps == Some(0) || !(self.epochs.is_finite() && self.epochs > 0.0) {
            bail!("a training needs at least 1 step, and --epochs above 0");
        }
        if !(self.learning_rate.is_finite() && self.learning_rate > 0.0) {
            bail!("--learning-rate must be above 0, not {}", self.learning_rate);
        }
        if !(self.muon_learning_rate.is_finite() && self.muon_learning_rate > 0.0) {
            bail!("--muon-learning-rate must be above 0, not {}", self.muon_learning_rate);
        }
        if !(self.weight_decay.is_finite() && self.weight_decay >= 0.0) {
            bail!("--weight-decay must be at least 0, not {}", self.weight_decay);
        }
        if !(0.0..1.0).contains(&self.beta2) {
            bail!("--beta2 must be at least 0 and below 1, not {}", self.beta2);
        }
        if !(self.clip.is_finite() && self.clip >= 0.0) {
            bail!("--clip must be at least 0 (which switches it off), not {}", self.clip);
        }
        if let Base::Scratch { shape: Shape { layers, width, heads, positions }, .. } = self.base
            && [layers, width, heads, positions].contains(&0)
        {
            bail!("--layers, --width, --heads and --positions must be at least 1");
        }
        if let Some(dropout) = self.dropout
            && !(0.0..0.9).contains(&dropout)
        {
            bail!("dropout must be at least 0 and below 0.9, not {dropout}");
        }
        if !(0.0..=0.5).contains(&self.held_out) {
            bail!("the held-out share must be between 0 and 0.5, not {}", self.held_out);
        }
        if let Some(control) = &self.control {
            if self.samples != Samples::Texts {
                bail!("control tokens need one text per sample: --samples texts");
            }
            if !(0.0..1.0).contains(&control.dropout) {
                bail!("--control-dropout must be at least 0 and below 1, not {}", control.dropout);
            }
        }
        if [self.evaluate_every, self.save_every, self.log_every].contains(&0) {
            bail!("the intervals for evaluating, saving and logging must be at least 1 step");
        }
        Ok(())
    }

    /// Returns the file and line of a row, for a message.
    pub(super) fn place(&self, row: &TextRow) -> String {
        let path = self.data.get(row.source).map_or_else(String::new, |source| source.path.display().to_string());
        format!("{path}:{}", row.line)
    }

    /// Returns the attributes that the base writes from but the model to train will not, or `None` if there are none.
    pub(super) fn lost_control(&self) -> Result<Option<String>> {
        let Base::Model(files) = &self.base else { return Ok(None) };
        let Some(layout) = ControlLayout::read(files)? else { return Ok(None) };
        let kept = |name: &str| {
            self.control.as_ref().is_some_and(|control| control.layout.attributes.iter().any(|kept| kept.name == name))
        };
        let lost: Vec<&str> =
            layout.attributes.iter().map(|attribute| attribute.name.as_str()).filter(|name| !kept(name)).collect();
        Ok((!lost.is_empty()).then(|| lost.join(", ")))
    }

    /// Returns the tokenizer of the model to train: the base's, with the control tokens.
    pub(super) fn tokenizer(&self) -> Result<Tokenizer> {
        let tokenizer = self.base_tokenizer()?;
        match &self.control {
            Some(control) => tokenizer.with_special_tokens(&control.layout.tokens()),
            None => Ok(tokenizer),
        }
    }

    /// Returns the base's tokenizer, unchanged.
    pub(super) fn base_tokenizer(&self) -> Result<Tokenizer> {
        match &self.base {
            Base::Scratch { tokenizer, .. } => Tokenizer::read(&ModelFiles::in_folder(tokenizer)?),
            Base::Model(files) => {
                let tokenizer = Tokenizer::read(files)?;
                tokenizer.check_fits(&Gpt2Config::read(files)?, files)?;
                Ok(tokenizer)
            }
        }
    }

    /// Returns the configuration of the model to train.
    pub(super) fn config(&self, tokenizer: &Tokenizer) -> Result<Gpt2Config> {
        let mut config = match &self.base {
            Base::Scratch { shape, .. } => Gpt2Config {
                vocab_size: tokenizer.vocabulary_size(),
                n_positions: shape.positions,
                n_embd: shape.width,
                n_layer: shape.layers,
                n_head: shape.heads,
                n_inner: None,
                activation_function: Activation::default(),
                layer_norm_epsilon: 1e-5,
                resid_pdrop: DEFAULT_DROPOUT,
                embd_pdrop: DEFAULT_DROPOUT,
                attn_pdrop: DEFAULT_DROPOUT,
                bos_token_id: tokenizer.end_of_text(),
                eos_token_id: tokenizer.end_of_text().into(),
                tie_word_embeddings: true,
                scale_attn_weights: true,
                scale_attn_by_inverse_layer_idx: false,
                reorder_and_upcast_attn: false,
            },
            Base::Model(files) => {
                let mut config = Gpt2Config::read(files)?;
                config.settle_head(&Checkpoint::open(files)?);
                config.vocab_size = config.vocab_size.max(tokenizer.vocabulary_size());
                config
            }
        };
        if let Some(dropout) = self.dropout {
            (config.resid_pdrop, config.embd_pdrop, config.attn_pdrop) = (dropout, dropout, dropout);
        }
        if !config.n_embd.is_multiple_of(config.n_head) {
            bail!("--width {} is not a multiple of --heads {}", config.n_embd, config.n_head);
        }
        if self.block > config.n_positions {
            bail!("--block {} is longer than the model's {} positions", self.block, config.n_positions);
        }
        Ok(config)
    }

    pub(super) fn step_settings(&self) -> StepSettings {
        let optimizer = AdamWSettings { beta1: 0.9, beta2: self.beta2, epsilon: 1e-8, weight_decay: self.weight_decay };
        let muon = (self.optimizer == OptimizerChoice::Muon).then(|| MuonStep {
            settings: MuonSettings { weight_decay: self.weight_decay, ..MuonSettings::default() },
            rate: self.muon_learning_rate / self.learning_rate,
        });
        StepSettings { clip: self.clip, seed: self.seed, precision: self.precision, optimizer, muon }
    }

    /// Returns the schedule of the learning rate.
    #[must_use]
    pub fn schedule(&self) -> Schedule {
        Schedule { learning_rate: self.learning_rate, warmup_steps: self.warmup_steps, decay: self.decay }
    }
}

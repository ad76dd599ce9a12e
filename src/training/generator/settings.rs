//! What a training of the generator is told.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::catalog::ModelFiles;
use crate::generation::ControlLayout;
use crate::generation::checkpoint::Checkpoint;
use crate::generation::gpt2::Gpt2Config;
use crate::generation::tokenizer::Tokenizer;
use crate::training::schedule::{Decay, Schedule};
use crate::training::text::{Cleaning, Duplicates, TextSource};

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
    /// The columns of the data that hold the attributes' values, in the layout's order.
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
    /// Needs [`Samples::Texts`].
    pub control: Option<ControlTraining>,
    pub output: PathBuf,
    /// Tokens a sample; of a text, at most.
    pub block: usize,
    /// Samples a step.
    pub batch: usize,
    /// Passes over the data; used where `steps` is absent.
    pub epochs: f64,
    pub steps: Option<usize>,
    pub learning_rate: f64,
    pub warmup_steps: usize,
    pub decay: Decay,
    pub weight_decay: f64,
    /// Decay of AdamW's running mean of squared gradients.
    pub beta2: f64,
    /// The largest norm of the gradient.
    pub clip: f64,
    /// Dropout of embeddings and residuals; the attention's own is not used.
    pub dropout: f32,
    pub seed: u64,
    /// The share of texts held out for evaluation, chosen by their digest.
    pub held_out: f64,
    /// At most this many tokens are evaluated.
    pub held_out_tokens: usize,
    pub evaluate_every: usize,
    pub save_every: usize,
    pub log_every: usize,
    /// Evaluations without gain after which training stops.
    pub patience: Option<usize>,
    /// Goes on from the checkpoint in the output folder.
    pub resume: bool,
    /// Writes the index of word runs that the `verbatim` gate compares with: for the tweets a model is tuned on.
    pub verbatim_index: bool,
    /// Stores the result as f16 instead of f32.
    pub half_precision: bool,
    /// The command line, for the model card.
    pub command: String,
}

impl GeneratorTraining {
    pub(super) fn check(&self) -> Result<()> {
        if self.block < 2 || self.batch == 0 {
            bail!("a block needs at least 2 tokens and a batch at least 1 block");
        }
        if !(0.0..0.9).contains(&self.dropout) {
            bail!("dropout must be at least 0 and below 0.9, not {}", self.dropout);
        }
        if !(0.0..=0.5).contains(&self.held_out) {
            bail!("the held-out share must be between 0 and 0.5, not {}", self.held_out);
        }
        if let Some(control) = &self.control {
            if self.samples != Samples::Texts {
                bail!("control tokens need one text a sample: --samples texts");
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

    /// The tokenizer of the model to train: the base's, with the control tokens.
    pub(super) fn tokenizer(&self) -> Result<Tokenizer> {
        let tokenizer = self.base_tokenizer()?;
        match &self.control {
            Some(control) => tokenizer.with_special_tokens(&control.layout.tokens()),
            None => Ok(tokenizer),
        }
    }

    /// The tokenizer as the base has it.
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

    /// The configuration of the model to train.
    pub(super) fn config(&self, tokenizer: &Tokenizer) -> Result<Gpt2Config> {
        let mut config = match &self.base {
            Base::Scratch { shape, .. } => Gpt2Config {
                vocab_size: tokenizer.vocabulary_size(),
                n_positions: shape.positions,
                n_embd: shape.width,
                n_layer: shape.layers,
                n_head: shape.heads,
                n_inner: None,
                activation_function: "gelu_new".to_owned(),
                layer_norm_epsilon: 1e-5,
                resid_pdrop: self.dropout,
                embd_pdrop: self.dropout,
                attn_pdrop: 0.0,
                bos_token_id: tokenizer.end_of_text(),
                eos_token_id: tokenizer.end_of_text(),
                tie_word_embeddings: true,
                scale_attn_weights: true,
                scale_attn_by_inverse_layer_idx: false,
            },
            Base::Model(files) => {
                let mut config = Gpt2Config::read(files)?;
                config.settle_head(&Checkpoint::open(files)?);
                config.vocab_size = config.vocab_size.max(tokenizer.vocabulary_size());
                config
            }
        };
        config.resid_pdrop = self.dropout;
        config.embd_pdrop = self.dropout;
        config.attn_pdrop = 0.0;
        if !config.n_embd.is_multiple_of(config.n_head) {
            bail!("--width {} is not a multiple of --heads {}", config.n_embd, config.n_head);
        }
        if self.block > config.n_positions {
            bail!("--block {} is longer than the model's {} positions", self.block, config.n_positions);
        }
        Ok(config)
    }

    /// The learning rate over the training.
    #[must_use]
    pub fn schedule(&self) -> Schedule {
        Schedule { learning_rate: self.learning_rate, warmup_steps: self.warmup_steps, decay: self.decay }
    }
}

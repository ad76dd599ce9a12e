//! How well a model predicts texts: cross-entropy over windows of tokens.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use candle_core::{DType, Device, Tensor};

use super::checkpoint::Checkpoint;
use super::control::Control;
use super::device;
use super::gpt2::{Gpt2, NoDropout};
use super::gpt2_config::Gpt2Config;
use super::host::{HostGpt2, Sequences};
use super::int8::{self, Image, Int8Gpt2};
use super::tokenizer::Tokenizer;
use crate::catalog::ModelFiles;
use crate::generation::DeviceChoice;
use pregonero_kernels::product::Factors;

/// Tokens of a batch: their logits take most of the memory.
const BATCH_TOKENS: usize = 512;

/// The sum of the negative log-probabilities in nats, and how many tokens were predicted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Surprise {
    pub nats: f64,
    pub tokens: usize,
}

impl Surprise {
    /// Returns the mean in nats per token.
    #[must_use]
    pub fn cross_entropy(&self) -> f64 {
        self.nats / self.tokens as f64
    }
}

/// How a text that is longer than the model's context is cut into windows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Windows {
    /// Tokens that the model reads at once; absent: its context, or all the tokens there are if those are fewer.
    pub block: Option<usize>,
    /// How far each window starts after the one before it; absent: a block, so that windows do not overlap. If it is
    /// less than a block, every token but the first ones is predicted from at least `block - stride` tokens before
    /// it.
    pub stride: Option<usize>,
}

impl Windows {
    /// Returns block and stride for this many tokens to predict.
    fn over(&self, tokens: usize, context: usize) -> Result<(usize, usize)> {
        ensure!(tokens > 0, "the texts have no token to predict");
        let block = self.block.unwrap_or_else(|| context.min(tokens));
        ensure!(
            (1..=context).contains(&block),
            "a block of {block} tokens does not fit the model's context of {context}"
        );
        ensure!(
            block <= tokens,
            "the texts have {tokens} tokens, fewer than a block of {block}: give more text or a smaller --block"
        );
        let stride = self.stride.unwrap_or(block);
        ensure!(
            (1..=block).contains(&stride),
            "a stride of {stride} tokens does not fit a block of {block}: give 1 to {block}"
        );
        Ok((block, stride))
    }
}

impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Host(_) => "Host",
            Self::Int8(_) => "Int8",
            Self::Device(..) => "Device",
        })
    }
}

/// A loaded model that computes how likely texts are.
#[derive(Debug)]
pub struct Scorer {
    config: Gpt2Config,
    form: Form,
    tokenizer: Tokenizer,
    /// What precedes each text of a model with control tokens: the context without values.
    context: Option<Vec<u32>>,
}

enum Form {
    /// On the CPU: the tensors in the configuration's order.
    Host(Vec<Vec<f32>>),
    /// On the CPU, from a folder with int8 weights.
    Int8(Int8Gpt2),
    Device(Gpt2, Device),
}

impl Scorer {
    /// Loads a model in f32, or in int8 if its folder has only that.
    ///
    /// # Errors
    /// If the model cannot be loaded, or if `cuda` was requested explicitly and is not available.
    pub fn load(files: &ModelFiles, device: DeviceChoice) -> Result<Self> {
        let (device, _) = device::device(device)?;
        let mut config = Gpt2Config::read(files)?;
        let tokenizer = Tokenizer::read(files)?;
        tokenizer.check_fits(&config, files)?;
        let form = if device.is_cpu() && int8::of_folder(files)?.is_some() {
            Form::Int8(Int8Gpt2::new(config.clone(), Image::open(&config, files)?))
        } else if device.is_cpu() {
            let checkpoint = Checkpoint::open(files)?;
            config.settle_head(&checkpoint);
            let tensors = config.tensors();
            let values = tensors.iter().map(|(name, shape)| checkpoint.tensor(name, shape)).collect::<Result<_>>()?;
            Form::Host(values)
        } else {
            Form::Device(Gpt2::load(files, &device, DType::F32)?, device)
        };
        let context = empty_context(files, &tokenizer, &config)?;
        Ok(Self { config, form, tokenizer, context })
    }

    /// Returns the number of tokens in the model's vocabulary.
    #[must_use]
    pub fn vocabulary(&self) -> usize {
        self.config.vocab_size
    }

    /// Joins the texts as the training did: end-of-text before the first and after each.
    ///
    /// # Errors
    /// If the tokenizer has no end-of-text token.
    pub fn stream(&self, texts: &[String]) -> Result<Vec<u32>> {
        self.tokenizer.joined(texts)
    }

    /// Predicts the texts and their ends as the model learned them: joined into one stream, or, if the model has
    /// control tokens, each text separately after a context without values, which is not predicted.
    ///
    /// # Errors
    /// As [`Self::stream`] and [`Self::score`].
    pub fn score_texts(&self, texts: &[String], windows: Windows) -> Result<Surprise> {
        let Some(context) = &self.context else { return self.score(&self.stream(texts)?, windows) };
        ensure!(
            windows == Windows::default(),
            "a model with control tokens reads each text separately: leave --block and --stride out"
        );
        let texts = after_context(&self.tokenizer, context, texts)?;
        let longest = self.config.n_positions;
        let mut pieces = Vec::with_capacity(texts.len());
        for ids in &texts {
            let block = longest.min(ids.len() - 1);
            pieces.extend(Piece::of(ids, context.len() - 1, (block, block)));
        }
        // Sorted by length, so that little padding is needed.
        pieces.sort_by_key(Piece::steps);
        self.score_pieces(&pieces)
    }

    /// Predicts every token of `stream` but the first, each once, from the tokens before it in the first window that
    /// contains it.
    ///
    /// # Errors
    /// If the windows do not fit the model or the stream.
    pub fn score(&self, stream: &[u32], windows: Windows) -> Result<Surprise> {
        let tokens = stream.len().saturating_sub(1);
        let (block, stride) = windows.over(tokens, self.config.n_positions)?;
        self.score_pieces(&Piece::of(stream, 0, (block, stride)))
    }

    /// Reads pieces side by side, as many as the logits' memory allows; shorter ones are padded at their end, which
    /// no token attends to.
    fn score_pieces(&self, pieces: &[Piece<'_>]) -> Result<Surprise> {
        let mut surprise = Surprise { nats: 0.0, tokens: 0 };
        let mut host = HostGpt2::new(&self.config, Factors::F32);
        let weights: Vec<&[f32]> = match &self.form {
            Form::Host(values) => values.iter().map(Vec::as_slice).collect(),
            Form::Int8(_) | Form::Device(..) => Vec::new(),
        };
        let longest = pieces.iter().map(Piece::steps).max().unwrap_or(1).max(1);
        for batch in pieces.chunks((BATCH_TOKENS / longest).max(1)) {
            let steps = batch.iter().map(Piece::steps).max().unwrap_or(0);
            let (mut ids, mut targets) = (Vec::new(), Vec::new());
            for piece in batch {
                ids.extend((0..steps).map(|step| piece.ids[step.min(piece.steps())]));
                targets.extend((0..steps).map(|step| piece.ids.get(step + 1).copied().filter(|_| step >= piece.read)));
            }
            let predicted = targets.iter().flatten().count();
            surprise.nats += match &self.form {
                Form::Host(_) => host.loss(&weights, Sequences { ids: &ids, targets: &targets, length: steps }),
                Form::Int8(model) => batch.iter().map(|piece| int8_nats(model, piece)).sum(),
                Form::Device(model, device) => {
                    let ids = Tensor::from_vec(ids, (batch.len(), steps), device)?;
                    let loss = model.loss(&ids, &targets, &mut NoDropout)?.to_scalar::<f32>()?;
                    f64::from(loss) * predicted as f64
                }
            };
            surprise.tokens += predicted;
        }
        Ok(surprise)
    }
}

/// Returns the context without values of a model with control tokens.
fn empty_context(files: &ModelFiles, tokenizer: &Tokenizer, config: &Gpt2Config) -> Result<Option<Vec<u32>>> {
    let context = |control: Control| {
        let values = control.values(&BTreeMap::new())?;
        control.context(tokenizer, values, config.n_positions)
    };
    Control::read(files, tokenizer)?.map(context).transpose()
}

/// Returns the tokens of each text after the context, with its end.
fn after_context(tokenizer: &Tokenizer, context: &[u32], texts: &[String]) -> Result<Vec<Vec<u32>>> {
    let end = tokenizer.separator()?;
    let texts = tokenizer.encode_all(texts)?;
    Ok(texts.into_iter().map(|ids| [context, &ids[..], &[end]].concat()).collect())
}

/// Tokens to read at once, and how many of the predictions at the beginning are not counted.
pub(super) type Window = (Vec<u32>, usize);

/// Returns texts as a model reads them: one stream in blocks of its context, or each text after its empty context.
///
/// # Errors
/// If the tokenizer fails, or there is no token to predict.
pub(super) fn windows_of(files: &ModelFiles, config: &Gpt2Config, texts: &[String]) -> Result<Vec<Window>> {
    let tokenizer = Tokenizer::read(files)?;
    let owned = |ids: &[u32], read: usize| -> Result<Vec<Window>> {
        let block = Windows::default().over(ids.len().saturating_sub(1), config.n_positions)?;
        Ok(Piece::of(ids, read, block).into_iter().map(|piece| (piece.ids.to_vec(), piece.read)).collect())
    };
    match empty_context(files, &tokenizer, config)? {
        None => owned(&tokenizer.joined(texts)?, 0),
        Some(context) => {
            let texts = after_context(&tokenizer, &context, texts)?;
            let windows = texts.iter().map(|ids| owned(ids, context.len() - 1)).collect::<Result<Vec<_>>>()?;
            ensure!(!windows.is_empty(), "the texts have no token to predict");
            Ok(windows.concat())
        }
    }
}

/// Returns how surprised an int8 model is by a piece's tokens, in nats.
fn int8_nats(model: &Int8Gpt2, piece: &Piece<'_>) -> f64 {
    const ROWS: usize = 16;
    let steps = piece.steps();
    let x = model.hidden(&piece.ids[..steps], &mut model.cache(1, 1, steps));
    let mut nats = 0.0;
    for (chunk, x) in x.chunks(ROWS * model.config.n_embd).enumerate() {
        for (row, logits) in model.logits(x).chunks_exact(model.config.vocab_size).enumerate() {
            let step = chunk * ROWS + row;
            if step >= piece.read {
                nats += surprise(logits, piece.ids[step + 1]);
            }
        }
    }
    nats
}

/// Returns the negative log-probability of a token, in nats.
pub(super) fn surprise(logits: &[f32], id: u32) -> f64 {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let total: f64 = logits.iter().map(|logit| f64::from(logit - largest).exp()).sum();
    total.ln() - f64::from(logits[id as usize] - largest)
}

/// Tokens that are read together.
struct Piece<'a> {
    ids: &'a [u32],
    /// How many of the predictions at the beginning are not counted.
    read: usize,
}

impl<'a> Piece<'a> {
    /// Cuts `stream` into windows; the first `read` predictions are not counted. The last window is the first one
    /// that reaches the end; tokens that the window before has predicted are read but not counted.
    fn of(stream: &'a [u32], read: usize, (block, stride): (usize, usize)) -> Vec<Self> {
        let windows = 0..=(stream.len() - 1 - block).div_ceil(stride);
        let piece = |window: usize| Self {
            ids: &stream[window * stride..stream.len().min(window * stride + block + 1)],
            read: if window == 0 { read } else { block - stride },
        };
        windows.map(piece).collect()
    }

    /// Returns the number of tokens from which the next one is predicted.
    fn steps(&self) -> usize {
        self.ids.len() - 1
    }
}

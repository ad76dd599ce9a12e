//! The three forms in which a loaded model decodes: packed in f32 or in int8 on the CPU; candle on a GPU, in f32, bf16 or f16.

use anyhow::{Result, bail};
use candle_core::{DType, Device, Tensor};

use super::cache::SlotCache;
use super::checkpoint::Checkpoint;
use super::gpt2::{Gpt2, KeyValueCache};
use super::gpt2_config::Gpt2Config;
use super::int8::{self, Image, Int8Gpt2};
use super::packed::PackedGpt2;
use super::settings::{DeviceChoice, WeightsChoice};
use super::tokenizer::Tokenizer;
use crate::catalog::{ModelFiles, Needs};

/// Returns what a generator needs once it is loaded on the CPU, without loading it.
///
/// # Errors
/// If it cannot be loaded: a file is missing, broken, or does not belong to the others.
pub fn needs(files: &ModelFiles) -> Result<Needs> {
    let mut config = Gpt2Config::read(files)?;
    Tokenizer::read(files)?.check_fits(&config, files)?;
    let (memory, value) = if int8::of_folder(files)?.is_some() {
        (Image::open(&config, files)?.bytes().len(), size_of::<u16>())
    } else {
        let checkpoint = Checkpoint::open(files)?;
        config.settle_head(&checkpoint);
        checkpoint.check(&config)?;
        (size_of::<f32>() * config.parameters(), size_of::<f32>())
    };
    let row = value * cached_values(&config, config.n_positions);
    Ok(Needs { memory_bytes: memory as u64, memory_per_text_bytes: row as u64 })
}

/// Returns how many keys and values `capacity` tokens have.
fn cached_values(config: &Gpt2Config, capacity: usize) -> usize {
    2 * config.n_layer * capacity * config.n_embd
}

/// The type in which a loaded model keeps its weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weights {
    F32,
    /// On a GPU only.
    Bf16,
    /// On a GPU only.
    F16,
    /// On the CPU only.
    Int8,
}

impl Weights {
    /// Returns the name in the record.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
            Self::Int8 => "int8",
        }
    }

    /// Returns candle's type for these weights on a GPU.
    fn on_a_gpu(self) -> Result<DType> {
        match self {
            Self::F32 => Ok(DType::F32),
            Self::Bf16 => Ok(DType::BF16),
            Self::F16 => Ok(DType::F16),
            Self::Int8 => bail!(
                "int8 weights are for the CPU: set generation.device to \"cpu\", or generation.weights (or --weights) to \
                 \"f32\", \"bf16\" or \"f16\""
            ),
        }
    }
}

/// Returns the type of weights that a model is to write with.
///
/// # Errors
/// If the folder has only int8 weights and `choice` rules them out: it asks for another type, or leaves it to the check that
/// was made when they were rounded, which they failed.
pub(super) fn settle_weights(files: &ModelFiles, choice: WeightsChoice) -> Result<Weights> {
    let Some(quantisation) = int8::of_folder(files)? else {
        return Ok(match choice {
            WeightsChoice::Auto | WeightsChoice::F32 => Weights::F32,
            WeightsChoice::Bf16 => Weights::Bf16,
            WeightsChoice::F16 => Weights::F16,
            WeightsChoice::Int8 => Weights::Int8,
        });
    };
    let (label, check) = (files.display("config.json"), &quantisation.check);
    match choice {
        WeightsChoice::Int8 => Ok(Weights::Int8),
        WeightsChoice::Auto if check.passed => Ok(Weights::Int8),
        WeightsChoice::Auto => bail!(
            "{label}: its int8 weights failed their check: {}; set generation.weights (or --weights) to \"int8\" to use them all the same, or use the \
             model that they were made from: {}",
            check.in_words(),
            quantisation.made_from
        ),
        WeightsChoice::F32 | WeightsChoice::Bf16 | WeightsChoice::F16 => bail!(
            "{label}: this folder has only int8 weights: set generation.weights (or --weights) to \"auto\" or \"int8\", or use the model that they \
             were made from: {}",
            quantisation.made_from
        ),
    }
}

/// Returns the type of weights on the device that was found: bf16 and f16 become f32 on the CPU if the device was left to the
/// program, because it would otherwise not write at all where the card is missing.
///
/// # Errors
/// If bf16 or f16 is asked for on the CPU by name.
pub(super) fn settle_on_device(weights: Weights, device: &Device, choice: DeviceChoice) -> Result<Weights> {
    let half = matches!(weights, Weights::Bf16 | Weights::F16);
    match choice {
        DeviceChoice::Auto if half && device.is_cpu() => Ok(Weights::F32),
        _ if half && device.is_cpu() => bail!(
            "{} weights are for a GPU: set generation.weights (or --weights) to \"f32\" or \"int8\", or generation.device to \
             \"cuda\"",
            weights.name()
        ),
        _ => Ok(weights),
    }
}

/// The checks of a model at load, beyond those that its files belong together. Serving uses all of them;
/// `benches/loading.rs` leaves some out, to measure what they cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadChecks {
    /// Check that every weight is a finite number (on a GPU this is always checked).
    pub values: bool,
    /// Run one pass over the whole context.
    pub first_pass: bool,
}

impl LoadChecks {
    pub const ALL: Self = Self { values: true, first_pass: true };
}

/// A loaded model.
pub(crate) enum Network {
    Packed(PackedGpt2),
    Int8(Int8Gpt2),
    Candle { model: Gpt2, device: Device },
}

/// The keys and values of the tokens read so far.
pub(crate) enum Cache {
    Packed(SlotCache<f32>),
    Int8(SlotCache<u16>),
    Candle(KeyValueCache),
}

impl Network {
    /// Loads a checkpoint for `device` with all checks.
    #[cfg(test)]
    pub(crate) fn load(files: &ModelFiles, device: &Device) -> Result<Self> {
        Self::load_with(files, device, Weights::F32, LoadChecks::ALL)
    }

    /// Loads a checkpoint for `device` with this type of weights; on the CPU, `checks` decides whether its values are checked.
    pub(super) fn load_with(files: &ModelFiles, device: &Device, weights: Weights, checks: LoadChecks) -> Result<Self> {
        if device.is_cpu() {
            let mut config = Gpt2Config::read(files)?;
            if int8::of_folder(files)?.is_some() {
                let image = Image::open(&config, files)?;
                return Ok(Self::Int8(Int8Gpt2::new(config, image)));
            }
            let mut checkpoint = Checkpoint::open(files)?;
            if !checks.values {
                checkpoint = checkpoint.without_check_of_values();
            }
            config.settle_head(&checkpoint);
            if weights == Weights::Int8 {
                let image = Image::quantise(&config, &checkpoint)?;
                return Ok(Self::Int8(Int8Gpt2::new(config, image)));
            }
            return Ok(Self::Packed(PackedGpt2::new(&config, &checkpoint)?));
        }
        let model = Gpt2::load(files, device, weights.on_a_gpu()?)?;
        Ok(Self::Candle { model, device: device.clone() })
    }

    pub(crate) fn config(&self) -> &Gpt2Config {
        match self {
            Self::Packed(model) => &model.config,
            Self::Int8(model) => &model.config,
            Self::Candle { model, .. } => &model.config,
        }
    }

    /// Reads `prompt` once, then repeats it in `rows` rows, each with room for `capacity` tokens. Returns the logits
    /// after the prompt, `[vocabulary]`.
    pub(crate) fn prefill(&self, prompt: &[u32], rows: usize, capacity: usize) -> Result<(Vec<f32>, Cache)> {
        let mut cache = match self {
            Self::Packed(model) => Cache::Packed(model.cache(1, rows, capacity)),
            Self::Int8(model) => Cache::Int8(model.cache(1, rows, capacity)),
            Self::Candle { model, .. } => Cache::Candle(model.cache(1, capacity)?),
        };
        let logits = self.advance(prompt, 1, &mut cache)?;
        cache.select(&vec![0; rows])?;
        Ok((logits, cache))
    }

    /// Reads one or more further tokens per row: `ids` is row-major `[rows, steps]`. Returns `[rows, vocabulary]`.
    pub(crate) fn advance(&self, ids: &[u32], rows: usize, cache: &mut Cache) -> Result<Vec<f32>> {
        match (self, cache) {
            (Self::Packed(model), Cache::Packed(cache)) => Ok(model.advance(ids, cache)),
            (Self::Int8(model), Cache::Int8(cache)) => Ok(model.advance(ids, cache)),
            (Self::Candle { model, device }, Cache::Candle(cache)) => {
                let ids = Tensor::from_slice(ids, (rows, ids.len() / rows), device)?;
                Ok(model.advance(&ids, cache)?.flatten_all()?.to_vec1()?)
            }
            _ => anyhow::bail!("a cache was handed to a model of another form"),
        }
    }

    /// Returns whether this form decodes on the CPU.
    pub(crate) fn is_on_cpu(&self) -> bool {
        !matches!(self, Self::Candle { .. })
    }

    /// Returns whether a pass over the whole context was made when the weights were written.
    pub(crate) fn is_tried(&self) -> bool {
        matches!(self, Self::Int8(model) if model.image().is_mapped())
    }

    /// Returns the type of the weights.
    pub(super) fn weights(&self) -> Weights {
        match self {
            Self::Int8(_) => Weights::Int8,
            Self::Candle { model, .. } if model.compute() == DType::BF16 => Weights::Bf16,
            Self::Candle { model, .. } if model.compute() == DType::F16 => Weights::F16,
            Self::Packed(_) | Self::Candle { .. } => Weights::F32,
        }
    }

    /// Returns the bytes that one row of `capacity` tokens takes in the cache.
    pub(crate) fn row_bytes(&self, capacity: usize) -> usize {
        let value = if self.weights() == Weights::F32 { size_of::<f32>() } else { size_of::<u16>() };
        value * cached_values(self.config(), capacity)
    }
}

impl Cache {
    /// Makes row `i` a continuation of the current row `rows[i]`.
    pub(crate) fn select(&mut self, rows: &[usize]) -> Result<()> {
        match self {
            Self::Packed(cache) => cache.select(rows),
            Self::Int8(cache) => cache.select(rows),
            Self::Candle(cache) => cache.select(rows)?,
        }
        Ok(())
    }
}

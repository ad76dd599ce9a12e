//! The two forms in which a loaded model decodes: packed on the CPU, candle on a GPU.

use anyhow::Result;
use candle_core::{DType, Device, Tensor};

use super::checkpoint::Checkpoint;
use super::gpt2::{Gpt2, KeyValueCache};
use super::gpt2_config::Gpt2Config;
use super::packed::{PackedCache, PackedGpt2};
use super::tokenizer::Tokenizer;
use crate::catalog::{ModelFiles, Needs};

/// Returns what a generator needs once it is loaded on the CPU, without loading it.
///
/// # Errors
/// If it cannot be loaded: a file is missing, broken, or does not belong to the others.
pub fn needs(files: &ModelFiles) -> Result<Needs> {
    let mut config = Gpt2Config::read(files)?;
    let checkpoint = Checkpoint::open(files)?;
    config.settle_head(&checkpoint);
    checkpoint.check(&config)?;
    Tokenizer::read(files)?.check_fits(&config, files)?;
    Ok(Needs {
        memory_bytes: (size_of::<f32>() * config.parameters()) as u64,
        memory_per_text_bytes: row_bytes(&config, config.n_positions) as u64,
    })
}

/// Returns the bytes that the keys and values of `capacity` tokens take.
fn row_bytes(config: &Gpt2Config, capacity: usize) -> usize {
    2 * config.n_layer * capacity * config.n_embd * size_of::<f32>()
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
    Candle { model: Gpt2, device: Device },
}

/// The keys and values of the tokens read so far.
pub(crate) enum Cache {
    Packed(PackedCache),
    Candle(KeyValueCache),
}

impl Network {
    /// Loads a checkpoint for `device` with all checks.
    #[cfg(test)]
    pub(crate) fn load(files: &ModelFiles, device: &Device) -> Result<Self> {
        Self::load_with(files, device, LoadChecks::ALL)
    }

    /// Loads a checkpoint for `device`; on the CPU, `checks` decides whether its values are checked.
    pub(super) fn load_with(files: &ModelFiles, device: &Device, checks: LoadChecks) -> Result<Self> {
        if device.is_cpu() {
            let mut config = Gpt2Config::read(files)?;
            let mut checkpoint = Checkpoint::open(files)?;
            if !checks.values {
                checkpoint = checkpoint.without_check_of_values();
            }
            config.settle_head(&checkpoint);
            return Ok(Self::Packed(PackedGpt2::new(&config, &checkpoint)?));
        }
        let model = Gpt2::load(files, device, DType::F32)?;
        Ok(Self::Candle { model, device: device.clone() })
    }

    pub(crate) fn config(&self) -> &Gpt2Config {
        match self {
            Self::Packed(model) => &model.config,
            Self::Candle { model, .. } => &model.config,
        }
    }

    /// Reads `prompt` once, then repeats it in `rows` rows, each with room for `capacity` tokens. Returns the logits
    /// after the prompt, `[vocabulary]`.
    pub(crate) fn prefill(&self, prompt: &[u32], rows: usize, capacity: usize) -> Result<(Vec<f32>, Cache)> {
        let mut cache = match self {
            Self::Packed(model) => Cache::Packed(model.cache(1, rows, capacity)),
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
            (Self::Candle { model, device }, Cache::Candle(cache)) => {
                let ids = Tensor::from_slice(ids, (rows, ids.len() / rows), device)?;
                Ok(model.advance(&ids, cache)?.flatten_all()?.to_vec1()?)
            }
            _ => anyhow::bail!("a cache was handed to a model of another form"),
        }
    }

    /// Returns whether this is the form for decoding on the CPU.
    pub(crate) fn is_packed(&self) -> bool {
        matches!(self, Self::Packed(_))
    }

    /// Returns the bytes that one row of `capacity` tokens takes in the cache.
    pub(crate) fn row_bytes(&self, capacity: usize) -> usize {
        row_bytes(self.config(), capacity)
    }
}

impl Cache {
    /// Makes row `i` a continuation of the current row `rows[i]`.
    pub(crate) fn select(&mut self, rows: &[usize]) -> Result<()> {
        match self {
            Self::Packed(cache) => cache.select(rows),
            Self::Candle(cache) => cache.select(rows)?,
        }
        Ok(())
    }
}

//! The recurrent networks: weights by name, the forward pass.
//!
//! Keras semantics throughout: kernels are `[in, out]`, padding is a word like any other unless the configuration
//! masks it, and the last recurrent layer passes on either its largest values over time or the state of each
//! direction after its own last step. Rows are time-major (see [`super::recurrent`]). The network's outputs are
//! logits. A row's logits do not depend on the rows scored with it, to the bit. The sizes are in `config`, the
//! building blocks in `layers`.

mod config;
mod layers;
mod linear;
mod lookup;
mod pooling;
mod row;

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use candle_core::{DType, Device, Tensor, Var};
use rand::SeedableRng as _;
use rand_chacha::ChaCha12Rng;
use rayon::prelude::*;

pub use self::config::{Architecture, DenseSettings, Kind, NetworkConfig, Pooling};
use self::layers::{Dense, Recurrent, WeightSource};
use self::linear::sum_of_ngrams;
use self::lookup::{Dropout, look_up};
use self::pooling::{last_states, max_over_time};
pub use self::row::Row;
use super::initial::{Initial, initial_values};
use super::vocabulary::PADDING;

/// The weight of the linear part.
pub const NGRAMS: &str = "ngrams.weight";

/// Rows per pass when scoring. The number is always the same, reached with padding, because matrix products of other
/// heights may add in another order and a score would depend on the other rows; 16 is a round's usual number.
const ROWS: usize = 16;

/// A network with its weights, on the CPU in f32.
#[derive(Debug, Clone)]
pub struct Network {
    config: NetworkConfig,
    /// `[vocabulary_size, width]`
    embedding: Tensor,
    recurrent: Vec<Recurrent>,
    dense: Vec<Dense>,
    output: Dense,
    /// `[buckets, outputs]`: the linear part.
    ngrams: Option<Tensor>,
    /// The recurrent layers' weights as their operation reads them, if they never change again.
    packed: Option<Vec<Tensor>>,
}

impl Network {
    /// Creates a network with Keras's initial weights, drawn from `seed`; returns it with its trainable variables by
    /// name, in the order of the layers.
    ///
    /// # Errors
    /// If `config` does not pass its check.
    pub fn new(config: &NetworkConfig, seed: u64) -> Result<(Self, Vec<(String, Var)>)> {
        let mut rng = ChaCha12Rng::seed_from_u64(seed);
        let mut variables = Vec::new();
        let network = Self::build(config, &mut |name, shape, initial| {
            let variable = Var::from_vec(initial_values(initial, shape, &mut rng), shape, &Device::Cpu)?;
            variables.push((name.to_owned(), variable.clone()));
            Ok(variable.into_inner())
        })?;
        Ok((network, variables))
    }

    /// Creates the network whose weights are `tensors` (f32, f16 or f64), converted to f32.
    ///
    /// # Errors
    /// If `config` does not pass its check, a weight is missing or superfluous, or its shape does not fit.
    pub fn from_tensors(config: &NetworkConfig, tensors: &HashMap<String, Tensor>) -> Result<Self> {
        let mut used = 0;
        let mut network = Self::build(config, &mut |name, shape, _| {
            let tensor = tensors.get(name).with_context(|| format!("no tensor {name}"))?;
            if tensor.dims() != shape {
                bail!("{name} has shape {:?}, but config.json asks for {shape:?}", tensor.dims());
            }
            used += 1;
            Ok(tensor.to_dtype(DType::F32)?.detach())
        })?;
        ensure!(used == tensors.len(), "there are {} tensors, but config.json asks for {used}", tensors.len());
        network.packed = Some(network.pack()?);
        Ok(network)
    }

    fn build(config: &NetworkConfig, source: &mut WeightSource<'_>) -> Result<Self> {
        config.check()?;
        let architecture = &config.architecture;
        let mut width = architecture.embedding;
        let embedding = source("embedding.weight", &[config.vocabulary_size, width], Initial::Embedding)?;
        let mut recurrent = Vec::with_capacity(architecture.units.len());
        for (index, &units) in architecture.units.iter().enumerate() {
            let layer = Recurrent::build(architecture.kind, index, width, units, source)?;
            width = layer.width();
            recurrent.push(layer);
        }
        let mut dense = Vec::with_capacity(architecture.dense.len());
        for (index, layer) in architecture.dense.iter().enumerate() {
            dense.push(Dense::build(&format!("dense.{index}"), width, layer.units, source)?);
            width = layer.units;
        }
        let output = Dense::build("output", width, config.outputs, source)?;
        let ngrams = architecture.ngrams.as_ref();
        let shape = |buckets| [buckets, config.outputs];
        let ngrams = ngrams.map(|ngrams| source(NGRAMS, &shape(ngrams.buckets()), Initial::Zeros)).transpose()?;
        Ok(Self { config: config.clone(), embedding, recurrent, dense, output, ngrams, packed: None })
    }

    /// Returns the configuration that the network was built from.
    #[must_use]
    pub fn config(&self) -> &NetworkConfig {
        &self.config
    }

    /// Returns the same weights without a gradient: scoring with the result builds no graph. It follows the training
    /// of the original.
    #[must_use]
    pub fn frozen(&self) -> Self {
        Self {
            config: self.config.clone(),
            embedding: self.embedding.detach(),
            recurrent: self.recurrent.iter().map(Recurrent::frozen).collect(),
            dense: self.dense.iter().map(Dense::frozen).collect(),
            output: self.output.frozen(),
            ngrams: self.ngrams.as_ref().map(Tensor::detach),
            packed: self.packed.clone(),
        }
    }

    /// Returns the logits of `rows`, each of `steps` ids, without dropout and without a graph; shape `[rows,
    /// outputs]`.
    ///
    /// # Errors
    /// If there are no rows, a row has another length, or an id has no embedding.
    pub fn score(&self, rows: &[Row]) -> Result<Tensor> {
        self.check_rows(rows)?;
        let network = self.frozen();
        let parameters = network.pack()?;
        let logits = rows
            .par_chunks(ROWS)
            .map(|chunk| {
                let mut chunk = chunk.to_vec();
                let count = chunk.len();
                chunk.resize(ROWS, vec![PADDING; self.config.steps].into());
                Ok(network.forward(&chunk, &parameters, None)?.narrow(0, 0, count)?)
            })
            .collect::<Result<Vec<Tensor>>>()?;
        Ok(Tensor::cat(&logits, 0)?)
    }

    /// Returns the logits of `rows` for training, `[rows, outputs]`: with dropout masks drawn from `rng`, and a graph
    /// to differentiate.
    ///
    /// # Errors
    /// As [`Network::score`].
    pub fn train(&self, rows: &[Row], rng: &mut ChaCha12Rng) -> Result<Tensor> {
        self.check_rows(rows)?;
        self.forward(rows, &self.pack()?, Some(rng))
    }

    /// Returns the recurrent layers' weights as their operation reads them.
    fn pack(&self) -> Result<Vec<Tensor>> {
        if let Some(packed) = &self.packed {
            return Ok(packed.clone());
        }
        self.recurrent.iter().map(Recurrent::pack).collect()
    }

    fn forward(&self, rows: &[Row], parameters: &[Tensor], mut training: Option<&mut ChaCha12Rng>) -> Result<Tensor> {
        let architecture = &self.config.architecture;
        let (ids, active) = self.time_major(rows);
        let (steps, batch) = (ids.len() / rows.len(), rows.len());
        let dropout = match training.as_deref_mut() {
            Some(rng) => Dropout::draw(architecture, steps, batch, rng),
            None => Dropout::None,
        };
        let mut sequence = look_up(&self.embedding, ids, dropout, (steps, batch))?;
        for (layer, parameters) in self.recurrent.iter().zip(parameters) {
            sequence = layer.forward(&sequence, parameters, active.as_ref(), training.is_some())?;
        }
        let mut state = match architecture.pooling {
            Pooling::Last => last_states(&sequence, architecture.kind.directions())?,
            Pooling::Max => max_over_time(&sequence, active.as_ref())?,
        };
        for (layer, dense) in self.dense.iter().zip(&architecture.dense) {
            state = layer.forward(&state)?.relu()?;
            if let Some(rng) = training.as_deref_mut().filter(|_| dense.dropout > 0.0) {
                let mask = lookup::dropout_mask(rng, batch * dense.units, dense.dropout);
                state = (state * Tensor::from_vec(mask, (batch, dense.units), &Device::Cpu)?)?;
            }
        }
        let logits = self.output.forward(&state)?;
        match (&self.ngrams, &architecture.ngrams) {
            (Some(weights), Some(settings)) => {
                let kept = |row: &Row| match training.as_deref_mut().filter(|_| settings.dropout > 0.0) {
                    Some(rng) => {
                        let mask = lookup::dropout_mask(rng, row.ngrams.len(), settings.dropout);
                        let kept = row.ngrams.iter().zip(mask).filter(|(_, factor)| *factor > 0.0);
                        kept.map(|((bucket, value), factor)| (*bucket, value * factor)).collect()
                    }
                    None => row.ngrams.clone(),
                };
                Ok((logits + sum_of_ngrams(weights, rows.iter().map(kept).collect())?)?)
            }
            _ => Ok(logits),
        }
    }

    fn check_rows(&self, rows: &[Row]) -> Result<()> {
        let steps = self.config.steps;
        ensure!(!rows.is_empty(), "there are no rows to score");
        for row in rows {
            ensure!(row.ids.len() == steps, "a row has {} ids, but the network reads {steps}", row.ids.len());
            let highest = row.ids.iter().copied().max().unwrap_or(0) as usize;
            ensure!(
                highest < self.config.vocabulary_size,
                "id {highest} has no embedding: there are only {}",
                self.config.vocabulary_size
            );
        }
        Ok(())
    }

    /// Returns the ids of all rows, step by step, `[steps * rows]`, and, if padding is masked, which of them are
    /// words. The steps before and after all words of all rows are then left out: they would change no state.
    fn time_major(&self, rows: &[Row]) -> (Vec<u32>, Option<Arc<Vec<bool>>>) {
        let ids = |steps: std::ops::Range<usize>| -> Vec<u32> {
            steps.flat_map(|step| rows.iter().map(move |row| row.ids[step])).collect()
        };
        if !self.config.mask_padding {
            return (ids(0..self.config.steps), None);
        }
        let read = |step: &usize| rows.iter().any(|row| row.ids[*step] != PADDING);
        let first = (0..self.config.steps).find(read).unwrap_or(0);
        let last = (first..self.config.steps).rfind(read).unwrap_or(first);
        let ids = ids(first..last + 1);
        let active = ids.iter().map(|&id| id != PADDING).collect();
        (ids, Some(Arc::new(active)))
    }
}

#[cfg(test)]
mod tests;

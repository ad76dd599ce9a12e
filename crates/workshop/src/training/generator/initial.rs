//! The weights a training starts from: the base's, GPT-2's own initialisation, and rows for new tokens.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use candle_core::{Device, Tensor, Var};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha12Rng;

use super::settings::{Base, GeneratorTraining};
use pregonero_models::catalog::ModelFiles;
use pregonero_models::generation::checkpoint::Checkpoint;
use pregonero_models::generation::gpt2::Gpt2Config;
use pregonero_models::generation::tokenizer::Tokenizer;

/// How far a new token's row is from the mean row, in standard deviations of the embedding.
const NEW_ROW_NOISE: f32 = 0.1;

/// Returns the weights that training starts from: the base's, or GPT-2's own initialisation (normal with deviation 0.02, scaled
/// down for the projections onto the residual stream) drawn from the seed. Tokens that the base lacks start near the
/// mean of its embedding, so that their first logits are like any other token's (Hewitt 2021).
pub(super) fn initial_weights(
    settings: &GeneratorTraining,
    config: &Gpt2Config,
    device: &Device,
) -> Result<BTreeMap<String, Var>> {
    let base = match &settings.base {
        Base::Scratch { .. } => None,
        Base::Model(files) => Some(BaseWeights::open(settings, files)?),
    };
    let mut rng = ChaCha12Rng::seed_from_u64(settings.seed);
    let mut variables = BTreeMap::new();
    for (name, shape) in config.tensors() {
        let values = match &base {
            Some(base) => base.values(&name, &shape, &mut rng)?,
            None => initial_values(&name, shape.iter().product(), config, &mut rng),
        };
        let tensor = Tensor::from_vec(values, shape, device)?;
        variables.insert(name, Var::from_tensor(&tensor)?);
    }
    Ok(variables)
}

/// The weights of a base, and which rows of its embedding must be replaced.
struct BaseWeights {
    checkpoint: Checkpoint,
    rows: usize,
    /// Ids of tokens that the base's tokenizer lacks; some bases have more rows than tokens.
    new: BTreeSet<usize>,
}

impl BaseWeights {
    fn open(settings: &GeneratorTraining, files: &ModelFiles) -> Result<Self> {
        let (base, trained): (Tokenizer, Tokenizer) = (settings.base_tokenizer()?, settings.tokenizer()?);
        let tokens = settings.control.as_ref().map(|control| control.layout.tokens()).unwrap_or_default();
        let new = tokens.iter().filter(|token| base.id_of(token).is_none());
        Ok(Self {
            checkpoint: Checkpoint::open(files)?,
            rows: Gpt2Config::read(files)?.vocab_size,
            new: new.filter_map(|token| trained.id_of(token)).map(|id| id as usize).collect(),
        })
    }

    fn values(&self, name: &str, shape: &[usize], rng: &mut ChaCha12Rng) -> Result<Vec<f32>> {
        match (name, shape) {
            ("wte.weight" | "lm_head.weight", &[rows, width]) => {
                let known = self.checkpoint.tensor(name, &[self.rows, width])?;
                Ok(self.grown(known, rows, width, rng))
            }
            _ => self.checkpoint.tensor(name, shape),
        }
    }

    /// Returns an embedding of `rows` rows, with those of new tokens drawn around the mean of the others.
    fn grown(&self, mut values: Vec<f32>, rows: usize, width: usize, rng: &mut ChaCha12Rng) -> Vec<f32> {
        if self.new.is_empty() {
            return values;
        }
        let mut mean = vec![0.0_f64; width];
        let mut squares = 0.0_f64;
        let mut counted = 0_usize;
        for (_, row) in values.chunks_exact(width).enumerate().filter(|(id, _)| !self.new.contains(id)) {
            counted += 1;
            for (mean, value) in mean.iter_mut().zip(row) {
                *mean += f64::from(*value);
                squares += f64::from(*value).powi(2);
            }
        }
        let counted = counted.max(1) as f64;
        mean.iter_mut().for_each(|mean| *mean /= counted);
        let variance =
            squares / (counted * width as f64) - mean.iter().map(|mean| mean * mean).sum::<f64>() / width as f64;
        let noise = NEW_ROW_NOISE * variance.max(0.0).sqrt() as f32;
        values.resize(rows * width, 0.0);
        for (id, row) in values.chunks_exact_mut(width).enumerate() {
            if self.new.contains(&id) || id >= self.rows {
                row.iter_mut()
                    .zip(&mean)
                    .for_each(|(value, mean)| *value = *mean as f32 + noise * standard_normal(rng));
            }
        }
        values
    }
}

fn initial_values(name: &str, count: usize, config: &Gpt2Config, rng: &mut ChaCha12Rng) -> Vec<f32> {
    if name.ends_with(".bias") {
        return vec![0.0; count];
    }
    if name.contains("ln_") {
        return vec![1.0; count];
    }
    let mut deviation = 0.02;
    if name.ends_with("c_proj.weight") {
        deviation /= (2.0 * config.n_layer as f32).sqrt();
    }
    (0..count).map(|_| deviation * standard_normal(rng)).collect()
}

/// Draws a standard normal number by the Box–Muller transform.
fn standard_normal(rng: &mut ChaCha12Rng) -> f32 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    (radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()) as f32
}

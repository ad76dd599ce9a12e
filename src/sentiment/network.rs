//! The seeds' recurrent networks: sizes as configuration, weights by name, the forward pass.
//!
//! Keras semantics throughout: padding is not masked, kernels are `[in, out]`, one bias a gate, gates in the order
//! input, forget, cell, output, and the last recurrent layer hands on what each direction holds after its own last
//! step. Rows go in time-major (see [`super::recurrent`]). The network's end is a logit; its sigmoid is the
//! probability of the second label.

use std::collections::HashMap;

use anyhow::{Context as _, Result, bail, ensure};
use candle_core::{D, DType, Device, Tensor, Var};
use rand::Rng as _;
use rand::SeedableRng as _;
use rand_chacha::ChaCha12Rng;
use serde::{Deserialize, Serialize};

use super::initial::{glorot_uniform, orthogonal, uniform};
use super::recurrent::bidirectional_lstm;
use super::summary::{LayerSummary, Summary};

/// Keras's range of initial embeddings.
const EMBEDDING_LIMIT: f64 = 0.05;

/// The network of a classifier: `network` in its `config.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// Rows of the embedding: padding, words, the unknown word.
    pub vocabulary_size: usize,
    /// Words of a row.
    pub steps: usize,
    pub architecture: Architecture,
}

/// Which network, with its layer sizes; `{"kind": "bilstm", ...}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Architecture {
    /// Embedding, spatial dropout, bidirectional LSTM layers of which the last hands on its last step, dense layers.
    Bilstm(BilstmSettings),
}

/// The layer sizes of [`Architecture::Bilstm`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BilstmSettings {
    /// Width of the word vectors.
    pub embedding: usize,
    /// Share of the word vectors' features that a training row loses as a whole.
    pub spatial_dropout: f64,
    /// Units of each direction, layer by layer.
    pub lstm: Vec<usize>,
    /// The layers between the last recurrent one and the output.
    pub dense: Vec<DenseSettings>,
}

/// One dense layer with ReLU.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DenseSettings {
    pub units: usize,
    /// Share of its outputs dropped in training.
    pub dropout: f64,
}

impl BilstmSettings {
    /// VacunaBot's network (facts: 6,260,865 parameters at 17,104 words).
    #[must_use]
    pub fn seeds() -> Self {
        Self {
            embedding: 256,
            spatial_dropout: 0.2,
            lstm: vec![256, 128, 64],
            dense: vec![
                DenseSettings { units: 64, dropout: 0.0 },
                DenseSettings { units: 32, dropout: 0.5 },
                DenseSettings { units: 16, dropout: 0.5 },
            ],
        }
    }

    /// The network of the built-in classifier: the same shape in small. On some thousand tweets a single recurrent
    /// layer under strong dropout had the best macro F1 on the validation part of those tried.
    #[must_use]
    pub fn small() -> Self {
        Self {
            embedding: 96,
            spatial_dropout: 0.5,
            lstm: vec![32],
            dense: vec![DenseSettings { units: 32, dropout: 0.5 }, DenseSettings { units: 16, dropout: 0.5 }],
        }
    }
}

impl NetworkConfig {
    /// # Errors
    /// Where a size is 0 or a dropout is not in 0 to 1; the message names the key.
    pub fn check(&self) -> Result<()> {
        let Architecture::Bilstm(settings) = &self.architecture;
        let sizes = [self.vocabulary_size, self.steps, settings.embedding];
        for (name, size) in ["vocabulary_size", "steps", "embedding"].into_iter().zip(sizes) {
            ensure!(size > 0, "network.{name}: must be at least 1");
        }
        ensure!(
            !settings.lstm.is_empty() && !settings.lstm.contains(&0),
            "network.lstm: needs layers of 1 unit or more"
        );
        ensure!(settings.dense.iter().all(|dense| dense.units > 0), "network.dense: needs layers of 1 unit or more");
        let rates = settings.dense.iter().map(|dense| dense.dropout).chain([settings.spatial_dropout]);
        for rate in rates {
            ensure!((0.0..1.0).contains(&rate), "network: a dropout of {rate} is not in 0 to 1");
        }
        Ok(())
    }

    /// The table of layers; no weights are made for it.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let Architecture::Bilstm(settings) = &self.architecture;
        let mut layers = Vec::new();
        let mut add = |name: String, kind: &str, output: &[usize], parameters: usize| {
            layers.push(LayerSummary { name, kind: kind.to_owned(), output: output.to_vec(), parameters });
        };
        let mut width = settings.embedding;
        add("embedding".to_owned(), "Embedding", &[self.steps, width], self.vocabulary_size * width);
        add("spatial_dropout".to_owned(), "SpatialDropout1D", &[self.steps, width], 0);
        for (index, &units) in settings.lstm.iter().enumerate() {
            let parameters = 2 * 4 * units * (width + units + 1);
            width = 2 * units;
            let sequence = [self.steps, width];
            let output = if index + 1 < settings.lstm.len() { &sequence[..] } else { &sequence[1..] };
            add(format!("bilstm.{index}"), "BiLSTM", output, parameters);
        }
        for (index, dense) in settings.dense.iter().enumerate() {
            add(format!("dense.{index}"), "Dense (ReLU)", &[dense.units], (width + 1) * dense.units);
            width = dense.units;
            if dense.dropout > 0.0 {
                add(format!("dropout.{index}"), "Dropout", &[width], 0);
            }
        }
        add("output".to_owned(), "Dense (sigmoid)", &[1], width + 1);
        Summary { layers }
    }
}

/// How a weight starts.
#[derive(Debug, Clone, Copy)]
enum Initial {
    Zeros,
    Embedding,
    Glorot,
    Orthogonal,
    /// Zero but for the forget gate's 1.
    LstmBias,
}

/// Makes or finds one weight by name and shape.
type WeightSource<'a> = dyn FnMut(&str, &[usize], Initial) -> Result<Tensor> + 'a;

/// One direction of a recurrent layer.
#[derive(Debug, Clone)]
struct LstmDirection {
    /// `[in, 4 * units]`
    input_weight: Tensor,
    /// `[units, 4 * units]`
    recurrent_weight: Tensor,
    /// `[4 * units]`
    bias: Tensor,
}

#[derive(Debug, Clone)]
struct Bilstm {
    forward: LstmDirection,
    backward: LstmDirection,
}

#[derive(Debug, Clone)]
struct Dense {
    /// `[in, out]`
    weight: Tensor,
    /// `[out]`
    bias: Tensor,
}

/// A network with its weights, on the CPU in f32.
#[derive(Debug, Clone)]
pub struct Network {
    config: NetworkConfig,
    /// `[vocabulary_size, width]`
    embedding: Tensor,
    bilstm: Vec<Bilstm>,
    dense: Vec<Dense>,
    output: Dense,
}

impl Network {
    /// A network with Keras's initial weights, drawn from `seed`, and its trainable variables by name, in the order of
    /// the layers.
    ///
    /// # Errors
    /// Where `config` does not pass its check.
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

    /// The network whose weights are `tensors`, f32, f16 or f64, turned into f32.
    ///
    /// # Errors
    /// Where `config` does not pass its check, a weight is missing or superfluous, or its shape does not fit.
    pub fn from_tensors(config: &NetworkConfig, tensors: &HashMap<String, Tensor>) -> Result<Self> {
        let mut used = 0;
        let network = Self::build(config, &mut |name, shape, _| {
            let tensor = tensors.get(name).with_context(|| format!("no tensor {name}"))?;
            if tensor.dims() != shape {
                bail!("{name} has shape {:?}, config.json asks for {shape:?}", tensor.dims());
            }
            used += 1;
            Ok(tensor.to_dtype(DType::F32)?.detach())
        })?;
        ensure!(used == tensors.len(), "{} tensors, but config.json asks for {used}", tensors.len());
        Ok(network)
    }

    fn build(config: &NetworkConfig, source: &mut WeightSource<'_>) -> Result<Self> {
        config.check()?;
        let Architecture::Bilstm(settings) = &config.architecture;
        let mut width = settings.embedding;
        let embedding = source("embedding.weight", &[config.vocabulary_size, width], Initial::Embedding)?;
        let mut bilstm = Vec::with_capacity(settings.lstm.len());
        for (index, &units) in settings.lstm.iter().enumerate() {
            let mut direction = |name| LstmDirection::build(&format!("bilstm.{index}.{name}"), width, units, source);
            bilstm.push(Bilstm { forward: direction("forward")?, backward: direction("backward")? });
            width = 2 * units;
        }
        let mut dense = Vec::with_capacity(settings.dense.len());
        for (index, layer) in settings.dense.iter().enumerate() {
            dense.push(Dense::build(&format!("dense.{index}"), width, layer.units, source)?);
            width = layer.units;
        }
        let output = Dense::build("output", width, 1, source)?;
        Ok(Self { config: config.clone(), embedding, bilstm, dense, output })
    }

    /// What the network was built from.
    #[must_use]
    pub fn config(&self) -> &NetworkConfig {
        &self.config
    }

    /// The same weights without a gradient: scoring with it builds no graph. It follows the training of the original.
    #[must_use]
    pub fn frozen(&self) -> Self {
        let direction = |direction: &LstmDirection| LstmDirection {
            input_weight: direction.input_weight.detach(),
            recurrent_weight: direction.recurrent_weight.detach(),
            bias: direction.bias.detach(),
        };
        let dense = |dense: &Dense| Dense { weight: dense.weight.detach(), bias: dense.bias.detach() };
        Self {
            config: self.config.clone(),
            embedding: self.embedding.detach(),
            bilstm: self
                .bilstm
                .iter()
                .map(|layer| Bilstm { forward: direction(&layer.forward), backward: direction(&layer.backward) })
                .collect(),
            dense: self.dense.iter().map(dense).collect(),
            output: dense(&self.output),
        }
    }

    /// The logits of `rows`, each of `steps` ids, without dropout; shape `[rows]`.
    ///
    /// # Errors
    /// Where a row has another length or an id has no embedding.
    pub fn score(&self, rows: &[Vec<u32>]) -> Result<Tensor> {
        self.forward(rows, None)
    }

    /// The logits of `rows` as training sees them: dropout masks drawn from `rng`, a graph to differentiate.
    ///
    /// # Errors
    /// As [`Network::score`].
    pub fn train(&self, rows: &[Vec<u32>], rng: &mut ChaCha12Rng) -> Result<Tensor> {
        self.forward(rows, Some(rng))
    }

    fn forward(&self, rows: &[Vec<u32>], mut training: Option<&mut ChaCha12Rng>) -> Result<Tensor> {
        let Architecture::Bilstm(settings) = &self.config.architecture;
        let ids = self.time_major(rows)?;
        let (steps, batch) = (self.config.steps, rows.len());
        let mut sequence = self.embedding.index_select(&ids, 0)?.reshape((steps, batch, settings.embedding))?;
        if let Some(rng) = training.as_deref_mut().filter(|_| settings.spatial_dropout > 0.0) {
            let mask = dropout_mask(rng, &[1, batch, settings.embedding], settings.spatial_dropout)?;
            sequence = sequence.broadcast_mul(&mask)?;
        }
        for layer in &self.bilstm {
            sequence = layer.forward(&sequence, training.is_some())?;
        }
        let mut state = last_states(&sequence)?;
        for (layer, dense) in self.dense.iter().zip(&settings.dense) {
            state = layer.forward(&state)?.relu()?;
            if let Some(rng) = training.as_deref_mut().filter(|_| dense.dropout > 0.0) {
                state = (state * dropout_mask(rng, &[batch, dense.units], dense.dropout)?)?;
            }
        }
        Ok(self.output.forward(&state)?.squeeze(D::Minus1)?)
    }

    /// The ids of all rows, step by step; shape `[steps * rows]`.
    fn time_major(&self, rows: &[Vec<u32>]) -> Result<Tensor> {
        let steps = self.config.steps;
        ensure!(!rows.is_empty(), "no rows to score");
        for row in rows {
            ensure!(row.len() == steps, "a row has {} ids, the network reads {steps}", row.len());
            let highest = row.iter().copied().max().unwrap_or(0) as usize;
            ensure!(
                highest < self.config.vocabulary_size,
                "id {highest} has no embedding: there are {}",
                self.config.vocabulary_size
            );
        }
        let ids: Vec<u32> = (0..steps).flat_map(|step| rows.iter().map(move |row| row[step])).collect();
        Ok(Tensor::from_vec(ids, steps * rows.len(), &Device::Cpu)?)
    }
}

impl LstmDirection {
    fn build(name: &str, width: usize, units: usize, source: &mut WeightSource<'_>) -> Result<Self> {
        Ok(Self {
            input_weight: source(&format!("{name}.input_weight"), &[width, 4 * units], Initial::Glorot)?,
            recurrent_weight: source(&format!("{name}.recurrent_weight"), &[units, 4 * units], Initial::Orthogonal)?,
            bias: source(&format!("{name}.bias"), &[4 * units], Initial::LstmBias)?,
        })
    }
}

impl Bilstm {
    /// `[steps, batch, in]` to `[steps, batch, 2 * units]`.
    fn forward(&self, sequence: &Tensor, training: bool) -> Result<Tensor> {
        let (steps, batch, width) = sequence.dims3()?;
        let weight = Tensor::cat(&[&self.forward.input_weight, &self.backward.input_weight], 1)?;
        let bias = Tensor::cat(&[&self.forward.bias, &self.backward.bias], 0)?;
        let gates = sequence.reshape((steps * batch, width))?.matmul(&weight)?.broadcast_add(&bias)?;
        let gates = gates.reshape((steps, batch, bias.elem_count()))?;
        let recurrent = (&self.forward.recurrent_weight, &self.backward.recurrent_weight);
        Ok(bidirectional_lstm(&gates, recurrent.0, recurrent.1, training)?)
    }
}

impl Dense {
    fn build(name: &str, width: usize, units: usize, source: &mut WeightSource<'_>) -> Result<Self> {
        Ok(Self {
            weight: source(&format!("{name}.weight"), &[width, units], Initial::Glorot)?,
            bias: source(&format!("{name}.bias"), &[units], Initial::Zeros)?,
        })
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        Ok(input.matmul(&self.weight)?.broadcast_add(&self.bias)?)
    }
}

/// What each direction holds after its own last step: the forward one at the end, the backward one at the beginning.
fn last_states(sequence: &Tensor) -> Result<Tensor> {
    let (steps, _, width) = sequence.dims3()?;
    let units = width / 2;
    let forward = sequence.get(steps - 1)?.narrow(1, 0, units)?;
    let backward = sequence.get(0)?.narrow(1, units, units)?;
    Ok(Tensor::cat(&[&forward, &backward], 1)?)
}

/// Zeros with probability `rate`, else what keeps the expected value.
fn dropout_mask(rng: &mut ChaCha12Rng, shape: &[usize], rate: f64) -> Result<Tensor> {
    let kept = (1.0 / (1.0 - rate)) as f32;
    let draw = |_| if rng.random::<f64>() < rate { 0.0 } else { kept };
    let mask: Vec<f32> = (0..shape.iter().product()).map(draw).collect();
    Ok(Tensor::from_vec(mask, shape, &Device::Cpu)?)
}

fn initial_values(initial: Initial, shape: &[usize], rng: &mut ChaCha12Rng) -> Vec<f32> {
    let count = shape.iter().product();
    match (initial, shape) {
        (Initial::Embedding, _) => uniform(rng, count, EMBEDDING_LIMIT),
        (Initial::Glorot, &[rows, columns]) => glorot_uniform(rng, rows, columns),
        (Initial::Orthogonal, &[rows, columns]) => orthogonal(rng, rows, columns),
        (Initial::LstmBias, _) => {
            let units = count / 4;
            (0..count).map(|index| if (units..2 * units).contains(&index) { 1.0 } else { 0.0 }).collect()
        }
        (Initial::Zeros | Initial::Glorot | Initial::Orthogonal, _) => vec![0.0; count],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::classifier::binary_cross_entropy;
    use crate::training::optimizer::{AdamW, AdamWSettings};

    fn tiny() -> NetworkConfig {
        let settings = BilstmSettings {
            embedding: 4,
            spatial_dropout: 0.0,
            lstm: vec![5, 3, 2],
            dense: [6, 4, 3].map(|units| DenseSettings { units, dropout: 0.0 }).to_vec(),
        };
        NetworkConfig { vocabulary_size: 11, steps: 6, architecture: Architecture::Bilstm(settings) }
    }

    fn flat(tensor: &Tensor) -> Vec<f32> {
        tensor.flatten_all().unwrap().to_dtype(DType::F32).unwrap().to_vec1().unwrap()
    }

    /// The largest difference of two lists of one length.
    fn distance(left: &[f32], right: &[f32]) -> f32 {
        assert_eq!(left.len(), right.len());
        left.iter().zip(right).map(|(left, right)| (left - right).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn the_seeds_table_is_that_of_keras() {
        let architecture = Architecture::Bilstm(BilstmSettings::seeds());
        let summary = NetworkConfig { vocabulary_size: 17_104, steps: 61, architecture }.summary();
        let layers: Vec<(&str, Vec<usize>, usize)> =
            summary.layers.iter().map(|layer| (layer.name.as_str(), layer.output.clone(), layer.parameters)).collect();
        let want = [
            ("embedding", vec![61, 256], 4_378_624),
            ("spatial_dropout", vec![61, 256], 0),
            ("bilstm.0", vec![61, 512], 1_050_624),
            ("bilstm.1", vec![61, 256], 656_384),
            ("bilstm.2", vec![128], 164_352),
            ("dense.0", vec![64], 8_256),
            ("dense.1", vec![32], 2_080),
            ("dropout.1", vec![32], 0),
            ("dense.2", vec![16], 528),
            ("dropout.2", vec![16], 0),
            ("output", vec![1], 17),
        ];
        assert_eq!(layers, want);
        assert_eq!(summary.parameters(), 6_260_865);
        let table = summary.to_string();
        assert!(table.contains("(None, 61, 512)") && table.ends_with("total parameters: 6,260,865"), "{table}");
    }

    // tests/data/bilstm-keras/make.py wrote the weights, the rows and Keras's numbers.
    #[test]
    fn outputs_and_gradients_are_those_of_keras() {
        let path =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/bilstm-keras/reference.safetensors");
        let reference = candle_core::safetensors::load(path, &Device::Cpu).unwrap();
        let (network, variables) = Network::new(&tiny(), 0).unwrap();
        for (name, variable) in &variables {
            variable.set(&reference[name]).unwrap();
        }
        let rows: Vec<Vec<u32>> = reference["ids"].to_dtype(DType::U32).unwrap().to_vec2().unwrap();

        let logits = network.train(&rows, &mut ChaCha12Rng::seed_from_u64(0)).unwrap();
        let probabilities = flat(&candle_nn::ops::sigmoid(&logits).unwrap());
        assert!(distance(&probabilities, &flat(&reference["probabilities"])) < 1e-5, "{probabilities:?}");
        let scored = network.frozen().score(&rows).unwrap();
        assert!(distance(&flat(&scored), &flat(&logits)) < 1e-6);

        let loss =
            binary_cross_entropy(&logits, &flat(&reference["labels"]), &flat(&reference["row_weights"])).unwrap();
        assert!(distance(&[loss.to_scalar::<f32>().unwrap()], &flat(&reference["loss"])) < 1e-5);
        let gradients = loss.backward().unwrap();
        assert_eq!(variables.len(), 27);
        for (name, variable) in &variables {
            let want = flat(&reference[&format!("gradient.{name}")]);
            let got = flat(gradients.get(variable).unwrap());
            assert!(distance(&got, &want) < 1e-4, "{name}: {got:?} is not {want:?}");
        }
    }

    #[test]
    fn after_one_step_every_variable_has_a_gradient_and_has_moved() {
        let mut config = tiny();
        let Architecture::Bilstm(settings) = &mut config.architecture;
        settings.spatial_dropout = 0.2;
        settings.dense.iter_mut().for_each(|dense| dense.units = 16);
        let (network, variables) = Network::new(&config, 9).unwrap();
        let before: Vec<Vec<f32>> = variables.iter().map(|(_, variable)| flat(variable)).collect();
        let rows: Vec<Vec<u32>> = (0..8).map(|row| (0..6).map(|step| (row * 5 + step * 3) % 11).collect()).collect();
        let labels: Vec<f32> = (0..8).map(|row| (row % 2) as f32).collect();
        let logits = network.train(&rows, &mut ChaCha12Rng::seed_from_u64(4)).unwrap();
        let gradients = binary_cross_entropy(&logits, &labels, &[1.0; 8]).unwrap().backward().unwrap();
        let mut optimizer = AdamW::new(variables.clone(), AdamWSettings::default()).unwrap();
        optimizer.step(&gradients, 0.01).unwrap();
        for ((name, variable), before) in variables.iter().zip(before) {
            let gradient = flat(gradients.get(variable).unwrap());
            assert!(gradient.iter().any(|value| *value != 0.0), "{name}: gradient is zero");
            assert!(distance(&flat(variable), &before) > 1e-3, "{name} has not moved");
        }
    }

    #[test]
    fn dropout_keeps_the_expected_value_and_spatial_dropout_a_whole_feature() {
        let mask = flat(&dropout_mask(&mut ChaCha12Rng::seed_from_u64(1), &[100, 100], 0.2).unwrap());
        let mean = mask.iter().sum::<f32>() / mask.len() as f32;
        assert!((mean - 1.0).abs() < 0.02, "{mean}");
        assert!(mask.iter().all(|value| *value == 0.0 || (*value - 1.25).abs() < 1e-6));
    }

    #[test]
    fn weights_that_do_not_fit_the_configuration_are_refused_by_name() {
        let (_, variables) = Network::new(&tiny(), 0).unwrap();
        let tensors: HashMap<String, Tensor> =
            variables.iter().map(|(name, variable)| (name.clone(), variable.as_detached_tensor())).collect();
        assert!(Network::from_tensors(&tiny(), &tensors).is_ok());
        let mut config = tiny();
        config.vocabulary_size = 12;
        let message = Network::from_tensors(&config, &tensors).unwrap_err().to_string();
        assert_eq!(message, "embedding.weight has shape [11, 4], config.json asks for [12, 4]");
        let mut fewer = tensors.clone();
        fewer.remove("output.bias");
        assert_eq!(Network::from_tensors(&tiny(), &fewer).unwrap_err().to_string(), "no tensor output.bias");
        let mut more = tensors;
        more.insert("extra".to_owned(), Tensor::new(&[1f32], &Device::Cpu).unwrap());
        assert!(Network::from_tensors(&tiny(), &more).is_err());
    }
}

//! A model in training: its weights, its optimiser, and one step of both.
//!
//! On the CPU a step runs over slices (`generation/host/`), on a GPU it is candle's graph of tensors. Either way the
//! weights, their gradients' sum and the optimiser's moments are f32; `Precision::Bf16` rounds the factors of products.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context as _, Result, bail};
use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Storage, Tensor, Var};

use super::data::Batch;
use super::dropout::SeededDropout;
use super::step_settings::{Precision, StepSettings};
use crate::training::muon::{Muon, Weight};
use crate::training::optimizer::{AdamW, Gradient, Gradients, clip_scale};
use pregonero_kernels::product::Factors;
use pregonero_kernels::tiles;
use pregonero_models::generation::gpt2::{Gpt2, Gpt2Config, NoDropout};
use pregonero_models::generation::host::dropout::DropoutSeed;
use pregonero_models::generation::host::{self, HostGpt2, Sequences};

/// The result of a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepOutcome {
    /// Mean cross-entropy in nats of the step's counted tokens, before the step.
    pub loss: f64,
    /// The norm of the gradient before clipping.
    pub gradient_norm: f64,
}

/// Weights and optimiser.
#[derive(Debug)]
pub struct Learner {
    pub(super) config: Gpt2Config,
    pub(super) device: Device,
    pub(super) variables: BTreeMap<String, Var>,
    pub(super) optimizer: AdamW,
    pub(super) muon: Option<Muon>,
    settings: StepSettings,
    form: Form,
}

#[derive(Debug)]
enum Form {
    Host(Box<Host>),
    Device { compute: DType },
}

#[derive(Debug)]
struct Host {
    network: HostGpt2,
    gradients: host::Gradients,
    /// The index of each tensor among the gradients.
    places: HashMap<String, usize>,
}

impl Gradients for Host {
    fn of(&self, name: &str, _variable: &Var) -> Option<Gradient<'_>> {
        self.places.get(name).map(|place| Gradient::Values(&self.gradients.values[*place]))
    }
}

impl Learner {
    /// Creates a learner over `variables`, the tensors of `config` by name, all on `device`.
    ///
    /// # Errors
    /// If the device does not support the precision.
    pub fn new(
        config: Gpt2Config,
        device: Device,
        variables: BTreeMap<String, Var>,
        settings: StepSettings,
    ) -> Result<Self> {
        let form = match (device.is_cpu(), settings.precision) {
            (true, Precision::Bf16) if !tiles::available() => bail!(
                "bf16 on the CPU needs AMX or AVX-512 BF16, and this processor has neither; train with --precision \
                 f32, or on a GPU with --device cuda"
            ),
            (true, precision) => Form::Host(Box::new(Host::new(&config, precision))),
            (false, Precision::F32) => Form::Device { compute: DType::F32 },
            (false, Precision::Bf16) => Form::Device { compute: DType::BF16 },
        };
        let (matrices, parameters): (Vec<_>, Vec<_>) = variables
            .iter()
            .map(|(name, var)| (name.clone(), var.clone()))
            .partition(|(name, _)| settings.muon.is_some() && is_matrix(name));
        let muon = settings.muon.map(|muon| {
            let weights = matrices.into_iter().map(|(name, variable)| {
                // Queries, keys and values are three layers in one tensor.
                let parts = if name.ends_with("attn.c_attn.weight") { 3 } else { 1 };
                Weight { name, variable, parts }
            });
            Muon::new(weights.collect(), muon.settings, factors(settings.precision))
        });
        // As transformers' Trainer: all but biases and layer norms decay.
        let optimizer = AdamW::new(parameters, settings.optimizer)?
            .with_decay(|name| name.ends_with(".weight") && !name.contains("ln_"));
        Ok(Self { config, device, variables, optimizer, muon: muon.transpose()?, settings, form })
    }

    /// Describes the device and the precision in words.
    #[must_use]
    pub fn device_name(&self) -> &'static str {
        match (&self.form, self.settings.precision) {
            (Form::Host(_), Precision::F32) => "CPU, f32",
            (Form::Host(_), Precision::Bf16) => "CPU, bf16 products",
            (Form::Device { .. }, Precision::F32) => "CUDA, f32",
            (Form::Device { .. }, Precision::Bf16) => "CUDA, bf16 products",
        }
    }

    /// Takes one step of the optimiser over the batches of `parts` as if they were one; `number` is the step's number, from
    /// 0, for the dropout. If loss or gradient is not finite, no weight changes and the outcome says so.
    ///
    /// # Errors
    /// If candle fails, or the parts have no token that counts.
    pub fn step(&mut self, parts: &[Batch], number: usize, learning_rate: f64) -> Result<StepOutcome> {
        let counted: usize = parts.iter().map(Batch::predicted).sum();
        if counted == 0 {
            bail!("step {} has no token to predict", number + 1);
        }
        let Self { config, device, variables, optimizer, muon, settings, form } = self;
        let mut optimizers = Optimizers { adamw: optimizer, muon: muon.as_mut(), settings };
        match form {
            Form::Host(host) => {
                let sum = with_slices(config, variables, |weights| {
                    host.gradients.fresh = true;
                    let weight = 1.0 / counted as f32;
                    parts
                        .iter()
                        .enumerate()
                        .map(|(part, batch)| {
                            let seed = DropoutSeed::new(settings.seed, number, part);
                            host.network.differentiate(
                                weights,
                                batch.sequences(),
                                weight,
                                Some(seed),
                                &mut host.gradients,
                            )
                        })
                        .sum::<f64>()
                })?;
                optimizers.update(&**host, sum / counted as f64, learning_rate)
            }
            Form::Device { compute } => {
                let model = model(config, variables, *compute)?;
                let (mut sum, mut total) = (0.0, GradStore::default());
                for (part, batch) in parts.iter().enumerate() {
                    let mut dropout = SeededDropout::new(DropoutSeed::new(settings.seed, number, part), device)?;
                    let loss = model.loss(&batch.tensor(device)?, &batch.targets, &mut dropout)?;
                    let share = batch.predicted() as f64 / counted as f64;
                    let loss = (loss.to_dtype(DType::F32)? * share)?;
                    sum += f64::from(loss.to_scalar::<f32>()?);
                    add_gradients(&mut total, loss.backward()?, variables)?;
                }
                optimizers.update(&total, sum, learning_rate)
            }
        }
    }

    /// Returns the mean cross-entropy in nats over the counted tokens of `batches`, or `None` if there are none.
    ///
    /// # Errors
    /// If candle fails.
    pub fn evaluate(&mut self, batches: &[Batch]) -> Result<Option<f64>> {
        let counted: usize = batches.iter().map(Batch::predicted).sum();
        if counted == 0 {
            return Ok(None);
        }
        let sum = match &mut self.form {
            Form::Host(host) => with_slices(&self.config, &self.variables, |weights| {
                batches.iter().map(|batch| host.network.loss(weights, batch.sequences())).sum::<f64>()
            })?,
            Form::Device { compute } => {
                let model = model(&self.config, &self.variables, *compute)?;
                let mut sum = 0.0;
                for batch in batches {
                    let loss = model.loss(&batch.tensor(&self.device)?, &batch.targets, &mut NoDropout)?;
                    sum += f64::from(loss.to_dtype(DType::F32)?.to_scalar::<f32>()?) * batch.predicted() as f64;
                }
                sum
            }
        };
        Ok(Some(sum / counted as f64))
    }
}

impl Host {
    fn new(config: &Gpt2Config, precision: Precision) -> Self {
        let factors = factors(precision);
        let places = config.tensors().into_iter().enumerate().map(|(place, (name, _))| (name, place)).collect();
        Self { network: HostGpt2::new(config, factors), gradients: host::Gradients::new(config), places }
    }
}

impl Batch {
    fn sequences(&self) -> Sequences<'_> {
        Sequences { ids: &self.ids, targets: &self.targets, length: self.length }
    }

    fn tensor(&self, device: &Device) -> Result<Tensor> {
        Ok(Tensor::from_slice(&self.ids, (self.rows, self.length), device)?)
    }
}

fn factors(precision: Precision) -> Factors {
    match precision {
        Precision::F32 => Factors::F32,
        Precision::Bf16 => Factors::Bf16,
    }
}

/// Returns whether a tensor is a matrix between two layers: Muon is made for those, not for embeddings and the head.
fn is_matrix(name: &str) -> bool {
    name.starts_with("h.") && name.ends_with(".weight") && !name.contains("ln_")
}

/// What updates the weights, each its own.
struct Optimizers<'a> {
    adamw: &'a mut AdamW,
    muon: Option<&'a mut Muon>,
    settings: &'a StepSettings,
}

impl Optimizers<'_> {
    /// Clips the gradients and updates the weights, unless loss or gradient is not a number.
    fn update(&mut self, gradients: &impl Gradients, loss: f64, learning_rate: f64) -> Result<StepOutcome> {
        let mut gradient_norm = self.adamw.gradient_norm(gradients)?;
        if let Some(muon) = &self.muon {
            gradient_norm = (gradient_norm.powi(2) + muon.squared_gradient_norm(gradients)?).sqrt();
        }
        if loss.is_finite() && gradient_norm.is_finite() {
            let scale = clip_scale(gradient_norm, self.settings.clip);
            self.adamw.step_scaled(gradients, learning_rate, scale)?;
            if let (Some(muon), Some(step)) = (&mut self.muon, self.settings.muon) {
                muon.step_scaled(gradients, learning_rate * step.rate, scale)?;
            }
        }
        Ok(StepOutcome { loss, gradient_norm })
    }
}

fn model(config: &Gpt2Config, variables: &BTreeMap<String, Var>, compute: DType) -> Result<Gpt2> {
    let tensor = |name: &str| variables.get(name).with_context(|| format!("no tensor {name}"));
    Ok(Gpt2::new(config, |name, _| Ok(tensor(name)?.as_tensor().clone()))?.with_compute(compute))
}

fn add_gradients(total: &mut GradStore, mut part: GradStore, variables: &BTreeMap<String, Var>) -> Result<()> {
    for variable in variables.values() {
        let Some(gradient) = part.remove(variable) else { continue };
        let sum = match total.remove(variable) {
            Some(before) => (before + gradient)?,
            None => gradient,
        };
        total.insert(variable, sum);
    }
    Ok(())
}

/// Runs `work` on the values of all tensors, in the order of [`Gpt2Config::tensors`].
fn with_slices<R>(
    config: &Gpt2Config,
    variables: &BTreeMap<String, Var>,
    work: impl FnOnce(&host::Weights<'_>) -> R,
) -> Result<R> {
    let tensors = config.tensors();
    let storages = tensors
        .iter()
        .map(|(name, _)| Ok(variables.get(name).with_context(|| format!("no tensor {name}"))?.storage_and_layout()))
        .collect::<Result<Vec<_>>>()?;
    let slices = storages
        .iter()
        .map(|(storage, layout)| {
            let (start, end) = layout.contiguous_offsets().context("a weight is not contiguous")?;
            let Storage::Cpu(storage) = &**storage else { bail!("a weight is not on the CPU") };
            Ok(&storage.as_slice::<f32>()?[start..end])
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(work(&slices))
}

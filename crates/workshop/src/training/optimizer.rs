//! AdamW with named state: what a training needs to go on exactly where it stopped.
//!
//! The arithmetic is that of `torch.optim.AdamW` (decoupled weight decay, bias correction), which with a weight decay
//! of 0 is also Adam's. candle's own optimiser hides its moments, decays every weight alike and clips nothing. On the
//! CPU a step works in place over all cores; on another device it is a handful of tensor operations. The result does
//! not depend on the number of threads: sums run over chunks of fixed size, added in order.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, DType, Device, InplaceOp1, Layout, Storage, Tensor, Var};
use rayon::prelude::*;

use pregonero_kernels::wide;

/// The number of values that one task works on: large enough to pay for the task, small enough to spread an embedding.
const CHUNK: usize = 16 * 1024;

/// The name under which the number of steps is saved, along with the moments.
const STEP_NAME: &str = "optimizer.step";

/// The constants of [`AdamW`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamWSettings {
    /// Decay of the running mean of gradients.
    pub beta1: f64,
    /// Decay of the running mean of squared gradients.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// Share of a weight that decays per step and unit of learning rate; 0 = plain Adam.
    pub weight_decay: f64,
}

impl Default for AdamWSettings {
    /// Returns PyTorch's default values, but without weight decay.
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 }
    }
}

/// The running means of one parameter, in f32.
#[derive(Debug)]
enum Moments {
    /// On the CPU: plain numbers, updated in place.
    Host { first: Vec<f32>, second: Vec<f32> },
    /// Elsewhere: tensors on the parameter's device.
    Device { first: Tensor, second: Tensor },
}

#[derive(Debug)]
struct Parameter {
    name: String,
    variable: Var,
    decays: bool,
    moments: Moments,
}

/// AdamW (Loshchilov and Hutter, 2019) over named f32 variables.
#[derive(Debug)]
pub struct AdamW {
    parameters: Vec<Parameter>,
    settings: AdamWSettings,
    steps: u64,
}

/// The gradient of one parameter.
#[derive(Debug)]
pub enum Gradient<'a> {
    Tensor(&'a Tensor),
    /// Row-major, of a parameter on the CPU.
    Values(&'a [f32]),
}

/// A source of the gradients of an optimiser's parameters.
pub trait Gradients {
    /// Returns the gradient of the parameter `name`, if it has one.
    fn of(&self, name: &str, variable: &Var) -> Option<Gradient<'_>>;
}

impl Gradients for GradStore {
    fn of(&self, _name: &str, variable: &Var) -> Option<Gradient<'_>> {
        self.get(variable.as_tensor()).map(Gradient::Tensor)
    }
}

/// The numbers of one step, which are the same for every value of a parameter.
#[derive(Debug, Clone, Copy)]
struct StepNumbers {
    beta1: f32,
    beta2: f32,
    epsilon: f32,
    /// The share of a weight that is left after decay.
    kept: f32,
    /// Learning rate over the first moment's bias correction.
    rate: f32,
    /// One over the root of the second moment's bias correction.
    second_scale: f32,
    /// The factor by which gradients are multiplied first.
    gradient_scale: f32,
}

impl AdamW {
    /// Creates an optimiser at step 0 over `parameters`, with the names under which they are saved. Every parameter decays until
    /// [`AdamW::with_decay`] says otherwise.
    ///
    /// # Errors
    /// If a parameter is not f32, or two have the same name.
    pub fn new(parameters: Vec<(String, Var)>, settings: AdamWSettings) -> Result<Self> {
        let mut seen = std::collections::HashSet::new();
        for (name, variable) in &parameters {
            ensure!(variable.dtype() == DType::F32, "parameter {name}: must be f32, is {:?}", variable.dtype());
            ensure!(seen.insert(name.clone()), "parameter {name}: named twice");
        }
        let parameters = parameters
            .into_iter()
            .map(|(name, variable)| Ok(Parameter { moments: Moments::zeros(&variable)?, name, variable, decays: true }))
            .collect::<Result<_>>()?;
        Ok(Self { parameters, settings, steps: 0 })
    }

    /// Restricts decay to the parameters for whose name `decays` returns true; biases and norms usually do not decay.
    #[must_use]
    pub fn with_decay(mut self, decays: impl Fn(&str) -> bool) -> Self {
        for parameter in &mut self.parameters {
            parameter.decays = decays(&parameter.name);
        }
        self
    }

    /// Returns how many steps have been taken.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Updates every parameter that has a gradient; others keep their values and moments, as in PyTorch.
    ///
    /// # Errors
    /// If a gradient does not have its parameter's shape or candle fails.
    pub fn step(&mut self, gradients: &impl Gradients, learning_rate: f64) -> Result<()> {
        self.step_scaled(gradients, learning_rate, 1.0)
    }

    /// Does the same as [`AdamW::step`], with every gradient multiplied by `scale`.
    ///
    /// # Errors
    /// Same as [`AdamW::step`].
    pub fn step_scaled(&mut self, gradients: &impl Gradients, learning_rate: f64, scale: f64) -> Result<()> {
        self.steps += 1;
        let decaying = StepNumbers {
            gradient_scale: scale as f32,
            ..step_numbers(&self.settings, self.steps, learning_rate, self.settings.weight_decay)
        };
        let undecaying = StepNumbers { kept: 1.0, ..decaying };
        for parameter in &mut self.parameters {
            let Some(gradient) = gradients.of(&parameter.name, &parameter.variable) else { continue };
            let numbers = if parameter.decays { decaying } else { undecaying };
            parameter.update(&gradient, numbers).with_context(|| format!("parameter {}", parameter.name))?;
        }
        Ok(())
    }

    /// Returns the Euclidean norm of all gradients together, which is not finite if one of them is not.
    ///
    /// # Errors
    /// If candle fails.
    pub fn gradient_norm(&self, gradients: &impl Gradients) -> Result<f64> {
        let mut squares = 0.0;
        for parameter in &self.parameters {
            if let Some(gradient) = gradients.of(&parameter.name, &parameter.variable) {
                squares += sum_of_squares(&gradient)?;
            }
        }
        Ok(squares.sqrt())
    }

    /// Scales all gradients together so that their norm is at most `maximum`, as `torch.nn.utils.clip_grad_norm_`, and
    /// returns the norm they had. If the norm is not finite, it is returned and nothing is scaled: the caller must check.
    ///
    /// # Errors
    /// If candle fails.
    pub fn clip_global_norm(&self, gradients: &mut GradStore, maximum: f64) -> Result<f64> {
        let norm = self.gradient_norm(gradients)?;
        let scale = clip_scale(norm, maximum);
        if scale == 1.0 {
            return Ok(norm);
        }
        for parameter in &self.parameters {
            let tensor = parameter.variable.as_tensor();
            if let Some(gradient) = gradients.remove(tensor) {
                gradients.insert(tensor, gradient.affine(scale, 0.0)?);
            }
        }
        Ok(norm)
    }

    /// Writes moments and step count as safetensors: `NAME.first_moment`, `NAME.second_moment`, `optimizer.step`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let steps = i64::try_from(self.steps).context("too many steps")?;
        let mut tensors = HashMap::from([(STEP_NAME.to_owned(), Tensor::new(&[steps], &Device::Cpu)?)]);
        for parameter in &self.parameters {
            let (first, second) = parameter.moment_tensors()?;
            tensors.insert(format!("{}.first_moment", parameter.name), first);
            tensors.insert(format!("{}.second_moment", parameter.name), second);
        }
        candle_core::safetensors::save(&tensors, path).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Takes moments and step count from a file written by [`AdamW::save`] over the same parameters.
    ///
    /// # Errors
    /// If the file cannot be read, or a parameter's moments are missing from it or have another shape. Then nothing is
    /// changed.
    pub fn load(&mut self, path: &Path) -> Result<()> {
        let tensors = candle_core::safetensors::load(path, &Device::Cpu)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let take = |name: &str| tensors.get(name).with_context(|| format!("{}: no tensor {name}", path.display()));
        let steps = take(STEP_NAME)?.to_vec1::<i64>()?;
        let steps = steps.first().and_then(|&steps| u64::try_from(steps).ok());
        let steps = steps.with_context(|| format!("{}: {STEP_NAME} is not a number of steps", path.display()))?;
        let mut loaded = Vec::with_capacity(self.parameters.len());
        for parameter in &self.parameters {
            let first = take(&format!("{}.first_moment", parameter.name))?;
            let second = take(&format!("{}.second_moment", parameter.name))?;
            loaded.push(
                parameter
                    .moments_from(first, second)
                    .with_context(|| format!("{}: parameter {}", path.display(), parameter.name))?,
            );
        }
        for (parameter, moments) in self.parameters.iter_mut().zip(loaded) {
            parameter.moments = moments;
        }
        self.steps = steps;
        Ok(())
    }
}

/// Returns the numbers of step `step`, counted from 1.
fn step_numbers(settings: &AdamWSettings, step: u64, learning_rate: f64, weight_decay: f64) -> StepNumbers {
    let power = i32::try_from(step).unwrap_or(i32::MAX);
    let first_correction = 1.0 - settings.beta1.powi(power);
    let second_correction = 1.0 - settings.beta2.powi(power);
    StepNumbers {
        beta1: settings.beta1 as f32,
        beta2: settings.beta2 as f32,
        epsilon: settings.epsilon as f32,
        kept: (1.0 - learning_rate * weight_decay) as f32,
        rate: (learning_rate / first_correction) as f32,
        second_scale: (1.0 / second_correction.sqrt()) as f32,
        gradient_scale: 1.0,
    }
}

/// Returns the factor that scales gradients of norm `norm` so that it is at most `maximum`, as
/// `torch.nn.utils.clip_grad_norm_` does; 1 if the norm is not finite: the caller must check.
#[must_use]
pub fn clip_scale(norm: f64, maximum: f64) -> f64 {
    if norm.is_finite() { (maximum / (norm + 1e-6)).min(1.0) } else { 1.0 }
}

impl Moments {
    fn zeros(variable: &Var) -> Result<Self> {
        if variable.device().is_cpu() {
            let count = variable.elem_count();
            return Ok(Self::Host { first: vec![0.0; count], second: vec![0.0; count] });
        }
        let zeros = variable.as_detached_tensor().zeros_like()?;
        Ok(Self::Device { first: zeros.clone(), second: zeros })
    }
}

impl Parameter {
    fn update(&mut self, gradient: &Gradient<'_>, numbers: StepNumbers) -> Result<()> {
        let variable = self.variable.as_detached_tensor();
        match (&mut self.moments, gradient) {
            (Moments::Host { first, second }, gradient) => {
                check_shape(&variable, gradient)?;
                with_values(gradient, |gradient| {
                    let moments = RefCell::new((first.as_mut_slice(), second.as_mut_slice()));
                    Ok(variable.inplace_op1(&HostUpdate { gradient, moments, numbers })?)
                })
            }
            (Moments::Device { first, second }, Gradient::Tensor(tensor)) => {
                check_shape(&variable, gradient)?;
                let gradient = tensor.to_dtype(DType::F32)?.affine(f64::from(numbers.gradient_scale), 0.0)?.detach();
                let (beta1, beta2) = (f64::from(numbers.beta1), f64::from(numbers.beta2));
                *first = ((&*first * beta1)? + (&gradient * (1.0 - beta1))?)?;
                *second = ((&*second * beta2)? + (gradient.sqr()? * (1.0 - beta2))?)?;
                let denominator = second.sqrt()?.affine(f64::from(numbers.second_scale), f64::from(numbers.epsilon))?;
                let change = (first.div(&denominator)? * f64::from(numbers.rate))?;
                self.variable.set(&((variable * f64::from(numbers.kept))? - change)?)?;
                Ok(())
            }
            (Moments::Device { .. }, Gradient::Values(_)) => bail!("its gradient is not on its device"),
        }
    }

    /// Returns both moments as tensors of the parameter's shape on the CPU.
    fn moment_tensors(&self) -> Result<(Tensor, Tensor)> {
        let shape = self.variable.shape();
        Ok(match &self.moments {
            Moments::Host { first, second } => (
                Tensor::from_slice(first, shape.clone(), &Device::Cpu)?,
                Tensor::from_slice(second, shape.clone(), &Device::Cpu)?,
            ),
            Moments::Device { first, second } => (first.to_device(&Device::Cpu)?, second.to_device(&Device::Cpu)?),
        })
    }

    fn moments_from(&self, first: &Tensor, second: &Tensor) -> Result<Moments> {
        for moment in [first, second] {
            if moment.dims() != self.variable.dims() {
                bail!("saved moments have shape {:?}, not {:?}", moment.dims(), self.variable.dims());
            }
        }
        Ok(match self.moments {
            Moments::Host { .. } => {
                Moments::Host { first: first.flatten_all()?.to_vec1()?, second: second.flatten_all()?.to_vec1()? }
            }
            Moments::Device { .. } => Moments::Device {
                first: first.to_device(self.variable.device())?,
                second: second.to_device(self.variable.device())?,
            },
        })
    }
}

pub(super) fn check_shape(variable: &Tensor, gradient: &Gradient<'_>) -> Result<()> {
    match gradient {
        Gradient::Tensor(tensor) => {
            ensure!(
                tensor.dims() == variable.dims(),
                "its gradient has shape {:?}, not {:?}",
                tensor.dims(),
                variable.dims()
            );
        }
        Gradient::Values(values) => {
            ensure!(
                values.len() == variable.elem_count(),
                "its gradient has {} values, not {}",
                values.len(),
                variable.elem_count()
            );
        }
    }
    Ok(())
}

/// Runs `work` on the values of a gradient on the CPU.
pub(super) fn with_values<R>(gradient: &Gradient<'_>, work: impl FnOnce(&[f32]) -> Result<R>) -> Result<R> {
    let tensor = match gradient {
        Gradient::Values(values) => return work(values),
        Gradient::Tensor(tensor) => tensor.to_dtype(DType::F32)?.contiguous()?,
    };
    let (storage, layout) = tensor.storage_and_layout();
    let Storage::Cpu(storage) = &*storage else { bail!("its gradient is not on the CPU") };
    let (start, end) = contiguous_range(layout)?;
    work(&storage.as_slice::<f32>()?[start..end])
}

/// Runs `edit` on the values of a variable on the CPU.
pub(super) fn edit_values(variable: &Tensor, edit: &(dyn Fn(&mut [f32]) + Sync)) -> Result<()> {
    Ok(variable.inplace_op1(&Edit(edit))?)
}

struct Edit<'a>(&'a (dyn Fn(&mut [f32]) + Sync));

impl InplaceOp1 for Edit<'_> {
    fn name(&self) -> &'static str {
        "edit-values"
    }

    fn cpu_fwd(&self, values: &mut CpuStorage, layout: &Layout) -> candle_core::Result<()> {
        let (start, end) = contiguous_range(layout)?;
        let CpuStorage::F32(values) = values else { candle_core::bail!("edit-values: not f32") };
        (self.0)(&mut values[start..end]);
        Ok(())
    }
}

/// The step on the CPU: parameter, gradient and both moments in one pass.
struct HostUpdate<'a> {
    gradient: &'a [f32],
    moments: RefCell<(&'a mut [f32], &'a mut [f32])>,
    numbers: StepNumbers,
}

impl InplaceOp1 for HostUpdate<'_> {
    fn name(&self) -> &'static str {
        "adamw-step"
    }

    fn cpu_fwd(&self, parameter: &mut CpuStorage, layout: &Layout) -> candle_core::Result<()> {
        let (start, end) = contiguous_range(layout)?;
        let CpuStorage::F32(parameter) = parameter else { candle_core::bail!("adamw-step: parameter is not f32") };
        let mut moments = self.moments.borrow_mut();
        let (first, second) = &mut *moments;
        let numbers = self.numbers;
        parameter[start..end]
            .par_chunks_mut(CHUNK)
            .zip(self.gradient.par_chunks(CHUNK))
            .zip(first.par_chunks_mut(CHUNK).zip(second.par_chunks_mut(CHUNK)))
            .for_each(|((weights, gradients), (first, second))| {
                wide(|| update_chunk(weights, gradients, first, second, numbers));
            });
        Ok(())
    }
}

#[inline(always)]
fn update_chunk(weights: &mut [f32], gradients: &[f32], first: &mut [f32], second: &mut [f32], numbers: StepNumbers) {
    let moments = first.iter_mut().zip(second.iter_mut());
    for ((weight, &gradient), (first, second)) in weights.iter_mut().zip(gradients).zip(moments) {
        let gradient = gradient * numbers.gradient_scale;
        *first = numbers.beta1 * *first + (1.0 - numbers.beta1) * gradient;
        *second = numbers.beta2 * *second + (1.0 - numbers.beta2) * gradient * gradient;
        let denominator = second.sqrt() * numbers.second_scale + numbers.epsilon;
        *weight = *weight * numbers.kept - numbers.rate * *first / denominator;
    }
}

fn contiguous_range(layout: &Layout) -> candle_core::Result<(usize, usize)> {
    layout
        .contiguous_offsets()
        .ok_or_else(|| candle_core::Error::Msg("adamw-step: tensor is not contiguous".to_owned()))
}

pub(super) fn sum_of_squares(gradient: &Gradient<'_>) -> Result<f64> {
    if let Gradient::Tensor(tensor) = gradient
        && !tensor.device().is_cpu()
    {
        return Ok(f64::from(tensor.to_dtype(DType::F32)?.sqr()?.sum_all()?.to_scalar::<f32>()?));
    }
    with_values(gradient, |values| {
        let chunks: Vec<f64> = values.par_chunks(CHUNK).map(|chunk| wide(|| chunk_of_squares(chunk))).collect();
        Ok(chunks.iter().sum())
    })
}

#[inline(always)]
fn chunk_of_squares(values: &[f32]) -> f64 {
    let mut lanes = [0.0_f64; 16];
    let (chunks, rest) = values.as_chunks::<16>();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += f64::from(*value) * f64::from(*value);
        }
    }
    lanes.iter().sum::<f64>() + rest.iter().map(|value| f64::from(*value) * f64::from(*value)).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a store with exactly `gradients`, made by differentiating their dot product with the variables.
    fn store(pairs: &[(&Var, &[f32])]) -> GradStore {
        let mut total: Option<Tensor> = None;
        for (variable, gradient) in pairs {
            let gradient = Tensor::from_slice(gradient, variable.shape().clone(), &Device::Cpu).unwrap();
            let dot = (variable.as_tensor() * gradient).unwrap().sum_all().unwrap();
            total = Some(match total {
                Some(sum) => (sum + dot).unwrap(),
                None => dot,
            });
        }
        total.unwrap().backward().unwrap()
    }

    fn values(variable: &Var) -> Vec<f32> {
        variable.flatten_all().unwrap().to_vec1().unwrap()
    }

    fn assert_close(got: &[f32], want: &[f32], tolerance: f32) {
        assert_eq!(got.len(), want.len());
        for (got, want) in got.iter().zip(want) {
            assert!((got - want).abs() <= tolerance, "{got} is not {want}");
        }
    }

    const GRADIENTS: [([f32; 6], [f32; 3]); 3] = [
        (
            [-0.956_833_4, 1.501_187_9, -0.313_573_7, -0.234_284_4, -1.071_309_2, 0.164_798_4],
            [0.115_654_5, 0.383_406_5, -0.123_415_9],
        ),
        (
            [0.892_881_5, -0.489_056_1, -1.447_021, 1.194_069_5, 0.546_240_9, -2.075_015_3],
            [-0.969_113_2, -2.135_431_5, -1.043_093_1],
        ),
        (
            [-1.707_342_5, 1.389_576_1, 0.172_807_2, -0.983_504, -1.093_710_2, 0.131_824_4],
            [0.194_278_2, -0.338_993_4, 1.659_406_1],
        ),
    ];

    fn two_parameters() -> (Var, Var, AdamW) {
        let weight = [[0.737_629_5f32, 1.945_929_2, -0.699_541_6], [-1.302_297_4, -0.513_262_2, -0.269_619_6]];
        let weight = Var::new(&weight, &Device::Cpu).unwrap();
        let bias = Var::new(&[0.246_184_7f32, 0.483_925_3, 0.450_417_8], &Device::Cpu).unwrap();
        let settings = AdamWSettings { beta1: 0.9, beta2: 0.95, epsilon: 1e-6, weight_decay: 0.1 };
        let parameters = vec![("dense.weight".to_owned(), weight.clone()), ("dense.bias".to_owned(), bias.clone())];
        let optimizer = AdamW::new(parameters, settings).unwrap().with_decay(|name| !name.ends_with("bias"));
        (weight, bias, optimizer)
    }

    // import torch
    // g = torch.Generator().manual_seed(11)
    // w = torch.randn(2, 3, generator=g).requires_grad_(); b = torch.randn(3, generator=g).requires_grad_()
    // o = torch.optim.AdamW([{"params": [w], "weight_decay": 0.1}, {"params": [b], "weight_decay": 0.0}],
    //                       lr=0.01, betas=(0.9, 0.95), eps=1e-6)
    // for _ in range(3):
    //     w.grad = torch.randn(2, 3, generator=g); b.grad = torch.randn(3, generator=g); o.step()
    #[test]
    fn three_steps_on_random_gradients_are_those_of_pytorch() {
        let (weight, bias, mut optimizer) = two_parameters();
        for (weight_gradient, bias_gradient) in &GRADIENTS {
            optimizer.step(&store(&[(&weight, weight_gradient), (&bias, bias_gradient)]), 0.01).unwrap();
        }
        let want = [0.750_151_2, 1.919_423_5, -0.672_941_3, -1.293_953_3, -0.493_364_2, -0.267_082_3];
        assert_close(&values(&weight), &want, 1e-6);
        assert_close(&values(&bias), &[0.246_452_5, 0.485_674_9, 0.466_512_4], 1e-6);
    }

    #[test]
    fn a_saved_optimiser_goes_on_bit_for_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("optimizer.safetensors");
        let (weight, bias, mut optimizer) = two_parameters();
        let gradients = |index: usize| store(&[(&weight, &GRADIENTS[index].0), (&bias, &GRADIENTS[index].1)]);
        optimizer.step(&gradients(0), 0.01).unwrap();
        optimizer.step(&gradients(1), 0.01).unwrap();
        optimizer.save(&path).unwrap();
        let before = [values(&weight), values(&bias)];
        optimizer.step(&gradients(2), 0.01).unwrap();

        let (resumed_weight, resumed_bias, mut resumed) = two_parameters();
        resumed_weight.set(&Tensor::from_slice(&before[0], (2, 3), &Device::Cpu).unwrap()).unwrap();
        resumed_bias.set(&Tensor::from_slice(&before[1], 3, &Device::Cpu).unwrap()).unwrap();
        resumed.load(&path).unwrap();
        assert_eq!(resumed.steps(), 2);
        let last = store(&[(&resumed_weight, &GRADIENTS[2].0), (&resumed_bias, &GRADIENTS[2].1)]);
        resumed.step(&last, 0.01).unwrap();
        assert_eq!(values(&resumed_weight), values(&weight));
        assert_eq!(values(&resumed_bias), values(&bias));
    }

    // p = [torch.tensor([3., 4.]), torch.tensor([1.])] with gradients [3, 4] and [12]:
    // torch.nn.utils.clip_grad_norm_(p, 1.0) -> 13, gradients [0.2308, 0.3077], [0.9231]
    #[test]
    fn clipping_scales_all_gradients_by_their_common_norm() {
        let first = Var::new(&[3f32, 4.0], &Device::Cpu).unwrap();
        let second = Var::new(&[1f32], &Device::Cpu).unwrap();
        let parameters = vec![("first".to_owned(), first.clone()), ("second".to_owned(), second.clone())];
        let optimizer = AdamW::new(parameters, AdamWSettings::default()).unwrap();
        let mut gradients = store(&[(&first, &[3.0, 4.0]), (&second, &[12.0])]);
        let norm = optimizer.clip_global_norm(&mut gradients, 1.0).unwrap();
        assert!((norm - 13.0).abs() < 1e-9);
        let clipped: Vec<f32> = gradients.get(first.as_tensor()).unwrap().to_vec1().unwrap();
        assert_close(&clipped, &[0.230_769, 0.307_692], 1e-5);
        assert_close(&gradients.get(second.as_tensor()).unwrap().to_vec1::<f32>().unwrap(), &[0.923_077], 1e-5);
        let norm = optimizer.clip_global_norm(&mut gradients, 5.0).unwrap();
        assert!((norm - 1.0).abs() < 1e-5, "gradients within the bound were scaled");
    }

    #[test]
    fn a_parameter_without_a_gradient_stays_and_a_foreign_state_is_refused() {
        let (weight, bias, mut optimizer) = two_parameters();
        let before = values(&bias);
        optimizer.step(&store(&[(&weight, &GRADIENTS[0].0)]), 0.01).unwrap();
        assert_eq!(values(&bias), before);

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("optimizer.safetensors");
        optimizer.save(&path).unwrap();
        let other = Var::new(&[1f32, 2.0], &Device::Cpu).unwrap();
        let mut foreign = AdamW::new(vec![("dense.bias".to_owned(), other)], AdamWSettings::default()).unwrap();
        let message = format!("{:#}", foreign.load(&path).unwrap_err());
        assert!(message.contains("dense.bias") && message.contains("[3], not [2]"), "{message}");
    }
}

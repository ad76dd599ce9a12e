//! Muon: momentum whose direction is made orthogonal, for the matrices of a network (Keller Jordan et al. 2024,
//! <https://kellerjordan.github.io/posts/muon/>).
//!
//! The arithmetic is that of the reference and of `torch.optim.Muon`: Nesterov momentum, five Newton-Schulz steps, the
//! update scaled by the root of outputs over inputs if that is above 1, decoupled weight decay. Everything that is not
//! a matrix between two layers (embeddings, head, norms, biases) belongs to [`super::optimizer::AdamW`].

use std::collections::HashMap;

use anyhow::{Context as _, Result, bail, ensure};
use candle_core::{D, DType, Device, Tensor, Var};
use rayon::prelude::*;

use super::optimizer::{Gradient, Gradients, check_shape, edit_values, sum_of_squares, with_values};
use pregonero_kernels::matrix::{Matrix, Start};
use pregonero_kernels::product::{Factors, multiply};
use pregonero_kernels::wide;

/// The coefficients of a Newton-Schulz step: `X <- aX + (bA + cA²)X` with `A = XXᵀ`.
const COEFFICIENTS: [f32; 3] = [3.4445, -4.775, 2.0315];
/// Newton-Schulz steps per update.
const ITERATIONS: usize = 5;
/// Added to the norm that an update is divided by first.
const EPSILON: f32 = 1e-7;
/// The number of values that one task works on.
const CHUNK: usize = 16 * 1024;

/// The constants of [`Muon`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MuonSettings {
    /// Decay of the running mean of gradients.
    pub momentum: f64,
    /// Share of a weight that decays per step and unit of learning rate.
    pub weight_decay: f64,
}

impl Default for MuonSettings {
    /// Returns the reference's momentum, without weight decay.
    fn default() -> Self {
        Self { momentum: 0.95, weight_decay: 0.0 }
    }
}

/// A weight `[inputs, outputs]`, or several side by side that are orthogonalised one by one.
#[derive(Debug, Clone)]
pub struct Weight {
    pub name: String,
    pub variable: Var,
    /// How many matrices of equal size the columns are divided into.
    pub parts: usize,
}

#[derive(Debug)]
enum Momentum {
    /// On the CPU: plain numbers, updated in place.
    Host(Vec<f32>),
    /// Elsewhere: a tensor on the weight's device.
    Device(Tensor),
}

/// Muon over named f32 matrices.
#[derive(Debug)]
pub struct Muon {
    weights: Vec<(Weight, Momentum)>,
    settings: MuonSettings,
    factors: Factors,
}

/// The numbers of one step.
#[derive(Debug, Clone, Copy)]
struct StepNumbers {
    momentum: f32,
    learning_rate: f32,
    /// The share of a weight that is left after decay.
    kept: f32,
    /// The factor by which gradients are multiplied first.
    gradient_scale: f32,
}

impl Muon {
    /// Creates an optimiser whose momentum is 0; `factors` says how the factors of Newton-Schulz products are rounded.
    ///
    /// # Errors
    /// If a weight is not a matrix in f32, or its columns cannot be divided into its parts.
    pub fn new(weights: Vec<Weight>, settings: MuonSettings, factors: Factors) -> Result<Self> {
        let weights = weights
            .into_iter()
            .map(|weight| {
                let Weight { name, variable, parts } = &weight;
                ensure!(variable.dtype() == DType::F32, "parameter {name}: must be f32, is {:?}", variable.dtype());
                let divides = variable.dims().len() == 2 && *parts > 0 && variable.dims()[1].is_multiple_of(*parts);
                ensure!(divides, "parameter {name}: {:?} is not {parts} matrices side by side", variable.dims());
                let momentum = if variable.device().is_cpu() {
                    Momentum::Host(vec![0.0; variable.elem_count()])
                } else {
                    Momentum::Device(variable.as_detached_tensor().zeros_like()?)
                };
                Ok((weight, momentum))
            })
            .collect::<Result<_>>()?;
        Ok(Self { weights, settings, factors })
    }

    /// Updates every weight that has a gradient, which is multiplied by `scale` first.
    ///
    /// # Errors
    /// If a gradient does not have its weight's shape, or candle fails.
    pub fn step_scaled(&mut self, gradients: &impl Gradients, learning_rate: f64, scale: f64) -> Result<()> {
        let numbers = StepNumbers {
            momentum: self.settings.momentum as f32,
            learning_rate: learning_rate as f32,
            kept: (1.0 - learning_rate * self.settings.weight_decay) as f32,
            gradient_scale: scale as f32,
        };
        for (weight, momentum) in &mut self.weights {
            let Some(gradient) = gradients.of(&weight.name, &weight.variable) else { continue };
            weight
                .update(momentum, &gradient, numbers, self.factors)
                .with_context(|| format!("parameter {}", weight.name))?;
        }
        Ok(())
    }

    /// Returns the sum of the squares of all gradients.
    ///
    /// # Errors
    /// If candle fails.
    pub fn squared_gradient_norm(&self, gradients: &impl Gradients) -> Result<f64> {
        let mut squares = 0.0;
        for (weight, _) in &self.weights {
            if let Some(gradient) = gradients.of(&weight.name, &weight.variable) {
                squares += sum_of_squares(&gradient)?;
            }
        }
        Ok(squares)
    }

    /// Returns the momentum of every weight, by the weight's name, on the CPU.
    ///
    /// # Errors
    /// If candle fails.
    pub fn state(&self) -> Result<HashMap<String, Tensor>> {
        let tensor = |weight: &Weight, momentum: &Momentum| match momentum {
            Momentum::Host(values) => Tensor::from_slice(values, weight.variable.shape().clone(), &Device::Cpu),
            Momentum::Device(tensor) => tensor.to_device(&Device::Cpu),
        };
        self.weights
            .iter()
            .map(|(weight, momentum)| Ok((format!("{}.momentum", weight.name), tensor(weight, momentum)?)))
            .collect()
    }

    /// Takes the momentum of every weight from what [`Muon::state`] returned.
    ///
    /// # Errors
    /// If a weight's momentum is missing or has another shape. Then nothing is changed.
    pub fn restore(&mut self, state: &HashMap<String, Tensor>) -> Result<()> {
        let mut restored = Vec::with_capacity(self.weights.len());
        for (weight, momentum) in &self.weights {
            let name = format!("{}.momentum", weight.name);
            let saved = state.get(&name).with_context(|| format!("no tensor {name}"))?;
            let (got, want) = (saved.dims(), weight.variable.dims());
            ensure!(got == want, "{name} has shape {got:?}, not {want:?}");
            restored.push(match momentum {
                Momentum::Host(_) => Momentum::Host(saved.flatten_all()?.to_vec1()?),
                Momentum::Device(_) => Momentum::Device(saved.to_device(weight.variable.device())?),
            });
        }
        for ((_, momentum), restored) in self.weights.iter_mut().zip(restored) {
            *momentum = restored;
        }
        Ok(())
    }
}

/// Returns the factor of an orthogonal update of `inputs` x `outputs`: an update of each output has length 1 then, however
/// many outputs there are.
fn update_scale(inputs: usize, outputs: usize) -> f32 {
    (outputs as f32 / inputs as f32).max(1.0).sqrt()
}

impl Weight {
    fn sizes(&self) -> Result<(usize, usize)> {
        Ok(self.variable.dims2()?)
    }

    fn update(
        &self,
        momentum: &mut Momentum,
        gradient: &Gradient<'_>,
        numbers: StepNumbers,
        factors: Factors,
    ) -> Result<()> {
        let variable = self.variable.as_detached_tensor();
        check_shape(&variable, gradient)?;
        match (momentum, gradient) {
            (Momentum::Host(momentum), gradient) => {
                let update = with_values(gradient, |gradient| Ok(nesterov(momentum, gradient, numbers)))?;
                let directions = self.directions(&update, factors)?;
                let (kept, rate) = (numbers.kept, numbers.learning_rate);
                edit_values(&variable, &|weights| {
                    weights.par_chunks_mut(CHUNK).zip(directions.par_chunks(CHUNK)).for_each(
                        |(weights, directions)| {
                            wide(|| {
                                let values = weights.iter_mut().zip(directions);
                                values.for_each(|(weight, direction)| *weight = *weight * kept - rate * direction);
                            });
                        },
                    );
                })
            }
            (Momentum::Device(momentum), Gradient::Tensor(tensor)) => {
                let (beta, scale) = (f64::from(numbers.momentum), f64::from(numbers.gradient_scale));
                let gradient = tensor.to_dtype(DType::F32)?.affine(scale, 0.0)?.detach();
                *momentum = ((&*momentum * beta)? + (&gradient * (1.0 - beta))?)?;
                let update = ((gradient * (1.0 - beta))? + (&*momentum * beta)?)?;
                let (inputs, outputs) = self.sizes()?;
                let parts = update.chunk(self.parts, D::Minus1)?;
                let parts = parts.iter().map(orthogonal_tensor).collect::<Result<Vec<_>>>()?;
                let scale = f64::from(update_scale(inputs, outputs / self.parts) * numbers.learning_rate);
                let change = (Tensor::cat(&parts, D::Minus1)? * scale)?;
                self.variable.set(&((variable * f64::from(numbers.kept))? - change)?)?;
                Ok(())
            }
            (Momentum::Device(_), Gradient::Values(_)) => bail!("its gradient is not on its device"),
        }
    }

    /// Returns the update with each part made orthogonal and scaled.
    fn directions(&self, update: &[f32], factors: Factors) -> Result<Vec<f32>> {
        let (inputs, outputs) = self.sizes()?;
        let columns = outputs / self.parts;
        let scale = update_scale(inputs, columns);
        let mut directions = vec![0.0; update.len()];
        for part in 0..self.parts {
            let rows = update.chunks_exact(outputs).flat_map(|row| &row[part * columns..][..columns]);
            let direction = orthogonal(rows.copied().collect(), columns, factors);
            for (out, row) in directions.chunks_exact_mut(outputs).zip(direction.chunks_exact(columns)) {
                let out = &mut out[part * columns..][..columns];
                out.iter_mut().zip(row).for_each(|(out, value)| *out = value * scale);
            }
        }
        Ok(directions)
    }
}

/// Moves the momentum towards the gradient, and returns the gradient moved towards the momentum.
fn nesterov(momentum: &mut [f32], gradient: &[f32], numbers: StepNumbers) -> Vec<f32> {
    let StepNumbers { momentum: beta, gradient_scale, .. } = numbers;
    let mut update = vec![0.0; gradient.len()];
    let chunks = momentum.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK)).zip(update.par_chunks_mut(CHUNK));
    chunks.for_each(|((momentum, gradient), update)| {
        wide(|| {
            for ((momentum, gradient), update) in momentum.iter_mut().zip(gradient).zip(update) {
                let gradient = (1.0 - beta) * (gradient * gradient_scale);
                *momentum = beta * *momentum + gradient;
                *update = gradient + beta * *momentum;
            }
        });
    });
    update
}

/// Returns about the nearest orthogonal matrix to `x`, `[rows, columns]`: its singular values become about 1.
fn orthogonal(mut x: Vec<f32>, columns: usize, factors: Factors) -> Vec<f32> {
    let rows = x.len() / columns;
    let squares: f64 = x.chunks(CHUNK).map(|chunk| chunk.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>()).sum();
    let scale = 1.0 / (squares.sqrt() as f32 + EPSILON);
    x.iter_mut().for_each(|value| *value *= scale);
    let [a, b, c] = COEFFICIENTS;
    // The smaller of the two products of the matrix and its transpose.
    let tall = rows > columns;
    let side = rows.min(columns);
    let (mut gram, mut step) = (vec![0.0; side * side], vec![0.0; side * side]);
    let mut next = vec![0.0; x.len()];
    for _ in 0..ITERATIONS {
        let matrix = Matrix::dense(&x, columns);
        let (left, right) = if tall { (matrix.transposed(), matrix) } else { (matrix, matrix.transposed()) };
        multiply(left, right, &mut gram, Start::Zero, factors);
        multiply(Matrix::dense(&gram, side), Matrix::dense(&gram, side), &mut step, Start::Zero, factors);
        step.par_chunks_mut(CHUNK).zip(gram.par_chunks(CHUNK)).for_each(|(step, gram)| {
            wide(|| step.iter_mut().zip(gram).for_each(|(step, gram)| *step = b * gram + c * *step));
        });
        next.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK)).for_each(|(next, x)| {
            wide(|| next.iter_mut().zip(x).for_each(|(next, x)| *next = a * x));
        });
        let step = Matrix::dense(&step, side);
        let (left, right) = if tall { (matrix, step) } else { (step, matrix) };
        multiply(left, right, &mut next, Start::Target, factors);
        std::mem::swap(&mut x, &mut next);
    }
    x
}

/// Does what [`orthogonal`] does, on a tensor's device.
fn orthogonal_tensor(x: &Tensor) -> Result<Tensor> {
    let (rows, columns) = x.dims2()?;
    let x = if rows > columns { x.t()?.contiguous()? } else { x.contiguous()? };
    let norm = (x.sqr()?.sum_all()?.sqrt()? + f64::from(EPSILON))?;
    let mut x = x.broadcast_div(&norm)?;
    let [a, b, c] = COEFFICIENTS.map(f64::from);
    for _ in 0..ITERATIONS {
        let gram = x.matmul(&x.t()?)?;
        let step = ((&gram * b)? + (gram.matmul(&gram)? * c)?)?;
        x = ((&x * a)? + step.matmul(&x)?)?;
    }
    Ok(if rows > columns { x.t()?.contiguous()? } else { x })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Reference {
        inputs: usize,
        outputs: usize,
        weight: Vec<f32>,
        gradients: Vec<Vec<f32>>,
        /// By the reference with products in f32.
        exact: Vec<f32>,
        /// By `torch.optim.Muon`, whose products are in bf16.
        torch: Vec<f32>,
    }

    fn references() -> Vec<Reference> {
        serde_json::from_str(include_str!("../../../../tests/data/training/muon.json")).expect("the reference is JSON")
    }

    struct Given(Vec<f32>);

    impl Gradients for Given {
        fn of(&self, _name: &str, _variable: &Var) -> Option<Gradient<'_>> {
            Some(Gradient::Values(&self.0))
        }
    }

    fn weight(values: &[f32], sizes: (usize, usize), parts: usize) -> Weight {
        let tensor = Tensor::from_slice(values, sizes, &Device::Cpu).expect("a tensor");
        Weight { name: "w".to_owned(), variable: Var::from_tensor(&tensor).expect("a variable"), parts }
    }

    fn values(weight: &Weight) -> Vec<f32> {
        weight.variable.flatten_all().and_then(|tensor| tensor.to_vec1()).expect("values")
    }

    fn muon(weight: &Weight, factors: Factors) -> Muon {
        let settings = MuonSettings { momentum: 0.95, weight_decay: 0.1 };
        Muon::new(vec![weight.clone()], settings, factors).expect("an optimiser")
    }

    fn furthest(one: &[f32], other: &[f32]) -> f32 {
        assert_eq!(one.len(), other.len());
        one.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn three_steps_are_those_of_the_reference_and_of_pytorch() {
        for reference in references() {
            let sizes = (reference.inputs, reference.outputs);
            let weight = weight(&reference.weight, sizes, 1);
            let mut optimizer = muon(&weight, Factors::F32);
            for gradient in &reference.gradients {
                optimizer.step_scaled(&Given(gradient.clone()), 0.02, 1.0).expect("a step");
            }
            let moved = furthest(&reference.weight, &reference.exact);
            assert!(furthest(&values(&weight), &reference.exact) < 1e-5, "{sizes:?}");
            assert!(furthest(&values(&weight), &reference.torch) < 0.02 * moved, "{sizes:?}");
        }
    }

    #[test]
    fn products_in_bf16_give_nearly_the_same_steps() {
        if !pregonero_kernels::tiles::available() {
            return;
        }
        for reference in references() {
            let weight = weight(&reference.weight, (reference.inputs, reference.outputs), 1);
            let mut optimizer = muon(&weight, Factors::Bf16);
            for gradient in &reference.gradients {
                optimizer.step_scaled(&Given(gradient.clone()), 0.02, 1.0).expect("a step");
            }
            let moved = furthest(&reference.weight, &reference.exact);
            assert!(furthest(&values(&weight), &reference.exact) < 0.03 * moved);
        }
    }

    #[test]
    fn tensors_on_another_device_take_the_same_direction() {
        for reference in references() {
            let sizes = (reference.inputs, reference.outputs);
            let gradient = &reference.gradients[0];
            let tensor = Tensor::from_slice(gradient, sizes, &Device::Cpu).expect("a tensor");
            let theirs: Vec<f32> =
                orthogonal_tensor(&tensor).and_then(|x| Ok(x.flatten_all()?.to_vec1()?)).expect("values");
            let ours = orthogonal(gradient.clone(), reference.outputs, Factors::F32);
            assert!(furthest(&ours, &theirs) < 1e-5, "{sizes:?}");
        }
    }

    #[test]
    fn matrices_side_by_side_are_updated_as_if_each_were_alone() {
        let reference = references().into_iter().find(|one| one.outputs.is_multiple_of(3)).expect("three parts");
        let (inputs, outputs) = (reference.inputs, reference.outputs);
        let columns = outputs / 3;
        let part = |values: &[f32], part: usize| -> Vec<f32> {
            values.chunks_exact(outputs).flat_map(|row| row[part * columns..][..columns].to_vec()).collect()
        };
        let together = weight(&reference.weight, (inputs, outputs), 3);
        let gradient = &reference.gradients[0];
        muon(&together, Factors::F32).step_scaled(&Given(gradient.clone()), 0.02, 0.5).expect("a step");
        for index in 0..3 {
            let alone = weight(&part(&reference.weight, index), (inputs, columns), 1);
            muon(&alone, Factors::F32).step_scaled(&Given(part(gradient, index)), 0.02, 0.5).expect("a step");
            assert_eq!(values(&alone), part(&values(&together), index), "part {index}");
        }
    }

    #[test]
    fn a_restored_momentum_goes_on_bit_for_bit_and_a_foreign_one_is_refused() {
        let reference = references().remove(0);
        let sizes = (reference.inputs, reference.outputs);
        let one = weight(&reference.weight, sizes, 1);
        let mut optimizer = muon(&one, Factors::F32);
        optimizer.step_scaled(&Given(reference.gradients[0].clone()), 0.02, 1.0).expect("a step");
        let other = weight(&values(&one), sizes, 1);
        let mut resumed = muon(&other, Factors::F32);
        resumed.restore(&optimizer.state().expect("a state")).expect("restored");
        for optimizer in [&mut optimizer, &mut resumed] {
            optimizer.step_scaled(&Given(reference.gradients[1].clone()), 0.02, 1.0).expect("a step");
        }
        assert_eq!(values(&one), values(&other));

        let small = weight(&[1.0, 2.0], (1, 2), 1);
        let message = muon(&small, Factors::F32).restore(&optimizer.state().expect("a state")).unwrap_err().to_string();
        assert!(message.contains("w.momentum has shape") && message.contains("not [1, 2]"), "{message}");
    }
}

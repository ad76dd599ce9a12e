//! A bidirectional LSTM layer as one operation over the whole sequence, with its own backward pass.
//!
//! Everything is time-major, `[steps, batch, width]`, so that one time step is one contiguous block. The projection of
//! the inputs is a single matrix product outside (see [`super::network`]); here the two directions run at once, each on
//! its own core. Written step by step in candle, the backward pass alone costs several times as much. CPU only.

use std::sync::Mutex;

use candle_core::{CpuStorage, CustomOp3, Device, Layout, Result, Shape, Tensor, bail};

/// Gates of one step, in Keras's order: input, forget, cell, output.
const GATES: usize = 4;

/// Runs both directions over `gates`, the projected inputs with their biases.
///
/// `gates` is `[steps, batch, 8 * units]`, the forward direction's four gates first; `forward` and `backward` are the
/// recurrent weights, `[units, 4 * units]`. The result is `[steps, batch, 2 * units]`: at each step the output of the
/// forward direction, which has read up to it, then that of the backward direction, which has read down to it.
/// `keep_for_backward` keeps the activations that differentiation needs.
///
/// # Errors
/// Where shapes do not fit, a tensor is not contiguous f32 on the CPU.
pub fn bidirectional_lstm(
    gates: &Tensor,
    forward: &Tensor,
    backward: &Tensor,
    keep_for_backward: bool,
) -> Result<Tensor> {
    let operation = BidirectionalLstm { keep_for_backward, kept: Mutex::new(None) };
    gates.contiguous()?.apply_op3(&forward.contiguous()?, &backward.contiguous()?, operation)
}

#[derive(Debug)]
struct BidirectionalLstm {
    keep_for_backward: bool,
    kept: Mutex<Option<[Trace; 2]>>,
}

/// The sizes of one direction.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    steps: usize,
    batch: usize,
    units: usize,
}

impl Sizes {
    /// Values of one state over the batch.
    fn block(self) -> usize {
        self.batch * self.units
    }

    fn of(gates: &Shape, forward: &Shape, backward: &Shape) -> Result<Self> {
        let (steps, batch, width) = gates.dims3()?;
        let (units, columns) = forward.dims2()?;
        if columns != GATES * units || backward.dims() != forward.dims() || width != 2 * columns {
            bail!("bidirectional-lstm: gates {gates:?} and recurrent weights {forward:?}, {backward:?} do not fit");
        }
        Ok(Self { steps, batch, units })
    }

    /// The time steps in the order a direction reads them.
    fn order(self, reverse: bool) -> impl DoubleEndedIterator<Item = usize> {
        (0..self.steps).map(move |step| if reverse { self.steps - 1 - step } else { step })
    }
}

/// What one direction computed, by time step.
#[derive(Debug)]
struct Trace {
    /// The four gates after their activations, `[steps, batch, 4 * units]`.
    activations: Vec<f32>,
    /// Cell states, `[steps, batch, units]`.
    cells: Vec<f32>,
    /// Outputs, `[steps, batch, units]`.
    outputs: Vec<f32>,
}

/// The gradients of one direction.
struct Gradients {
    /// `[steps, batch, 4 * units]`, before the activations.
    gates: Vec<f32>,
    /// `[units, 4 * units]`.
    recurrent: Vec<f32>,
}

impl CustomOp3 for BidirectionalLstm {
    fn name(&self) -> &'static str {
        "bidirectional-lstm"
    }

    fn cpu_fwd(
        &self,
        gates: &CpuStorage,
        gates_layout: &Layout,
        forward: &CpuStorage,
        forward_layout: &Layout,
        backward: &CpuStorage,
        backward_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let sizes = Sizes::of(gates_layout.shape(), forward_layout.shape(), backward_layout.shape())?;
        let gates = values(gates, gates_layout)?;
        let forward = values(forward, forward_layout)?;
        let backward = values(backward, backward_layout)?;
        let traces: [Trace; 2] = rayon::join(
            || run_direction(split_direction(gates, sizes, GATES, 0), forward, sizes, false),
            || run_direction(split_direction(gates, sizes, GATES, 1), backward, sizes, true),
        )
        .into();
        let output = join_directions([&traces[0].outputs, &traces[1].outputs], sizes, 1);
        if self.keep_for_backward {
            *self.kept.lock().map_err(|_| poisoned())? = Some(traces);
        }
        Ok((CpuStorage::F32(output), Shape::from((sizes.steps, sizes.batch, 2 * sizes.units))))
    }

    fn bwd(
        &self,
        gates: &Tensor,
        forward: &Tensor,
        backward: &Tensor,
        _output: &Tensor,
        output_gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let sizes = Sizes::of(gates.shape(), forward.shape(), backward.shape())?;
        let kept = self.kept.lock().map_err(|_| poisoned())?.take();
        let Some([forward_trace, backward_trace]) = kept else {
            bail!("bidirectional-lstm: differentiated twice, or without its activations kept")
        };
        let output_gradient = output_gradient.flatten_all()?.to_vec1::<f32>()?;
        let forward_weights = forward.flatten_all()?.to_vec1::<f32>()?;
        let backward_weights = backward.flatten_all()?.to_vec1::<f32>()?;
        let part = |index| split_direction(&output_gradient, sizes, 1, index);
        let (first, second) = rayon::join(
            || differentiate_direction(forward_trace, &part(0), &forward_weights, sizes, false),
            || differentiate_direction(backward_trace, &part(1), &backward_weights, sizes, true),
        );
        let gates_gradient = join_directions([&first.gates, &second.gates], sizes, GATES);
        Ok((
            Some(Tensor::from_vec(gates_gradient, gates.shape().clone(), &Device::Cpu)?),
            Some(Tensor::from_vec(first.recurrent, forward.shape().clone(), &Device::Cpu)?),
            Some(Tensor::from_vec(second.recurrent, backward.shape().clone(), &Device::Cpu)?),
        ))
    }
}

fn poisoned() -> candle_core::Error {
    candle_core::Error::Msg("bidirectional-lstm: a thread panicked while it held the activations".to_owned())
}

fn values<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<f32>()?[start..end]),
        None => bail!("bidirectional-lstm: a tensor is not contiguous"),
    }
}

/// One direction's half of every row, `parts * units` values each.
fn split_direction(both: &[f32], sizes: Sizes, parts: usize, direction: usize) -> Vec<f32> {
    let half = parts * sizes.units;
    let mut part = Vec::with_capacity(both.len() / 2);
    both.chunks_exact(2 * half).for_each(|row| part.extend_from_slice(&row[direction * half..][..half]));
    part
}

/// Rows of the forward and the backward direction side by side, `parts * units` values each.
fn join_directions(halves: [&[f32]; 2], sizes: Sizes, parts: usize) -> Vec<f32> {
    let half = parts * sizes.units;
    let mut both = Vec::with_capacity(2 * halves[0].len());
    for (first, second) in halves[0].chunks_exact(half).zip(halves[1].chunks_exact(half)) {
        both.extend_from_slice(first);
        both.extend_from_slice(second);
    }
    both
}

/// Reads the sequence in one direction; `activations` arrive as the projected inputs.
fn run_direction(mut activations: Vec<f32>, recurrent: &[f32], sizes: Sizes, reverse: bool) -> Trace {
    let block = sizes.block();
    let mut cells = vec![0.0f32; sizes.steps * block];
    let mut outputs = vec![0.0f32; sizes.steps * block];
    let mut cell = vec![0.0f32; block];
    let mut last: Option<usize> = None;
    for step in sizes.order(reverse) {
        let gates = &mut activations[step * GATES * block..][..GATES * block];
        if let Some(last) = last {
            let previous = Matrix::new(&outputs[last * block..][..block], sizes.batch, sizes.units);
            multiply(previous, Matrix::new(recurrent, sizes.units, GATES * sizes.units), gates, true);
        }
        let output = &mut outputs[step * block..][..block];
        let rows = gates.chunks_exact_mut(GATES * sizes.units);
        let states = cell.chunks_exact_mut(sizes.units).zip(output.chunks_exact_mut(sizes.units));
        rows.zip(states).for_each(|(gates, (cell, output))| activate(gates, cell, output));
        cells[step * block..][..block].copy_from_slice(&cell);
        last = Some(step);
    }
    Trace { activations, cells, outputs }
}

/// One step of one row: gates become activations, the cell state moves on, the output is written.
fn activate(gates: &mut [f32], cell: &mut [f32], output: &mut [f32]) {
    let units = cell.len();
    let (input, rest) = gates.split_at_mut(units);
    let (forget, rest) = rest.split_at_mut(units);
    let (candidate, out) = rest.split_at_mut(units);
    input.iter_mut().for_each(|value| *value = sigmoid(*value));
    forget.iter_mut().for_each(|value| *value = sigmoid(*value));
    candidate.iter_mut().for_each(|value| *value = tanh(*value));
    out.iter_mut().for_each(|value| *value = sigmoid(*value));
    for index in 0..units {
        cell[index] = forget[index] * cell[index] + input[index] * candidate[index];
        output[index] = out[index] * tanh(cell[index]);
    }
}

/// Backpropagation through time for one direction; the trace's activations become the gates' gradients in place.
fn differentiate_direction(
    trace: Trace,
    output_gradient: &[f32],
    recurrent: &[f32],
    sizes: Sizes,
    reverse: bool,
) -> Gradients {
    let block = sizes.block();
    let Trace { activations: mut gates, cells, outputs } = trace;
    let weights = Matrix::new(recurrent, sizes.units, GATES * sizes.units);
    let no_cell = vec![0.0f32; block];
    let mut from_later = vec![0.0f32; block];
    let mut cell_gradient = vec![0.0f32; block];
    let order: Vec<usize> = sizes.order(reverse).collect();
    for (position, &step) in order.iter().enumerate().rev() {
        let range = step * block..(step + 1) * block;
        let earlier = position.checked_sub(1).map(|position| order[position]);
        let earlier_cell = earlier.map_or(no_cell.as_slice(), |earlier| &cells[earlier * block..][..block]);
        from_later.iter_mut().zip(&output_gradient[range.clone()]).for_each(|(sum, gradient)| *sum += gradient);
        let gates = &mut gates[step * GATES * block..][..GATES * block];
        for row in 0..sizes.batch {
            let states = row * sizes.units..(row + 1) * sizes.units;
            differentiate_row(
                &mut gates[row * GATES * sizes.units..][..GATES * sizes.units],
                &cells[range.clone()][states.clone()],
                &earlier_cell[states.clone()],
                &from_later[states.clone()],
                &mut cell_gradient[states],
            );
        }
        let step_gradient = Matrix::new(gates, sizes.batch, GATES * sizes.units);
        multiply(step_gradient, weights.transposed(), &mut from_later, false);
    }
    let recurrent = recurrent_gradient(&gates, &outputs, sizes, reverse);
    Gradients { gates, recurrent }
}

/// One step of one row backwards: activations become gradients of the gates, the cell's gradient goes to the step before.
fn differentiate_row(gates: &mut [f32], cell: &[f32], earlier: &[f32], output_gradient: &[f32], carried: &mut [f32]) {
    let units = cell.len();
    let (input, rest) = gates.split_at_mut(units);
    let (forget, rest) = rest.split_at_mut(units);
    let (candidate, out) = rest.split_at_mut(units);
    for index in 0..units {
        let squashed = tanh(cell[index]);
        let (i, f, c, o) = (input[index], forget[index], candidate[index], out[index]);
        let cell_gradient = carried[index] + output_gradient[index] * o * (1.0 - squashed * squashed);
        input[index] = cell_gradient * c * i * (1.0 - i);
        forget[index] = cell_gradient * earlier[index] * f * (1.0 - f);
        candidate[index] = cell_gradient * i * (1.0 - c * c);
        out[index] = output_gradient[index] * squashed * o * (1.0 - o);
        carried[index] = cell_gradient * f;
    }
}

/// The outputs of all steps but the last one read, times the gate gradients of the steps that read them.
fn recurrent_gradient(gates: &[f32], outputs: &[f32], sizes: Sizes, reverse: bool) -> Vec<f32> {
    let mut gradient = vec![0.0f32; sizes.units * GATES * sizes.units];
    if sizes.steps < 2 {
        return gradient;
    }
    let block = sizes.block();
    let rows = (sizes.steps - 1) * sizes.batch;
    let (read, reading) = if reverse {
        (&outputs[block..], &gates[..rows * GATES * sizes.units])
    } else {
        (&outputs[..rows * sizes.units], &gates[GATES * block..])
    };
    let read = Matrix::new(read, rows, sizes.units).transposed();
    multiply(read, Matrix::new(reading, rows, GATES * sizes.units), &mut gradient, false);
    gradient
}

/// A view of a matrix in memory.
#[derive(Debug, Clone, Copy)]
struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    fn new(values: &'a [f32], rows: usize, columns: usize) -> Self {
        assert_eq!(values.len(), rows * columns, "a matrix has rows times columns values");
        Self { values, rows, columns, row_stride: columns, column_stride: 1 }
    }

    fn transposed(self) -> Self {
        Self {
            values: self.values,
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
        }
    }
}

/// `product = left * right`, or `product += left * right` where `add`; on this thread alone.
fn multiply(left: Matrix<'_>, right: Matrix<'_>, product: &mut [f32], add: bool) {
    assert_eq!(left.columns, right.rows, "inner sizes agree");
    assert_eq!(product.len(), left.rows * right.columns, "the product has room");
    // SAFETY: the views and the product cover exactly rows * columns values at these strides (asserted here and in
    // `Matrix::new`; a transposed view covers the same values), and `product` is borrowed mutably, so it overlaps
    // neither factor. Strides are sizes of slices and fit isize.
    unsafe {
        gemm::gemm(
            left.rows,
            right.columns,
            left.columns,
            product.as_mut_ptr(),
            1,
            right.columns as isize,
            add,
            left.values.as_ptr(),
            left.column_stride as isize,
            left.row_stride as isize,
            right.values.as_ptr(),
            right.column_stride as isize,
            right.row_stride as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// 1 / (1 + e^-x), to about 1e-7.
#[inline]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exponential(-x))
}

/// The hyperbolic tangent, to about 2e-7.
#[inline]
fn tanh(x: f32) -> f32 {
    2.0 / (1.0 + exponential(-2.0 * x)) - 1.0
}

/// e^x by Cephes's polynomial, written so that the compiler makes vector code of a loop over it; the library's `expf`
/// is a call a value and the gates' activations then cost more than their matrix products.
#[inline]
fn exponential(x: f32) -> f32 {
    const ROUNDING: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let rounded = x * std::f32::consts::LOG2_E + ROUNDING;
    let power = rounded - ROUNDING;
    let rest = x - power * 0.693_359_4 + power * 2.121_944_4e-4;
    let polynomial = ((((1.987_569_2e-4 * rest + 1.398_2e-3) * rest + 8.333_452e-3) * rest + 4.166_579_6e-2) * rest
        + 0.166_666_65)
        * rest
        + 0.5;
    let scale = f32::from_bits((rounded.to_bits().wrapping_sub(ROUNDING.to_bits()).wrapping_add(127)) << 23);
    (polynomial * rest * rest + rest + 1.0) * scale
}

#[cfg(test)]
mod tests {
    use candle_core::Var;
    use rand::SeedableRng as _;
    use rand_chacha::ChaCha12Rng;

    use super::*;
    use crate::sentiment::initial::uniform;

    const STEPS: usize = 4;
    const BATCH: usize = 3;
    const UNITS: usize = 2;

    fn random(rng: &mut ChaCha12Rng, shape: &[usize]) -> Var {
        Var::from_vec(uniform(rng, shape.iter().product(), 1.5), shape, &Device::Cpu).unwrap()
    }

    fn reference_direction(gates: &[f32], recurrent: &[f32], reverse: bool, offset: usize) -> Vec<f32> {
        let mut outputs = vec![0.0; STEPS * BATCH * UNITS];
        for row in 0..BATCH {
            let (mut cell, mut hidden) = ([0.0f64; UNITS], [0.0f64; UNITS]);
            for position in 0..STEPS {
                let step = if reverse { STEPS - 1 - position } else { position };
                let gate = |index: usize, hidden: &[f64; UNITS]| {
                    let projected = f64::from(gates[(step * BATCH + row) * 8 * UNITS + offset + index]);
                    projected
                        + (0..UNITS)
                            .map(|unit| hidden[unit] * f64::from(recurrent[unit * 4 * UNITS + index]))
                            .sum::<f64>()
                };
                let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
                let before = hidden;
                for unit in 0..UNITS {
                    let input = sigmoid(gate(unit, &before));
                    let forget = sigmoid(gate(UNITS + unit, &before));
                    let candidate = gate(2 * UNITS + unit, &before).tanh();
                    cell[unit] = forget * cell[unit] + input * candidate;
                    hidden[unit] = sigmoid(gate(3 * UNITS + unit, &before)) * cell[unit].tanh();
                    outputs[(step * BATCH + row) * UNITS + unit] = hidden[unit] as f32;
                }
            }
        }
        outputs
    }

    #[test]
    fn both_directions_equal_a_plain_loop_in_f64() {
        let mut rng = ChaCha12Rng::seed_from_u64(1);
        let gates = random(&mut rng, &[STEPS, BATCH, 8 * UNITS]);
        let weights = [random(&mut rng, &[UNITS, 4 * UNITS]), random(&mut rng, &[UNITS, 4 * UNITS])];
        let output = bidirectional_lstm(&gates, &weights[0], &weights[1], false).unwrap();
        assert_eq!(output.dims(), [STEPS, BATCH, 2 * UNITS]);
        let gates: Vec<f32> = gates.flatten_all().unwrap().to_vec1().unwrap();
        for (direction, reverse) in [(0, false), (1, true)] {
            let recurrent: Vec<f32> = weights[direction].flatten_all().unwrap().to_vec1().unwrap();
            let want = reference_direction(&gates, &recurrent, reverse, direction * 4 * UNITS);
            let got = output.narrow(2, direction * UNITS, UNITS).unwrap().flatten_all().unwrap();
            for (got, want) in got.to_vec1::<f32>().unwrap().iter().zip(want) {
                assert!((got - want).abs() < 1e-6, "direction {direction}: {got} is not {want}");
            }
        }
    }

    #[test]
    fn gradients_equal_finite_differences() {
        let mut rng = ChaCha12Rng::seed_from_u64(2);
        let gates = random(&mut rng, &[STEPS, BATCH, 8 * UNITS]);
        let forward = random(&mut rng, &[UNITS, 4 * UNITS]);
        let backward = random(&mut rng, &[UNITS, 4 * UNITS]);
        let weighting = random(&mut rng, &[STEPS, BATCH, 2 * UNITS]).as_detached_tensor();
        let loss = |keep| {
            let output = bidirectional_lstm(&gates, &forward, &backward, keep).unwrap();
            (output * &weighting).unwrap().sum_all().unwrap()
        };
        let gradients = loss(true).backward().unwrap();
        for variable in [&gates, &forward, &backward] {
            let gradient: Vec<f32> = gradients.get(variable).unwrap().flatten_all().unwrap().to_vec1().unwrap();
            let original: Vec<f32> = variable.flatten_all().unwrap().to_vec1().unwrap();
            let set = |values: &[f32]| {
                variable.set(&Tensor::from_slice(values, variable.shape().clone(), &Device::Cpu).unwrap()).unwrap();
            };
            for index in 0..original.len() {
                let shifted = |by: f32| {
                    let mut values = original.clone();
                    values[index] += by;
                    set(&values);
                    f64::from(loss(false).to_scalar::<f32>().unwrap())
                };
                let difference = (shifted(0.01) - shifted(-0.01)) / 0.02;
                let error = (difference - f64::from(gradient[index])).abs();
                assert!(error < 5e-4, "value {index}: {} is not {difference}", gradient[index]);
            }
            set(&original);
        }
    }

    #[test]
    fn the_fast_activations_agree_with_the_library() {
        for index in -2000..=2000 {
            let x = index as f32 * 0.05;
            let (want_sigmoid, want_tanh) = (1.0 / (1.0 + (-f64::from(x)).exp()), f64::from(x).tanh());
            assert!((f64::from(sigmoid(x)) - want_sigmoid).abs() < 3e-7, "sigmoid({x})");
            assert!((f64::from(tanh(x)) - want_tanh).abs() < 5e-7, "tanh({x})");
        }
    }
}

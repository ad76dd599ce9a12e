//! Backpropagation through time, and from the gates' gradients to those of weights and input.

use std::ops::Range;

use rayon::prelude::*;

use super::gru::Gru;
use super::lstm::Lstm;
use super::{Cell, Differentiate, Rule, Sizes, Trace, two_blocks};
use pregonero_kernels::{Panels, wide};

/// Returns the gradients of input and parameters.
pub(super) fn run(
    input: &[f32],
    parameters: &[f32],
    output_gradient: &[f32],
    traces: Vec<Vec<Trace>>,
    sizes: Sizes<'_>,
) -> (Vec<f32>, Vec<f32>) {
    let size = sizes.rows() * sizes.columns();
    let mut parameter_gradient = vec![0.0; parameters.len()];
    let input_gradients: Vec<Vec<f32>> = parameters
        .par_chunks_exact(size)
        .zip(parameter_gradient.par_chunks_exact_mut(size))
        .zip(traces)
        .with_max_len(1)
        .enumerate()
        .map(|(direction, ((parameters, gradient), traces))| {
            let task = Direction { input, parameters, output_gradient, sizes: sizes.direction(direction), direction };
            match sizes.shape.cell {
                Cell::Lstm => task.differentiate::<Lstm>(traces, gradient),
                Cell::Gru => task.differentiate::<Gru>(traces, gradient),
            }
        })
        .flatten()
        .collect();
    let mut sums = input_gradients.into_iter();
    let mut input_gradient = sums.next().unwrap_or_default();
    for other in sums {
        input_gradient.iter_mut().zip(other).for_each(|(sum, value)| *sum += value);
    }
    (input_gradient, parameter_gradient)
}

/// The inputs of one direction's backward pass.
struct Direction<'a> {
    input: &'a [f32],
    parameters: &'a [f32],
    /// For all directions, `[steps, batch, directions * units]`.
    output_gradient: &'a [f32],
    sizes: Sizes<'a>,
    direction: usize,
}

/// One part on its way back through time.
struct Part {
    units: Range<usize>,
    trace: Trace,
    /// Gradients of the recurrent products if they are separate from the gates' own, which are in the trace.
    recurrent: Vec<f32>,
    /// From each part's gates to this part's outputs: the transposed recurrent weights.
    back: Vec<Panels>,
    /// Gradient of the outputs that comes from the following step.
    carried_output: Vec<f32>,
    carried_memory: Vec<f32>,
}

impl Part {
    /// Returns the gradients of the recurrent products, `[steps, batch, gates * units]`.
    fn recurrent_gradient(&self) -> &[f32] {
        if self.recurrent.is_empty() { &self.trace.gates } else { &self.recurrent }
    }
}

impl Direction<'_> {
    /// Fills in the parameters' gradient and returns the input's gradients, part by part.
    fn differentiate<R: Rule>(&self, traces: Vec<Trace>, gradient: &mut [f32]) -> Vec<Vec<f32>> {
        let sizes = self.sizes;
        let ranges = sizes.parts();
        let mut parts: Vec<Part> = ranges
            .par_iter()
            .zip(traces)
            .with_max_len(1)
            .map(|(units, trace)| self.part::<R>(&ranges, units.clone(), trace))
            .collect();
        let order = sizes.order();
        for (position, &step) in order.iter().enumerate().rev() {
            let earlier = position.checked_sub(1).map(|position| order[position]);
            self.step_back::<R>(&mut parts, step, earlier, order.get(position + 1).copied());
        }
        let outputs: Vec<&[f32]> = parts.iter().map(|part| part.trace.outputs.as_slice()).collect();
        let results: Vec<(Vec<f32>, Vec<f32>)> =
            parts.par_iter().with_max_len(1).map(|part| self.weights_and_input(part, &ranges, &outputs)).collect();
        let mut input_gradients = Vec::with_capacity(parts.len());
        for (part, (weights, input)) in parts.iter().zip(results) {
            scatter(&weights, gradient, sizes, &part.units);
            input_gradients.push(input);
        }
        input_gradients
    }

    fn part<R: Rule>(&self, ranges: &[Range<usize>], units: Range<usize>, trace: Trace) -> Part {
        let sizes = self.sizes;
        let recurrent = &self.parameters[(sizes.width + 1 + units.start) * sizes.columns()..];
        let back = ranges
            .iter()
            .map(|from| {
                let starts = gate_starts::<R>(sizes, from);
                Panels::from_rows(recurrent, units.len(), sizes.columns(), &starts, from.len())
            })
            .collect();
        let zeros = vec![0.0; sizes.batch * units.len()];
        Part {
            recurrent: if R::SEPARATE { vec![0.0; trace.gates.len()] } else { Vec::new() },
            units,
            trace,
            back,
            carried_output: zeros.clone(),
            carried_memory: zeros,
        }
    }

    /// Takes one step of all parts; `later` is the step that read this one's outputs.
    fn step_back<R: Rule>(&self, parts: &mut [Part], step: usize, earlier: Option<usize>, later: Option<usize>) {
        let batch = self.sizes.batch;
        let mut works = Vec::with_capacity(parts.len());
        let mut from_later = Vec::with_capacity(parts.len());
        for part in parts {
            let block = R::GATES * batch * part.units.len();
            let Part { units, trace, recurrent, back, carried_output, carried_memory } = part;
            let states = |values: &'_ [f32], step: usize| -> Range<usize> {
                let block = values.len() / self.sizes.steps;
                step * block..(step + 1) * block
            };
            let (gates, recurrent) = if R::SEPARATE {
                let gates = &mut trace.gates[step * block..][..block];
                let (recurrent, later) = current_and_later(recurrent, block, step, later);
                from_later.extend(later);
                (gates, recurrent)
            } else {
                let (gates, later) = current_and_later(&mut trace.gates, block, step, later);
                from_later.extend(later);
                (gates, Default::default())
            };
            let now = states(&trace.memory, step);
            works.push(StepBack {
                units: units.clone(),
                gates,
                recurrent,
                back,
                memory: &trace.memory[now],
                earlier_memory: earlier.map(|earlier| &trace.memory[states(&trace.memory, earlier)]),
                earlier_output: earlier.map(|earlier| &trace.outputs[states(&trace.outputs, earlier)]),
                carried_output,
                carried_memory,
            });
        }
        works.into_par_iter().with_max_len(1).for_each(|work| work.run::<R>(self, step, &from_later));
    }

    /// Returns a part's gradients: of its parameter columns, `[rows, gates * units]`, and of the input, `[steps,
    /// batch, width]`.
    fn weights_and_input(&self, part: &Part, ranges: &[Range<usize>], outputs: &[&[f32]]) -> (Vec<f32>, Vec<f32>) {
        let sizes = self.sizes;
        let columns = sizes.shape.cell.gates() * part.units.len();
        let rows = sizes.steps * sizes.batch;
        let mut weights = vec![0.0; sizes.rows() * columns];
        let (input_weights, rest) = weights.split_at_mut(sizes.width * columns);
        let (bias, rest) = rest.split_at_mut(columns);
        let (recurrent_weights, recurrent_bias) = rest.split_at_mut(sizes.shape.units * columns);
        transposed_product(self.input, &part.trace.gates, rows, input_weights);
        sum_rows(&part.trace.gates, bias);
        self.recurrent_weights(part, ranges, outputs, recurrent_weights);
        if sizes.shape.cell == Cell::Gru {
            sum_rows(part.recurrent_gradient(), recurrent_bias);
        }
        let mut input = vec![0.0; rows * sizes.width];
        for gate in 0..sizes.shape.cell.gates() {
            let gradients = Matrix { values: &part.trace.gates[gate * part.units.len()..], row: columns, column: 1 };
            let from = gate * sizes.shape.units + part.units.start;
            let weights = Matrix { values: &self.parameters[from..], row: 1, column: sizes.columns() };
            add_product((rows, part.units.len(), sizes.width), gradients, weights, &mut input);
        }
        (weights, input)
    }

    /// Multiplies the outputs of all steps but the last one read by the gradients of the steps that read them.
    fn recurrent_weights(&self, part: &Part, ranges: &[Range<usize>], outputs: &[&[f32]], gradient: &mut [f32]) {
        let sizes = self.sizes;
        let columns = sizes.shape.cell.gates() * part.units.len();
        let rows = (sizes.steps - 1) * sizes.batch;
        if rows == 0 {
            return;
        }
        let all = part.recurrent_gradient();
        let reading = if sizes.reverse { &all[..rows * columns] } else { &all[sizes.batch * columns..] };
        for (units, outputs) in ranges.iter().zip(outputs) {
            let first = if sizes.reverse { sizes.batch * units.len() } else { 0 };
            let read = &outputs[first..][..rows * units.len()];
            transposed_product(read, reading, rows, &mut gradient[units.start * columns..units.end * columns]);
        }
    }
}

/// Returns where the gates of a part start in a parameter row.
fn gate_starts<R: Rule>(sizes: Sizes<'_>, units: &Range<usize>) -> Vec<usize> {
    (0..R::GATES).map(|gate| gate * sizes.shape.units + units.start).collect()
}

/// Returns the block of `step` for writing and, if there is one, that of the later step for reading.
fn current_and_later(
    values: &mut [f32],
    block: usize,
    step: usize,
    later: Option<usize>,
) -> (&mut [f32], Option<&[f32]>) {
    match later {
        Some(later) => {
            let (current, later) = two_blocks(values, block, step, later);
            (current, Some(later))
        }
        None => (&mut values[step * block..][..block], None),
    }
}

/// What one part needs for one step backwards.
struct StepBack<'a> {
    units: Range<usize>,
    gates: &'a mut [f32],
    recurrent: &'a mut [f32],
    back: &'a [Panels],
    memory: &'a [f32],
    earlier_memory: Option<&'a [f32]>,
    earlier_output: Option<&'a [f32]>,
    carried_output: &'a mut [f32],
    carried_memory: &'a mut [f32],
}

impl StepBack<'_> {
    fn run<R: Rule>(self, direction: &Direction<'_>, step: usize, from_later: &[&[f32]]) {
        let (sizes, units) = (direction.sizes, self.units.len());
        for (panels, gradient) in self.back.iter().zip(from_later) {
            panels.add_product(gradient, self.carried_output);
        }
        let stride = sizes.shape.directions * sizes.shape.units;
        let first = step * sizes.batch * stride + direction.direction * sizes.shape.units + self.units.start;
        let zeros = vec![0.0; units];
        let mut total = vec![0.0; units];
        let active = sizes.active(step);
        wide(|| {
            for row in 0..sizes.batch {
                let state = row * units..(row + 1) * units;
                let gates = row * R::GATES * units..(row + 1) * R::GATES * units;
                let from_above = &direction.output_gradient[first + row * stride..][..units];
                let carried = &mut self.carried_output[state.clone()];
                for ((total, carried), above) in total.iter_mut().zip(carried.iter()).zip(from_above) {
                    *total = carried + above;
                }
                if active.is_some_and(|active| !active[row]) {
                    carried.copy_from_slice(&total);
                    self.gates[gates.clone()].fill(0.0);
                    if R::SEPARATE {
                        self.recurrent[gates].fill(0.0);
                    }
                    continue;
                }
                R::differentiate(Differentiate {
                    gates: &mut self.gates[gates.clone()],
                    recurrent: if R::SEPARATE { &mut self.recurrent[gates] } else { Default::default() },
                    memory: &self.memory[state.clone()],
                    earlier_memory: self.earlier_memory.map_or(&zeros[..], |values| &values[state.clone()]),
                    earlier_output: self.earlier_output.map_or(&zeros[..], |values| &values[state.clone()]),
                    output_gradient: &total,
                    carried_memory: &mut self.carried_memory[state],
                    carried_output: carried,
                });
            }
        });
    }
}

/// Copies a part's parameter columns to their places in whole rows.
fn scatter(part: &[f32], gradient: &mut [f32], sizes: Sizes<'_>, units: &Range<usize>) {
    let width = units.len();
    let rows = part.chunks_exact(sizes.shape.cell.gates() * width).zip(gradient.chunks_exact_mut(sizes.columns()));
    for (part, whole) in rows {
        for (gate, values) in part.chunks_exact(width).enumerate() {
            whole[gate * sizes.shape.units..][units.clone()].copy_from_slice(values);
        }
    }
}

/// Adds up the rows of a matrix.
fn sum_rows(matrix: &[f32], sums: &mut [f32]) {
    for row in matrix.chunks_exact(sums.len()) {
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
    }
}

/// Computes `product += leftᵀ · right`, both of `rows` rows, on this thread alone.
fn transposed_product(left: &[f32], right: &[f32], rows: usize, product: &mut [f32]) {
    let (m, n) = (left.len() / rows, right.len() / rows);
    let left = Matrix { values: left, row: 1, column: m };
    add_product((m, rows, n), left, Matrix { values: right, row: n, column: 1 }, product);
}

/// A matrix in `values` whose rows and columns are the given strides apart.
#[derive(Clone, Copy)]
struct Matrix<'a> {
    values: &'a [f32],
    row: usize,
    column: usize,
}

impl Matrix<'_> {
    /// Returns whether `rows` times `columns` elements are within the slice.
    fn holds(self, rows: usize, columns: usize) -> bool {
        rows > 0 && columns > 0 && (rows - 1) * self.row + (columns - 1) * self.column < self.values.len()
    }
}

/// Computes `product += left · right`, of `m` x `k` and `k` x `n`, the product row by row, on this thread alone.
fn add_product((m, k, n): (usize, usize, usize), left: Matrix<'_>, right: Matrix<'_>, product: &mut [f32]) {
    assert!(left.holds(m, k) && right.holds(k, n) && product.len() == m * n, "the sizes agree");
    // SAFETY: every element of the three matrices is within its slice, as asserted, and `product` is borrowed
    // mutably, so it overlaps neither factor. Strides are sizes of slices and fit isize.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            product.as_mut_ptr(),
            1,
            n as isize,
            true,
            left.values.as_ptr(),
            left.column as isize,
            left.row as isize,
            right.values.as_ptr(),
            right.column as isize,
            right.row as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

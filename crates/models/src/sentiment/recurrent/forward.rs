//! The forward pass: projection of all inputs, then step by step.

use std::ops::Range;

use rayon::prelude::*;

use super::gru::Gru;
use super::lstm::Lstm;
use super::{Advance, Cell, Rule, Sizes, Trace, two_blocks};
use pregonero_kernels::{LANES, Panels, wide};

/// Runs all directions; returns what they computed, by direction and part.
pub(super) fn run(input: &[f32], parameters: &[f32], sizes: Sizes<'_>) -> Vec<Vec<Trace>> {
    let size = sizes.rows() * sizes.columns();
    parameters
        .par_chunks_exact(size)
        .with_max_len(1)
        .enumerate()
        .map(|(direction, parameters)| match sizes.shape.cell {
            Cell::Lstm => run_direction::<Lstm>(input, parameters, sizes.direction(direction)),
            Cell::Gru => run_direction::<Gru>(input, parameters, sizes.direction(direction)),
        })
        .collect()
}

/// One part's weights, packed.
struct Part {
    /// From each part's outputs to this part's gates.
    recurrent: Vec<Panels>,
    recurrent_bias: Vec<f32>,
    units: usize,
}

/// Copies the columns of a part's gates from a parameter row.
pub(super) fn part_columns(row: &[f32], gates: usize, units: &Range<usize>) -> Vec<f32> {
    let width = row.len() / gates;
    (0..gates).flat_map(|gate| &row[gate * width..][units.clone()]).copied().collect()
}

/// Packs the columns of a part's gates from `rows` parameter rows.
fn pack(rows: &[f32], count: usize, sizes: Sizes<'_>, units: &Range<usize>) -> Panels {
    let width = units.len();
    debug_assert!(width == sizes.shape.units || width.is_multiple_of(LANES), "a panel lies within one gate");
    Panels::from_columns(rows, (count, sizes.shape.cell.gates() * width), sizes.columns(), |first| {
        first / width * sizes.shape.units + units.start + first % width
    })
}

impl Part {
    fn new(parameters: &[f32], sizes: Sizes<'_>, parts: &[Range<usize>], units: &Range<usize>) -> Self {
        let recurrent = &parameters[(sizes.width + 1) * sizes.columns()..];
        let pack_from =
            |from: &Range<usize>| pack(&recurrent[from.start * sizes.columns()..], from.len(), sizes, units);
        let recurrent_bias = match sizes.shape.cell {
            Cell::Lstm => Vec::new(),
            Cell::Gru => {
                let bias = &recurrent[sizes.shape.units * sizes.columns()..];
                part_columns(bias, sizes.shape.cell.gates(), units)
            }
        };
        Self { recurrent: parts.iter().map(pack_from).collect(), recurrent_bias, units: units.len() }
    }
}

/// Computes the input's share of the gates' sums, `[steps, batch, gates * units]`.
fn project(input: &[f32], parameters: &[f32], sizes: Sizes<'_>, units: &Range<usize>) -> Vec<f32> {
    let bias = &parameters[sizes.width * sizes.columns()..][..sizes.columns()];
    let bias = part_columns(bias, sizes.shape.cell.gates(), units);
    let mut gates = bias.repeat(sizes.steps * sizes.batch);
    pack(parameters, sizes.width, sizes, units).add_product(input, &mut gates);
    gates
}

fn run_direction<R: Rule>(input: &[f32], parameters: &[f32], sizes: Sizes<'_>) -> Vec<Trace> {
    let ranges = sizes.parts();
    let (parts, mut traces): (Vec<Part>, Vec<Trace>) = ranges
        .par_iter()
        .with_max_len(1)
        .map(|units| {
            let states = sizes.steps * sizes.batch * units.len();
            let gates = project(input, parameters, sizes, units);
            let trace = Trace { gates, memory: vec![0.0; states], outputs: vec![0.0; states] };
            (Part::new(parameters, sizes, &ranges, units), trace)
        })
        .unzip();
    let mut earlier = None;
    for step in sizes.order() {
        advance_all::<R>(&parts, &mut traces, sizes, step, earlier);
        earlier = Some(step);
    }
    traces
}

/// Takes one step of all parts of a direction.
fn advance_all<R: Rule>(parts: &[Part], traces: &mut [Trace], sizes: Sizes<'_>, step: usize, earlier: Option<usize>) {
    let zeros = vec![0.0; sizes.batch * sizes.shape.units];
    let mut works = Vec::with_capacity(parts.len());
    let mut earlier_outputs = Vec::with_capacity(parts.len());
    for (part, trace) in parts.iter().zip(traces) {
        let block = sizes.batch * part.units;
        let blocks = |values| blocks_of(values, block, step, earlier, &zeros);
        let (output, earlier_output) = blocks(&mut trace.outputs);
        let (memory, earlier_memory) = blocks(&mut trace.memory);
        let gates = &mut trace.gates[step * R::GATES * block..][..R::GATES * block];
        earlier_outputs.push(earlier_output);
        works.push(StepOfPart { part, gates, memory, earlier_memory, output, earlier_output });
    }
    let from = earlier.map(|_| earlier_outputs.as_slice());
    works.into_par_iter().with_max_len(1).for_each(|work| work.advance::<R>(sizes.active(step), from));
}

/// Returns the block of `step` for writing and that of the step read before it; zeros at the first step.
fn blocks_of<'a>(
    values: &'a mut [f32],
    block: usize,
    step: usize,
    earlier: Option<usize>,
    zeros: &'a [f32],
) -> (&'a mut [f32], &'a [f32]) {
    match earlier {
        Some(earlier) => two_blocks(values, block, step, earlier),
        None => (&mut values[step * block..][..block], &zeros[..block]),
    }
}

/// What one part needs for one step.
struct StepOfPart<'a> {
    part: &'a Part,
    gates: &'a mut [f32],
    memory: &'a mut [f32],
    earlier_memory: &'a [f32],
    output: &'a mut [f32],
    earlier_output: &'a [f32],
}

impl StepOfPart<'_> {
    /// Adds the contribution of the outputs of the step before, if there was one, and turns sums into states.
    fn advance<R: Rule>(self, active: Option<&[bool]>, earlier_outputs: Option<&[&[f32]]>) {
        let units = self.part.units;
        let rows = self.output.len() / units;
        let mut apart = if R::SEPARATE { self.part.recurrent_bias.repeat(rows) } else { Vec::new() };
        let sums: &mut [f32] = if R::SEPARATE { &mut apart } else { self.gates };
        for (panels, earlier) in self.part.recurrent.iter().zip(earlier_outputs.unwrap_or_default()) {
            panels.add_product(earlier, sums);
        }
        wide(|| {
            for row in 0..rows {
                let (state, gates) =
                    (row * units..(row + 1) * units, row * R::GATES * units..(row + 1) * R::GATES * units);
                if active.is_some_and(|active| !active[row]) {
                    self.memory[state.clone()].copy_from_slice(&self.earlier_memory[state.clone()]);
                    self.output[state.clone()].copy_from_slice(&self.earlier_output[state]);
                    continue;
                }
                R::advance(Advance {
                    recurrent: if R::SEPARATE { &apart[gates.clone()] } else { &[] },
                    gates: &mut self.gates[gates],
                    earlier_memory: &self.earlier_memory[state.clone()],
                    earlier_output: &self.earlier_output[state.clone()],
                    memory: &mut self.memory[state.clone()],
                    output: &mut self.output[state],
                });
            }
        });
    }
}

//! One step of a long short-term memory row (Hochreiter and Schmidhuber, 1997), forwards and backwards.
//!
//! Gates in Keras's order: input, forget, cell, output. The memory of a step is its cell state.

use super::{Advance, BLOCK, Differentiate, Rule, load, store};
use pregonero_kernels::{sigmoid, tanh};

#[derive(Debug)]
pub(super) struct Lstm;

impl Rule for Lstm {
    const GATES: usize = 4;
    const SEPARATE: bool = false;

    #[inline(always)]
    fn advance(row: Advance<'_>) {
        let units = row.output.len();
        for start in (0..units).step_by(BLOCK) {
            let gate = |index: usize| load(&row.gates[index * units..(index + 1) * units], start);
            let (mut input, mut forget, mut candidate, mut out) = (gate(0), gate(1), gate(2), gate(3));
            let mut cell = load(row.earlier_memory, start);
            let mut output = [0.0; BLOCK];
            for index in 0..BLOCK {
                input[index] = sigmoid(input[index]);
                forget[index] = sigmoid(forget[index]);
                candidate[index] = tanh(candidate[index]);
                out[index] = sigmoid(out[index]);
                cell[index] = forget[index] * cell[index] + input[index] * candidate[index];
                output[index] = out[index] * tanh(cell[index]);
            }
            for (index, values) in [input, forget, candidate, out].iter().enumerate() {
                store(values, &mut row.gates[index * units..(index + 1) * units], start);
            }
            store(&cell, row.memory, start);
            store(&output, row.output, start);
        }
    }

    #[inline(always)]
    fn differentiate(row: Differentiate<'_>) {
        let units = row.memory.len();
        for start in (0..units).step_by(BLOCK) {
            let gate = |index: usize| load(&row.gates[index * units..(index + 1) * units], start);
            let (mut input, mut forget, mut candidate, mut out) = (gate(0), gate(1), gate(2), gate(3));
            let (cell, earlier) = (load(row.memory, start), load(row.earlier_memory, start));
            let gradient = load(row.output_gradient, start);
            let mut carried = load(row.carried_memory, start);
            for index in 0..BLOCK {
                let squashed = tanh(cell[index]);
                let (i, f, c, o) = (input[index], forget[index], candidate[index], out[index]);
                let cell_gradient = carried[index] + gradient[index] * o * (1.0 - squashed * squashed);
                input[index] = cell_gradient * c * i * (1.0 - i);
                forget[index] = cell_gradient * earlier[index] * f * (1.0 - f);
                candidate[index] = cell_gradient * i * (1.0 - c * c);
                out[index] = gradient[index] * squashed * o * (1.0 - o);
                carried[index] = cell_gradient * f;
            }
            for (index, values) in [input, forget, candidate, out].iter().enumerate() {
                store(values, &mut row.gates[index * units..(index + 1) * units], start);
            }
            store(&carried, row.carried_memory, start);
        }
        row.carried_output.fill(0.0);
    }
}

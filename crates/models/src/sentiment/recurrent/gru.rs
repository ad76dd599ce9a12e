//! One step of a gated recurrent unit's row (Cho et al., 2014), forwards and backwards, in Keras's `reset_after` form.
//!
//! Gates in Keras's order: update, reset, candidate. The reset gate acts on the recurrent product of the candidate, bias
//! included; that product is the step's memory.

use super::{Advance, BLOCK, Differentiate, Rule, load, store};
use pregonero_kernels::{sigmoid, tanh};

#[derive(Debug)]
pub(super) struct Gru;

impl Rule for Gru {
    const GATES: usize = 3;
    const SEPARATE: bool = true;

    #[inline(always)]
    fn advance(row: Advance<'_>) {
        let units = row.output.len();
        for start in (0..units).step_by(BLOCK) {
            let gate = |index: usize| load(&row.gates[index * units..(index + 1) * units], start);
            let product = |index: usize| load(&row.recurrent[index * units..(index + 1) * units], start);
            let (mut update, mut reset, mut candidate) = (gate(0), gate(1), gate(2));
            let (from_update, from_reset, memory) = (product(0), product(1), product(2));
            let mut output = load(row.earlier_output, start);
            for index in 0..BLOCK {
                update[index] = sigmoid(update[index] + from_update[index]);
                reset[index] = sigmoid(reset[index] + from_reset[index]);
                candidate[index] = tanh(candidate[index] + reset[index] * memory[index]);
                output[index] = update[index] * output[index] + (1.0 - update[index]) * candidate[index];
            }
            for (index, values) in [update, reset, candidate].iter().enumerate() {
                store(values, &mut row.gates[index * units..(index + 1) * units], start);
            }
            store(&memory, row.memory, start);
            store(&output, row.output, start);
        }
    }

    #[inline(always)]
    fn differentiate(row: Differentiate<'_>) {
        let units = row.memory.len();
        for start in (0..units).step_by(BLOCK) {
            let gate = |index: usize| load(&row.gates[index * units..(index + 1) * units], start);
            let (mut update, mut reset, mut candidate) = (gate(0), gate(1), gate(2));
            let (mut memory, earlier) = (load(row.memory, start), load(row.earlier_output, start));
            let gradient = load(row.output_gradient, start);
            let mut carried = [0.0; BLOCK];
            for index in 0..BLOCK {
                let (z, r, c) = (update[index], reset[index], candidate[index]);
                carried[index] = gradient[index] * z;
                update[index] = gradient[index] * (earlier[index] - c) * z * (1.0 - z);
                candidate[index] = gradient[index] * (1.0 - z) * (1.0 - c * c);
                reset[index] = candidate[index] * memory[index] * r * (1.0 - r);
                memory[index] = candidate[index] * r;
            }
            for (index, values) in [update, reset, candidate].iter().enumerate() {
                store(values, &mut row.gates[index * units..(index + 1) * units], start);
            }
            for (index, values) in [update, reset, memory].iter().enumerate() {
                store(values, &mut row.recurrent[index * units..(index + 1) * units], start);
            }
            store(&carried, row.carried_output, start);
        }
    }
}

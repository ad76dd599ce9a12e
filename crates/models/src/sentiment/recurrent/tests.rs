//! The fused layers compared with plain loops in f64 and with finite differences.

use candle_core::{Device, Var};
use rand::SeedableRng as _;
use rand_chacha::ChaCha12Rng;

use super::*;
use crate::sentiment::initial::uniform;

const STEPS: usize = 4;
const BATCH: usize = 3;
const WIDTH: usize = 3;

/// Returns LSTM and GRU, in one direction and both; 64 units are divided into two parts if there is one direction.
fn shapes(units: usize) -> [LayerShape; 4] {
    let shape = |cell, directions| LayerShape { cell, directions, units };
    [shape(Cell::Lstm, 1), shape(Cell::Lstm, 2), shape(Cell::Gru, 1), shape(Cell::Gru, 2)]
}

/// Draws random input and parameters, by the layer's shape.
fn random(shape: LayerShape, seed: u64) -> (Var, Var) {
    let mut rng = ChaCha12Rng::seed_from_u64(seed);
    let rows = shape.directions * (WIDTH + shape.units + shape.cell.biases());
    let columns = shape.cell.gates() * shape.units;
    let limit = 1.5 / (shape.units as f64).sqrt().max(1.5);
    let input = uniform(&mut rng, STEPS * BATCH * WIDTH, 1.5);
    let parameters = uniform(&mut rng, rows * columns, limit);
    (
        Var::from_vec(input, (STEPS, BATCH, WIDTH), &Device::Cpu).unwrap(),
        Var::from_vec(parameters, (rows, columns), &Device::Cpu).unwrap(),
    )
}

/// Returns a mask: the first row is padded on the left, the second on the right.
fn mask() -> Arc<Vec<bool>> {
    Arc::new((0..STEPS * BATCH).map(|place| !matches!((place / BATCH, place % BATCH), (0, 0) | (3, 1))).collect())
}

/// Computes one direction in f64, step by step; `[steps, batch, units]`.
fn plain_loop(input: &[f32], parameters: &[f32], shape: LayerShape, reverse: bool, active: &[bool]) -> Vec<f64> {
    let (units, columns) = (shape.units, shape.cell.gates() * shape.units);
    let parameter = |row: usize, column: usize| f64::from(parameters[row * columns + column]);
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let mut outputs = vec![0.0; STEPS * BATCH * units];
    for row in 0..BATCH {
        let (mut cell, mut hidden) = (vec![0.0; units], vec![0.0; units]);
        for position in 0..STEPS {
            let place = if reverse { STEPS - 1 - position } else { position } * BATCH + row;
            let from_input = |column: usize| {
                let read = |i: usize| f64::from(input[place * WIDTH + i]) * parameter(i, column);
                (0..WIDTH).map(read).sum::<f64>() + parameter(WIDTH, column)
            };
            let before = hidden.clone();
            let from_state =
                |column: usize| (0..units).map(|unit| before[unit] * parameter(WIDTH + 1 + unit, column)).sum::<f64>();
            for unit in (0..units).filter(|_| active[place]) {
                let both = |gate: usize| from_input(gate * units + unit) + from_state(gate * units + unit);
                hidden[unit] = match shape.cell {
                    Cell::Lstm => {
                        cell[unit] = sigmoid(both(1)) * cell[unit] + sigmoid(both(0)) * both(2).tanh();
                        sigmoid(both(3)) * cell[unit].tanh()
                    }
                    Cell::Gru => {
                        let bias = |gate: usize| parameter(WIDTH + 1 + units, gate * units + unit);
                        let (update, reset) = (sigmoid(both(0) + bias(0)), sigmoid(both(1) + bias(1)));
                        let recurrent = from_state(2 * units + unit) + bias(2);
                        let candidate = (from_input(2 * units + unit) + reset * recurrent).tanh();
                        update * before[unit] + (1.0 - update) * candidate
                    }
                };
            }
            outputs[place * units..][..units].copy_from_slice(&hidden);
        }
    }
    outputs
}

fn flat(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn every_layer_equals_a_plain_loop_in_f64() {
    for shape in shapes(2).into_iter().chain(shapes(64)) {
        for active in [None, Some(mask())] {
            let (input, parameters) = random(shape, 1);
            let output = recurrent_layer(&input, &parameters, shape, active.as_ref(), false).unwrap();
            assert_eq!(output.dims(), [STEPS, BATCH, shape.directions * shape.units]);
            let all_active = Arc::new(vec![true; STEPS * BATCH]);
            let active = active.as_ref().unwrap_or(&all_active);
            let parameters = flat(&parameters);
            for direction in 0..shape.directions {
                let size = parameters.len() / shape.directions;
                let parameters = &parameters[direction * size..][..size];
                let want = plain_loop(&flat(&input), parameters, shape, direction == 1, active);
                let got = flat(&output.narrow(2, direction * shape.units, shape.units).unwrap());
                for (got, want) in got.iter().zip(want) {
                    assert!(
                        (f64::from(*got) - want).abs() < 2e-6,
                        "{shape:?}, direction {direction}: {got} is not {want}"
                    );
                }
            }
        }
    }
}

/// Returns the gradients of input and parameters of a weighted sum of the outputs, in one list, and the sum itself.
fn weighted(shape: LayerShape, active: Option<&Arc<Vec<bool>>>, input: &Var, parameters: &Var, keep: bool) -> Tensor {
    let output = recurrent_layer(input, parameters, shape, active, keep).unwrap();
    let weighting = uniform(&mut ChaCha12Rng::seed_from_u64(7), output.elem_count(), 1.5);
    let weighting = Tensor::from_vec(weighting, output.shape(), &Device::Cpu).unwrap();
    (output * weighting).unwrap().sum_all().unwrap()
}

#[test]
fn gradients_equal_finite_differences() {
    for (shape, every) in shapes(2).into_iter().map(|shape| (shape, 1)).chain(shapes(64).map(|shape| (shape, 701))) {
        for active in [None, Some(mask())] {
            let (input, parameters) = random(shape, 2);
            let gradients = weighted(shape, active.as_ref(), &input, &parameters, true).backward().unwrap();
            for variable in [&input, &parameters] {
                let gradient = flat(gradients.get(variable).unwrap());
                let original = flat(variable);
                let set = |values: &[f32]| {
                    variable.set(&Tensor::from_slice(values, variable.shape(), &Device::Cpu).unwrap()).unwrap();
                };
                for index in (0..original.len()).step_by(every) {
                    let shifted = |by: f32| {
                        let mut values = original.clone();
                        values[index] += by;
                        set(&values);
                        let loss = weighted(shape, active.as_ref(), &input, &parameters, false);
                        f64::from(loss.to_scalar::<f32>().unwrap())
                    };
                    let difference = (shifted(0.01) - shifted(-0.01)) / 0.02;
                    let error = (difference - f64::from(gradient[index])).abs();
                    assert!(error < 1.5e-3, "{shape:?} value {index}: {} is not {difference}", gradient[index]);
                }
                set(&original);
            }
        }
    }
}

#[test]
fn a_layer_is_differentiated_once_and_only_with_its_activations_kept() {
    let shape = shapes(2)[0];
    let (input, parameters) = random(shape, 3);
    let message = weighted(shape, None, &input, &parameters, false).backward().unwrap_err().to_string();
    assert!(message.contains("without its activations kept"), "{message}");
    let wrong = LayerShape { units: 3, ..shape };
    let message = recurrent_layer(&input, &parameters, wrong, None, false).unwrap_err().to_string();
    assert!(message.contains("recurrent-layer: parameters are"), "{message}");
}

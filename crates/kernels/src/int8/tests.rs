use super::*;

fn values(count: usize, seed: u32) -> Vec<f32> {
    (0..count as u32).map(|i| ((i.wrapping_mul(2_654_435_761) ^ seed) >> 8) as f32 / 1e7 - 0.8).collect()
}

/// A matrix of one row per output, packed.
struct Packed {
    inputs: usize,
    outputs: usize,
    panels: Vec<i8>,
    scales: Vec<f32>,
    sums: Vec<i32>,
    bias: Vec<f32>,
}

impl Packed {
    fn new(matrix: &[f32], bias: &[f32], inputs: usize) -> Self {
        let outputs = bias.len();
        let lanes = width(outputs);
        let mut packed = Self {
            inputs,
            outputs,
            panels: vec![0; lanes * depth(inputs)],
            scales: vec![0.0; lanes],
            sums: vec![0; lanes],
            bias: vec![0.0; lanes],
        };
        packed.bias[..outputs].copy_from_slice(bias);
        for (output, row) in matrix.chunks_exact(inputs).enumerate() {
            let panel = &mut packed.panels[output / LANES * panel_size(inputs)..][..panel_size(inputs)];
            let (scale, sum) = quantise_output(row.iter().copied(), panel, output % LANES);
            (packed.scales[output], packed.sums[output]) = (scale, sum);
        }
        packed
    }

    fn weights(&self) -> Weights<'_> {
        Weights {
            inputs: self.inputs,
            outputs: self.outputs,
            panels: &self.panels,
            scales: &self.scales,
            sums: &self.sums,
            bias: &self.bias,
        }
    }
}

fn activations(rows: &[f32], inputs: usize, kernel: Kernel) -> Activations {
    let mut activations = Activations::of(rows.len() / inputs, inputs, kernel.flips());
    activations.rows_mut().iter_mut().zip(rows.chunks_exact(inputs)).for_each(|(place, row)| place.set(row));
    activations
}

const WRITE: Then<fn(&mut [f32])> = Then::Write;

#[test]
fn every_kernel_there_is_gives_the_bits_of_the_reference_for_every_number_of_rows() {
    let there: Vec<Kernel> = Kernel::ALL.into_iter().filter(|kernel| kernel.available()).collect();
    assert!(there.contains(&Kernel::Scalar));
    assert_eq!(refused().count(), 0, "no kernel of this processor differs from the reference");
    for (inputs, outputs) in [(1, 1), (48, 65), (64, 64), (200, 130), (768, 96)] {
        let packed = Packed::new(&values(inputs * outputs, 2), &values(outputs, 3), inputs);
        for rows in (1..=9).chain([16, 17, 33]) {
            let x = values(rows * inputs, 1 + rows as u32);
            let by = |kernel: Kernel| {
                let mut out = vec![0.0; rows * outputs];
                packed.weights().multiply_by(kernel, &activations(&x, inputs, kernel), &mut out, WRITE);
                out.iter().map(|value: &f32| value.to_bits()).collect::<Vec<_>>()
            };
            let want = by(Kernel::Scalar);
            for kernel in &there {
                assert!(by(*kernel) == want, "{kernel:?}: {rows} rows of {inputs} by {outputs}");
            }
        }
    }
}

#[test]
fn sums_of_the_largest_bytes_do_not_saturate_in_any_kernel() {
    let inputs = 1024;
    for (left, right) in [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)] {
        let packed = Packed::new(&vec![right; inputs * 64], &[0.0; 64], inputs);
        for kernel in Kernel::ALL.into_iter().filter(|kernel| kernel.available()) {
            let mut out = vec![0.0; 64 * 3];
            let x = activations(&vec![left; inputs * 3], inputs, kernel);
            packed.weights().multiply_by(kernel, &x, &mut out, WRITE);
            let want = left * right * inputs as f32;
            assert!(out.iter().all(|value| (value - want).abs() < 1e-3), "{kernel:?}: {} is not {want}", out[0]);
        }
    }
}

#[test]
fn products_are_near_those_of_the_unrounded_factors_and_a_row_does_not_know_its_neighbours() {
    let (rows, inputs, outputs) = (19, 150, 70);
    let (x, matrix, bias) = (values(rows * inputs, 4), values(inputs * outputs, 5), values(outputs, 6));
    let packed = Packed::new(&matrix, &bias, inputs);
    let mut out = vec![0.0; rows * outputs];
    packed.weights().multiply(&activations(&x, inputs, chosen()), &mut out, WRITE);
    for row in 0..rows {
        let x = &x[row * inputs..][..inputs];
        let rounded = activations(x, inputs, chosen());
        let mut alone = vec![1.0; outputs];
        packed.weights().multiply(&rounded, &mut alone, WRITE);
        assert_eq!(alone, out[row * outputs..][..outputs], "row {row}");
        let mut added = vec![1.0; outputs];
        packed.weights().multiply(&rounded, &mut added, Then::Add::<fn(&mut [f32])>);
        let mut mapped = vec![0.0; outputs];
        let double = |values: &mut [f32]| values.iter_mut().for_each(|value| *value *= 2.0);
        packed.weights().multiply(&rounded, &mut mapped, Then::Map(double));
        for output in 0..outputs {
            let weights = &matrix[output * inputs..][..inputs];
            let want: f32 = bias[output] + x.iter().zip(weights).map(|(x, weight)| x * weight).sum::<f32>();
            assert!((alone[output] - want).abs() < 0.15, "{} is not near {want}", alone[output]);
            assert_eq!(added[output], 1.0 + alone[output]);
            assert_eq!(mapped[output], 2.0 * alone[output]);
        }
    }
}

/// By numpy 2.4:
///
/// ```python
/// import numpy as np
/// x = np.array([0.5, -2.54, 1.27, 0.01, -0.03], np.float32)
/// s = np.abs(x).max() / np.float32(127); print(s, np.rint(x * (np.float32(127) / np.abs(x).max())))
/// ```
#[test]
fn a_row_is_rounded_as_numpy_rounds_it_and_a_row_of_zeros_stays_zero() {
    let x = [0.5, -2.54, 1.27, 0.01, -0.03];
    for flip in [false, true] {
        let mut activations = Activations::of(2, 5, flip);
        activations.rows_mut().iter_mut().zip([x, [0.0; 5]]).for_each(|(place, row)| place.set(&row));
        let shift = |values: &[i8]| -> Vec<u8> {
            values.iter().map(|value| value.cast_unsigned() ^ if flip { 0x80 } else { 0 }).collect()
        };
        assert_eq!(activations.block(0, 1).values[..6], shift(&[25, -127, 64, 0, -2, 0]));
        assert_eq!(activations.block(1, 1).values[..6], shift(&[0; 6]));
        assert_eq!((activations.scale(0), activations.scale(1)), (0.02, 0.0));
    }
}

#[test]
fn an_output_s_weights_are_read_back_to_half_a_step() {
    let (inputs, outputs) = (70, 80);
    let matrix = values(inputs * outputs, 7);
    let packed = Packed::new(&matrix, &vec![0.0; outputs], inputs);
    let mut row = vec![0.0; inputs];
    for output in 0..outputs {
        packed.weights().output(output, &mut row);
        let half = packed.scales[output] * 0.5001;
        assert!(row.iter().zip(&matrix[output * inputs..]).all(|(got, want)| (got - want).abs() <= half));
    }
}

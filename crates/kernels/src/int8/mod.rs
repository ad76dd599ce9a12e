//! Matrix products in int8: weights with one scale per output, activations with one scale per row, sums in i32.
//!
//! A product of int8 factors is exact in i32, so every kernel returns the same bits: AVX-512 VNNI, AVX-VNNI, AVX2,
//! AMX tiles, NEON's dot product and the scalar reference ([`Kernel`]). Scales and bias are applied by one function
//! for all of them, without fused operations. A row's result depends neither on the other rows nor on the processor.
//!
//! Weights are packed in panels of 64 outputs: `[outputs / 64 rounded up][inputs / 4][64][4]`, with zeros after the
//! last output and the last input; the number of inputs is rounded up to 64. So each kernel reads a panel from front
//! to back, and a file that has this order can be mapped and used as it is.

#[cfg(target_arch = "aarch64")]
mod arm;
mod choice;
mod quantise;
mod scalar;
#[cfg(target_arch = "x86_64")]
mod x86;

use rayon::prelude::*;

pub use choice::{Kernel, chosen, refused, use_only};
pub use quantise::{Activations, RowMut, panel_size, quantise_output};

/// Outputs per panel.
pub const LANES: usize = 64;
/// The number of inputs is rounded up to a multiple of this.
pub const DEPTH: usize = 64;
/// The most inputs of a product: the sum of this many products of two int8 values fits into 32 bits.
pub const MOST_INPUTS: usize = 1 << 17;
/// Rows that a task multiplies with one panel before it writes them.
const BLOCK: usize = 16;
/// Below this many multiplications a product stays on one thread: waking another costs more.
const SMALL: usize = 1 << 18;

/// A packed matrix with its scales, and the bias that is added to its products.
#[derive(Debug, Clone, Copy)]
pub struct Weights<'a> {
    pub inputs: usize,
    pub outputs: usize,
    /// `[panel][inputs / 4][64][4]`
    pub panels: &'a [i8],
    /// One value per output, to whole panels: what one step of the output's weights means.
    pub scales: &'a [f32],
    /// One value per output, to whole panels: the sum of the output's weights.
    pub sums: &'a [i32],
    /// One value per output, to whole panels.
    pub bias: &'a [f32],
}

/// Returns the number of inputs after padding.
#[must_use]
pub fn depth(inputs: usize) -> usize {
    inputs.next_multiple_of(DEPTH)
}

/// Returns the number of outputs after padding.
#[must_use]
pub fn width(outputs: usize) -> usize {
    outputs.next_multiple_of(LANES)
}

/// What is done with the products of a row.
#[derive(Debug, Clone, Copy)]
pub enum Then<F> {
    Write,
    /// Add them to the values already there.
    Add,
    /// Write what the function makes of them.
    Map(F),
}

impl Weights<'_> {
    fn check(&self) {
        let (panels, depth) = (self.outputs.div_ceil(LANES), depth(self.inputs));
        assert!(self.inputs <= MOST_INPUTS, "a sum of products fits into 32 bits");
        assert!(self.panels.len() == panels * depth * LANES, "the panels hold every weight");
        let lanes = panels * LANES;
        assert!(
            self.scales.len() == lanes && self.sums.len() == lanes && self.bias.len() == lanes,
            "every output has a scale, a sum and a bias"
        );
    }

    /// Copies the weights of one output, multiplied by their scale.
    pub fn output(&self, output: usize, out: &mut [f32]) {
        let depth = depth(self.inputs);
        let panel = &self.panels[output / LANES * depth * LANES..][..depth * LANES];
        let scale = self.scales[output];
        for (input, out) in out.iter_mut().enumerate() {
            *out = f32::from(panel[(input / 4 * LANES + output % LANES) * 4 + input % 4]) * scale;
        }
    }

    /// Computes `out[r] = x[r]·W + b` for every row, on all threads, with the fastest kernel there is.
    pub fn multiply<F: Fn(&mut [f32]) + Copy + Sync>(&self, x: &Activations, out: &mut [f32], then: Then<F>) {
        self.multiply_by(chosen(), x, out, then);
    }

    /// Does what [`Self::multiply`] does with this kernel, which the processor must have.
    pub fn multiply_by<F: Fn(&mut [f32]) + Copy + Sync>(
        &self,
        kernel: Kernel,
        x: &Activations,
        out: &mut [f32],
        then: Then<F>,
    ) {
        self.check();
        assert!(kernel.available(), "the processor has the kernel's instructions");
        assert!(x.depth() == depth(self.inputs) && x.flipped() == kernel.flips(), "activations fit weights and kernel");
        assert!(out.len() == x.rows() * self.outputs, "rows of x and out agree");
        let target = Target(out.as_mut_ptr());
        let panel_size = x.depth() * LANES;
        let panels = self.outputs.div_ceil(LANES);
        (0..panels).into_par_iter().with_min_len(SMALL.div_ceil(panel_size * x.rows().max(1))).for_each(|index| {
            let panel = &self.panels[index * panel_size..][..panel_size];
            let lanes = index * LANES..(index + 1) * LANES;
            let finish = Finish {
                scales: &self.scales[lanes.clone()],
                sums: kernel.flips().then(|| &self.sums[lanes.clone()]),
                bias: &self.bias[lanes.clone()],
            };
            let count = LANES.min(self.outputs - lanes.start);
            for first in (0..x.rows()).step_by(BLOCK) {
                let rows = BLOCK.min(x.rows() - first);
                let mut totals = [[0_i32; LANES]; BLOCK];
                kernel.multiply(x.block(first, rows), panel, &mut totals[..rows]);
                for (row, totals) in (first..).zip(&totals[..rows]) {
                    // SAFETY: each task writes its own columns of every row, and `out` has all of them.
                    let out = unsafe { target.columns(row * self.outputs + lanes.start, count) };
                    crate::wide(
                        #[inline(always)]
                        || finish.row(totals, x.scale(row), out, &then),
                    );
                }
            }
        });
    }
}

/// Where tasks write, each in columns of its own.
struct Target(*mut f32);

// SAFETY: the tasks of a product write disjoint columns.
unsafe impl Sync for Target {}

impl Target {
    /// # Safety
    /// The target must have these values, and nobody else may touch them meanwhile.
    #[expect(clippy::mut_from_ref, reason = "the caller promises that these columns are its own")]
    unsafe fn columns(&self, start: usize, count: usize) -> &mut [f32] {
        // SAFETY: as the caller promises.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(start), count) }
    }
}

/// What turns one panel's sums into values.
struct Finish<'a> {
    scales: &'a [f32],
    /// The sums of the weights, if the activations are shifted to be unsigned.
    sums: Option<&'a [i32]>,
    bias: &'a [f32],
}

impl Finish<'_> {
    #[inline(always)]
    fn row<F: Fn(&mut [f32])>(&self, totals: &[i32; LANES], scale: f32, out: &mut [f32], then: &Then<F>) {
        let mut values = [0.0_f32; LANES];
        let mut exact = *totals;
        if let Some(sums) = self.sums {
            for (total, sum) in exact.iter_mut().zip(sums) {
                *total = total.wrapping_sub(sum.wrapping_mul(128));
            }
        }
        for ((value, total), (weight_scale, bias)) in
            values.iter_mut().zip(&exact).zip(self.scales.iter().zip(self.bias))
        {
            *value = *total as f32 * (scale * weight_scale) + bias;
        }
        match then {
            Then::Write => out.copy_from_slice(&values[..out.len()]),
            Then::Add => out.iter_mut().zip(&values).for_each(|(out, value)| *out += value),
            Then::Map(map) => {
                map(&mut values);
                out.copy_from_slice(&values[..out.len()]);
            }
        }
    }
}

/// Rows of quantised activations that are next to each other.
#[derive(Debug, Clone, Copy)]
struct Block<'a> {
    /// `[row][depth]`, as signed values or, for kernels that flip, shifted by 128.
    values: &'a [u8],
    depth: usize,
}

#[cfg(test)]
mod tests;

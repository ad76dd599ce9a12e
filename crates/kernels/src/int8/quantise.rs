//! Rounds to int8: activations row by row while a model runs, weights output by output when it is loaded.
//!
//! Both are symmetric: the largest magnitude becomes 127, zero stays zero, and ties go to the even value.

use super::{LANES, depth};
use crate::maximum_magnitude;

/// Adding this rounds a value of at most 22 bits to an integer, whose low byte are the sum's lowest bits.
const ROUNDING: f32 = 12_582_912.0;
/// What shifts a signed byte to an unsigned one.
const FLIP: u8 = 0x80;

/// Rows of activations in int8, each with its scale.
#[derive(Debug, Clone)]
pub struct Activations {
    /// `[row][depth]`
    values: Vec<u8>,
    scales: Vec<f32>,
    inputs: usize,
    /// Whether the values are shifted by 128, for instructions that multiply unsigned with signed bytes.
    flipped: bool,
}

impl Activations {
    /// Creates `rows` rows of zeros for the fastest kernel there is.
    #[must_use]
    pub fn new(rows: usize, inputs: usize) -> Self {
        Self::of(rows, inputs, super::chosen().flips())
    }

    pub(super) fn of(rows: usize, inputs: usize, flipped: bool) -> Self {
        let zero = if flipped { FLIP } else { 0 };
        Self { values: vec![zero; rows * depth(inputs)], scales: vec![0.0; rows], inputs, flipped }
    }

    /// Returns the places of all rows, so that several threads can write them.
    pub fn rows_mut(&mut self) -> Vec<RowMut<'_>> {
        let (depth, inputs) = (self.depth(), self.inputs);
        let flip = if self.flipped { FLIP } else { 0 };
        let rows = self.values.chunks_exact_mut(depth.max(1)).zip(&mut self.scales);
        rows.map(|(values, scale)| RowMut { values: &mut values[..inputs], scale, flip }).collect()
    }

    pub(super) fn rows(&self) -> usize {
        self.scales.len()
    }

    pub(super) fn depth(&self) -> usize {
        depth(self.inputs)
    }

    pub(super) fn flipped(&self) -> bool {
        self.flipped
    }

    pub(super) fn scale(&self, row: usize) -> f32 {
        self.scales[row]
    }

    pub(super) fn block(&self, first: usize, rows: usize) -> super::Block<'_> {
        let depth = self.depth();
        super::Block { values: &self.values[first * depth..][..rows * depth], depth }
    }
}

/// One row of activations, to be written.
#[derive(Debug)]
pub struct RowMut<'a> {
    values: &'a mut [u8],
    scale: &'a mut f32,
    flip: u8,
}

impl RowMut<'_> {
    /// Rounds a row into this place. Call it inside [`crate::wide`].
    #[inline(always)]
    pub fn set(&mut self, row: &[f32]) {
        *self.scale = round_row(row, self.values, self.flip);
    }
}

/// Rounds a row and returns its scale.
#[inline(always)]
fn round_row(row: &[f32], out: &mut [u8], flip: u8) -> f32 {
    let largest = maximum_magnitude(row);
    let inverse = if largest > 0.0 { 127.0 / largest } else { 0.0 };
    for (out, value) in out.iter_mut().zip(row) {
        *out = (value * inverse + ROUNDING).to_bits() as u8 ^ flip;
    }
    largest / 127.0
}

/// Rounds the weights of one output into its place in a panel, `[inputs / 4][64][4]`; returns their scale and sum.
pub fn quantise_output(weights: impl Iterator<Item = f32> + Clone, panel: &mut [i8], lane: usize) -> (f32, i32) {
    let largest = weights.clone().fold(0.0_f32, |largest, weight| largest.max(weight.abs()));
    let inverse = if largest > 0.0 { 127.0 / largest } else { 0.0 };
    let mut sum = 0_i32;
    for (input, weight) in weights.enumerate() {
        let value = (weight * inverse).round_ties_even().clamp(-127.0, 127.0) as i8;
        panel[(input / 4 * LANES + lane) * 4 + input % 4] = value;
        sum += i32::from(value);
    }
    (largest / 127.0, sum)
}

/// Returns the length of a panel of this many inputs.
#[must_use]
pub fn panel_size(inputs: usize) -> usize {
    depth(inputs) * LANES
}

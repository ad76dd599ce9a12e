//! The row-by-row work of the training step: layer norm, residual sums, activations, column sums; forwards and
//! backwards.
//!
//! All rows of a task are one closure for [`wide`]; sums run in fixed lanes and tasks have a fixed size, so that a
//! result depends neither on the processor's vectors nor on the number of threads.

use rayon::prelude::*;

use super::dropout::Mask;
use crate::generation::activation::Activation;
use crate::generation::ops::moments;
use pregonero_kernels::{dot, sum, wide};

/// Rows per task.
pub(super) const ROWS_PER_TASK: usize = 32;

/// Scale, shift and the epsilon of a layer norm, which is added to the variance.
#[derive(Clone, Copy)]
pub(super) struct Norm<'a> {
    pub(super) weight: &'a [f32],
    pub(super) bias: &'a [f32],
    pub(super) epsilon: f32,
}

/// Computes `out = x + masked(added)` of some rows, whose first value has index `first` in the mask.
pub(super) fn add_masked(x: &[f32], added: &[f32], mask: Option<Mask>, first: usize, out: &mut [f32]) {
    wide(|| match mask {
        None => out.iter_mut().zip(x).zip(added).for_each(|((out, x), added)| *out = x + added),
        Some(mask) => {
            for (i, ((out, x), added)) in out.iter_mut().zip(x).zip(added).enumerate() {
                *out = x + added * mask.factor((first as u32).wrapping_add(i as u32));
            }
        }
    });
}

/// Computes `out = masked(x)` of some rows, whose first value has index `first` in the mask.
pub(super) fn copy_masked(x: &[f32], mask: Option<Mask>, first: usize, out: &mut [f32]) {
    let Some(mask) = mask else { return out.copy_from_slice(x) };
    wide(|| {
        for (i, (out, x)) in out.iter_mut().zip(x).enumerate() {
            *out = x * mask.factor((first as u32).wrapping_add(i as u32));
        }
    });
}

/// Computes `out = norm(x)`, row by row.
pub(super) fn norm_rows(x: &[f32], norm: Norm<'_>, out: &mut [f32]) {
    wide(|| normalise(x, norm, out));
}

/// Runs `work` on blocks of both matrices, with the index of the block's first value.
pub(super) fn by_blocks(
    one: &mut [f32],
    other: &mut [f32],
    columns: usize,
    work: impl Fn(usize, &mut [f32], &mut [f32]) + Sync,
) {
    let task = columns * ROWS_PER_TASK;
    let blocks = one.par_chunks_mut(task).zip(other.par_chunks_mut(task)).enumerate();
    blocks.for_each(|(index, (one, other))| work(index * task, one, other));
}

#[inline(always)]
fn normalise(x: &[f32], norm: Norm<'_>, out: &mut [f32]) {
    let width = norm.weight.len();
    for (out, row) in out.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
        let (mean, scale) = moments(row, norm.epsilon);
        for (((out, x), weight), bias) in out.iter_mut().zip(row).zip(norm.weight).zip(norm.bias) {
            *out = (x - mean) * scale * weight + bias;
        }
    }
}

/// Computes the backward pass of a layer norm for some rows: adds to (or sets) the gradient of `x`, and returns those of
/// scale and shift, one after the other.
pub(super) fn norm_backward(
    x: &[f32],
    norm: Norm<'_>,
    upstream: &[f32],
    x_gradient: &mut [f32],
    add: bool,
) -> Vec<f32> {
    let width = norm.weight.len();
    let mut sums = vec![0.0; 2 * width];
    let mut scratch = vec![0.0; 2 * width];
    wide(|| norm_backward_rows(x, norm, upstream, x_gradient, add, &mut sums, &mut scratch));
    sums
}

#[inline(always)]
fn norm_backward_rows(
    x: &[f32],
    norm: Norm<'_>,
    upstream: &[f32],
    x_gradient: &mut [f32],
    add: bool,
    sums: &mut [f32],
    scratch: &mut [f32],
) {
    let width = norm.weight.len();
    let count = width as f32;
    let (weight_sums, bias_sums) = sums.split_at_mut(width);
    let (normal, scaled) = scratch.split_at_mut(width);
    let rows = x_gradient.chunks_exact_mut(width).zip(x.chunks_exact(width).zip(upstream.chunks_exact(width)));
    for (x_gradient, (x, upstream)) in rows {
        let (mean, scale) = moments(x, norm.epsilon);
        for (normal, x) in normal.iter_mut().zip(x) {
            *normal = (x - mean) * scale;
        }
        for ((scaled, upstream), weight) in scaled.iter_mut().zip(upstream).zip(norm.weight) {
            *scaled = upstream * weight;
        }
        for ((sum, upstream), normal) in weight_sums.iter_mut().zip(upstream).zip(&*normal) {
            *sum += upstream * normal;
        }
        for (sum, upstream) in bias_sums.iter_mut().zip(upstream) {
            *sum += upstream;
        }
        let (mean_scaled, mean_dot) = (sum(scaled) / count, dot(scaled, normal) / count);
        let gradient = |scaled: f32, normal: f32| scale * (scaled - mean_scaled - normal * mean_dot);
        let values = x_gradient.iter_mut().zip(scaled.iter().zip(&*normal));
        if add {
            values.for_each(|(out, (scaled, normal))| *out += gradient(*scaled, *normal));
        } else {
            values.for_each(|(out, (scaled, normal))| *out = gradient(*scaled, *normal));
        }
    }
}

/// Computes `out = activation(x)` of some values, and replaces `x` by the function's slope.
pub(super) fn activate_and_slope(activation: Activation, x: &mut [f32], out: &mut [f32]) {
    wide(|| activation.apply_and_slope(x, out));
}

/// Computes `x = activation(x)` of some values.
pub(super) fn activate(activation: Activation, x: &mut [f32]) {
    wide(|| activation.apply_in_place(x));
}

/// Computes `x *= factors` of some values.
pub(super) fn multiply(x: &mut [f32], factors: &[f32]) {
    wide(|| x.iter_mut().zip(factors).for_each(|(x, factor)| *x *= factor));
}

/// Returns the sums of the columns of some rows.
pub(super) fn column_sums(rows: &[f32], columns: usize) -> Vec<f32> {
    let mut sums = vec![0.0; columns];
    wide(|| rows.chunks_exact(columns).for_each(|row| add_into(&mut sums, row)));
    sums
}

/// Computes `out = masked(x)` on all threads.
pub(super) fn masked(x: &[f32], mask: Mask, out: &mut [f32]) {
    const TASK: usize = 16 * 1024;
    out.par_chunks_mut(TASK).zip(x.par_chunks(TASK)).enumerate().for_each(|(index, (out, x))| {
        copy_masked(x, Some(mask), index * TASK, out);
    });
}

#[inline(always)]
pub(super) fn add_into(sums: &mut [f32], row: &[f32]) {
    for (sum, value) in sums.iter_mut().zip(row) {
        *sum += value;
    }
}

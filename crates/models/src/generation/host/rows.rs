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

/// Computes `sum = x + masked(added)` and `normal = norm(sum)`, row by row.
pub(super) fn residual_norm(
    x: &[f32],
    added: &[f32],
    mask: Option<Mask>,
    norm: Norm<'_>,
    out: &mut [f32],
    normal: &mut [f32],
) {
    let width = norm.weight.len();
    let task = width * ROWS_PER_TASK;
    out.par_chunks_mut(task)
        .zip(normal.par_chunks_mut(task))
        .zip(x.par_chunks(task).zip(added.par_chunks(task)))
        .enumerate()
        .for_each(|(index, ((out, normal), (x, added)))| {
            wide(|| {
                match mask {
                    None => out.iter_mut().zip(x).zip(added).for_each(|((out, x), added)| *out = x + added),
                    Some(mask) => {
                        let first = (index * task) as u32;
                        for (i, ((out, x), added)) in out.iter_mut().zip(x).zip(added).enumerate() {
                            *out = x + added * mask.factor(first.wrapping_add(i as u32));
                        }
                    }
                }
                normalise(out, norm, normal);
            });
        });
}

/// Computes `normal = norm(x)`, row by row.
pub(super) fn norm_rows(x: &[f32], norm: Norm<'_>, normal: &mut [f32]) {
    let task = norm.weight.len() * ROWS_PER_TASK;
    normal.par_chunks_mut(task).zip(x.par_chunks(task)).for_each(|(normal, x)| wide(|| normalise(x, norm, normal)));
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

/// Computes the backward pass of a layer norm: adds to (or sets) the gradient of `x`, and adds those of scale and
/// shift.
pub(super) fn norm_backward(
    x: &[f32],
    norm: Norm<'_>,
    upstream: &[f32],
    x_gradient: &mut [f32],
    add: bool,
    (weight_gradient, bias_gradient): (&mut [f32], &mut [f32]),
) {
    let width = norm.weight.len();
    let task = width * ROWS_PER_TASK;
    let partial: Vec<Vec<f32>> = x_gradient
        .par_chunks_mut(task)
        .zip(x.par_chunks(task).zip(upstream.par_chunks(task)))
        .map(|(x_gradient, (x, upstream))| {
            let mut sums = vec![0.0; 2 * width];
            let mut scratch = vec![0.0; 2 * width];
            wide(|| norm_backward_rows(x, norm, upstream, x_gradient, add, &mut sums, &mut scratch));
            sums
        })
        .collect();
    for sums in partial {
        add_into(weight_gradient, &sums[..width]);
        add_into(bias_gradient, &sums[width..]);
    }
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

/// Computes `out = activation(x)`.
pub(super) fn activate(activation: Activation, x: &[f32], out: &mut [f32], task: usize) {
    out.par_chunks_mut(task).zip(x.par_chunks(task)).for_each(|(out, x)| wide(|| activation.apply(x, out)));
}

/// Computes `out = activation(x)` again, and replaces `x` by the function's slope.
pub(super) fn activate_and_slope(activation: Activation, x: &mut [f32], out: &mut [f32], task: usize) {
    out.par_chunks_mut(task)
        .zip(x.par_chunks_mut(task))
        .for_each(|(out, x)| wide(|| activation.apply_and_slope(x, out)));
}

/// Computes `x *= factors` and adds up the columns of the result in `sums`.
pub(super) fn multiply_and_sum_columns(x: &mut [f32], factors: &[f32], sums: &mut [f32]) {
    let columns = sums.len();
    let task = columns * ROWS_PER_TASK;
    let partial: Vec<Vec<f32>> = x
        .par_chunks_mut(task)
        .zip(factors.par_chunks(task))
        .map(|(x, factors)| {
            let mut sums = vec![0.0; columns];
            wide(|| {
                for (x, factors) in x.chunks_exact_mut(columns).zip(factors.chunks_exact(columns)) {
                    for ((x, factor), sum) in x.iter_mut().zip(factors).zip(&mut sums) {
                        *x *= factor;
                        *sum += *x;
                    }
                }
            });
            sums
        })
        .collect();
    partial.iter().for_each(|partial| add_into(sums, partial));
}

/// Adds up the columns of `x` in `sums`.
pub(super) fn sum_columns(x: &[f32], sums: &mut [f32]) {
    let columns = sums.len();
    let partial: Vec<Vec<f32>> = x
        .par_chunks(columns * ROWS_PER_TASK)
        .map(|x| {
            let mut sums = vec![0.0; columns];
            wide(|| x.chunks_exact(columns).for_each(|row| add_into(&mut sums, row)));
            sums
        })
        .collect();
    partial.iter().for_each(|partial| add_into(sums, partial));
}

/// Computes `out = masked(x)`.
pub(super) fn masked(x: &[f32], mask: Mask, out: &mut [f32]) {
    const TASK: usize = 16 * 1024;
    out.par_chunks_mut(TASK).zip(x.par_chunks(TASK)).enumerate().for_each(|(index, (out, x))| {
        wide(|| {
            let first = (index * TASK) as u32;
            for (i, (out, x)) in out.iter_mut().zip(x).enumerate() {
                *out = x * mask.factor(first.wrapping_add(i as u32));
            }
        });
    });
}

#[inline(always)]
pub(super) fn add_into(sums: &mut [f32], row: &[f32]) {
    for (sum, value) in sums.iter_mut().zip(row) {
        *sum += value;
    }
}

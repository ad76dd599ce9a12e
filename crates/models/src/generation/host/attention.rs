//! Causal self-attention of whole sequences, forwards and backwards, with one task per sequence.
//!
//! Queries are processed in blocks, and each block is multiplied only with the keys up to its last query, which saves
//! almost half of the products. The weights are not kept: the backward pass computes them again.

use rayon::prelude::*;

use super::dropout::Mask;
use crate::generation::ops::softmax;
use pregonero_kernels::matrix::Matrix;
use pregonero_kernels::product::multiply_alone;
use pregonero_kernels::{dot, wide};

/// Queries per block.
const QUERIES: usize = 32;

/// The sizes of one call: `qkv` is `[sequences, steps, 3 * width]` in blocks `[q|k|v]`, heads side by side.
#[derive(Clone, Copy)]
pub(super) struct Attention {
    pub(super) steps: usize,
    pub(super) width: usize,
    pub(super) heads: usize,
    /// The factor of the products of queries and keys.
    pub(super) scale: f32,
    /// Dropout of the weights.
    pub(super) mask: Option<Mask>,
}

/// One head of one sequence.
#[derive(Clone, Copy)]
struct Head<'a> {
    sizes: Attention,
    qkv: &'a [f32],
    index: usize,
    /// Index of its first weight, for the mask.
    first: usize,
}

impl Attention {
    fn head(&self) -> usize {
        self.width / self.heads
    }

    fn blocks(&self) -> impl Iterator<Item = std::ops::Range<usize>> + use<> {
        let steps = self.steps;
        (0..steps).step_by(QUERIES).map(move |start| start..steps.min(start + QUERIES))
    }

    /// Computes `out`, `[sequences, steps, width]`.
    pub(super) fn forward(&self, qkv: &[f32], out: &mut [f32]) {
        let (steps, width) = (self.steps, self.width);
        out.par_chunks_mut(steps * width).zip(qkv.par_chunks(steps * 3 * width)).enumerate().for_each(
            |(sequence, (out, qkv))| {
                let mut weights = vec![0.0; QUERIES * steps];
                for index in 0..self.heads {
                    let head = self.of(qkv, sequence, index);
                    for queries in self.blocks() {
                        let weights = &mut weights[..queries.len() * queries.end];
                        head.weights(&queries, weights);
                        if let Some(mask) = self.mask {
                            head.drop(&queries, mask, weights);
                        }
                        let out = &mut out[queries.start * width + index * self.head()..];
                        multiply_alone(
                            Matrix::dense(weights, queries.end),
                            head.part(2, 0..queries.end),
                            out,
                            width,
                            1.0,
                            false,
                        );
                    }
                }
            },
        );
    }

    /// Computes `out`, the gradient of `qkv`, from the gradient of the result.
    pub(super) fn backward(&self, qkv: &[f32], upstream: &[f32], out: &mut [f32]) {
        let (steps, width) = (self.steps, self.width);
        out.par_chunks_mut(steps * 3 * width)
            .zip(qkv.par_chunks(steps * 3 * width).zip(upstream.par_chunks(steps * width)))
            .enumerate()
            .for_each(|(sequence, (out, (qkv, upstream)))| {
                out.fill(0.0);
                let mut scratch = Scratch::new(QUERIES * steps);
                for index in 0..self.heads {
                    let head = self.of(qkv, sequence, index);
                    for queries in self.blocks() {
                        head.backward(&queries, upstream, &mut scratch, out);
                    }
                }
            });
    }

    fn of<'a>(&self, qkv: &'a [f32], sequence: usize, index: usize) -> Head<'a> {
        Head { sizes: *self, qkv, index, first: (sequence * self.heads + index) * self.steps * self.steps }
    }
}

struct Scratch {
    weights: Vec<f32>,
    dropped: Vec<f32>,
    slopes: Vec<f32>,
}

impl Scratch {
    fn new(size: usize) -> Self {
        Self { weights: vec![0.0; size], dropped: vec![0.0; size], slopes: vec![0.0; size] }
    }
}

impl<'a> Head<'a> {
    /// Returns where row `step` of block 0 (q), 1 (k) or 2 (v) begins in `[steps, 3 * width]`.
    fn place(&self, block: usize, step: usize) -> usize {
        let width = self.sizes.width;
        step * 3 * width + block * width + self.index * self.sizes.head()
    }

    /// Returns rows of block 0 (q), 1 (k) or 2 (v).
    fn part(&self, block: usize, steps: std::ops::Range<usize>) -> Matrix<'a> {
        let start = self.place(block, steps.start);
        Matrix::strided(&self.qkv[start..], (steps.len(), self.sizes.head()), 3 * self.sizes.width)
    }

    /// Computes the attention weights of a block of queries, `[queries, keys]`; zero for keys after the query.
    fn weights(&self, queries: &std::ops::Range<usize>, weights: &mut [f32]) {
        let keys = self.part(1, 0..queries.end).transposed();
        multiply_alone(self.part(0, queries.clone()), keys, weights, queries.end, self.sizes.scale, false);
        wide(|| {
            for (query, row) in queries.clone().zip(weights.chunks_exact_mut(queries.end)) {
                let (seen, later) = row.split_at_mut(query + 1);
                softmax(seen);
                later.fill(0.0);
            }
        });
    }

    fn drop(&self, queries: &std::ops::Range<usize>, mask: Mask, weights: &mut [f32]) {
        wide(|| {
            for (query, row) in queries.clone().zip(weights.chunks_exact_mut(queries.end)) {
                let first = (self.first + query * self.sizes.steps) as u32;
                for (key, weight) in row.iter_mut().enumerate() {
                    *weight *= mask.factor(first.wrapping_add(key as u32));
                }
            }
        });
    }

    /// Adds the contribution of a block of queries to the gradients of this head's q, k and v.
    fn backward(&self, queries: &std::ops::Range<usize>, upstream: &[f32], scratch: &mut Scratch, out: &mut [f32]) {
        let (width, head, scale) = (self.sizes.width, self.sizes.head(), self.sizes.scale);
        let keys = queries.end;
        let size = queries.len() * keys;
        let weights = &mut scratch.weights[..size];
        self.weights(queries, weights);
        let slopes = &mut scratch.slopes[..size];
        let start = queries.start * width + self.index * head;
        let upstream = Matrix::strided(&upstream[start..], (queries.len(), head), width);
        multiply_alone(upstream, self.part(2, 0..keys).transposed(), slopes, keys, 1.0, false);
        let mut used = &*weights;
        if let Some(mask) = self.sizes.mask {
            let dropped = &mut scratch.dropped[..size];
            dropped.copy_from_slice(weights);
            self.drop(queries, mask, dropped);
            self.drop(queries, mask, slopes);
            used = dropped;
        }
        let stride = 3 * width;
        let values = self.place(2, 0);
        multiply_alone(Matrix::dense(used, keys).transposed(), upstream, &mut out[values..], stride, 1.0, true);
        wide(|| {
            for (slopes, weights) in slopes.chunks_exact_mut(keys).zip(weights.chunks_exact(keys)) {
                let total = dot(slopes, weights);
                for (slope, weight) in slopes.iter_mut().zip(weights) {
                    *slope = weight * (*slope - total);
                }
            }
        });
        let slopes = Matrix::dense(slopes, keys);
        let (query_place, key_place) = (self.place(0, queries.start), self.place(1, 0));
        multiply_alone(slopes, self.part(1, 0..keys), &mut out[query_place..], stride, scale, true);
        multiply_alone(slopes.transposed(), self.part(0, queries.clone()), &mut out[key_place..], stride, scale, true);
    }
}

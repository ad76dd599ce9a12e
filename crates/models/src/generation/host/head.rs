//! The last product of the network and its cross-entropy, some rows at a time, so that their logits are never all in
//! memory at once.

use rayon::prelude::*;

use pregonero_kernels::matrix::{Matrix, Start};
use pregonero_kernels::product::{Factors, multiply};
use pregonero_kernels::tiles::{self, BLOCK, Order, Packed};
use pregonero_kernels::{exponentials, maximum, wide};

/// Logits that are in memory at once.
const LOGITS: usize = 4 << 20;
/// The least number of rows at once: with fewer, the gradient of the embedding would cost more than they save.
const LEAST_ROWS: usize = 128;

/// Where the gradients of a head are written.
pub(super) struct HeadGradients<'a> {
    /// `[rows, width]`, overwritten.
    pub(super) hidden: &'a mut [f32],
    /// `[vocabulary, width]`.
    pub(super) embedding: &'a mut [f32],
    /// Whether the embedding's gradient is set rather than added to.
    pub(super) fresh: bool,
    /// The weight of a row's loss in the total.
    pub(super) weight: f32,
}

/// Rows at once with factors in bf16 are as many as there are 16 million logits for, in bf16, and at least these.
const ROUNDED_LOGITS: usize = 16 << 20;
const LEAST_ROUNDED_ROWS: usize = 512;

/// The buffers of a head with factors in bf16.
#[derive(Debug, Default)]
pub(super) struct Rounded {
    /// The embedding as the right factor of the logits, and of the hidden states' gradient.
    by_token: Packed,
    by_width: Packed,
    /// Hidden states as the left factor of the logits, and as the right one of the embedding's gradient.
    hidden: Packed,
    hidden_right: Packed,
    /// The logits' gradient as the left factor of the embedding's.
    slopes: Packed,
}

impl Rounded {
    /// Does what [`cross_entropy`] does, with factors in bf16. Logits are computed, made into their gradient and packed
    /// 64 rows at a time, so that they never leave the cache in f32.
    pub(super) fn cross_entropy(
        &mut self,
        hidden: &[f32],
        embedding: &[f32],
        targets: &[u32],
        gradients: HeadGradients<'_>,
    ) -> Vec<f32> {
        let width = hidden.len() / targets.len().max(1);
        let vocabulary = embedding.len() / width.max(1);
        let rows_at_once = (ROUNDED_LOGITS / vocabulary.max(1)).next_multiple_of(BLOCK).max(LEAST_ROUNDED_ROWS);
        let embedding = Matrix::dense(embedding, width.max(1));
        self.by_token.pack(embedding, Order::Pairs);
        self.by_width.pack(embedding.transposed(), Order::Pairs);
        let HeadGradients { hidden: hidden_gradient, embedding: embedding_gradient, fresh, weight } = gradients;
        let size = (rows_at_once * width).max(1);
        let chunks = hidden.chunks(size).zip(hidden_gradient.chunks_mut(size)).zip(targets.chunks(rows_at_once));
        let mut losses = Vec::with_capacity(targets.len());
        for (index, ((hidden, hidden_gradient), targets)) in chunks.enumerate() {
            let matrix = Matrix::dense(hidden, width);
            self.hidden.pack(matrix, Order::Rows);
            self.hidden_right.pack(matrix.transposed(), Order::Pairs);
            let (hidden, by_token, by_width) = (&self.hidden, &self.by_token, &self.by_width);
            let blocks = tiles::pack_transpose(
                &mut self.slopes,
                (targets.len(), vocabulary),
                hidden_gradient,
                |block, logits| {
                    tiles::multiply_block(hidden, block, by_token, logits, Start::Zero);
                    let rows = logits.chunks_exact_mut(vocabulary).zip(&targets[block * BLOCK..]);
                    rows.map(|(row, target)| wide(|| row_loss(row, *target as usize, Some(weight)))).collect::<Vec<_>>()
                },
                |slopes, out| tiles::multiply_block(slopes, 0, by_width, out, Start::Zero),
            );
            losses.extend(blocks.into_iter().flatten());
            let start = if fresh && index == 0 { Start::Zero } else { Start::Target };
            tiles::multiply_packed(&self.slopes, &self.hidden_right, embedding_gradient, start);
        }
        losses
    }
}

/// Returns the negative log-probability in nats of each row's target: `hidden` is `[rows, width]`, `embedding`
/// `[vocabulary, width]`. The buffer `logits` is reused between calls.
pub(super) fn cross_entropy(
    hidden: &[f32],
    embedding: &[f32],
    targets: &[u32],
    factors: Factors,
    logits: &mut Vec<f32>,
    mut gradients: Option<HeadGradients<'_>>,
) -> Vec<f32> {
    let width = hidden.len() / targets.len().max(1);
    let vocabulary = embedding.len() / width.max(1);
    let rows_at_once =
        (LOGITS / vocabulary.max(1)).next_multiple_of(32).clamp(LEAST_ROWS, targets.len().max(LEAST_ROWS));
    let by_token = Matrix::dense(embedding, width);
    let mut losses = Vec::with_capacity(targets.len());
    for (index, (hidden, targets)) in hidden.chunks(rows_at_once * width).zip(targets.chunks(rows_at_once)).enumerate()
    {
        logits.resize(targets.len() * vocabulary, 0.0);
        multiply(Matrix::dense(hidden, width), by_token.transposed(), logits, Start::Zero, factors);
        let slope_weight = gradients.as_ref().map(|gradients| gradients.weight);
        let rows = logits.par_chunks_exact_mut(vocabulary).zip(targets);
        losses.par_extend(rows.map(|(row, target)| wide(|| row_loss(row, *target as usize, slope_weight))));
        let Some(gradients) = &mut gradients else { continue };
        let slopes = Matrix::dense(logits, vocabulary);
        let out = &mut gradients.hidden[index * rows_at_once * width..][..hidden.len()];
        multiply(slopes, by_token, out, Start::Zero, factors);
        let start = if gradients.fresh && index == 0 { Start::Zero } else { Start::Target };
        multiply(slopes.transposed(), Matrix::dense(hidden, width), gradients.embedding, start, factors);
    }
    losses
}

/// Returns the loss of a row; if its slopes are requested, replaces its logits by them.
#[inline(always)]
fn row_loss(row: &mut [f32], target: usize, slope_weight: Option<f32>) -> f32 {
    let logit = row[target];
    let largest = maximum(row);
    let sum = exponentials(row, largest);
    if let Some(weight) = slope_weight {
        let scale = weight / sum;
        row.iter_mut().for_each(|value| *value *= scale);
        row[target] -= weight;
    }
    sum.ln() + largest - logit
}

//! The last product of the network and its cross-entropy, some rows at a time, so that their logits are never all in
//! memory at once.

use rayon::prelude::*;

use pregonero_kernels::matrix::{Matrix, Start};
use pregonero_kernels::product::{Factors, multiply};
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

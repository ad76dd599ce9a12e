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
        let vocabulary = embedding.len() * targets.len().max(1) / hidden.len().max(1);
        let rows = (ROUNDED_LOGITS / vocabulary.max(1)).next_multiple_of(BLOCK).max(LEAST_ROUNDED_ROWS);
        self.cross_entropy_by(rows, hidden, embedding, targets, gradients)
    }

    fn cross_entropy_by(
        &mut self,
        rows_at_once: usize,
        hidden: &[f32],
        embedding: &[f32],
        targets: &[u32],
        gradients: HeadGradients<'_>,
    ) -> Vec<f32> {
        let width = hidden.len() / targets.len().max(1);
        let vocabulary = embedding.len() / width.max(1);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn values(count: usize, seed: u32) -> Vec<f32> {
        (0..count as u32).map(|i| ((i.wrapping_mul(2_654_435_761) ^ seed) >> 8) as f32 / 1e7 - 0.8).collect()
    }

    fn furthest(one: &[f32], other: &[f32]) -> f32 {
        one.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn a_head_in_bf16_has_the_losses_and_gradients_of_one_in_f32_whatever_is_computed_at_once() {
        if !tiles::available() {
            return;
        }
        // 150 rows are two blocks and a part, and 85 tokens two panels and a part.
        let (rows, width, vocabulary, weight) = (150, 40, 85, 0.25);
        let (hidden, embedding) = (values(rows * width, 1), values(vocabulary * width, 2));
        let targets: Vec<u32> = (0..rows as u32).map(|row| row * 7 % vocabulary as u32).collect();
        let before = values(embedding.len(), 3);
        for fresh in [true, false] {
            let start = |fresh: bool| if fresh { vec![9.0; embedding.len()] } else { before.clone() };
            let (mut hidden_slopes, mut slopes) = (vec![0.0; hidden.len()], start(fresh));
            let gradients = HeadGradients { hidden: &mut hidden_slopes, embedding: &mut slopes, fresh, weight };
            let exact = cross_entropy(&hidden, &embedding, &targets, Factors::F32, &mut Vec::new(), Some(gradients));
            for rows_at_once in [64, 128, 512] {
                let (mut rounded_hidden, mut rounded) = (vec![5.0; hidden.len()], start(fresh));
                let gradients = HeadGradients { hidden: &mut rounded_hidden, embedding: &mut rounded, fresh, weight };
                let losses =
                    Rounded::default().cross_entropy_by(rows_at_once, &hidden, &embedding, &targets, gradients);
                assert_eq!(losses.len(), rows);
                assert!(furthest(&losses, &exact) < 0.05, "{}", furthest(&losses, &exact));
                let largest = hidden_slopes.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
                assert!(furthest(&rounded_hidden, &hidden_slopes) < 0.02 * largest, "{rows_at_once} rows");
                assert!(furthest(&rounded, &slopes) < 0.05, "{}", furthest(&rounded, &slopes));
            }
        }
    }
}

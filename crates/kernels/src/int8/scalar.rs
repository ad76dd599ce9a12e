//! The reference that every other kernel must equal bit for bit.

use super::{Block, LANES};

/// Computes the sums of one panel for every row of the block.
pub(super) fn multiply(x: Block<'_>, panel: &[i8], totals: &mut [[i32; LANES]]) {
    for (row, totals) in x.values.chunks_exact(x.depth).zip(totals) {
        *totals = [0; LANES];
        for (x, weights) in row.chunks_exact(4).zip(panel.chunks_exact(4 * LANES)) {
            for (total, weights) in totals.iter_mut().zip(weights.chunks_exact(4)) {
                for (x, weight) in x.iter().zip(weights) {
                    *total += i32::from(x.cast_signed()) * i32::from(*weight);
                }
            }
        }
    }
}

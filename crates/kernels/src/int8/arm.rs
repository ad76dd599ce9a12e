//! The kernel of ARM: NEON's dot product of signed bytes (ARMv8.2 and later).

use std::arch::aarch64::{int8x16_t, int32x4_t, vdupq_n_s32, vld1q_s8, vreinterpretq_s8_s32, vst1q_s32};
use std::arch::asm;

use super::{Block, LANES};

/// Rows whose sums of 16 outputs stay in registers at once.
const ROWS: usize = 4;
/// Bytes of a panel for four inputs.
const STEP: usize = 4 * LANES;

/// # Safety
/// Requires the dot product; the panel must be as deep as the rows, and there must be one total per row.
#[target_feature(enable = "neon,dotprod")]
pub(super) unsafe fn dot_product(x: Block<'_>, panel: &[i8], totals: &mut [[i32; LANES]]) {
    assert!(x.depth > 0 && panel.len() == x.depth * LANES, "a panel is as deep as the rows");
    assert!(x.values.len() == totals.len() * x.depth, "there is one total per row");
    for (rows, totals) in x.values.chunks(ROWS * x.depth).zip(totals.chunks_mut(ROWS)) {
        let (rows, sums) = (rows.as_ptr().cast::<i8>(), totals.as_mut_ptr().cast::<i32>());
        // SAFETY: the features are the caller's, the sizes are checked above.
        unsafe {
            match totals.len() {
                1 => multiply_rows::<1>(rows, x.depth, panel, sums),
                2 => multiply_rows::<2>(rows, x.depth, panel, sums),
                3 => multiply_rows::<3>(rows, x.depth, panel, sums),
                _ => multiply_rows::<ROWS>(rows, x.depth, panel, sums),
            }
        }
    }
}

/// # Safety
/// As [`dot_product`], for `N` rows.
#[target_feature(enable = "neon,dotprod")]
unsafe fn multiply_rows<const N: usize>(x: *const i8, depth: usize, panel: &[i8], sums: *mut i32) {
    for quarter in 0..4 {
        let mut totals = [[vdupq_n_s32(0); 4]; N];
        let mut weights = panel.as_ptr().wrapping_add(quarter * STEP / 4);
        for input in (0..depth).step_by(4) {
            // SAFETY: a step has 256 weights, of which this quarter is 64, and four values of each row.
            unsafe {
                let columns: [int8x16_t; 4] = std::array::from_fn(|part| vld1q_s8(weights.add(part * 16)));
                for (row, totals) in totals.iter_mut().enumerate() {
                    let values = x.add(row * depth + input).cast::<i32>().read_unaligned();
                    let values = vreinterpretq_s8_s32(vdupq_n_s32(values));
                    for (total, columns) in totals.iter_mut().zip(columns) {
                        *total = add_dot_products(*total, columns, values);
                    }
                }
            }
            weights = weights.wrapping_add(STEP);
        }
        for (row, totals) in totals.into_iter().enumerate() {
            for (part, total) in totals.into_iter().enumerate() {
                // SAFETY: there are 64 totals for each of the rows.
                unsafe { vst1q_s32(sums.add(row * LANES + quarter * 16 + part * 4), total) };
            }
        }
    }
}

/// Adds to each of four sums the product of four bytes with four others (`sdot`, for which there is no stable
/// intrinsic).
///
/// # Safety
/// Requires the dot product.
#[inline]
#[target_feature(enable = "neon,dotprod")]
unsafe fn add_dot_products(mut total: int32x4_t, left: int8x16_t, right: int8x16_t) -> int32x4_t {
    // SAFETY: the instruction reads and writes registers only.
    unsafe {
        asm!(
            "sdot {total:v}.4s, {left:v}.16b, {right:v}.16b",
            total = inout(vreg) total,
            left = in(vreg) left,
            right = in(vreg) right,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    total
}

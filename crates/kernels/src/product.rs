//! Matrix products over strided slices: in f32 by the `gemm` crate, or with factors rounded to bf16 by the processor's
//! own instructions (`tiles.rs`). Sums are f32 either way and do not depend on the number of threads.

use gemm::Parallelism;

use super::matrix::{Matrix, Start};
use super::tiles;

/// How the factors of a product are rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Factors {
    F32,
    /// Rounded to bf16; requires [`tiles::available`].
    Bf16,
}

/// Computes `out = a·b + start` on all threads; `out` is row-major and dense.
pub fn multiply(a: Matrix<'_>, b: Matrix<'_>, out: &mut [f32], start: Start<'_>, factors: Factors) {
    assert!(a.columns == b.rows && out.len() == a.rows * b.columns, "the sizes of a product agree");
    match factors {
        Factors::Bf16 => tiles::multiply(a, b, out, start),
        Factors::F32 => {
            if let Start::Row(row) = start {
                out.chunks_exact_mut(b.columns).for_each(|out| out.copy_from_slice(row));
            }
            let keep = !matches!(start, Start::Zero);
            multiply_f32(a, b, out, b.columns, 1.0, keep, Parallelism::Rayon(0));
        }
    }
}

/// Computes `out = alpha·a·b` on this thread, in f32; rows of `out` are `stride` values apart.
pub fn multiply_alone(a: Matrix<'_>, b: Matrix<'_>, out: &mut [f32], stride: usize, alpha: f32, add: bool) {
    multiply_f32(a, b, out, stride, alpha, add, Parallelism::None);
}

fn multiply_f32(
    a: Matrix<'_>,
    b: Matrix<'_>,
    out: &mut [f32],
    stride: usize,
    alpha: f32,
    add: bool,
    parallelism: Parallelism,
) {
    let (m, k, n) = (a.rows, a.columns, b.columns);
    if m == 0 || n == 0 || k == 0 {
        return;
    }
    assert!(k == b.rows && a.fits() && b.fits() && (m - 1) * stride + n <= out.len(), "a product stays in its slices");
    // SAFETY: the assertion above keeps every access of the three strided matrices inside its slice.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            stride.cast_signed(),
            add,
            a.values.as_ptr(),
            a.column_stride.cast_signed(),
            a.row_stride.cast_signed(),
            b.values.as_ptr(),
            b.column_stride.cast_signed(),
            b.row_stride.cast_signed(),
            1.0,
            alpha,
            false,
            false,
            false,
            parallelism,
        );
    }
}

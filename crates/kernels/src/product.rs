//! Matrix products over strided slices: in f32 by the `gemm` crate, or with factors rounded to bf16 on the processor's
//! matrix tiles (`tiles.rs`). Sums are f32 either way and do not depend on the number of threads.

use gemm::Parallelism;

use super::tiles;

/// How the factors of a product are rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Factors {
    F32,
    /// Needs [`tiles::available`].
    Bf16,
}

/// What a product is added to.
#[derive(Debug, Clone, Copy)]
pub enum Start<'a> {
    Zero,
    /// What already lies in the target.
    Target,
    /// The same row for every row of the product.
    Row(&'a [f32]),
}

/// A matrix somewhere in a slice.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    pub(super) values: &'a [f32],
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) row_stride: usize,
    pub(super) column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// A row-major matrix of `columns` that fills its slice.
    pub fn dense(values: &'a [f32], columns: usize) -> Self {
        Self { values, rows: values.len() / columns, columns, row_stride: columns, column_stride: 1 }
    }

    /// `rows` x `columns`, row-major, rows `stride` values apart, from the slice's first value on.
    pub fn strided(values: &'a [f32], (rows, columns): (usize, usize), stride: usize) -> Self {
        Self { values, rows, columns, row_stride: stride, column_stride: 1 }
    }

    pub fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }

    fn fits(&self) -> bool {
        (self.rows - 1) * self.row_stride + (self.columns - 1) * self.column_stride < self.values.len()
    }
}

/// `out = a·b + start` over all threads; `out` is row-major and dense.
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

/// `out = alpha·a·b` on this thread, in f32; rows of `out` are `stride` values apart.
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

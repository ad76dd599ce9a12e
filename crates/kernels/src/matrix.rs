//! The operands of a product: matrices laid out in slices, and the initial values that a product is added to.

/// The initial values that a product is added to.
#[derive(Debug, Clone, Copy)]
pub enum Start<'a> {
    Zero,
    /// The values already in the target.
    Target,
    /// The same row for every row of the product.
    Row(&'a [f32]),
}

/// A matrix laid out in a slice.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) row_stride: usize,
    pub(crate) column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// Wraps a row-major matrix of `columns` columns that fills its slice.
    pub fn dense(values: &'a [f32], columns: usize) -> Self {
        Self { values, rows: values.len() / columns, columns, row_stride: columns, column_stride: 1 }
    }

    /// Wraps a row-major matrix of `rows` x `columns` whose rows are `stride` values apart, from the slice's first
    /// value on.
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

    /// Returns whether all values are in the slice, also of a matrix without any.
    pub(crate) fn reaches(&self) -> bool {
        self.rows == 0 || self.columns == 0 || self.fits()
    }

    pub(crate) fn fits(&self) -> bool {
        (self.rows - 1) * self.row_stride + (self.columns - 1) * self.column_stride < self.values.len()
    }
}

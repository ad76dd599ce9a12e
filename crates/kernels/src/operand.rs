//! Matrices that several products share as a factor, such as the values of tokens between the layers of a network.
//!
//! With factors in bf16 such a matrix is packed once, block by block where it is computed, and exists in no other
//! form. In f32 it is a plain matrix.

use rayon::prelude::*;

use crate::matrix::{Matrix, Start};
use crate::product::{Factors, multiply};
use crate::tiles::{BLOCK, Forms, Order, Packed, multiply_block, multiply_packed};

/// What products follow of a matrix of values of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A linear layer's input: it is multiplied with the weights, and its transpose with the result's gradient.
    Input,
    /// The same where nothing is differentiated.
    OnlyForward,
    /// The gradient of a linear layer's result: it is multiplied with the weights, and the input's transpose with it.
    Gradient,
}

/// How products are computed, with the buffers that they share.
#[derive(Debug)]
pub struct Products {
    factors: Factors,
    /// The operand that was filled last, as a left factor.
    along: Packed,
    /// The one before.
    before: Packed,
    /// The weights of the current product.
    weights: Packed,
    /// The values of the current product, in f32.
    plain: Vec<f32>,
}

/// A matrix `[rows, columns]` as a factor of several products.
#[derive(Debug, Default)]
pub struct Operand {
    columns: usize,
    plain: Vec<f32>,
    /// The transpose, in the order that the role needs.
    across: Packed,
}

/// A linear layer, or its transpose: a product with weights, and what it is added to.
#[derive(Debug, Clone, Copy)]
pub struct Layer<'a> {
    pub weights: Matrix<'a>,
    pub start: Start<'a>,
}

impl Products {
    #[must_use]
    pub fn new(factors: Factors) -> Self {
        let [along, before, weights] = [(); 3].map(|()| Packed::default());
        Self { factors, along, before, weights, plain: Vec::new() }
    }

    /// Fills `operand`, `[rows, columns]`, in blocks of up to 64 rows, and returns what `produce` returns of each.
    /// `produce` gets the index of a block's first value, the block's part of `companion`, a matrix of the same size
    /// that it may read and change, and the room for the block's values.
    pub fn fill<R: Send>(
        &mut self,
        (operand, role): (&mut Operand, Role),
        columns: usize,
        companion: &mut [f32],
        produce: impl Fn(usize, &mut [f32], &mut [f32]) -> R + Sync,
    ) -> Vec<R> {
        operand.columns = columns;
        let size = BLOCK * columns;
        match self.factors {
            Factors::F32 => {
                operand.plain.resize(companion.len(), 0.0);
                let blocks = operand.plain.par_chunks_mut(size).zip(companion.par_chunks_mut(size)).enumerate();
                blocks.map(|(block, (out, companion))| produce(block * size, companion, out)).collect()
            }
            Factors::Bf16 => {
                let forms = Forms { along: &mut self.along, across: across(operand, role) };
                forms.pack_blocks(columns, companion, |block, companion, out| produce(block * size, companion, out))
            }
        }
    }

    /// Does what [`Products::fill`] does, with the product of `from` and a layer's weights in the room of a block before
    /// `produce` gets it. In bf16, `from` must be the operand that was filled last.
    pub fn chain<R: Send>(
        &mut self,
        from: &Operand,
        layer: Layer<'_>,
        to: (&mut Operand, Role),
        companion: &mut [f32],
        produce: impl Fn(usize, &mut [f32], &mut [f32]) -> R + Sync,
    ) -> Vec<R> {
        let columns = layer.weights.columns;
        match self.factors {
            Factors::F32 => {
                let mut product = std::mem::take(&mut self.plain);
                product.resize(companion.len(), 0.0);
                self.multiply(from, layer, &mut product);
                let results = self.fill(to, columns, companion, |at, companion, out| {
                    out.copy_from_slice(&product[at..at + out.len()]);
                    produce(at, companion, out)
                });
                self.plain = product;
                results
            }
            Factors::Bf16 => {
                self.weights.pack(layer.weights.transposed(), Order::Pairs);
                std::mem::swap(&mut self.along, &mut self.before);
                to.0.columns = columns;
                let (before, weights) = (&self.before, &self.weights);
                let forms = Forms { along: &mut self.along, across: across(to.0, to.1) };
                forms.pack_blocks(columns, companion, |block, companion, out| {
                    multiply_block(before, block, weights, out, layer.start);
                    produce(block * BLOCK * columns, companion, out)
                })
            }
        }
    }

    /// Computes `out`, the product of `from` and a layer's weights. In bf16, `from` must be the operand that was filled
    /// last.
    pub fn multiply(&mut self, from: &Operand, layer: Layer<'_>, out: &mut [f32]) {
        match self.factors {
            Factors::F32 => {
                multiply(Matrix::dense(&from.plain, from.columns), layer.weights, out, layer.start, Factors::F32);
            }
            Factors::Bf16 => {
                self.weights.pack(layer.weights.transposed(), Order::Pairs);
                multiply_packed(&self.along, &self.weights, out, layer.start);
            }
        }
    }

    /// Computes `out = inputᵀ·gradient + start`, the gradient of a layer's weights.
    pub fn weight_gradient(&self, input: &Operand, gradient: &Operand, out: &mut [f32], start: Start<'_>) {
        match self.factors {
            Factors::F32 => {
                let [input, gradient] = [input, gradient].map(|operand| Matrix::dense(&operand.plain, operand.columns));
                multiply(input.transposed(), gradient, out, start, Factors::F32);
            }
            Factors::Bf16 => multiply_packed(&input.across, &gradient.across, out, start),
        }
    }
}

/// Returns where the transpose of an operand is packed.
fn across(operand: &mut Operand, role: Role) -> Option<(&mut Packed, Order)> {
    match role {
        Role::Input => Some((&mut operand.across, Order::Rows)),
        Role::Gradient => Some((&mut operand.across, Order::Pairs)),
        Role::OnlyForward => None,
    }
}

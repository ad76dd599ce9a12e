//! The building blocks that have weights.

use std::sync::Arc;

use anyhow::Result;
use candle_core::Tensor;

use super::config::Kind;
use crate::sentiment::initial::Initial;
use crate::sentiment::recurrent::{Cell, LayerShape, recurrent_layer};

/// Creates or finds one weight by name and shape.
pub(super) type WeightSource<'a> = dyn FnMut(&str, &[usize], Initial) -> Result<Tensor> + 'a;

/// The weights of one direction of a recurrent layer.
#[derive(Debug, Clone)]
struct Direction {
    /// `[in, gates * units]`
    input_weight: Tensor,
    /// `[units, gates * units]`
    recurrent_weight: Tensor,
    /// `[gates * units]`
    bias: Tensor,
    /// `[gates * units]`; a GRU's second bias.
    recurrent_bias: Option<Tensor>,
}

/// One recurrent layer.
#[derive(Debug, Clone)]
pub(super) struct Recurrent {
    shape: LayerShape,
    directions: Vec<Direction>,
}

/// One dense layer without its activation.
#[derive(Debug, Clone)]
pub(super) struct Dense {
    /// `[in, out]`
    weight: Tensor,
    /// `[out]`
    bias: Tensor,
}

impl Recurrent {
    /// Builds layer `index` of a network, which reads `width` values per step.
    pub(super) fn build(
        kind: Kind,
        index: usize,
        width: usize,
        units: usize,
        source: &mut WeightSource<'_>,
    ) -> Result<Self> {
        let shape = LayerShape { cell: kind.cell(), directions: kind.directions(), units };
        let layer = format!("{}.{index}", kind.name());
        let names = match shape.directions {
            1 => vec![layer],
            _ => vec![format!("{layer}.forward"), format!("{layer}.backward")],
        };
        let build = |name: &String| Direction::build(name, shape.cell, width, units, source);
        Ok(Self { shape, directions: names.iter().map(build).collect::<Result<_>>()? })
    }

    /// Returns the number of values that it outputs per step.
    pub(super) fn width(&self) -> usize {
        self.shape.directions * self.shape.units
    }

    pub(super) fn frozen(&self) -> Self {
        Self { shape: self.shape, directions: self.directions.iter().map(Direction::frozen).collect() }
    }

    /// Packs all weights as [`recurrent_layer`] reads them.
    pub(super) fn pack(&self) -> Result<Tensor> {
        let mut rows = Vec::with_capacity(4 * self.directions.len());
        for direction in &self.directions {
            rows.extend([direction.input_weight.clone(), direction.bias.unsqueeze(0)?]);
            rows.push(direction.recurrent_weight.clone());
            if let Some(bias) = &direction.recurrent_bias {
                rows.push(bias.unsqueeze(0)?);
            }
        }
        Ok(Tensor::cat(&rows, 0)?)
    }

    /// Maps `[steps, batch, in]` to `[steps, batch, directions * units]`, with `parameters` from [`Recurrent::pack`].
    pub(super) fn forward(
        &self,
        sequence: &Tensor,
        parameters: &Tensor,
        active: Option<&Arc<Vec<bool>>>,
        training: bool,
    ) -> Result<Tensor> {
        Ok(recurrent_layer(sequence, parameters, self.shape, active, training)?)
    }
}

impl Direction {
    fn build(name: &str, cell: Cell, width: usize, units: usize, source: &mut WeightSource<'_>) -> Result<Self> {
        let columns = cell.gates() * units;
        let bias = match cell {
            Cell::Lstm => Initial::LstmBias,
            Cell::Gru => Initial::Zeros,
        };
        Ok(Self {
            input_weight: source(&format!("{name}.input_weight"), &[width, columns], Initial::Glorot)?,
            recurrent_weight: source(&format!("{name}.recurrent_weight"), &[units, columns], Initial::Orthogonal)?,
            bias: source(&format!("{name}.bias"), &[columns], bias)?,
            recurrent_bias: match cell {
                Cell::Lstm => None,
                Cell::Gru => Some(source(&format!("{name}.recurrent_bias"), &[columns], Initial::Zeros)?),
            },
        })
    }

    fn frozen(&self) -> Self {
        Self {
            input_weight: self.input_weight.detach(),
            recurrent_weight: self.recurrent_weight.detach(),
            bias: self.bias.detach(),
            recurrent_bias: self.recurrent_bias.as_ref().map(Tensor::detach),
        }
    }
}

impl Dense {
    pub(super) fn build(name: &str, width: usize, units: usize, source: &mut WeightSource<'_>) -> Result<Self> {
        Ok(Self {
            weight: source(&format!("{name}.weight"), &[width, units], Initial::Glorot)?,
            bias: source(&format!("{name}.bias"), &[units], Initial::Zeros)?,
        })
    }

    pub(super) fn frozen(&self) -> Self {
        Self { weight: self.weight.detach(), bias: self.bias.detach() }
    }

    pub(super) fn forward(&self, input: &Tensor) -> Result<Tensor> {
        Ok(input.matmul(&self.weight)?.broadcast_add(&self.bias)?)
    }
}

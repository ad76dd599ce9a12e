//! A recurrent layer, in one direction or both, as one operation over the whole sequence with its own backward pass.
//!
//! Everything is time-major, `[steps, batch, width]`, so that one time step is one contiguous block. A layer's work
//! is divided into *parts* that run in parallel: each direction is one, or, if there is only one direction, each half
//! of its units. If the layer were written step by step in candle, the backward pass alone would cost several times
//! as much. What a cell computes in one step is in `lstm` and `gru`; the products are `pregonero_kernels`'s, so a
//! row's output does not depend on the other rows of its batch. CPU and f32 only.

mod backward;
mod forward;
mod gru;
mod lstm;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::{Arc, Mutex};

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Storage, Tensor, bail};

use pregonero_kernels::LANES;

/// Units that a cell computes at a time, in registers.
const BLOCK: usize = 32;

/// The cell of a recurrent layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell {
    /// Gates input, forget, cell, output; one bias per gate.
    Lstm,
    /// Gates update, reset, candidate; two biases per gate (Keras's `reset_after`).
    Gru,
}

impl Cell {
    /// Returns the number of gates per unit.
    #[must_use]
    pub const fn gates(self) -> usize {
        match self {
            Self::Lstm => 4,
            Self::Gru => 3,
        }
    }

    /// Returns the number of biases per gate.
    #[must_use]
    pub const fn biases(self) -> usize {
        match self {
            Self::Lstm => 1,
            Self::Gru => 2,
        }
    }

    /// Returns the number of trainable values in one direction that reads `width` values per step.
    #[must_use]
    pub const fn parameters(self, width: usize, units: usize) -> usize {
        self.gates() * units * (width + units + self.biases())
    }
}

/// The sizes of a layer, independent of its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerShape {
    pub cell: Cell,
    /// 1 = forward only, 2 = forward and backward.
    pub directions: usize,
    /// Per direction.
    pub units: usize,
}

/// Runs a layer over `input`, `[steps, batch, in]`; the result is `[steps, batch, directions * units]`: at each step
/// the output of the forward direction, which has read up to that step, then that of the backward one, which has read
/// down to it.
///
/// For one direction after the other, `parameters` has the rows of the input weights, the input bias, the recurrent
/// weights and, for a GRU, the recurrent bias: `[directions * (in + units + biases), gates * units]`. If `active` is
/// given, `[steps * batch]`, a step that is not active passes on the row's state (Keras's masking).
/// `keep_for_backward` keeps what differentiation needs.
///
/// # Errors
/// If shapes do not fit or a tensor is not f32 on the CPU.
pub fn recurrent_layer(
    input: &Tensor,
    parameters: &Tensor,
    shape: LayerShape,
    active: Option<&Arc<Vec<bool>>>,
    keep_for_backward: bool,
) -> Result<Tensor> {
    let operation = RecurrentLayer { shape, active: active.cloned(), keep_for_backward, kept: Mutex::new(None) };
    input.contiguous()?.apply_op2(&parameters.contiguous()?, operation)
}

#[derive(Debug)]
struct RecurrentLayer {
    shape: LayerShape,
    active: Option<Arc<Vec<bool>>>,
    keep_for_backward: bool,
    kept: Mutex<Option<Vec<Vec<Trace>>>>,
}

/// What one part computed, by time step.
#[derive(Debug)]
struct Trace {
    /// The gates after their activations, `[steps, batch, gates * units]`.
    gates: Vec<f32>,
    /// What the cell remembers besides its output, `[steps, batch, units]`.
    memory: Vec<f32>,
    /// `[steps, batch, units]`.
    outputs: Vec<f32>,
}

/// All sizes of one run of one direction.
#[derive(Debug, Clone, Copy)]
struct Sizes<'a> {
    steps: usize,
    batch: usize,
    /// Values read per step.
    width: usize,
    shape: LayerShape,
    active: Option<&'a [bool]>,
    reverse: bool,
}

impl<'a> Sizes<'a> {
    fn new(input: &Shape, parameters: &Shape, shape: LayerShape, active: Option<&'a Arc<Vec<bool>>>) -> Result<Self> {
        let (steps, batch, width) = input.dims3()?;
        let sizes = Self { steps, batch, width, shape, active: active.map(|active| active.as_slice()), reverse: false };
        let want = (shape.directions * sizes.rows(), shape.cell.gates() * shape.units);
        if parameters.dims2()? != want {
            bail!("recurrent-layer: parameters are {parameters:?}, input {input:?} and {shape:?} ask for {want:?}");
        }
        if active.is_some_and(|active| active.len() != steps * batch) {
            bail!("recurrent-layer: the mask does not have {steps} times {batch} values");
        }
        Ok(sizes)
    }

    /// Returns these sizes for one of the directions.
    fn direction(self, direction: usize) -> Self {
        Self { reverse: direction == 1, ..self }
    }

    /// Returns the number of parameter rows of one direction.
    fn rows(self) -> usize {
        self.width + self.shape.units + self.shape.cell.biases()
    }

    /// Returns the number of values in one parameter row.
    fn columns(self) -> usize {
        self.shape.cell.gates() * self.shape.units
    }

    /// Returns the units of each part. A part is as wide as whole panels.
    fn parts(self) -> Vec<Range<usize>> {
        let units = self.shape.units;
        let count = if self.shape.directions == 1 && units.is_multiple_of(2 * LANES) { 2 } else { 1 };
        (0..count).map(|part| part * units / count..(part + 1) * units / count).collect()
    }

    /// Returns the time steps in the order in which a direction reads them.
    fn order(self) -> Vec<usize> {
        if self.reverse { (0..self.steps).rev().collect() } else { (0..self.steps).collect() }
    }

    /// Returns which rows of a step are active; `None` if all are.
    fn active(self, step: usize) -> Option<&'a [bool]> {
        self.active.map(|active| &active[step * self.batch..][..self.batch])
    }
}

impl CustomOp2 for RecurrentLayer {
    fn name(&self) -> &'static str {
        "recurrent-layer"
    }

    fn cpu_fwd(
        &self,
        input: &CpuStorage,
        input_layout: &Layout,
        parameters: &CpuStorage,
        parameters_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let sizes = Sizes::new(input_layout.shape(), parameters_layout.shape(), self.shape, self.active.as_ref())?;
        let (input, parameters) = (values(input, input_layout)?, values(parameters, parameters_layout)?);
        let traces = forward::run(input, parameters, sizes);
        let output =
            join_columns(&traces.iter().flatten().map(|trace| trace.outputs.as_slice()).collect::<Vec<_>>(), sizes);
        if self.keep_for_backward {
            *self.kept.lock().map_err(|_| poisoned())? = Some(traces);
        }
        Ok((CpuStorage::F32(output), (sizes.steps, sizes.batch, sizes.shape.directions * sizes.shape.units).into()))
    }

    fn bwd(
        &self,
        input: &Tensor,
        parameters: &Tensor,
        _output: &Tensor,
        output_gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let sizes = Sizes::new(input.shape(), parameters.shape(), self.shape, self.active.as_ref())?;
        let Some(traces) = self.kept.lock().map_err(|_| poisoned())?.take() else {
            bail!("recurrent-layer: differentiated twice, or without its activations kept")
        };
        let output_gradient = output_gradient.contiguous()?;
        let gradients = with_values(input, |input| {
            with_values(parameters, |parameters| {
                with_values(&output_gradient, |gradient| Ok(backward::run(input, parameters, gradient, traces, sizes)))
            })
        })?;
        let (input_gradient, parameter_gradient) = gradients;
        Ok((
            Some(Tensor::from_vec(input_gradient, input.shape(), input.device())?),
            Some(Tensor::from_vec(parameter_gradient, parameters.shape(), parameters.device())?),
        ))
    }
}

fn poisoned() -> candle_core::Error {
    candle_core::Error::Msg("recurrent-layer: a thread panicked while it held the activations".to_owned())
}

/// Returns the contiguous f32 values of a storage.
pub(super) fn values<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<f32>()?[start..end]),
        None => bail!("a tensor is not contiguous"),
    }
}

/// Runs `work` on the values of a contiguous f32 tensor on the CPU.
pub(super) fn with_values<R>(tensor: &Tensor, work: impl FnOnce(&[f32]) -> Result<R>) -> Result<R> {
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => work(values(storage, layout)?),
        _ => bail!("a tensor is not on the CPU"),
    }
}

/// Joins blocks of columns, each `[steps * batch, its width]`, side by side.
fn join_columns(blocks: &[&[f32]], sizes: Sizes<'_>) -> Vec<f32> {
    let rows = sizes.steps * sizes.batch;
    let mut joined = Vec::with_capacity(blocks.iter().map(|block| block.len()).sum());
    for row in 0..rows {
        for block in blocks {
            let width = block.len() / rows;
            joined.extend_from_slice(&block[row * width..][..width]);
        }
    }
    joined
}

/// The computation of a cell, for one row of one part at a time.
trait Rule: Sync {
    const GATES: usize;
    /// Whether the recurrent product stays separate from the projected input.
    const SEPARATE: bool;

    /// Takes one step: turns the gates' sums into activations, and writes memory and output.
    fn advance(row: Advance<'_>);

    /// Takes one step backwards: turns activations into the gradients of the gates' sums. What reaches the earlier
    /// step directly, not through the recurrent weights, is left in `carried_output` and `carried_memory`.
    fn differentiate(row: Differentiate<'_>);
}

struct Advance<'a> {
    /// The projected input, plus the recurrent product if it is not separate.
    gates: &'a mut [f32],
    /// The recurrent product if it is separate.
    recurrent: &'a [f32],
    earlier_memory: &'a [f32],
    earlier_output: &'a [f32],
    memory: &'a mut [f32],
    output: &'a mut [f32],
}

struct Differentiate<'a> {
    gates: &'a mut [f32],
    /// Where the gradient of the recurrent product is written if it is separate.
    recurrent: &'a mut [f32],
    memory: &'a [f32],
    earlier_memory: &'a [f32],
    earlier_output: &'a [f32],
    output_gradient: &'a [f32],
    carried_memory: &'a mut [f32],
    carried_output: &'a mut [f32],
}

/// Returns up to [`BLOCK`] values from `start` on, padded with zeros.
#[inline(always)]
fn load(values: &[f32], start: usize) -> [f32; BLOCK] {
    let mut block = [0.0; BLOCK];
    let rest = &values[start..];
    match rest.first_chunk::<BLOCK>() {
        Some(whole) => block = *whole,
        None => block[..rest.len()].copy_from_slice(rest),
    }
    block
}

/// Writes back what [`load`] read.
#[inline(always)]
fn store(block: &[f32; BLOCK], values: &mut [f32], start: usize) {
    let rest = &mut values[start..];
    match rest.first_chunk_mut::<BLOCK>() {
        Some(whole) => *whole = *block,
        None => rest.copy_from_slice(&block[..rest.len()]),
    }
}

/// Returns the block of `step` for writing and that of `other` for reading.
fn two_blocks(values: &mut [f32], block: usize, step: usize, other: usize) -> (&mut [f32], &[f32]) {
    let (low, high) = values.split_at_mut(step.max(other) * block);
    if step > other {
        (&mut high[..block], &low[other * block..][..block])
    } else {
        (&mut low[step * block..][..block], &high[..block])
    }
}

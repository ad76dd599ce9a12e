//! From the last recurrent layer's sequence to one state per row.

use std::sync::{Arc, Mutex};

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};

use crate::sentiment::recurrent::{values, with_values};

/// Returns the state of each direction after its own last step: of the forward one at the end, of the backward one at
/// the beginning.
pub(super) fn last_states(sequence: &Tensor, directions: usize) -> Result<Tensor> {
    let (steps, _, width) = sequence.dims3()?;
    if directions == 1 {
        return sequence.get(steps - 1);
    }
    let units = width / 2;
    let forward = sequence.get(steps - 1)?.narrow(1, 0, units)?;
    let backward = sequence.get(0)?.narrow(1, units, units)?;
    Tensor::cat(&[&forward, &backward], 1)
}

/// Returns the largest value of each feature over the active steps, `[steps, batch, width]` to `[batch, width]`;
/// zeros for a row without an active step.
pub(super) fn max_over_time(sequence: &Tensor, active: Option<&Arc<Vec<bool>>>) -> Result<Tensor> {
    sequence.contiguous()?.apply_op1(MaxOverTime { active: active.cloned(), from: Mutex::new(Vec::new()) })
}

struct MaxOverTime {
    active: Option<Arc<Vec<bool>>>,
    /// The place in the sequence that each value comes from; `None` if a row has no active step.
    from: Mutex<Vec<Option<usize>>>,
}

impl CustomOp1 for MaxOverTime {
    fn name(&self) -> &'static str {
        "max-over-time"
    }

    fn cpu_fwd(&self, sequence: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (_, batch, width) = layout.shape().dims3()?;
        let sequence = values(sequence, layout)?;
        let mut largest = vec![f32::NEG_INFINITY; batch * width];
        let mut from = vec![None; batch * width];
        for (place, row) in sequence.chunks_exact(width).enumerate() {
            if self.active.as_ref().is_some_and(|active| !active[place]) {
                continue;
            }
            let first = place % batch * width;
            for (feature, &value) in row.iter().enumerate() {
                // A NaN wins and stays: the loss must show it.
                if value > largest[first + feature] || value.is_nan() {
                    largest[first + feature] = value;
                    from[first + feature] = Some(place * width + feature);
                }
            }
        }
        largest.iter_mut().zip(&from).filter(|(_, from)| from.is_none()).for_each(|(value, _)| *value = 0.0);
        *self.from.lock().map_err(|_| poisoned())? = from;
        Ok((CpuStorage::F32(largest), (batch, width).into()))
    }

    fn bwd(&self, sequence: &Tensor, _largest: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let from = self.from.lock().map_err(|_| poisoned())?;
        let mut spread = vec![0.0f32; sequence.elem_count()];
        with_values(&gradient.contiguous()?, |gradient| {
            if gradient.len() != from.len() {
                bail!("max-over-time: differentiated before it ran");
            }
            for (&gradient, from) in gradient.iter().zip(from.iter()) {
                from.iter().for_each(|&from| spread[from] = gradient);
            }
            Ok(())
        })?;
        Ok(Some(Tensor::from_vec(spread, sequence.shape(), sequence.device())?))
    }
}

fn poisoned() -> candle_core::Error {
    candle_core::Error::Msg("max-over-time: a thread panicked while it held the places".to_owned())
}

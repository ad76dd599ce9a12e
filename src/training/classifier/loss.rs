//! The classifier's loss.

use anyhow::Result;
use candle_core::Tensor;

/// Binary cross-entropy of `logits`, `[rows]`, against `labels` 0 and 1: the mean over all rows, each times its weight
/// (Keras's `sum_over_batch_size`). Computed from the logits, so that a confident network does not overflow.
///
/// # Errors
/// Where the lengths differ or candle fails.
pub fn binary_cross_entropy(logits: &Tensor, labels: &[f32], weights: &[f32]) -> Result<Tensor> {
    let labels = Tensor::from_slice(labels, labels.len(), logits.device())?;
    let weights = Tensor::from_slice(weights, weights.len(), logits.device())?;
    let confident = (logits.relu()? - (logits * &labels)?)?;
    let remainder = (logits.abs()?.neg()?.exp()? + 1.0)?.log()?;
    Ok(((confident + remainder)? * weights)?.mean_all()?)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    // import torch
    // torch.nn.functional.binary_cross_entropy_with_logits(torch.tensor([-3., 0.5, 90., -90.]),
    //     torch.tensor([0., 1., 1., 1.]), weight=torch.tensor([1., 2., 1., 0.5]))  # 11.499186
    #[test]
    fn the_loss_is_that_of_pytorch_even_for_extreme_logits() {
        let logits = Tensor::new(&[-3f32, 0.5, 90.0, -90.0], &Device::Cpu).unwrap();
        let loss = binary_cross_entropy(&logits, &[0.0, 1.0, 1.0, 1.0], &[1.0, 2.0, 1.0, 0.5]).unwrap();
        let loss = loss.to_scalar::<f32>().unwrap();
        assert!((loss - 11.499186).abs() < 1e-5, "{loss}");
    }
}

//! The classifier's loss.

use anyhow::Result;
use candle_core::{D, Tensor};

/// Returns the cross-entropy of `logits`, `[rows, outputs]`, against each row's distribution over the labels: the mean over all
/// rows, each multiplied by its weight (Keras's `sum_over_batch_size`). One output stands for two labels. Computed from the
/// logits, so that a confident network does not overflow.
///
/// # Errors
/// If the lengths differ or candle fails.
pub fn cross_entropy(logits: &Tensor, targets: &[Vec<f32>], weights: &[f32]) -> Result<Tensor> {
    let outputs = logits.dim(1)?;
    if outputs == 1 {
        let second: Vec<f32> = targets.iter().map(|target| target[1]).collect();
        return binary_cross_entropy(&logits.squeeze(D::Minus1)?, &second, weights);
    }
    let targets = Tensor::from_vec(targets.concat(), (targets.len(), outputs), logits.device())?;
    let shifted = logits.broadcast_sub(&logits.max_keepdim(D::Minus1)?.detach())?;
    let log_sum = shifted.exp()?.sum_keepdim(D::Minus1)?.log()?;
    let losses = (shifted.broadcast_sub(&log_sum)? * targets)?.sum(D::Minus1)?.neg()?;
    weighted_mean(&losses, weights)
}

/// Returns the same for two labels: `logits`, `[rows]`, against the share of the second label in each row.
///
/// # Errors
/// If the lengths differ or candle fails.
pub fn binary_cross_entropy(logits: &Tensor, targets: &[f32], weights: &[f32]) -> Result<Tensor> {
    let targets = Tensor::from_slice(targets, targets.len(), logits.device())?;
    let confident = (logits.relu()? - (logits * targets)?)?;
    let remainder = (logits.abs()?.neg()?.exp()? + 1.0)?.log()?;
    weighted_mean(&(confident + remainder)?, weights)
}

fn weighted_mean(losses: &Tensor, weights: &[f32]) -> Result<Tensor> {
    let weights = Tensor::from_slice(weights, weights.len(), losses.device())?;
    Ok((losses * weights)?.mean_all()?)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;

    // import torch
    // torch.nn.functional.binary_cross_entropy_with_logits(torch.tensor([-3., 0.5, 90., -90.]),
    //     torch.tensor([0., 1., 1., 1.]), weight=torch.tensor([1., 2., 1., 0.5]))  # 11.499186
    #[test]
    fn the_loss_of_two_labels_is_that_of_pytorch_even_for_extreme_logits() {
        let logits = Tensor::new(&[[-3f32], [0.5], [90.0], [-90.0]], &Device::Cpu).unwrap();
        let targets = [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]].map(Vec::from);
        let loss = cross_entropy(&logits, &targets, &[1.0, 2.0, 1.0, 0.5]).unwrap();
        let loss = loss.to_scalar::<f32>().unwrap();
        assert!((loss - 11.499186).abs() < 1e-5, "{loss}");
    }

    // import torch
    // x = torch.tensor([[1., -2., 0.5], [80., -80., 0.], [0.3, 0.1, -0.4]], requires_grad=True)
    // t = torch.tensor([[0.7, 0.2, 0.1], [0., 1., 0.], [0.1, 0.3, 0.6]]); w = torch.tensor([1., 0.5, 2.])
    // l = (torch.nn.functional.cross_entropy(x, t, reduction="none") * w).mean(); l.backward(); l, x.grad
    const LOSS: f32 = 27.931_229;
    const GRADIENT: [f32; 9] =
        [-0.032_083_7, -0.056_647, 0.088_730_7, 0.166_666_7, -0.166_666_7, 0.0, 0.221_271, 0.035_743_4, -0.257_014_4];

    #[test]
    fn the_loss_of_three_labels_and_its_gradient_are_those_of_pytorch() {
        let logits = Var::new(&[[1f32, -2.0, 0.5], [80.0, -80.0, 0.0], [0.3, 0.1, -0.4]], &Device::Cpu).unwrap();
        let targets = [[0.7, 0.2, 0.1], [0.0, 1.0, 0.0], [0.1, 0.3, 0.6]].map(Vec::from);
        let loss = cross_entropy(&logits, &targets, &[1.0, 0.5, 2.0]).unwrap();
        assert!((loss.to_scalar::<f32>().unwrap() - LOSS).abs() < 1e-5);
        let gradient = loss.backward().unwrap().get(&logits).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        for (got, want) in gradient.iter().zip(GRADIENT) {
            assert!((got - want).abs() < 1e-6, "{gradient:?}");
        }
    }
}

//! The linear part of a network: weights of n-grams, summed for each row and added to the logits.
//!
//! As in Cheng et al. (2016), "Wide & Deep Learning for Recommender Systems". One operation over the few weights that
//! a row uses, whose backward pass writes only those.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};

use crate::sentiment::ngrams::Ngram;
use crate::sentiment::recurrent::{values, with_values};

/// Sums value times weight over the n-grams of each row; `weights` is `[buckets, outputs]`, the result `[rows,
/// outputs]`.
pub(super) fn sum_of_ngrams(weights: &Tensor, rows: Vec<Vec<Ngram>>) -> Result<Tensor> {
    weights.apply_op1(SumOfNgrams { rows })
}

struct SumOfNgrams {
    rows: Vec<Vec<Ngram>>,
}

impl CustomOp1 for SumOfNgrams {
    fn name(&self) -> &'static str {
        "sum-of-ngrams"
    }

    fn cpu_fwd(&self, weights: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (_, outputs) = layout.shape().dims2()?;
        let weights = values(weights, layout)?;
        let mut sums = vec![0.0f32; self.rows.len() * outputs];
        for (sums, ngrams) in sums.chunks_exact_mut(outputs).zip(&self.rows) {
            for &(bucket, value) in ngrams {
                let Some(weights) = weights.get(bucket as usize * outputs..(bucket as usize + 1) * outputs) else {
                    bail!("sum-of-ngrams: bucket {bucket} has no weight")
                };
                sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += value * weight);
            }
        }
        Ok((CpuStorage::F32(sums), (self.rows.len(), outputs).into()))
    }

    fn bwd(&self, weights: &Tensor, _sums: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (buckets, outputs) = weights.dims2()?;
        let mut sums = vec![0.0f32; buckets * outputs];
        with_values(&gradient.contiguous()?, |gradient| {
            for (gradient, ngrams) in gradient.chunks_exact(outputs).zip(&self.rows) {
                for &(bucket, value) in ngrams {
                    let sums = &mut sums[bucket as usize * outputs..][..outputs];
                    sums.iter_mut().zip(gradient).for_each(|(sum, gradient)| *sum += value * gradient);
                }
            }
            Ok(())
        })?;
        Ok(Some(Tensor::from_vec(sums, (buckets, outputs), weights.device())?))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;

    #[test]
    fn sums_and_gradients_are_those_of_a_product_with_a_sparse_matrix() {
        let weights = Var::from_vec(vec![1f32, 2.0, 3.0, 4.0, 5.0, 6.0], (3, 2), &Device::Cpu).unwrap();
        let rows = vec![vec![(0, 0.5), (2, 2.0)], vec![], vec![(2, -1.0)]];
        let sums = sum_of_ngrams(&weights, rows).unwrap();
        assert_eq!(sums.to_vec2::<f32>().unwrap(), [[10.5, 13.0], [0.0, 0.0], [-5.0, -6.0]]);
        let weighting = Tensor::new(&[[1f32, 10.0], [7.0, 7.0], [2.0, 20.0]], &Device::Cpu).unwrap();
        let gradients = (sums * weighting).unwrap().sum_all().unwrap().backward().unwrap();
        assert_eq!(gradients.get(&weights).unwrap().to_vec2::<f32>().unwrap(), [[0.5, 5.0], [0.0, 0.0], [0.0, 0.0]]);
    }

    #[test]
    fn a_bucket_without_a_weight_is_an_error() {
        let weights = Tensor::zeros((2, 1), candle_core::DType::F32, &Device::Cpu).unwrap();
        let message = sum_of_ngrams(&weights, vec![vec![(2, 1.0)]]).unwrap_err().to_string();
        assert!(message.contains("bucket 2 has no weight"), "{message}");
    }
}

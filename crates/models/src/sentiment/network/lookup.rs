//! From ids to word vectors, with the dropout that training applies to them, as one operation.
//!
//! Its backward pass writes only the rows of the table that were read; candle's own copies the table and multiplies
//! masks as if they were weights.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use rand::RngCore as _;
use rand_chacha::ChaCha12Rng;

use super::config::Architecture;
use crate::sentiment::recurrent::{values, with_values};

/// The factors by which training multiplies the word vectors.
#[derive(Debug)]
pub(super) enum Dropout {
    None,
    /// One factor per row and feature, the same at all steps; `[batch, width]`.
    Spatial(Vec<f32>),
    /// One factor per value; `[steps, batch, width]`.
    Values(Vec<f32>),
}

impl Dropout {
    /// Draws the masks that `architecture` specifies; if it specifies both kinds, their product.
    pub(super) fn draw(architecture: &Architecture, steps: usize, batch: usize, rng: &mut ChaCha12Rng) -> Self {
        let block = batch * architecture.embedding;
        let spatial =
            (architecture.spatial_dropout > 0.0).then(|| dropout_mask(rng, block, architecture.spatial_dropout));
        if architecture.dropout == 0.0 {
            return spatial.map_or(Self::None, Self::Spatial);
        }
        let mut mask = dropout_mask(rng, steps * block, architecture.dropout);
        if let Some(spatial) = spatial {
            mask.iter_mut().zip(spatial.iter().cycle()).for_each(|(mask, spatial)| *mask *= spatial);
        }
        Self::Values(mask)
    }

    /// Returns the factors of the word at place `row` of the time-major batch.
    fn of_row(&self, row: usize, width: usize) -> Option<&[f32]> {
        match self {
            Self::None => None,
            Self::Spatial(mask) => Some(&mask[row * width % mask.len()..][..width]),
            Self::Values(mask) => Some(&mask[row * width..][..width]),
        }
    }
}

/// Draws factors: zero with probability `rate`, rounded to 1/65536, else the scale that keeps the expected value.
pub(super) fn dropout_mask(rng: &mut ChaCha12Rng, count: usize, rate: f64) -> Vec<f32> {
    let threshold = (rate * 65_536.0).round() as u32;
    let kept = 65_536.0 / (65_536 - threshold.min(65_535)) as f32;
    let mut bytes = vec![0; 2 * count];
    rng.fill_bytes(&mut bytes);
    let draw = |pair: &[u8]| u32::from(u16::from_le_bytes([pair[0], pair[1]]));
    bytes.chunks_exact(2).map(|pair| if draw(pair) < threshold { 0.0 } else { kept }).collect()
}

/// Returns the rows `ids` of `table`, `[vocabulary, width]`, times the dropout; `[steps, batch, width]`. Every id
/// must have a row.
pub(super) fn look_up(
    table: &Tensor,
    ids: Vec<u32>,
    dropout: Dropout,
    (steps, batch): (usize, usize),
) -> Result<Tensor> {
    table.apply_op1(LookUp { ids, dropout, steps, batch })
}

struct LookUp {
    ids: Vec<u32>,
    dropout: Dropout,
    steps: usize,
    batch: usize,
}

impl CustomOp1 for LookUp {
    fn name(&self) -> &'static str {
        "look-up"
    }

    fn cpu_fwd(&self, table: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (_, width) = layout.shape().dims2()?;
        let table = values(table, layout)?;
        let mut vectors = Vec::with_capacity(self.ids.len() * width);
        for (row, &id) in self.ids.iter().enumerate() {
            let Some(vector) = table.get(id as usize * width..(id as usize + 1) * width) else {
                bail!("look-up: id {id} has no vector")
            };
            match self.dropout.of_row(row, width) {
                Some(mask) => vectors.extend(vector.iter().zip(mask).map(|(value, factor)| value * factor)),
                None => vectors.extend_from_slice(vector),
            }
        }
        Ok((CpuStorage::F32(vectors), (self.steps, self.batch, width).into()))
    }

    fn bwd(&self, table: &Tensor, _vectors: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (rows, width) = table.dims2()?;
        let mut sums = vec![0.0f32; rows * width];
        with_values(&gradient.contiguous()?, |gradient| {
            for (row, (&id, gradient)) in self.ids.iter().zip(gradient.chunks_exact(width)).enumerate() {
                let sums = &mut sums[id as usize * width..][..width];
                match self.dropout.of_row(row, width) {
                    Some(mask) => {
                        let factors = gradient.iter().zip(mask);
                        sums.iter_mut().zip(factors).for_each(|(sum, (value, factor))| *sum += value * factor);
                    }
                    None => sums.iter_mut().zip(gradient).for_each(|(sum, value)| *sum += value),
                }
            }
            Ok(())
        })?;
        Ok(Some(Tensor::from_vec(sums, (rows, width), table.device())?))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn a_mask_keeps_the_expected_value() {
        let mask = dropout_mask(&mut ChaCha12Rng::seed_from_u64(1), 10_000, 0.2);
        let mean = mask.iter().sum::<f32>() / mask.len() as f32;
        assert!((mean - 1.0).abs() < 0.02, "{mean}");
        assert!(mask.iter().all(|value| *value == 0.0 || (*value - 1.25).abs() < 1e-4));
    }

    #[test]
    fn spatial_dropout_takes_a_feature_from_a_row_at_all_its_steps_and_from_its_gradient() {
        let table = Var::from_vec((1..=8).map(|value| value as f32).collect(), (4, 2), &Device::Cpu).unwrap();
        let dropout = Dropout::Spatial(vec![0.0, 2.0, 2.0, 0.0]);
        let vectors = look_up(&table, vec![1, 3, 1, 0], dropout, (2, 2)).unwrap();
        let got: Vec<f32> = vectors.flatten_all().unwrap().to_vec1().unwrap();
        assert_eq!(got, [0.0, 8.0, 14.0, 0.0, 0.0, 8.0, 2.0, 0.0]);
        let weighting = Tensor::new(&[[[1f32, 10.0], [2.0, 20.0]], [[3.0, 30.0], [4.0, 40.0]]], &Device::Cpu).unwrap();
        let gradients = (vectors * weighting).unwrap().sum_all().unwrap().backward().unwrap();
        let gradient: Vec<f32> = gradients.get(&table).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        assert_eq!(gradient, [8.0, 0.0, 0.0, 80.0, 0.0, 0.0, 4.0, 0.0]);
    }
}

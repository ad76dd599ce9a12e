//! Dropout on a GPU: the device draws the masks, seeded for each pass from seed, step and part.

use candle_core::{DType, Device, Result, Tensor};

use pregonero_models::generation::gpt2::Dropout;
use pregonero_models::generation::host::dropout::DropoutSeed;

pub(super) struct SeededDropout;

impl SeededDropout {
    pub(super) fn new(seed: DropoutSeed, device: &Device) -> Result<Self> {
        device.set_seed(seed.number())?;
        Ok(Self)
    }
}

impl Dropout for SeededDropout {
    fn apply(&mut self, x: Tensor, probability: f32) -> Result<Tensor> {
        if probability <= 0.0 {
            return Ok(x);
        }
        let kept = Tensor::rand(0.0_f32, 1.0, x.shape(), x.device())?.ge(f64::from(probability))?;
        let mask = kept.to_dtype(DType::F32)?.affine(1.0 / (1.0 - f64::from(probability)), 0.0)?;
        &x * mask.to_dtype(x.dtype())?
    }
}

//! Dropout whose masks are a function of the seed, the step and the layer.

use candle_core::{Result, Tensor};
use rand::{RngCore as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::generation::gpt2::Dropout;

pub(super) struct SeededDropout {
    rng: ChaCha8Rng,
}

impl SeededDropout {
    pub(super) fn new(seed: u64, step: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0xD509_0075);
        rng.set_stream(step as u64);
        Self { rng }
    }
}

impl Dropout for SeededDropout {
    fn apply(&mut self, x: Tensor, probability: f32) -> Result<Tensor> {
        if probability <= 0.0 {
            return Ok(x);
        }
        // One byte a value: the probability is rounded to 1/256, and the scale to match it.
        let threshold = (probability * 256.0).round() as u8;
        let scale = 256.0 / (256.0 - f32::from(threshold));
        let mut bytes = vec![0; x.elem_count()];
        self.rng.fill_bytes(&mut bytes);
        let mask: Vec<f32> = bytes.iter().map(|byte| if *byte < threshold { 0.0 } else { scale }).collect();
        &x * Tensor::from_vec(mask, x.shape(), x.device())?
    }
}

//! Dropout whose masks are a function of the seed, the step, the place in the network and the value's index.
//!
//! Masks are not stored: the backward pass computes the same one again. The mixing function is Chris Wellons's
//! `lowbias32`.

use pregonero_text::hashing::{SPLITMIX64_STEP, splitmix64};

/// Where in the network values are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Embedding,
    /// The weights of a layer's attention.
    Attention(usize),
    /// What a layer's attention adds to the residual stream.
    AttentionOutput(usize),
    /// What a layer's feed-forward part adds to the residual stream.
    FeedForward(usize),
}

/// The dropout of one forward and backward pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DropoutSeed(u64);

impl DropoutSeed {
    /// Creates the dropout of part `part` (of an accumulated batch) of step `step`.
    pub fn new(seed: u64, step: usize, part: usize) -> Self {
        Self(splitmix64(splitmix64(seed ^ 0xD509_0075).wrapping_add(step as u64)).wrapping_add(part as u64))
    }

    /// Returns a number with which a device can seed its own generators.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }

    /// Returns the mask of a place; `None` if nothing is dropped there.
    pub(crate) fn mask(self, place: Place, probability: f32) -> Option<Mask> {
        if probability <= 0.0 {
            return None;
        }
        let place = match place {
            Place::Embedding => 0,
            Place::Attention(layer) => 1 + 3 * layer as u64,
            Place::AttentionOutput(layer) => 2 + 3 * layer as u64,
            Place::FeedForward(layer) => 3 + 3 * layer as u64,
        };
        let keys = splitmix64(self.0.wrapping_add(place.wrapping_mul(SPLITMIX64_STEP)));
        let threshold = (f64::from(probability) * 2.0_f64.powi(32)) as u32;
        Some(Mask { keys: (keys as u32, (keys >> 32) as u32), threshold, scale: 1.0 / (1.0 - probability) })
    }
}

/// Which values of one tensor are dropped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mask {
    keys: (u32, u32),
    threshold: u32,
    scale: f32,
}

impl Mask {
    /// Returns the factor of value `index`: 0, or the scale that makes up for the values that are zeroed.
    #[inline(always)]
    pub(crate) fn factor(self, index: u32) -> f32 {
        let mut x = index ^ self.keys.0;
        x ^= x >> 16;
        x = x.wrapping_mul(0x7FEB_352D);
        x ^= (x >> 15) ^ self.keys.1;
        x = x.wrapping_mul(0x846C_A68B);
        x ^= x >> 16;
        if x >= self.threshold { self.scale } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wanted_share_is_dropped_and_places_steps_and_seeds_differ() {
        let count = 200_000_u32;
        for probability in [0.1_f32, 0.5] {
            let kept = |seed: DropoutSeed, place| -> Vec<bool> {
                let mask = seed.mask(place, probability).expect("something is dropped");
                (0..count).map(|index| mask.factor(index) > 0.0).collect()
            };
            let first = kept(DropoutSeed::new(1, 7, 0), Place::Embedding);
            assert_eq!(first, kept(DropoutSeed::new(1, 7, 0), Place::Embedding));
            let others = [
                kept(DropoutSeed::new(2, 7, 0), Place::Embedding),
                kept(DropoutSeed::new(1, 8, 0), Place::Embedding),
                kept(DropoutSeed::new(1, 7, 1), Place::Embedding),
                kept(DropoutSeed::new(1, 7, 0), Place::Attention(0)),
                kept(DropoutSeed::new(1, 7, 0), Place::FeedForward(3)),
            ];
            let share = |kept: usize| kept as f64 / f64::from(count);
            let expected = 1.0 - f64::from(probability);
            for other in others {
                assert!((share(other.iter().filter(|kept| **kept).count()) - expected).abs() < 0.005);
                // Two independent masks both keep a value with the product of their probabilities.
                let both = first.iter().zip(&other).filter(|(a, b)| **a && **b).count();
                assert!((share(both) - expected * expected).abs() < 0.005);
            }
        }
        assert!(DropoutSeed::new(1, 1, 0).mask(Place::Embedding, 0.0).is_none());
    }
}

//! How much a critic and the likelihood each count in how well a text reads.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use pregonero_tweet::Likelihood;

/// A critic's probability is kept this far from 0 and 1, so that its logit is finite.
const SUREST: f64 = 1e-6;

/// The weights in `logistic(bias + critic * logit(p) + mean * m + weakest * w)`, how well a text reads: `p` is the
/// critic's probability ([`CriticKind`](super::critic::CriticKind) says of what), `m` and `w` are [`Likelihood::mean`] and [`Likelihood::weakest`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadingWeights {
    pub bias: f64,
    pub critic: f64,
    pub mean: f64,
    pub weakest: f64,
}

impl ReadingWeights {
    /// The weights without a critic, fitted to 326 candidates of the built-in generator that were judged blind:
    /// docs/decisions/0005-choice-between-candidates.md.
    pub const WITHOUT_CRITIC: Self = Self { bias: 2.8, critic: 0.0, mean: 1.5, weakest: 1.0 };

    /// The weights that a critic begins with, also where its `config.json` has none. The critic counts for little
    /// because it prefers what is new to it, whether or not it makes sense:
    /// docs/decisions/0005-choice-between-candidates.md.
    pub const OF_ANY_CRITIC: Self = Self { bias: 2.8, critic: 0.1, mean: 1.5, weakest: 1.0 };

    /// # Errors
    /// If one is not a finite number; the message names the key.
    pub(super) fn check(&self) -> Result<()> {
        for (key, value) in
            [("bias", self.bias), ("critic", self.critic), ("mean", self.mean), ("weakest", self.weakest)]
        {
            ensure!(value.is_finite(), "reading.{key}: {value} is not a finite number");
        }
        Ok(())
    }

    /// Returns the sum without the bias: the higher, the better a text reads.
    #[must_use]
    pub fn sum(&self, critic: Option<f32>, likelihood: Likelihood) -> f64 {
        let [logit, mean, weakest] = Self::parts(critic, likelihood);
        self.critic * logit + self.mean * mean + self.weakest * weakest
    }

    /// Returns what `critic`, `mean` and `weakest` are the weights of: the critic's logit and the likelihood's two numbers.
    #[must_use]
    pub fn parts(critic: Option<f32>, likelihood: Likelihood) -> [f64; 3] {
        let p = critic.map_or(0.5, f64::from).clamp(SUREST, 1.0 - SUREST);
        [(p / (1.0 - p)).ln(), f64::from(likelihood.mean), f64::from(likelihood.weakest)]
    }

    /// Returns how well a text reads, 0 to 1.
    #[must_use]
    pub fn reading(&self, critic: Option<f32>, likelihood: Likelihood) -> f32 {
        (1.0 / (1.0 + (-(self.bias + self.sum(critic, likelihood))).exp())) as f32
    }
}

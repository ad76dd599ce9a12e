//! The learning rate over a training: warm-up and decay, shared by generator and classifier.

use serde::{Deserialize, Serialize};

/// How the learning rate falls after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decay {
    /// In a straight line to 0, as transformers does by default.
    Linear,
    /// Along half a cosine to a tenth.
    Cosine,
    /// Stays constant.
    Constant,
}

/// Peak, warm-up and decay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// The highest learning rate.
    pub learning_rate: f64,
    /// The number of steps in which it rises from 0.
    pub warmup_steps: usize,
    pub decay: Decay,
}

impl Schedule {
    /// Returns the learning rate of step `step` (from 0) of `steps`: a straight line up from 0, then the decay, as transformers'
    /// `get_linear_schedule_with_warmup` does; with a warm-up, the very first step changes only the optimiser's moments.
    #[must_use]
    pub fn at(&self, step: usize, steps: usize) -> f64 {
        if step < self.warmup_steps {
            return self.learning_rate * step as f64 / self.warmup_steps as f64;
        }
        let left = steps.saturating_sub(self.warmup_steps).max(1) as f64;
        let done = ((step - self.warmup_steps) as f64 / left).min(1.0);
        match self.decay {
            Decay::Constant => self.learning_rate,
            Decay::Linear => self.learning_rate * (1.0 - done),
            Decay::Cosine => self.learning_rate * (0.1 + 0.45 * (1.0 + (std::f64::consts::PI * done).cos())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_learning_rate_rises_and_falls_as_its_schedule_says() {
        let schedule = |decay| Schedule { learning_rate: 1.0, warmup_steps: 4, decay };
        // s = transformers.get_linear_schedule_with_warmup(torch.optim.SGD([torch.zeros(1)], 1.0), 4, 12)
        // [(s.get_last_lr()[0], s.optimizer.step(), s.step())[0] for _ in range(12)]
        let linear: Vec<f64> = (0..12).map(|step| schedule(Decay::Linear).at(step, 12)).collect();
        assert_eq!(linear, [0.0, 0.25, 0.5, 0.75, 1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125]);
        let cosine = schedule(Decay::Cosine);
        assert!((cosine.at(8, 12) - 0.55).abs() < 1e-12);
        assert!((cosine.at(12, 12) - 0.1).abs() < 1e-12);
        assert_eq!(Schedule { warmup_steps: 0, ..schedule(Decay::Constant) }.at(0, 1), 1.0);
    }
}

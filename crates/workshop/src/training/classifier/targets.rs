//! The target of a row: a distribution over the labels, from a label, from teachers, or from both.

use anyhow::{Context as _, Result, ensure};

use super::sources::Teacher;
use pregonero_models::sentiment::Classifier;
use pregonero_models::sentiment::HeldOut;

/// Classifiers that label rows together.
#[derive(Debug)]
pub(super) struct Teachers {
    classifiers: Vec<Classifier>,
}

impl Teachers {
    /// Loads the teachers; every one must have the same `labels` in the same order.
    pub(super) fn load(teachers: &[Teacher], labels: &[String]) -> Result<Self> {
        let load = |teacher: &Teacher| -> Result<Classifier> {
            let classifier = Classifier::load(&teacher.files)?;
            let known = &classifier.config().labels;
            ensure!(known == labels, "it has the labels {}, not {}", known.join(", "), labels.join(", "));
            Ok(classifier)
        };
        let classifiers = teachers
            .iter()
            .map(|teacher| load(teacher).with_context(|| format!("teacher {}", teacher.name)))
            .collect::<Result<_>>()?;
        Ok(Self { classifiers })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.classifiers.is_empty()
    }

    /// Returns how many were trained with another split: they may have learned rows that this one holds out.
    pub(super) fn of_other_splits(&self, held_out: &HeldOut) -> usize {
        self.classifiers.iter().filter(|teacher| !teacher.config().held_out.holds_out_the_same(held_out)).count()
    }

    /// Returns the mean of their probabilities at the given temperature.
    pub(super) fn probabilities(&self, texts: &[&str], temperature: f32) -> Result<Vec<Vec<f32>>> {
        let mut sums: Vec<Vec<f32>> = Vec::new();
        for teacher in &self.classifiers {
            let probabilities = teacher.probabilities(texts)?;
            if sums.is_empty() {
                sums = probabilities;
                continue;
            }
            for (sum, probability) in sums.iter_mut().flatten().zip(probabilities.into_iter().flatten()) {
                *sum += probability;
            }
        }
        Ok(sums.into_iter().map(|sum| at_temperature(&sum, temperature)).collect())
    }
}

/// Returns `values` raised to one over the temperature and scaled to sum to 1.
fn at_temperature(values: &[f32], temperature: f32) -> Vec<f32> {
    let powers: Vec<f32> = values.iter().map(|value| value.powf(1.0 / temperature)).collect();
    let sum: f32 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

/// Returns a distribution with everything on one label.
pub(super) fn certain(label: usize, labels: usize) -> Vec<f32> {
    (0..labels).map(|other| if other == label { 1.0 } else { 0.0 }).collect()
}

/// Returns a mixture: `share` of the teachers' distribution, the rest from the row's own.
pub(super) fn mixed(own: &[f32], teachers: &[f32], share: f32) -> Vec<f32> {
    own.iter().zip(teachers).map(|(own, teachers)| (1.0 - share) * own + share * teachers).collect()
}

/// Returns the target with `share` of it spread over all labels (Szegedy et al., 2016).
pub(super) fn smoothed(target: &[f32], share: f32) -> Vec<f32> {
    let each = share / target.len() as f32;
    target.iter().map(|value| (1.0 - share) * value + each).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: &[f32], want: &[f32]) -> bool {
        got.len() == want.len() && got.iter().zip(want).all(|(got, want)| (got - want).abs() < 1e-6)
    }

    #[test]
    fn targets_stay_distributions() {
        assert!(close(&certain(1, 3), &[0.0, 1.0, 0.0]));
        assert!(close(&mixed(&[1.0, 0.0], &[0.4, 0.6], 0.25), &[0.85, 0.15]));
        assert!(close(&smoothed(&[0.0, 1.0, 0.0], 0.3), &[0.1, 0.8, 0.1]));
    }

    #[test]
    fn temperature_softens_above_one_and_sharpens_below() {
        assert!(close(&at_temperature(&[0.2, 0.8], 1.0), &[0.2, 0.8]));
        // sqrt(0.2) : sqrt(0.8) = 1 : 2, 0.04 : 0.64 = 1 : 16; a sum of two teachers is scaled as well.
        assert!(close(&at_temperature(&[0.2, 0.8], 2.0), &[1.0 / 3.0, 2.0 / 3.0]));
        assert!(close(&at_temperature(&[0.4, 1.6], 0.5), &[1.0 / 17.0, 16.0 / 17.0]));
    }
}

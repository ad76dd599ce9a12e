//! How well a text reads, as one number, from what a critic says of it and how likely the generator finds its own
//! words.
//!
//! A critic is a classifier with two labels. One kind tells people's texts from the generator's, the other the generator's
//! texts that a person would publish from those that they would not. It can judge any text; the likelihood is known only
//! for texts that the generator wrote here. How much each counts is in the critic's `config.json`, so that every critic has
//! its own weights.

use anyhow::{Context as _, Result};

use super::Classifier;
pub use super::reading::ReadingWeights;
use pregonero_tweet::Likelihood;

/// The label of texts that people wrote.
pub const WRITTEN: &str = "written";
/// The label of texts that the generator wrote.
pub const GENERATED: &str = "generated";
/// The label of the generator's texts that a person judged to be good.
pub const GOOD: &str = "good";
/// The label of the generator's texts that a person judged not to be good.
pub const POOR: &str = "poor";

/// What a critic's probability means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CriticKind {
    /// That a person wrote the text: it learned from people's texts and the generator's.
    Written,
    /// That the text is good: it learned from the generator's texts, as people judged them.
    Judged,
}

impl CriticKind {
    const ALL: [Self; 2] = [Self::Written, Self::Judged];

    /// Returns the kind of critic that has these labels, if any has.
    fn of(labels: &[String]) -> Option<Self> {
        let has = |label: &str| labels.iter().any(|known| known == label);
        Self::ALL.into_iter().find(|kind| labels.len() == 2 && kind.labels().into_iter().all(has))
    }

    /// Returns the two labels; the probability is that of the second.
    #[must_use]
    pub fn labels(self) -> [&'static str; 2] {
        match self {
            Self::Written => [GENERATED, WRITTEN],
            Self::Judged => [POOR, GOOD],
        }
    }

    /// Completes "probability that".
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Written => "a person wrote it",
            Self::Judged => "it is good",
        }
    }
}

/// Says how well texts read, with a critic or without one.
#[derive(Debug)]
pub struct Reader {
    critic: Option<(Classifier, CriticKind)>,
    weights: ReadingWeights,
}

impl Reader {
    /// Returns a reader without a critic: the likelihood alone decides.
    #[must_use]
    pub fn without_critic() -> Self {
        Self { critic: None, weights: ReadingWeights::WITHOUT_CRITIC }
    }

    /// # Errors
    /// If the classifier's labels are not those of a critic.
    pub fn with_critic(critic: Classifier) -> Result<Self> {
        let labels = &critic.config().labels;
        let kind = CriticKind::of(labels).with_context(|| {
            format!(
                "its labels are {}, but a critic's are {GENERATED} and {WRITTEN}, or {POOR} and {GOOD}: name a model of \
                 `pregonero train critic`, or none",
                labels.join(" and ")
            )
        })?;
        let weights = critic.config().reading.unwrap_or(ReadingWeights::OF_ANY_CRITIC);
        Ok(Self { critic: Some((critic, kind)), weights })
    }

    /// Returns the critic, where there is one.
    #[must_use]
    pub fn critic(&self) -> Option<&Classifier> {
        self.critic.as_ref().map(|(critic, _)| critic)
    }

    /// Returns what the critic's probability means; none without a critic.
    #[must_use]
    pub fn kind(&self) -> Option<CriticKind> {
        self.critic.as_ref().map(|(_, kind)| *kind)
    }

    /// Returns how much each part counts.
    #[must_use]
    pub fn weights(&self) -> &ReadingWeights {
        &self.weights
    }

    /// Returns the critic's probability for each text ([`CriticKind`] says of what); none without a critic.
    ///
    /// # Errors
    /// If candle fails.
    pub fn probabilities(&self, texts: &[&str]) -> Result<Vec<Option<f32>>> {
        let Some((critic, kind)) = &self.critic else { return Ok(vec![None; texts.len()]) };
        let [_, counted] = kind.labels();
        Ok(critic.score(texts)?.iter().map(|said| Some(said.probability(counted))).collect())
    }

    /// Returns how well a text reads; none for a text without likelihood.
    #[must_use]
    pub fn reading(&self, critic: Option<f32>, likelihood: Option<Likelihood>) -> Option<f32> {
        likelihood.map(|likelihood| self.weights.reading(critic, likelihood))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_is_the_documented_sum_in_a_logistic() {
        let weights = ReadingWeights { bias: 0.5, critic: 2.0, mean: 1.0, weakest: 0.25 };
        let likelihood = Likelihood { mean: -1.5, weakest: -4.0 };
        // logit(0.8) is ln 4.
        let sum = 2.0 * 4.0_f64.ln() - 1.5 - 1.0;
        assert!((weights.sum(Some(0.8), likelihood) - sum).abs() < 1e-6);
        let expected = 1.0 / (1.0 + (-(sum + 0.5)).exp());
        assert!((f64::from(weights.reading(Some(0.8), likelihood)) - expected).abs() < 1e-6);
        for certain in [0.0, 1.0] {
            assert!(weights.reading(Some(certain), likelihood).is_finite());
        }
        let without = Reader::without_critic();
        let expected = 1.0 / (1.0 + (-(2.8 - 2.25 - 4.0_f64)).exp());
        assert!((f64::from(without.reading(None, Some(likelihood)).unwrap()) - expected).abs() < 1e-6);
        assert_eq!(without.reading(None, None), None);
        assert_eq!(without.probabilities(&["Hoy"]).unwrap(), [None]);
    }

    #[test]
    fn a_classifier_of_other_labels_is_no_critic() {
        let files = crate::catalog::builtin::find(crate::catalog::ModelKind::Classifier, None).unwrap();
        let message = Reader::with_critic(Classifier::load(&files).unwrap()).unwrap_err().to_string();
        assert!(
            message
                .starts_with("its labels are negative and positive, but a critic's are generated and written, or poor"),
            "{message}"
        );
    }

    #[test]
    fn weights_that_are_no_numbers_are_named() {
        let weights = ReadingWeights { weakest: f64::NAN, ..ReadingWeights::WITHOUT_CRITIC };
        assert!(weights.check().unwrap_err().to_string().starts_with("reading.weakest"));
    }
}

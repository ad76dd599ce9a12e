//! The section `[sentiment]`: its keys, their defaults and their permitted values.

use pregonero_settings::{Checker, is_share};
use serde::{Deserialize, Serialize};

use crate::catalog::{ModelKind, ModelSource};

/// The keys of `[sentiment]` as the file writes them, with their defaults.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SentimentKeys {
    pub model: String,
    pub target: String,
    pub min_score: Option<f64>,
}

impl Default for SentimentKeys {
    fn default() -> Self {
        Self { model: "builtin".into(), target: "positive".into(), min_score: None }
    }
}

impl SentimentKeys {
    /// Returns the settings, each key parsed and in range; `None` if a fault was reported to `checker`.
    #[must_use]
    pub fn check(&self, checker: &mut Checker<'_>) -> Option<SentimentSettings> {
        let model = ModelSource::check(checker, "sentiment.model", ModelKind::Classifier, &self.model);
        let target = checker.keep("sentiment.target", sentiment_target(&self.target));
        let min_score = match self.min_score {
            Some(score) => checker.number("sentiment.min_score", score, is_share, "from 0 to 1").map(Some),
            None => Some(None),
        };
        let min_score = min_score.map(|score| score.map(|score| score as f32));
        Some(SentimentSettings { model: model?, target: target?, min_score: min_score? })
    }
}

/// The sentiment that the tweets should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SentimentTarget {
    /// One of the classifier's labels; whether the classifier has it is checked when it is loaded.
    Label(String),
    /// The label that the classifier finds most probable, whichever it is.
    Any,
}

#[derive(Debug, Clone)]
pub struct SentimentSettings {
    pub model: ModelSource,
    pub target: SentimentTarget,
    /// 0 to 1: the lowest acceptable probability of the target. Absent: the classifier's recommendation.
    pub min_score: Option<f32>,
}

/// Parses the target. Which labels a classifier has is known only when it is loaded.
fn sentiment_target(found: &str) -> Result<SentimentTarget, String> {
    match found.trim() {
        "" => Err("expected a label of the model, such as positive, or any; found an empty text".to_owned()),
        "any" => Ok(SentimentTarget::Any),
        label => Ok(SentimentTarget::Label(label.to_owned())),
    }
}

//! Measures cross-entropy and perplexity of a generator over texts, and of an n-gram model over the same tokens.

use std::f64::consts::LN_2;

use anyhow::Result;
use serde::Serialize;

use super::ngram::NgramModel;
use pregonero_models::catalog::ModelFiles;
use pregonero_models::generation::DeviceChoice;
use pregonero_models::generation::{Scorer, Surprise, Windows};

/// The tokens of an n-gram of the baseline: its context and the one that is predicted.
pub const BASELINE_ORDER: usize = 5;

/// How well a model predicts the tokens of some texts. The ends of the texts are predicted too: they count as tokens and
/// add to the nats, but have no bytes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Prediction {
    /// The number of tokens predicted, including end-of-text.
    pub tokens: usize,
    /// Mean negative log-probability per token, in nats.
    pub cross_entropy: f64,
    /// The exponential of the cross-entropy.
    pub perplexity: f64,
    pub bits_per_token: f64,
    pub nats_per_byte: f64,
    /// Bits per byte of UTF-8, which can be compared between models with different tokenizers.
    pub bits_per_byte: f64,
    /// The exponential of the nats per byte.
    pub perplexity_per_byte: f64,
}

impl Prediction {
    fn new(surprise: Surprise, bytes: usize) -> Self {
        let (cross_entropy, nats_per_byte) = (surprise.cross_entropy(), surprise.nats / bytes as f64);
        Self {
            tokens: surprise.tokens,
            cross_entropy,
            perplexity: cross_entropy.exp(),
            bits_per_token: cross_entropy / LN_2,
            nats_per_byte,
            bits_per_byte: nats_per_byte / LN_2,
            perplexity_per_byte: nats_per_byte.exp(),
        }
    }
}

/// How well a model, and the n-gram baseline, predict the texts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PerplexityReport {
    #[serde(flatten)]
    pub model: Prediction,
    pub texts: usize,
    /// The bytes of UTF-8 in all texts.
    pub bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<BaselineReport>,
}

/// An interpolated Kneser-Ney model of order [`BASELINE_ORDER`] over the tokens of the measured model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BaselineReport {
    pub order: usize,
    /// The number of tokens it was trained on.
    pub training_tokens: usize,
    #[serde(flatten)]
    pub prediction: Prediction,
}

/// Evaluates a model over `texts`; with `baseline`, also an n-gram model that is trained on the texts of `baseline`.
///
/// # Errors
/// If the model is unusable, the windows do not fit it or the texts, or there is too little text for the n-gram model.
pub fn evaluate_perplexity(
    files: &ModelFiles,
    device: DeviceChoice,
    texts: &[String],
    windows: Windows,
    baseline: Option<&[String]>,
) -> Result<PerplexityReport> {
    let scorer = Scorer::load(files, device)?;
    let bytes: usize = texts.iter().map(String::len).sum();
    let model = Prediction::new(scorer.score_texts(texts, windows)?, bytes);
    let baseline = baseline
        .map(|training| {
            let training = scorer.stream(training)?;
            let training_tokens = training.len();
            let ngrams = NgramModel::train(training, BASELINE_ORDER, scorer.vocabulary())?;
            let surprise = ngrams.score(&scorer.stream(texts)?);
            anyhow::Ok(BaselineReport {
                order: BASELINE_ORDER,
                training_tokens,
                prediction: Prediction::new(surprise, bytes),
            })
        })
        .transpose()?;
    Ok(PerplexityReport { model, texts: texts.len(), bytes, baseline })
}

//! What a folder with int8 weights says about them: what they were made from, and how much was lost.
//!
//! It is in `config.json` under `quantization_config`, where transformers looks too, which then says that it does not
//! know the method, instead of loading a model without its weights.

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use crate::catalog::ModelFiles;

/// The key of `config.json`.
pub(in crate::generation) const KEY: &str = "quantization_config";

/// The method's name.
pub(in crate::generation) const METHOD: &str = "pregonero_int8";

/// The largest part by which int8 may raise the perplexity for `generation.weights = "auto"` to take it.
pub const ALLOWED_LOSS: f64 = 0.005;

/// How a folder's weights were made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quantisation {
    pub quant_method: String,
    /// The model that they were made from, as the command line called it.
    pub made_from: String,
    /// Its digest.
    pub source_sha256: String,
    /// The version of this program that made them.
    pub made_by: String,
    pub check: Check,
}

/// How much was lost, measured when the weights were rounded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// What was read.
    pub texts: Texts,
    /// Tokens predicted.
    pub tokens: usize,
    /// Of the model as it was.
    pub perplexity_before: f64,
    /// Of the model with int8 weights.
    pub perplexity_after: f64,
    /// The largest difference between two logits of the same token.
    pub largest_logit_difference: f64,
    /// The root of the mean square of the logits as they were, around each position's mean: what the difference is
    /// measured against.
    pub logit_spread: f64,
    /// Whether the perplexity rose by no more than the allowed part.
    pub passed: bool,
}

/// What a check reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Texts {
    /// This file.
    File(String),
    /// What the model wrote by itself before its weights were rounded.
    Own,
}

impl Check {
    /// Returns by which part the perplexity rose; negative if it fell.
    #[must_use]
    pub fn loss(&self) -> f64 {
        self.perplexity_after / self.perplexity_before - 1.0
    }

    /// Returns the numbers in words.
    #[must_use]
    pub fn in_words(&self) -> String {
        let texts = match &self.texts {
            Texts::File(file) => format!("the texts of {file}"),
            Texts::Own => "texts that the model wrote itself".to_owned(),
        };
        format!(
            "perplexity {:.3} before and {:.3} after ({:+.2} %) over {} tokens of {texts}",
            self.perplexity_before,
            self.perplexity_after,
            100.0 * self.loss(),
            self.tokens
        )
    }
}

/// Reads what a folder says about its int8 weights; `None` for a model whose weights are not quantised.
///
/// # Errors
/// If the weights were quantised by another program, or the description is broken.
pub(in crate::generation) fn of_folder(files: &ModelFiles) -> Result<Option<Quantisation>> {
    const NAME: &str = "config.json";
    let label = || files.display(NAME);
    let mut config: serde_json::Value =
        serde_json::from_slice(&files.read(NAME)?).with_context(|| format!("{}: not valid JSON", label()))?;
    let Some(found) = config.get_mut(KEY).map(serde_json::Value::take).filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    match found.get("quant_method").and_then(serde_json::Value::as_str) {
        Some(METHOD) => {}
        other => bail!(
            "{}: {KEY} says that the weights were quantised by {}, which is not read: use the model as it was before, and \
             `pregonero models quantize` for int8",
            label(),
            other.unwrap_or("another program")
        ),
    }
    let quantisation = serde_json::from_value(found)
        .with_context(|| format!("{}: {KEY} cannot be read: quantize the model again", label()))?;
    Ok(Some(quantisation))
}

//! Cross-entropy and perplexity of the generator over a text.

use anyhow::Result;
use serde::Serialize;

use crate::catalog::ModelFiles;
use crate::generation::score_texts;
use crate::training::text::{self, Cleaning, TextSource};

/// What `evaluate generator` reports.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LanguageModelReport {
    /// Tokens predicted, end-of-text included.
    pub tokens: usize,
    /// Mean negative log-probability a token, in nats.
    pub cross_entropy: f64,
    /// Its exponential.
    pub perplexity: f64,
    /// Bits a byte of UTF-8: comparable between models of different tokenizers.
    pub bits_per_byte: f64,
    pub texts: usize,
}

/// Evaluates a model over the texts of `sources`.
///
/// # Errors
/// Unreadable texts or an unusable model.
pub fn evaluate_generator(
    files: &ModelFiles,
    sources: &[TextSource],
    cleaning: Cleaning,
    block: Option<usize>,
) -> Result<LanguageModelReport> {
    let (texts, _) = text::read_all(sources, cleaning)?;
    let surprise = score_texts(files, &texts, block)?;
    let bytes: usize = texts.iter().map(String::len).sum();
    let cross_entropy = surprise.nats / surprise.tokens as f64;
    Ok(LanguageModelReport {
        tokens: surprise.tokens,
        cross_entropy,
        perplexity: cross_entropy.exp(),
        bits_per_byte: surprise.nats / std::f64::consts::LN_2 / bytes as f64,
        texts: texts.len(),
    })
}

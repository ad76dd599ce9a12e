//! How a text is decoded: the strategy, the filters and the penalties.

use serde::{Deserialize, Serialize};

/// How the model's next-token distribution is turned into a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoding {
    pub strategy: Strategy,
    /// Above 0.
    pub temperature: f64,
    /// 0 = off.
    pub top_k: usize,
    /// (0, 1]; 1 = off.
    pub top_p: f64,
    /// The lowest probability of a token, as a share of the likeliest one's; 0 to 1; 0 = off.
    pub min_p: f64,
    /// The total probability of the tokens kept, those of the most typical surprise first; (0, 1]; 1 = off.
    pub typical_p: f64,
    /// At least 1; 1 = off.
    pub repetition_penalty: f64,
    /// 0 = off.
    pub no_repeat_ngram: usize,
    pub max_new_tokens: usize,
}

impl Default for Decoding {
    /// Returns the configuration's defaults.
    fn default() -> Self {
        Self {
            strategy: Strategy::Sample,
            temperature: 0.6,
            top_k: 50,
            top_p: 0.95,
            min_p: 0.1,
            typical_p: 1.0,
            repetition_penalty: 1.0,
            no_repeat_ngram: 3,
            max_new_tokens: 64,
        }
    }
}

impl Decoding {
    /// Returns decoding by the model's own distribution, with no filter and no penalty.
    #[must_use]
    pub const fn unfiltered(strategy: Strategy, max_new_tokens: usize) -> Self {
        Self {
            strategy,
            temperature: 1.0,
            top_k: 0,
            top_p: 1.0,
            min_p: 0.0,
            typical_p: 1.0,
            repetition_penalty: 1.0,
            no_repeat_ngram: 0,
            max_new_tokens,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    Sample,
    Greedy,
    Beam,
}

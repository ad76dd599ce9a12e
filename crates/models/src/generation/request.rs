//! A request to an engine, and why it may yield nothing.

use std::collections::BTreeMap;

use super::control::ControlError;
use super::decoding_settings::Decoding;
use super::finishing::LengthBudget;
use super::server_error::ServerError;
use pregonero_text::hashing::{SPLITMIX64_STEP, splitmix64};

/// A request to an engine.
#[derive(Debug, Clone)]
pub struct GenerationRequest {
    /// The words to continue; may be empty.
    pub prompt: String,
    /// What the text should be like: values by attribute, for a model with control tokens. Missing ones are empty.
    pub attributes: BTreeMap<String, String>,
    /// One candidate is sampled per seed. Greedy decoding yields one candidate whatever their number; beam search
    /// yields as many as there are seeds.
    pub seeds: Vec<u64>,
    pub decoding: Decoding,
    /// Where a text is cut; absent to leave the model's continuation untouched.
    pub length: Option<LengthBudget>,
}

/// Why an engine returned no candidates.
#[derive(Debug, thiserror::Error)]
pub enum GenerationError {
    /// The prompt leaves no room in the model's context.
    #[error(
        "prompt and attributes take {tokens} tokens, but the model reads at most {context} and needs one to write: \
         shorten them"
    )]
    PromptTooLong { tokens: usize, context: usize },
    /// The model cannot write from these attributes.
    #[error(transparent)]
    Attributes(#[from] ControlError),
    /// One row alone does not fit into memory.
    #[error("generating needs {needed} MiB of memory, but only {available} MiB are free")]
    OutOfMemory { needed: u64, available: u64 },
    /// The model is on a server, which failed.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The server reads text with another tokenizer, so its control tokens are not known.
    #[error(
        "engine.files are not the files of the server's model: it reads text with another tokenizer; name the right ones, or \
         leave out the attribute {name:?}"
    )]
    OtherTokenizer { name: String },
    /// Servers have no beam search that all of them share.
    #[error("generation.strategy: beam needs a model on this machine; choose sample or greedy for a model on a server")]
    NoBeamsOnServers,
    /// The engine's thread ended.
    #[error("the engine has stopped")]
    Stopped,
    /// candle or the tokenizer failed.
    #[error("generation failed: {0:#}")]
    Failed(anyhow::Error),
}

impl From<anyhow::Error> for GenerationError {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

/// Derives the seeds of a round's candidates from the round's own seed: SplitMix64 (Steele et al. 2014), cut to 63
/// bits so that SQLite and JSON can store them.
#[must_use]
pub fn candidate_seeds(rng_seed: u64, count: usize) -> Vec<u64> {
    (0..count as u64).map(|index| splitmix64(rng_seed.wrapping_add(index.wrapping_mul(SPLITMIX64_STEP))) >> 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_of_candidates_differ_and_do_not_depend_on_their_number() {
        let many = candidate_seeds(7, 64);
        assert_eq!(candidate_seeds(7, 8), many[..8]);
        let distinct: std::collections::HashSet<_> = many.iter().collect();
        assert_eq!(distinct.len(), 64);
        assert_ne!(candidate_seeds(8, 8), many[..8]);
        assert!(many.iter().all(|seed| i64::try_from(*seed).is_ok()));
    }
}

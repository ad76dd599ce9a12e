//! `generation_config.json`: the tokens that a checkpoint begins and ends its texts with.

use anyhow::Context as _;
use serde::Deserialize;

use super::end_tokens::EndTokens;
use crate::catalog::ModelFiles;

/// What this program reads of `generation_config.json`.
#[derive(Default, Deserialize)]
pub(super) struct GenerationConfig {
    #[serde(default)]
    pub(super) eos_token_id: EndTokens,
    /// Our own: the token that stood before every text in training.
    #[serde(default)]
    pub(super) pregonero_start_token: Option<u32>,
}

impl GenerationConfig {
    pub(super) fn read(files: &ModelFiles) -> anyhow::Result<Self> {
        const NAME: &str = "generation_config.json";
        if !files.has(NAME) {
            return Ok(Self::default());
        }
        serde_json::from_slice(&files.read(NAME)?)
            .with_context(|| format!("{}: not a generation configuration", files.display(NAME)))
    }
}

//! `generation_config.json`: the tokens with which a checkpoint begins and ends its texts.

use anyhow::Context as _;
use serde::Deserialize;

use super::end_tokens::EndTokens;
use crate::catalog::ModelFiles;

/// The part of `generation_config.json` that this program reads.
#[derive(Default, Deserialize)]
pub(super) struct GenerationConfig {
    #[serde(default)]
    pub(super) eos_token_id: EndTokens,
    /// Our own key: the token that preceded every text in training.
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

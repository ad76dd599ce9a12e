//! What is known here of the model that a server runs, where its files are on this machine: how prompts are made of its
//! tokens, and which tokens end its texts. The weights are not needed.

use anyhow::Result;

use super::super::control::Control;
use super::super::generation_config::GenerationConfig;
use super::super::gpt2_config::Gpt2Config;
use super::super::prompting::{Prompting, start_token};
use super::super::request::{GenerationError, GenerationRequest};
use super::super::tokenizer::Tokenizer;
use crate::catalog::ModelFiles;

/// The model's own rules about tokens.
#[derive(Debug)]
pub(super) struct Known {
    tokenizer: Tokenizer,
    control: Option<Control>,
    /// The tokens that each end a text.
    ends: Vec<u32>,
    context: usize,
    start: Option<u32>,
    bare: u32,
    vocabulary: usize,
}

/// A prompt in both forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KnownPrompt {
    pub ids: Vec<u32>,
    /// How many of them are part of the text.
    pub shown: usize,
    /// The ids as the text that a tokenizer reads them from.
    pub text: String,
}

impl Known {
    /// # Errors
    /// If the tokenizer or `config.json` is missing, broken or not GPT-2's.
    pub fn read(files: &ModelFiles) -> Result<Self> {
        let config = Gpt2Config::read(files)?;
        let tokenizer = Tokenizer::read(files)?;
        tokenizer.check_fits(&config, files)?;
        let generation = GenerationConfig::read(files)?;
        let ends = generation.eos_token_id.settle(&config.eos_token_id, &tokenizer, config.vocab_size);
        let control = Control::read(files, &tokenizer)?;
        let start = generation.pregonero_start_token.or(tokenizer.opening());
        Ok(Self {
            start: start.filter(|id| (*id as usize) < config.vocab_size),
            bare: start_token(&config, &tokenizer, &ends),
            context: config.n_positions,
            vocabulary: config.vocab_size,
            tokenizer,
            control,
            ends,
        })
    }

    pub fn control(&self) -> Option<&Control> {
        self.control.as_ref()
    }

    /// Returns the tokens that the model must never write.
    pub fn banned(&self) -> &[u32] {
        self.control.as_ref().map_or(&[], Control::ids)
    }

    pub fn ends(&self) -> &[u32] {
        &self.ends
    }

    pub fn context(&self) -> usize {
        self.context
    }

    pub fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    /// Returns what the findings about a server depend on.
    pub fn fingerprint(&self) -> (usize, &[u32], &[u32]) {
        (self.vocabulary, self.banned(), &self.ends)
    }

    /// Returns the texts of the special tokens, none of which belongs into a text.
    pub fn special_tokens(&self) -> Vec<String> {
        self.tokenizer.special_tokens()
    }

    /// Returns the prompt of a request.
    pub fn prompt(&self, request: &GenerationRequest) -> Result<KnownPrompt, GenerationError> {
        let Self { tokenizer, control, context, start, bare, .. } = self;
        let prompting =
            Prompting { tokenizer, control: control.as_ref(), context: *context, start: *start, bare: *bare };
        let (ids, shown) = prompting.ids(request)?;
        if ids.len() >= self.context {
            return Err(GenerationError::PromptTooLong { tokens: ids.len(), context: self.context });
        }
        let text = self.tokenizer.decode_raw(&ids)?;
        Ok(KnownPrompt { ids, shown, text })
    }

    /// Returns the ids of a text, none if it cannot be encoded.
    pub fn ids_of(&self, text: &str) -> Vec<u32> {
        self.tokenizer.encode(text).unwrap_or_default()
    }
}

//! From a request to the token ids that a model reads: control context or start token, then the words of the prompt.

use std::collections::BTreeMap;

use super::control::{Control, ControlError};
use super::gpt2_config::Gpt2Config;
use super::request::{GenerationError, GenerationRequest};
use super::settled_ends::OPENAI_END;
use super::tokenizer::Tokenizer;
use pregonero_text::characters;

/// What a model's prompts are made with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prompting<'a> {
    pub tokenizer: &'a Tokenizer,
    pub control: Option<&'a Control>,
    /// The greatest number of tokens in prompt and continuation together.
    pub context: usize,
    /// The token before every prompt, if the model was trained that way.
    pub start: Option<u32>,
    /// The token before a text without a prompt.
    pub bare: u32,
}

impl Prompting<'_> {
    /// Returns the prompt's token ids and how many of them are part of the text: if the model has control tokens, the
    /// text follows its context; otherwise a text without words follows the start token.
    pub fn ids(&self, request: &GenerationRequest) -> Result<(Vec<u32>, usize), GenerationError> {
        // A space at the end of a prompt belongs to the next word's token: in training the model never saw it alone.
        let tidied = characters::tidy(&request.prompt);
        let text = tidied.trim_end();
        let ids = self.tokenizer.encode(text)?;
        let shown = ids.len();
        if let Some(control) = self.control {
            control.check_text(text, || "the prompt".to_owned())?;
            let values = control.values(&request.attributes)?;
            // As in training, the context is shortened to make room for the text; here the length of the text is not
            // known yet.
            let most = self.context.min(control.layout().length);
            let text = shown + request.decoding.max_new_tokens.min(most / 2);
            let context = control.context(self.tokenizer, values, most.saturating_sub(text))?;
            return Ok((context.into_iter().chain(ids).collect(), shown));
        }
        refuse_attributes(&request.attributes)?;
        let start = if ids.is_empty() { Some(self.bare) } else { self.start };
        Ok((start.into_iter().chain(ids).collect(), shown))
    }
}

/// Refuses attributes for a model without control tokens.
///
/// # Errors
/// If there is one.
pub(super) fn refuse_attributes(attributes: &BTreeMap<String, String>) -> Result<(), ControlError> {
    attributes.keys().next().map_or(Ok(()), |name| Err(ControlError::NoControl { name: name.clone() }))
}

/// Returns the token before a text without a prompt.
pub(super) fn start_token(config: &Gpt2Config, tokenizer: &Tokenizer, ends: &[u32]) -> u32 {
    let is_meant = |id: &u32| *id != OPENAI_END || tokenizer.is_special(OPENAI_END);
    let named = config.bos_token_id.filter(is_meant).or(tokenizer.start_of_text());
    first_known([named, ends.first().copied()], config.vocab_size)
}

/// Returns the first of these tokens that is in the vocabulary, else the vocabulary's first. Some checkpoints keep
/// the ids of GPT-2's own vocabulary with a smaller one.
fn first_known(tokens: [Option<u32>; 2], vocabulary: usize) -> u32 {
    tokens.into_iter().flatten().find(|token| (*token as usize) < vocabulary).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_token_outside_the_vocabulary_is_passed_over() {
        for (tokens, expected) in
            [([Some(3), Some(4)], 3), ([Some(50_256), Some(4)], 4), ([Some(10), Some(u32::MAX)], 0), ([None, None], 0)]
        {
            assert_eq!(first_known(tokens, 10), expected, "{tokens:?}");
        }
    }
}

//! Which of the tokens that the files of a model name end its texts.

use super::end_tokens::EndTokens;
use super::tokenizer::Tokenizer;

/// The end token of OpenAI's own vocabulary. transformers writes it into every `config.json` that names no other,
/// even next to a tokenizer in which this id is an ordinary word.
pub(crate) const OPENAI_END: u32 = 50_256;

impl EndTokens {
    /// Returns the ids at which a text of this model ends: those of the first file that names an id which the model
    /// has (`self` before `config`), or else the tokenizer's own end token.
    pub(crate) fn settle(self, config: &Self, tokenizer: &Tokenizer, vocabulary: usize) -> Vec<u32> {
        let known = |ids: &Self| ids.0.iter().copied().filter(|id| (*id as usize) < vocabulary).collect::<Vec<_>>();
        let own = tokenizer.end_of_text().filter(|id| (*id as usize) < vocabulary);
        let Some(mut ends) = [known(&self), known(config)].into_iter().find(|ids| !ids.is_empty()) else {
            return own.into_iter().collect();
        };
        let is_left_over = ends == [OPENAI_END] && !tokenizer.is_special(OPENAI_END);
        ends.extend(own.filter(|own| is_left_over && !ends.contains(own)));
        ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generation::tokenizer::training::{self as tokenizer, TokenizerTraining};

    fn ends(text: &str) -> EndTokens {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn the_generation_file_comes_first_then_the_configuration_then_the_tokenizer() {
        let settings = TokenizerTraining { vocabulary_size: 300, min_frequency: 1, special_tokens: Vec::new() };
        let tokenizer = tokenizer::train(&["La plaza canta hoy".to_owned()], &settings).unwrap();
        assert_eq!(tokenizer.end_of_text(), Some(0));
        for (generation, config, expected) in [
            ("[5,6]", "7", vec![5, 6]),
            ("null", "[7,8]", vec![7, 8]),
            ("null", "null", vec![0]),
            ("9999", "7", vec![7]),
            ("null", "9999", vec![0]),
        ] {
            let settled = ends(generation).settle(&ends(config), &tokenizer, 300);
            assert_eq!(settled, expected, "{generation} {config}");
        }
        // The default of transformers, in a model whose vocabulary has another word there.
        assert_eq!(ends("null").settle(&ends("50256"), &tokenizer, 60_000), [OPENAI_END, 0]);
    }
}

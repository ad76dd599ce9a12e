//! A GPT-2 of 2 layers and width 32 in Hugging Face layout, written in a moment: random weights, yet it writes Spanish
//! words, because the head leans towards the tokens that are whole words of the sentences its tokenizer was trained on.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{Device, Tensor};
use pregonero_models::generation::gpt2::Gpt2Config;
use pregonero_models::generation::tokenizer::Tokenizer;
use pregonero_models::generation::tokenizer::training::{self as tokenizer, TokenizerTraining};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha12Rng;
use serde_json::json;

/// Most tokens of prompt and continuation together.
pub const CONTEXT: usize = 64;

/// What the tokenizer learns from; invented.
const SENTENCES: [&str; 8] = [
    "La plaza del pueblo está llena de gente que canta y baila esta tarde.",
    "El mercado abre temprano y los vecinos compran pan, fruta y café.",
    "Mañana vamos a la playa con los niños porque hace mucho calor.",
    "La vacuna llega hoy al barrio y todos esperan con alegría.",
    "En Colombia la música suena en cada calle desde la mañana.",
    "Me parece que el tren sale a las ocho de la estación del norte.",
    "Los abuelos cuentan historias de cuando el río pasaba por aquí.",
    "Qué bonito es ver el sol sobre las montañas después de la lluvia.",
];

/// How strongly the head leans towards whole words: byte tokens are then never drawn.
const LEAN: f32 = 12.0;

/// Writes the model into `folder`, which is made; always the same one.
pub fn write(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    let texts: Vec<String> = SENTENCES.iter().cycle().take(80).map(ToString::to_string).collect();
    let training = TokenizerTraining { vocabulary_size: 700, min_frequency: 2, special_tokens: Vec::new() };
    let tokenizer = tokenizer::train(&texts, &training).unwrap();
    tokenizer::save(&tokenizer, folder).unwrap();
    let description = json!({
        "model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "vocab_size": tokenizer.vocabulary_size(),
        "n_positions": CONTEXT, "n_embd": 32, "n_layer": 2, "n_head": 2, "bos_token_id": 0, "eos_token_id": 0,
    });
    std::fs::write(folder.join("config.json"), description.to_string()).unwrap();
    std::fs::write(folder.join("generation_config.json"), r#"{"bos_token_id":0,"eos_token_id":0}"#).unwrap();
    let config: Gpt2Config = serde_json::from_value(description).unwrap();
    let tensors: HashMap<String, Tensor> = weights(&config, &tokenizer).collect();
    candle_core::safetensors::save(&tensors, folder.join("model.safetensors")).unwrap();
}

fn weights(config: &Gpt2Config, tokenizer: &Tokenizer) -> impl Iterator<Item = (String, Tensor)> {
    let mut random = ChaCha12Rng::seed_from_u64(7);
    let words: Vec<bool> = (0..config.vocab_size as u32).map(|id| is_word(tokenizer, id)).collect();
    let width = config.n_embd;
    config.tensors().into_iter().map(move |(name, shape)| {
        let count = shape.iter().product::<usize>();
        let mut values: Vec<f32> = match name.as_str() {
            norm if norm.contains("ln_") && norm.ends_with("weight") => vec![1.0; count],
            bias if bias.ends_with("bias") => vec![0.0; count],
            _ => (0..count).map(|_| random.random_range(-0.3..0.3)).collect(),
        };
        // The first feature says whether a token is a word; the last norm replaces it by what the head leans towards.
        match name.as_str() {
            "wte.weight" => values.iter_mut().step_by(width).zip(&words).for_each(|(v, word)| *v = f32::from(*word)),
            "ln_f.weight" => values[0] = 0.0,
            "ln_f.bias" => values[0] = LEAN,
            _ => {}
        }
        (name, Tensor::from_vec(values, shape, &Device::Cpu).unwrap())
    })
}

/// Whether a token is a space and a word of the sentences, a full stop, or the end of a text.
fn is_word(tokenizer: &Tokenizer, id: u32) -> bool {
    let text = tokenizer.decode_raw(&[id]).unwrap();
    let words = || SENTENCES.iter().flat_map(|sentence| sentence.split([' ', '.', ',']));
    let is_whole = |word: &str| word.chars().count() > 1 && words().any(|one| one == word);
    text.strip_prefix(' ').is_some_and(is_whole) || text == "." || Some(id) == tokenizer.end_of_text()
}

//! How well a model predicts texts: cross-entropy over blocks of tokens.

use anyhow::{Context as _, Result, bail};
use candle_core::{DType, Device, Tensor};

use super::gpt2::{Gpt2, NoDropout};
use super::tokenizer::{END_OF_TEXT, Tokenizer};
use crate::catalog::ModelFiles;

/// Sum of the negative log-probabilities in nats, and how many tokens were predicted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Surprise {
    pub nats: f64,
    pub tokens: usize,
}

/// Predicts `texts`, joined by end-of-text and cut into blocks as in training; every token but the very first is
/// predicted once, from what stands before it in its block. `block` defaults to the model's context.
///
/// # Errors
/// A model that cannot be loaded, a block it cannot read, or fewer than two tokens.
pub fn score_texts(files: &ModelFiles, texts: &[String], block: Option<usize>) -> Result<Surprise> {
    let model = Gpt2::load(files, &Device::Cpu, DType::F32)?;
    let tokenizer = Tokenizer::read(files)?;
    tokenizer.check_fits(&model.config, files)?;
    let block = block.unwrap_or(model.config.n_positions);
    if block == 0 || block > model.config.n_positions {
        bail!("a block of {block} tokens does not fit the model's context of {}", model.config.n_positions);
    }
    let end = tokenizer
        .end_of_text()
        .with_context(|| format!("the tokenizer has no {END_OF_TEXT} token to put between texts"))?;
    let mut stream = vec![end];
    for ids in tokenizer.encode_all(texts)? {
        stream.extend(ids);
        stream.push(end);
    }
    let mut surprise = Surprise { nats: 0.0, tokens: 0 };
    let mut start = 0;
    while start + 1 < stream.len() {
        let window = &stream[start..stream.len().min(start + block + 1)];
        let (ids, next) = (&window[..window.len() - 1], &window[1..]);
        let ids = Tensor::from_slice(ids, (1, ids.len()), &Device::Cpu)?;
        let targets: Vec<Option<u32>> = next.iter().copied().map(Some).collect();
        let loss = model.loss(&ids, &targets, &mut NoDropout)?.to_scalar::<f32>()?;
        surprise.nats += f64::from(loss) * targets.len() as f64;
        surprise.tokens += targets.len();
        start += block;
    }
    if surprise.tokens == 0 {
        bail!("the texts have no token to predict");
    }
    Ok(surprise)
}

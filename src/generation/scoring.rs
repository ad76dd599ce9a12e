//! How well a model predicts texts: cross-entropy over windows of tokens.

use anyhow::{Context as _, Result, ensure};
use candle_core::{DType, Device, Tensor};

use super::engine;
use super::gpt2::{Gpt2, NoDropout};
use super::tokenizer::{END_OF_TEXT, Tokenizer};
use crate::catalog::ModelFiles;
use crate::config::DeviceChoice;

/// Tokens of a batch: their logits are what takes the memory.
const BATCH_TOKENS: usize = 512;

/// Sum of the negative log-probabilities in nats, and how many tokens were predicted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Surprise {
    pub nats: f64,
    pub tokens: usize,
}

impl Surprise {
    /// Mean nats a token.
    #[must_use]
    pub fn cross_entropy(&self) -> f64 {
        self.nats / self.tokens as f64
    }
}

/// How a text that is longer than the model's context is cut.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Windows {
    /// Tokens the model reads at once; absent: its context, or all the tokens there are if those are fewer.
    pub block: Option<usize>,
    /// How far the next window lies behind the last; absent: a block, so that windows do not overlap. Below a block every
    /// token but the first ones is predicted from at least `block - stride` tokens before it.
    pub stride: Option<usize>,
}

impl Windows {
    /// Block and stride for so many tokens to predict.
    fn over(&self, tokens: usize, context: usize) -> Result<(usize, usize)> {
        ensure!(tokens > 0, "the texts have no token to predict");
        let block = self.block.unwrap_or_else(|| context.min(tokens));
        ensure!(
            (1..=context).contains(&block),
            "a block of {block} tokens does not fit the model's context of {context}"
        );
        ensure!(
            block <= tokens,
            "the texts have {tokens} tokens, fewer than a block of {block}: give more text or a smaller --block"
        );
        let stride = self.stride.unwrap_or(block);
        ensure!(
            (1..=block).contains(&stride),
            "a stride of {stride} tokens does not fit a block of {block}: give 1 to {block}"
        );
        Ok((block, stride))
    }
}

/// A loaded model that says how likely texts are.
#[derive(Debug)]
pub struct Scorer {
    model: Gpt2,
    tokenizer: Tokenizer,
    device: Device,
}

impl Scorer {
    /// Loads a model in f32.
    ///
    /// # Errors
    /// A model that cannot be loaded, or an explicit `cuda` that is not there.
    pub fn load(files: &ModelFiles, device: DeviceChoice) -> Result<Self> {
        let (device, _) = engine::device(device)?;
        let model = Gpt2::load(files, &device, DType::F32)?;
        let tokenizer = Tokenizer::read(files)?;
        tokenizer.check_fits(&model.config, files)?;
        Ok(Self { model, tokenizer, device })
    }

    /// Tokens of the model's vocabulary.
    #[must_use]
    pub fn vocabulary(&self) -> usize {
        self.model.config.vocab_size
    }

    /// The texts as the training joined them: end-of-text before the first and behind each.
    ///
    /// # Errors
    /// Where the tokenizer has no end-of-text token.
    pub fn stream(&self, texts: &[String]) -> Result<Vec<u32>> {
        let end = self
            .tokenizer
            .end_of_text()
            .with_context(|| format!("the tokenizer has no {END_OF_TEXT} token to put between texts"))?;
        let mut stream = vec![end];
        for chunk in texts.chunks(4096) {
            for ids in self.tokenizer.encode_all(chunk)? {
                stream.extend(ids);
                stream.push(end);
            }
        }
        Ok(stream)
    }

    /// Predicts every token of `stream` but the first, each once, from what stands before it in the first window that
    /// holds it.
    ///
    /// # Errors
    /// Windows that do not fit the model or the stream.
    pub fn score(&self, stream: &[u32], windows: Windows) -> Result<Surprise> {
        let tokens = stream.len().saturating_sub(1);
        let (block, stride) = windows.over(tokens, self.model.config.n_positions)?;
        // The last window is the first that reaches the end.
        let starts: Vec<usize> = (0..=(tokens - block).div_ceil(stride)).map(|window| window * stride).collect();
        let whole = starts.iter().take_while(|start| **start + block <= tokens).count();
        let mut surprise = Surprise { nats: 0.0, tokens: 0 };
        for starts in starts[..whole].chunks((BATCH_TOKENS / block).max(1)).chain(starts[whole..].chunks(1)) {
            self.score_batch(stream, starts, (block, stride), &mut surprise)?;
        }
        Ok(surprise)
    }

    /// Windows of one length, from each of `starts`.
    fn score_batch(
        &self,
        stream: &[u32],
        starts: &[usize],
        (block, stride): (usize, usize),
        surprise: &mut Surprise,
    ) -> Result<()> {
        let length = block.min(stream.len() - 1 - starts[0]);
        let ids: Vec<u32> = starts.iter().flat_map(|start| &stream[*start..start + length]).copied().collect();
        let targets: Vec<Option<u32>> = starts
            .iter()
            .flat_map(|start| {
                // What the window before has predicted is only read.
                let read = if *start == 0 { 0 } else { block - stride };
                (0..length).map(move |step| (step >= read).then(|| stream[start + step + 1]))
            })
            .collect();
        let predicted = targets.iter().flatten().count();
        let ids = Tensor::from_vec(ids, (starts.len(), length), &self.device)?;
        let loss = self.model.loss(&ids, &targets, &mut NoDropout)?.to_scalar::<f32>()?;
        surprise.nats += f64::from(loss) * predicted as f64;
        surprise.tokens += predicted;
        Ok(())
    }
}

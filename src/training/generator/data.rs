//! The token stream of a training: texts joined by end-of-text, cut into blocks, shuffled by seed and epoch.

use anyhow::{Context as _, Result, bail};
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha12Rng;

use super::settings::GeneratorTraining;
use crate::generation::tokenizer::{END_OF_TEXT, Tokenizer};
use crate::training::text::{self, TextCounts};

/// One batch: `[rows, length]` token ids, and for every position the token that follows; `None` is not counted in the
/// loss.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    pub ids: Vec<u32>,
    pub targets: Vec<Option<u32>>,
    pub rows: usize,
    pub length: usize,
}

/// The texts of a training as token ids.
#[derive(Debug)]
pub struct Corpus {
    pub(super) counts: TextCounts,
    training: Vec<u32>,
    held_out: Vec<u32>,
    block: usize,
}

impl Corpus {
    /// Reads, tidies, de-duplicates and encodes the settings' sources. Which texts are held out depends on the texts
    /// alone, so that two trainings over the same data hold out the same.
    pub(super) fn read(settings: &GeneratorTraining, tokenizer: &Tokenizer) -> Result<Self> {
        let end = tokenizer
            .end_of_text()
            .with_context(|| format!("the tokenizer has no {END_OF_TEXT} token to put between texts"))?;
        let (texts, counts) = text::read_all(&settings.data, settings.cleaning)?;
        let held_out_from = 1.0 - settings.held_out;
        let (held_out, training): (Vec<String>, Vec<String>) =
            texts.into_iter().partition(|text| text::unit_interval(text::digest(text)) >= held_out_from);
        let mut training = training;
        training.shuffle(&mut ChaCha12Rng::seed_from_u64(settings.seed));
        let join = |texts: &[String]| -> Result<Vec<u32>> {
            let mut stream = vec![end];
            for chunk in texts.chunks(4096) {
                for ids in tokenizer.encode_all(chunk)? {
                    stream.extend(ids);
                    stream.push(end);
                }
            }
            Ok(stream)
        };
        let mut held_out = join(&held_out)?;
        held_out.truncate(settings.held_out_tokens.max(1));
        let corpus = Self { counts, training: join(&training)?, held_out, block: settings.block };
        if corpus.blocks() == 0 {
            bail!(
                "the data has {} tokens, fewer than one block of {}: give more text or a smaller --block",
                corpus.training.len(),
                settings.block
            );
        }
        Ok(corpus)
    }

    /// Tokens trained on, end-of-text included.
    #[must_use]
    pub fn training_tokens(&self) -> usize {
        self.training.len()
    }

    /// Tokens held out, end-of-text included.
    #[must_use]
    pub fn held_out_tokens(&self) -> usize {
        self.held_out.len()
    }

    /// Whole blocks an epoch. One block's worth of tokens is left for the random start of each epoch.
    pub(super) fn blocks(&self) -> usize {
        self.training.len().saturating_sub(1) / self.block
    }

    /// The batch of a step. Each epoch shuffles the blocks anew and starts them at another token.
    pub(super) fn batch(&self, step: usize, settings: &GeneratorTraining) -> Batch {
        let first = step * settings.batch;
        let mut batch = Batch { ids: Vec::new(), targets: Vec::new(), rows: settings.batch, length: self.block };
        let mut order: Option<(usize, Vec<usize>, usize)> = None;
        for sample in first..first + settings.batch {
            let (epoch, place) = (sample / self.blocks(), sample % self.blocks());
            if order.as_ref().is_none_or(|(known, ..)| *known != epoch) {
                order = Some(self.order(epoch, settings.seed));
            }
            if let Some((_, blocks, offset)) = &order {
                let start = (blocks[place] * self.block + offset) % (self.training.len() - self.block);
                push_block(&mut batch, &self.training[start..=start + self.block]);
            }
        }
        batch
    }

    /// The epoch's number, its order of blocks, and where they start.
    fn order(&self, epoch: usize, seed: u64) -> (usize, Vec<usize>, usize) {
        let mut rng = ChaCha12Rng::seed_from_u64(seed);
        rng.set_stream(epoch as u64 + 1);
        let mut blocks: Vec<usize> = (0..self.blocks()).collect();
        blocks.shuffle(&mut rng);
        let offset = if epoch == 0 { 0 } else { rand::Rng::random_range(&mut rng, 0..self.block) };
        (epoch, blocks, offset)
    }

    /// The held-out texts in blocks, every token predicted once.
    pub(super) fn held_out_batches(&self, settings: &GeneratorTraining) -> Vec<Batch> {
        let windows: Vec<&[u32]> = (0..self.held_out.len().saturating_sub(1) / self.block)
            .map(|index| &self.held_out[index * self.block..=(index + 1) * self.block])
            .collect();
        windows
            .chunks(settings.batch)
            .map(|windows| {
                let mut batch = Batch { ids: Vec::new(), targets: Vec::new(), rows: windows.len(), length: self.block };
                for window in windows {
                    push_block(&mut batch, window);
                }
                batch
            })
            .collect()
    }
}

fn push_block(batch: &mut Batch, window: &[u32]) {
    let (ids, targets) = (&window[..window.len() - 1], &window[1..]);
    batch.ids.extend_from_slice(ids);
    batch.targets.extend(targets.iter().copied().map(Some));
}

//! Texts joined by end-of-text and cut into blocks of equal length: no padding, and texts may be cut anywhere.

use anyhow::{Result, bail};
use rand::Rng as _;
use rand::seq::SliceRandom as _;

use super::{Batch, Epochs, GeneratorTraining, epoch_rng};
use crate::training::text::TextRow;
use pregonero_models::generation::tokenizer::Tokenizer;

#[derive(Debug)]
pub(super) struct Blocks {
    training: Vec<u32>,
    held_out: Vec<u32>,
    block: usize,
    epochs: Epochs<Order>,
}

/// An epoch's order of blocks, and the token at which they start.
#[derive(Debug)]
struct Order {
    blocks: Vec<usize>,
    offset: usize,
}

impl Blocks {
    pub(super) fn new(
        settings: &GeneratorTraining,
        tokenizer: &Tokenizer,
        training: &[TextRow],
        held_out: &[TextRow],
    ) -> Result<Self> {
        let joined = |rows: &[TextRow]| tokenizer.joined(&rows.iter().map(|row| &row.text).collect::<Vec<_>>());
        let mut held_out = joined(held_out)?;
        held_out.truncate(settings.held_out_tokens.max(1));
        let training = joined(training)?;
        let blocks = Self { training, held_out, block: settings.block, epochs: Epochs::default() };
        if blocks.count() == 0 {
            bail!(
                "the data has {} tokens, fewer than one block of {}: give more text or a smaller --block",
                blocks.training.len(),
                settings.block
            );
        }
        Ok(blocks)
    }

    pub(super) fn training_tokens(&self) -> usize {
        self.training.len()
    }

    pub(super) fn held_out_tokens(&self) -> usize {
        // A text has at least one token, and an end-of-text precedes the first.
        if self.held_out.len() > 1 { self.held_out.len() } else { 0 }
    }

    /// Returns the whole blocks per epoch. One block's worth of tokens is reserved for the random start of each epoch.
    pub(super) fn count(&self) -> usize {
        self.training.len().saturating_sub(1) / self.block
    }

    /// Returns the batch of a step. Each epoch shuffles the blocks again and starts them at another token.
    pub(super) fn batch(&self, step: usize, settings: &GeneratorTraining) -> Batch {
        let first = step * settings.batch;
        let mut batch = empty(settings.batch, self.block);
        for sample in first..first + settings.batch {
            let (epoch, place) = (sample / self.count(), sample % self.count());
            let order = self.epochs.order(epoch, || self.order(epoch, settings.seed));
            let start = (order.blocks[place] * self.block + order.offset) % (self.training.len() - self.block);
            push(&mut batch, &self.training[start..=start + self.block]);
        }
        batch
    }

    fn order(&self, epoch: usize, seed: u64) -> Order {
        let mut rng = epoch_rng(seed, epoch);
        let mut blocks: Vec<usize> = (0..self.count()).collect();
        blocks.shuffle(&mut rng);
        Order { blocks, offset: if epoch == 0 { 0 } else { rng.random_range(0..self.block) } }
    }

    /// Returns the held-out texts in blocks, in which every token is predicted once.
    pub(super) fn held_out_batches(&self, settings: &GeneratorTraining) -> Vec<Batch> {
        let predicted = self.held_out.len().saturating_sub(1);
        let starts: Vec<usize> = (0..predicted).step_by(self.block).collect();
        let windows: Vec<&[u32]> =
            starts.iter().map(|&start| &self.held_out[start..=predicted.min(start + self.block)]).collect();
        // The last window may be shorter and forms its own batch.
        let (whole, rest): (Vec<&[u32]>, Vec<&[u32]>) =
            windows.into_iter().partition(|window| window.len() == self.block + 1);
        whole
            .chunks(settings.batch)
            .chain(rest.chunks(1))
            .map(|windows| {
                let mut batch = empty(windows.len(), windows[0].len() - 1);
                windows.iter().for_each(|window| push(&mut batch, window));
                batch
            })
            .collect()
    }
}

fn empty(rows: usize, length: usize) -> Batch {
    Batch { ids: Vec::new(), targets: Vec::new(), rows, length }
}

fn push(batch: &mut Batch, window: &[u32]) {
    batch.ids.extend_from_slice(&window[..window.len() - 1]);
    batch.targets.extend(window[1..].iter().copied().map(Some));
}

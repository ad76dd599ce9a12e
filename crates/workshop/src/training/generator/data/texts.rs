//! One text per sample, after end-of-text or its context, padded with end-of-text to the longest of its batch.
//!
//! Only the text and the end-of-text after it count in the loss. Batches contain texts of similar length, so that there is little
//! padding. Fields of the context are left empty at random, so that a model learns to write with fewer attributes too.

use anyhow::{Result, bail};
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha12Rng;

use super::{Batch, Epochs, GeneratorTraining, epoch_rng};
use crate::training::text::TextRow;
use pregonero_models::generation::control::Control;
use pregonero_models::generation::tokenizer::Tokenizer;

/// How many batches are sorted by length together: more mean less padding but also less randomness.
const BATCHES_SORTED_TOGETHER: usize = 64;

#[derive(Debug)]
pub(super) struct Texts {
    control: Option<Control>,
    end: u32,
    training: Samples,
    held_out: Samples,
    /// The number of tokens in the held-out samples that are evaluated.
    held_out_tokens: usize,
    epochs: Epochs<Vec<Vec<u32>>>,
}

/// Samples as one run of token ids: the fields of each, then its text, with the end of each part.
#[derive(Debug)]
struct Samples {
    tokens: Vec<u32>,
    ends: Vec<usize>,
    /// Parts per sample: its fields and the text.
    parts: usize,
    /// Whether each text is complete; a text that was cut must not teach the model to stop.
    whole: Vec<bool>,
}

impl Texts {
    /// Encodes the rows; also returns how many texts or contexts were shortened.
    pub(super) fn new(
        settings: &GeneratorTraining,
        tokenizer: &Tokenizer,
        end: u32,
        control: Option<Control>,
        training: &[TextRow],
        held_out: &[TextRow],
    ) -> Result<(Self, usize)> {
        let encoder = Encoder { settings, tokenizer, control: control.as_ref() };
        let (training, in_training) = encoder.samples(training, usize::MAX)?;
        let (held_out, in_held_out) = encoder.samples(held_out, settings.held_out_tokens)?;
        if training.count() == 0 {
            bail!("every text is held out: give more texts or a smaller --held-out");
        }
        let held_out_tokens = held_out.predicted();
        let texts = Self { control, end, training, held_out, held_out_tokens, epochs: Epochs::default() };
        Ok((texts, in_training + in_held_out))
    }

    pub(super) fn training_tokens(&self) -> usize {
        self.training.predicted()
    }

    pub(super) fn held_out_tokens(&self) -> usize {
        self.held_out_tokens
    }

    /// Returns the number of batches per epoch.
    pub(super) fn batches(&self, settings: &GeneratorTraining) -> usize {
        self.training.count().div_ceil(settings.batch)
    }

    /// Returns the batch of a step, with some fields of its contexts left empty.
    pub(super) fn batch(&self, step: usize, settings: &GeneratorTraining) -> Batch {
        let (epoch, place) = (step / self.batches(settings), step % self.batches(settings));
        let order = self.epochs.order(epoch, || self.order(epoch, settings));
        let dropout = settings.control.as_ref().map_or(0.0, |control| control.dropout);
        let rows = order[place].iter().map(|&sample| {
            let mut fields = Fields::drawn(dropout, settings.seed, epoch, sample);
            self.row(&self.training, sample as usize, |_| fields.keep())
        });
        self.padded(rows.collect())
    }

    /// Returns the samples of each batch of an epoch.
    fn order(&self, epoch: usize, settings: &GeneratorTraining) -> Vec<Vec<u32>> {
        let mut rng = epoch_rng(settings.seed, epoch);
        let mut samples: Vec<u32> = (0..self.training.count() as u32).collect();
        samples.shuffle(&mut rng);
        let mut batches = batches(&self.training, &mut samples, settings.batch);
        batches.shuffle(&mut rng);
        batches
    }

    /// Returns the held-out texts with their whole contexts.
    pub(super) fn held_out_batches(&self, settings: &GeneratorTraining) -> Vec<Batch> {
        let mut samples: Vec<u32> = (0..self.held_out.count() as u32).collect();
        batches(&self.held_out, &mut samples, settings.batch)
            .into_iter()
            .map(|batch| {
                let rows = batch.into_iter().map(|sample| self.row(&self.held_out, sample as usize, |_| true));
                self.padded(rows.collect())
            })
            .collect()
    }

    /// Returns ids and targets of a sample whose context has the fields that `keep` keeps.
    fn row(&self, samples: &Samples, sample: usize, mut keep: impl FnMut(usize) -> bool) -> Row {
        let mut ids = match &self.control {
            None => vec![self.end],
            Some(control) => control.joined(
                (0..samples.parts - 1).map(|field| if keep(field) { samples.part(sample, field) } else { &[] }),
            ),
        };
        let mut targets = vec![None; ids.len() - 1];
        let text = samples.part(sample, samples.parts - 1);
        ids.extend_from_slice(text);
        targets.extend(text.iter().copied().map(Some));
        targets.push(samples.whole[sample].then_some(self.end));
        Row { ids, targets }
    }

    fn padded(&self, rows: Vec<Row>) -> Batch {
        let length = rows.iter().map(|row| row.ids.len()).max().unwrap_or(0);
        let mut batch = Batch { ids: Vec::new(), targets: Vec::new(), rows: rows.len(), length };
        for mut row in rows {
            row.ids.resize(length, self.end);
            row.targets.resize(length, None);
            batch.ids.extend(row.ids);
            batch.targets.extend(row.targets);
        }
        batch
    }
}

/// One sample as the model reads it, and what the model should predict at every position.
struct Row {
    ids: Vec<u32>,
    targets: Vec<Option<u32>>,
}

/// Divides the samples into batches of similar length; `samples` is in shuffled or in file order.
fn batches(of: &Samples, samples: &mut [u32], batch: usize) -> Vec<Vec<u32>> {
    samples
        .chunks_mut(batch * BATCHES_SORTED_TOGETHER)
        .flat_map(|chunk| {
            chunk.sort_by_key(|&sample| of.length(sample as usize));
            chunk.chunks(batch).map(<[u32]>::to_vec).collect::<Vec<_>>()
        })
        .collect()
}

/// Decides which fields of a sample are kept in an epoch: with the dropout's probability none at all, otherwise each one is
/// left empty with that probability, independently.
struct Fields {
    rng: ChaCha12Rng,
    dropout: f64,
    none: bool,
}

impl Fields {
    fn drawn(dropout: f32, seed: u64, epoch: usize, sample: u32) -> Self {
        let mut rng = ChaCha12Rng::seed_from_u64(seed ^ 0xF1E1_D500);
        rng.set_stream(((epoch as u64) << 32) | u64::from(sample));
        let dropout = f64::from(dropout);
        let none = rng.random_bool(dropout);
        Self { rng, dropout, none }
    }

    fn keep(&mut self) -> bool {
        let alone = self.rng.random_bool(self.dropout);
        !self.none && !alone
    }
}

impl Samples {
    fn count(&self) -> usize {
        self.whole.len()
    }

    fn part(&self, sample: usize, part: usize) -> &[u32] {
        let place = sample * self.parts + part;
        let start = if place == 0 { 0 } else { self.ends[place - 1] };
        &self.tokens[start..self.ends[place]]
    }

    /// Returns the number of tokens in all parts.
    fn length(&self, sample: usize) -> usize {
        (0..self.parts).map(|part| self.part(sample, part).len()).sum()
    }

    /// Returns the number of tokens that count in the loss: those of the texts, and the end after each whole one.
    fn predicted(&self) -> usize {
        let texts: usize = (0..self.count()).map(|sample| self.part(sample, self.parts - 1).len()).sum();
        texts + self.whole.iter().filter(|whole| **whole).count()
    }
}

/// Turns rows into samples.
struct Encoder<'a> {
    settings: &'a GeneratorTraining,
    tokenizer: &'a Tokenizer,
    control: Option<&'a Control>,
}

impl Encoder<'_> {
    /// Returns the samples of `rows` until they predict `most` tokens, and how many of them were shortened.
    fn samples(&self, rows: &[TextRow], most: usize) -> Result<(Samples, usize)> {
        let parts = self.control.map_or(1, |control| control.layout().attributes.len() + 1);
        let mut samples = Samples { tokens: Vec::new(), ends: Vec::new(), parts, whole: Vec::new() };
        let (mut shortened, mut predicted) = (0, 0);
        for chunk in rows.chunks(4096) {
            let texts: Vec<&str> = chunk.iter().map(|row| row.text.as_str()).collect();
            for (row, text) in chunk.iter().zip(self.tokenizer.encode_all(&texts)?) {
                let (fields, kept) = self.fitted(row, text.len())?;
                let whole = kept.text == text.len();
                shortened += usize::from(kept.cut || !whole);
                for part in fields.iter().map(Vec::as_slice).chain([&text[..kept.text]]) {
                    samples.tokens.extend_from_slice(part);
                    samples.ends.push(samples.tokens.len());
                }
                samples.whole.push(whole);
                predicted += kept.text + 1;
                if predicted >= most {
                    return Ok((samples, shortened));
                }
            }
        }
        Ok((samples, shortened))
    }

    /// Returns the fields of a row, shortened so that its text fits after them, and how much of the text fits.
    fn fitted(&self, row: &TextRow, text: usize) -> Result<(Vec<Vec<u32>>, Kept)> {
        let most = self.settings.block;
        let Some(control) = self.control else {
            return Ok((Vec::new(), Kept { text: text.min(most - 1), cut: false }));
        };
        let place = |what: &str| format!("{}: {what}", self.settings.place(row));
        control.check_text(&row.text, || place("the text"))?;
        for (attribute, value) in control.layout().attributes.iter().zip(&row.values) {
            control.check_text(value, || place(&format!("attribute {}", attribute.name)))?;
        }
        let mut fields = row.values.iter().map(|value| self.tokenizer.encode(value)).collect::<Result<Vec<_>>>()?;
        let mut cut = false;
        if control.tokens(&fields) + text > most {
            let room = most.saturating_sub(text);
            cut = control.shorten(self.tokenizer, row.values.clone(), &mut fields, room)?;
        }
        let left = most.saturating_sub(control.tokens(&fields));
        if left == 0 {
            bail!(
                "{}; give a larger --block or name more attributes in --truncate",
                place(&format!("the context alone has {} tokens, a sample at most {most}", control.tokens(&fields)))
            );
        }
        Ok((fields, Kept { text: text.min(left), cut }))
    }
}

/// What part of a row fits into a sample.
struct Kept {
    /// The tokens of the text that fit.
    text: usize,
    /// Whether the context lost words.
    cut: bool,
}

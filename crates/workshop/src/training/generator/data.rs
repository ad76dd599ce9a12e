//! The samples of a training: texts joined and cut into blocks, or one text per sample, after its context.
//!
//! Which samples a step sees, in what order and with which fields of the context, is a function of the seed and the
//! step's number.

mod blocks;
mod texts;

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, bail, ensure};
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha12Rng;

use self::blocks::Blocks;
use self::texts::Texts;
use super::compared::Compared;
use super::settings::{GeneratorTraining, Samples};
use crate::training::text::{self, ReadFor, Reading, TextCounts, TextRow};
use pregonero_models::generation::ControlLayout;
use pregonero_models::generation::control::{Control, tidy_value};
use pregonero_models::generation::tokenizer::Tokenizer;
use pregonero_text::hashing::hash;

/// One batch: `[rows, length]` token ids, and for every position the next token; `None` is not counted in the
/// loss (context and padding).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    pub ids: Vec<u32>,
    pub targets: Vec<Option<u32>>,
    pub rows: usize,
    pub length: usize,
}

impl Batch {
    /// Returns the number of tokens that count in the loss.
    #[must_use]
    pub fn predicted(&self) -> usize {
        self.targets.iter().flatten().count()
    }
}

/// The texts of a training as token ids.
#[derive(Debug)]
pub struct Corpus {
    pub(super) counts: TextCounts,
    /// The number of texts that were too long for a sample and lost their end or words of their context.
    pub(super) shortened: usize,
    /// How the texts are controlled, with the values that their attributes have.
    pub(super) control: Option<ControlLayout>,
    /// The fingerprint of the texts, their values, and the choice of held-out ones.
    pub(super) fingerprint: u64,
    /// What the `verbatim` gate will compare with.
    pub(super) compared: Compared,
    form: Form,
}

#[derive(Debug)]
enum Form {
    Blocks(Blocks),
    Texts(Box<Texts>),
}

impl Corpus {
    /// Reads, tidies, deduplicates and encodes the sources of the settings. Which texts are held out depends on the texts
    /// alone, so that two trainings over the same data hold out the same.
    pub(super) fn read(settings: &GeneratorTraining, tokenizer: &Tokenizer) -> Result<Self> {
        let end = tokenizer.separator()?;
        let columns = settings.control.as_ref().map_or(&[][..], |control| &control.columns);
        let reading = Reading {
            cleaning: settings.cleaning,
            duplicates: settings.duplicates,
            read_for: ReadFor::Training,
            columns,
        };
        let (mut rows, counts) = text::read_rows(&settings.data, &reading)?;
        let control = settings.control.as_ref().map(|control| layout(&control.layout, &mut rows)).transpose()?;
        if control.is_none() {
            refuse_special_tokens(settings, tokenizer, &rows)?;
        }
        let fingerprint = rows.iter().fold(settings.held_out.to_bits(), |state, row| {
            hash(state, &std::iter::once(&row.text).chain(&row.values).collect::<Vec<_>>())
        });
        let compared = Compared::of(settings, &rows)?;
        let (held_out, mut training): (Vec<TextRow>, Vec<TextRow>) =
            rows.into_iter().partition(|row| text::is_held_out(&row.text, settings.held_out));
        training.shuffle(&mut ChaCha12Rng::seed_from_u64(settings.seed));
        let (form, shortened) = match settings.samples {
            Samples::Blocks => (Form::Blocks(Blocks::new(settings, tokenizer, &training, &held_out)?), 0),
            Samples::Texts => {
                let control = control.clone().map(|layout| Control::new(layout, tokenizer)).transpose()?;
                let (texts, shortened) = Texts::new(settings, tokenizer, end, control, &training, &held_out)?;
                (Form::Texts(Box::new(texts)), shortened)
            }
        };
        Ok(Self { counts, shortened, control, fingerprint, compared, form })
    }

    /// Returns the number of tokens that an epoch predicts.
    #[must_use]
    pub fn training_tokens(&self) -> usize {
        match &self.form {
            Form::Blocks(blocks) => blocks.training_tokens(),
            Form::Texts(texts) => texts.training_tokens(),
        }
    }

    /// Returns the number of held-out tokens.
    #[must_use]
    pub fn held_out_tokens(&self) -> usize {
        match &self.form {
            Form::Blocks(blocks) => blocks.held_out_tokens(),
            Form::Texts(texts) => texts.held_out_tokens(),
        }
    }

    /// Returns the batches per epoch, for the number of steps; the last one may be fractional.
    pub(super) fn batches_per_epoch(&self, settings: &GeneratorTraining) -> f64 {
        match &self.form {
            Form::Blocks(blocks) => blocks.count() as f64 / settings.batch as f64,
            Form::Texts(texts) => texts.batches(settings) as f64,
        }
    }

    /// Returns the batch of a step.
    pub(super) fn batch(&self, step: usize, settings: &GeneratorTraining) -> Batch {
        match &self.form {
            Form::Blocks(blocks) => blocks.batch(step, settings),
            Form::Texts(texts) => texts.batch(step, settings),
        }
    }

    /// Returns the held-out texts as batches in which every token is predicted once.
    pub(super) fn held_out_batches(&self, settings: &GeneratorTraining) -> Vec<Batch> {
        match &self.form {
            Form::Blocks(blocks) => blocks.held_out_batches(settings),
            Form::Texts(texts) => texts.held_out_batches(settings),
        }
    }
}

/// Refuses texts that contain a special token, because the model would not read it as mere letters.
fn refuse_special_tokens(settings: &GeneratorTraining, tokenizer: &Tokenizer, rows: &[TextRow]) -> Result<()> {
    let special = tokenizer.special_tokens();
    for row in rows {
        if let Some(token) = special.iter().find(|token| row.text.contains(token.as_str())) {
            bail!("{}: the text holds {token}, one of the model's special tokens; remove it", settings.place(row));
        }
    }
    Ok(())
}

/// Tidies the values of the rows and returns the layout with the values that occur. An attribute without any is an error.
fn layout(layout: &ControlLayout, rows: &mut [TextRow]) -> Result<ControlLayout> {
    for value in rows.iter_mut().flat_map(|row| &mut row.values) {
        *value = tidy_value(value);
    }
    let mut layout = layout.clone();
    for (place, attribute) in layout.attributes.iter().enumerate() {
        ensure!(
            rows.iter().any(|row| !row.values[place].is_empty()),
            "--control {0}: none of the texts has a value for it; fill the column, or leave {0} out",
            attribute.name
        );
    }
    layout.learn_values(rows.iter().map(|row| row.values.as_slice()));
    Ok(layout)
}

/// Caches the order of the latest requested epoch, so that not every step shuffles again.
#[derive(Debug)]
struct Epochs<T> {
    newest: Mutex<Option<(usize, Arc<T>)>>,
}

impl<T> Default for Epochs<T> {
    fn default() -> Self {
        Self { newest: Mutex::new(None) }
    }
}

impl<T> Epochs<T> {
    fn order(&self, epoch: usize, make: impl FnOnce() -> T) -> Arc<T> {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        match &*newest {
            Some((known, order)) if *known == epoch => Arc::clone(order),
            _ => {
                let order = Arc::new(make());
                *newest = Some((epoch, Arc::clone(&order)));
                order
            }
        }
    }
}

/// Returns the random generator of an epoch.
fn epoch_rng(seed: u64, epoch: usize) -> ChaCha12Rng {
    let mut rng = ChaCha12Rng::seed_from_u64(seed);
    rng.set_stream(epoch as u64 + 1);
    rng
}

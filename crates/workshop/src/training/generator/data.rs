//! The samples of a training: texts joined and cut into blocks, or one text a sample behind its context.
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
use crate::training::text::{self, Reading, TextCounts, TextRow};
use pregonero_models::generation::ControlLayout;
use pregonero_models::generation::control::{Control, tidy_value};
use pregonero_models::generation::tokenizer::Tokenizer;
use pregonero_text::hashing::hash;

/// One batch: `[rows, length]` token ids, and for every position the token that follows; `None` is not counted in the
/// loss (context and padding).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    pub ids: Vec<u32>,
    pub targets: Vec<Option<u32>>,
    pub rows: usize,
    pub length: usize,
}

impl Batch {
    /// Tokens that count in the loss.
    #[must_use]
    pub fn predicted(&self) -> usize {
        self.targets.iter().flatten().count()
    }
}

/// The texts of a training as token ids.
#[derive(Debug)]
pub struct Corpus {
    pub(super) counts: TextCounts,
    /// Texts that were longer than a sample and lost their end, or words of their context.
    pub(super) shortened: usize,
    /// How the texts are controlled, with the values their attributes had.
    pub(super) control: Option<ControlLayout>,
    /// Of the texts with their values and of which of them are held out.
    pub(super) fingerprint: u64,
    /// What the `verbatim` gate is to compare with.
    pub(super) compared: Compared,
    form: Form,
}

#[derive(Debug)]
enum Form {
    Blocks(Blocks),
    Texts(Box<Texts>),
}

impl Corpus {
    /// Reads, tidies, de-duplicates and encodes the settings' sources. Which texts are held out depends on the texts
    /// alone, so that two trainings over the same data hold out the same.
    pub(super) fn read(settings: &GeneratorTraining, tokenizer: &Tokenizer) -> Result<Self> {
        let end = tokenizer.separator()?;
        let columns = settings.control.as_ref().map_or(&[][..], |control| &control.columns);
        let reading = Reading { cleaning: settings.cleaning, duplicates: settings.duplicates, columns };
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

    /// Tokens that an epoch predicts.
    #[must_use]
    pub fn training_tokens(&self) -> usize {
        match &self.form {
            Form::Blocks(blocks) => blocks.training_tokens(),
            Form::Texts(texts) => texts.training_tokens(),
        }
    }

    /// Tokens held out.
    #[must_use]
    pub fn held_out_tokens(&self) -> usize {
        match &self.form {
            Form::Blocks(blocks) => blocks.held_out_tokens(),
            Form::Texts(texts) => texts.held_out_tokens(),
        }
    }

    /// Batches an epoch, for the number of steps; the last one may be a part.
    pub(super) fn batches_per_epoch(&self, settings: &GeneratorTraining) -> f64 {
        match &self.form {
            Form::Blocks(blocks) => blocks.count() as f64 / settings.batch as f64,
            Form::Texts(texts) => texts.batches(settings) as f64,
        }
    }

    /// The batch of a step.
    pub(super) fn batch(&self, step: usize, settings: &GeneratorTraining) -> Batch {
        match &self.form {
            Form::Blocks(blocks) => blocks.batch(step, settings),
            Form::Texts(texts) => texts.batch(step, settings),
        }
    }

    /// The held-out texts, every token predicted once.
    pub(super) fn held_out_batches(&self, settings: &GeneratorTraining) -> Vec<Batch> {
        match &self.form {
            Form::Blocks(blocks) => blocks.held_out_batches(settings),
            Form::Texts(texts) => texts.held_out_batches(settings),
        }
    }
}

/// What a special token in a text would do is not what its letters say: a text that holds one is refused.
fn refuse_special_tokens(settings: &GeneratorTraining, tokenizer: &Tokenizer, rows: &[TextRow]) -> Result<()> {
    let special = tokenizer.special_tokens();
    for row in rows {
        if let Some(token) = special.iter().find(|token| row.text.contains(token.as_str())) {
            bail!("{}: the text holds {token}, a token of the model's own; take it out", settings.place(row));
        }
    }
    Ok(())
}

/// Tidies the values of the rows; gives the layout with what values there are. An attribute without any is an error.
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

/// The order of the newest epoch asked for, so that not every step shuffles anew.
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

/// The chance that decides about an epoch.
fn epoch_rng(seed: u64, epoch: usize) -> ChaCha12Rng {
    let mut rng = ChaCha12Rng::seed_from_u64(seed);
    rng.set_stream(epoch as u64 + 1);
    rng
}

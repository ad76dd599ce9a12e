//! `train vectors`: skip-gram with negative sampling over words and their n-grams, and word vectors in files.
//!
//! Texts go through the classifier's own cleaning, so that both have the same words. Nothing is written before
//! the last epoch is done. See also: [`pregonero_models::sentiment::subwords`] numbers the n-grams, [`super::text`] reads
//! the texts, the classifier's training starts from [`read_vectors`].

mod corpus;
mod fit;
mod folder;
mod format;
mod sampling;
mod skip_gram;
mod word_vectors;

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use self::corpus::Corpus;
use self::fit::Fitted;
pub use self::folder::{CARD_FILE, SUBWORDS_FILE, TrainedVectors, VECTORS_FILE, VectorCard};
pub use self::format::{ReadCounts, VectorFormat, read_vectors, read_width, write_vectors};
pub use self::word_vectors::{WordVectors, cosine};
use super::text::{Cleaning as Tidying, TextCounts, TextSource};
use crate::dataset::parts::learned_from;
use pregonero_models::sentiment::cleaning::Cleaning;
use pregonero_models::sentiment::subwords::SubwordHasher;
use pregonero_system::files::{Existing, refuse_existing_folder};

/// The settings of a training of word vectors.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorTraining {
    pub data: Vec<TextSource>,
    /// How texts are tidied as they are read.
    pub tidying: Tidying,
    /// How they are then cleaned: as for the classifier that will use the vectors.
    pub pipeline: Cleaning,
    /// The folder to write.
    pub output: PathBuf,
    pub existing: Existing,
    /// The number of values in a vector.
    pub width: usize,
    /// The most words to each side.
    pub window: usize,
    /// The number of words drawn at random for each pair.
    pub negatives: usize,
    /// Rarer words are left out.
    pub minimum_count: usize,
    /// How many words get a vector, the most frequent ones.
    pub maximum_words: usize,
    /// Words more frequent than this share are left out at random; 0 = none are.
    pub subsample: f64,
    pub epochs: usize,
    /// The initial rate; it falls linearly almost to 0.
    pub learning_rate: f64,
    /// The n-grams of a word; `None` is plain word2vec.
    pub subwords: Option<SubwordHasher>,
    pub seed: u64,
    /// One thread gives the same vectors bit for bit each time; more do not.
    pub threads: usize,
    /// The command line, for `vectors.json`.
    pub command: String,
}

impl VectorTraining {
    /// Returns the default settings for training on `data` into `output`: word2vec's, with fastText's n-grams and learning rate.
    #[must_use]
    pub fn new(data: Vec<TextSource>, output: PathBuf) -> Self {
        Self {
            data,
            tidying: Tidying::Tweets,
            pipeline: Cleaning::Plain,
            output,
            existing: Existing::Refuse,
            width: 100,
            window: 5,
            negatives: 5,
            minimum_count: 5,
            maximum_words: 1_000_000,
            subsample: 1e-4,
            epochs: 5,
            learning_rate: 0.05,
            subwords: SubwordHasher::new(3, 6, 200_000).ok(),
            seed: 1,
            threads: 1,
            command: "pregonero train vectors".to_owned(),
        }
    }

    fn check(&self) -> Result<()> {
        self.check_numbers()?;
        refuse_existing_folder(&self.output, self.existing)
    }

    fn check_numbers(&self) -> Result<()> {
        let most_negatives = skip_gram::MOST_NEGATIVES;
        ensure!((1..=10_000).contains(&self.width), "width: must be 1 to 10000, not {}", self.width);
        ensure!(self.window > 0, "window: must be at least 1");
        ensure!((1..=most_negatives).contains(&self.negatives), "negatives: must be 1 to {most_negatives}");
        ensure!(self.minimum_count > 0, "minimum count: must be at least 1");
        ensure!(self.maximum_words > 1, "vocabulary size: must be at least 2");
        ensure!(self.subsample >= 0.0 && self.subsample.is_finite(), "subsampling: must not be negative");
        ensure!(self.epochs > 0, "epochs: must be at least 1");
        ensure!(self.learning_rate > 0.0 && self.learning_rate.is_finite(), "learning rate: must be above 0");
        ensure!(self.threads > 0, "threads: must be at least 1");
        Ok(())
    }
}

/// The size of the training data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorpusSize {
    pub texts: TextCounts,
    /// The number of different words that get a vector.
    pub words: usize,
    /// The number of words in all texts, including repetitions but not rare words.
    pub running_words: u64,
}

/// A report on the progress of a training.
#[derive(Debug, Clone, PartialEq)]
pub enum VectorProgress {
    /// The texts have been read.
    Data(CorpusSize),
    /// This share of all epochs is done; the loss is the mean of the pairs since the last report, in nats.
    Training { share: f64, loss: f64, learning_rate: f64, words_per_second: f64, left: Duration },
}

/// The result of a training.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorOutcome {
    pub size: CorpusSize,
    /// The mean loss of a pair in the last epoch, in nats.
    pub loss: f64,
}

/// Trains vectors and writes their folder. Set `stop` to end early; then nothing is written.
///
/// # Errors
/// If settings or data are unsuitable, the loss stops being a number, training was stopped, or the folder
/// cannot be written. Then nothing is written.
pub fn train_vectors(
    settings: &VectorTraining,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(VectorProgress),
) -> Result<VectorOutcome> {
    settings.check()?;
    let trained_on = learned_from(settings.data.iter().map(|source| &source.path))?;
    let corpus = Corpus::read(settings)?;
    let size =
        CorpusSize { texts: corpus.texts.clone(), words: corpus.words.len(), running_words: corpus.running_words() };
    progress(VectorProgress::Data(size.clone()));
    let fitted = fit::fit(settings, &corpus, stop, progress)?;
    let loss = fitted.loss;
    composed(settings, corpus, fitted)?.write(&settings.output, settings.existing, &trained_on)?;
    Ok(VectorOutcome { size, loss })
}

/// Trains vectors of the words of `texts`, which are cleaned already and stay in memory; reads and writes no file.
///
/// # Errors
/// If settings or texts are unsuitable, the loss stops being a number, or training was stopped.
pub fn train_words(
    settings: &VectorTraining,
    texts: &[String],
    stop: &AtomicBool,
    progress: &mut dyn FnMut(VectorProgress),
) -> Result<WordVectors> {
    settings.check_numbers()?;
    let counts = TextCounts { read: texts.len(), kept: texts.len(), ..TextCounts::default() };
    let corpus = Corpus::of(texts, counts, settings)?;
    let fitted = fit::fit(settings, &corpus, stop, progress)?;
    Ok(composed(settings, corpus, fitted)?.words)
}

/// Returns the words' vectors with their n-grams included, and the n-grams' own vectors.
fn composed(settings: &VectorTraining, corpus: Corpus, fitted: Fitted) -> Result<TrainedVectors> {
    let card = VectorCard {
        pipeline: settings.pipeline,
        width: settings.width,
        subwords: settings.subwords,
        words: corpus.words.len(),
        running_words: corpus.running_words(),
        seed: settings.seed,
        threads: settings.threads,
        command: settings.command.clone(),
    };
    let mut values = vec![0.0; corpus.words.len() * settings.width];
    for (word, row) in (0..).zip(values.chunks_exact_mut(settings.width)) {
        fitted.inputs.mean_into(fitted.pieces.rows(word), row);
    }
    let pieces = fitted.inputs.into_values(corpus.words.len());
    let words = WordVectors::new(corpus.words, settings.width, values).context("try a smaller learning rate")?;
    Ok(TrainedVectors { card, words, pieces })
}

#[cfg(test)]
mod tests;

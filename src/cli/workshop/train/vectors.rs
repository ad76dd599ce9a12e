//! `pregonero train vectors`: trains word vectors for the classifier's first layer.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Args;
use serde_json::json;

use crate::cli::output::{Output, counted};
use crate::cli::workshop::progress::in_words;
use crate::cli::workshop::stop::Stop;
use crate::cli::workshop::texts::DataArguments;
use pregonero_models::sentiment::cleaning::Cleaning;
use pregonero_models::sentiment::subwords::SubwordHasher;
use pregonero_workshop::training::vectors::{self, TrainedVectors, VectorProgress, VectorTraining};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pregonero train vectors --data corpus.txt --data tweets.csv:text --output runs/vectors
  pregonero train vectors --data tweets.csv:text --pipeline tweet --buckets 0 --output runs/word2vec

The folder will contain vectors.txt (word2vec's text form), subwords.safetensors (the rows of the n-grams) and vectors.json (how
they were made). With one thread, the vectors are the same bit for bit each time; with more, no two runs agree.")]
pub struct VectorArguments {
    #[command(flatten)]
    texts: DataArguments,
    /// How texts are split into words; as in the classifier that will use the vectors: plain, lemmatised or tweet
    #[arg(long, value_name = "NAME", default_value_t)]
    pipeline: Cleaning,
    /// Number of values in a vector
    #[arg(long, value_name = "N", default_value_t = 100)]
    width: usize,
    /// The most words to each side that count as neighbours
    #[arg(long, value_name = "N", default_value_t = 5)]
    window: usize,
    /// Words drawn at random for each pair of neighbours
    #[arg(long, value_name = "N", default_value_t = 5)]
    negatives: usize,
    /// Words seen less often are left out
    #[arg(long, value_name = "N", default_value_t = 5)]
    min_count: usize,
    /// How many words get a vector, the most frequent first
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    vocab_size: usize,
    /// Words more frequent than this share are left out at random; 0 keeps all
    #[arg(long, value_name = "SHARE", default_value_t = 1e-4)]
    subsample: f64,
    /// Passes over the data
    #[arg(long, value_name = "N", default_value_t = 5)]
    epochs: usize,
    /// Initial learning rate; it falls linearly to almost 0
    #[arg(long, value_name = "RATE", default_value_t = 0.05)]
    learning_rate: f64,
    /// Rows for hashed n-grams of characters, as in fastText; 0 trains only words, as word2vec does
    #[arg(long, value_name = "N", default_value_t = 200_000)]
    buckets: u32,
    /// Characters of the shortest and the longest n-gram
    #[arg(long, value_name = "N,N", value_delimiter = ',', num_args = 1..=2, default_values_t = [3, 6])]
    ngrams: Vec<usize>,
    /// Seed of initial values, order and all random draws
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Threads; only one gives the same vectors each time
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,
    /// Folder for the vectors; it must not exist yet
    #[arg(long, value_name = "FOLDER")]
    output: PathBuf,
    /// Replace the folder if it exists and has nothing but vectors of an earlier training
    #[arg(long)]
    overwrite: bool,
}

impl VectorArguments {
    fn training(self, command: &str) -> Result<VectorTraining> {
        ensure!(self.ngrams.len() == 2, "--ngrams: give the shortest and the longest, for example 3,6");
        let hasher = || SubwordHasher::new(self.ngrams[0], self.ngrams[1], self.buckets);
        Ok(VectorTraining {
            tidying: self.texts.clean,
            pipeline: self.pipeline,
            existing: TrainedVectors::existing(self.overwrite),
            width: self.width,
            window: self.window,
            negatives: self.negatives,
            minimum_count: self.min_count,
            maximum_words: self.vocab_size,
            subsample: self.subsample,
            epochs: self.epochs,
            learning_rate: self.learning_rate,
            subwords: (self.buckets > 0).then(hasher).transpose()?,
            seed: self.seed,
            threads: self.threads,
            command: command.to_owned(),
            ..VectorTraining::new(self.texts.data, self.output)
        })
    }
}

/// Runs `train vectors`.
///
/// # Errors
/// The same as [`vectors::train_vectors`].
pub fn run(arguments: VectorArguments, command: &str, output: &Output) -> Result<()> {
    let settings = arguments.training(command)?;
    let stop = Stop::on_signal()?;
    let outcome = vectors::train_vectors(&settings, &stop, &mut |progress| {
        stop.heed();
        output.note(&describe(&progress));
    })?;
    let (size, folder) = (&outcome.size, settings.output.display());
    output.object(
        || format!("{} vectors of width {}, loss {:.4}, written to {folder}", size.words, settings.width, outcome.loss),
        || {
            json!({"words": size.words, "running_words": size.running_words, "texts": size.texts.kept,
                   "width": settings.width, "loss": outcome.loss, "output": settings.output})
        },
    )
}

fn describe(progress: &VectorProgress) -> String {
    match progress {
        VectorProgress::Data(size) => format!(
            "{} ({} duplicates and {} empty or too short left out): {} words, {} different ones",
            counted(size.texts.kept, "text", "texts"),
            size.texts.duplicates,
            size.texts.empty,
            size.running_words,
            size.words
        ),
        VectorProgress::Training { share, loss, learning_rate, words_per_second, left } => format!(
            "{:.1} %  loss {loss:.4}  learning rate {learning_rate:.2e}  {words_per_second:.0} words/s  {} left",
            100.0 * share,
            in_words(left.as_secs())
        ),
    }
}

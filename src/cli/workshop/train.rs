//! `pregonero train`: tokenizer, generator, classifier, critic, vectors.

pub mod classifier;
mod critic;
mod vectors;

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result, bail, ensure};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use self::classifier::ClassifierArguments;
use crate::cli::output::Output;
use crate::cli::session::Session;
use crate::config::LogFormat;
use pregonero_models::catalog::ModelSource;
use pregonero_models::catalog::{self, ModelFiles, ModelKind};
use pregonero_models::generation::DeviceChoice;
use pregonero_models::generation::tokenizer::Tokenizer;
use pregonero_models::generation::tokenizer::training::{self as tokenizer, TokenizerTraining};
use pregonero_models::generation::{ControlLayout, Decoding, Engine};
use pregonero_models::verbatim;
use pregonero_tweet::SeedPrompt;
use pregonero_workshop::evaluation::generator::sampling::Sampling;
use pregonero_workshop::training::generator::{
    self, Base, ControlTraining, GeneratorTraining, Outcome, Precision, Progress, Samples, Shape,
};
use pregonero_workshop::training::text::{self, Cleaning, Duplicates, TextSource};

/// What to train.
#[derive(Debug, Subcommand)]
pub enum TrainCommand {
    /// Train a byte-level BPE tokenizer on texts
    Tokenizer(TokenizerArguments),
    /// Train a GPT-2 from scratch, or fine-tune one
    Generator(Box<GeneratorArguments>),
    /// Train a classifier on labelled tweets
    Classifier(Box<ClassifierArguments>),
    /// Train a critic, which tells people's texts from the generator's and helps to choose between candidates
    Critic(critic::CriticArguments),
    /// Train word vectors on texts, for a classifier to start from
    Vectors(Box<vectors::VectorArguments>),
}

/// Texts to train on.
#[derive(Debug, Args)]
pub struct DataArguments {
    /// Texts: FILE (one a line), FILE.csv:COLUMN or FILE.jsonl:FIELD, with =WEIGHT for a share (0.1) or repeats (3)
    #[arg(long = "data", value_name = "FILE[:COLUMN][=WEIGHT]", required = true)]
    pub(super) data: Vec<TextSource>,
    /// How texts are tidied first
    #[arg(long, value_enum, default_value = "tweets")]
    pub(super) clean: CleaningChoice,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(in crate::cli) enum CleaningChoice {
    /// Links, mentions and placeholders out, texts under four words dropped
    Tweets,
    /// NFC only
    None,
}

impl From<CleaningChoice> for Cleaning {
    fn from(choice: CleaningChoice) -> Self {
        match choice {
            CleaningChoice::Tweets => Self::Tweets,
            CleaningChoice::None => Self::None,
        }
    }
}

#[derive(Debug, Args)]
pub struct TokenizerArguments {
    #[command(flatten)]
    texts: DataArguments,
    /// Number of tokens, bytes and special tokens included
    #[arg(long, default_value_t = 8192)]
    vocab_size: usize,
    /// Pairs seen less often are not merged
    #[arg(long, default_value_t = 2)]
    min_frequency: u64,
    /// A special token beside <|endoftext|>; may be given several times
    #[arg(long = "special", value_name = "TOKEN")]
    special: Vec<String>,
    /// Folder for tokenizer.json, vocab.json and merges.txt
    #[arg(long, value_name = "FOLDER")]
    output: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum DecayChoice {
    Linear,
    Cosine,
    Constant,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PrecisionChoice {
    F32,
    /// On a GPU, or on a processor with AMX or AVX-512 BF16, where a step takes a fraction of the time
    Bf16,
}

impl From<PrecisionChoice> for Precision {
    fn from(choice: PrecisionChoice) -> Self {
        match choice {
            PrecisionChoice::F32 => Self::F32,
            PrecisionChoice::Bf16 => Self::Bf16,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SamplesChoice {
    /// All texts joined, cut into blocks of --block tokens
    Blocks,
    /// One text a sample, padded; the padding does not count in the loss
    Texts,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum DuplicatesChoice {
    /// Equal texts and those that share most of their words
    Near,
    /// Equal texts
    Exact,
    /// None: all are kept
    Keep,
}

/// `NAME` or `NAME=COLUMN`.
#[derive(Debug, Clone)]
struct ControlColumn {
    name: String,
    column: String,
}

impl FromStr for ControlColumn {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, column) = text.split_once('=').unwrap_or((text, text));
        ensure!(!name.is_empty() && !column.is_empty(), "{text:?}: expected NAME or NAME=COLUMN");
        Ok(Self { name: name.to_owned(), column: column.to_owned() })
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pregonero train generator --data corpus.txt --tokenizer runs/tokenizer --learning-rate 2e-3 --output runs/base
  pregonero train generator --data tweets.csv:text --base runs/base --samples texts --output runs/tweets
  pregonero train generator --data tweets.csv:text --data ours.txt --own ours.txt --base runs/base --output runs/ours
  pregonero train generator --data enriched.csv:text --base runs/base --control SENTIMIENTO,HASHTAGS \\
      --output runs/controlled
  pregonero train generator --data tweets.jsonl:body --base runs/base --control SENTIMIENTO=sentiment,HASHTAGS=tags \\
      --output runs/controlled")]
pub struct GeneratorArguments {
    #[command(flatten)]
    texts: DataArguments,
    /// The model to fine-tune: builtin, a folder in Hugging Face layout or hub:OWNER/NAME; without it one is trained from
    /// scratch
    #[arg(long, value_name = "MODEL", conflicts_with_all = ["tokenizer", "layers", "width", "heads", "positions"])]
    base: Option<ModelSource>,
    /// The tokenizer's folder for training from scratch
    #[arg(long, value_name = "FOLDER")]
    tokenizer: Option<PathBuf>,
    /// Number of layers (from scratch)
    #[arg(long, default_value_t = 6)]
    layers: usize,
    /// Width of the model (from scratch)
    #[arg(long, default_value_t = 256)]
    width: usize,
    /// Attention heads (from scratch)
    #[arg(long, default_value_t = 4)]
    heads: usize,
    /// Longest sequence in tokens (from scratch)
    #[arg(long, default_value_t = 128)]
    positions: usize,
    /// What a sample is; with --control always texts [default: blocks]
    #[arg(long, value_enum)]
    samples: Option<SamplesChoice>,
    /// Tokens a sample; of a text, at most
    #[arg(long, default_value_t = 128)]
    block: usize,
    /// Attributes to write from, each with the column of --data that holds its values where the names differ
    #[arg(long, value_name = "NAME[=COLUMN],…", value_delimiter = ',')]
    control: Vec<ControlColumn>,
    /// Attributes that lose words where a sample is too long, the first one first [default: FRASES,ENTIDADES,HASHTAGS,
    /// those of them that are there]
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', requires = "control")]
    truncate: Option<Vec<String>>,
    /// How often a text is trained without its attributes, and each of them is left empty by itself
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    control_dropout: f32,
    /// Which repeated texts are left out
    #[arg(long, value_enum, default_value = "near")]
    duplicates: DuplicatesChoice,
    /// Samples a step
    #[arg(long, default_value_t = 8)]
    batch: usize,
    /// Passes over the data
    #[arg(long, default_value_t = 1.0)]
    epochs: f64,
    /// Optimiser steps; overrides --epochs
    #[arg(long)]
    steps: Option<usize>,
    /// Highest learning rate
    #[arg(long, default_value_t = 5e-5)]
    learning_rate: f64,
    /// Steps in which the learning rate rises from 0
    #[arg(long, default_value_t = 500)]
    warmup_steps: usize,
    /// How the learning rate falls afterwards
    #[arg(long, value_enum, default_value = "linear")]
    decay: DecayChoice,
    /// AdamW's weight decay; biases and layer norms do not decay
    #[arg(long, default_value_t = 0.01)]
    weight_decay: f64,
    /// AdamW's decay of the second moment
    #[arg(long, default_value_t = 0.999)]
    beta2: f64,
    /// Largest norm of the gradient
    #[arg(long, default_value_t = 1.0)]
    clip: f64,
    /// Batches summed up for one step of the optimiser
    #[arg(long, default_value_t = 1, value_name = "N")]
    accumulate: usize,
    /// Dropout of embeddings, residuals and attention; without it as the base's configuration says (from scratch 0.1)
    #[arg(long)]
    dropout: Option<f32>,
    /// auto (CUDA where it works), cpu, cuda or cuda:N
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
    /// How the factors of matrix products are rounded; weights, sums and the optimiser are f32 either way
    #[arg(long, value_enum, default_value = "f32")]
    precision: PrecisionChoice,
    /// Seed of initial weights, shuffling and dropout
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Share of texts held out for evaluation
    #[arg(long, default_value_t = 0.02)]
    held_out: f64,
    /// Evaluate at most this many held-out tokens
    #[arg(long, default_value_t = 20_000)]
    held_out_tokens: usize,
    /// Steps between evaluations
    #[arg(long, default_value_t = 500)]
    evaluate_every: usize,
    /// Steps between checkpoints
    #[arg(long, default_value_t = 500)]
    save_every: usize,
    /// Steps between lines of progress
    #[arg(long, default_value_t = 50)]
    log_every: usize,
    /// Stop after this many evaluations without gain
    #[arg(long)]
    patience: Option<usize>,
    /// Go on from the checkpoint in the output folder
    #[arg(long)]
    resume: bool,
    /// Which of the texts of --data are your own. They are stored with the model (own_texts.zst) instead of in the
    /// index of runs of words: the verbatim gate lets the model copy words from them, but not repeat a whole one. May
    /// be given several times
    #[arg(long, value_name = "FILE[:COLUMN]")]
    own: Vec<TextSource>,
    /// Do not write verbatim.bin, the index of the training texts' runs of words that the verbatim gate compares with
    #[arg(long)]
    no_verbatim_index: bool,
    /// Texts that the finished model writes, to put the share that repeats its training texts into its card; 0 for none
    #[arg(long, value_name = "N", default_value_t = 100)]
    verbatim_candidates: usize,
    /// Store the result as f16
    #[arg(long)]
    f16: bool,
    /// Folder for the model, its checkpoints and its log
    #[arg(long, value_name = "FOLDER")]
    output: PathBuf,
}

/// Runs `train`.
///
/// # Errors
/// Bad data, a folder that cannot be written, a training that diverges.
pub async fn run(command: TrainCommand, session: &Session) -> Result<()> {
    session.start_log(LogFormat::Auto);
    let output = &session.output;
    match command {
        TrainCommand::Tokenizer(arguments) => train_tokenizer(&arguments, output),
        TrainCommand::Generator(arguments) => train_generator(*arguments, session).await,
        TrainCommand::Classifier(arguments) => classifier::run(*arguments, session),
        TrainCommand::Critic(arguments) => critic::run(arguments, session).await,
        TrainCommand::Vectors(arguments) => vectors::run(*arguments, &session.command_line, output),
    }
}

fn train_tokenizer(arguments: &TokenizerArguments, output: &Output) -> Result<()> {
    tokenizer::refuse_to_overwrite(&arguments.output)?;
    let (texts, counts) = text::read_all(&arguments.texts.data, arguments.texts.clean.into())?;
    let settings = TokenizerTraining {
        vocabulary_size: arguments.vocab_size,
        min_frequency: arguments.min_frequency,
        special_tokens: arguments.special.clone(),
    };
    let tokenizer = tokenizer::train(&texts, &settings)?;
    tokenizer::save(&tokenizer, &arguments.output)?;
    let tokens = tokenizer.vocabulary_size();
    if tokens < arguments.vocab_size {
        output.note(&format!(
            "the texts give {tokens} tokens, not {}: no further pair comes {} times or more",
            arguments.vocab_size, arguments.min_frequency
        ));
    }
    output.object(
        || format!("{tokens} tokens from {} texts written to {}", counts.kept, arguments.output.display()),
        || json!({"vocab_size": tokens, "texts": counts.kept, "output": arguments.output}),
    )
}

/// The base the arguments name, its tokenizer included.
fn base(arguments: &GeneratorArguments, session: &Session) -> Result<Base> {
    if let Some(source) = &arguments.base {
        return Ok(Base::Model(catalog::open(source, ModelKind::Generator, &session.hub()?)?));
    }
    let Some(tokenizer) = arguments.tokenizer.clone() else {
        bail!("give --base MODEL to fine-tune a model, or --tokenizer FOLDER to train one from scratch");
    };
    Tokenizer::read(&ModelFiles::in_folder(&tokenizer)?)?;
    let shape = Shape {
        layers: arguments.layers,
        width: arguments.width,
        heads: arguments.heads,
        positions: arguments.positions,
    };
    Ok(Base::Scratch { shape, tokenizer })
}

/// What a sample is, and the attributes it is controlled by.
fn samples(arguments: &GeneratorArguments) -> Result<(Samples, Option<ControlTraining>)> {
    if arguments.control.is_empty() {
        return Ok(match arguments.samples {
            Some(SamplesChoice::Texts) => (Samples::Texts, None),
            Some(SamplesChoice::Blocks) | None => (Samples::Blocks, None),
        });
    }
    ensure!(
        arguments.samples != Some(SamplesChoice::Blocks),
        "--control needs one text a sample; leave --samples blocks out"
    );
    let names: Vec<String> = arguments.control.iter().map(|attribute| attribute.name.clone()).collect();
    let layout = ControlLayout::new(&names, arguments.truncate.as_deref(), arguments.block).context("--control")?;
    let columns = arguments.control.iter().map(|attribute| attribute.column.clone()).collect();
    Ok((Samples::Texts, Some(ControlTraining { layout, columns, dropout: arguments.control_dropout })))
}

async fn train_generator(arguments: GeneratorArguments, session: &Session) -> Result<()> {
    let output = &session.output;
    let (samples, control) = samples(&arguments)?;
    let settings = GeneratorTraining {
        base: base(&arguments, session)?,
        data: arguments.texts.data,
        cleaning: arguments.texts.clean.into(),
        duplicates: match arguments.duplicates {
            DuplicatesChoice::Near => Duplicates::Near,
            DuplicatesChoice::Exact => Duplicates::Exact,
            DuplicatesChoice::Keep => Duplicates::Keep,
        },
        samples,
        control,
        output: arguments.output,
        block: arguments.block,
        batch: arguments.batch,
        epochs: arguments.epochs,
        steps: arguments.steps,
        learning_rate: arguments.learning_rate,
        warmup_steps: arguments.warmup_steps,
        decay: match arguments.decay {
            DecayChoice::Linear => generator::Decay::Linear,
            DecayChoice::Cosine => generator::Decay::Cosine,
            DecayChoice::Constant => generator::Decay::Constant,
        },
        weight_decay: arguments.weight_decay,
        beta2: arguments.beta2,
        clip: arguments.clip,
        dropout: arguments.dropout,
        device: arguments.device,
        precision: arguments.precision.into(),
        accumulate: arguments.accumulate,
        seed: arguments.seed,
        held_out: arguments.held_out,
        held_out_tokens: arguments.held_out_tokens,
        evaluate_every: arguments.evaluate_every,
        save_every: arguments.save_every,
        log_every: arguments.log_every,
        patience: arguments.patience,
        resume: arguments.resume,
        verbatim_index: !arguments.no_verbatim_index,
        own: arguments.own,
        half_precision: arguments.f16,
        base_name: match &arguments.base {
            Some(ModelSource::Hub(name)) => Some(name.clone()),
            _ => None,
        },
        command: session.command_line.clone(),
    };
    let stop = Stop::on_signal()?;
    let outcome = generator::train(&settings, &stop, &mut |progress| {
        if matches!(progress, Progress::Data { .. }) {
            stop.heed();
        }
        output.note(&describe(&progress));
    })?;
    let finished = !outcome.stopped && !stop.load(Ordering::Relaxed);
    if finished && let Some(measured) = verbatim_share(&settings, arguments.verbatim_candidates).await? {
        generator::report_verbatim(&settings.output, &measured)?;
        output.note(&measured);
    }
    let folder = settings.output.display();
    output.object(
        || {
            let ending = match outcome {
                Outcome { stopped: true, .. } => "stopped; go on with --resume",
                Outcome { out_of_patience: true, .. } => "ended early, the evaluations showed no gain,",
                _ => "done",
            };
            let loss = outcome.best_loss.map_or_else(String::new, |loss| {
                format!(", held-out cross-entropy {loss:.4}, perplexity {:.2}", loss.exp())
            });
            format!("{ending} after {} steps{loss}; model written to {folder}", outcome.steps)
        },
        || {
            json!({"steps": outcome.steps, "stopped": outcome.stopped, "out_of_patience": outcome.out_of_patience,
                   "cross_entropy": outcome.best_loss,
                   "perplexity": outcome.best_loss.map(f64::exp), "parameters": outcome.parameters,
                   "output": settings.output})
        },
    )
}

/// The similarity from which a text counts as nearly a whole own one: the default of `gates.own_texts`.
const NEAR_OWN: f64 = 0.8;

/// Writes texts with the finished model, and says how many repeat a run of words of its training texts and how many are
/// nearly a whole own text. Returns `None` if the model has nothing to compare with, or `count` is 0.
async fn verbatim_share(settings: &GeneratorTraining, count: usize) -> Result<Option<String>> {
    let files = ModelFiles::in_folder(&settings.output)?;
    let (index, own_texts) = (verbatim::index_of(&files)?, verbatim::own_texts_of(&files)?);
    if count == 0 || (index.is_none() && own_texts.is_none()) {
        return Ok(None);
    }
    let identity = files.identity(&ModelSource::Folder(settings.output.clone()))?;
    let engine = Engine::start(files, identity, settings.device).await?;
    let sampling = Sampling {
        prompts: vec![SeedPrompt::bare("")],
        count,
        decoding: Decoding::default(),
        rng_seed: settings.seed,
        length: None,
    };
    let (written, _) = sampling.draw(&engine).await?;
    let texts: Vec<&str> =
        written.iter().flat_map(|written| &written.candidates).map(|candidate| candidate.text.as_str()).collect();
    let (count, seed) = (texts.len(), settings.seed);
    let mut measured = Vec::new();
    if let Some(index) = index {
        let copied = texts.iter().filter(|text| index.longest_run(text).is_some()).count();
        let people = if own_texts.is_some() { " by other people" } else { "" };
        measured.push(format!(
            "Verbatim share: {copied} of {count} texts written with the default settings (no prompt, seed {seed}) hold a run \
             of {} words or more of the training texts{people}.",
            index.window()
        ));
    }
    if let Some(own_texts) = own_texts {
        let near = own_texts.most_similar(&texts, NEAR_OWN)?.into_iter().flatten().count();
        measured.push(format!(
            "Own texts: {near} of {count} texts written with the default settings (no prompt, seed {seed}) are at \
             least {:.0} % like one of the operator's own texts.",
            100.0 * NEAR_OWN
        ));
    }
    Ok(Some(measured.join(" ")))
}

/// Stops a training on SIGINT or SIGTERM. While the training still reads its data there is nothing to save, and a
/// signal ends the process at once. From [`heed`](Self::heed) on, the first signal asks for a checkpoint and the second
/// ends the process.
#[derive(Debug, Clone, Default)]
pub(in crate::cli) struct Stop {
    asked: Arc<AtomicBool>,
    heeded: Arc<AtomicBool>,
}

impl Stop {
    /// Listens for the signals from now on.
    ///
    /// # Errors
    /// Where the system does not allow that.
    pub(in crate::cli) fn on_signal() -> Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let stop = Self::default();
        let (asked, heeded) = (Arc::clone(&stop.asked), Arc::clone(&stop.heeded));
        let handle = tokio::runtime::Handle::try_current().context("signals need the runtime")?;
        let _guard = handle.enter();
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
        let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
        handle.spawn(async move {
            loop {
                let signal = tokio::select! {
                    _ = interrupt.recv() => libc::SIGINT,
                    _ = terminate.recv() => libc::SIGTERM,
                };
                if !heeded.load(Ordering::Relaxed) || asked.swap(true, Ordering::Relaxed) {
                    end_by(signal);
                }
            }
        });
        Ok(stop)
    }

    /// Declares that from now on the training checks between its steps whether it was asked to stop.
    pub(in crate::cli) fn heed(&self) {
        self.heeded.store(true, Ordering::Relaxed);
    }
}

impl std::ops::Deref for Stop {
    type Target = AtomicBool;

    fn deref(&self) -> &AtomicBool {
        &self.asked
    }
}

/// Ends the process as the signal does where nobody listens to it: at once, and without a core.
fn end_by(signal: libc::c_int) {
    // SAFETY: both calls take a signal's number and nothing else; the default action ends the process.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
}

fn describe(progress: &Progress) -> String {
    match progress {
        Progress::Data { counts, shortened, training_tokens, held_out_tokens } => {
            let nothing = if *held_out_tokens == 0 { ": nothing will be evaluated" } else { "" };
            let cut =
                if *shortened > 0 { format!(", {shortened} texts or contexts cut to --block") } else { String::new() };
            format!(
                "{} texts ({} duplicates, {} near-duplicates, {} cut off by X and {} empty or too short left out{cut}): \
                 {training_tokens} tokens to train on, {held_out_tokens} held out{nothing}",
                counts.kept, counts.duplicates, counts.near_duplicates, counts.cut_off, counts.empty
            )
        }
        Progress::ControlLost { attributes } => {
            format!("the base writes from {attributes}; the new model will not, as --control does not name them")
        }
        Progress::NothingToResume => "there is no checkpoint to resume from: starting with the first step".to_owned(),
        Progress::Model { parameters, resumed_at, steps, device, fallback } => {
            let fallback = fallback.as_ref().map_or_else(String::new, |reason| format!("{reason}; "));
            let resumed = if *resumed_at > 0 { format!(", resumed behind step {resumed_at}") } else { String::new() };
            format!("{fallback}{parameters} parameters, {steps} steps{resumed}; {device}")
        }
        Progress::Step { step, steps, loss, learning_rate, tokens_per_second, left } => format!(
            "step {step}/{steps}  loss {loss:.4}  learning rate {learning_rate:.2e}  {tokens_per_second:.0} tokens/s  \
             {} left",
            in_words(left.as_secs())
        ),
        Progress::Evaluated { step, loss, perplexity, best } => format!(
            "step {step}: held-out loss {loss:.4}, perplexity {perplexity:.2}{}",
            if *best { " (best so far)" } else { "" }
        ),
        Progress::Saved { step } => format!("step {step}: checkpoint saved"),
    }
}

fn in_words(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

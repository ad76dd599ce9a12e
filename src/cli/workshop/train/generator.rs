//! `pregonero train generator`: turns flags into settings and prints the result.

mod progress;
mod verbatim_share;

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use serde_json::json;

use self::progress::describe;
use self::verbatim_share::verbatim_share;
use super::DECAYS;
use crate::cli::choice::{Choice, listed};
use crate::cli::session::Session;
use crate::cli::workshop::stop::Stop;
use crate::cli::workshop::texts::{ControlColumn, DataArguments};
use pregonero_models::catalog::{self, ModelFiles, ModelKind, ModelSource};
use pregonero_models::generation::tokenizer::Tokenizer;
use pregonero_models::generation::{ControlLayout, DeviceChoice};
use pregonero_workshop::training::generator::{
    self, Base, ControlTraining, Decay, GeneratorTraining, OptimizerChoice, Outcome, Precision, Progress, Samples,
    Shape,
};
use pregonero_workshop::training::text::{Duplicates, TextSource};

const PRECISIONS: [Choice<Precision>; 2] = [
    ("f32", Precision::F32, ""),
    (
        "bf16",
        Precision::Bf16,
        "For a GPU, or a processor with AMX or AVX-512 BF16, where a step takes a fraction of the time",
    ),
];

const OPTIMIZERS: [Choice<OptimizerChoice>; 2] = [
    ("adamw", OptimizerChoice::AdamW, ""),
    (
        "muon",
        OptimizerChoice::Muon,
        "Muon for the matrices inside the layers, AdamW for embeddings, head, norms and biases: fewer tokens to the same \
         loss, each step takes longer, most of all with small batches",
    ),
];

const SAMPLES: [Choice<Samples>; 2] = [
    ("blocks", Samples::Blocks, "All texts joined and cut into blocks of --block tokens"),
    ("texts", Samples::Texts, "One text per sample, padded; the padding does not count in the loss"),
];

const DUPLICATES: [Choice<Duplicates>; 3] = [
    ("near", Duplicates::Near, "Equal texts and texts that share most of their words"),
    ("exact", Duplicates::Exact, "Equal texts"),
    ("keep", Duplicates::Keep, "None: all are kept"),
];

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pregonero train generator --data corpus.txt --tokenizer runs/tokenizer --learning-rate 2e-3 --output runs/base
  pregonero train generator --data corpus.txt --tokenizer runs/tokenizer --optimizer muon --learning-rate 2e-3 --output runs/base
  pregonero train generator --data tweets.csv:text --base runs/base --samples texts --output runs/tweets
  pregonero train generator --data tweets.csv:text --data ours.txt --own ours.txt --base runs/base --output runs/ours
  pregonero train generator --data enriched.csv:text --base runs/base --control SENTIMIENTO,HASHTAGS \\
      --output runs/controlled
  pregonero train generator --data tweets.jsonl:body --base runs/base --control SENTIMIENTO=sentiment,HASHTAGS=tags \\
      --output runs/controlled")]
pub struct GeneratorArguments {
    #[command(flatten)]
    texts: DataArguments,
    /// The model to fine-tune: builtin, a folder in Hugging Face layout or hub:OWNER/NAME; without it, a model is trained from
    /// scratch
    #[arg(long, value_name = "MODEL", conflicts_with_all = ["tokenizer", "layers", "width", "heads", "positions"])]
    base: Option<ModelSource>,
    /// The folder of the tokenizer, for training from scratch
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
    /// What a sample is; always texts with --control [default: blocks]
    #[arg(long, value_parser = listed(&SAMPLES))]
    samples: Option<Samples>,
    /// Tokens per sample; for texts, the most
    #[arg(long, default_value_t = 128)]
    block: usize,
    /// Attributes to write from, each with the column of --data that has its values if the names differ
    #[arg(long, value_name = "NAME[=COLUMN],…", value_delimiter = ',')]
    control: Vec<ControlColumn>,
    /// Attributes that lose words if a sample is too long, in this order [default: those of FRASES,ENTIDADES,HASHTAGS that
    /// exist]
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', requires = "control")]
    truncate: Option<Vec<String>>,
    /// How often a text is trained without any of its attributes, and also how often each single attribute is left empty
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    control_dropout: f32,
    /// Which repeated texts are left out
    #[arg(long, value_parser = listed(&DUPLICATES), default_value = "near")]
    duplicates: Duplicates,
    /// Samples per step
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
    /// What updates the weights
    #[arg(long, value_parser = listed(&OPTIMIZERS), default_value = "adamw")]
    optimizer: OptimizerChoice,
    /// Highest learning rate of the matrices under --optimizer muon (by default 0.02); it rises and falls with
    /// --learning-rate, which is that of everything else
    #[arg(long, value_name = "RATE")]
    muon_learning_rate: Option<f64>,
    /// Steps during which the learning rate rises from 0
    #[arg(long, default_value_t = 500)]
    warmup_steps: usize,
    /// How the learning rate falls afterwards
    #[arg(long, value_parser = listed(&DECAYS), default_value = "linear")]
    decay: Decay,
    /// AdamW's weight decay; biases and layer norms do not decay
    #[arg(long, default_value_t = 0.01)]
    weight_decay: f64,
    /// AdamW's decay of the second moment
    #[arg(long, default_value_t = 0.999)]
    beta2: f64,
    /// Largest norm of the gradient
    #[arg(long, default_value_t = 1.0)]
    clip: f64,
    /// Batches that are summed for one step of the optimiser
    #[arg(long, default_value_t = 1, value_name = "N")]
    accumulate: usize,
    /// Dropout of embeddings, residuals and attention; by default as in the base's configuration, or 0.1 from scratch
    #[arg(long)]
    dropout: Option<f32>,
    /// auto (CUDA if it works), cpu, cuda or cuda:N
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
    /// How the factors of matrix products are rounded; weights, sums and the optimiser are f32 either way
    #[arg(long, value_parser = listed(&PRECISIONS), default_value = "f32")]
    precision: Precision,
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
    /// Stop after this many evaluations without improvement
    #[arg(long)]
    patience: Option<usize>,
    /// Continue from the checkpoint in the output folder
    #[arg(long)]
    resume: bool,
    /// Which of the texts of --data are your own. They are stored with the model (own_texts.zst) instead of in the index
    /// of runs of words: the verbatim gate lets the model copy words from them, but not repeat a whole text. May be
    /// given several times
    #[arg(long, value_name = "FILE[:COLUMN]")]
    own: Vec<TextSource>,
    /// Do not write verbatim.bin, the index of the training texts' runs of words that the verbatim gate compares with
    #[arg(long)]
    no_verbatim_index: bool,
    /// How many texts the finished model writes to measure, for its card, the share that repeats training texts; 0 for none
    #[arg(long, value_name = "N", default_value_t = 100)]
    verbatim_candidates: usize,
    /// Store the result as f16
    #[arg(long)]
    f16: bool,
    /// Folder for the model, its checkpoints and its log
    #[arg(long, value_name = "FOLDER")]
    output: PathBuf,
}

/// Returns the base that the arguments name, including its tokenizer.
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

/// Returns the rate of the matrices under Muon.
///
/// # Errors
/// If one is given for another optimiser.
fn muon_learning_rate(optimizer: OptimizerChoice, given: Option<f64>) -> Result<f64> {
    const DEFAULT: f64 = 0.02;
    ensure!(given.is_none() || optimizer == OptimizerChoice::Muon, "--muon-learning-rate needs --optimizer muon");
    Ok(given.unwrap_or(DEFAULT))
}

/// Returns what a sample is, and the attributes that control it.
fn samples(arguments: &GeneratorArguments) -> Result<(Samples, Option<ControlTraining>)> {
    if arguments.control.is_empty() {
        return Ok((arguments.samples.unwrap_or(Samples::Blocks), None));
    }
    ensure!(arguments.samples != Some(Samples::Blocks), "--control needs one text per sample; remove --samples blocks");
    let names: Vec<String> = arguments.control.iter().map(|attribute| attribute.name.clone()).collect();
    let layout = ControlLayout::new(&names, arguments.truncate.as_deref(), arguments.block).context("--control")?;
    let columns = arguments.control.iter().map(|attribute| attribute.column.clone()).collect();
    Ok((Samples::Texts, Some(ControlTraining { layout, columns, dropout: arguments.control_dropout })))
}

/// Runs `train generator`.
///
/// # Errors
/// If the data is bad, a folder cannot be written, or a training diverges.
pub(super) async fn run(arguments: GeneratorArguments, session: &Session) -> Result<()> {
    let output = &session.output;
    let (samples, control) = samples(&arguments)?;
    let settings = GeneratorTraining {
        base: base(&arguments, session)?,
        data: arguments.texts.data,
        cleaning: arguments.texts.clean,
        duplicates: arguments.duplicates,
        samples,
        control,
        output: arguments.output,
        block: arguments.block,
        batch: arguments.batch,
        epochs: arguments.epochs,
        steps: arguments.steps,
        learning_rate: arguments.learning_rate,
        optimizer: arguments.optimizer,
        muon_learning_rate: muon_learning_rate(arguments.optimizer, arguments.muon_learning_rate)?,
        warmup_steps: arguments.warmup_steps,
        decay: arguments.decay,
        weight_decay: arguments.weight_decay,
        beta2: arguments.beta2,
        clip: arguments.clip,
        dropout: arguments.dropout,
        device: arguments.device,
        precision: arguments.precision,
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
                Outcome { stopped: true, .. } => "stopped; continue with --resume",
                Outcome { out_of_patience: true, .. } => "ended early, because the evaluations showed no improvement,",
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

//! `pregonero evaluate`: how good a model is, on data it was not trained on.

mod classifier;
mod comparison;
mod trainings;

use anyhow::Result;
use clap::{Args, Subcommand};

use super::session::Session;
use super::train::DataArguments;
use crate::catalog::{self, ModelKind};
use crate::config::{LogFormat, ModelSource};
use crate::evaluation::language_model::evaluate_generator;

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum EvaluateCommand {
    /// Measure a generator: cross-entropy and perplexity over texts
    Generator(GeneratorArguments),
    /// Measure a classifier: accuracy, macro F1, AUC, calibration, each label, confusion matrix
    Classifier(Box<classifier::ClassifierArguments>),
    /// Train and measure several classifiers under several protocols, and write a table of them
    Comparison(comparison::ComparisonArguments),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pregonero evaluate generator --data tweets.csv:text
  pregonero evaluate generator --model runs/tweets --data held-out.txt --block 64 --json

Cross-entropy is in nats a token; bits a byte compare models of different tokenizers.")]
pub struct GeneratorArguments {
    /// The generator: builtin, a folder or hub:OWNER/NAME
    #[arg(long, value_name = "MODEL", default_value = "builtin")]
    model: ModelSource,
    #[command(flatten)]
    texts: DataArguments,
    /// Tokens predicted at a time; without it the model's whole context
    #[arg(long, value_name = "TOKENS")]
    block: Option<usize>,
}

/// Runs `evaluate`.
///
/// # Errors
/// A model or a table that cannot be read.
pub fn run(command: EvaluateCommand, session: &Session) -> Result<()> {
    session.start_log(LogFormat::Auto);
    match command {
        EvaluateCommand::Generator(arguments) => generator(&arguments, session),
        EvaluateCommand::Comparison(arguments) => comparison::run(&arguments, session),
        EvaluateCommand::Classifier(arguments) => classifier::run(&arguments, session),
    }
}

fn generator(arguments: &GeneratorArguments, session: &Session) -> Result<()> {
    let files = catalog::open(&arguments.model, ModelKind::Generator, &session.hub()?)?;
    let DataArguments { data, clean } = &arguments.texts;
    let report = evaluate_generator(&files, data, (*clean).into(), arguments.block)?;
    let json = serde_json::to_value(&report)?;
    let text = || {
        format!(
            "{} tokens of {} texts: cross-entropy {:.4}, perplexity {:.2}, {:.4} bits a byte",
            report.tokens, report.texts, report.cross_entropy, report.perplexity, report.bits_per_byte
        )
    };
    session.output.object(text, || json)
}

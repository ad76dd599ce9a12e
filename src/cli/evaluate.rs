//! `pregonero evaluate`: how good a model is, on data it was not trained on.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};

use super::session::Session;
use super::train::DataArguments;
use crate::catalog::{self, ModelKind};
use crate::config::{LogFormat, ModelSource};
use crate::dataset::labelled::Columns;
use crate::evaluation::classification::{EvaluatedPart, evaluate_classifier};
use crate::evaluation::language_model::evaluate_generator;
use crate::sentiment::Classifier;

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum EvaluateCommand {
    /// Measure a generator: cross-entropy and perplexity over texts
    Generator(GeneratorArguments),
    /// Measure a classifier: accuracy, macro F1, AUC, each class, confusion matrix
    Classifier(ClassifierArguments),
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

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pregonero evaluate classifier --data labelled.csv --held-out
  pregonero evaluate classifier --model models/mine --data other.csv --text-column tweet --label-column sentiment")]
pub struct ClassifierArguments {
    /// The classifier: builtin, a folder or hub:OWNER/NAME
    #[arg(long, value_name = "MODEL", default_value = "builtin")]
    model: ModelSource,
    /// Labelled tweets: a CSV file with a header
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// The column with the text
    #[arg(long, value_name = "NAME", default_value = "text")]
    text_column: String,
    /// The column with the label, 0 or 1
    #[arg(long, value_name = "NAME", default_value = "label")]
    label_column: String,
    /// The column that tells authors apart; --held-out needs it if the training had one
    #[arg(long, value_name = "NAME", default_value = "author")]
    author_column: String,
    /// Measure on the part of its own training file that the classifier never saw
    #[arg(long)]
    held_out: bool,
}

/// Runs `evaluate`.
///
/// # Errors
/// A model or a table that cannot be read.
pub fn run(command: EvaluateCommand, session: &Session) -> Result<()> {
    session.start_log(LogFormat::Auto);
    match command {
        EvaluateCommand::Generator(arguments) => generator(&arguments, session),
        EvaluateCommand::Classifier(arguments) => classifier(arguments, session),
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

fn classifier(arguments: ClassifierArguments, session: &Session) -> Result<()> {
    let files = catalog::open(&arguments.model, ModelKind::Classifier, &session.hub()?)?;
    let model = Classifier::load(&files)?;
    let part = if arguments.held_out { EvaluatedPart::HeldOut } else { EvaluatedPart::All };
    // Authors decide nothing but the split.
    let author = arguments.held_out.then_some(arguments.author_column).filter(|name| !name.is_empty());
    let columns = Columns { text: arguments.text_column, label: arguments.label_column, author };
    let report = evaluate_classifier(&model, &arguments.data, &columns, part)?;
    let json = serde_json::to_value(&report)?;
    session.output.object(|| report.to_string(), || json)
}

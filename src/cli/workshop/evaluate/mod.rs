//! `pregonero evaluate`: measures how good a model is on data it was not trained on.

mod classifier;
mod comparison;
pub(super) mod generator;
mod obedience;
mod trainings;
mod voice;

use anyhow::Result;
use clap::Subcommand;

use crate::cli::session::Session;

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum EvaluateCommand {
    /// Measure generators: perplexity, diversity, gates, and whether their texts can be told from people's
    Generator(Box<generator::GeneratorArguments>),
    /// Measure whether a generator with control tokens writes the demanded sentiment and hashtags
    Obedience(Box<obedience::ObedienceArguments>),
    /// Run rounds without posting, and let a person judge the chosen texts blind
    Voice(Box<voice::VoiceArguments>),
    /// Measure a classifier: accuracy, macro F1, AUC, calibration, each label, confusion matrix
    Classifier(Box<classifier::ClassifierArguments>),
    /// Train and measure several classifiers with several protocols, and write a table of the results
    Comparison(comparison::ComparisonArguments),
}

/// Runs `evaluate`.
///
/// # Errors
/// If a model or a table cannot be read.
pub async fn run(command: EvaluateCommand, session: &Session) -> Result<()> {
    session.start_log();
    match command {
        EvaluateCommand::Generator(arguments) => generator::run(&arguments, session).await,
        EvaluateCommand::Obedience(arguments) => obedience::run(&arguments, session).await,
        EvaluateCommand::Voice(arguments) => voice::run(&arguments, session).await,
        EvaluateCommand::Comparison(arguments) => comparison::run(&arguments, session),
        EvaluateCommand::Classifier(arguments) => classifier::run(&arguments, session),
    }
}

//! `pregonero train`: trains a tokenizer, generator, classifier, critic or word vectors.

pub mod classifier;
mod critic;
mod generator;
mod tokenizer;
mod vectors;

use anyhow::Result;
use clap::Subcommand;

use crate::cli::choice::Choice;
use crate::cli::session::Session;
use pregonero_workshop::training::schedule::Decay;

/// How the learning rate falls.
const DECAYS: [Choice<Decay>; 3] =
    [("linear", Decay::Linear, ""), ("cosine", Decay::Cosine, ""), ("constant", Decay::Constant, "")];

/// What to train.
#[derive(Debug, Subcommand)]
pub enum TrainCommand {
    /// Train a byte-level BPE tokenizer on texts
    Tokenizer(tokenizer::TokenizerArguments),
    /// Train a GPT-2 from scratch, or fine-tune one
    Generator(Box<generator::GeneratorArguments>),
    /// Train a classifier on labelled tweets
    Classifier(Box<classifier::ClassifierArguments>),
    /// Train a critic, which tells people's texts from the generator's and helps choose between candidates
    Critic(critic::CriticArguments),
    /// Train word vectors on texts, for a classifier to start from
    Vectors(Box<vectors::VectorArguments>),
}

/// Runs `train`.
///
/// # Errors
/// If the data is bad, a folder cannot be written, or a training diverges.
pub async fn run(command: TrainCommand, session: &Session) -> Result<()> {
    session.start_log();
    let output = &session.output;
    match command {
        TrainCommand::Tokenizer(arguments) => tokenizer::run(&arguments, output),
        TrainCommand::Generator(arguments) => generator::run(*arguments, session).await,
        TrainCommand::Classifier(arguments) => classifier::run(*arguments, session),
        TrainCommand::Critic(arguments) => critic::run(arguments, session).await,
        TrainCommand::Vectors(arguments) => vectors::run(*arguments, &session.command_line, output),
    }
}

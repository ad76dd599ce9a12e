//! `pregonero train critic`: lets the configured generator write, and trains a classifier to tell its texts from people's.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, ensure};
use clap::Args;
use serde_json::json;

use super::classifier::follow;
use super::stop_on_signal;
use crate::app;
use crate::cli::decoding::ModelArgument;
use crate::cli::output::Output;
use crate::cli::session::Session;
use crate::config::Settings;
use crate::evaluation::generator::sampling::Sampling;
use crate::files::{Existing, refuse_existing};
use crate::generation::{Engine, LengthBudget};
use crate::hashing::splitmix64;
use crate::training::critic::{CriticOutcome, CriticTraining, SET_ASIDE, train_critic};
use crate::training::text::{self, Cleaning, TextSource};
use crate::tweet::{Candidate, SeedPrompt};
use crate::twitter::text::{MAX_WEIGHTED_LENGTH, weighted_length};

/// Candidates between two looks at whether to stop.
const PIECE: usize = 256;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pregonero train critic --data texts.jsonl:text --output runs/critic
  pregonero train critic --data texts.jsonl:text --model runs/tweets -n 8000 --output runs/critic

The generator writes with the [generation] settings and from the seed prompts of the configuration. What comes out is a
classifier of the labels generated and written; selection.critic = \"runs/critic\" lets it take part in the choice. Train it
again when the generator changes. How much it counts for stands in its config.json under `reading`.")]
pub struct CriticArguments {
    /// Texts that people wrote: FILE (one a line), FILE.csv:COLUMN or FILE.jsonl:FIELD
    #[arg(long = "data", value_name = "FILE[:COLUMN][=WEIGHT]", required = true)]
    data: Vec<TextSource>,
    #[command(flatten)]
    model: ModelArgument,
    /// Candidates that the generator writes to be told from them; of the written texts, as many are taken
    #[arg(short = 'n', long, value_name = "N", default_value_t = 4000, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    candidates: u32,
    /// Seed of the candidates, the split, initial weights, order and dropout
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Where the written texts come from and their licence, for the model card
    #[arg(long, value_name = "TEXT", default_value = "")]
    about: String,
    /// Folder for the model and its card; it must not exist yet
    #[arg(long, value_name = "FOLDER")]
    output: PathBuf,
    /// Replace the folder if it exists
    #[arg(long)]
    overwrite: bool,
}

/// Runs `train critic`.
///
/// # Errors
/// Texts that cannot be read, a generator that cannot be used, too few texts, a folder that cannot be written; a stop before
/// the first epoch ended.
pub(super) async fn run(arguments: CriticArguments, session: &Session) -> Result<()> {
    let output = &session.output;
    refuse_existing(&arguments.output, if arguments.overwrite { Existing::Replace } else { Existing::Refuse })?;
    let (written, _) = text::read_all(&arguments.data, Cleaning::Tweets)?;
    let mut settings = session.load(arguments.model.overrides())?.settings;
    arguments.model.fit(&mut settings, session)?;
    let hub = session.hub()?;
    let engine = app::load_engine(&settings, &hub).await?;
    app::check_seed_prompts(&settings, &engine)?;
    let stop = stop_on_signal()?;
    let mut generated = write(&settings, &engine, &arguments, &stop, output).await?;
    let set_aside = generated.split_off(generated.len().saturating_sub(SET_ASIDE));
    let training = CriticTraining {
        written,
        generated,
        set_aside,
        generator: engine.description().identity.clone(),
        output: arguments.output,
        overwrite: arguments.overwrite,
        seed: arguments.seed,
        command: session.command_line.clone(),
        about: arguments.about,
    };
    let outcome = follow(output, |progress| train_critic(&training, &stop, progress))?;
    if outcome.interrupted {
        output.note("stopped; the best weights so far are written");
    }
    let json = serde_json::to_value(&outcome)?;
    output.object(
        || in_words(&outcome, &training),
        || {
            let mut json = json;
            json["generator"] = json!(training.generator);
            json["output"] = json!(training.output);
            json
        },
    )
}

/// The candidates to learn from, and [`SET_ASIDE`] more at the end.
async fn write(
    settings: &Settings,
    engine: &Engine,
    arguments: &CriticArguments,
    stop: &AtomicBool,
    output: &Output,
) -> Result<Vec<Candidate>> {
    let prompts: Vec<SeedPrompt> = settings.seed_prompts.iter().filter(|prompt| prompt.weight > 0).cloned().collect();
    let disclosure = weighted_length(&format!(" {}", settings.account.disclosure));
    let limit = MAX_WEIGHTED_LENGTH.saturating_sub(disclosure);
    let wanted = arguments.candidates as usize + SET_ASIDE;
    let mut candidates = Vec::with_capacity(wanted);
    for piece in 0_u64.. {
        if candidates.len() >= wanted {
            break;
        }
        ensure!(!stop.load(Ordering::Relaxed), "stopped while the candidates were written; nothing is written");
        let sampling = Sampling {
            prompts: prompts.clone(),
            count: PIECE.min(wanted - candidates.len()),
            decoding: settings.generation.decoding.clone(),
            rng_seed: splitmix64(arguments.seed.wrapping_add(piece)),
            length: Some(LengthBudget { limit, measure: weighted_length }),
        };
        let (written, _) = sampling.draw(engine).await?;
        let before = candidates.len();
        candidates.extend(written.into_iter().flat_map(|written| written.candidates));
        ensure!(candidates.len() > before, "the generator wrote nothing");
        output.note(&format!("{} of {wanted} candidates written", candidates.len()));
    }
    Ok(candidates)
}

fn in_words(outcome: &CriticOutcome, training: &CriticTraining) -> String {
    let CriticOutcome { area, reading, .. } = outcome;
    format!(
        "{} texts of each side, {} candidates left out; on {} held-out texts: AUC {:.3} ({:.3} to {:.3}), accuracy {:.3}\n\
         reading = logistic({} + {} * logit(critic) + {} * mean + {} * weakest)\nmodel written to {}",
        outcome.texts_a_side,
        outcome.left_out,
        outcome.held_out,
        area.auc,
        area.low,
        area.high,
        outcome.accuracy,
        reading.bias,
        reading.critic,
        reading.mean,
        reading.weakest,
        training.output.display()
    )
}

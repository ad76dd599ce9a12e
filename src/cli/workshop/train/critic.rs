//! `pregonero train critic`: lets the configured generator write, and trains a classifier to tell its texts from people's; or
//! trains one on texts that it wrote earlier and people judged.

mod judged;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha12Rng;
use serde_json::json;

use crate::app;
use crate::cli::decoding::ModelArgument;
use crate::cli::output::Output;
use crate::cli::session::Session;
use crate::cli::workshop::progress::follow;
use crate::cli::workshop::stop::Stop;
use crate::cli::workshop::texts::ControlColumn;
use crate::config::Settings;
use pregonero_models::generation::{Engine, LengthBudget};
use pregonero_text::hashing::splitmix64;
use pregonero_text::tweet_text::{MAX_WEIGHTED_LENGTH, weighted_length};
use pregonero_tweet::{Candidate, SeedPrompt};
use pregonero_workshop::dataset::parts::learned_from;
use pregonero_workshop::evaluation::generator::sampling::Sampling;
use pregonero_workshop::training::classifier::check_output;
use pregonero_workshop::training::critic::{CriticOutcome, CriticTraining, FEWEST, SET_ASIDE, train_critic};
use pregonero_workshop::training::text::{self, Cleaning, Duplicates, ReadFor, Reading, TextRow, TextSource};

/// How many candidates are written between checks whether to stop.
const PIECE: usize = 256;

/// How many candidates are written from one opening, which the model reads once for all of them.
const GROUP: usize = 8;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pregonero train critic --data texts.jsonl:text --output runs/critic
  pregonero train critic --data texts.jsonl:text --openings 3 --control TEMA=tema,HASHTAGS=hashtags --output runs/critic
  pregonero train critic --data texts.jsonl:text --model runs/tweets -n 8000 --output runs/critic

  pregonero --json generate --prompt \"Me parece\" -n 256 | jq -c 'select(.accepted)' > texts.jsonl
      ... add \"good\": true or false to each line, then:
  pregonero train critic --judged texts.jsonl --output runs/critic

With --data, the generator writes with the [generation] settings. It starts from the seed prompts of the configuration or, with
--openings, from the first words of the written texts, so that neither the beginning nor the theme tells the two sides
apart. The result is a classifier with the labels generated and written, which counts for little: a text that a person
could have written need not make sense.

With --judged, nothing is written: people have judged texts that `generate --json` printed. The result is a classifier with
the labels poor and good, and how much it counts is fitted to held-out texts. 1,000 judged texts are a good start.

To use it in the choice between candidates, set selection.critic = \"runs/critic\". How much it counts is set in its
config.json, under `reading`. Train it again when the generator changes.")]
pub struct CriticArguments {
    /// Texts that people wrote: FILE (one per line, or X's archive) or FILE:COLUMN (CSV, JSON, Parquet, a data set)
    #[arg(long = "data", value_name = "FILE[:COLUMN][=WEIGHT]", required_unless_present = "judged")]
    data: Vec<TextSource>,
    /// Instead of --data: texts by the generator that people judged, as `generate --json` printed them, one per line, with
    /// one more field (--good)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["data", "openings", "control", "candidates"])]
    judged: Vec<PathBuf>,
    /// The field of --judged that says whether a text is good: yes or no, true or false, 1 or 0; a text without it is left out
    #[arg(long, value_name = "FIELD", default_value = "good", requires = "judged")]
    good: String,
    #[command(flatten)]
    model: ModelArgument,
    /// Let the generator start from the first WORDS words of written texts instead of the seed prompts; it writes eight
    /// candidates from each
    #[arg(long, value_name = "WORDS", value_parser = clap::value_parser!(u32).range(1..=50))]
    openings: Option<u32>,
    /// Attributes for a model with control tokens: each opening gets the values in these columns of its row of --data
    #[arg(long, value_name = "NAME[=COLUMN],…", value_delimiter = ',', requires = "openings")]
    control: Vec<ControlColumn>,
    /// How many candidates the generator writes; the critic learns from equally many texts from each side
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
    /// Replace the folder if it exists and has nothing but the model of an earlier training
    #[arg(long)]
    overwrite: bool,
}

/// Runs `train critic`.
///
/// # Errors
/// If texts cannot be read, the generator cannot be used, there are too few texts, the folder cannot be written, or the
/// training is stopped before the first epoch ends.
pub(super) async fn run(arguments: CriticArguments, session: &Session) -> Result<()> {
    let output = &session.output;
    check_output(&arguments.output, arguments.overwrite)?;
    if !arguments.judged.is_empty() {
        return judged::run(arguments, session).await;
    }
    let columns: Vec<String> = arguments.control.iter().map(|attribute| attribute.column.clone()).collect();
    let reading = Reading {
        cleaning: Cleaning::Tweets,
        duplicates: Duplicates::Exact,
        read_for: ReadFor::Training,
        columns: &columns,
    };
    let trained_on = learned_from(arguments.data.iter().map(|source| &source.path))?;
    let (rows, _) = text::read_rows(&arguments.data, &reading)?;
    let mut settings = session.load(arguments.model.overrides())?.settings;
    arguments.model.fit(&mut settings, session)?;
    let hub = session.hub()?;
    let engine = app::load_local_engine(&settings, &hub).await?;
    app::check_seed_prompts(&settings, &engine)?;
    let configured: Vec<SeedPrompt> =
        settings.seed_prompts.iter().filter(|prompt| prompt.weight > 0).cloned().collect();
    let openings = arguments.prompts_of(&rows, &engine)?;
    // Counted before the generator writes for minutes.
    ensure!(
        rows.len() >= FEWEST,
        "a critic needs at least {FEWEST} different texts, but --data has {}: give more",
        rows.len()
    );
    let stop = Stop::on_signal()?;
    stop.heed();
    let writer = Writer { settings: &settings, engine: &engine, stop: &stop, output };
    let count = arguments.candidates as usize;
    let generated = writer.write(openings.as_ref().unwrap_or(&configured), count, arguments.seed).await?;
    // These start from the seed prompts, as in a round, no matter where the others start.
    let set_aside = writer.write(&configured, SET_ASIDE, !arguments.seed).await?;
    let written = rows.into_iter().map(|row| row.text).collect();
    let training = CriticTraining {
        written,
        generated,
        set_aside,
        generator: engine.description().identity.clone(),
        output: arguments.output,
        overwrite: arguments.overwrite,
        seed: arguments.seed,
        trained_on,
        command: session.command_line.clone(),
        about: arguments.about,
        openings: arguments.openings,
    };
    let outcome = follow(output, &stop, |progress| train_critic(&training, &stop, progress))?;
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

impl CriticArguments {
    /// Returns the openings of the written texts as prompts, or `None` without --openings.
    fn prompts_of(&self, rows: &[TextRow], engine: &Engine) -> Result<Option<Vec<SeedPrompt>>> {
        let Some(words) = self.openings else { return Ok(None) };
        let mut prompts = Vec::new();
        for row in rows {
            let all: Vec<&str> = row.text.split(' ').collect();
            let Some(opening) = all.get(..words as usize).filter(|opening| opening.len() < all.len()) else { continue };
            let values = self.control.iter().zip(&row.values).filter(|(_, value)| !value.is_empty());
            let attributes = values.map(|(attribute, value)| (attribute.name.clone(), value.clone())).collect();
            let place = || format!("{}:{}", self.data[row.source].path.display(), row.line);
            engine.description().check_attributes(&attributes).with_context(place)?;
            prompts.push(SeedPrompt { attributes, ..SeedPrompt::bare(&opening.join(" ")) });
        }
        ensure!(!prompts.is_empty(), "--openings {words}: no text of --data has more than {words} words");
        prompts.shuffle(&mut ChaCha12Rng::seed_from_u64(self.seed));
        Ok(Some(prompts))
    }
}

struct Writer<'a> {
    settings: &'a Settings,
    engine: &'a Engine,
    stop: &'a AtomicBool,
    output: &'a Output,
}

impl Writer<'_> {
    /// Writes `count` candidates in pieces: each from all prompts if there are few, otherwise [`GROUP`] candidates from each
    /// of the next prompts.
    async fn write(&self, prompts: &[SeedPrompt], count: usize, seed: u64) -> Result<Vec<Candidate>> {
        let limit = MAX_WEIGHTED_LENGTH.saturating_sub(self.settings.account.disclosure.weighted_length());
        let at_once = prompts.len().min(PIECE / GROUP);
        let mut following = prompts.iter().cycle();
        let mut candidates = Vec::with_capacity(count);
        let mut piece = 0_u64;
        while candidates.len() < count {
            ensure!(
                !self.stop.load(Ordering::Relaxed),
                "stopped while the generator was writing candidates; no critic was trained"
            );
            let sampling = Sampling {
                prompts: following.by_ref().take(at_once).cloned().collect(),
                count: PIECE.min(count - candidates.len()),
                decoding: self.settings.generation.decoding.clone(),
                rng_seed: splitmix64(seed.wrapping_add(piece)),
                length: Some(LengthBudget { limit, measure: weighted_length }),
            };
            let (written, _) = sampling.draw(self.engine).await?;
            let before = candidates.len();
            candidates.extend(written.into_iter().flat_map(|written| written.candidates));
            ensure!(candidates.len() > before, "the generator wrote nothing");
            piece += 1;
            self.output.note(&format!("{} of {count} candidates written", candidates.len()));
        }
        Ok(candidates)
    }
}

fn in_words(outcome: &CriticOutcome, training: &CriticTraining) -> String {
    let CriticOutcome { area, reading, .. } = outcome;
    format!(
        "{} texts from each side, {} candidates left out; on {} held-out texts: AUC {:.3} ({:.3} to {:.3}), accuracy {:.3}\n\
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

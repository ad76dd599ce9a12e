//! `pregonero generate`: tries a prompt before it goes live. Writes and judges as a round does, but records nothing.

mod all_prompts;
#[cfg(feature = "workshop")]
mod sweep;

use std::io::{self, IsTerminal as _};

use anyhow::{Context as _, Result};
use clap::Args;
use serde_json::{Value, json};

use super::decoding::{DecodingArguments, ModelArgument, generation};
use super::output::{self, styled, visible};
use super::session::Session;
use crate::app;
use crate::config::{Override, Settings};
use crate::daemon::status::EngineStatus;
use pregonero_models::generation::{GenerationRequest, LengthBudget, candidate_seeds};
use pregonero_text::tweet_text;
use pregonero_tweet::{Judged, SeedPrompt, Verdict};
#[cfg(feature = "workshop")]
use pregonero_workshop::evaluation::generator::sweep::Sweep;

const EXAMPLES: &str = "\
Examples:
  pregonero generate                                      candidates for a seed prompt, drawn as in a round
  pregonero generate --prompt \"Me parece\" -n 4            four candidates for this prompt
  pregonero generate --model hub:datificate/gpt2-small-spanish --prompt \"Me parece\"   another model, for this run
  pregonero generate --model openai:http://127.0.0.1:8000/v1#my-model --prompt \"Hoy\"     a model on a server
  pregonero generate --prompt \"\" --attribute TEMA=infancia --attribute HASHTAGS=Prevención
  pregonero generate --prompt \"Me parece\" --rng-seed 7    the same candidates each time
  pregonero generate --strategy greedy --prompt \"Hoy\"     the likeliest continuation
  pregonero generate --all-prompts -n 32                  every seed prompt: pass rate, mean score, what stopped the others
  pregonero --json generate -n 8 | jq 'select(.accepted)' the ones a round could choose";

#[cfg(feature = "workshop")]
const SWEEP_EXAMPLE: &str =
    "\n  pregonero generate --prompt \"Hoy\" -n 32 --sweep \"temperature=0.7,0.9;typical_p=0.9,1\"";
#[cfg(not(feature = "workshop"))]
const SWEEP_EXAMPLE: &str = "";

fn examples() -> String {
    format!("{EXAMPLES}{SWEEP_EXAMPLE}")
}

/// What to write, and how. The decoding flags override the configuration's `[generation]`.
#[derive(Debug, Args)]
#[command(after_help = examples())]
pub struct GenerateArguments {
    /// The words to continue; without it, one of the configured seed prompts is drawn by weight, as in a round
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    prompt: Option<String>,
    /// Number of candidates
    #[arg(short = 'n', long, value_name = "N", allow_hyphen_values = true)]
    candidates: Option<String>,
    #[command(flatten)]
    model: ModelArgument,
    #[command(flatten)]
    decoding: DecodingArguments,
    /// What the text should be like, for a model with control tokens (`models show` lists its attributes); may be given
    /// several times. With --prompt "" the attributes alone decide. They override those of a configured seed prompt with the
    /// same text; NAME= empties one
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = attribute)]
    attributes: Vec<(String, String)>,
    /// Print only the model's continuation, unchanged: neither cut at the end of a sentence nor stripped
    #[arg(long)]
    raw: bool,
    /// Write with every combination of these settings, from the same seeds, and compare; a text or a TOML file
    #[cfg(feature = "workshop")]
    #[arg(long, value_name = "NAME=VALUE,…;…|FILE.toml", conflicts_with_all = ["raw", "all_prompts"])]
    sweep: Option<Sweep>,
    /// Write candidates for every configured seed prompt, and compare how many pass and what stops the others
    #[arg(long, conflicts_with_all = ["raw", "prompt", "attributes"])]
    all_prompts: bool,
}

fn attribute(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl GenerateArguments {
    /// Returns the flags as settings, so that they are checked like values in the file.
    fn overrides(&self) -> Vec<Override> {
        let candidates = self.candidates.iter().map(|value| generation("--candidates", "candidates", value));
        candidates.chain(self.model.overrides()).chain(self.decoding.overrides()).collect()
    }

    /// Returns the prompt to continue: the given one (with the attributes of a configured prompt with the same text), or one
    /// that is drawn.
    fn seed_prompt(&self, settings: &Settings, rng_seed: u64) -> Result<SeedPrompt> {
        let configured = &settings.seed_prompts;
        let mut prompt = match &self.prompt {
            None => SeedPrompt::draw(configured, rng_seed).context("the configuration has no seed prompt")?.clone(),
            Some(text) => SeedPrompt::known_or_bare(configured, text),
        };
        prompt.attributes.extend(self.attributes.iter().cloned());
        Ok(prompt)
    }
}

/// Runs `generate`.
///
/// # Errors
/// If the configuration or the model cannot be used, or the prompt is too long.
pub async fn run(arguments: GenerateArguments, session: &Session) -> Result<()> {
    let mut settings = session.load(arguments.overrides())?.settings;
    arguments.model.fit(&mut settings, session)?;
    let hub = session.hub()?;
    let generator = app::generator_files(&settings, &hub)?;
    let judge = app::load_judge(&settings, &hub, &generator)?;
    let engine = app::load_engine(&settings, &hub, &session.environment).await?;
    if let Some(fallback) = &engine.description().fallback {
        tracing::info!("{fallback}");
    }
    if let Some(status) = EngineStatus::of(&engine, &settings.generation.decoding) {
        session.output.note(&format!("generation server: {}", status.in_words()));
    }
    let rng_seed = settings.generation.rng_seed.unwrap_or_else(|| (app::fresh_seeds())());
    if arguments.all_prompts {
        let recent = session.recent(&settings).await?;
        let parts = all_prompts::Parts { settings: &settings, engine: &engine, judge: &judge, recent: &recent };
        return all_prompts::run(session, &parts, rng_seed).await;
    }
    let prompt = arguments.seed_prompt(&settings, rng_seed)?;
    let recent = session.recent(&settings).await?;
    #[cfg(feature = "workshop")]
    if let Some(sweep) = &arguments.sweep {
        let parts = sweep::Parts {
            files: &generator,
            engine: &engine,
            judge: &judge,
            recent: &recent,
            prompt: &prompt,
            rng_seed,
        };
        note_prompt(session, &prompt, rng_seed);
        return sweep::run(sweep, &arguments, session, &parts).await;
    }
    let length = LengthBudget { limit: judge.body_limit(), measure: tweet_text::weighted_length };
    let request = GenerationRequest {
        prompt: prompt.text.clone(),
        attributes: prompt.attributes.clone(),
        seeds: candidate_seeds(rng_seed, settings.generation.candidates),
        decoding: settings.generation.decoding.clone(),
        length: (!arguments.raw).then_some(length),
    };
    let candidates = engine.generate(request).await?;
    let judged = judge.judge(candidates, &prompt.text, &recent)?;
    note_prompt(session, &prompt, rng_seed);
    for (index, one) in judged.iter().enumerate() {
        if arguments.raw && !session.output.json && !io::stdout().is_terminal() {
            // Another program reads it, and gets what the model wrote.
            session.output.unchanged(&one.candidate.continuation)?;
            continue;
        }
        session
            .output
            .object(|| in_words(index + 1, one, arguments.raw), || as_json(one, &prompt, rng_seed, arguments.raw))?;
    }
    Ok(())
}

fn note_prompt(session: &Session, prompt: &SeedPrompt, rng_seed: u64) {
    let text = &prompt.text;
    let attributes: String = prompt.attributes.iter().map(|(name, value)| format!(", {name}={value}")).collect();
    session
        .output
        .note(&format!("prompt {text:?}{attributes}, seed {rng_seed} (--rng-seed {rng_seed} writes the same again)"));
}

/// Returns the line of `--json`. Its fields are a contract: they may be added, but never renamed.
fn as_json(one: &Judged, prompt: &SeedPrompt, round_seed: u64, raw: bool) -> Value {
    let candidate = &one.candidate;
    let (text, token_ids) = match raw {
        true => (&candidate.continuation, &candidate.token_ids[candidate.prompt_tokens..]),
        false => (&one.text, &candidate.token_ids[..]),
    };
    json!({
        "prompt": prompt.text,
        "attributes": prompt.attributes,
        "text": text,
        "token_ids": token_ids,
        "rng_seed": candidate.rng_seed,
        "weighted_length": one.weighted_length,
        "sentiment": one.sentiment,
        "score": one.score,
        "likelihood": candidate.likelihood,
        "critic": one.ranking.critic,
        "reading": one.ranking.reading,
        "rank": one.ranking.rank,
        "fresh_opening": one.ranking.fresh_opening,
        "gates": one.gates,
        "accepted": one.verdict() == Verdict::Pass,
        "finish": candidate.finish,
        "round_seed": round_seed,
    })
}

fn in_words(number: usize, one: &Judged, raw: bool) -> String {
    if raw {
        return one.candidate.continuation.clone();
    }
    let (style, word) = match one.verdict() {
        Verdict::Pass => (output::GOOD, "accepted"),
        Verdict::Review => (output::DOUBTFUL, "needs a person"),
        Verdict::Reject => (output::BAD, "rejected"),
    };
    let mut lines = vec![
        format!(
            "{number:>3}. {}  {} {:.2}  {} of {}",
            styled(style, word),
            one.sentiment.label,
            one.sentiment.score,
            one.weighted_length,
            tweet_text::MAX_WEIGHTED_LENGTH
        ),
        format!("     {}", visible(&one.text).replace('\n', "\n     ")),
    ];
    lines.extend(output::parts_of_rank(one).map(|parts| format!("     {parts}")));
    let objections = one.gates.iter().filter(|gate| gate.verdict != Verdict::Pass);
    lines.extend(
        objections.map(|gate| format!("     {} ({}): {}", gate.gate, gate.verdict.as_str(), visible(&gate.reason))),
    );
    lines.join("\n")
}

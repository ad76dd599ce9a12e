//! `pregonero generate --all-prompts`: every configured seed prompt side by side, from the same seeds.

use anyhow::Result;
use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::output::{self, styled};
use crate::cli::session::Session;
use crate::config::Settings;
use crate::round::{stopped_by, stopped_by_in_words};
use pregonero_judging::gates::Recent;
use pregonero_judging::judge::Judge;
use pregonero_judging::selection::select;
use pregonero_models::generation::{Engine, GenerationRequest, LengthBudget, candidate_seeds};
use pregonero_text::tweet_text;
use pregonero_tweet::{Judged, SeedPrompt, Verdict};

/// What all prompts share.
pub struct Parts<'a> {
    pub settings: &'a Settings,
    pub engine: &'a Engine,
    pub judge: &'a Judge,
    pub recent: &'a Recent,
}

/// The result of one prompt. Its JSON is a contract: fields may be added, but never renamed.
#[derive(Debug, Serialize)]
struct Row {
    prompt: String,
    attributes: Value,
    round_seed: u64,
    candidates: usize,
    /// The share that passes every gate.
    pass_rate: f64,
    /// The share that a person would have to review.
    review_rate: f64,
    mean_score: f64,
    /// Gate, verdict and number of candidates, the most frequent first.
    stopped_by: Vec<Value>,
    /// The best candidate that passed, as a round would choose it.
    best: Option<String>,
    #[serde(skip)]
    stopped_in_words: String,
}

/// Writes candidates for each prompt and prints a row for it.
///
/// # Errors
/// If a prompt is too long, or has an attribute that the model does not know.
pub async fn run(session: &Session, parts: &Parts<'_>, rng_seed: u64) -> Result<()> {
    let mut rows = Vec::new();
    for prompt in &parts.settings.seed_prompts {
        let candidates = parts.engine.generate(request(parts, prompt, rng_seed)).await?;
        let judged = parts.judge.judge(candidates, &prompt.text, parts.recent)?;
        let row = row(prompt, &judged, rng_seed);
        if !session.output.json {
            session.output.note(&format!("{}: {} written", named(&row), row.candidates));
        }
        rows.push(row);
    }
    session.output.note(&format!("seed {rng_seed} (--rng-seed {rng_seed} writes the same again)"));
    session.output.rows(&["PROMPT", "N", "PASS", "REVIEW", "SCORE", "STOPPED BY"], &rows, cells)?;
    if !session.output.json {
        session.output.line(&best(&rows))?;
    }
    Ok(())
}

fn request(parts: &Parts<'_>, prompt: &SeedPrompt, rng_seed: u64) -> GenerationRequest {
    let generation = &parts.settings.generation;
    GenerationRequest {
        prompt: prompt.text.clone(),
        attributes: prompt.attributes.clone(),
        seeds: candidate_seeds(rng_seed, generation.candidates),
        decoding: generation.decoding.clone(),
        length: Some(LengthBudget { limit: parts.judge.body_limit(), measure: tweet_text::weighted_length }),
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of candidates are small")]
fn row(prompt: &SeedPrompt, judged: &[Judged], rng_seed: u64) -> Row {
    let share = |verdict| {
        let count = judged.iter().filter(|one| one.verdict() == verdict).count();
        if judged.is_empty() { 0.0 } else { count as f64 / judged.len() as f64 }
    };
    let scores: f64 = judged.iter().map(|one| f64::from(one.score)).sum();
    let stopped = stopped_by(judged);
    Row {
        prompt: prompt.text.clone(),
        attributes: json!(prompt.attributes),
        round_seed: rng_seed,
        candidates: judged.len(),
        pass_rate: share(Verdict::Pass),
        review_rate: share(Verdict::Review),
        mean_score: if judged.is_empty() { 0.0 } else { scores / judged.len() as f64 },
        stopped_in_words: stopped_by_in_words(&stopped),
        stopped_by: stopped
            .iter()
            .map(|(gate, verdict, count)| json!({"gate": gate, "verdict": verdict, "candidates": count}))
            .collect(),
        best: select(judged, false).map(|chosen| chosen.judged().text.clone()),
    }
}

/// Returns the prompt with its attributes, which distinguish prompts that have the same text.
fn named(row: &Row) -> String {
    let attributes = row.attributes.as_object().into_iter().flatten();
    let attributes: String =
        attributes.map(|(name, value)| format!(" {name}={}", value.as_str().unwrap_or_default())).collect();
    format!("{:?}{attributes}", row.prompt)
}

fn cells(row: &Row) -> Vec<String> {
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    vec![
        named(row),
        row.candidates.to_string(),
        percent(row.pass_rate),
        percent(row.review_rate),
        format!("{:.2}", row.mean_score),
        row.stopped_in_words.clone(),
    ]
}

/// Returns the text that a round would choose for each prompt.
fn best(rows: &[Row]) -> String {
    let mut lines = vec![String::new(), styled(output::HEADING, "the best that passed")];
    lines.extend(rows.iter().map(|row| {
        let text = row.best.as_deref().unwrap_or("none passed").replace('\n', " ");
        format!("{}: {text}", named(row))
    }));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_of_one_text_are_told_apart_by_their_attributes() {
        let of = |attributes: &[(&str, &str)]| {
            let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            named(&row(&SeedPrompt { text: "El covid".to_owned(), attributes, weight: 1 }, &[], 7))
        };
        assert_eq!(of(&[]), "\"El covid\"");
        assert_eq!(of(&[("TEMA", "prevencion")]), "\"El covid\" TEMA=prevencion");
    }
}

//! What each seed prompt yields, and a try of one that records nothing.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, State};
use serde::Deserialize;

use super::{Answer, html};
use crate::admin::Page;
use crate::admin::ask::Ask;
use crate::admin::failure::Failure;
use crate::round::{RoundFailure, rehearse};
use pregonero_store::{StatsBy, StatsRow};
use pregonero_text::characters::first_hidden;
use pregonero_tweet::{GateVerdict, Judged, SeedPrompt, Verdict};

/// The longest prompt that may be tried, in characters.
const LONGEST_PROMPT: usize = 280;

#[derive(Template)]
#[template(path = "prompts.html")]
struct PromptsPage<'a> {
    ask: &'a Ask,
    rows: Vec<Row<'a>>,
    /// Whether anybody's reactions are on record.
    measured: bool,
    /// The prompt in the field.
    prompt: &'a str,
    tried: Option<Tried>,
    problem: Option<String>,
}

/// A prompt with what it has yielded.
struct Row<'a> {
    text: String,
    attributes: String,
    /// Absent for a prompt that is no longer in the configuration.
    weight: Option<u32>,
    stats: Option<&'a StatsRow>,
}

impl Row<'_> {
    /// Returns the share of candidates that passed every gate.
    fn yielded(&self) -> Option<f64> {
        self.stats.and_then(StatsRow::share_passed)
    }

    /// Returns the share of rounds that led to a post.
    fn accepted(&self) -> Option<f64> {
        self.stats.and_then(StatsRow::share_chosen)
    }

    /// Returns the mean likes of the posts whose engagement was read.
    fn likes(&self) -> Option<f64> {
        self.stats.and_then(|stats| stats.each(stats.likes))
    }

    /// Returns the mean views of the posts whose engagement was read.
    fn views(&self) -> Option<f64> {
        self.stats.and_then(|stats| stats.each(stats.views))
    }
}

/// What a try gave.
struct Tried {
    rng_seed: u64,
    passed: usize,
    candidates: Vec<Candidate>,
}

/// A candidate of a try, the best first.
struct Candidate {
    text: String,
    length: usize,
    verdict: &'static str,
    label: String,
    score: f64,
    rank: f64,
    chosen: bool,
    gates: Vec<GateVerdict>,
}

/// The page.
pub async fn show(State(page): State<Arc<Page>>, ask: Ask) -> Answer {
    answer(&page, &ask, "", None, None).await
}

async fn answer(page: &Page, ask: &Ask, prompt: &str, tried: Option<Tried>, problem: Option<String>) -> Answer {
    let app = page.app();
    let stats = page.numbers.of(&app, StatsBy::Prompt, 0, ask.now).await?;
    let configured = &app.settings.seed_prompts;
    let mut rows: Vec<Row<'_>> = configured
        .iter()
        .map(|prompt| Row {
            text: prompt.text.clone(),
            attributes: attributes_of(prompt),
            weight: Some(prompt.weight),
            stats: stats.iter().find(|row| is_of(row, prompt)),
        })
        .collect();
    let former = stats.iter().filter(|row| !configured.iter().any(|prompt| is_of(row, prompt)));
    rows.extend(former.map(|row| {
        let attributes = row.attribute_words().join(" ");
        Row { text: row.key.clone(), attributes, weight: None, stats: Some(row) }
    }));
    let measured = stats.iter().any(|row| row.measured > 0);
    html(&PromptsPage { ask, rows, measured, prompt, tried, problem })
}

fn attributes_of(prompt: &SeedPrompt) -> String {
    let pairs: Vec<String> = prompt.attributes.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join(" ")
}

/// Returns whether a row of the statistics is of this prompt.
fn is_of(row: &StatsRow, prompt: &SeedPrompt) -> bool {
    let attributes = row.attributes.as_ref().and_then(serde_json::Value::as_object);
    let same = match attributes {
        None => prompt.attributes.is_empty(),
        Some(found) => {
            found.len() == prompt.attributes.len()
                && prompt
                    .attributes
                    .iter()
                    .all(|(name, value)| found.get(name).is_some_and(|found| found == value.as_str()))
        }
    };
    row.key == prompt.text && same
}

/// The prompt to try.
#[derive(Deserialize)]
pub struct Try {
    prompt: String,
}

/// Lets the model write for a prompt, and shows what the gates say of it. One at a time.
pub async fn attempt(State(page): State<Arc<Page>>, ask: Ask, Form(form): Form<Try>) -> Answer {
    if form.prompt.chars().count() > LONGEST_PROMPT
        || form.prompt.contains('\n')
        || first_hidden(&form.prompt).is_some()
    {
        return Err(Failure::unusable(
            format!("El inicio tiene como mucho {LONGEST_PROMPT} caracteres que se ven, en una línea."),
            format!("A prompt has at most {LONGEST_PROMPT} characters that can be seen, on one line."),
        ));
    }
    let tried = {
        let _turn = page.trying.try_acquire().map_err(|_| Failure::Busy)?;
        tracing::info!(by = ask.name(), prompt = form.prompt, "a prompt is tried on the page");
        rehearse(&page.app(), &form.prompt).await
    };
    let rehearsal = match tried {
        Ok(rehearsal) => rehearsal,
        Err(RoundFailure::Store(error)) => return Err(error.into()),
        Err(failure) => return answer(&page, &ask, &form.prompt, None, Some(failure.to_string())).await,
    };
    let passed = rehearsal.judged.iter().filter(|one| one.verdict() == Verdict::Pass).count();
    let mut judged: Vec<(usize, &Judged)> = rehearsal.judged.iter().enumerate().collect();
    judged.sort_by(|(_, one), (_, other)| one.verdict().cmp(&other.verdict()).then(other.compare_rank(one)));
    let candidates = judged.into_iter().map(|(position, one)| Candidate {
        text: one.text.clone(),
        length: one.weighted_length,
        verdict: one.verdict().as_str(),
        label: one.sentiment.label.clone(),
        score: one.score.into(),
        rank: one.rank().into(),
        chosen: rehearsal.chosen == Some(position),
        gates: one.gates.iter().filter(|gate| gate.verdict != Verdict::Pass).cloned().collect(),
    });
    let tried = Tried { rng_seed: rehearsal.rng_seed, passed, candidates: candidates.collect() };
    answer(&page, &ask, &form.prompt, Some(tried), None).await
}

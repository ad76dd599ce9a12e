//! One round: from a due slot to its record.
//!
//! Slot, seed prompt, candidates, gates and score, selection, record, review, publish: [`run`] reads like that list.
//! What goes wrong in a round is recorded as its outcome; only a record that cannot be written is an error here.

use std::sync::Arc;

use anyhow::Context as _;
use jiff::Timestamp;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::publish::{Posted, PublishError};
use crate::review::ReviewMode;
use crate::review::{self, ReviewError, Submitted};
use pregonero_judging::gates::Recent;
use pregonero_judging::selection::{Chosen, select};
use pregonero_models::generation::remote::Findings;
use pregonero_models::generation::{
    Arithmetic, Decoding, GenerationError, GenerationRequest, GenerationSettings, LengthBudget, StandIn, Written,
    candidate_seeds,
};
use pregonero_models::sentiment::Classifier;
use pregonero_models::sentiment::SentimentTarget;
use pregonero_store::{Earlier, NewRound, PostId, RoundId, SlotId, StandInWriter, StoreError};
use pregonero_system::errors::chain;
use pregonero_text::tweet_text;
use pregonero_tweet::{Candidate, Judged, SeedPrompt, Verdict};

/// The target of the log lines about single candidates, so that a terminal can show them as a table instead.
pub const CANDIDATES: &str = "pregonero::candidates";

/// What a round is to do.
#[derive(Debug, Clone)]
pub struct Order {
    pub slot: SlotId,
    /// The opening words that a person asked for; if absent, drawn from the settings.
    pub prompt: Option<String>,
}

impl Order {
    /// Creates an order for a due time of the schedule.
    #[must_use]
    pub fn scheduled(due: Timestamp) -> Self {
        Self { slot: SlotId::Scheduled(due), prompt: None }
    }

    /// Creates an order for a round that somebody asked for.
    #[must_use]
    pub fn by_hand(now: Timestamp, prompt: Option<String>) -> Self {
        Self { slot: SlotId::Manual(now), prompt }
    }
}

/// A round that has ended.
#[derive(Debug)]
pub struct Served {
    pub round: RoundId,
    pub outcome: Outcome,
}

/// The outcome of a round. All of it is on record.
#[derive(Debug)]
pub enum Outcome {
    /// Sent, or recorded as what would have been sent.
    Posted(Posted),
    /// Chosen, and it waits for a person.
    Held(PostId),
    /// Chosen, but it did not go out, or that is unknown.
    NotPosted(PublishError),
    /// Chosen, but the program was stopped before it went out; the next start sends it.
    Kept(PostId),
    /// No candidate passed; the reason counts what the gates said.
    NoCandidate { reason: String },
    /// An error ended it.
    Failed(RoundFailure),
    /// The program was stopped before anything was chosen.
    Interrupted,
}

/// What ended a round before a candidate was chosen.
#[derive(Debug, thiserror::Error)]
pub enum RoundFailure {
    #[error("no candidates: {0}")]
    Generation(#[from] GenerationError),
    #[error("the candidates could not be judged: {0:#}")]
    Judging(anyhow::Error),
    #[error("the choice could not be recorded: {}", chain(.0))]
    Review(#[from] ReviewError),
    #[error("the record could not be read or written: {}", chain(.0))]
    Store(#[from] StoreError),
}

/// Serves one order. `stop` ends it early: before a choice is made the round is abandoned, after that nothing new goes
/// out; a call under way is waited for.
///
/// # Errors
/// [`StoreError::SlotTaken`] if the slot was served before, or an error if the record cannot be written.
pub async fn run(app: &App, order: Order, stop: &CancellationToken) -> Result<Served, StoreError> {
    let plan = Plan::draw(app, order);
    meet_server(app, stop).await;
    let round = app.store.begin_round(&plan.record(app), app.clock.now()).await?;
    tracing::info!(%round, slot = plan.slot.in_words(), prompt = plan.prompt.text, rng_seed = plan.rng_seed, "round begins");
    let chosen = tokio::select! {
        chosen = choose(app, &plan, round) => chosen,
        () = stop.cancelled() => return interrupted(app, round).await,
    };
    let outcome = match chosen {
        Ok(Choice::Approved(approved)) if stop.is_cancelled() => Outcome::Kept(approved.post()),
        Ok(Choice::Approved(approved)) => match app.publisher.publish(approved).await {
            Ok(posted) => Outcome::Posted(posted),
            Err(error) => Outcome::NotPosted(error),
        },
        Ok(Choice::Held(post)) => Outcome::Held(post),
        Ok(Choice::Nothing { reason }) => Outcome::NoCandidate { reason },
        Err(failure) => failed(app, round, failure).await?,
    };
    Ok(Served { round, outcome })
}

/// Asks the generator's server what it follows, so that the record says so; a server that is away is found out again when
/// it is to write.
async fn meet_server(app: &App, stop: &CancellationToken) {
    let Some(server) = app.engine.server() else { return };
    tokio::select! {
        found = server.ask() => if let Err(error) = found { tracing::debug!(%error, "the generation server does not answer") },
        () = stop.cancelled() => {}
    }
}

/// What a prompt would give.
#[derive(Debug)]
pub struct Rehearsal {
    pub prompt: SeedPrompt,
    pub rng_seed: u64,
    /// In the order of the batch.
    pub judged: Vec<Judged>,
    /// The position of the one that a round would choose.
    pub chosen: Option<usize>,
}

/// Writes and judges candidates for a prompt as a round would. Nothing is recorded, and nothing goes out.
///
/// # Errors
/// [`RoundFailure`]: the model cannot continue this prompt, or the record cannot be read.
pub async fn rehearse(app: &App, prompt: &str) -> Result<Rehearsal, RoundFailure> {
    let plan = Plan::draw(app, Order::by_hand(app.clock.now(), Some(prompt.to_owned())));
    let candidates = app.engine.generate(plan.request(app)).await?;
    let judged = judge(app, &plan, candidates).await?;
    let chosen = select(&judged, app.settings.review.mode != ReviewMode::Off).map(|chosen| chosen.index());
    Ok(Rehearsal { prompt: plan.prompt, rng_seed: plan.rng_seed, judged, chosen })
}

/// What the candidates of a round led to.
enum Choice {
    Approved(review::Approved),
    Held(PostId),
    Nothing { reason: String },
}

/// Goes from the plan to what may be posted, with every candidate on record.
async fn choose(app: &App, plan: &Plan, round: RoundId) -> Result<Choice, RoundFailure> {
    let Written { candidates, stand_in } = app.engine.write(plan.request(app)).await?;
    if let Some(StandIn { identity, device, arithmetic: Arithmetic { weights, kernels }, reason }) = &stand_in {
        let writer = StandInWriter { identity, device, weights, kernels };
        app.store.record_stand_in(round, &writer, reason, app.clock.now()).await?;
    }
    let judged = judge(app, plan, candidates).await?;
    let chosen = select(&judged, app.settings.review.mode != ReviewMode::Off);
    tell(round, &judged, chosen.as_ref());
    app.store.record_candidates(round, &judged, chosen.as_ref().map(Chosen::index), app.clock.now()).await?;
    let Some(chosen) = chosen else {
        let reason = summary(&judged);
        app.store.end_without_candidate(round, &reason, app.clock.now()).await?;
        return Ok(Choice::Nothing { reason });
    };
    let terms = review::Terms { live: app.live, ..review::Terms::from(&app.settings) };
    match review::submit(&app.store, round, &chosen, &terms, app.clock.now()).await? {
        Submitted::Approved(approved) => Ok(Choice::Approved(approved)),
        Submitted::Held(post) => Ok(Choice::Held(post)),
        Submitted::TooAlike { reason } => {
            let reason = format!("something like the chosen text was approved while the round ran: {reason}");
            app.store.end_without_candidate(round, &reason, app.clock.now()).await?;
            Ok(Choice::Nothing { reason })
        }
    }
}

/// What is decided before the model runs.
#[derive(Debug)]
struct Plan {
    slot: SlotId,
    prompt: SeedPrompt,
    rng_seed: u64,
}

impl Plan {
    fn draw(app: &App, order: Order) -> Self {
        let rng_seed = app.next_seed();
        let configured = &app.settings.seed_prompts;
        let prompt = match order.prompt {
            Some(text) => SeedPrompt::known_or_bare(configured, &text),
            None => SeedPrompt::draw(configured, rng_seed).expect("the settings hold a seed prompt").clone(),
        };
        Self { slot: order.slot, prompt, rng_seed }
    }

    fn record(&self, app: &App) -> NewRound {
        let description = app.engine.description();
        NewRound {
            slot: self.slot.clone(),
            seed_prompt: self.prompt.clone(),
            rng_seed: self.rng_seed,
            generation: generation_record(app, &description.arithmetic),
            generator: description.identity.clone(),
            classifier: app.judge.classifier().identity().clone(),
            device: description.device.clone(),
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
            settings: judging_record(app),
            config_sha256: app.settings.digest.clone(),
        }
    }

    fn request(&self, app: &App) -> GenerationRequest {
        GenerationRequest {
            prompt: self.prompt.text.clone(),
            attributes: self.prompt.attributes.clone(),
            seeds: candidate_seeds(self.rng_seed, app.settings.generation.candidates),
            decoding: app.settings.generation.decoding.clone(),
            length: Some(LengthBudget { limit: app.judge.body_limit(), measure: tweet_text::weighted_length }),
        }
    }
}

/// Returns how the candidates are written, for a replay: the decoding settings, and what is known of the server.
fn generation_record(app: &App, arithmetic: &Arithmetic) -> serde_json::Value {
    let mut record = decoding_record(&app.settings.generation, arithmetic, app.judge.body_limit());
    if let Some(server) = app.engine.server() {
        record["engine"] = engine_record(server.state().findings.as_deref(), &app.settings.generation.decoding);
    }
    record
}

fn engine_record(findings: Option<&Findings>, decoding: &Decoding) -> serde_json::Value {
    let mut record = json!(findings);
    if let Some(findings) = findings {
        record["ignored"] = json!(findings.ignored(decoding));
    }
    record
}

/// Returns the decoding settings in force, for a replay.
fn decoding_record(settings: &GenerationSettings, arithmetic: &Arithmetic, length_limit: usize) -> serde_json::Value {
    let decoding = &settings.decoding;
    json!({
        "strategy": decoding.strategy,
        "candidates": settings.candidates,
        "temperature": decoding.temperature,
        "top_k": decoding.top_k,
        "top_p": decoding.top_p,
        "min_p": decoding.min_p,
        "typical_p": decoding.typical_p,
        "repetition_penalty": decoding.repetition_penalty,
        "no_repeat_ngram": decoding.no_repeat_ngram,
        "max_new_tokens": decoding.max_new_tokens,
        "length_limit": length_limit,
        "weights": arithmetic.weights,
        "kernels": arithmetic.kernels,
    })
}

/// Returns the settings that decide on the candidates, to explain later why this one went out.
fn judging_record(app: &App) -> serde_json::Value {
    let sentiment = &app.settings.sentiment;
    let target = match &sentiment.target {
        SentimentTarget::Label(label) => label.as_str(),
        SentimentTarget::Any => "any",
    };
    // Rounded to what a person wrote: 0.6, not the nearest `f32` widened to `f64`.
    let threshold = app.judge.threshold().map(|least| (f64::from(least) * 1e6).round() / 1e6);
    json!({
        "live": app.live,
        "account": app.settings.account.handle,
        "review_mode": app.settings.review.mode,
        "disclosure": app.settings.account.disclosure,
        "sentiment": {"target": target, "threshold": threshold},
        "selection": {
            "rank": app.settings.selection.rank,
            "critic": app.judge.reader().critic().map(Classifier::identity),
            "reading": app.judge.reader().weights(),
            "fresh_openings": app.settings.selection.fresh_openings,
        },
        "gates": app.settings.gates,
    })
}

/// Judges the candidates. Scoring is CPU work, so it runs away from the runtime's threads.
async fn judge(app: &App, plan: &Plan, candidates: Vec<Candidate>) -> Result<Vec<Judged>, RoundFailure> {
    let since = Earlier::days_before(app.clock.now(), app.settings.gates.near_duplicate_days);
    let earlier = Earlier { since, held: true, dry_runs: !app.live, disclosure: app.judge.disclosure() };
    let recent = app.store.posted_bodies(None, &earlier).await?;
    let (judge, prompt) = (Arc::clone(&app.judge), plan.prompt.text.clone());
    tokio::task::spawn_blocking(move || judge.judge(candidates, &prompt, &Recent::new(recent)))
        .await
        .context("judging the candidates panicked")
        .flatten()
        .map_err(RoundFailure::Judging)
}

/// Logs the verdicts on each candidate in one line, and which candidate was chosen.
fn tell(round: RoundId, judged: &[Judged], chosen: Option<&Chosen>) {
    for (index, one) in judged.iter().enumerate() {
        let verdict = one.verdict();
        let worst = one.gates.iter().find(|gate| gate.verdict == verdict && verdict != Verdict::Pass);
        tracing::info!(
            target: CANDIDATES,
            %round,
            candidate = index,
            score = format_args!("{:.2}", one.score),
            rank = format_args!("{:.2}", one.rank()),
            verdict = verdict.as_str(),
            gate = worst.map(|gate| gate.gate.as_str()),
            reason = worst.map(|gate| gate.reason.as_str()),
            text = one.text,
            "candidate"
        );
    }
    if let Some(chosen) = chosen {
        let one = chosen.judged();
        let (score, rank) = (format_args!("{:.2}", one.score), format_args!("{:.2}", one.rank()));
        tracing::info!(target: CANDIDATES, %round, candidate = chosen.index(), score, rank, text = one.text, "chosen");
    }
}

/// Returns why nothing was chosen: how many candidates each gate stopped.
fn summary(judged: &[Judged]) -> String {
    if judged.is_empty() {
        return "the model wrote no candidate".to_owned();
    }
    let plural = if judged.len() == 1 { "candidate" } else { "candidates" };
    format!("none of {} {plural} passed; stopped by {}", judged.len(), stopped_by_in_words(&stopped_by(judged)))
}

/// Counts how many candidates each gate stopped or sent to review, the most frequent first.
pub fn stopped_by(judged: &[Judged]) -> Vec<(&str, Verdict, usize)> {
    let mut counts: Vec<(&str, Verdict, usize)> = Vec::new();
    for gate in judged.iter().flat_map(|one| &one.gates).filter(|gate| gate.verdict != Verdict::Pass) {
        match counts.iter_mut().find(|(name, verdict, _)| *name == gate.gate && *verdict == gate.verdict) {
            Some((_, _, count)) => *count += 1,
            None => counts.push((&gate.gate, gate.verdict, 1)),
        }
    }
    counts.sort_by_key(|(_, _, count)| std::cmp::Reverse(*count));
    counts
}

/// Returns the counts of [`stopped_by`] as a list in words.
pub fn stopped_by_in_words(counts: &[(&str, Verdict, usize)]) -> String {
    let said = counts.iter().map(|(name, verdict, count)| match verdict {
        Verdict::Review => format!("{name} {count} (for review)"),
        Verdict::Pass | Verdict::Reject => format!("{name} {count}"),
    });
    said.collect::<Vec<_>>().join(", ")
}

/// Records that an error ended the round; a round that has already ended stays as it is.
async fn failed(app: &App, round: RoundId, failure: RoundFailure) -> Result<Outcome, StoreError> {
    match app.store.end_failed(round, &failure.to_string(), app.clock.now()).await {
        Ok(()) | Err(StoreError::RoundEnded { .. }) => Ok(Outcome::Failed(failure)),
        Err(error) => {
            tracing::error!(%round, %failure, "this failure could not be recorded");
            Err(error)
        }
    }
}

/// Marks the running round as interrupted. The caller holds the instance lock, so a running round can only be this one.
async fn interrupted(app: &App, round: RoundId) -> Result<Served, StoreError> {
    app.store.interrupt_running_rounds(app.clock.now()).await?;
    Ok(Served { round, outcome: Outcome::Interrupted })
}

#[cfg(test)]
mod tests {
    use super::*;
    use pregonero_store::testing::judged;
    use pregonero_tweet::GateVerdict;

    #[test]
    fn the_reason_counts_each_gate_and_says_what_a_person_could_have_let_through() {
        let mut first = judged("uno", Verdict::Reject, 0.2);
        first.gates.push(GateVerdict::new("sentiment", Verdict::Reject, "too low"));
        let mut second = judged("dos", Verdict::Pass, 0.3);
        second.gates.push(GateVerdict::new("sentiment", Verdict::Reject, "too low"));
        let third = judged("tres", Verdict::Review, 0.9);
        assert_eq!(
            summary(&[first, second, third]),
            "none of 3 candidates passed; stopped by sentiment 2, claims 1, claims 1 (for review)"
        );
        assert_eq!(summary(&[]), "the model wrote no candidate");
    }
}

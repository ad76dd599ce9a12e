//! Measures how the chosen tweets read to a person: runs rounds of a configuration, writes a blind sheet of what they chose,
//! and computes the shares once somebody has filled in the sheet.
//!
//! A round here is like the daemon's, but without record and posting: a prompt drawn by weight, the configured number of
//! candidates, gates, classifier and selection; what earlier rounds chose counts as posted. The sheet mixes the chosen tweets
//! with texts by people. A second file, the key, says which is which, so that the sheet can be given to anybody.

mod copies;
mod sheet;

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde::Serialize;

pub use self::copies::{Copies, Sources};
pub use self::sheet::{
    Answers, KeyRow, Origin, QUESTIONS, Question, Shares, SheetRow, answer, mix, read_answers, write_sheet,
};
use pregonero_judging::gates::Recent;
use pregonero_judging::judge::Judge;
use pregonero_judging::selection::{best_by, select};
use pregonero_models::generation::{Decoding, Engine, GenerationRequest, LengthBudget, candidate_seeds};
use pregonero_text::tweet_text::weighted_length;
use pregonero_tweet::{Likelihood, Ranking, SeedPrompt, Verdict};

/// The settings of the rounds.
#[derive(Debug, Clone)]
pub struct Rounds {
    pub prompts: Vec<SeedPrompt>,
    pub candidates: usize,
    pub decoding: Decoding,
    /// The seed of the first round; each later round uses the next number.
    pub rng_seed: u64,
    pub count: usize,
    /// Whether a candidate with a `review` verdict may be chosen, as in a daemon whose review is on.
    pub queue_reviews: bool,
}

/// What one round chose.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChosenTweet {
    pub rng_seed: u64,
    pub prompt: String,
    /// The attributes that the text was written for, if the model has control tokens.
    pub attributes: BTreeMap<String, String>,
    /// The text without the disclosure.
    pub text: String,
    pub score: f32,
    pub likelihood: Option<Likelihood>,
    /// The ranking by which it was chosen.
    #[serde(flatten)]
    pub ranking: Ranking,
    /// Whether a person would have had to approve it.
    pub needs_review: bool,
}

/// The results of the rounds.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RoundsReport {
    pub rounds: usize,
    pub chosen: Vec<ChosenTweet>,
    pub candidates: usize,
    /// Candidates that passed every gate and the classifier's threshold.
    pub accepted: usize,
    /// Rounds that would have chosen another candidate by the sentiment's score alone.
    pub unlike_sentiment: usize,
    /// Rounds whose choice begins like an earlier one.
    pub repeated_openings: usize,
}

impl Rounds {
    /// Runs the rounds one after the other; `follow` is called after each with the number of rounds done.
    ///
    /// # Errors
    /// If the generator or the classifier fails.
    pub async fn run(
        &self,
        engine: &Engine,
        judge: &Arc<Judge>,
        mut follow: impl FnMut(usize),
    ) -> Result<RoundsReport> {
        let mut report = RoundsReport { rounds: self.count, ..RoundsReport::default() };
        for round in 0..self.count {
            let rng_seed = self.rng_seed.wrapping_add(round as u64);
            let prompt = SeedPrompt::draw(&self.prompts, rng_seed).context("no seed prompt is configured")?;
            let request = GenerationRequest {
                prompt: prompt.text.clone(),
                attributes: prompt.attributes.clone(),
                seeds: candidate_seeds(rng_seed, self.candidates),
                decoding: self.decoding.clone(),
                length: Some(LengthBudget { limit: judge.body_limit(), measure: weighted_length }),
            };
            let candidates = engine.generate(request).await?;
            let recent = Recent::new(report.chosen.iter().map(|chosen| chosen.text.as_str()));
            let judged = judge.judge(candidates, &prompt.text, &recent)?;
            report.candidates += judged.len();
            report.accepted += judged.iter().filter(|one| one.verdict() == Verdict::Pass).count();
            if let Some(chosen) = select(&judged, self.queue_reviews) {
                let one = chosen.judged();
                let by_score = best_by(&judged, self.queue_reviews, |left, right| left.score.total_cmp(&right.score));
                report.unlike_sentiment += usize::from(by_score != Some(chosen.index()));
                report.repeated_openings += usize::from(one.repeats_an_opening());
                report.chosen.push(ChosenTweet {
                    rng_seed,
                    prompt: prompt.text.clone(),
                    attributes: prompt.attributes.clone(),
                    text: one.candidate.text.clone(),
                    score: one.score,
                    likelihood: one.candidate.likelihood,
                    ranking: one.ranking,
                    needs_review: chosen.needs_review(),
                });
            }
            follow(round + 1);
        }
        Ok(report)
    }
}

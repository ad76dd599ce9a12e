//! Draws many candidates from an engine for measuring, over several prompts and from one seed.

use std::time::Instant;

use anyhow::Result;

use pregonero_judging::gates::Recent;
use pregonero_judging::judge::Judge;
use pregonero_models::generation::{Decoding, Engine, GenerationRequest, LengthBudget, candidate_seeds};
use pregonero_tweet::{Candidate, Judged, SeedPrompt};

/// Candidates per request: enough to fill a batch, few enough that a stop soon takes effect.
const REQUEST: usize = 64;

/// What to draw.
#[derive(Debug, Clone)]
pub struct Sampling {
    /// The prompts, used equally often whatever their weights.
    pub prompts: Vec<SeedPrompt>,
    /// Candidates over all prompts; greedy decoding gives one per prompt.
    pub count: usize,
    pub decoding: Decoding,
    pub rng_seed: u64,
    /// Where a text is cut; absent to leave the model's continuation unchanged.
    pub length: Option<LengthBudget>,
}

/// What an engine wrote for one prompt.
#[derive(Debug)]
pub struct Written {
    pub prompt: SeedPrompt,
    pub candidates: Vec<Candidate>,
}

impl Sampling {
    /// Returns the candidates by prompt, and the seconds they took.
    ///
    /// # Errors
    /// Same as [`Engine::generate`].
    pub async fn draw(&self, engine: &Engine) -> Result<(Vec<Written>, f64)> {
        let start = Instant::now();
        let seeds = candidate_seeds(self.rng_seed, self.count);
        let mut written = Vec::new();
        for (place, prompt) in self.prompts.iter().enumerate() {
            let own: Vec<u64> = seeds.iter().skip(place).step_by(self.prompts.len()).copied().collect();
            let mut candidates = Vec::with_capacity(own.len());
            for seeds in own.chunks(REQUEST) {
                let request = GenerationRequest {
                    prompt: prompt.text.clone(),
                    attributes: prompt.attributes.clone(),
                    seeds: seeds.to_vec(),
                    decoding: self.decoding.clone(),
                    length: self.length,
                };
                candidates.extend(engine.generate(request).await?);
            }
            written.push(Written { prompt: prompt.clone(), candidates });
        }
        Ok((written, start.elapsed().as_secs_f64()))
    }
}

/// A candidate as a round would judge it, with the prompt it continues.
#[derive(Debug, Clone)]
pub struct Sample {
    pub prompt: String,
    pub judged: Judged,
}

impl Sample {
    /// Returns the text without its prompt, which other candidates share.
    #[must_use]
    pub fn own_words(&self) -> &str {
        let text = &self.judged.candidate.text;
        text.strip_prefix(self.prompt.trim_end()).unwrap_or(text)
    }
}

/// Judges what was written; `recent` contains what was posted before.
///
/// # Errors
/// If the classifier fails.
pub fn judge(judge: &Judge, written: Vec<Written>, recent: &Recent) -> Result<Vec<Sample>> {
    let mut samples = Vec::new();
    for Written { prompt, candidates } in written {
        let judged = judge.judge(candidates, &prompt.text, recent)?;
        samples.extend(judged.into_iter().map(|judged| Sample { prompt: prompt.text.clone(), judged }));
    }
    Ok(samples)
}

//! Writing a recorded candidate again: the same model, settings, attributes and seed give the same text.

use std::collections::BTreeMap;

use pregonero_models::generation::{
    Arithmetic, Control, Decoding, Engine, GenerationError, GenerationRequest, LengthBudget, Strategy, WeightsChoice,
    candidate_seeds,
};
use pregonero_store::{CandidateRecord, RoundRecord};
use pregonero_text::tweet_text;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a replay showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Replay {
    /// Every token and every character is the same.
    Identical,
    Different {
        /// The first character that differs, from 0.
        character: usize,
        /// The first token of the continuation that differs, from 0; absent if the tokens agree.
        token: Option<usize>,
        recorded: String,
        now: String,
    },
}

/// Why a candidate cannot be written again.
#[derive(Debug, thiserror::Error)]
pub enum Impossible {
    /// No model ran.
    #[error("round {round}: no model ran in it ({outcome})")]
    NothingWritten { round: i64, outcome: String },
    /// The round never had a candidate with this number, which counts from 1.
    #[error("round {round}: there is no candidate {candidate}; it has {}", numbered(*.count))]
    NoCandidate { round: i64, candidate: usize, count: usize },
    /// The candidate was there.
    #[error(
        "round {round}: candidate {candidate} was removed since (store.keep_candidates), so there is nothing to compare with"
    )]
    Pruned { round: i64, candidate: usize },
    /// The model writes fewer than it did.
    #[error(
        "round {round}: the model now wrote only {written} candidates, so there is no candidate {candidate} to compare with"
    )]
    NotWritten { round: i64, candidate: usize, written: usize },
    /// The text was erased, and the seeds with it.
    #[error("round {round}: its texts were erased (`pregonero history show {round}` says when and why)")]
    Erased { round: i64 },
    /// The round chose none.
    #[error("round {round}: no candidate was chosen; name one with --candidate")]
    NoneChosen { round: i64 },
    /// Another model is at hand than the one that wrote.
    #[error(
        "round {round}: it was written by {}, and the model at hand is {}: name the model that wrote it with --model",
        named(.recorded_name, .recorded),
        named(.found_name, .found)
    )]
    OtherModel { round: i64, recorded_name: String, recorded: String, found_name: String, found: String },
    /// The model is on a server that draws anew each time.
    #[error(
        "round {round}: it was written by {model}, and that server ({software}) ignores the seed: it cannot write the same text \
         again"
    )]
    NotRepeatable { round: i64, model: String, software: String },
    /// A part of the record is missing or cannot be read.
    #[error("round {round}: the record has no {what} that this version can read")]
    Unrecorded { round: i64, what: &'static str },
    #[error(transparent)]
    Generation(#[from] GenerationError),
}

/// The decoding settings as a round records them.
#[derive(Debug, Deserialize)]
struct Recorded {
    strategy: Strategy,
    candidates: usize,
    temperature: f64,
    top_k: usize,
    top_p: f64,
    min_p: f64,
    typical_p: f64,
    repetition_penalty: f64,
    no_repeat_ngram: usize,
    max_new_tokens: usize,
    length_limit: usize,
    /// Absent in records of versions that had f32 alone.
    weights: Option<String>,
    kernels: Option<String>,
}

/// Returns the type of weights to write a round again with: the recorded one. Where f32 is recorded the model's own are right,
/// because a folder with int8 weights has another digest. Returns `None` if the record does not say which: earlier versions
/// recorded none of a model that stood in for a server's.
#[must_use]
pub fn weights_of(round: &RoundRecord) -> Option<WeightsChoice> {
    let recorded = round.generation.as_ref().and_then(|generation| generation.get("weights")?.as_str());
    match recorded {
        Some("int8") => Some(WeightsChoice::Int8),
        Some("bf16") => Some(WeightsChoice::Bf16),
        Some("f16") => Some(WeightsChoice::F16),
        Some(recorded) if recorded == Arithmetic::ON_SERVER.weights && round.stand_in.is_some() => None,
        _ => Some(WeightsChoice::Auto),
    }
}

/// Returns a model in words. Of one on a server there is no digest.
fn named(name: &str, sha256: &str) -> String {
    if sha256.is_empty() { format!("{name} (on a server)") } else { format!("{name} (sha256 {sha256})") }
}

/// Returns what differs between the arithmetic that a round was written with and the engine's, in words, if the same
/// seed may give another text for it. All kernels for int8 give the same bits.
#[must_use]
pub fn other_arithmetic(engine: &Engine, round: &RoundRecord) -> Option<String> {
    let recorded: Recorded = serde_json::from_value(round.generation.clone()?).ok()?;
    let Arithmetic { weights, kernels } = &engine.description().arithmetic;
    let then = recorded.weights?;
    if [then.as_str(), weights].contains(&Arithmetic::ON_SERVER.weights) {
        return None;
    }
    if then != *weights {
        return Some(format!(
            "it was written with {then} weights, and now with {weights}: the model rounds differently"
        ));
    }
    let before = recorded.kernels.filter(|before| *weights == "f32" && before != kernels)?;
    Some(format!(
        "its sums were rounded as {before}, and are now as {kernels}: another processor may give another text"
    ))
}

fn numbered(count: usize) -> String {
    match count {
        0 => "no candidates".to_owned(),
        1 => "1 candidate".to_owned(),
        _ => format!("{count} candidates, numbered from 1"),
    }
}

/// Returns the candidate to write again: the chosen one, or the one at `position`. `count` is how many there were before any
/// were removed.
///
/// # Errors
/// If there is none.
pub fn candidate_of(
    round: &RoundRecord,
    candidates: Vec<CandidateRecord>,
    count: usize,
    position: Option<usize>,
) -> Result<CandidateRecord, Impossible> {
    let number = round.id.get();
    let count = count.max(candidates.len());
    if round.generator.is_none() {
        return Err(Impossible::NothingWritten { round: number, outcome: round.outcome.to_string() });
    }
    let found = match position {
        Some(position) => candidates.into_iter().find(|one| one.position == position),
        None => candidates.into_iter().find(|one| one.chosen),
    };
    found.ok_or(match position {
        Some(position) if position < count => Impossible::Pruned { round: number, candidate: position + 1 },
        Some(position) => Impossible::NoCandidate { round: number, candidate: position + 1, count },
        None => Impossible::NoneChosen { round: number },
    })
}

/// Writes a candidate again from what the round recorded, and compares.
///
/// # Errors
/// If something that is needed is missing, or the engine is another model.
pub async fn replay(engine: &Engine, round: &RoundRecord, candidate: &CandidateRecord) -> Result<Replay, Impossible> {
    let number = round.id.get();
    let missing = |what| Impossible::Unrecorded { round: number, what };
    let recorded_model = round.generator.as_ref().ok_or_else(|| missing("model"))?;
    let at_hand = &engine.description().identity;
    // Of a model on a server there is no digest, only its name.
    let is_other =
        recorded_model.sha256 != at_hand.sha256 || (at_hand.sha256.is_empty() && recorded_model.name != at_hand.name);
    if is_other {
        return Err(Impossible::OtherModel {
            round: number,
            recorded_name: recorded_model.name.clone(),
            recorded: recorded_model.sha256.clone(),
            found_name: at_hand.name.clone(),
            found: at_hand.sha256.clone(),
        });
    }
    let recorded: Option<Recorded> = round.generation.clone().and_then(|value| serde_json::from_value(value).ok());
    let recorded = recorded.ok_or_else(|| missing("decoding settings"))?;
    if candidate.judged.text.is_empty() && candidate.judged.candidate.text.is_empty() {
        return Err(Impossible::Erased { round: number });
    }
    let prompt = round.seed_prompt.clone().ok_or_else(|| missing("prompt"))?;
    let own_seed = candidate.judged.candidate.rng_seed;
    // A beam search ranks its candidates against each other; otherwise each depends on its own seed alone.
    let (seeds, place) = match recorded.strategy {
        Strategy::Beam => {
            let rng_seed = round.rng_seed.ok_or_else(|| missing("seed"))?;
            (candidate_seeds(rng_seed, recorded.candidates), candidate.position)
        }
        Strategy::Sample | Strategy::Greedy => (vec![own_seed], 0),
    };
    let mut attributes = attributes(round.seed_attributes.as_ref());
    if round.stand_in.is_some() {
        // As when it wrote: it may not know every attribute that the server's model knows.
        let layout = engine.description().control.as_ref().map(Control::layout);
        attributes.retain(|name, value| layout.is_some_and(|layout| layout.fits(name, value)));
    }
    let request = GenerationRequest {
        prompt,
        attributes,
        seeds,
        length: Some(LengthBudget { limit: recorded.length_limit, measure: tweet_text::weighted_length }),
        decoding: decoding(&recorded),
    };
    if let Some(server) = engine.server() {
        let findings = server.ask().await.map_err(GenerationError::from)?;
        if !findings.can_repeat(&request.decoding) {
            let (model, software) = (recorded_model.name.clone(), findings.software_in_words());
            return Err(Impossible::NotRepeatable { round: number, model, software });
        }
    }
    let written = engine.generate(request).await?;
    let Some(now) = written.get(place) else {
        let (candidate, written) = (candidate.position + 1, written.len());
        return Err(Impossible::NotWritten { round: number, candidate, written });
    };
    let then = &candidate.judged.candidate;
    if now.text == then.text && now.token_ids == then.token_ids {
        return Ok(Replay::Identical);
    }
    Ok(Replay::Different {
        character: first_difference(now.text.chars(), then.text.chars()).unwrap_or_default(),
        token: first_difference(now.token_ids.iter(), then.token_ids.iter()),
        recorded: then.text.clone(),
        now: now.text.clone(),
    })
}

/// Returns what a person should know about a comparison with a text of a server.
#[must_use]
pub fn server_note(engine: &Engine, round: &RoundRecord) -> Option<String> {
    let findings = engine.server()?.state().findings?;
    let recorded = round.generation.as_ref()?.get("engine")?;
    let text = |name: &str| recorded[name].as_str().map(str::to_owned);
    let (then, now) =
        ((text("version"), text("fingerprint")), (findings.version.clone(), findings.fingerprint.clone()));
    let in_words = |(version, fingerprint): &(Option<String>, Option<String>)| {
        let known: Vec<&str> = [version, fingerprint].into_iter().flatten().map(String::as_str).collect();
        if known.is_empty() { "unknown".to_owned() } else { known.join(", ") }
    };
    if !recorded.is_null() && then != now {
        return Some(format!("the server's version was {} then, and is {} now", in_words(&then), in_words(&now)));
    }
    Some(
        "a server does not promise the same text for the same seed: other requests at the same time can change the rounding of \
         its sums"
            .to_owned(),
    )
}

fn attributes(recorded: Option<&Value>) -> BTreeMap<String, String> {
    let fields = recorded.and_then(Value::as_object).into_iter().flatten();
    fields.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

fn decoding(recorded: &Recorded) -> Decoding {
    let &Recorded { strategy, temperature, top_k, top_p, min_p, typical_p, .. } = recorded;
    let &Recorded { repetition_penalty, no_repeat_ngram, max_new_tokens, .. } = recorded;
    Decoding {
        strategy,
        temperature,
        top_k,
        top_p,
        min_p,
        typical_p,
        repetition_penalty,
        no_repeat_ngram,
        max_new_tokens,
    }
}

/// Returns the first place at which two sequences differ, where one ends too; `None` if they are equal.
fn first_difference<T: PartialEq>(one: impl Iterator<Item = T>, other: impl Iterator<Item = T>) -> Option<usize> {
    let (mut one, mut other) = (one, other);
    (0..).find_map(|place| match (one.next(), other.next()) {
        (None, None) => Some(None),
        (now, then) => (now != then).then_some(Some(place)),
    })?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_where_one_ends_too() {
        let place = |one: &str, other: &str| first_difference(one.chars(), other.chars());
        assert_eq!(place("café", "café"), None);
        assert_eq!(place("café", "cafe"), Some(3));
        assert_eq!(place("café con", "café"), Some(4));
        assert_eq!(place("", "x"), Some(0));
    }
}

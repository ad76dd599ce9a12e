//! From a request to candidates: the prompt in the form that the server takes, its requests, and the texts that come back.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::super::decoding_settings::Strategy;
use super::super::finishing::finish_text;
use super::super::prompting::refuse_attributes;
use super::super::request::{GenerationError, GenerationRequest};
use super::super::server_error::ServerError;
use super::Server;
use super::answer::Choice;
use super::dialect::{Prompt, Wanted, body};
use super::findings::{Findings, Follows, Likelihoods};
use super::known::KnownPrompt;
use pregonero_text::characters;
use pregonero_tweet::{Candidate, Finish, Likelihood};

/// The greatest seed that every server takes: llama.cpp reads 32 bits, with the greatest number for "none".
const GREATEST_SEED: u64 = (1 << 31) - 1;

/// No text of a server is read beyond this many characters, or this many for each token asked for: what parses a tweet takes
/// minutes over a text of a server that ignores `max_tokens`.
const LONGEST_TEXT: usize = 4_096;
const LONGEST_TOKEN: usize = 8;

/// What servers without special treatment may leave in a text.
const END_MARKS: [&str; 3] = ["<|endoftext|>", "</s>", "<|im_end|>"];

/// Everything that the requests for one batch of candidates have in common.
#[derive(Debug)]
struct Job {
    findings: Arc<Findings>,
    wanted: Wanted,
    known: Option<KnownPrompt>,
}

/// Writes candidates.
pub(super) async fn write(
    server: &Arc<Server>,
    request: &GenerationRequest,
) -> Result<Vec<Candidate>, GenerationError> {
    if request.decoding.strategy == Strategy::Beam {
        return Err(GenerationError::NoBeamsOnServers);
    }
    let mut known = match &server.known {
        Some(known) => Some(known.prompt(request)?),
        None => refuse_attributes(&request.attributes).map(|()| None)?,
    };
    let findings = server.findings().await?;
    let is_other = server.known.is_some() && findings.has_other_tokenizer();
    if is_other {
        // What the files here say of the model is not true of it.
        if let Some(name) = request.attributes.keys().next() {
            return Err(GenerationError::OtherTokenizer { name: name.clone() });
        }
        known = None;
    }
    let count = match request.decoding.strategy {
        Strategy::Greedy => 1,
        _ => request.seeds.len(),
    };
    let seed = first_seed(request.seeds.first().copied().unwrap_or_default());
    let wanted = Wanted {
        prompt: prompt(request, known.as_ref(), &findings),
        n: 1,
        seed,
        decoding: request.decoding.clone(),
        logprobs: (findings.likelihoods == Likelihoods::Own).then_some(1),
        banned: if is_other { Vec::new() } else { banned(server, &findings) },
        ends: server.known.as_ref().filter(|_| !is_other).map(|known| known.ends().to_vec()).unwrap_or_default(),
    };
    let job = Arc::new(Job { findings, wanted, known });
    let choices = all(server, &job, count).await?;
    let has_all = choices.iter().all(|choice| choice.log_probabilities.is_some());
    let candidate = |(place, choice)| candidate(server, &job, request, seed + place as u64, choice, has_all);
    Ok(choices.into_iter().enumerate().map(candidate).collect())
}

/// Returns the seed of the first candidate. One that a server was given before stays as it is, so that a candidate can be
/// written again alone.
fn first_seed(seed: u64) -> u64 {
    // Half of the range, so that the seeds of the others, which follow it, fit too.
    if seed <= GREATEST_SEED { seed } else { seed & (GREATEST_SEED >> 1) }
}

fn prompt(request: &GenerationRequest, known: Option<&KnownPrompt>, findings: &Findings) -> Prompt {
    match known {
        Some(known) if findings.token_ids == Follows::Yes => Prompt::Ids(known.ids.clone()),
        Some(known) => Prompt::Text(known.text.clone()),
        None => Prompt::Text(characters::tidy(&request.prompt).trim_end().to_owned()),
    }
}

fn banned(server: &Server, findings: &Findings) -> Vec<u32> {
    match &server.known {
        Some(known) if findings.logit_bias != Follows::No => known.banned().to_vec(),
        _ => Vec::new(),
    }
}

/// Requests `count` texts, as many in one request as the server writes, and several requests at a time.
async fn all(server: &Arc<Server>, job: &Arc<Job>, count: usize) -> Result<Vec<Choice>, ServerError> {
    let each = job.findings.texts_a_request.max(1);
    let places = Arc::new(Semaphore::new(job.findings.requests_at_once.unwrap_or(Semaphore::MAX_PERMITS)));
    let mut requests = JoinSet::new();
    for first in (0..count).step_by(each) {
        let (server, job, places) = (Arc::clone(server), Arc::clone(job), Arc::clone(&places));
        let n = each.min(count - first);
        requests.spawn(async move {
            let _place = places.acquire().await.expect("the semaphore is never closed");
            (first, some(&server, &job, first, n).await)
        });
    }
    let mut parts = Vec::new();
    while let Some(done) = requests.join_next().await {
        let (first, choices) = done.expect("a request does not panic");
        // The requests that are still under way end with the set.
        parts.push((first, choices?));
    }
    parts.sort_by_key(|(first, _)| *first);
    Ok(parts.into_iter().flat_map(|(_, choices)| choices).collect())
}

/// Requests the texts from place `first` on, and again one by one those that did not come.
async fn some(server: &Server, job: &Job, first: usize, n: usize) -> Result<Vec<Choice>, ServerError> {
    let mut choices = match one_request(server, job, first, n).await {
        // Some bound that the probe has not met.
        Err(ServerError::Refused { status: 400 | 422, .. }) if n > 1 => Vec::new(),
        choices => choices?,
    };
    choices.truncate(n);
    if choices.len() < n {
        tracing::warn!(
            wanted = n,
            came = choices.len(),
            "the server wrote fewer texts than asked for; the others are asked for one by one"
        );
    }
    for place in first + choices.len()..first + n {
        choices.extend(one_request(server, job, place, 1).await?.into_iter().take(1));
    }
    Ok(choices)
}

async fn one_request(server: &Server, job: &Job, first: usize, n: usize) -> Result<Vec<Choice>, ServerError> {
    let wanted = Wanted { n, seed: job.wanted.seed + first as u64, ..job.wanted.clone() };
    let Findings { software, taken, model, .. } = &*job.findings;
    let completion = server.http.complete(&body(&wanted, *software, taken, Some(model)), None).await?;
    server.compare_fingerprint(&job.findings, completion.fingerprint.as_deref());
    let longest = LONGEST_TEXT.max(LONGEST_TOKEN * wanted.decoding.max_new_tokens);
    Ok(completion.choices.into_iter().map(|choice| cut(choice, longest)).collect())
}

/// Returns a text that is not longer than `longest` characters.
fn cut(mut choice: Choice, longest: usize) -> Choice {
    let Some((end, _)) = choice.text.char_indices().nth(longest) else { return choice };
    let characters = choice.text.chars().count();
    tracing::warn!(
        characters,
        longest,
        "the server wrote a longer text than max_tokens allows: it ignores max_tokens; the text is cut"
    );
    choice.text.truncate(end);
    Choice { ended: false, token_ids: None, ..choice }
}

fn candidate(
    server: &Server,
    job: &Job,
    request: &GenerationRequest,
    rng_seed: u64,
    choice: Choice,
    has_likelihood: bool,
) -> Candidate {
    let (continuation, marked) = before_special(server, &choice.text);
    let words = characters::tidy(&request.prompt);
    let full = format!("{}{continuation}", words.trim_end());
    let budget = request.length.as_ref();
    let finish = match (choice.ended, marked) {
        _ if budget.is_some_and(|budget| budget.exceeded(full.trim())) => Finish::Length,
        (_, Some(finish)) => finish,
        (true, None) => Finish::EndOfText,
        (false, None) => Finish::Tokens,
    };
    let (token_ids, prompt_tokens) = token_ids(server, job, &choice, &continuation);
    let likelihood = choice.log_probabilities.filter(|_| has_likelihood).and_then(|values| Likelihood::of(&values));
    let text = match budget {
        Some(budget) => finish_text(full.trim(), &words, finish, Some(budget)),
        None => full,
    };
    Candidate { text, continuation, token_ids, prompt_tokens, rng_seed, finish, likelihood }
}

/// Returns a text up to the first special token that a server has left in it, and how it ends there: an end token ends it,
/// a control token breaks it off.
fn before_special(server: &Server, text: &str) -> (String, Option<Finish>) {
    let ends = END_MARKS.iter().map(|mark| ((*mark).to_owned(), Finish::EndOfText));
    let known = server.known.as_ref();
    let controls: Vec<String> =
        known.and_then(|known| known.control()).map(|control| control.layout().tokens()).unwrap_or_default();
    let special = known.map(super::known::Known::special_tokens).unwrap_or_default();
    let special = special.into_iter().filter(|token| !controls.contains(token)).map(|token| (token, Finish::EndOfText));
    let marks = controls.iter().map(|token| (token.clone(), Finish::Tokens)).chain(special).chain(ends);
    let found = marks.filter_map(|(mark, finish)| text.find(&mark).map(|at| (at, finish))).min_by_key(|(at, _)| *at);
    match found {
        Some((at, finish)) => (text[..at].to_owned(), Some(finish)),
        None => (text.to_owned(), None),
    }
}

/// Returns the token ids of prompt and continuation and how many are the prompt's, as far as they are known.
fn token_ids(server: &Server, job: &Job, choice: &Choice, continuation: &str) -> (Vec<u32>, usize) {
    let (Some(known), Some(prompt)) = (&server.known, &job.known) else {
        return (choice.token_ids.clone().unwrap_or_default(), 0);
    };
    let mut ids = prompt.ids[prompt.ids.len() - prompt.shown..].to_vec();
    let own = choice.token_ids.clone().unwrap_or_else(|| known.ids_of(continuation));
    ids.extend(own.into_iter().take_while(|id| !known.ends().contains(id)));
    (ids, prompt.shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_that_a_server_had_stays_and_every_other_leaves_room_for_those_that_follow() {
        for seed in [0, 7, GREATEST_SEED] {
            assert_eq!(first_seed(seed), seed);
        }
        for seed in [GREATEST_SEED + 1, u64::MAX, u64::MAX >> 1] {
            assert!(first_seed(seed) + 256 <= GREATEST_SEED, "{seed}");
            assert_eq!(first_seed(first_seed(seed) + 255), first_seed(seed) + 255);
        }
    }

    #[test]
    fn a_text_that_no_number_of_tokens_could_give_is_cut_between_two_characters() {
        let choice = |text: String| Choice {
            text,
            ended: true,
            log_probabilities: None,
            token_ids: Some(vec![1]),
            likeliest_first: None,
        };
        assert_eq!(cut(choice("ñ".repeat(9)), 9), choice("ñ".repeat(9)));
        let long = cut(choice("ñ".repeat(10)), 9);
        assert_eq!((long.text, long.ended, long.token_ids), ("ñ".repeat(9), false, None));
    }
}

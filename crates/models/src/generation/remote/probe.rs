//! Finds out what a server follows and what it ignores, with a few requests of a few tokens each.
//!
//! Servers ignore fields that they do not know, and say nothing. So each setting is asked for at its extreme, where only the
//! likeliest token is left: a server that follows it then writes the greedy text, however hot the temperature.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use tokio::time::Instant;

use super::super::decoding_settings::{Decoding, Strategy};
use super::super::request::GenerationRequest;
use super::super::server_error::ServerError;
use super::answer::{Choice, Completion};
use super::dialect::{Fields, Prompt, Software, Taken, Wanted, body, named_in};
use super::findings::{Findings, Follows, Likelihoods};
use super::http::Http;
use super::known::{Known, KnownPrompt};
use super::look::Look;

/// The words that the probe continues. They repeat themselves, so that a penalty on repetition shows.
pub(super) const WORDS: &str = "La casa, la casa, la casa, la";
/// The length of each text.
const TOKENS: usize = 8;
/// Hot enough that two seeds write different texts.
const HOT: f64 = 2.0;
const SEED: u64 = 1_107;
/// How many texts a request asks for where the server names no bound.
const TEXTS_A_REQUEST: usize = 8;
/// Two reports of one log-probability differ by less, through rounding alone.
const SAME: f32 = 0.02;
/// Pairs of what a server may take, the most first.
const LEVELS: [(Fields, Option<usize>); 5] = [
    (Fields::All, Some(1)),
    (Fields::All, None),
    (Fields::OpenAi, Some(1)),
    (Fields::OpenAi, None),
    (Fields::Least, None),
];

/// A probe of one server.
pub(super) struct Probe<'a> {
    http: &'a Http,
    look: &'a Look,
    known: Option<&'a Known>,
    prompt: Option<KnownPrompt>,
    taken: Taken,
    logprobs: Option<usize>,
    /// When the rest is left unknown.
    end: Instant,
    /// Whether a question stayed open: the server was busy or away, or the time was over.
    open: AtomicBool,
}

impl<'a> Probe<'a> {
    /// Prepares a probe that is over at `end`.
    pub fn new(http: &'a Http, look: &'a Look, known: Option<&'a Known>, end: Instant) -> Self {
        let request = GenerationRequest {
            prompt: WORDS.to_owned(),
            attributes: std::collections::BTreeMap::new(),
            seeds: Vec::new(),
            decoding: Decoding::unfiltered(Strategy::Greedy, TOKENS),
            length: None,
        };
        let prompt = known.and_then(|known| known.prompt(&request).ok());
        let (taken, open) = (Taken::everything(), AtomicBool::new(false));
        Self { http, look, known, prompt, taken, logprobs: Some(1), end, open }
    }

    /// Makes the requests.
    ///
    /// # Errors
    /// If the server cannot be reached, or refuses even the plainest request.
    pub async fn run(mut self) -> Result<Findings, ServerError> {
        let greedy = self.plainest().await?;
        let first = &greedy.choices[0];
        let drawn = self.drawn(SEED, |_| {}).await;
        let again = self.drawn(SEED, |_| {}).await;
        let mut pair = self.pair().await;
        let follows_on = |pair: &Option<Vec<Choice>>| {
            let other = pair.as_ref().and_then(|pair| pair.get(1));
            other.map(|other| &other.text) == drawn.as_ref().map(|drawn| &drawn.text)
        };
        if !follows_on(&pair) {
            // With several slots, rounding differs now and then.
            pair = self.pair().await.or(pair);
        }
        let seed = seed_follows(drawn.as_ref(), again.as_ref(), pair.as_ref());
        let texts_a_request = self.texts_a_request(seed, drawn.as_ref(), pair.as_ref());
        let mut findings = Findings {
            software: self.look.software,
            version: self.look.version.clone(),
            fingerprint: greedy.fingerprint.clone(),
            model: self.look.model.clone(),
            context: self.look.context,
            taken: self.taken.clone(),
            texts_a_request,
            requests_at_once: self.look.slots.map(|slots| (slots / texts_a_request).max(1)),
            seed,
            top_k: self.narrows(first, |decoding| decoding.top_k = 1).await,
            top_p: self.narrows(first, |decoding| decoding.top_p = 1e-4).await,
            min_p: self.narrows(first, |decoding| decoding.min_p = 1.0).await,
            typical_p: self.typical().await,
            repetition_penalty: self.penalty(first).await,
            logit_bias: self.bias(first).await,
            token_ids: Follows::Unknown,
            likelihoods: self.likelihoods(first, drawn.as_ref()).await,
            tokens_before: None,
            unanswered: false,
        };
        self.tokens(&greedy, &mut findings).await;
        findings.unanswered = self.open.load(Ordering::Relaxed);
        Ok(findings)
    }

    /// Makes the first request, with fewer fields as long as the server refuses.
    async fn plainest(&mut self) -> Result<Completion, ServerError> {
        let mut first = None;
        for (level, logprobs) in LEVELS {
            (self.taken.level, self.logprobs) = (level, logprobs);
            match self.without_refused().await {
                Ok(completion) => return Ok(completion),
                Err(error) if may_be_a_field(&error) => {
                    first.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        Err(first.expect("there is more than one level"))
    }

    /// Makes the request again as long as a refusal names a field of it, without that field.
    async fn without_refused(&mut self) -> Result<Completion, ServerError> {
        loop {
            let body = self.body(self.text(), Decoding::unfiltered(Strategy::Greedy, TOKENS), SEED, 1, &[]);
            let error = match self.http.complete(&body, Some(self.end)).await {
                Ok(completion) => return Ok(completion),
                Err(error) => error,
            };
            let message = match &error {
                ServerError::Refused { message, .. } | ServerError::Busy { message, .. } if may_be_a_field(&error) => {
                    message
                }
                _ => return Err(error),
            };
            let Some(field) = named_in(message, &body) else { return Err(error) };
            self.taken.refused.push(field);
        }
    }

    fn text(&self) -> Prompt {
        Prompt::Text(self.prompt.as_ref().map_or_else(|| WORDS.to_owned(), |prompt| prompt.text.clone()))
    }

    fn body(&self, prompt: Prompt, decoding: Decoding, seed: u64, n: usize, banned: &[u32]) -> Value {
        let ends = self.known.map(|known| known.ends().to_vec()).unwrap_or_default();
        let wanted = Wanted { prompt, n, seed, decoding, logprobs: self.logprobs, banned: banned.to_vec(), ends };
        body(&wanted, self.look.software, &self.taken, Some(&self.look.model))
    }

    /// Makes a request if there is time left, again where the failure may pass. Without a completion, returns whether the
    /// server refused (`No`) or the question is open.
    async fn try_ask(
        &self,
        prompt: Prompt,
        decoding: Decoding,
        seed: u64,
        n: usize,
        banned: &[u32],
    ) -> Result<Completion, Follows> {
        if Instant::now() < self.end {
            match self.http.complete(&self.body(prompt, decoding, seed, n, banned), Some(self.end)).await {
                Ok(completion) => return Ok(completion),
                Err(error) if may_be_a_field(&error) || !error.is_temporary() => return Err(Follows::No),
                Err(_) => {}
            }
        }
        self.open.store(true, Ordering::Relaxed);
        Err(Follows::Unknown)
    }

    /// Returns a text drawn at a hot temperature, with one more setting.
    async fn drawn(&self, seed: u64, change: impl FnOnce(&mut Decoding)) -> Option<Choice> {
        let mut decoding = Decoding { temperature: HOT, ..Decoding::unfiltered(Strategy::Sample, TOKENS) };
        change(&mut decoding);
        self.try_ask(self.text(), decoding, seed, 1, &[]).await.ok()?.choices.into_iter().next()
    }

    /// Returns the texts of one request for two, the second of which should have the probe's seed.
    async fn pair(&self) -> Option<Vec<Choice>> {
        let decoding = Decoding { temperature: HOT, ..Decoding::unfiltered(Strategy::Sample, TOKENS) };
        Some(self.try_ask(self.text(), decoding, SEED - 1, 2, &[]).await.ok()?.choices)
    }

    fn texts_a_request(&self, seed: Follows, drawn: Option<&Choice>, pair: Option<&Vec<Choice>>) -> usize {
        let (Some([one, other]), Some(drawn)) = (pair.map(Vec::as_slice), drawn) else { return 1 };
        let follows_on = seed != Follows::Yes || other.text == drawn.text;
        if one.text == other.text || !follows_on {
            return 1;
        }
        self.look.slots.unwrap_or(TEXTS_A_REQUEST).min(TEXTS_A_REQUEST)
    }

    /// Returns whether a setting at its extreme leaves only the likeliest token.
    async fn narrows(&self, greedy: &Choice, change: impl FnOnce(&mut Decoding)) -> Follows {
        match self.drawn(SEED + 7, change).await {
            Some(choice) => Follows::of(choice.text == greedy.text),
            None => Follows::Unknown,
        }
    }

    async fn typical(&self) -> Follows {
        if matches!(self.look.software, Software::Vllm | Software::Sglang | Software::Tgi) {
            return Follows::No;
        }
        let one = self.drawn(SEED, |decoding| decoding.typical_p = 1e-6).await;
        let other = self.drawn(SEED + 1, |decoding| decoding.typical_p = 1e-6).await;
        match one.zip(other) {
            Some((one, other)) => Follows::of(one.text == other.text),
            None => Follows::Unknown,
        }
    }

    /// Compares the greedy text with the one under a heavy penalty, after a prompt that contains the greedy text already.
    async fn penalty(&self, greedy: &Choice) -> Follows {
        let Prompt::Text(begun) = self.text() else { return Follows::Unknown };
        let prompt = Prompt::Text(format!("{begun}{}. {WORDS}", greedy.text));
        let plain = Decoding::unfiltered(Strategy::Greedy, TOKENS);
        let heavy = Decoding { repetition_penalty: 5.0, ..plain.clone() };
        let plain = self.try_ask(prompt.clone(), plain, SEED, 1, &[]).await.ok();
        let heavy = self.try_ask(prompt, heavy, SEED, 1, &[]).await.ok();
        let Some((plain, heavy)) = plain.zip(heavy) else { return Follows::Unknown };
        let (plain, heavy) = (&plain.choices[0].text, &heavy.choices[0].text);
        let repeats = plain.split_whitespace().any(|word| begun.contains(word) || greedy.text.contains(word));
        if plain == heavy && !repeats { Follows::Unknown } else { Follows::of(plain != heavy) }
    }

    /// Returns whether the greedy text's first token can be forbidden. Only asked where there are tokens to forbid.
    async fn bias(&self, greedy: &Choice) -> Follows {
        let Some(known) = self.known.filter(|known| !known.banned().is_empty()) else { return Follows::Unknown };
        let own = greedy.token_ids.as_ref().and_then(|ids| ids.first().copied());
        let Some(id) = own.or_else(|| known.ids_of(&greedy.text).first().copied()) else { return Follows::Unknown };
        let decoding = Decoding::unfiltered(Strategy::Greedy, TOKENS);
        match self.try_ask(self.text(), decoding, SEED, 1, &[id]).await {
            Ok(completion) => Follows::of(completion.choices[0].text != greedy.text),
            Err(follows) => follows,
        }
    }

    /// Compares the likeliest first token's probability as it is reported at two temperatures.
    async fn likelihoods(&self, greedy: &Choice, drawn: Option<&Choice>) -> Likelihoods {
        if greedy.log_probabilities.is_none() {
            return Likelihoods::None;
        }
        let hotter = self.drawn(SEED, |decoding| (decoding.temperature, decoding.max_new_tokens) = (4.0, 1)).await;
        let first = |choice: Option<&Choice>| choice.and_then(|choice| choice.likeliest_first);
        match (first(drawn), first(hotter.as_ref())) {
            (Some(one), Some(other)) if (one - other).abs() < SAME => Likelihoods::Own,
            _ if drawn.is_none() || hotter.is_none() => Likelihoods::Unknown,
            _ => Likelihoods::Changed,
        }
    }

    /// Finds out whether prompts can be token ids, and whether the server's tokenizer reads the text as ours does.
    async fn tokens(&self, greedy: &Completion, findings: &mut Findings) {
        let Some(prompt) = &self.prompt else { return };
        let read = |count: usize| count as i64 - prompt.ids.len() as i64;
        findings.tokens_before = greedy.prompt_tokens.map(read);
        let decoding = Decoding::unfiltered(Strategy::Greedy, TOKENS);
        let answer = self.try_ask(Prompt::Ids(prompt.ids.clone()), decoding, SEED, 1, &[]).await;
        findings.token_ids = match answer {
            // Where the two tokenizers differ, the texts do too: then the server's count of what it read decides.
            Ok(completion) => Follows::of(
                completion.prompt_tokens == Some(prompt.ids.len())
                    || completion.choices[0].text == greedy.choices[0].text,
            ),
            Err(follows) => follows,
        };
    }
}

/// Returns whether a refusal can be about a field of the request.
fn may_be_a_field(error: &ServerError) -> bool {
    matches!(error, ServerError::Refused { status: 400 | 422, .. } | ServerError::Busy { status: 500, .. })
}

/// Returns whether the same seed gave the same text and another seed another one.
fn seed_follows(drawn: Option<&Choice>, again: Option<&Choice>, pair: Option<&Vec<Choice>>) -> Follows {
    let (Some(drawn), Some(again)) = (drawn, again) else { return Follows::Unknown };
    if drawn.text != again.text {
        return Follows::No;
    }
    match pair.and_then(|pair| pair.first()) {
        Some(other) if other.text != drawn.text => Follows::Yes,
        _ => Follows::Unknown,
    }
}

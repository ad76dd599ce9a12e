//! `FakeEngine`: a completion server on a free loopback port that behaves as vLLM, llama.cpp, SGLang or TGI document, with
//! a model of its own that chains words. It lives on its own thread, so it serves a child process while the test blocks, and it
//! can be told to answer in every wrong way.

use std::collections::VecDeque;
use std::future::IntoFuture as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use pregonero_models::catalog::ModelFiles;
use pregonero_models::generation::tokenizer::Tokenizer;
use pregonero_text::hashing::splitmix64;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// What the model's texts consist of.
const WORDS: [&str; 16] = [
    "plaza",
    "mercado",
    "playa",
    "música",
    "lluvia",
    "montañas",
    "río",
    "tren",
    "pan",
    "fruta",
    "café",
    "tarde",
    "alegría",
    "vecinos",
    "sol",
    "mañana",
];

/// The name of the only model.
pub const MODEL: &str = "palabras";

/// The ids that the server gives its words where no tokenizer is known.
const FIRST_ID: u64 = 1_000;

/// The software that it behaves as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Vllm,
    LlamaCpp,
    Sglang,
    Tgi,
    /// OpenAI's own interface, which refuses what it does not know.
    Strict,
}

/// One wrong answer to a completion.
#[derive(Debug, Clone)]
pub enum Fault {
    Status(u16, Value),
    /// With a `Retry-After` of this many seconds.
    TooMany(u64),
    Page,
    /// JSON that ends in the middle, although the answer is whole.
    HalfJson,
    /// The connection breaks in the middle of the body.
    Broken,
    Redirect(String),
    /// More than the client may read.
    Huge,
    /// One byte at a time, for ever.
    Drip,
    Hang,
    /// These words as they are.
    Body(String),
    /// The first text alone, of several.
    Fewer,
    /// Nothing wrong: the answer of the model.
    Good,
}

#[derive(Debug)]
struct Script {
    kind: Kind,
    tokenizer: Option<Tokenizer>,
    faults: VecDeque<Fault>,
    /// The answer to everything from now on.
    always: Option<Fault>,
    /// The bodies of all completion requests.
    requests: Vec<Value>,
    authorizations: Vec<Option<String>>,
    version: &'static str,
    /// Whether prompts of ids come at a bad moment, each time.
    busy_with_ids: bool,
    /// Grows with each text, for a server that ignores the seed.
    drawn: u64,
}

/// The server. It ends when it is dropped.
pub struct FakeEngine {
    script: Arc<Mutex<Script>>,
    port: u16,
    stop: CancellationToken,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl FakeEngine {
    pub fn start(kind: Kind) -> Self {
        Self::start_at(kind, 0)
    }

    /// On this port, so that it can come back where it was.
    pub fn start_at(kind: Kind, port: u16) -> Self {
        let script = Script {
            kind,
            tokenizer: None,
            faults: VecDeque::new(),
            always: None,
            requests: Vec::new(),
            authorizations: Vec::new(),
            version: "1.0",
            busy_with_ids: false,
            drawn: 0,
        };
        let script = Arc::new(Mutex::new(script));
        let stop = CancellationToken::new();
        let (ready, port_of) = std::sync::mpsc::channel();
        let (shared, stopped) = (Arc::clone(&script), stop.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
                ready.send(listener.local_addr().unwrap().port()).unwrap();
                let router = Router::new().fallback(answer).with_state(shared);
                tokio::select! {
                    served = axum::serve(listener, router).into_future() => served.unwrap(),
                    () = stopped.cancelled() => {}
                }
            });
        });
        Self { script, port: port_of.recv().unwrap(), stop, thread: Some(thread) }
    }

    /// The model as the configuration writes it.
    pub fn model(&self) -> String {
        format!("openai:http://127.0.0.1:{}/v1#{MODEL}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Reads prompts of ids, and gives ids, as the model in this folder does.
    pub fn with_tokenizer(self, folder: &Path) -> Self {
        let tokenizer = Tokenizer::read(&ModelFiles::in_folder(folder).unwrap()).unwrap();
        self.script().tokenizer = Some(tokenizer);
        self
    }

    /// Answers the next completion wrong.
    pub fn next(&self, fault: Fault) {
        self.script().faults.push_back(fault);
    }

    /// Answers every completion wrong.
    pub fn always(&self, fault: Option<Fault>) {
        self.script().always = fault;
    }

    /// Has no time for prompts of ids.
    pub fn busy_with_ids(&self) {
        self.script().busy_with_ids = true;
    }

    /// Is another version from now on.
    pub fn upgrade(&self) {
        self.script().version = "2.0";
    }

    #[cfg_attr(not(feature = "workshop"), expect(dead_code, reason = "tests of the workshop use it"))]
    pub fn requests(&self) -> Vec<Value> {
        self.script().requests.clone()
    }

    /// The requests since the last call.
    pub fn new_requests(&self) -> Vec<Value> {
        std::mem::take(&mut self.script().requests)
    }

    pub fn authorizations(&self) -> Vec<Option<String>> {
        self.script().authorizations.clone()
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }
}

impl Drop for FakeEngine {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn answer(State(script): State<Arc<Mutex<Script>>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let authorization = request.headers().get(header::AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
    let fault = {
        let mut script = script.lock().unwrap();
        script.authorizations.push(authorization);
        if path != "/v1/completions" {
            return page(&script, &path);
        }
        let body: Value = serde_json::from_slice(&body).unwrap();
        script.requests.push(body.clone());
        let fault = script.faults.pop_front().or_else(|| script.always.clone());
        match fault {
            None | Some(Fault::Good) => return script.complete(&body, false),
            Some(Fault::Fewer) => return script.complete(&body, true),
            Some(fault) => fault,
        }
    };
    wrong(fault).await
}

/// The pages next to the completions, by which each software is known.
fn page(script: &Script, path: &str) -> Response {
    let version = script.version;
    let owner = match script.kind {
        Kind::Vllm => "vllm",
        Kind::LlamaCpp => "llamacpp",
        Kind::Sglang => "sglang",
        Kind::Tgi | Kind::Strict => "somebody",
    };
    let said = match (script.kind, path) {
        (_, "/v1/models") => json!({"object": "list", "data": [{"id": MODEL, "object": "model", "owned_by": owner}]}),
        (Kind::Vllm, "/version") => json!({"version": version}),
        (Kind::LlamaCpp, "/props") => json!({"total_slots": 4, "build_info": version}),
        (Kind::Sglang, "/get_server_info") => json!({"version": version}),
        (Kind::Tgi, "/info") => json!({"model_id": MODEL, "version": version, "max_total_tokens": 512}),
        _ => return json_response(404, &json!({"error": {"message": "no such page"}})),
    };
    let mut response = json_response(200, &said);
    if script.kind == Kind::LlamaCpp {
        response.headers_mut().insert(header::SERVER, "llama.cpp".parse().unwrap());
    }
    response
}

fn json_response(status: u16, body: &Value) -> Response {
    response(status, body.to_string().into())
}

fn response(status: u16, body: Body) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    Response::builder().status(status).header(header::CONTENT_TYPE, "application/json").body(body).unwrap()
}

async fn wrong(fault: Fault) -> Response {
    let text = |text: &str| response(200, text.to_owned().into());
    let stream = |chunks: Vec<Result<Bytes, std::io::Error>>| {
        response(200, Body::from_stream(futures_util::stream::iter(chunks)))
    };
    match fault {
        Fault::Status(status, body) => json_response(status, &body),
        Fault::TooMany(seconds) => {
            let mut response = json_response(429, &json!({"error": {"message": "slow down"}}));
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            response
        }
        Fault::Page => text("<!doctype html><title>Sign in</title>"),
        Fault::HalfJson => text(r#"{"choices": [{"text": " pla"#),
        Fault::Body(body) => text(&body),
        Fault::Redirect(to) => {
            let mut response = response(307, Body::empty());
            response.headers_mut().insert(header::LOCATION, to.parse().unwrap());
            response
        }
        Fault::Huge => {
            let chunk = Bytes::from(vec![b' '; 1 << 20]);
            stream((0..20).map(|_| Ok(chunk.clone())).collect())
        }
        Fault::Broken => {
            let part = futures_util::stream::once(async { Ok(Bytes::from_static(b"{\"choices\"")) });
            let end = futures_util::stream::once(async {
                tokio::time::sleep(Duration::from_millis(100)).await;
                Err(std::io::Error::other("gone"))
            });
            response(200, Body::from_stream(futures_util::StreamExt::chain(part, end)))
        }
        Fault::Drip => {
            let bytes = futures_util::stream::unfold((), |()| async {
                tokio::time::sleep(Duration::from_millis(200)).await;
                Some((Ok::<_, std::io::Error>(Bytes::from_static(b" ")), ()))
            });
            response(200, Body::from_stream(bytes))
        }
        Fault::Hang => std::future::pending().await,
        Fault::Fewer | Fault::Good => unreachable!("answered by the model"),
    }
}

/// How one text is drawn.
struct Draw {
    temperature: f64,
    top_k: u64,
    top_p: f64,
    min_p: f64,
    penalty: f64,
    banned: Vec<u64>,
    tokens: u64,
    /// Whether probabilities are reported as they are after the temperature.
    tempers: bool,
}

impl Script {
    /// Answers as the software would.
    fn complete(&mut self, body: &Value, fewer: bool) -> Response {
        if let Some(refusal) = self.refusal(body) {
            return refusal;
        }
        let number = |name: &str, off: f64| body[name].as_f64().unwrap_or(off);
        let takes = |kinds: &[Kind]| kinds.contains(&self.kind);
        let known = |name: &str, off: f64, kinds: &[Kind]| if takes(kinds) { number(name, off) } else { off };
        let penalty = if self.kind == Kind::LlamaCpp { "repeat_penalty" } else { "repetition_penalty" };
        let everybody = [Kind::Vllm, Kind::LlamaCpp, Kind::Sglang, Kind::Tgi];
        let filters = [Kind::Vllm, Kind::LlamaCpp, Kind::Sglang];
        let bias = if takes(&filters) {
            body["logit_bias"].as_object().cloned().unwrap_or_default()
        } else {
            Default::default()
        };
        let draw = Draw {
            temperature: number("temperature", 1.0),
            top_k: known("top_k", 0.0, &filters).max(0.0) as u64,
            top_p: number("top_p", 1.0),
            min_p: known("min_p", 0.0, &filters),
            penalty: known(penalty, 1.0, &everybody),
            banned: bias.keys().map(|id| id.parse().unwrap()).collect(),
            tokens: body["max_tokens"].as_u64().unwrap_or(16),
            tempers: self.kind == Kind::Sglang,
        };
        let (prompt, prompt_tokens) = self.read(&body["prompt"]);
        let n = if self.kind == Kind::Tgi { 1 } else { body["n"].as_u64().unwrap_or(1) };
        let n = if fewer { 1 } else { n };
        let choices: Vec<Value> = (0..n)
            .map(|child| {
                self.drawn += 1;
                let ignores = self.kind == Kind::Sglang;
                let seed = if ignores { self.drawn } else { body["seed"].as_u64().unwrap_or(0) + child };
                self.choice(child, &prompt, seed, &draw, body)
            })
            .collect();
        json_response(
            200,
            &json!({"object": "text_completion", "model": MODEL, "choices": choices,
                "usage": {"prompt_tokens": prompt_tokens}, "system_fingerprint": self.version}),
        )
    }

    fn refusal(&self, body: &Value) -> Option<Response> {
        let refuse = |status, message: &str| Some(json_response(status, &json!({"error": {"message": message}})));
        match self.kind {
            _ if self.busy_with_ids && body["prompt"].is_array() => refuse(503, "busy"),
            Kind::LlamaCpp if body["n"].as_u64() > Some(4) => refuse(400, "Field 'n': Value must be between 1 and 4"),
            Kind::LlamaCpp if body["repeat_last_n"].as_i64() < Some(0) => {
                refuse(400, "Field 'repeat_last_n': too small")
            }
            Kind::Tgi if body["prompt"].is_array() => refuse(422, "prompt: expected a string"),
            Kind::Tgi if body["top_p"].as_f64() >= Some(1.0) => refuse(422, "`top_p` must be > 0.0 and < 1.0"),
            Kind::Strict => {
                let unknown = ["top_k", "min_p", "repetition_penalty", "repeat_penalty", "typical_p"];
                let found = unknown.into_iter().find(|name| body.get(*name).is_some())?;
                refuse(400, &format!("Unrecognized request argument supplied: {found}"))
            }
            _ => None,
        }
    }

    /// The words of a prompt, and how many tokens they are.
    fn read(&self, prompt: &Value) -> (String, usize) {
        let Some(ids) = prompt.as_array() else {
            let text = prompt.as_str().unwrap().to_owned();
            let tokens = match &self.tokenizer {
                Some(tokenizer) => tokenizer.encode(&text).unwrap().len(),
                None => text.split_whitespace().count(),
            };
            return (text, tokens);
        };
        let ids: Vec<u32> = ids.iter().map(|id| id.as_u64().unwrap() as u32).collect();
        let text = self.tokenizer.as_ref().map(|tokenizer| tokenizer.decode_raw(&ids).unwrap());
        (text.unwrap_or_else(|| format!("{ids:?}")), ids.len())
    }

    fn choice(&self, index: u64, prompt: &str, seed: u64, draw: &Draw, body: &Value) -> Value {
        let mut words: Vec<usize> = Vec::new();
        let (mut numbers, mut tops) = (Vec::new(), Vec::new());
        let length = 5 + splitmix64(prompt.len() as u64) % 4;
        while (words.len() as u64) < draw.tokens.min(length) {
            let scores = self.scores(prompt, &words, draw);
            let word = pick(&scores, splitmix64(seed.wrapping_mul(31).wrapping_add(words.len() as u64)), draw);
            let own = probabilities(
                &self.scores(prompt, &words, &Draw { penalty: 1.0, banned: Vec::new(), ..*draw }),
                if draw.tempers { draw.temperature.max(0.01) } else { 1.0 },
            );
            numbers.push(own[word].ln());
            tops.push(own.iter().copied().fold(0.0, f64::max).ln());
            words.push(word);
        }
        let ended = length < draw.tokens;
        let mut text: String = words.iter().map(|word| format!(" {}", WORDS[*word])).collect();
        if ended {
            text.push('.');
        }
        let mut choice = json!({"index": index, "text": text, "finish_reason": if ended { "stop" } else { "length" }});
        let ids: Vec<u64> = words.iter().map(|word| self.id(*word)).collect();
        if body["return_token_ids"] == json!(true) {
            choice["token_ids"] = match &self.tokenizer {
                Some(tokenizer) => json!(tokenizer.encode(&text).unwrap()),
                None => json!(ids),
            };
        }
        let wants = body["logprobs"].as_u64().is_some_and(|count| count > 0) && self.kind != Kind::Tgi;
        if wants && self.kind == Kind::LlamaCpp {
            let tokens = numbers
                .iter()
                .zip(&tops)
                .map(|(number, top)| json!({"logprob": number, "top_logprobs": [{"logprob": top}]}));
            choice["logprobs"] = json!({"content": tokens.collect::<Vec<_>>()});
        } else if wants {
            let tops: Vec<Value> = tops.iter().map(|top| json!({"word": top})).collect();
            choice["logprobs"] = json!({"token_logprobs": numbers, "top_logprobs": tops});
        }
        choice
    }

    fn id(&self, word: usize) -> u64 {
        match &self.tokenizer {
            Some(tokenizer) => u64::from(tokenizer.encode(&format!(" {}", WORDS[word])).unwrap()[0]),
            None => FIRST_ID + word as u64,
        }
    }

    /// The model: what follows depends on the words before.
    fn scores(&self, prompt: &str, words: &[usize], draw: &Draw) -> Vec<f64> {
        let before = words.last().map_or(prompt.len() as u64 % 7, |word| *word as u64);
        let score = |word: usize| {
            let place = splitmix64(before * 97 + word as u64) % 1_000;
            let mut score = place as f64 / 100.0;
            if draw.penalty > 1.0 && (words.contains(&word) || is_likeliest(before, word)) {
                score /= draw.penalty;
            }
            if draw.banned.contains(&self.id(word)) { f64::NEG_INFINITY } else { score }
        };
        (0..WORDS.len()).map(score).collect()
    }
}

fn is_likeliest(before: u64, word: usize) -> bool {
    (0..WORDS.len()).max_by_key(|word| splitmix64(before * 97 + *word as u64) % 1_000) == Some(word)
}

fn probabilities(scores: &[f64], temperature: f64) -> Vec<f64> {
    let best = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let exponentials: Vec<f64> = scores.iter().map(|score| ((score - best) / temperature).exp()).collect();
    let sum: f64 = exponentials.iter().sum();
    exponentials.into_iter().map(|exponential| exponential / sum).collect()
}

/// Draws a word as the settings say.
fn pick(scores: &[f64], random: u64, draw: &Draw) -> usize {
    let best = (0..scores.len()).max_by(|a, b| scores[*a].total_cmp(&scores[*b])).unwrap();
    if draw.temperature == 0.0 || draw.top_k == 1 || draw.min_p >= 1.0 || draw.top_p < 0.01 {
        return best;
    }
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
    if draw.top_k > 0 {
        order.truncate(draw.top_k as usize);
    }
    let all = probabilities(scores, draw.temperature);
    let total: f64 = order.iter().map(|word| all[*word]).sum();
    let mut left = (random % 1_000_000) as f64 / 1e6 * total;
    for word in &order {
        left -= all[*word];
        if left <= 0.0 {
            return *word;
        }
    }
    best
}

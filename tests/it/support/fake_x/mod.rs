//! `FakeX`: an X that does as it is told, on a free loopback port.
//!
//! It checks each request as the real one does (OAuth 1.0a signature, nonce, token, JSON with known fields only), with
//! its own code and another HMAC than the program's, and answers from a script, or 201 with increasing ids where the
//! script is empty; posts and timeline are one account's. It speaks HTTP/1.1 over a bare socket rather than through a framework, because it must be able to
//! hang, drip and break off at any byte. It lives on its own thread and runtime, so it serves a child process while the
//! test blocks. On drop it fails the test if an expected call never came.

pub mod library;
mod oauth;
mod timeline;

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;
use pregonero_x::secrets::TwitterCredentials;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use url::Url;

use self::library::Library;
use self::oauth::{oauth_parameters, sign};
use self::timeline::{row, timeline_query};

/// Invented keys, as the environment names them. They hold what percent-encoding changes, as no real key does.
pub const KEYS: [(&str, &str); 4] = [
    ("TWITTER_CONSUMER_KEY", "invented-consumer-key"),
    ("TWITTER_CONSUMER_SECRET", "invented/consumer+secret="),
    ("TWITTER_ACCESS_TOKEN", "1700-invented-access-token"),
    ("TWITTER_ACCESS_TOKEN_SECRET", "invented&token%secret~"),
];

/// The account that `GET /2/users/me` names.
pub const USER: (&str, &str) = ("1700", "pregonero_test");

/// The first post's id.
const FIRST_ID: u64 = 1_900_000_000_000_000_001;

/// How long a hanging connection is kept for a client that never gives up, so that a test ends all the same.
const PATIENCE: Duration = Duration::from_secs(120);

/// What one call gets back.
#[derive(Debug, Clone)]
pub struct Answer {
    method: &'static str,
    path: &'static str,
    /// Whether the text counts as posted although the answer does not say so.
    takes: bool,
    head: Option<Head>,
    delivery: Delivery,
}

#[derive(Debug, Clone)]
struct Head {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

#[derive(Debug, Clone)]
enum Delivery {
    /// Everything at once.
    Whole,
    /// Head and body, but of the body only the first so many bytes; then the connection closes.
    Truncated(usize),
    /// The same, and then the connection is torn down (RST).
    Torn(usize),
    /// One byte of the body at a time, with this much between.
    Drip(Duration),
    /// The head, then silence.
    Stall,
    /// Nothing, and the connection stays open.
    Hang,
    /// Nothing, and the connection closes.
    Close,
    /// Nothing, and the connection is torn down (RST).
    Reset,
}

impl Answer {
    /// A status with nothing in it.
    pub fn status(status: u16) -> Self {
        let head = Head { status, headers: Vec::new(), body: Vec::new() };
        Self { method: "POST", path: "/2/tweets", takes: false, head: Some(head), delivery: Delivery::Whole }
    }

    /// A status with JSON, sent as X sends it.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::status(status).header("content-type", "application/json; charset=utf-8").body(body.to_string())
    }

    /// X's problem document with these words.
    pub fn problem(status: u16, kind: &str, title: &str, detail: &str) -> Self {
        Self::json(status, &json!({"title": title, "type": kind, "status": status, "detail": detail}))
    }

    /// The request is read, then nothing ever comes.
    pub fn hang() -> Self {
        Self { head: None, delivery: Delivery::Hang, ..Self::status(0) }
    }

    /// The request is read, then the connection closes.
    pub fn close() -> Self {
        Self { head: None, delivery: Delivery::Close, ..Self::status(0) }
    }

    /// The request is read, then the connection is torn down.
    pub fn reset() -> Self {
        Self { head: None, delivery: Delivery::Reset, ..Self::status(0) }
    }

    /// The same answer for `GET /2/users/me` instead of `POST /2/tweets`.
    pub fn for_me(self) -> Self {
        Self { method: "GET", path: "/2/users/me", ..self }
    }

    /// The same answer for the account's timeline.
    pub fn for_timeline(self) -> Self {
        Self { method: "GET", path: "/2/users/1700/tweets", ..self }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.head_mut().headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.head_mut().body = body.into();
        self
    }

    /// The post is stored all the same: the answer is lost or lies.
    pub fn but_taken(self) -> Self {
        Self { takes: true, ..self }
    }

    /// Announces the whole body, sends its first `bytes`, and breaks off.
    pub fn truncated(self, bytes: usize) -> Self {
        Self { delivery: Delivery::Truncated(bytes), ..self }
    }

    /// Announces the whole body, sends its first `bytes`, and tears the connection down.
    pub fn torn(self, bytes: usize) -> Self {
        Self { delivery: Delivery::Torn(bytes), ..self }
    }

    /// Sends the body byte by byte.
    pub fn drip(self, pause: Duration) -> Self {
        Self { delivery: Delivery::Drip(pause), ..self }
    }

    /// Sends the head and never the body.
    pub fn stall(self) -> Self {
        Self { delivery: Delivery::Stall, ..self }
    }

    fn head_mut(&mut self) -> &mut Head {
        self.head.as_mut().expect("an answer that never comes has neither headers nor body")
    }

    fn succeeds(&self) -> bool {
        self.head.as_ref().is_some_and(|head| (200..300).contains(&head.status))
    }
}

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct Call {
    pub method: String,
    pub path: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

/// How X behaves where the script does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// Takes the post and says so.
    Honest,
    /// Takes it and never answers.
    TakesAndHangs,
    /// Takes it and tears the connection down.
    TakesAndResets,
    /// Takes it and answers 503.
    TakesAndFails,
    /// Takes it, answers 502 without a body or a type, and hides it from the next readings of the timeline.
    TakesAndHides(usize),
    /// Takes it and says so, with no header but the length.
    LosesHeaders,
    /// Does not take it, and never answers.
    Hangs,
    /// Does not take it, and tears the connection down.
    Resets,
    /// Does not take it and says so.
    Refuses,
    /// Does not take it: the window of 15 minutes is used up, and ends in a second.
    Limits,
    /// Does not take it: the window is used up, and ends in the year 9999.
    LimitsForAges,
    /// Says of every second call that this way of signing may not post, and takes the next one.
    Confuses,
}

/// When a [`FakeX::watch`] is told of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The request is here, its answer not decided.
    Received,
    /// X has taken or refused it; no byte of the answer is out.
    Decided,
    /// The answer is out.
    Answered,
}

/// Who is told of every call, on the server's own thread.
type Watch = Arc<dyn Fn(&Call, Moment) + Send + Sync>;

/// A tweet of the account.
#[derive(Debug, Clone)]
pub struct Tweet {
    pub id: String,
    pub text: String,
    created_at: Timestamp,
    /// How many readings of the timeline do not show it yet.
    hidden: usize,
    /// How many readings have shown it.
    reads: usize,
}

/// The server. Stops when dropped.
#[derive(Debug)]
pub struct FakeX {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    script: VecDeque<Answer>,
    posted: Vec<Tweet>,
    mood: Option<Mood>,
    watch: Option<Watch>,
    /// The one name of extra fields that is not called wrong; absent: either.
    field_name: Option<&'static str>,
    /// Posts a page; absent: as many as asked for.
    page: Option<usize>,
    calls: Vec<Call>,
    /// What was wrong with requests that were turned away with 401.
    rejected: Vec<String>,
    /// Calls that the script did not foresee.
    unexpected: Vec<String>,
    nonces: HashSet<String>,
    refuses_duplicates: bool,
    /// Whether the last call in [`Mood::Confuses`] was turned away.
    confused: bool,
    clock: Option<Timestamp>,
    /// What anyone may read; absent: such requests are unexpected.
    library: Option<Library>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("posted", &self.posted).field("script", &self.script).finish_non_exhaustive()
    }
}

impl FakeX {
    /// Listens on a free port of this machine.
    pub async fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (state, stop) = (Arc::new(Mutex::new(State::default())), CancellationToken::new());
        let (served, stopped) = (Arc::clone(&state), stop.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    () = accept(listener, served) => {}
                    () = stopped.cancelled() => {}
                }
            });
        });
        Self { address, state, stop, thread: Some(thread) }
    }

    /// For `publish.base_url`, without a trailing slash on its path.
    pub fn url(&self) -> Url {
        Url::parse(&format!("http://{}", self.address)).unwrap()
    }

    /// The keys whose signatures it accepts.
    pub fn credentials(&self) -> TwitterCredentials {
        TwitterCredentials::new(KEYS[0].1, KEYS[1].1, KEYS[2].1, KEYS[3].1)
    }

    /// What the account holds, in the order it was posted.
    pub fn posted(&self) -> Vec<String> {
        self.lock().posted.iter().map(|tweet| tweet.text.clone()).collect()
    }

    /// The same with their ids.
    pub fn tweets(&self) -> Vec<Tweet> {
        self.lock().posted.clone()
    }

    /// The calls that asked whose account it is.
    pub fn accounts_asked(&self) -> usize {
        self.lock().calls.iter().filter(|call| call.bare_path() == "/2/users/me").count()
    }

    /// The calls that were to post something.
    pub fn posts_asked(&self) -> usize {
        self.lock().calls.iter().filter(|call| call.method == "POST").count()
    }

    /// Every request that came, in order, the ones turned away too.
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    /// Why requests were turned away with 401.
    pub fn rejected(&self) -> Vec<String> {
        self.lock().rejected.clone()
    }

    /// The next call must be this answer's, and gets it. Calls beyond the script get X's ordinary answers.
    pub fn expect(&self, answer: Answer) -> &Self {
        self.lock().script.push_back(answer);
        self
    }

    /// From now on a text that is already posted is refused with X's 403.
    pub fn refuse_duplicates(&self) -> &Self {
        self.lock().refuses_duplicates = true;
        self
    }

    /// From now on, calls beyond the script are answered in this mood.
    pub fn set_mood(&self, mood: Mood) -> &Self {
        self.lock().mood = Some(mood);
        self
    }

    /// Has every call told, beside its answer.
    pub fn watch(&self, watch: impl Fn(&Call, Moment) + Send + Sync + 'static) -> &Self {
        self.lock().watch = Some(Arc::new(watch));
        self
    }

    /// Calls every name for the timeline's extra fields wrong but this one.
    pub fn knows_only(&self, field_name: &'static str) -> &Self {
        self.lock().field_name = Some(field_name);
        self
    }

    /// Gives so many posts of the timeline a page.
    pub fn page_of(&self, posts: usize) -> &Self {
        self.lock().page = Some(posts);
        self
    }

    /// Deletes the newest tweet of the account, as a person does in the app.
    pub fn deletes_newest(&self) -> &Self {
        self.lock().posted.pop();
        self
    }

    /// Puts a tweet on the account that nobody posted through this server.
    pub fn has_tweet(&self, text: &str, created_at: Timestamp) -> &Self {
        self.lock().keep(text, created_at, 0);
        self
    }

    /// What anyone may read from now on.
    #[cfg_attr(not(feature = "workshop"), expect(dead_code, reason = "tests of the workshop use it"))]
    pub fn has_library(&self, library: Library) -> &Self {
        self.lock().library = Some(library);
        self
    }

    /// Looks at the library, or changes it.
    #[cfg_attr(not(feature = "workshop"), expect(dead_code, reason = "tests of the workshop use it"))]
    pub fn with_library<T>(&self, act: impl FnOnce(&mut Library) -> T) -> T {
        act(self.lock().library.as_mut().expect("the server has a library"))
    }

    /// X's clock: sent as `Date`, and a timestamp more than five minutes off is refused. Without it neither is done.
    pub fn set_clock(&self, now: Timestamp) -> &Self {
        self.lock().clock = Some(now);
        self
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Drop for FakeX {
    fn drop(&mut self) {
        self.stop.cancel();
        let died = self.thread.take().is_some_and(|thread| thread.join().is_err());
        if std::thread::panicking() {
            return;
        }
        let state = self.lock();
        assert!(!died, "FakeX's own thread panicked");
        assert!(state.unexpected.is_empty(), "calls that the script did not foresee: {:?}", state.unexpected);
        assert!(state.script.is_empty(), "expected calls never came: {:?}", state.script);
    }
}

async fn accept(listener: TcpListener, state: Arc<Mutex<State>>) {
    loop {
        let (stream, _) = listener.accept().await.expect("a listening socket accepts");
        tokio::spawn(serve(stream, Arc::clone(&state)));
    }
}

/// One connection, one call: the answer closes it. A client that went away early is no fault of ours.
async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    let Some(call) = read_call(&mut stream).await else { return };
    let locked = || state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let watch = locked().watch.clone();
    let tell = |moment| {
        if let Some(watch) = &watch {
            watch(&call, moment);
        }
    };
    tell(Moment::Received);
    let (answer, clock) = {
        let mut state = locked();
        (state.answer(&call), state.clock)
    };
    tell(Moment::Decided);
    let _ = deliver(&mut stream, &answer, clock).await;
    tell(Moment::Answered);
}

async fn read_call(stream: &mut TcpStream) -> Option<Call> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(position) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break position;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).ok()?;
    let mut lines = head.split("\r\n");
    let mut request_line = lines.next()?.split(' ');
    let (method, path) = (request_line.next()?.to_owned(), request_line.next()?.to_owned());
    let headers: BTreeMap<_, _> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length: usize = headers.get("content-length").map_or(Ok(0), |length| length.parse()).ok()?;
    let mut body = bytes.split_off(head_end + 4);
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some(Call { method, path, headers, body: String::from_utf8(body).ok()? })
}

async fn deliver(stream: &mut TcpStream, answer: &Answer, clock: Option<Timestamp>) -> std::io::Result<()> {
    let Some(head) = &answer.head else {
        match answer.delivery {
            Delivery::Hang => wait_for_the_client_to_leave(stream).await,
            Delivery::Reset => stream.set_zero_linger()?,
            _ => {}
        }
        return Ok(());
    };
    let mut text = format!("HTTP/1.1 {} Scripted\r\nconnection: close\r\n", head.status);
    if let Some(now) = clock {
        let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&now).unwrap();
        text += &format!("date: {date}\r\n");
    }
    for (name, value) in &head.headers {
        text += &format!("{name}: {value}\r\n");
    }
    text += &format!("content-length: {}\r\n\r\n", head.body.len());
    stream.write_all(text.as_bytes()).await?;
    match answer.delivery {
        Delivery::Truncated(bytes) => stream.write_all(&head.body[..bytes]).await?,
        Delivery::Torn(bytes) => {
            stream.write_all(&head.body[..bytes]).await?;
            stream.set_zero_linger()?;
            return Ok(());
        }
        Delivery::Drip(pause) => {
            for byte in &head.body {
                tokio::time::sleep(pause).await;
                stream.write_all(&[*byte]).await?;
            }
        }
        Delivery::Stall => wait_for_the_client_to_leave(stream).await,
        Delivery::Whole | Delivery::Hang | Delivery::Close | Delivery::Reset => stream.write_all(&head.body).await?,
    }
    stream.shutdown().await
}

async fn wait_for_the_client_to_leave(stream: &mut TcpStream) {
    let _ = tokio::time::timeout(PATIENCE, stream.read_u8()).await;
}

impl State {
    fn answer(&mut self, call: &Call) -> Answer {
        self.calls.push(call.clone());
        if let Some(answer) = library::app_token(call) {
            return answer.unwrap_or_else(|fault| {
                self.rejected.push(fault);
                Answer::problem(403, "about:blank", "Forbidden", "Unable to verify your credentials")
            });
        }
        if library::is_public(call)
            && let Some(library) = &mut self.library
        {
            return library.answer(call).unwrap_or_else(|fault| {
                self.rejected.push(fault);
                Answer::problem(401, "about:blank", "Unauthorized", "Unauthorized")
            });
        }
        if let Err(fault) = self.authenticate(call) {
            self.rejected.push(fault);
            return Answer::problem(401, "about:blank", "Unauthorized", "Unauthorized");
        }
        let scripted = match self.script.pop_front() {
            Some(next) if next.method == call.method && next.path == call.bare_path() => Some(next),
            // Whose account it is, is asked before a first post; a test that has nothing to say to it gets the plain answer.
            Some(next) if call.bare_path() == "/2/users/me" => {
                self.script.push_front(next);
                None
            }
            Some(next) => {
                self.unexpected.push(format!("{} {} before {next:?}", call.method, call.path));
                return Answer::status(500);
            }
            None => None,
        };
        match (call.method.as_str(), call.bare_path()) {
            ("POST", "/2/tweets") => self.post(call, scripted),
            ("GET", "/2/users/1700/tweets") => scripted.unwrap_or_else(|| self.timeline(call)),
            ("GET", "/2/users/me") => {
                let (id, username) = USER;
                let me = json!({"data": {"id": id, "name": "Pregonero", "username": username}});
                scripted.unwrap_or_else(|| Answer::json(200, &me).header("x-access-level", "read-write"))
            }
            (method, path) => {
                self.unexpected.push(format!("{method} {path}"));
                Answer::problem(404, "about:blank", "Not Found", "Not Found")
            }
        }
    }

    fn post(&mut self, call: &Call, scripted: Option<Answer>) -> Answer {
        let text = match posted_text(call) {
            Ok(text) => text,
            Err(fault) => return invalid_request(&fault),
        };
        let duplicate = self.refuses_duplicates && self.posted.iter().any(|tweet| tweet.text == text);
        if duplicate && scripted.is_none() {
            let detail = "You are not allowed to create a Tweet with duplicate content.";
            return Answer::problem(403, "about:blank", "Forbidden", detail);
        }
        let id = (FIRST_ID + self.posted.len() as u64).to_string();
        let mut mood = self.mood.unwrap_or(Mood::Honest);
        if mood == Mood::Confuses {
            self.confused = !self.confused;
            mood = if self.confused { Mood::Confuses } else { Mood::Honest };
        }
        let created = json!({"data": {"id": id, "text": text}});
        let answer = scripted.unwrap_or_else(|| mood.answer(&created, self.now()));
        if answer.takes || answer.succeeds() {
            let hidden = if let Mood::TakesAndHides(readings) = mood { readings } else { 0 };
            let now = self.now();
            self.keep(&text, now, hidden);
        }
        answer
    }

    fn keep(&mut self, text: &str, created_at: Timestamp, hidden: usize) {
        let id = (FIRST_ID + self.posted.len() as u64).to_string();
        self.posted.push(Tweet { id, text: text.to_owned(), created_at, hidden, reads: 0 });
    }

    #[expect(clippy::disallowed_methods, reason = "the server's own clock, as X has one")]
    fn now(&self) -> Timestamp {
        self.clock.unwrap_or_else(Timestamp::now)
    }

    /// `GET /2/users/:id/tweets` as X answers it: the newest first, texts escaped, an empty list left out.
    fn timeline(&mut self, call: &Call) -> Answer {
        let query = match timeline_query(call, self.field_name) {
            Ok(query) => query,
            Err(fault) => return invalid_request(&fault),
        };
        for tweet in &mut self.posted {
            tweet.hidden = tweet.hidden.saturating_sub(1);
            tweet.reads += usize::from(tweet.hidden == 0);
        }
        let time = |name: &str| query.get(name).map(|text| text.parse::<Timestamp>().unwrap());
        let (from, to) = (time("start_time"), time("end_time"));
        let shown = |tweet: &&Tweet| {
            let created = tweet.created_at;
            tweet.hidden == 0 && from.is_none_or(|from| created >= from) && to.is_none_or(|to| created < to)
        };
        let tweets: Vec<&Tweet> = self.posted.iter().rev().filter(shown).collect();
        let page = self.page.unwrap_or(100);
        let start: usize = query.get("pagination_token").map_or(0, |token| token.parse().unwrap());
        let rows: Vec<Value> = tweets.iter().skip(start).take(page).map(|tweet| row(tweet, &query)).collect();
        let mut body = json!({"meta": {"result_count": rows.len()}});
        if start + rows.len() < tweets.len() {
            body["meta"]["next_token"] = json!((start + rows.len()).to_string());
        }
        if !rows.is_empty() {
            body["data"] = rows.into();
        }
        Answer::json(200, &body)
    }

    /// OAuth 1.0a as X checks it; the error says what is wrong, for the test's eyes only.
    fn authenticate(&mut self, call: &Call) -> Result<(), String> {
        let header = call.headers.get("authorization").ok_or("no Authorization header")?;
        let mut oauth = oauth_parameters(header)?;
        let signature = oauth.remove("oauth_signature").ok_or("no oauth_signature")?;
        let get = |name: &str| oauth.get(name).map(String::as_str).ok_or_else(|| format!("no {name}"));
        for (name, expected) in [
            ("oauth_consumer_key", KEYS[0].1),
            ("oauth_token", KEYS[2].1),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_version", "1.0"),
        ] {
            if get(name)? != expected {
                return Err(format!("{name} is {:?}", oauth[name]));
            }
        }
        let expected = sign(call, &oauth)?;
        if signature != expected {
            return Err(format!("the signature is {signature}, should be {expected}"));
        }
        let timestamp: i64 = get("oauth_timestamp")?.parse().map_err(|_| "oauth_timestamp is no number")?;
        if self.clock.is_some_and(|now| (now.as_second() - timestamp).abs() > 300) {
            return Err(format!("the timestamp {timestamp} is out of bounds"));
        }
        let nonce = get("oauth_nonce")?.to_owned();
        if nonce.is_empty() || !nonce.is_ascii() || !self.nonces.insert(nonce) {
            return Err("the nonce is empty, not ASCII, or was used before".to_owned());
        }
        Ok(())
    }
}

impl Call {
    /// The path without its query.
    pub fn bare_path(&self) -> &str {
        self.path.split('?').next().unwrap_or_default()
    }
}

impl Mood {
    /// What becomes of a post at `now` whose proper answer is `created`.
    fn answer(self, created: &Value, now: Timestamp) -> Answer {
        match self {
            Self::Honest => Answer::json(201, created),
            Self::TakesAndHangs => Answer::hang().but_taken(),
            Self::TakesAndResets => Answer::reset().but_taken(),
            Self::TakesAndFails => {
                Answer::problem(503, "about:blank", "Service Unavailable", "Service Unavailable").but_taken()
            }
            Self::LosesHeaders => Answer::status(201).body(created.to_string()),
            Self::TakesAndHides(_) => Answer::status(502).but_taken(),
            Self::Hangs => Answer::hang(),
            Self::Resets => Answer::reset(),
            Self::Refuses => {
                Answer::problem(403, "about:blank", "Forbidden", "You are not permitted to perform this action.")
            }
            Self::Limits => Answer::problem(429, "about:blank", "Too Many Requests", "Too Many Requests")
                .header("x-rate-limit-remaining", "0")
                .header("x-rate-limit-reset", &(now.as_second() + 1).to_string()),
            Self::LimitsForAges => Answer::problem(429, "about:blank", "Too Many Requests", "Too Many Requests")
                .header("x-rate-limit-remaining", "0")
                .header("x-rate-limit-reset", "253402207199"),
            Self::Confuses => Answer::problem(
                403,
                "https://api.twitter.com/2/problems/unsupported-authentication",
                "Unsupported Authentication",
                "Authenticating with Unknown is forbidden for this endpoint.",
            ),
        }
    }
}

/// The text of a `POST /2/tweets`, if X would take the request. Length is counted in characters, not in X's weights: the
/// bot's tweets hold neither URLs nor Chinese.
fn posted_text(call: &Call) -> Result<String, String> {
    if !call.headers.get("content-type").is_some_and(|kind| kind.starts_with("application/json")) {
        return Err("Requests with bodies must have content-type of application/json.".to_owned());
    }
    let body: Value = serde_json::from_str(&call.body).map_err(|error| error.to_string())?;
    let fields = body.as_object().ok_or("The body must be an object.")?;
    if let Some(unknown) = fields.keys().find(|name| *name != "text") {
        return Err(format!("[{unknown}] is not a field that the bot may send."));
    }
    match body["text"].as_str() {
        Some(text) if text.chars().count() > 280 => Err("Your Tweet text is too long.".to_owned()),
        Some(text) if !text.is_empty() => Ok(text.to_owned()),
        _ => Err("The text must not be empty.".to_owned()),
    }
}

fn invalid_request(message: &str) -> Answer {
    let body = json!({
        "errors": [{"parameters": {}, "message": message}],
        "title": "Invalid Request",
        "detail": "One or more parameters to your request was invalid.",
        "type": "https://api.twitter.com/2/problems/invalid-request",
    });
    Answer::json(400, &body)
}

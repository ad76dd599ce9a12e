//! A generator on a server that speaks OpenAI's `/v1/completions`: vLLM, llama.cpp, SGLang, TGI and others.
//!
//! [`Server`] asks for candidates in as few requests as the server allows, and gives each its own seed. What the server
//! follows is found out by a probe (`probe`) and remembered (`memo`). Where the files of the model are here (`known`),
//! prompts are sent as token ids, and its control tokens and end tokens hold as they do for a model on this machine.

mod answer;
mod breaker;
mod dialect;
mod findings;
mod http;
mod known;
mod look;
mod memo;
mod probe;
mod writing;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use secrecy::SecretString;
use tokio::time::Instant;

pub use self::dialect::{Fields, Software, Taken};
pub use self::findings::{Findings, Follows, Likelihoods};

pub use super::server_error::ServerError;

use self::breaker::Breaker;
use self::http::Http;
use self::known::Known;
use self::look::look;
use self::memo::Memo;
use self::probe::Probe;
use super::engine_settings::EngineSettings;
use super::model::{Arithmetic, EngineDescription};
use super::request::{GenerationError, GenerationRequest};
use crate::catalog::{ModelFiles, ServerAddress, sha256_of};
use pregonero_tweet::{Candidate, ModelIdentity};

/// The longest that a server is asked who it is and what it follows; what is left open then is unknown.
const LONGEST_PROBE: Duration = Duration::from_secs(45);

/// What a server is reached with.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    pub address: ServerAddress,
    pub key: Option<SecretString>,
    pub settings: EngineSettings,
    /// The files of its model, if they are here.
    pub files: Option<ModelFiles>,
    /// The file in which is remembered what the server follows.
    pub memo: Option<PathBuf>,
    /// Whether to ask the server again although it is remembered.
    pub afresh: bool,
}

/// A server, as it was found.
#[derive(Debug)]
pub struct Server {
    http: Http,
    address: ServerAddress,
    known: Option<Known>,
    memo: Memo,
    afresh: bool,
    settings: EngineSettings,
    description: EngineDescription,
    state: Mutex<State>,
    /// Held while the server is asked what it follows, so that it is asked once.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct State {
    findings: Option<Arc<Findings>>,
    /// Under which the findings are remembered.
    key: Option<String>,
    /// When the server is asked again what it left open.
    again_at: Option<Instant>,
    breaker: Breaker,
}

/// The state of a server, for people.
#[derive(Debug, Clone)]
pub struct ServerState {
    /// Absent before the first answer.
    pub findings: Option<Arc<Findings>>,
    /// Why it counts as away; absent if its last answer was good.
    pub away: Option<String>,
    /// Whether the key is sent over a connection without TLS.
    pub key_is_in_the_clear: bool,
}

impl Server {
    /// Prepares to ask a server; no request is made yet.
    ///
    /// # Errors
    /// If the model's files cannot be read, or a key may not be sent there.
    pub fn new(options: ServerOptions) -> anyhow::Result<Self> {
        let ServerOptions { address, key, settings, files, memo, afresh } = options;
        let http = Http::new(&address, key, &settings)?;
        let known = files.as_ref().map(Known::read).transpose().context("engine.files")?;
        let description = EngineDescription {
            identity: ModelIdentity { name: address.to_string(), sha256: String::new() },
            device: "server".to_owned(),
            arithmetic: Arithmetic::ON_SERVER,
            fallback: None,
            parameters: 0,
            context: known.as_ref().map_or(0, Known::context),
            vocabulary: known.as_ref().map_or(0, Known::vocabulary),
            control: known.as_ref().and_then(|known| known.control().cloned()),
        };
        let state =
            Mutex::new(State { findings: None, key: None, again_at: None, breaker: Breaker::new(settings.pause) });
        let (memo, asking) = (Memo(memo), tokio::sync::Mutex::default());
        Ok(Self { http, address, known, memo, afresh, settings, description, state, asking })
    }

    /// Describes the model as far as it is known here; the server may have another.
    #[must_use]
    pub fn description(&self) -> &EngineDescription {
        &self.description
    }

    /// Returns what is known of the server now.
    #[must_use]
    pub fn state(&self) -> ServerState {
        let state = self.locked();
        ServerState {
            findings: state.findings.clone(),
            away: state.breaker.away().map(str::to_owned),
            key_is_in_the_clear: self.http.key_is_in_the_clear(),
        }
    }

    /// Asks the server what it follows, unless that is known: then nothing is requested, and whether the server is away
    /// stays as it was.
    ///
    /// # Errors
    /// If it cannot be reached or refuses.
    pub async fn ask(&self) -> Result<Arc<Findings>, ServerError> {
        if let Some(findings) = self.known_findings() {
            return Ok(findings);
        }
        self.locked().breaker.check(self.http.server())?;
        let found = self.findings().await;
        match &found {
            Ok(_) => self.locked().breaker.worked(),
            Err(error) => self.locked().breaker.failed(error),
        }
        found
    }

    /// Writes candidates.
    ///
    /// # Errors
    /// If the request cannot be made of this model, or the server fails.
    pub async fn generate(self: &Arc<Self>, request: &GenerationRequest) -> Result<Vec<Candidate>, GenerationError> {
        self.locked().breaker.check(self.http.server())?;
        let written = writing::write(self, request).await;
        match &written {
            Ok(_) => self.locked().breaker.worked(),
            Err(GenerationError::Server(error)) => self.locked().breaker.failed(error),
            Err(_) => {}
        }
        written
    }

    /// Writes what is known into the file that remembers it, for a caller that has made its folder only now.
    pub fn keep_findings(&self) {
        let state = self.locked();
        if let (Some(findings), Some(key)) = (&state.findings, &state.key) {
            self.memo.keep(key, findings);
        }
    }

    async fn findings(&self) -> Result<Arc<Findings>, ServerError> {
        let _asking = self.asking.lock().await;
        if let Some(findings) = self.known_findings() {
            return Ok(findings);
        }
        let end = Instant::now() + LONGEST_PROBE;
        let look = look(&self.http, &self.address).await?;
        let known = self.known.as_ref().map(|known| (known.fingerprint(), known.ids_of(probe::WORDS)));
        let key = sha256_of(format!("{}\n{known:?}", look.digest).as_bytes());
        let remembered = if self.afresh { None } else { self.memo.find(&key) };
        let findings = match remembered {
            Some(findings) => findings,
            None => {
                let found = Probe::new(&self.http, &look, self.known.as_ref(), end).run().await?;
                if !found.unanswered {
                    self.memo.keep(&key, &found);
                }
                found
            }
        };
        let findings = Arc::new(findings);
        let mut state = self.locked();
        state.again_at = findings.unanswered.then(|| Instant::now() + self.settings.pause);
        state.key = (!findings.unanswered).then_some(key);
        state.findings = Some(Arc::clone(&findings));
        Ok(findings)
    }

    /// Returns the findings, unless there are none or it is time to ask again what the server left open.
    fn known_findings(&self) -> Option<Arc<Findings>> {
        let state = self.locked();
        let is_due = state.again_at.is_some_and(|at| Instant::now() >= at);
        state.findings.clone().filter(|_| !is_due)
    }

    /// Forgets the findings, here and in the file, if an answer comes from a server of another version or configuration.
    fn compare_fingerprint(&self, findings: &Findings, now: Option<&str>) {
        if findings.fingerprint.as_deref() != now {
            let before = findings.fingerprint.as_deref().unwrap_or("none");
            tracing::info!(
                before,
                now = now.unwrap_or("none"),
                "the generation server has changed; it will be asked again"
            );
            let mut state = self.locked();
            state.findings = None;
            if let Some(key) = state.key.take() {
                self.memo.forget(&key);
            }
        }
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::findings::tests::obedient;
    use super::*;

    pub fn settings() -> EngineSettings {
        let seconds = Duration::from_secs;
        EngineSettings { files: None, timeout: seconds(1), attempts: 1, parallel: 1, pause: seconds(60) }
    }

    /// Returns a server that never answers, but what it follows is known.
    fn known_server(memo: Option<PathBuf>) -> Server {
        let address = "http://127.0.0.1:1/v1#m".parse().unwrap();
        let options = ServerOptions { address, key: None, settings: settings(), files: None, memo, afresh: false };
        let server = Server::new(options).unwrap();
        let findings = Findings { fingerprint: Some("a".to_owned()), ..obedient() };
        let mut state = server.locked();
        (state.findings, state.key) = (Some(Arc::new(findings)), Some("key".to_owned()));
        drop(state);
        server
    }

    #[tokio::test]
    async fn a_server_that_failed_stays_away_until_it_answers_although_its_findings_are_known() {
        let server = known_server(None);
        let error = ServerError::Slow { server: "s".to_owned(), after: Duration::from_secs(1) };
        server.locked().breaker.failed(&error);
        assert!(server.ask().await.is_ok(), "it is known");
        assert_eq!(server.state().away, Some(error.to_string()));
    }

    #[test]
    fn an_answer_of_another_version_takes_the_findings_out_of_the_file_too() {
        let folder = tempfile::tempdir().unwrap();
        let server = known_server(Some(folder.path().join("engine.json")));
        server.keep_findings();
        let findings = server.state().findings.unwrap();
        server.compare_fingerprint(&findings, Some("a"));
        assert!(server.state().findings.is_some() && server.memo.find("key").is_some());
        server.compare_fingerprint(&findings, Some("b"));
        assert!(server.state().findings.is_none() && server.memo.find("key").is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_server_left_open_is_asked_again_after_the_pause() {
        let server = known_server(None);
        server.locked().again_at = Some(Instant::now() + server.settings.pause);
        assert!(server.ask().await.is_ok(), "known for now");
        tokio::time::advance(server.settings.pause).await;
        assert!(server.ask().await.is_err(), "it is asked, and there is none");
    }

    /// Connects to every caller and answers none.
    async fn silent() -> (tokio::net::TcpListener, ServerAddress) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/v1#m", listener.local_addr().unwrap()).parse().unwrap();
        (listener, address)
    }

    #[tokio::test]
    async fn a_probe_is_over_in_its_time_although_the_first_request_hangs() {
        let (_listener, address) = silent().await;
        let settings = EngineSettings { timeout: Duration::from_secs(60), ..settings() };
        let http = Http::new(&address, None, &settings).unwrap();
        let look = look::tests::plain();
        let begun = std::time::Instant::now();
        let probe = Probe::new(&http, &look, None, Instant::now() + Duration::from_millis(200));
        let error = probe.run().await.unwrap_err();
        assert!(error.is_passing() && begun.elapsed() < Duration::from_secs(20), "{error}");
    }
}

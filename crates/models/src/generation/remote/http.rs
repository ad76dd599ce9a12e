//! HTTP to a completion server: bounded in time, size and number of requests; a passing failure is tried again.
//!
//! The key goes into one header, and never to another host: redirects are not followed.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER, SERVER};
use reqwest::{RequestBuilder, Response, redirect, retry};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use url::{Host, Url};

use super::super::engine_settings::EngineSettings;
use super::super::server_error::ServerError;
use super::answer::{self, Completion};
use crate::catalog::ServerAddress;
use crate::http::{CONNECT_TIMEOUT, client};
use pregonero_system::clock::{Clock as _, SystemClock};
use pregonero_system::errors::chain;
use pregonero_system::network::{back_off, is_loopback, may_get_secrets};

/// No answer is read beyond this: sixteen texts with the probabilities of all their tokens take less than a megabyte.
const LARGEST_BODY: usize = 16 << 20;
/// A page about the server itself takes no work.
const PAGE_TIMEOUT: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Characters of a foreign message that are shown.
const SHOWN: usize = 300;

/// A successful answer.
#[derive(Debug)]
pub(super) struct Reply {
    /// The `Server` header.
    pub software: String,
    pub body: Value,
}

/// The connection to one server.
pub(super) struct Http {
    client: reqwest::Client,
    address: ServerAddress,
    authorization: Option<HeaderValue>,
    key: Option<SecretString>,
    timeout: Duration,
    attempts: u32,
    /// One permit for each request that may be under way.
    requests: Arc<Semaphore>,
}

/// Shows no key.
impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Http {
    /// # Errors
    /// If the key may not be sent there or cannot be a header, or TLS cannot be set up.
    pub fn new(
        address: &ServerAddress,
        key: Option<SecretString>,
        settings: &EngineSettings,
    ) -> Result<Self, ServerError> {
        let server = name_of(address);
        let base = address.base();
        if key.is_some() && !may_get_secrets(base) && !is_private(base) {
            return Err(ServerError::KeyInTheOpen { server });
        }
        let header = |key: &SecretString| {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", key.expose_secret())).map_err(|_| {
                ServerError::NoClient("GENERATION_API_KEY has a character that no header may have".into())
            })?;
            value.set_sensitive(true);
            Ok(value)
        };
        let authorization = key.as_ref().map(header).transpose()?;
        let builder = client(is_loopback(base) || is_private(base))
            .connect_timeout(CONNECT_TIMEOUT.min(settings.timeout))
            .timeout(settings.timeout)
            .retry(retry::never())
            .redirect(redirect::Policy::none());
        let client = builder.build().map_err(|error| ServerError::NoClient(chain(&error.without_url())))?;
        Ok(Self {
            client,
            address: address.clone(),
            authorization,
            key,
            timeout: settings.timeout,
            attempts: settings.attempts,
            requests: Arc::new(Semaphore::new(settings.parallel)),
        })
    }

    /// Returns how messages name the server.
    pub fn server(&self) -> String {
        name_of(&self.address)
    }

    /// Returns whether a key is sent over a connection without TLS.
    pub fn key_is_in_the_clear(&self) -> bool {
        self.key.is_some() && !may_get_secrets(self.address.base())
    }

    /// Requests a page about the server itself. One attempt.
    pub async fn get(&self, url: Url) -> Result<Reply, ServerError> {
        let within = self.timeout.min(PAGE_TIMEOUT);
        self.send(self.client.get(url).timeout(within)).await.map_err(|error| match error {
            ServerError::Slow { server, .. } => {
                ServerError::Away { server, reason: format!("no answer within {} s", within.as_secs()) }
            }
            error => error,
        })
    }

    /// Requests completions, again where the failure may pass; it is over at `end`. A server that asks for a longer pause than
    /// a request may wait is not asked again.
    pub async fn complete(&self, body: &Value, end: Option<Instant>) -> Result<Completion, ServerError> {
        let mut failures = 0;
        loop {
            let error = match self.complete_until(body, end).await {
                Ok(completion) => return Ok(completion),
                Err(error) => error,
            };
            failures += 1;
            let own = back_off(FIRST_PAUSE, LONGEST_PAUSE, failures - 1);
            let pause = error.retry_after().unwrap_or(own);
            let is_late = pause > LONGEST_PAUSE || end.is_some_and(|end| Instant::now() + pause >= end);
            if !error.is_passing() || failures >= self.attempts || is_late {
                return Err(error);
            }
            tracing::debug!(%error, pause_ms = pause.as_millis() as u64, "the request is made again");
            tokio::time::sleep(pause).await;
        }
    }

    /// Makes a completion request once, which is over at `end`.
    async fn complete_until(&self, body: &Value, end: Option<Instant>) -> Result<Completion, ServerError> {
        let Some(end) = end else { return self.complete_once(body).await };
        let begun = Instant::now();
        tokio::time::timeout_at(end, self.complete_once(body)).await.unwrap_or_else(|_| {
            let reason = format!("no answer within {} s", begun.elapsed().as_secs());
            Err(ServerError::Away { server: self.server(), reason })
        })
    }

    /// Makes a completion request once.
    async fn complete_once(&self, body: &Value) -> Result<Completion, ServerError> {
        let request = self.client.post(self.address.below("completions")).header(CONTENT_TYPE, "application/json");
        let reply = self.send(request.body(body.to_string())).await?;
        let garbled = |what: String| ServerError::Garbled { server: self.server(), what: self.shown(&what) };
        answer::read(&reply.body).map_err(garbled)
    }

    async fn send(&self, request: RequestBuilder) -> Result<Reply, ServerError> {
        let _permit = self.requests.acquire().await.expect("the semaphore is never closed");
        let request = match &self.authorization {
            Some(value) => request.header(AUTHORIZATION, value.clone()),
            None => request,
        };
        let response = request.send().await.map_err(|error| self.without_answer(error))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let header = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
        let body = self.read(response).await?;
        if (200..300).contains(&status) {
            return Ok(Reply { software: header(SERVER).to_owned(), body: self.json(&body)? });
        }
        let server = self.server();
        if (300..400).contains(&status) {
            let message = format!("it redirects to {}", self.shown(header(LOCATION)));
            return Err(ServerError::Refused { server, status, message });
        }
        let message = self.message_in(&body);
        if status == 408 || status == 429 || (status >= 500 && status != 501) {
            let retry_after = retry_after(header(RETRY_AFTER).trim(), SystemClock.now());
            return Err(ServerError::Busy { server, status, message, retry_after });
        }
        Err(ServerError::Refused { server, status, message })
    }

    fn without_answer(&self, error: reqwest::Error) -> ServerError {
        let server = self.server();
        if error.is_timeout() && !error.is_connect() {
            return ServerError::Slow { server, after: self.timeout };
        }
        ServerError::Away { server, reason: self.shown(&chain(&error.without_url())) }
    }

    /// Reads the body up to its bound.
    async fn read(&self, mut response: Response) -> Result<Vec<u8>, ServerError> {
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > LARGEST_BODY => {
                    let what = format!("its answer is longer than {} MiB", LARGEST_BODY >> 20);
                    return Err(ServerError::Garbled { server: self.server(), what });
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => return Ok(body),
                Err(error) if error.is_timeout() => {
                    return Err(ServerError::Slow { server: self.server(), after: self.timeout });
                }
                Err(error) => {
                    let what = format!("its answer broke off: {}", self.shown(&chain(&error.without_url())));
                    return Err(ServerError::Cut { server: self.server(), what });
                }
            }
        }
    }

    fn json(&self, body: &[u8]) -> Result<Value, ServerError> {
        let server = self.server();
        let error = match serde_json::from_slice(body) {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let text = String::from_utf8_lossy(body);
        let begins: String = self.shown(text.trim()).chars().take(60).collect();
        if text.trim_start().starts_with('<') {
            let what = format!(
                "answers with a page for people where JSON was expected ({begins:?}): another program, or a proxy, is at this \
                 address"
            );
            return Err(ServerError::Garbled { server, what });
        }
        if error.is_eof() {
            let what = format!("its answer is JSON that ends in the middle, after {} bytes", body.len());
            return Err(ServerError::Cut { server, what });
        }
        let what = format!("its answer is not JSON ({error}); it begins with {begins:?}");
        Err(ServerError::Garbled { server, what })
    }

    /// Returns what an error's body says, in whichever of the usual forms.
    fn message_in(&self, body: &[u8]) -> String {
        let text = String::from_utf8_lossy(body);
        let Ok(value) = serde_json::from_str::<Value>(&text) else {
            let is_page = text.trim_start().starts_with('<');
            return if is_page || text.trim().is_empty() {
                "without a reason".to_owned()
            } else {
                self.shown(text.trim())
            };
        };
        let detail = &value["detail"];
        let places = [&value["error"]["message"], &value["error"], &value["message"], detail, &detail[0]["msg"]];
        let said = places.into_iter().find_map(Value::as_str).map_or_else(|| value.to_string(), str::to_owned);
        self.shown(&said)
    }

    /// Returns a foreign text as messages show it: on one line, not too long, without the key.
    fn shown(&self, text: &str) -> String {
        let masked = match &self.key {
            Some(key) => text.replace(key.expose_secret(), "[secret]"),
            None => text.to_owned(),
        };
        let line: String = masked.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN).collect();
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        if masked.chars().count() > SHOWN { format!("{line}…") } else { line }
    }
}

/// Reads a `Retry-After`: seconds, or a date.
fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

fn name_of(address: &ServerAddress) -> String {
    address.base().as_str().trim_end_matches('/').to_owned()
}

/// Returns whether the address is one of a private network: a private IP address, or a name without a dot, as containers
/// of one network have for each other.
fn is_private(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => !name.contains('.'),
        Some(Host::Ipv4(address)) => address.is_private() || address.is_link_local(),
        Some(Host::Ipv6(address)) => address.is_unique_local(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_may_say_how_long_to_wait_in_seconds_or_as_a_date() {
        let now = "2026-11-30T18:00:00Z".parse().unwrap();
        for (value, expected) in [
            ("0", Some(0)),
            ("86400", Some(86_400)),
            ("Mon, 30 Nov 2026 18:01:30 GMT", Some(90)),
            ("Mon, 30 Nov 2026 17:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
            ("", None),
        ] {
            assert_eq!(retry_after(value, now), expected.map(Duration::from_secs), "{value:?}");
        }
    }
}

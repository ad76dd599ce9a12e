//! HTTP to X: where requests go, how long they may take, how much of the answer is read. Authorization is the caller's
//! concern.
//!
//! Nothing is retried and no redirect is followed: a second `POST /2/tweets` is a second tweet.

use std::fmt;
use std::sync::{Arc, Once};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Method, RequestBuilder, Response, redirect, retry};
use url::Url;

use super::answer::Reply;
use super::error::TwitterError;
use crate::secrets::Redactor;
use pregonero_system::clock::Clock;
use pregonero_system::errors::chain;
use pregonero_system::network::is_loopback;

/// X's answers to a post have a few hundred bytes; no more than this is read of one.
const LARGEST_BODY: usize = 1024 * 1024;

/// How long each part of a call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Name lookup, connection and TLS together.
    pub connect: Duration,
    /// The wait for the first piece of the answer, and between two pieces.
    pub read: Duration,
    /// The whole call.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), read: Duration::from_secs(30), total: Duration::from_secs(60) }
    }
}

/// Why the client could not be created.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The keys would cross the network unencrypted.
    #[error("publish.base_url: {0}: plain http is allowed to this machine only, use https")]
    PlainHttp(Url),
    /// Not an address that requests can be sent to.
    #[error("publish.base_url: {url}: {fault}")]
    BaseUrl { url: String, fault: &'static str },
    /// TLS is not available, for example because the machine has no root certificates.
    #[error("cannot set up HTTP: {0}; are the root certificates (ca-certificates) installed?")]
    Http(String),
}

/// The HTTP connection to X's API.
pub(super) struct Transport {
    http: reqwest::Client,
    /// Without a trailing slash.
    base_url: String,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

impl Transport {
    pub(super) fn new(base_url: &Url, clock: Arc<dyn Clock>, timeouts: Timeouts) -> Result<Self, SetupError> {
        let local = check_base_url(base_url)?;
        install_crypto_provider();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("pregonero/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(timeouts.connect)
            .read_timeout(timeouts.read)
            .timeout(timeouts.total)
            .retry(retry::never())
            .redirect(redirect::Policy::none())
            // Posts are hours apart. A kept connection could fail during the next one and leave its outcome unknown.
            .pool_max_idle_per_host(0);
        if local {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| SetupError::Http(chain(&error.without_url())))?;
        Ok(Self { http, base_url: base_url.as_str().trim_end_matches('/').to_owned(), clock })
    }

    pub(super) fn base_url(&self) -> &str {
        &self.base_url
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn url(&self, path: &str) -> Result<Url, TwitterError> {
        let address = format!("{}{path}", self.base_url);
        Url::parse(&address).map_err(|error| TwitterError::NotSent { reason: format!("{address}: {error}") })
    }

    pub(super) fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, TwitterError> {
        Ok(self.http.request(method, self.url(path)?))
    }

    /// Begins a request with an `Authorization` header, which no `Debug` shows.
    pub(super) fn authorized(
        &self,
        method: Method,
        path: &str,
        authorization: &str,
    ) -> Result<RequestBuilder, TwitterError> {
        let mut authorization = HeaderValue::try_from(authorization)
            .map_err(|_| TwitterError::NotSent { reason: "the Authorization header cannot be written".to_owned() })?;
        authorization.set_sensitive(true);
        Ok(self.request(method, path)?.header(AUTHORIZATION, authorization))
    }

    /// Sends one request and reads one answer. `correction` is what was added to our clock to sign it.
    pub(super) async fn send(
        &self,
        request: RequestBuilder,
        correction: SignedDuration,
        redactor: &Redactor,
    ) -> Result<Reply, TwitterError> {
        self.send_within(request, correction, redactor, LARGEST_BODY).await
    }

    /// As [`Self::send`], but reads up to `largest` bytes of the answer.
    pub(super) async fn send_within(
        &self,
        request: RequestBuilder,
        correction: SignedDuration,
        redactor: &Redactor,
        largest: usize,
    ) -> Result<Reply, TwitterError> {
        let response = request.send().await.map_err(|error| Self::without_answer(error, redactor))?;
        Ok(self.read(response, correction, redactor, largest).await)
    }

    /// Returns the error if no answer came. Unless the connection itself failed, the request may have arrived.
    fn without_answer(error: reqwest::Error, redactor: &Redactor) -> TwitterError {
        let never_left = error.is_connect() || error.is_builder();
        let timed_out = error.is_timeout();
        let reason = redactor.redact(&chain(&error.without_url()));
        let reason = if timed_out { format!("timed out: {reason}") } else { reason };
        if never_left {
            TwitterError::NotSent { reason }
        } else {
            TwitterError::OutcomeUnknown { reason, answer: None }
        }
    }

    /// Reads the body up to its bound. If it breaks off, what the status says still counts.
    async fn read(
        &self,
        mut response: Response,
        correction: SignedDuration,
        redactor: &Redactor,
        largest: usize,
    ) -> Reply {
        let (status, headers) = (response.status(), response.headers().clone());
        let received = self.clock.now();
        let mut body = Vec::new();
        let cut = loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > largest => {
                    break Some(format!("is longer than {} MiB", largest >> 20));
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break None,
                Err(error) => break Some(format!("broke off: {}", redactor.redact(&chain(&error.without_url())))),
            }
        };
        let body = String::from_utf8_lossy(&body).into_owned();
        Reply { status, headers, body, cut, received, correction }
    }
}

/// Makes `ring` the process's TLS provider, once. Every HTTPS client needs it before it is built; calling it again, or
/// after another provider was chosen, changes nothing.
pub fn install_crypto_provider() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // An error means that there is a provider already: it will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// Checks the URL and returns whether it leads to this machine.
fn check_base_url(url: &Url) -> Result<bool, SetupError> {
    if !url.username().is_empty() || url.password().is_some() {
        // The URL is not shown: it contains a password.
        let url = format!("{}://…", url.scheme());
        return Err(SetupError::BaseUrl { url, fault: "must not contain a user name or password" });
    }
    let fault = |fault| Err(SetupError::BaseUrl { url: url.to_string(), fault });
    if url.host().is_none() {
        return fault("has no host");
    }
    let local = is_loopback(url);
    if url.query().is_some() || url.fragment().is_some() {
        return fault("must end with the path, without ? or #");
    }
    match url.scheme() {
        "https" => Ok(local),
        "http" if local => Ok(local),
        "http" => Err(SetupError::PlainHttp(url.clone())),
        _ => fault("must begin with https://"),
    }
}

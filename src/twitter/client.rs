//! The client: one signed request, one answer, one verdict. It never tries twice and follows no redirect, because a
//! second `POST /2/tweets` is a second tweet (X knows no idempotency key).

use std::error::Error as _;
use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;

use jiff::SignedDuration;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Method, RequestBuilder, Response, redirect, retry};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use url::{Host, Url};

use super::answer::{Reply, TOLERATED_SKEW, correction};
use super::error::{RefusalKind, TwitterError};
use super::limits::RateLimits;
use super::oauth1::{KeyPair, Signing, Stamp};
use super::timeline::{self, FieldNames, Span, Timeline};
use crate::clock::Clock;
use crate::config::secrets::{Redactor, TwitterCredentials};

/// X's answers have some hundred bytes; more than this is read from nobody.
const LARGEST_BODY: usize = 1024 * 1024;

/// A span of minutes that has more pages than this is not the bot's own work.
const MOST_PAGES: usize = 10;

/// How long each part of a call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Name, connection and TLS together.
    pub connect: Duration,
    /// Between two pieces of the answer, and up to the first.
    pub read: Duration,
    /// The whole call.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), read: Duration::from_secs(30), total: Duration::from_secs(60) }
    }
}

/// A post that X has taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedTweet {
    /// Decimal digits.
    pub id: String,
    /// As X stored it: a URL has become a `t.co` one. Empty where X did not say.
    pub text: String,
    /// HTTP status code.
    pub status: u16,
    /// The `x-transaction-id` header.
    pub transaction_id: Option<String>,
    /// What is left of X's windows.
    pub limits: RateLimits,
}

/// The account that the access token belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Decimal digits.
    pub id: String,
    /// The handle, without `@`.
    pub username: String,
    /// The `x-access-level` header: `read` or `read-write`, where X sends it.
    pub access_level: Option<String>,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Keys would cross the network in the clear.
    #[error("publish.base_url: {0}: plain http is allowed to this machine only, use https")]
    PlainHttp(Url),
    /// Not a place that requests can be sent to.
    #[error("publish.base_url: {url}: {fault}")]
    BaseUrl { url: String, fault: &'static str },
    /// No TLS, for example because the machine has no root certificates.
    #[error("cannot set up HTTP: {0}; are the root certificates (ca-certificates) installed?")]
    Http(String),
}

/// X's API for one account.
pub struct Client {
    http: reqwest::Client,
    /// Without a trailing slash.
    base_url: String,
    credentials: TwitterCredentials,
    redactor: Redactor,
    clock: Arc<dyn Clock>,
    /// X's clock minus ours in seconds, by the last answer that told; [`Self::SKEW_UNTOLD`] before.
    skew_seconds: AtomicI64,
    /// The place in [`FieldNames::ALL`] of the name that X knows, as far as it was asked.
    field_names: AtomicUsize,
}

/// Neither keys nor what is signed with them.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

impl Client {
    const SKEW_UNTOLD: i64 = i64::MIN;

    /// A client for the API at `base_url` (`https://api.x.com`; what stands before `/2/tweets`), which signs by `clock`.
    ///
    /// # Errors
    /// Where `base_url` cannot be used, or TLS cannot be set up.
    pub fn new(
        base_url: &Url,
        credentials: TwitterCredentials,
        clock: Arc<dyn Clock>,
        timeouts: Timeouts,
    ) -> Result<Self, SetupError> {
        let local = check_base_url(base_url)?;
        install_crypto_provider();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("pregonero/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(timeouts.connect)
            .read_timeout(timeouts.read)
            .timeout(timeouts.total)
            .retry(retry::never())
            .redirect(redirect::Policy::none())
            // Posts are hours apart. A kept connection could die under the next one and leave its outcome unknown.
            .pool_max_idle_per_host(0);
        if local {
            builder = builder.no_proxy();
        }
        Ok(Self {
            http: builder.build().map_err(|error| SetupError::Http(chain(error)))?,
            base_url: base_url.as_str().trim_end_matches('/').to_owned(),
            redactor: Redactor::new(&credentials),
            credentials,
            clock,
            skew_seconds: AtomicI64::new(Self::SKEW_UNTOLD),
            field_names: AtomicUsize::new(0),
        })
    }

    /// Posts `text`, `POST /2/tweets`. One attempt.
    ///
    /// # Errors
    /// Only [`TwitterError::OutcomeUnknown`] may have posted it; after every other error it is certain that nothing was.
    pub async fn create_tweet(&self, text: &str) -> Result<CreatedTweet, TwitterError> {
        let reply = self.call(Method::POST, "/2/tweets", Some(&json!({ "text": text }))).await?;
        let data = reply.data();
        match data.as_ref().and_then(|data| identifier(&data["id"])) {
            Some(id) => Ok(CreatedTweet {
                id,
                text: data.and_then(|data| data["text"].as_str().map(str::to_owned)).unwrap_or_default(),
                status: reply.status.as_u16(),
                transaction_id: reply.transaction_id(),
                limits: reply.limits(),
            }),
            None => Err(reply.into_error(&self.redactor)),
        }
    }

    /// Whose token this is, `GET /2/users/me`. Posts nothing; for checks.
    ///
    /// # Errors
    /// As X refuses; [`TwitterError::OutcomeUnknown`] here says only that no readable answer came.
    pub async fn me(&self) -> Result<User, TwitterError> {
        let reply = self.call(Method::GET, "/2/users/me", None).await?;
        let access_level = reply.headers.get("x-access-level").and_then(|level| level.to_str().ok()).map(str::to_owned);
        let user = reply.data().and_then(|data| {
            let username = data["username"].as_str()?.to_owned();
            Some(User { id: identifier(&data["id"])?, username, access_level })
        });
        user.ok_or_else(|| reply.into_error(&self.redactor))
    }

    /// What the account with the id `user` posted in `span`, `GET /2/users/:id/tweets`. Posts nothing.
    ///
    /// # Errors
    /// As X refuses; [`TwitterError::OutcomeUnknown`] here says only that no answer came that can be read whole.
    pub async fn timeline(&self, user: &str, span: Span) -> Result<Timeline, TwitterError> {
        let mut timeline = Timeline::default();
        let mut page: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let reply = self.timeline_page(user, span, page.as_deref()).await?;
            let Some((tweets, next)) = reply.json().as_ref().and_then(timeline::read_page) else {
                return Err(unreadable(reply.into_error(&self.redactor)));
            };
            timeline.tweets.extend(tweets);
            (timeline.transaction_id, timeline.limits) = (reply.transaction_id(), reply.limits());
            page = next;
            if page.is_none() {
                return Ok(timeline);
            }
        }
        let reason = format!("the timeline of these minutes has more than {MOST_PAGES} pages");
        Err(TwitterError::OutcomeUnknown { reason, answer: None })
    }

    /// One page, asked for under the first name of its fields that X does not call wrong.
    async fn timeline_page(&self, user: &str, span: Span, page: Option<&str>) -> Result<Reply, TwitterError> {
        loop {
            let known = self.field_names.load(Ordering::Relaxed);
            let path = timeline::path(user, span, FieldNames::ALL[known], page);
            let reply = self.call(Method::GET, &path, None).await?;
            if reply.status.is_success() {
                return Ok(reply);
            }
            let error = reply.into_error(&self.redactor);
            let is_last = known + 1 == FieldNames::ALL.len();
            if is_last || !matches!(error, TwitterError::Refused { kind: RefusalKind::Invalid, .. }) {
                return Err(error);
            }
            tracing::debug!(%error, "X does not know these field names, trying others");
            self.field_names.store(known + 1, Ordering::Relaxed);
        }
    }

    /// A digest of the credentials with `salt`, by which they are known again and nothing else.
    #[must_use]
    pub fn fingerprint(&self, salt: &str) -> String {
        self.credentials.fingerprint(salt)
    }

    /// X's clock minus ours, by the `Date` of the last answer that had one. Requests are signed with our time corrected
    /// by it where it is more than 30 s.
    #[must_use]
    pub fn clock_skew(&self) -> Option<SignedDuration> {
        let seconds = self.skew_seconds.load(Ordering::Relaxed);
        (seconds != Self::SKEW_UNTOLD).then(|| SignedDuration::from_secs(seconds))
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Reply, TwitterError> {
        let correction = correction(self.clock_skew().unwrap_or_default());
        let request = self.signed(method, path, body, correction)?;
        let response = request.send().await.map_err(|error| self.without_answer(error))?;
        let reply = self.read(response, correction).await;
        self.learn_skew(&reply);
        Ok(reply)
    }

    fn signed(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        correction: SignedDuration,
    ) -> Result<RequestBuilder, TwitterError> {
        let not_sent = |reason: String| TwitterError::NotSent { reason };
        let address = format!("{}{path}", self.base_url);
        let url = Url::parse(&address).map_err(|error| not_sent(format!("{address}: {error}")))?;
        let now = self.clock.now();
        let stamp = Stamp::fresh(now.checked_add(correction).unwrap_or(now));
        let mut authorization = HeaderValue::try_from(self.signing(&method, &url).authorization(&stamp))
            .map_err(|_| not_sent("the Authorization header cannot be written".to_owned()))?;
        authorization.set_sensitive(true);
        let request = self.http.request(method, url).header(AUTHORIZATION, authorization);
        Ok(match body {
            Some(body) => request.json(body),
            None => request,
        })
    }

    /// The body is JSON or none, so it takes no part.
    fn signing<'a>(&'a self, method: &'a Method, url: &'a Url) -> Signing<'a> {
        let keys = &self.credentials;
        Signing {
            method: method.as_str(),
            url,
            form: "",
            consumer: KeyPair {
                identifier: keys.consumer_key.expose_secret(),
                secret: keys.consumer_secret.expose_secret(),
            },
            token: Some(KeyPair {
                identifier: keys.access_token.expose_secret(),
                secret: keys.access_token_secret.expose_secret(),
            }),
            callback: None,
            verifier: None,
            version: true,
        }
    }

    /// No answer came. Unless the connection itself failed, the request may have arrived.
    fn without_answer(&self, error: reqwest::Error) -> TwitterError {
        let never_left = error.is_connect() || error.is_builder();
        let timed_out = error.is_timeout();
        let reason = self.redactor.redact(&chain(error));
        let reason = if timed_out { format!("timed out: {reason}") } else { reason };
        if never_left {
            TwitterError::NotSent { reason }
        } else {
            TwitterError::OutcomeUnknown { reason, answer: None }
        }
    }

    /// Reads the body up to its bound. That it breaks off does not take back what the status says.
    async fn read(&self, mut response: Response, correction: SignedDuration) -> Reply {
        let (status, headers) = (response.status(), response.headers().clone());
        let received = self.clock.now();
        let mut body = Vec::new();
        let cut = loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > LARGEST_BODY => {
                    break Some("is longer than 1 MiB".to_owned());
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break None,
                Err(error) => break Some(format!("broke off: {}", self.redactor.redact(&chain(error)))),
            }
        };
        let body = String::from_utf8_lossy(&body).into_owned();
        Reply { status, headers, body, cut, received, correction }
    }

    fn learn_skew(&self, reply: &Reply) {
        let Some(skew) = reply.skew() else { return };
        let before = self.clock_skew().unwrap_or_default();
        self.skew_seconds.store(skew.as_secs(), Ordering::Relaxed);
        if skew.abs() > TOLERATED_SKEW && (skew - before).abs() > TOLERATED_SKEW {
            tracing::warn!(
                clock_skew_seconds = skew.as_secs(),
                "this machine's clock is off by X's; requests are signed with the corrected time, set the clock (NTP)"
            );
        }
    }
}

/// Makes `ring` the process's TLS cryptography, once. Every HTTPS client needs it before it is built; calling it again,
/// or after somebody else chose a provider, changes nothing.
pub fn install_crypto_provider() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // An error says that there is a provider already: then that one serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// Whether the URL leads to this machine.
fn check_base_url(url: &Url) -> Result<bool, SetupError> {
    if !url.username().is_empty() || url.password().is_some() {
        // The URL is not shown: it holds a password.
        let url = format!("{}://…", url.scheme());
        return Err(SetupError::BaseUrl { url, fault: "must not hold a user name or password" });
    }
    let fault = |fault| Err(SetupError::BaseUrl { url: url.to_string(), fault });
    let local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return fault("has no host"),
    };
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

/// A timeline that says yes and is none, in words of its own: nothing was to be posted.
fn unreadable(error: TwitterError) -> TwitterError {
    match error {
        TwitterError::OutcomeUnknown { answer: Some(answer), .. } => {
            let reason = format!("the answer ({}) is no timeline: {}", answer.status, answer.detail);
            TwitterError::OutcomeUnknown { reason, answer: Some(answer) }
        }
        error => error,
    }
}

/// Decimal digits, as X writes them: in quotes. A bare number is taken too.
pub(super) fn identifier(value: &Value) -> Option<String> {
    let id = value.as_str().map_or_else(|| value.as_u64().map(|id| id.to_string()), |id| Some(id.to_owned()))?;
    (!id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())).then_some(id)
}

/// A library's error with its causes on one line, without the URL that every one of them repeats.
fn chain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    const KEYS: [&str; 4] = ["invented-key", "invented-key-secret", "17-invented-token", "invented-token-secret"];

    fn client(base_url: &str) -> Result<Client, SetupError> {
        let credentials = TwitterCredentials::new(KEYS[0], KEYS[1], KEYS[2], KEYS[3]);
        Client::new(&Url::parse(base_url).unwrap(), credentials, Arc::new(SystemClock), Timeouts::default())
    }

    #[test]
    fn keys_go_out_encrypted_or_not_at_all() {
        for base_url in ["http://127.0.0.1:1", "http://localhost:8080/x", "http://[::1]:9/", "http://127.8.0.1"] {
            client(base_url).unwrap();
        }
        for (base_url, message) in [
            (
                "http://api.x.com",
                "publish.base_url: http://api.x.com/: plain http is allowed to this machine only, use https",
            ),
            ("http://localhost.evil.example", "plain http"),
            ("http://10.0.0.1", "plain http"),
            ("ftp://api.x.com", "publish.base_url: ftp://api.x.com/: must begin with https://"),
            ("https://api.x.com/?x=1", "must end with the path"),
            ("mailto:x@example.com", "has no host"),
        ] {
            let error = client(base_url).unwrap_err().to_string();
            assert!(error.contains(message), "{base_url}: {error}");
        }
        let error = client("https://someone:hunter22@api.x.com").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter22"));
    }

    #[test]
    fn the_client_shows_no_key() {
        let shown = format!("{:?}", client("http://127.0.0.1:1").unwrap());
        assert_eq!(shown, "Client { base_url: \"http://127.0.0.1:1\", .. }");
    }

    #[test]
    fn an_identifier_is_decimal_digits() {
        for (value, expected) in [
            (json!("1445880548472328192"), Some("1445880548472328192")),
            (json!(1_445_880_548_472_328_192_u64), Some("1445880548472328192")),
            (json!(""), None),
            (json!("12a"), None),
            (json!(-1), None),
            (json!(null), None),
        ] {
            assert_eq!(identifier(&value).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn a_provider_may_be_asked_for_twice() {
        install_crypto_provider();
        install_crypto_provider();
        assert!(rustls::crypto::CryptoProvider::get_default().is_some());
    }
}

//! The client: one signed request, one answer, one verdict. It never retries and follows no redirect, because a second
//! `POST /2/tweets` is a second tweet (X has no idempotency key).

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use jiff::SignedDuration;
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use url::Url;

use super::answer::{Reply, TOLERATED_SKEW, correction, identifier};
use super::error::{RefusalKind, TwitterError};
use super::limits::RateLimits;
use super::oauth1::{KeyPair, Signing, Stamp};
use super::oauth2::{Grant, Session};
use super::timeline::{self, FieldNames, Span, Timeline};
use super::transport::{SetupError, Timeouts, Transport};
use crate::secrets::{Redactor, TwitterCredentials};
use pregonero_system::clock::Clock;

/// A span of minutes with more pages than this cannot be the bot's own work.
const MOST_PAGES: usize = 10;

/// A post that X has published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedTweet {
    /// Decimal digits.
    pub id: String,
    /// The text as X stored it: URLs have become `t.co` ones. Empty if X did not say.
    pub text: String,
    /// HTTP status code.
    pub status: u16,
    /// The `x-transaction-id` header.
    pub transaction_id: Option<String>,
    /// What is left in X's windows.
    pub limits: RateLimits,
}

/// The account that the access token belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Decimal digits.
    pub id: String,
    /// The handle, without `@`.
    pub username: String,
    /// The `x-access-level` header: `read` or `read-write`, if X sends it.
    pub access_level: Option<String>,
}

/// The credentials of the posting account, by protocol.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// OAuth 1.0a: each request is signed.
    OAuth1(TwitterCredentials),
    /// OAuth 2.0: a token that expires and is renewed.
    OAuth2(Grant),
}

impl Credentials {
    /// Returns what the caller should tell the operator, once.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        match self {
            Self::OAuth1(keys) => &keys.warnings,
            Self::OAuth2(_) => &[],
        }
    }
}

impl From<TwitterCredentials> for Credentials {
    fn from(keys: TwitterCredentials) -> Self {
        Self::OAuth1(keys)
    }
}

impl From<Grant> for Credentials {
    fn from(grant: Grant) -> Self {
        Self::OAuth2(grant)
    }
}

/// What authorizes requests.
enum Authorizer {
    /// OAuth 1.0a.
    Signature { keys: TwitterCredentials, redactor: Redactor },
    /// OAuth 2.0.
    Bearer(Arc<Session>),
}

/// A client of X's API for one account.
pub struct Client {
    transport: Arc<Transport>,
    authorizer: Authorizer,
    /// X's clock minus ours in seconds, from the last answer that showed it; [`Self::SKEW_UNTOLD`] before.
    skew_seconds: AtomicI64,
    /// The index in [`FieldNames::ALL`] of the name that X knows, as far as has been tried.
    field_names: AtomicUsize,
}

/// Shows neither keys nor what is signed with them.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base_url", &self.transport.base_url()).finish_non_exhaustive()
    }
}

impl Client {
    const SKEW_UNTOLD: i64 = i64::MIN;

    /// Creates a client for the API at `base_url` (`https://api.x.com`; the part before `/2/tweets`), which signs with
    /// the time of `clock`.
    ///
    /// # Errors
    /// If `base_url` cannot be used, or TLS cannot be set up.
    pub fn new(
        base_url: &Url,
        credentials: impl Into<Credentials>,
        clock: Arc<dyn Clock>,
        timeouts: Timeouts,
    ) -> Result<Self, SetupError> {
        let transport = Arc::new(Transport::new(base_url, clock, timeouts)?);
        let authorizer = match credentials.into() {
            Credentials::OAuth1(keys) => Authorizer::Signature { redactor: Redactor::new(&keys), keys },
            Credentials::OAuth2(grant) => Authorizer::Bearer(Arc::new(Session::new(Arc::clone(&transport), grant))),
        };
        Ok(Self {
            transport,
            authorizer,
            skew_seconds: AtomicI64::new(Self::SKEW_UNTOLD),
            field_names: AtomicUsize::new(0),
        })
    }

    /// Posts `text`, `POST /2/tweets`. One attempt.
    ///
    /// # Errors
    /// Only after [`TwitterError::OutcomeUnknown`] may it have been posted; after every other error it certainly was
    /// not.
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
            None => Err(reply.into_error(&self.redactor())),
        }
    }

    /// Returns the user that the token belongs to, `GET /2/users/me`. Posts nothing; for checks.
    ///
    /// # Errors
    /// If X refuses, or cannot be reached; [`TwitterError::OutcomeUnknown`] here means only that no readable answer
    /// came.
    pub async fn me(&self) -> Result<User, TwitterError> {
        let reply = self.call(Method::GET, "/2/users/me", None).await?;
        let access_level = reply.headers.get("x-access-level").and_then(|level| level.to_str().ok()).map(str::to_owned);
        let user = reply.data().and_then(|data| {
            let username = data["username"].as_str()?.to_owned();
            Some(User { id: identifier(&data["id"])?, username, access_level })
        });
        user.ok_or_else(|| reply.into_error(&self.redactor()))
    }

    /// Returns what the account with the id `user` posted in `span`, `GET /2/users/:id/tweets`. Posts nothing.
    ///
    /// # Errors
    /// If X refuses, or cannot be reached; [`TwitterError::OutcomeUnknown`] here means only that no complete, readable
    /// answer came.
    pub async fn timeline(&self, user: &str, span: Span) -> Result<Timeline, TwitterError> {
        let mut timeline = Timeline::default();
        let mut page: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let reply = self.timeline_page(user, span, page.as_deref()).await?;
            let Some((tweets, next)) = reply.json().as_ref().and_then(timeline::read_page) else {
                return Err(unreadable(reply.into_error(&self.redactor())));
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

    /// Requests one page, with the first of the field names that X does not reject.
    async fn timeline_page(&self, user: &str, span: Span, page: Option<&str>) -> Result<Reply, TwitterError> {
        loop {
            let known = self.field_names.load(Ordering::Relaxed);
            let path = timeline::path(user, span, FieldNames::ALL[known], page);
            let reply = self.call(Method::GET, &path, None).await?;
            if reply.status.is_success() {
                return Ok(reply);
            }
            let error = reply.into_error(&self.redactor());
            let is_last = known + 1 == FieldNames::ALL.len();
            if is_last || !matches!(error, TwitterError::Refused { kind: RefusalKind::Invalid, .. }) {
                return Err(error);
            }
            tracing::debug!(%error, "X does not know these field names; trying others");
            self.field_names.store(known + 1, Ordering::Relaxed);
        }
    }

    /// Returns a digest of the credentials with `salt`, which identifies them later and reveals nothing else.
    #[must_use]
    pub fn fingerprint(&self, salt: &str) -> String {
        match &self.authorizer {
            Authorizer::Signature { keys, .. } => keys.fingerprint(salt),
            Authorizer::Bearer(session) => session.fingerprint(salt),
        }
    }

    /// Returns a redactor for our own secrets, to apply to text that comes from outside.
    fn redactor(&self) -> Redactor {
        match &self.authorizer {
            Authorizer::Signature { redactor, .. } => redactor.clone(),
            Authorizer::Bearer(session) => session.redactor(),
        }
    }

    /// Returns X's clock minus ours, by the `Date` of the last answer that had one. If it is more than 30 s, requests
    /// are signed with our time corrected by it.
    #[must_use]
    pub fn clock_skew(&self) -> Option<SignedDuration> {
        let seconds = self.skew_seconds.load(Ordering::Relaxed);
        (seconds != Self::SKEW_UNTOLD).then(|| SignedDuration::from_secs(seconds))
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Reply, TwitterError> {
        let correction = correction(self.clock_skew().unwrap_or_default());
        let reply = match &self.authorizer {
            Authorizer::Signature { keys, .. } => {
                let header = self.signature(keys, &method, path, correction)?;
                self.send(method, path, body, &header, correction).await?
            }
            Authorizer::Bearer(session) => {
                let token = session.access_token(correction).await?;
                let reply = self.send(method.clone(), path, body, &bearer(&token), correction).await?;
                if reply.status != StatusCode::UNAUTHORIZED {
                    return Ok(reply);
                }
                // A refusal posts nothing. X may have ended the token early.
                let token = session.after_refusal(&token, correction).await?;
                self.send(method, path, body, &bearer(&token), correction).await?
            }
        };
        Ok(reply)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        authorization: &str,
        correction: SignedDuration,
    ) -> Result<Reply, TwitterError> {
        let mut request = self.transport.authorized(method, path, authorization)?;
        if let Some(body) = body {
            request = request.json(body);
        }
        let reply = self.transport.send(request, correction, &self.redactor()).await?;
        self.learn_skew(&reply);
        Ok(reply)
    }

    /// Signs a request. The body is JSON or absent, so it is not signed.
    fn signature(
        &self,
        keys: &TwitterCredentials,
        method: &Method,
        path: &str,
        correction: SignedDuration,
    ) -> Result<String, TwitterError> {
        let url = self.transport.url(path)?;
        let now = self.transport.now();
        let signing = Signing {
            method: method.as_str(),
            url: &url,
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
        };
        Ok(signing.authorization(&Stamp::fresh(now.checked_add(correction).unwrap_or(now))))
    }

    fn learn_skew(&self, reply: &Reply) {
        let Some(skew) = reply.skew() else { return };
        let before = self.clock_skew().unwrap_or_default();
        self.skew_seconds.store(skew.as_secs(), Ordering::Relaxed);
        if skew.abs() > TOLERATED_SKEW && (skew - before).abs() > TOLERATED_SKEW {
            tracing::warn!(
                clock_skew_seconds = skew.as_secs(),
                "this machine's clock differs from X's; requests are signed with the corrected time; set the clock (NTP)"
            );
        }
    }
}

/// Rewords the error for an unreadable timeline: nothing was to be posted.
fn unreadable(error: TwitterError) -> TwitterError {
    match error {
        TwitterError::OutcomeUnknown { answer: Some(answer), .. } => {
            let reason = format!("the answer ({}) is not a timeline: {}", answer.status, answer.detail);
            TwitterError::OutcomeUnknown { reason, answer: Some(answer) }
        }
        error => error,
    }
}

/// Formats the header of RFC 6750 section 2.1.
pub(super) fn bearer(token: &SecretString) -> String {
    format!("Bearer {}", token.expose_secret())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::install_crypto_provider;
    use pregonero_system::clock::SystemClock;

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
    fn a_provider_may_be_asked_for_twice() {
        install_crypto_provider();
        install_crypto_provider();
        assert!(rustls::crypto::CryptoProvider::get_default().is_some());
    }
}

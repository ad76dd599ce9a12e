//! What anyone may read on X, with the app's own bearer token: counts, searches, timelines, posts by their ids, accounts
//! by their names.
//!
//! X charges for every post and every account that an answer contains, expansions too. So no request here asks for
//! expansions, and nothing is asked twice: one call is one attempt. `src/collect` keeps what it paid for and decides what to
//! ask next.

mod answers;
mod request;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::SignedDuration;
use reqwest::Method;
use secrecy::SecretString;
use serde_json::Value;
use url::Url;

pub use self::answers::{Account, Accounts, Bucket as CountBucket, Counts, Fault, Page, Usage};
pub use self::request::{Excluded, Granularity, Place, Reach, Window};

use self::request::FieldNames;
use super::answer::Reply;
use super::client::bearer;
use super::error::{RefusalKind, TwitterError};
use super::limits::RateLimits;
use super::transport::{SetupError, Timeouts, Transport};
use crate::secrets::Redactor;
use pregonero_system::clock::Clock;

/// A page of five hundred posts can have some megabytes: a long post alone has up to 25,000 characters.
const LARGEST_PAGE: usize = 64 * 1024 * 1024;

/// What an answer contains, and what is left in X's windows for requests of this kind.
#[derive(Debug, Clone)]
pub struct Answered<T> {
    pub value: T,
    pub limits: RateLimits,
}

/// A client that reads with the app's bearer token. It cannot post: X accepts posts only from an account.
pub struct PublicClient {
    transport: Transport,
    token: SecretString,
    redactor: Redactor,
    /// The index in [`FieldNames::ALL`] of the name that X knows, as far as has been tried.
    field_names: AtomicUsize,
}

/// Does not show the token.
impl fmt::Debug for PublicClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicClient").field("base_url", &self.transport.base_url()).finish_non_exhaustive()
    }
}

impl PublicClient {
    /// Creates a client for the API at `base_url`, with the app's bearer token.
    ///
    /// # Errors
    /// As [`super::Client::new`].
    pub fn new(
        base_url: &Url,
        token: SecretString,
        clock: Arc<dyn Clock>,
        timeouts: Timeouts,
    ) -> Result<Self, SetupError> {
        let redactor = Redactor::of([token.clone()]);
        Ok(Self {
            transport: Transport::new(base_url, clock, timeouts)?,
            token,
            redactor,
            field_names: AtomicUsize::new(0),
        })
    }

    /// Returns how many posts of a window fit the query, by day or by hour, `GET /2/tweets/counts/…`. `next` is the token of
    /// an earlier part of the answer. One request has one price, however many posts it counts.
    ///
    /// # Errors
    /// If X refuses, cannot be reached, or gives no readable answer.
    pub async fn count(
        &self,
        reach: Reach,
        query: &str,
        window: Window,
        by: Granularity,
        next: Option<&str>,
    ) -> Result<Answered<Counts>, TwitterError> {
        let path = request::counts(reach, query, window, by, next);
        self.read(&path, "the counts of a query", answers::counts).await
    }

    /// Returns one page of the posts of a window that fit the query, the newest first, `GET /2/tweets/search/…`; at most
    /// `rows` of them.
    ///
    /// # Errors
    /// As [`Self::count`].
    pub async fn search(
        &self,
        reach: Reach,
        query: &str,
        window: Window,
        place: &Place,
        rows: usize,
    ) -> Result<Answered<Page>, TwitterError> {
        self.page(|fields| request::search(reach, query, window, place, rows, fields)).await
    }

    /// Returns one page of what the account with the id `user` posted, the newest first, `GET /2/users/:id/tweets`. X shows
    /// the latest 3,200 posts at most, and 800 if replies are excluded; what is older is an empty page, not an error.
    ///
    /// # Errors
    /// As [`Self::count`].
    pub async fn account_posts(
        &self,
        user: &str,
        window: (Option<jiff::Timestamp>, Option<jiff::Timestamp>),
        excluded: Excluded,
        place: &Place,
        rows: usize,
    ) -> Result<Answered<Page>, TwitterError> {
        self.page(|fields| request::account_posts(user, window, excluded, place, rows, fields)).await
    }

    /// Returns the posts with these ids, at most a hundred, `GET /2/tweets`; those that X does not show are among the faults.
    ///
    /// # Errors
    /// As [`Self::count`].
    pub async fn posts(&self, ids: &[String]) -> Result<Answered<Page>, TwitterError> {
        self.page(|fields| request::posts(ids, fields)).await
    }

    /// Returns the accounts with these names, at most a hundred, `GET /2/users/by`.
    ///
    /// # Errors
    /// As [`Self::count`].
    pub async fn accounts_by_name(&self, names: &[String]) -> Result<Answered<Accounts>, TwitterError> {
        self.read(&request::accounts_by_name(names), "a list of accounts", answers::accounts).await
    }

    /// Returns the accounts with these ids, at most a hundred, `GET /2/users`.
    ///
    /// # Errors
    /// As [`Self::count`].
    pub async fn accounts_by_id(&self, ids: &[String]) -> Result<Answered<Accounts>, TwitterError> {
        self.read(&request::accounts_by_id(ids), "a list of accounts", answers::accounts).await
    }

    /// Returns how many posts the app has read in this month and how many it may read, `GET /2/usage/tweets`. X does not
    /// charge for it; it also shows whether X accepts the token.
    ///
    /// # Errors
    /// As [`Self::count`].
    pub async fn usage(&self) -> Result<Answered<Usage>, TwitterError> {
        self.read(request::USAGE, "a report of usage", answers::usage).await
    }

    /// Requests a page with the first of the field names that X does not reject. A refusal of every name is about something
    /// else in the request; then the first one counts.
    async fn page(&self, path: impl Fn(FieldNames) -> String) -> Result<Answered<Page>, TwitterError> {
        let known = self.field_names.load(Ordering::Relaxed);
        let first = self.read(&path(FieldNames::ALL[known]), "a page of posts", answers::page).await;
        if !matches!(first, Err(TwitterError::Refused { kind: RefusalKind::Invalid, .. })) {
            return first;
        }
        let other = (known + 1) % FieldNames::ALL.len();
        match self.read(&path(FieldNames::ALL[other]), "a page of posts", answers::page).await {
            Ok(page) => {
                self.field_names.store(other, Ordering::Relaxed);
                Ok(page)
            }
            Err(TwitterError::Refused { kind: RefusalKind::Invalid, .. }) => first,
            Err(error) => Err(error),
        }
    }

    /// Sends one request and reads its answer with `reader`, which returns `None` for what is not `what`.
    async fn read<T>(
        &self,
        path: &str,
        what: &str,
        reader: impl Fn(&Value) -> Option<T>,
    ) -> Result<Answered<T>, TwitterError> {
        let request = self.transport.authorized(Method::GET, path, &bearer(&self.token))?;
        let reply = self.transport.send_within(request, SignedDuration::ZERO, &self.redactor, LARGEST_PAGE).await?;
        let value = if reply.status.is_success() { reply.json().as_ref().and_then(reader) } else { None };
        match value {
            Some(value) => Ok(Answered { value, limits: reply.limits() }),
            None => Err(self.error(reply, what)),
        }
    }

    /// Returns what an answer means that is not the desired one. Nothing was to be posted, so an unreadable answer is only
    /// that. A bearer token has no time in it, so a clock that is off is never the reason for a refusal.
    fn error(&self, reply: Reply, what: &str) -> TwitterError {
        match reply.into_error(&self.redactor) {
            TwitterError::OutcomeUnknown { answer: Some(answer), .. } if answer.status < 300 => {
                let reason = format!("the answer ({}) is not {what}: {}", answer.status, answer.detail);
                TwitterError::OutcomeUnknown { reason, answer: Some(answer) }
            }
            TwitterError::Refused { kind: RefusalKind::ClockSkew { .. }, answer } => {
                TwitterError::Refused { kind: RefusalKind::Unauthorized, answer }
            }
            error => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use reqwest::header::{DATE, HeaderMap, HeaderValue};

    use super::*;
    use pregonero_system::clock::SystemClock;

    fn client() -> PublicClient {
        let url = Url::parse("http://127.0.0.1:1").unwrap();
        PublicClient::new(&url, "invented-bearer".into(), Arc::new(SystemClock), Timeouts::default()).unwrap()
    }

    #[test]
    fn the_client_does_not_show_its_token() {
        assert_eq!(format!("{:?}", client()), "PublicClient { base_url: \"http://127.0.0.1:1\", .. }");
    }

    #[test]
    fn a_token_that_x_refuses_is_not_blamed_on_the_clock() {
        let half_an_hour_later = HeaderValue::from_static("Sun, 01 Mar 2026 12:30:00 GMT");
        let reply = Reply {
            status: StatusCode::UNAUTHORIZED,
            headers: HeaderMap::from_iter([(DATE, half_an_hour_later)]),
            body: "{}".to_owned(),
            cut: None,
            received: "2026-03-01T12:00:00Z".parse().unwrap(),
            correction: SignedDuration::ZERO,
        };
        let error = client().error(reply, "a page of posts");
        assert!(matches!(error, TwitterError::Refused { kind: RefusalKind::Unauthorized, .. }), "{error:?}");
    }
}

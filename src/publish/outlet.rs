//! Where posts go, and what is asked of whoever takes them there.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use jiff::SignedDuration;

use pregonero_x::{RateLimits, Span, Timeline, TwitterError, User};

/// A tweet that X took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostedTweet {
    /// X's id, decimal digits.
    pub id: String,
    /// HTTP status code.
    pub status: u16,
    /// The `x-transaction-id` header.
    pub transaction_id: Option<String>,
    /// What is left of X's windows.
    pub limits: RateLimits,
}

/// What the calls of a [`Poster`] promise.
pub type PosterFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, TwitterError>> + Send + 'a>>;

/// Whoever can post and look at what was posted: the X client, or a test's stand-in. Every call is made once, with
/// timeouts of its own.
pub trait Poster: Send + Sync {
    /// Posts `text`.
    fn create_tweet<'a>(&'a self, text: &'a str) -> PosterFuture<'a, PostedTweet>;

    /// Whose credentials these are.
    fn me(&self) -> PosterFuture<'_, User>;

    /// What the account with the id `user` posted in `span`.
    fn timeline<'a>(&'a self, user: &'a str, span: Span) -> PosterFuture<'a, Timeline>;

    /// X's clock minus ours, as far as an answer told.
    fn clock_skew(&self) -> Option<SignedDuration>;

    /// A digest of the credentials with `salt`, by which they are known again.
    fn fingerprint(&self, salt: &str) -> String;
}

/// Where posts go.
#[derive(Clone)]
pub enum Outlet {
    /// Into the record only.
    DryRun,
    /// To X.
    Live(Arc<dyn Poster>),
}

impl fmt::Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DryRun => "DryRun",
            Self::Live(_) => "Live",
        })
    }
}

//! Where posts go, and what the publisher needs from whatever takes them there.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use jiff::SignedDuration;

use pregonero_x::{RateLimits, Span, Timeline, TwitterError, User};

/// A tweet that X published.
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

/// The future that a [`Poster`]'s calls return.
pub type PosterFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, TwitterError>> + Send + 'a>>;

/// Anything that can post and read what was posted: the X client, or a test's stand-in. Every call is made once, with
/// its own timeouts.
pub trait Poster: Send + Sync {
    /// Posts `text`.
    fn create_tweet<'a>(&'a self, text: &'a str) -> PosterFuture<'a, PostedTweet>;

    /// Returns the user that the credentials belong to.
    fn me(&self) -> PosterFuture<'_, User>;

    /// Returns what the account with the id `user` posted in `span`.
    fn timeline<'a>(&'a self, user: &'a str, span: Span) -> PosterFuture<'a, Timeline>;

    /// Returns X's clock minus ours, if an answer has shown it.
    fn clock_skew(&self) -> Option<SignedDuration>;

    /// Returns a digest of the credentials with `salt`, which identifies them later.
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

//! Everything that speaks X: OAuth, the client, errors and limits, tweet text.
//!
//! [`Client`] is the one thing in the crate that sends to X; it makes one attempt a call, never a second one, and
//! sorts what came of it into [`TwitterError`]. Whether to try again is for [`crate::publish`] to say, which keeps the
//! record.

mod answer;
mod client;
mod error;
mod limits;
pub mod oauth1;
pub mod text;
mod timeline;

pub use client::{Client, CreatedTweet, SetupError, Timeouts, User, install_crypto_provider};
pub use error::{Answer, LimitWindow, RefusalKind, TwitterError};
pub use limits::{Bucket, RateLimits};
pub use timeline::{Link, Span, Timeline, TimelineTweet};

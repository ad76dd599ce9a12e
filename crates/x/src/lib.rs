//! Everything that speaks X: OAuth, the client, errors and limits, tweet text.
//!
//! [`Client`] is the one thing in the crate that posts to X; it makes one attempt a call, never a second one, and
//! sorts what came of it into [`TwitterError`]. [`oauth1`] and [`oauth2`] let its requests in, [`pin`] and
//! [`oauth2::login`] are how a person gives it the account. Whether to try again is for the bot's publisher to say, which keeps the
//! record.

mod answer;
mod authority;
mod client;
mod error;
mod limits;
pub mod oauth1;
pub mod oauth2;
pub mod pin;
mod reading;
pub mod secrets;
mod timeline;
mod transport;

pub use authority::Authority;
pub use client::{Client, CreatedTweet, Credentials, User};
pub use error::{Answer, RefusalKind, TwitterError};
pub use limits::{Bucket, LimitWindow, RateLimits};
pub use reading::Reading;
pub use timeline::{Link, Span, Timeline, TimelineTweet};
pub use transport::{SetupError, Timeouts, install_crypto_provider};

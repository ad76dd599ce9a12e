//! Everything that communicates with X: OAuth, the client, errors and limits, secrets and timelines.
//!
//! [`Client`] is the only thing in the crate that posts to X; it makes one attempt per call, never a second one, and
//! classifies failures as a [`TwitterError`]. [`oauth1`] and [`oauth2`] authorize its requests; [`pin`] and
//! [`oauth2::login`] are how a person gives it access to the account. [`PublicClient`] reads what anyone may read, with the
//! app's own token. Whether to retry is decided by the caller: the bot's publisher, which keeps the record, or a collection,
//! which keeps what it has read.

mod answer;
mod authority;
mod client;
mod error;
mod limits;
pub mod oauth1;
pub mod oauth2;
pub mod pin;
mod public;
mod reading;
pub mod secrets;
mod timeline;
mod transport;

pub use authority::Authority;
pub use client::{Client, CreatedTweet, Credentials, User};
pub use error::{Answer, RefusalKind, TwitterError};
pub use limits::{Bucket, LimitWindow, RateLimits};
pub use public::{
    Account, Accounts, Answered, CountBucket, Counts, Excluded, Fault, Granularity, Page, Place, PublicClient, Reach,
    Usage, Window,
};
pub use reading::Reading;
pub use timeline::{Link, Metrics, Span, Timeline, TimelineTweet, time_of_id};
pub use transport::{SetupError, Timeouts, install_crypto_provider};

//! Everything that speaks X: OAuth, the client, errors and limits, tweet text.

mod error;
pub mod text;

pub use error::{Answer, LimitWindow, RefusalKind, TwitterError};

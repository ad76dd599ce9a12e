//! Why a server wrote nothing. Each message names the server and what to do; none contains the key.

use std::time::Duration;

/// Why a request to a server failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServerError {
    /// No connection, or it broke.
    #[error("{server}: cannot be reached: {reason}; is the server running, and is the address right?")]
    Away { server: String, reason: String },
    /// No complete answer in time.
    #[error("{server}: no complete answer within {} s (engine.timeout)", after.as_secs())]
    Slow { server: String, after: Duration },
    /// It says that it cannot answer now.
    #[error("{server}: answers {status}: {message}")]
    Busy { server: String, status: u16, message: String, retry_after: Option<Duration> },
    /// It refuses, and would refuse again.
    #[error("{server}: refuses with {status}: {message}{}", advice(*status))]
    Refused { server: String, status: u16, message: String },
    /// Its answer ends in the middle.
    #[error("{server}: {what}")]
    Cut { server: String, what: String },
    /// Its answer is not a completion.
    #[error("{server}: {what}")]
    Garbled { server: String, what: String },
    /// It has no model of this name.
    #[error("{server}: has no model {model:?}; it has {known}: write one of them after the # in generation.model")]
    NoSuchModel { server: String, model: String, known: String },
    /// It has several models, and none is named.
    #[error("{server}: has several models ({known}): write one of them after a # in generation.model")]
    WhichModel { server: String, known: String },
    /// It lists no model, and none is named.
    #[error("{server}: lists no model: write the name of one after a # in generation.model")]
    NamesNoModel { server: String },
    /// It failed a short time ago.
    #[error(
        "{reason}; failure {failures} in a row, and this program leaves it alone for {} s (engine.pause, Retry-After)",
        left.as_secs().max(1)
    )]
    Resting { server: String, left: Duration, failures: u32, reason: String },
    /// The key would cross a public network unencrypted.
    #[error(
        "{server}: GENERATION_API_KEY would cross a public network unencrypted: use https, a server in a private network, or no \
         key"
    )]
    KeyInTheOpen { server: String },
    /// The HTTP client cannot be built.
    #[error("cannot set up HTTP: {0}; are the root certificates (ca-certificates) installed?")]
    NoClient(String),
}

impl ServerError {
    /// Returns whether the same request may succeed a moment later.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Away { .. } | Self::Slow { .. } | Self::Busy { .. } | Self::Cut { .. } | Self::Resting { .. }
        )
    }

    /// Returns whether the fault is one of the moment: the same request may succeed later, although not at once where the answer
    /// is no completion. Anything else needs another configuration.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        self.is_passing() || matches!(self, Self::Garbled { .. })
    }

    /// Returns how long the server asks to wait.
    #[must_use]
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

fn advice(status: u16) -> &'static str {
    match status {
        300..=399 => "; redirects are not followed: write the address that it leads to in generation.model",
        401 | 403 => {
            "; check the key: GENERATION_API_KEY, GENERATION_API_KEY_FILE or the credential generation_api_key"
        }
        404 | 405 => "; check the address in generation.model: it ends in /v1 with most servers",
        _ => "",
    }
}

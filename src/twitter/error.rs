//! What can come of a call to X, sorted by what the caller must do about it.

use jiff::Timestamp;

/// What X answered, as far as it could be read; kept for the record. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// HTTP status code.
    pub status: u16,
    /// The last path segment of the problem type (`usage-capped`), or the v1.1 code as text.
    pub problem: Option<String>,
    /// X's own words, at most a few hundred characters.
    pub detail: String,
    /// The `x-transaction-id` header.
    pub transaction_id: Option<String>,
}

/// Why X said no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// 400: the request itself was wrong (for example: too long).
    Invalid,
    /// 401: key, token or signature were not accepted.
    Unauthorized,
    /// 401 with a clock that is off: the `Date` header differs from our time by this many seconds (X's minus ours).
    ClockSkew { seconds: i64 },
    /// 402: no credits left.
    NoCredits,
    /// 403: the same text was posted a short while ago.
    Duplicate,
    /// 403: the app or token may not write.
    Permissions,
    /// 403: the account is suspended, locked, or flagged as automated: a person has to log in.
    Suspended,
    /// 403: anything else that is not permitted.
    Forbidden,
    /// 404.
    NotFound,
    /// Any other 3xx or 4xx, and a page of HTML with any of the statuses above: something before X spoke, not X.
    Other,
}

impl RefusalKind {
    /// Whether no later post can go out either before a person acts.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Unauthorized | Self::NoCredits | Self::Permissions | Self::Suspended)
    }
}

/// Which of X's windows is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitWindow {
    FifteenMinutes,
    Day,
    Month,
    /// X did not say.
    Unknown,
}

/// What went wrong with a call to X.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TwitterError {
    /// X answered no: nothing was posted.
    #[error("X refused with {} ({kind:?}): {}", answer.status, answer.detail)]
    Refused { kind: RefusalKind, answer: Answer },
    /// X answered 429: nothing was posted. `until` is absent where no header told.
    #[error("X's limit is used up ({window:?}): {}", answer.detail)]
    RateLimited { window: LimitWindow, until: Option<Timestamp>, answer: Answer },
    /// The request may have arrived and no readable answer came: nobody knows whether it was posted. Never retry blindly.
    #[error("nobody knows whether X took it: {reason}")]
    OutcomeUnknown { reason: String, answer: Option<Answer> },
    /// The request never left: no address, no connection, no TLS session.
    #[error("the request never reached X: {reason}")]
    NotSent { reason: String },
}

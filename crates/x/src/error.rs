//! The possible failures of a call to X, sorted by what the caller must do about them.

use jiff::Timestamp;

use super::limits::{LimitWindow, RateLimits};

/// X's answer, as far as it could be read; kept for the record. Contains no secret.
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
    /// What it revealed of X's windows.
    pub limits: Box<RateLimits>,
}

/// Why X refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// 400: the request itself was wrong (for example: too long).
    Invalid,
    /// 401: key, token or signature was not accepted.
    Unauthorized,
    /// 401 with a clock that is off: the `Date` header differs from our time by this many seconds (X's minus ours).
    ClockSkew { seconds: i64 },
    /// 402: no credits left.
    NoCredits,
    /// 403: the same text was posted recently.
    Duplicate,
    /// 403: the app or token may not write.
    Permissions,
    /// 403: this way of signing may not post. X sometimes says so of requests that it accepts a moment later.
    Authentication,
    /// 403: the account is suspended, locked, or flagged as automated: a person has to log in.
    Suspended,
    /// 403: anything else that is not permitted.
    Forbidden,
    /// 404.
    NotFound,
    /// A page of HTML with any 4xx status: it came from something in front of X (Cloudflare, a proxy, a portal). It may
    /// pass.
    Intermediary,
    /// Any other 3xx or 4xx.
    Other,
}

impl RefusalKind {
    /// Returns whether later posts cannot go out either until a person acts.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::Unauthorized | Self::NoCredits | Self::Permissions | Self::Authentication | Self::Suspended
        )
    }

    /// Returns whether X may well accept the same post later: nothing was wrong with it, or with the account.
    #[must_use]
    pub fn may_pass(self) -> bool {
        matches!(self, Self::ClockSkew { .. } | Self::Intermediary)
    }

    /// Returns the record's name for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Unauthorized => "unauthorized",
            Self::ClockSkew { .. } => "clock_skew",
            Self::NoCredits => "no_credits",
            Self::Duplicate => "duplicate",
            Self::Permissions => "permissions",
            Self::Authentication => "unsupported_authentication",
            Self::Suspended => "suspended",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Intermediary => "intermediary",
            Self::Other => "other",
        }
    }

    /// Returns what a person should do about it; `None` if all they can do is check the text.
    #[must_use]
    pub fn remedy(self) -> Option<&'static str> {
        match self {
            Self::Unauthorized => Some("create new keys and tokens at console.x.com"),
            Self::NoCredits => Some("buy credits at console.x.com"),
            Self::Permissions | Self::Authentication => {
                Some("give the app Read and Write at console.x.com, then create new access tokens")
            }
            Self::Suspended => Some("log in to the account and follow what X says there"),
            Self::ClockSkew { .. } => Some("set this machine's clock (NTP)"),
            Self::NotFound => {
                Some("check that publish.base_url is right and that X still offers this version of its API")
            }
            _ => None,
        }
    }
}

/// Describes it for a person.
impl std::fmt::Display for RefusalKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Invalid => "the request was invalid",
            Self::Unauthorized => "keys or tokens not accepted",
            Self::ClockSkew { .. } => "this machine's clock is off",
            Self::NoCredits => "no credits left",
            Self::Duplicate => "a duplicate of an earlier post",
            Self::Permissions => "no permission to write",
            Self::Authentication => "this way of signing may not post",
            Self::Suspended => "the account is suspended or locked",
            Self::Forbidden => "not permitted",
            Self::NotFound => "no such address",
            Self::Intermediary => "a page from something between here and X",
            Self::Other => "for another reason",
        })
    }
}

/// What went wrong with a call to X.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TwitterError {
    /// X answered no: nothing was posted.
    #[error("X refused with {} ({kind}): {}", answer.status, answer.detail)]
    Refused { kind: RefusalKind, answer: Answer },
    /// X answered 429: nothing was posted. `until` is absent if no header gave it.
    #[error("{window} is used up: {}", answer.detail)]
    RateLimited { window: LimitWindow, until: Option<Timestamp>, answer: Answer },
    /// The request may have arrived and no readable answer came: it is unknown whether it was posted. Never retry
    /// blindly.
    #[error("it is unknown whether X published it: {reason}")]
    OutcomeUnknown { reason: String, answer: Option<Answer> },
    /// The request never left: no address, no connection, no TLS session.
    #[error("the request never reached X: {reason}")]
    NotSent { reason: String },
}

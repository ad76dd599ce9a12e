//! The states of a post and the ends of a round, and which state may follow which: decided here and nowhere else.

use std::fmt;

use serde::Serialize;

macro_rules! words {
    ($name:ident { $($variant:ident => $word:literal),+ $(,)? }) => {
        impl $name {
            /// All of them, in the order of their lives.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word used in JSON, the database and the log.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }

            /// The one of this word.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == word)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}

pub(super) use words;

/// Where a post stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PostState {
    /// Waits for a person.
    Held,
    /// May be sent.
    Approved,
    /// The intent is on disk and the call to X may be under way.
    Armed,
    /// X took it and gave its id.
    Sent,
    /// X said no.
    Refused,
    /// Nobody knows whether X took it; the account's timeline is read to find out.
    Unknown,
    /// Would have been sent, were it not a dry run.
    DryRun,
    /// A person said no.
    Rejected,
    /// Nobody decided, or it could not be sent, in time.
    Expired,
    /// Withdrawn: by a person after it was approved, or because it belongs to another mode or account.
    Cancelled,
}

words!(PostState {
    Held => "held",
    Approved => "approved",
    Armed => "armed",
    Sent => "sent",
    Refused => "refused",
    Unknown => "unknown",
    DryRun => "dry_run",
    Rejected => "rejected",
    Expired => "expired",
    Cancelled => "cancelled",
});

impl PostState {
    /// Whether a post in this state may go over into `next`.
    ///
    /// `armed -> approved` is a call of which we know that nothing was posted: a limit, or no connection.
    /// `unknown` ends only by somebody finding out; `unknown -> approved` is a post that the timeline surely does not show
    /// and that the settings send once more.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        use PostState::{Approved, Armed, Cancelled, DryRun, Expired, Held, Refused, Rejected, Sent, Unknown};
        match self {
            Held => matches!(next, Approved | Rejected | Expired | Cancelled),
            Approved => matches!(next, Armed | DryRun | Expired | Cancelled),
            Armed => matches!(next, Sent | Refused | Unknown | Approved),
            Unknown => matches!(next, Sent | Refused | Approved),
            Sent | Refused | DryRun | Rejected | Expired | Cancelled => false,
        }
    }
}

/// How a round stands or ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RoundOutcome {
    /// At work, or its process died and nobody has looked yet.
    Running,
    /// A candidate was chosen: there is a post.
    Chosen,
    /// No candidate got through the gates.
    NoCandidate,
    /// An error ended it.
    Failed,
    /// The slot passed without a round.
    Missed,
    /// The process ended in the middle of it.
    Interrupted,
}

words!(RoundOutcome {
    Running => "running",
    Chosen => "chosen",
    NoCandidate => "no_candidate",
    Failed => "failed",
    Missed => "missed",
    Interrupted => "interrupted",
});

/// How a call stands or ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AttemptOutcome {
    /// The call was about to be made; no outcome is on disk.
    UnderWay,
    Sent,
    Refused,
    /// X asked to wait; nothing was posted.
    RateLimited,
    /// The request never reached X.
    NotSent,
    Unknown,
}

words!(AttemptOutcome {
    UnderWay => "under_way",
    Sent => "sent",
    Refused => "refused",
    RateLimited => "rate_limited",
    NotSent => "not_sent",
    Unknown => "unknown",
});

/// Why nothing goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HaltCause {
    /// A person said so.
    Paused,
    /// X refuses every post, for good.
    Refused,
}

words!(HaltCause { Paused => "paused", Refused => "refused" });

/// What X counts calls of separately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `POST /2/tweets`.
    Post,
    /// The readings of account and timeline.
    Read,
}

words!(Endpoint { Post => "post", Read => "read" });

/// Over what span X counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WindowName {
    FifteenMinutes,
    /// The app's 24 hours.
    AppDay,
    /// The account's 24 hours.
    UserDay,
    /// A day of which X did not say whose.
    Day,
    /// The usage cap of a billing month.
    Month,
    /// X did not say.
    Unknown,
}

words!(WindowName {
    FifteenMinutes => "fifteen_minutes",
    AppDay => "app_day",
    UserDay => "user_day",
    Day => "day",
    Month => "month",
    Unknown => "unknown",
});

/// What a reading of the timeline or account brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReadOutcome {
    Found,
    Absent,
    /// No readable answer.
    Failed,
}

words!(ReadOutcome { Found => "found", Absent => "absent", Failed => "failed" });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_states_is_allowed_or_refused_as_the_design_says() {
        use PostState::*;
        let allowed = [
            (Held, Approved),
            (Held, Rejected),
            (Held, Expired),
            (Held, Cancelled),
            (Approved, Armed),
            (Approved, DryRun),
            (Approved, Expired),
            (Approved, Cancelled),
            (Armed, Sent),
            (Armed, Refused),
            (Armed, Unknown),
            (Armed, Approved),
            (Unknown, Sent),
            (Unknown, Refused),
            (Unknown, Approved),
        ];
        for &from in PostState::ALL {
            for &to in PostState::ALL {
                assert_eq!(from.may_become(to), allowed.contains(&(from, to)), "{from} -> {to}");
            }
        }
    }

    #[test]
    fn every_word_is_read_back_and_no_post_state_is_a_round_outcome() {
        assert_eq!(PostState::ALL.len(), 10);
        for &state in PostState::ALL {
            assert_eq!(PostState::from_word(state.as_str()), Some(state));
            assert_eq!(RoundOutcome::from_word(state.as_str()), None, "the history shows both in one field");
        }
        for &outcome in RoundOutcome::ALL {
            assert_eq!(RoundOutcome::from_word(outcome.as_str()), Some(outcome));
        }
        for &outcome in AttemptOutcome::ALL {
            assert_eq!(AttemptOutcome::from_word(outcome.as_str()), Some(outcome));
        }
        assert_eq!(PostState::from_word("posted"), None);
    }
}

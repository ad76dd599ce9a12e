//! The numbers and names of rounds, posts and slots.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use pregonero_system::clock::shown;

/// A round's number; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct RoundId(i64);

/// A post's number: the number of the round that it belongs to, because a round leads to at most one post. So a number
/// in the history means one thing, whether the round led to a post or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct PostId(i64);

/// One call's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct AttemptId(i64);

macro_rules! number {
    ($name:ident) => {
        impl $name {
            /// Wraps the number that a person typed or the database contains.
            #[must_use]
            pub const fn new(number: i64) -> Self {
                Self(number)
            }

            /// Returns the bare number.
            #[must_use]
            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number!(RoundId);
number!(PostId);
number!(AttemptId);

impl RoundId {
    /// Returns the number of this round's post, if there is one.
    #[must_use]
    pub const fn post(self) -> PostId {
        PostId(self.0)
    }
}

impl PostId {
    /// Returns the round that this post belongs to.
    #[must_use]
    pub const fn round(self) -> RoundId {
        RoundId(self.0)
    }
}

/// What a round serves: a due time of the schedule, or a person's request.
///
/// Written as the due time in RFC 3339, UTC (`2026-03-01T14:00:00Z`), or as `manual:` and the instant of the request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(into = "String")]
pub enum SlotId {
    /// Due at this instant; served at most once.
    Scheduled(Timestamp),
    /// Requested at this instant; there can be any number of these.
    Manual(Timestamp),
}

impl SlotId {
    /// Returns `scheduled` or `manual`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Scheduled(_) => "scheduled",
            Self::Manual(_) => "manual",
        }
    }

    /// Returns the slot as a person reads it, in the schedule's time.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::Scheduled(due) => shown(*due),
            Self::Manual(asked) => format!("{} by hand", shown(*asked)),
        }
    }
}

impl fmt::Display for SlotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheduled(due) => write!(f, "{due}"),
            Self::Manual(asked) => write!(f, "manual:{asked:.3}"),
        }
    }
}

impl From<SlotId> for String {
    fn from(slot: SlotId) -> Self {
        slot.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_written_as_its_due_time_in_utc() {
        let due: Timestamp = "2026-03-01T09:00:00-05:00".parse().unwrap();
        assert_eq!(SlotId::Scheduled(due).to_string(), "2026-03-01T14:00:00Z");
        assert_eq!(SlotId::Manual(due).to_string(), "manual:2026-03-01T14:00:00.000Z");
        assert_eq!(SlotId::Scheduled(due).in_words(), "2026-03-01 14:00:00 UTC");
        assert_eq!(SlotId::Manual(due).in_words(), "2026-03-01 14:00:00 UTC by hand");
        assert_eq!(serde_json::to_string(&SlotId::Scheduled(due)).unwrap(), "\"2026-03-01T14:00:00Z\"");
    }
}

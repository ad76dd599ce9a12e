//! The numbers and names rounds, posts and slots go by.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use pregonero_system::clock::shown;

/// A round's number; never given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct RoundId(i64);

/// A post's number: the number of the round it came of, because a round leads to one post or none. So a number in the
/// history means one thing, whether a post came of the round or not.
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
            /// The number a person typed or the database holds.
            #[must_use]
            pub const fn new(number: i64) -> Self {
                Self(number)
            }

            /// The bare number.
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
    /// The post that came of this round, if one did.
    #[must_use]
    pub const fn post(self) -> PostId {
        PostId(self.0)
    }
}

impl PostId {
    /// The round this post came of.
    #[must_use]
    pub const fn round(self) -> RoundId {
        RoundId(self.0)
    }
}

/// What a round serves: a due time of the schedule, or a wish by hand.
///
/// Written as the due time in RFC 3339, UTC (`2026-03-01T14:00:00Z`), or `manual:` and the instant it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(into = "String")]
pub enum SlotId {
    /// Due at this instant; served once at most.
    Scheduled(Timestamp),
    /// Asked for at this instant; any number of them.
    Manual(Timestamp),
}

impl SlotId {
    /// `scheduled` or `manual`.
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

//! The states of a post and the outcomes of a round, and which state may follow which: decided here and nowhere else.

use std::fmt;

use serde::Serialize;

macro_rules! words {
    ($name:ident { $($variant:ident => $word:literal),+ $(,)? }) => {
        impl $name {
            /// All of them, in the order in which they can occur.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the word used in JSON, the database and the log.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }

            /// Returns the variant with this word.
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

/// The state of a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PostState {
    /// Waits for a person.
    Held,
    /// May be sent.
    Approved,
    /// The intent is on disk and the call to X may be under way.
    Armed,
    /// X published it and returned its id.
    Sent,
    /// X refused it.
    Refused,
    /// It is unknown whether X published it; the account's timeline is read to find out.
    Unknown,
    /// It would have been sent if this were not a dry run.
    DryRun,
    /// A person refused it.
    Rejected,
    /// It was not decided on, or could not be sent, in time.
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
    /// Returns whether a post in this state may change to `next`.
    ///
    /// `armed -> approved` is a call that certainly posted nothing: a limit, or no connection. `unknown` ends only when
    /// the outcome is found; `unknown -> approved` is a post that is certainly not on the timeline and that the
    /// settings send once more. `approved -> held` is a text that a person changed after it was approved.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        use PostState::{Approved, Armed, Cancelled, DryRun, Expired, Held, Refused, Rejected, Sent, Unknown};
        match self {
            Held => matches!(next, Approved | Rejected | Expired | Cancelled),
            Approved => matches!(next, Held | Armed | DryRun | Expired | Cancelled),
            Armed => matches!(next, Sent | Refused | Unknown | Approved),
            Unknown => matches!(next, Sent | Refused | Approved),
            Sent | Refused | DryRun | Rejected | Expired | Cancelled => false,
        }
    }
}

/// What a person decided on a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReviewAct {
    /// It may go out.
    Approve,
    /// Another text, written by the person.
    Edit,
    /// The text of another candidate of the round.
    Pick,
    /// It must not go out.
    Reject,
}

words!(ReviewAct { Approve => "approve", Edit => "edit", Pick => "pick", Reject => "reject" });

/// The state of a round, or how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RoundOutcome {
    /// Under way, or its process died and no later start has marked it yet.
    Running,
    /// A candidate was chosen: there is a post.
    Chosen,
    /// No candidate passed the gates.
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

/// The state of a line of the history: the post's state, or the round's outcome if the round led to no post. Written as
/// one word; the two sets of words do not overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum HistoryState {
    Post(PostState),
    Round(RoundOutcome),
}

impl fmt::Display for HistoryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Post(state) => state.fmt(f),
            Self::Round(outcome) => outcome.fmt(f),
        }
    }
}

impl HistoryState {
    /// Every state that a line of the history can have.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let posts = PostState::ALL.iter().copied().map(Self::Post);
        // A round that chose a candidate has a post.
        let rounds = RoundOutcome::ALL.iter().copied().filter(|one| *one != RoundOutcome::Chosen).map(Self::Round);
        posts.chain(rounds).collect()
    }

    /// Returns the state with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::all().into_iter().find(|state| state.as_str() == word)
    }

    /// Returns the word used in JSON and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Post(state) => state.as_str(),
            Self::Round(outcome) => outcome.as_str(),
        }
    }
}

/// The state of a call, or how it ended.
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
    /// A person paused posting.
    Paused,
    /// X refuses every post, permanently.
    Refused,
}

words!(HaltCause { Paused => "paused", Refused => "refused" });

/// What a user of the page may do, the least first: each role may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Sees everything but the users and the configuration.
    Reader,
    /// Also decides on posts, and pauses.
    Reviewer,
    /// Also resumes, sees the configuration, and manages the users.
    Admin,
}

words!(Role { Reader => "reader", Reviewer => "reviewer", Admin => "admin" });

/// The groups of calls that X counts separately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `POST /2/tweets`.
    Post,
    /// The reads of account and timeline.
    Read,
}

words!(Endpoint { Post => "post", Read => "read" });

/// The span over which X counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WindowName {
    FifteenMinutes,
    /// The app's 24 hours.
    AppDay,
    /// The account's 24 hours.
    UserDay,
    /// A day, but X did not say whether the app's or the account's.
    Day,
    /// The usage cap of a billing month.
    Month,
    /// X did not say which.
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

/// What a read of the timeline or account yielded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReadOutcome {
    Found,
    Absent,
    /// No readable answer.
    Failed,
}

words!(ReadOutcome { Found => "found", Absent => "absent", Failed => "failed" });

/// The kind of act that a record of the audit log is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecordKind {
    /// The log begins in a new database.
    Began,
    /// The log begins in a database that held rows already: what stood.
    Adopted,
    RoundBegan,
    /// A due time passed without a round.
    SlotMissed,
    /// A model on this machine wrote in the place of one on a server.
    StandIn,
    Candidates,
    RoundEnded,
    PostCreated,
    /// A review record: who examined what.
    Review,
    /// A person changed the text.
    Edited,
    /// A person chose another candidate.
    Picked,
    Approved,
    Rejected,
    Expired,
    Cancelled,
    /// A dry run would have sent it.
    DryRun,
    /// The intent to call X.
    Armed,
    /// How a call to X ended.
    Outcome,
    /// The program died during calls to X.
    Recovered,
    /// The timeline settled a post of unknown outcome.
    Settled,
    Read,
    Paused,
    Resumed,
    /// X refuses every post.
    Stopped,
    /// A halt ended without a person: new credentials, or the right account.
    StopEnded,
    Config,
    Models,
    Credentials,
    Restored,
    /// Old rows were removed, as retention says.
    Pruned,
    /// A text was removed.
    Erased,
    /// A migration changed rows.
    Migrated,
    UserAdded,
    UserChanged,
    UserRemoved,
    RoleChanged,
    /// A one-time decision link was made or used.
    DecisionLink,
    /// The key that signs checkpoints was made or replaced.
    CheckpointKey,
}

words!(RecordKind {
    Began => "began",
    Adopted => "adopted",
    RoundBegan => "round_began",
    SlotMissed => "slot_missed",
    StandIn => "stand_in",
    Candidates => "candidates",
    RoundEnded => "round_ended",
    PostCreated => "post_created",
    Review => "review",
    Edited => "edited",
    Picked => "picked",
    Approved => "approved",
    Rejected => "rejected",
    Expired => "expired",
    Cancelled => "cancelled",
    DryRun => "dry_run",
    Armed => "armed",
    Outcome => "outcome",
    Recovered => "recovered",
    Settled => "settled",
    Read => "read",
    Paused => "paused",
    Resumed => "resumed",
    Stopped => "stopped",
    StopEnded => "stop_ended",
    Config => "config",
    Models => "models",
    Credentials => "credentials",
    Restored => "restored",
    Pruned => "pruned",
    Erased => "erased",
    Migrated => "migrated",
    UserAdded => "user_added",
    UserChanged => "user_changed",
    UserRemoved => "user_removed",
    RoleChanged => "role_changed",
    DecisionLink => "decision_link",
    CheckpointKey => "checkpoint_key",
});

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
            (Approved, Held),
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

    #[test]
    fn every_state_of_the_history_is_known_by_its_word() {
        for state in HistoryState::all() {
            assert_eq!(HistoryState::from_word(state.as_str()), Some(state));
        }
        assert_eq!(HistoryState::from_word("chosen"), None, "such a round has a post, whose state counts");
    }
}

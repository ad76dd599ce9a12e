//! The daemon's state as one word, and why nothing goes out.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::publish::{Outlook, Rules};
use pregonero_models::generation::Engine;
use pregonero_store::{Halt, HaltCause, StoreError};
use pregonero_system::errors::chain;

/// The daemon's state, as one word for machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// Alive, and the next post would go out.
    Ok,
    /// A person has paused it.
    Paused,
    /// The day's or month's posts or dollars, or X's limit, are used up.
    BudgetUsedUp,
    /// X refuses every post.
    StoppedByX,
    /// The generator's server is away, and no model stands in for it.
    GeneratorAway,
    /// No room to record a post.
    DiskFull,
    /// The database was deleted or replaced under the daemon.
    DatabaseGone,
    /// The record cannot be read or written.
    Record,
    /// The daemon reports that it cannot post, for a reason in its own words.
    NotReady,
    /// The last sign of life is too old.
    Hangs,
    /// No daemon is running on this record.
    NotRunning,
    /// The sign of life cannot be read.
    Unreadable,
}

impl Code {
    /// Returns the word that the JSON contains.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Paused => "paused",
            Self::BudgetUsedUp => "budget_used_up",
            Self::StoppedByX => "stopped_by_x",
            Self::GeneratorAway => "generator_away",
            Self::DiskFull => "disk_full",
            Self::DatabaseGone => "database_gone",
            Self::Record => "record",
            Self::NotReady => "not_ready",
            Self::Hangs => "hangs",
            Self::NotRunning => "not_running",
            Self::Unreadable => "unreadable",
        }
    }

    /// Returns whether a post would go out.
    #[must_use]
    pub fn is_ready(self) -> bool {
        self == Self::Ok
    }

    /// Returns whether everything is as somebody intended: this includes a pause and a used-up budget. A container that
    /// restarts an unhealthy program must leave these alone.
    #[must_use]
    pub fn is_healthy(self) -> bool {
        matches!(self, Self::Ok | Self::Paused | Self::BudgetUsedUp)
    }
}

/// Why nothing goes out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hindrance {
    pub code: Code,
    pub reason: String,
}

impl Hindrance {
    pub(super) fn of_error(error: &StoreError) -> Self {
        let code = match error {
            StoreError::NoSpace { .. } => Code::DiskFull,
            StoreError::Displaced { .. } | StoreError::Missing { .. } => Code::DatabaseGone,
            _ => Code::Record,
        };
        Self { code, reason: chain(error) }
    }

    pub(crate) fn of_halt(halt: &Halt) -> Self {
        let code = match halt.cause {
            HaltCause::Paused => Code::Paused,
            HaltCause::Refused => Code::StoppedByX,
        };
        Self { code, reason: halt.to_string() }
    }

    /// Returns the hindrance if the generator's server is away and nothing stands in for it.
    pub(super) fn of_engine(engine: &Engine) -> Option<Self> {
        let away = engine.server()?.state().away.filter(|_| engine.stand_in().is_none())?;
        let reason = format!("the generation server is away, and no generation.fallback stands in: {away}");
        Some(Self { code: Code::GeneratorAway, reason })
    }

    /// Returns the hindrance if a used-up budget or limit holds posts back. The gap between two posts does not count:
    /// it is over in a moment.
    pub(crate) fn of_outlook(outlook: &Outlook, rules: &Rules, now: Timestamp) -> Option<Self> {
        let (until, reason) = (outlook.next_post_at?, outlook.waits_for.as_ref()?);
        let is_spent = outlook.posts_left_today == 0 || outlook.posts_left_this_month == 0;
        (until > now && (is_spent || until.duration_since(now) > rules.min_gap)).then(|| {
            let until = until.to_zoned(rules.timezone.clone()).strftime("%a %Y-%m-%d %H:%M:%S %Z");
            Self { code: Code::BudgetUsedUp, reason: format!("{reason}; the next post may go out at {until}") }
        })
    }
}

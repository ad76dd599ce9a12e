//! Rules that label a text in place of a person: by emoji and by hashtags.
//!
//! Such labels (distant supervision) are cheap, plentiful, and sometimes wrong.

mod emoji;
mod hashtags;

use std::fmt;
use std::str::FromStr;

use anyhow::{Result, bail};
use serde::Serialize;

pub use self::emoji::{by_emoji, by_emoji_in, without_emoji, without_placeholders};
pub use self::hashtags::HashtagRules;

/// What a text says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Label {
    Negative,
    Neutral,
    Positive,
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Negative => "negative",
            Self::Neutral => "neutral",
            Self::Positive => "positive",
        })
    }
}

impl FromStr for Label {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Self> {
        Ok(match name {
            "negative" => Self::Negative,
            "neutral" => Self::Neutral,
            "positive" => Self::Positive,
            _ => bail!("{name:?} is not a label; choose negative, neutral or positive"),
        })
    }
}

/// What rules say about a text; `L` says which label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<L> {
    Label(L),
    /// Marked for more than one label, or with something that stands for none.
    Ambiguous,
    /// Not marked at all.
    Unmarked,
}

impl<L> Verdict<L> {
    /// Returns the verdict with another kind of label.
    pub fn map<M>(self, other: impl FnOnce(L) -> M) -> Verdict<M> {
        match self {
            Self::Label(label) => Verdict::Label(other(label)),
            Self::Ambiguous => Verdict::Ambiguous,
            Self::Unmarked => Verdict::Unmarked,
        }
    }
}

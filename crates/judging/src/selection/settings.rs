//! The section `[selection]`: its keys, their defaults and the values they accept.

use pregonero_settings::Checker;
use serde::{Deserialize, Serialize};

use pregonero_models::catalog::{ModelKind, ModelSource};

/// The keys of `[selection]` as written in the file, with their defaults.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SelectionKeys {
    pub rank: String,
    pub critic: String,
    pub fresh_openings: u64,
}

impl Default for SelectionKeys {
    fn default() -> Self {
        Self { rank: "critic".into(), critic: "builtin".into(), fresh_openings: 60 }
    }
}

impl SelectionKeys {
    /// Returns the settings, each key parsed and in range, or `None` after reporting a fault to `checker`.
    #[must_use]
    pub fn check(&self, checker: &mut Checker<'_>) -> Option<SelectionSettings> {
        let rank = checker.choice("selection.rank", &self.rank, &RANKS);
        let critic = match self.critic.trim() {
            "none" => Some(None),
            found => ModelSource::check(checker, "selection.critic", ModelKind::Critic, found).map(Some),
        };
        let fresh_openings = checker.whole("selection.fresh_openings", self.fresh_openings, 0, 10_000);
        Some(SelectionSettings { rank: rank?, critic: critic?, fresh_openings: fresh_openings? })
    }
}

/// The number by which the candidates that pass are ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rank {
    /// How well a text reads, times the sentiment's score.
    Both,
    /// How well a text reads.
    Critic,
    /// The sentiment's score.
    Sentiment,
}

/// How one of the candidates that pass is chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectionSettings {
    pub rank: Rank,
    /// The critic as configured; the bot's `Settings::critic` says which one is used.
    pub critic: Option<ModelSource>,
    /// A candidate that begins like one of this many recent posts ranks after all others; 0 = off.
    pub fresh_openings: usize,
}

const RANKS: [(&str, Rank); 3] = [("both", Rank::Both), ("critic", Rank::Critic), ("sentiment", Rank::Sentiment)];

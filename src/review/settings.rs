//! The section `[review]`: its keys, their defaults and what they may say.

use std::time::Duration;

use pregonero_settings::{Checker, DAY, MINUTE};
use serde::{Deserialize, Serialize};

/// The keys of `[review]` as the file writes them, with their defaults.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReviewKeys {
    pub mode: String,
    pub expires_after: String,
}

impl Default for ReviewKeys {
    fn default() -> Self {
        Self { mode: "flagged".into(), expires_after: "48h".into() }
    }
}

impl ReviewKeys {
    /// Returns the settings, each key parsed and in range; `None` if `checker` recorded a fault.
    #[must_use]
    pub fn check(&self, checker: &mut Checker<'_>) -> Option<ReviewSettings> {
        let mode = checker.choice("review.mode", &self.mode, &REVIEW_MODES);
        let expires_after = checker.duration("review.expires_after", &self.expires_after, MINUTE, DAY * 365);
        Some(ReviewSettings { mode: mode?, expires_after: expires_after? })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReviewMode {
    Off,
    Flagged,
    All,
}

#[derive(Debug, Clone)]
pub struct ReviewSettings {
    pub mode: ReviewMode,
    pub expires_after: Duration,
}

const REVIEW_MODES: [(&str, ReviewMode); 3] =
    [("off", ReviewMode::Off), ("flagged", ReviewMode::Flagged), ("all", ReviewMode::All)];

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
    pub require: String,
    pub disclosure: String,
}

impl Default for ReviewKeys {
    fn default() -> Self {
        Self {
            mode: "flagged".into(),
            expires_after: "48h".into(),
            require: "fact_check".into(),
            disclosure: "always".into(),
        }
    }
}

impl ReviewKeys {
    /// Returns the settings, each key parsed and in range; `None` if `checker` recorded a fault.
    #[must_use]
    pub fn check(&self, checker: &mut Checker<'_>) -> Option<ReviewSettings> {
        let mode = checker.choice("review.mode", &self.mode, &REVIEW_MODES);
        let expires_after = checker.duration("review.expires_after", &self.expires_after, MINUTE, DAY * 365);
        let require = checker.choice("review.require", &self.require, &REQUIREMENTS);
        let keep_disclosure = checker.choice("review.disclosure", &self.disclosure, &KEEP_DISCLOSURE);
        Some(ReviewSettings {
            mode: mode?,
            expires_after: expires_after?,
            require: require?,
            keep_disclosure: keep_disclosure?,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReviewMode {
    Off,
    Flagged,
    All,
}

/// What it takes to approve a post that states something (a verdict of the gate `claims`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Requirement {
    /// A person's approval.
    Approval,
    /// A person who says to have checked the facts.
    FactCheck,
}

/// When a post keeps its disclosure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeepDisclosure {
    Always,
    /// Unless a person checked its facts.
    UnlessChecked,
}

#[derive(Debug, Clone)]
pub struct ReviewSettings {
    pub mode: ReviewMode,
    pub expires_after: Duration,
    pub require: Requirement,
    pub keep_disclosure: KeepDisclosure,
}

const REVIEW_MODES: [(&str, ReviewMode); 3] =
    [("off", ReviewMode::Off), ("flagged", ReviewMode::Flagged), ("all", ReviewMode::All)];

const REQUIREMENTS: [(&str, Requirement); 2] =
    [("approval", Requirement::Approval), ("fact_check", Requirement::FactCheck)];

const KEEP_DISCLOSURE: [(&str, KeepDisclosure); 2] =
    [("always", KeepDisclosure::Always), ("unless_checked", KeepDisclosure::UnlessChecked)];

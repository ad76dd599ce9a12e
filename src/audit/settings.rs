//! The section `[audit]`: its keys, their defaults and what they may say.

use std::path::PathBuf;
use std::time::Duration;

use pregonero_audit::note::is_name;
use pregonero_settings::{Checker, DAY, MINUTE};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::alerts::webhook_url;

/// The keys of `[audit]` as the file writes them, with their defaults.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditKeys {
    pub origin: String,
    pub checkpoint_every: String,
    pub anchor_file: String,
    pub anchor_webhook: String,
    pub anchor_command: Vec<String>,
}

impl Default for AuditKeys {
    fn default() -> Self {
        Self {
            origin: String::new(),
            checkpoint_every: "6h".into(),
            anchor_file: String::new(),
            anchor_webhook: String::new(),
            anchor_command: Vec::new(),
        }
    }
}

impl AuditKeys {
    /// Returns the settings, each key parsed and in range; `None` if `checker` recorded a fault.
    #[must_use]
    pub fn check(&self, checker: &mut Checker<'_>) -> Option<AuditSettings> {
        let origin = self.origin.trim();
        if !origin.is_empty() && !is_name(origin) {
            checker
                .fault("audit.origin", "expected a name without blanks and without `+`, such as \"example.org/bot\"");
            return None;
        }
        let checkpoint_every = checker.duration("audit.checkpoint_every", &self.checkpoint_every, MINUTE, DAY * 30);
        let file = match self.anchor_file.trim() {
            "" => None,
            path => Some(checker.path("audit.anchor_file", path)?),
        };
        let address = self.anchor_webhook.trim();
        let webhook = if address.is_empty() { Ok(()) } else { webhook_url(address) };
        checker.keep("audit.anchor_webhook", webhook)?;
        if self.anchor_command.first().is_some_and(|program| program.trim().is_empty()) {
            checker.fault("audit.anchor_command", "expected a program and its arguments, found an empty program");
            return None;
        }
        Some(AuditSettings {
            origin: (!origin.is_empty()).then(|| origin.to_owned()),
            checkpoint_every: checkpoint_every?,
            anchor_file: file,
            anchor_webhook: (!address.is_empty()).then(|| address.into()),
            anchor_command: self.anchor_command.clone(),
        })
    }
}

/// The settings of the audit log's checkpoints.
#[derive(Debug, Clone)]
pub struct AuditSettings {
    /// The log's name; `None` = `pregonero/HANDLE`.
    pub origin: Option<String>,
    /// How often the log's root is signed, if it grew.
    pub checkpoint_every: Duration,
    /// A file that each checkpoint is appended to.
    pub anchor_file: Option<PathBuf>,
    /// An address that each checkpoint is sent to. Secret: anyone who has it may write to it.
    pub anchor_webhook: Option<SecretString>,
    /// A program, with its arguments, that gets each checkpoint on its standard input; empty = none.
    pub anchor_command: Vec<String>,
}

impl AuditSettings {
    /// Returns the log's name for this account.
    #[must_use]
    pub fn origin_for(&self, handle: &str) -> String {
        self.origin.clone().unwrap_or_else(|| format!("pregonero/{handle}"))
    }
}

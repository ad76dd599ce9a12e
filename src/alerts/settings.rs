//! The section `[alerts]`: its keys, their defaults and what they may say.

use std::time::Duration;

use pregonero_settings::{Checker, DAY, MINUTE};
use pregonero_system::network::may_get_secrets;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use pregonero_system::environment::Environment;
use pregonero_x::secrets::{self, SecretsError};

/// The keys of `[alerts]` as the file writes them, with their defaults.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlertKeys {
    pub webhook: String,
    pub format: String,
    pub command: Vec<String>,
    pub stale_after_slots: u64,
    pub unsettled_after: String,
    pub waiting: bool,
}

impl Default for AlertKeys {
    fn default() -> Self {
        Self {
            webhook: String::new(),
            format: "auto".into(),
            command: Vec::new(),
            stale_after_slots: 3,
            unsettled_after: "1h".into(),
            waiting: true,
        }
    }
}

impl AlertKeys {
    /// Returns the settings, each key parsed and in range; `None` if `checker` recorded a fault.
    #[must_use]
    pub fn check(&self, checker: &mut Checker<'_>) -> Option<AlertSettings> {
        let address = self.webhook.trim();
        let webhook = if address.is_empty() { Ok(()) } else { webhook_url(address) };
        let webhook = checker.keep("alerts.webhook", webhook);
        let format = checker.choice("alerts.format", &self.format, &FORMATS);
        let stale_after_slots = checker.whole("alerts.stale_after_slots", self.stale_after_slots, 0, 1_000);
        let unsettled_after = checker.duration("alerts.unsettled_after", &self.unsettled_after, MINUTE, DAY * 30);
        if self.command.first().is_some_and(|program| program.trim().is_empty()) {
            checker.fault("alerts.command", "expected a program and its arguments, found an empty program");
            return None;
        }
        webhook?;
        Some(AlertSettings {
            webhook: (!address.is_empty()).then(|| address.into()),
            format: format?,
            command: self.command.clone(),
            stale_after_slots: stale_after_slots?,
            unsettled_after: unsettled_after?,
            waiting: self.waiting,
        })
    }
}

/// The settings of who is alerted to what.
#[derive(Debug, Clone)]
pub struct AlertSettings {
    /// Secret: anyone who has the address can write to it. The environment may override it.
    pub webhook: Option<SecretString>,
    /// What the webhook is sent.
    pub format: WebhookFormat,
    /// A program and its arguments; empty = none.
    pub command: Vec<String>,
    /// The number of slots in a row without a post that is too many; 0 = never.
    pub stale_after_slots: u32,
    /// How long a post's outcome may stay unknown.
    pub unsettled_after: Duration,
    /// Whether a post that waits for a person is announced.
    pub waiting: bool,
}

/// What a webhook is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WebhookFormat {
    /// What ntfy reads if the address looks like one of ntfy, otherwise our own JSON.
    Auto,
    Json,
    Ntfy,
}

const FORMATS: [(&str, WebhookFormat); 3] =
    [("auto", WebhookFormat::Auto), ("json", WebhookFormat::Json), ("ntfy", WebhookFormat::Ntfy)];

/// Checks that notices can go to this address. The address may contain a secret, so no message repeats it.
pub fn webhook_url(found: &str) -> Result<(), String> {
    let url = url::Url::parse(found).map_err(|cause| format!("expected an address: {cause}"))?;
    if may_get_secrets(&url) {
        Ok(())
    } else {
        Err("expected an address that begins with https:// (plain http only to this machine)".to_owned())
    }
}

/// The name of the secret that says where alerts go; it is found in the same three ways as X's four keys.
pub const WEBHOOK_NAME: &str = "ALERTS_WEBHOOK";

/// Returns the address that alerts go to if the environment names one.
///
/// # Errors
/// If a file cannot be read, or the value contains white space.
pub fn webhook(environment: &Environment) -> Result<Option<SecretString>, SecretsError> {
    secrets::one(environment, WEBHOOK_NAME)
}

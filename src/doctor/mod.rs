//! Could the bot post right now? Everything that could stop the next post is checked separately; each check has a
//! reason for people, a code for machines, and a fix.
//!
//! Nothing is changed: the database is written to in a transaction that is rolled back, and X is only asked whose keys
//! these are.

mod duties;
mod machine;
mod models;
mod record;
mod x;

use std::sync::Arc;

use serde::Serialize;

use crate::config::Loaded;
use crate::daemon::standing::standing;
use pregonero_models::catalog::HubSettings;
use pregonero_system::clock::Clock;
use pregonero_system::environment::Environment;

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Ok,
    /// It does not stop a post, or cannot be determined from here: a person should check.
    Warn,
    /// The next post would not go out.
    Fail,
}

/// Who has to act if a check fails; decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Blame {
    /// The machine, the network, the database.
    Machine,
    /// X refuses permanently.
    X,
    /// The configuration, the credentials or a model.
    Configuration,
}

/// One check and what it found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// `config`, `credentials`, `account`, …
    pub check: &'static str,
    pub status: Status,
    /// One word for machines: `ok`, `missing`, `unreachable`, …
    pub code: &'static str,
    pub reason: String,
    pub fix: Option<String>,
    #[serde(skip)]
    pub blame: Blame,
}

impl Check {
    fn ok(check: &'static str, reason: impl Into<String>) -> Self {
        let (status, reason) = (Status::Ok, reason.into());
        Self { check, status, code: "ok", reason, fix: None, blame: Blame::Machine }
    }

    fn warn(check: &'static str, code: &'static str, reason: impl Into<String>, fix: impl Into<String>) -> Self {
        let (status, reason) = (Status::Warn, reason.into());
        Self { check, status, code, reason, fix: Some(fix.into()), blame: Blame::Machine }
    }

    fn fail(
        check: &'static str,
        code: &'static str,
        blame: Blame,
        reason: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { check, status: Status::Fail, code, reason: reason.into(), fix: Some(fix.into()), blame }
    }
}

/// What is examined, and the means to do so.
pub struct Patient {
    pub loaded: Loaded,
    pub environment: Environment,
    pub hub: HubSettings,
    pub clock: Arc<dyn Clock>,
    /// Whether to leave X alone.
    pub offline: bool,
}

impl std::fmt::Debug for Patient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Patient").field("file", &self.loaded.file).finish_non_exhaustive()
    }
}

/// Runs every check, in the order in which a post depends on them.
pub async fn examine(patient: &Patient) -> Vec<Check> {
    let mut checks = vec![configuration(patient)];
    checks.extend(x::checks(patient).await);
    checks.extend(models::checks(patient).await);
    let standing = standing(&patient.loaded.settings.store.path, patient.clock.now()).await;
    checks.extend(machine::checks(patient, &standing).await);
    checks.extend(record::checks(patient).await);
    checks.extend(duties::checks(patient));
    checks
}

/// Returns who has to act on the worst finding; `None` if the next post would go out.
#[must_use]
pub fn verdict(checks: &[Check]) -> Option<Blame> {
    checks.iter().filter(|check| check.status == Status::Fail).map(|check| check.blame).max()
}

fn configuration(patient: &Patient) -> Check {
    let Patient { loaded, .. } = patient;
    let mode = if loaded.settings.publish.live { "live" } else { "dry run" };
    if loaded.warnings.is_empty() {
        return Check::ok("config", format!("{}: valid, {mode}", loaded.file.display()));
    }
    Check::warn("config", "warnings", loaded.warnings.join("; "), "check the keys named above")
}

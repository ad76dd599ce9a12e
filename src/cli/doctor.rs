//! `pregonero doctor`: checks, part by part, whether the bot could post right now.

use std::fmt;
use std::sync::Arc;

use anyhow::Result;
use clap::Args;

use super::decoding::ModelArgument;
use super::output::{BAD, DOUBTFUL, GOOD, styled};
use super::session::Session;
use crate::daemon::whereabouts::Purpose;
use crate::doctor::{self, Blame, Check, Patient, Status};
use pregonero_system::clock::SystemClock;

/// What to check.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 the next post would go out; 1 the machine, the database, a pause or a used-up budget; 69 X refuses for good;
78 the configuration, the credentials or a model.
Asking X costs what X charges for one user read.")]
pub struct DoctorArguments {
    /// Do not ask X
    #[arg(long)]
    offline: bool,
    #[command(flatten)]
    model: ModelArgument,
}

/// The finding that the next post would not go out.
#[derive(Debug)]
pub struct Unwell {
    pub blame: Blame,
    failed: Vec<&'static str>,
}

impl std::error::Error for Unwell {}

impl fmt::Display for Unwell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the next post would not go out: {}", self.failed.join(", "))
    }
}

/// Runs all checks and prints them.
///
/// # Errors
/// If the configuration cannot be read; [`Unwell`] if a check failed.
pub async fn run(arguments: &DoctorArguments, session: &Session) -> Result<()> {
    let ground = session.ground_quietly(Purpose::Look, arguments.model.overrides()).await?;
    let mut loaded = ground.loaded?;
    arguments.model.fit(&mut loaded.settings, session)?;
    // Use the record that a daemon with this configuration works on, in case it is a different one.
    loaded.settings.store.path = ground.store;
    let patient = Patient {
        loaded,
        environment: session.environment.clone(),
        hub: session.hub()?,
        clock: Arc::new(SystemClock),
        offline: arguments.offline,
    };
    let checks = doctor::examine(&patient).await;
    if session.output.json {
        session.output.rows(&[], &checks, |_| Vec::new())?;
    } else {
        checks.iter().try_for_each(|check| session.output.line(&in_words(check)))?;
    }
    let failed = checks.iter().filter(|check| check.status == Status::Fail).map(|check| check.check).collect();
    match doctor::verdict(&checks) {
        None => Ok(()),
        Some(blame) => Err(Unwell { blame, failed }.into()),
    }
}

fn in_words(check: &Check) -> String {
    let sign = match check.status {
        Status::Ok => styled(GOOD, "ok  "),
        Status::Warn => styled(DOUBTFUL, "look"),
        Status::Fail => styled(BAD, "FAIL"),
    };
    let fix = check.fix.as_ref().map(|fix| format!("\n{:21}-> {fix}", "")).unwrap_or_default();
    format!("{sign}  {:<14} {}{fix}", check.check, check.reason)
}

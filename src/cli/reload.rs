//! `pregonero reload`: makes the running daemon reread configuration and credentials, and reports the result.

use std::fmt;

use anyhow::Result;

use super::session::Session;
use crate::daemon::whereabouts::Purpose;
use crate::daemon::word::{self, ReloadAnswer};

/// The daemon kept its old configuration.
#[derive(Debug)]
pub struct NotReloaded(String);

impl std::error::Error for NotReloaded {}

impl fmt::Display for NotReloaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not reloaded, the daemon keeps its old configuration: {}", self.0)
    }
}

/// Asks the daemon to reload, and waits for its answer.
///
/// # Errors
/// If no daemon with this configuration is running, or it could not use the new configuration.
pub async fn run(session: &Session) -> Result<()> {
    let ground = session.ground_quietly(Purpose::Act, Vec::new()).await?;
    let answer = word::reload(&ground.place.file, &ground.store).await?;
    if session.output.json {
        session.output.json(&answer)?;
    }
    match &answer.error {
        Some(error) => Err(NotReloaded(error.clone()).into()),
        None if session.output.json => Ok(()),
        None => session.output.line(&in_words(&answer)),
    }
}

fn in_words(answer: &ReloadAnswer) -> String {
    let mut lines = vec![if answer.changed.is_empty() {
        "reloaded; no setting has changed".to_owned()
    } else {
        "reloaded:".to_owned()
    }];
    lines.extend(answer.changed.iter().map(|change| format!("  {change}")));
    if !answer.after_restart.is_empty() {
        lines.push(format!("takes effect only after a restart: {}", answer.after_restart.join(", ")));
    }
    lines.join("\n")
}

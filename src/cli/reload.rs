//! `pregonero reload`: the running daemon reads configuration and credentials again, and says what came of it.

use std::fmt;

use anyhow::Result;

use super::session::Session;
use crate::daemon::whereabouts::Purpose;
use crate::daemon::word::{self, ReloadAnswer};

/// The daemon kept what it had.
#[derive(Debug)]
pub struct NotReloaded(String);

impl std::error::Error for NotReloaded {}

impl fmt::Display for NotReloaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not reloaded, the daemon goes on with what it had: {}", self.0)
    }
}

/// Asks the daemon and waits for the end.
///
/// # Errors
/// If no daemon of this configuration runs, or it could not use the new one.
pub async fn run(session: &Session) -> Result<()> {
    let ground = session.ground_quietly(Purpose::Act, Vec::new()).await?;
    let answer = word::reload(&ground.place.file, &ground.store).await?;
    if session.output.json {
        session.output.line(&serde_json::to_string(&answer)?)?;
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
        lines.push(format!("changes with a restart only: {}", answer.after_restart.join(", ")));
    }
    lines.join("\n")
}

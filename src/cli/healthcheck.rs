//! `pregonero healthcheck`: is the daemon alive and as it should be. For containers, timers and monitors: quick, asks nobody
//! but the daemon's sign of life and its database, and says by exit code and `code` how it stands.

use std::fmt;

use anyhow::Result;
use serde_json::json;

use super::session::Session;
use crate::daemon::standing::{Standing, standing};
use crate::daemon::whereabouts::Purpose;

/// Somebody has to act.
#[derive(Debug)]
pub struct Unhealthy(String);

impl std::error::Error for Unhealthy {}

impl fmt::Display for Unhealthy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Asks the daemon's sign of life and its record.
///
/// # Errors
/// Why somebody has to act. A pause and a used-up budget are as somebody wanted it.
pub async fn run(session: &Session) -> Result<()> {
    let ground = session.ground(Purpose::Look).await?;
    let Standing { code, reason, daemon } = standing(&ground.store, session.now()).await;
    if session.output.json {
        let answer = json!({
            "healthy": code.is_healthy(), "ready": code.is_ready(), "code": code, "reason": reason, "daemon": daemon,
        });
        session.output.line(&answer.to_string())?;
    }
    match reason {
        Some(reason) if !code.is_healthy() => Err(Unhealthy(reason).into()),
        _ if session.output.json => Ok(()),
        Some(reason) => session.output.line(&format!("alive; nothing is posted for now: {reason}")),
        None => session.output.line("alive and ready"),
    }
}

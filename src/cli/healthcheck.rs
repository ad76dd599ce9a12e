//! `pregonero healthcheck`: checks whether the daemon is alive and well, for containers, timers and monitors. It is quick,
//! reads only the daemon's status file and its database, and reports the result by its exit code and `code`.

use std::fmt;

use anyhow::Result;
use serde_json::json;

use super::session::Session;
use crate::daemon::standing::{Standing, standing};
use crate::daemon::whereabouts::Purpose;

/// The finding that somebody has to act.
#[derive(Debug)]
pub struct Unhealthy(String);

impl std::error::Error for Unhealthy {}

impl fmt::Display for Unhealthy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads the daemon's status and its record, and reports.
///
/// # Errors
/// If somebody has to act; the message says why. A pause and a used-up budget are intended and count as healthy.
pub async fn run(session: &Session) -> Result<()> {
    let ground = session.ground(Purpose::Look).await?;
    let Standing { code, reason, daemon } = standing(&ground.store, session.now()).await;
    if session.output.json {
        let answer = json!({
            "healthy": code.is_healthy(), "ready": code.is_ready(), "code": code, "reason": reason, "daemon": daemon,
        });
        session.output.json(&answer)?;
    }
    match reason {
        Some(reason) if !code.is_healthy() => Err(Unhealthy(reason).into()),
        _ if session.output.json => Ok(()),
        Some(reason) => session.output.line(&format!("alive; nothing is posted for now: {reason}")),
        None => session.output.line("alive and ready"),
    }
}

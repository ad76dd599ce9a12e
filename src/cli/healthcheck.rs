//! `pregonero healthcheck`: is the daemon alive and ready. For containers and monitors, which look at the exit code.

use anyhow::Result;
use serde_json::json;

use super::session::Session;
use crate::daemon;

/// Asks the daemon's sign of life.
///
/// # Errors
/// Why the daemon is not well.
pub fn run(session: &Session) -> Result<()> {
    let status = daemon::health(&session.settings()?.store.path, session.now())?;
    session.output.object(|| "alive and ready".to_owned(), || json!({"healthy": true, "daemon": status}))
}

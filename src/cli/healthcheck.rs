//! `pregonero healthcheck`: could the daemon post right now. For containers, timers and monitors: quick, asks nobody but
//! the daemon's sign of life and its database, and says why not by exit code and `code`.

use anyhow::Result;
use serde_json::json;

use super::session::Session;
use crate::daemon;

/// Asks the daemon's sign of life and its record.
///
/// # Errors
/// Why the daemon is not well.
pub async fn run(session: &Session) -> Result<()> {
    let settings = session.settings()?;
    let health = daemon::health_with_record(&settings.store.path, session.now()).await;
    match health {
        Ok(status) => session.output.object(
            || "alive and ready".to_owned(),
            || json!({"healthy": true, "code": "ok", "reason": null, "daemon": status}),
        ),
        Err(error) => {
            if session.output.json {
                let answer = json!({"healthy": false, "code": error.code(), "reason": error.to_string()});
                session.output.line(&answer.to_string())?;
            }
            Err(error.into())
        }
    }
}

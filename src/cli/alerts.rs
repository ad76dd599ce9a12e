//! `pregonero alerts`: the alerts that are open, and a test of whether an alert would arrive.

use anyhow::{Result, bail};
use clap::Subcommand;
use serde_json::json;

use super::output::{BAD, GOOD, styled};
use super::session::Session;
use crate::alerts::{Channels, test_payload};
use crate::daemon::whereabouts::Purpose;
use pregonero_store::{AlertRecord, Store};
use pregonero_system::clock::shown;

/// What to do with the alerts.
#[derive(Debug, Subcommand)]
pub enum AlertsCommand {
    /// Send a test through every channel of [alerts] now
    Test,
    /// List the alerts that are not over
    List,
}

/// Runs `alerts`.
///
/// # Errors
/// If no alerts are configured, or a channel did not accept the test.
pub async fn run(command: AlertsCommand, session: &Session) -> Result<()> {
    match command {
        AlertsCommand::Test => test(session).await,
        AlertsCommand::List => list(session).await,
    }
}

async fn test(session: &Session) -> Result<()> {
    let settings = session.settings()?;
    let channels = Channels::open(&settings.alerts, &session.environment)?;
    if channels.names().is_empty() {
        bail!("no alerts are configured: set alerts.webhook, alerts.command or ALERTS_WEBHOOK");
    }
    let payload = test_payload(&settings.account.handle, session.now());
    let mut failed = Vec::new();
    for channel in channels.names() {
        let delivered = channels.deliver(channel, &payload).await;
        let error = delivered.as_ref().err();
        session.output.object(
            || match error {
                None => format!("{channel}: {}", styled(GOOD, "accepted")),
                Some(error) => format!("{channel}: {} ({error})", styled(BAD, "not accepted")),
            },
            || json!({"channel": channel, "delivered": delivered.is_ok(), "error": error}),
        )?;
        failed.extend(delivered.is_err().then(|| channel.as_str()));
    }
    if failed.is_empty() { Ok(()) } else { bail!("no alert would arrive through: {}", failed.join(", ")) }
}

async fn list(session: &Session) -> Result<()> {
    let store = Store::open_read_only(&session.ground(Purpose::Look).await?.store).await?;
    let alerts = store.open_alerts().await?;
    store.close().await;
    let cells = |alert: &AlertRecord| vec![shown(alert.raised_at), alert.kind.to_string(), alert.message.clone()];
    session.output.listed(&["SINCE", "KIND", "WHAT"], &alerts, cells, "no alert is open")
}

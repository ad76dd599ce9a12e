//! `pregonero pause` and `pregonero resume`: stop all posting, and let posts out again.
//!
//! They write to the record, where a running daemon looks before every post and every few seconds. An emergency brake: it
//! needs a record that is there, and of the configuration only where that is.

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::review::Decision;
use super::session::Session;
use crate::daemon::whereabouts::Purpose;
use crate::store::Store;

/// Why nothing is to go out.
#[derive(Debug, Args)]
#[command(after_help = "\
A post that X is being asked to take at this moment is not called back. Slots that pass meanwhile are recorded as missed.

Examples:
  pregonero pause --reason \"elections\"
  pregonero resume")]
pub struct PauseArguments {
    /// Why, for the record
    #[arg(long, value_name = "TEXT", default_value = "no reason given")]
    reason: String,
    #[command(flatten)]
    decision: Decision,
}

/// Who lets posts out again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pregonero resume                after `pause`, or when X takes posts again: credits bought, account unlocked")]
pub struct ResumeArguments {
    #[command(flatten)]
    decision: Decision,
}

/// Stops all posting.
///
/// # Errors
/// Where nobody is named, or the record cannot be written.
pub async fn pause(arguments: PauseArguments, session: &Session) -> Result<()> {
    let PauseArguments { reason, decision } = arguments;
    let by = decision.name(session)?;
    let store = Store::open_for_halts(&session.ground(Purpose::Act).await?.store).await?;
    let is_new = store.pause(&by, &reason, session.now()).await?;
    store.close().await;
    let words =
        if is_new { "nothing is posted until `pregonero resume`" } else { "it was paused before; nothing changes" };
    session.output.object(|| words.to_owned(), || json!({"paused": true, "was_paused": !is_new}))
}

/// Ends a pause, and what X stopped.
///
/// # Errors
/// As [`pause`].
pub async fn resume(arguments: ResumeArguments, session: &Session) -> Result<()> {
    let by = arguments.decision.name(session)?;
    let store = Store::open_for_halts(&session.ground(Purpose::Act).await?.store).await?;
    let ended = store.resume(&by, session.now()).await?;
    store.close().await;
    session.output.object(
        || match ended.as_slice() {
            [] => "nothing was stopped".to_owned(),
            ended => ended.iter().map(|halt| format!("over: {halt}")).collect::<Vec<_>>().join("\n"),
        },
        || json!({"ended": ended}),
    )
}

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
use pregonero_store::{Resumed, Store};

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
  pregonero resume                after `pause`, or when X takes posts again: credits bought, account unlocked;
                                  posts that wait for a limit or a budget are tried again at once")]
pub struct ResumeArguments {
    #[command(flatten)]
    decision: Decision,
}

/// Stops all posting.
///
/// # Errors
/// If nobody is named, or the record cannot be written.
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
/// The same as [`pause`].
pub async fn resume(arguments: ResumeArguments, session: &Session) -> Result<()> {
    let by = arguments.decision.name(session)?;
    let store = Store::open_for_halts(&session.ground(Purpose::Act).await?.store).await?;
    let resumed = store.resume(&by, session.now()).await?;
    store.close().await;
    session.output.object(|| in_words(&resumed), || json!(resumed))
}

fn in_words(resumed: &Resumed) -> String {
    let mut lines: Vec<String> = resumed.ended.iter().map(|halt| format!("over: {halt}")).collect();
    lines.extend(resumed.opened.iter().map(|window| format!("X's limit ({}) is not waited for any more", window.name)));
    if !resumed.freed.is_empty() {
        let freed: Vec<String> = resumed.freed.iter().map(ToString::to_string).collect();
        lines.push(format!("tried again at once: post {}", freed.join(", ")));
    }
    if lines.is_empty() { "nothing was stopped and nothing waits".to_owned() } else { lines.join("\n") }
}

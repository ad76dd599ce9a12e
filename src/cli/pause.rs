//! `pregonero pause` and `pregonero resume`: stop all posting, and allow it again.
//!
//! They write to the record, which a running daemon checks before every post and every few seconds. As an emergency brake,
//! they need an existing record, but of the configuration only the place of that record.

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::output::visible;
use super::review::Decision;
use super::session::Session;
use crate::daemon::whereabouts::Purpose;
use crate::review::reason as reason_on_record;
use pregonero_store::{Resumed, Store};

const NO_REASON: &str = "no reason given";

/// Why posting is stopped, and by whom.
#[derive(Debug, Args)]
#[command(after_help = "\
A post that is being sent to X at this moment is not stopped. Slots that pass during the pause are recorded as missed.

Examples:
  pregonero pause --reason \"elections\"
  pregonero resume")]
pub struct PauseArguments {
    /// The reason, for the record
    #[arg(long, value_name = "TEXT", default_value = NO_REASON)]
    reason: String,
    #[command(flatten)]
    decision: Decision,
}

/// Who allows posting again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pregonero resume                after `pause`, or when X accepts posts again (credits bought, account unlocked);
                                  posts that wait for a limit or a budget are retried at once")]
pub struct ResumeArguments {
    #[command(flatten)]
    decision: Decision,
}

/// Stops all posting.
///
/// # Errors
/// If it is unknown who decides, the reason has a character that cannot be seen or several lines, or the record cannot be
/// written.
pub async fn pause(arguments: PauseArguments, session: &Session) -> Result<()> {
    let PauseArguments { reason, decision } = arguments;
    let by = decision.name(session)?;
    let reason = reason_on_record(&reason)?.unwrap_or_else(|| NO_REASON.to_owned());
    let store = Store::open_for_halts(&session.ground(Purpose::Act).await?.store).await?;
    let is_new = store.pause(&by, &reason, session.now()).await?;
    store.close().await;
    let words =
        if is_new { "nothing is posted until `pregonero resume`" } else { "it was already paused; nothing changes" };
    session.output.object(|| words.to_owned(), || json!({"paused": true, "was_paused": !is_new}))
}

/// Ends a pause, or a halt after X refused posts for good.
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
    let mut lines: Vec<String> =
        resumed.ended.iter().map(|halt| format!("ended: {}", visible(&halt.to_string()))).collect();
    lines.extend(resumed.opened.iter().map(|window| format!("no longer waiting for X's limit ({})", window.name)));
    if !resumed.freed.is_empty() {
        let freed: Vec<String> = resumed.freed.iter().map(ToString::to_string).collect();
        lines.push(format!("tried again at once: post {}", freed.join(", ")));
    }
    if lines.is_empty() { "nothing was stopped, and no approved post waits".to_owned() } else { lines.join("\n") }
}

//! `pregonero status`: what the daemon is doing, and what waits.

use anyhow::Result;
use serde_json::json;

use super::session::Session;
use crate::config::{ScheduleSettings, Settings};
use crate::daemon::{self, HealthError, status};
use crate::publish::{self, Outlook, Rules};
use crate::review;
use crate::store::{PostState, Store, StoreError};

/// Posts on which something is still to happen.
#[derive(Debug, Default)]
struct Waiting {
    /// For a person.
    held: usize,
    /// To be sent.
    approved: usize,
    /// For somebody to find out whether X took them.
    unknown: usize,
    /// What is left of the budget; absent where nothing was ever recorded.
    outlook: Option<Outlook>,
}

/// Prints it. That no daemon runs is an answer, not an error.
///
/// # Errors
/// Where the status file or the record cannot be read.
pub async fn run(session: &Session) -> Result<()> {
    let settings = session.settings()?;
    let (running, problem) = match daemon::health(&settings.store.path, session.now()) {
        Ok(_) => (true, None),
        Err(HealthError::Unreadable(error)) => return Err(error),
        Err(HealthError::NotRunning { .. }) => (false, None),
        Err(error) => (true, Some(error.to_string())),
    };
    let last = status::read(&settings.store.path)?;
    let waiting = waiting(&settings, session).await?;
    let json = json!({
        "running": running, "healthy": running && problem.is_none(), "problem": problem, "daemon": last,
        "held": waiting.held, "approved": waiting.approved, "unknown": waiting.unknown,
        "outlook": waiting.outlook,
    });
    session
        .output
        .object(|| in_words(running, problem.as_deref(), last.as_ref(), &waiting, &settings.schedule), || json)
}

async fn waiting(settings: &Settings, session: &Session) -> Result<Waiting> {
    let store = match Store::open_read_only(&settings.store.path).await {
        Err(StoreError::Missing { .. }) => return Ok(Waiting::default()),
        opened => opened?,
    };
    let waiting = Waiting {
        held: review::list(&store, session.now()).await?.len(),
        approved: store.posts_in(PostState::Approved).await?.len(),
        unknown: store.posts_in(PostState::Unknown).await?.len(),
        outlook: Some(publish::outlook(&store, &Rules::from(settings), session.now()).await?),
    };
    store.close().await;
    Ok(waiting)
}

fn in_words(
    running: bool,
    problem: Option<&str>,
    last: Option<&status::DaemonStatus>,
    waiting: &Waiting,
    schedule: &ScheduleSettings,
) -> String {
    let mut lines = vec![match (running, last) {
        (true, Some(status)) => {
            let mode = if status.live { "live" } else { "dry run" };
            format!(
                "daemon     {} (process {}, version {}, {mode})",
                problem.unwrap_or("well"),
                status.pid,
                status.version
            )
        }
        _ => "daemon     not running".to_owned(),
    }];
    if let Some(next) = last.and_then(|status| status.next_slot).filter(|_| running) {
        let local = next.to_zoned(schedule.timezone.clone());
        lines.push(format!("next slot  {} {}", local.strftime("%a %Y-%m-%d %H:%M:%S"), schedule.timezone_name));
    }
    if let Some(round) = last.and_then(|status| status.last_round.as_ref()) {
        lines.push(format!("last       {}", round.outcome));
    }
    let Waiting { held, approved, unknown, outlook } = waiting;
    lines.push(format!("posts      {held} wait for a person, {approved} to be sent, {unknown} of unknown outcome"));
    if let Some(outlook) = outlook {
        lines.extend(outlook_in_words(outlook, schedule));
    }
    lines.join("\n")
}

fn outlook_in_words(outlook: &Outlook, schedule: &ScheduleSettings) -> Vec<String> {
    let Outlook { posts_left_today, posts_left_this_month, usd_left_this_month, .. } = outlook;
    let mut lines = vec![format!(
        "left       {posts_left_today} posts today; {posts_left_this_month} posts and ${usd_left_this_month:.2} this month"
    )];
    if let (Some(at), Some(reason)) = (outlook.next_post_at, &outlook.waits_for) {
        let local = at.to_zoned(schedule.timezone.clone());
        let local = local.strftime("%a %Y-%m-%d %H:%M:%S");
        lines.push(format!("next post  not before {local} {}: {reason}", schedule.timezone_name));
    }
    lines
        .extend(outlook.halts.iter().map(|halt| format!("stopped    {halt}; `pregonero resume` lets posts out again")));
    lines
}

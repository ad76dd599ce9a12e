//! `pregonero review`: lists, approves and rejects the posts that wait for a person.

use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use jiff::tz::TimeZone;
use serde_json::json;

use super::session::Session;
use crate::daemon::whereabouts::Purpose;
use crate::publish::DEFAULT_STALE_AFTER;
use crate::review;
use pregonero_store::{PostId, PostRecord, Store};
use pregonero_system::clock::shown_in;
use pregonero_tweet::Verdict;

/// What to do with the queue.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  pregonero review list
  pregonero review approve 12
  pregonero review reject 13 --reason \"the figure is out of date\"")]
pub enum ReviewCommand {
    /// List the posts that wait for a person, the oldest first
    List,
    /// Show one post with the verdicts of gates and classifier
    Show {
        /// The number that `review list` shows
        id: i64,
    },
    /// Approve a post; a running daemon sends it within seconds, outside quiet hours
    Approve {
        /// The number that `review list` shows
        id: i64,
        #[command(flatten)]
        decision: Decision,
    },
    /// Stop a post: a waiting one is rejected, an approved one that is not being sent yet is cancelled
    Reject {
        /// The number that `review list` shows
        id: i64,
        /// The reason, for the record
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        #[command(flatten)]
        decision: Decision,
    },
}

/// Who decides.
#[derive(Debug, Args)]
pub struct Decision {
    /// Who decides, for the record; without it, the name you are logged in with, or this process's user
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

impl Decision {
    /// Returns the name of the person who decides.
    ///
    /// # Errors
    /// If no name is given and none can be found.
    pub(super) fn name(&self, session: &Session) -> Result<String> {
        let login = ["SUDO_USER", "LOGNAME", "USER"].iter().find_map(|name| session.environment.get(name));
        let given = self.by.as_deref().or(login).map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
        // A service and `docker exec` set none of these variables.
        given.or_else(user_of_process).context("it is unknown who decides: give --by NAME")
    }
}

/// Returns the user that this process runs as: by name if the machine knows one, otherwise by number.
fn user_of_process() -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    let user = std::fs::metadata("/proc/self").ok()?.uid();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    Some(name_of(user, &users).unwrap_or_else(|| format!("user {user}")))
}

/// Returns the name that a line of `passwd(5)` gives a user.
fn name_of(user: u32, users: &str) -> Option<String> {
    let named = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(user)).then_some(name)
    });
    named.filter(|name| !name.is_empty()).map(str::to_owned)
}

/// Runs `review`.
///
/// # Errors
/// If nothing was ever recorded, no post has the number, or the post has no decision left to make.
pub async fn run(command: ReviewCommand, session: &Session) -> Result<()> {
    let purpose = match command {
        ReviewCommand::List | ReviewCommand::Show { .. } => Purpose::Look,
        ReviewCommand::Approve { .. } | ReviewCommand::Reject { .. } => Purpose::Act,
    };
    let ground = session.ground(purpose).await?;
    let store = match purpose {
        Purpose::Look => Store::open_read_only(&ground.store).await?,
        Purpose::Act => Store::open_existing(&ground.store).await?,
    };
    match command {
        ReviewCommand::List => {
            let held = review::list(&store, session.now()).await?;
            if held.is_empty() {
                session.output.note("no post waits for a person");
            }
            let header = ["ID", "EXPIRES", "WHY", "TEXT"];
            let zone = ground.zone();
            if held.is_empty() && !session.output.json {
                return Ok(());
            }
            session.output.rows(&header, &held, |post| cells(post, &zone))
        }
        ReviewCommand::Show { id } => {
            let post = review::show(&store, PostId::new(id)).await?;
            let json = serde_json::to_value(&post)?;
            session.output.object(|| in_words(&post, &ground.zone()), || json)
        }
        ReviewCommand::Approve { id, decision } => {
            let by = decision.name(session)?;
            let stale_after = ground.settings().map_or(DEFAULT_STALE_AFTER, |settings| settings.publish.stale_after);
            approve(&store, PostId::new(id), &by, stale_after, session).await
        }
        ReviewCommand::Reject { id, reason, decision } => {
            let by = decision.name(session)?;
            reject(&store, PostId::new(id), &by, reason.as_deref(), session).await
        }
    }
}

async fn approve(store: &Store, post: PostId, by: &str, stale_after: Duration, session: &Session) -> Result<()> {
    review::approve(store, post, by, stale_after, session.now()).await?;
    let live = review::show(store, post).await?.live;
    store.close().await;
    session.output.object(
        || match live {
            Some(false) => format!(
                "post {post} is approved by {by}; it was made in a dry run, so a dry run records it and it is never sent"
            ),
            _ => format!("post {post} is approved by {by}; a running daemon or the next `pregonero once` sends it"),
        },
        || json!({"id": post, "state": "approved", "decided_by": by, "live": live}),
    )
}

async fn reject(store: &Store, post: PostId, by: &str, reason: Option<&str>, session: &Session) -> Result<()> {
    let state = review::reject(store, post, by, reason, session.now()).await?;
    store.close().await;
    session.output.object(
        || format!("post {post} is {state} by {by}"),
        || json!({"id": post, "state": state, "decided_by": by, "reason": reason}),
    )
}

/// Returns the names of the gates that did not pass the post, or `review.mode` if all did.
fn why(post: &PostRecord) -> String {
    let gates: Vec<&str> =
        post.gates.iter().filter(|gate| gate.verdict != Verdict::Pass).map(|gate| gate.gate.as_str()).collect();
    if gates.is_empty() { "review.mode".to_owned() } else { gates.join(", ") }
}

fn cells(post: &PostRecord, zone: &TimeZone) -> Vec<String> {
    vec![post.id.to_string(), shown_in(post.expires_at, zone), why(post), post.text.replace('\n', " ")]
}

fn in_words(post: &PostRecord, zone: &TimeZone) -> String {
    let mut lines = vec![
        format!("post       {}", post.id),
        format!("state      {}", post.state),
        format!("text       {}", post.text),
        format!("length     {}", post.weighted_length),
        format!("sentiment  {} {:.2}", post.sentiment.label, post.sentiment.score),
        format!("recorded   {}", shown_in(post.created_at, zone)),
        format!("expires    {}", shown_in(post.expires_at, zone)),
    ];
    if let (Some(by), Some(at)) = (&post.decided_by, post.decided_at) {
        let reason = post.decision_reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        lines.push(format!("decided    by {by} at {}{reason}", shown_in(at, zone)));
    }
    let objections = post.gates.iter().filter(|gate| gate.verdict != Verdict::Pass);
    lines.extend(
        objections.map(|gate| format!("gate       {} ({}): {}", gate.gate, gate.verdict.as_str(), gate.reason)),
    );
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_named_by_the_machine_s_list() {
        let users = "root:x:0:0:root:/root:/bin/sh\n\nana:x:1000:1000::/home/ana:/bin/sh\n:x:12:12::/:/bin/sh\n";
        for (user, name) in [(0, Some("root")), (1000, Some("ana")), (12, None), (10001, None)] {
            assert_eq!(name_of(user, users).as_deref(), name, "{user}");
        }
    }
}

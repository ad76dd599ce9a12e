//! `pregonero review`: the posts that wait for a person, settled from the command line.

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use serde_json::json;

use super::session::Session;
use crate::config::Settings;
use crate::review;
use crate::store::{PostId, PostRecord, Store};
use crate::tweet::Verdict;

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
    /// Show one post with what gates and classifier said of it
    Show {
        /// The number that `review list` shows
        id: i64,
    },
    /// Let a post through; a running daemon sends it within seconds, outside quiet hours
    Approve {
        /// The number that `review list` shows
        id: i64,
        #[command(flatten)]
        decision: Decision,
    },
    /// Stop a post: one that waits is rejected, an approved one that is not under way is cancelled
    Reject {
        /// The number that `review list` shows
        id: i64,
        /// Why, for the record
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        #[command(flatten)]
        decision: Decision,
    },
}

/// Who decides.
#[derive(Debug, Args)]
pub struct Decision {
    /// Who decides, for the record; without it, the name you are logged in with
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

impl Decision {
    /// # Errors
    /// Where nobody is named.
    pub(super) fn name(&self, session: &Session) -> Result<String> {
        let login = || ["SUDO_USER", "LOGNAME", "USER"].iter().find_map(|name| session.environment.get(name));
        let name = self.by.as_deref().or_else(login).map(str::trim).filter(|name| !name.is_empty());
        Ok(name.context("nobody is named who decides: give --by NAME")?.to_owned())
    }
}

/// Runs `review`.
///
/// # Errors
/// Where nothing was ever recorded, no post has the number, or there is nothing (or no longer anything) to decide.
pub async fn run(command: ReviewCommand, session: &Session) -> Result<()> {
    let settings = session.settings()?;
    // For a decision too: it makes no database where there is none to decide on.
    let store = Store::open_read_only(&settings.store.path).await?;
    match command {
        ReviewCommand::List => {
            let held = review::list(&store, session.now()).await?;
            if held.is_empty() {
                session.output.note("no post waits for a person");
            }
            let header = ["ID", "EXPIRES", "WHY", "TEXT"];
            if held.is_empty() && !session.output.json { Ok(()) } else { session.output.rows(&header, &held, cells) }
        }
        ReviewCommand::Show { id } => {
            let post = review::show(&store, PostId::new(id)).await?;
            let json = serde_json::to_value(&post)?;
            session.output.object(|| in_words(&post), || json)
        }
        ReviewCommand::Approve { id, decision } => {
            let by = decision.name(session)?;
            store.close().await;
            approve(PostId::new(id), &by, &settings, session).await
        }
        ReviewCommand::Reject { id, reason, decision } => {
            let by = decision.name(session)?;
            store.close().await;
            reject(PostId::new(id), &by, reason.as_deref(), &settings, session).await
        }
    }
}

async fn approve(post: PostId, by: &str, settings: &Settings, session: &Session) -> Result<()> {
    let store = Store::open(&settings.store.path).await?;
    review::approve(&store, post, by, settings.publish.stale_after, session.now()).await?;
    let live = review::show(&store, post).await?.live;
    store.close().await;
    session.output.object(
        || match live {
            Some(false) => format!(
                "post {post} is approved by {by}; it was made in a dry run, so a dry run records it and nothing sends it"
            ),
            _ => format!("post {post} is approved by {by}; a running daemon or the next `pregonero once` sends it"),
        },
        || json!({"id": post, "state": "approved", "decided_by": by, "live": live}),
    )
}

async fn reject(post: PostId, by: &str, reason: Option<&str>, settings: &Settings, session: &Session) -> Result<()> {
    let store = Store::open(&settings.store.path).await?;
    let state = review::reject(&store, post, by, reason, session.now()).await?;
    store.close().await;
    session.output.object(
        || format!("post {post} is {state} by {by}"),
        || json!({"id": post, "state": state, "decided_by": by, "reason": reason}),
    )
}

/// What gates asked for a person, in a few words.
fn why(post: &PostRecord) -> String {
    let gates: Vec<&str> =
        post.gates.iter().filter(|gate| gate.verdict != Verdict::Pass).map(|gate| gate.gate.as_str()).collect();
    if gates.is_empty() { "review.mode".to_owned() } else { gates.join(", ") }
}

fn cells(post: &PostRecord) -> Vec<String> {
    vec![post.id.to_string(), format!("{:.0}", post.expires_at), why(post), post.text.replace('\n', " ")]
}

fn in_words(post: &PostRecord) -> String {
    let mut lines = vec![
        format!("post       {}", post.id),
        format!("state      {}", post.state),
        format!("text       {}", post.text),
        format!("length     {}", post.weighted_length),
        format!("sentiment  {} {:.2}", post.sentiment.label, post.sentiment.score),
        format!("recorded   {}", post.created_at),
        format!("expires    {}", post.expires_at),
    ];
    if let (Some(by), Some(at)) = (&post.decided_by, post.decided_at) {
        let reason = post.decision_reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        lines.push(format!("decided    by {by} at {at}{reason}"));
    }
    let objections = post.gates.iter().filter(|gate| gate.verdict != Verdict::Pass);
    lines.extend(
        objections.map(|gate| format!("gate       {} ({}): {}", gate.gate, gate.verdict.as_str(), gate.reason)),
    );
    lines.join("\n")
}

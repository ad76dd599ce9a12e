//! `pregonero once`: one round now, then the end.

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::output::Output;
use crate::daemon::signals::Signals;
use crate::daemon::{self, Start};
use crate::round::Order;
use crate::store::HistoryEntry;

#[derive(Debug, Args)]
pub struct OnceArguments {
    /// What the tweet begins with, instead of a seed prompt of the configuration
    #[arg(long, value_name = "TEXT")]
    prompt: Option<String>,
}

/// Serves one round and prints its line of the history.
pub async fn run(arguments: OnceArguments, start: Start, output: Output) -> Result<()> {
    let order = Order::by_hand(start.clock.now(), arguments.prompt);
    let finished = daemon::once(start, order, Signals::listen()?).await?;
    print(&finished.entry, output)?;
    finished.result?;
    Ok(())
}

fn print(entry: &HistoryEntry, output: Output) -> Result<()> {
    let text = || match &entry.text {
        Some(text) => format!("{} {}: {text}", entry.id, entry.state),
        None => format!("{} {}: {}", entry.id, entry.state, entry.error.as_deref().unwrap_or("no post")),
    };
    output.object(text, || json!(entry))
}

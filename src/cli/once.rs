//! `pregonero once`: runs one round now, then exits.

use anyhow::{Context as _, Result};
use clap::Args;

use super::decoding::ModelArgument;
use super::first_round;
use super::output::Output;
use super::session::Session;
use crate::daemon;
use crate::daemon::signals::Signals;
use crate::round::Order;
use pregonero_store::HistoryEntry;

/// What to write.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pregonero once                          a round for one of the seed prompts
  pregonero once --prompt \"Me parece\"     a round that begins with these words
  pregonero once --model ./models/mine    a round written by another model; the record names it")]
pub struct OnceArguments {
    /// Text that the tweet begins with, instead of one of the configured seed prompts
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    prompt: Option<String>,
    #[command(flatten)]
    model: ModelArgument,
}

/// Runs one round and prints its line of the history.
///
/// # Errors
/// The errors of the daemon, and an error if the post did not go out.
pub async fn run(arguments: OnceArguments, session: &Session) -> Result<()> {
    let signals = Signals::listen().context("cannot listen for signals")?;
    let mut loaded = session.load(arguments.model.overrides())?;
    session.refuse_a_record_left_behind(&loaded)?;
    session.refuse_a_second_record().await?;
    arguments.model.fit(&mut loaded.settings, session)?;
    let show = first_round::shown_to_people(session, &loaded.settings);
    let inputs = session.inputs(loaded.settings)?;
    let order = Order::by_hand(session.now(), arguments.prompt);
    let finished = daemon::once(inputs, &loaded.provenance, order, signals).await?;
    if let Some(show) = show {
        show(&finished.record);
    }
    print(&finished.record.entry, session.output)?;
    Ok(finished.result?)
}

/// Prints the entry; as JSON, the same line that `history list` prints.
fn print(entry: &HistoryEntry, output: Output) -> Result<()> {
    if output.json {
        output.rows(&[], std::slice::from_ref(entry), |_| Vec::new())
    } else {
        output.line(&in_words(entry))
    }
}

fn in_words(entry: &HistoryEntry) -> String {
    let what = entry.text.as_deref().or(entry.error.as_deref()).unwrap_or_default();
    let link = entry.url.as_ref().map_or_else(String::new, |url| format!(" ({url})"));
    format!("{} {}: {what}{link}", entry.id, entry.state)
}

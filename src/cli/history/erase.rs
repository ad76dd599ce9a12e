//! `pregonero history erase`: removes the texts of rounds for good.
//!
//! One constraint: nothing is erased by a slip. A person confirms on a terminal, a script with `--yes`, and a round to which
//! something may still happen is refused before anything is erased.

use std::io::{self, BufRead as _, Write as _};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use jiff::Timestamp;
use pregonero_store::{Erased, Erasure, RoundId, Store};
use serde_json::json;

use super::find;
use crate::cli::exit::WrongUsage;
use crate::cli::output::{Output, can_ask, counted, visible};
use crate::cli::review::Decision;
use crate::cli::session::Session;
use crate::review;

/// What to erase, and why.
#[derive(Debug, Args)]
#[command(after_help = "\
Erases the texts, the words that gates and notes quote from them, X's answers to the calls, the random seeds that would
write the texts again, a prompt that was typed for the round (one of the configuration stays), and what the audit log says
of them. Scores, verdicts, times and who decided stay, and so does the
audit log's tree: `audit verify` says that the records were emptied on purpose, and a record names you and the reason. Do
not write the erased words into --reason: the log keeps it.

A tweet that went out stays on X: delete it there. Backups made before, exports and the log of the service keep the
texts: delete those too.

Exit codes: 0 erased, 1 not erased, 2 not confirmed and no terminal to ask on.

Examples:
  pregonero history erase 12 --reason \"the person named asked for it\"
  pregonero history erase 12 13 --reason \"request of 3 March\" --yes     without asking
  pregonero history erase 12 --candidates --reason \"a phone number\"     the post keeps its text")]
pub struct EraseArguments {
    /// The rounds or posts: numbers that `history list` shows, or tweets' ids or addresses
    #[arg(value_name = "ID|TWEET", required = true)]
    which: Vec<String>,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Keep the post's own text, and erase the candidates that it was not made of
    #[arg(long)]
    candidates: bool,
    /// Do not ask for confirmation
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    decision: Decision,
}

/// Erases the texts. `configured` are the seed prompts of the configuration, which stay.
///
/// # Errors
/// If it is not confirmed, there is no such round, something may still happen to one, or the database cannot be written.
pub async fn run(arguments: &EraseArguments, configured: &[String], store: &Store, session: &Session) -> Result<()> {
    let by = arguments.decision.name(session)?;
    let reason = review::reason(&arguments.reason)?.context("--reason: it is empty; say why, for the audit log")?;
    let mut rounds = Vec::new();
    for which in &arguments.which {
        rounds.push(find(which, store).await?);
    }
    rounds.sort_unstable();
    rounds.dedup();
    confirm(&rounds, arguments, store, session.output).await?;
    let mut erased = Vec::new();
    for round in rounds {
        let erasure = Erasure { round, keep_post: arguments.candidates, configured, by: &by, reason: &reason };
        let one = erase(store, &erasure, session.now()).await;
        if one.is_err() && !erased.is_empty() {
            store.scrub().await?;
        }
        erased.push(one?);
    }
    store.scrub().await?;
    session.output.object(|| erased.iter().map(in_words).collect::<Vec<_>>().join("\n"), || json!(erased))?;
    let tweets = tweets(&erased, store).await?;
    let still = if tweets.is_empty() { String::new() } else { format!("the tweet on X ({}), ", tweets.join(", ")) };
    session.output.note(&format!("still with the text, so delete them too: {still}backups and exports made before"));
    Ok(())
}

/// Returns where the tweets of the posts that lost their texts can be seen.
async fn tweets(erased: &[Erased], store: &Store) -> Result<Vec<String>> {
    let mut tweets = Vec::new();
    for one in erased.iter().filter(|one| one.post) {
        tweets.extend(store.history_record(one.round).await?.entry.url);
    }
    Ok(tweets)
}

async fn erase(store: &Store, erasure: &Erasure<'_>, now: Timestamp) -> Result<Erased> {
    let erased = store.erase(erasure, now).await?;
    if erased.record.is_some() {
        tracing::info!(round = %erased.round, by = erasure.by, "texts erased");
    }
    Ok(erased)
}

fn in_words(erased: &Erased) -> String {
    let Erased { round, post, candidates, prompt, records, record } = erased;
    let Some(record) = record else {
        return format!("round {round}: there was nothing left to erase");
    };
    let candidates = counted(*candidates, "candidate", "candidates");
    let mut what = if *post { format!("the post and {candidates}") } else { candidates };
    if *prompt {
        what.push_str(" and the prompt that was typed for it");
    }
    let emptied = counted(*records as i64, "record", "records");
    format!("round {round}: {what} erased; {emptied} of the audit log emptied, as record {record} says")
}

/// Shows what would be erased and asks, unless the command says yes.
async fn confirm(rounds: &[RoundId], arguments: &EraseArguments, store: &Store, output: Output) -> Result<()> {
    if arguments.yes {
        for round in rounds {
            store.history_record(*round).await?;
        }
        return Ok(());
    }
    let can_ask = can_ask() && !output.json;
    for round in rounds {
        let record = store.history_record(*round).await?;
        let candidates = counted(record.candidates.len() as i64, "candidate", "candidates");
        let text = record.entry.text.filter(|text| !text.is_empty() && !arguments.candidates);
        let text = text.map_or_else(String::new, |text| format!(": {}", visible(&text).replace('\n', " ")));
        Output::complain(&format!("round {round}, {}, {candidates}{text}", record.entry.state));
    }
    if !can_ask {
        return Err(WrongUsage("there is no terminal to confirm on: give --yes to erase these texts for good").into());
    }
    let mut terminal = anstream::stderr();
    write!(terminal, "erase these texts for good? Type \"erase\" to confirm: ").and_then(|()| terminal.flush())?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).context("cannot read the answer")?;
    if answer.trim() != "erase" {
        bail!("not confirmed: nothing was erased");
    }
    Ok(())
}

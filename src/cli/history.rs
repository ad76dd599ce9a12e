//! `pregonero history`: the record, looked at without changing it, also while a daemon writes to it.

use anyhow::Result;
use clap::Subcommand;

use super::output::{self, styled};
use super::session::Session;
use crate::daemon::whereabouts::Purpose;
use crate::store::{HistoryEntry, HistoryRecord, RoundId, Store};
use crate::tweet::Verdict;

/// What to look at.
#[derive(Debug, Subcommand)]
pub enum HistoryCommand {
    /// List the newest rounds with what became of them, the newest first
    List {
        /// At most this many
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: u32,
    },
    /// Show everything on record about one round: all candidates, verdicts, decisions and calls
    Show {
        /// The number that `history list` shows
        id: i64,
    },
}

/// Runs `history`.
///
/// # Errors
/// Where nothing was ever recorded, the database cannot be read, or no round has the number.
pub async fn run(command: HistoryCommand, session: &Session) -> Result<()> {
    let store = Store::open_read_only(&session.ground(Purpose::Look).await?.store).await?;
    match command {
        HistoryCommand::List { limit } => {
            let header = ["ID", "SLOT", "STATE", "TEXT OR REASON"];
            session.output.rows(&header, &store.history(limit).await?, cells)
        }
        HistoryCommand::Show { id } => {
            let record = store.history_record(RoundId::new(id)).await?;
            let json = serde_json::to_value(&record)?;
            session.output.object(|| in_words(&record), || json)
        }
    }
}

fn cells(entry: &HistoryEntry) -> Vec<String> {
    let told = entry.text.as_ref().or(entry.error.as_ref()).map(|text| text.replace('\n', " ")).unwrap_or_default();
    vec![entry.id.to_string(), entry.slot.clone(), entry.state.to_string(), told]
}

fn in_words(record: &HistoryRecord) -> String {
    let mut lines = Vec::new();
    let mut line = |name: &str, value: Option<String>| {
        lines.extend(value.map(|value| format!("{name:<14} {value}")));
    };
    let (entry, round) = (&record.entry, &record.round);
    line("round", Some(entry.id.to_string()));
    line("slot", Some(entry.slot.clone()));
    line("state", Some(entry.state.to_string()));
    line("text", entry.text.clone());
    line("tweet", entry.tweet_id.clone());
    line("error", entry.error.clone());
    line("seed prompt", entry.seed_prompt.as_ref().map(|prompt| format!("{prompt:?}")));
    let attributes = round.seed_attributes.as_ref().and_then(serde_json::Value::as_object);
    for (name, value) in attributes.into_iter().flatten() {
        line("attribute", Some(format!("{name}={}", value.as_str().unwrap_or_default())));
    }
    line("seed", round.rng_seed.map(|seed| seed.to_string()));
    line("generator", round.generator.as_ref().map(|model| format!("{} {}", model.name, model.sha256)));
    line("classifier", round.classifier.as_ref().map(|model| format!("{} {}", model.name, model.sha256)));
    line("device", round.device.clone());
    line("began", Some(round.started_at.to_string()));
    line("ended", round.finished_at.map(|at| at.to_string()));
    if let Some(post) = &record.post {
        line("decided by", post.decided_by.clone());
        line("decided", post.decided_at.map(|at| at.to_string()));
        line("because", post.decision_reason.clone());
        line("expires", Some(post.expires_at.to_string()));
        line("waits until", post.not_before.map(|at| at.to_string()));
        line("unknown since", post.unknown_since.map(|at| at.to_string()));
        line("looked for at", post.look_at.map(|at| at.to_string()));
        line("sent", post.sent_at.map(|at| at.to_string()));
    }
    lines.extend(record.attempts.iter().map(|attempt| {
        let attempt = serde_json::to_value(attempt).unwrap_or_default();
        format!("{:<14} {attempt}", "call")
    }));
    lines.extend(record.reads.iter().map(|read| {
        let read = serde_json::to_value(read).unwrap_or_default();
        format!("{:<14} {read}", "reading")
    }));
    lines.push(styled(output::HEADING, "candidates"));
    for candidate in &record.candidates {
        let one = &candidate.judged;
        let chosen = if candidate.chosen { "*" } else { " " };
        lines.push(format!(
            "{chosen}{:>3}. {:.2} {:<7} {}",
            candidate.position,
            one.score,
            one.verdict().as_str(),
            one.text
        ));
        let objections = one.gates.iter().filter(|gate| gate.verdict != Verdict::Pass);
        lines
            .extend(objections.map(|gate| format!("      {} ({}): {}", gate.gate, gate.verdict.as_str(), gate.reason)));
    }
    lines.join("\n")
}

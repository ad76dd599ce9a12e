//! `pregonero stats`: what the rounds came to, in all or by prompt, hour, weekday, model or month.

use anyhow::{Result, ensure};
use clap::Args;
use serde_json::{Value, json};

use super::choice::{self, Choice};
use super::dates::When;
use super::output::{Output, counted, dollars, visible};
use super::session::Session;
use crate::daemon::whereabouts::Purpose;
use pregonero_store::{GateCounts, OfScores, StatsBy, StatsQuery, StatsRow, Store};

/// The most characters of a group's name.
const LONGEST_KEY: usize = 32;

const GROUPINGS: [Choice<StatsBy>; 5] = [
    ("prompt", StatsBy::Prompt, "The seed prompt with its attributes"),
    ("hour", StatsBy::Hour, "The hour of the slot, in the schedule's zone"),
    ("weekday", StatsBy::Weekday, "The weekday of the slot"),
    ("model", StatsBy::Model, "The generator"),
    ("month", StatsBy::Month, "The month of the slot"),
];

/// What to count.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pregonero stats                              everything on record
  pregonero stats --by prompt                  which prompts yield posts, with what scores and at what cost
  pregonero stats --by hour --since 2026-01-01
  pregonero --json stats --by month            every number, with the verdicts of every gate

PASSED is the share of the candidates that no gate objected to. SCORE is the mean of all candidates, POSTED the median of
those that posts were made of. The costs are those of each post: what reading the engagement costs is in `history costs`.")]
pub struct StatsArguments {
    /// One row for each of these, instead of one total
    #[arg(long, value_name = "WHAT", value_parser = choice::listed(&GROUPINGS))]
    by: Option<StatsBy>,
    /// Slots from this day or time on: 2026-03-01, 2026-03-01T09:00, in the schedule's zone
    #[arg(long, value_name = "DATE")]
    since: Option<When>,
    /// Slots up to this day, or before this time
    #[arg(long, value_name = "DATE")]
    until: Option<When>,
}

/// Runs `stats`.
///
/// # Errors
/// If nothing was ever recorded, or the database cannot be read.
pub async fn run(arguments: StatsArguments, session: &Session) -> Result<()> {
    let ground = session.ground(Purpose::Look).await?;
    let zone = ground.zone();
    let since = arguments.since.map(|when| when.start(&zone)).transpose()?;
    let until = arguments.until.map(|when| when.end(&zone)).transpose()?;
    if let (Some(since), Some(until)) = (since, until) {
        ensure!(since < until, "--since is not before --until: nothing can lie between them");
    }
    let store = Store::open_read_only(&ground.store).await?;
    let by = arguments.by.unwrap_or(StatsBy::Total);
    let rows = store.stats(&StatsQuery { by, zone, since, until }).await?;
    store.close().await;
    match (&rows[..], by) {
        ([], _) if !session.output.json => {
            session.output.note("no round is on record for this time");
            Ok(())
        }
        ([row], StatsBy::Total) => session.output.object(|| in_words(row), || to_json(row)),
        _ => in_a_table(&rows, by, session.output),
    }
}

/// Returns a row for machines: the numbers as they are, and the shares that people ask for.
fn to_json(row: &StatsRow) -> Value {
    let mut value = serde_json::to_value(row).unwrap_or_default();
    let gates = row.gates.iter().map(|gate| {
        json!({"gate": gate.gate, "passed": gate.passed, "review": gate.review, "rejected": gate.rejected,
            "share_passed": gate.share_passed()})
    });
    value["gates"] = gates.collect();
    value["share_passed"] = json!(row.share_passed());
    #[expect(clippy::cast_precision_loss, reason = "millionths of a year's dollars are far inside what f64 holds")]
    let usd = row.cost_micros as f64 / 1e6;
    value["cost_usd"] = json!(usd);
    value
}

fn in_a_table(rows: &[StatsRow], by: StatsBy, output: Output) -> Result<()> {
    if output.json {
        return rows.iter().try_for_each(|row| output.json(&to_json(row)));
    }
    let name = by.as_str().to_uppercase();
    let measured = rows.iter().any(|row| row.measured > 0);
    let mut header = vec![&name[..], "ROUNDS", "PASSED", "POSTS", "SENT", "SCORE", "POSTED", "COST"];
    header.extend(measured.then_some(["LIKES", "VIEWS"]).into_iter().flatten());
    header.push("STRICTEST GATE");
    output.rows(&header, rows, |row| cells(row, measured))
}

fn cells(row: &StatsRow, measured: bool) -> Vec<String> {
    let strictest = row.strictest().map(|(gate, share)| format!("{gate} rejects {}", percent(Some(share))));
    let mut cells = vec![
        key(row),
        row.rounds.to_string(),
        percent(row.share_passed()),
        row.chosen.to_string(),
        row.posts.get("sent").copied().unwrap_or(0).to_string(),
        score(row.score.mean),
        score(row.posted_score.median),
        dollars(row.cost_micros),
    ];
    if measured {
        cells.extend([row.likes, row.views].map(|sum| each(row, sum)));
    }
    cells.push(strictest.unwrap_or_default());
    cells
}

/// Returns the group's name, shortened.
fn key(row: &StatsRow) -> String {
    let mut key = row.name(&visible(row.key.trim()).replace('\n', " "));
    if key.chars().count() > LONGEST_KEY {
        key = key.chars().take(LONGEST_KEY - 1).chain(['…']).collect();
    }
    key
}

fn in_words(row: &StatsRow) -> String {
    let mut lines = Vec::new();
    let mut line = |name: &str, value: String| lines.push(format!("{name:<13} {value}"));
    let counts = |counts: &std::collections::BTreeMap<&'static str, i64>| {
        let counts: Vec<String> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
        if counts.is_empty() { "none".to_owned() } else { counts.join(", ") }
    };
    line("rounds", format!("{}: {}", row.rounds, counts(&row.outcomes)));
    line("posts", format!("{}: {}", row.chosen, counts(&row.posts)));
    let part = |count: i64| percent(row.of_candidates(count));
    let verdicts = format!(
        "{}: {} pass, {} need a person, {} are rejected",
        row.candidates,
        part(row.passed),
        part(row.review),
        part(row.rejected)
    );
    line("candidates", if row.candidates == 0 { "none".to_owned() } else { verdicts });
    line("scores", scores(&row.score));
    line("of posts", format!("{}; ranks: {}", scores(&row.posted_score), scores(&row.posted_rank)));
    line("cost", dollars(row.cost_micros));
    if row.measured > 0 {
        let each = |sum: i64, one: &str| format!("{} {one}", each(row, sum));
        let numbers = [
            each(row.likes, "likes"),
            each(row.reposts, "reposts"),
            each(row.replies, "replies"),
            each(row.quotes, "quotes"),
            each(row.views, "views"),
        ];
        line("engagement", format!("{} a post, of {} measured", numbers.join(", "), row.measured));
    }
    for stopped in &row.stopped {
        let reason = if stopped.reason.is_empty() { String::new() } else { format!(": {}", visible(&stopped.reason)) };
        let outcome = stopped.outcome.as_str();
        line("stopped", format!("{} {outcome}{reason}", counted(stopped.rounds, "round", "rounds")));
    }
    let (mut objecting, silent): (Vec<_>, Vec<_>) = row.gates.iter().partition(|gate| gate.rejected + gate.review > 0);
    objecting.sort_by_key(|gate| std::cmp::Reverse(gate.rejected + gate.review));
    for gate in objecting {
        line("gate", gate_in_words(gate));
    }
    if !silent.is_empty() {
        let names: Vec<&str> = silent.iter().map(|gate| gate.gate.as_str()).collect();
        line("no objection", names.join(", "));
    }
    lines.join("\n")
}

fn gate_in_words(gate: &GateCounts) -> String {
    let review = if gate.review == 0 { String::new() } else { format!(", {} need a person", gate.review) };
    format!("{:<15} {:>6} pass; {} rejected{review}", gate.gate, percent(gate.share_passed()), gate.rejected)
}

fn scores(scores: &OfScores) -> String {
    match (scores.mean, scores.median) {
        (Some(mean), Some(median)) => format!("mean {mean:.2}, median {median:.2}"),
        _ => "none".to_owned(),
    }
}

/// Returns a sum over the measured posts for each of them: `2.5`.
fn each(row: &StatsRow, sum: i64) -> String {
    row.each(sum).map(|each| format!("{each:.1}")).unwrap_or_default()
}

fn percent(share: Option<f64>) -> String {
    share.map(|share| format!("{:.1} %", share * 100.0)).unwrap_or_default()
}

fn score(score: Option<f64>) -> String {
    score.map(|score| format!("{score:.2}")).unwrap_or_default()
}

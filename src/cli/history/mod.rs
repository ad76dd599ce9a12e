//! `pregonero history`: shows the record without changing it, even while a daemon writes to it.
//!
//! Times are in `schedule.timezone`; `--json` has them in UTC.

use std::ffi::OsString;

use anyhow::{Result, ensure};
use clap::Subcommand;
use jiff::tz::TimeZone;
use serde_json::json;

use super::output::{self, dollars, styled};
use super::quoted;
use super::session::Session;
use crate::daemon::whereabouts::Purpose;
use crate::publish::{MonthlyCosts, costs};
use pregonero_store::{AttemptRecord, HistoryEntry, HistoryRecord, ReadRecord, RoundId, RoundRecord, Store};
use pregonero_system::clock::shown_in;
use pregonero_tweet::Verdict;

/// How many digits of a digest are shown for a person to compare.
const SHOWN_DIGEST: usize = 12;

/// What to show.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  pregonero history list --limit 5
  pregonero history show 12                                       a round, by the number that `history list` shows
  pregonero history show https://x.com/uisbot/status/1900000000000000001
  pregonero history costs                                         what X charged, month by month

With --json, `rng_seed` is the round's: `pregonero generate --prompt SEED_PROMPT --rng-seed RNG_SEED` writes the round's
candidates again under the same model, device and [generation]; `candidate` is the number of the posted one. If the
round has attributes, add each as --attribute NAME=VALUE. `history show` prints the whole command.")]
pub enum HistoryCommand {
    /// List the latest rounds and their outcomes, the newest first
    List {
        /// The most rounds to list
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: u32,
    },
    /// Show everything recorded about one round: all candidates, verdicts, decisions and calls
    Show {
        /// The number that `history list` shows, or the tweet's id or address
        #[arg(value_name = "ID|TWEET")]
        which: String,
    },
    /// Show what X charged for posts and reads, month by month, at the prices of the time
    Costs,
}

/// Runs `history`.
///
/// # Errors
/// If nothing was ever recorded, the database cannot be read, or there is no such round.
pub async fn run(command: HistoryCommand, session: &Session) -> Result<()> {
    let ground = session.ground(Purpose::Look).await?;
    let store = Store::open_read_only(&ground.store).await?;
    let timezone = &ground.zone();
    match command {
        HistoryCommand::List { limit } => {
            let slot = format!("SLOT ({})", timezone.iana_name().unwrap_or("UTC"));
            let header = ["ID", &slot, "STATE", "TEXT OR REASON"];
            session.output.rows(&header, &store.history(limit).await?, |entry| cells(entry, timezone))
        }
        HistoryCommand::Show { which } => {
            let record = store.history_record(find(&which, &store).await?).await?;
            let json = serde_json::to_value(&record)?;
            session.output.object(|| in_words(&record, timezone), || json)
        }
        HistoryCommand::Costs => {
            let months = costs(&store, timezone).await?;
            session.output.rows(&["MONTH", "POSTS", "FOR POSTS", "READ", "FOR READS", "TOTAL"], &months, costs_cells)
        }
    }
}

/// Finds the round by its number, by a tweet's id, or by a tweet's address.
async fn find(which: &str, store: &Store) -> Result<RoundId> {
    let id = which.split_once("/status/").map_or(which, |(_, rest)| rest);
    let digits: String = id.chars().take_while(char::is_ascii_digit).collect();
    let is_address = which.contains("/status/");
    ensure!(
        !digits.is_empty() && (is_address || digits == which),
        "{which}: expected a number that `pregonero history list` shows, a tweet's id, or its address (…/status/ID)"
    );
    if let Some(round) = store.round_of_tweet(&digits).await? {
        return Ok(round);
    }
    match digits.parse() {
        Ok(number) if !is_address => Ok(RoundId::new(number)),
        _ => anyhow::bail!("{which}: this record has no post with the tweet id {digits}"),
    }
}

fn cells(entry: &HistoryEntry, timezone: &TimeZone) -> Vec<String> {
    let told = entry.text.as_ref().or(entry.error.as_ref()).map(|text| text.replace('\n', " ")).unwrap_or_default();
    vec![entry.id.to_string(), slot(&entry.slot, timezone), entry.state.to_string(), told]
}

/// Returns a slot's name in local time; a slot that a person asked for is marked as such.
fn slot(name: &str, timezone: &TimeZone) -> String {
    let (time, by_hand) = name.strip_prefix("manual:").map_or((name, ""), |time| (time, " (manual)"));
    match time.parse() {
        Ok(at) => format!("{}{by_hand}", shown_in(at, timezone)),
        Err(_) => name.to_owned(),
    }
}

fn costs_cells(month: &MonthlyCosts) -> Vec<String> {
    vec![
        month.month.clone(),
        month.posts.to_string(),
        dollars(month.post_micros),
        month.read.to_string(),
        dollars(month.read_micros),
        dollars(month.post_micros + month.read_micros),
    ]
}

/// Lines that each have a name and a value.
struct Lines(Vec<String>);

impl Lines {
    fn line(&mut self, name: &str, value: Option<String>) {
        self.0.extend(value.map(|value| format!("{name:<14} {value}")));
    }
}

fn in_words(record: &HistoryRecord, timezone: &TimeZone) -> String {
    let mut lines = Lines(Vec::new());
    let (entry, round) = (&record.entry, &record.round);
    lines.line("round", Some(entry.id.to_string()));
    lines.line("slot", Some(slot(&entry.slot, timezone)));
    lines.line("state", Some(entry.state.to_string()));
    lines.line("text", entry.text.clone());
    lines.line("tweet", entry.url.clone());
    lines.line("error", entry.error.clone());
    about_the_round(record, timezone, &mut lines);
    about_the_settings(round, &mut lines);
    about_the_post(record, timezone, &mut lines);
    record.attempts.iter().for_each(|attempt| lines.line("call", Some(call(attempt, timezone))));
    record.reads.iter().for_each(|read| lines.line("reading", Some(reading(read, timezone))));
    let mut lines = lines.0;
    lines.push(styled(output::HEADING, "candidates"));
    for candidate in &record.candidates {
        let one = &candidate.judged;
        let chosen = if candidate.chosen { "*" } else { " " };
        let number = candidate.position + 1;
        lines.push(format!("{chosen}{number:>3}. {:.2} {:<7} {}", one.rank(), one.verdict().as_str(), one.text));
        lines.extend(output::parts_of_rank(one).map(|parts| format!("      {parts}")));
        let objections = one.gates.iter().filter(|gate| gate.verdict != Verdict::Pass);
        lines
            .extend(objections.map(|gate| format!("      {} ({}): {}", gate.gate, gate.verdict.as_str(), gate.reason)));
    }
    lines.join("\n")
}

fn about_the_round(record: &HistoryRecord, timezone: &TimeZone, lines: &mut Lines) {
    let (entry, round) = (&record.entry, &record.round);
    lines.line("seed prompt", entry.seed_prompt.as_ref().map(|prompt| format!("{prompt:?}")));
    let attributes = round.seed_attributes.as_ref().and_then(serde_json::Value::as_object);
    for (name, value) in attributes.into_iter().flatten() {
        lines.line("attribute", Some(format!("{name}={}", value.as_str().unwrap_or_default())));
    }
    let again = round.rng_seed.zip(entry.seed_prompt.as_ref()).map(|(seed, prompt)| {
        format!("{seed} (again: {})", generate_again(prompt, round.seed_attributes.as_ref(), seed))
    });
    lines.line("seed", again);
    lines.line("generator", round.generator.as_ref().map(|model| format!("{} {}", model.name, model.sha256)));
    lines.line("classifier", round.classifier.as_ref().map(|model| format!("{} {}", model.name, model.sha256)));
    lines.line("device", round.device.clone());
    lines.line("began", Some(shown_in(round.started_at, timezone)));
    lines.line("ended", round.finished_at.map(|at| shown_in(at, timezone)));
}

/// Returns the command that writes a round's candidates again, quoted for a shell.
fn generate_again(prompt: &str, attributes: Option<&serde_json::Value>, seed: u64) -> String {
    let mut words = ["pregonero", "generate", "--prompt", prompt].map(str::to_owned).to_vec();
    for (name, value) in attributes.and_then(serde_json::Value::as_object).into_iter().flatten() {
        words.extend(["--attribute".to_owned(), format!("{name}={}", value.as_str().unwrap_or_default())]);
    }
    words.extend(["--rng-seed".to_owned(), seed.to_string()]);
    quoted(&words.into_iter().map(OsString::from).collect::<Vec<_>>())
}

fn about_the_settings(round: &RoundRecord, lines: &mut Lines) {
    let Some(settings) = &round.settings else { return };
    let text = |name: &str| settings[name].as_str().unwrap_or_default().to_owned();
    let mode = if settings["live"].as_bool() == Some(true) { "live" } else { "dry run" };
    lines.line("account", Some(format!("@{} ({mode})", text("account"))));
    let sentiment = &settings["sentiment"];
    let least = sentiment["threshold"].as_f64().map_or_else(String::new, |least| format!(", at least {least}"));
    lines.line("target", Some(format!("{}{least}", sentiment["target"].as_str().unwrap_or_default())));
    lines.line("ranked by", ranked_by(&settings["selection"]));
    lines.line("review mode", Some(text("review_mode")));
    let gates = settings["gates"].as_object().into_iter().flatten();
    let gates: Vec<String> = gates.map(|(name, value)| format!("{name}={value}").replace('"', "")).collect();
    lines.line("gates", Some(gates.join(" ")));
    lines.line("configuration", round.config_sha256.as_ref().map(|digest| digest.chars().take(SHOWN_DIGEST).collect()));
}

/// Describes how the candidate was chosen; `None` for records of earlier versions, which chose by the sentiment's score.
fn ranked_by(selection: &serde_json::Value) -> Option<String> {
    let rank = selection["rank"].as_str()?;
    let critic = selection["critic"]["name"].as_str().map_or_else(
        || "without a critic".to_owned(),
        |name| format!("critic {name} {}", selection["critic"]["sha256"].as_str().unwrap_or_default()),
    );
    let openings = match selection["fresh_openings"].as_u64() {
        None | Some(0) => String::new(),
        Some(posts) => format!("; a text that begins like one of the last {posts} posts ranks last"),
    };
    Some(format!("{rank}, {critic}{openings}"))
}

fn about_the_post(record: &HistoryRecord, timezone: &TimeZone, lines: &mut Lines) {
    let Some(post) = &record.post else { return };
    let time = |at: Option<jiff::Timestamp>| at.map(|at| shown_in(at, timezone));
    lines.line("decided by", post.decided_by.clone());
    lines.line("decided", time(post.decided_at));
    lines.line("because", post.decision_reason.clone());
    lines.line("expires", time(Some(post.expires_at)));
    lines.line("waits until", time(post.not_before));
    lines.line("unknown since", time(post.unknown_since));
    lines.line("next check", time(post.look_at));
    lines.line("sent", time(post.sent_at));
}

/// Describes a call and its outcome in a sentence.
fn call(attempt: &AttemptRecord, timezone: &TimeZone) -> String {
    let AttemptRecord { number, started_at, outcome, detail, .. } = attempt;
    let answer = [detail.http_status.map(|status| status.to_string()), detail.kind.clone()];
    let answer: Vec<String> = answer.into_iter().flatten().collect();
    let answer = if answer.is_empty() { String::new() } else { format!(" ({})", answer.join(", ")) };
    let words = detail.detail.as_ref().map_or_else(String::new, |words| format!(": {words}"));
    let price = dollars(attempt.price_micros);
    let outcome = outcome.as_str().replace('_', " ");
    format!("{number} at {}: {outcome}{answer}, {price} if posted{words}", shown_in(*started_at, timezone))
}

fn reading(read: &ReadRecord, timezone: &TimeZone) -> String {
    let words = read.detail.detail.as_ref().map_or_else(String::new, |words| format!(": {words}"));
    let (outcome, price) = (read.outcome.as_str(), dollars(read.price_micros));
    format!("{} at {}: {outcome}, {} returned, {price}{words}", read.what, shown_in(read.made_at, timezone), read.items)
}

/// A month's costs as `--json` prints them.
impl serde::Serialize for MonthlyCosts {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[expect(clippy::cast_precision_loss, reason = "millionths of a month's dollars are far inside what f64 holds")]
        let usd = |micros: i64| micros as f64 / 1e6;
        let (posts, reads) = (self.post_micros, self.read_micros);
        json!({"month": self.month, "posts": self.posts, "usd_for_posts": usd(posts), "read": self.read,
            "usd_for_reading": usd(reads), "usd": usd(posts + reads)})
        .serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_says_by_what_it_chose() {
        let selection = json!({"rank": "both", "critic": {"name": "builtin", "sha256": "abc"}, "fresh_openings": 60});
        let expected = "both, critic builtin abc; a text that begins like one of the last 60 posts ranks last";
        assert_eq!(ranked_by(&selection).unwrap(), expected);
        let selection = json!({"rank": "critic", "critic": null, "fresh_openings": 0});
        assert_eq!(ranked_by(&selection).unwrap(), "critic, without a critic");
        assert_eq!(ranked_by(&serde_json::Value::Null), None);
    }

    #[test]
    fn the_command_that_writes_a_round_again_names_its_attributes_and_is_quoted() {
        let attributes = json!({"TEMA": "mayores", "HASHTAGS": "Cuidémonos #YoMeVacuno"});
        assert_eq!(
            generate_again("¿Y si \"$HOME\"", Some(&attributes), 7),
            "pregonero generate --prompt '¿Y si \"$HOME\"' --attribute TEMA=mayores --attribute \
             'HASHTAGS=Cuidémonos #YoMeVacuno' --rng-seed 7"
        );
        assert_eq!(generate_again("Hoy", None, 7), "pregonero generate --prompt Hoy --rng-seed 7");
    }

    #[test]
    fn a_slot_is_shown_in_the_schedule_s_time() {
        let bogota = TimeZone::get("America/Bogota").unwrap();
        assert_eq!(slot("2026-03-01T14:00:00Z", &bogota), "2026-03-01 09:00:00 -05");
        assert_eq!(slot("manual:2026-03-01T14:00:00.250Z", &bogota), "2026-03-01 09:00:00 -05 (manual)");
        assert_eq!(slot("a", &bogota), "a");
    }
}

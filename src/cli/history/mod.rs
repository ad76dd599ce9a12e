//! `pregonero history`: shows the record without changing it, even while a daemon writes to it.
//!
//! Times are in `schedule.timezone`; `--json` has them in UTC.

mod erase;
mod export;
mod filter;
mod show;

use anyhow::{Result, ensure};
use clap::{Args, Subcommand};
use jiff::tz::TimeZone;
use serde_json::json;

use self::erase::EraseArguments;
use self::export::ExportArguments;
use self::filter::FilterArguments;
use super::erasures::shown_text;
use super::output::{dollars, visible};
use super::session::Session;
use crate::daemon::whereabouts::Purpose;
use crate::publish::{MonthlyCosts, costs};
use pregonero_store::{HistoryEntry, RoundId, Store};
use pregonero_system::clock::shown_in;

/// How many rounds are listed if nothing else is asked for.
const LISTED: u32 = 20;

/// What to show.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  pregonero history list -n 5
  pregonero history list --text \"vacuna mayores\" --state sent --since 2026-01-01
  pregonero history show 12                                       a round, by the number that `history list` shows
  pregonero history show https://x.com/uisbot/status/1900000000000000001
  pregonero history export -o history.csv                         a table for a spreadsheet
  pregonero history erase 12 --reason \"the person named asked\"     its texts, for good
  pregonero history costs                                         what X charged, month by month

With --json, `rng_seed` is the round's: `pregonero generate --prompt SEED_PROMPT --rng-seed RNG_SEED` writes the round's
candidates again under the same model, device and [generation]; `candidate` is the number of the posted one. If the
round has attributes, add each as --attribute NAME=VALUE. `history show` prints the whole command.")]
pub enum HistoryCommand {
    /// List the rounds that fit and their outcomes, the newest first
    List(ListArguments),
    /// Show everything recorded about one round: all candidates, verdicts, decisions and calls
    Show {
        /// The number that `history list` shows, or the tweet's id or address
        #[arg(value_name = "ID|TWEET")]
        which: String,
        /// Add why each gate objects to each candidate
        #[arg(long)]
        reasons: bool,
    },
    /// Write the rounds that fit as CSV or JSON lines, for other programs
    Export(ExportArguments),
    /// Erase the texts of rounds for good; the audit log stays whole and says so
    Erase(EraseArguments),
    /// Show what X charged for posts and reads, month by month, at the prices of the time
    Costs,
}

/// What to list.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pregonero history list -n 50
  pregonero history list --text \"vacun* mayores\"             both words, accents or not
  pregonero history list --text '\"por favor\"' --candidates   a phrase, in any candidate
  pregonero history list --state refused --state unknown --since 2026-03-01 --until 2026-03-31
  pregonero history list --prompt \"Me parece\" --min-score 0.9 --all")]
pub struct ListArguments {
    /// The most rounds to list
    #[arg(short = 'n', long, value_name = "N", default_value_t = LISTED)]
    limit: u32,
    /// List all that fit
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    #[command(flatten)]
    filter: FilterArguments,
}

/// Runs `history`.
///
/// # Errors
/// If nothing was ever recorded, the database cannot be read, or there is no such round.
pub async fn run(command: HistoryCommand, session: &Session) -> Result<()> {
    let purpose = if matches!(command, HistoryCommand::Erase(_)) { Purpose::Act } else { Purpose::Look };
    let ground = session.ground(purpose).await?;
    let store = match purpose {
        Purpose::Look => Store::open_read_only(&ground.store).await?,
        Purpose::Act => Store::open_existing(&ground.store).await?,
    };
    let timezone = &ground.zone();
    match command {
        HistoryCommand::List(ListArguments { limit, all, filter }) => {
            let slot = format!("SLOT ({})", timezone.iana_name().unwrap_or("UTC"));
            let header = ["ID", &slot, "STATE", "SCORE", "TEXT OR REASON"];
            let filter = filter.filter((!all).then_some(limit), timezone)?;
            let nothing = if filter.is_open() { "no round is on record yet" } else { "no round fits" };
            let entries = store.history_filtered(&filter).await?;
            session.output.listed(&header, &entries, |entry| cells(entry, timezone), nothing)
        }
        HistoryCommand::Show { which, reasons } => {
            let record = store.history_record(find(&which, &store).await?).await?;
            let json = serde_json::to_value(&record)?;
            session.output.object(|| show::in_words(&record, timezone, reasons), || json)
        }
        HistoryCommand::Erase(arguments) => {
            // Where the configuration cannot be read, every prompt of a round by hand counts as typed: rather one too many.
            let prompts = ground.settings().map(|settings| settings.seed_prompts.as_slice()).unwrap_or_default();
            let configured: Vec<String> = prompts.iter().map(|prompt| prompt.text.clone()).collect();
            erase::run(&arguments, &configured, &store, session).await
        }
        HistoryCommand::Export(arguments) => export::run(arguments, &store, timezone, session.output).await,
        HistoryCommand::Costs => {
            let months = costs(&store, timezone).await?;
            let header = ["MONTH", "POSTS", "FOR POSTS", "READ", "FOR READS", "TOTAL"];
            session.output.listed(&header, &months, costs_cells, "X has charged nothing so far")
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
    let said = entry.text.as_deref().map(shown_text).or(entry.error.as_deref());
    let said = said.map(|text| visible(text).replace('\n', " ")).unwrap_or_default();
    let score = entry.score.map(|score| format!("{score:.2}")).unwrap_or_default();
    vec![entry.id.to_string(), slot(&entry.slot, timezone), entry.state.to_string(), score, said]
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
    fn a_slot_is_shown_in_the_schedule_s_time() {
        let bogota = TimeZone::get("America/Bogota").unwrap();
        assert_eq!(slot("2026-03-01T14:00:00Z", &bogota), "2026-03-01 09:00:00 -05");
        assert_eq!(slot("manual:2026-03-01T14:00:00.250Z", &bogota), "2026-03-01 09:00:00 -05 (manual)");
        assert_eq!(slot("a", &bogota), "a");
    }
}

//! The flags that say which rounds of the history are wanted, the same for `list` and `export`.

use anyhow::{Result, ensure};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use jiff::tz::TimeZone;
use pregonero_store::{HistoryFilter, HistoryState};

use crate::cli::dates::When;

/// Which rounds; all conditions must hold.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which rounds")]
pub struct FilterArguments {
    /// Words that all occur in the post, whatever their accents and capitals; "in quotes" for a phrase, vacun* for a beginning
    #[arg(long, value_name = "WORDS")]
    text: Option<String>,
    /// Look for the words of --text in the candidates too
    #[arg(long, requires = "text")]
    candidates: bool,
    /// Slots from this day or time on: 2026-03-01, 2026-03-01T09:00, in the schedule's zone
    #[arg(long, value_name = "DATE")]
    since: Option<When>,
    /// Slots up to this day, or before this time
    #[arg(long, value_name = "DATE")]
    until: Option<When>,
    /// Rounds of this seed prompt
    #[arg(long, value_name = "TEXT")]
    prompt: Option<String>,
    /// Rounds in this state; may be given several times
    #[arg(long, value_name = "STATE", value_delimiter = ',', value_parser = states())]
    state: Vec<HistoryState>,
    /// Posts whose text has at least this score, 0 to 1
    #[arg(long, value_name = "SCORE", value_parser = score)]
    min_score: Option<f64>,
    /// Rounds of this generator: its name, or the beginning of its digest
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
}

fn states() -> impl clap::builder::TypedValueParser<Value = HistoryState> {
    let words = HistoryState::all().into_iter().map(HistoryState::as_str);
    PossibleValuesParser::new(words).map(|word| HistoryState::from_word(&word).expect("only known words get through"))
}

fn score(found: &str) -> Result<f64, String> {
    let score = found.parse().ok().filter(|score| (0.0..=1.0).contains(score));
    score.ok_or_else(|| "expected a number from 0 to 1".to_owned())
}

impl FilterArguments {
    /// Returns the conditions, with dates in `zone`.
    ///
    /// # Errors
    /// If a value cannot be meant.
    pub fn filter(self, limit: Option<u32>, zone: &TimeZone) -> Result<HistoryFilter> {
        let since = self.since.map(|when| when.start(zone)).transpose()?;
        let until = self.until.map(|when| when.end(zone)).transpose()?;
        if let (Some(since), Some(until)) = (since, until) {
            ensure!(since < until, "--since is not before --until: nothing can lie between them");
        }
        Ok(HistoryFilter {
            text: self.text,
            in_candidates: self.candidates,
            since,
            until,
            prompt: self.prompt,
            states: self.state,
            min_score: self.min_score,
            model: self.model,
            before: None,
            limit,
        })
    }
}

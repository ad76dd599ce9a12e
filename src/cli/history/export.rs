//! `pregonero history export`: the history as a table for other programs.
//!
//! One constraint: a spreadsheet must not take a text for a formula. So in CSV a text that begins with one of the signs
//! that spreadsheets calculate with gets a `'` before it, and a hidden character is written as its code; JSON lines have
//! every text as it is.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;
use pregonero_store::{HistoryEntry, Store};
use pregonero_system::files;
use pregonero_text::characters::escaped_in_json;

use super::filter::FilterArguments;
use crate::cli::output::{Output, visible};

/// The columns of the CSV.
const HEADER: [&str; 23] = [
    "id",
    "slot",
    "slot_local",
    "state",
    "text",
    "tweet_id",
    "url",
    "seed_prompt",
    "candidate",
    "model",
    "model_sha256",
    "label",
    "score",
    "rank",
    "created_at",
    "sent_at",
    "gone_at",
    "error",
    "likes",
    "reposts",
    "replies",
    "quotes",
    "views",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table with a header, in UTF-8, separated by commas; texts that look like formulas begin with a '
    Csv,
    /// One JSON object a line, as `history list --json` prints them
    Jsonl,
}

/// What to export, and where to.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pregonero history export > history.csv
  pregonero history export --format jsonl -o posts.jsonl --state sent --since 2026-01-01
  pregonero history export --prompt \"Me parece\" --limit 100")]
pub struct ExportArguments {
    /// The form of the export; without it, jsonl with --json or if FILE ends in .jsonl, and csv otherwise
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Write to this file, which must not exist yet, instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The most rounds to export, the newest first; without it, all
    #[arg(short = 'n', long, value_name = "N")]
    limit: Option<u32>,
    #[command(flatten)]
    filter: FilterArguments,
}

/// Exports the rounds that fit.
///
/// # Errors
/// If the record cannot be read, or the file exists or cannot be written; nothing is left of it then.
pub async fn run(arguments: ExportArguments, store: &Store, zone: &TimeZone, output: Output) -> Result<()> {
    let is_lines = |path: &PathBuf| path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("jsonl"));
    let lines = output.json || arguments.output.as_ref().is_some_and(is_lines);
    let format = arguments.format.unwrap_or(if lines { Format::Jsonl } else { Format::Csv });
    if let Some(path) = &arguments.output {
        files::refuse_existing(path, files::Existing::Refuse)?;
    }
    let entries = store.history_filtered(&arguments.filter.filter(arguments.limit, zone)?).await?;
    let Some(path) = arguments.output else {
        return match write(format, &entries, zone, &mut io::stdout().lock()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => Ok(written?),
        };
    };
    files::write_private_new(&path, |file| write(format, &entries, zone, file))?;
    let rounds = if entries.len() == 1 { "1 round".to_owned() } else { format!("{} rounds", entries.len()) };
    output.note(&format!("{}: {rounds}", path.display()));
    Ok(())
}

fn write(format: Format, entries: &[HistoryEntry], zone: &TimeZone, file: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Jsonl => {
            for entry in entries {
                let line = serde_json::to_string(entry)?;
                writeln!(file, "{}", escaped_in_json(&line))?;
            }
        }
        Format::Csv => {
            let mut table = csv::Writer::from_writer(&mut *file);
            table.write_record(HEADER)?;
            for entry in entries {
                table.write_record(row(entry, zone))?;
            }
            table.flush()?;
        }
    }
    file.flush()
}

fn row(entry: &HistoryEntry, zone: &TimeZone) -> [String; HEADER.len()] {
    let text = |text: &Option<String>| text.as_deref().map(harmless).unwrap_or_default();
    let number = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
    let score = |score: Option<f64>| score.map(|score| format!("{score:.4}")).unwrap_or_default();
    let engagement = entry.engagement;
    let model = entry.model.as_ref();
    [
        entry.id.to_string(),
        entry.slot.clone(),
        super::slot(&entry.slot, zone),
        entry.state.to_string(),
        text(&entry.text),
        // As a text: a spreadsheet would round a number this long.
        entry.tweet_id.as_ref().map(|id| format!("'{id}")).unwrap_or_default(),
        text(&entry.url),
        text(&entry.seed_prompt),
        number(entry.candidate),
        model.map(|model| harmless(&model.name)).unwrap_or_default(),
        model.map(|model| harmless(&model.sha256)).unwrap_or_default(),
        entry.sentiment.as_ref().map(|sentiment| harmless(&sentiment.label)).unwrap_or_default(),
        score(entry.score),
        score(entry.rank),
        entry.created_at.to_string(),
        entry.sent_at.map(|at| at.to_string()).unwrap_or_default(),
        entry.gone_at.map(|at| at.to_string()).unwrap_or_default(),
        text(&entry.error),
        number(engagement.map(|counts| counts.likes)),
        number(engagement.map(|counts| counts.reposts)),
        number(engagement.map(|counts| counts.replies)),
        number(engagement.map(|counts| counts.quotes)),
        number(engagement.and_then(|counts| counts.views)),
    ]
}

/// Returns the text with its hidden characters as codes (`\u{202e}`), and with a `'` before it if a spreadsheet would take it
/// for a formula. The signs as East Asian keyboards write them count too, and a line break, after which some programs look again.
fn harmless(text: &str) -> String {
    let is_sign = |c: char| matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠');
    let shown = visible(text);
    if text.starts_with(is_sign) { format!("'{shown}") } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pregonero_store::testing::{TestStore, at};

    async fn exported(format: Format, text: &str) -> String {
        let test = TestStore::open().await;
        test.held(text, at("2026-03-01T14:00:00Z")).await;
        let entries = test.store.history(10).await.unwrap();
        let mut file = Vec::new();
        write(format, &entries, &TimeZone::UTC, &mut file).unwrap();
        String::from_utf8(file).unwrap()
    }

    #[tokio::test]
    async fn a_text_that_a_spreadsheet_would_calculate_stays_a_text() {
        for text in ["=HYPERLINK(\"http://a\")", "+1", "-1", "@SUM(A1)", "\n=1", "＝1"] {
            let table = exported(Format::Csv, text).await;
            let mut reader = csv::Reader::from_reader(table.as_bytes());
            assert_eq!(reader.headers().unwrap().len(), HEADER.len());
            let row = reader.records().next().unwrap().unwrap();
            assert_eq!(&row[4], format!("'{text}"), "{table}");
        }
        for (text, shown) in [("\tx", "'\\u{9}x"), ("\r=1", "'\\u{d}=1"), ("a\u{202e}b", "a\\u{202e}b")] {
            let table = exported(Format::Csv, text).await;
            let row = csv::Reader::from_reader(table.as_bytes()).records().next().unwrap().unwrap();
            assert_eq!(&row[4], shown, "{table}");
        }
        let table = exported(Format::Csv, "«Hola», dijo \"ella\";\ny se fue. 🤖").await;
        let row = csv::Reader::from_reader(table.as_bytes()).records().next().unwrap().unwrap();
        assert_eq!(&row[4], "«Hola», dijo \"ella\";\ny se fue. 🤖");
        assert_eq!((&row[2], &row[3]), ("2026-03-01 14:00:00 UTC (manual)", "held"));
    }

    #[tokio::test]
    async fn a_line_of_json_has_the_text_as_it_is() {
        let line = exported(Format::Jsonl, "=1\nx\u{202e}").await;
        assert!(
            line.contains("x\\u202e") && !line.contains('\u{202e}'),
            "a reader of JSON gets it, a terminal does not: {line}"
        );
        let entry: serde_json::Value = serde_json::from_str(line.trim_end()).unwrap();
        assert_eq!((line.lines().count(), &entry["text"]), (1, &"=1\nx\u{202e}".into()));
    }
}

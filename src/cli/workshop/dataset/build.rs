//! `pregonero dataset build`: a data set from files, as a spec says.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::str::FromStr as _;

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use crate::cli::output::{HEADING, counted, styled, visible};
use crate::cli::session::Session;
use pregonero_data::build::{self, BuildReport, Dropped, EnrichSpec, Enricher, Filled, Leakage, Request, SpecFile};
use pregonero_models::catalog::{self, ModelKind, ModelSource};
use pregonero_models::sentiment::Classifier;
use pregonero_system::files::{Existing, refuse_existing_folder};
use pregonero_workshop::dataset::enrich::{self, FilledColumn, Filling};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pregonero dataset build --spec vacunas.toml --dry-run
  pregonero dataset build --spec vacunas.toml --output sets/vacunas
  pregonero dataset build --spec docs/specs/vacunabot.toml --from ~/tweets --output sets/vacunabot

A spec of few lines:
  [[source]]
  path = \"tweets.csv\"
  columns = { text = \"tweet\", author = \"username\", created_at = \"date\" }
  [filter]
  retweets = \"drop\"
  min_words = 5
  duplicates = \"near\"
  [label]
  by = \"hashtags\"
  labels = { positive = [\"YoMeVacuno\"], negative = [\"YoNoMeVacuno\"] }
  [split]
  by = \"author\"

Every row that is read is kept, or dropped for a reason that is counted. The same spec and the same files give the same bytes.
All keys of a spec: docs/guide/datasets.md. The data set is a folder with one file for each part of the split
(train.parquet, validation.parquet, test.parquet) and manifest.json.")]
pub struct BuildArguments {
    /// The file that says what to build
    #[arg(long, value_name = "FILE.toml")]
    spec: PathBuf,
    /// The folder to write; it must not exist yet
    #[arg(long, value_name = "FOLDER", required_unless_present = "dry_run")]
    output: Option<PathBuf>,
    /// Show what would be kept and dropped, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// The folder that paths in the spec are relative to, instead of the spec's own
    #[arg(long, value_name = "FOLDER")]
    from: Option<PathBuf>,
}

impl BuildArguments {
    /// Runs `dataset build`.
    ///
    /// # Errors
    /// If the spec has a fault, a source cannot be read, no row is left, or the folder cannot be written.
    pub fn run(self, session: &Session) -> Result<()> {
        let file = SpecFile::read(&self.spec, self.from.as_deref())?;
        if let Some(output) = &self.output {
            refuse_existing_folder(output, Existing::Refuse)?;
        }
        let columns = columns(file.spec.enrich.as_ref()).with_context(|| self.spec.display().to_string())?;
        let classifier = match &file.spec.enrich {
            Some(enrich) if columns.iter().any(|column| column.filling == Filling::Sentiment) => {
                let source = ModelSource::from_str(&enrich.classifier)
                    .map_err(|error| anyhow::anyhow!("{}: enrich.classifier: {error}", self.spec.display()))?;
                let load = || Classifier::load(&catalog::open(&source, ModelKind::Classifier, &session.hub()?)?);
                Some(load().with_context(|| format!("{}: enrich.classifier", self.spec.display()))?)
            }
            _ => None,
        };
        let score = |texts: &[&str]| match &classifier {
            Some(classifier) => classifier.score(texts),
            None => Ok(Vec::new()),
        };
        let fill = |texts: &[&str]| {
            let spec = file.spec.enrich.as_ref().context("a spec without [enrich]")?;
            let derived = enrich::derive(&columns, spec.min_score, spec.strip_hashtags, texts, &score)?;
            Ok(derived.into_iter().map(|(text, values)| Filled { text, values }).collect())
        };
        let enricher = file
            .spec
            .enrich
            .is_some()
            .then(|| Enricher { columns: columns.iter().map(|column| column.name.clone()).collect(), fill: &fill });
        let output = if self.dry_run { None } else { self.output.as_deref() };
        let request = Request { output, now: session.now(), command: session.command_line.clone(), enricher };
        let report = build::build(&file, &request)?;
        let json = serde_json::to_value(&report)?;
        session.output.object(|| shown(&report), || json)
    }
}

fn columns(enrich: Option<&EnrichSpec>) -> Result<Vec<FilledColumn>> {
    let Some(enrich) = enrich else { return Ok(Vec::new()) };
    let columns: Vec<FilledColumn> =
        enrich.columns.iter().map(|column| column.parse()).collect::<Result<_>>().context("enrich.columns")?;
    for (place, column) in columns.iter().enumerate() {
        let repeated = columns[..place].iter().any(|earlier| earlier.name == column.name);
        ensure!(!repeated, "enrich.columns: the column {} is there twice", column.name);
    }
    Ok(columns)
}

/// Returns what a build did, for a person.
fn shown(report: &BuildReport) -> String {
    let mut text = String::new();
    for source in &report.sources {
        let _ = writeln!(
            text,
            "{} ({}): {} = {} kept + {} dropped",
            visible(&source.path.display().to_string()),
            source.kind,
            counted(source.rows_read, "row read", "rows read"),
            source.kept,
            source.dropped.total()
        );
        reasons(&mut text, &source.dropped);
    }
    if report.sources.len() > 1 {
        let _ = writeln!(
            text,
            "all: {} = {} kept + {} dropped",
            counted(report.rows_read, "row read", "rows read"),
            report.kept,
            report.dropped.total()
        );
        reasons(&mut text, &report.dropped);
    }
    for join in &report.joins {
        let _ = writeln!(text, "{}: a line for {} rows, none for {}", join.table, join.matched, join.unmatched);
    }
    contents(&mut text, report);
    for note in report.notes.iter().chain(&report.hints) {
        let _ = writeln!(text, "note: {}", visible(note));
    }
    match (&report.output, &report.digest) {
        (Some(output), Some(digest)) => {
            let _ = write!(text, "written to {}\ndigest {digest}", output.display());
        }
        _ => text.push_str("nothing was written (--dry-run)"),
    }
    text
}

fn reasons(text: &mut String, dropped: &Dropped) {
    for (reason, rows) in &dropped.0 {
        let _ = writeln!(text, "  {rows:>9}  {}", visible(reason));
    }
}

/// Adds what the data set contains: authors, dates, labels, parts, leakage.
fn contents(text: &mut String, report: &BuildReport) {
    let dates = report.dates.as_ref().map_or_else(String::new, |[first, last]| format!(", {first} to {last}"));
    let _ = writeln!(
        text,
        "{}: {} by {}{dates}",
        styled(HEADING, "data set"),
        counted(report.kept, "row", "rows"),
        counted(report.authors, "known author", "known authors")
    );
    if !report.labels.is_empty() {
        let _ = writeln!(text, "labels: {}", listed(report.labels.iter().map(|(label, rows)| (label.as_str(), *rows))));
    }
    for part in &report.parts {
        let labels = listed(part.labels.iter().map(|(label, rows)| (label.as_str(), *rows)));
        let labels = if labels.is_empty() { labels } else { format!(" ({labels})") };
        let _ = writeln!(text, "  {:>9}  {}{labels}", part.rows, part.name);
    }
    if let Some(leakage) = &report.leakage {
        let heading = format!("the {} part has in common with training:", leakage.tested);
        let _ = writeln!(text, "{heading:<42}   this split   random split");
        let rows: [(&str, Counts); 4] = [
            ("rows whose author is in training", |found| (found.author_in_training, found.with_author)),
            ("rows whose text is in training", |found| (found.text_in_training, found.rows)),
            ("rows with a near-duplicate in training", |found| (found.near_duplicate_in_training, found.rows)),
            ("rows of a day that training has too", |found| (found.day_in_training, found.with_date)),
        ];
        for (name, of) in rows {
            let _ = writeln!(text, "  {name:<40} {:>12} {:>14}", share(of(&leakage.split)), share(of(&leakage.random)));
        }
    }
}

/// Counts of a split: rows that leak, of how many.
type Counts = fn(&Leakage) -> (usize, usize);

fn listed<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> String {
    counts.map(|(name, rows)| format!("{rows} {}", visible(name))).collect::<Vec<_>>().join(", ")
}

fn share((part, whole): (usize, usize)) -> String {
    if whole == 0 { "unknown".to_owned() } else { format!("{:.1} %", 100.0 * part as f64 / whole as f64) }
}

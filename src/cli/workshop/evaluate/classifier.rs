//! `pregonero evaluate classifier`: measures one classifier and writes a report about it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use serde_json::json;

use super::trainings;
use crate::cli::output::counted;
use crate::cli::session::Session;
use crate::cli::workshop::columns::{ColumnArguments, TableSource};
use crate::cli::workshop::progress::follow;
use crate::cli::workshop::stop::Stop;
use pregonero_models::catalog::ModelSource;
use pregonero_models::catalog::{self, ModelFiles, ModelKind};
use pregonero_models::sentiment::Classifier;
use pregonero_models::sentiment::Columns;
use pregonero_models::sentiment::word_vectors::WordVectors;
use pregonero_workshop::evaluation::classification::held_out::read_evaluated;
use pregonero_workshop::evaluation::classification::pairs::PairReport;
use pregonero_workshop::evaluation::classification::{EvaluatedPart, Scored, score_labelled};
use pregonero_workshop::evaluation::projector::{PAGE_FILE as PROJECTOR_PAGE, Projected, count_words, write_projector};
use pregonero_workshop::evaluation::report::{PAGE, ReportContent, check_report, read_training_log, write_report};
use pregonero_workshop::evaluation::runs::RunsReport;
use pregonero_workshop::evaluation::speed::{ScoringSpeed, measure_speed};
use pregonero_workshop::metrics::ClassificationReport;
use pregonero_workshop::training::classifier::{ClassifierTraining, fit_classifier};

const UNVERIFIED: &str = "the model's config.json does not describe its test part (an earlier version wrote it), so whether \
                          these rows were held out cannot be checked; give the unchanged file and columns it was trained with";

/// How many mistakes a report lists unless `--errors` says otherwise.
const REPORTED_MISTAKES: usize = 20;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pregonero evaluate classifier --data labelled.csv --held-out
  pregonero evaluate classifier --model runs/mine --data labelled.csv --held-out --report runs/mine-report
  pregonero evaluate classifier --data labelled.csv --projector runs/projector
  pregonero evaluate classifier --data models/classifier-vacunas-es/minimal_pairs.csv --pair-column pair
  pregonero evaluate classifier --runs 5 -- --data labelled.csv --arch bilstm
  pregonero evaluate classifier --model models/mine --data other.csv --text-column tweet --label-column sentiment")]
pub struct ClassifierArguments {
    /// The classifier: builtin, a folder or hub:OWNER/NAME
    #[arg(long, value_name = "MODEL", default_value = "builtin")]
    model: ModelSource,
    /// Labelled tweets: a table of any kind (CSV, JSON, Parquet, a data set), with the column of the text if it is not that of
    /// --text-column
    #[arg(long, value_name = "FILE[:COLUMN]", required_unless_present = "runs")]
    data: Option<TableSource>,
    #[command(flatten)]
    columns: ColumnArguments,
    /// Measure on the part of its own training file that the classifier never saw
    #[arg(long)]
    held_out: bool,
    /// Write a page with plots: training curves, confusion matrix, reliability, ROC, thresholds for min_score
    #[arg(long, value_name = "FOLDER")]
    report: Option<PathBuf>,
    /// List the rows that it is most confidently wrong about, by their number after the header
    #[arg(long, value_name = "N")]
    errors: Option<usize>,
    /// The column that pairs a text with its inversion: measure how many pairs the classifier tells apart (the built-in
    /// classifier's minimal_pairs.csv is such a file)
    #[arg(long, value_name = "NAME")]
    pair_column: Option<String>,
    /// Measure how fast it scores: tweets per second, and milliseconds for 16 candidates
    #[arg(long)]
    speed: bool,
    /// Write its word vectors for TensorBoard's projector, and a page that shows them in a browser
    #[arg(long, value_name = "FOLDER")]
    projector: Option<PathBuf>,
    /// How many words the projector shows, the most frequent in training first
    #[arg(long, value_name = "N", default_value_t = 5000, value_parser = clap::value_parser!(u32).range(2..))]
    projector_words: u32,
    /// Train N times with different seeds and report mean and deviation of every metric; what to train follows --
    #[arg(long, value_name = "N", requires = "training", conflicts_with_all = ["data", "held_out", "report", "errors", "pair_column", "speed", "projector"])]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=1000))]
    runs: Option<u64>,
    /// Arguments of `train classifier`, without --output
    #[arg(last = true, value_name = "ARGUMENTS", requires = "runs")]
    training: Vec<String>,
}

/// Runs `evaluate classifier`.
///
/// # Errors
/// If a model or a table cannot be read, or a report cannot be written.
pub fn run(arguments: &ClassifierArguments, session: &Session) -> Result<()> {
    if let Some(runs) = arguments.runs {
        return run_seeds(runs, &arguments.training, session);
    }
    for (folder, page) in [(&arguments.report, PAGE), (&arguments.projector, PROJECTOR_PAGE)] {
        folder.as_deref().map(|folder| check_report(folder, page)).transpose()?;
    }
    let files = catalog::open(&arguments.model, ModelKind::Classifier, &session.hub()?)?;
    let model = Classifier::load(&files)?;
    let scored = score_labelled(&model, arguments.data()?, &arguments.columns(), arguments.part())?;
    let report = scored.report()?;
    if scored.verified == Some(false) {
        session.output.note(UNVERIFIED);
    }
    let speed = arguments.speed.then(|| arguments.measure_speed(&model)).transpose()?;
    if arguments.report.is_some() {
        arguments.write_report(&files, &scored, &report, speed, session)?;
    }
    if arguments.projector.is_some() {
        arguments.write_projector(&files, &model, session)?;
    }
    let pairs = arguments.pairs(&scored)?;
    let in_pairs = |pairs: PairReport| format!("\n{pairs}");
    let text = || arguments.describe(&scored, &report, speed) + &pairs.map_or_else(String::new, in_pairs);
    let mut json = arguments.to_json(&scored, &report, speed)?;
    if let Some(pairs) = pairs {
        json["pairs"] = serde_json::to_value(pairs)?;
    }
    session.output.object(text, || json)
}

/// Trains with consecutive seeds, beginning with the one that the arguments name.
fn run_seeds(runs: u64, arguments: &[String], session: &Session) -> Result<()> {
    let nowhere = tempfile::tempdir().context("cannot create a temporary folder")?;
    let first = trainings::settings(arguments, &nowhere.path().join("model"), &session.hub()?)?;
    let stop = Stop::on_signal()?;
    let mut reports = Vec::new();
    for run in 0..runs {
        let training = ClassifierTraining { seed: first.seed + run, ..first.clone() };
        session.output.note(&format!("run {} of {runs}, seed {}", run + 1, training.seed));
        let trained = follow(&session.output, &stop, |progress| fit_classifier(&training, &stop, progress))?;
        ensure!(!trained.outcome.interrupted, "stopped in run {} of {runs}", run + 1);
        session.output.note(&trained.outcome.test.to_string());
        reports.push(trained.outcome.test);
    }
    let report = RunsReport::new(&reports)?;
    let mut json = serde_json::to_value(&report)?;
    json["each"] = serde_json::to_value(&reports)?;
    session.output.object(|| report.to_string(), || json)
}

fn left_out(scored: &Scored) -> String {
    match scored.skipped_empty {
        0 => String::new(),
        skipped => {
            let rows = counted(skipped, "row", "rows");
            format!("; {rows} of the file left out, because cleaning leaves nothing of them")
        }
    }
}

impl ClassifierArguments {
    fn data(&self) -> Result<&Path> {
        self.data.as_ref().map(|table| table.path.as_path()).context("give --data FILE")
    }

    fn columns(&self) -> Columns {
        // Authors matter only for the split.
        let columns = self.data.as_ref().map_or_else(Columns::default, |table| self.columns.clone().of(table));
        Columns { author: columns.author.filter(|_| self.held_out), ..columns }
    }

    fn part(&self) -> EvaluatedPart {
        if self.held_out { EvaluatedPart::HeldOut } else { EvaluatedPart::All }
    }

    fn pairs(&self, scored: &Scored) -> Result<Option<PairReport>> {
        let data = self.data()?;
        self.pair_column.as_ref().map(|column| PairReport::new(scored, data, column)).transpose()
    }

    fn measure_speed(&self, model: &Classifier) -> Result<ScoringSpeed> {
        let rows = read_evaluated(model, self.data()?, &self.columns(), self.part())?;
        let texts: Vec<&str> = rows.tweets.iter().map(|tweet| tweet.text.as_str()).collect();
        measure_speed(model, &texts)
    }

    fn write_report(
        &self,
        files: &ModelFiles,
        scored: &Scored,
        report: &ClassificationReport,
        speed: Option<ScoringSpeed>,
        session: &Session,
    ) -> Result<()> {
        let Some(folder) = &self.report else { return Ok(()) };
        let identity = files.identity(&self.model)?;
        let part = if self.held_out { "the held-out part of " } else { "" };
        let content = ReportContent {
            model: format!("`{}` ({})", identity.name, &identity.sha256[..12]),
            data: format!(
                "{part}`{}` ({}{})",
                self.data()?.display(),
                counted(report.rows, "row", "rows"),
                left_out(scored)
            ),
            command: &session.command_line,
            scored,
            report,
            epochs: read_training_log(files)?,
            speed,
            mistakes: self.errors.unwrap_or(REPORTED_MISTAKES),
        };
        write_report(folder, &content)?;
        session.output.note(&format!("wrote {}", folder.join(PAGE).display()));
        Ok(())
    }

    fn write_projector(&self, files: &ModelFiles, model: &Classifier, session: &Session) -> Result<()> {
        let Some(folder) = &self.projector else { return Ok(()) };
        let words = WordVectors::load(files, self.projector_words as usize)?;
        let rows = read_evaluated(model, self.data()?, &self.columns(), EvaluatedPart::All)?;
        let cleaned: Vec<String> = rows.tweets.iter().map(|tweet| model.clean(&tweet.text)).collect();
        let alone: Vec<&str> = words.words.iter().map(String::as_str).collect();
        let projected = Projected {
            model: self.model.to_string(),
            counts: count_words(&words.words, cleaned.iter().map(String::as_str)),
            labels: model.config().labels.clone(),
            probabilities: model.probabilities(&alone)?,
            words,
        };
        write_projector(folder, &projected)?;
        session.output.note(&format!("wrote {}", folder.join(PROJECTOR_PAGE).display()));
        Ok(())
    }

    fn describe(&self, scored: &Scored, report: &ClassificationReport, speed: Option<ScoringSpeed>) -> String {
        let mut text = report.to_string();
        if scored.skipped_empty > 0 {
            let rows = counted(scored.skipped_empty, "row", "rows");
            text += &format!("\n{rows} of the file left out: cleaning leaves nothing of them");
        }
        if let Some(ScoringSpeed { tweets_per_second, milliseconds_for_16, .. }) = speed {
            text += &format!("\n{tweets_per_second:.0} tweets/s, 16 candidates in {milliseconds_for_16:.2} ms");
        }
        for mistake in scored.mistakes().iter().take(self.errors.unwrap_or(0)) {
            let (truth, predicted) = (&scored.names[mistake.label], &scored.names[mistake.predicted]);
            text += &format!("\nrow {}: {truth}, predicted {predicted} at {:.4}", mistake.row, mistake.confidence);
        }
        text
    }

    fn to_json(
        &self,
        scored: &Scored,
        report: &ClassificationReport,
        speed: Option<ScoringSpeed>,
    ) -> Result<serde_json::Value> {
        let mut json = serde_json::to_value(report)?;
        json["skipped_empty"] = json!(scored.skipped_empty);
        if let Some(verified) = scored.verified {
            json["held_out_verified"] = json!(verified);
        }
        if let Some(speed) = speed {
            json["speed"] = serde_json::to_value(speed)?;
        }
        if let Some(count) = self.errors {
            let mistakes = scored.mistakes();
            let row = |mistake: &pregonero_workshop::evaluation::classification::Mistake| {
                json!({
                    "row": mistake.row, "label": mistake.label,
                    "predicted": mistake.predicted, "probability": mistake.confidence,
                })
            };
            json["errors"] = mistakes.iter().take(count).map(row).collect();
        }
        Ok(json)
    }
}

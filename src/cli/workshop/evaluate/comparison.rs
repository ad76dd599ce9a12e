//! `pregonero evaluate comparison`: trains and measures everything in a spec that is not done yet, and writes the table.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::Ordering;

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use super::trainings;
use crate::cli::session::Session;
use crate::cli::workshop::progress::follow;
use crate::cli::workshop::stop::Stop;
use pregonero_models::catalog::ModelFiles;
use pregonero_models::sentiment::Classifier;
use pregonero_system::files::{Existing, check_folder_to_fill, refuse_existing, write_whole};
use pregonero_workshop::evaluation::classification::EvaluatedPart;
use pregonero_workshop::evaluation::classification::held_out::read_evaluated;
use pregonero_workshop::evaluation::comparison::{Cell, Cells, Job, Measured, Spec, jobs, page};
use pregonero_workshop::evaluation::speed::{measure_speed, processor_seconds};
use pregonero_workshop::training::classifier::{ClassifierTraining, TrainingOutcome, export_split, train_classifier};

/// The page may replace an earlier one that nobody has changed.
const PAGE: Existing = Existing::ReplaceUntouched(page::COMMANDS);

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pregonero evaluate comparison --spec benches/six_networks.toml --work runs/six-networks --output docs/classifiers.md
  pregonero evaluate comparison --spec benches/six_networks.toml --work runs/six-networks --output docs/classifiers.md --runs 5
  pregonero evaluate comparison --spec my.toml --work runs/mine --output mine.md --only bigru

Every finished cell is a line of cells.jsonl in the work folder and is not trained again; a training that was stopped
with Ctrl-C continues where it stopped. The table is rewritten after every cell.")]
pub struct ComparisonArguments {
    /// What to compare: a TOML file with protocols and rows
    #[arg(long, value_name = "FILE")]
    spec: PathBuf,
    /// The folder for finished cells, splits and models
    #[arg(long, value_name = "FOLDER")]
    work: PathBuf,
    /// The Markdown page to write
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// How many seeds, from 1 on; with more than one, the table shows mean and deviation
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1000))]
    runs: u64,
    /// Train only cells with this text in their title ("random, LSTM, plain, seed 1"); the table shows all finished cells
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
}

/// Runs `evaluate comparison`.
///
/// # Errors
/// If the spec or the data cannot be used, a training or a baseline fails, or the page cannot be written.
pub fn run(arguments: &ComparisonArguments, session: &Session) -> Result<()> {
    let spec = Spec::read(&arguments.spec)?;
    refuse_existing(&arguments.output, PAGE)?;
    check_folder_to_fill(&arguments.work)?;
    std::fs::create_dir_all(&arguments.work).with_context(|| format!("cannot create {}", arguments.work.display()))?;
    let jobs = jobs(&spec, 1..arguments.runs + 1, &arguments.work);
    let hub = session.hub()?;
    // Faults in the spec are reported before hours of training, not after.
    let trainings =
        jobs.iter().map(|job| trainings::settings(&job.arguments, &arguments.work, &hub)).collect::<Result<Vec<_>>>();
    let trainings = trainings.with_context(|| arguments.spec.display().to_string())?;
    let mut cells = Cells::open(&arguments.work.join("cells.jsonl"))?;
    let stop = Stop::on_signal()?;
    let write_page = |cells: &Cells| {
        let text = page::write(&spec, &jobs, cells, &session.command_line);
        write_whole(&arguments.output, PAGE, |file| file.write_all(text.as_bytes()))
    };
    write_page(&cells)?;
    let asked = |job: &Job| job.title().to_lowercase().contains(&arguments.only.to_lowercase());
    for (number, (job, training)) in jobs.iter().zip(trainings).enumerate() {
        if cells.find(job).is_some() || !asked(job) {
            continue;
        }
        session.output.note(&format!("[{} of {}] {}", number + 1, jobs.len(), job.title()));
        let Some(measured) = measure(job, training, &stop, session).with_context(|| job.title())? else {
            session.output.note("stopped; run the same command to continue");
            break;
        };
        cells.add(job, measured)?;
        write_page(&cells)?;
    }
    session.output.note(&format!("wrote {}", arguments.output.display()));
    let done: Vec<&Cell> = jobs.iter().filter_map(|job| cells.find(job)).collect();
    let header =
        ["PROTOCOL", "CLASSIFIER", "DATA", "SEED", "ACCURACY", "MACRO F1", "CORE SECONDS", "TWEETS/S PER CORE"];
    session.output.rows(&header, &done, |cell| {
        let Cell { job, measured } = cell;
        vec![
            job.protocol.clone(),
            job.row.clone(),
            job.data.clone(),
            job.seed.to_string(),
            format!("{:.4}", measured.accuracy),
            format!("{:.4}", measured.macro_f1),
            format!("{:.0}", measured.processor_seconds),
            format!("{:.0}", measured.tweets_per_core_second),
        ]
    })
}

/// Trains and measures one cell, or returns `None` if asked to stop.
fn measure(job: &Job, training: ClassifierTraining, stop: &Stop, session: &Session) -> Result<Option<Measured>> {
    if stop.load(Ordering::Relaxed) {
        return Ok(None);
    }
    if job.baseline.is_empty() { train(training, stop, session) } else { run_baseline(job, &training).map(Some) }
}

fn train(mut training: ClassifierTraining, stop: &Stop, session: &Session) -> Result<Option<Measured>> {
    // Continues from a checkpoint; a model without one was finished, but its cell was not written.
    (training.resume, training.overwrite) = (true, true);
    let start = processor_seconds();
    let outcome = follow(&session.output, stop, |progress| train_classifier(&training, stop, progress))?;
    if outcome.interrupted {
        return Ok(None);
    }
    let spent = processor_seconds() - start;
    let classifier = Classifier::load(&ModelFiles::in_folder(&training.output)?)?;
    let rows = read_evaluated(&classifier, &training.data, &training.columns, EvaluatedPart::HeldOut)?;
    let texts: Vec<&str> = rows.tweets.iter().map(|tweet| tweet.text.as_str()).collect();
    let speed = measure_speed(&classifier, &texts)?;
    Ok(Some(measured(&outcome, spent, speed.tweets_per_core_second)))
}

fn measured(outcome: &TrainingOutcome, spent: f64, tweets_per_core_second: f64) -> Measured {
    let report = &outcome.test;
    // A resumed run counts only its own processor time; the epochs' wall times cover all runs and give its share.
    let epochs: f64 = outcome.epochs.iter().map(|epoch| epoch.seconds).sum();
    Measured {
        rows: report.rows,
        accuracy: report.accuracy,
        macro_f1: report.macro_f1,
        auc: report.auc,
        calibration_error: Some(report.calibration_error),
        parameters: Some(outcome.parameters),
        epochs: Some([outcome.epochs.len(), outcome.best_epoch]),
        processor_seconds: spent * (epochs / outcome.seconds).max(1.0),
        tweets_per_core_second,
    }
}

/// Runs the baseline's program on the split that the row's arguments produce.
fn run_baseline(job: &Job, training: &ClassifierTraining) -> Result<Measured> {
    export_split(training, &job.split)?;
    let command = job.command();
    let (program, arguments) = job.baseline.split_first().context("a baseline without a program")?;
    let answer = Command::new(program)
        .args(arguments)
        .arg("--split")
        .arg(&job.split)
        .args(["--seed", &job.seed.to_string()])
        .output()
        .with_context(|| format!("cannot run {command}"))?;
    let complaint = String::from_utf8_lossy(&answer.stderr);
    let last = complaint.trim_end().lines().last().unwrap_or("no message");
    ensure!(answer.status.success(), "{command}: {}: {last}", answer.status);
    serde_json::from_slice(&answer.stdout)
        .with_context(|| format!("{command}: did not print one JSON object with rows, accuracy, macro_f1 and so on"))
}

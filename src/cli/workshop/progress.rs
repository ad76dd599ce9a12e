//! The progress of a training, as a person sees it while it runs.

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

use super::stop::Stop;
use crate::cli::output::{Output, counted};
use pregonero_workshop::training::classifier::{DataCounts, EpochReport, Progress};

/// Returns a bar that shows a message and how far the work is; with `--quiet` it is hidden.
pub fn bar(output: Output) -> ProgressBar {
    let bar = if output.quiet { ProgressBar::hidden() } else { ProgressBar::no_length() };
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

/// Shows the progress of `work`, which trains one or several classifiers: a bar on a terminal, and a line for each epoch
/// everywhere. From its first batch on, `work` checks whether it was asked to stop.
pub fn follow<T>(
    output: &Output,
    stop: &Stop,
    work: impl FnOnce(&mut (dyn FnMut(Progress) + Send)) -> Result<T>,
) -> Result<T> {
    let bar = bar(*output);
    let result = work(&mut |progress| match progress {
        Progress::Stale { results } => {
            let line =
                format!("the files have changed since {results} combinations were trained: all are trained again");
            bar.suspend(|| output.note(&line));
        }
        Progress::Started { train_rows, validation_rows, parameters, resumed_at, anew, counts } => {
            stop.heed();
            let resumed = resumed_at.map_or_else(String::new, |epoch| format!(", resumed in epoch {epoch}"));
            let line = format!(
                "{train_rows} training rows, {validation_rows} validation rows, {parameters} parameters{resumed}"
            );
            let anew = anew
                .then(|| "there is no checkpoint to resume from: the training starts from the beginning".to_owned());
            bar.suspend(|| {
                anew.into_iter().chain([line]).chain(of_data(&counts)).for_each(|line| output.note(&line));
            });
        }
        Progress::Batch { epoch, epochs, batch, batches, loss, left } => {
            bar.set_length(batches as u64);
            bar.set_position(batch as u64);
            bar.set_message(format!(
                "epoch {epoch}/{epochs}  loss {loss:.4}  {} left at most",
                in_words(left.as_secs())
            ));
        }
        Progress::Epoch { report, left } => {
            bar.suspend(|| output.note(&format!("{}, {} left at most", describe(&report), in_words(left.as_secs()))));
        }
    });
    bar.finish_and_clear();
    result
}

/// Returns what a person should know about the data before the training is finished.
fn of_data(counts: &DataCounts) -> impl Iterator<Item = String> {
    let skipped = counts.skipped_empty;
    let empty =
        (skipped > 0).then(|| format!("{} left out: cleaning leaves nothing of them", counted(skipped, "row", "rows")));
    empty.into_iter().chain(counts.vectors.as_ref().map(ToString::to_string))
}

fn describe(report: &EpochReport) -> String {
    format!(
        "epoch {}: loss {:.4}, validation loss {:.4}, accuracy {:.4}, macro F1 {:.4}, {:.0} s{}",
        report.epoch,
        report.loss,
        report.validation_loss,
        report.accuracy,
        report.macro_f1,
        report.seconds,
        if report.best { " (best so far)" } else { "" }
    )
}

/// Formats seconds for people: `40 s`, `12 min`, `3 h 5 min`.
pub fn in_words(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

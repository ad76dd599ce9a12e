//! Writes the comparison as a Markdown page.

use std::fmt::Write as _;

use super::{Cell, Cells, Job, Protocol, Row, Spec};
use crate::evaluation::spread::Spread;

/// The heading above the commands. It identifies a file as one of these pages.
pub const COMMANDS: &str = "## The command behind every line";

/// Returns the page: one table per protocol with the finished ones of `jobs`, and then the command for each line. `command`
/// is the command that made the page.
#[must_use]
pub fn write(spec: &Spec, jobs: &[Job], cells: &Cells, command: &str) -> String {
    let mut page = format!("# {}\n\n{}\n\n", spec.title, spec.introduction.trim());
    let _ = write!(page, "Made by:\n\n```sh\n{command}\n```\n\n");
    let mut commands = String::new();
    for protocol in &spec.protocols {
        let _ = write!(page, "## {}\n\n", protocol.heading);
        page.push_str(
            "| | classifier | data | accuracy | macro F1 | AUC | calibration error | reported: accuracy | macro F1 | \
             parameters | epochs (kept) | training, processor time | tweets/s per core |\n\
             |---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
        );
        for (place, row) in spec.rows.iter().enumerate() {
            let found = finished(protocol, row, jobs, cells);
            let number = format!("{}{}", initial(&protocol.name), place + 1);
            let _ = writeln!(page, "| {number} | {} |", line(protocol, row, &found));
            for cell in found {
                let _ = writeln!(commands, "# {number}, seed {}\n{}", cell.job.seed, cell.job.command());
            }
        }
        page.push('\n');
    }
    let _ = write!(page, "{COMMANDS}\n\n```sh\n{commands}```\n");
    page
}

fn initial(name: &str) -> String {
    name.chars().take(1).flat_map(char::to_uppercase).collect()
}

fn finished<'a>(protocol: &Protocol, row: &Row, jobs: &[Job], cells: &'a Cells) -> Vec<&'a Cell> {
    jobs.iter()
        .filter(|job| job.protocol == protocol.name && job.row == row.name && job.data == row.data)
        .filter_map(|job| cells.find(job))
        .collect()
}

fn line(protocol: &Protocol, row: &Row, cells: &[&Cell]) -> String {
    let over = |value: fn(&Cell) -> Option<f64>| {
        let values: Vec<f64> = cells.iter().filter_map(|cell| value(cell)).collect();
        Spread::of(&values)
    };
    let share = |value| over(value).map_or_else(|| "–".to_owned(), |spread| spread.to_string());
    let mean = |value| over(value).map(|spread| spread.mean);
    let reported = row.reported.as_ref().filter(|reported| reported.protocol == protocol.name);
    let quoted = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.2}"));
    let epochs = cells.iter().filter_map(|cell| cell.measured.epochs);
    let epochs: Vec<String> = epochs.map(|[all, kept]| format!("{all} ({kept})")).collect();
    let time = mean(|cell| Some(cell.measured.processor_seconds)).map_or_else(|| "–".to_owned(), duration);
    let parameters = cells.iter().find_map(|cell| cell.measured.parameters);
    [
        row.name.clone(),
        row.data.clone(),
        share(|cell| Some(cell.measured.accuracy)),
        share(|cell| Some(cell.measured.macro_f1)),
        share(|cell| cell.measured.auc),
        share(|cell| cell.measured.calibration_error),
        quoted(reported.map(|reported| reported.accuracy)),
        quoted(reported.map(|reported| reported.macro_f1)),
        parameters.map_or_else(|| "–".to_owned(), |count| count.to_string()),
        if epochs.is_empty() { "–".to_owned() } else { epochs.join(", ") },
        time,
        mean(|cell| Some(cell.measured.tweets_per_core_second))
            .map_or_else(|| "–".to_owned(), |mean| format!("{mean:.0}")),
    ]
    .join(" | ")
}

fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    if whole < 100 { format!("{seconds:.1} s") } else { format!("{} min {:02} s", whole / 60, whole % 60) }
}

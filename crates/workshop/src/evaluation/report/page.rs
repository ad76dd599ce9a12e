//! Writes the report's Markdown page.

use std::fmt::Write as _;

use super::ReportContent;
use super::pictures::Plot;
use crate::metrics::ClassMetrics;
use crate::metrics::curves::ThresholdCurve;

/// The thresholds in the table for `sentiment.min_score`.
const THRESHOLDS: [f64; 9] = [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9];

/// Returns the text of the page.
pub fn write(content: &ReportContent<'_>, plots: &[Plot]) -> String {
    let mut page = format!("# How good {} is\n\n", content.model);
    let _ = write!(page, "Measured on {}:\n\n```sh\n{}\n```\n\n", content.data, content.command);
    page.push_str(&summary(content));
    page.push_str(&labels(content));
    page.push_str(&thresholds(content));
    for Plot { file, title, caption, .. } in plots {
        let _ = write!(page, "## {title}\n\n![{title}]({file})\n\n{caption}\n\n");
    }
    page.push_str(&mistakes(content));
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}

fn summary(content: &ReportContent<'_>) -> String {
    let report = content.report;
    let auc = report.auc.map_or_else(|| "undefined".to_owned(), |auc| format!("{auc:.4}"));
    let mut table = "| what | value |\n|---|---|\n".to_owned();
    for (what, value) in [
        ("rows", report.rows.to_string()),
        ("accuracy", format!("{:.4}", report.accuracy)),
        ("macro F1", format!("{:.4}", report.macro_f1)),
        ("AUC", auc),
        ("expected calibration error (15 bins)", format!("{:.4}", report.calibration_error)),
        ("Brier score", format!("{:.4}", report.brier_score)),
        ("log loss, nats", format!("{:.4}", report.log_loss)),
    ] {
        let _ = writeln!(table, "| {what} | {value} |");
    }
    if let Some(speed) = content.speed {
        let _ = writeln!(table, "| scoring, tweets/s | {:.0} |", speed.tweets_per_second);
        let _ = writeln!(table, "| 16 candidates, milliseconds | {:.2} |", speed.milliseconds_for_16);
    }
    table + "\n"
}

fn labels(content: &ReportContent<'_>) -> String {
    let mut table = "## Labels\n\n| label | precision | recall | F1 | rows |\n|---|---|---|---|---|\n".to_owned();
    for (label, class) in &content.report.classes {
        let ClassMetrics { name, precision, recall, f1, support } = class;
        let _ = writeln!(table, "| {label} {name} | {precision:.4} | {recall:.4} | {f1:.4} | {support} |");
    }
    table + "\n"
}

/// Returns the table of what `sentiment.min_score` would keep, for each label that could be the target.
fn thresholds(content: &ReportContent<'_>) -> String {
    let names = &content.scored.names;
    let curves: Vec<ThresholdCurve> = (0..names.len())
        .map(|label| {
            let (truth, scores) = content.scored.against(label);
            ThresholdCurve::new(&truth, &scores)
        })
        .collect();
    let mut table = "## Thresholds\n\nWhat `sentiment.min_score` keeps when `sentiment.target` is the label: the share of \
                     all rows, how many of those truly have the label (precision), and how many of the label's rows are \
                     kept (recall).\n\n| min_score |"
        .to_owned();
    for name in names {
        let _ = write!(table, " {name}: kept | precision | recall |");
    }
    let _ = writeln!(table, "\n|---|{}", "---|---|---|".repeat(names.len()));
    for threshold in THRESHOLDS {
        let _ = write!(table, "| {threshold:.2} |");
        for curve in &curves {
            let row = curve.at(threshold);
            let cell = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"));
            let _ = write!(table, " {} | {} | {} |", cell(Some(row.kept)), cell(row.precision), cell(row.recall));
        }
        table.push('\n');
    }
    table + "\n"
}

fn mistakes(content: &ReportContent<'_>) -> String {
    let mistakes = content.scored.mistakes();
    if content.mistakes == 0 || mistakes.is_empty() {
        return String::new();
    }
    let mut table = "## Most confident mistakes\n\nRows of the data file, counted from 1 after the header.\n\n\
                     | row | truth | predicted | probability |\n|---|---|---|---|\n"
        .to_owned();
    let names = &content.scored.names;
    for mistake in mistakes.iter().take(content.mistakes) {
        let (truth, predicted) = (&names[mistake.label], &names[mistake.predicted]);
        let _ = writeln!(table, "| {} | {truth} | {predicted} | {:.4} |", mistake.row, mistake.confidence);
    }
    table
}

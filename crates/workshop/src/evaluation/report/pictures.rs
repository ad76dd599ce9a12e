//! Draws the plots of a report.

use super::{LoggedEpoch, ReportContent};
use crate::metrics::curves::{Points, ThresholdCurve};
use crate::plots::{Axis, Chart, Mark, Series, confusion_matrix};
use pregonero_models::sentiment::calibration::likeliest;

/// The number of bars in the score histogram.
const HISTOGRAM_BINS: usize = 20;

/// One plot and the file it is written to.
#[derive(Debug, Clone, PartialEq)]
pub struct Plot {
    pub file: &'static str,
    /// The heading above the plot, and the alternative text for people who cannot see it.
    pub title: &'static str,
    /// What it shows and how to read it.
    pub caption: &'static str,
    pub svg: String,
}

/// Draws all plots that the content has data for.
pub fn draw(content: &ReportContent<'_>) -> Vec<Plot> {
    let mut plots = training_curves(&content.epochs);
    let names: Vec<&str> = content.report.names().collect();
    plots.push(Plot {
        file: "confusion_matrix.svg",
        title: "Confusion matrix",
        caption: "Rows by true label, columns by predicted one; shades and percentages are shares of the true label.",
        svg: confusion_matrix("Confusion matrix", &content.report.confusion_matrix, &names),
    });
    plots.push(reliability(content));
    plots.extend(threshold_curves(content));
    plots.push(histogram(content));
    plots
}

fn training_curves(epochs: &[LoggedEpoch]) -> Vec<Plot> {
    let Some(best) = epochs.iter().rfind(|epoch| epoch.best) else { return Vec::new() };
    let curve = |name: &str, value: fn(&LoggedEpoch) -> f64| Series {
        name: name.to_owned(),
        mark: if epochs.len() < 2 { Mark::Dots } else { Mark::Line },
        points: epochs.iter().map(|epoch| (epoch.epoch as f64, value(epoch))).collect(),
    };
    let chart = |title: &str, y: &str, series: Vec<Series>| {
        let values = series.iter().flat_map(|series| &series.points).map(|point| point.1);
        let y = Axis::around(y, values);
        let x = Axis::around("epoch", [0.0, epochs.len() as f64]);
        let kept = best.epoch as f64;
        let reference = Some([(kept, y.range.0), (kept, y.range.1)]);
        Chart { title: title.to_owned(), x, y, series, reference }.render()
    };
    let losses = vec![curve("training", |epoch| epoch.loss), curve("validation", |epoch| epoch.validation_loss)];
    let scores = vec![curve("validation", |epoch| epoch.macro_f1)];
    vec![
        Plot {
            file: "training_loss.svg",
            title: "Training: loss by epoch",
            caption: "The training loss includes dropout and class weights, the validation loss does not. Dashed: the \
                      epoch whose weights were kept.",
            svg: chart("Loss by epoch", "cross-entropy, nats", losses),
        },
        Plot {
            file: "training_f1.svg",
            title: "Training: macro F1 by epoch",
            caption: "On the validation part. Dashed: the epoch whose weights were kept.",
            svg: chart("Macro F1 by epoch, validation part", "macro F1", scores),
        },
    ]
}

fn reliability(content: &ReportContent<'_>) -> Plot {
    let bins = &content.report.reliability;
    let rows = content.report.rows as f64;
    let share = Series {
        name: "share of the rows".to_owned(),
        mark: Mark::Bars(1.0 / 15.0),
        points: bins.iter().map(|bin| (f64::midpoint(bin.lower, bin.upper), bin.rows as f64 / rows)).collect(),
    };
    let accuracy = Series {
        name: "accuracy".to_owned(),
        mark: Mark::Dots,
        points: bins.iter().map(|bin| (bin.confidence, bin.accuracy)).collect(),
    };
    let chart = Chart {
        title: "Reliability".to_owned(),
        x: Axis::unit("probability of the predicted label"),
        y: Axis::unit("share that is right"),
        series: vec![accuracy, share],
        reference: Some([(0.0, 0.0), (1.0, 1.0)]),
    };
    Plot {
        file: "reliability.svg",
        title: "Reliability",
        caption: "A calibrated classifier is right as often as it says: dots on the dashed line. Below it, it is too sure of \
                  itself. Bars: how many rows each dot represents.",
        svg: chart.render(),
    }
}

fn threshold_curves(content: &ReportContent<'_>) -> Vec<Plot> {
    let names = &content.scored.names;
    // For two labels, one curve says everything.
    let labels = if names.len() == 2 { 1..2 } else { 0..names.len() };
    let curves: Vec<(String, ThresholdCurve)> = labels
        .map(|label| {
            let (truth, scores) = content.scored.against(label);
            (names[label].clone(), ThresholdCurve::new(&truth, &scores))
        })
        .collect();
    let series = |points: fn(&ThresholdCurve) -> Option<Points>| {
        let series = |(name, curve): &(String, ThresholdCurve)| {
            Some(Series { name: name.clone(), mark: Mark::Line, points: points(curve)? })
        };
        curves.iter().filter_map(series).collect::<Vec<_>>()
    };
    let chart = |title: &str, x: &str, y: &str, series: Vec<Series>, reference| Chart {
        title: title.to_owned(),
        x: Axis::unit(x),
        y: Axis::unit(y),
        series,
        reference,
    };
    let of_what = if names.len() == 2 { names[1].as_str() } else { "each label" };
    let (roc, precision_recall) = (series(ThresholdCurve::roc), series(ThresholdCurve::precision_recall));
    let mut plots = Vec::new();
    if !roc.is_empty() {
        let title = format!("ROC curve of {of_what}");
        let chance = Some([(0.0, 0.0), (1.0, 1.0)]);
        plots.push(Plot {
            file: "roc.svg",
            title: "ROC curve",
            caption: "What every threshold costs in false alarms and gains in hits. Dashed: chance.",
            svg: chart(&title, "false positive rate", "true positive rate", roc, chance).render(),
        });
    }
    if !precision_recall.is_empty() {
        let title = format!("Precision and recall of {of_what}");
        plots.push(Plot {
            file: "precision_recall.svg",
            title: "Precision and recall",
            caption: "Per threshold: the share of passing rows that have the label, and the share of the label's rows that pass.",
            svg: chart(&title, "recall", "precision", precision_recall, None).render(),
        });
    }
    plots
}

/// Draws, for two labels, the scores of label 1 by true label; for more, the confidence of right and wrong rows.
fn histogram(content: &ReportContent<'_>) -> Plot {
    let scored = content.scored;
    let (groups, label, caption): (Vec<(String, Vec<f32>)>, _, _) = if scored.names.len() == 2 {
        let of = |label: usize| {
            let rows = scored.probabilities.iter().zip(&scored.labels).filter(move |(_, truth)| **truth == label);
            (format!("truly {}", scored.names[label]), rows.map(|(row, _)| row[1]).collect())
        };
        (vec![of(0), of(1)], format!("probability of {}", scored.names[1]), "Rows by score and true label.")
    } else {
        let of = |name: &str, right: bool| {
            let rows = scored.probabilities.iter().zip(&scored.labels);
            let rows = rows.filter(move |(row, truth)| (likeliest(row) == **truth) == right);
            (name.to_owned(), rows.map(|(row, _)| row[likeliest(row)]).collect())
        };
        let groups = vec![of("right", true), of("wrong", false)];
        (groups, "probability of the predicted label".to_owned(), "Rows by confidence, right and wrong.")
    };
    let bars = |(name, scores): (String, Vec<f32>)| {
        let mut counts = [0.0; HISTOGRAM_BINS];
        for score in scores {
            counts[((score * HISTOGRAM_BINS as f32) as usize).min(HISTOGRAM_BINS - 1)] += 1.0;
        }
        let points = counts.into_iter().enumerate();
        let points = points.map(|(place, count)| ((place as f64 + 0.5) / HISTOGRAM_BINS as f64, count)).collect();
        Series { name, mark: Mark::Bars(1.0 / HISTOGRAM_BINS as f64), points }
    };
    let series: Vec<Series> = groups.into_iter().map(bars).collect();
    let counts = series.iter().flat_map(|series| &series.points).map(|point| point.1);
    let y = Axis::around("rows", counts.chain([0.0]));
    let chart = Chart { title: "Scores".to_owned(), x: Axis::unit(&label), y, series, reference: None };
    Plot { file: "scores.svg", title: "Scores", caption, svg: chart.render() }
}

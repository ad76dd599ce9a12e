//! Charts as SVG, drawn on the server: bars and lines with their axes. Colours and sizes are the style sheet's; every number is
//! also in a table below the chart.

use std::fmt::Write as _;

/// The size of the drawing, in its own units.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 48.0;
const BOTTOM: f64 = 28.0;
const TOP: f64 = 12.0;

/// The width of a bar among few.
const WIDEST_BAR: f64 = 64.0;

/// The most labels under a chart; of more, every second or third is written.
const MOST_LABELS: usize = 12;

/// The most series of a chart, each with its own class in the style sheet.
pub const SERIES: [&str; 3] = ["", " two", " three"];

/// One bar or point: its label and the value of each series.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    pub label: String,
    /// Absent where there is nothing to show.
    pub values: Vec<Option<f64>>,
}

/// Returns a chart of bars, the series on top of each other.
#[must_use]
pub fn bars(points: &[Point]) -> String {
    let total = |point: &Point| point.values.iter().flatten().sum::<f64>();
    let top = nice(points.iter().map(total).fold(0.0, f64::max));
    let mut svg = frame(points, top);
    let step = step(points);
    for (at, point) in points.iter().enumerate() {
        let width = (step * 0.7).min(WIDEST_BAR);
        let left = LEFT + step * (real(at) + 0.5) - width / 2.0;
        let mut height = 0.0;
        for (value, class) in point.values.iter().zip(SERIES) {
            let part = value.unwrap_or(0.0).max(0.0);
            let (from, to) = (scale(height, top), scale(height + part, top));
            height += part;
            let _ = write!(
                svg,
                "<rect class=\"bar{class}\" x=\"{left:.1}\" y=\"{to:.1}\" width=\"{width:.1}\" height=\"{:.1}\"/>",
                from - to
            );
        }
    }
    svg + "</svg>"
}

/// Returns a chart of one line, with gaps where there is no value. `top` is the greatest value of the axis.
#[must_use]
pub fn line(points: &[Point], top: f64) -> String {
    let mut svg = frame(points, top);
    let step = step(points);
    let place = |at: usize, value: f64| (LEFT + step * (real(at) + 0.5), scale(value, top));
    let mut path = String::new();
    let mut is_open = false;
    for (at, point) in points.iter().enumerate() {
        let Some(value) = point.values.first().copied().flatten() else {
            is_open = false;
            continue;
        };
        let (x, y) = place(at, value);
        let _ = write!(path, "{}{x:.1} {y:.1}", if is_open { "L" } else { "M" });
        let _ = write!(svg, "<circle class=\"bar\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>");
        is_open = true;
    }
    let _ = write!(svg, "<path class=\"line\" d=\"{path}\"/>");
    svg + "</svg>"
}

fn step(points: &[Point]) -> f64 {
    (WIDTH - LEFT) / real(points.len().max(1))
}

#[expect(clippy::cast_precision_loss, reason = "a chart has a few dozen points")]
fn real(count: usize) -> f64 {
    count as f64
}

fn scale(value: f64, top: f64) -> f64 {
    let share = if top > 0.0 { (value / top).clamp(0.0, 1.0) } else { 0.0 };
    HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)
}

/// Returns the next round number at or above a value.
fn nice(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|nice| *nice >= value).unwrap_or(value)
}

/// Begins the drawing: the axis, its numbers, the labels.
fn frame(points: &[Point], top: f64) -> String {
    let mut svg =
        format!("<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" aria-hidden=\"true\" focusable=\"false\">");
    for share in [0.0, 0.5, 1.0] {
        let y = scale(top * share, top);
        let _ = write!(svg, "<path class=\"axis\" d=\"M{LEFT} {y:.1}H{WIDTH}\"/>");
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            y + 4.0,
            short(top * share)
        );
    }
    let every = points.len().div_ceil(MOST_LABELS).max(1);
    let step = step(points);
    for (at, point) in points.iter().enumerate().step_by(every) {
        let x = LEFT + step * (real(at) + 0.5);
        let _ = write!(
            svg,
            "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            HEIGHT - 8.0,
            escaped(&point.label)
        );
    }
    svg
}

fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_has_a_bar_for_each_value_and_no_label_is_markup() {
        let points = [
            Point { label: "<script>".into(), values: vec![Some(3.0), Some(1.0)] },
            Point { label: "feb".into(), values: vec![None, Some(2.0)] },
        ];
        let svg = bars(&points);
        assert_eq!(svg.matches("<rect").count(), 4);
        assert!(svg.contains("&lt;script&gt;") && !svg.contains("<script>"), "{svg}");
        assert!(!svg.contains("style="), "the policy allows no inline style");
        assert!(line(&points, 1.0).contains("<path class=\"line\" d=\"M"));
        assert!(bars(&[]).ends_with("</svg>"));
        let hours: Vec<Point> =
            (0..24).map(|hour| Point { label: hour.to_string(), values: vec![Some(1.0)] }).collect();
        assert_eq!(bars(&hours).matches("text-anchor=\"middle\"").count(), 12);
    }

    #[test]
    fn an_axis_ends_at_a_round_number() {
        for (value, top) in [(0.0, 1.0), (0.03, 0.05), (1.0, 1.0), (7.0, 10.0), (23.0, 25.0), (101.0, 200.0)] {
            assert!((nice(value) - top).abs() < 1e-9, "{value}: {}", nice(value));
        }
    }
}

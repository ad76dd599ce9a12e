//! The page's drawings as inline SVG; the style sheet has their colours.

use crate::plots::svg::{Anchor, Svg};
use crate::plots::{Axis, tick_label};

const WIDTH: f64 = 720.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 708.0;
const TOP: f64 = 14.0;

/// How many classes of colours there are; see `style.css`.
pub(super) const COLOURS: usize = 8;

/// A bubble: where it is, how big, and what it says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
    /// Its area, in proportion to the others'.
    pub(super) size: f64,
    pub(super) tip: String,
}

/// A label under a drawing, at a value of the horizontal axis.
pub(super) type Mark = (f64, String);

/// Draws bars, one a value, with marks under some of them.
pub(super) fn bars(label: &str, values: &[f64], marks: &[Mark], tip: impl Fn(usize) -> String) -> String {
    let height = 230.0;
    let bottom = height - 26.0;
    let mut svg = Svg::inline((WIDTH, height), label);
    let y = Axis::around("", values.iter().copied().chain([0.0]));
    frame(&mut svg, &y, bottom);
    let step = (RIGHT - LEFT) / values.len().max(1) as f64;
    for (place, value) in values.iter().enumerate() {
        let top = y.place(*value, bottom, TOP);
        let left = LEFT + step * place as f64;
        let gap = if step > 6.0 { step * 0.18 } else { 0.0 };
        svg.cell("f0", (left + gap / 2.0, top), ((step - gap).max(0.3), bottom - top), 1.0, &tip(place));
    }
    marks_below(&mut svg, marks, step, bottom);
    svg.finish()
}

/// Draws bars whose parts add up to 1; a part's class is in `classes`.
pub(super) fn shares(
    label: &str,
    bars: &[Vec<f64>],
    classes: &[String],
    marks: &[Mark],
    tip: impl Fn(usize) -> String,
) -> String {
    let height = 210.0;
    let bottom = height - 26.0;
    let mut svg = Svg::inline((WIDTH, height), label);
    let y = Axis::unit("");
    frame(&mut svg, &y, bottom);
    let step = (RIGHT - LEFT) / bars.len().max(1) as f64;
    for (place, parts) in bars.iter().enumerate() {
        let mut sum = 0.0;
        let tip = tip(place);
        for (part, class) in parts.iter().zip(classes) {
            let (low, high) = (y.place(sum, bottom, TOP), y.place(sum + part, bottom, TOP));
            sum += part;
            let width = (step * 0.86).max(0.3);
            svg.cell(class, (LEFT + step * (place as f64 + 0.07), high), (width, low - high), 1.0, &tip);
        }
    }
    marks_below(&mut svg, marks, step, bottom);
    svg.finish()
}

/// Draws bubbles over an axis from `x.0` to `x.1`.
pub(super) fn bubbles(label: &str, x: (f64, f64), marks: &[Mark], points: &[Point]) -> String {
    let height = 320.0;
    let bottom = height - 26.0;
    let mut svg = Svg::inline((WIDTH, height), label);
    let axis = Axis::new("", x);
    let y = Axis::around("", points.iter().map(|point| point.y).chain([0.0]));
    frame(&mut svg, &y, bottom);
    let greatest = points.iter().map(|point| point.size).fold(1.0, f64::max);
    for point in points {
        let radius = 2.2 + 12.0 * (point.size / greatest).sqrt();
        let at = (axis.place(point.x, LEFT + 14.0, RIGHT - 14.0), y.place(point.y, bottom, TOP));
        svg.bubble("f0", at, radius, 0.55, &point.tip);
    }
    for (at, text) in marks {
        let at = axis.place(*at, LEFT + 14.0, RIGHT - 14.0);
        // A date at the right edge would be cut off.
        let anchor = if text.len() > 3 && at > RIGHT - 40.0 { Anchor::End } else { Anchor::Middle };
        svg.text("soft", (at.min(RIGHT), bottom + 18.0), anchor, text);
    }
    svg.finish()
}

/// Draws a grid of shaded cells; every value is a share of the darkest one.
pub(super) fn grid(
    label: &str,
    rows: &[(String, Vec<f64>)],
    columns: &[String],
    tip: impl Fn(usize, usize) -> String,
) -> String {
    let left = 30.0 + 7.0 * rows.iter().map(|(name, _)| name.chars().count().min(18)).max().unwrap_or(0) as f64;
    let cell = ((RIGHT - left) / columns.len().max(1) as f64, 22.0);
    let height = 22.0 * rows.len() as f64 + 26.0;
    let mut svg = Svg::inline((WIDTH, height), label);
    for (row, (name, values)) in rows.iter().enumerate() {
        let top = cell.1 * row as f64;
        svg.text("soft", (left - 8.0, top + 15.0), Anchor::End, &cut(name, 18));
        for (column, value) in values.iter().enumerate() {
            let corner = (left + cell.0 * column as f64 + 0.5, top + 0.5);
            svg.cell("f0", corner, (cell.0 - 1.0, cell.1 - 1.0), 0.04 + 0.96 * value, &tip(row, column));
        }
    }
    for (column, name) in columns.iter().enumerate() {
        let at = (left + cell.0 * (column as f64 + 0.5), height - 8.0);
        svg.text("soft", at, Anchor::Middle, name);
    }
    svg.finish()
}

/// Draws named points in a plane.
pub(super) fn plane(label: &str, points: &[(String, [f64; 2], f64)]) -> String {
    let (height, bottom) = (440.0, 420.0);
    let mut svg = Svg::inline((WIDTH, height), label);
    let axis = |place: usize| widened(points.iter().map(|point| point.1[place]));
    let (x, y) = (axis(0), axis(1));
    let greatest = points.iter().map(|point| point.2).fold(1.0, f64::max);
    let zero = (x.place(0.0, LEFT, RIGHT), y.place(0.0, bottom, TOP));
    svg.line("grid", (LEFT, zero.1), (RIGHT, zero.1));
    svg.line("grid", (zero.0, TOP), (zero.0, bottom));
    let at = |point: &[f64; 2]| (x.place(point[0], LEFT, RIGHT), y.place(point[1], bottom, TOP));
    let radius = |size: f64| 4.0 + 9.0 * (size / greatest).sqrt();
    for (place, (name, point, size)) in points.iter().enumerate() {
        svg.bubble(&format!("f{}", place % COLOURS), at(point), radius(*size), 0.8, name);
    }
    // Names come last, so that no dot covers them.
    let mut taken: Vec<(f64, f64, f64)> = Vec::new();
    for (name, point, size) in points {
        let ((x, y), away) = (at(point), radius(*size) + 5.0);
        let name = cut(name, 22);
        let width = 7.8 * name.chars().count() as f64;
        let is_right = x + away + width < RIGHT;
        let left = if is_right { x + away } else { x - away - width };
        let baseline = free_line(&taken, left, width, y + 4.0);
        taken.push((left, width, baseline));
        let (edge, anchor) = if is_right { (left, Anchor::Start) } else { (x - away, Anchor::End) };
        svg.text("name", (edge, baseline), anchor, &name);
    }
    svg.finish()
}

/// Returns the height nearest to `wanted` at which a text of this width meets none of those that are there.
fn free_line(taken: &[(f64, f64, f64)], left: f64, width: f64, wanted: f64) -> f64 {
    let is_free = |height: f64| {
        let meets = |other: &(f64, f64, f64)| {
            (other.2 - height).abs() < 13.0 && left < other.0 + other.1 && other.0 < left + width
        };
        !taken.iter().any(meets)
    };
    let steps = (0..20).flat_map(|step| [wanted + 7.0 * f64::from(step), wanted - 7.0 * f64::from(step)]);
    steps.into_iter().find(|height| is_free(*height)).unwrap_or(wanted)
}

/// Returns an axis around values with room at both ends.
fn widened(values: impl Iterator<Item = f64>) -> Axis {
    let (low, high) = values
        .chain([0.0])
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (f64::min(low, value), f64::max(high, value)));
    let room = ((high - low) * 0.1).max(1e-9);
    Axis::new("", (low - room, high + room))
}

/// Writes the marks under columns of the width `step`.
fn marks_below(svg: &mut Svg, marks: &[Mark], step: f64, bottom: f64) {
    for (at, text) in marks {
        svg.text("soft", (LEFT + step * (at + 0.5), bottom + 18.0), Anchor::Middle, text);
    }
}

fn frame(svg: &mut Svg, y: &Axis, bottom: f64) {
    for tick in y.ticks() {
        let height = y.place(tick, bottom, TOP);
        svg.line("grid", (LEFT, height), (RIGHT, height));
        svg.text("soft", (LEFT - 8.0, height + 4.0), Anchor::End, &short(tick, y));
    }
}

/// Returns a tick in few characters: `20k` for 20,000.
fn short(tick: f64, axis: &Axis) -> String {
    if tick.abs() >= 10_000.0 { format!("{}k", tick / 1000.0) } else { tick_label(tick, axis) }
}

/// Returns the first characters of a long name.
pub(super) fn cut(name: &str, most: usize) -> String {
    if name.chars().count() <= most {
        return name.to_owned();
    }
    name.chars().take(most - 1).chain(['…']).collect()
}

/// Draws a share as a thin bar, for a table's cell; its number is next to it.
pub(super) fn meter(parts: &[(f64, &str)]) -> String {
    let mut bar =
        "<svg class=\"meter\" viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\" focusable=\"false\">".to_owned();
    let mut left = 0.0;
    for (share, class) in parts {
        let width = 100.0 * share.clamp(0.0, 1.0);
        bar.push_str(&format!("<rect class=\"{class}\" x=\"{left:.2}\" width=\"{width:.2}\" height=\"8\"/>"));
        left += width;
    }
    bar + "</svg>"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawings_are_well_formed_with_nothing_one_or_many() {
        for count in [0, 1, 30] {
            let values: Vec<f64> = (0..count).map(f64::from).collect();
            let points: Vec<Point> =
                values.iter().map(|&x| Point { x, y: x * x, size: x, tip: "<a>".into() }).collect();
            let named: Vec<_> = values.iter().map(|&x| ("<b>".to_owned(), [x, -x], x)).collect();
            let parts: Vec<Vec<f64>> = values.iter().map(|_| vec![0.25, 0.75]).collect();
            let classes = ["f0".to_owned(), "f1".to_owned()];
            let rows = [("x".to_owned(), values.clone())];
            let columns: Vec<String> = values.iter().map(f64::to_string).collect();
            for svg in [
                bars("l", &values, &[], |_| "t".to_owned()),
                shares("l", &parts, &classes, &[], |_| "t".to_owned()),
                bubbles("l", (0.0, 30.0), &[(1.0, "m".to_owned())], &points),
                grid("l", &rows, &columns, |_, _| "t".to_owned()),
                plane("l", &named),
            ] {
                assert!(!svg.contains("NaN") && !svg.contains("inf") && svg.ends_with("</svg>\n"), "{svg}");
                assert!(!svg.contains("<a>") && !svg.contains("<b>"), "{svg}");
            }
        }
    }

    #[test]
    fn names_of_points_at_one_place_do_not_cover_each_other() {
        let taken = [(10.0, 50.0, 100.0)];
        assert!((free_line(&taken, 20.0, 50.0, 100.0) - 100.0).abs() >= 13.0);
        assert_eq!(free_line(&taken, 70.0, 50.0, 100.0), 100.0);
    }
}

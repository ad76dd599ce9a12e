//! Charts with lines, dots and bars over two linear axes, with a legend if there is more than one series.

use super::svg::{Anchor, COLOURS, Svg};

const SIZE: (f64, f64) = (640.0, 400.0);
const LEFT: f64 = 66.0;
const RIGHT: f64 = 620.0;
const TOP: f64 = 66.0;
const BOTTOM: f64 = 346.0;

/// An axis over a range.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    pub label: String,
    pub range: (f64, f64),
}

impl Axis {
    #[must_use]
    pub fn new(label: &str, range: (f64, f64)) -> Self {
        Self { label: label.to_owned(), range }
    }

    /// Creates an axis from 0 to 1.
    #[must_use]
    pub fn unit(label: &str) -> Self {
        Self::new(label, (0.0, 1.0))
    }

    /// Creates an axis around `values`, widened to whole ticks; ignores values that are not finite.
    #[must_use]
    pub fn around(label: &str, values: impl IntoIterator<Item = f64>) -> Self {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.into_iter().filter(|value| value.is_finite()) {
            (low, high) = (low.min(value), high.max(value));
        }
        if low > high {
            return Self::unit(label);
        }
        if low == high {
            (low, high) = (low - 0.5, high + 0.5);
        }
        let step = tick_step(low, high);
        Self::new(label, ((low / step).floor() * step, (high / step).ceil() * step))
    }

    /// Returns the values that get a mark.
    #[must_use]
    pub fn ticks(&self) -> Vec<f64> {
        let (low, high) = self.range;
        let step = tick_step(low, high);
        let first = (low / step - 1e-9).ceil() as i64;
        let last = (high / step + 1e-9).floor() as i64;
        (first..=last).map(|place| place as f64 * step).collect()
    }

    /// Returns where a value is between two points of the drawing.
    #[must_use]
    pub fn place(&self, value: f64, from: f64, to: f64) -> f64 {
        let (low, high) = self.range;
        from + (value.clamp(low, high) - low) / (high - low) * (to - from)
    }
}

/// Returns 1, 2 or 5 times a power of ten, such that there are four to ten ticks.
fn tick_step(low: f64, high: f64) -> f64 {
    let rough = (high - low) / 6.0 * (1.0 - 1e-9);
    let power = 10f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= rough).unwrap_or(10.0 * power)
}

/// How a series is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mark {
    Line,
    /// A line with a dot at every point.
    Dots,
    /// Bars from 0, centred, of this width on the x axis.
    Bars(f64),
}

/// Named points; their colour depends on the position of the series in the chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub name: String,
    pub mark: Mark,
    pub points: Vec<(f64, f64)>,
}

/// A complete chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    pub title: String,
    pub x: Axis,
    pub y: Axis,
    pub series: Vec<Series>,
    /// A dashed line to compare with.
    pub reference: Option<[(f64, f64); 2]>,
}

impl Chart {
    /// Returns the chart as an SVG document.
    #[must_use]
    pub fn render(&self) -> String {
        let mut svg = Svg::new(SIZE, &self.title);
        svg.text("title", (LEFT, 26.0), Anchor::Start, &self.title);
        self.draw_axes(&mut svg);
        if let Some([from, to]) = self.reference {
            svg.line("dashed", self.at(from), self.at(to));
        }
        for (place, series) in self.series.iter().enumerate() {
            self.draw_series(&mut svg, place % COLOURS, series);
        }
        if self.series.len() > 1 {
            self.draw_legend(&mut svg);
        }
        svg.finish()
    }

    fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (self.x.place(x, LEFT, RIGHT), self.y.place(y, BOTTOM, TOP))
    }

    fn draw_axes(&self, svg: &mut Svg) {
        for tick in self.y.ticks() {
            let height = self.y.place(tick, BOTTOM, TOP);
            svg.line("grid", (LEFT, height), (RIGHT, height));
            svg.text("soft", (LEFT - 8.0, height + 4.0), Anchor::End, &tick_label(tick, &self.y));
        }
        for tick in self.x.ticks() {
            let left = self.x.place(tick, LEFT, RIGHT);
            svg.line("axis", (left, BOTTOM), (left, BOTTOM + 4.0));
            svg.text("soft", (left, BOTTOM + 19.0), Anchor::Middle, &tick_label(tick, &self.x));
        }
        svg.line("axis", (LEFT, BOTTOM), (RIGHT, BOTTOM));
        svg.text("soft", (f64::midpoint(LEFT, RIGHT), BOTTOM + 42.0), Anchor::Middle, &self.x.label);
        svg.text_upwards("soft", (18.0, f64::midpoint(TOP, BOTTOM)), &self.y.label);
    }

    fn draw_series(&self, svg: &mut Svg, colour: usize, series: &Series) {
        match series.mark {
            Mark::Bars(width) => {
                let bottom = self.y.place(0.0, BOTTOM, TOP);
                for &(x, y) in &series.points {
                    let (left, top) = self.at((x - width / 2.0, y));
                    let (right, _) = self.at((x + width / 2.0, y));
                    let size = ((right - left - 1.0).max(0.5), (bottom - top).max(0.0));
                    svg.rectangle(&format!("f{colour}"), (left, top), size, 0.55);
                }
            }
            Mark::Line | Mark::Dots => {
                let points: Vec<(f64, f64)> = series.points.iter().map(|point| self.at(*point)).collect();
                svg.polyline(&format!("line s{colour}"), points.iter().copied());
                if series.mark == Mark::Dots {
                    points.iter().for_each(|point| svg.circle(&format!("dot f{colour}"), *point, 4.5));
                }
            }
        }
    }

    fn draw_legend(&self, svg: &mut Svg) {
        let mut left = LEFT;
        for (place, series) in self.series.iter().enumerate() {
            svg.rectangle(&format!("f{}", place % COLOURS), (left, 40.0), (12.0, 12.0), 1.0);
            svg.text("legend", (left + 18.0, 51.0), Anchor::Start, &series.name);
            left += 42.0 + 7.5 * series.name.chars().count() as f64;
        }
    }
}

/// Formats a tick with as many decimals as the axis's steps need.
pub fn tick_label(tick: f64, axis: &Axis) -> String {
    let decimals = (-tick_step(axis.range.0, axis.range.1).log10().floor()).max(0.0) as usize;
    format!("{tick:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_round_ticks_over_their_whole_range() {
        for (low, high, range, ticks) in [
            (0.0, 1.0, (0.0, 1.0), vec![0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
            (0.31, 0.58, (0.3, 0.6), vec![0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6]),
            (3.0, 3.0, (2.4, 3.6), vec![2.4, 2.6, 2.8, 3.0, 3.2, 3.4, 3.6]),
            (1.0, 37.0, (0.0, 40.0), vec![0.0, 10.0, 20.0, 30.0, 40.0]),
        ] {
            let axis = Axis::around("x", [low, high, f64::NAN]);
            assert!((axis.range.0 - range.0).abs() < 1e-9 && (axis.range.1 - range.1).abs() < 1e-9, "{axis:?}");
            let got = axis.ticks();
            assert_eq!(got.len(), ticks.len(), "{got:?}");
            assert!(got.iter().zip(&ticks).all(|(got, want)| (got - want).abs() < 1e-9), "{got:?}");
        }
        assert_eq!(Axis::around("x", [f64::NAN]).range, (0.0, 1.0));
    }

    #[test]
    fn a_chart_is_well_formed_and_places_points_on_its_axes() {
        let series =
            |mark| Series { name: "a<b & \"c\"".to_owned(), mark, points: vec![(0.0, 0.0), (1.0, 1.0), (2.0, 0.5)] };
        let chart = Chart {
            title: "x < y".to_owned(),
            x: Axis::unit("share"),
            y: Axis::unit("share"),
            series: vec![series(Mark::Line), series(Mark::Dots), series(Mark::Bars(0.1))],
            reference: Some([(0.0, 0.0), (1.0, 1.0)]),
        };
        let svg = chart.render();
        assert!(svg.contains("points=\"66.0,346.0 620.0,66.0 620.0,206.0\""), "{svg}");
        assert!(svg.contains("a&lt;b &amp; &quot;c&quot;") && svg.contains("<title>x &lt; y</title>"));
        assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
        assert!(!svg.contains("NaN") && svg.ends_with("</svg>\n"));
    }
}

//! Builds SVG documents: shapes with classes, and the style sheet that colours them for light and dark schemes.

use std::fmt::Write as _;

/// Colours for text, axes and surfaces, and eight that stay distinct in either scheme, also for colour-blind readers.
const STYLE: &str = "\
:root{--paper:#fcfcfb;--ink:#1f1f1e;--soft:#6b6a66;--grid:#e4e3df;--s0:#2a78d6;--s1:#c8541f;--s2:#1a9266;--s3:#b07d00;--s4:#8c62c9;--s5:#c2467f;--s6:#1899a8;--s7:#77705f}\
@media(prefers-color-scheme:dark){:root{--paper:#1a1a19;--ink:#f2f1ee;--soft:#a5a39c;--grid:#383733;--s0:#5a9df0;--s1:#ee8250;--s2:#3fbd8d;--s3:#d6a12a;--s4:#b08ee6;--s5:#e6719f;--s6:#45bccb;--s7:#a69f8d}}\
text{font:13px system-ui,'Segoe UI','Helvetica Neue',Arial,sans-serif;fill:var(--ink)}\
.title{font-size:15px;font-weight:600}.soft{fill:var(--soft);font-size:12px}.middle{text-anchor:middle}.end{text-anchor:end}\
.paper{fill:var(--paper)}.grid{stroke:var(--grid);stroke-width:1}.axis{stroke:var(--soft);stroke-width:1}\
.line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}.dashed{fill:none;stroke:var(--soft);stroke-dasharray:5 4}\
.bar{fill-opacity:.55}.dot{stroke:var(--paper);stroke-width:1.5}.inverse{fill:var(--paper)}";

/// The number of colours for series.
pub const COLOURS: usize = 8;

/// On which side of its point a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// A document built shape by shape; coordinates are pixels from the upper left corner.
#[derive(Debug, Clone)]
pub struct Svg {
    text: String,
}

impl Svg {
    /// Creates an empty document of `size`, with a `title` for people who cannot see it.
    #[must_use]
    pub fn new(size: (f64, f64), title: &str) -> Self {
        let (width, height) = size;
        let mut text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" role=\"img\">\n<title>{title}</title>\n<style>{STYLE}",
            title = escaped(title)
        );
        for colour in 0..COLOURS {
            let _ = write!(text, ".s{colour}{{stroke:var(--s{colour})}}.f{colour}{{fill:var(--s{colour})}}");
        }
        let _ = writeln!(text, "</style>\n<rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>");
        Self { text }
    }

    /// Creates an empty drawing for an HTML page, whose style sheet has its colours; `label` is for people who cannot see it.
    #[must_use]
    pub fn inline(size: (f64, f64), label: &str) -> Self {
        let (width, height) = size;
        let label = escaped(label);
        Self {
            text: format!(
                "<svg class=\"chart\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{label}\">\n"
            ),
        }
    }

    /// Adds a straight line.
    pub fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let ((x1, y1), (x2, y2)) = (from, to);
        let _ = writeln!(
            self.text,
            "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
        );
    }

    /// Adds a line through `points`.
    pub fn polyline(&mut self, class: &str, points: impl IntoIterator<Item = (f64, f64)>) {
        let _ = write!(self.text, "<polyline class=\"{class}\" points=\"");
        for (place, (x, y)) in points.into_iter().enumerate() {
            let _ = write!(self.text, "{}{x:.1},{y:.1}", if place > 0 { " " } else { "" });
        }
        self.text.push_str("\"/>\n");
    }

    /// Adds a rectangle, given its upper left corner; `opacity` is that of the fill.
    pub fn rectangle(&mut self, class: &str, corner: (f64, f64), size: (f64, f64), opacity: f64) {
        let ((x, y), (width, height)) = (corner, size);
        let _ = writeln!(
            self.text,
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
             fill-opacity=\"{opacity:.3}\"/>"
        );
    }

    /// Adds a dot.
    pub fn circle(&mut self, class: &str, centre: (f64, f64), radius: f64) {
        let (x, y) = centre;
        let _ = writeln!(self.text, "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\"/>");
    }

    /// Adds a dot that says what it is when it is pointed at; `opacity` is that of the fill.
    pub fn bubble(&mut self, class: &str, (x, y): (f64, f64), radius: f64, opacity: f64, tip: &str) {
        let tip = escaped(tip);
        let _ = writeln!(
            self.text,
            "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\" fill-opacity=\"{opacity:.2}\"><title>{tip}</title></circle>"
        );
    }

    /// Adds a rectangle that says what it is when it is pointed at.
    pub fn cell(&mut self, class: &str, corner: (f64, f64), size: (f64, f64), opacity: f64, tip: &str) {
        let ((x, y), (width, height)) = (corner, size);
        let tip = escaped(tip);
        let _ = writeln!(
            self.text,
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
             fill-opacity=\"{opacity:.3}\"><title>{tip}</title></rect>"
        );
    }

    /// Adds a text on its baseline.
    pub fn text(&mut self, class: &str, at: (f64, f64), anchor: Anchor, text: &str) {
        self.place_text(class, at, anchor, "", text);
    }

    /// Adds a text that reads upwards, centred at a point.
    pub fn text_upwards(&mut self, class: &str, at: (f64, f64), text: &str) {
        let turned = format!(" transform=\"rotate(-90 {:.1} {:.1})\"", at.0, at.1);
        self.place_text(class, at, Anchor::Middle, &turned, text);
    }

    fn place_text(&mut self, class: &str, (x, y): (f64, f64), anchor: Anchor, attributes: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " middle",
            Anchor::End => " end",
        };
        let text = escaped(text);
        let _ =
            writeln!(self.text, "<text class=\"{class}{anchor}\" x=\"{x:.1}\" y=\"{y:.1}\"{attributes}>{text}</text>");
    }

    /// Returns the document.
    #[must_use]
    pub fn finish(mut self) -> String {
        self.text.push_str("</svg>\n");
        self.text
    }
}

/// Replaces XML's special characters and HTML's quotes in a text.
#[must_use]
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

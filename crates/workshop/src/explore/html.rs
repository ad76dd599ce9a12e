//! Small pieces of HTML; every text from the data passes [`shown`].

use std::fmt::Write as _;

use super::language::Language;
use crate::plots::svg::escaped;
use pregonero_text::characters::visible;

/// Returns a text from the data for HTML: escaped, and with characters that cannot be seen written as their codes.
pub(super) fn shown(text: &str) -> String {
    escaped(&visible(text))
}

/// A cell of a table.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    /// Text from the data.
    Text(String),
    /// A number, aligned right.
    Number(String),
    /// A drawing that the cells next to it put into words.
    Bar(String),
}

impl Cell {
    pub(super) fn text(text: impl AsRef<str>) -> Self {
        Self::Text(shown(text.as_ref()))
    }

    fn html(&self, is_first: bool) -> String {
        match self {
            Self::Text(text) if is_first => format!("<th scope=\"row\">{text}</th>"),
            Self::Text(text) => format!("<td>{text}</td>"),
            Self::Number(text) => format!("<td class=\"n\">{text}</td>"),
            Self::Bar(svg) => format!("<td class=\"bar\">{svg}</td>"),
        }
    }
}

/// Returns a table whose first cells are the rows' names. A head that ends in `|` is that of numbers, an empty one that of bars.
pub(super) fn table(label: &str, head: &[&str], rows: &[Vec<Cell>]) -> String {
    let mut html = format!(
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{}\"><table><thead><tr>",
        escaped(label)
    );
    for name in head {
        let _ = match name.strip_suffix('|') {
            Some(name) => write!(html, "<th scope=\"col\" class=\"n\">{}</th>", escaped(name)),
            None if name.is_empty() => write!(html, "<td></td>"),
            None => write!(html, "<th scope=\"col\">{}</th>", escaped(name)),
        };
    }
    html.push_str("</tr></thead><tbody>");
    for row in rows {
        html.push_str("<tr>");
        row.iter().enumerate().for_each(|(place, cell)| html.push_str(&cell.html(place == 0)));
        html.push_str("</tr>");
    }
    html + "</tbody></table></div>\n"
}

/// Returns a drawing that scrolls where the window is narrow.
pub(super) fn drawing(label: &str, svg: &str) -> String {
    format!("<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{}\">{svg}</div>\n", escaped(label))
}

/// Returns what a reader can unfold below a drawing.
pub(super) fn details(language: Language, label: &str, content: &str) -> String {
    let summary = language.t("Los números", "The numbers");
    format!("<details><summary>{summary}: {}</summary>{content}</details>\n", escaped(label))
}

/// Returns a legend: the name of every class of colours.
pub(super) fn legend(names: &[String], classes: &[String]) -> String {
    let mut html = "<ul class=\"legend\">".to_owned();
    for (name, class) in names.iter().zip(classes) {
        let key = format!(
            "<svg class=\"key\" viewBox=\"0 0 1 1\" aria-hidden=\"true\"><rect class=\"{class}\" width=\"1\" height=\"1\"/></svg>"
        );
        let _ = write!(html, "<li>{key}{}</li>", shown(name));
    }
    html + "</ul>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_the_data_is_no_html_and_hides_nothing() {
        assert_eq!(shown("<b>&\"\u{202e}x"), "&lt;b&gt;&amp;&quot;\\u{202e}x");
        let html = table(
            "a\"b",
            &["who", "n|", ""],
            &[vec![Cell::text("<i>"), Cell::Number("3".into()), Cell::Bar("<svg/>".into())]],
        );
        assert!(
            html.contains("<th scope=\"row\">&lt;i&gt;</th><td class=\"n\">3</td><td class=\"bar\"><svg/></td>"),
            "{html}"
        );
        assert!(
            html.contains("aria-label=\"a&quot;b\"") && html.contains("<th scope=\"col\" class=\"n\">n</th><td></td>")
        );
    }
}

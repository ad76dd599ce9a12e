//! Draws the confusion matrix: counts, and each row's shares as shades.

use super::svg::{Anchor, Svg};

const CELL: (f64, f64) = (120.0, 64.0);
const LEFT: f64 = 150.0;
const TOP: f64 = 92.0;

/// Returns `matrix[truth][prediction]`, with the labels' `names`, as an SVG document.
#[must_use]
pub fn confusion_matrix(title: &str, matrix: &[Vec<u64>], names: &[&str]) -> String {
    let side = names.len() as f64;
    let mut svg = Svg::new((LEFT + side * CELL.0 + 20.0, TOP + side * CELL.1 + 20.0), title);
    svg.text("title", (20.0, 26.0), Anchor::Start, title);
    svg.text("soft", (LEFT + side * CELL.0 / 2.0, 56.0), Anchor::Middle, "predicted");
    svg.text_upwards("soft", (26.0, TOP + side * CELL.1 / 2.0), "truth");
    for (place, name) in names.iter().enumerate() {
        let middle = place as f64 + 0.5;
        svg.text("name", (LEFT + middle * CELL.0, TOP - 12.0), Anchor::Middle, name);
        svg.text("name", (LEFT - 12.0, TOP + middle * CELL.1 + 5.0), Anchor::End, name);
    }
    for (truth, row) in matrix.iter().enumerate() {
        let rows: u64 = row.iter().sum();
        for (prediction, &count) in row.iter().enumerate() {
            let share = count as f64 / rows.max(1) as f64;
            let corner = (LEFT + prediction as f64 * CELL.0, TOP + truth as f64 * CELL.1);
            svg.rectangle("f0", corner, (CELL.0 - 2.0, CELL.1 - 2.0), 0.06 + 0.94 * share);
            let ink = |class: &str| if share > 0.5 { format!("{class} inverse") } else { class.to_owned() };
            let middle = (corner.0 + CELL.0 / 2.0 - 1.0, corner.1 + CELL.1 / 2.0 - 2.0);
            svg.text(&ink("count"), middle, Anchor::Middle, &count.to_string());
            let percent = format!("{:.1} %", 100.0 * share);
            svg.text(&ink("soft"), (middle.0, middle.1 + 18.0), Anchor::Middle, &percent);
        }
    }
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_count_and_its_share_of_the_row_are_shown() {
        let svg = confusion_matrix("Test", &[vec![15, 5], vec![0, 0]], &["no", "sí"]);
        for text in [">15<", ">5<", ">75.0 %<", ">25.0 %<", ">0.0 %<", ">sí<"] {
            assert!(svg.contains(text), "no {text}");
        }
        assert!(svg.contains("class=\"count inverse middle\"") && !svg.contains("NaN"));
    }
}

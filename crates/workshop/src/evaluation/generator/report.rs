//! Everything measured about one or several generators, as a table: rows are measures, columns are models.

use std::fmt::Write as _;

use serde::Serialize;

use super::candidates::CandidateReport;
use super::discriminator::DiscriminatorReport;
use super::diversity::REPEATED_WORDS;
use super::perplexity::{PerplexityReport, Prediction};

/// The requested measures of one model. In JSON, the fields of the perplexity are on the same level as the name.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GeneratorReport {
    pub model: String,
    #[serde(flatten)]
    pub perplexity: Option<PerplexityReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidates: Option<CandidateReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discriminator: Option<DiscriminatorReport>,
}

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measure {
    pub name: String,
    /// One value per model; `–` if it was not measured.
    pub values: Vec<String>,
}

/// Returns the measures that any of the models has, in a fixed order.
#[must_use]
pub fn measures(reports: &[GeneratorReport]) -> Vec<Measure> {
    let of_each: Vec<Vec<(String, String)>> = reports.iter().map(values).collect();
    let mut names: Vec<&String> = Vec::new();
    for (name, _) in of_each.iter().flatten() {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let value = |values: &Vec<(String, String)>, name: &str| {
        values.iter().find(|(own, _)| own == name).map_or_else(|| "–".to_owned(), |(_, value)| value.clone())
    };
    let row = |name: &String| Measure {
        name: name.clone(),
        values: of_each.iter().map(|values| value(values, name)).collect(),
    };
    names.into_iter().map(row).collect()
}

fn values(report: &GeneratorReport) -> Vec<(String, String)> {
    let mut values = Vec::new();
    if let Some(report) = &report.perplexity {
        values.push(("texts".to_owned(), report.texts.to_string()));
        values.push(("bytes".to_owned(), report.bytes.to_string()));
        predictions(&mut values, "", &report.model);
        if let Some(baseline) = &report.baseline {
            let name = format!("{}-gram: ", baseline.order);
            predictions(&mut values, &name, &baseline.prediction);
            values.push((format!("{name}tokens trained on"), baseline.training_tokens.to_string()));
        }
    }
    if let Some(report) = &report.candidates {
        candidates(&mut values, report);
    }
    if let Some(DiscriminatorReport { area, accuracy, texts_a_side, held_out, words, .. }) = &report.discriminator {
        let interval = format!("{:.3} ({:.3} to {:.3})", area.auc, area.low, area.high);
        values.push(("discriminator: AUC (95 % interval)".to_owned(), interval));
        values.push(("discriminator: accuracy".to_owned(), share(*accuracy)));
        values.push(("discriminator: texts per side".to_owned(), format!("{texts_a_side}, up to {words} words")));
        values.push(("discriminator: held-out texts".to_owned(), held_out.to_string()));
    }
    values
}

fn predictions(values: &mut Vec<(String, String)>, of: &str, prediction: &Prediction) {
    for (name, value) in [
        ("tokens", prediction.tokens.to_string()),
        ("cross-entropy, nats per token", format!("{:.4}", prediction.cross_entropy)),
        ("bits per token", format!("{:.4}", prediction.bits_per_token)),
        ("perplexity per token", format!("{:.2}", prediction.perplexity)),
        ("nats per byte", format!("{:.4}", prediction.nats_per_byte)),
        ("bits per byte", format!("{:.4}", prediction.bits_per_byte)),
        ("perplexity per byte", format!("{:.4}", prediction.perplexity_per_byte)),
    ] {
        values.push((format!("{of}{name}"), value));
    }
}

fn candidates(values: &mut Vec<(String, String)>, report: &CandidateReport) {
    let optional = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"));
    let shared = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), share);
    let verbatim = report.verbatim_words.map_or_else(
        || "with a run from the training text".to_owned(),
        |words| format!("with {words} words in a row from the training text"),
    );
    for (name, value) in [
        ("candidates".to_owned(), report.candidates.to_string()),
        ("words per candidate".to_owned(), format!("{:.1}", report.words)),
        ("distinct-1".to_owned(), optional(report.distinct_1)),
        ("distinct-2".to_owned(), optional(report.distinct_2)),
        ("distinct-3".to_owned(), optional(report.distinct_3)),
        ("self-BLEU".to_owned(), report.self_bleu.map_or_else(|| "–".to_owned(), |bleu| format!("{bleu:.1}"))),
        (format!("repeated runs of {REPEATED_WORDS} words"), shared(report.repetition)),
        (verbatim, shared(report.verbatim)),
        ("mean score".to_owned(), format!("{:.3}", report.score)),
        ("pass every gate".to_owned(), share(report.accepted)),
        ("pass every gate except the score's".to_owned(), share(report.passes_rules)),
    ] {
        values.push((name, value));
    }
    values.extend(report.gates.iter().map(|gate| (format!("pass {}", gate.gate), share(gate.pass))));
    values.extend(report.bleu.map(|bleu| ("BLEU against the references".to_owned(), format!("{bleu:.2}"))));
    values.push(("seconds to write them".to_owned(), format!("{:.1}", report.seconds)));
}

fn share(value: f64) -> String {
    format!("{:.1} %", value * 100.0)
}

/// The first line of the page. It identifies a file as one of these pages.
pub const PAGE_TITLE: &str = "# How good the generators are";

/// Returns the measures as a Markdown page; `command` is the command that made it, `notes` are lines about the data.
#[must_use]
pub fn page(reports: &[GeneratorReport], command: &str, notes: &[String]) -> String {
    let mut page = format!("{PAGE_TITLE}\n\nMeasured by:\n\n```sh\n{command}\n```\n\n");
    for note in notes {
        let _ = writeln!(page, "- {note}");
    }
    let models: Vec<String> = reports.iter().map(|report| format!("`{}`", report.model)).collect();
    let _ = write!(page, "\n| | {} |\n|---|{}\n", models.join(" | "), "---|".repeat(models.len()));
    for Measure { name, values } in measures(reports) {
        let _ = writeln!(page, "| {name} | {} |", values.join(" | "));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::confidence::AucInterval;

    fn reports() -> [GeneratorReport; 2] {
        let discriminator = DiscriminatorReport {
            area: AucInterval { auc: 0.75, standard_error: 0.02, low: 0.71, high: 0.79 },
            accuracy: 0.7,
            texts_a_side: 500,
            held_out: 300,
            words: 20,
            left_out: 3,
            parameters: 1,
        };
        let prediction = Prediction {
            tokens: 10,
            cross_entropy: 1.5,
            perplexity: 4.4817,
            bits_per_token: 2.164,
            nats_per_byte: 0.5,
            bits_per_byte: 0.7213,
            perplexity_per_byte: 1.6487,
        };
        let perplexity = PerplexityReport { model: prediction, texts: 2, bytes: 30, baseline: None };
        let report = |model: &str| GeneratorReport {
            model: model.to_owned(),
            perplexity: None,
            candidates: None,
            discriminator: None,
        };
        [
            GeneratorReport { discriminator: Some(discriminator), ..report("one") },
            GeneratorReport { perplexity: Some(perplexity), ..report("two") },
        ]
    }

    #[test]
    fn models_stand_side_by_side_and_what_was_not_measured_is_a_dash() {
        let rows = measures(&reports());
        let row = |name: &str| rows.iter().find(|row| row.name == name).unwrap().values.clone();
        assert_eq!(row("discriminator: AUC (95 % interval)"), ["0.750 (0.710 to 0.790)", "–"]);
        assert_eq!(row("perplexity per byte"), ["–", "1.6487"]);
        let page = page(&reports(), "pregonero evaluate generator", &["a note".to_owned()]);
        assert!(page.contains("| | `one` | `two` |\n|---|---|---|\n"), "{page}");
        assert!(page.contains("| perplexity per token | – | 4.48 |"), "{page}");
    }

    #[test]
    fn as_json_the_perplexity_stands_beside_the_name() {
        let json = serde_json::to_value(&reports()[1]).unwrap();
        assert_eq!(
            (&json["tokens"], &json["cross_entropy"], &json["perplexity"]),
            (&10.into(), &1.5.into(), &4.4817.into())
        );
        let json = serde_json::to_value(&reports()[0]).unwrap();
        assert_eq!(json["discriminator"]["auc"], 0.75);
        assert!(json.get("tokens").is_none());
    }
}

//! `pregonero generate --sweep`: one prompt with several decoding settings, side by side.

use anyhow::Result;
use serde::Serialize;
use serde_json::{Value, json};

use super::GenerateArguments;
use crate::cli::decoding::generation;
use crate::cli::output::{self, styled};
use crate::cli::session::Session;
use crate::config::Settings;
use pregonero_judging::gates::Recent;
use pregonero_judging::judge::Judge;
use pregonero_models::catalog::ModelFiles;
use pregonero_models::generation::{Engine, LengthBudget};
use pregonero_models::verbatim;
use pregonero_text::tweet_text;
use pregonero_tweet::{SeedPrompt, Verdict};
use pregonero_workshop::evaluation::generator::candidates::CandidateReport;
use pregonero_workshop::evaluation::generator::sampling::{Sample, Sampling, judge};
use pregonero_workshop::evaluation::generator::sweep::{Combination, Sweep};

/// The number of texts shown for each combination.
const SHOWN: usize = 3;

/// The result of one combination.
#[derive(Debug, Serialize)]
struct Row {
    settings: Value,
    prompt: String,
    round_seed: u64,
    #[serde(flatten)]
    report: CandidateReport,
    texts: Vec<Value>,
    #[serde(skip)]
    combination: String,
}

/// What all combinations share.
pub struct Parts<'a> {
    pub files: &'a ModelFiles,
    pub engine: &'a Engine,
    pub judge: &'a Judge,
    pub recent: &'a Recent,
    pub prompt: &'a SeedPrompt,
    pub rng_seed: u64,
}

/// Writes candidates with every combination, from the same seeds, and prints texts and a table of measures.
///
/// # Errors
/// If the configuration refuses a combination, or the prompt is too long.
pub async fn run(sweep: &Sweep, arguments: &GenerateArguments, session: &Session, parts: &Parts<'_>) -> Result<()> {
    // All settings are checked first, so that a fault in the last combination is reported before any text is written.
    let all: Vec<(Combination, Settings)> =
        sweep.combinations().into_iter().map(|one| settings(one, arguments, session)).collect::<Result<_>>()?;
    let verbatim = verbatim::index_of(parts.files)?;
    let mut rows = Vec::with_capacity(all.len());
    for (combination, settings) in all {
        let sampling = Sampling {
            prompts: vec![parts.prompt.clone()],
            count: settings.generation.candidates,
            decoding: settings.generation.decoding,
            rng_seed: parts.rng_seed,
            length: Some(LengthBudget { limit: parts.judge.body_limit(), measure: tweet_text::weighted_length }),
        };
        let (written, seconds) = sampling.draw(parts.engine).await?;
        let samples = judge(parts.judge, written, parts.recent)?;
        let report = CandidateReport::new(&samples, verbatim.as_ref(), None, seconds)?;
        let row = row(combination, &samples, report, parts);
        if !session.output.json {
            session.output.line(&texts_of(&row, &samples))?;
        }
        rows.push(row);
    }
    let header = [
        "SETTINGS",
        "N",
        "PASS ALL",
        "PASS RULES",
        "SCORE",
        "DISTINCT-1",
        "-2",
        "-3",
        "SELF-BLEU",
        "REPEATED",
        "WORDS",
        "SECONDS",
    ];
    session.output.rows(&header, &rows, cells)
}

fn settings(one: Combination, arguments: &GenerateArguments, session: &Session) -> Result<(Combination, Settings)> {
    let swept = one.iter().map(|(name, value)| generation("--sweep", name, value));
    let loaded = session.load_quietly(arguments.overrides().into_iter().chain(swept).collect())?;
    Ok((one, loaded.settings))
}

fn row(combination: Combination, samples: &[Sample], report: CandidateReport, parts: &Parts<'_>) -> Row {
    let text = |Sample { judged, .. }: &Sample| json!({"text": judged.text, "accepted": judged.verdict() == Verdict::Pass, "score": judged.score});
    let named: Vec<String> = combination.iter().map(|(name, value)| format!("{name}={value}")).collect();
    Row {
        settings: combination.into_iter().map(|(name, value)| (name, plain(value))).collect(),
        prompt: parts.prompt.text.clone(),
        round_seed: parts.rng_seed,
        report,
        texts: samples.iter().map(text).collect(),
        combination: named.join(" "),
    }
}

/// Returns a number as a JSON number, anything else as a string.
fn plain(value: String) -> Value {
    serde_json::from_str(&value).unwrap_or(Value::String(value))
}

fn texts_of(row: &Row, samples: &[Sample]) -> String {
    let mut lines = vec![styled(output::HEADING, &row.combination)];
    for Sample { judged, .. } in samples.iter().take(SHOWN) {
        let (style, sign) = match judged.verdict() {
            Verdict::Pass => (output::GOOD, "✓"),
            Verdict::Review => (output::DOUBTFUL, "?"),
            Verdict::Reject => (output::BAD, "✗"),
        };
        lines.push(format!(
            "  {} {:.2}  {}",
            styled(style, sign),
            judged.score,
            judged.text.replace('\n', "\n           ")
        ));
    }
    lines.join("\n") + "\n"
}

fn cells(row: &Row) -> Vec<String> {
    let report = &row.report;
    let number =
        |value: Option<f64>, digits: usize| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.digits$}"));
    let percent = |value: f64| format!("{:.0} %", value * 100.0);
    vec![
        row.combination.clone(),
        report.candidates.to_string(),
        percent(report.accepted),
        percent(report.passes_rules),
        format!("{:.2}", report.score),
        number(report.distinct_1, 2),
        number(report.distinct_2, 2),
        number(report.distinct_3, 2),
        number(report.self_bleu, 1),
        report.repetition.map_or_else(|| "–".to_owned(), percent),
        format!("{:.1}", report.words),
        format!("{:.1}", report.seconds),
    ]
}
